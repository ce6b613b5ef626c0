//! Accumulators of layers with weights. Operands are less their zero points.

use crate::op::{Conv, Linear};

/// `[position][channel]`.
pub(super) fn accumulate(linear: &Linear, x: &[i32]) -> Vec<i64> {
    let mut accumulators = Vec::new();
    for position in x.chunks_exact(linear.in_features) {
        for channel in 0..linear.out_features {
            let mut acc = i64::from(linear.bias[channel]);
            for (&q, &w) in position.iter().zip(linear.row(channel)) {
                acc += i64::from(q) * i64::from(w);
            }
            accumulators.push(acc);
        }
    }
    accumulators
}

/// `[channel][row][column]`: adds one tap of one filter to a whole plane at a time.
pub(super) fn convolve(conv: &Conv, image: [usize; 2], x: &[i32]) -> Vec<i64> {
    let window = &conv.window;
    let [height, width] = image;
    let [out_height, out_width] = window.output(image).unwrap_or([0, 0]);
    let [kernel_height, kernel_width] = window.kernel;
    let mut accumulators = Vec::with_capacity(conv.out_channels * out_height * out_width);
    for channel in 0..conv.out_channels {
        let mut plane = vec![i64::from(conv.bias[channel]); out_height * out_width];
        let mut weights = conv.filter(channel).iter();
        for input in conv.input_channels(channel) {
            let cells = &x[input * height * width..][..height * width];
            for ky in 0..kernel_height {
                for kx in 0..kernel_width {
                    let w = weights.next().map_or(0, |&w| i64::from(w));
                    let offset = kx * window.dilations[1];
                    let first = first_inside(window.pads[1], offset, window.strides[1]);
                    let Some(start) = window.source(1, first, kx, width) else {
                        continue;
                    };
                    for (i, row) in plane.chunks_exact_mut(out_width).enumerate() {
                        let Some(at) = window.source(0, i, ky, height) else {
                            continue;
                        };
                        let line = &cells[at * width..][..width];
                        let taps = line[start..].iter().step_by(window.strides[1]);
                        for (acc, &q) in row.iter_mut().skip(first).zip(taps) {
                            *acc += i64::from(q) * w;
                        }
                    }
                }
            }
        }
        accumulators.extend(plane);
    }
    accumulators
}

/// The first window whose tap at `offset` is not in the padding in front.
fn first_inside(pad: usize, offset: usize, stride: usize) -> usize {
    pad.saturating_sub(offset).div_ceil(stride)
}
