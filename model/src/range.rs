//! Static bounds: what every accumulator and output can reach, whatever the input.
//!
//! The bounds decide which models are exact here at all (32-bit accumulators, no wrap-around in a
//! 64-bit field) and which channels are constant. They follow from the constants of the model alone.

use crate::cells::OperandCells;
use crate::error::GraphError;
use crate::float_rules::{AddRule, MulRule};
use crate::graph::{Graph, Node, TensorId};
use crate::op::{Conv, Linear, Op};
use crate::requant::{Requant, round_to_24_bits};

impl Graph {
    /// The smallest and largest value that a cell of each tensor can have.
    ///
    /// The whole type for the graph's input, the fused clamp for a layer's output, and what follows
    /// from these elsewhere.
    pub fn tensor_ranges(&self) -> Vec<(i32, i32)> {
        let types = self.tensors.iter().map(|tensor| tensor.quantization.qtype);
        let mut ranges: Vec<_> = types.map(|qtype| (qtype.min(), qtype.max())).collect();
        for node in &self.nodes {
            ranges[node.output.0] = self.output_range(node, &ranges);
        }
        ranges
    }

    /// The smallest and largest value that a cell of `tensor` can have: see
    /// [`tensor_ranges`](Self::tensor_ranges).
    pub fn tensor_range(&self, tensor: TensorId) -> (i32, i32) {
        self.tensor_ranges()[tensor.0]
    }

    /// The smallest and largest accumulator of one output channel, bias included, over every input
    /// that the producer of the operand can deliver. `(0, 0)` for operators without accumulators.
    ///
    /// Of a [`GlobalAveragePool`](Op::GlobalAveragePool), all channels share the range of channel 0.
    ///
    /// # Panics
    /// If `node` or `channel` is out of range.
    pub fn accumulator_range(&self, node: usize, channel: usize) -> (i64, i64) {
        self.channel_range(&self.nodes[node], channel, &self.tensor_ranges())
    }

    /// [`accumulator_range`](Self::accumulator_range) of every node and channel, one for each entry
    /// of [`Op::requant`].
    pub fn accumulator_ranges(&self) -> Vec<Vec<(i64, i64)>> {
        let ranges = self.tensor_ranges();
        let of_node = |node: &Node| {
            let channels = 0..node.op.requant().len();
            channels
                .map(|channel| self.channel_range(node, channel, &ranges))
                .collect()
        };
        self.nodes.iter().map(of_node).collect()
    }

    /// The output of a channel that does not depend on the input, if it is one.
    ///
    /// Accumulators are exact sums here. Where the extreme ones lie beyond 32 bits, which quantizers
    /// make by saturating the bias of a channel without weights to speak of, the sums in ONNX
    /// Runtime would wrap around; such a channel is accepted if every exact sum has the same output,
    /// and that is its output by definition.
    ///
    /// # Panics
    /// If `node` or `channel` is out of range.
    pub fn constant_output(&self, node: usize, channel: usize) -> Option<i32> {
        let requant = self.nodes[node].op.requant().get(channel)?;
        let (low, high) = self.accumulator_range(node, channel);
        requant.constant_over(low, high)
    }

    /// Every channel is constant, or its accumulator fits int32 and its requantization a field of
    /// more than 2^62 elements.
    pub(crate) fn validate_requantization(&self) -> Result<(), GraphError> {
        // Once for all nodes: anything else would be quadratic in a hostile graph.
        let ranges = self.tensor_ranges();
        for (index, node) in self.nodes.iter().enumerate() {
            for (channel, requant) in node.op.requant().iter().enumerate() {
                let (low, high) = self.channel_range(node, channel, &ranges);
                if requant.constant_over(low, high).is_some() {
                    continue;
                }
                let name = node.name.clone();
                if !fits_int32(low, high) {
                    return Err(GraphError::Accumulator {
                        node: name,
                        index,
                        channel,
                        low,
                        high,
                    });
                }
                let largest = low.unsigned_abs().max(high.unsigned_abs());
                if requant.shift < 1 || !fits_field(requant, largest) {
                    let shift = requant.shift;
                    return Err(GraphError::Requantization {
                        node: name,
                        index,
                        channel,
                        shift,
                    });
                }
            }
        }
        Ok(())
    }

