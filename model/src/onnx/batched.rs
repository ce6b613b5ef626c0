//! Products with a stack of constant matrices, `[B, M, K] x [B, K, N]` a sample: a convolution with
//! `B` groups and a kernel of one tap, between transposes that bring the features in front.

use super::importer::Importer;
use super::linear::{Parts, Scales, check_types, layer_bytes, requant};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::{Conv, Op, Window};
use crate::quantization::Quantization;

/// Adds the product if the weights are a stack of matrices; hands the parts back otherwise.
pub(super) fn add_stack<'m>(
    importer: &mut Importer<'m>,
    parts: Parts<'m>,
) -> Result<Result<TensorId, Parts<'m>>, ImportError> {
    let dims = parts.weights.values.dims()?;
    let &[stack, k, n] = (match dims.as_slice() {
        [1, rest @ ..] if rest.len() == 3 => rest,
        dims => dims,
    }) else {
        return Ok(Err(parts));
    };
    let node = parts.node;
    let sample = importer.tensors[parts.x.0].shape.clone();
    let &[batch, positions, features] = sample.as_slice() else {
        return Ok(Err(parts));
    };
    if stack <= 1 || (batch, features) != (stack, k) {
        return Ok(Err(parts));
    }
    let values = &parts.weights.values;
    let (x, y) = (parts.x_quantization, parts.y_quantization);
    check_types(node, x.qtype, values.qtype()?, y.qtype)?;
    values.check_bytes_are_stored()?;
    let channels = stack.saturating_mul(n);
    if channels == 0 {
        return Err(values.error("is empty".to_string()));
    }
    if parts.weights.scale.len()? != 1 {
        let detail = "a stack of matrices must have one scale for all of it";
        return Err(parts.weights.scale.error(detail.to_string()));
    }
    let size = channels.saturating_mul(k);
    importer.spend_memory(node, layer_bytes(size, channels))?;
    let weight_quantization: Vec<Quantization> = parts.weights.quantization(channels)?;
    let scales = Scales {
        alpha: parts.alpha,
        x,
        y,
        clamp: parts.clamp,
    };
    let requant = requant(node, &scales, &weight_quantization)?;
    let zero_point = weight_quantization[0].zero_point as i16;
    let (_, stored) = values.bytes()?;
    let cell = |index: usize| {
        let (matrix, column, row) = (index / (k * n), index / k % n, index % k);
        stored[(matrix * k + row) * n + column] - zero_point
    };
    let conv = Conv {
        in_channels: stack * k,
        out_channels: channels,
        groups: stack,
        window: Window::covering([1, 1]),
        weights: (0..size).map(cell).collect(),
        bias: vec![0; channels],
        requant,
        weight_quantization,
    };

    let swap = || Op::Transpose {
        perm: vec![0, 2, 1],
    };
    let (x, y_shape) = (parts.x, vec![channels, 1, positions]);
    let turned = importer.add_copy(node, vec![x], swap(), vec![stack, k, positions])?;
    let image = importer.add_view(node, turned, vec![stack * k, 1, positions])?;
    let product = importer.add_node(node, vec![image], Op::Conv(conv), y_shape, y)?;
    let split = importer.add_view(node, product, vec![stack, n, positions])?;
    let shape = vec![stack, positions, n];
    Ok(Ok(importer.add_copy(node, vec![split], swap(), shape)?))
}
