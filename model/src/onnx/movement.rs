//! Operators that move cells: `Concat`, `QLinearConcat`, `Transpose`, `Pad`.

use std::cmp::Ordering;

use rten_onnx::onnx::DataType;

use super::function::requantize;
use super::importer::{Importer, MAX_RANK};
use super::node::NodeView;
use super::operands::{Operand, per_tensor};
use super::pending::{Pending, float_tensor};
use super::value::{Displaced, Mapped, Value};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::{Op, Pad};
use crate::quantization::Quantization;

/// `QLinearConcat(Y_scale, Y_zero_point, (X, X_scale, X_zero_point)..)`.
pub(super) fn q_linear_concat<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_attributes(&["axis"])?;
    let y = per_tensor(importer, node, 0, ["Y_scale", "Y_zero_point"])?;
    let count = node.proto.input.len();
    if count < 5 || count % 3 != 2 {
        let detail = format!("has {count} operands, but takes 2 and then 3 for each tensor");
        return Err(node.unsupported(detail));
    }
    let mut inputs = Vec::new();
    for index in (2..count).step_by(3) {
        let x = importer.quantized(node, "X", node.require_input(index, "X")?)?;
        let quantization = per_tensor(importer, node, index + 1, ["X_scale", "X_zero_point"])?;
        importer.agree(node, x, quantization)?;
        if quantization.qtype != y.qtype {
            let (x, y) = (quantization.qtype, y.qtype);
            return Err(node.mistyped(format!("puts {x} into {y}; all must be of one type")));
        }
        inputs.push(requantize(importer, node, x, y)?);
    }
    Ok(Value::Quantized(concat_tensors(importer, node, inputs)?))
}

/// `Concat(X..)` of integers of one quantization, or of reals.
pub(super) fn concat<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_attributes(&["axis"])?;
    let first = node.require_input(0, "X")?;
    match importer.value(node, "X", first)? {
        Value::Quantized(first) => {
            let mut inputs = Vec::new();
            for index in 0..node.proto.input.len() {
                let x = importer.quantized(node, "X", node.require_input(index, "X")?)?;
                importer.unify(node, first, x)?;
                inputs.push(x);
            }
            Ok(Value::Quantized(concat_tensors(importer, node, inputs)?))
        }
        _ => {
            for index in 0..node.proto.input.len() {
                float_tensor(importer, node, index, "X")?;
            }
            Ok(Value::Pending(Pending::new(node)))
        }
    }
}

/// Completes a `Concat` of reals with the quantization of its result.
pub(super) fn complete_concat<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let mut inputs = Vec::new();
    for index in 0..node.proto.input.len() {
        let x = float_tensor(importer, node, index, "X")?;
        inputs.push(requantize(importer, node, x, y)?);
    }
    concat_tensors(importer, node, inputs)
}

fn concat_tensors<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    inputs: Vec<TensorId>,
) -> Result<TensorId, ImportError> {
    let mut shape = importer.tensors[inputs[0].0].shape.clone();
    let axis = sample_axis(node, node.int("axis", 0)?, shape.len())?;
    for x in &inputs[1..] {
        let other = &importer.tensors[x.0].shape;
        let fits = other.len() == shape.len()
            && (0..shape.len()).all(|at| at == axis || other[at] == shape[at]);
        if !fits {
            return Err(node.shape(format!(
                "operands of shapes {shape:?} and {other:?} a sample differ on another axis than \
                 {axis}"
            )));
        }
        shape[axis] = shape[axis].saturating_add(other[axis]);
    }
    if let &[only] = inputs.as_slice() {
        return Ok(only);
    }
    importer.spend_memory(node, inputs.len() * size_of::<TensorId>())?;
    importer.add_copy(node, inputs, Op::Concat { axis }, shape)
}

/// An axis of the file as an axis of one sample.
pub(super) fn sample_axis(
    node: NodeView<'_>,
    axis: i64,
    sample_rank: usize,
) -> Result<usize, ImportError> {
    let rank = sample_rank as i64 + 1;
    let from_front = if axis < 0 {
        axis.checked_add(rank)
    } else {
        Some(axis)
    };
    match from_front {
        Some(axis) if (1..rank).contains(&axis) => Ok(axis as usize - 1),
        _ => Err(node.attribute(
            "axis",
            format!(
                "is {axis}, but must be one of the axes 1 to {}; axis 0 is the batch",
                rank - 1
            ),
        )),
    }
}

