//! The accelerator: the engines behind AXI4-Lite registers and AXI4-Stream data. docs/hardware/accelerator.md.

use crate::export;
use crate::goldilocks::Form;
use crate::merkle::Hash;
use crate::registry::Kernel;

mod axi_lite;
mod board;
mod collect;
mod dispatch;
mod monitor;
mod nodes;
#[rustfmt::skip]
mod registers;
mod scratch;
mod top;

pub use board::Board;
pub use top::Accelerator;

/// Binary logarithm of the most rows of a tree.
const LOG_ROWS: u32 = 22;

/// Most words of a row.
const ROW_WORDS: u32 = 254;

/// Binary logarithm of the jobs that may wait.
const LOG_JOBS: u32 = 4;

/// Binary logarithm of the words of the scratch memory.
const LOG_SCRATCH: usize = 13;

/// Number of the hash in the register `capabilities`.
const fn number(hash: Hash) -> u32 {
    match hash {
        Hash::Blake3 | Hash::Blake3Wide => 0,
        Hash::Poseidon2By3 | Hash::Poseidon2By6 => 1,
    }
}

/// A top, [`Accelerator`] or [`Board`], with an NTT of 2^`log_lanes` lanes and sizes up to 2^`log_n`, and a Merkle engine with
/// 2^`slot_bits` slots.
macro_rules! accelerator {
    ($top:ident, $family:literal, $name:literal, $form:expr, $log_lanes:literal, $log_n:literal, $hash:ident, $slot_bits:literal,
     $cell_models:expr) => {
        Kernel {
            name: $name,
            family: $family,
            parameters: &[
                ("form", $form as u64),
                ("lanes", 1 << $log_lanes),
                ("log_n", $log_n),
                ("hash", Hash::$hash as u64),
                ("slots", 1 << $slot_bits),
            ],
            cell_models: $cell_models,
            build: || {
                type Top = $top<
                    { $form as usize },
                    { 1 << $log_lanes },
                    { 2 << $log_lanes },
                    { if $log_lanes == 0 { 1 } else { $log_lanes } },
                    { $log_lanes + 1 },
                    { $log_n - $log_lanes - 1 },
                    $log_n,
                    { Hash::$hash as usize },
                    $slot_bits,
                    { $slot_bits + 1 },
                    { $slot_bits + 5 },
                    { 1 << $slot_bits },
                >;
                let hash = number(Hash::$hash);
                let capabilities = registers::capabilities(
                    1 << $log_lanes,
                    $log_n,
                    hash,
                    LOG_ROWS,
                    ROW_WORDS,
                    LOG_JOBS,
                );
                let engine =
                    registers::engine(Hash::$hash.cycles_per_block() as u32, LOG_SCRATCH as u32);
                let mut unnamed = Top::new(0, capabilities, engine);
                rust_hdl_core::prelude::Block::connect_all(&mut unnamed);
                let digest = export::digest(&export::verilog_unlinted(&unnamed, $name));
                let build = u32::from_str_radix(&digest[..8], 16).unwrap_or(0);
                Box::new(Top::new(build, capabilities, engine))
            },
        }
    };
}

pub(crate) const KERNELS: &[Kernel] = &[
    accelerator!(
        Accelerator,
        "accelerator",
        "accelerator_blake3",
        Form::Inferred,
        1,
        12,
        Blake3,
        3,
        &[]
    ),
    accelerator!(
        Accelerator,
        "accelerator",
        "accelerator_poseidon2",
        Form::Inferred,
        1,
        12,
        Poseidon2By3,
        4,
        &[]
    ),
    accelerator!(
        Board,
        "board",
        "board_blake3",
        Form::Ecp5,
        1,
        12,
        Blake3,
        3,
        &[crate::parts::MULT18X18D_MODEL]
    ),
    accelerator!(
        Board,
        "board",
        "board_poseidon2",
        Form::Ecp5,
        1,
        12,
        Poseidon2By3,
        4,
        &[crate::parts::MULT18X18D_MODEL]
    ),
];
