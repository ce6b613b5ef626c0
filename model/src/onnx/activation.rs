//! `Relu`, `Clip` and `Max`, folded into the clamp of the layer in front of them if there is one.
//!
//! Requantization is monotone, so clamping its result is clamping behind it: on the integers
//! directly, or on reals by quantizing the bounds. Without a layer in front whose unclamped result
//! nobody else uses, the clamp becomes a table.

use rten_onnx::onnx::DataType;

use super::function;
use super::importer::{Importer, output_name};
use super::node::NodeView;
use super::operands::Operand;
use super::value::Value;
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::Op;

/// `Relu(x)`.
pub(super) fn relu<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    let x = node.require_input(0, "input")?;
    match importer.value(node, "input", x)? {
        // On integers this is max(q, 0), whatever the zero point.
        Value::Quantized(id) => clamp(importer, node, x, id, (0, i32::MAX)),
        other => clip_reals(importer, node, x, other, (0.0, f32::INFINITY)),
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
        other => {
            let low = low.map_or(Ok(f32::NEG_INFINITY), |operand| operand.float())?;
            let high = high.map_or(Ok(f32::INFINITY), |operand| operand.float())?;
            // f32::clamp must not see NaN.
            if low.is_nan() || high.is_nan() || low > high {
                return Err(disordered());
            }
            clip_reals(importer, node, x, other, (low, high))
        }
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
        Value::Quantized(id) => {
            let low = integer_bound(importer, id, &low)?;
            clamp(importer, node, x, id, (low, i32::MAX))
        }
        other => {
            let low = low.float()?;
            if low.is_nan() {
                return Err(low_is_nan(node));
            }
            clip_reals(importer, node, x, other, (low, f32::INFINITY))
        }
    }
}

fn low_is_nan(node: NodeView<'_>) -> ImportError {
    ImportError::Fusion {
        site: node.site(),
        detail: "the bound is NaN".to_string(),
    }
}

/// Clips a float result: of a layer by its clamp, of a tensor by a table.
fn clip_reals<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    name: &'m str,
    value: Value<'m>,
    (low, high): (f32, f32),
) -> Result<Value<'m>, ImportError> {
    if let Value::Pending(mut pending) = value {
        pending.then_clip(low, high);
        return Ok(Value::Pending(pending));
    }
    let clipped = function::map_value(importer, node, value, |v| v.clamp(low, high))?;
    clipped.ok_or_else(|| {
        let is = value.describe();
        let detail = format!("must be the result of a layer or dequantized, but is {is}");
        node.operand("input", name, detail)
    })
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

/// Tightens the clamp of the layer that makes `id`, or clamps its result by a table.
fn clamp<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    name: &'m str,
    id: TensorId,
    (low, high): (i32, i32),
) -> Result<Value<'m>, ImportError> {
    let tensor = &importer.tensors[id.0];
    let is_free = tensor.owner == Some(name) && importer.used_once(name);
    if let (true, Some(producer)) = (is_free, layer_of(importer, id)) {
        let requant = importer.nodes[producer].op.requant_mut();
        if !requant.is_empty() {
            requant.iter_mut().for_each(|r| r.then_clamp(low, high));
            importer.tensors[id.0].owner = Some(output_name(node));
            return Ok(Value::Quantized(id));
        }
    }
    let clamped = function::clamp(importer, node, id, (low, high))?;
    Ok(Value::Quantized(clamped))
}

/// The node that makes `id`, seen through views that no name of the file stands for, as around the
/// convolution of a signal.
fn layer_of(importer: &Importer<'_>, id: TensorId) -> Option<usize> {
    let producer = importer.tensors[id.0].producer?;
    let node = &importer.nodes[producer];
    let inner = &importer.tensors[node.inputs[0].0];
    match node.op {
        Op::View if inner.owner.is_none() => inner.producer,
        _ => Some(producer),
    }
}
