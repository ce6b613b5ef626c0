//! Layer normalization of rows of 8-bit numbers, in exact integers.
//!
//! ONNX Runtime evaluates `LayerNormalization` in float32 between `DequantizeLinear` and `QuantizeLinear`, in an order
//! that depends on the machine. Here, for a row of D cells, `c = x - xmin - 128`, the definition is
//!
//! ```text
//! A = sum c      V = D sum c^2 - A^2      r = floor(sqrt(4^E V + e))      e = RNE(4^E epsilon D^2 / sx^2), at least 1
//! n = floor(2^E gain (D c - A) / r)                       gain = RNE(2^F gamma / sy): a cell in steps of the output
//! q = clamp(RNE(RNE24(n + offset) / 2^F) + zy)            offset = RNE(2^F beta / sy)       RNE24 as in a requantization
//! ```
//!
//! Where a mean over R rows follows, the gain is divided by R, n is summed over the rows, and the offset is larger by R / 2
//! for what the floors took. E is as large as 64-bit sums of products allow, and F as a quotient of [`CELL_BITS`] does:
//! results are those of real numbers but where these are within some 2^-18 steps of a tie. docs/conformance.md says how
//! often this differs from ONNX Runtime.

use crate::op::LayerNorm;
use crate::quantization::Quantization;
use crate::requant::{round_to_24_bits, shift_right_ties_even};

/// Cells have at most so many bits, beside their sign.
const CELL_BITS: u32 = 28;
/// `4^E V + e` has at most so many bits.
const SQUARE_BITS: u32 = 60;
/// Accumulators have at most so many bits, beside their sign.
const SUM_BITS: u32 = 40;
/// F is in this range.
const FRACTION_BITS: std::ops::RangeInclusive<u32> = 8..=24;

/// The normalization of rows of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormRule {
    features: i64,
    /// Rows of which the mean is taken.
    rows: i64,
    /// E.
    scale_bits: u32,
    /// F.
    fraction_bits: u32,
    epsilon: i64,
    gains: Vec<i64>,
    offsets: Vec<i64>,
    y: Quantization,
}

impl LayerNormRule {
    /// The rule for an operator over `rows` rows, 1 where no mean is taken. `None` if the rows are too long or the
    /// parameters out of range.
    pub fn new(op: &LayerNorm, x: Quantization, y: Quantization, rows: usize) -> Option<Self> {
        let size = op.gamma.len();
        if size == 0 || size > 1 << 16 || op.beta.len() != size || !(1..=1 << 12).contains(&rows) {
            return None;
        }
        if !(op.epsilon >= 0.0 && op.epsilon.is_finite()) {
            return None;
        }
        let features = size as i64;
        let epsilon_of = |scale_bits: u32| {
            let ratio = size as f64 / f64::from(x.scale);
            let exact = f64::from(op.epsilon) * ratio * ratio * two_to(2 * scale_bits);
            exact.round_ties_even().max(1.0)
        };
        let limit = two_to(SQUARE_BITS);
        let largest = (features * features * (1 << 14)) as f64;
        let fits = |&bits: &u32| largest * two_to(2 * bits) + epsilon_of(bits) <= limit;
        let scale_bits = (0..=22).rev().find(fits)?;
        // (D c - A) / sqrt(V) is at most sqrt(D), but for what the floor takes from the root: at most one part in 2^7.
        let size_bits = (usize::BITS - (size - 1).leading_zeros()).div_ceil(2);
        let step = f64::from(y.scale);
        let largest =
            |values: &[f32]| values.iter().fold(0.0, |m, &v| f64::from(v).abs().max(m)) / step;
        let reach =
            largest(&op.gamma) / rows as f64 * two_to(size_bits) * (1.0 + two_to(7).recip());
        let fits = |bits: &u32| (reach * two_to(*bits)) + two_to(size_bits + 1) < two_to(CELL_BITS);
        let fraction_bits = FRACTION_BITS.rev().find(fits)?;
        let scaled = |v: f32, divisor: f64| {
            let value = (f64::from(v) / divisor * two_to(fraction_bits)).round_ties_even();
            (value.abs() < two_to(SUM_BITS)).then_some(value as i64)
        };
        let gains = op
            .gamma
            .iter()
            .map(|&gamma| scaled(gamma, step * rows as f64));
        let offsets = op
            .beta
            .iter()
            .map(|&beta| Some(scaled(beta, step)? + rows as i64 / 2));
        let rule = Self {
            features,
            rows: rows as i64,
            scale_bits,
            fraction_bits,
            epsilon: epsilon_of(scale_bits) as i64,
            gains: gains.collect::<Option<Vec<i64>>>()?,
            offsets: offsets.collect::<Option<Vec<i64>>>()?,
            y,
        };
        let narrow = |channel| {
            let (low, high) = rule.range(channel);
            low.abs().max(high.abs()) < 1 << SUM_BITS
        };
        (0..size).all(narrow).then_some(rule)
    }

