//! Pooling: `MaxPool`, `GlobalMaxPool`, and averages in either form.

use super::conv::{as_image, from_image, output_size};
use super::importer::Importer;
use super::node::NodeView;
use super::operands::{per_scalar, per_tensor};
use super::pending::{Pending, float_tensor};
use super::value::Value;
use super::window::{self, Geometry};
use crate::error::ImportError;
use crate::float_rules::AverageRule;
use crate::graph::TensorId;
use crate::op::{AveragePool, Op, Window};
use crate::quantization::Quantization;
use crate::requant::Requant;
use crate::validate::{BLIND_WINDOW, OVERFLOW};

/// `MaxPool(x)` on integers, or on the reals that they stand for: dequantization is monotone.
pub(super) fn max_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    let [a, b, c, d, e] = window::ATTRIBUTES;
    node.expect_attributes(&[a, b, c, d, e, "ceil_mode", "storage_order"])?;
    on_cells(importer, node, |importer, x| {
        let (x, geometry) = as_image(importer, node, x, false)?;
        let mut window = window::read(node, &geometry, None)?;
        if node.flag("ceil_mode", false)? {
            check_pads(node, &window)?;
            window::round_up(&mut window, geometry.image);
        }
        add_max_pool(importer, node, x, window, &geometry)
    })
}

/// `GlobalMaxPool(x)`.
pub(super) fn global_max_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    on_cells(importer, node, |importer, x| {
        let (x, geometry) = as_image(importer, node, x, false)?;
        let window = Window::covering(geometry.image);
        add_max_pool(importer, node, x, window, &geometry)
    })
}

/// Applies an operator that commutes with dequantization.
fn on_cells<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    add: impl FnOnce(&mut Importer<'m>, TensorId) -> Result<TensorId, ImportError>,
) -> Result<Value<'m>, ImportError> {
    let name = node.require_input(0, "input")?;
    match importer.value(node, "input", name)? {
        Value::Quantized(id) => Ok(Value::Quantized(add(importer, id)?)),
        Value::Dequantized(id) => Ok(Value::Dequantized(add(importer, id)?)),
        other => {
            let detail = format!("must be a quantized tensor, but is {}", other.describe());
            Err(node.operand("input", name, detail))
        }
    }
}

fn add_max_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    window: Window,
    geometry: &Geometry,
) -> Result<TensorId, ImportError> {
    let shape = pooled_shape(importer, node, x, &window, geometry)?;
    let y = importer.add_copy(node, vec![x], Op::MaxPool(window), shape)?;
    from_image(importer, node, y, geometry)
}

fn pooled_shape(
    importer: &Importer<'_>,
    node: NodeView<'_>,
    x: TensorId,
    window: &Window,
    geometry: &Geometry,
) -> Result<Vec<usize>, ImportError> {
    let channels = importer.tensors[x.0].shape[0];
    let [height, width] = output_size(node, window, geometry.image)?;
    let shape = vec![channels, height, width];
    // The size first: the check below takes time in proportion.
    if super::importer::cells(&shape).is_some() && !window.always_sees(geometry.image) {
        return Err(node.shape(BLIND_WINDOW.to_string()));
    }
    Ok(shape)
}

/// ONNX Runtime takes no pads as large as the kernel.
fn check_pads(node: NodeView<'_>, window: &Window) -> Result<(), ImportError> {
    let [top, left, bottom, right] = window.pads;
    if top.max(bottom) < window.kernel[0] && left.max(right) < window.kernel[1] {
        return Ok(());
    }
    let detail = format!(
        "are {:?}, but must be smaller than the kernel {:?}",
        window.pads, window.kernel
    );
    Err(node.attribute("pads", detail))
}

/// `QLinearGlobalAveragePool(X, x_scale, x_zero_point, y_scale, y_zero_point)`.
pub(super) fn q_linear_global_average_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(5)?;
    node.expect_attributes(&["channels_last"])?;
    refuse_channels_last(node)?;
    let x = importer.quantized(node, "X", node.require_input(0, "X")?)?;
    let x_quantization = per_tensor(importer, node, 1, ["x_scale", "x_zero_point"])?;
    importer.agree(node, x, x_quantization)?;
    let y = per_tensor(importer, node, 3, ["y_scale", "y_zero_point"])?;
    Ok(Value::Quantized(add_global_average(
        importer,
        node,
        x,
        x_quantization,
        y,
    )?))
}

