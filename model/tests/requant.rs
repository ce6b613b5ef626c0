//! The integer requantization against float32 arithmetic as it is done in hardware.

use proptest::prelude::*;
use winterforge_model::{QType, Quantization, Requant};

/// The rule as ONNX Runtime computes it, with the machine's own float32.
fn in_float32(acc: i32, s: f32, y: Quantization) -> i32 {
    let low = (y.qtype.min() - y.zero_point) as f32;
    let high = (y.qtype.max() - y.zero_point) as f32;
    let product = acc as f32 * s;
    product.clamp(low, high).round_ties_even() as i32 + y.zero_point
}

fn output(zero_point: i32, qtype: QType) -> Quantization {
    Quantization {
        scale: 1.0,
        zero_point,
        qtype,
    }
}

/// Accumulators near powers of two, near the ends of int32, and anywhere.
fn accumulator() -> impl Strategy<Value = i32> {
    prop_oneof![
        any::<i32>(),
        -(1i32 << 25)..1 << 25,
        (0u32..31, -300i32..300, any::<bool>()).prop_map(|(bits, offset, negate)| {
            let v = (1i32 << bits).saturating_add(offset);
            if negate { v.saturating_neg() } else { v }
        }),
        (0i32..300).prop_map(|d| i32::MAX - d),
        (0i32..300).prop_map(|d| i32::MIN + d),
    ]
}

/// Factors with few and with many significant bits; exponents all over float32.
fn factor() -> impl Strategy<Value = f32> {
    let mantissa = prop_oneof![0u32..1 << 23, Just(0), Just((1 << 23) - 1), 0u32..64];
    let exponent = prop_oneof![3 => 100u32..140, 1 => 1u32..255];
    (mantissa, exponent).prop_map(|(m, e)| f32::from_bits(e << 23 | m))
}

fn quantization() -> impl Strategy<Value = Quantization> {
    prop_oneof![
        (-128i32..128).prop_map(|z| output(z, QType::I8)),
        (0i32..256).prop_map(|z| output(z, QType::U8)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200_000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn equals_float32(acc in accumulator(), s in factor(), y in quantization()) {
        let requant = Requant::new(s, y).unwrap();
        prop_assert_eq!(requant.apply(i64::from(acc)), in_float32(acc, s, y));
    }

    /// Factors that put the accumulator next to a rounding boundary.
    #[test]
    fn equals_float32_near_ties(
        acc in accumulator(), twice in -520i32..520, ulps in -3i32..4, y in quantization(),
    ) {
        let s = (twice as f32 / 2.0 / acc as f32).abs();
        prop_assume!(s.is_normal());
        let s = f32::from_bits(s.to_bits().wrapping_add_signed(ulps));
        prop_assume!(s.is_normal());
        let requant = Requant::new(s, y).unwrap();
        prop_assert_eq!(requant.apply(i64::from(acc)), in_float32(acc, s, y));
    }

    #[test]
    fn is_monotone(a in accumulator(), b in accumulator(), s in factor(), y in quantization()) {
        let requant = Requant::new(s, y).unwrap();
        let (low, high) = (i64::from(a.min(b)), i64::from(a.max(b)));
        prop_assert!(requant.apply(low) <= requant.apply(high));
        prop_assert!(requant.apply(low) <= requant.apply(low + 1));
    }

    #[test]
    fn factors_are_split_exactly(s in factor(), y in quantization()) {
        let requant = Requant::new(s, y).unwrap();
        let exact = f64::from(requant.multiplier) * 2f64.powi(-requant.shift);
        prop_assert_eq!(exact, f64::from(s));
        prop_assert!((1 << 23..1 << 24).contains(&requant.multiplier));
    }
}

#[test]
fn the_first_rounding_matters() {
    // 2^24 + 1 is no float32: the tie goes down to 2^24, and a quarter of that is the tie below.
    let y = output(0, QType::I8);
    let s = 2.5f32 / (1 << 24) as f32;
    let requant = Requant::new(s, y).unwrap();
    assert_eq!(requant.apply((1 << 24) + 1), 2);
    assert_eq!(requant.apply((1 << 24) + 2), 3);
}

#[test]
fn both_roundings_over_a_dense_range() {
    for s in [
        1.0 / 3.0,
        0.5,
        0.1,
        1.5,
        0.003_351_792_2,
        2.0f32.powi(-12),
        3e-6,
    ] {
        for zero_point in [-128, -1, 0, 3, 127] {
            let y = output(zero_point, QType::I8);
            let requant = Requant::new(s, y).unwrap();
            for acc in -100_000..=100_000 {
                assert_eq!(
                    requant.apply(i64::from(acc)),
                    in_float32(acc, s, y),
                    "{acc} * {s}"
                );
            }
        }
    }
}

#[test]
fn unusable_factors_are_refused() {
    for s in [
        0.0,
        -1.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e-40,
        -0.0,
    ] {
        let error = Requant::new(s, output(0, QType::I8)).unwrap_err();
        assert!(
            error.to_string().contains("not a positive normal float32"),
            "{error}"
        );
    }
}
