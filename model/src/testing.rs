//! Random graphs and an ONNX writer, for the tests of this and other crates.
//!
//! Behind the feature `testing`; no part of the supported interface. Everything is a pure function
//! of its seed. Misuse panics.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod attention;
mod builder;
mod net;
mod net_attention;
mod net_ops;
pub mod node_case;
mod onnx;
mod random;

pub use attention::RandomAttention;
pub use builder::OnnxBuilder;
pub use net::RandomNet;
pub use onnx::{Form, onnx_bytes};
pub use random::{RandomMlp, Rng, random_input, random_mlp, random_sample};
pub use rten_onnx::onnx::DataType;
