//! Verilated models of the hardware kernels, and their co-verification.
//!
//! The build exports every kernel of [`winterforge_hdl::registry`] to Verilog and compiles it with
//! Verilator; [`Model`] drives one. [`co_verify`] runs the same test on the rust-hdl simulation
//! and on the Verilated model, and leaves a waveform behind if the latter fails.

pub mod accelerator;
pub mod blake3;
pub mod board;
mod co_verify;
pub mod merkle;
mod model;
pub mod ntt;
pub mod poseidon2;
pub mod roofline;
pub mod runs;
mod runs_accelerator;
pub mod serial;
pub mod steady;

pub use co_verify::{co_verify, verify_rtl};
pub use model::{Model, ModelError};
