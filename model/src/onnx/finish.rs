//! The end of an import: the output boundary, unused nodes, and the checks over the whole graph.

use super::importer::Importer;
use super::node::NodeView;
use super::value::Value;
use crate::error::{GraphError, ImportError, Shown};
use crate::graph::{Graph, OutputBoundary, Tensor, TensorId};
use crate::op::Op;

/// Turns a completed import into a validated graph.
pub(super) fn finish(mut importer: Importer<'_>) -> Result<Graph, ImportError> {
    let file = importer.source.file;
    let fail = |detail: String| ImportError::Model {
        file: file.to_string(),
        detail,
    };
    let name = Shown(importer.source.output);
    let (output, output_boundary) = match importer.output_value() {
        Some(Value::Quantized(id)) => (id, OutputBoundary::Quantized),
        Some(Value::Dequantized(id)) => (id, OutputBoundary::Float),
        Some(other) => {
            return Err(fail(format!(
                "the output `{name}` is {}; it must be an 8-bit tensor or DequantizeLinear of one",
                other.describe()
            )));
        }
        None => return Err(fail(format!("the output `{name}` is computed by no node"))),
    };
    let Some((input, input_boundary)) = importer.input.take() else {
        let never = match importer.tokens {
            Some(_) => "looked up in a table",
            None => "quantized",
        };
        return Err(fail(format!("the model's input is never {never}")));
    };
    let mut tensors = Vec::new();
    for (index, draft) in importer.tensors.iter().enumerate() {
        let quantization = importer.quantization(TensorId(index)).ok_or_else(|| {
            fail(format!(
                "no node tells the scale of tensor `{}`",
                Shown(&draft.name)
            ))
        })?;
        let (name, shape) = (draft.name.clone(), draft.shape.clone());
        tensors.push(Tensor {
            name,
            shape,
            quantization,
        });
    }
    let nodes = importer.nodes;
    let mut graph = Graph {
        tensors,
        nodes,
        input,
        output,
        input_boundary,
        output_boundary,
    };
    let origins = prune(&mut graph, importer.origins);
    if graph.nodes.iter().all(|node| node.op == Op::View) {
        return Err(fail(
            "the output depends on no integer operator".to_string(),
        ));
    }
    match graph.validate() {
        Ok(()) => Ok(graph),
        Err(source) => {
            let index = match &source {
                GraphError::Structure { index, .. }
                | GraphError::Accumulator { index, .. }
                | GraphError::Requantization { index, .. } => *index,
                GraphError::Tensors(_) => return Err(fail(source.to_string())),
            };
            match origins.get(index) {
                Some(node) => Err(ImportError::Exactness {
                    site: node.site(),
                    source,
                }),
                None => Err(fail(source.to_string())),
            }
        }
    }
}

/// Removes what the output does not depend on, so that it neither enters the id nor is proven.
/// `origins` runs beside the nodes.
fn prune<'m>(graph: &mut Graph, origins: Vec<NodeView<'m>>) -> Vec<NodeView<'m>> {
    let mut live = vec![false; graph.tensors.len()];
    live[graph.input.0] = true;
    live[graph.output.0] = true;
    for node in graph.nodes.iter().rev() {
        if live[node.output.0] {
            node.inputs.iter().for_each(|input| live[input.0] = true);
        }
    }
    let mut renumbered = Vec::new();
    let mut next = 0;
    for &is_live in &live {
        renumbered.push(TensorId(next));
        next += usize::from(is_live);
    }
    let mut is_live = live.iter().copied();
    graph.tensors.retain(|_| is_live.next().unwrap_or(false));
    let keeps: Vec<bool> = graph.nodes.iter().map(|node| live[node.output.0]).collect();
    let mut keep = keeps.iter().copied();
    graph.nodes.retain(|_| keep.next().unwrap_or(false));
    for node in &mut graph.nodes {
        for id in node.inputs.iter_mut().chain([&mut node.output]) {
            *id = renumbered[id.0];
        }
    }
    graph.input = renumbered[graph.input.0];
    graph.output = renumbered[graph.output.0];
    origins
        .into_iter()
        .zip(keeps)
        .filter(|(_, keep)| *keep)
        .map(|(node, _)| node)
        .collect()
}
