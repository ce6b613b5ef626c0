//! The size of operators, in the units that people compare models by.

use winterforge_model::{Elementwise, Graph, Node, Op};

/// Constants that an operator holds: weights, biases, gains, constant operands.
pub(crate) fn parameters(op: &Op) -> u64 {
    let constants = |op: &Elementwise| -> usize {
        let constants = op.constants.iter().flatten();
        constants.map(|constant| constant.values.len()).sum()
    };
    let count = match op {
        Op::Linear(linear) => linear.weights.len() + linear.bias.len(),
        Op::Conv(conv) => conv.weights.len() + conv.bias.len(),
        Op::LayerNorm(norm) => norm.gamma.len() + norm.beta.len(),
        Op::Add(op) | Op::Mul(op) => constants(op),
        Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::GlobalAveragePool { .. }
        | Op::MatMul { .. }
        | Op::Softmax { .. }
        | Op::Gather { .. }
        | Op::Table(_)
        | Op::Concat { .. }
        | Op::Transpose { .. }
        | Op::Pad(_)
        | Op::View => 0,
    };
    count as u64
}

/// Multiply-accumulates of one sample: a product for each weight, or cell of the second operand, that an output reads;
/// padding included as usual.
pub(crate) fn macs(graph: &Graph, node: &Node) -> u64 {
    let factors_per_output = match &node.op {
        Op::Linear(linear) => linear.in_features,
        Op::Conv(conv) => conv.filter_len(),
        Op::MatMul { .. } => {
            let a = node
                .inputs
                .first()
                .and_then(|&id| graph.tensor(id).shape.last());
            a.copied().unwrap_or(0)
        }
        _ => 0,
    };
    (graph.tensor(node.output).len() * factors_per_output) as u64
}
