//! Row weights: the Lagrange weight of each row of each table, times the power of `lambda` at which its table starts.

use winter_math::FieldElement;

use crate::coefficients::{power, powers};
use crate::constants::requant_constants;
use crate::field::{Felt, sum_of_products};
use crate::geometry::MAX_LANES;
use crate::joint::Challenges;
use crate::layout::{Kind, Shape};
use crate::parallel;
use crate::pieces::Role;
use crate::plan::Plan;
use crate::rounding::Channel;

use super::{ROWS_AT_ONCE, is_large};

/// The weights of all rows, table by table, shards one behind the other.
pub(super) struct Rows<E> {
    /// By kind: one weight for each row.
    weights: [Vec<E>; Kind::COUNT],
    /// By piece and channel: the kind, and the rows among that kind's.
    ranges: Vec<Vec<(Kind, std::ops::Range<usize>)>>,
    /// Lanes of each kind.
    pub(super) lanes: [usize; Kind::COUNT],
    /// `lambda^lane`; with links and constants behind the last lane.
    pub(super) lane_powers: Vec<E>,
    /// The weight of the total.
    pub(super) total: E,
}

impl<E: FieldElement<BaseField = Felt>> Rows<E> {
    pub(super) fn new(plan: &Plan, lagrange: &[Vec<E>], lambda: E) -> Self {
        let mut weights: [Vec<E>; Kind::COUNT] = Default::default();
        let mut lanes = [0; Kind::COUNT];
        let mut base = E::ONE;
        for (shard, lagrange) in plan.shards.iter().zip(lagrange) {
            for table in &shard.layout.tables {
                let kind = table.kind as usize;
                lanes[kind] = table.lanes;
                let rows = &lagrange[..shard.rows(table.kind).len()];
                let parts: Vec<&[E]> = rows.chunks(ROWS_AT_ONCE).collect();
                let scaled = |_, part: &&[E]| -> Vec<E> {
                    part.iter().map(|&weight| base * weight).collect()
                };
                if base == E::ONE {
                    weights[kind].extend_from_slice(rows);
                } else {
                    let scaled = parallel::map(true, &parts, scaled);
                    weights[kind].extend(scaled.into_iter().flatten());
                }
                base *= power(
                    lambda,
                    (table.lanes + 1 + Shape::constants(table.kind)) as u64,
                );
            }
            base *= power(lambda, shard.layout.lookup_columns() as u64);
        }
        let mut next = [0; Kind::COUNT];
        let ranges = (plan.kinds.iter().enumerate())
            .map(|(piece, kinds)| {
                let instances = plan.instances(piece);
                let range = |&kind: &Kind| {
                    let first = next[kind as usize];
                    let rows = instances.div_ceil(lanes[kind as usize].max(1));
                    next[kind as usize] += rows;
                    (kind, first..first + rows)
                };
                kinds.iter().map(range).collect()
            })
            .collect();
        Self {
            weights,
            ranges,
            lanes,
            lane_powers: powers(lambda, MAX_LANES + 16),
            total: base,
        }
    }

    /// The rows of a channel.
    pub(super) fn channel(&self, piece: usize, channel: usize) -> (Kind, &[E]) {
        let (kind, range) = &self.ranges[piece][channel];
        (*kind, &self.weights[*kind as usize][range.clone()])
    }

    /// The kinds that a piece's channels have.
    pub(super) fn kinds(&self, piece: usize) -> [bool; Kind::COUNT] {
        let mut kinds = [false; Kind::COUNT];
        for (kind, _) in &self.ranges[piece] {
            kinds[*kind as usize] = true;
        }
        kinds
    }

    /// The sum of the weights of each channel's rows.
    pub(super) fn channel_sums(&self, piece: usize) -> Vec<E> {
        (0..self.ranges[piece].len())
            .map(|channel| {
                let (_, rows) = self.channel(piece, channel);
                rows.iter().fold(E::ZERO, |sum, &weight| sum + weight)
            })
            .collect()
    }

    /// The columns of link coefficients, weighted, but for their sign.
    pub(super) fn links(&self, plan: &Plan, challenges: Challenges<E>) -> E {
        let Challenges { rho, kappa, .. } = challenges;
        let of_piece = |piece: usize, ranges: &Vec<(Kind, std::ops::Range<usize>)>| {
            let links = plan.links(piece) as u64;
            // From row to row; channels of one kind have equally many.
            let steps: [Vec<E>; Kind::COUNT] = std::array::from_fn(|kind| {
                let rows = ranges.iter().find(|(known, _)| *known as usize == kind);
                let rows = rows.map_or(0, |(_, range)| range.len());
                powers(power(rho, self.lanes[kind] as u64 * links), rows)
            });
            let first = plan.channel_equation(piece, 0);
            let stride = plan.channel_equation(piece, 1) - first;
            let (mut channel_power, channel_step) = (power(rho, first), power(rho, stride));
            let mut sum = E::ZERO;
            for (kind, range) in ranges {
                let rows = &self.weights[*kind as usize][range.clone()];
                let steps = &steps[*kind as usize];
                let value = sum_of_products(rows.iter().copied().zip(steps.iter().copied()));
                sum += channel_power * self.lane_powers[self.lanes[*kind as usize]] * value;
                channel_power *= channel_step;
            }
            sum
        };
        let sums = parallel::map(is_large(plan), &self.ranges, of_piece);
        let sum = sums.into_iter().fold(E::ZERO, |sum, piece| sum + piece);
        kappa * sum
    }

    /// The weights of a table's columns of row constants.
    pub(super) fn constant_weights(&self, kind: Kind) -> Vec<E> {
        let first = self.lanes[kind as usize] + 1;
        self.lane_powers[first..first + Shape::constants(kind)].to_vec()
    }

    /// The row constants of a piece whose constants are public, weighted.
    pub(super) fn public_constants(&self, plan: &Plan, piece: usize, sums: &[E]) -> E {
        match plan.pieces.list[piece].role {
            Role::Map(map) => {
                let weights = self.constant_weights(Kind::Map);
                let rows = sums.iter().fold(E::ZERO, |sum, &rows| sum + rows);
                weights.iter().fold(E::ZERO, |sum, &weight| {
                    sum + (rows * weight).mul_base(Felt::new(map as u64))
                })
            }
            Role::Product => {
                let node = plan.pieces.list[piece].node;
                let offset = plan.pieces.products.get(&node).copied().unwrap_or(0);
                let weights = self.constant_weights(Kind::Product);
                let products = sums.iter().zip(&weights);
                products.fold(E::ZERO, |sum, (&rows, &weight)| {
                    sum + (rows * weight).mul_base(Felt::from_signed(offset))
                })
            }
            _ => {
                let channels = plan.channels[piece].iter().zip(&self.ranges[piece]);
                channels
                    .zip(sums)
                    .fold(E::ZERO, |sum, ((channel, (kind, _)), &rows)| {
                        sum + rows * weigh_constants(channel, &self.constant_weights(*kind))
                    })
            }
        }
    }
}

/// The constants of a channel, weighted.
pub(super) fn weigh_constants<E: FieldElement<BaseField = Felt>>(
    channel: &Channel,
    weights: &[E],
) -> E {
    let constants = requant_constants(channel);
    (constants.into_iter().zip(weights)).fold(E::ZERO, |sum, (constant, weight)| {
        sum + weight.mul_base(constant)
    })
}
