//! Quotients and square roots, rounded down: what softmax and layer normalization need beside sums and tables.
//!
//! ```text
//! numerator = quotient (divisor + 1) + remainder      slack = divisor - remainder
//! squares - sum^2 = root^2 + remainder                slack = 2 root - remainder
//! ```
//!
//! Remainder, slack and result are range-checked, so that 0 <= remainder <= divisor, or <= 2 root: either result is the
//! one integer of its kind. Linked cells are exact integers in ranges that the plan knows: numerators below `2^62`,
//! divisors below `2^30`, differences of squares up to `2^60`. Quotients have [`QUOTIENT_BITS`], everything else
//! [`WIDE_BITS`], give or take an overlap of limbs; a divisor is a remainder and a slack, so below `2^33`, and both
//! sides of either equation stay below p. The divisor is linked less one: a lane that is not used, whose linked cells are
//! forced to zero, divides zero by one.
//!
//! The lowest limbs of result and slack take no cell: what is looked up is what the others leave. The uppermost limb
//! overlaps the one below where limbs have more bits in all than the range.

use crate::algebra::Algebra;
use crate::field::Felt;
use crate::layout::{Kind, Shape, divide_cell, root_cell};
use crate::mask::ConstraintId;

/// Bits of a quotient.
pub const QUOTIENT_BITS: u32 = 29;
/// Bits of a root, a remainder or a slack.
pub const WIDE_BITS: u32 = 31;

/// What is range-checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Quotient or root.
    Result,
    /// The remainder.
    Remainder,
    /// What is left to the largest remainder.
    Slack,
}

impl Part {
    /// Every part, in the order of the limbs.
    pub const ALL: [Self; 3] = [Self::Result, Self::Remainder, Self::Slack];

    /// Its bits, given those of the result.
    pub const fn bits(self, result_bits: u32) -> u32 {
        match self {
            Self::Result => result_bits,
            Self::Remainder | Self::Slack => WIDE_BITS,
        }
    }

    /// The family of its range checks.
    pub const fn id(self) -> ConstraintId {
        match self {
            Self::Result => ConstraintId::RangeResult,
            Self::Remainder => ConstraintId::RangeRemainder,
            Self::Slack => ConstraintId::RangeRest,
        }
    }
}

/// Bits of the result of a kind of lane.
fn result_bits(kind: Kind) -> u32 {
    match kind {
        Kind::Root => WIDE_BITS,
        _ => QUOTIENT_BITS,
    }
}

/// The columns of a part's limbs; for result and slack, of those above the lowest.
pub fn limb_columns(shape: &Shape, kind: Kind, start: usize, part: Part) -> std::ops::Range<usize> {
    let first = start
        + match kind {
            Kind::Root => root_cell::LIMB,
            _ => divide_cell::LIMB,
        };
    let (results, wide) = (shape.limbs(result_bits(kind)) - 1, shape.limbs(WIDE_BITS));
    match part {
        Part::Result => first..first + results,
        Part::Remainder => first + results..first + results + wide,
        Part::Slack => first + results + wide..first + results + 2 * wide - 1,
    }
}

/// What limb `limb` of so many bits is multiplied by, as a power of two.
fn limb_shift(shape: &Shape, bits: u32, limb: usize) -> u32 {
    if limb + 1 == shape.limbs(bits) {
        bits - shape.limb_bits
    } else {
        shape.limb_bits * limb as u32
    }
}

/// The sum of limbs `first..`, each times its power of two.
#[inline(always)]
fn from_limbs<F: Algebra>(
    shape: &Shape,
    bits: u32,
    first: usize,
    limbs: impl Iterator<Item = F>,
) -> F {
    limbs.enumerate().fold(F::zero(), |sum, (limb, cell)| {
        sum + cell.scale(Felt::new(1 << limb_shift(shape, bits, first + limb)))
    })
}

/// The remainder of a lane.
#[inline(always)]
fn remainder<F: Algebra>(shape: &Shape, kind: Kind, start: usize, cell: &impl Fn(usize) -> F) -> F {
    let columns = limb_columns(shape, kind, start, Part::Remainder);
    from_limbs(shape, WIDE_BITS, 0, columns.map(cell))
}

/// What a limb's lookup reads.
#[inline(always)]
pub(crate) fn limb<F: Algebra>(
    shape: &Shape,
    kind: Kind,
    start: usize,
    (part, limb): (Part, usize),
    cell: impl Fn(usize) -> F,
) -> F {
    let columns = limb_columns(shape, kind, start, part);
    match (part, limb.checked_sub(1)) {
        (Part::Remainder, _) => cell(columns.start + limb),
        (_, Some(upper)) => cell(columns.start + upper),
        (Part::Result, None) => {
            let result = cell(start + divide_cell::QUOTIENT);
            result - from_limbs(shape, result_bits(kind), 1, columns.map(cell))
        }
        (Part::Slack, None) => {
            let most = match kind {
                Kind::Root => cell(start + root_cell::ROOT).twice(),
                _ => cell(start + divide_cell::DIVISOR),
            };
            let slack = most - remainder(shape, kind, start, &cell);
            slack - from_limbs(shape, WIDE_BITS, 1, columns.map(cell))
        }
    }
}

/// The one constraint of a lane: zero if its division or root is right.
#[inline(always)]
pub(crate) fn constraint<F: Algebra>(shape: &Shape, kind: Kind, lane: &[F]) -> F {
    let cell = |column: usize| lane[column];
    let rest = remainder(shape, kind, 0, &cell);
    match kind {
        Kind::Root => {
            let (sum, root) = (lane[root_cell::SUM], lane[root_cell::ROOT]);
            lane[root_cell::SQUARES] - sum * sum - root * root - rest
        }
        _ => {
            let divisor = lane[divide_cell::DIVISOR] + F::one();
            lane[divide_cell::NUMERATOR] - lane[divide_cell::QUOTIENT] * divisor - rest
        }
    }
}

/// The result for two linked cells.
pub fn result(kind: Kind, linked: [i64; 2]) -> i64 {
    match kind {
        Kind::Root => (linked[1] - linked[0] * linked[0]).max(0).isqrt(),
        _ => linked[0].div_euclid(linked[1] + 1),
    }
}

/// The cells of a lane with these linked cells and this result; they satisfy the constraints if it is right.
pub fn cells(shape: &Shape, kind: Kind, linked: [i64; 2], result: i64) -> Vec<Felt> {
    let (rest, most) = match kind {
        Kind::Root => (
            linked[1] - linked[0] * linked[0] - result * result,
            2 * result,
        ),
        _ => {
            let product = result.wrapping_mul(linked[1] + 1);
            (linked[0].wrapping_sub(product), linked[1])
        }
    };
    let mut cells = [linked[0], linked[1], result]
        .map(Felt::from_signed)
        .to_vec();
    let mut push = |value: i64, bits: u32, lowest: usize| {
        let count = shape.limbs(bits);
        let top_shift = limb_shift(shape, bits, count - 1);
        let top = (value >> top_shift).clamp(0, (1 << shape.limb_bits) - 1);
        let below = value - (top << top_shift);
        let mask = (1i64 << shape.limb_bits) - 1;
        let limb = |limb: usize| match limb + 1 == count {
            true => top,
            false => below >> (shape.limb_bits as usize * limb) & mask,
        };
        cells.extend((lowest..count).map(|index| Felt::from_signed(limb(index))));
    };
    push(result, result_bits(kind), 1);
    push(rest, WIDE_BITS, 0);
    push(most.wrapping_sub(rest), WIDE_BITS, 1);
    cells
}
