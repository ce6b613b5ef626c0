//! From a graph and a batch size to tables and shards: a pure function that prover and verifier both run.
//!
//! Nothing here depends on the machine or on the witness. Every cell of the trace is an accumulator or a value of some
//! operator, a copy of one, or helps to range-check one; weights, inputs and final outputs are public and take no cells
//! at all: they enter through the coefficients of the joint check (see [`joint`](crate::joint)).

use std::ops::RangeInclusive;
use std::sync::Arc;

use winterforge_model::Graph;

use crate::contraction::{Product, TILES};
use crate::geometry::{Geometry, Kinds, MAX_LANES, MIN_LOG_ROWS};
use crate::layout::{Kind, Layout, product_cell};
use crate::pieces::{Encodings, Form, Piece, Pieces, Role};
use crate::rounding::{Channel, RoundingError};

/// Version of the mapping from graph to tables. A bundle names it; another version is another statement.
pub const PLAN_VERSION: u32 = 1;

/// Most samples in one bundle.
pub const MAX_BATCH: usize = 1 << 16;

/// Most equations of one bundle: bounds the memory of a verifier (24 bytes each) and the indices of lanes.
const MAX_EQUATIONS: u64 = 1 << 27;

/// The only freedom a prover has in choosing a plan; carried in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanParameters {
    /// Binary logarithm of the longest trace, 9 to 20. More work than fits is split over shards.
    pub max_log_rows: u32,
}

impl PlanParameters {
    /// What the binary logarithm of the longest trace may be.
    pub const LOG_ROWS: RangeInclusive<u32> = MIN_LOG_ROWS..=20;
}

impl Default for PlanParameters {
    fn default() -> Self {
        Self { max_log_rows: 18 }
    }
}

/// What one row of a table is about: a channel of a piece, and the first of its instances; the lanes are this one and
/// those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Index into [`Pieces::list`].
    pub piece: u32,
    /// Channel of the piece.
    pub channel: u32,
    /// Instance of the first lane: `sample * positions + position`.
    pub first: u32,
}

/// One trace: tables side by side and the lookup tables they use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Geometry.
    pub layout: Layout,
    /// Rows of the table of each kind, from row 0, in the order of [`Kind::ALL`].
    pub rows: [Vec<Row>; Kind::COUNT],
}

impl Shard {
    /// Rows of the table of this kind.
    pub fn rows(&self, kind: Kind) -> &[Row] {
        &self.rows[kind as usize]
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
    /// What the operators contribute.
    pub pieces: Pieces,
    /// The kind of lane of each channel of each piece.
    pub kinds: Kinds,
    /// The encoding in use for each channel of each piece; empty where [`Pieces::encodings`] is.
    pub channels: Vec<Vec<Channel>>,
    /// Index of each piece's first equation.
    pub first_equations: Vec<u64>,
    /// Equations from one row of a product of two tensors to the next.
    pub row_stride: u64,
    /// Index of the first output equation.
    pub output_equations: u64,
    /// All linear equations, gaps included: the degree of the joint check in its challenge.
    pub equations: u64,
    /// The traces.
    pub shards: Vec<Shard>,
}

/// Cells of a plan. An extension column counts by its degree, here 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellCount {
    /// Main cells in used lanes.
    pub main: u64,
    /// Auxiliary cells in used lanes.
    pub aux: u64,
    /// Cells of either kind in the rest of the trace.
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
    #[error("the model has no operator that computes anything: there is nothing to prove")]
    NothingToProve,
    /// An operator that can be run but not proven with these parameters.
    #[error("node `{node}`: this {operator} can be run but not proven: {reason}")]
    Unsupported {
        /// Name of the node.
        node: String,
        /// The operator.
        operator: &'static str,
        /// Why.
        reason: &'static str,
    },
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
    /// The windows of a plan have one range check, and no width suits them all.
    #[error(
        "the model's scales are too far apart: one channel needs a range check of {least} bits, another has room for {most}"
    )]
    Windows {
        /// Bits that some channel needs.
        least: u32,
        /// Bits that some channel has room for.
        most: u32,
    },
    /// A key's list of channel forms does not fit its graph.
    #[error("the key's channels do not fit its graph at node `{0}`; run setup again")]
    Forms(String),
    /// The work is beyond any plan.
    #[error("{samples} samples of this model do not fit one bundle; prove fewer samples at a time")]
    TooLarge {
        /// Samples asked for.
        samples: usize,
    },
}