/// `Transpose(x)`.
pub(super) fn transpose<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&["perm"])?;
    let name = node.require_input(0, "input")?;
    let value = importer.value(node, "input", name)?;
    let turn = |importer: &mut Importer<'m>, tensor: TensorId, batch_axis, is_real| {
        let rank = importer.tensors[tensor.0].shape.len();
        let (batch_axis, perm) = permutation(node, rank, batch_axis)?;
        let displaced = Displaced {
            tensor: turned(importer, node, tensor, perm)?,
            batch_axis,
            is_real,
        };
        Ok(displaced.value())
    };
    match value {
        Value::Quantized(id) => turn(importer, id, 0, false),
        Value::Dequantized(id) => turn(importer, id, 0, true),
        Value::Displaced(Displaced {
            tensor,
            batch_axis,
            is_real,
        }) => turn(importer, tensor, batch_axis, is_real),
        Value::Mapped(Mapped { tensor, function }) => {
            let perm = batch_stays(node, importer.tensors[tensor.0].shape.len())?;
            let tensor = turned(importer, node, tensor, perm)?;
            Ok(Value::Mapped(Mapped { tensor, function }))
        }
        Value::Pending(pending) => Ok(Value::Pending(pending.then_move(importer, node))),
        Value::Input(input) => {
            let sample = &importer.float_views[input.view].shape;
            let perm = batch_stays(node, sample.len())?;
            let shape: Vec<_> = perm.iter().map(|&axis| sample[axis]).collect();
            let perm = (!is_view(sample, &perm)).then_some(perm);
            let view = importer.view_float_input(node, input, shape, perm);
            Ok(Value::Input(view))
        }
        other @ (Value::Constant(_) | Value::Tokens | Value::Rows(_)) => {
            let is = other.describe();
            let detail =
                format!("is {is}; transpose it in the file instead, or what is made of it");
            Err(node.operand("input", name, detail))
        }
    }
}

/// The tensor under permuted axes: a view where only axes of size 1 change places with others.
fn turned<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
    perm: Vec<usize>,
) -> Result<TensorId, ImportError> {
    let sample = &importer.tensors[id.0].shape;
    let shape: Vec<_> = perm.iter().map(|&axis| sample[axis]).collect();
    if is_view(sample, &perm) {
        return importer.add_view(node, id, shape);
    }
    importer.add_copy(node, vec![id], Op::Transpose { perm }, shape)
}

/// Axes of size 1 may move freely.
fn is_view(sample: &[usize], perm: &[usize]) -> bool {
    let larger = perm.iter().copied().filter(|&axis| sample[axis] > 1);
    larger.is_sorted()
}

/// The axes of a sample in their new order, where the batch has to stay in front.
fn batch_stays(node: NodeView<'_>, sample_rank: usize) -> Result<Vec<usize>, ImportError> {
    match permutation(node, sample_rank, 0)? {
        (0, perm) => Ok(perm),
        _ => {
            let detail = "axis 0 is the batch and must stay in front".to_string();
            Err(node.attribute("perm", detail))
        }
    }
}

/// Where the batch comes to be, and the axes of a sample in their new order.
fn permutation(
    node: NodeView<'_>,
    sample_rank: usize,
    batch_axis: usize,
) -> Result<(usize, Vec<usize>), ImportError> {
    let rank = sample_rank as i64 + 1;
    let reversed: Vec<_> = (0..rank).rev().collect();
    let perm = node.ints("perm")?.unwrap_or(&reversed);
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank) {
        let shown = &perm[..perm.len().min(MAX_RANK)];
        let detail = format!("is {shown:?}; it must name each of {rank} axes once");
        return Err(node.attribute("perm", detail));
    }
    let mut moved = 0;
    let mut sample = Vec::new();
    for (index, &axis) in perm.iter().enumerate() {
        match (axis as usize).cmp(&batch_axis) {
            Ordering::Less => sample.push(axis as usize),
            Ordering::Equal => moved = index,
            Ordering::Greater => sample.push(axis as usize - 1),
        }
    }
    Ok((moved, sample))
}

/// `Pad(data, pads, constant_value?, axes?)`.
pub(super) fn pad<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(4)?;
    node.expect_attributes(&["mode"])?;
    if node.string("mode", "constant")? != "constant" {
        let detail = "only `constant` is supported".to_string();
        return Err(node.attribute("mode", detail));
    }
    let name = node.require_input(0, "data")?;
    let value = importer.value(node, "data", name)?;
    let id = match value {
        Value::Quantized(id) | Value::Dequantized(id) => id,
        other => {
            let detail = format!("is {}; pad quantized tensors instead", other.describe());
            return Err(node.operand("data", name, detail));
        }
    };
    let is_integer = matches!(value, Value::Quantized(_));
    let filler = if is_integer {
        integer_filler(importer, node, id)?
    } else {
        float_filler(importer, node, id)?
    };
    let sample = importer.tensors[id.0].shape.clone();
    let (before, after) = frame(importer, node, sample.len())?;
    let sides = before.iter().zip(&after).zip(&sample);
    // Both are bounded by `frame`, the shape by the tensor's cells.
    let shape: Vec<_> = sides.map(|((b, a), n)| b + n + a).collect();
    let padded = if shape == sample {
        id
    } else {
        let op = Op::Pad(Pad {
            before,
            after,
            value: filler,
        });
        importer.add_copy(node, vec![id], op, shape)?
    };
    Ok(if is_integer {
        Value::Quantized(padded)
    } else {
        Value::Dequantized(padded)
    })
}

