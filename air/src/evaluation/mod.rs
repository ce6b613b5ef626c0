//! The public columns of every shard at its out-of-domain point, as one linear function of the model's parameters.
//!
//! A verifier needs each public column at one point only. Column values are sums over rows of an entry times a Lagrange
//! weight, entries are coefficients of the joint check, and those are linear in weights, biases and row constants. So
//! with one more challenge `lambda`, drawn when proofs and claimed values are fixed, all claims of a bundle hold if
//!
//! ```text
//! sum_k lambda^k claim_k  =  constant + sum over parameters of coefficient * parameter
//! ```
//!
//! and the right side has structure: a convolution's weight `W[o, c, tap]` has the coefficient
//! `first * step^o * kernel[c, tap]`, where the kernel adds up Lagrange weights times powers of `rho` over the cells that
//! the tap reads. Rows share a channel, so the cells of a row are folded once per layer and not once per channel: about
//! one product per *row*, where materialising the columns takes several per *cell*. Prover and tests do materialise them
//! (see [`joint`](crate::joint)); the two computations share no code.
//!
//! Whoever holds the parameters evaluates the right side ([`Evaluation::value`]). Whoever holds but a commitment to them
//! has the same number proven in a trace of parameters.

mod limbs;
mod patterns;
mod readers;
mod rows;
mod sources;

use winter_math::FieldElement;
use winterforge_model::{Linear, Op};

use crate::coefficients::power;
use crate::constants::lookup_entry;
use crate::constraints::AuxChallenges;
use crate::field::{Distances, Felt, sum_of_products};
use crate::joint::{Challenges, PublicCodes, constraint_challenges};
use crate::layout::{Kind, Layout, LookupTable, Shape};
use crate::parallel;
use crate::plan::Plan;

use self::rows::Rows;
use self::sources::Sources;

/// The coefficients of the parameters of one operator.
#[derive(Clone, Debug)]
pub struct LayerTerm<E> {
    /// The piece.
    pub piece: usize,
    /// Output channels that share a kernel: those of one group.
    pub group_channels: usize,
    /// Weights of one output channel.
    pub filter_len: usize,
    /// `[group][filter_len]`: what a weight of channel `o` is multiplied by, but for `first * step^o`.
    pub kernel: Vec<E>,
    /// The factor of the weights and the bias of channel 0.
    pub first: E,
    /// The factor from channel to channel.
    pub step: E,
    /// What a bias is multiplied by, but for the channel's factor.
    pub bias: E,
    /// Sum of the row weights of each channel: what its row constants are multiplied by, but for the column's weight.
    pub rows: Vec<E>,
}

/// All claimed column values of a bundle as a function of the parameters.
#[derive(Clone, Debug, Default)]
pub struct Evaluation<E> {
    /// What does not depend on parameters.
    pub constant: E,
    /// One term for each operator with parameters, in the order of the pieces.
    pub terms: Vec<LayerTerm<E>>,
    /// The weights of the columns of row constants, for lines and for windows.
    pub constant_weights: [Vec<E>; 2],
}

/// How many column values of a shard are claimed: row constants, then the joint columns.
pub fn claimed_columns(layout: &Layout) -> usize {
    layout.constants_width() + layout.joint_width()
}

/// The weighted sum of all claims: `columns[s]` holds the claimed values of shard `s`, row constants first, and `total`
/// is what the running sums add up to.
pub fn combine<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    columns: &[Vec<E>],
    total: E,
    lambda: E,
) -> E {
    let (mut sum, mut base) = (E::ZERO, E::ONE);
    for (shard, values) in plan.shards.iter().zip(columns) {
        let exponents = exponents(&shard.layout);
        let powers = crate::coefficients::powers(lambda, values.len() + 1);
        let weighted = exponents.iter().zip(values);
        sum += base
            * weighted.fold(E::ZERO, |sum, (&exponent, &value)| {
                sum + powers[exponent] * value
            });
        base *= powers[values.len()];
    }
    sum + base * total
}

/// The exponent of `lambda` for each claimed column of a shard. A table's values come first, lane by lane, then its
/// links, then its constants: powers of lanes are then the same in every table.
fn exponents(layout: &Layout) -> Vec<usize> {
    let mut exponents = vec![0; claimed_columns(layout)];
    let joint = layout.constants_width();
    let mut next = 0;
    for table in &layout.tables {
        for lane in 0..table.lanes {
            exponents[joint + table.joint + 1 + lane] = next + lane;
        }
        exponents[joint + table.joint] = next + table.lanes;
        let constants = Shape::constants(table.kind);
        for constant in 0..constants {
            exponents[table.constants + constant] = next + table.lanes + 1 + constant;
        }
        next += table.lanes + 1 + constants;
    }
    for index in 0..layout.lookup_columns() {
        exponents[joint + layout.inverse_columns() + index] = next + index;
    }
    exponents
}

