//! The report as Markdown.

use std::fmt::{self, Display, Formatter};

use crate::counts::{Counts, ShardCounts};
use crate::figures::batch_series;
use crate::machine::Machine;
use crate::models::{MNIST, MODELS};
use crate::suite::{AMORTISED_BATCH, Measured, PHASES, THREADS};

/// Everything the report is made of.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// What does not depend on that.
    pub counts: Vec<Counts>,
    /// What does.
    pub measured: Vec<Measured>,
    /// Proofs per case and number of threads.
    pub rounds: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.machine(f)?;
        self.proving(f)?;
        self.batches(f)?;
        self.phases(f)?;
        self.cells(f)?;
        self.traces(f)?;
        f.write_str(PEERS)
    }
}

const HEAD: &str = "\
# Benchmarks

Written by `cargo run --release -p winterforge-bench`; edits are lost. KB and MB are powers of ten.

";

const PEERS: &str = "\
## Beside others

Not measured by this report. *Here* means: as measured on a two-core x86-64 machine by the authors of this table, not in the
same run as the figures above. *Published* means: as published by the project, on machines of its own. Networks and machines differ, so
read orders of magnitude, not ratios.

| system | network | prove | verify | proof | beyond the model | what is proven | source |
|---|---|---|---|---|---|---|---|
| EZKL 23 (Halo2, KZG) | MLP 784-128-10 | 10-11 CPU s, 659 MB | 70-100 ms | 3 KB | 277 MB proving key, set-up file | own fixed point, 0.001 absolute error | here |
| EZKL 23 (Halo2, KZG) | LeNet | 145 CPU s, 11.4 GB | 420 ms | - | 4.6 GB proving key, 113 s of set-up | own fixed point | here |
| DeepProve (sumcheck) | CNN, 264 k parameters | 1.24 s | 600 ms | - | - | takes no integer ONNX | published |
| Jolt Atlas | nanoGPT | 2.3 s | 130 ms | - | - | not the runtime's int8 model | published |
| Bionetta | MobileNetV2, public weights | 24.5 s | - | - | - | not the runtime's int8 model | published |

None of these proves the int8 model bit for bit as the runtime executes it, which is what the tables above are about. EZKL's proofs are
far smaller than ours and can be verified on a blockchain; it relies on a trusted set-up and on pairings, we on a hash function.
";

/// Bytes as MB with one decimal.
fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// Bytes as KB with one decimal.
fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e3)
}

