//! The model id: a BLAKE3 digest of the canonical imported graph.
//!
//! Two files have the same id exactly if they import to the same graph: the same operators on the
//! same shapes with the same weights, biases, scales, zero points, clamps and boundaries, in the
//! same order. Names do not count, nor do views that change no shape, nor whether a per-tensor
//! scale was written once or once per channel, nor whether an absent bias was written as zeros.
//! The QOperator and the QDQ form of one network therefore share an id when they carry the same
//! numbers; they are then the same function.
//!
//! The digest is over [`Graph::canonical_bytes`] in BLAKE3's derive-key mode.

use std::fmt;
use std::str::FromStr;

use crate::graph::{Embedding, Graph, InputBoundary, OutputBoundary, TensorId};
use crate::op::{Constant, Conv, Elementwise, Linear, Op, Pad, Window};
use crate::quantization::{QType, Quantization};
use crate::requant::Requant;

/// The version of the arithmetic in this crate; part of every model id.
pub const SEMANTICS_VERSION: u32 = 1;

const CONTEXT: &str = "winterforge model id";

/// The identity of a model: what proofs are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub [u8; 32]);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelId({self})")
    }
}

/// A string that is no model id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model id is 64 lower-case hexadecimal digits")]
pub struct ParseModelIdError;

impl FromStr for ModelId {
    type Err = ParseModelIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(ParseModelIdError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut id = [0; 32];
        if pairs.len() != id.len() || !rest.is_empty() {
            return Err(ParseModelIdError);
        }
        for (byte, &[high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(id))
    }
}

impl Graph {
    /// The model's identity.
    pub fn id(&self) -> ModelId {
        ModelId(blake3::derive_key(CONTEXT, &self.canonical_bytes()))
    }

    /// The encoding that [`id`](Self::id) digests: injective, names left out.
    ///
    /// Little-endian; every list is preceded by its length as 64 bits. In order: semantics version,
    /// input and output with their boundaries, tensors (shape, quantization), nodes (operands,
    /// result, operator tag, parameters). `requant` and its clamp are encoded beside the scales that
    /// they come from, since fused activations show in the clamp only.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut out = Encoder(Vec::new());
        out.u32(SEMANTICS_VERSION);
        out.tensor(self.input);
        out.input_boundary(&self.input_boundary);
        out.tensor(self.output);
        out.u8(match self.output_boundary {
            OutputBoundary::Float => 0,
            OutputBoundary::Quantized => 1,
        });
        out.list(&self.tensors, |out, tensor| {
            out.sizes(&tensor.shape);
            out.quantization(&tensor.quantization);
        });
        out.list(&self.nodes, |out, node| {
            out.list(&node.inputs, |out, &id| out.tensor(id));
            out.tensor(node.output);
            out.op(&node.op);
        });
        out.0
    }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    fn u32(&mut self, v: u32) {
        self.0.extend(v.to_le_bytes());
    }

    fn i32(&mut self, v: i32) {
        self.0.extend(v.to_le_bytes());
    }

    fn f32(&mut self, v: f32) {
        self.u32(v.to_bits());
    }

    fn size(&mut self, v: usize) {
        self.0.extend((v as u64).to_le_bytes());
    }

    fn tensor(&mut self, id: TensorId) {
        self.size(id.0);
    }

    fn input_boundary(&mut self, boundary: &InputBoundary) {
        match boundary {
            InputBoundary::Float => self.u8(0),
            InputBoundary::Quantized => self.u8(1),
            InputBoundary::Tokens(Embedding { shape, codes }) => {
                self.u8(2);
                self.sizes(shape);
                self.size(codes.len());
                self.0.extend(codes);
            }
        }
    }

    fn quantization(&mut self, q: &Quantization) {
        self.u8(match q.qtype {
            QType::I8 => 0,
            QType::U8 => 1,
        });
        self.f32(q.scale);
        self.i32(q.zero_point);
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.size(items.len());
        for item in items {
            each(self, item);
        }
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.list(sizes, |out, &d| out.size(d));
    }

