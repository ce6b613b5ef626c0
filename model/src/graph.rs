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

/// What stands at an end of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Boundary {
    /// float32, converted by a `QuantizeLinear` or `DequantizeLinear`.
    Float,
    /// The 8-bit tensor itself.
    Quantized,
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
    pub input_boundary: Boundary,
    /// What the caller gets back.
    pub output_boundary: Boundary,
}

impl Graph {
    /// The tensor behind an id.
    ///
    /// # Panics
    /// If the id belongs to another graph and is out of range.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// The number of input cells of one sample.
    pub fn input_len(&self) -> usize {
        self.tensor(self.input).len()
    }

    /// The number of output cells of one sample.
    pub fn output_len(&self) -> usize {
        self.tensor(self.output).len()
    }

    /// The node that produces `tensor`, or `None` for the graph's input.
    pub fn producer(&self, tensor: TensorId) -> Option<usize> {
        self.nodes.iter().position(|node| node.output == tensor)
    }

    /// One sample of input, as the first integer operator sees it.
    ///
    /// At a [`Boundary::Float`] this is `QuantizeLinear`. At a [`Boundary::Quantized`] the numbers
    /// are already the integers; what is no integer of the type is rounded and saturated.
    pub fn quantize_input(&self, x: &[f32]) -> Vec<i32> {
        let quantization = self.tensor(self.input).quantization;
        let quantization = match self.input_boundary {
            Boundary::Float => quantization,
            Boundary::Quantized => raw_integers(quantization.qtype),
        };
        x.iter().map(|&x| quantization.quantize(x)).collect()
    }

    /// What the model returns for the last quantized tensor `q` of one sample.
    ///
    /// At a [`Boundary::Float`] this is `DequantizeLinear`; at a [`Boundary::Quantized`] the
    /// integers themselves, as floats.
    pub fn dequantize_output(&self, q: &[i32]) -> Vec<f32> {
        let quantization = self.tensor(self.output).quantization;
        let quantization = match self.output_boundary {
            Boundary::Float => quantization,
            Boundary::Quantized => raw_integers(quantization.qtype),
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
