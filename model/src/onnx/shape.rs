//! Operators that keep the cells and their order: `Flatten`, `Reshape`, `Squeeze`, `Unsqueeze`,
//! `Identity`.
//!
//! Axis 0 is the batch and has to stay that: a view may rearrange the axes of a sample, but not
//! move cells from one sample to another.

use super::importer::{Importer, MAX_RANK, cells};
use super::movement::axis_list;
use super::node::NodeView;
use super::operands::Operand;
use super::value::{Mapped, Value};
use crate::error::ImportError;

/// `Identity(x)`.
pub(super) fn identity<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    importer.value(node, "input", node.require_input(0, "input")?)
}

/// `Flatten(x)`: the axes from `axis` on become one.
pub(super) fn flatten<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&["axis"])?;
    let axis = node.int("axis", 1)?;
    view(importer, node, |_, sample| {
        let rank = sample.len() as i64 + 1;
        let from = if axis < 0 {
            axis.checked_add(rank)
        } else {
            Some(axis)
        };
        match from.filter(|from| (1..=rank).contains(from)) {
            // The axes in front of `from` are joined with the batch, so they must be 1.
            Some(from) if sample[..from as usize - 1].iter().all(|&d| d == 1) => {
                Ok(vec![sample.iter().product()])
            }
            _ => Err(node.attribute(
                "axis",
                format!("is {axis}, which joins axes of {sample:?} with the batch; use 1"),
            )),
        }
    })
}

/// `Reshape(x, shape)` with a constant shape.
pub(super) fn reshape<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["allowzero"])?;
    let copies_zero = !node.flag("allowzero", false)?;
    let operand = Operand::required(importer, node, 1, "shape")?;
    if operand.dims()?.len() != 1 || operand.len()? > MAX_RANK {
        return Err(operand.error(format!("must be a list of at most {MAX_RANK} numbers")));
    }
    let wanted = operand.int64s()?;
    view(importer, node, |batch, sample| {
        let refuse = |why: &str| {
            node.shape(format!(
                "cannot reshape [batch, {}] to {wanted:?}: {why}",
                sample
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            ))
        };
        let Some((&first, rest)) = wanted.split_first() else {
            return Err(refuse("the batch axis is lost"));
        };
        let total: usize = sample.iter().product();
        let mut shape = Vec::new();
        let mut open = None;
        for (axis, &dim) in rest.iter().enumerate() {
            let size = match dim {
                0 if copies_zero => sample.get(axis).copied(),
                -1 if open.is_none() => {
                    open = Some(axis);
                    Some(1)
                }
                _ => usize::try_from(dim).ok().filter(|&d| d > 0),
            };
            shape.push(size.ok_or_else(|| refuse("the shape is not meaningful"))?);
        }
        let known = cells(&shape).ok_or_else(|| refuse("the shape is too large"))?;
        if let Some(axis) = open {
            if first == -1 {
                return Err(refuse("two axes are open"));
            }
            shape[axis] = total / known;
        }
        if cells(&shape) != Some(total) {
            return Err(refuse("a sample would have another number of values"));
        }
        // With the rest of the shape taking one sample exactly, these leave the batch as it is.
        let keeps_batch = first == -1 || (first == 0 && copies_zero) || Some(first) == batch;
        if !keeps_batch {
            return Err(refuse("axis 0 must stay the batch; write 0 or -1 there"));
        }
        Ok(shape)
    })
}

/// `Squeeze(x, axes)`: takes axes of size 1 out.
pub(super) fn squeeze<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["axes"])?;
    let axes = axes_of(importer, node)?;
    view(importer, node, |_, sample| {
        let rank = sample.len() as i64 + 1;
        let axes = sample_axes(node, &axes, rank)?;
        if let Some(&axis) = axes.iter().find(|&&axis| sample[axis] != 1) {
            let size = sample[axis];
            return Err(node.shape(format!("axis {} has size {size}, not 1", axis + 1)));
        }
        let kept = sample
            .iter()
            .enumerate()
            .filter(|(axis, _)| !axes.contains(axis));
        Ok(kept.map(|(_, &size)| size).collect())
    })
}

