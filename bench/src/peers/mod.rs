//! Other proof systems beside ours, over the same field, trace and parameters.
//!
//! The peers are winterfell's own prover, over its field and over ours, and Plonky3. All of them prove
//! [`air`]'s statement with the same extension, rate, queries, folding and remainder and no grinding, whose luck would
//! drown the rest; they hash with BLAKE3.
//!
//! Plonky3 chooses its vectors when it is compiled, so what is measured here is built for the machine at hand, all
//! systems alike: see the binary `winterforge-peers`.

pub mod air;
pub mod kernels;
pub mod plonky3;
pub mod stock;
pub mod suite;
pub mod winterforge;

use std::time::Instant;

use serde::{Deserialize, Serialize};
use winter_air::{BatchingMethod, FieldExtension, ProofOptions};
use winterforge_verifier::security::{
    COLLISION_BITS, FOLDING_FACTOR, JointParameters, Ledger, MAX_QUERIES, REMAINDER_MAX_DEGREE,
    ShardParameters, account,
};

use crate::error::Error;
use crate::machine::{cpu_time, peak_bytes};

/// Proven bits that every system's queries are chosen for.
pub const MEASURED_BITS: u32 = 100;

/// What proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum System {
    /// winterfell's prover over its own field.
    Winterfell,
    /// winterfell's prover over our field.
    WinterfellOurField,
    /// Plonky3's `p3-uni-stark`.
    Plonky3,
    /// Our prover loop and device.
    Winterforge,
}

impl System {
    /// Every system, the one that others are compared with first.
    pub const ALL: [Self; 4] = [
        Self::Winterfell,
        Self::WinterfellOurField,
        Self::Plonky3,
        Self::Winterforge,
    ];

    /// What the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Winterfell => "winterfell",
            Self::WinterfellOurField => "winterfell-our-field",
            Self::Plonky3 => "plonky3",
            Self::Winterforge => "winterforge",
        }
    }

    /// The system of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Whether its threads are there in this build. winterfell's are a feature that also changes what one thread does.
    pub fn has_threads(self) -> bool {
        matches!(self, Self::Plonky3 | Self::Winterforge)
    }
}

/// What one job took in a process of its own: the job alone, but for the memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// CPU seconds, user and system, all threads.
    pub cpu_s: f64,
    /// Seconds that passed.
    pub wall_s: f64,
    /// Largest resident set of the process up to the end of the job, its input included.
    pub peak_bytes: u64,
    /// Proofs: the bytes. Otherwise zero.
    pub proof_bytes: u64,
    /// Proofs: milliseconds that verifying took. Otherwise zero.
    pub verify_ms: f64,
    /// Trees: the root in hexadecimal. Otherwise empty.
    pub root: String,
}

/// Runs `job` and takes its measure.
pub(crate) fn timed<T>(job: impl FnOnce() -> T) -> Result<(T, Run), Error> {
    let (cpu, wall) = (cpu_time(), Instant::now());
    let result = job();
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    let run = Run {
        cpu_s: cpu.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        peak_bytes: peak_bytes()?,
        proof_bytes: 0,
        verify_ms: 0.0,
        root: String::new(),
    };
    Ok((result, run))
}

/// Runs `job` twice, each time on an input of its own, and takes the measure of the second time: the memory that it takes is
/// then the process's, as it is for all but the first of the columns and trees of a proof.
pub(crate) fn timed_again<I, T>(
    input: impl Fn() -> I,
    mut job: impl FnMut(I) -> T,
) -> Result<(T, Run), Error> {
    drop(job(input()));
    let input = input();
    timed(|| job(input))
}

/// Proves [`air`]'s statement over `2^log_rows` rows.
///
/// # Errors
/// If a proof fails or is rejected.
pub fn prove(system: System, log_rows: u32, log_blowup: u32) -> Result<Run, Error> {
    let options = options(log_rows, log_blowup);
    match system {
        System::Winterfell => stock::prove::<stock::Upstream>(log_rows, options),
        System::WinterfellOurField => {
            stock::prove::<winterforge_air::field::Felt>(log_rows, options)
        }
        System::Plonky3 => plonky3::prove(log_rows, &options),
        System::Winterforge => winterforge::prove(log_rows, options),
    }
}

/// Options with the fewest queries that give [`MEASURED_BITS`] proven bits without grinding.
///
/// The ledger counts the words of one trace, the rounds and the queries; it does so for Plonky3 with the same parameters
/// too, whose protocol has the same rounds.
pub fn options(log_rows: u32, log_blowup: u32) -> ProofOptions {
    let with = |queries| options_with(log_blowup, queries);
    let enough = |&queries: &u32| ledger(log_rows, &with(queries)).bits() >= MEASURED_BITS;
    with((1..=MAX_QUERIES).find(enough).unwrap_or(MAX_QUERIES))
}

fn options_with(log_blowup: u32, queries: u32) -> ProofOptions {
    ProofOptions::new(
        queries as usize,
        1 << log_blowup,
        0,
        FieldExtension::Cubic,
        FOLDING_FACTOR,
        REMAINDER_MAX_DEGREE,
        BatchingMethod::Linear,
        BatchingMethod::Linear,
    )
}

/// The proven security of [`air`]'s proof.
pub fn ledger(log_rows: u32, options: &ProofOptions) -> Ledger {
    let shard = ShardParameters {
        trace_length: 1 << log_rows,
        main_width: air::WIDTH as u32,
        aux_width: 0,
        num_constraints: air::CONSTRAINTS as u64 + 1,
        num_composition_columns: 2,
    };
    account(
        &[shard],
        &JointParameters::default(),
        options,
        COLLISION_BITS,
    )
}
