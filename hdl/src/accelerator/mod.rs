//! The accelerator: the engines behind AXI4-Lite registers and AXI4-Stream data. docs/hardware/accelerator.md.

use rust_hdl_core::prelude::Block;

use crate::export;
use crate::goldilocks::Form;
use crate::merkle::Hash;
use crate::registry::Kernel;

mod axi_lite;
mod collect;
mod dispatch;
mod monitor;
mod nodes;
#[rustfmt::skip]
mod registers;
mod scratch;
mod top;
mod transforms;

pub(crate) use axi_lite::AxiLite;
pub use top::Accelerator;

/// Binary logarithm of the most rows of a tree.
const LOG_ROWS: u32 = 22;

/// Most words of a row.
const ROW_WORDS: u32 = 254;

/// Binary logarithm of the jobs that may wait.
const LOG_JOBS: u32 = 4;

/// Number of the hash in the register `capabilities`.
const fn number(hash: Hash) -> u32 {
    match hash {
        Hash::Blake3 | Hash::Blake3Wide => 0,
        Hash::Poseidon2By3 | Hash::Poseidon2By6 | Hash::Poseidon2By3Ecp5 => 1,
    }
}

/// Binary logarithm of the lanes, 0 where there are none.
pub(crate) const fn log_lanes(lanes: usize) -> usize {
    if lanes == 0 {
        0
    } else {
        lanes.ilog2() as usize
    }
}

/// The register `capabilities`. Without lanes there is no size of a transform.
pub(crate) fn capabilities(lanes: u32, log_n: u32, hash: Hash) -> u32 {
    let log_n = if lanes == 0 { 0 } else { log_n };
    registers::capabilities(lanes, log_n, number(hash), LOG_ROWS, ROW_WORDS, LOG_JOBS)
}

/// The register `engine`.
pub(crate) fn engine(hash: Hash, log_scratch: u32) -> u32 {
    registers::engine(hash.cycles_per_block() as u32, log_scratch)
}

/// The register `build`: the beginning of the digest of the Verilog with 0 in its place.
pub(crate) fn build(unnamed: &dyn Block, name: &str) -> u32 {
    let digest = export::digest(&export::verilog_unlinted(unnamed, name));
    u32::from_str_radix(&digest[..8], 16).unwrap_or(0)
}

/// A top, [`Accelerator`] or one around it, with an NTT of so many lanes, or none, and sizes up to 2^`log_n`, a scratch memory of
/// 2^`log_scratch` words, and a Merkle engine with 2^`slot_bits` slots. What its constructor wants beyond the three registers follows the models of cells.
macro_rules! accelerator {
    ($top:ident, $family:literal, $name:literal, $form:expr, $lanes:literal, $log_n:literal, $log_scratch:literal, $hash:ident,
     $slot_bits:literal,
     $cell_models:expr $(, $more:expr)*) => {
        Kernel {
            name: $name,
            family: $family,
            parameters: &[
                ("form", $form as u64),
                ("lanes", $lanes),
                ("log_n", if $lanes > 0 { $log_n } else { 0 }),
                ("hash", Hash::$hash as u64),
                ("slots", 1 << $slot_bits),
            ],
            cell_models: $cell_models,
            build: || {
                type Top = $top<
                    { $lanes > 0 },
                    { $form as usize },
                    { 1 << $crate::accelerator::log_lanes($lanes) },
                    { 2 << $crate::accelerator::log_lanes($lanes) },
                    { if $lanes < 2 { 1 } else { $crate::accelerator::log_lanes($lanes) } },
                    { $crate::accelerator::log_lanes($lanes) + 1 },
                    { $log_n - $crate::accelerator::log_lanes($lanes) - 1 },
                    $log_n,
                    $log_scratch,
                    { Hash::$hash as usize },
                    $slot_bits,
                    { $slot_bits + 1 },
                    { $slot_bits + 5 },
                    { 1 << $slot_bits },
                >;
                let capabilities = $crate::accelerator::capabilities($lanes, $log_n, Hash::$hash);
                let engine = $crate::accelerator::engine(Hash::$hash, $log_scratch);
                let mut unnamed = Top::new(0, capabilities, engine $(, $more)*);
                rust_hdl_core::prelude::Block::connect_all(&mut unnamed);
                let build = $crate::accelerator::build(&unnamed, $name);
                Box::new(Top::new(build, capabilities, engine $(, $more)*))
            },
        }
    };
}

pub(crate) use accelerator;

pub(crate) const KERNELS: &[Kernel] = &[
    accelerator!(
        Accelerator,
        "accelerator",
        "accelerator_blake3",
        Form::Inferred,
        2,
        12,
        13,
        Blake3,
        3,
        &[]
    ),
    accelerator!(
        Accelerator,
        "accelerator",
        "accelerator_poseidon2",
        Form::Inferred,
        2,
        12,
        13,
        Poseidon2By3,
        4,
        &[]
    ),
];
