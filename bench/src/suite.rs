//! Which proofs are measured, and how often.
//!
//! All cases take turns, round by round, so that a slow minute of the machine falls on every one of them. Each round proves
//! other inputs. Times are given with the grinding that is expected instead of what happened, see
//! [`grinding`](crate::grinding).

use std::fs;
use std::path::{Path, PathBuf};

use winterforge_verifier::bundle::HashId;

use crate::error::Error;
use crate::measure::{ProveRun, VerifyRun, median, spawn};
use crate::models::{MNIST, MODELS, Model, Variant};

/// Batch sizes of the series; the first is the single proof.
pub const BATCHES: [usize; 5] = [1, 4, 16, 64, 256];

/// The batch size whose cost per input is compared with a single proof's.
pub const AMORTISED_BATCH: usize = 64;

/// Worker threads: each case is measured with both.
pub const THREADS: [usize; 2] = [1, 2];

/// Parts of the proving time.
pub const PHASES: [&str; 5] = [
    "load and plan",
    "execute",
    "commit",
    "prove shards",
    "grind",
];

/// One statement and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is proven.
    pub model: Model,
    /// How many inputs at once.
    pub batch: usize,
    /// How.
    pub variant: Variant,
}

/// The figures of one case.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was measured.
    pub case: Case,
    /// Proving, by number of threads as in [`THREADS`] and then by round.
    pub runs: [Vec<ProveRun>; 2],
    /// CPU seconds for each nonce tried.
    pub try_s: f64,
    /// Verifying.
    pub verify: VerifyRun,
}

impl Case {
    /// Every case of the report.
    pub fn all() -> Vec<Self> {
        let case = |model, batch, variant| Self {
            model,
            batch,
            variant,
        };
        let default = Variant::default();
        let singles = MODELS.map(|model| case(model, 1, default));
        let variants = Variant::ALL[1..].iter();
        let variants = variants.map(|&variant| case(MNIST, 1, variant));
        let poseidon2 = Variant {
            hash: HashId::Poseidon2,
            ..default
        };
        let others = MODELS[1..].iter();
        let others = others.map(|&model| case(model, 1, poseidon2));
        let batches = BATCHES[1..].iter();
        let batches = batches.map(|&batch| case(MNIST, batch, default));
        singles
            .into_iter()
            .chain(variants)
            .chain(others)
            .chain(batches)
            .collect()
    }

    fn bundle(&self, directory: &Path) -> PathBuf {
        let (model, variant) = (self.model.name, self.variant.name());
        directory.join(format!("{model}-{}-{variant}.wfb", self.batch))
    }

    /// The first arguments of a child.
    fn arguments(&self, command: &str, bundle: &Path) -> Vec<String> {
        vec![
            command.to_owned(),
            self.model.name.to_owned(),
            self.batch.to_string(),
            self.variant.name(),
            bundle.display().to_string(),
        ]
    }
}

impl Measured {
    /// The median of a figure over the runs with `THREADS[threads]` threads.
    pub fn median(&self, threads: usize, figure: impl Fn(&ProveRun) -> f64) -> f64 {
        median(self.runs[threads].iter().map(figure).collect())
    }

    /// What a run would have taken longer, had its nonces been of average luck.
    fn luck_s(&self, run: &ProveRun) -> f64 {
        (run.expected_tries as f64 - run.tries as f64) * self.try_s
    }

    /// CPU seconds with `THREADS[threads]` threads.
    pub fn cpu_s(&self, threads: usize) -> f64 {
        self.median(threads, |run| run.cpu_s + self.luck_s(run))
    }

    /// Seconds that pass with `THREADS[threads]` threads, all of which grind.
    pub fn wall_s(&self, threads: usize) -> f64 {
        self.median(threads, |run| {
            run.wall_s + self.luck_s(run) / THREADS[threads] as f64
        })
    }

    /// Single-threaded CPU milliseconds for each input.
    pub fn cpu_ms_per_input(&self) -> f64 {
        self.cpu_s(0) * 1e3 / self.case.batch as f64
    }

