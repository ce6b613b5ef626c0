//! Pooling with windows.

use crate::float_rules::AverageRule;
use crate::graph::{Graph, Node};
use crate::op::{AveragePool, Window};

/// The largest cell of each window.
pub(super) fn max(graph: &Graph, node: &Node, window: &Window, x: &[i32]) -> Vec<i32> {
    windows(graph, node, window, x, |cells| {
        cells.iter().copied().max().unwrap_or(i32::MIN)
    })
}

/// The average of each window.
pub(super) fn average(graph: &Graph, node: &Node, op: &AveragePool, x: &[i32]) -> Vec<i32> {
    let quantization = |id| graph.tensor(id).quantization;
    let rule = AverageRule::new(quantization(node.inputs[0]), quantization(node.output));
    let [height, width] = op.window.kernel;
    windows(graph, node, &op.window, x, |cells| {
        let n = if op.count_include_pad {
            height * width
        } else {
            cells.len()
        };
        rule.map_or(0, |rule| rule.apply(cells.iter().copied(), n))
    })
}

/// Hands the cells of each window that lie inside of the image to `evaluate`, row by row.
fn windows(
    graph: &Graph,
    node: &Node,
    window: &Window,
    x: &[i32],
    evaluate: impl Fn(&[i32]) -> i32,
) -> Vec<i32> {
    let shape = &graph.tensor(node.inputs[0]).shape;
    let [height, width] = [shape[1], shape[2]];
    let [out_height, out_width] = window.output([height, width]).unwrap_or([0, 0]);
    let mut y = Vec::new();
    let mut cells = Vec::new();
    for plane in x.chunks_exact(height * width) {
        for i in 0..out_height {
            for j in 0..out_width {
                cells.clear();
                for ky in window.taps(0, i, height) {
                    let row = i * window.strides[0] + ky * window.dilations[0] - window.pads[0];
                    for kx in window.taps(1, j, width) {
                        let column =
                            j * window.strides[1] + kx * window.dilations[1] - window.pads[1];
                        cells.push(plane[row * width + column]);
                    }
                }
                y.push(evaluate(&cells));
            }
        }
    }
    y
}
