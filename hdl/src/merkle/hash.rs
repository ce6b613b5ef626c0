//! The hashes that the engine is built with.

use super::model::{BLAKE3, POSEIDON2, TreeHash};
use crate::blake3;
use crate::poseidon2::plan::period_cycles;
use crate::registry::Kernel;

/// Which hash a [`super::Core`] computes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// BLAKE3, one round in a step.
    Blake3Wide = 0,
    /// BLAKE3, five steps in a round.
    Blake3 = 1,
    /// Poseidon2 on 3 multipliers, inferred.
    Poseidon2By3 = 2,
    /// Poseidon2 on 6 multipliers of 16 ECP5 DSP blocks.
    Poseidon2By6 = 3,
    /// Poseidon2 on 3 multipliers of 16 ECP5 DSP blocks.
    Poseidon2By3Ecp5 = 4,
}

impl Hash {
    /// By number.
    pub const ALL: [Self; 5] = [
        Self::Blake3Wide,
        Self::Blake3,
        Self::Poseidon2By3,
        Self::Poseidon2By6,
        Self::Poseidon2By3Ecp5,
    ];

    /// That of a kernel, by its parameter `hash`.
    pub fn of(kernel: &Kernel) -> Option<Self> {
        let is_hash = |&&(name, _): &&(&str, u64)| name == "hash";
        let &(_, number) = kernel.parameters.iter().find(is_hash)?;
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The integer model.
    pub fn model(self) -> &'static TreeHash {
        match self {
            Self::Blake3Wide | Self::Blake3 => &BLAKE3,
            Self::Poseidon2By3 | Self::Poseidon2By6 | Self::Poseidon2By3Ecp5 => &POSEIDON2,
        }
    }

    /// Cycles between the beginnings of two blocks in the core.
    pub const fn cycles_per_block(self) -> u64 {
        match self {
            Self::Blake3Wide | Self::Blake3 => blake3::CYCLES_PER_BLOCK,
            Self::Poseidon2By3 | Self::Poseidon2By3Ecp5 => period_cycles(1) as u64,
            Self::Poseidon2By6 => period_cycles(2) as u64,
        }
    }
}
