//! Whether a graph is one that [`execute`](crate::execute) and a proof can rely on.

mod attention;

use crate::cells::broadcast_shape;
use crate::error::GraphError;
use crate::float_rules::{AddRule, AverageRule, MulRule};
use crate::graph::{Embedding, Graph, InputBoundary, Node, Tensor};
use crate::op::{AveragePool, Conv, Elementwise, Linear, Op, Pad, Table, Window};
use crate::quantization::Quantization;
use crate::requant::Requant;

pub(crate) use attention::{LAYER_NORM, SOFTMAX};

/// No tensor of one sample may have more cells.
pub(crate) const MAX_TENSOR_CELLS: usize = 1 << 26;

/// No more tokens, each of which is then a float32.
pub(crate) const MAX_TOKENS: usize = 1 << 24;

/// What an operator whose arithmetic can leave int32 is refused with.
pub(crate) const OVERFLOW: &str = "with these scales a result can leave int32 before it is \
    clamped, which ONNX Runtime gets wrong; use a larger output scale";

/// What a pool is refused with of which a window lies in the padding.
pub(crate) const BLIND_WINDOW: &str = "a window lies in the padding entirely; use smaller pads";

type Checked = Result<(), &'static str>;

impl Graph {
    /// Checks everything that [`execute`](crate::execute) and a proof rely on.
    ///
    /// # Errors
    /// If ids, shapes or lengths are inconsistent, a tensor has not exactly one producer, or a
    /// result cannot be computed exactly.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.validate_structure(true)?;
        self.validate_requantization()
    }

    /// Everything but the range of accumulators; layers with parameters, or without any.
    pub(crate) fn validate_structure(&self, parameters: bool) -> Result<(), GraphError> {
        self.validate_tensors()?;
        let mut ready = vec![false; self.tensors.len()];
        ready[self.input.0] = true;
        for (index, node) in self.nodes.iter().enumerate() {
            let structure = |detail: &str| GraphError::Structure {
                node: node.name.clone(),
                index,
                detail: detail.to_string(),
            };
            let is_ready = |id: &crate::TensorId| ready.get(id.0) == Some(&true);
            if !node.inputs.iter().all(is_ready) {
                return Err(structure("an operand is not computed before it"));
            }
            if ready.get(node.output.0) != Some(&false) {
                return Err(structure("its result is not a new tensor"));
            }
            self.check_node(node, parameters).map_err(structure)?;
            ready[node.output.0] = true;
        }
        if !ready.iter().all(|&ready| ready) {
            return Err(GraphError::Tensors("a tensor has no producer".to_string()));
        }
        Ok(())
    }

    fn validate_tensors(&self) -> Result<(), GraphError> {
        let fail = |detail: String| Err(GraphError::Tensors(detail));
        if self.input.0 >= self.tensors.len() || self.output.0 >= self.tensors.len() {
            return fail("the input or output does not exist".to_string());
        }
        if let InputBoundary::Tokens(embedding) = &self.input_boundary
            && let Err(detail) = check_embedding(embedding, self.tensor(self.input))
        {
            return fail(detail.to_string());
        }
        for tensor in &self.tensors {
            if !has_usable_shape(&tensor.shape) {
                return fail(format!(
                    "{:?} has an unusable shape {:?}",
                    tensor.name, tensor.shape
                ));
            }
            let q = tensor.quantization;
            if !is_usable(q) {
                return fail(format!(
                    "{:?} has an unusable quantization ({q})",
                    tensor.name
                ));
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &Node, parameters: bool) -> Checked {
        let y = self.tensor(node.output);
        match &node.op {
            Op::Add(op) | Op::Mul(op) => return self.check_elementwise(node, op, y),
            Op::Concat { axis } => return self.check_concat(node, *axis, y),
            Op::MatMul { requant } => return attention::check_mat_mul(self, node, requant, y),
            _ => {}
        }
        let &[x] = node.inputs.as_slice() else {
            return Err("must have exactly one operand");
        };
        let x = self.tensor(x);
        match &node.op {
            Op::Linear(linear) => check_linear(linear, parameters, x, y),
            Op::Conv(conv) => check_conv(conv, parameters, x, y),
            Op::MaxPool(window) => {
                same_quantization(x, y)?;
                check_pool(window, x, y)
            }
            Op::AveragePool(pool) => check_average_pool(pool, x, y),
            Op::GlobalAveragePool { requant } => check_global_average_pool(requant, x, y),
            Op::Softmax { whole_steps } => attention::check_softmax(*whole_steps, x, y),
            Op::LayerNorm(norm) => attention::check_layer_norm(norm, x, y),
            Op::Table(table) => check_table(table, x, y),
            Op::Transpose { perm } => check_transpose(perm, x, y),
            Op::Gather { axis, indices } => check_gather(*axis, indices, x, y),
            Op::Pad(pad) => check_pad(pad, x, y),
            Op::View | Op::Add(_) | Op::Mul(_) | Op::Concat { .. } | Op::MatMul { .. } => {
                same_quantization(x, y)?;
                holds(x.len() == y.len(), "a view must keep the number of cells")
            }
        }
    }

    fn check_elementwise(&self, node: &Node, op: &Elementwise, y: &Tensor) -> Checked {
        let constants = op.constants.iter().flatten();
        let missing = op.constants.len() - constants.clone().count();
        if node.inputs.len() != missing || missing == 0 {
            return Err("must have one operand for each that is no constant, and at least one");
        }
        for constant in constants {
            let qtype = constant.quantization.qtype;
            let fits = has_usable_shape(&constant.shape)
                && constant.shape.iter().product::<usize>() == constant.values.len()
                && is_usable(constant.quantization)
                && constant.values.iter().all(|&v| qtype.contains(v.into()));
            holds(fits, "a constant operand is malformed")?;
        }
        let [a, b] = self.operands(node).ok_or("operands are missing")?;
        let shape = broadcast_shape(a.shape, b.shape);
        holds(
            shape.as_ref() == Some(&y.shape),
            "the result has not the shape to which the operands are broadcast",
        )?;
        let quantizations = (a.quantization, b.quantization, y.quantization);
        holds(is_exact(&node.op, quantizations), OVERFLOW)
    }

    fn check_concat(&self, node: &Node, axis: usize, y: &Tensor) -> Checked {
        let mut size = 0usize;
        for &id in &node.inputs {
            let x = self.tensor(id);
            same_quantization(x, y)?;
            let mut shape = x.shape.clone();
            let (Some(along), Some(&whole)) = (shape.get_mut(axis), y.shape.get(axis)) else {
                return Err("has no such axis");
            };
            size = size.saturating_add(*along);
            *along = whole;
            holds(shape == y.shape, "operands differ on another axis")?;
        }
        holds(
            y.shape.get(axis) == Some(&size),
            "the operands do not make up the result",
        )
    }
}

/// Whether no sum or product leaves int32.
fn is_exact(op: &Op, (a, b, y): (Quantization, Quantization, Quantization)) -> bool {
    match op {
        Op::Mul(_) => MulRule::new(a, b, y).is_some(),
        _ => AddRule::new(a, b, y).is_some(),
    }
}

fn check_embedding(embedding: &Embedding, x: &Tensor) -> Checked {
    let row = x.shape.strip_prefix(embedding.shape.as_slice());
    let row = row.ok_or("the input has not the axes of the tokens")?;
    let len = (row.iter()).try_fold(1usize, |n, &d| n.checked_mul(d));
    let whole = len.is_some_and(|len| len > 0 && embedding.codes.len().is_multiple_of(len));
    holds(whole, "the table of tokens is no whole number of rows")?;
    let rows = embedding.codes.len() / len.unwrap_or(1);
    holds(
        (1..=MAX_TOKENS).contains(&rows),
        "the table of tokens has no row, or more than 2^24",
    )
}

fn check_linear(linear: &Linear, parameters: bool, x: &Tensor, y: &Tensor) -> Checked {
    let weights = linear.in_features.checked_mul(linear.out_features);
    let found = [
        linear.weights.len(),
        linear.bias.len(),
        linear.requant.len(),
        linear.weight_quantization.len(),
    ];
    check_lengths(found, weights, linear.out_features, parameters)?;
    let has_alpha = linear.alpha.to_bits() != 1f32.to_bits();
    holds(parameters || !has_alpha, "a skeleton's alpha is 1")?;
    check_weights(&linear.weights)?;
    let (Some((&k, positions)), Some((&n, y_positions))) =
        (x.shape.split_last(), y.shape.split_last())
    else {
        return Err("operands need at least one axis");
    };
    holds(
        (k, n) == (linear.in_features, linear.out_features) && positions == y_positions,
        "shapes do not fit the weights",
    )?;
    check_requant(&linear.requant, y)
}

/// A weight is an 8-bit integer less another of its type.
fn check_weights(weights: &[i16]) -> Checked {
    let in_range = weights.iter().all(|w| w.unsigned_abs() <= 255);
    holds(in_range, "a weight is no difference of two bytes")
}

/// Lengths of weights, bias and two lists by channel.
fn check_lengths(
    found: [usize; 4],
    weights: Option<usize>,
    channels: usize,
    parameters: bool,
) -> Checked {
    let weights = weights.ok_or("has too many weights")?;
    if parameters {
        let expected = [weights, channels, channels, channels];
        holds(
            found == expected,
            "weights, bias and requantization differ in size",
        )
    } else {
        holds(found == [0; 4], "a skeleton has no weights")
    }
}

fn check_conv(conv: &Conv, parameters: bool, x: &Tensor, y: &Tensor) -> Checked {
    let (i, o, groups) = (conv.in_channels, conv.out_channels, conv.groups);
    let grouped = groups > 0 && i > 0 && o > 0 && i % groups == 0 && o % groups == 0;
    holds(grouped, "groups must divide the channels")?;
    holds(conv.window.is_well_formed(), "the window is malformed")?;
    let [height, width] = conv.window.kernel;
    let sizes = [o, i / groups, height, width];
    let weights = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let found = [
        conv.weights.len(),
        conv.bias.len(),
        conv.requant.len(),
        conv.weight_quantization.len(),
    ];
    check_lengths(found, weights, o, parameters)?;
    check_weights(&conv.weights)?;
    let &[channels, height, width] = x.shape.as_slice() else {
        return Err("the operand must be an image");
    };
    let out = conv.window.output([height, width]);
    let expected = out.map(|[height, width]| vec![o, height, width]);
    holds(
        channels == i && expected.as_ref() == Some(&y.shape),
        "shapes do not fit the weights",
    )?;
    check_requant(&conv.requant, y)
}

fn check_requant(requant: &[Requant], y: &Tensor) -> Checked {
    let well_formed = |r: &Requant| {
        r.is_well_formed(y.quantization.qtype) && r.zero_point == y.quantization.zero_point
    };
    holds(
        requant.iter().all(well_formed),
        "a requantization is malformed",
    )
}

fn check_pool(window: &Window, x: &Tensor, y: &Tensor) -> Checked {
    holds(window.is_well_formed(), "the window is malformed")?;
    let &[channels, height, width] = x.shape.as_slice() else {
        return Err("the operand must be an image");
    };
    let out = window.output([height, width]);
    let expected = out.map(|[height, width]| vec![channels, height, width]);
    let fits = expected.as_ref() == Some(&y.shape);
    holds(fits, "shapes do not fit the window")?;
    holds(window.always_sees([height, width]), BLIND_WINDOW)
}

fn check_average_pool(pool: &AveragePool, x: &Tensor, y: &Tensor) -> Checked {
    check_pool(&pool.window, x, y)?;
    holds(
        pool.window.dilations == [1, 1],
        "an average pool must not be dilated",
    )?;
    holds(
        AverageRule::new(x.quantization, y.quantization).is_some(),
        OVERFLOW,
    )
}

fn check_global_average_pool(requant: &Requant, x: &Tensor, y: &Tensor) -> Checked {
    let fits = match (x.shape.split_first(), y.shape.split_first()) {
        (Some((c, image)), Some((k, ones))) => {
            c == k && image.len() == ones.len() && ones.iter().all(|&n| n == 1)
        }
        _ => false,
    };
    holds(fits, "the result must have one cell for each channel")?;
    check_requant(std::slice::from_ref(requant), y)
}

fn check_table(table: &Table, x: &Tensor, y: &Tensor) -> Checked {
    holds(x.shape == y.shape, "a table must keep the shape")?;
    let qtype = y.quantization.qtype;
    let fits = table.values.iter().all(|&v| qtype.contains(v.into()));
    holds(fits, "a value of the table is outside of its type")
}

fn check_transpose(perm: &[usize], x: &Tensor, y: &Tensor) -> Checked {
    same_quantization(x, y)?;
    let mut axes = perm.to_vec();
    axes.sort_unstable();
    let is_permutation = axes.iter().copied().eq(0..x.shape.len());
    holds(is_permutation, "must name each axis once")?;
    let shape = perm.iter().map(|&axis| &x.shape[axis]);
    holds(shape.eq(&y.shape), "the result has not the permuted shape")
}

fn check_gather(axis: usize, indices: &[usize], x: &Tensor, y: &Tensor) -> Checked {
    same_quantization(x, y)?;
    let Some(&size) = x.shape.get(axis) else {
        return Err("has no such axis");
    };
    let exist = indices.iter().all(|&index| index < size);
    holds(exist, "an index is beyond the axis")?;
    let mut shape = x.shape.clone();
    shape[axis] = indices.len();
    holds(shape == y.shape, "the result has not one cell an index")
}

fn check_pad(pad: &Pad, x: &Tensor, y: &Tensor) -> Checked {
    same_quantization(x, y)?;
    let rank = x.shape.len();
    let ranks = [pad.before.len(), pad.after.len(), y.shape.len()];
    holds(ranks == [rank; 3], "must have a frame for each axis")?;
    let fits = (0..rank).all(|axis| {
        let sides = [pad.before[axis], x.shape[axis], pad.after[axis]];
        let size = sides.iter().try_fold(0usize, |n, &d| n.checked_add(d));
        size == Some(y.shape[axis])
    });
    holds(fits, "operand and frame do not make up the result")?;
    let qtype = y.quantization.qtype;
    holds(
        qtype.contains(pad.value),
        "the frame is outside of the type",
    )
}

fn same_quantization(x: &Tensor, y: &Tensor) -> Checked {
    holds(
        x.quantization == y.quantization,
        "operand and result must have one quantization",
    )
}

fn holds(condition: bool, detail: &'static str) -> Checked {
    if condition { Ok(()) } else { Err(detail) }
}

fn has_usable_shape(shape: &[usize]) -> bool {
    let cells = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    cells.is_some_and(|n| (1..=MAX_TENSOR_CELLS).contains(&n))
}

fn is_usable(q: Quantization) -> bool {
    q.qtype.contains(q.zero_point) && is_usable_scale(q.scale)
}

/// Whether conversions with this scale are exact inverses of each other on 8-bit integers: neither
/// `255 * scale` overflows nor is anything subnormal.
pub(crate) fn is_usable_scale(scale: f32) -> bool {
    scale.is_normal() && scale > 0.0 && scale <= f32::MAX / 512.0
}
