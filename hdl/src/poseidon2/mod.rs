//! Poseidon2 over Goldilocks, width 12: docs/poseidon2.md says what it computes.

use crate::goldilocks::Form;
use crate::parts::MULT18X18D_MODEL;
use crate::registry::Kernel;

pub mod circulant;
pub mod columns;
pub mod constants;
pub mod control;
pub mod diagonal;
pub mod external;
pub mod hash_core;
pub mod internal;
pub mod lane;
pub mod model;
pub mod permutation;
pub mod plan;
pub mod reader;
pub mod rest_sum;
pub mod sbox;
pub mod sponge;

pub use hash_core::HashCore;
pub use permutation::Permutation;
pub use sponge::Sponge;

/// An engine with so many multipliers in each lane, of a form, with 2^places states in the partial rounds.
macro_rules! permutation {
    ($name:literal, $form:ident, $lane_multipliers:literal, $place_bits:literal, $cell_models:expr) => {
        Kernel {
            name: $name,
            family: "poseidon2",
            parameters: &[
                ("multipliers", plan::LANES as u64 * $lane_multipliers),
                ("form", Form::$form as u64),
            ],
            cell_models: $cell_models,
            build: || {
                Box::new(Permutation::<
                    { Form::$form as usize },
                    $lane_multipliers,
                    $place_bits,
                >::default())
            },
        }
    };
}

/// A sponge with so many slots on such an engine.
macro_rules! sponge {
    ($name:literal, $form:ident, $lane_multipliers:literal, $place_bits:literal, $slot_bits:literal,
     $tag_bits:literal, $word_bits:literal, $cell_models:expr) => {
        Kernel {
            name: $name,
            family: "poseidon2_sponge",
            parameters: &[
                ("multipliers", plan::LANES as u64 * $lane_multipliers),
                ("form", Form::$form as u64),
                ("slots", 1 << $slot_bits),
            ],
            cell_models: $cell_models,
            build: || {
                Box::new(Sponge::<
                    { Form::$form as usize },
                    $lane_multipliers,
                    $place_bits,
                    $slot_bits,
                    $tag_bits,
                    $word_bits,
                    { 1 << $slot_bits },
                >::default())
            },
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    permutation!("poseidon2_3", Inferred, 1, 4, &[]),
    permutation!("poseidon2_6_ecp5", Ecp5, 2, 4, &[MULT18X18D_MODEL]),
    permutation!(
        "poseidon2_12_ecp5",
        KaratsubaEcp5,
        4,
        5,
        &[MULT18X18D_MODEL]
    ),
    sponge!("poseidon2_sponge_3", Inferred, 1, 4, 4, 5, 12, &[]),
    sponge!(
        "poseidon2_sponge_6_ecp5",
        Ecp5,
        2,
        4,
        5,
        6,
        13,
        &[MULT18X18D_MODEL]
    ),
];

#[cfg(test)]
mod tests;
