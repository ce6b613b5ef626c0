//! Proves that a committed int8 ONNX model produced an output, bit for bit as ONNX Runtime computes it.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use winterforge_prover::{Silent, model, prove, verifier};
//!
//! # let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models/mlp_bc");
//! let graph = Arc::new(model::load(&folder.join("model.onnx"))?);
//! let samples = model::read_input(&folder.join("inputs.npz"), &graph)?;
//! let proved = prove(&graph, samples.sample(0), Default::default(), &Silent)?;
//! let verified = verifier::verify(&proved.bundle, &graph, &verifier::Policy::default())?;
//! assert_eq!(verified.header.model_id, graph.id());
//! println!("proven with {} bits: {:?}", verified.ledger.bits(), verified.header.output.values);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod cache;
pub mod device;
mod job;
mod memory;
mod parameters;
mod pool;
mod progress;
mod prove;
mod setup;
mod simd;
pub mod stark;
mod whole;

pub use cache::{CacheError, cache_path};
pub use memory::{Demand, Footprint, Schedule, TooLittleMemory};
pub use progress::{Phase, Progress, Silent};
pub use prove::{
    Mode, ProveError, Proved, Resources, prove, prove_after, prove_on, prove_with_key,
};
pub use setup::{KeyMismatch, ProvingKey};
pub use whole::{check_writable, folder_of, write_whole};

pub use winterforge_model as model;
pub use winterforge_verifier as verifier;
