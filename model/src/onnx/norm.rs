//! Normalization of rows and means over axes, between `DequantizeLinear` and `QuantizeLinear`.

use rten_onnx::onnx::DataType;

use super::importer::Importer;
use super::movement::sample_axis;
use super::node::NodeView;
use super::operands::{Operand, usable};
use super::pending::{Pending, float_tensor};
use super::pool::add_global_average;
use super::shape::{axes_of, sample_axes};
use super::value::Value;
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::layer_norm::LayerNormRule;
use crate::op::{LayerNorm, Op};
use crate::quantization::Quantization;
use crate::validate::LAYER_NORM;

/// `LayerNormalization(X, Scale, B?)`.
pub(super) fn layer_norm<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    node.expect_attributes(&["axis", "epsilon", "stash_type"])?;
    let stash_type = node.int("stash_type", 1)?;
    if stash_type != i64::from(DataType::FLOAT.0) {
        let detail = format!("is {stash_type}; only 1 (FLOAT) is supported");
        return Err(node.attribute("stash_type", detail));
    }
    let epsilon = node.float("epsilon", 1e-5)?;
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        // ONNX Runtime would divide 0 by 0 where a row is constant.
        let detail = format!("is {epsilon}, but must be a positive number");
        return Err(node.attribute("epsilon", detail));
    }
    let x = float_tensor(importer, node, 0, "X")?;
    sample_axis(
        node,
        node.int("axis", -1)?,
        importer.tensors[x.0].shape.len(),
    )?;
    Ok(Value::Pending(Pending::new(node)))
}

/// Completes a `LayerNormalization`, and a `ReduceMean` behind it, with the quantization of the result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    mean: Option<NodeView<'m>>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let x = float_tensor(importer, node, 0, "X")?;
    let x_quantization = importer.known_quantization(node, x)?;
    let shape = importer.tensors[x.0].shape.clone();
    let axis = sample_axis(node, node.int("axis", -1)?, shape.len())?;
    let normalized = &shape[axis..];
    let gamma = parameters(importer, node, 1, "Scale", normalized)?;
    let features = gamma.len();
    let beta = match node.input(2) {
        Some(_) => parameters(importer, node, 2, "B", normalized)?,
        None => vec![0.0; features],
    };
    let op = LayerNorm {
        gamma,
        beta,
        epsilon: node.float("epsilon", 1e-5)?,
        mean: mean.is_some(),
    };
    let row_shape = [&shape[..axis], &[features]].concat();
    let rows = op.rows(&row_shape);
    if LayerNormRule::new(&op, x_quantization, y, rows).is_none() {
        return Err(node.quantization(LAYER_NORM.to_string()));
    }
    let flat = importer.add_view(node, x, row_shape.clone())?;
    let Some(mean) = mean else {
        let id = importer.add_node(node, vec![flat], Op::LayerNorm(op), row_shape, y)?;
        return importer.add_view(node, id, shape);
    };
    // `reduce_mean` has seen that rows are along the last axis, and the mean is over the one in front of it.
    let [leading @ .., _, features] = shape.as_slice() else {
        return Err(node.shape("has no rows to average".to_string()));
    };
    let averaged = [leading, &[*features]].concat();
    let kept = [leading, &[1, *features]].concat();
    let id = importer.add_node(mean, vec![flat], Op::LayerNorm(op), averaged, y)?;
    if mean.flag("keepdims", true)? {
        return importer.add_view(mean, id, kept);
    }
    Ok(id)
}

/// One number for each cell of a row: float32 constants, or what integer constants stand for.
fn parameters<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    role: &'static str,
    normalized: &[usize],
) -> Result<Vec<f32>, ImportError> {
    let name = node.require_input(index, role)?;
    let (of, operand) = if importer.is_constant(name) {
        (None, Operand::required(importer, node, index, role)?)
    } else {
        match importer.value(node, role, name)? {
            Value::Constant(view) => {
                let operand = Operand::required(importer, view.node, 0, role)?;
                (Some(view.node), operand)
            }
            other => {
                let is = other.describe();
                let detail = format!("must be a constant, but is {is}");
                return Err(node.operand(role, name, detail));
            }
        }
    };
    let dims = operand.dims()?;
    let sizes =
        |dims: &[usize]| -> Vec<usize> { dims.iter().copied().filter(|&d| d != 1).collect() };
    if sizes(&dims) != sizes(normalized) {
        return Err(operand.error(format!(
            "has shape {dims:?}, but rows have {normalized:?} cells, with one number for each"
        )));
    }
    importer.spend_memory(node, operand.len()?.saturating_mul(size_of::<f32>()))?;
    let values = match of {
        None => operand.floats()?,
        Some(view) => dequantized(importer, view, &operand)?,
    };
    if values.iter().all(|v| v.is_finite()) {
        return Ok(values);
    }
    Err(operand.error("holds what is no finite number".to_string()))
}

