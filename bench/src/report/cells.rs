//! The sections that are the same on every machine: cells, their growth, traces and tables.

use std::fmt::{self, Formatter};

use super::Report;
use crate::counts::{Counts, ShardCounts, TableCounts};
use crate::growth::Growth;
use crate::models::COUNTED;

/// Cells per value of the first layout, by kind of lane: with limbs of 8 bits, and of 16 bits, which long traces have room
/// for.
const FIRST_LAYOUT: [(&str, [f64; 2]); 4] = [
    ("line", [11.5, 8.0]),
    ("window", [25.75, 18.75]),
    ("max", [8.0, 8.0]),
    ("map", [2.75, 2.75]),
];

/// Used cells of the first layout: model, batch, main and auxiliary together.
const FIRST_CELLS: [(&str, u64, u64); 6] = [
    ("mlp_mnist", 1, 5201),
    ("mlp_mnist", 64, 266_320),
    ("lenet_mnist", 1, 124_216),
    ("lenet_mnist", 64, 7_949_824),
    ("inverted_residual", 1, 117_856),
    ("efflite0", 1, 62_555_014),
];

/// A figure of every shard: once if it is the same everywhere.
fn each(counts: &Counts, figure: impl Fn(&ShardCounts) -> String) -> String {
    let mut figures: Vec<String> = counts.shards.iter().map(figure).collect();
    figures.dedup();
    figures.join(", ")
}

impl Report {
    /// Everything that is the same on every machine.
    pub(super) fn cells(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.cells_of_models(f)?;
        self.growth(f)?;
        self.traces(f)?;
        self.tables(f)
    }

    fn cells_of_models(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
        writeln!(f, "![cells per output](figures/cells.svg)\n")?;
        self.savings(f)
    }

    /// Cells per value before and after they were reduced.
    fn savings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{SAVINGS_HEAD}\n{}", "|---".repeat(5) + "|")?;
        let tables = self.every_count().flat_map(|count| {
            let shards = count.shards.iter();
            shards.flat_map(move |shard| shard.tables.iter().map(move |table| (count, table)))
        });
        for (kind, before) in FIRST_LAYOUT {
            let after = tables
                .clone()
                .filter(|(_, table)| table.kind == kind)
                .map(|(_, table)| table.cells_per_value());
            let least = after.clone().fold(f64::INFINITY, f64::min);
            let most = after.fold(0.0, f64::max);
            if most > 0.0 {
                let [worst, best] = before;
                writeln!(
                    f,
                    "| {kind} | {worst:.2} | {best:.2} | {most:.2} | {least:.2} |"
                )?;
            }
        }
        writeln!(f, "\n{}\n{}", WHOLE_HEAD, "|---".repeat(6) + "|")?;
        for (model, batch, before) in FIRST_CELLS {
            let count = self
                .every_count()
                .find(|count| (count.model, count.batch) == (model, batch));
            if let Some(count) = count {
                let now = count.state_cells();
                writeln!(
                    f,
                    "| `{model}` | {batch} | {before} | {now} | {:.2} | {:.2} |",
                    before as f64 / count.outputs() as f64,
                    now as f64 / count.outputs() as f64,
                )?;
            }
        }
        writeln!(f)
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
        writeln!(f)
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

const CELLS_HEAD: &str = "\
## Cells

The figures of this section and the next three are the same on every machine; `bench/tests/counts.json` holds those of the models that are
measured above and a test compares. The other models are only counted: their plans are made, but nothing is proven.

*Outputs* are the cells that operators compute: rounded, chosen or looked up, those left out that are only moved. *Used* cells belong to one
of them. An auxiliary cell is an element of the cubic extension and counts three times. *Padding* is the rest of the trace: unused rows and
lanes, multiplicities, the running sum. Weights, inputs and final outputs take no cells, since the joint check reads them as public
coefficients. A multiply-accumulate (MAC) takes no cell either; the last column compares all the same.

| model | batch | weights | MACs per input | outputs | main, used | auxiliary, used | padding | used per output | all per output | used per MAC |";

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

const SAVINGS_HEAD: &str = "\
### Before and after

Cells per value, an auxiliary cell counted three times. *Before* is the first layout that proved these models.
Where a model's limbs have 8 bits it takes the most, with 16 bits the least.

| lane | before, most | before, least | here, most | here, least |";

const WHOLE_HEAD: &str = "\
Used cells of whole proofs, padding apart.

| model | batch | before | here | before, per output | here, per output |";
