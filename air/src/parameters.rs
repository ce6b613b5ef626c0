//! The trace of a model's parameters: the weights, biases and row constants of every operator that has them.
//!
//! It depends on the model alone, not on the batch, so its extension and Merkle tree are made once; its root is in the
//! key. Rows hold *lanes*: consecutive output channels of one operator.
//!
//! ```text
//! for each operator, for each block of `width` output channels:
//!     one row for each weight of a filter        W[o, k]
//!     the biases                                 bias[o]
//!     one row for each constant of a line        zero where the channel has no line
//!     one row for each constant of a window      zero where it has no window
//! ```
//!
//! The coefficient of each cell follows from an [`Evaluation`]; cells beyond the last channel are zero, which the key
//! vouches for, so what stands beside them is free.

use winter_math::FieldElement;
use winterforge_model::{Graph, Op};

use crate::constants::requant_constants;
use crate::evaluation::{Evaluation, LayerTerm};
use crate::field::{Felt, basis_coefficients};
use crate::layout::{Kind, requant_constant};
use crate::pieces::Pieces;

/// Rows of a block besides the weights: a bias and the constants of both encodings.
const CONSTANT_ROWS: usize = 1 + requant_constant::LINE_COUNT + requant_constant::WINDOW_COUNT;

/// Most parameters side by side.
const MAX_WIDTH: usize = 240;

/// Fewest rows of a trace.
const MIN_LOG_ROWS: u32 = 5;

/// One operator with parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Family {
    channels: usize,
    filter_len: usize,
}

impl Family {
    fn rows(&self, width: usize) -> usize {
        (self.filter_len + CONSTANT_ROWS).saturating_mul(self.channels.div_ceil(width))
    }
}

/// Where the parameters of a model stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterLayout {
    /// Binary logarithm of the trace length.
    pub log_rows: u32,
    /// Columns.
    pub width: usize,
    families: Vec<Family>,
}

impl ParameterLayout {
    /// The cheapest trace that holds the parameters of a graph or its skeleton, or `None` where none of at most
    /// `2^max_log_rows` rows does.
    pub fn choose(graph: &Graph, max_log_rows: u32) -> Option<Self> {
        let family = |op: &Op| {
            let filter_len = match op {
                Op::Linear(linear) => linear.in_features,
                Op::Conv(conv) => conv.filter_len(),
                _ => 0,
            };
            let channels = op.requantized_channels();
            (channels > 0).then_some(Family {
                channels,
                filter_len,
            })
        };
        let families: Vec<_> = (graph.nodes.iter())
            .filter_map(|node| family(&node.op))
            .collect();
        let rows = |width: usize| {
            let rows = families.iter().map(|family| family.rows(width));
            rows.fold(0, usize::saturating_add)
        };
        let fitting = |log_rows: u32| {
            // The last row is never summed.
            let capacity = (1usize << log_rows) - 1;
            let width = (1..=MAX_WIDTH).find(|&width| rows(width) <= capacity)?;
            Some((width, log_rows))
        };
        // The auxiliary and composition columns count as six more.
        let cost = |&(width, log_rows): &(usize, u32)| (width + 6) << log_rows;
        let (width, log_rows) = (MIN_LOG_ROWS..=max_log_rows)
            .filter_map(fitting)
            .min_by_key(cost)?;
        Some(Self {
            log_rows,
            width,
            families,
        })
    }

    /// Trace length.
    pub fn rows(&self) -> usize {
        1 << self.log_rows
    }

    /// The main columns. `graph` must be a whole model, not a skeleton, and `pieces` its own.
    pub fn columns(&self, graph: &Graph, pieces: &Pieces) -> Vec<Vec<Felt>> {
        let mut columns = vec![vec![Felt::ZERO; self.rows()]; self.width];
        let mut row = 0;
        let layers =
            (pieces.list.iter().zip(&pieces.encodings)).filter_map(|(piece, encodings)| {
                let op = &graph.nodes[piece.node].op;
                (op.requantized_channels() > 0).then_some((op, encodings))
            });
        for (family, (op, encodings)) in self.families.iter().zip(layers) {
            let (weights, bias) = match op {
                Op::Linear(linear) => (linear.weights.as_slice(), linear.bias.as_slice()),
                Op::Conv(conv) => (conv.weights.as_slice(), conv.bias.as_slice()),
                _ => Default::default(),
            };
            for first in (0..family.channels).step_by(self.width) {
                let channels = first..family.channels.min(first + self.width);
                for (column, channel) in columns.iter_mut().zip(channels) {
                    let filter = &weights[channel * family.filter_len..][..family.filter_len];
                    let constants = |channel: Option<&crate::rounding::Channel>, count: usize| {
                        channel.map_or(vec![Felt::ZERO; count], requant_constants)
                    };
                    let encodings = &encodings[channel];
                    let bias = i64::from(bias.get(channel).copied().unwrap_or(0));
                    let weights = filter.iter().map(|&weight| i64::from(weight));
                    let values = (weights.chain([bias]).map(Felt::from_signed))
                        .chain(constants(
                            encodings.line.as_ref(),
                            requant_constant::LINE_COUNT,
                        ))
                        .chain(constants(
                            encodings.window.as_ref(),
                            requant_constant::WINDOW_COUNT,
                        ));
                    for (cell, value) in column[row..].iter_mut().zip(values) {
                        *cell = value;
                    }
                }
                row += family.filter_len + CONSTANT_ROWS;
            }
        }
        columns
    }