/// What `DequantizeLinear` makes of a list of 8-bit or int32 constants.
fn dequantized<'m>(
    importer: &Importer<'m>,
    view: NodeView<'m>,
    operand: &Operand<'m>,
) -> Result<Vec<f32>, ImportError> {
    let scale = Operand::required(importer, view, 1, "scale")?;
    let zero_point = Operand::optional(importer, view, 2, "zero point")?;
    let (values, zero_points): (Vec<i32>, Vec<i32>) = if operand.data_type() == DataType::INT32 {
        let zero_points = match zero_point {
            Some(zero_point) => zero_point.int32s()?,
            None => vec![0],
        };
        if let Some(found) = zero_points.iter().find(|&&z| z != 0) {
            return Err(view.quantization(format!("an int32 zero point is {found}, not 0")));
        }
        (operand.int32s()?, zero_points)
    } else {
        let integers = |operand: &Operand<'m>| -> Result<Vec<i32>, ImportError> {
            Ok(operand.bytes()?.1.into_iter().map(i32::from).collect())
        };
        let zero_points = match &zero_point {
            Some(zero_point) if zero_point.qtype()? != operand.qtype()? => {
                let qtype = operand.qtype()?;
                return Err(zero_point.error(format!("must be {qtype} like the constant")));
            }
            Some(zero_point) => integers(zero_point)?,
            None => vec![0],
        };
        (integers(operand)?, zero_points)
    };
    let scales = scale.floats()?;
    for list in [scales.len(), zero_points.len()] {
        if list != 1 && list != values.len() {
            return Err(scale.error(format!(
                "{list} numbers stand for {} constants; give one for all, or one for each",
                values.len()
            )));
        }
    }
    let at = |index: usize, len: usize| if len == 1 { 0 } else { index };
    (values.iter().enumerate())
        .map(|(index, &value)| {
            let factor = usable(&scale, scales[at(index, scales.len())], None)?;
            // Both are 8-bit numbers, or the zero point is 0.
            let steps = value - zero_points[at(index, zero_points.len())];
            Ok(steps as f32 * factor)
        })
        .collect()
}

/// `ReduceMean(data, axes?)`.
pub(super) fn reduce_mean<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["axes", "keepdims", "noop_with_empty_axes"])?;
    let name = node.require_input(0, "data")?;
    match importer.value(node, "data", name)? {
        Value::Pending(mut pending) if pending.takes_mean() => {
            let normalization = pending.node;
            let x = float_tensor(importer, normalization, 0, "X")?;
            let rank = importer.tensors[x.0].shape.len();
            let axis = sample_axis(normalization, normalization.int("axis", -1)?, rank)?;
            let axes = reduced_axes(importer, node, rank)?;
            if axis + 1 != rank || axis == 0 || axes != [axis - 1] {
                let detail = "only a mean over the axis in front of the normalized one is taken \
                    together with a LayerNormalization; quantize its result for any other";
                return Err(node.unsupported(detail.to_string()));
            }
            pending.mean = Some(node);
            Ok(Value::Pending(pending))
        }
        Value::Dequantized(id) => {
            reduced_axes(importer, node, importer.tensors[id.0].shape.len())?;
            Ok(Value::Pending(Pending::new(node)))
        }
        other => {
            let is = other.describe();
            let detail =
                format!("must come from a DequantizeLinear or a LayerNormalization, but is {is}");
            Err(node.operand("data", name, detail))
        }
    }
}

/// The axes of a sample that a mean is over, in ascending order.
fn reduced_axes<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    rank: usize,
) -> Result<Vec<usize>, ImportError> {
    let mut axes = sample_axes(node, &axes_of(importer, node)?, rank as i64 + 1)?;
    if axes.is_empty() {
        let detail = "is empty, which stands for all axes or none; name them";
        return Err(node.attribute("axes", detail.to_string()));
    }
    axes.sort_unstable();
    Ok(axes)
}

/// Completes a `ReduceMean` of a tensor: the global average of its kept axes, which come in front.
pub(super) fn complete_mean<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let x = float_tensor(importer, node, 0, "data")?;
    let x_quantization = importer.known_quantization(node, x)?;
    let shape = importer.tensors[x.0].shape.clone();
    let reduced = reduced_axes(importer, node, shape.len())?;
    let kept: Vec<usize> = (0..shape.len())
        .filter(|axis| !reduced.contains(axis))
        .collect();
    let size = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let perm = [kept.as_slice(), &reduced].concat();
    let turned = if perm.is_sorted() {
        x
    } else {
        let shape = perm.iter().map(|&axis| shape[axis]).collect();
        importer.add_copy(node, vec![x], Op::Transpose { perm }, shape)?
    };
    let rows = if kept == [0] {
        turned
    } else {
        importer.add_view(node, turned, vec![size(&kept), size(&reduced)])?
    };
    let id = add_global_average(importer, node, rows, x_quantization, y)?;
    let result = if node.flag("keepdims", true)? {
        let size = |axis| {
            if reduced.contains(&axis) {
                1
            } else {
                shape[axis]
            }
        };
        (0..shape.len()).map(size).collect()
    } else {
        kept.iter().map(|&axis| shape[axis]).collect()
    };
    importer.add_view(node, id, result)
}
