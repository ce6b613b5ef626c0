//! Linear layers from their parts, whichever form of the model these come from.

use super::importer::Importer;
use super::node::NodeView;
use super::operands::{Operand, usable};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::{Linear, Op};
use crate::quantization::{QType, Quantization};
use crate::requant::Requant;

/// Which axis of the stored weight matrix runs over the output channels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[out][in]`, as with `transB`.
    OutIn,
    /// `[in][out]`.
    InOut,
    /// `[in][out]` behind axes of size 1, which are broadcast over every position.
    Product,
    /// `[out][in][..]`, the weights of a convolution.
    Filters,
}

/// Bias, requantization and quantization of one channel.
const CHANNEL_BYTES: usize = size_of::<i32>() + size_of::<Requant>() + size_of::<Quantization>();

/// What a layer takes in memory.
pub(super) fn layer_bytes(weights: usize, channels: usize) -> usize {
    let weights = weights.saturating_mul(size_of::<i16>());
    weights.saturating_add(channels.saturating_mul(CHANNEL_BYTES))
}

/// The constants of a layer.
pub(super) struct Weights<'m> {
    pub(super) values: Operand<'m>,
    pub(super) scale: Operand<'m>,
    pub(super) zero_point: Option<Operand<'m>>,
    pub(super) layout: Layout,
}

impl Weights<'_> {
    /// `(in_features, out_features)`, whose product is the number of weights in the file.
    pub(super) fn features(&self) -> Result<(usize, usize), ImportError> {
        self.values.qtype()?;
        self.values.check_bytes_are_stored()?;
        let dims = self.values.dims()?;
        let ones = dims.iter().take_while(|&&d| d == 1).count();
        let from = match self.layout {
            Layout::Product => ones.min(dims.len().saturating_sub(2)),
            Layout::OutIn | Layout::InOut | Layout::Filters => 0,
        };
        match (&dims[from..], self.layout) {
            (&[0, _] | &[_, 0], _) => Err(self.values.error("is empty".to_string())),
            (&[n, k], Layout::OutIn) | (&[k, n], Layout::InOut | Layout::Product) => Ok((k, n)),
            (dims, _) => Err(self.values.error(format!(
                "has shape {dims:?}, but weights must be one matrix (rank 2)"
            ))),
        }
    }

    /// One scale and zero point for each output channel.
    pub(super) fn quantization(&self, channels: usize) -> Result<Vec<Quantization>, ImportError> {
        let qtype = self.values.qtype()?;
        let scales = per_channel(&self.scale, channels, Operand::floats)?;
        let zero_points = match &self.zero_point {
            None => vec![0; channels],
            Some(operand) => {
                if operand.qtype()? != qtype {
                    return Err(operand.error(format!("must be {qtype} like the weights")));
                }
                per_channel(operand, channels, |operand| Ok(operand.bytes()?.1))?
            }
        };
        let pairs = scales.into_iter().zip(zero_points).enumerate();
        pairs
            .map(|(channel, (scale, zero_point))| {
                let scale = usable(&self.scale, scale, Some(channel))?;
                Ok(Quantization {
                    scale,
                    zero_point: i32::from(zero_point),
                    qtype,
                })
            })
            .collect()
    }
}

/// A list with one entry a channel, from one with that many entries or a single one.
fn per_channel<'m, T: Copy>(
    operand: &Operand<'m>,
    channels: usize,
    decode: impl Fn(&Operand<'m>) -> Result<Vec<T>, ImportError>,
) -> Result<Vec<T>, ImportError> {
    let dims = operand.dims()?;
    // One value, or a row: all axes but the last must be 1.
    let is_row = dims
        .split_last()
        .is_none_or(|(_, rest)| rest.iter().all(|&d| d == 1));
    let values = decode(operand)?;
    match values.as_slice() {
        &[value] if dims.len() <= 2 => Ok(vec![value; channels]),
        values if values.len() == channels && is_row && dims.len() <= 2 => Ok(values.to_vec()),
        _ => Err(operand.error(format!(
            "has shape {dims:?}, but must be one number or one for each of {channels} channels"
        ))),
    }
}

/// Everything that makes up a layer.
pub(super) struct Parts<'m> {
    /// The node that errors are about.
    pub(super) node: NodeView<'m>,
    pub(super) x: TensorId,
    pub(super) x_quantization: Quantization,
    pub(super) weights: Weights<'m>,
    /// One addend a channel, in units of the accumulator.
    pub(super) bias: Option<Vec<i32>>,
    pub(super) alpha: f32,
    pub(super) y_quantization: Quantization,
    /// The fused activation in units of the output.
    pub(super) clamp: (i32, i32),
}

