//! The report as Markdown.

use std::fmt::{self, Display, Formatter};

use crate::counts::{Counts, ShardCounts, TableCounts};
use crate::figures::batch_series;
use crate::growth::Growth;
use crate::machine::Machine;
use crate::models::{COUNTED, MNIST};
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
        self.growth(f)?;
        self.traces(f)?;
        self.tables(f)?;
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
        writeln!(f, "{CELLS_HEAD}\n{}", "|---".repeat(11) + "|")?;
        for count in self.every_count() {
            let per_output = |cells: u64| cells as f64 / count.outputs() as f64;
            let all = count.state_cells() + count.padding_cells;
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.3} |",
                count.model,
                count.batch,
                count.weights,
                count.macs_per_sample,
                count.outputs(),
                count.main_cells,
                count.aux_cells,
                count.padding_cells,
                per_output(count.state_cells()),
                per_output(all),
                count.state_cells() as f64 / (count.macs_per_sample * count.batch) as f64,
            )?;
        }
        writeln!(f)?;
        let is_missing = |name: &str| !self.counted.iter().any(|count| count.model == name);
        for model in COUNTED.iter().filter(|model| is_missing(model.name)) {
            writeln!(
                f,
                "`{}` ({}) is left out: it was not on this machine.\n",
                model.name, model.layers
            )?;
        }
        writeln!(f, "![cells per output](figures/cells.svg)\n")
    }

    /// Those of the models that are proven, then the rest.
    fn every_count(&self) -> impl Iterator<Item = &Counts> + Clone {
        self.counts.iter().chain(&self.counted)
    }

    fn growth(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(growth) = Growth::fit(self.every_count()) else {
            return Ok(());
        };
        let Growth {
            per_output,
            constant,
        } = growth;
        let single = self.every_count().filter(|count| count.batch == 1);
        let largest = single.clone().map(Counts::outputs).max();
        let rest = Growth::fit(single.filter(|count| Some(count.outputs()) != largest));
        let without_largest = rest.map_or_else(String::new, |rest| {
            format!(
                "The largest model outweighs the others; without it b = {:.2}, c = {:.0}. ",
                rest.per_output, rest.constant
            )
        });
        writeln!(
            f,
            "## Growth\n\n\
             `cells = a weights + b outputs + c` for one input, main and auxiliary cells in use, padding apart. No weight takes a cell, so \
             a = 0 by construction; ordinary least squares over the models below give **b = {per_output:.2}**, **c = {constant:.0}**. \
             {without_largest}A line lane takes fewer cells than a window lane, and limbs of 16 bits, which only long traces have room for, make either narrower: \
             that is what the residuals show.\n\n\
             | model | weights | outputs | cells | fitted | residual | residual per output | padding |\n{}",
            "|---".repeat(8) + "|"
        )?;
        for count in self.every_count().filter(|count| count.batch == 1) {
            let cells = count.state_cells();
            let residual = cells as f64 - growth.cells(count);
            writeln!(
                f,
                "| `{}` | {} | {} | {cells} | {:.0} | {residual:+.0} | {:+.2} | {} |",
                count.model,
                count.weights,
                count.outputs(),
                growth.cells(count),
                residual / count.outputs() as f64,
                count.padding_cells,
            )?;
        }
        writeln!(f, "{}", if self.has_efflite() { EFFLITE } else { "" })
    }

    fn has_efflite(&self) -> bool {
        self.counted.iter().any(|count| count.model == "efflite0")
    }

    fn traces(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TRACES_HEAD}\n{}", "|---".repeat(12) + "|")?;
        for count in self.every_count() {
            let pair = |a: fn(&ShardCounts) -> u64, b: fn(&ShardCounts) -> u64| {
                each(count, |shard| format!("{} + {}", a(shard), b(shard)))
            };
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} + {} | {} | {} | {} | {} | {} | {} | {} |",
                count.model,
                count.batch,
                count.shards.len(),
                each(count, |shard| shard.rows.to_string()),
                count.line_channels,
                count.window_channels,
                pair(|shard| shard.main_columns, |shard| shard.aux_columns),
                each(count, |shard| shard.public_columns.to_string()),
                pair(
                    |shard| shard.main_constraints,
                    |shard| shard.aux_constraints
                ),
                each(count, |shard| shard.boundary_constraints.to_string()),
                count.lookups,
                count.equations,
                count.queries,
            )?;
        }
        writeln!(f)
    }

    fn tables(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TABLES_HEAD}\n{}", "|---".repeat(10) + "|")?;
        for count in self.every_count() {
            let shards = count.shards.iter();
            let tables = shards.flat_map(|shard| shard.tables.iter().map(move |t| (shard, t)));
            for (shard, table) in tables {
                let TableCounts {
                    kind,
                    lanes,
                    lane_width,
                    rows,
                    values,
                    main_cells,
                    aux_cells,
                } = table;
                writeln!(
                    f,
                    "| `{}` | {} | {kind} | {lanes} | {lane_width} | {rows} of {} | {values} | {main_cells} | {aux_cells} | {:.2} |",
                    count.model,
                    count.batch,
                    shard.rows,
                    table.cells_per_value(),
                )?;
            }
        }
        writeln!(f)
    }
}

const PROVING_HEAD: &str = "| model | proven bits | CPU ms, 1 thread | wall ms | CPU ms, 2 threads | wall ms | peak MB, 1 / 2 threads | bundle KB | verify ms, CPU / wall | verify peak MB |";

const BATCH_HEAD: &str = "| inputs | CPU s, 1 thread | CPU ms per input | wall ms per input, 2 threads | peak MB, 1 / 2 threads | bundle KB | of it statement KB | verify ms, CPU / wall | verify peak MB |";

const CELLS_HEAD: &str = "\
## Cells

The figures of this section and the next three are the same on every machine; `bench/tests/counts.json` holds those of the models that are
measured above and a test compares. The other models are only counted: their plans are made, but nothing is proven.

*Outputs* are the cells that operators compute: rounded, chosen or looked up, those left out that are only moved. *Used* cells belong to one
of them. An auxiliary cell is an element of the cubic extension and counts three times. *Padding* is the rest of the trace: unused rows and
lanes, multiplicities, the running sum. Weights, inputs and final outputs take no cells, since the joint check reads them as public
coefficients. A multiply-accumulate (MAC) takes no cell either; the last column compares all the same.

| model | batch | weights | MACs per input | outputs | main, used | auxiliary, used | padding | used per output | all per output | used per MAC |";

const EFFLITE: &str = "
One measurement, not made by this report, on a machine with two cores: `efflite0`, one input, 100 bits, took
137 CPU s, 137 s on the clock and 8.9 GB at its peak, for a bundle of 893 KB of which 602 KB are the input as float32; verifying it took 0.7 s.
";

const TRACES_HEAD: &str = "\
## Traces

Channels are line + window: an output channel whose rounding is one linear relation may stand in the line table, almost any in the window
table. Columns and constraints are main + auxiliary; the main constraints have degree 3 and 4, the auxiliary ones are groups of lookups (at
most 5) and the running sum (2). Assertions are about single cells. Public columns, in base elements, are computed by both sides and never
committed.

| model | batch | traces | rows | channels | columns | public columns | constraints | assertions | lookups | joint equations | queries |";

const TABLES_HEAD: &str = "\
## Tables

What stands side by side in a trace. A row belongs to one channel, its lanes to consecutive positions and samples; a *value* is a lane in use.
*Cells per value* are main and auxiliary.

| model | batch | table | lanes | columns of a lane | rows | values | main cells | auxiliary cells | cells per value |";
