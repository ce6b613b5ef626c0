//! Proves that a committed int8 ONNX model produced an output, bit for bit as ONNX Runtime computes it.

mod progress;
mod prove;
mod shard;

pub use progress::{Phase, Progress, Silent};
pub use prove::{ProveError, Proved, prove};
