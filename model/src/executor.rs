//! The reference executor: one sample through the graph, in the plainest integer code.
//!
//! This is the definition that goldens, constraints and hardware are held against, so nothing here
//! is optimised beyond an order of loops that memory likes.

mod attention;
mod elementwise;
mod linear;
mod pool;

use crate::cells::Copied;
use crate::error::ExecuteError;
use crate::graph::{Graph, Node};
use crate::op::Op;

/// Every value of one evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The cells of each tensor, row-major, indexed by [`TensorId`](crate::TensorId).
    pub tensors: Vec<Vec<i32>>,
    /// The accumulators of each node before requantization, bias included, one for each cell of its
    /// result and in the same order: `[position][channel]` of a [`Linear`](crate::Linear),
    /// `[channel][row][column]` of a [`Conv`](crate::Conv), `[channel]` of a
    /// [`GlobalAveragePool`](Op::GlobalAveragePool), the result's order of a [`MatMul`](Op::MatMul) or a
    /// [`LayerNorm`](crate::LayerNorm); empty for operators that have none.
    pub accumulators: Vec<Vec<i64>>,
}

/// Evaluates `graph` on one quantized sample.
///
/// The graph must satisfy [`Graph::validate`].
///
/// # Errors
/// If `input_q` has the wrong length or holds a number that the input's type does not.
pub fn execute(graph: &Graph, input_q: &[i32]) -> Result<Execution, ExecuteError> {
    let input = graph.tensor(graph.input);
    if input_q.len() != input.len() {
        return Err(ExecuteError::InputLength {
            expected: input.len(),
            found: input_q.len(),
        });
    }
    let qtype = input.quantization.qtype;
    if let Some(index) = input_q.iter().position(|&q| !qtype.contains(q)) {
        return Err(ExecuteError::InputValue {
            index,
            value: input_q[index],
            qtype,
        });
    }

    let mut execution = Execution {
        tensors: vec![Vec::new(); graph.tensors.len()],
        accumulators: vec![Vec::new(); graph.nodes.len()],
    };
    execution.tensors[graph.input.0] = input_q.to_vec();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (y, accumulators) = evaluate(graph, node, &execution.tensors);
        execution.tensors[node.output.0] = y;
        execution.accumulators[index] = accumulators;
    }
    Ok(execution)
}

/// The result of one node and its accumulators, if it has any.
fn evaluate(graph: &Graph, node: &Node, tensors: &[Vec<i32>]) -> (Vec<i32>, Vec<i64>) {
    let input = |index: usize| node.inputs.get(index).map(|id| tensors[id.0].as_slice());
    let x = input(0).unwrap_or(&[]);
    match &node.op {
        Op::Linear(op) => {
            let accumulators = linear::accumulate(op, &shifted(graph, node, x));
            let channel = |cell: usize| cell % op.out_features;
            requantized(&node.op, accumulators, channel)
        }
        Op::Conv(op) => {
            let shape = &graph.tensor(node.inputs[0]).shape;
            let image = [shape[1], shape[2]];
            let accumulators = linear::convolve(op, image, &shifted(graph, node, x));
            let plane = accumulators.len() / op.out_channels;
            requantized(&node.op, accumulators, |cell| cell / plane)
        }
        Op::GlobalAveragePool { .. } => {
            let channels = graph.tensor(node.output).len();
            let x = shifted(graph, node, x);
            let sum = |plane: &[i32]| plane.iter().map(|&v| i64::from(v)).sum();
            let accumulators = x.chunks_exact(x.len() / channels).map(sum).collect();
            requantized(&node.op, accumulators, |_| 0)
        }
        Op::MatMul { .. } => {
            let accumulators = attention::mat_mul(graph, node, tensors);
            requantized(&node.op, accumulators, |_| 0)
        }
        Op::Softmax { whole_steps } => {
            (attention::softmax(graph, node, *whole_steps, x), Vec::new())
        }
        Op::LayerNorm(norm) => attention::layer_norm(graph, node, norm, x),
        Op::MaxPool(window) => (pool::max(graph, node, window, x), Vec::new()),
        Op::AveragePool(op) => (pool::average(graph, node, op, x), Vec::new()),
        Op::Add(_) | Op::Mul(_) => (elementwise::combine(graph, node, tensors), Vec::new()),
        Op::Table(table) => {
            let qtype = graph.tensor(node.inputs[0]).quantization.qtype;
            let y = x.iter().map(|&q| table.apply(qtype, q)).collect();
            (y, Vec::new())
        }
        Op::View => (x.to_vec(), Vec::new()),
        Op::Concat { .. } | Op::Transpose { .. } | Op::Gather { .. } | Op::Pad(_) => {
            let sources = graph.copied_cells(node).unwrap_or_default();
            let value = |source: &Copied| match *source {
                Copied::Cell { input, cell } => tensors[node.inputs[input].0][cell],
                Copied::Constant(value) => value,
            };
            (sources.iter().map(value).collect(), Vec::new())
        }
    }
}

/// The operand less its zero point.
fn shifted(graph: &Graph, node: &Node, x: &[i32]) -> Vec<i32> {
    let zero_point = graph.tensor(node.inputs[0]).quantization.zero_point;
    x.iter().map(|&q| q - zero_point).collect()
}

fn requantized(
    op: &Op,
    accumulators: Vec<i64>,
    channel: impl Fn(usize) -> usize,
) -> (Vec<i32>, Vec<i64>) {
    let requant = op.requant();
    let cells = accumulators.iter().enumerate();
    let y = cells.map(|(cell, &acc)| requant[channel(cell)].apply(acc));
    (y.collect(), accumulators)
}
