//! The quantized graph: tensors, integer operators and the boundary to floating point.
//!
//! Everything is stated for **one sample**: the batch axis (axis 0 in ONNX) is gone, and a batch is
//! that many independent evaluations.

use serde::{Deserialize, Serialize};

use crate::op::Op;
use crate::quantization::{QType, Quantization};

/// The index of a tensor in [`Graph::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TensorId(pub usize);

/// An 8-bit tensor between two operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tensor {
    /// The name in the file, for diagnostics only: not part of the model's identity.
    #[serde(skip)]
    pub name: String,
    /// The shape of one sample.
    pub shape: Vec<usize>,
    /// How the integers stand for reals.
    pub quantization: Quantization,
}

impl Tensor {
    /// The number of cells of one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no cells; never the case in an imported graph.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One operator with its operands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The name in the file, for diagnostics only: not part of the model's identity.
    #[serde(skip)]
    pub name: String,
    /// The operands, in the order that the operator defines.
    pub inputs: Vec<TensorId>,
    /// The result. Each tensor but the graph's input is the result of exactly one node.
    pub output: TensorId,
    /// What is computed.
    pub op: Op,
}

/// What the caller passes in for the input tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputBoundary {
    /// float32, converted by a `QuantizeLinear`.
    Float,
    /// The 8-bit tensor itself.
    Quantized,
    /// Numbers of rows that make up the tensor.
    Tokens(Embedding),
}

/// What the caller gets for the output tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputBoundary {
    /// float32, converted by a `DequantizeLinear`.
    Float,
    /// The 8-bit tensor itself.
    Quantized,
}

impl From<OutputBoundary> for InputBoundary {
    fn from(boundary: OutputBoundary) -> Self {
        match boundary {
            OutputBoundary::Float => Self::Float,
            OutputBoundary::Quantized => Self::Quantized,
        }
    }
}

/// The table that tokens are looked up in.
///
/// It is a part of the public end of the model, not of what is proven: prover and verifier both look up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// The shape of the tokens of one sample. The shape of the graph's input tensor is this and then that of a row.
    pub shape: Vec<usize>,
    /// The rows, one behind the other, as codes: integers of the input tensor less the least of their type.
    pub codes: Vec<u8>,
}

impl Embedding {
    /// The number of tokens in one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a sample has no tokens; never the case in an imported graph.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A quantized model for one sample.
///
/// [`load`](crate::load) and [`import`](crate::import) return graphs that satisfy
/// [`validate`](Self::validate); a graph built by hand should be checked with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// All tensors, indexed by [`TensorId`].
    pub tensors: Vec<Tensor>,
    /// The operators, each behind the producers of its operands.
    pub nodes: Vec<Node>,
    /// The tensor that the caller provides.
    pub input: TensorId,
    /// The tensor that the model returns.
    pub output: TensorId,
    /// What the caller passes in.
    pub input_boundary: InputBoundary,
    /// What the caller gets back.
    pub output_boundary: OutputBoundary,
}

impl Graph {
    /// The tensor behind an id.
    ///
    /// # Panics
    /// If the id belongs to another graph and is out of range.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// The shape of what is passed in for one sample: tokens, or the cells of the input tensor.
    pub fn input_shape(&self) -> &[usize] {
        match &self.input_boundary {
            InputBoundary::Tokens(embedding) => &embedding.shape,
            InputBoundary::Float | InputBoundary::Quantized => &self.tensor(self.input).shape,
        }
    }

    /// How many values are passed in for one sample.
    pub fn input_len(&self) -> usize {
        self.input_shape().iter().product()
    }

    /// How many different tokens there are, in a graph that takes tokens.
    pub fn vocabulary(&self) -> Option<usize> {
        match &self.input_boundary {
            InputBoundary::Tokens(embedding) => {
                Some(embedding.codes.len() / self.row_len(embedding))
            }
            InputBoundary::Float | InputBoundary::Quantized => None,
        }
    }

    /// The cells of the input tensor that one token stands for.
    fn row_len(&self, embedding: &Embedding) -> usize {
        (self.tensor(self.input).len() / embedding.len().max(1)).max(1)
    }

    /// The number of output cells of one sample.
    pub fn output_len(&self) -> usize {
        self.tensor(self.output).len()
    }

    /// The node that produces `tensor`, or `None` for the graph's input.
    pub fn producer(&self, tensor: TensorId) -> Option<usize> {
        self.nodes.iter().position(|node| node.output == tensor)
    }

    /// One sample of input or several, as the first integer operator sees them.
    ///
    /// At [`InputBoundary::Float`] this is `QuantizeLinear`. At [`InputBoundary::Quantized`] the numbers are
    /// already the integers; what is no integer of the type is rounded and saturated. At
    /// [`InputBoundary::Tokens`] they are looked up, as [`tokens`](Self::tokens) reads them.
    pub fn quantize_input(&self, x: &[f32]) -> Vec<i32> {
        let quantization = self.tensor(self.input).quantization;
        let quantization = match &self.input_boundary {
            InputBoundary::Float => quantization,
            InputBoundary::Quantized => raw_integers(quantization.qtype),
            InputBoundary::Tokens(embedding) => {
                let least = quantization.qtype.min();
                let row = |token| self.embedded(embedding, token).unwrap_or_default();
                let codes = self.tokens(x).into_iter().flat_map(row);
                return codes.map(|&code| i32::from(code) + least).collect();
            }
        };
        x.iter().map(|&x| quantization.quantize(x)).collect()
    }

    /// Numbers as tokens; what is none is rounded to the nearest one. Every token is a float32 exactly.
    pub fn tokens(&self, x: &[f32]) -> Vec<u32> {
        let last = self.vocabulary().unwrap_or(0).saturating_sub(1) as f32;
        let token = |&x: &f32| x.round_ties_even().clamp(0.0, last) as u32;
        x.iter().map(token).collect()
    }

    /// The codes of a token's cells, if there is such a token.
    pub fn embedded<'e>(&self, embedding: &'e Embedding, token: u32) -> Option<&'e [u8]> {
        let len = self.row_len(embedding);
        embedding.codes.chunks_exact(len).nth(token as usize)
    }

    /// What the model returns for the last quantized tensor `q` of one sample.
    ///
    /// At [`OutputBoundary::Float`] this is `DequantizeLinear`; at [`OutputBoundary::Quantized`] the
    /// integers themselves, as floats.
    pub fn dequantize_output(&self, q: &[i32]) -> Vec<f32> {
        let quantization = self.tensor(self.output).quantization;
        let quantization = match self.output_boundary {
            OutputBoundary::Float => quantization,
            OutputBoundary::Quantized => raw_integers(quantization.qtype),
        };
        q.iter().map(|&q| quantization.dequantize(q)).collect()
    }
}

/// The quantization under which an integer stands for itself.
fn raw_integers(qtype: QType) -> Quantization {
    Quantization {
        scale: 1.0,
        zero_point: 0,
        qtype,
    }
}
