//! Products of two tensors, and softmax, in either form.

use super::function::operand_and_result;
use super::gather::{choose, spend_indices};
use super::importer::Importer;
use super::linear::{Scales, check_types, requant};
use super::movement::sample_axis;
use super::node::NodeView;
use super::operands::per_tensor;
use super::pending::{Pending, float_tensor};
use super::value::{ConstantView, Value};
use crate::cells::broadcast_shape;
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::Op;
use crate::quantization::Quantization;
use crate::softmax::SoftmaxRule;
use crate::validate::SOFTMAX;

/// `QLinearMatMul` of two tensors.
pub(super) fn q_linear_mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    let b_name = node.require_input(3, "b")?;
    let a = importer.quantized(node, "a", node.require_input(0, "a")?)?;
    let b = importer.quantized(node, "b", b_name)?;
    let a_quantization = per_tensor(importer, node, 1, ["a_scale", "a_zero_point"])?;
    let b_quantization = per_tensor(importer, node, 4, ["b_scale", "b_zero_point"])?;
    let y = per_tensor(importer, node, 6, ["y_scale", "y_zero_point"])?;
    importer.agree(node, a, a_quantization)?;
    importer.agree(node, b, b_quantization)?;
    let clamp = (y.qtype.min(), y.qtype.max());
    Ok(Value::Quantized(add_mat_mul(
        importer,
        node,
        [a, b],
        y,
        clamp,
    )?))
}

/// Whether both operands of a `MatMul` of reals are computed.
pub(super) fn is_product_of_tensors(importer: &Importer<'_>, node: NodeView<'_>) -> bool {
    let b = node.input(1).and_then(|name| importer.values.get(name));
    node.op_type() == "MatMul" && matches!(b, Some(Value::Dequantized(_)))
}

/// Completes a `MatMul` of two tensors with the quantization of its result.
pub(super) fn complete_mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    bias: Option<ConstantView<'m>>,
    y: Quantization,
    clamp: (i32, i32),
) -> Result<TensorId, ImportError> {
    if bias.is_some() {
        let detail = "an Add follows, but a product of two tensors takes no bias; quantize the \
            product in front of the Add";
        return Err(node.unsupported(detail.to_string()));
    }
    let a = float_tensor(importer, node, 0, "A")?;
    let b = float_tensor(importer, node, 1, "B")?;
    add_mat_mul(importer, node, [a, b], y, clamp)
}

fn add_mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    [a, b]: [TensorId; 2],
    y: Quantization,
    clamp: (i32, i32),
) -> Result<TensorId, ImportError> {
    let x = importer.known_quantization(node, a)?;
    let w = importer.known_quantization(node, b)?;
    check_types(node, x.qtype, w.qtype, y.qtype)?;
    let shapes = [a, b].map(|id| importer.tensors[id.0].shape.as_slice());
    let ([leading @ .., m, k], [also @ .., inner, n]) = shapes.into() else {
        let detail = "operands need two axes beside axis 0, which is the batch";
        return Err(node.shape(detail.to_string()));
    };
    let Some(leading) = broadcast(leading, also).filter(|_| k == inner) else {
        let [a, b] = shapes;
        return Err(node.shape(format!(
            "operands of shapes {a:?} and {b:?} a sample do not fit: they must be [.., m, k] and \
             [.., k, n] with equal axes in front, or of size 1; reshape one of them"
        )));
    };
    let shape = [leading.as_slice(), &[*m, *n]].concat();
    let a = repeated(importer, node, a, &leading)?;
    let b = repeated(importer, node, b, &leading)?;
    let scales = Scales {
        alpha: 1.0,
        x,
        y,
        clamp,
    };
    let mut requants = requant(node, &scales, &[w])?;
    let Some(requant) = requants.pop() else {
        return Err(node.quantization("has no scales".to_string()));
    };
    importer.add_node(node, vec![a, b], Op::MatMul { requant }, shape, y)
}

