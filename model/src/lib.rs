//! Quantized ONNX models: import, exact integer semantics and a reference executor.
//!
//! A [`Graph`] is what Winterforge proves statements about. It holds integer operators only; the
//! floating-point parts of a model are reduced to an [`InputBoundary`] and an [`OutputBoundary`]. [`load`] reads the
//! QOperator and the QDQ form of an int8 ONNX file onto the same graph, [`execute`] evaluates one
//! sample, and [`Graph::id`] names the model.
//!
//! The arithmetic is the one ONNX Runtime uses on x86-64 with VNNI, written out in
//! [`Requant::apply`] and [`Quantization`]. Everything here is plain integer code: it is the
//! oracle for constraints and hardware, so it is meant to be read rather than to be fast.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use winterforge_model::{execute, load, read_input};
//!
//! let graph = load(Path::new("model.onnx"))?;
//! let samples = read_input(Path::new("inputs.npz"), &graph)?;
//! let input = graph.quantize_input(samples.sample(0));
//! let execution = execute(&graph, &input)?;
//! let logits = graph.dequantize_output(&execution.tensors[graph.output.0]);
//! # Ok(()) }
//! ```

mod cells;
mod erf;
mod error;
mod executor;
mod float_rules;
mod graph;
mod id;
#[cfg(not(target_family = "wasm"))]
mod input;
mod layer_norm;
mod onnx;
mod op;
mod quantization;
mod range;
mod requant;
mod skeleton;
mod softmax;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod validate;

pub use cells::{Copied, Operand, OperandCells, broadcast_cells, broadcast_shape};
pub use error::{ExecuteError, GraphError, ImportError, InputError, Site};
pub use executor::{Execution, execute};
pub use float_rules::{AddRule, AverageRule, MulRule};
pub use graph::{Embedding, Graph, InputBoundary, Node, OutputBoundary, Tensor, TensorId};
pub use id::{ModelId, ParseModelIdError, SEMANTICS_VERSION};
#[cfg(not(target_family = "wasm"))]
pub use input::{Samples, decode_input, read_input};
pub use layer_norm::LayerNormRule;
pub use onnx::{import, load};
pub use op::{AveragePool, Constant, Conv, Elementwise, LayerNorm, Linear, Op, Pad, Table, Window};
pub use quantization::{QType, Quantization};
pub use requant::{Requant, UnusableScale};
pub use softmax::SoftmaxRule;