    /// Single-threaded CPU milliseconds for each input, grinding left out.
    pub fn unground_ms_per_input(&self) -> f64 {
        let grind_s = self.any().expected_tries as f64 * self.try_s;
        (self.cpu_s(0) - grind_s) * 1e3 / self.case.batch as f64
    }

    /// Milliseconds that pass for each input.
    pub fn wall_ms_per_input(&self, threads: usize) -> f64 {
        self.wall_s(threads) * 1e3 / self.case.batch as f64
    }

    /// Single-threaded CPU seconds of each of [`PHASES`].
    pub fn phases_s(&self) -> [f64; PHASES.len()] {
        let [load, execute, commit, _] =
            [0, 1, 2, 3].map(|stretch| self.median(0, |run| run.stretches_s[stretch]));
        let prove = self.median(0, |run| run.stretches_s[3] - run.tries as f64 * self.try_s);
        let grind = self.any().expected_tries as f64 * self.try_s;
        [load, execute, commit, prove, grind]
    }

    /// The largest peak of the runs.
    pub fn peak_bytes(&self, threads: usize) -> u64 {
        let peaks = self.runs[threads].iter().map(|run| run.peak_bytes);
        peaks.max().unwrap_or(0)
    }

    /// The median size; it varies a little with the positions of the queries.
    pub fn bundle_bytes(&self) -> u64 {
        self.median(0, |run| run.bundle_bytes as f64) as u64
    }

    /// One of the runs, for what does not vary between them.
    pub fn any(&self) -> &ProveRun {
        &self.runs[0][0]
    }

    /// How far the single-threaded CPU times lie apart, relative to their median.
    pub fn spread(&self) -> f64 {
        let times = || self.runs[0].iter().map(|run| run.cpu_s + self.luck_s(run));
        (times().fold(0.0, f64::max) - times().fold(f64::INFINITY, f64::min)) / self.cpu_s(0)
    }
}

/// Measures `cases` in `directory`, each on `rounds` different inputs with each number of threads, and verifies each so
/// many times; `say` hears about each round.
///
/// # Errors
/// If a child fails, or if a bundle depends on the number of threads.
pub fn run(
    directory: &Path,
    cases: Vec<Case>,
    rounds: usize,
    verifications: usize,
    say: impl Fn(&str),
) -> Result<Vec<Measured>, Error> {
    let mut runs = vec![[Vec::new(), Vec::new()]; cases.len()];
    let mut try_s = vec![Vec::new(); cases.len()];
    for round in 0..rounds {
        say(&format!("proving, round {} of {rounds}", round + 1));
        for ((case, runs), try_s) in cases.iter().zip(&mut runs).zip(&mut try_s) {
            try_s.push(spawn(&["child-grind".to_owned(), case.variant.name()], 1)?);
            let [single, multiple] = prove(case, directory, round)?;
            runs[0].push(single);
            runs[1].push(multiple);
        }
    }
    say("verifying");
    cases
        .into_iter()
        .zip(runs)
        .zip(try_s)
        .map(|((case, runs), try_s)| {
            let mut arguments = case.arguments("child-verify", &case.bundle(directory));
            arguments.push(verifications.to_string());
            Ok(Measured {
                case,
                runs,
                try_s: median(try_s),
                verify: spawn(&arguments, 1)?,
            })
        })
        .collect()
}

/// The proof of a round with each number of threads, in a child each; the bundles have to be equal.
fn prove(case: &Case, directory: &Path, round: usize) -> Result<[ProveRun; 2], Error> {
    let paths = [case.bundle(directory), directory.join("other.wfb")];
    let child = |path: &Path, threads| {
        let mut arguments = case.arguments("child-prove", path);
        arguments.push((round * case.batch).to_string());
        spawn(&arguments, threads)
    };
    let runs = [child(&paths[0], THREADS[0])?, child(&paths[1], THREADS[1])?];
    let read = |path: &Path| fs::read(path).map_err(Error::io(path));
    if read(&paths[0])? == read(&paths[1])? {
        Ok(runs)
    } else {
        Err(Error::Threads(case.model.name))
    }
}
