//! How many lanes, rows and shards: the cheapest arrangement of a plan's lanes.

use crate::layout::{Kind, LINE_BITS, Layout, Shape};
use crate::pieces::{Pieces, Role};
use crate::plan::{PlanError, PlanParameters, Row, Shard};
use crate::rounding::{MAX_LINE_BITS, MAX_SIDE_BITS};

/// Widest trace, main and auxiliary columns together.
const MAX_WIDTH: usize = 254;

/// More lanes of one table never fit the width.
pub const MAX_LANES: usize = 127;

/// Smallest trace that holds the window table and leaves the last row free.
pub const MIN_LOG_ROWS: u32 = 9;

/// Widest limbs.
const MAX_LIMB_BITS: u32 = 17;

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
    /// [`PlanError::TooLarge`] if no number of traces on offer does, [`PlanError::Windows`] if the channels have no range
    /// check in common.
    pub fn choose(
        pieces: &Pieces,
        kinds: &Kinds,
        batch: usize,
        parameters: PlanParameters,
    ) -> Result<Self, PlanError> {
        let mut loads = [const { Load { groups: Vec::new() } }; Kind::COUNT];
        // What the range checks of all windows have in common.
        let (mut least_bits, mut most_bits) = (LINE_BITS, MAX_SIDE_BITS);
        let mut narrow_codes = false;
        for (piece, kinds) in pieces.list.iter().zip(kinds) {
            let instances = (batch * piece.positions) as u64;
            for (channel, &kind) in kinds.iter().enumerate() {
                loads[kind as usize].add(instances, 1);
                let Role::Requant(forms) = &piece.role else {
                    continue;
                };
                narrow_codes |= forms[channel].narrow;
                if let (Kind::Window, Some((least, most))) = (kind, forms[channel].window_bits) {
                    least_bits = least_bits.max(least);
                    most_bits = most_bits.min(most);
                }
            }
        }
        if least_bits > most_bits {
            return Err(PlanError::Windows {
                least: least_bits,
                most: most_bits,
            });
        }
        let step_bits = pieces.steps.bits();
        let shape = |log_rows: u32, shards: u64, limb_bits: u32| {
            let capacity = shards * ((1 << log_rows) - 1);
            let mut lanes = [0; Kind::COUNT];
            for (lanes, load) in lanes.iter_mut().zip(&loads) {
                *lanes = load.lanes(capacity)?;
            }
            let limbs = |bits: u32| bits.div_ceil(limb_bits) as usize;
            let window_limbs = limbs(least_bits);
            // The limbs below the uppermost hold a quarter of the range at most: see `Shape::window_range`.
            let window_bits = least_bits.max(limb_bits * (window_limbs as u32 - 1) + 2);
            let shape = Shape {
                log_rows,
                lanes,
                limb_bits,
                line_limbs: limbs(LINE_BITS),
                window_limbs,
                window_bits,
                narrow_codes,
                taps: pieces.taps,
                maps: pieces.maps.len(),
                step_limbs: limbs(step_bits.max(1)),
                staircases: pieces.steps.len(),
                tile: pieces.tile,
                row_stride: pieces.row_stride(batch),
            };
            let side_bits = limb_bits * shape.step_limbs as u32;
            let line_fits = lanes[Kind::Line as usize] == 0 || shape.line_bits() <= MAX_LINE_BITS;
            let fits = line_fits && window_bits <= most_bits && side_bits <= MAX_SIDE_BITS;
            let layout = Layout::new(shape.clone());
            let fits = fits && layout.main_width() + layout.aux_width() <= MAX_WIDTH;
            fits.then(|| Self {
                shape,
                cost: shards * cost(&layout),
            })
        };
        let cheapest = |log_rows: u32, shards: u64| {
            (8..=MAX_LIMB_BITS.min(log_rows))
                .filter_map(|limb_bits| shape(log_rows, shards, limb_bits))
                .min_by_key(|geometry| geometry.cost)
        };
        let single =
            (MIN_LOG_ROWS..=parameters.max_log_rows).filter_map(|log_rows| cheapest(log_rows, 1));
        let several =
            || (2..=MAX_SHARDS).find_map(|shards| cheapest(parameters.max_log_rows, shards));
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
