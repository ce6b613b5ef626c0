//! From a graph and a batch size to tables and shards: a pure function that prover and verifier both run.
//!
//! Nothing here depends on the machine or on the witness. Every cell of the trace is an accumulator or an output of
//! some layer (or helps to range-check one); weights, inputs and final outputs are public and take no cells at all:
//! they enter through the coefficients of the joint check (see [`joint`](crate::joint)).

use std::sync::Arc;

use winterforge_model::{Graph, Op};

use crate::layout::{BYTE_ROWS, Kind, Layout, WINDOW_ROWS};
use crate::rounding::{self, Channel, Rounding, RoundingError};

/// Version of the mapping from graph to tables. A bundle names it; another version is another statement.
pub const PLAN_VERSION: u32 = 1;

/// Most samples in one bundle.
pub const MAX_BATCH: usize = 1 << 16;

/// Widest trace, main and auxiliary columns together.
const MAX_WIDTH: usize = 254;

/// More lanes of either table never fit the width.
const MAX_LANES: usize = 36;

/// Smallest trace that holds the window table and leaves the last row free.
const MIN_LOG_ROWS: u32 = 9;

/// Most rows over all shards of one plan; more is refused rather than attempted.
const MAX_TOTAL_ROWS: u64 = 1 << 28;

/// The only freedom a prover has in choosing a plan; carried in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanParameters {
    /// Binary logarithm of the longest trace, 9 to 20. More work than fits is split over shards.
    pub max_log_rows: u32,
}

impl Default for PlanParameters {
    fn default() -> Self {
        Self { max_log_rows: 16 }
    }
}

/// What one row of a requantization table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey {
    /// Index of the layer in the graph's nodes.
    pub node: u32,
    /// Position within the sample.
    pub position: u32,
    /// Output channel.
    pub channel: u32,
    /// First sample; the lanes are this one and those that follow.
    pub first_sample: u32,
}

/// One trace: up to two requantization tables and the lookup tables they use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Geometry.
    pub layout: Layout,
    /// Rows of the line table, from row 0.
    pub line_rows: Vec<RowKey>,
    /// Rows of the window table, from row 0.
    pub window_rows: Vec<RowKey>,
}

impl Shard {
    /// Rows of the table of this kind.
    pub fn rows(&self, kind: Kind) -> &[RowKey] {
        match kind {
            Kind::Line => &self.line_rows,
            Kind::Window => &self.window_rows,
        }
    }
}

/// Tables and shards for a graph and a batch.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The model.
    pub graph: Arc<Graph>,
    /// As carried in the bundle.
    pub parameters: PlanParameters,
    /// Samples proven.
    pub batch: usize,
    /// Samples in the trace: the last one is repeated until every lane is filled.
    pub padded_batch: usize,
    /// The constants of each channel, by node; empty for nodes without accumulators.
    pub channels: Vec<Vec<Channel>>,
    /// Index of each layer's first equation within a sample, by node.
    pub equation_offsets: Vec<u64>,
    /// Index of the first output equation within a sample.
    pub output_equations: u64,
    /// Linear equations of one sample: one per accumulator and one per output.
    pub equations_per_sample: u64,
    /// The traces.
    pub shards: Vec<Shard>,
}

/// Cells of a plan. An extension column counts by its degree, here 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellCount {
    /// Main cells in used rows.
    pub main: u64,
    /// Auxiliary cells in used rows.
    pub aux: u64,
    /// Cells of either kind in rows that hold no table row.
    pub padding: u64,
}

/// Why a model or batch has no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The parameters are outside their range.
    #[error("plan parameter max_log_rows is {0}, but must be 9 to 20")]
    Parameters(u32),
    /// Batch size zero or too large.
    #[error("a batch holds 1 to {MAX_BATCH} samples, not {0}")]
    Batch(usize),
    /// The model has no arithmetic.
    #[error("the model has no layer with weights: there is nothing to prove")]
    NothingToProve,
    /// A channel cannot be requantized exactly inside the field.
    #[error("node `{node}`, output channel {channel}: {source}")]
    Channel {
        /// Name of the node.
        node: String,
        /// Output channel.
        channel: usize,
        /// Why.
        source: RoundingError,
    },
    /// The work is beyond any plan.
    #[error(
        "{samples} samples need {rows} table rows, more than the {MAX_TOTAL_ROWS} of one bundle; prove fewer samples at a time"
    )]
    TooLarge {
        /// Samples asked for.
        samples: usize,
        /// Rows needed.
        rows: u64,
    },
}

