//! The report as Markdown.

mod cells;
mod elsewhere;
mod goals;
mod peers;

use std::fmt::{self, Display, Formatter};

use winterforge_verifier::bundle::HashId;

use crate::committed::{Committed, Cost};
use crate::counts::Counts;
use crate::ezkl::Ezkl;
use crate::figures::batch_series;
use crate::machine::Machine;
use crate::models::MNIST;
use crate::peers::suite::Peers;
use crate::suite::{AMORTISED_BATCH, Measured, PHASES, THREADS};

/// Everything the report is made of.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// What does not depend on that.
    pub counts: Vec<Counts>,
    /// The same of models that are not proven here.
    pub counted: Vec<Counts>,
    /// What does.
    pub measured: Vec<Measured>,
    /// The model that takes minutes, if it was asked for.
    pub large: Option<Measured>,
    /// Committed mode.
    pub committed: Vec<Committed>,
    /// Other proof systems.
    pub peers: Peers,
    /// Another system for neural networks, if it was measured.
    pub ezkl: Option<Ezkl>,
    /// Proofs per case and number of threads.
    pub runs: usize,
    /// Runs of each of the other systems' cases, and in committed mode.
    pub peer_runs: usize,
    /// Whether this is a trial.
    pub quick: bool,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        if self.quick {
            f.write_str(QUICK)?;
        }
        self.machine(f)?;
        self.goals(f)?;
        self.proving(f)?;
        self.batches(f)?;
        self.phases(f)?;
        self.committed(f)?;
        self.peers(f)?;
        self.elsewhere(f)?;
        self.cells(f)
    }
}

const HEAD: &str = "\
# Benchmarks

Written by `cargo run --release -p winterforge-bench`; edits are lost. KB and MB are powers of ten.

";

const QUICK: &str = "**A quick run: few repetitions, short traces. Its figures mean nothing.**\n\n";

/// Bytes as MB with one decimal.
fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// Bytes as KB with one decimal.
fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e3)
}

