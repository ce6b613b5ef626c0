//! How many lanes, rows and shards: the cheapest arrangement of a plan's lanes.

use crate::layout::{Kind, Layout, Shape};
use crate::pieces::{Pieces, Role};
use crate::plan::{PlanError, PlanParameters, Row, Shard};
use crate::rounding::MAX_SIDE_BITS;

/// Widest trace, main and auxiliary columns together.
const MAX_WIDTH: usize = 254;

/// More lanes of one table never fit the width.
pub const MAX_LANES: usize = 127;

/// Smallest trace that holds the window table and leaves the last row free.
pub const MIN_LOG_ROWS: u32 = 9;

/// Traces from this length on hold the table of 16-bit limbs.
const WORD_LOG_ROWS: u32 = 17;

/// Most traces in one bundle.
const MAX_SHARDS: u64 = 256;

/// The kind of lane that a plan uses for each channel, by piece.
pub type Kinds = Vec<Vec<Kind>>;

/// Lanes of one kind, grouped by how many instances a channel has.
#[derive(Clone, Default)]
struct Load {
    /// `(instances, channels with that many)`.
    groups: Vec<(u64, u64)>,
}

impl Load {
    fn add(&mut self, instances: u64, channels: u64) {
        match self.groups.iter_mut().find(|group| group.0 == instances) {
            Some(group) => group.1 += channels,
            None => self.groups.push((instances, channels)),
        }
    }

    fn rows(&self, lanes: usize) -> u64 {
        self.groups
            .iter()
            .map(|&(instances, channels)| channels * instances.div_ceil(lanes as u64))
            .sum()
    }

    /// The fewest lanes with which the rows fit.
    fn lanes(&self, capacity: u64) -> Option<usize> {
        if self.groups.is_empty() {
            return Some(0);
        }
        let cells: u64 = self
            .groups
            .iter()
            .map(|&(instances, channels)| instances * channels)
            .sum();
        let first = cells.div_ceil(capacity).max(1) as usize;
        (first..=MAX_LANES).find(|&lanes| self.rows(lanes) <= capacity)
    }
}

/// An arrangement and its cost over all traces.
pub struct Geometry {
    shape: Shape,
    /// Work over all traces.
    pub cost: u64,
}

impl Geometry {
    /// The cheapest single trace; or, where none holds the work, the fewest longest traces.
    ///
    /// # Errors
    /// [`PlanError::TooLarge`] if no number of traces on offer does.
    pub fn choose(
        pieces: &Pieces,
        kinds: &Kinds,
        batch: usize,
        parameters: PlanParameters,
    ) -> Result<Self, PlanError> {
        let mut loads = [const { Load { groups: Vec::new() } }; Kind::COUNT];
        let mut bits = 0;
        for (piece, kinds) in pieces.list.iter().zip(kinds) {
            let instances = (batch * piece.positions) as u64;
            for (channel, &kind) in kinds.iter().enumerate() {
                loads[kind as usize].add(instances, 1);
                if let (Kind::Window, Role::Requant(forms)) = (kind, &piece.role) {
                    bits = bits.max(forms[channel].window_bits.unwrap_or(0));
                }
            }
        }
        let step_bits = pieces.steps.bits();
        let shape = |log_rows: u32, shards: u64| {
            let capacity = shards * ((1 << log_rows) - 1);
            let mut lanes = [0; Kind::COUNT];
            for (lanes, load) in lanes.iter_mut().zip(&loads) {
                *lanes = load.lanes(capacity)?;
            }
            // Four limbs of 16 bits would hold the whole field: see `MAX_SIDE_BITS`.
            let word_bits = MAX_SIDE_BITS / 16 * 16;
            let words = log_rows >= WORD_LOG_ROWS && bits.max(step_bits) <= word_bits;
            let limb_bits = if words { 16 } else { 8 };
            let window_limbs = bits.max(32).div_ceil(limb_bits) as usize;
            let step_limbs = step_bits.max(1).div_ceil(limb_bits) as usize;
            let (taps, maps) = (pieces.taps, pieces.maps.len());
            let shape = Shape {
                log_rows,
                lanes,
                limb_bits,
                window_limbs,
                taps,
                maps,
                step_limbs,
                staircases: pieces.steps.len(),
            };
            let layout = Layout::new(shape.clone());
            let tables_fit = layout
                .lookup_tables
                .iter()
                .all(|&t| layout.lookup_rows(t) < layout.rows());
            let fits = layout.main_width() + layout.aux_width() <= MAX_WIDTH && tables_fit;
            fits.then(|| Self {
                shape,
                cost: shards * cost(&layout),
            })
        };
        let single =
            (MIN_LOG_ROWS..=parameters.max_log_rows).filter_map(|log_rows| shape(log_rows, 1));
        let several = || (2..=MAX_SHARDS).find_map(|shards| shape(parameters.max_log_rows, shards));
        single
            .min_by_key(|geometry| geometry.cost)
            .or_else(several)
            .ok_or(PlanError::TooLarge { samples: batch })
    }

    /// The shards: every kind's rows dealt out in order.
    pub fn shards(&self, pieces: &Pieces, kinds: &Kinds, batch: usize) -> Vec<Shard> {
        let mut rows: [Vec<Row>; Kind::COUNT] = Default::default();
        for (index, (piece, kinds)) in pieces.list.iter().zip(kinds).enumerate() {
            for (channel, &kind) in kinds.iter().enumerate() {
                let lanes = self.shape.lanes[kind as usize];
                let firsts = (0..batch * piece.positions).step_by(lanes);
                rows[kind as usize].extend(firsts.map(|first| Row {
                    piece: index as u32,
                    channel: channel as u32,
                    first: first as u32,
                }));
            }
        }
        let capacity = (1 << self.shape.log_rows) - 1;
        let mut shards = Vec::new();
        while rows.iter().any(|rows| !rows.is_empty()) {
            let rows = rows.each_mut().map(|rows| {
                let rest = rows.split_off(rows.len().min(capacity));
                std::mem::replace(rows, rest)
            });
            let mut shape = self.shape.clone();
            for (lanes, rows) in shape.lanes.iter_mut().zip(&rows) {
                *lanes = if rows.is_empty() { 0 } else { *lanes };
            }
            let layout = Layout::new(shape);
            shards.push(Shard { layout, rows });
        }
        shards
    }
}

/// Work of one trace. Committed columns count in full, an extension column threefold, the four composition columns with
/// them; public columns are extended but not hashed, about half the work.
fn cost(layout: &Layout) -> u64 {
    let committed = layout.main_width() + 3 * layout.aux_width() + 12;
    let public = layout.constants_width() + 3 * layout.joint_width();
    ((2 * committed + public) as u64) << layout.shape.log_rows
}