/// Lays `batch` samples of `graph` out as tables and shards.
///
/// # Errors
/// Returns [`PlanError`] when a parameter is out of range or a channel has no exact encoding.
pub fn compile(
    graph: Arc<Graph>,
    batch: usize,
    parameters: PlanParameters,
) -> Result<Plan, PlanError> {
    if !(MIN_LOG_ROWS..=20).contains(&parameters.max_log_rows) {
        return Err(PlanError::Parameters(parameters.max_log_rows));
    }
    if !(1..=MAX_BATCH).contains(&batch) {
        return Err(PlanError::Batch(batch));
    }
    let mut equation_offsets = vec![0; graph.nodes.len()];
    let mut equations = 0u64;
    for (index, node) in graph.nodes.iter().enumerate() {
        equation_offsets[index] = equations;
        if matches!(node.op, Op::Linear(_)) {
            equations += graph.tensor(node.output).len() as u64;
        }
    }
    if equations == 0 {
        return Err(PlanError::NothingToProve);
    }
    let (mixed, windows) = encode_channels(&graph)?;
    let (mixed_cost, mixed_geometry) = Geometry::choose(&graph, &mixed, batch, parameters)?;
    // The window encodes almost every channel; using it alone saves the line table's columns where rows are plenty.
    let (channels, geometry) = match windows {
        Some(windows) => {
            let (cost, geometry) = Geometry::choose(&graph, &windows, batch, parameters)?;
            if cost < mixed_cost {
                (windows, geometry)
            } else {
                (mixed, mixed_geometry)
            }
        }
        None => (mixed, mixed_geometry),
    };
    let padded_batch = padded_batch(batch, geometry.line_lanes, geometry.window_lanes);
    let shards = geometry.shards(&graph, &channels, padded_batch);
    Ok(Plan {
        parameters,
        batch,
        padded_batch,
        channels,
        equation_offsets,
        output_equations: equations,
        equations_per_sample: equations + graph.output_len() as u64,
        shards,
        graph,
    })
}

impl Plan {
    /// The encoding of the channel that a row is about.
    pub fn channel(&self, key: &RowKey) -> &Channel {
        &self.channels[key.node as usize][key.channel as usize]
    }

    /// The index of the row's first lane among all equations of the batch.
    pub fn equation_in_sample(&self, key: &RowKey) -> u64 {
        self.equation_offsets[key.node as usize] + self.cell_in_tensor(key) as u64
    }

    /// The index, within one sample of the layer's output tensor, of the cell that a row is about.
    pub fn cell_in_tensor(&self, key: &RowKey) -> usize {
        key.position as usize * self.channels[key.node as usize].len() + key.channel as usize
    }

    /// All linear equations: the degree of the joint check in its challenge.
    pub fn equations(&self) -> u64 {
        self.equations_per_sample * self.padded_batch as u64
    }

    /// Lookups over all shards.
    pub fn lookups(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| (shard.layout.rows() * shard.layout.lookups_per_row()) as u64)
            .sum()
    }

    /// Rows of lookup tables over all shards.
    pub fn table_rows(&self) -> u64 {
        let rows = |shard: &Shard| {
            BYTE_ROWS
                + if shard.layout.window_lanes > 0 {
                    WINDOW_ROWS
                } else {
                    0
                }
        };
        self.shards.iter().map(|shard| rows(shard) as u64).sum()
    }

    /// Main, auxiliary and padding cells.
    pub fn cells(&self) -> CellCount {
        let mut cells = CellCount::default();
        for shard in &self.shards {
            let layout = &shard.layout;
            let helpers =
                |lookups: usize| (3 * lookups) as u64 / crate::layout::LOOKUPS_PER_COLUMN as u64;
            let mut main = 0;
            let mut aux = 0;
            for kind in [Kind::Line, Kind::Window] {
                let lanes = (layout.lanes(kind) * shard.rows(kind).len()) as u64;
                main += lanes * layout.lane_width(kind) as u64;
                let lookups = match kind {
                    Kind::Line => 2 + crate::layout::LINE_LIMBS,
                    Kind::Window => 3 + 2 * layout.window_limbs,
                };
                aux += lanes * helpers(lookups);
            }
            let total = (layout.rows() * (layout.main_width() + 3 * layout.aux_width())) as u64;
            cells.main += main;
            cells.aux += aux;
            cells.padding += total - main - aux;
        }
        cells
    }
}

