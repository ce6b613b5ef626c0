//! One addition of float32 numbers, as a chain of them makes the sum of an average pool.
//!
//! Numbers are integers in units of half an ulp of the pool's scale, so that every float32 partial sum is one and the
//! exact sum X of two is even. With sign and binade from a table (`power = sign 2^t`, t from 1):
//!
//! ```text
//! X = power quotient + sign remainder      2^23 <= quotient < 2^24 (0 <= at t = 1)      0 <= remainder < 2^t
//! F = power (quotient + up)                up = 1 where remainder > 2^(t-1), or equal and the quotient is odd
//! ```
//!
//! The quotient's lowest byte is `2 half + parity`. The lane holds no remainder but `slack`: the remainder where
//! `up = 0`, and `2^t - 1 - remainder` where `up = 1`. One more range check then covers both sides of the tie:
//!
//! ```text
//! tie = 2^(t-1) - slack - parity - 2 up (1 - parity) >= 0
//! ```
//!
//! Slack and tie have two bytes, which is why t ends at [`MOST_BITS`]. Quotient and remainder are those of the division,
//! so sign (but for X = 0), binade, rounding and F are determined by X.

use crate::algebra::Algebra;
use crate::field::Felt;
use crate::layout::float_cell as cell;

/// Largest t.
pub const MOST_BITS: u32 = 16;

/// Rows of the table of binades.
pub const BINADE_ROWS: usize = 2 * MOST_BITS as usize;

/// Bytes of a lane's significand that are looked up: half, the lowest byte, the two above, and what the highest one
/// leaves of the largest.
pub const SIGNIFICAND_BYTES: usize = 5;

/// A row of the table of binades: `sign 2^t`, sign, largest upper byte of the quotient.
pub fn binade(row: usize) -> [i64; 3] {
    let (t, sign) = (row / 2 + 1, if row.is_multiple_of(2) { 1 } else { -1 });
    [sign << t, sign, if t == 1 { 255 } else { 127 }]
}

/// The row of the sum's binade.
fn binade_row(sum: i64) -> usize {
    let bits = 64 - sum.unsigned_abs().leading_zeros();
    let t = bits.saturating_sub(24).max(1) as usize;
    2 * (t - 1) + usize::from(sum < 0)
}

/// The float32 sum: `sum` rounded to 24 bits, ties to even, in units of which the least bit is not one.
pub fn round(sum: i64) -> i64 {
    let [power, ..] = binade(binade_row(sum));
    let (quotient, remainder) = (sum.div_euclid(power.abs()), sum.rem_euclid(power.abs()));
    let half = power.abs() / 2;
    let up = remainder > half || remainder == half && quotient & 1 == 1;
    power.abs() * (quotient + i64::from(up))
}

/// The cells of the lane that rounds `sum` to `value`, in the binade of `sum`. They satisfy the constraints if `value`
/// is right.
pub fn float_cells(sum: i64, value: i64) -> Vec<Felt> {
    let [power, sign, top] = binade(binade_row(sum));
    let (size, magnitude) = (power.abs(), sum.abs());
    let (quotient, remainder) = (magnitude / size, magnitude % size);
    let up = value.abs() / size - quotient;
    let low = quotient & 0xff;
    let parity = low & 1;
    let slack = if up == 0 {
        remainder
    } else {
        size - 1 - remainder
    };
    let tie = size / 2 - slack - parity - 2 * up * (1 - parity);
    let mut cells = [0; cell::WIDTH];
    cells[cell::SUM] = sum;
    cells[cell::VALUE] = value;
    cells[cell::POWER] = power;
    cells[cell::SIGN] = sign;
    cells[cell::TOP] = top;
    cells[cell::PARITY] = parity;
    cells[cell::HALF] = low >> 1;
    cells[cell::MIDDLE] = quotient >> 8 & 0xff;
    cells[cell::UPPER] = (quotient >> 16) - (255 - top);
    cells[cell::UP] = up;
    cells[cell::SLACK] = slack;
    cells[cell::SLACK_HIGH] = slack >> 8;
    cells[cell::TIE] = tie;
    cells[cell::TIE_HIGH] = tie >> 8;
    cells.map(Felt::from_signed).to_vec()
}

/// The constraints of a lane, all zero where it is right: parity, up, division, value, tie.
pub(crate) fn constraints<E: Algebra>(lane: &[E]) -> [E; 5] {
    let (power, sign, up, slack) = (
        lane[cell::POWER],
        lane[cell::SIGN],
        lane[cell::UP],
        lane[cell::SLACK],
    );
    let parity = lane[cell::PARITY];
    let byte = Felt::new(256);
    // The upper byte counts from 2^23 where the binade does.
    let upper = lane[cell::UPPER] + E::one().scale(Felt::new(255)) - lane[cell::TOP];
    let quotient =
        (upper.scale(byte) + lane[cell::MIDDLE]).scale(byte) + lane[cell::HALF].twice() + parity;
    let signed = sign * slack;
    let remainder = signed + up * (power - sign - signed.twice());
    let tie = power * sign - slack.twice() - parity.twice() - (up - up * parity).twice().twice();
    [
        parity * (parity - E::one()),
        up * (up - E::one()),
        lane[cell::SUM] - power * quotient - remainder,
        lane[cell::VALUE] - power * (quotient + up),
        lane[cell::TIE].twice() - tie,
    ]
}

/// Degrees of [`constraints`].
pub(crate) const DEGREES: [usize; 5] = [2, 2, 3, 2, 2];

/// One of the bytes of the significand that are looked up.
pub(crate) fn significand_byte<F: Algebra>(
    start: usize,
    index: usize,
    at: impl Fn(usize) -> F,
) -> F {
    match index {
        0 => at(start + cell::HALF),
        1 => at(start + cell::HALF).twice() + at(start + cell::PARITY),
        2 => at(start + cell::MIDDLE),
        3 => at(start + cell::UPPER),
        _ => at(start + cell::TOP) - at(start + cell::UPPER),
    }
}

/// The lower or upper byte of the two-byte number in `low`, whose upper byte stands behind it.
pub(crate) fn byte_of<F: Algebra>(low: usize, upper: bool, at: impl Fn(usize) -> F) -> F {
    let high = at(low + 1);
    if upper {
        high
    } else {
        at(low) - high.scale(Felt::new(256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_round_as_float32_does() {
        let mut state = 1u64;
        for _ in 0..200_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let sum = 2 * ((state as i64 >> 24) >> (state % 40));
            assert_eq!(round(sum), (sum as f32) as i64, "{sum}");
        }
        for t in 24..40 {
            for near in -9..=9 {
                for sum in [(1i64 << t) + 2 * near, -(1i64 << t) + 2 * near] {
                    assert_eq!(round(sum), (sum as f32) as i64, "{sum}");
                }
            }
        }
    }
}