/// Lays `batch` samples of `graph` out as tables and shards.
///
/// # Errors
/// Returns [`PlanError`] when a parameter is out of range or an operator or channel has no exact encoding.
pub fn compile(
    graph: Arc<Graph>,
    batch: usize,
    parameters: PlanParameters,
) -> Result<Plan, PlanError> {
    let pieces = || Pieces::new(&graph);
    compile_pieces(graph.clone(), pieces, batch, parameters)
}

/// The plan of [`compile`] for the model that `skeleton` and `forms` were taken from, without the constants that depend
/// on its parameters: all that a verifier needs.
///
/// # Errors
/// As [`compile`], and if the forms do not fit the skeleton.
pub fn compile_skeleton(
    skeleton: Arc<Graph>,
    forms: &[Vec<Form>],
    batch: usize,
    parameters: PlanParameters,
) -> Result<Plan, PlanError> {
    let pieces = || Pieces::of_skeleton(&skeleton, forms);
    compile_pieces(skeleton.clone(), pieces, batch, parameters)
}

fn compile_pieces(
    graph: Arc<Graph>,
    pieces: impl FnOnce() -> Result<Pieces, PlanError>,
    batch: usize,
    parameters: PlanParameters,
) -> Result<Plan, PlanError> {
    if !PlanParameters::LOG_ROWS.contains(&parameters.max_log_rows) {
        return Err(PlanError::Parameters(parameters.max_log_rows));
    }
    if !(1..=MAX_BATCH).contains(&batch) {
        return Err(PlanError::Batch(batch));
    }
    let mut pieces = pieces()?;
    if pieces.list.is_empty() {
        return Err(PlanError::NothingToProve);
    }
    // Windows encode almost every channel; using them alone saves the line table's columns where rows are plenty.
    let kinds = [true, false].map(|lines| kinds_in_use(&pieces, lines));
    let tiles: &[usize] = match pieces.contractions.is_empty() {
        true => &[1],
        false => &TILES,
    };
    let mut best: Result<(Geometry, &Kinds, usize), _> =
        Err(PlanError::TooLarge { samples: batch });
    for &tile in tiles {
        pieces.set_tile(tile);
        if !is_countable(&pieces, batch) {
            continue;
        }
        for kinds in kinds.iter().flatten() {
            best = match (Geometry::choose(&pieces, kinds, batch, parameters), best) {
                (Ok(choice), Ok(known)) if known.0.cost <= choice.cost => Ok(known),
                (Ok(choice), _) => Ok((choice, kinds, tile)),
                (Err(_), Ok(known)) => Ok(known),
                (Err(error), Err(_)) => Err(error),
            };
        }
    }
    let (geometry, kinds, tile) = best?;
    let kinds = kinds.clone();
    pieces.set_tile(tile);
    let row_stride = pieces.row_stride(batch);
    let mut equations = 0u64;
    let mut first_equations = Vec::with_capacity(pieces.list.len());
    for piece in &pieces.list {
        first_equations.push(equations);
        let count = match product_of(&pieces, piece) {
            Some(product) => product.equation_rows(tile).saturating_mul(row_stride),
            None => {
                let links = links(&pieces, piece) as u64;
                piece.channels as u64 * channel_stride(batch, piece.positions) * links
            }
        };
        equations = equations.saturating_add(count);
    }
    let output_equations = equations;
    equations = equations.saturating_add((batch * graph.output_len()) as u64);
    if equations > MAX_EQUATIONS {
        return Err(PlanError::TooLarge { samples: batch });
    }
    let shards = geometry.shards(&pieces, &kinds, batch);
    let channels = (kinds.iter().zip(&pieces.encodings))
        .map(|(kinds, encodings)| channels_in_use(kinds, encodings))
        .collect();
    Ok(Plan {
        parameters,
        batch,
        pieces,
        kinds,
        channels,
        first_equations,
        row_stride,
        output_equations,
        equations,
        shards,
        graph,
    })
}

/// Whether no piece has more lanes than a bundle has equations. A product of tensors, of which every cell of one meets many
/// of the other, can have more than there are numbers to count them.
fn is_countable(pieces: &Pieces, batch: usize) -> bool {
    let lanes = |piece: &Piece| {
        let positions = batch.checked_mul(piece.positions)?;
        positions.checked_mul(piece.channels)
    };
    let few = |lanes: usize| lanes as u64 <= MAX_EQUATIONS;
    pieces
        .list
        .iter()
        .all(|piece| lanes(piece).is_some_and(few))
}