/// The axes in front of two matrices, those of size 1 repeated; as many as each has.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    (a.len() == b.len()).then(|| broadcast_shape(a, b))?
}

/// The tensor with axes of size 1 repeated, where `leading` are larger.
fn repeated<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    mut id: TensorId,
    leading: &[usize],
) -> Result<TensorId, ImportError> {
    for (axis, &size) in leading.iter().enumerate() {
        if importer.tensors[id.0].shape[axis] != size {
            spend_indices(importer, node, size)?;
            id = choose(importer, node, id, axis, vec![0; size])?;
        }
    }
    Ok(id)
}

/// `QLinearSoftmax(X, X_scale, X_zero_point?, Y_scale, Y_zero_point)`.
pub(super) fn q_linear_softmax<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(5)?;
    node.expect_attributes(&["axis", "opset"])?;
    if node.find("opset").is_none() {
        let detail = "is missing; it tells which axes a row is made of";
        return Err(node.attribute("opset", detail.to_string()));
    }
    let (x, [_, y]) = operand_and_result(importer, node)?;
    let rows = Rows {
        axis: node.int("axis", -1)?,
        opset: node.int("opset", 13)?,
        whole_steps: true,
    };
    Ok(Value::Quantized(add_softmax(importer, node, x, rows, y)?))
}

/// `Softmax(x)` of reals.
pub(super) fn softmax<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&["axis"])?;
    float_tensor(importer, node, 0, "input")?;
    Ok(Value::Pending(Pending::new(node)))
}

/// Completes a `Softmax` with the quantization of its result.
pub(super) fn complete_softmax<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let x = float_tensor(importer, node, 0, "input")?;
    let opset = importer.source.opset;
    let rows = Rows {
        axis: node.int("axis", if opset < 13 { 1 } else { -1 })?,
        opset,
        whole_steps: false,
    };
    add_softmax(importer, node, x, rows, y)
}

/// What a softmax normalizes, and how.
struct Rows {
    /// An axis of the file.
    axis: i64,
    /// Below 13, a row is made of `axis` and all axes behind it.
    opset: i64,
    whole_steps: bool,
}

fn add_softmax<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    rows: Rows,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let shape = importer.tensors[x.0].shape.clone();
    let axis = sample_axis(node, rows.axis, shape.len())?;
    let last = shape.len() - 1;
    let mut perm: Vec<usize> = (0..shape.len()).collect();
    perm.swap(axis, last);
    let is_joined = rows.opset < 13;
    let row_shape = if is_joined {
        let len = shape[axis..].iter().product();
        [&shape[..axis], &[len]].concat()
    } else {
        perm.iter().map(|&axis| shape[axis]).collect()
    };
    let len = row_shape.last().copied().unwrap_or(0);
    let x_quantization = importer.known_quantization(node, x)?;
    if SoftmaxRule::new(x_quantization, y, len, rows.whole_steps).is_none() {
        return Err(node.quantization(SOFTMAX.to_string()));
    }
    if rows.whole_steps && len == 1 {
        let detail = "rows of one cell are 1 whatever the input, and ONNX Runtime overflows on \
            them; replace the node by a constant";
        return Err(node.shape(detail.to_string()));
    }
    let is_moved = !is_joined && axis != last;
    let turn = || Op::Transpose { perm: perm.clone() };
    let rows_of = if is_moved {
        importer.add_copy(node, vec![x], turn(), row_shape.clone())?
    } else {
        importer.add_view(node, x, row_shape.clone())?
    };
    let op = Op::Softmax {
        whole_steps: rows.whole_steps,
    };
    let id = importer.add_node(node, vec![rows_of], op, row_shape, y)?;
    if is_moved {
        // An exchange of two axes is its own inverse.
        importer.add_copy(node, vec![id], turn(), shape)
    } else {
        importer.add_view(node, id, shape)
    }
}
