//! Convolutions: `QLinearConv`, and `Conv` between `DequantizeLinear` and `QuantizeLinear`.

use super::importer::Importer;
use super::linear::{Layout, Scales, Weights, check_types, layer_bytes, requant};
use super::node::NodeView;
use super::operands::{Operand, per_tensor};
use super::pending::{Pending, float_constant, float_tensor};
use super::value::{ConstantView, Value};
use super::window::{self, Geometry};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::{Conv, Op};
use crate::quantization::Quantization;

/// `QLinearConv(x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B?)`.
pub(super) fn q_linear_conv<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(9)?;
    expect_attributes(node)?;
    let x = importer.quantized(node, "x", node.require_input(0, "x")?)?;
    let x_quantization = per_tensor(importer, node, 1, ["x_scale", "x_zero_point"])?;
    importer.agree(node, x, x_quantization)?;
    let weights = Weights {
        values: Operand::required(importer, node, 3, "w")?,
        scale: Operand::required(importer, node, 4, "w_scale")?,
        zero_point: Some(Operand::required(importer, node, 5, "w_zero_point")?),
        layout: Layout::Filters,
    };
    let y_quantization = per_tensor(importer, node, 6, ["y_scale", "y_zero_point"])?;
    let bias = match Operand::optional(importer, node, 8, "B")? {
        None => None,
        Some(b) => {
            let channels = weights.values.dims()?.first().copied().unwrap_or(0);
            if b.dims()? != [channels] {
                return Err(b.error(format!("must have shape [{channels}]")));
            }
            Some(b.int32s()?)
        }
    };
    let parts = ConvParts {
        node,
        x,
        weights,
        bias,
        clamp: (y_quantization.qtype.min(), y_quantization.qtype.max()),
        x_quantization,
        y_quantization,
    };
    Ok(Value::Quantized(add_conv(importer, parts)?))
}

/// `Conv(X, W, B?)`.
pub(super) fn conv<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    expect_attributes(node)?;
    float_tensor(importer, node, 0, "X")?;
    float_constant(importer, node, 1, "W")?;
    if node.input(2).is_some() {
        float_constant(importer, node, 2, "B")?;
    }
    Ok(Value::Pending(Pending::new(node)))
}

/// Completes a `Conv` with the quantization of its result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y_quantization: Quantization,
    clamp: (i32, i32),
) -> Result<TensorId, ImportError> {
    let x = float_tensor(importer, node, 0, "X")?;
    let x_quantization = importer.known_quantization(node, x)?;
    let ConstantView { node: w } = float_constant(importer, node, 1, "W")?;
    let weights = Weights {
        values: Operand::required(importer, w, 0, "weights")?,
        scale: Operand::required(importer, w, 1, "weight scale")?,
        zero_point: Operand::optional(importer, w, 2, "weight zero point")?,
        layout: Layout::Filters,
    };
    let dims = weights.values.dims()?;
    super::qdq::check_axis(&weights, w, dims.len())?;
    let channels = dims.first().copied().unwrap_or(0);
    weights.values.check_bytes_are_stored()?;
    let bias = match node.input(2) {
        None => None,
        Some(_) => {
            let view = float_constant(importer, node, 2, "B")?;
            let operand = Operand::required(importer, view.node, 0, "bias")?;
            if operand.dims()? != [channels] {
                return Err(operand.error(format!("must have shape [{channels}]")));
            }
            let quantization = weights.quantization(channels)?;
            let unit = |channel: usize| x_quantization.scale * quantization[channel].scale;
            let bias = super::qdq::integer_bias(importer, view, channels, unit)?;
            Some(bias)
        }
    };
    let parts = ConvParts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        y_quantization,
        clamp,
    };
    add_conv(importer, parts)
}

fn expect_attributes(node: NodeView<'_>) -> Result<(), ImportError> {
    let [a, b, c, d, e] = window::ATTRIBUTES;
    node.expect_attributes(&[a, b, c, d, e, "group"])
}

/// Everything that makes up a convolution, beside the attributes of its node.
struct ConvParts<'m> {
    node: NodeView<'m>,
    x: TensorId,
    x_quantization: Quantization,
    weights: Weights<'m>,
    bias: Option<Vec<i32>>,
    y_quantization: Quantization,
    clamp: (i32, i32),
}

