//! Number-theoretic transforms of every size up to the built maximum, in one image.

use crate::parts::MULT18X18D_MODEL;
use crate::registry::Kernel;

pub mod address;
pub mod butterfly;
pub mod core;
pub mod fold;
pub mod load;
pub mod model;
pub mod network;
pub mod plan;
pub mod queue;
pub mod scale;
pub mod sequencer;
pub mod transform;
pub mod unload;

pub use self::core::NttCore;
pub use transform::{Command, Ntt};

/// The kernel `Ntt<form, lanes, 2 lanes, rows, words, table>`, `log_n` = rows + 1 + log2(lanes) =
/// table + log2(words).
macro_rules! ntt {
    ($name:literal, $form:literal, $lanes:literal, $banks:literal, $row_bits:literal,
     $words:literal, $table_bits:literal, $cell_models:expr) => {
        Kernel {
            name: $name,
            family: "ntt",
            parameters: &[
                ("form", $form),
                ("lanes", $lanes),
                ("log_n", $row_bits + ($banks as u64).ilog2() as u64),
                ("words", $words),
            ],
            cell_models: $cell_models,
            build: || {
                Box::new(Ntt::<$form, $lanes, $banks, $row_bits, $words, $table_bits>::default())
            },
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    ntt!("ntt_1_lane_log_6", 0, 1, 2, 5, 1, 6, &[]),
    ntt!("ntt_4_lanes_log_6", 2, 4, 8, 3, 2, 5, &[]),
    ntt!("ntt_1_lane_log_10", 0, 1, 2, 9, 1, 10, &[]),
    ntt!("ntt_2_lanes_log_12", 0, 2, 4, 10, 1, 12, &[]),
    ntt!(
        "ntt_2_lanes_log_12_ecp5",
        1,
        2,
        4,
        10,
        1,
        12,
        &[MULT18X18D_MODEL]
    ),
    ntt!("ntt_4_lanes_log_10", 0, 4, 8, 7, 1, 10, &[]),
    ntt!("ntt_8_lanes_log_10", 0, 8, 16, 6, 2, 9, &[]),
];