/// Adds the layer to the graph and returns its result.
pub(super) fn add_layer<'m>(
    importer: &mut Importer<'m>,
    parts: Parts<'m>,
) -> Result<TensorId, ImportError> {
    let Parts {
        node,
        x,
        x_quantization,
        weights,
        bias,
        alpha,
        y_quantization,
        clamp,
    } = parts;
    let (in_features, out_features) = weights.features()?;
    let mut shape = importer.tensors[x.0].shape.clone();
    match shape.last_mut() {
        Some(last) if *last == in_features => *last = out_features,
        _ => {
            return Err(node.shape(format!(
                "the operand has rows of {:?} values a sample, the weights take {in_features}",
                shape.last().unwrap_or(&0)
            )));
        }
    }
    check_types(
        node,
        x_quantization.qtype,
        weights.values.qtype()?,
        y_quantization.qtype,
    )?;
    if !(alpha.is_normal() && alpha > 0.0) {
        return Err(node.attribute("alpha", format!("is {alpha:e}, but must be positive")));
    }
    let size = in_features.saturating_mul(out_features);
    importer.spend_memory(node, layer_bytes(size, out_features))?;
    let weight_quantization = weights.quantization(out_features)?;

    let scales = Scales {
        alpha,
        x: x_quantization,
        y: y_quantization,
        clamp,
    };
    let requant = requant(node, &scales, &weight_quantization)?;

    let (_, stored) = weights.values.bytes()?;
    let mut matrix = match weights.layout {
        Layout::OutIn | Layout::Filters => stored,
        Layout::InOut | Layout::Product => transpose(&stored, out_features),
    };
    for (row, w) in matrix
        .chunks_exact_mut(in_features)
        .zip(&weight_quantization)
    {
        for value in row {
            // Both are 8-bit numbers of one type: the difference is within 255.
            *value -= w.zero_point as i16;
        }
    }
    let bias = bias.unwrap_or_else(|| vec![0; out_features]);
    let linear = Linear {
        in_features,
        out_features,
        weights: matrix,
        bias,
        requant,
        weight_quantization,
        alpha,
    };
    importer.add_node(node, vec![x], Op::Linear(linear), shape, y_quantization)
}

/// What the requantization of a layer depends on beside the weights.
pub(super) struct Scales {
    pub(super) alpha: f32,
    pub(super) x: Quantization,
    pub(super) y: Quantization,
    /// The fused activation in units of the output.
    pub(super) clamp: (i32, i32),
}

/// The requantization of each channel.
pub(super) fn requant(
    node: NodeView<'_>,
    scales: &Scales,
    weights: &[Quantization],
) -> Result<Vec<Requant>, ImportError> {
    let of_channel = |(channel, w): (usize, &Quantization)| {
        let factor = factor(scales.alpha, scales.x.scale, w.scale, scales.y.scale);
        let requant = factor.and_then(|s| Requant::new(s, scales.y).ok());
        let mut requant = requant.ok_or_else(|| {
            node.quantization(format!(
                "channel {channel}: the scales ({:e} x {:e} / {:e}) leave the normal range of \
                 float32; choose scales nearer to 1",
                scales.x.scale, w.scale, scales.y.scale
            ))
        })?;
        requant.then_clamp(scales.clamp.0, scales.clamp.1);
        Ok(requant)
    };
    weights.iter().enumerate().map(of_channel).collect()
}

/// `f32(f32(alpha * sx) * sw) / sy`, or `None` if a step on the way is not a normal number.
fn factor(alpha: f32, sx: f32, sw: f32, sy: f32) -> Option<f32> {
    let scaled = alpha * sx;
    let product = scaled * sw;
    (scaled.is_normal() && product.is_normal()).then(|| product / sy)
}

/// ONNX Runtime's kernels: signed throughout, or unsigned activations with either kind of weights.
pub(super) fn check_types(
    node: NodeView<'_>,
    x: QType,
    w: QType,
    y: QType,
) -> Result<(), ImportError> {
    match (x, w, y) {
        (QType::I8, QType::I8, QType::I8) | (QType::U8, _, QType::U8) => Ok(()),
        _ => Err(node.mistyped(format!(
            "multiplies {x} by {w} into {y}; supported are int8 x int8 -> int8 and \
             uint8 x (uint8 or int8) -> uint8"
        ))),
    }
}

/// `[in][out]` to `[out][in]`.
fn transpose(stored: &[i16], out_features: usize) -> Vec<i16> {
    let column = |channel| stored.iter().skip(channel).step_by(out_features).copied();
    (0..out_features).flat_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every other order of these operations rounds differently.
    #[test]
    fn the_factor_is_rounded_in_order() {
        let s = factor(2.6, 1.67, 0.97, 1.33).unwrap();
        assert_eq!(s.to_bits(), 0x404a_ab90);
        for other in [
            2.6f32 * (1.67 * 0.97) / 1.33,
            (2.6f32 * 0.97) * 1.67 / 1.33,
            (2.6f32 * 1.67) * (0.97 / 1.33),
        ] {
            assert_ne!(s.to_bits(), other.to_bits());
        }
    }

    #[test]
    fn steps_that_underflow_are_refused() {
        assert_eq!(factor(1.0, 1e-20, 1e-20, 1e-30), None);
        assert_eq!(factor(1e-20, 1e-20, 1e20, 1.0), None);
    }

    #[test]
    fn transposes() {
        assert_eq!(transpose(&[1, 2, 3, 4, 5, 6], 3), [1, 4, 2, 5, 3, 6]);
    }
}
