//! The two encodings of a channel against the exact rounding rule, accumulator by accumulator.

use proptest::prelude::*;
use winterforge_air::rounding::{Channel, Rounding, WindowRange, encode, line_value, window_sides};
use winterforge_model::Requant;

/// The codes that the constraints of a lane accept for `acc`: what an honest or hostile prover could put there.
fn accepted(channel: &Channel, acc: i64) -> Vec<i64> {
    let mut codes: Vec<i64> = (channel.code_min..=channel.code_max)
        .filter(|&code| match channel.rounding {
            Rounding::Line { slope, offset } => {
                line_value(slope, offset, acc).0 == i128::from(code)
            }
            Rounding::Window {
                multiplier,
                shift,
                zero_code,
            } => {
                let (low, high) = window_sides(multiplier, shift, zero_code, acc, code);
                let inside = low >= 0 && high >= 0;
                // As the constraints have it: the fewest bits and the most, the least range and the largest.
                for bits in [channel.bits, channel.most_bits] {
                    for size in [1 << bits, (1 << bits) + (1 << (bits - 2)) - 1] {
                        let range = WindowRange { bits, size };
                        let position = range.position(multiplier, shift, acc);
                        let in_half = |upper| {
                            let start = range.start(code - zero_code, upper);
                            (0..i128::from(size)).contains(&(position - i128::from(start)))
                        };
                        assert_eq!(
                            in_half(false) || in_half(true),
                            inside,
                            "{channel:?} {range:?}"
                        );
                    }
                }
                inside
            }
        })
        .collect();
    if acc >= channel.saturates_high {
        codes.push(channel.code_max);
    }
    if acc <= channel.saturates_low {
        codes.push(channel.code_min);
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn check(requant: &Requant, range: (i64, i64), type_min: i32) -> Result<(), TestCaseError> {
    let code = |acc: i64| i64::from(requant.apply(acc) - type_min);
    let (line, window) = encode(requant, range, type_min);
    for channel in line.into_iter().chain(window.ok()) {
        // Every step with its neighbourhood, the ends, and a walk across the range.
        let mut accs = vec![range.0, range.1];
        let stride = ((range.1 - range.0) / 3001).max(1) as usize;
        accs.extend((range.0..=range.1).step_by(stride));
        for target in code(range.0) + 1..=code(range.1) {
            let (mut below, mut at_least) = range;
            while at_least - below > 1 {
                let middle = below + (at_least - below) / 2;
                if code(middle) >= target {
                    at_least = middle
                } else {
                    below = middle
                }
            }
            accs.extend(
                (at_least - 3..at_least + 3).filter(|acc| (range.0..=range.1).contains(acc)),
            );
        }
        for acc in accs {
            prop_assert_eq!(
                accepted(&channel, acc),
                vec![code(acc)],
                "acc {} {:?} {:?}",
                acc,
                channel,
                requant
            );
        }
    }
    Ok(())
}

fn requants() -> impl Strategy<Value = (Requant, i32)> {
    let multiplier = prop_oneof![
        4 => (1u32 << 23)..(1 << 24),
        1 => Just(1u32 << 23),
        1 => Just((1u32 << 24) - 1),
        1 => Just(3u32 << 22),
    ];
    (
        multiplier,
        18..44i32,
        any::<bool>(),
        0..=255i32,
        0..=255i32,
        0..=255i32,
    )
        .prop_map(|(multiplier, shift, unsigned, zero, a, b)| {
            let type_min = if unsigned { 0 } else { -128 };
            let (low, high) = if (a + b) % 3 == 0 {
                (a.min(b), a.max(b))
            } else {
                (0, 255)
            };
            let requant = Requant {
                multiplier,
                shift,
                zero_point: zero + type_min,
                qmin: low + type_min,
                qmax: high + type_min,
            };
            (requant, type_min)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encodings_accept_exactly_the_rounded_output(
        (requant, type_min) in requants(),
        center in -(1i64 << 25)..(1 << 25),
        log_width in 1u32..26,
    ) {
        let range = (center - (1 << log_width), center + (1 << log_width));
        if requant.apply(range.0) != requant.apply(range.1) {
            check(&requant, range, type_min)?;
        }
    }
}

/// Products that lie in the middle of two numbers of float32, one of which is in the middle of two outputs: where an output
/// ends exactly at an accumulator, its parity decides. No random scale meets that.
#[test]
fn ties_of_both_roundings_at_once_go_to_even() {
    // 1/2 + 2^-25, 3/2 - 2^-24, 5/2 + 2^-23, 7/2 - 2^-23 and 9/2 + 2^-22, as an accumulator times its scale.
    let ties = [
        (97, 16_777_217, 25),
        (19, 25_165_823, 24),
        (27, 20_971_521, 23),
        (2913, 29_360_127, 23),
        (1139, 18_874_369, 22),
    ];
    for (acc, product, shift) in ties {
        assert_eq!(product % acc, 0);
        let scale = (product / acc) as u32;
        let up = scale.leading_zeros() - 8;
        let requant = Requant {
            multiplier: scale << up,
            shift: shift + up as i32,
            zero_point: 0,
            qmin: -128,
            qmax: 127,
        };
        let output = requant.apply(acc);
        assert_eq!(output % 2, 0, "{acc}: {output}");
        assert_eq!(requant.apply(-acc), -output, "{acc}");
        check(&requant, (-9 * acc, 9 * acc), -128).unwrap();
    }
}

/// Within 24 bits the window encodes every channel; lines do not, which is why it exists.
#[test]
fn window_always_exists_below_24_bits() {
    let (mut lines, mut windows, mut total) = (0, 0, 0);
    for multiplier in (0..200).map(|i| (1 << 23) + i * 41_221) {
        for shift in 24..40 {
            let requant = Requant {
                multiplier,
                shift,
                zero_point: 3,
                qmin: -128,
                qmax: 127,
            };
            let range = (-(1 << 24), 1 << 24);
            if requant.apply(range.0) == requant.apply(range.1) {
                continue;
            }
            let (line, window) = encode(&requant, range, -128);
            lines += usize::from(line.is_some());
            windows += usize::from(window.is_ok());
            total += 1;
        }
    }
    assert_eq!(windows, total);
    assert!(
        lines > total / 10 && lines < total,
        "{lines} lines of {total}"
    );
}
