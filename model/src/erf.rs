//! The error function and GELU in float32, as ONNX Runtime's kernels evaluate them.

#![allow(clippy::excessive_precision, reason = "the digits of the source")]

/// Below, erf is an odd polynomial; above, 1 less an exponential.
const SPLIT: f32 = 0.921875;
/// From here on, erf is 1 in float32.
const FAR: f32 = 3.925;

/// `(erf(v) - v) / v` as a polynomial in the square of `v`, highest power first.
const NEAR_ZERO: [f32; 6] = [
    -5.99104969e-4,
    4.99339588e-3,
    -2.67667342e-2,
    1.12818025e-1,
    -3.76124859e-1,
    1.28379151e-1,
];
/// `(-ln(1 - erf(v)) - v) / v` as a polynomial in `v`.
const TAIL: [f32; 7] = [
    1.72948930e-5,
    -3.83208680e-4,
    3.88393435e-3,
    -2.42545605e-2,
    1.06777847e-1,
    6.34846687e-1,
    1.28717512e-1,
];
/// The exponential on half a binade around 1.
const EXPONENTIAL: [f32; 7] = [
    1.38319808e-3,
    8.37550033e-3,
    4.16689515e-2,
    1.66664466e-1,
    4.99999851e-1,
    1.0,
    1.0,
];
/// ln 2, negative, in two parts: the first has few bits, so that its products are exact.
const LN_2: [f32; 2] = [-6.93145752e-1, -1.42860677e-6];
/// Adding 1.5 * 2^23 leaves a float32 no fraction bits: rounding to an integer, ties to even.
const NO_FRACTION: f32 = 12_582_912.0;

/// Horner's rule with `fma`.
fn horner(coefficients: &[f32], v: f32) -> f32 {
    let (first, rest) = coefficients.split_first().unwrap_or((&0.0, &[]));
    rest.iter().fold(*first, |sum, &c| sum.mul_add(v, c))
}

/// `Erf`.
///
/// Source: `MlasErfKernel` of ONNX Runtime.
pub(crate) fn erf(v: f32) -> f32 {
    if v.is_nan() {
        return v;
    }
    let size = v.abs().min(FAR);
    let magnitude = if size > SPLIT {
        1.0 - exponential(-horner(&TAIL, size).mul_add(size, size))
    } else {
        horner(&NEAR_ZERO, size * size).mul_add(size, size)
    };
    magnitude.copysign(v)
}

/// `exp(v)` for `v` from -16 or so to 0.
fn exponential(v: f32) -> f32 {
    let power = std::f32::consts::LOG2_E.mul_add(v, NO_FRACTION) - NO_FRACTION;
    let rest = power.mul_add(LN_2[1], power.mul_add(LN_2[0], v));
    // Exact: a power of two well inside of the range.
    let binade = f32::from_bits(((power as i32 + 127) as u32) << 23);
    horner(&EXPONENTIAL, rest) * binade
}

/// `Gelu`, without approximation: `0.5 v (1 + erf(v / sqrt(2)))`.
///
/// Source: `MlasGeluErfKernel` of ONNX Runtime.
pub(crate) fn gelu(v: f32) -> f32 {
    0.5 * v * (erf(v * std::f32::consts::FRAC_1_SQRT_2) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_error_function() {
        // To 16 digits, from tables.
        for (v, want) in [
            (0.1, 0.1124629160182849),
            (0.5, 0.5204998778130465),
            (1.0, 0.8427007929497149),
            (2.0, 0.9953222650189527),
            (3.0, 0.9999779095030014),
        ] {
            for sign in [-1.0, 1.0] {
                assert!((f64::from(erf(sign * v)) - f64::from(sign) * want).abs() < 1.2e-7);
            }
        }
        assert_eq!(erf(0.0).to_bits(), 0);
        assert_eq!(erf(-0.0).to_bits(), 1 << 31);
        assert_eq!((erf(1e30), erf(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(erf(f32::NAN).is_nan());
        assert_eq!((gelu(0.0), gelu(8.0), gelu(-20.0)), (0.0, 8.0, 0.0));
    }
}