/// A figure of every shard: once if it is the same everywhere.
fn each(counts: &Counts, figure: impl Fn(&ShardCounts) -> String) -> String {
    let mut figures: Vec<String> = counts.shards.iter().map(figure).collect();
    figures.dedup();
    figures.join(", ")
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
             | security | 100 proven bits unless said otherwise; cubic extension, BLAKE3 |\n",
            env!("CARGO_PKG_VERSION"),
            env!("BENCH_RUSTC"),
            env!("BENCH_TARGET"),
        )?;
        let spread = self.measured.iter().map(Measured::spread);
        let (try_s, tries) = self.measured.first().map_or((f64::NAN, 0), |case| {
            let run = case.any();
            (case.try_s, run.expected_tries / u64::from(run.shards))
        });
        writeln!(
            f,
            "How it is measured:\n\n\
             - Each proof is made in a process of its own, from opening the model to the bundle in a file, and all of the process counts. \
             CPU time is user and system time of all its threads; memory is its largest resident set.\n\
             - Figures are medians over {} different inputs or batches, memory the largest. The bundles have the same bytes with {} thread and \
             with {}: the report checks it.\n\
             - Grinding, the proof of work in each trace, is a lottery with a standard deviation as large as its mean: {tries} tries of {:.0} ns, \
             {:.0} ms. Since a bundle tells how many nonces were tried, times are given *with the expected number of tries* in place of \
             those that happened. A given proof is faster or slower by that.\n\
             - Noise: single-threaded CPU times lay up to {:.0} % apart within a row (largest less smallest, by the median; batches differ a little \
             in their work). Smaller differences between two proofs mean nothing. Wall times also count whatever else the machine did.\n",
            self.rounds,
            THREADS[0],
            THREADS[1],
            try_s * 1e9,
            try_s * tries as f64 * 1e3,
            spread.fold(0.0, f64::max) * 100.0,
        )
    }

    fn proving(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "## One input\n\n{}\n{}",
            PROVING_HEAD,
            "|---".repeat(10) + "|"
        )?;
        for measured in self.measured.iter().filter(|case| case.case.batch == 1) {
            let run = measured.any();
            writeln!(
                f,
                "| `{}` {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {} / {} | {} | {:.1} / {:.1} | {} |",
                measured.case.model.name,
                measured.case.model.layers,
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
             thread; the median of 101 in one process, so the files are cached.\n"
        )
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
             ![bundle size over batch size](figures/size-by-batch.svg)\n",
            1.0 / ratio,
            1.0 / without_grinding,
        )
    }

    fn phases(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "## Phases\n\nCPU ms on one thread. *Load and plan* reads model and inputs and compiles the tables; *commit* builds, extends and \
             hashes the main columns; *prove shards* is all that follows the joint challenge but *grind*, which is the expected number of tries times the time of one.\n\n\
             | model | batch | bits | {} |\n{}",
            PHASES.join(" | "),
            "|---".repeat(3 + PHASES.len()) + "|"
        )?;
        for measured in &self.measured {
            let case = &measured.case;
            write!(
                f,
                "| `{}` | {} | {} |",
                case.model.name,
                case.batch,
                case.level.bits()
            )?;
            for phase_s in measured.phases_s() {
                write!(f, " {:.1} |", phase_s * 1e3)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n![CPU time by phase](figures/phases.svg)\n")
    }

    fn cells(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CELLS_HEAD}\n{}", "|---".repeat(10) + "|")?;
        for count in &self.counts {
            let per_output = |cells: u64| cells as f64 / count.outputs() as f64;
            let all = count.state_cells() + count.padding_cells;
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.2} | {} |",
                count.model,
                count.batch,
                count.outputs(),
                count.main_cells,
                count.aux_cells,
                count.padding_cells,
                per_output(count.state_cells()),
                per_output(all),
                count.state_cells() as f64 / count.weights as f64,
                count.weights + count.state_cells(),
            )?;
        }
        write!(f, "\nWeights: ")?;
        let weights = MODELS.iter().filter_map(|model| {
            let count = self.counts.iter().find(|count| count.model == model.name)?;
            Some(format!("`{}` {}", model.name, count.weights))
        });
        writeln!(
            f,
            "{}.\n\n![cells per output](figures/cells.svg)\n",
            weights.collect::<Vec<_>>().join(", ")
        )
    }

    fn traces(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TRACES_HEAD}\n{}", "|---".repeat(14) + "|")?;
        for count in &self.counts {
            let pair = |a: fn(&ShardCounts) -> u64, b: fn(&ShardCounts) -> u64| {
                each(count, |shard| format!("{} + {}", a(shard), b(shard)))
            };
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} | {} + {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                count.model,
                count.batch,
                count.shards.len(),
                each(count, |shard| shard.rows.to_string()),
                pair(|shard| shard.line_rows, |shard| shard.window_rows),
                count.line_channels,
                count.window_channels,
                pair(|shard| shard.line_lanes, |shard| shard.window_lanes),
                pair(|shard| shard.main_columns, |shard| shard.aux_columns),
                pair(
                    |shard| shard.line_constraints,
                    |shard| shard.window_constraints
                ),
                pair(
                    |shard| shard.lookup_constraints,
                    |shard| shard.sum_constraints
                ),
                each(count, |shard| shard.boundary_constraints.to_string()),
                count.lookups,
                count.equations,
                count.queries,
            )?;
        }
        writeln!(f)
    }
}

const PROVING_HEAD: &str = "| model | proven bits | CPU ms, 1 thread | wall ms | CPU ms, 2 threads | wall ms | peak MB, 1 / 2 threads | bundle KB | verify ms, CPU / wall | verify peak MB |";

const BATCH_HEAD: &str = "| inputs | CPU s, 1 thread | CPU ms per input | wall ms per input, 2 threads | peak MB, 1 / 2 threads | bundle KB | of it statement KB | verify ms, CPU / wall | verify peak MB |";

const CELLS_HEAD: &str = "\
## Cells

The figures of this section and the next are the same on every machine; `bench/tests/counts.json` holds them and a test compares.

An auxiliary cell is an element of the cubic extension and counts three times. *Used* cells belong to a requantized output, those included that
repeat the last sample where the batch does not fill the lanes. *Padding* is the rest of the trace: unused rows, multiplicities, the running
sum. Weights, inputs and final outputs take no cells, since the joint check reads them as public coefficients, so *used per weight* is no
property of a weight: it falls as the model's layers get wider. The last column is what a trace with one cell for each weight would need at
the least: the weights and the used cells, without padding or a running sum over the weights.

| model | batch | outputs | main, used | auxiliary, used | padding | used per output | all per output | used per weight | used, were weights in the trace |";

const TRACES_HEAD: &str = "\
## Traces

Pairs are line + window: an output channel whose rounding is one linear relation may stand in the line table, almost any in the window table;
a lane is one sample of the batch. Constraints by kind: on lanes (degree 3 and 4), on groups of lookups (at most 5), on the running sum (2),
and assertions on single cells.

| model | batch | traces | rows | rows used | channels | lanes | columns, main + aux | lane constraints | lookup + sum constraints | assertions | lookups | joint equations | queries |";
