//! Arithmetic of reals that is a function of single cells: of a tensor and a number, or of two functions of one tensor.
//! An exported GELU is made of these.

use super::function::{add_mapped, reals_of};
use super::importer::Importer;
use super::node::NodeView;
use super::operands::Operand;
use super::value::Value;
use crate::error::ImportError;
use crate::graph::TensorId;

/// An operand of the file.
enum Side {
    /// One number; whether it is `DequantizeLinear` of an integer.
    Number {
        value: f32,
        is_dequantized: bool,
    },
    /// A function of a tensor; whether it is just what the tensor stands for.
    Reals {
        tensor: TensorId,
        values: Box<[f32; 256]>,
        is_plain: bool,
    },
    Other,
}

/// `Sub(A, B)` or `Div(A, B)`.
pub(super) fn difference_or_quotient<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    arithmetic(importer, node)?.ok_or_else(|| {
        let detail = "takes a dequantized tensor and one number, or two functions of one tensor; \
            write anything else as a sum or product, with quantized operands";
        node.unsupported(detail.to_string())
    })
}

/// `Add`, `Sub`, `Mul` or `Div`, if it is a function of single cells; `None` for what stays a sum or product of two
/// tensors, the second of which may be constant.
pub(super) fn arithmetic<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Option<Value<'m>>, ImportError> {
    let of: fn(f32, f32) -> f32 = match node.op_type() {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        _ => |a, b| a / b,
    };
    let is_tensor_operator = matches!(node.op_type(), "Add" | "Mul");
    let (tensor, values) = match [side(importer, node, 0)?, side(importer, node, 1)?] {
        [
            Side::Reals {
                tensor,
                values,
                is_plain,
            },
            Side::Number {
                value,
                is_dequantized,
            },
        ] if !(is_tensor_operator && is_plain && is_dequantized) => {
            (tensor, values.map(|v| of(v, value)))
        }
        [
            Side::Number {
                value,
                is_dequantized,
            },
            Side::Reals {
                tensor,
                values,
                is_plain,
            },
        ] if !(is_tensor_operator && is_plain && is_dequantized) => {
            (tensor, values.map(|v| of(value, v)))
        }
        [
            Side::Reals {
                tensor,
                values,
                is_plain,
            },
            Side::Reals {
                tensor: other,
                values: others,
                is_plain: also,
            },
        ] if tensor == other && !(is_tensor_operator && is_plain && also) => (
            tensor,
            std::array::from_fn(|code| of(values[code], others[code])),
        ),
        _ => return Ok(None),
    };
    add_mapped(importer, node, tensor, values).map(Some)
}

fn side<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
) -> Result<Side, ImportError> {
    let role = ["A", "B"][index];
    let name = node.require_input(index, role)?;
    if importer.is_constant(name) {
        let operand = Operand::required(importer, node, index, role)?;
        let is_number = is_number(importer, node, &operand)?;
        return match operand.floats() {
            Ok(values) if is_number => Ok(Side::Number {
                value: values.first().copied().unwrap_or(0.0),
                is_dequantized: false,
            }),
            _ => Ok(Side::Other),
        };
    }
    let value = importer.value(node, role, name)?;
    if let Value::Constant(view) = value {
        let operand = Operand::required(importer, view.node, 0, "x")?;
        if !is_number(importer, node, &operand)? || operand.qtype().is_err() {
            return Ok(Side::Other);
        }
        let quantization = super::boundary::dequantization(importer, view.node, &operand)?;
        let integer = operand.bytes()?.1.first().copied().unwrap_or(0);
        return Ok(Side::Number {
            value: quantization.dequantize(i32::from(integer)),
            is_dequantized: true,
        });
    }
    let is_plain = matches!(value, Value::Dequantized(_));
    Ok(match reals_of(importer, node, value)? {
        Some((tensor, values)) => Side::Reals {
            tensor,
            values: Box::new(values),
            is_plain,
        },
        None => Side::Other,
    })
}

/// Whether a constant is one number that leaves the shape of the other operand as it is.
fn is_number<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    operand: &Operand<'m>,
) -> Result<bool, ImportError> {
    let rank_of = |index: usize| match importer.values.get(node.input(index)?)? {
        Value::Dequantized(id) => Some(importer.tensors[id.0].shape.len() + 1),
        Value::Mapped(mapped) => Some(importer.tensors[mapped.tensor.0].shape.len() + 1),
        _ => None,
    };
    let rank = rank_of(0).or_else(|| rank_of(1)).unwrap_or(0);
    Ok(operand.len()? == 1 && operand.dims()?.len() <= rank)
}