/// The encodings of all channels, by node.
type Channels = Vec<Vec<Channel>>;

/// Lines where they exist and windows elsewhere; and windows alone, if every channel has one.
fn encode_channels(graph: &Graph) -> Result<(Channels, Option<Channels>), PlanError> {
    let mut mixed = vec![Vec::new(); graph.nodes.len()];
    let mut windows = Some(mixed.clone());
    for (index, node) in graph.nodes.iter().enumerate() {
        let Op::Linear(linear) = &node.op else {
            continue;
        };
        let type_min = graph.tensor(node.output).quantization.qtype.min();
        for (channel, requant) in linear.requant.iter().enumerate() {
            let range = graph.accumulator_range(index, channel);
            let (line, window) = match graph.constant_output(index, channel) {
                Some(q) => {
                    let code = i64::from(q - type_min);
                    let constant =
                        |lines| rounding::encode_constant(requant, range, type_min, code, lines);
                    (Some(constant(true)), Ok(constant(false)))
                }
                None => rounding::encode(requant, range, type_min),
            };
            let cheapest = match (&line, &window) {
                (Some(line), _) => line.clone(),
                (None, Ok(window)) => window.clone(),
                (None, Err(source)) => {
                    let (node, source) = (node.name.clone(), source.clone());
                    return Err(PlanError::Channel {
                        node,
                        channel,
                        source,
                    });
                }
            };
            mixed[index].push(cheapest);
            match (&mut windows, window) {
                (Some(windows), Ok(window)) => windows[index].push(window),
                (windows, _) => *windows = None,
            }
        }
    }
    Ok((mixed, windows))
}

fn kind_of(channel: &Channel) -> Kind {
    match channel.rounding {
        Rounding::Line { .. } => Kind::Line,
        Rounding::Window { .. } => Kind::Window,
    }
}

/// The batch, filled up so that the lanes of either table divide it.
fn padded_batch(batch: usize, line_lanes: usize, window_lanes: usize) -> usize {
    let (a, b) = (line_lanes.max(1), window_lanes.max(1));
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    batch.next_multiple_of(a / x * b)
}

/// Lanes and trace length.
struct Geometry {
    log_rows: u32,
    line_lanes: usize,
    window_lanes: usize,
    window_limbs: usize,
}

impl Geometry {
    /// The cheapest single trace; or, where one does not hold the work, the cheapest set of longest traces. Returned
    /// with its cost over all traces.
    fn choose(
        graph: &Graph,
        channels: &[Vec<Channel>],
        batch: usize,
        parameters: PlanParameters,
    ) -> Result<(u64, Self), PlanError> {
        let mut units = [0u64; 2];
        for (node, channels) in graph.nodes.iter().zip(channels) {
            let positions = (graph.tensor(node.output).len() / channels.len().max(1)) as u64;
            for channel in channels {
                units[usize::from(kind_of(channel) == Kind::Window)] += positions;
            }
        }
        let [line_units, window_units] = units;
        let window_limbs = window_limbs(channels);
        let lanes = |units: u64| {
            if units == 0 {
                0..=0
            } else {
                1..=batch.min(MAX_LANES)
            }
        };
        let rows = |units: u64, lanes: usize, padded: usize| units * (padded / lanes.max(1)) as u64;
        let mut best: Option<(u64, Self)> = None;
        let mut fewest_rows = u64::MAX;
        for log_rows in MIN_LOG_ROWS..=parameters.max_log_rows {
            let capacity = (1u64 << log_rows) - 1;
            for line_lanes in lanes(line_units) {
                for window_lanes in lanes(window_units) {
                    let padded = padded_batch(batch, line_lanes, window_lanes);
                    let rows = rows(line_units, line_lanes, padded).max(rows(
                        window_units,
                        window_lanes,
                        padded,
                    ));
                    let shards = rows.div_ceil(capacity);
                    let geometry = Self {
                        log_rows,
                        line_lanes,
                        window_lanes,
                        window_limbs,
                    };
                    let allowed = shards == 1 || log_rows == parameters.max_log_rows;
                    if !allowed || !geometry.fits() {
                        continue;
                    }
                    fewest_rows = fewest_rows.min(rows);
                    let cost = shards * geometry.cost();
                    if rows <= MAX_TOTAL_ROWS
                        && best.as_ref().is_none_or(|(least, _)| cost < *least)
                    {
                        best = Some((cost, geometry));
                    }
                }
            }
        }
        best.ok_or(PlanError::TooLarge {
            samples: batch,
            rows: fewest_rows,
        })
    }

