//! The streaming Merkle engine: rows in, row digests and tree nodes out. docs/hardware/merkle.md.

use crate::goldilocks::Form;
use crate::parts::MULT18X18D_MODEL;
use crate::poseidon2::plan::LANES;
use crate::registry::Kernel;

mod blake3_core;
mod core;
mod digest;
mod engine;
mod hash;
mod load;
pub mod model;
mod siblings;
mod slots;

pub use self::core::Core;
pub use blake3_core::Blake3Core;
pub use engine::Merkle;
pub use hash::Hash;

/// An engine with 2^slot_bits slots around a core; the parameters beyond hash, size and slots are the core's.
macro_rules! merkle {
    ($name:literal, $hash:ident, $slot_bits:literal, $cell_models:expr $(, $core:expr)*) => {
        Kernel {
            name: $name,
            family: "merkle",
            parameters: &[
                ("hash", Hash::$hash as u64),
                ("log_n", 22),
                ("slots", 1 << $slot_bits)
                $(, $core)*
            ],
            cell_models: $cell_models,
            build: || {
                Box::new(Merkle::<
                    { Hash::$hash as usize },
                    $slot_bits,
                    { $slot_bits + 1 },
                    { $slot_bits + 5 },
                    { 1 << $slot_bits },
                >::default())
            },
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    merkle!("merkle_blake3", Blake3, 3, &[]),
    merkle!("merkle_blake3_wide", Blake3Wide, 3, &[]),
    merkle!(
        "merkle_poseidon2_3",
        Poseidon2By3,
        4,
        &[],
        ("multipliers", LANES as u64),
        ("form", Form::Inferred as u64)
    ),
    merkle!(
        "merkle_poseidon2_3_ecp5",
        Poseidon2By3Ecp5,
        4,
        &[MULT18X18D_MODEL],
        ("multipliers", LANES as u64),
        ("form", Form::Ecp5 as u64)
    ),
    merkle!(
        "merkle_poseidon2_6_ecp5",
        Poseidon2By6,
        5,
        &[MULT18X18D_MODEL],
        ("multipliers", 2 * LANES as u64),
        ("form", Form::Ecp5 as u64)
    ),
];

#[cfg(test)]
mod tests;
