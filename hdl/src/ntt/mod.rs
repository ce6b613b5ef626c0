//! Number-theoretic transforms of every size up to the built maximum, in one image.

use crate::goldilocks::Form;
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

const ECP5: &[&str] = &[MULT18X18D_MODEL];

/// The kernel with multipliers of a form, 2^`log_lanes` lanes, sizes up to 2^`log_n` and 2^`log_words`
/// words a beat.
macro_rules! ntt {
    ($name:literal, $form:expr, $log_lanes:literal, $log_n:literal, $log_words:literal,
     $cell_models:expr) => {
        Kernel {
            name: $name,
            family: "ntt",
            parameters: &[
                ("form", $form as u64),
                ("lanes", 1 << $log_lanes),
                ("log_n", $log_n),
                ("words", 1 << $log_words),
            ],
            cell_models: $cell_models,
            build: || {
                Box::new(Ntt::<
                    { $form as usize },
                    { 1 << $log_lanes },
                    { 2 << $log_lanes },
                    { if $log_lanes == 0 { 1 } else { $log_lanes } },
                    { $log_lanes + 1 },
                    { $log_n - $log_lanes - 1 },
                    $log_n,
                    { 1 << $log_words },
                    { $log_n - $log_words },
                >::default())
            },
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    ntt!("ntt_1_lane_log_6", Form::Inferred, 0, 6, 0, &[]),
    ntt!("ntt_4_lanes_log_6", Form::Karatsuba, 2, 6, 1, &[]),
    ntt!("ntt_1_lane_log_10", Form::Inferred, 0, 10, 0, &[]),
    ntt!("ntt_2_lanes_log_12", Form::Inferred, 1, 12, 0, &[]),
    ntt!("ntt_2_lanes_log_12_ecp5", Form::Ecp5, 1, 12, 0, ECP5),
    ntt!("ntt_4_lanes_log_10", Form::Inferred, 2, 10, 0, &[]),
    ntt!("ntt_8_lanes_log_10", Form::Inferred, 3, 10, 1, &[]),
];