    /// Work per trace. Committed columns count in full, an extension column threefold, the four composition columns
    /// with them; public columns are extended but not hashed, about half the work.
    fn cost(&self) -> u64 {
        let layout = self.layout(self.log_rows, self.line_lanes, self.window_lanes);
        let committed = layout.main_width() + 3 * layout.aux_width() + 12;
        let public = layout.constants_width() + 3 * layout.joint_width();
        ((2 * committed + public) as u64) << self.log_rows
    }

    fn layout(&self, log_rows: u32, line_lanes: usize, window_lanes: usize) -> Layout {
        Layout {
            log_rows,
            line_lanes,
            window_lanes,
            window_limbs: self.window_limbs,
        }
    }

    fn fits(&self) -> bool {
        let layout = self.layout(self.log_rows, self.line_lanes, self.window_lanes);
        layout.main_width() + layout.aux_width() <= MAX_WIDTH
    }

    fn shards(&self, graph: &Graph, channels: &[Vec<Channel>], padded_batch: usize) -> Vec<Shard> {
        let mut rows = [Vec::new(), Vec::new()];
        for (index, (node, channels)) in graph.nodes.iter().zip(channels).enumerate() {
            let positions = graph.tensor(node.output).len() / channels.len().max(1);
            for position in 0..positions {
                for (channel, encoding) in channels.iter().enumerate() {
                    let (table, lanes) = match kind_of(encoding) {
                        Kind::Line => (0, self.line_lanes),
                        Kind::Window => (1, self.window_lanes),
                    };
                    rows[table].extend((0..padded_batch).step_by(lanes).map(|sample| RowKey {
                        node: index as u32,
                        position: position as u32,
                        channel: channel as u32,
                        first_sample: sample as u32,
                    }));
                }
            }
        }
        let [mut line_rows, mut window_rows] = rows;
        let capacity = (1 << self.log_rows) - 1;
        let mut shards = Vec::new();
        while !(line_rows.is_empty() && window_rows.is_empty()) {
            let take = |rows: &mut Vec<RowKey>| {
                let rest = rows.split_off(rows.len().min(capacity));
                std::mem::replace(rows, rest)
            };
            let (line_rows, window_rows) = (take(&mut line_rows), take(&mut window_rows));
            let used = line_rows.len().max(window_rows.len()) as u32 + 1;
            let log_rows = used.next_power_of_two().ilog2().max(MIN_LOG_ROWS);
            let lanes = |rows: &[RowKey], lanes| if rows.is_empty() { 0 } else { lanes };
            let layout = self.layout(
                log_rows,
                lanes(&line_rows, self.line_lanes),
                lanes(&window_rows, self.window_lanes),
            );
            shards.push(Shard {
                layout,
                line_rows,
                window_rows,
            });
        }
        shards
    }
}

/// Limbs that hold either side of every window, and any difference of two 32-bit accumulators.
fn window_limbs(channels: &[Vec<Channel>]) -> usize {
    let shifts = channels
        .iter()
        .flatten()
        .map(|channel| match channel.rounding {
            Rounding::Window { shift, .. } => shift,
            Rounding::Line { .. } => 0,
        });
    // A side is below 2^shift plus an ulp.
    let bits = shifts.max().unwrap_or(0) + 1;
    bits.div_ceil(crate::layout::LIMB_BITS).max(4) as usize
}
