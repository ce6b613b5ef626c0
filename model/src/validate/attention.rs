//! The operators of encoders.

use super::{Checked, check_requant, holds};
use crate::graph::{Graph, Node, Tensor};
use crate::layer_norm::LayerNormRule;
use crate::op::LayerNorm;
use crate::requant::Requant;
use crate::softmax::SoftmaxRule;

/// What a softmax is refused with whose sums or steps are out of range.
pub(crate) const SOFTMAX: &str = "rows of this length, or outputs of this scale, have no exact integer form; use rows of \
    up to 2^17 cells and an output scale between 2^-16 and 1";

/// What a normalization is refused with whose sums are out of range.
pub(crate) const LAYER_NORM: &str = "with these parameters and scales there is no exact integer form; use a larger output \
    scale, or shorter rows";

pub(super) fn check_mat_mul(graph: &Graph, node: &Node, requant: &Requant, y: &Tensor) -> Checked {
    let &[a, b] = node.inputs.as_slice() else {
        return Err("must have two operands");
    };
    let (a, b) = (graph.tensor(a), graph.tensor(b));
    let shapes = (a.shape.as_slice(), b.shape.as_slice(), y.shape.as_slice());
    let fits = match shapes {
        ([leading @ .., m, k], [also @ .., inner, n], [result @ .., rows, columns]) => {
            leading == also && leading == result && (k, m, n) == (inner, rows, columns)
        }
        _ => false,
    };
    holds(fits, "shapes do not fit a matrix product")?;
    check_requant(std::slice::from_ref(requant), y)
}

pub(super) fn check_softmax(whole_steps: bool, x: &Tensor, y: &Tensor) -> Checked {
    holds(x.shape == y.shape, "a softmax must keep the shape")?;
    let len = x.shape.last().copied().unwrap_or(0);
    let rule = SoftmaxRule::new(x.quantization, y.quantization, len, whole_steps);
    holds(rule.is_some(), SOFTMAX)
}

pub(super) fn check_layer_norm(norm: &LayerNorm, x: &Tensor, y: &Tensor) -> Checked {
    let fits = match x.shape.as_slice() {
        [leading @ .., _, features] if norm.mean => y.shape == [leading, &[*features]].concat(),
        shape => !norm.mean && y.shape == shape,
    };
    holds(fits, "shapes do not fit the normalization")?;
    let features = x.shape.last() == Some(&norm.gamma.len());
    holds(features, "rows are not as long as the parameters")?;
    let rows = norm.rows(&x.shape);
    let rule = LayerNormRule::new(norm, x.quantization, y.quantization, rows);
    holds(rule.is_some(), LAYER_NORM)
}
