//! `Gather` with constant indices (with the model's input: [`embedding`](super::embedding)), and `Slice`: cells of a tensor, as one token of a sequence.

use rten_onnx::onnx::DataType;

use super::embedding::look_up;
use super::importer::{Importer, MAX_RANK};
use super::movement::sample_axis;
use super::node::NodeView;
use super::operands::Operand;
use super::value::{Displaced, Mapped, Value};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::Op;

/// `Gather(data, indices)`.
pub(super) fn gather<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["axis"])?;
    let name = node.require_input(0, "data")?;
    let indices_name = node.require_input(1, "indices")?;
    if !importer.is_constant(indices_name) {
        if let Value::Tokens = importer.value(node, "indices", indices_name)? {
            return look_up(importer, node);
        }
        let detail = "is computed from the model's input; indices must be constant, or the model's input itself";
        return Err(node.operand("indices", indices_name, detail.to_string()));
    }
    if importer.is_constant(name) {
        let detail = "is a constant like the indices, but cells cannot be taken out of it here; both must be stored in \
            the file, and indices lie inside of the axis";
        return Err(node.operand("data", name, detail.to_string()));
    }
    if let Value::Displaced(displaced) = importer.value(node, "data", name)? {
        return take_in_front(importer, node, displaced);
    }
    on_cells(importer, node, |importer, node, id| {
        let rank = importer.tensors[id.0].shape.len();
        let axis = sample_axis(node, node.int("axis", 0)?, rank)?;
        take(importer, node, id, axis)
    })
}

/// Of a tensor whose batch is not in front.
fn take_in_front<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    displaced: Displaced,
) -> Result<Value<'m>, ImportError> {
    let Displaced {
        tensor,
        batch_axis,
        is_real,
    } = displaced;
    let rank = importer.tensors[tensor.0].shape.len() as i64 + 1;
    let stated = node.int("axis", 0)?;
    let axis = if stated < 0 {
        stated.saturating_add(rank)
    } else {
        stated
    };
    let axis = usize::try_from(axis)
        .ok()
        .filter(|_| axis < rank && axis != batch_axis as i64);
    let axis = axis.ok_or_else(|| {
        let detail = format!(
            "is {stated}, but must be one of {rank} axes, and not axis {batch_axis}, which is the \
             batch here"
        );
        node.attribute("axis", detail)
    })?;
    let added = Operand::required(importer, node, 1, "indices")?
        .dims()?
        .len();
    let (sample_axis, batch_axis) = if axis < batch_axis {
        (axis, batch_axis - 1 + added)
    } else {
        (axis - 1, batch_axis)
    };
    let displaced = Displaced {
        tensor: take(importer, node, tensor, sample_axis)?,
        batch_axis,
        is_real,
    };
    Ok(displaced.value())
}

/// Applies what moves cells to whatever the operand `data` stands for.
pub(super) fn on_cells<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    take: impl Fn(&mut Importer<'m>, NodeView<'m>, TensorId) -> Result<TensorId, ImportError>,
) -> Result<Value<'m>, ImportError> {
    let name = node.require_input(0, "data")?;
    match importer.value(node, "data", name)? {
        Value::Quantized(id) => Ok(Value::Quantized(take(importer, node, id)?)),
        Value::Dequantized(id) => Ok(Value::Dequantized(take(importer, node, id)?)),
        Value::Mapped(Mapped { tensor, function }) => {
            let tensor = take(importer, node, tensor)?;
            Ok(Value::Mapped(Mapped { tensor, function }))
        }
        Value::Pending(pending) => Ok(Value::Pending(pending.then_move(importer, node))),
        other => {
            let is = other.describe();
            let detail = format!("is {is}; take cells of quantized tensors instead");
            Err(node.operand("data", name, detail))
        }
    }
}

/// Takes a list of indices from what the file may become, before it is made.
pub(super) fn spend_indices<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    count: usize,
) -> Result<(), ImportError> {
    importer.spend_memory(node, count.saturating_mul(size_of::<usize>()))
}

/// The cells at some indices of an axis: the tensor itself if these are all in order.
pub(super) fn choose<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
    axis: usize,
    indices: Vec<usize>,
) -> Result<TensorId, ImportError> {
    let mut shape = importer.tensors[id.0].shape.clone();
    if indices.iter().copied().eq(0..shape[axis]) {
        return Ok(id);
    }
    shape[axis] = indices.len();
    importer.add_copy(node, vec![id], Op::Gather { axis, indices }, shape)
}

/// A list of int32 or int64 numbers.
pub(super) fn numbers(operand: &Operand<'_>) -> Result<Vec<i64>, ImportError> {
    if operand.data_type() == DataType::INT32 {
        return Ok(operand.int32s()?.into_iter().map(i64::from).collect());
    }
    operand.int64s()
}

