//! The QDQ form: `Gemm`, or `MatMul` with an `Add`, between `DequantizeLinear` and
//! `QuantizeLinear`, read as the integer layer that it stands for.
//!
//! The bias must be an int32 constant whose scale is exactly the accumulator's, `f32(sx * sw)`:
//! only then is it an integer addend.

use super::importer::{Importer, Value};
use super::linear::{Layout, Parts, Weights, add_layer};
use super::operands::Operand;
use super::qoperator::row_of_bias;
use super::reader::NodeView;
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::quantization::Quantization;

/// The result of `DequantizeLinear` on a constant, decoded where it is used.
#[derive(Clone, Copy)]
pub(super) struct ConstantView<'m> {
    /// The `DequantizeLinear`.
    pub(super) node: NodeView<'m>,
}

/// A layer whose output scale is still to come.
#[derive(Clone, Copy)]
pub(super) struct PendingLinear<'m> {
    /// The `Gemm` or `MatMul`.
    node: NodeView<'m>,
    x: TensorId,
    weights: ConstantView<'m>,
    layout: Layout,
    bias: Option<ConstantView<'m>>,
    /// The real interval that activations so far clip to.
    clip: (f32, f32),
}

impl PendingLinear<'_> {
    /// Whether an addend would still go in front of every activation.
    fn takes_bias(&self) -> bool {
        self.bias.is_none() && self.clip == (f32::NEG_INFINITY, f32::INFINITY)
    }

    /// Clips to the real interval `low..=high` from now on.
    pub(super) fn then_clip(&mut self, low: f32, high: f32) {
        self.clip = (self.clip.0.clamp(low, high), self.clip.1.clamp(low, high));
    }
}

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
    let layout = if node.flag("transB", false)? {
        Layout::OutIn
    } else {
        Layout::InOut
    };
    let mut pending = product(importer, node, ["A", "B"], layout)?;
    let rank = importer.tensors[pending.x.0].shape.len() + 1;
    if rank != 2 {
        return Err(node.shape(format!(
            "A has rank {rank}, but must have rank 2; use MatMul"
        )));
    }
    if let Some(name) = node.input(2) {
        pending.bias = Some(constant(importer, node, "C", name)?);
    }
    Ok(Value::Pending(pending))
}

/// `MatMul(A, B)` with one constant matrix B.
pub(super) fn mat_mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    let pending = product(importer, node, ["A", "B"], Layout::InOut)?;
    if importer.tensors[pending.x.0].shape.is_empty() {
        return Err(node.shape("A has rank 1, but axis 0 must be the batch".to_string()));
    }
    Ok(Value::Pending(pending))
}

fn product<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    roles: [&str; 2],
    layout: Layout,
) -> Result<PendingLinear<'m>, ImportError> {
    let a = node.require_input(0, roles[0])?;
    let x = match importer.value(node, roles[0], a)? {
        Value::Dequantized(id) => id,
        other => {
            let is = other.describe();
            let detail = format!("must come from a DequantizeLinear, but is {is}");
            return Err(node.operand(roles[0], a, detail));
        }
    };
    let b = node.require_input(1, roles[1])?;
    let weights = constant(importer, node, roles[1], b)?;
    let clip = (f32::NEG_INFINITY, f32::INFINITY);
    Ok(PendingLinear {
        node,
        x,
        weights,
        layout,
        bias: None,
        clip,
    })
}

fn constant<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    role: &str,
    name: &'m str,
) -> Result<ConstantView<'m>, ImportError> {
    let found = if importer.is_constant(name) {
        "a float constant"
    } else {
        match importer.value(node, role, name)? {
            Value::Constant(view) => return Ok(view),
            other => other.describe(),
        }
    };
    let detail = format!("must be DequantizeLinear of an integer initializer, but is {found}");
    Err(node.operand(role, name, detail))
}

/// `Add` of a constant bias to a `MatMul`.
pub(super) fn add<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    let names = [node.require_input(0, "A")?, node.require_input(1, "B")?];
    for (layer, other) in [(names[0], names[1]), (names[1], names[0])] {
        if importer.is_constant(layer) {
            continue;
        }
        if let Value::Pending(mut pending) = importer.value(node, "operand", layer)?
            && pending.takes_bias()
        {
            pending.bias = Some(constant(importer, node, "bias", other)?);
            return Ok(Value::Pending(pending));
        }
    }
    let detail = "only the bias of a Gemm or MatMul is supported: one constant, directly behind it";
    Err(node.unsupported(detail.to_string()))
}

/// Completes a layer with the quantization of its result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    pending: PendingLinear<'m>,
    y_quantization: Quantization,
) -> Result<TensorId, ImportError> {
    let PendingLinear {
        node,
        x,
        weights,
        layout,
        bias,
        clip,
    } = pending;
    let x_quantization = importer
        .quantization(x)
        .ok_or_else(|| node.quantization("the scale of its operand is unknown".to_string()))?;
    let weights = Weights {
        values: Operand::required(importer, weights.node, 0, "weights")?,
        scale: Operand::required(importer, weights.node, 1, "weight scale")?,
        zero_point: Operand::optional(importer, weights.node, 2, "weight zero point")?,
        layout,
    };
    let (_, channels) = weights.features()?;
    check_axis(&weights, pending.weights.node)?;
    let bias = match bias {
        None => None,
        Some(view) => {
            let weight_quantization = weights.quantization(channels)?;
            let unit = |channel: usize| x_quantization.scale * weight_quantization[channel].scale;
            Some(integer_bias(importer, view, channels, unit)?)
        }
    };
    // Quantization is monotone, so clipping in front of it is clamping behind it.
    let clamp = (
        y_quantization.quantize(clip.0),
        y_quantization.quantize(clip.1),
    );
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
    add_layer(importer, parts)
}

/// Per-channel scales must run over the output channels.
fn check_axis(weights: &Weights<'_>, node: NodeView<'_>) -> Result<(), ImportError> {
    if weights.scale.len()? == 1 {
        return Ok(());
    }
    let expected = if weights.layout == Layout::OutIn {
        0
    } else {
        1
    };
    let axis = node.int("axis", 1)?;
    if axis == expected || axis == expected - 2 {
        return Ok(());
    }
    let detail =
        format!("is {axis}, but weights must be scaled along their outputs, axis {expected}");
    Err(node.attribute("axis", detail))
}

/// The int32 constant behind `view`, whose scale must be `unit` of each channel.
fn integer_bias<'m>(
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