    fn op(&mut self, op: &Op) {
        self.u8(match op {
            Op::View => 0,
            Op::Linear(_) => 1,
            Op::Conv(_) => 2,
            Op::MaxPool(_) => 3,
            Op::AveragePool(_) => 4,
            Op::GlobalAveragePool { .. } => 5,
            Op::Add(_) => 6,
            Op::Mul(_) => 7,
            Op::Table(_) => 8,
            Op::Concat { .. } => 9,
            Op::Transpose { .. } => 10,
            Op::Pad(_) => 11,
            Op::MatMul { .. } => 12,
            Op::Softmax { .. } => 13,
            Op::LayerNorm(_) => 14,
            Op::Gather { .. } => 15,
        });
        match op {
            Op::View => {}
            Op::Linear(linear) => self.linear(linear),
            Op::Conv(conv) => self.conv(conv),
            Op::MaxPool(window) => self.window(window),
            Op::AveragePool(pool) => {
                self.window(&pool.window);
                self.u8(u8::from(pool.count_include_pad));
            }
            Op::GlobalAveragePool { requant } | Op::MatMul { requant } => self.requant(requant),
            Op::Softmax { whole_steps } => self.u8(u8::from(*whole_steps)),
            Op::LayerNorm(norm) => {
                self.list(&norm.gamma, |out, &v| out.f32(v));
                self.list(&norm.beta, |out, &v| out.f32(v));
                self.f32(norm.epsilon);
                self.u8(u8::from(norm.mean));
            }
            Op::Add(elementwise) | Op::Mul(elementwise) => self.elementwise(elementwise),
            Op::Table(table) => self.list(table.values.as_slice(), Self::i16),
            Op::Concat { axis } => self.size(*axis),
            Op::Transpose { perm } => self.sizes(perm),
            Op::Gather { axis, indices } => {
                self.size(*axis);
                self.sizes(indices);
            }
            Op::Pad(Pad {
                before,
                after,
                value,
            }) => {
                self.sizes(before);
                self.sizes(after);
                self.i32(*value);
            }
        }
    }

    fn linear(&mut self, linear: &Linear) {
        self.size(linear.in_features);
        self.size(linear.out_features);
        self.list(&linear.weights, Self::i16);
        self.list(&linear.bias, |out, &b| out.i32(b));
        self.list(&linear.weight_quantization, Self::quantization);
        self.f32(linear.alpha);
        self.list(&linear.requant, Self::requant);
    }

    fn conv(&mut self, conv: &Conv) {
        self.size(conv.in_channels);
        self.size(conv.out_channels);
        self.size(conv.groups);
        self.window(&conv.window);
        self.list(&conv.weights, Self::i16);
        self.list(&conv.bias, |out, &b| out.i32(b));
        self.list(&conv.weight_quantization, Self::quantization);
        self.list(&conv.requant, Self::requant);
    }

    fn window(&mut self, window: &Window) {
        let Window {
            kernel,
            strides,
            pads,
            dilations,
        } = window;
        for list in [&kernel[..], strides, pads, dilations] {
            list.iter().for_each(|&v| self.size(v));
        }
    }

    fn elementwise(&mut self, elementwise: &Elementwise) {
        for operand in &elementwise.constants {
            match operand {
                None => self.u8(0),
                Some(Constant {
                    shape,
                    values,
                    quantization,
                }) => {
                    self.u8(1);
                    self.sizes(shape);
                    self.list(values, Self::i16);
                    self.quantization(quantization);
                }
            }
        }
    }

    fn i16(&mut self, v: &i16) {
        self.0.extend(v.to_le_bytes());
    }

    fn requant(&mut self, r: &Requant) {
        self.u32(r.multiplier);
        for v in [r.shift, r.zero_point, r.qmin, r.qmax] {
            self.i32(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips() {
        let id = ModelId(std::array::from_fn(|i| (i * 37) as u8));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            id.to_string().to_uppercase().parse::<ModelId>(),
            Err(ParseModelIdError)
        );
        assert_eq!(
            id.to_string()[1..].parse::<ModelId>(),
            Err(ParseModelIdError)
        );
        assert_eq!("".parse::<ModelId>(), Err(ParseModelIdError));
        assert_eq!("é".repeat(32).parse::<ModelId>(), Err(ParseModelIdError));
    }
}
