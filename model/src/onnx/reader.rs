//! The decoded file as the importer wants it: constants by name, nodes in topological order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use rten_onnx::onnx::{GraphProto, ModelProto, TensorProto, ValueInfoProto};

use super::fold::tensor_of;
use super::node::NodeView;
use crate::error::{ImportError, Shown};

/// A model file, resolved but not interpreted.
pub(super) struct Source<'m> {
    pub(super) file: &'m str,
    /// Without the `Constant` nodes, each behind those that it depends on.
    pub(super) nodes: Vec<NodeView<'m>>,
    /// Initializers and the values of `Constant` nodes.
    pub(super) constants: HashMap<&'m str, &'m TensorProto>,
    pub(super) input: &'m ValueInfoProto,
    pub(super) output: &'m str,
    /// How often a name is used: by nodes, and as the model's output.
    pub(super) uses: HashMap<&'m str, usize>,
    /// The version of the standard operator set.
    pub(super) opset: i64,
}

/// Resolves names and sorts the nodes.
pub(super) fn read<'m>(model: &'m ModelProto, file: &'m str) -> Result<Source<'m>, ImportError> {
    let fail = |detail: &str| ImportError::Model {
        file: file.to_string(),
        detail: detail.to_string(),
    };
    let graph = model.graph.as_ref().ok_or_else(|| ImportError::Malformed {
        file: file.to_string(),
        detail: "it has no graph; is this an .onnx file?".to_string(),
    })?;
    let opset = check_opsets(model, file)?;

    let mut constants: HashMap<&str, &TensorProto> = HashMap::new();
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or("");
        if constants.insert(name, tensor).is_some() {
            let detail = format!("the initializer `{}` is defined twice", Shown(name));
            return Err(ImportError::Model {
                file: file.to_string(),
                detail,
            });
        }
    }
    let mut nodes = Vec::new();
    for proto in &graph.node {
        let node = NodeView { proto, file };
        if (node.domain(), node.op_type()) == ("", "Constant") {
            let (name, tensor) = constant_node(node)?;
            if constants.insert(name, tensor).is_some() {
                return Err(defined_twice(node, name));
            }
        } else {
            nodes.push(node);
        }
    }

    // Before IR version 4, initializers had to be listed among the inputs as well.
    let is_fed = |v: &&ValueInfoProto| !constants.contains_key(v.name.as_deref().unwrap_or(""));
    let mut inputs = graph.input.iter().filter(is_fed);
    let input = inputs
        .next()
        .ok_or_else(|| fail("the model has no input"))?;
    if inputs.next().is_some() {
        return Err(fail(
            "the model has several inputs; exactly one is supported",
        ));
    }
    let input_name = input.name.as_deref().filter(|name| !name.is_empty());
    let input_name = input_name.ok_or_else(|| fail("the model's input has no name"))?;
    let [output] = graph.output.as_slice() else {
        return Err(fail("exactly one output is supported; remove the others"));
    };
    let output = output.name.as_deref().unwrap_or("");

    let nodes = sort(&nodes, &constants, input_name)?;
    let mut uses = HashMap::new();
    *uses.entry(output).or_insert(0) += 1;
    for name in nodes.iter().flat_map(|node| &node.proto.input) {
        *uses.entry(name.as_str()).or_insert(0) += 1;
    }
    check_subgraphs(graph, file)?;
    Ok(Source {
        file,
        nodes,
        constants,
        input,
        output,
        uses,
        opset,
    })
}

/// Operators keep their meaning over the supported versions, but for `Softmax`. Returns the version of the standard set.
fn check_opsets(model: &ModelProto, file: &str) -> Result<i64, ImportError> {
    let mut standard = None;
    for opset in &model.opset_import {
        let range = match opset.domain.as_deref().unwrap_or("") {
            "" | "ai.onnx" => 10..=25,
            "com.microsoft" => 1..=1,
            // Others hold no operator that is supported: a node of theirs is refused by name.
            _ => continue,
        };
        let version = opset.version.unwrap_or(0);
        if !range.contains(&version) {
            let domain = Shown(opset.domain.as_deref().unwrap_or(""));
            let (low, high) = (range.start(), range.end());
            let detail = format!(
                "operator set `{domain}` version {version} is not supported, only {low} to {high}; \
                 convert the model"
            );
            return Err(ImportError::Model {
                file: file.to_string(),
                detail,
            });
        }
        if *range.start() == 10 {
            standard = Some(version);
        }
    }
    standard.ok_or_else(|| ImportError::Model {
        file: file.to_string(),
        detail: "no version of the standard operator set is named; convert the model".to_string(),
    })
}

/// Operators with a subgraph are refused by name already; this keeps the rule explicit.
fn check_subgraphs(graph: &GraphProto, file: &str) -> Result<(), ImportError> {
    for proto in &graph.node {
        if let Some(attribute) = proto.attribute.iter().find(|a| a.g.is_some()) {
            let name = attribute.name.as_deref().unwrap_or("");
            let detail = "subgraphs are not supported".to_string();
            return Err(NodeView { proto, file }.attribute(name, detail));
        }
    }
    Ok(())
}

fn constant_node<'m>(node: NodeView<'m>) -> Result<(&'m str, &'m TensorProto), ImportError> {
    node.expect_attributes(&["value"])?;
    let name = single_output(node)?;
    match node.find("value").and_then(tensor_of) {
        Some(tensor) => Ok((name, tensor)),
        None => Err(node.attribute("value", "must be a tensor".to_string())),
    }
}

/// The one result of a node; further ones must be left out.
fn single_output<'m>(node: NodeView<'m>) -> Result<&'m str, ImportError> {
    match node.proto.output.split_first() {
        Some((first, rest)) if !first.is_empty() && rest.iter().all(String::is_empty) => Ok(first),
        _ => Err(node.unsupported("must have exactly one output".to_string())),
    }
}

fn defined_twice(node: NodeView<'_>, name: &str) -> ImportError {
    let detail = format!("computes `{}`, which is already defined", Shown(name));
    ImportError::Wiring {
        site: node.site(),
        detail,
    }
}

/// Topological order; among ready nodes the one that the file has first.
fn sort<'m>(
    nodes: &[NodeView<'m>],
    constants: &HashMap<&'m str, &'m TensorProto>,
    input: &'m str,
) -> Result<Vec<NodeView<'m>>, ImportError> {
    let mut producer = HashMap::new();
    for (index, &node) in nodes.iter().enumerate() {
        let name = single_output(node)?;
        if name == input || constants.contains_key(name) || producer.insert(name, index).is_some() {
            return Err(defined_twice(node, name));
        }
    }
    let mut missing = vec![0usize; nodes.len()];
    let mut consumers = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for name in node
            .proto
            .input
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
        {
            if let Some(&from) = producer.get(name) {
                consumers[from].push(index);
                missing[index] += 1;
            } else if name != input && !constants.contains_key(name) {
                let detail = "is computed by no node, and neither the input nor an initializer";
                return Err(node.operand("operand", name, detail.to_string()));
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes.len())
        .filter(|&index| missing[index] == 0)
        .map(Reverse)
        .collect();
    let mut sorted = Vec::new();
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(nodes[index]);
        for &consumer in &consumers[index] {
            missing[consumer] -= 1;
            if missing[consumer] == 0 {
                ready.push(Reverse(consumer));
            }
        }
    }
    match missing.iter().position(|&m| m > 0) {
        None => Ok(sorted),
        Some(index) => Err(ImportError::Wiring {
            site: nodes[index].site(),
            detail: "is part of a cycle or waits for one".to_string(),
        }),
    }
}
