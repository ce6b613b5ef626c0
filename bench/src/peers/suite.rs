//! Which jobs of which systems are measured, each in a process of its own.
//!
//! The systems take turns, so that a slow minute of the machine falls on all of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Run, System};
use crate::error::Error;
use crate::measure::spawn_program;

/// Rows of the large trace, as a power of two.
pub const LOG_ROWS: u32 = 18;

/// Blowups that whole proofs are compared at, as powers of two: the second is the least that the constraints allow.
pub const LOG_BLOWUPS: [u32; 2] = [3, 1];

/// Rows of the series, as powers of two; the last is the large trace.
pub const SERIES: [u32; 4] = [12, 14, 16, LOG_ROWS];

/// The systems of series and kernels. Over our field winterfell is compared once.
pub const SERIES_SYSTEMS: [System; 3] = [System::Winterfell, System::Plonky3, System::Winterforge];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A whole proof.
    Prove,
    /// Extending the columns.
    Extend,
    /// Hashing the rows of the extension, and the tree.
    Commit,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Prove => "prove",
            Self::Extend => "extend",
            Self::Commit => "commit",
        }
    }
}

/// One job of one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is done.
    pub job: Job,
    /// By whom.
    pub system: System,
    /// Over how many rows, as a power of two.
    pub log_rows: u32,
    /// At which blowup, as a power of two.
    pub log_blowup: u32,
    /// Worker threads.
    pub threads: usize,
}

impl Case {
    /// Every case; `large` stands for [`LOG_ROWS`].
    fn all(large: u32) -> Vec<Self> {
        let case = |job, system, log_rows, log_blowup, threads| Self {
            job,
            system,
            log_rows,
            log_blowup,
            threads,
        };
        let mut cases = Vec::new();
        for log_blowup in LOG_BLOWUPS {
            for system in System::ALL {
                cases.push(case(Job::Prove, system, large, log_blowup, 1));
                if system.has_threads() {
                    cases.push(case(Job::Prove, system, large, log_blowup, 2));
                }
            }
        }
        for log_rows in SERIES.into_iter().filter(|&log_rows| log_rows < large) {
            let one = |system| case(Job::Prove, system, log_rows, LOG_BLOWUPS[0], 1);
            cases.extend(SERIES_SYSTEMS.map(one));
        }
        for job in [Job::Extend, Job::Commit] {
            cases.extend(SERIES_SYSTEMS.map(|system| case(job, system, large, LOG_BLOWUPS[0], 1)));
        }
        cases
    }
}

/// The figures of all cases.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Rows of the large trace, as a power of two.
    pub large: u32,
    /// Runs of each case.
    pub measured: Vec<(Case, Vec<Run>)>,
}

impl Peers {
    /// The least of a figure of a case, since what else a machine does only adds; not a number if it was not measured.
    pub fn figure(&self, case: Case, figure: impl Fn(&Run) -> f64) -> f64 {
        let found = self.measured.iter().find(|(other, _)| *other == case);
        let runs = found.map_or(&[][..], |(_, runs)| runs.as_slice());
        runs.iter().map(figure).fold(f64::NAN, f64::min)
    }

    /// The largest peak of a case's runs in MB.
    pub fn peak_mb(&self, case: Case) -> f64 {
        let found = self.measured.iter().find(|(other, _)| *other == case);
        let runs = found.map_or(&[][..], |(_, runs)| runs.as_slice()).iter();
        runs.map(|run| run.peak_bytes as f64 / 1e6)
            .fold(f64::NAN, f64::max)
    }

    /// Rows of the series, as powers of two.
    pub fn series(&self) -> impl Iterator<Item = u32> + Clone {
        let large = self.large;
        let shorter = SERIES.into_iter().filter(move |&log_rows| log_rows < large);
        shorter.chain([large])
    }
}

/// Builds the program that measures, for this machine, beside the program that runs.
///
/// # Errors
/// If cargo fails.
pub fn build() -> Result<PathBuf, Error> {
    const PROGRAM: &str = "winterforge-peers";
    let this = std::env::current_exe().map_err(Error::io("this program"))?;
    let target = this.ancestors().nth(2).unwrap_or(Path::new("target"));
    let target = target.join("native");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--bin",
            PROGRAM,
        ])
        .args(["--package", env!("CARGO_PKG_NAME"), "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-C target-cpu=native");
    let status = command.status().map_err(Error::io("cargo"))?;
    if status.success() {
        Ok(target.join("release").join(PROGRAM))
    } else {
        Err(Error::Build(format!("{command:?}")))
    }
}

/// Measures every case `rounds` times, with `large` for the rows of the large trace; `say` hears about each round.
///
/// # Errors
/// If a child fails, or if trees over the same rows differ.
pub fn run(program: &Path, rounds: usize, large: u32, say: impl Fn(&str)) -> Result<Peers, Error> {
    let cases = Case::all(large);
    let mut runs = vec![Vec::new(); cases.len()];
    for round in 0..rounds {
        say(&format!("other systems, round {} of {rounds}", round + 1));
        for (case, runs) in cases.iter().zip(&mut runs) {
            let arguments = [
                case.job.name().to_owned(),
                case.system.name().to_owned(),
                case.log_rows.to_string(),
                case.log_blowup.to_string(),
            ];
            let run: Run = spawn_program(program, &arguments, case.threads)?;
            runs.push(run);
        }
    }
    let measured: Vec<(Case, Vec<Run>)> = cases.into_iter().zip(runs).collect();
    let mut trees = measured.iter().filter(|(case, _)| case.job == Job::Commit);
    if let Some((first, of_first)) = trees.next() {
        for (other, of_other) in trees {
            if of_first[0].root != of_other[0].root {
                return Err(Error::Roots(first.system.name(), other.system.name()));
            }
        }
    }
    Ok(Peers { large, measured })
}