/// `Unsqueeze(x, axes)`: puts axes of size 1 in.
pub(super) fn unsqueeze<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["axes"])?;
    let axes = axes_of(importer, node)?;
    view(importer, node, |_, sample| {
        let total = sample.len() + axes.len();
        let axes = sample_axes(node, &axes, total as i64 + 1)?;
        let mut sizes = sample.iter();
        let size = |axis: usize| {
            if axes.contains(&axis) {
                Some(1)
            } else {
                sizes.next().copied()
            }
        };
        let shape: Option<Vec<usize>> = (0..total).map(size).collect();
        let shape = shape.filter(|shape| cells(shape).is_some());
        shape.ok_or_else(|| node.shape("has too many axes".to_string()))
    })
}

/// The operand `axes`, an attribute in earlier operator sets.
pub(super) fn axes_of<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
) -> Result<Vec<i64>, ImportError> {
    let axes = match (
        node.ints("axes")?,
        Operand::optional(importer, node, 1, "axes")?,
    ) {
        (Some(axes), None) if axes.len() <= MAX_RANK => axes.to_vec(),
        (None, Some(operand)) => axis_list(&operand)?,
        _ => {
            let detail = "must be given once, as a short list: without it the batch could vanish";
            return Err(node.attribute("axes", detail.to_string()));
        }
    };
    Ok(axes)
}

/// Axes of a file's tensor of this rank as axes of one sample.
pub(super) fn sample_axes(
    node: NodeView<'_>,
    axes: &[i64],
    rank: i64,
) -> Result<Vec<usize>, ImportError> {
    let sample_axis = |&axis: &i64| {
        let axis = if axis < 0 {
            axis.checked_add(rank)?
        } else {
            axis
        };
        (1..rank).contains(&axis).then(|| axis as usize - 1)
    };
    let converted: Option<Vec<usize>> = axes.iter().map(sample_axis).collect();
    converted
        .filter(|axes| (1..axes.len()).all(|at| !axes[..at].contains(&axes[at])))
        .ok_or_else(|| {
            let detail = format!(
                "is {axes:?}, but must name axes from 1 to {} once each; axis 0 is the batch",
                rank - 1
            );
            node.attribute("axes", detail)
        })
}

/// A view of the first operand, whatever kind of value that is.
fn view<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    reshaped: impl Fn(Option<i64>, &[usize]) -> Result<Vec<usize>, ImportError>,
) -> Result<Value<'m>, ImportError> {
    let name = node.require_input(0, "input")?;
    let batch = importer.batch;
    match importer.value(node, "input", name)? {
        Value::Input(input) => {
            let shape = reshaped(batch, &importer.float_views[input.view].shape)?;
            Ok(Value::Input(
                importer.view_float_input(node, input, shape, None),
            ))
        }
        Value::Quantized(id) => {
            let shape = reshaped(batch, &importer.tensors[id.0].shape)?;
            Ok(Value::Quantized(importer.add_view(node, id, shape)?))
        }
        Value::Dequantized(id) => {
            let shape = reshaped(batch, &importer.tensors[id.0].shape)?;
            Ok(Value::Dequantized(importer.add_view(node, id, shape)?))
        }
        Value::Mapped(Mapped { tensor, function }) => {
            let shape = reshaped(batch, &importer.tensors[tensor.0].shape)?;
            let tensor = importer.add_view(node, tensor, shape)?;
            Ok(Value::Mapped(Mapped { tensor, function }))
        }
        Value::Pending(pending) => Ok(Value::Pending(pending.then_move(importer, node))),
        Value::Displaced(_) => {
            let detail = "is a tensor whose axis 0 is not the batch; move that back to the front with a Transpose or Gather";
            Err(node.operand("input", name, detail.to_string()))
        }
        other @ (Value::Constant(_) | Value::Tokens | Value::Rows(_)) => {
            let is = other.describe();
            let detail = format!("is {is}; reshape it in the file instead, or what is made of it");
            Err(node.operand("input", name, detail))
        }
    }
}
