//! Plonky3's `p3-uni-stark` over Goldilocks: its `Radix2DitParallel` transform, BLAKE3 trees, FRI.
//!
//! Extension (x^3 - x - 1), rate, queries, folding and remainder are those of winterfell's options.

use std::time::Instant;

use p3_air::{Air, AirBuilder, BaseAir, WindowAccess};
use p3_blake3::Blake3;
use p3_challenger::{HashChallenger, SerializingChallenger64};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::extension::CubicTrinomialExtensionField;
use p3_fri::{FriParameters, TwoAdicFriPcs};
use p3_goldilocks::Goldilocks;
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleTreeMmcs;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use p3_uni_stark::StarkConfig;
use winter_air::ProofOptions;
use winterforge_air::field::Felt;

use super::air::{self, CONSTRAINTS, WIDTH};
use super::{Run, timed_again};
use crate::error::Error;

/// The transform of columns.
pub type Dft = Radix2DitParallel<Goldilocks>;
/// The tree over rows.
pub type Mmcs = MerkleTreeMmcs<
    Goldilocks,
    u8,
    SerializingHasher<Blake3>,
    CompressionFunctionFromHasher<Blake3, 2, 32>,
    2,
    32,
>;
type Extension = CubicTrinomialExtensionField<Goldilocks>;
type ExtensionTrees = ExtensionMmcs<Goldilocks, Extension, Mmcs>;
type Pcs = TwoAdicFriPcs<Goldilocks, Dft, Mmcs, ExtensionTrees>;
type Challenger = SerializingChallenger64<Goldilocks, HashChallenger<u8, Blake3, 32>>;
type Config = StarkConfig<Pcs, Extension, Challenger>;

/// The statement of [`ProductAir`](super::air::ProductAir).
struct ProductAir;

impl<F> BaseAir<F> for ProductAir {
    fn width(&self) -> usize {
        WIDTH
    }

    fn num_public_values(&self) -> usize {
        1
    }
}

impl<AB: AirBuilder> Air<AB> for ProductAir {
    fn eval(&self, builder: &mut AB) {
        let main = builder.main();
        let (row, next) = (main.current_slice(), main.next_slice());
        let first = builder.public_values()[0];
        builder.when_first_row().assert_eq(row[0], first);
        for k in 0..CONSTRAINTS {
            let product = row[3 * k] * row[3 * k + 1] * row[3 * k + 2];
            builder
                .when_transition()
                .assert_eq(next[3 * k], product + row[WIDTH - 1]);
        }
    }
}

/// Trees of BLAKE3.
pub fn trees() -> Mmcs {
    let compression = CompressionFunctionFromHasher::new(Blake3);
    Mmcs::new(SerializingHasher::new(Blake3), compression, 0)
}

/// The trace row by row.
pub fn rows(columns: Vec<Vec<Felt>>) -> RowMajorMatrix<Goldilocks> {
    let width = columns.len();
    let height = columns.first().map_or(0, Vec::len);
    let mut cells = vec![Goldilocks::new(0); width * height];
    for (place, column) in columns.into_iter().enumerate() {
        let places = cells.iter_mut().skip(place).step_by(width);
        for (cell, word) in places.zip(column) {
            *cell = Goldilocks::new(word.as_word());
        }
    }
    RowMajorMatrix::new(cells, width)
}

/// The coefficients, as a power of two, that winterfell's folding leaves.
fn log_remainder(log_rows: u32, options: &ProofOptions) -> u32 {
    let fri = options.to_fri_options();
    let layers = fri.num_fri_layers(options.blowup_factor() << log_rows) as u32;
    log_rows - layers * fri.folding_factor().ilog2()
}

fn config(log_rows: u32, options: &ProofOptions) -> Config {
    let fri = FriParameters {
        log_blowup: options.blowup_factor().ilog2() as usize,
        log_final_poly_len: log_remainder(log_rows, options) as usize,
        max_log_arity: options.to_fri_options().folding_factor().ilog2() as usize,
        num_queries: options.num_queries(),
        batch_proof_of_work_bits: 0,
        commit_proof_of_work_bits: 0,
        query_proof_of_work_bits: options.grinding_factor() as usize,
        mmcs: ExtensionTrees::new(trees()),
    };
    let pcs = Pcs::new(Dft::default(), trees(), fri);
    Config::new(pcs, Challenger::from_hasher(Vec::new(), Blake3))
}

/// Proves, measures, and has Plonky3's own verifier accept.
///
/// # Errors
/// If the proof fails or is rejected.
pub fn prove(log_rows: u32, options: &ProofOptions) -> Result<Run, Error> {
    let public = [Goldilocks::new(air::columns(log_rows)[0][0].as_word())];
    let trace = || rows(air::columns(log_rows));
    let config = config(log_rows, options);
    let (proof, mut run) = timed_again(trace, |trace| {
        p3_uni_stark::prove(&config, &ProductAir, trace, &public)
    })?;
    let proof = proof.map_err(|error| Error::Peer(format!("{error:?}")))?;
    let bytes = postcard::to_allocvec(&proof).map_err(|error| Error::Peer(error.to_string()))?;
    run.proof_bytes = bytes.len() as u64;
    let start = Instant::now();
    p3_uni_stark::verify(&config, &ProductAir, &proof, &public)
        .map_err(|error| Error::Peer(format!("{error:?}")))?;
    run.verify_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(run)
}
