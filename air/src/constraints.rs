//! The constraints of a shard, written once over any field that contains the trace's.
//!
//! Every constraint of the main segment reads one row. The auxiliary segment adds one constraint per group of lookups
//! (LogUp: the column holds the sum of the group's reciprocals) and the running sum that carries the joint check.
//!
//! Degrees: 3 for the branch cell and its codes, 4 for the rounding relations, 5 for a group of four lookups.

use winter_math::{ExtensionOf, FieldElement};

use crate::field::Felt;
use crate::layout::{
    Kind, LIMB_BITS, LINE_LIMBS, LOOKUPS_PER_COLUMN, Layout, Lookup, cell, line_constant,
    window_constant,
};
use crate::mask::{ConstraintId, Mask};
use crate::rounding::LINE_FRACTION_BITS;

/// Main constraints of one lane.
pub const fn constraints_per_lane(kind: Kind) -> usize {
    match kind {
        Kind::Line => 4,
        Kind::Window => 5,
    }
}

/// Degrees of the main constraints, in the order of [`evaluate_main`].
pub fn main_degrees(layout: &Layout) -> Vec<usize> {
    let mut degrees = Vec::new();
    for kind in [Kind::Line, Kind::Window] {
        for _ in 0..layout.lanes(kind) {
            degrees.extend([3, 3, 3]);
            degrees.resize(degrees.len() + constraints_per_lane(kind) - 3, 4);
        }
    }
    degrees
}

/// Degrees of the auxiliary constraints, in the order of [`evaluate_aux`].
pub fn aux_degrees(layout: &Layout) -> Vec<usize> {
    let lookups = layout.lookups_per_row();
    let group = |start: usize| LOOKUPS_PER_COLUMN.min(lookups - start) + 1;
    (0..lookups)
        .step_by(LOOKUPS_PER_COLUMN)
        .map(group)
        .chain([2])
        .collect()
}

/// `sum limb_i * 2^(8 i)`.
fn from_limbs<E: FieldElement<BaseField = Felt>>(limbs: &[E]) -> E {
    limbs.iter().rev().fold(E::ZERO, |sum, &limb| {
        sum.mul_base(Felt::new(1 << LIMB_BITS)) + limb
    })
}

/// Evaluates the main constraints of one row into `result`; `public` holds the public columns at the same point.
pub fn evaluate_main<E: FieldElement<BaseField = Felt>>(
    layout: &Layout,
    mask: &Mask,
    row: &[E],
    public: &[E],
    result: &mut [E],
) {
    let mut result = result.iter_mut();
    let mut emit = |id: ConstraintId, value: E| {
        if let Some(slot) = result.next() {
            *slot = if mask.hides(id) { E::ZERO } else { value };
        }
    };
    for kind in [Kind::Line, Kind::Window] {
        let public = &public[layout.constants_start(kind)..];
        for start in layout.lane_starts(kind) {
            let lane = &row[start..start + layout.lane_width(kind)];
            let (accumulator, code, branch) = (
                lane[cell::ACCUMULATOR],
                lane[cell::CODE],
                lane[cell::BRANCH],
            );
            let square = branch * branch;
            // Twice the indicator of each branch: no halves, hence no inverse of two.
            let (high, low, none) = (square + branch, square - branch, (E::ONE - square).double());
            emit(ConstraintId::BranchTernary, branch * (square - E::ONE));
            emit(
                ConstraintId::BranchHigh,
                high * (code - public[line_constant::CODE_MAX]),
            );
            emit(
                ConstraintId::BranchLow,
                low * (code - public[line_constant::CODE_MIN]),
            );
            let above = accumulator - public[line_constant::SATURATES_HIGH];
            let below = public[line_constant::SATURATES_LOW] - accumulator;
            match kind {
                Kind::Line => {
                    let remainder = from_limbs(&lane[cell::LINE_LIMB..]);
                    let line = public[line_constant::SLOPE] * accumulator
                        + public[line_constant::OFFSET]
                        - code.mul_base(Felt::new(1 << LINE_FRACTION_BITS));
                    let value =
                        high * above + low * below + none * line - (high + low + none) * remainder;
                    emit(ConstraintId::RoundLine, value);
                }
                Kind::Window => {
                    let (low_limbs, high_limbs) =
                        lane[cell::WINDOW_LIMB..].split_at(layout.window_limbs);
                    let (low_side, high_side) = window_sides(lane, public);
                    let remainder = from_limbs(low_limbs);
                    let value = high * above + low * below + none * low_side
                        - (high + low + none) * remainder;
                    emit(ConstraintId::RoundWindowLow, value);
                    emit(
                        ConstraintId::RoundWindowHigh,
                        none * (high_side - from_limbs(high_limbs)),
                    );
                }
            }
        }
    }
}

/// The two sides of a window lane, as in [`rounding::window_sides`](crate::rounding::window_sides).
fn window_sides<E: FieldElement<BaseField = Felt>>(lane: &[E], public: &[E]) -> (E, E) {
    let step = public[window_constant::STEP];
    let half = step.mul_base(HALF);
    let unit = step.mul_base(INVERSE_2_26);
    let distance = public[window_constant::MULTIPLIER] * lane[cell::ACCUMULATOR]
        - (lane[cell::CODE] - public[window_constant::ZERO_CODE]) * step;
    // 1 where the output is odd; zero in padding rows, whose window is empty.
    let odd = (E::ONE - lane[cell::SIGN]).mul_base(HALF);
    let low = distance + half + unit * lane[cell::LOW_OFFSET] - odd;
    let high = half + unit * lane[cell::HIGH_OFFSET] - odd - distance;
    (low, high)
}

