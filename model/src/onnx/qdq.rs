//! The QDQ form of products: `Gemm`, or `MatMul` with an `Add`.
//!
//! The bias must be an int32 constant whose scale is exactly the accumulator's, `f32(sx * sw)`:
//! only then is it an integer addend.

use super::attention;
use super::importer::Importer;
use super::linear::{Layout, Parts, Weights, add_layer};
use super::node::NodeView;
use super::operands::Operand;
use super::pending::{Pending, float_constant, float_tensor};
use super::qoperator::{add_product, row_of_bias};
use super::value::{ConstantView, Value};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::quantization::Quantization;

/// `Gemm(A, B, C?)`.
pub(super) fn gemm<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    node.expect_attributes(&["alpha", "beta", "transA", "transB"])?;
    if node.flag("transA", false)? {
        return Err(node.attribute("transA", "1 would mix the samples of a batch".to_string()));
    }
    for name in ["alpha", "beta"] {
        let value = node.float(name, 1.0)?;
        if value != 1.0 {
            let detail = format!("is {value}; fold it into the weights, only 1 is supported");
            return Err(node.attribute(name, detail));
        }
    }
    let x = float_tensor(importer, node, 0, "A")?;
    float_constant(importer, node, 1, "B")?;
    let rank = importer.tensors[x.0].shape.len() + 1;
    if rank != 2 {
        return Err(node.shape(format!(
            "A has rank {rank}, but must have rank 2; use MatMul"
        )));
    }
    let mut pending = Pending::new(node);
    if node.input(2).is_some() {
        pending.bias = Some(float_constant(importer, node, 2, "C")?);
    }
    Ok(Value::Pending(pending))
}

/// `MatMul(A, B)`; B is a constant matrix or another tensor.
pub(super) fn mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    let x = float_tensor(importer, node, 0, "A")?;
    if !attention::is_product_of_tensors(importer, node) {
        float_constant(importer, node, 1, "B")?;
    }
    if importer.tensors[x.0].shape.is_empty() {
        return Err(node.shape("A has rank 1, but axis 0 must be the batch".to_string()));
    }
    Ok(Value::Pending(Pending::new(node)))
}

/// The `Add` of a constant bias directly behind a product, if it is one.
pub(super) fn bias<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
) -> Result<Option<Value<'m>>, ImportError> {
    let names = [node.require_input(0, "A")?, node.require_input(1, "B")?];
    for (index, name) in names.into_iter().enumerate() {
        if importer.is_constant(name) {
            continue;
        }
        if let Value::Pending(mut pending) = importer.value(node, "operand", name)?
            && pending.takes_bias()
        {
            pending.bias = Some(float_constant(importer, node, 1 - index, "bias")?);
            return Ok(Some(Value::Pending(pending)));
        }
    }
    Ok(None)
}

/// Completes a product with the quantization of its result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    bias: Option<ConstantView<'m>>,
    y_quantization: Quantization,
    clamp: (i32, i32),
) -> Result<TensorId, ImportError> {
    if attention::is_product_of_tensors(importer, node) {
        return attention::complete_mat_mul(importer, node, bias, y_quantization, clamp);
    }
    let x = float_tensor(importer, node, 0, "A")?;
    let x_quantization = importer.known_quantization(node, x)?;
    let view = float_constant(importer, node, 1, "B")?;
    let weights = Weights {
        values: Operand::required(importer, view.node, 0, "weights")?,
        scale: Operand::required(importer, view.node, 1, "weight scale")?,
        zero_point: Operand::optional(importer, view.node, 2, "weight zero point")?,
        layout: match node.op_type() {
            "Gemm" if node.flag("transB", false)? => Layout::OutIn,
            "Gemm" => Layout::InOut,
            _ => Layout::Product,
        },
    };
    check_axis(&weights, view.node, weights.values.dims()?.len())?;
    let bias = match bias {
        None => None,
        Some(view) => {
            let (_, channels) = weights.features()?;
            let weight_quantization = weights.quantization(channels)?;
            let unit = |channel: usize| x_quantization.scale * weight_quantization[channel].scale;
            let bias = integer_bias(importer, view, channels, unit)?;
            Some(bias)
        }
    };
    let parts = Parts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        alpha: 1.0,
        y_quantization,
        clamp,
    };
    if parts.bias.is_none() {
        add_product(importer, parts)
    } else {
        add_layer(importer, parts)
    }
}

/// Per-channel scales must run over the output channels.
pub(super) fn check_axis(
    weights: &Weights<'_>,
    node: NodeView<'_>,
    rank: usize,
) -> Result<(), ImportError> {
    if weights.scale.len()? == 1 {
        return Ok(());
    }
    let expected = match weights.layout {
        Layout::OutIn | Layout::Filters => 0,
        Layout::InOut | Layout::Product => rank as i64 - 1,
    };
    let axis = node.int("axis", 1)?;
    if axis == expected || axis == expected - rank as i64 {
        return Ok(());
    }
    let detail =
        format!("is {axis}, but weights must be scaled along their outputs, axis {expected}");
    Err(node.attribute("axis", detail))
}

/// The int32 constant behind `view`, whose scale must be `unit` of each channel.
pub(super) fn integer_bias<'m>(
    importer: &Importer<'m>,
    view: ConstantView<'m>,
    channels: usize,
    unit: impl Fn(usize) -> f32,
) -> Result<Vec<i32>, ImportError> {
    let node = view.node;
    let bias = row_of_bias(&Operand::required(importer, node, 0, "bias")?, channels)?;
    if let Some(zero_point) = Operand::optional(importer, node, 2, "bias zero point")?
        && zero_point.int32s()?.iter().any(|&z| z != 0)
    {
        return Err(zero_point.error("must be 0".to_string()));
    }
    let scale = Operand::required(importer, node, 1, "bias scale")?;
    let scales = scale.floats()?;
    if scales.len() != 1 && scales.len() != channels {
        return Err(scale.error(format!("must have 1 or {channels} numbers")));
    }
    for channel in 0..channels {
        let found = scales[if scales.len() == 1 { 0 } else { channel }];
        let expected = unit(channel);
        if found.to_bits() != expected.to_bits() {
            return Err(node.quantization(format!(
                "channel {channel}: the bias has scale {found:e}, but is only an integer addend at \
                 the product of the input's and the weights' scales, {expected:e}; quantize it so"
            )));
        }
    }
    Ok(bias)
}
