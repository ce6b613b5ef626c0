//! Small nodes on an image, to be damaged.

use rten_onnx::onnx::DataType;
use winterforge_model::testing::OnnxBuilder;

use super::base::{X, Y};

/// `x [N, 4, 5, 6]` and one node `at` that makes `y`, int8 at both ends. There are `x_scale`,
/// `x_zero_point` and the same of `y`, `w` and `w4`.
pub(crate) fn image(operator: &str, inputs: &[&str]) -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, &[None, Some(4), Some(5), Some(6)]);
    onnx.quantization("x", X).quantization("y", Y);
    onnx.bytes("w", X.qtype, &[2, 4, 3, 3], &[1; 72]);
    onnx.quantization("w", winterforge_model::Quantization { zero_point: 0, ..X });
    onnx.int32s("b", &[2], &[7, 8]);
    onnx.node(operator, "at", inputs, "y");
    onnx.output("y", DataType::INT8);
    onnx
}

/// The operands of a convolution.
pub(crate) const CONV: [&str; 9] = [
    "x",
    "x_scale",
    "x_zero_point",
    "w",
    "w_scale",
    "w_zero_point",
    "y_scale",
    "y_zero_point",
    "b",
];

/// The operands of an average.
pub(crate) const POOL: [&str; 5] = ["x", "x_scale", "x_zero_point", "y_scale", "y_zero_point"];

/// The operands of a sum of `x` and `c`.
pub(crate) const SUM: [&str; 8] = [
    "x",
    "x_scale",
    "x_zero_point",
    "c",
    "y_scale",
    "y_zero_point",
    "y_scale",
    "y_zero_point",
];