const HALF: Felt = Felt::new(2).inverse();
const INVERSE_2_26: Felt = Felt::new(1 << 26).inverse();

/// What the auxiliary constraints read from the challenges; the order is that of
/// [`constraint_challenges`](crate::joint::JointCheck::constraint_challenges).
pub struct AuxChallenges<'a, E> {
    zeta: E,
    alpha_powers: &'a [E],
    basis: &'a [E],
    lanes: &'a [E],
}

impl<'a, E: FieldElement<BaseField = Felt>> AuxChallenges<'a, E> {
    /// Splits the list of challenges.
    pub fn new(values: &'a [E]) -> Self {
        let (alpha_powers, rest) = values[1..].split_at(4);
        let (basis, lanes) = rest.split_at(E::EXTENSION_DEGREE);
        Self {
            zeta: values[0],
            alpha_powers,
            basis,
            lanes,
        }
    }

    /// `zeta` minus the looked-up value.
    pub fn lookup<F>(&self, layout: &Layout, lookup: Lookup, row: &[F], public: &[F]) -> E
    where
        F: FieldElement<BaseField = Felt>,
        E: ExtensionOf<F>,
    {
        let constant = |kind: Kind, index: usize| public[layout.constants_start(kind) + index];
        match lookup {
            Lookup::CodeLow(kind, start) => {
                let value = row[start + cell::CODE] - constant(kind, line_constant::CODE_MIN);
                self.zeta - E::from(value)
            }
            Lookup::CodeHigh(kind, start) => {
                let value = constant(kind, line_constant::CODE_MAX) - row[start + cell::CODE];
                self.zeta - E::from(value)
            }
            Lookup::LineLimb(column)
            | Lookup::WindowLowLimb(column)
            | Lookup::WindowHighLimb(column) => self.zeta - E::from(row[column]),
            Lookup::WindowTuple(start) => {
                let zero_code = constant(Kind::Window, window_constant::ZERO_CODE);
                let difference = E::from(row[start + cell::CODE] - zero_code);
                let rest = row[start + cell::SIGN..=start + cell::HIGH_OFFSET].iter();
                let tuple = rest
                    .zip(self.alpha_powers)
                    .fold(difference, |sum, (&value, &power)| {
                        sum + power.mul_base(value)
                    });
                // The tag of the window table; the byte table's is zero.
                self.zeta - tuple - self.alpha_powers[3]
            }
        }
    }
}

/// Evaluates the auxiliary constraints of one row into `result`.
#[allow(clippy::too_many_arguments)]
pub fn evaluate_aux<F, E>(
    layout: &Layout,
    mask: &Mask,
    lookups: &[Lookup],
    row: &[F],
    aux: (&[E], &[E]),
    public: &[F],
    challenges: &[E],
    result: &mut [E],
) where
    F: FieldElement<BaseField = Felt>,
    E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
{
    let challenges = AuxChallenges::new(challenges);
    let (current, next) = aux;
    let mut sum = E::ZERO;
    for ((group, &column), slot) in lookups
        .chunks(LOOKUPS_PER_COLUMN)
        .zip(current)
        .zip(result.iter_mut())
    {
        // sum 1/d_i as one fraction: column * product = numerator.
        let (mut numerator, mut product) = (E::ZERO, E::ONE);
        for &lookup in group {
            let denominator = challenges.lookup(layout, lookup, row, public);
            let counted = if mask.hides(lookup.id()) {
                E::ZERO
            } else {
                product
            };
            numerator = numerator * denominator + counted;
            product *= denominator;
        }
        *slot = column * product - numerator;
        sum += column;
    }
    sum += joint_increment(layout, mask, row, public, &challenges);
    let position = layout.running_sum();
    let step = next[position] - current[position] - sum;
    result[position] = if mask.hides(ConstraintId::RunningSum) {
        E::ZERO
    } else {
        step
    };
}

/// What a row adds to the running sum besides its lookups: public coefficients times main cells.
pub(crate) fn joint_increment<F, E>(
    layout: &Layout,
    mask: &Mask,
    row: &[F],
    public: &[F],
    challenges: &AuxChallenges<'_, E>,
) -> E
where
    F: FieldElement<BaseField = Felt>,
    E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
{
    let joint = |index: usize| {
        let start = layout.constants_width() + index * E::EXTENSION_DEGREE;
        (public[start..].iter().zip(challenges.basis))
            .fold(E::ZERO, |sum, (&coordinate, &basis)| {
                sum + basis.mul_base(coordinate)
            })
    };
    let mut sum = E::ZERO;
    for kind in [Kind::Line, Kind::Window] {
        if layout.lanes(kind) == 0 {
            continue;
        }
        let column = layout.joint_column(kind);
        for (id, cell, index) in [
            (ConstraintId::JointAccumulator, cell::ACCUMULATOR, column),
            (ConstraintId::JointCode, cell::CODE, column + 1),
        ] {
            if mask.hides(id) {
                continue;
            }
            let cells = layout.lane_starts(kind).zip(challenges.lanes);
            let combined = cells.fold(E::ZERO, |sum, (start, &power)| {
                sum + power.mul_base(row[start + cell])
            });
            sum += joint(index) * combined;
        }
    }
    let inverses = layout.inverse_column();
    if !mask.hides(ConstraintId::ByteMultiplicity) {
        sum += joint(inverses).mul_base(row[layout.byte_multiplicity()]);
    }
    if let Some(column) = layout.window_multiplicity()
        && !mask.hides(ConstraintId::WindowMultiplicity)
    {
        sum += joint(inverses + 1).mul_base(row[column]);
    }
    sum
}

const _: () = assert!(LINE_LIMBS * LIMB_BITS as usize == LINE_FRACTION_BITS as usize);
