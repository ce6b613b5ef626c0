//! `Gather` with constant indices: cells of a tensor, as one token of a sequence.

use rten_onnx::onnx::DataType;

use super::importer::Importer;
use super::movement::sample_axis;
use super::node::NodeView;
use super::operands::Operand;
use super::value::{Mapped, Value};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::Op;
use crate::validate::MAX_TENSOR_CELLS;

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
        let detail = "is computed from the model's input; only constant indices are supported: look \
            embeddings up in front of the model and feed it their rows";
        return Err(node.operand("indices", indices_name, detail.to_string()));
    }
    if importer.is_constant(name) {
        let detail = "is a constant like the indices, but cells cannot be taken out of it here; both must be stored in \
            the file, and indices lie inside of the axis";
        return Err(node.operand("data", name, detail.to_string()));
    }
    let value = importer.value(node, "data", name)?;
    let take = |importer: &mut Importer<'m>, id| take(importer, node, id);
    match value {
        Value::Quantized(id) => Ok(Value::Quantized(take(importer, id)?)),
        Value::Dequantized(id) => Ok(Value::Dequantized(take(importer, id)?)),
        Value::Mapped(Mapped { tensor, function }) => {
            let tensor = take(importer, tensor)?;
            Ok(Value::Mapped(Mapped { tensor, function }))
        }
        Value::Pending(pending) => Ok(Value::Pending(pending.then_move(importer, node))),
        other => {
            let is = other.describe();
            let detail = format!("is {is}; gather from quantized tensors instead");
            Err(node.operand("data", name, detail))
        }
    }
}

fn take<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
) -> Result<TensorId, ImportError> {
    let shape = importer.tensors[id.0].shape.clone();
    let axis = sample_axis(node, node.int("axis", 0)?, shape.len())?;
    let operand = Operand::required(importer, node, 1, "indices")?;
    let dims = operand.dims()?;
    if operand.len()? > MAX_TENSOR_CELLS {
        return Err(operand.error("names more cells than a tensor may have".to_string()));
    }
    importer.spend_memory(node, operand.len()?.saturating_mul(size_of::<usize>()))?;
    let size = shape[axis];
    let stated: Vec<i64> = if operand.data_type() == DataType::INT32 {
        operand.int32s()?.into_iter().map(i64::from).collect()
    } else {
        operand.int64s()?
    };
    let from_front = |&index: &i64| {
        let index = if index < 0 {
            index.checked_add(size as i64)?
        } else {
            index
        };
        usize::try_from(index).ok().filter(|&index| index < size)
    };
    let mut indices = Vec::new();
    for index in &stated {
        indices.push(from_front(index).ok_or_else(|| {
            operand.error(format!("names index {index} of an axis of size {size}"))
        })?);
    }
    if indices.is_empty() {
        return Err(operand.error("is empty".to_string()));
    }
    let is_whole = indices.iter().copied().eq(0..size);
    let mut taken = shape.clone();
    taken[axis] = indices.len();
    let id = if is_whole {
        id
    } else {
        let op = Op::Gather { axis, indices };
        importer.add_copy(node, vec![id], op, taken)?
    };
    // The axes of the indices take the place of the axis: none for a single index.
    let shape = [&shape[..axis], &dims, &shape[axis + 1..]].concat();
    importer.add_view(node, id, shape)
}