impl<E: FieldElement<BaseField = Felt>> Evaluation<E> {
    /// Folds all claims of a bundle.
    ///
    /// `lagrange[s]` are the values of the Lagrange polynomials of shard `s`'s trace domain at its out-of-domain point.
    pub fn new(
        plan: &Plan,
        challenges: Challenges<E>,
        codes: &PublicCodes,
        lagrange: &[Vec<E>],
        lambda: E,
    ) -> Self {
        let rows = Rows::new(plan, lagrange, lambda);
        let mut evaluation = Self {
            constant: lookup_columns(plan, challenges, lagrange, lambda),
            terms: Vec::new(),
            constant_weights: [Kind::Line, Kind::Window].map(|kind| rows.constant_weights(kind)),
        };
        evaluation.constant -= rows.links(plan, challenges);
        let sources = Sources::new(plan, codes, &rows);
        evaluation.constant += readers::outputs(plan, challenges, codes, &sources);
        let read = |index: usize, _: &_| {
            let (constant, term) = readers::piece(plan, challenges, index, &sources);
            (constant, term, rows.channel_sums(index))
        };
        let pieces = parallel::map(is_large(plan), &plan.pieces.list, read);
        for (index, (constant, term, sums)) in pieces.into_iter().enumerate() {
            evaluation.constant += constant;
            match term {
                Some(mut term) => {
                    term.rows = sums;
                    evaluation.terms.push(term);
                }
                None => evaluation.constant += rows.public_constants(plan, index, &sums),
            }
        }
        evaluation
    }

    /// The value of the function for the model's own parameters.
    pub fn value(&self, plan: &Plan) -> E {
        let of_term = |_, term: &LayerTerm<E>| term.weighted(plan) + self.row_constants(plan, term);
        let values = parallel::map(is_large(plan), &self.terms, of_term);
        values
            .into_iter()
            .fold(self.constant, |sum, value| sum + value)
    }

    /// The row constants of an operator's channels, weighted.
    fn row_constants(&self, plan: &Plan, term: &LayerTerm<E>) -> E {
        let mut sum = E::ZERO;
        let kinds = &plan.kinds[term.piece];
        for ((channel, kind), &rows) in plan.channels[term.piece].iter().zip(kinds).zip(&term.rows)
        {
            let weights = &self.constant_weights[*kind as usize];
            sum += rows * rows::weigh_constants(channel, weights);
        }
        sum
    }
}

impl<E: FieldElement<BaseField = Felt>> LayerTerm<E> {
    /// Weights and biases, weighted.
    fn weighted(&self, plan: &Plan) -> E {
        let node = &plan.graph.nodes[plan.pieces.list[self.piece].node];
        let (weights, bias) = match &node.op {
            Op::Linear(Linear { weights, bias, .. }) => (weights, bias),
            Op::Conv(conv) => (&conv.weights, &conv.bias),
            _ => return E::ZERO,
        };
        let kernels: Vec<_> = (self.kernel.chunks_exact(self.filter_len.max(1)))
            .map(limbs::SplitKernel::new)
            .collect();
        let filters = weights.chunks_exact(self.filter_len.max(1)).zip(bias);
        let (mut sum, mut factor) = (E::ZERO, self.first);
        for (channel, (filter, &bias)) in filters.enumerate() {
            let mut value = self.bias.mul_base(Felt::from_signed(i64::from(bias)));
            if let Some(kernel) = kernels.get(channel / self.group_channels) {
                value += kernel.product(filter);
            }
            sum += factor * value;
            factor *= self.step;
        }
        sum
    }
}

/// Whether it pays to work on several threads.
fn is_large(plan: &Plan) -> bool {
    let rows = plan.shards.iter().map(|shard| shard.layout.rows());
    rows.sum::<usize>() >= 1 << 14
}

/// Rows that are worked on together.
const ROWS_AT_ONCE: usize = 1 << 12;

/// The columns of lookup inverses, weighted.
fn lookup_columns<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    challenges: Challenges<E>,
    lagrange: &[Vec<E>],
    lambda: E,
) -> E {
    let (mut sum, mut offset) = (E::ZERO, 0);
    for (shard, lagrange) in plan.shards.iter().zip(lagrange) {
        let layout = &shard.layout;
        let elements = constraint_challenges(challenges, layout);
        let aux = AuxChallenges::new(layout, &elements);
        let claimed = claimed_columns(layout);
        let first = offset + claimed - layout.lookup_columns();
        for (index, (table, rows)) in layout.lookup_parts().enumerate() {
            let first_row = rows.start;
            let rows: Vec<usize> = rows.collect();
            let parts: Vec<&[usize]> = rows.chunks(ROWS_AT_ONCE).collect();
            // Entries of one term are distances from one element to whole numbers.
            let from = Distances::new(aux.entry(table, &[Felt::ZERO]), E::ONE);
            let column = parallel::map(true, &parts, |_, rows| {
                let inverses = if matches!(table, LookupTable::Byte | LookupTable::Word) {
                    let points: Vec<_> = rows.iter().map(|&row| Felt::new(row as u64)).collect();
                    from.reciprocals(&points, |_| Felt::ONE)
                } else {
                    let terms = |row| lookup_entry(plan, &layout.shape, table, row);
                    let entry = |&row: &usize| aux.entry(table, &terms(row));
                    let entries: Vec<E> = rows.iter().map(entry).collect();
                    winter_math::batch_inversion(&entries)
                };
                let weights = rows.iter().map(|&row| lagrange[row - first_row]);
                sum_of_products(inverses.into_iter().zip(weights))
            });
            let column = column.into_iter().fold(E::ZERO, |sum, part| sum + part);
            sum -= power(lambda, (first + index) as u64) * column;
        }
        offset += claimed;
    }
    sum
}