    /// What the cells are multiplied by: one column for each main column, each row's coordinates together; rows in use
    /// only.
    pub fn coefficients<E: FieldElement<BaseField = Felt>>(
        &self,
        evaluation: &Evaluation<E>,
        kinds: &[Vec<Kind>],
    ) -> Vec<Vec<Felt>> {
        let mut columns = vec![Vec::new(); self.width];
        self.for_each_block(evaluation, kinds, |block| {
            for (lane, column) in columns.iter_mut().enumerate() {
                let mut push = |value: E| column.extend_from_slice(basis_coefficients(&value));
                let factor = block.factors.get(lane).copied().unwrap_or(E::ZERO);
                block.kernel(lane).iter().for_each(|&k| push(factor * k));
                push(factor * block.term.bias);
                for kind in [Kind::Line, Kind::Window] {
                    let rows = block.constant_factor(lane, kind);
                    let weights = &evaluation.constant_weights[kind as usize];
                    weights.iter().for_each(|&weight| push(rows * weight));
                }
            }
        });
        columns
    }

    /// The value of each column of [`coefficients`](Self::coefficients) at the point of these Lagrange weights.
    pub fn weigh<E: FieldElement<BaseField = Felt>>(
        &self,
        evaluation: &Evaluation<E>,
        kinds: &[Vec<Kind>],
        lagrange: &[E],
    ) -> Vec<E> {
        let mut values = vec![E::ZERO; self.width];
        let mut row = 0;
        let dot = |weights: &[E], values: &[E]| {
            let products = weights.iter().zip(values);
            products.fold(E::ZERO, |sum, (&weight, &value)| sum + weight * value)
        };
        self.for_each_block(evaluation, kinds, |block| {
            let (weights, rest) = lagrange[row..].split_at(block.term.filter_len);
            let bias = rest[0] * block.term.bias;
            let (line, window) = rest[1..CONSTANT_ROWS].split_at(requant_constant::LINE_COUNT);
            let constants = [line, window];
            let constants = [Kind::Line, Kind::Window].map(|kind| {
                let weights = &evaluation.constant_weights[kind as usize];
                (kind, dot(constants[kind as usize], weights))
            });
            let mut group: Option<(usize, E)> = None;
            let lanes = values.iter_mut().zip(&block.factors);
            for (lane, (value, &factor)) in lanes.enumerate() {
                let of_lane = block.group(lane);
                let inner = match group {
                    Some((known, inner)) if known == of_lane => inner,
                    _ => dot(weights, block.kernel(lane)) + bias,
                };
                group = Some((of_lane, inner));
                *value += factor * inner;
                for (kind, constants) in constants {
                    *value += block.constant_factor(lane, kind) * constants;
                }
            }
            row += block.term.filter_len + CONSTANT_ROWS;
        });
        values
    }

    fn for_each_block<'a, E: FieldElement<BaseField = Felt>>(
        &self,
        evaluation: &'a Evaluation<E>,
        kinds: &'a [Vec<Kind>],
        mut visit: impl FnMut(Block<'a, E>),
    ) {
        for (family, term) in self.families.iter().zip(&evaluation.terms) {
            let mut factor = term.first;
            for first in (0..family.channels).step_by(self.width) {
                let lanes = self.width.min(family.channels - first);
                let factors = (0..lanes)
                    .map(|_| {
                        let current = factor;
                        factor *= term.step;
                        current
                    })
                    .collect();
                visit(Block {
                    term,
                    kinds: &kinds[term.piece],
                    first,
                    factors,
                });
            }
        }
    }
}

/// Some channels of an operator.
struct Block<'a, E> {
    term: &'a LayerTerm<E>,
    kinds: &'a [Kind],
    /// First channel.
    first: usize,
    /// The factor of each channel.
    factors: Vec<E>,
}

impl<E: FieldElement> Block<'_, E> {
    fn group(&self, lane: usize) -> usize {
        (self.first + lane) / self.term.group_channels
    }

    /// The kernel of a lane's group; that of the last group beyond the last channel.
    fn kernel(&self, lane: usize) -> &[E] {
        let len = self.term.filter_len;
        let lane = lane.min(self.factors.len() - 1);
        &self.term.kernel[self.group(lane) * len..][..len]
    }

    /// What the constants of a kind are multiplied by, but for their column's weight.
    fn constant_factor(&self, lane: usize, kind: Kind) -> E {
        let channel = self.first + lane;
        match self.kinds.get(channel) {
            Some(&used) if used == kind && lane < self.factors.len() => self.term.rows[channel],
            _ => E::ZERO,
        }
    }
}
