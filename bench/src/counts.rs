//! What a plan costs, in numbers that do not depend on the machine.

use serde::Serialize;
use winter_air::Air;
use winterforge_air::constraints::{aux_degrees, main_degrees};
use winterforge_air::layout::{Kind, Table};
use winterforge_air::plan::{Plan, Shard};
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_verifier::instance::Instance;

use crate::error::Error;
use crate::models::{COUNTED, MODELS, Model, Variant, macs, outputs, weights};

/// Batch sizes that are counted.
pub const BATCHES: [usize; 2] = [1, 64];

/// Base elements in one element of the extension.
const EXTENSION: u64 = 3;

/// One model at one batch size, with default parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The model's name.
    pub model: &'static str,
    /// Samples proven.
    pub batch: u64,
    /// Weights of the model. None of them takes a cell.
    pub weights: u64,
    /// Multiply-accumulates of one sample.
    pub macs_per_sample: u64,
    /// Cells of one sample that operators compute.
    pub outputs_per_sample: u64,
    /// Output channels encoded as a line.
    pub line_channels: u64,
    /// Output channels encoded as a window.
    pub window_channels: u64,
    /// Main cells in used lanes.
    pub main_cells: u64,
    /// Auxiliary cells in used lanes: three for each extension element.
    pub aux_cells: u64,
    /// Cells, main or auxiliary, in unused lanes and rows, and of columns that belong to no lane.
    pub padding_cells: u64,
    /// Lookups, over all rows.
    pub lookups: u64,
    /// Linear equations of the joint check, gaps in their numbering included.
    pub equations: u64,
    /// Queries of each shard.
    pub queries: u64,
    /// Proven security.
    pub proven_bits: u64,
    /// The traces.
    pub shards: Vec<ShardCounts>,
}

/// One trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShardCounts {
    /// Rows of the trace.
    pub rows: u64,
    /// Main columns.
    pub main_columns: u64,
    /// Auxiliary columns, of one extension element each.
    pub aux_columns: u64,
    /// Public columns of base elements: computed by both sides, never committed.
    pub public_columns: u64,
    /// Lookups in each row.
    pub lookups_per_row: u64,
    /// Constraints on the main columns.
    pub main_constraints: u64,
    /// Constraints on groups of lookups, and the one on the running sum.
    pub aux_constraints: u64,
    /// Assertions on single cells.
    pub boundary_constraints: u64,
    /// What stands side by side in it.
    pub tables: Vec<TableCounts>,
}

/// The lanes of one kind in one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableCounts {
    /// What the lanes do.
    pub kind: &'static str,
    /// Lanes side by side.
    pub lanes: u64,
    /// Main columns of one lane.
    pub lane_width: u64,
    /// Rows in use.
    pub rows: u64,
    /// Lanes in use, over all rows: one for each value that is rounded, chosen or looked up.
    pub values: u64,
    /// Main cells of these.
    pub main_cells: u64,
    /// Auxiliary cells of these.
    pub aux_cells: u64,
}

impl Counts {
    /// Counts an instance of `model`.
    pub fn new(model: &Model, instance: &Instance) -> Self {
        let plan = &instance.plan;
        let cells = plan.cells();
        Self {
            model: model.name,
            batch: plan.batch as u64,
            weights: weights(&plan.graph),
            macs_per_sample: macs(&plan.graph),
            outputs_per_sample: outputs(&plan.graph),
            line_channels: plan.channels_of(Kind::Line) as u64,
            window_channels: plan.channels_of(Kind::Window) as u64,
            main_cells: cells.main,
            aux_cells: cells.aux,
            padding_cells: cells.padding,
            lookups: plan.lookups(),
            equations: plan.equations,
            queries: instance.options.num_queries() as u64,
            proven_bits: instance.ledger.bits().into(),
            shards: (0..plan.shards.len())
                .map(|index| ShardCounts::new(instance, index))
                .collect(),
        }
    }

    /// Computed cells of the whole batch.
    pub fn outputs(&self) -> u64 {
        self.outputs_per_sample * self.batch
    }

    /// Main and auxiliary cells in use.
    pub fn state_cells(&self) -> u64 {
        self.main_cells + self.aux_cells
    }
}

impl ShardCounts {
    fn new(instance: &Instance, index: usize) -> Self {
        let shard = &instance.plan.shards[index];
        let layout = &shard.layout;
        let air = ShardAir::new(
            instance.trace_infos[index].clone(),
            ShardInputs::of_layout(layout.clone()),
            instance.options.clone(),
        );
        let table = |table| TableCounts::new(&instance.plan, shard, table);
        Self {
            rows: layout.rows() as u64,
            main_columns: layout.main_width() as u64,
            aux_columns: layout.aux_width() as u64,
            public_columns: layout.constants_width() as u64
                + EXTENSION * layout.joint_width() as u64,
            lookups_per_row: layout.lookups_per_row() as u64,
            main_constraints: main_degrees(layout).len() as u64,
            aux_constraints: aux_degrees(layout).len() as u64,
            boundary_constraints: air.context().num_assertions() as u64,
            tables: layout.tables.iter().map(table).collect(),
        }
    }
}

impl TableCounts {
    fn new(plan: &Plan, shard: &Shard, table: &Table) -> Self {
        let rows = shard.rows(table.kind);
        let used = |instances: usize, first: u32| (instances - first as usize).min(table.lanes);
        let values: usize = rows
            .iter()
            .map(|row| used(plan.instances(row.piece as usize), row.first))
            .sum();
        Self {
            kind: match table.kind {
                Kind::Line => "line",
                Kind::Window => "window",
                Kind::Max => "max",
                Kind::Map => "map",
                Kind::Step => "step",
                Kind::Product => "product",
                Kind::FloatSum => "float sum",
                Kind::Divide => "divide",
                Kind::Root => "root",
                Kind::Contraction => "matrix product",
            },
            lanes: table.lanes as u64,
            lane_width: table.lane_width as u64,
            rows: rows.len() as u64,
            values: values as u64,
            main_cells: (values * table.lane_width) as u64,
            aux_cells: shard.layout.shape.aux_cells(table.kind, values),
        }
    }

    /// Main and auxiliary cells of one value.
    pub fn cells_per_value(&self) -> f64 {
        (self.main_cells + self.aux_cells) as f64 / self.values as f64
    }
}

fn of(model: &Model, batches: &[usize]) -> Result<Vec<Counts>, Error> {
    let graph = model.load()?;
    let count = |&batch: &usize| {
        let instance = Instance::new(graph.clone(), batch, Variant::default().parameters())?;
        Ok(Counts::new(model, &instance))
    };
    batches.iter().map(count).collect()
}

/// Every model that is proven, at every counted batch size.
///
/// # Errors
/// If a model cannot be loaded or has no plan.
pub fn all() -> Result<Vec<Counts>, Error> {
    let counts = MODELS.iter().map(|model| of(model, &BATCHES));
    Ok(counts.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Those models that are only counted, with one input each, as far as they are on this machine.
///
/// # Errors
/// If one is there, but cannot be loaded or has no plan.
pub fn counted() -> Result<Vec<Counts>, Error> {
    let present = COUNTED.iter().filter(|model| model.is_present());
    let counts = present.map(|model| of(model, &[1]));
    Ok(counts.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Counts as JSON, one value a line, so that drift shows as a small diff.
pub fn to_json(counts: &[Counts]) -> String {
    // Only maps with keys that are no strings fail to serialize.
    let mut text = serde_json::to_string_pretty(counts).unwrap_or_default();
    text.push('\n');
    text
}