    /// What a node's result can reach, given the ranges of its operands.
    fn output_range(&self, node: &Node, ranges: &[(i32, i32)]) -> (i32, i32) {
        let inputs = node.inputs.iter().map(|id| ranges[id.0]);
        let union = |a: (i32, i32), b: (i32, i32)| (a.0.min(b.0), a.1.max(b.1));
        let whole = ranges[node.output.0];
        match &node.op {
            Op::Linear(_) | Op::Conv(_) | Op::GlobalAveragePool { .. } | Op::MatMul { .. } => {
                let clamps = node.op.requant().iter().map(|r| (r.qmin, r.qmax));
                clamps.reduce(union).unwrap_or(whole)
            }
            Op::MaxPool(_)
            | Op::View
            | Op::Concat { .. }
            | Op::Transpose { .. }
            | Op::Gather { .. } => inputs.reduce(union).unwrap_or(whole),
            Op::Pad(pad) => inputs.fold((pad.value, pad.value), union),
            // Nothing better is worth the argument.
            Op::AveragePool(_) | Op::Softmax { .. } | Op::LayerNorm(_) => whole,
            Op::Table(table) => {
                let qtype = self.tensor(node.inputs[0]).quantization.qtype;
                let (low, high) = ranges[node.inputs[0].0];
                let values = (low..=high).map(|x| table.apply(qtype, x));
                values.map(|y| (y, y)).reduce(union).unwrap_or(whole)
            }
            // Both rules are monotone along either operand, so the corners are extreme.
            Op::Add(_) | Op::Mul(_) => self
                .corners(node, ranges)
                .into_iter()
                .flatten()
                .map(|y| (y, y))
                .reduce(union)
                .unwrap_or(whole),
        }
    }

    /// The results of an `Add` or `Mul` for the extremes of its operands.
    fn corners(&self, node: &Node, ranges: &[(i32, i32)]) -> Option<[i32; 4]> {
        let [a, b] = self.operands(node)?;
        let y = self.tensor(node.output).quantization;
        let extremes = |cells: OperandCells<'_>| match cells {
            OperandCells::Tensor(id) => Some(ranges[id.0]),
            OperandCells::Constant(values) => {
                let (low, high) = (values.iter().min()?, values.iter().max()?);
                Some((i32::from(*low), i32::from(*high)))
            }
        };
        let ((a0, a1), (b0, b1)) = (extremes(a.cells)?, extremes(b.cells)?);
        let pairs = [(a0, b0), (a0, b1), (a1, b0), (a1, b1)];
        match &node.op {
            Op::Mul(_) => {
                let rule = MulRule::new(a.quantization, b.quantization, y)?;
                Some(pairs.map(|(a, b)| rule.apply(a, b)))
            }
            _ => {
                let rule = AddRule::new(a.quantization, b.quantization, y)?;
                Some(pairs.map(|(a, b)| rule.apply(a, b)))
            }
        }
    }

    fn channel_range(&self, node: &Node, channel: usize, ranges: &[(i32, i32)]) -> (i64, i64) {
        let x = node.inputs[0];
        let zero_point = self.tensor(x).quantization.zero_point;
        let (low, high) = ranges[x.0];
        let range = (i64::from(low - zero_point), i64::from(high - zero_point));
        match &node.op {
            Op::Linear(linear) => linear_range(linear, channel, range),
            Op::Conv(conv) => conv_range(conv, channel, range),
            Op::GlobalAveragePool { .. } => {
                let channels = self.tensor(node.output).len();
                let cells = (self.tensor(x).len() / channels) as i64;
                (range.0 * cells, range.1 * cells)
            }
            Op::MatMul { .. } => {
                let b = node.inputs.get(1).map_or((0, 0), |b| {
                    let zero_point = self.tensor(*b).quantization.zero_point;
                    let (low, high) = ranges[b.0];
                    (i64::from(low - zero_point), i64::from(high - zero_point))
                });
                let terms = self.tensor(x).shape.last().copied().unwrap_or(0) as i64;
                let products = [range.0 * b.0, range.0 * b.1, range.1 * b.0, range.1 * b.1];
                let least = products.iter().min().copied().unwrap_or(0);
                let most = products.iter().max().copied().unwrap_or(0);
                (terms * least, terms * most)
            }
            _ => (0, 0),
        }
    }
}

fn linear_range(linear: &Linear, channel: usize, x: (i64, i64)) -> (i64, i64) {
    sum_range(linear.bias[channel], linear.row(channel), x)
}

fn conv_range(conv: &Conv, channel: usize, (low, high): (i64, i64)) -> (i64, i64) {
    // A cell of the padding is 0, which the operand itself may never be.
    let has_padding = conv.window.pads != [0; 4];
    let x = if has_padding {
        (low.min(0), high.max(0))
    } else {
        (low, high)
    };
    sum_range(conv.bias[channel], conv.filter(channel), x)
}

fn sum_range(bias: i32, weights: &[i16], (low, high): (i64, i64)) -> (i64, i64) {
    let bias = i64::from(bias);
    weights.iter().fold((bias, bias), |(min, max), &w| {
        let (a, b) = (i64::from(w) * low, i64::from(w) * high);
        (min + a.min(b), max + a.max(b))
    })
}

fn fits_int32(low: i64, high: i64) -> bool {
    i64::from(i32::MIN) <= low && high <= i64::from(i32::MAX)
}

/// `RNE24(largest) * M + 257 * 2^sh < 2^62`.
fn fits_field(requant: &Requant, largest: u64) -> bool {
    let Ok(shift) = u32::try_from(requant.shift) else {
        return false;
    };
    if shift >= 62 {
        return false;
    }
    // At most 2^31, so that the conversion and the product with a 24-bit number are exact.
    let rounded = round_to_24_bits(largest as i64).unsigned_abs();
    u128::from(rounded) * u128::from(requant.multiplier) + (257u128 << shift) < 1 << 62
}