/// The integer that a tensor is padded with: 0 by default, whatever the zero point.
fn integer_filler<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
) -> Result<i32, ImportError> {
    let qtype = importer.tensors[id.0].qtype;
    match Operand::optional(importer, node, 2, "constant_value")? {
        None => Ok(0),
        Some(operand) => {
            let (found, value) = operand.byte()?;
            if found != qtype {
                return Err(operand.error(format!("is of type {found}, but must be {qtype}")));
            }
            Ok(value)
        }
    }
}

/// The integer that stands for the real number that a tensor is padded with.
fn float_filler<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
) -> Result<i32, ImportError> {
    let quantization = importer.known_quantization(node, id)?;
    let Some(name) = node.input(2) else {
        return Ok(quantization.zero_point);
    };
    let real = if importer.is_constant(name) {
        Operand::required(importer, node, 2, "constant_value")?.float()?
    } else {
        let view = super::pending::float_constant(importer, node, 2, "constant_value")?;
        let operand = Operand::required(importer, view.node, 0, "x")?;
        let of_constant = super::boundary::dequantization(importer, view.node, &operand)?;
        of_constant.dequantize(operand.byte()?.1)
    };
    let filler = quantization.quantize(real);
    // By its bits: -0 is another divisor than 0.
    if quantization.dequantize(filler).to_bits() == real.to_bits() {
        return Ok(filler);
    }
    Err(node.operand(
        "constant_value",
        name,
        format!("is {real:e}, which no integer of the tensor ({quantization}) stands for; use 0"),
    ))
}

type Frame = (Vec<usize>, Vec<usize>);

/// The cells in front of and behind each axis of a sample.
fn frame<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    sample_rank: usize,
) -> Result<Frame, ImportError> {
    let rank = sample_rank + 1;
    let operand = Operand::required(importer, node, 1, "pads")?;
    if operand.len()? > 2 * MAX_RANK {
        return Err(operand.error(format!(
            "must be a list of at most {} numbers",
            2 * MAX_RANK
        )));
    }
    let pads = operand.int64s()?;
    let axes = match Operand::optional(importer, node, 3, "axes")? {
        None => (0..rank as i64).collect(),
        Some(axes) => axis_list(&axes)?,
    };
    if pads.len() != 2 * axes.len() {
        return Err(operand.error(format!(
            "holds {} numbers, but must hold two for each of {} axes",
            pads.len(),
            axes.len()
        )));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (index, &axis) in axes.iter().enumerate() {
        let from_front = if axis < 0 { axis + rank as i64 } else { axis };
        let at = usize::try_from(from_front).ok().filter(|&at| at < rank);
        let at = at.ok_or_else(|| operand.error(format!("is for axis {axis} of {rank}")))?;
        for (sides, pad) in [
            (&mut before, pads[index]),
            (&mut after, pads[index + axes.len()]),
        ] {
            let cells = usize::try_from(pad).ok();
            let cells = cells.filter(|&n| n <= crate::validate::MAX_TENSOR_CELLS);
            let cells = cells.ok_or_else(|| {
                operand.error(format!("holds {pad}; supported are numbers of at least 0"))
            })?;
            if at == 0 && cells > 0 {
                return Err(operand.error("adds samples on axis 0, which is the batch".to_string()));
            }
            sides[at] = cells;
        }
    }
    Ok((before.split_off(1), after.split_off(1)))
}

/// A short list of axes, int32 or int64.
pub(super) fn axis_list(operand: &Operand<'_>) -> Result<Vec<i64>, ImportError> {
    if operand.len()? > MAX_RANK {
        return Err(operand.error(format!("must be a list of at most {MAX_RANK} axes")));
    }
    let axes = if operand.data_type() == DataType::INT32 {
        operand.int32s()?.into_iter().map(i64::from).collect()
    } else {
        operand.int64s()?
    };
    let bound = 2 * MAX_RANK as i64;
    if axes.iter().all(|axis| (-bound..bound).contains(axis)) {
        return Ok(axes);
    }
    Err(operand.error("names an axis that does not exist".to_string()))
}
