//! The streaming Merkle engine: rows in, row digests and tree nodes out. docs/hardware/merkle.md.

use crate::registry::Kernel;

mod blake3_core;
mod core;
mod digest;
mod engine;
mod load;
pub mod model;
mod siblings;
mod slots;

pub use self::core::{Core, Hash};
pub use blake3_core::Blake3Core;
pub use engine::Merkle;

pub(crate) const KERNELS: &[Kernel] = &[
    Kernel {
        name: "merkle_blake3",
        family: "merkle",
        parameters: &[("hash", Hash::Blake3 as u64), ("log_n", 22)],
        cell_models: &[],
        build: || Box::new(Merkle::<{ Hash::Blake3 as usize }>::default()),
    },
    Kernel {
        name: "merkle_blake3_wide",
        family: "merkle",
        parameters: &[("hash", Hash::Blake3Wide as u64), ("log_n", 22)],
        cell_models: &[],
        build: || Box::new(Merkle::<{ Hash::Blake3Wide as usize }>::default()),
    },
];

#[cfg(test)]
mod tests;
