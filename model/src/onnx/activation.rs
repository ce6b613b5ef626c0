//! `Relu`, `Clip` and `Max`, folded into the clamp of the layer in front of them.
//!
//! Requantization is monotone, so clamping its result is clamping behind it: on the integers
//! directly, or on reals by quantizing the bounds. That needs a layer in front whose unclamped
//! result nobody else uses.

use rten_onnx::onnx::DataType;

use super::importer::{Importer, Value, output_name};
use super::operands::Operand;
use super::reader::NodeView;
use crate::error::ImportError;
use crate::graph::{Op, TensorId};

/// `Relu(x)`.
pub(super) fn relu<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    let x = node.require_input(0, "input")?;
    match importer.value(node, "input", x)? {
        Value::Pending(mut pending) => {
            pending.then_clip(0.0, f32::INFINITY);
            Ok(Value::Pending(pending))
        }
        // On integers this is max(q, 0), whatever the zero point.
        Value::Quantized(id) => clamp(importer, node, x, id, (0, i32::MAX)),
        other => Err(not_a_layer(node, x, &other)),
    }
}

/// `Clip(x, min?, max?)`.
pub(super) fn clip<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    node.expect_attributes(&[])?;
    let x = node.require_input(0, "input")?;
    let low = Operand::optional(importer, node, 1, "min")?;
    let high = Operand::optional(importer, node, 2, "max")?;
    let disordered = || ImportError::Fusion {
        site: node.site(),
        detail: "min and max must be numbers with min <= max".to_string(),
    };
    match importer.value(node, "input", x)? {
        Value::Pending(mut pending) => {
            let low = low.map_or(Ok(f32::NEG_INFINITY), |operand| operand.float())?;
            let high = high.map_or(Ok(f32::INFINITY), |operand| operand.float())?;
            // f32::clamp must not see NaN.
            if low.is_nan() || high.is_nan() || low > high {
                return Err(disordered());
            }
            pending.then_clip(low, high);
            Ok(Value::Pending(pending))
        }
        Value::Quantized(id) => {
            let bound = |operand: Option<Operand<'m>>, default| match operand {
                None => Ok(default),
                Some(operand) => integer_bound(importer, id, &operand),
            };
            let (low, high) = (bound(low, i32::MIN)?, bound(high, i32::MAX)?);
            if low > high {
                return Err(disordered());
            }
            clamp(importer, node, x, id, (low, high))
        }
        other => Err(not_a_layer(node, x, &other)),
    }
}

/// `Max(x, constant)` with one number.
pub(super) fn max<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    let (a, b) = (node.require_input(0, "A")?, node.require_input(1, "B")?);
    let (x, index) = if importer.is_constant(a) {
        (b, 0)
    } else {
        (a, 1)
    };
    let low = Operand::required(importer, node, index, "bound")?;
    match importer.value(node, "input", x)? {
        Value::Pending(mut pending) => {
            let low = low.float()?;
            if low.is_nan() {
                return Err(low_is_nan(node));
            }
            pending.then_clip(low, f32::INFINITY);
            Ok(Value::Pending(pending))
        }
        Value::Quantized(id) => {
            let low = integer_bound(importer, id, &low)?;
            clamp(importer, node, x, id, (low, i32::MAX))
        }
        other => Err(not_a_layer(node, x, &other)),
    }
}

fn low_is_nan(node: NodeView<'_>) -> ImportError {
    ImportError::Fusion {
        site: node.site(),
        detail: "the bound is NaN".to_string(),
    }
}

fn not_a_layer(node: NodeView<'_>, name: &str, value: &Value<'_>) -> ImportError {
    let is = value.describe();
    let detail = format!("must be the result of a layer to be clipped, but is {is}");
    node.operand("input", name, detail)
}

/// One number of the tensor's own type.
fn integer_bound(
    importer: &Importer<'_>,
    id: TensorId,
    operand: &Operand<'_>,
) -> Result<i32, ImportError> {
    let qtype = importer.tensors[id.0].qtype;
    match operand.data_type() {
        DataType::INT8 | DataType::UINT8 if operand.qtype()? == qtype => Ok(operand.byte()?.1),
        found => Err(operand.error(format!("is of type {found}, but must be {qtype}"))),
    }
}

/// Tightens the clamp of the layer that makes `id`.
fn clamp<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    name: &'m str,
    id: TensorId,
    (low, high): (i32, i32),
) -> Result<Value<'m>, ImportError> {
    let tensor = &importer.tensors[id.0];
    let is_free = tensor.owner == Some(name) && importer.used_once(name);
    if let (true, Some(producer)) = (is_free, tensor.producer)
        && let Op::Linear(linear) = &mut importer.nodes[producer].op
    {
        for requant in &mut linear.requant {
            requant.then_clamp(low, high);
        }
        importer.tensors[id.0].owner = Some(output_name(node));
        return Ok(Value::Quantized(id));
    }
    Err(ImportError::Fusion {
        site: node.site(),
        detail: "an activation on integers must directly follow a layer whose result nothing else \
                 uses, so that it becomes part of that layer; reorder or remove it"
            .to_string(),
    })
}
