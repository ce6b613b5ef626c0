//! Static bounds: what every accumulator and output can reach, whatever the input.
//!
//! The bounds decide which models are exact here at all (32-bit accumulators, no wrap-around in a
//! 64-bit field) and which channels are constant. They follow from the weights alone.

use crate::error::GraphError;
use crate::graph::{Graph, Linear, Op, TensorId};
use crate::requant::{Requant, round_to_24_bits};

/// No tensor of one sample may have more cells.
pub(crate) const MAX_TENSOR_CELLS: usize = 1 << 26;

impl Graph {
    /// The smallest and largest value that a cell of `tensor` can have.
    ///
    /// The whole type for the graph's input, the fused clamp for a layer's output.
    pub fn tensor_range(&self, tensor: TensorId) -> (i32, i32) {
        let mut tensor = tensor;
        while let Some(index) = self.producer(tensor) {
            let node = &self.nodes[index];
            match &node.op {
                Op::Linear(linear) => return output_range(linear),
                Op::View => tensor = node.inputs[0],
            }
        }
        let qtype = self.tensor(tensor).quantization.qtype;
        (qtype.min(), qtype.max())
    }

    /// The smallest and largest accumulator of one output channel, bias included, over every input
    /// that the producer of the operand can deliver. `(0, 0)` for operators without accumulators.
    ///
    /// # Panics
    /// If `node` or `channel` is out of range.
    pub fn accumulator_range(&self, node: usize, channel: usize) -> (i64, i64) {
        let node = &self.nodes[node];
        match &node.op {
            Op::Linear(linear) => {
                let x = node.inputs[0];
                linear_range(linear, channel, self.shifted(x, self.tensor_range(x)))
            }
            Op::View => (0, 0),
        }
    }

    /// The output of a channel that does not depend on the input, if it is one.
    ///
    /// Where an accumulator can leave 32 bits, a channel counts as constant only if every 32-bit
    /// accumulator has the same output, since wrap-around may then produce any of them.
    ///
    /// # Panics
    /// If `node` or `channel` is out of range.
    pub fn constant_output(&self, node: usize, channel: usize) -> Option<i32> {
        match &self.nodes[node].op {
            Op::Linear(linear) => constant_output(
                &linear.requant[channel],
                self.accumulator_range(node, channel),
            ),
            Op::View => None,
        }
    }