    /// Cells of a row.
    pub fn features(&self) -> usize {
        self.features as usize
    }

    /// Rows of which the mean is taken.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// E: roots have so many bits more than those of the variance.
    pub fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    /// F: the fraction bits of an accumulator.
    pub fn fraction_bits(&self) -> u32 {
        self.fraction_bits
    }

    /// What is added in front of the root.
    pub fn epsilon(&self) -> i64 {
        self.epsilon
    }

    /// What each channel is multiplied by.
    pub fn gains(&self) -> &[i64] {
        &self.gains
    }

    /// What is added to each channel.
    pub fn offsets(&self) -> &[i64] {
        &self.offsets
    }

    /// The smallest and largest accumulator of a channel.
    pub fn range(&self, channel: usize) -> (i64, i64) {
        let reach = self.rows << CELL_BITS;
        (self.offsets[channel] - reach, self.offsets[channel] + reach)
    }

    /// r of a row, given less its smallest value and 128.
    pub fn root(&self, row: &[i64]) -> i64 {
        let sum: i64 = row.iter().sum();
        let squares: i64 = row.iter().map(|c| c * c).sum();
        let variance = self.features * squares - sum * sum;
        ((variance << (2 * self.scale_bits)) + self.epsilon).isqrt()
    }

    /// n of each cell of a row, given less its smallest value and 128: below `2^28` in magnitude.
    pub fn normalized(&self, row: &[i64]) -> Vec<i64> {
        let (sum, root) = (row.iter().sum::<i64>(), self.root(row));
        let cells = row.iter().zip(&self.gains);
        let cell = |(c, gain): (&i64, &i64)| {
            ((gain * (self.features * c - sum)) << self.scale_bits).div_euclid(root)
        };
        cells.map(cell).collect()
    }

    /// The accumulators of `rows` rows of cells, given less their smallest value and 128.
    pub fn accumulate(&self, cells: &[i64]) -> Vec<i64> {
        let mut sums = self.offsets.clone();
        for row in cells.chunks_exact(self.features()) {
            for (sum, n) in sums.iter_mut().zip(self.normalized(row)) {
                *sum += n;
            }
        }
        sums
    }

    /// The output for an accumulator. Monotone.
    pub fn of_sum(&self, sum: i64) -> i32 {
        let rounded = shift_right_ties_even(round_to_24_bits(sum), self.fraction_bits);
        let (low, high) = (self.y.qtype.min(), self.y.qtype.max());
        (rounded + i64::from(self.y.zero_point)).clamp(low.into(), high.into()) as i32
    }
}

