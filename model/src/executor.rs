//! The reference executor: one sample through the graph, in the plainest integer code.
//!
//! This is the definition that goldens, constraints and hardware are held against, so nothing here
//! is optimised.

use crate::error::ExecuteError;
use crate::graph::{Graph, Linear, Node, Op};

/// Every value of one evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The cells of each tensor, row-major, indexed by [`TensorId`](crate::TensorId).
    pub tensors: Vec<Vec<i32>>,
    /// The accumulators of each node before requantization, bias included, as
    /// `[position][channel]`; empty for operators that have none.
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
        let x = &execution.tensors[node.inputs[0].0];
        let (y, accumulators) = match &node.op {
            Op::Linear(linear) => evaluate_linear(graph, node, linear, x),
            Op::View => (x.clone(), Vec::new()),
        };
        execution.tensors[node.output.0] = y;
        execution.accumulators[index] = accumulators;
    }
    Ok(execution)
}

fn evaluate_linear(graph: &Graph, node: &Node, linear: &Linear, x: &[i32]) -> (Vec<i32>, Vec<i64>) {
    let zero_point = graph.tensor(node.inputs[0]).quantization.zero_point;
    let mut accumulators = Vec::new();
    let mut y = Vec::new();
    for position in x.chunks_exact(linear.in_features) {
        for channel in 0..linear.out_features {
            let mut acc = i64::from(linear.bias[channel]);
            for (&q, &w) in position.iter().zip(linear.row(channel)) {
                acc += i64::from(q - zero_point) * i64::from(w);
            }
            accumulators.push(acc);
            y.push(linear.requant[channel].apply(acc));
        }
    }
    (y, accumulators)
}