fn take<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
    axis: usize,
) -> Result<TensorId, ImportError> {
    let shape = importer.tensors[id.0].shape.clone();
    let operand = Operand::required(importer, node, 1, "indices")?;
    let dims = operand.dims()?;
    spend_indices(importer, node, operand.len()?)?;
    let size = shape[axis];
    let from_front = |&index: &i64| {
        let index = if index < 0 {
            index.checked_add(size as i64)?
        } else {
            index
        };
        usize::try_from(index).ok().filter(|&index| index < size)
    };
    let mut indices = Vec::new();
    for index in &numbers(&operand)? {
        indices.push(from_front(index).ok_or_else(|| {
            operand.error(format!("names index {index} of an axis of size {size}"))
        })?);
    }
    if indices.is_empty() {
        return Err(operand.error("is empty".to_string()));
    }
    let id = choose(importer, node, id, axis, indices)?;
    // The axes of the indices take the place of the axis: none for a single index.
    let shape = [&shape[..axis], &dims, &shape[axis + 1..]].concat();
    importer.add_view(node, id, shape)
}

/// `Slice(data, starts, ends, axes?, steps?)` with constant bounds.
pub(super) fn slice<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(5)?;
    node.expect_attributes(&[])?;
    on_cells(importer, node, cut)
}

fn cut<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    mut id: TensorId,
) -> Result<TensorId, ImportError> {
    let operand = Operand::required(importer, node, 1, "starts")?;
    let list = |operand: &Operand<'m>| {
        if operand.len()? > MAX_RANK {
            return Err(operand.error(format!("must be a list of at most {MAX_RANK} numbers")));
        }
        numbers(operand)
    };
    let starts = list(&operand)?;
    let ends = list(&Operand::required(importer, node, 2, "ends")?)?;
    let axes = match Operand::optional(importer, node, 3, "axes")? {
        Some(axes) => list(&axes)?,
        None => (0..starts.len() as i64).collect(),
    };
    let steps = match Operand::optional(importer, node, 4, "steps")? {
        Some(steps) => list(&steps)?,
        None => vec![1; starts.len()],
    };
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(operand.error("is not as long as the other lists".to_string()));
    }
    for (index, &axis) in axes.iter().enumerate() {
        let rank = importer.tensors[id.0].shape.len();
        let (start, end, step) = (starts[index], ends[index], steps[index]);
        // Leaves the batch as it is.
        if [0, -(rank as i64) - 1].contains(&axis)
            && start == 0
            && end >= i64::from(i32::MAX)
            && step == 1
        {
            continue;
        }
        let axis = sample_axis(node, axis, rank)?;
        let size = importer.tensors[id.0].shape[axis] as i64;
        let (first, count) = cells_of(size, start, end, step);
        if count == 0 {
            return Err(operand.error(format!(
                "from {start} to {end} in steps of {step} names no cell of an axis of size {size}"
            )));
        }
        if (first, step, count) == (0, 1, size) {
            continue;
        }
        spend_indices(importer, node, count as usize)?;
        // With a longer step than the axis there is one cell.
        let indices = (0..count).map(|cell| (first + cell * step.clamp(-size, size)) as usize);
        id = choose(importer, node, id, axis, indices.collect())?;
    }
    Ok(id)
}

/// The first index of a slice of an axis, and how many there are, as numpy counts them.
fn cells_of(size: i64, start: i64, end: i64, step: i64) -> (i64, i64) {
    let from_front = |index: i64| {
        if index < 0 {
            index.saturating_add(size)
        } else {
            index
        }
    };
    let (start, end) = (from_front(start), from_front(end));
    match step {
        0 => (0, 0),
        1.. => {
            let start = start.clamp(0, size);
            let reach = (end.clamp(0, size) - start).max(0);
            (start, (reach - 1).div_euclid(step) + 1)
        }
        _ => {
            let start = start.clamp(-1, size - 1);
            let reach = (start - end.clamp(-1, size - 1)).max(0);
            // No step is longer than the axis; -step may not overflow.
            (start, (reach - 1).div_euclid(step.max(-size).abs()) + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cells_of;

    #[test]
    fn slices_are_numpys() {
        for (start, end, step, expected) in [
            (0, 5, 1, &[0, 1, 2, 3, 4][..]),
            (1, -1, 1, &[1, 2, 3]),
            (-2, i64::MAX, 1, &[3, 4]),
            (0, 5, 2, &[0, 2, 4]),
            (0, 4, 2, &[0, 2]),
            (3, 1, 1, &[]),
            (-1, i64::MIN, -1, &[4, 3, 2, 1, 0]),
            (4, 0, -2, &[4, 2]),
            (9, -9, -3, &[4, 1]),
            (2, 3, i64::MAX, &[2]),
            (2, 0, i64::MIN, &[2]),
            (0, 5, 0, &[]),
        ] {
            let (first, count) = cells_of(5, start, end, step);
            let step = step.clamp(-5, 5);
            let found: Vec<_> = (0..count).map(|cell| first + cell * step).collect();
            assert_eq!(found, expected, "{start}:{end}:{step}");
        }
    }
}