    /// Checks everything that [`execute`](crate::execute) and a proof rely on.
    ///
    /// # Errors
    /// If ids, shapes or lengths are inconsistent, a tensor has not exactly one producer, or a
    /// channel cannot be requantized exactly.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.validate_tensors()?;
        let mut ready = vec![false; self.tensors.len()];
        ready[self.input.0] = true;
        for (index, node) in self.nodes.iter().enumerate() {
            let structure = |detail: &str| GraphError::Structure {
                node: node.name.clone(),
                index,
                detail: detail.to_string(),
            };
            let &[x] = node.inputs.as_slice() else {
                return Err(structure("must have exactly one operand"));
            };
            if ready.get(x.0) != Some(&true) {
                return Err(structure("its operand is not computed before it"));
            }
            if ready.get(node.output.0) != Some(&false) {
                return Err(structure("its result is not a new tensor"));
            }
            ready[node.output.0] = true;
            let (x, y) = (self.tensor(x), self.tensor(node.output));
            match &node.op {
                Op::View => {
                    if x.len() != y.len() || x.quantization != y.quantization {
                        return Err(structure("a view must keep cells and quantization"));
                    }
                }
                Op::Linear(linear) => {
                    let fits = linear.in_features.checked_mul(linear.out_features)
                        == Some(linear.weights.len())
                        && linear.bias.len() == linear.out_features
                        && linear.requant.len() == linear.out_features
                        && linear.weight_quantization.len() == linear.out_features;
                    if !fits {
                        return Err(structure("weights, bias and requantization differ in size"));
                    }
                    let (Some((&k, positions)), Some((&n, y_positions))) =
                        (x.shape.split_last(), y.shape.split_last())
                    else {
                        return Err(structure("operands need at least one axis"));
                    };
                    if (k, n) != (linear.in_features, linear.out_features)
                        || positions != y_positions
                    {
                        return Err(structure("shapes do not fit the weights"));
                    }
                    let well_formed = |r: &Requant| {
                        r.is_well_formed(y.quantization.qtype)
                            && r.zero_point == y.quantization.zero_point
                    };
                    if !linear.requant.iter().all(well_formed) {
                        return Err(structure("a requantization is malformed"));
                    }
                }
            }
        }
        if !ready.iter().all(|&ready| ready) {
            return Err(GraphError::Tensors("a tensor has no producer".to_string()));
        }
        self.validate_requantization()
    }

    fn validate_tensors(&self) -> Result<(), GraphError> {
        let fail = |detail: String| Err(GraphError::Tensors(detail));
        if self.input.0 >= self.tensors.len() || self.output.0 >= self.tensors.len() {
            return fail("the input or output does not exist".to_string());
        }
        for tensor in &self.tensors {
            let cells = tensor
                .shape
                .iter()
                .try_fold(1usize, |n, &d| n.checked_mul(d));
            if !cells.is_some_and(|n| (1..=MAX_TENSOR_CELLS).contains(&n)) {
                return fail(format!(
                    "{:?} has an unusable shape {:?}",
                    tensor.name, tensor.shape
                ));
            }
            let q = tensor.quantization;
            if !(q.qtype.contains(q.zero_point) && is_usable_scale(q.scale)) {
                return fail(format!(
                    "{:?} has an unusable quantization ({q})",
                    tensor.name
                ));
            }
        }
        Ok(())
    }

    /// Every channel is constant, or its accumulator fits int32 and its requantization a field of
    /// more than 2^62 elements.
    fn validate_requantization(&self) -> Result<(), GraphError> {
        // Carried along: looking producers up again would be quadratic in a hostile graph.
        let mut ranges = vec![(0, 0); self.tensors.len()];
        ranges[self.input.0] = self.tensor_range(self.input);
        for (index, node) in self.nodes.iter().enumerate() {
            let x = node.inputs[0];
            ranges[node.output.0] = match &node.op {
                Op::Linear(linear) => output_range(linear),
                Op::View => ranges[x.0],
            };
            let Op::Linear(linear) = &node.op else {
                continue;
            };
            let x = self.shifted(x, ranges[x.0]);
            for (channel, requant) in linear.requant.iter().enumerate() {
                let (low, high) = linear_range(linear, channel, x);
                if constant_output(requant, (low, high)).is_some() {
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

    /// A range of `tensor`'s cells, less its zero point.
    fn shifted(&self, tensor: TensorId, (low, high): (i32, i32)) -> (i64, i64) {
        let zero_point = self.tensor(tensor).quantization.zero_point;
        (i64::from(low - zero_point), i64::from(high - zero_point))
    }
}

/// Whether conversions with this scale are exact inverses of each other on 8-bit integers: neither
/// `255 * scale` overflows nor is anything subnormal.
pub(crate) fn is_usable_scale(scale: f32) -> bool {
    scale.is_normal() && scale > 0.0 && scale <= f32::MAX / 512.0
}

fn output_range(linear: &Linear) -> (i32, i32) {
    let low = linear.requant.iter().map(|r| r.qmin).min();
    let high = linear.requant.iter().map(|r| r.qmax).max();
    low.zip(high).unwrap_or((0, 0))
}

fn linear_range(linear: &Linear, channel: usize, (low, high): (i64, i64)) -> (i64, i64) {
    let bias = i64::from(linear.bias[channel]);
    linear
        .row(channel)
        .iter()
        .fold((bias, bias), |(min, max), &w| {
            let (a, b) = (i64::from(w) * low, i64::from(w) * high);
            (min + a.min(b), max + a.max(b))
        })
}

fn constant_output(requant: &Requant, (low, high): (i64, i64)) -> Option<i32> {
    if fits_int32(low, high) {
        requant.constant_over(low, high)
    } else {
        requant.constant_over(i64::from(i32::MIN), i64::from(i32::MAX))
    }
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
