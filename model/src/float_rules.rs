//! The operators that ONNX Runtime evaluates in float32 on 8-bit operands, operation by operation.
//!
//! `f32()` is rounding to float32, `RNE` rounding to an integer, both ties to even; `fma` rounds
//! once. Every operation below is one of IEEE 754's, so results do not depend on the machine.
//! ONNX Runtime converts to int32 in front of the clamp, which turns floats of 2^31 and more into
//! the smallest value: each rule refuses scales under which that can occur.

use crate::quantization::{QType, Quantization};

/// Where the conversion to int32 goes wrong; less a margin for the roundings of the bound itself.
const TOO_LARGE: f64 = 2_147_483_000.0;

/// `RNE(v)`, saturated to the type.
fn round_to(qtype: QType, v: f32) -> i32 {
    let (low, high) = (qtype.min() as f32, qtype.max() as f32);
    v.round_ties_even().clamp(low, high) as i32
}

/// `QLinearAdd`.
///
/// ```text
/// ra = f32(sa / sy)    rb = f32(sb / sy)    F = f32(zy - fma(ra, za, f32(rb zb)))
/// q  = clamp(RNE(fma(a, ra, fma(b, rb, F))))
/// ```
///
/// Monotone in either operand. Not symmetric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddRule {
    ra: f32,
    rb: f32,
    offset: f32,
    qtype: QType,
}

impl AddRule {
    /// The rule for operands and result of these quantizations, or `None` if a sum can leave int32.
    pub fn new(a: Quantization, b: Quantization, y: Quantization) -> Option<Self> {
        let (ra, rb) = (a.scale / y.scale, b.scale / y.scale);
        let shift = ra.mul_add(a.zero_point as f32, rb * b.zero_point as f32);
        let offset = y.zero_point as f32 - shift;
        let bound = 255.0 * (f64::from(ra) + f64::from(rb)) + f64::from(offset).abs();
        (bound < TOO_LARGE).then_some(Self {
            ra,
            rb,
            offset,
            qtype: y.qtype,
        })
    }

    /// `ra`: what the first operand is multiplied by.
    pub fn factor(&self) -> f32 {
        self.ra
    }

    /// `fma(b, rb, F)`: what the second operand contributes.
    pub fn inner(&self, b: i32) -> f32 {
        (b as f32).mul_add(self.rb, self.offset)
    }

    /// The sum of two cells.
    pub fn apply(&self, a: i32, b: i32) -> i32 {
        round_to(self.qtype, (a as f32).mul_add(self.ra, self.inner(b)))
    }
}

/// `QLinearMul`, whose zero point is inside of the rounding.
///
/// ```text
/// r = f32(f32(sa sb) / sy)
/// q = clamp(RNE(f32(f32((a - za)(b - zb) r) + zy)))
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MulRule {
    factor: f32,
    zero_points: [i32; 2],
    y_zero_point: f32,
    qtype: QType,
}

impl MulRule {
    /// The rule for operands and result of these quantizations, or `None` if a product can leave
    /// int32.
    pub fn new(a: Quantization, b: Quantization, y: Quantization) -> Option<Self> {
        let factor = a.scale * b.scale / y.scale;
        let bound = 255.0 * 255.0 * f64::from(factor) + 255.0;
        (bound < TOO_LARGE).then_some(Self {
            factor,
            zero_points: [a.zero_point, b.zero_point],
            y_zero_point: y.zero_point as f32,
            qtype: y.qtype,
        })
    }

    /// The product of two cells.
    pub fn apply(&self, a: i32, b: i32) -> i32 {
        self.of_product((a - self.zero_points[0]) * (b - self.zero_points[1]))
    }

    /// What `(a - za)(b - zb)`, of magnitude at most `255^2`, becomes. Monotone.
    pub fn of_product(&self, product: i32) -> i32 {
        // Below 2^16, so that the conversion is exact.
        round_to(self.qtype, product as f32 * self.factor + self.y_zero_point)
    }
}

/// `QLinearAveragePool`, whose zero point is inside of the rounding.
///
/// ```text
/// v = f32(sx (x - zx))    m = f32((v + v + .. ) / n)    q = clamp(RNE(f32(f32(m / sy) + zy)))
/// ```
///
/// The sum is rounded to float32 at each step, in the order of rows and columns. An exact sum would
/// round differently in rare cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AverageRule {
    x: Quantization,
    y: Quantization,
}

impl AverageRule {
    /// The rule for operand and result of these quantizations, or `None` if an average can leave
    /// int32.
    pub fn new(x: Quantization, y: Quantization) -> Option<Self> {
        let bound = 255.0 * f64::from(x.scale) / f64::from(y.scale) + 255.0;
        (bound < TOO_LARGE).then_some(Self { x, y })
    }

    /// The average of `cells`, the divisor being `n`.
    pub fn apply(&self, cells: impl Iterator<Item = i32>, n: usize) -> i32 {
        self.of_sum(cells.fold(0.0f32, |sum, x| sum + self.term(x)), n)
    }

    /// What a cell adds to the sum.
    pub fn term(&self, x: i32) -> f32 {
        self.x.dequantize(x)
    }

    /// What the sum of a window becomes, the divisor being `n`. Monotone in the sum.
    pub fn of_sum(&self, sum: f32, n: usize) -> i32 {
        let mean = sum / n as f32;
        round_to(self.y.qtype, mean / self.y.scale + self.y.zero_point as f32)
    }
}

/// `LeakyRelu` in float32.
pub(crate) fn leaky_relu(v: f32, alpha: f32) -> f32 {
    if v >= 0.0 { v } else { alpha * v }
}

/// The logistic function as ONNX Runtime's kernel approximates it: a quotient of two polynomials,
/// by Horner's rule with `fma`.
///
/// Source: `MlasComputeLogistic` of ONNX Runtime.
pub(crate) fn sigmoid(v: f32) -> f32 {
    #![allow(clippy::excessive_precision, reason = "the digits of the source")]
    const P: [f32; 5] = [
        4.37031012579801e-11,
        1.15627324459942e-07,
        6.08574864600143e-05,
        8.51377133304701e-03,
        2.48287947061529e-01,
    ];
    const Q: [f32; 6] = [
        6.10247389755681e-13,
        5.76102136993427e-09,
        6.29106785017040e-06,
        1.70198817374094e-03,
        1.16817656904453e-01,
        9.93151921023180e-01,
    ];
    let v = v.clamp(-18.0, 18.0);
    let square = v * v;
    let horner = |coefficients: &[f32]| {
        let (first, rest) = coefficients.split_first().unwrap_or((&0.0, &[]));
        rest.iter().fold(*first, |sum, &c| sum.mul_add(square, c))
    };
    (horner(&P) * v / horner(&Q) + 0.5).clamp(0.0, 1.0)
}
