//! The runner: mutates, feeds, and keeps what had a new outcome to mutate it further.
//!
//! There is no instrumentation: what a target *says*, the error with its numbers left out, stands in for coverage. That
//! is cheap, runs on any Rust, and gets as deep as errors tell apart.

use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use winterforge_model::testing::Rng;

use crate::targets::{Outcome, Target};
use crate::{allowance, memory, mutate};

/// Most files to mutate.
const MAX_POOL: usize = 4_096;

/// How long to go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Executions at most.
    pub executions: Option<u64>,
    /// Time at most.
    pub time: Option<Duration>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Executions.
    pub executions: u64,
    /// Of these, inputs that were accepted.
    pub accepted: u64,
    /// Outcomes that differ in more than numbers.
    pub outcomes: usize,
    /// Bytes that one execution held at most; 0 where nothing counts them.
    pub most_bytes: usize,
    /// The slowest execution.
    pub slowest: Duration,
    /// In all.
    pub time: Duration,
}

/// An input that a target did not stand.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The input.
    pub input: Vec<u8>,
    /// What happened.
    pub what: String,
    /// In which execution, from 0.
    pub execution: u64,
}

/// Feeds a target with mutations of `seeds` until a limit is reached or something fails.
///
/// # Errors
/// The first [`Failure`]: a panic, or more memory than [`allowance`].
pub fn run(
    target: &Target,
    seeds: Vec<Vec<u8>>,
    seed: u64,
    limits: Limits,
    mut progress: impl FnMut(&Summary),
) -> Result<Summary, Box<Failure>> {
    let mut rng = Rng::new(seed);
    let mut pool = seeds;
    let mut seen = HashSet::new();
    let mut summary = Summary::default();
    let start = Instant::now();
    // What is built once, at the first call, is not the input's.
    let _ = (target.run)(&[]);
    let fixed = pool.len() as u64;
    loop {
        let execution = summary.executions;
        let is_done = limits.executions.is_some_and(|most| execution >= most)
            || execution.is_multiple_of(64)
                && limits.time.is_some_and(|most| start.elapsed() >= most);
        if is_done {
            break;
        }
        // The seeds as they are, then mutations: half of seeds, half of what was found.
        let input = if execution < fixed {
            pool[execution as usize].clone()
        } else {
            let end = if rng.one_in(2) {
                fixed.max(1)
            } else {
                pool.len() as u64
            };
            let mut input = match pool.get((rng.next_u64() % end.max(1)) as usize) {
                Some(input) => input.clone(),
                None => Vec::new(),
            };
            mutate::mutate(&mut input, &pool, &mut rng);
            input
        };
        let before = Instant::now();
        let (outcome, bytes) = execute(target, &input).map_err(|what| {
            Box::new(Failure {
                input: input.clone(),
                what,
                execution,
            })
        })?;
        summary.slowest = summary.slowest.max(before.elapsed());
        summary.most_bytes = summary.most_bytes.max(bytes);
        summary.executions += 1;
        summary.accepted += u64::from(outcome == Outcome::Accepted);
        if seen.insert(outcome.class()) && execution >= fixed && pool.len() < MAX_POOL {
            pool.push(input);
        }
        summary.outcomes = seen.len();
        if summary.executions.is_multiple_of(1 << 16) {
            summary.time = start.elapsed();
            progress(&summary);
        }
    }
    summary.time = start.elapsed();
    Ok(summary)
}

/// One execution: its outcome, and the bytes it held at most.
///
/// # Errors
/// What the target did wrong.
pub fn execute(target: &Target, input: &[u8]) -> Result<(Outcome, usize), String> {
    memory::reset();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let bytes = memory::held().most.max(0) as usize;
    let outcome = outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        format!("panic: {}", text.unwrap_or("no message"))
    })?;
    let most = allowance(input.len());
    if bytes > most {
        return Err(format!("it held {bytes} bytes, more than {most}"));
    }
    Ok((outcome, bytes))
}