/// `2^bits`, of fewer than 64: exact, unlike a logarithm's inverse of some library.
fn two_to(bits: u32) -> f64 {
    (1u64 << bits) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantization::QType;
    use crate::testing::Rng;

    fn int8(scale: f32, zero_point: i32) -> Quantization {
        Quantization {
            scale,
            zero_point,
            qtype: QType::I8,
        }
    }

    /// Random rows against float64: every output but near-ties, and the stated bounds of what lies between.
    #[test]
    fn rows_follow_the_real_function() {
        let mut rng = Rng::new(9);
        for (size, rows) in [(1, 1), (2, 1), (32, 1), (48, 6), (768, 1), (1000, 2)] {
            let op = LayerNorm {
                gamma: (0..size).map(|_| rng.log_float(0.1, 3.0)).collect(),
                beta: (0..size).map(|_| rng.log_float(0.01, 2.0) - 0.5).collect(),
                epsilon: 1e-5,
                mean: rows > 1,
            };
            let (x, y) = (int8(rng.log_float(0.001, 1.0), 3), int8(0.031, -9));
            let rule = LayerNormRule::new(&op, x, y, rows).unwrap();
            for spread in [0, 1, 5, 127] {
                let cells: Vec<i64> = (0..rows * size).map(|_| rng.int(-spread, spread)).collect();
                let mut mean = vec![0.0; size];
                for row in cells.chunks(size) {
                    let root = rule.root(row);
                    assert!((1..1 << (SQUARE_BITS / 2 + 1)).contains(&root));
                    let reals: Vec<f64> =
                        row.iter().map(|&c| c as f64 * f64::from(x.scale)).collect();
                    let average = reals.iter().sum::<f64>() / size as f64;
                    let variance =
                        reals.iter().map(|v| (v - average).powi(2)).sum::<f64>() / size as f64;
                    let deviation = (variance + 1e-5f32 as f64).sqrt();
                    for (sum, v) in mean.iter_mut().zip(&reals) {
                        *sum += (v - average) / deviation / rows as f64;
                    }
                    for n in rule.normalized(row) {
                        assert!(n.abs() <= 1 << CELL_BITS, "{n}");
                    }
                }
                for (channel, sum) in rule.accumulate(&cells).into_iter().enumerate() {
                    let (low, high) = rule.range(channel);
                    assert!(low <= sum && sum <= high);
                    let real =
                        mean[channel] * f64::from(op.gamma[channel]) + f64::from(op.beta[channel]);
                    let steps = real / f64::from(y.scale);
                    let found = sum as f64 / two_to(rule.fraction_bits());
                    assert!(
                        (steps - found).abs() < 2e-4 * steps.abs().max(1.0),
                        "{steps} {found} {size} {spread}"
                    );
                    if (steps - steps.floor() - 0.5).abs() > 1e-2 {
                        let expected = (steps.round() as i32 - 9).clamp(-128, 127);
                        assert_eq!(rule.of_sum(sum), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn ties_go_to_even() {
        let op = LayerNorm {
            gamma: vec![1.0],
            beta: vec![0.0],
            epsilon: 1e-5,
            mean: false,
        };
        let rule = LayerNormRule::new(&op, int8(1.0, 0), int8(1.0, 0), 1).unwrap();
        let half = 1i64 << (rule.fraction_bits() - 1);
        let found = [-3, -1, 1, 3].map(|halves| rule.of_sum(halves * half));
        assert_eq!(found, [-2, 0, 0, 2]);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let op = |gamma: f32, epsilon: f32| LayerNorm {
            gamma: vec![gamma; 4],
            beta: vec![0.0; 4],
            epsilon,
            mean: false,
        };
        let rule = |op: &LayerNorm, sx, sy| LayerNormRule::new(op, int8(sx, 0), int8(sy, 0), 1);
        assert!(rule(&op(1.0, 1e-5), 0.1, 0.1).is_some());
        assert!(rule(&op(1.0, 1e-5), 0.1, 1e-12).is_none());
        assert!(rule(&op(f32::NAN, 1e-5), 0.1, 0.1).is_none());
        assert!(rule(&op(1.0, -1.0), 0.1, 0.1).is_none());
        assert!(rule(&op(1.0, 1e30), 1e-20, 0.1).is_none());
        let short = LayerNorm {
            beta: vec![0.0; 3],
            ..op(1.0, 1e-5)
        };
        assert!(rule(&short, 0.1, 0.1).is_none());
    }
}
