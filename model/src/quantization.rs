//! Affine 8-bit quantization: `real = scale * (q - zero_point)`.
//!
//! The two conversions are ONNX's `QuantizeLinear` and `DequantizeLinear` as ONNX Runtime evaluates
//! them: float32 division, clamping in front of the rounding, ties to even.

use serde::{Deserialize, Serialize};

use crate::validate::is_usable_scale;

/// The storage type of a quantized tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QType {
    /// Signed, -128 to 127.
    I8,
    /// Unsigned, 0 to 255.
    U8,
}

impl QType {
    /// The smallest value of the type.
    pub const fn min(self) -> i32 {
        match self {
            Self::I8 => i8::MIN as i32,
            Self::U8 => u8::MIN as i32,
        }
    }

    /// The largest value of the type.
    pub const fn max(self) -> i32 {
        match self {
            Self::I8 => i8::MAX as i32,
            Self::U8 => u8::MAX as i32,
        }
    }

    /// Whether `q` is a value of the type.
    pub const fn contains(self, q: i32) -> bool {
        self.min() <= q && q <= self.max()
    }
}

impl std::fmt::Display for QType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::I8 => "int8",
            Self::U8 => "uint8",
        })
    }
}

/// How the integers of a tensor stand for real numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Quantization {
    /// The real distance between neighbouring integers: positive, finite and normal.
    pub scale: f32,
    /// The integer that stands for 0; a value of `qtype`.
    pub zero_point: i32,
    /// The storage type.
    pub qtype: QType,
}

impl Quantization {
    /// The parameters that `DynamicQuantizeLinear` chooses for `x`: uint8 over the range of the values
    /// and 0. `None` if the scale is unusable, as for zeros only.
    ///
    /// Such a scale depends on the input, so it has no place in a model; this is for those who
    /// quantize an input themselves.
    pub fn covering(x: &[f32]) -> Option<Self> {
        let low = x.iter().copied().fold(0.0, f32::min);
        let high = x.iter().copied().fold(0.0, f32::max);
        let scale = (high - low) / 255.0;
        let zero_point = (0.0 - low / scale).clamp(0.0, 255.0).round_ties_even();
        is_usable_scale(scale).then_some(Self {
            scale,
            zero_point: zero_point as i32,
            qtype: QType::U8,
        })
    }

    /// `QuantizeLinear`: divides in float32, saturates, rounds ties to even, adds the zero point.
    ///
    /// Infinities saturate; NaN becomes the smallest value of the type, as on x86-64.
    pub fn quantize(&self, x: f32) -> i32 {
        if x.is_nan() {
            return self.qtype.min();
        }
        // Both bounds are integers below 2^9, so the conversions are exact and the order of
        // clamping and rounding does not matter.
        let low = (self.qtype.min() - self.zero_point) as f32;
        let high = (self.qtype.max() - self.zero_point) as f32;
        let steps = (x / self.scale).clamp(low, high).round_ties_even();
        steps as i32 + self.zero_point
    }

    /// `DequantizeLinear`: one float32 multiplication.
    pub fn dequantize(&self, q: i32) -> f32 {
        (q - self.zero_point) as f32 * self.scale
    }
}

/// Scales are compared by their bits: this is equality of the model, not of numbers.
impl PartialEq for Quantization {
    fn eq(&self, other: &Self) -> bool {
        self.scale.to_bits() == other.scale.to_bits()
            && self.zero_point == other.zero_point
            && self.qtype == other.qtype
    }
}

impl Eq for Quantization {}

impl std::fmt::Display for Quantization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            scale,
            zero_point,
            qtype,
        } = self;
        write!(f, "{qtype}, scale {scale:e}, zero point {zero_point}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantize_saturates_and_rounds_ties_to_even() {
        let q = Quantization {
            scale: 0.5,
            zero_point: 3,
            qtype: QType::I8,
        };
        assert_eq!(q.quantize(f32::NAN), -128);
        assert_eq!(q.quantize(f32::NEG_INFINITY), -128);
        assert_eq!(q.quantize(f32::INFINITY), 127);
        assert_eq!(q.quantize(1e30), 127);
        assert_eq!(q.quantize(0.25), 3); // 0.5 steps
        assert_eq!(q.quantize(0.75), 5); // 1.5 steps
        assert_eq!(q.quantize(-0.25), 3);
        assert_eq!(q.quantize(-0.0), 3);
        let u = Quantization {
            scale: 1.0,
            zero_point: 128,
            qtype: QType::U8,
        };
        assert_eq!(u.quantize(-1000.0), 0);
        assert_eq!(u.quantize(126.5), 254);
        assert_eq!(u.quantize(1000.0), 255);
    }

    #[test]
    fn requantizing_a_dequantized_value_returns_it() {
        for scale in [f32::MIN_POSITIVE, 1e-3, 0.1, 1.0 / 3.0, 7.7e37 / 255.0] {
            for qtype in [QType::I8, QType::U8] {
                for zero_point in qtype.min()..=qtype.max() {
                    let quantization = Quantization {
                        scale,
                        zero_point,
                        qtype,
                    };
                    for q in qtype.min()..=qtype.max() {
                        assert_eq!(quantization.quantize(quantization.dequantize(q)), q);
                    }
                }
            }
        }
    }
}
