//! Winterforge's hardware kernels, defined in rust-hdl and exported to Verilog.
//!
//! [`registry::kernels`] lists every kernel at every set of parameters that is exported and
//! simulated. A block stands with its latency and its tests; its integer model is plain
//! `u64`/`u128` code that shares nothing with it. [`mod@bench`] holds the conventions for
//! streams and the test bench; [`lint`] refuses what rust-hdl would translate wrongly; [`export`]
//! writes Verilog.
//!
//! How to add one: docs/hardware/adding-a-kernel.md.

pub mod accelerator;
pub mod bench;
pub mod blake3;
pub mod boards;
pub mod design;
pub mod export;
mod glue;
pub mod goldilocks;
pub mod link;
pub mod lint;
pub mod merkle;
pub mod ntt;
pub mod parts;
pub mod poseidon2;
pub mod registry;
pub mod word;