/// `QLinearAveragePool(X, x_scale, x_zero_point, y_scale, y_zero_point)`.
pub(super) fn q_linear_average_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(5)?;
    expect_average_attributes(node)?;
    refuse_channels_last(node)?;
    let x = importer.quantized(node, "X", node.require_input(0, "X")?)?;
    let x_quantization = per_scalar(importer, node, 1, ["x_scale", "x_zero_point"])?;
    importer.agree(node, x, x_quantization)?;
    let y = per_scalar(importer, node, 3, ["y_scale", "y_zero_point"])?;
    Ok(Value::Quantized(add_average(
        importer,
        node,
        x,
        x_quantization,
        y,
    )?))
}

/// `AveragePool(X)` or `GlobalAveragePool(X)` on reals.
pub(super) fn average_pool<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    if node.op_type() == "AveragePool" {
        expect_average_attributes(node)?;
    } else {
        node.expect_attributes(&[])?;
    }
    float_tensor(importer, node, 0, "X")?;
    Ok(Value::Pending(Pending::new(node)))
}

/// Completes an average with the quantization of its result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let x = float_tensor(importer, node, 0, "X")?;
    let x_quantization = importer.known_quantization(node, x)?;
    if node.op_type() == "GlobalAveragePool" {
        add_global_average(importer, node, x, x_quantization, y)
    } else {
        add_average(importer, node, x, x_quantization, y)
    }
}

fn expect_average_attributes(node: NodeView<'_>) -> Result<(), ImportError> {
    let [a, b, c, d, e] = window::ATTRIBUTES;
    node.expect_attributes(&[
        a,
        b,
        c,
        d,
        e,
        "ceil_mode",
        "count_include_pad",
        "channels_last",
    ])
}

fn refuse_channels_last(node: NodeView<'_>) -> Result<(), ImportError> {
    if node.flag("channels_last", false)? {
        let detail = "only 0 is supported; save the model without layout optimisation";
        return Err(node.attribute("channels_last", detail.to_string()));
    }
    Ok(())
}

fn same_types(node: NodeView<'_>, x: Quantization, y: Quantization) -> Result<(), ImportError> {
    if x.qtype == y.qtype {
        return Ok(());
    }
    Err(node.mistyped(format!(
        "averages {} into {}; both must be of one type",
        x.qtype, y.qtype
    )))
}

fn add_average<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    x_quantization: Quantization,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    same_types(node, x_quantization, y)?;
    let (image, geometry) = as_image(importer, node, x, false)?;
    let mut window = window::read(node, &geometry, None)?;
    check_pads(node, &window)?;
    if window.dilations != [1, 1] {
        let detail = "only 1 is supported for averages".to_string();
        return Err(node.attribute("dilations", detail));
    }
    if window.kernel == geometry.image && window.pads == [0; 4] {
        return add_global_average(importer, node, x, x_quantization, y);
    }
    let count_include_pad = node.flag("count_include_pad", false)?;
    if node.flag("ceil_mode", false)? {
        let plain = window;
        window::round_up(&mut window, geometry.image);
        if count_include_pad && window != plain {
            let detail = "1 with count_include_pad is not supported where windows reach beyond the \
                          pads; use larger pads instead";
            return Err(node.attribute("ceil_mode", detail.to_string()));
        }
    }
    if AverageRule::new(x_quantization, y).is_none() {
        return Err(node.quantization(OVERFLOW.to_string()));
    }
    let shape = pooled_shape(importer, node, image, &window, &geometry)?;
    let op = Op::AveragePool(AveragePool {
        window,
        count_include_pad,
    });
    let y = importer.add_node(node, vec![image], op, shape, y)?;
    from_image(importer, node, y, &geometry)
}

/// The factors that ONNX Runtime takes for a global average.
const FACTORS: std::ops::Range<f32> = 1.0 / (1u64 << 32) as f32..256.0;

pub(super) fn add_global_average<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    x_quantization: Quantization,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    same_types(node, x_quantization, y)?;
    let (channels, image) = match importer.tensors[x.0].shape.split_first() {
        Some((&channels, image)) if !image.is_empty() => (channels, image),
        _ => return Err(node.shape("the operand has no axes to average over".to_string())),
    };
    let cells: usize = image.iter().product();
    let shape = [channels]
        .into_iter()
        .chain(image.iter().map(|_| 1))
        .collect();
    let factor = x_quantization.scale / (y.scale * cells as f32);
    let requant = Requant::new(factor, y)
        .ok()
        .filter(|_| FACTORS.contains(&factor));
    let requant = requant.ok_or_else(|| {
        node.quantization(format!(
            "the factor {:e} / ({:e} x {cells}) is {factor:e}, but must be at least 2^-32 and below \
             256; choose scales nearer to each other",
            x_quantization.scale, y.scale
        ))
    })?;
    importer.add_node(node, vec![x], Op::GlobalAveragePool { requant }, shape, y)
}