impl Report {
    fn machine(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            vectors,
            threads,
            memory_gb,
        } = &self.machine;
        let flags = match env!("BENCH_RUSTFLAGS") {
            "" => "none",
            flags => flags,
        };
        writeln!(
            f,
            "| | |\n|---|---|\n\
             | machine | {cpu}, {threads} hardware threads, {memory_gb} GB; vectors on offer: {vectors} |\n\
             | build | winterforge {}, {}, {}, release, RUSTFLAGS: {flags} |\n\
             | security | 100 proven bits and BLAKE3 unless said otherwise; cubic extension |\n",
            env!("CARGO_PKG_VERSION"),
            env!("BENCH_RUSTC"),
            env!("BENCH_TARGET"),
        )?;
        let spread = self.measured.iter().map(Measured::spread);
        let tries = self.measured.first().map_or(0, |case| {
            let run = case.any();
            run.expected_tries / u64::from(run.shards)
        });
        let costs = HashId::ALL.into_iter().filter_map(|hash| {
            let mut cases = self.measured.iter();
            let case = cases.find(|measured| measured.case.variant.hash == hash)?;
            let (name, ns) = (hash.name(), case.try_s * 1e9);
            Some(format!(
                "{ns:.1} ns with {name}, {:.1} ms",
                ns * tries as f64 * 1e-6
            ))
        });
        let costs = costs.collect::<Vec<_>>().join(", or of ");
        writeln!(
            f,
            "How it is measured:\n\n\
             - Each proof is made in a process of its own, from opening the model to the bundle in a file, and all of the process counts. \
             CPU time is user and system time of all its threads; memory is its largest resident set.\n\
             - Figures are medians over {} different inputs or batches, memory the largest. The bundles have the same bytes with {} thread and \
             with {}: the report checks it.\n\
             - Grinding, the proof of work in each trace, is a lottery with a standard deviation as large as its mean: {tries} tries of {costs}, \
             on one thread. Since a bundle tells how many nonces were tried, times are given *with the expected number of tries* in place of \
             those that happened. A given proof is faster or slower by that.\n\
             - Noise: single-threaded CPU times lay up to {:.0} % apart within a row (largest less smallest, by the median; batches differ a little \
             in their work). Smaller differences between two proofs mean nothing. Wall times also count whatever else the machine did.\n",
            self.runs,
            THREADS[0],
            THREADS[1],
            spread.fold(0.0, f64::max) * 100.0,
        )
    }

    fn proving(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "## One input\n\n{}\n{}",
            PROVING_HEAD,
            "|---".repeat(11) + "|"
        )?;
        for measured in self.singles() {
            let run = measured.any();
            writeln!(
                f,
                "| `{}` {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {} / {} | {} | {:.1} / {:.1} | {} |",
                measured.case.model.name,
                measured.case.model.layers,
                measured.case.variant.hash.name(),
                run.proven_bits,
                measured.cpu_s(0) * 1e3,
                measured.wall_s(0) * 1e3,
                measured.cpu_s(1) * 1e3,
                measured.wall_s(1) * 1e3,
                megabytes(measured.peak_bytes(0)),
                megabytes(measured.peak_bytes(1)),
                kilobytes(measured.bundle_bytes()),
                measured.verify.cpu_ms,
                measured.verify.wall_ms,
                megabytes(measured.verify.peak_bytes),
            )?;
        }
        writeln!(
            f,
            "\nThe prover needs model and input and nothing else: no keys, no set-up file. Verifying starts with opening model and bundle and ends with the verdict, on one \
             thread; the median of many in one process, so the files are cached.{}\n\n\
             ![time on one and two threads](figures/threads.svg)\n",
            if self.large.is_some() {
                EFFLITE
            } else {
                NO_EFFLITE
            },
        )
    }

    /// The cases of one input, the large model last.
    fn singles(&self) -> impl Iterator<Item = &Measured> {
        let single = |case: &&Measured| case.case.batch == 1;
        self.measured.iter().filter(single).chain(&self.large)
    }

    fn batches(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let series = batch_series(&self.measured);
        writeln!(
            f,
            "## Batches\n\n`{}`, 100 bits. One bundle proves every input of the batch.\n\n{}\n{}",
            MNIST.name,
            BATCH_HEAD,
            "|---".repeat(9) + "|"
        )?;
        for measured in &series {
            let (case, run) = (&measured.case, measured.any());
            writeln!(
                f,
                "| {} | {:.2} | {:.1} | {:.1} | {} / {} | {} | {} | {:.1} / {:.1} | {} |",
                case.batch,
                measured.cpu_s(0),
                measured.cpu_ms_per_input(),
                measured.wall_ms_per_input(1),
                megabytes(measured.peak_bytes(0)),
                megabytes(measured.peak_bytes(1)),
                kilobytes(measured.bundle_bytes()),
                kilobytes(run.statement_bytes),
                measured.verify.cpu_ms,
                measured.verify.wall_ms,
                megabytes(measured.verify.peak_bytes),
            )?;
        }
        let ratio = |ms_per_input: fn(&Measured) -> f64| {
            let of = |batch: usize| {
                (series.iter().find(|case| case.case.batch == batch))
                    .map_or(f64::NAN, |case| ms_per_input(case))
            };
            of(AMORTISED_BATCH) / of(1)
        };
        let (ratio, without_grinding) = (
            ratio(Measured::cpu_ms_per_input),
            ratio(Measured::unground_ms_per_input),
        );
        writeln!(
            f,
            "\nAn input in a batch of {AMORTISED_BATCH} costs {ratio:.3} of a single proof in CPU time, 1/{:.1}; grinding left out on both sides, \
             {without_grinding:.3}, 1/{:.1}. The statement holds the inputs as float32 and the outputs; in large batches it outgrows \
             the proof.\n\n\
             ![time per input over batch size](figures/time-by-batch.svg)\n\n\
             ![bundle size over batch size](figures/size-by-batch.svg)\n\n\
             ![memory over batch size](figures/memory-by-batch.svg)\n",
            1.0 / ratio,
            1.0 / without_grinding,
        )
    }

    fn phases(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "## Phases\n\nCPU ms on one thread. *Load and plan* reads model and inputs and compiles the tables; *commit* builds, extends and \
             hashes the main columns; *prove shards* is all that follows the joint challenge but *grind*, which is the expected number of tries times the time of one.\n\n\
             | model | batch | bits, hash | {} |\n{}",
            PHASES.join(" | "),
            "|---".repeat(3 + PHASES.len()) + "|"
        )?;
        for measured in self.measured.iter().chain(&self.large) {
            let case = &measured.case;
            write!(
                f,
                "| `{}` | {} | {} |",
                case.model.name,
                case.batch,
                case.variant.name()
            )?;
            for phase_s in measured.phases_s() {
                write!(f, " {:.1} |", phase_s * 1e3)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n![CPU time by phase](figures/phases.svg)\n")
    }

    /// Models without weights in the proof, then the same with a key.
    fn committed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{COMMITTED_HEAD}\n{}", "|---".repeat(10) + "|")?;
        for case in &self.committed {
            let ms = |costs: &[Cost]| Committed::median(costs, |cost| cost.cpu_s * 1e3);
            let peak = |costs: &[Cost]| {
                let peaks = costs.iter().map(|cost| cost.peak_bytes);
                megabytes(peaks.max().unwrap_or(0))
            };
            let size = |costs: &[Cost]| Committed::median(costs, |cost| cost.bytes as f64) as u64;
            writeln!(
                f,
                "| `{}` | {:.0} | {} | {} | {} | {:.0} | {} | {} | {:.1} | {} |",
                case.model.name,
                ms(&case.setup),
                peak(&case.setup),
                kilobytes(size(&case.setup)),
                megabytes(case.cache_bytes),
                ms(&case.prove),
                peak(&case.prove),
                kilobytes(size(&case.prove)),
                case.verify.cpu_s * 1e3,
                megabytes(case.verify.peak_bytes),
            )?;
        }
        writeln!(
            f,
            "\nOne thread; CPU times; medians of {}. Grinding is as it happened.\n\n\
             ![time over weights](figures/time-by-weights.svg)\n",
            self.peer_runs
        )
    }
}

const EFFLITE: &str = " `efflite0` was proven once with each number of threads.";

const NO_EFFLITE: &str = " `efflite0` was not proven in this run: `--large` asks for it.";

const PROVING_HEAD: &str = "| model | hash | proven bits | CPU ms, 1 thread | wall ms | CPU ms, 2 threads | wall ms | peak MB, 1 / 2 threads | bundle KB | verify ms, CPU / wall | verify peak MB |";

const BATCH_HEAD: &str = "| inputs | CPU s, 1 thread | CPU ms per input | wall ms per input, 2 threads | peak MB, 1 / 2 threads | bundle KB | of it statement KB | verify ms, CPU / wall | verify peak MB |";

const COMMITTED_HEAD: &str = "\
## Committed models

`setup` commits to the parameters of a model once; the verifier then holds the key instead of the model. One input, 100 bits.

| model | setup CPU ms | peak MB | key KB | kept by the prover MB | prove CPU ms | peak MB | bundle KB | verify ms | verify peak MB |";
