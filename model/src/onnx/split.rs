//! `Split`, the only operator with several results that is read: one node for each result.

use rten_onnx::onnx::{AttributeProto, AttributeType, GraphProto};

use super::fold::is;
use super::gather::{choose, numbers, on_cells, spend_indices};
use super::importer::{Importer, MAX_RANK};
use super::movement::sample_axis;
use super::node::NodeView;
use super::operands::Operand;
use super::value::Value;
use crate::error::ImportError;
use crate::graph::TensorId;

/// Results of one node: copies of it take memory.
const MAX_RESULTS: usize = 64;

/// Tells the node of a result which one it is, and of how many.
const RESULT: &str = "result of";

/// Makes a node of each result. Nodes with more than are supported stay as they are, and are refused for that; a file that has the
/// attribute itself has it twice then, which is refused as well.
pub(super) fn separate(graph: &mut GraphProto) {
    let is_split = |node: &_| is(node, "Split");
    if !graph.node.iter().any(is_split) {
        return;
    }
    for node in std::mem::take(&mut graph.node) {
        let count = node.output.len();
        if !is_split(&node) || !(1..=MAX_RESULTS).contains(&count) {
            graph.node.push(node);
            continue;
        }
        for (index, output) in node.output.iter().enumerate() {
            let mut one = node.clone();
            one.output = vec![output.clone()];
            one.attribute.push(AttributeProto {
                name: Some(RESULT.to_string()),
                ints: vec![index as i64, count as i64],
                r#type: Some(AttributeType::INTS),
                ..AttributeProto::default()
            });
            graph.node.push(one);
        }
    }
}

/// One result of `Split(input, split?)`.
pub(super) fn split<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&["axis", "split", "num_outputs", RESULT])?;
    on_cells(importer, node, part)
}

fn part<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
) -> Result<TensorId, ImportError> {
    let (index, count) = match node.ints(RESULT)? {
        Some(&[index, count]) => (index, count),
        _ => (0, 1),
    };
    let shape = &importer.tensors[id.0].shape;
    let axis = sample_axis(node, node.int("axis", 0)?, shape.len())?;
    let size = shape[axis] as i64;
    let stated = match (
        node.ints("split")?,
        Operand::optional(importer, node, 1, "split")?,
    ) {
        (Some(sizes), None) => Some(sizes.to_vec()),
        (None, Some(operand)) if operand.len()? <= MAX_RESULTS => Some(numbers(&operand)?),
        (None, None) => None,
        _ => {
            let detail = format!("must be given once, as a list of at most {MAX_RESULTS} numbers");
            return Err(node.attribute("split", detail));
        }
    };
    let sizes = stated.unwrap_or_else(|| {
        // Equal parts, the last of which may be smaller.
        let each = (size - 1).div_euclid(count.max(1)) + 1;
        let part = |index: i64| (size - index * each).clamp(0, each);
        (0..count.clamp(0, MAX_RESULTS as i64)).map(part).collect()
    });
    let total = sizes
        .iter()
        .try_fold(0i64, |sum, &size| sum.checked_add(size));
    let own = usize::try_from(index)
        .ok()
        .and_then(|index| sizes.get(index));
    let (Some(&own), true) = (
        own.filter(|&&own| own > 0),
        total == Some(size) && sizes.len() as i64 == count && sizes.iter().all(|&size| size >= 0),
    ) else {
        return Err(node.shape(format!(
            "{count} results of sizes {:?} do not make up an axis of size {size}",
            &sizes[..sizes.len().min(MAX_RANK)]
        )));
    };
    let first: i64 = sizes.iter().take(index as usize).sum();
    spend_indices(importer, node, own as usize)?;
    let indices = (first..first + own).map(|cell| cell as usize).collect();
    choose(importer, node, id, axis, indices)
}
