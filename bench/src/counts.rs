//! What a plan costs, in numbers that do not depend on the machine.

use serde::Serialize;
use winter_air::Air;
use winterforge_air::constraints::{aux_degrees, constraints_per_lane};
use winterforge_air::layout::Kind;
use winterforge_air::rounding::Rounding;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_verifier::instance::Instance;
use winterforge_verifier::security::SecurityLevel;

use crate::error::Error;
use crate::models::{MODELS, Model, parameters, requantized_outputs, weights};

/// Batch sizes that are counted.
pub const BATCHES: [usize; 2] = [1, 64];

/// One model at one batch size, with default parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The model's name.
    pub model: &'static str,
    /// Samples proven.
    pub batch: u64,
    /// Samples in the trace: the batch, filled up to whole lanes.
    pub padded_batch: u64,
    /// Weights of the model. None of them takes a cell.
    pub weights: u64,
    /// Requantized outputs of one sample.
    pub outputs_per_sample: u64,
    /// Output channels encoded as a line.
    pub line_channels: u64,
    /// Output channels encoded as a window.
    pub window_channels: u64,
    /// Main cells in used rows.
    pub main_cells: u64,
    /// Auxiliary cells in used rows: three for each extension element.
    pub aux_cells: u64,
    /// Cells, main or auxiliary, in rows that hold no table row, and of columns that belong to no lane.
    pub padding_cells: u64,
    /// Lookups, over all rows.
    pub lookups: u64,
    /// Linear equations of the joint check.
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
    /// Rows that the line table uses.
    pub line_rows: u64,
    /// Rows that the window table uses.
    pub window_rows: u64,
    /// Lanes of the line table.
    pub line_lanes: u64,
    /// Lanes of the window table.
    pub window_lanes: u64,
    /// Main columns.
    pub main_columns: u64,
    /// Auxiliary columns, of one extension element each.
    pub aux_columns: u64,
    /// Public columns of base elements: computed by both sides, never committed.
    pub public_columns: u64,
    /// Lookups in each row.
    pub lookups_per_row: u64,
    /// Constraints on line lanes.
    pub line_constraints: u64,
    /// Constraints on window lanes.
    pub window_constraints: u64,
    /// Constraints on groups of lookups.
    pub lookup_constraints: u64,
    /// Constraints on the running sum.
    pub sum_constraints: u64,
    /// Assertions on single cells.
    pub boundary_constraints: u64,
}

impl Counts {
    /// Counts an instance of `model`.
    pub fn new(model: &Model, instance: &Instance) -> Self {
        let plan = &instance.plan;
        let channels = |line: bool| {
            (plan.channels.iter().flatten())
                .filter(|channel| matches!(channel.rounding, Rounding::Line { .. }) == line)
                .count() as u64
        };
        let cells = plan.cells();
        Self {
            model: model.name,
            batch: plan.batch as u64,
            padded_batch: plan.padded_batch as u64,
            weights: weights(&plan.graph),
            outputs_per_sample: requantized_outputs(&plan.graph),
            line_channels: channels(true),
            window_channels: channels(false),
            main_cells: cells.main,
            aux_cells: cells.aux,
            padding_cells: cells.padding,
            lookups: plan.lookups(),
            equations: plan.equations(),
            queries: instance.options.num_queries() as u64,
            proven_bits: instance.ledger.bits().into(),
            shards: (0..plan.shards.len())
                .map(|index| ShardCounts::new(instance, index))
                .collect(),
        }
    }

    /// Requantized outputs of the whole batch.
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
        let context = air.context();
        let lane_constraints =
            |kind: Kind| (layout.lanes(kind) * constraints_per_lane(kind)) as u64;
        let [line_constraints, window_constraints] =
            [Kind::Line, Kind::Window].map(lane_constraints);
        let lookup_constraints = aux_degrees(layout).len() as u64 - 1;
        let transitions = context.num_transition_constraints() as u64;
        Self {
            rows: layout.rows() as u64,
            line_rows: shard.line_rows.len() as u64,
            window_rows: shard.window_rows.len() as u64,
            line_lanes: layout.line_lanes as u64,
            window_lanes: layout.window_lanes as u64,
            main_columns: layout.main_width() as u64,
            aux_columns: layout.aux_width() as u64,
            public_columns: (layout.constants_width() + 3 * layout.joint_width()) as u64,
            lookups_per_row: layout.lookups_per_row() as u64,
            line_constraints,
            window_constraints,
            lookup_constraints,
            sum_constraints: transitions
                - line_constraints
                - window_constraints
                - lookup_constraints,
            boundary_constraints: context.num_assertions() as u64,
        }
    }
}

/// Every model at every counted batch size.
///
/// # Errors
/// If a model cannot be loaded or has no plan.
pub fn all() -> Result<Vec<Counts>, Error> {
    let mut counts = Vec::new();
    for model in MODELS {
        let graph = model.load()?;
        for batch in BATCHES {
            let level = parameters(SecurityLevel::default());
            let instance = Instance::new(graph.clone(), batch, level)?;
            counts.push(Counts::new(&model, &instance));
        }
    }
    Ok(counts)
}

/// Counts as JSON, one value a line, so that drift shows as a small diff.
pub fn to_json(counts: &[Counts]) -> String {
    // Only maps with keys that are no strings fail to serialize.
    let mut text = serde_json::to_string_pretty(counts).unwrap_or_default();
    text.push('\n');
    text
}
