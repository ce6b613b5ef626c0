//! BLAKE3's compression function, for chunks and parents.
//!
//! One ring of steps, [`Blake3Ring`], whose registers are parameters: the wide form makes a round in
//! every cycle, the pipelined form half a quarter-round. Either starts a compression every seven cycles; the
//! pipelined form has five under way and a clock that suits small FPGAs.

use crate::registry::Kernel;

mod half_mix;
mod leaves;
pub mod model;
mod ring;
mod step;
mod stream;

pub use ring::Blake3Ring;
pub use stream::Blake3;

/// Cycles between the beginnings of two compressions in steady state, in every form.
pub const CYCLES_PER_BLOCK: u64 = model::ROUNDS as u64;

pub(crate) const KERNELS: &[Kernel] = &[
    Kernel {
        name: "blake3_pipelined",
        family: "blake3",
        parameters: &[("steps", Blake3Ring::<1>::STEPS as u64)],
        cell_models: &[],
        build: || Box::new(Blake3::<1>::default()),
    },
    Kernel {
        name: "blake3_wide",
        family: "blake3",
        parameters: &[("steps", Blake3Ring::<0>::STEPS as u64)],
        cell_models: &[],
        build: || Box::new(Blake3::<0>::default()),
    },
];

#[cfg(test)]
mod tests;