/// Equations of one channel: one per instance, and room for the unused lanes of its last row, which no other equation
/// may share.
fn channel_stride(batch: usize, positions: usize) -> u64 {
    (batch * positions + MAX_LANES) as u64
}

/// Linear equations of one instance of a piece.
fn links(pieces: &Pieces, piece: &Piece) -> usize {
    match piece.role {
        Role::Max => pieces.taps,
        Role::Product => product_cell::STEP,
        Role::Divide | Role::Root => 2,
        Role::Contraction => 2 * pieces.tile,
        _ => 1,
    }
}

/// The product of two tensors whose outputs a piece rounds.
fn product_of<'p>(pieces: &'p Pieces, piece: &Piece) -> Option<&'p Product> {
    match piece.role {
        Role::Requant(_) => pieces.contractions.get(&piece.node),
        _ => None,
    }
}

/// The kind of each channel: lines where there is one, if they are wanted; `None` if some channel has neither form.
fn kinds_in_use(pieces: &Pieces, lines: bool) -> Option<Kinds> {
    let of_form = |form: &Form| match form {
        Form { line: true, .. } if lines => Some(Kind::Line),
        form => form.window_bits.map(|_| Kind::Window),
    };
    let of_piece = |piece: &Piece| match &piece.role {
        Role::Requant(forms) => forms.iter().map(of_form).collect(),
        Role::Max => Some(vec![Kind::Max; piece.channels]),
        Role::Map(_) => Some(vec![Kind::Map; piece.channels]),
        Role::Step => Some(vec![Kind::Step; piece.channels]),
        Role::Product => Some(vec![Kind::Product; piece.channels]),
        Role::FloatSum(_) => Some(vec![Kind::FloatSum; piece.channels]),
        Role::Divide => Some(vec![Kind::Divide; piece.channels]),
        Role::Root => Some(vec![Kind::Root; piece.channels]),
        Role::Contraction => Some(vec![Kind::Contraction; piece.channels]),
    };
    pieces.list.iter().map(of_piece).collect()
}

/// The encodings of these kinds.
fn channels_in_use(kinds: &[Kind], encodings: &[Encodings]) -> Vec<Channel> {
    let of_kind = |(kind, encodings): (&Kind, &Encodings)| match kind {
        Kind::Line => encodings.line.clone(),
        _ => encodings.window.clone(),
    };
    kinds.iter().zip(encodings).filter_map(of_kind).collect()
}

impl Plan {
    /// Linear equations of one instance of a piece.
    pub fn links(&self, piece: usize) -> usize {
        links(&self.pieces, &self.pieces.list[piece])
    }

    /// Channels with lanes of a kind.
    pub fn channels_of(&self, kind: Kind) -> usize {
        self.kinds.iter().flatten().filter(|&&k| k == kind).count()
    }

    /// Index of the first equation of instance 0 of a channel; instance `i` is `i * links` further.
    pub fn channel_equation(&self, piece: usize, channel: usize) -> u64 {
        let of = &self.pieces.list[piece];
        let stride = match product_of(&self.pieces, of) {
            Some(_) => self.row_stride,
            None => channel_stride(self.batch, of.positions) * self.links(piece) as u64,
        };
        self.first_equations[piece] + channel as u64 * stride
    }

    /// Instances of one channel over the batch.
    pub fn instances(&self, piece: usize) -> usize {
        self.batch * self.pieces.list[piece].positions
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
        let rows = |layout: &Layout| -> usize {
            layout
                .lookup_tables
                .iter()
                .map(|&table| layout.lookup_rows(table))
                .sum()
        };
        self.shards
            .iter()
            .map(|shard| rows(&shard.layout) as u64)
            .sum()
    }

    /// Main, auxiliary and padding cells.
    pub fn cells(&self) -> CellCount {
        let mut cells = CellCount::default();
        for shard in &self.shards {
            let layout = &shard.layout;
            let (mut main, mut aux) = (0, 0);
            for table in &layout.tables {
                let used: usize = (shard.rows(table.kind).iter())
                    .map(|row| {
                        (self.instances(row.piece as usize) - row.first as usize).min(table.lanes)
                    })
                    .sum();
                main += (used * table.lane_width) as u64;
                aux += layout.shape.aux_cells(table.kind, used);
            }
            let total = (layout.rows() * (layout.main_width() + 3 * layout.aux_width())) as u64;
            cells.main += main;
            cells.aux += aux;
            cells.padding += total - main - aux;
        }
        cells
    }
}
