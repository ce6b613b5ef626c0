//! Requantization of an integer accumulator to 8 bits, in exact integer arithmetic.
//!
//! ONNX Runtime converts the accumulator to float32, multiplies by a float32 factor `s` and rounds.
//! With `s = M * 2^-sh`, `M` its 24-bit significand, those two float32 roundings are
//!
//! ```text
//! A = RNE24(acc)      P = RNE24(A * M)      q = clamp(RNE(P / 2^sh) + zero_point)
//! ```
//!
//! where `RNE24` rounds to 24 significant bits and `RNE` to an integer, both ties to even.

use serde::{Deserialize, Serialize};

use crate::quantization::{QType, Quantization};

/// The factor, zero point and clamp that turn one channel's accumulator into its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requant {
    /// The significand `M` of the factor, in `[2^23, 2^24)`.
    pub multiplier: u32,
    /// The exponent: the factor is `multiplier * 2^-shift`. Any float32 exponent may occur in a
    /// channel whose output is constant; elsewhere it is at least 1.
    pub shift: i32,
    /// The zero point of the output.
    pub zero_point: i32,
    /// The smallest output, after any fused activation.
    pub qmin: i32,
    /// The largest output, after any fused activation.
    pub qmax: i32,
}

/// A float32 number that cannot be a scale or a requantization factor.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0:e} is not a positive normal float32")]
pub struct UnusableScale(pub f32);

impl Requant {
    /// Splits the float32 factor `s` into significand and exponent.
    ///
    /// The clamp is the whole range of `output.qtype`.
    ///
    /// # Errors
    /// If `s` is zero, negative, subnormal, infinite or NaN.
    pub fn new(s: f32, output: Quantization) -> Result<Self, UnusableScale> {
        if !(s.is_normal() && s > 0.0) {
            return Err(UnusableScale(s));
        }
        let bits = s.to_bits();
        let exponent = (bits >> 23) as i32 - 127;
        Ok(Self {
            multiplier: (bits & 0x007f_ffff) | 0x0080_0000,
            shift: 23 - exponent,
            zero_point: output.zero_point,
            qmin: output.qtype.min(),
            qmax: output.qtype.max(),
        })
    }

    /// The exact output for the accumulator `acc`.
    ///
    /// Monotone in `acc`. Accumulators are 32-bit numbers; values beyond count as the nearest one,
    /// which only a channel of constant output may rely on.
    pub fn apply(&self, acc: i64) -> i32 {
        let acc = acc.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        let product = round_to_24_bits(round_to_24_bits(acc) * i64::from(self.multiplier));
        let steps = match self.shift {
            // |product| <= 2^55 is at most half of 2^shift.
            56.. => 0,
            1..=55 => shift_right_ties_even(product, self.shift as u32),
            // A nonzero product is at least 2^23: saturated without a shift.
            _ => product,
        };
        let low = i64::from(self.qmin) - i64::from(self.zero_point);
        let high = i64::from(self.qmax) - i64::from(self.zero_point);
        (steps.clamp(low, high) + i64::from(self.zero_point)) as i32
    }

    /// The one output of every accumulator in `low..=high`, if there is only one.
    pub fn constant_over(&self, low: i64, high: i64) -> Option<i32> {
        let q = self.apply(low);
        (q == self.apply(high)).then_some(q)
    }

    /// The clamp that results when `clamp(q, low, high)` follows.
    ///
    /// # Panics
    /// If `low > high`.
    pub fn then_clamp(&mut self, low: i32, high: i32) {
        self.qmin = self.qmin.clamp(low, high);
        self.qmax = self.qmax.clamp(low, high);
    }

    /// Whether this maps into `qtype` with a significand of 24 bits and an ordered clamp.
    pub(crate) fn is_well_formed(&self, qtype: QType) -> bool {
        (1 << 23..1 << 24).contains(&self.multiplier)
            && (-104..=149).contains(&self.shift)
            && qtype.contains(self.zero_point)
            && qtype.contains(self.qmin)
            && qtype.contains(self.qmax)
            && self.qmin <= self.qmax
    }
}

/// Rounds to 24 significant bits, ties to even: the value of the nearest float32.
pub(crate) fn round_to_24_bits(value: i64) -> i64 {
    let bits = u64::BITS - value.unsigned_abs().leading_zeros();
    match bits.saturating_sub(24) {
        0 => value,
        excess => shift_right_ties_even(value, excess) << excess,
    }
}

/// `value / 2^shift` rounded to an integer, ties to even; `1 <= shift <= 62`.
pub(crate) fn shift_right_ties_even(value: i64, shift: u32) -> i64 {
    let floor = value >> shift;
    let remainder = value - (floor << shift);
    let half = 1i64 << (shift - 1);
    let up = remainder > half || (remainder == half && floor & 1 == 1);
    floor + i64::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_like_float32() {
        for base in [
            0i64,
            1 << 23,
            1 << 24,
            1 << 25,
            3 << 30,
            (1 << 56) - 5,
            1 << 56,
        ] {
            for offset in -40..=40 {
                let v = base + offset;
                assert_eq!(round_to_24_bits(v), v as f32 as i64, "{v}");
                assert_eq!(round_to_24_bits(-v), (-v) as f32 as i64, "-{v}");
            }
        }
    }

    #[test]
    fn ties_go_to_even() {
        let half = [
            (1, 0),
            (3, 2),
            (5, 2),
            (-1, 0),
            (-3, -2),
            (-5, -2),
            (4, 2),
            (-4, -2),
        ];
        for (v, want) in half {
            assert_eq!(shift_right_ties_even(v, 1), want, "{v}/2");
        }
    }

    #[test]
    fn clamps_compose() {
        let output = Quantization {
            scale: 1.0,
            zero_point: -128,
            qtype: QType::I8,
        };
        let mut requant = Requant::new(1.0, output).unwrap();
        requant.then_clamp(0, 100);
        requant.then_clamp(120, 127);
        assert_eq!((requant.qmin, requant.qmax), (120, 120));
        assert_eq!(
            requant.constant_over(i64::from(i32::MIN), i64::from(i32::MAX)),
            Some(120)
        );
    }
}
