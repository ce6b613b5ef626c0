//! Why a report could not be made.

use std::path::PathBuf;

use winterforge_model::{ImportError, InputError};
use winterforge_prover::ProveError;
use winterforge_verifier::VerifyError;
use winterforge_verifier::instance::InstanceError;
use winterforge_verifier::key::KeyError;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A model could not be loaded.
    #[error(transparent)]
    Model(#[from] ImportError),
    /// Inputs could not be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A model has no plan.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// A proof could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A proof of ours was rejected.
    #[error("a fresh proof was rejected: {0}")]
    Verify(#[from] VerifyError),
    /// A key does not encode or decode.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What a prover keeps beside a key could not be written or read.
    #[error("the extended parameters beside a key: {0}")]
    Cache(String),
    /// Roots of the same rows differ.
    #[error("the trees of {0} and {1} over the same rows have other roots")]
    Roots(&'static str, &'static str),
    /// The program that measures other proof systems could not be built.
    #[error("`{0}` failed: the program that measures other proof systems was not built")]
    Build(String),
    /// A figure from elsewhere does not read.
    #[error("{}: {detail}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A proof of ours does not decode.
    #[error("a fresh proof does not decode: {0}")]
    Bundle(String),
    /// The number of threads showed in the bytes of a proof.
    #[error("{0}: the bundle depends on the number of threads")]
    Threads(&'static str),
    /// A measuring process failed.
    #[error("`{command}` failed: {detail}")]
    Child {
        /// Its arguments.
        command: String,
        /// What it said.
        detail: String,
    },
    /// Another proof system, or our prover loop beside it, failed.
    #[error("{0}")]
    Peer(String),
    /// The system does not tell how much memory a process used.
    #[error("/proc/self/status holds no VmHWM: peak memory is measured on Linux only")]
    PeakMemory,
}

impl Error {
    /// A closure that adds the path to an I/O error.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
