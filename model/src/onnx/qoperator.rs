//! The QOperator form: `QGemm` and `QLinearMatMul`.

use super::importer::Importer;
use super::linear::{Layout, Parts, Weights, add_layer};
use super::node::NodeView;
use super::operands::{Operand, per_tensor};
use super::value::Value;
use super::{attention, batched};
use crate::error::ImportError;
use crate::graph::TensorId;

/// `QGemm(A, a_scale, a_zero_point, B, b_scale, b_zero_point, C?, y_scale, y_zero_point)`.
pub(super) fn q_gemm<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(9)?;
    node.expect_attributes(&["alpha", "transA", "transB"])?;
    if node.flag("transA", false)? {
        let detail = "1 would mix the samples of a batch; axis 0 of A must be the batch, so only 0 \
            is supported";
        return Err(node.attribute("transA", detail.to_string()));
    }
    let a = node.require_input(0, "A")?;
    let x = importer.quantized(node, "A", a)?;
    let rank = importer.tensors[x.0].shape.len() + 1;
    if rank != 2 {
        let detail = format!("A has rank {rank}, but must have rank 2; use QLinearMatMul");
        return Err(node.shape(detail));
    }
    if node.input(7).is_none() {
        let detail = "a float result is not supported; give an output scale and zero point";
        return Err(node.unsupported(detail.to_string()));
    }
    let x_quantization = per_tensor(importer, node, 1, ["a_scale", "a_zero_point"])?;
    let y_quantization = per_tensor(importer, node, 7, ["y_scale", "y_zero_point"])?;
    importer.agree(node, x, x_quantization)?;
    let weights = Weights {
        values: Operand::required(importer, node, 3, "B")?,
        scale: Operand::required(importer, node, 4, "b_scale")?,
        zero_point: Some(Operand::required(importer, node, 5, "b_zero_point")?),
        layout: if node.flag("transB", false)? {
            Layout::OutIn
        } else {
            Layout::InOut
        },
    };
    let (_, channels) = weights.features()?;
    let bias = match Operand::optional(importer, node, 6, "C")? {
        None => None,
        Some(c) => Some(row_of_bias(&c, channels)?),
    };
    let alpha = node.float("alpha", 1.0)?;
    let clamp = (y_quantization.qtype.min(), y_quantization.qtype.max());
    let parts = Parts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        alpha,
        y_quantization,
        clamp,
    };
    Ok(Value::Quantized(add_layer(importer, parts)?))
}

/// A bias of shape `()`, `[1]`, `[N]`, `[1, 1]` or `[1, N]` as one addend a channel.
pub(super) fn row_of_bias(c: &Operand<'_>, channels: usize) -> Result<Vec<i32>, ImportError> {
    let dims = c.dims()?;
    match dims.as_slice() {
        &[] | &[1] | &[1, 1] => {
            let value = c.int32s()?.first().copied().unwrap_or(0);
            Ok(vec![value; channels])
        }
        &[n] | &[1, n] if n == channels => c.int32s(),
        _ => Err(c.error(format!(
            "has shape {dims:?}; supported are (), [{channels}] and [1, {channels}]: a bias that \
             differs between samples is not"
        ))),
    }
}

/// `QLinearMatMul(a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point)`; `b` is a constant matrix
/// or another tensor.
pub(super) fn q_linear_mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(8)?;
    node.expect_attributes(&[])?;
    if !importer.is_constant(node.require_input(3, "b")?) {
        return attention::q_linear_mat_mul(importer, node);
    }
    let a = node.require_input(0, "a")?;
    let x = importer.quantized(node, "a", a)?;
    if importer.tensors[x.0].shape.is_empty() {
        return Err(node.shape("a has rank 1, but axis 0 must be the batch".to_string()));
    }
    let x_quantization = per_tensor(importer, node, 1, ["a_scale", "a_zero_point"])?;
    let y_quantization = per_tensor(importer, node, 6, ["y_scale", "y_zero_point"])?;
    importer.agree(node, x, x_quantization)?;
    let weights = Weights {
        values: Operand::required(importer, node, 3, "b")?,
        scale: Operand::required(importer, node, 4, "b_scale")?,
        zero_point: Some(Operand::required(importer, node, 5, "b_zero_point")?),
        layout: Layout::Product,
    };
    let clamp = (y_quantization.qtype.min(), y_quantization.qtype.max());
    let (bias, alpha) = (None, 1.0);
    let parts = Parts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        alpha,
        y_quantization,
        clamp,
    };
    Ok(Value::Quantized(add_product(importer, parts)?))
}

/// A product with one constant matrix or a stack of them.
pub(super) fn add_product<'m>(
    importer: &mut Importer<'m>,
    parts: Parts<'m>,
) -> Result<TensorId, ImportError> {
    if importer.tensors[parts.x.0].shape.len() + 1 < parts.weights.values.dims()?.len() {
        let detail = "has more axes than the operand; reshape one of them";
        return Err(parts.weights.values.error(detail.to_string()));
    }
    match batched::add_stack(importer, parts)? {
        Ok(id) => Ok(id),
        Err(parts) => add_layer(importer, parts),
    }
}
