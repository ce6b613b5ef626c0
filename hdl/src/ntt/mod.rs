//! Number-theoretic transforms of every size up to the built maximum, in one image.

use crate::registry::Kernel;

pub mod address;
pub mod butterfly;
pub mod core;
pub mod fold;
pub mod load;
pub mod model;
pub mod network;
pub mod plan;
pub mod sequencer;
pub mod unload;

pub use self::core::NttCore;

macro_rules! core {
    ($name:literal, $form:literal, $lanes:literal, $banks:literal, $row_bits:literal,
     $words:literal) => {
        Kernel {
            name: $name,
            family: "ntt_core",
            parameters: &[
                ("form", $form),
                ("lanes", $lanes),
                ("log_n", $row_bits + ($banks as u64).ilog2() as u64),
                ("words", $words),
            ],
            cell_models: &[],
            build: || Box::new(NttCore::<$form, $lanes, $banks, $row_bits, $words>::default()),
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    core!("ntt_core_1", 0, 1, 2, 5, 1),
    core!("ntt_core_2", 0, 2, 4, 10, 1),
];
