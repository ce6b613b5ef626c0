//! One measurement, one process: peak memory and CPU time belong to a process, not to a call.
//!
//! [`prove`] and [`verify`] are what a child does; [`spawn`] starts one and reads its figures back.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use winterforge_prover::{Phase, Progress};
use winterforge_verifier::Policy;

use crate::error::Error;
use crate::grinding;
use crate::machine::{cpu_time, peak_bytes};
use crate::models::{LARGE_FOLDER_VARIABLE, Model, Variant, large_folder};

/// Stretches of a proving process that its progress reports tell apart.
const STRETCHES: usize = 4;

/// What one proving process used, from its start to the bundle in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProveRun {
    /// CPU seconds, user and system, all threads.
    pub cpu_s: f64,
    /// Seconds that passed.
    pub wall_s: f64,
    /// Largest resident set.
    pub peak_bytes: u64,
    /// The bundle.
    pub bundle_bytes: u64,
    /// The part of the bundle that is the statement: model id, parameters, inputs, outputs.
    pub statement_bytes: u64,
    /// Proven security.
    pub proven_bits: u32,
    /// Traces.
    pub shards: u32,
    /// Nonces tried for all traces together.
    pub tries: u64,
    /// How many tries that takes on average.
    pub expected_tries: u64,
    /// CPU seconds before execution, of execution, of commitment, and from there to the bundle.
    pub stretches_s: [f64; STRETCHES],
}

/// What verifying a bundle took, many times in one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifyRun {
    /// Median CPU milliseconds, from opening the two files to the verdict.
    pub cpu_ms: f64,
    /// Median milliseconds that passed.
    pub wall_ms: f64,
    /// Largest resident set.
    pub peak_bytes: u64,
}

/// CPU time at the end of each stretch but the last.
#[derive(Default)]
struct Marks(Mutex<Vec<Duration>>);

impl Progress for Marks {
    fn phase(&self, _: Phase) {
        if let Ok(mut marks) = self.0.lock() {
            marks.push(cpu_time());
        }
    }

    fn shard_done(&self) {}
}

/// Proves the inputs `first` to `first + batch - 1` of `model` and writes the bundle to `bundle`.
///
/// # Errors
/// If a file is missing or the proof fails.
pub fn prove(
    model: &Model,
    first: usize,
    batch: usize,
    variant: Variant,
    bundle: &Path,
) -> Result<ProveRun, Error> {
    let start = Instant::now();
    let graph = model.load()?;
    let inputs = model.inputs(&graph, first, batch)?;
    let marks = Marks::default();
    let proved = winterforge_prover::prove(&graph, &inputs, variant.parameters(), &marks)?;
    let proven = cpu_time();
    fs::write(bundle, &proved.bundle).map_err(Error::io(bundle))?;
    let (cpu, wall) = (cpu_time(), start.elapsed());

    let mut ends = VecDeque::from(marks.0.into_inner().unwrap_or_default());
    ends.push_back(proven);
    let mut begin = Duration::ZERO;
    let stretches_s = std::array::from_fn(|_| {
        let end = ends.pop_front().unwrap_or(begin);
        let stretch = end.saturating_sub(begin);
        begin = end;
        stretch.as_secs_f64()
    });
    let (instance, peak_bytes) = (&proved.instance, peak_bytes()?);
    let shards = instance.plan.shards.len() as u32;
    Ok(ProveRun {
        cpu_s: cpu.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        peak_bytes,
        bundle_bytes: proved.bundle.len() as u64,
        statement_bytes: proved.header.encode().len() as u64,
        proven_bits: instance.ledger.bits(),
        shards,
        tries: grinding::tries(&proved)?,
        expected_tries: u64::from(shards) << instance.options.grinding_factor(),
        stretches_s,
    })
}

/// Verifies `bundle` against `model` `count` times, both read from their files each time.
///
/// # Errors
/// If a file is missing or the bundle is rejected.
pub fn verify(
    model: &Model,
    variant: Variant,
    bundle: &Path,
    count: usize,
) -> Result<VerifyRun, Error> {
    let policy = Policy {
        min_security_bits: variant.level.bits(),
        ..Policy::default()
    };
    let (mut cpu_ms, mut wall_ms) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (cpu, wall) = (cpu_time(), Instant::now());
        let graph = model.load()?;
        let bytes = fs::read(bundle).map_err(Error::io(bundle))?;
        winterforge_verifier::verify(&bytes, &graph, &policy)?;
        wall_ms.push(wall.elapsed().as_secs_f64() * 1e3);
        cpu_ms.push((cpu_time() - cpu).as_secs_f64() * 1e3);
    }
    Ok(VerifyRun {
        cpu_ms: median(cpu_ms),
        wall_ms: median(wall_ms),
        peak_bytes: peak_bytes()?,
    })
}

/// Runs this program again with `arguments` and `threads` worker threads, and reads the JSON that it prints.
///
/// # Errors
/// If the child cannot be started, fails, or prints something else.
pub fn spawn<T: DeserializeOwned>(arguments: &[String], threads: usize) -> Result<T, Error> {
    let program = std::env::current_exe().map_err(Error::io("this program"))?;
    spawn_program(&program, arguments, threads)
}

/// As [`spawn`], with another program.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_program<T: DeserializeOwned>(
    program: &Path,
    arguments: &[String],
    threads: usize,
) -> Result<T, Error> {
    let failed = |detail: String| Error::Child {
        command: format!("{} {}", program.display(), arguments.join(" ")),
        detail,
    };
    let output = Command::new(program)
        .args(arguments)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .env(LARGE_FOLDER_VARIABLE, large_folder())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// The middle value; of an even number of values, the mean of the two in the middle; of none, NaN.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