fn add_conv<'m>(
    importer: &mut Importer<'m>,
    parts: ConvParts<'m>,
) -> Result<TensorId, ImportError> {
    let ConvParts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        y_quantization,
        clamp,
    } = parts;
    check_types(
        node,
        x_quantization.qtype,
        weights.values.qtype()?,
        y_quantization.qtype,
    )?;
    let (image_id, geometry) = as_image(importer, node, x, true)?;
    let channels = importer.tensors[image_id.0].shape[0];
    let dims = weights.values.dims()?;
    weights.values.check_bytes_are_stored()?;
    let (out_channels, group_in, kernel) = match dims.as_slice() {
        [o, i, kernel @ ..] if kernel.len() == geometry.axes && !dims.contains(&0) => {
            (*o, *i, kernel)
        }
        _ => {
            let rank = geometry.axes + 2;
            return Err(weights.values.error(format!(
                "has shape {dims:?}, but must have rank {rank} like the operand, and no axis of 0"
            )));
        }
    };
    let groups = group_count(node, channels, out_channels, group_in)?;
    let window = window::read(node, &geometry, Some(kernel))?;
    let [height, width] = output_size(node, &window, geometry.image)?;

    let filter = weights.values.len()? / out_channels;
    importer.spend_memory(node, layer_bytes(weights.values.len()?, out_channels))?;
    let weight_quantization = weights.quantization(out_channels)?;
    let zero_point = weight_quantization[0].zero_point;
    if let Some(channel) = weight_quantization
        .iter()
        .position(|w| w.zero_point != zero_point)
    {
        return Err(node.quantization(format!(
            "the weights of channel {channel} have another zero point than those of channel 0; a \
             convolution takes one for all channels"
        )));
    }
    let scales = Scales {
        alpha: 1.0,
        x: x_quantization,
        y: y_quantization,
        clamp,
    };
    let requant = requant(node, &scales, &weight_quantization)?;
    let (_, mut stored) = weights.values.bytes()?;
    // Both are 8-bit numbers of one type: the difference is within 255.
    stored.iter_mut().for_each(|w| *w -= zero_point as i16);
    debug_assert_eq!(stored.len(), out_channels * filter);
    let conv = Conv {
        in_channels: channels,
        out_channels,
        groups,
        window,
        weights: stored,
        bias: bias.unwrap_or_else(|| vec![0; out_channels]),
        requant,
        weight_quantization,
    };
    let shape = vec![out_channels, height, width];
    let y = importer.add_node(node, vec![image_id], Op::Conv(conv), shape, y_quantization)?;
    from_image(importer, node, y, &geometry)
}

fn group_count(
    node: NodeView<'_>,
    channels: usize,
    out_channels: usize,
    group_in: usize,
) -> Result<usize, ImportError> {
    let group = node.int("group", 1)?;
    let groups = usize::try_from(group).ok().filter(|&g| g > 0);
    match groups {
        Some(g) if g.checked_mul(group_in) == Some(channels) && out_channels.is_multiple_of(g) => {
            Ok(g)
        }
        _ => Err(node.shape(format!(
            "{group} groups of {group_in} input channels each do not divide {channels} input and \
             {out_channels} output channels"
        ))),
    }
}

/// The operand of a windowed operator as an image: a signal gets a height of 1.
pub(super) fn as_image<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    pads_by_extent: bool,
) -> Result<(TensorId, Geometry), ImportError> {
    let geometry = |axes, image| Geometry {
        axes,
        image,
        pads_by_extent,
    };
    match *importer.tensors[x.0].shape.as_slice() {
        [_, height, width] => Ok((x, geometry(2, [height, width]))),
        [channels, length] => {
            let x = importer.add_view(node, x, vec![channels, 1, length])?;
            Ok((x, geometry(1, [1, length])))
        }
        ref shape => Err(node.shape(format!(
            "the operand has shape [batch, {shape:?}]; supported are [batch, channels, length] and \
             [batch, channels, height, width]"
        ))),
    }
}

/// Undoes [`as_image`].
pub(super) fn from_image<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: TensorId,
    geometry: &Geometry,
) -> Result<TensorId, ImportError> {
    match *importer.tensors[y.0].shape.as_slice() {
        [channels, 1, length] if geometry.axes == 1 => {
            importer.add_view(node, y, vec![channels, length])
        }
        _ => Ok(y),
    }
}

/// The size of the result.
pub(super) fn output_size(
    node: NodeView<'_>,
    window: &crate::op::Window,
    image: [usize; 2],
) -> Result<[usize; 2], ImportError> {
    window.output(image).ok_or_else(|| {
        node.shape(format!(
            "the kernel {:?}, {:?} with gaps, is larger than the padded image ({image:?} with pads \
             {:?})",
            window.kernel,
            [window.extent(0), window.extent(1)],
            window.pads
        ))
    })
}
