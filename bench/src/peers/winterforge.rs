//! Our prover loop on the `cpu` device.

use std::time::Instant;

use winter_air::{Air, ProofOptions, TraceInfo};
use winter_crypto::hashers::Blake3_256;
use winterforge_air::field::{Cube, Felt};
use winterforge_prover::device::CpuDevice;
use winterforge_prover::stark::{CommittedTrace, ProverError, Session};
use winterforge_verifier::stark::{CheckMask, Reader, ShardProof, verify_shard};

use super::air::{self, ProductAir, WIDTH};
use super::{Run, timed_again};
use crate::error::Error;

type Hash = Blake3_256<Felt>;

/// Our proof of [`ProductAir`]. The columns are let go once they are committed to.
///
/// # Errors
/// If the prover fails.
pub fn proof(
    columns: Vec<Vec<Felt>>,
    options: &ProofOptions,
) -> Result<ShardProof<Cube, Hash>, ProverError> {
    let device = CpuDevice::default();
    let session = Session::new(&device);
    let first = columns[0][0];
    let words: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let trace = CommittedTrace::<Hash>::new(&session, info(&columns), options.clone(), &words)?;
    drop(columns);
    let (_, proof) = trace.finish::<ProductAir<Felt>>(&session, first, None)?;
    Ok(proof)
}

fn info(columns: &[Vec<Felt>]) -> TraceInfo {
    TraceInfo::new(WIDTH, columns[0].len())
}

/// Proves, measures, and has our verifier accept.
///
/// # Errors
/// If the proof fails or is rejected.
pub fn prove(log_rows: u32, options: ProofOptions) -> Result<Run, Error> {
    let columns = || air::columns(log_rows);
    let (first, info) = {
        let columns = columns();
        (columns[0][0], info(&columns))
    };
    let (proof, mut run) = timed_again(columns, |columns| proof(columns, &options))?;
    let proof = proof.map_err(|error| Error::Peer(error.to_string()))?;
    let bytes = proof.encode();
    run.proof_bytes = (bytes.len() + size_of_val(&proof.main_root)) as u64;
    let start = Instant::now();
    let air = ProductAir::new(info, first, options);
    let mut reader = Reader::new(&bytes);
    verify_shard::<_, Cube, Hash>(
        &air,
        &[first],
        proof.main_root,
        &mut reader,
        &CheckMask::NONE,
    )
    .map_err(|error| Error::Peer(error.to_string()))?;
    run.verify_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(run)
}
