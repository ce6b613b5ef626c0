//! The operators of attention: products of two tensors, softmax and normalization of rows.

use crate::graph::{Graph, Node};
use crate::layer_norm::LayerNormRule;
use crate::op::LayerNorm;
use crate::softmax::SoftmaxRule;

/// Accumulators of a product of two tensors, row-major.
pub(super) fn mat_mul(graph: &Graph, node: &Node, tensors: &[Vec<i32>]) -> Vec<i64> {
    let &[a, b] = node.inputs.as_slice() else {
        return Vec::new();
    };
    let zero_points = [a, b].map(|id| graph.tensor(id).quantization.zero_point);
    let (&[.., m, k], Some(&n)) = (
        graph.tensor(a).shape.as_slice(),
        graph.tensor(b).shape.last(),
    ) else {
        return Vec::new();
    };
    let (a, b) = (&tensors[a.0], &tensors[b.0]);
    let mut accumulators = Vec::new();
    for (a, b) in a.chunks_exact(m * k).zip(b.chunks_exact(k * n)) {
        for row in a.chunks_exact(k) {
            for column in 0..n {
                let terms = row.iter().zip(b[column..].iter().step_by(n));
                let product = |(&a, &b): (&i32, &i32)| {
                    i64::from(a - zero_points[0]) * i64::from(b - zero_points[1])
                };
                accumulators.push(terms.map(product).sum());
            }
        }
    }
    accumulators
}

/// The softmax of each row.
pub(super) fn softmax(graph: &Graph, node: &Node, whole_steps: bool, x: &[i32]) -> Vec<i32> {
    let (from, to) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    let len = from.shape.last().copied().unwrap_or(0);
    match SoftmaxRule::new(from.quantization, to.quantization, len, whole_steps) {
        Some(rule) => x
            .chunks_exact(len)
            .flat_map(|row| rule.apply(row))
            .collect(),
        None => Vec::new(),
    }
}

/// Normalized rows, with their accumulators.
pub(super) fn layer_norm(
    graph: &Graph,
    node: &Node,
    norm: &LayerNorm,
    x: &[i32],
) -> (Vec<i32>, Vec<i64>) {
    let (from, to) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    let rows = norm.rows(&from.shape);
    let Some(rule) = LayerNormRule::new(norm, from.quantization, to.quantization, rows) else {
        return (Vec::new(), Vec::new());
    };
    let center = from.quantization.qtype.min() + 128;
    let cells: Vec<i64> = x.iter().map(|&x| i64::from(x - center)).collect();
    let groups = cells.chunks_exact(rows * rule.features());
    let accumulators: Vec<i64> = groups.flat_map(|group| rule.accumulate(group)).collect();
    (
        accumulators.iter().map(|&sum| rule.of_sum(sum)).collect(),
        accumulators,
    )
}
