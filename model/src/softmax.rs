//! Softmax of a row of 8-bit numbers, in exact integers.
//!
//! ONNX Runtime evaluates `QLinearSoftmax` in float32, with a table of exponentials and sums whose order depends on the
//! machine. Here the definition is
//!
//! ```text
//! d[i] = max(x) - x[i]        e[i] = RNE(2^B exp(-sx d[i]))        S = e[1] + .. + e[L]
//! q[i] = clamp(floor((steps e[i] / S) + 1/2) + zy)                 2 S <= 2^30
//! ```
//!
//! where `steps` is how many steps of the output make 1: `floor(1/sy)` in a `QLinearSoftmax`, which truncates it, and
//! `1/sy` where a `QuantizeLinear` follows. docs/conformance.md says how often and by how much this differs from ONNX
//! Runtime.

use crate::quantization::Quantization;

/// The softmax of rows of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxRule {
    exponentials: Box<[i64; 256]>,
    numerators: Box<[i64; 256]>,
    y: Quantization,
}

/// Twice the sum of a row's exponentials is at most 2 to this power.
const SUM_BITS: u32 = 30;

impl SoftmaxRule {
    /// The rule for rows of `len` cells; with `whole_steps`, the reciprocal of the output's scale is truncated. `None` if
    /// rows are too long, or the output's steps too many or less than one.
    pub fn new(x: Quantization, y: Quantization, len: usize, whole_steps: bool) -> Option<Self> {
        let len_bits = usize::BITS - len.checked_sub(1)?.leading_zeros();
        // Shorter exponentials would be coarser than the output.
        let bits = (SUM_BITS - 1)
            .checked_sub(len_bits)
            .filter(|&bits| bits >= 12)?;
        let steps = if whole_steps {
            f64::from((1.0 / y.scale).floor())
        } else {
            1.0 / f64::from(y.scale)
        };
        if !(1.0..=65536.0).contains(&steps) {
            return None;
        }
        let scaled = |distance: usize, factor: f64| {
            let power = libm::exp(-f64::from(x.scale) * distance as f64);
            (power * factor * f64::from(1u32 << bits)).round_ties_even() as i64
        };
        let exponentials: [i64; 256] = std::array::from_fn(|distance| scaled(distance, 1.0));
        let numerators = std::array::from_fn(|distance| {
            if whole_steps {
                2 * steps as i64 * exponentials[distance]
            } else {
                scaled(distance, 2.0 * steps)
            }
        });
        Some(Self {
            exponentials: Box::new(exponentials),
            numerators: Box::new(numerators),
            y,
        })
    }

    /// `e` for each distance from the row's largest cell.
    pub fn exponentials(&self) -> &[i64; 256] {
        &self.exponentials
    }

    /// `2 steps e`, rounded, for each distance.
    pub fn numerators(&self) -> &[i64; 256] {
        &self.numerators
    }

    /// `floor((2 steps e + S) / 2 S)`, given `2 steps e`: at most twice the steps, and one.
    pub fn quotient(numerator: i64, sum: i64) -> i64 {
        (numerator + sum) / (2 * sum)
    }

    /// The largest quotient.
    pub fn largest_quotient(&self) -> i64 {
        Self::quotient(self.numerators[0], self.exponentials[0])
    }

    /// The output for a quotient. Monotone.
    pub fn of_quotient(&self, quotient: i64) -> i32 {
        let (low, high) = (self.y.qtype.min(), self.y.qtype.max());
        (quotient + i64::from(self.y.zero_point)).clamp(low.into(), high.into()) as i32
    }

    /// A row.
    pub fn apply(&self, row: &[i32]) -> Vec<i32> {
        let largest = row.iter().max().copied().unwrap_or(0);
        let distance = |&x: &i32| (largest - x) as usize;
        let sum = row.iter().map(|x| self.exponentials[distance(x)]).sum();
        let cell = |x| self.of_quotient(Self::quotient(self.numerators[distance(x)], sum));
        row.iter().map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantization::QType;

    fn int8(scale: f32, zero_point: i32) -> Quantization {
        Quantization {
            scale,
            zero_point,
            qtype: QType::I8,
        }
    }

    #[test]
    fn rows_follow_the_real_function() {
        let (x, y) = (int8(0.07, 11), int8(1.0 / 256.0, -128));
        for whole in [false, true] {
            let rule = SoftmaxRule::new(x, y, 5, whole).unwrap();
            let row = [-128, 3, 90, 100, 127];
            let powers = row.map(|q| (0.07f32 as f64 * f64::from(q)).exp());
            let sum: f64 = powers.iter().sum();
            let expected = powers.map(|p| (p / sum * 256.0).round() as i32 - 128);
            assert_eq!(rule.apply(&row), expected);
        }
    }

    #[test]
    fn certainty_saturates_and_equals_share() {
        let rule = SoftmaxRule::new(int8(1.0, 0), int8(1.0 / 256.0, -128), 8, true).unwrap();
        assert_eq!(rule.apply(&[127, -128, -128])[0], 127);
        assert_eq!(rule.apply(&[-7; 8]), [32 - 128; 8]);
        assert_eq!(rule.largest_quotient(), 256);
    }

    #[test]
    fn steps_are_truncated_where_the_operator_does() {
        let y = int8(0.0040, -128);
        let rule = |whole| SoftmaxRule::new(int8(0.1, 0), y, 4, whole).unwrap();
        assert_eq!(
            rule(true).numerators()[0],
            2 * 249 * rule(true).exponentials()[0]
        );
        assert_ne!(rule(false).numerators()[0], rule(true).numerators()[0]);
    }

    #[test]
    fn unusable_rows_and_scales_are_refused() {
        let x = int8(0.1, 0);
        assert!(SoftmaxRule::new(x, int8(0.004, 0), 0, true).is_none());
        assert!(SoftmaxRule::new(x, int8(0.004, 0), 1 << 18, true).is_none());
        assert!(SoftmaxRule::new(x, int8(1.5, 0), 8, true).is_none());
        assert!(SoftmaxRule::new(x, int8(1e-6, 0), 8, false).is_none());
    }
}
