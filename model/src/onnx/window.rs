//! The attributes that convolutions and pools share, resolved to a [`Window`].
//!
//! `auto_pad` and `ceil_mode` are gone afterwards: they become plain pads.

use super::node::NodeView;
use crate::error::ImportError;
use crate::op::Window;

/// The attributes read here, for both kinds of operator.
pub(super) const ATTRIBUTES: [&str; 5] =
    ["auto_pad", "dilations", "kernel_shape", "pads", "strides"];

/// What is read beside the attributes.
pub(super) struct Geometry {
    /// Axes of the image in the file: 1 or 2.
    pub(super) axes: usize,
    /// Its size; the height of a signal is 1.
    pub(super) image: [usize; 2],
    /// Whether `auto_pad` takes the gaps of a dilated kernel into account, as a convolution does.
    /// Pools do not.
    pub(super) pads_by_extent: bool,
}

/// The window of a node; `stored_kernel` is the size of the weights, if there are any.
pub(super) fn read(
    node: NodeView<'_>,
    geometry: &Geometry,
    stored_kernel: Option<&[usize]>,
) -> Result<Window, ImportError> {
    let axes = geometry.axes;
    let kernel = match (list(node, "kernel_shape", axes, 1)?, stored_kernel) {
        (Some(kernel), Some(stored)) if kernel != stored => {
            let detail = format!("is {kernel:?}, but the weights are {stored:?}");
            return Err(node.attribute("kernel_shape", detail));
        }
        (Some(kernel), _) => kernel,
        (None, Some(stored)) => stored.to_vec(),
        (None, None) => return Err(node.attribute("kernel_shape", "is missing".to_string())),
    };
    let strides = list(node, "strides", axes, 1)?.unwrap_or_else(|| vec![1; axes]);
    let dilations = list(node, "dilations", axes, 1)?.unwrap_or_else(|| vec![1; axes]);
    let pads = list(node, "pads", 2 * axes, 0)?.unwrap_or_else(|| vec![0; 2 * axes]);
    let mut window = Window {
        kernel: pair(&kernel, 1),
        strides: pair(&strides, 1),
        pads: [0; 4],
        dilations: pair(&dilations, 1),
    };
    let [begin, end] = [pair(&pads[..axes], 0), pair(&pads[axes..], 0)];
    window.pads = [begin[0], begin[1], end[0], end[1]];
    let auto_pad = node.string("auto_pad", "NOTSET")?;
    if auto_pad != "NOTSET" && window.pads != [0; 4] {
        let detail = format!("{auto_pad} contradicts pads that are not 0; keep one of the two");
        return Err(node.attribute("auto_pad", detail));
    }
    match auto_pad {
        "NOTSET" | "VALID" => {}
        "SAME_UPPER" | "SAME_LOWER" => {
            for axis in 0..2 {
                let (size, stride) = (geometry.image[axis], window.strides[axis]);
                let extent = if geometry.pads_by_extent {
                    window.extent(axis)
                } else {
                    window.kernel[axis]
                };
                let last = (size.div_ceil(stride) - 1) * stride;
                if !geometry.pads_by_extent && crops(&window, axis, last, size) {
                    let detail = format!(
                        "{auto_pad} with strides larger than the kernel makes ONNX Runtime cut the \
                         image; write pads instead"
                    );
                    return Err(node.attribute("auto_pad", detail));
                }
                let total = (last + extent).saturating_sub(size);
                // The odd cell goes to the end, or with LOWER to the start.
                let begin = if auto_pad == "SAME_UPPER" {
                    total / 2
                } else {
                    total.div_ceil(2)
                };
                window.pads[axis] = begin;
                window.pads[axis + 2] = total - begin;
            }
        }
        _ => {
            let detail = "must be NOTSET, VALID, SAME_UPPER or SAME_LOWER".to_string();
            return Err(node.attribute("auto_pad", detail));
        }
    }
    Ok(window)
}

/// Whether a pool's pads come out negative where ONNX Runtime does not round them up to 0 again: by
/// more than one cell, or where the gaps of the kernel do not count for the pads but for the size.
fn crops(window: &Window, axis: usize, last: usize, size: usize) -> bool {
    let missing = size.saturating_sub(last + window.kernel[axis]);
    missing > 1 || (missing > 0 && window.dilations[axis] > 1)
}

/// Adds to the pads at the end what makes a window of a partly covered remainder, unless it would
/// start behind the image.
pub(super) fn round_up(window: &mut Window, image: [usize; 2]) {
    for (axis, size) in image.into_iter().enumerate() {
        let (stride, begin) = (window.strides[axis], window.pads[axis]);
        let padded = size + begin + window.pads[axis + 2];
        let Some(room) = padded.checked_sub(window.extent(axis)) else {
            continue;
        };
        let missing = room.next_multiple_of(stride) - room;
        if missing > 0 && room + missing < size + begin {
            window.pads[axis + 2] += missing;
        }
    }
}

/// A list with one number for each axis, or two for pads.
fn list(
    node: NodeView<'_>,
    name: &str,
    len: usize,
    least: usize,
) -> Result<Option<Vec<usize>>, ImportError> {
    let Some(values) = node.ints(name)? else {
        return Ok(None);
    };
    let valid = |&v: &i64| {
        let v = usize::try_from(v).ok()?;
        (least..=Window::MAX_PARAMETER).contains(&v).then_some(v)
    };
    match values.iter().map(valid).collect::<Option<Vec<_>>>() {
        Some(list) if list.len() == len => Ok(Some(list)),
        _ => {
            // A hostile list may be long.
            let shown = &values[..values.len().min(8)];
            let detail = format!("is {shown:?}, but must be {len} numbers of at least {least}");
            Err(node.attribute(name, detail))
        }
    }
}

/// `[vertical, horizontal]`; the vertical entry of a signal is `default`.
fn pair(values: &[usize], default: usize) -> [usize; 2] {
    match *values {
        [vertical, horizontal] => [vertical, horizontal],
        [horizontal] => [default, horizontal],
        _ => [default; 2],
    }
}
