//! The constraints of a shard, written once over any field that contains the trace's.
//!
//! Every constraint of the main segment reads one row. The auxiliary segment adds one constraint per group of lookups
//! (LogUp: the column holds the sum of the group's reciprocals), one per lane of a matrix product, and the running sum that
//! carries the joint check.
//!
//! Degrees: 3 for the branch cell and its codes, 4 for rounding relations and products of differences, 5 for a group
//! of four lookups.

use crate::algebra::{Algebra, Over};
use crate::field::Felt;
use crate::layout::{
    Kind, LINE_BITS, LOOKUPS_PER_COLUMN, Layout, Lookup, Table, divide_cell, float_cell, map_cell,
    max_cell, product_cell, requant_cell, requant_constant, root_cell, step_cell,
};
use crate::mask::{ConstraintId, Mask};
use crate::{contraction, division, float_sum, steps};

/// Degrees of the main constraints, in the order of [`evaluate_main`].
pub fn main_degrees(layout: &Layout) -> Vec<usize> {
    let mut degrees = Vec::new();
    for table in &layout.tables {
        for _ in 0..table.lanes {
            match table.kind {
                Kind::Line | Kind::Window => degrees.extend([3, 3, 3, 4]),
                Kind::Max => {
                    let (taps, products) = (layout.shape.taps, layout.shape.partial_products());
                    degrees.resize(degrees.len() + products, 4);
                    degrees.push(taps - 3 * products);
                }
                Kind::Map | Kind::Step | Kind::Contraction => {}
                Kind::Product | Kind::Divide | Kind::Root => degrees.push(2),
                Kind::FloatSum => degrees.extend(float_sum::DEGREES),
            }
        }
    }
    if degrees.is_empty() {
        // winterfell wants a main constraint. Some tables have none: where they stand alone it is the zero one.
        degrees.push(1);
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
        .chain(layout.products().map(|_| 2))
        .chain([2])
        .collect()
}

/// `sum limb_i * 2^(limb_bits i)`.
#[inline(always)]
fn from_limbs<E: Algebra>(limbs: &[E], limb_bits: u32) -> E {
    let base = Felt::new(1 << limb_bits);
    let mut sum = E::zero();
    for &limb in limbs.iter().rev() {
        sum = sum.scale(base) + limb;
    }
    sum
}

/// Hands the values of successive constraints to their places.
struct Emitter<'a, E> {
    result: std::slice::IterMut<'a, E>,
    mask: &'a Mask,
}

impl<E: Algebra> Emitter<'_, E> {
    #[inline(always)]
    fn emit(&mut self, id: ConstraintId, value: E) {
        if let Some(slot) = self.result.next() {
            *slot = if self.mask.hides(id) {
                E::zero()
            } else {
                value
            };
        }
    }
}

/// Evaluates the main constraints of one row into `result`; `public` holds the public columns at the same point.
#[inline(always)]
pub fn evaluate_main<E: Algebra>(
    layout: &Layout,
    mask: &Mask,
    row: &[E],
    public: &[E],
    result: &mut [E],
) {
    result.fill(E::zero());
    let mut emitter = Emitter {
        result: result.iter_mut(),
        mask,
    };
    for table in &layout.tables {
        let constants = &public[table.constants..];
        for start in table.lane_starts() {
            let lane = &row[start..start + table.lane_width];
            match table.kind {
                Kind::Line | Kind::Window => {
                    requant_lane(layout, table, lane, constants, &mut emitter)
                }
                Kind::Max => max_lane(layout, lane, &mut emitter),
                Kind::Map | Kind::Step | Kind::Contraction => {}
                Kind::Divide | Kind::Root => {
                    let id = match table.kind {
                        Kind::Root => ConstraintId::Root,
                        _ => ConstraintId::Division,
                    };
                    emitter.emit(id, division::constraint(&layout.shape, table.kind, lane));
                }
                Kind::Product => {
                    let product = lane[product_cell::OPERAND] * lane[product_cell::OPERAND + 1];
                    let accumulator = lane[product_cell::STEP + step_cell::ACCUMULATOR];
                    emitter.emit(ConstraintId::Product, accumulator - product - constants[0]);
                }
                Kind::FloatSum => {
                    let values = float_sum::constraints(lane);
                    for (id, value) in FLOAT_CONSTRAINTS.into_iter().zip(values) {
                        emitter.emit(id, value);
                    }
                }
            }
        }
    }
}

/// The families of [`float_sum::constraints`].
const FLOAT_CONSTRAINTS: [ConstraintId; 5] = [
    ConstraintId::FloatParity,
    ConstraintId::FloatUp,
    ConstraintId::FloatDivision,
    ConstraintId::FloatValue,
    ConstraintId::FloatTie,
];

#[inline(always)]
fn requant_lane<E: Algebra>(
    layout: &Layout,
    table: &Table,
    lane: &[E],
    constants: &[E],
    emitter: &mut Emitter<'_, E>,
) {
    let accumulator = lane[requant_cell::ACCUMULATOR];
    let (code, branch) = (lane[requant_cell::CODE], lane[requant_cell::BRANCH]);
    let square = branch * branch;
    // Twice the indicator of each branch: no halves, hence no inverse of two.
    let (high, low, none) = (
        square + branch,
        square - branch,
        (E::one() - square).twice(),
    );
    emitter.emit(ConstraintId::BranchTernary, branch * (square - E::one()));
    emitter.emit(
        ConstraintId::BranchHigh,
        high * (code - constants[requant_constant::CODE_MAX]),
    );
    emitter.emit(
        ConstraintId::BranchLow,
        low * (code - constants[requant_constant::CODE_MIN]),
    );
    let above = accumulator - constants[requant_constant::SATURATES_HIGH];
    let below = constants[requant_constant::SATURATES_LOW] - accumulator;
    let saturated = high * above + low * below;
    let shape = &layout.shape;
    let (id, relation, remainder) = if table.kind == Kind::Line {
        let line = constants[requant_constant::SLOPE] * accumulator
            + constants[requant_constant::OFFSET]
            - code.scale(Felt::new(1 << LINE_BITS));
        let scale = Felt::new(1 << (shape.line_bits() - LINE_BITS));
        let remainder = from_limbs(&lane[requant_cell::LINE_LIMB..], shape.limb_bits);
        (ConstraintId::RoundLine, line.scale(scale), remainder)
    } else {
        let width = Felt::new(shape.window_range().width());
        let position = (constants[requant_constant::SCALE] * accumulator).scale(width);
        let limbs = &lane[requant_cell::WINDOW_LIMB..];
        let (below, top) = limbs.split_at(shape.window_limbs - 1);
        let top = top[0].scale(Felt::new(1 << shape.top_shift()));
        (
            ConstraintId::RoundWindow,
            position - lane[requant_cell::START],
            from_limbs(below, shape.limb_bits) + top,
        )
    };
    emitter.emit(id, saturated + none * relation - remainder.twice());
}

/// The product of `result - operand` over all operands is zero, in steps of degree four.
#[inline(always)]
fn max_lane<E: Algebra>(layout: &Layout, lane: &[E], emitter: &mut Emitter<'_, E>) {
    let result = lane[max_cell::RESULT];
    let (operands, partial) = lane[max_cell::OPERAND..].split_at(layout.shape.taps);
    // The first step takes four differences, every other one three and the product so far.
    let (mut product, mut factors, mut partial) = (E::one(), 0, partial.iter());
    for (index, &operand) in operands.iter().enumerate() {
        let difference = result - operand;
        product = if index == 0 {
            difference
        } else {
            product * difference
        };
        factors += 1;
        if factors == 4
            && let Some(&cell) = partial.next()
        {
            emitter.emit(ConstraintId::MaxIsOperand, product - cell);
            (product, factors) = (cell, 1);
        }
    }
    emitter.emit(ConstraintId::MaxIsOperand, product);
}

/// What the auxiliary constraints read from the challenges; the order is that of
/// [`constraint_challenges`](crate::joint::JointCheck::constraint_challenges).
pub struct AuxChallenges<'a, E> {
    zeta: E,
    alpha_powers: &'a [E],
    basis: &'a [E],
    links: &'a [E],
    /// Powers from row to row of a product of tensors.
    rows: &'a [E],
}

/// Powers of `alpha` among the challenges, `alpha` first: the last tags the lookup tables.
pub const ALPHA_POWERS: usize = 4;

impl<'a, E: Algebra> AuxChallenges<'a, E> {
    /// Splits the list of challenges; those of the joint check alone may be missing.
    #[inline(always)]
    pub fn new(layout: &Layout, values: &'a [E]) -> Self {
        let (alpha_powers, rest) = values[1..].split_at(ALPHA_POWERS);
        let (basis, powers) = rest.split_at(E::DEGREE);
        let (links, rows) = powers.split_at(layout.link_powers().min(powers.len()));
        Self {
            zeta: values[0],
            alpha_powers,
            basis,
            links,
            rows,
        }
    }

    /// What a lane of a matrix product adds, but for the coefficient of its first equation: see
    /// [`contraction`](crate::contraction).
    #[inline(always)]
    pub(crate) fn product<F>(&self, lane: &[F]) -> E
    where
        F: Algebra,
        E: Over<F>,
    {
        contraction::product(lane, self.rows, self.links)
    }

    /// `zeta` minus the looked-up value.
    #[inline(always)]
    pub fn lookup<F>(&self, layout: &Layout, lookup: Lookup, row: &[F], public: &[F]) -> E
    where
        F: Algebra,
        E: Over<F>,
    {
        let constant = |table: usize, index: usize| public[layout.tables[table].constants + index];
        let first = match lookup {
            Lookup::CodeLow(table, start) => {
                row[start + requant_cell::CODE] - constant(table, requant_constant::CODE_MIN)
            }
            Lookup::CodeHigh(table, start) => {
                constant(table, requant_constant::CODE_MAX) - row[start + requant_cell::CODE]
            }
            Lookup::LineLimb(column) | Lookup::WindowLimb(column) => row[column],
            Lookup::WindowTuple(table, start) => {
                row[start + requant_cell::CODE] - constant(table, requant_constant::ZERO_CODE)
            }
            Lookup::MaxOperand(start, operand) => row[start + max_cell::RESULT] - row[operand],
            Lookup::MapTuple(_, start) => row[start + map_cell::OPERAND],
            Lookup::StepTuple(_)
            | Lookup::StepLow(..)
            | Lookup::StepHigh(..)
            | Lookup::BinadeTuple(_)
            | Lookup::Significand(..)
            | Lookup::SlackByte(..)
            | Lookup::TieByte(..)
            | Lookup::DivideLimb(..)
            | Lookup::RootLimb(..) => looked_up_cell(layout, lookup, |column| row[column]),
        };
        let mut value = E::embed(first);
        let fold = |value: E, power: usize, term: F| value + self.alpha_powers[power].times(term);
        match lookup {
            Lookup::WindowTuple(_, start) => {
                value = fold(value, 0, row[start + requant_cell::START]);
            }
            Lookup::MapTuple(table, start) => {
                value = fold(value, 0, row[start + map_cell::RESULT]);
                value = fold(value, 1, constant(table, 0));
            }
            Lookup::StepTuple(start) => {
                value = fold(value, 0, row[start + step_cell::FIRST]);
                value = fold(value, 1, row[start + step_cell::LAST]);
            }
            Lookup::BinadeTuple(start) => {
                value = fold(value, 0, row[start + float_cell::SIGN]);
                value = fold(value, 1, row[start + float_cell::TOP]);
            }
            _ => {}
        }
        self.zeta - value - self.tag(layout.table_of(lookup))
    }

    /// What keeps the lookup tables apart.
    #[inline(always)]
    pub fn tag(&self, table: crate::layout::LookupTable) -> E {
        self.alpha_powers[ALPHA_POWERS - 1].scale(Felt::new(table as u64))
    }

    /// `zeta` minus the table entry with these terms.
    pub fn entry(&self, table: crate::layout::LookupTable, terms: &[Felt]) -> E {
        let mut value = E::one().scale(terms[0]);
        for (&term, &power) in terms[1..].iter().zip(self.alpha_powers) {
            value += power.scale(term);
        }
        self.zeta - value - self.tag(table)
    }
}

/// What a lookup of a step, float, divide or root lane, none of which reads a row constant, looks up first.
#[inline(always)]
pub(crate) fn looked_up_cell<F: Algebra>(
    layout: &Layout,
    lookup: Lookup,
    at: impl Fn(usize) -> F,
) -> F {
    let limb = |start: usize, side: usize, limb: usize| match limb.checked_sub(1) {
        None => steps::lowest_limb(&layout.shape, start, side, &at),
        Some(upper) => at(steps::upper_limbs(&layout.shape, start, side).start + upper),
    };
    match lookup {
        Lookup::StepTuple(start) => at(start + step_cell::CODE),
        Lookup::StepLow(start, index) => limb(start, 0, index),
        Lookup::StepHigh(start, index) => limb(start, 1, index),
        Lookup::BinadeTuple(start) => at(start + float_cell::POWER),
        Lookup::Significand(start, byte) => float_sum::significand_byte(start, byte, at),
        Lookup::SlackByte(start, upper) => float_sum::byte_of(start + float_cell::SLACK, upper, at),
        Lookup::TieByte(start, upper) => float_sum::byte_of(start + float_cell::TIE, upper, at),
        Lookup::DivideLimb(start, part, limb) => {
            division::limb(&layout.shape, Kind::Divide, start, (part, limb), at)
        }
        Lookup::RootLimb(start, part, limb) => {
            division::limb(&layout.shape, Kind::Root, start, (part, limb), at)
        }
        _ => F::zero(),
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
    F: Algebra,
    E: Over<F>,
{
    evaluate_lookups(
        layout, mask, lookups, row, aux.0, public, challenges, result,
    );
    result[layout.running_sum()] = evaluate_sum(layout, mask, row, aux, public, challenges);
}

/// Evaluates the constraints of the columns of lookups and products into `result`; of the public columns they read the
/// row constants.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub fn evaluate_lookups<F, E>(
    layout: &Layout,
    mask: &Mask,
    lookups: &[Lookup],
    row: &[F],
    aux: &[E],
    public: &[F],
    challenges: &[E],
    result: &mut [E],
) where
    F: Algebra,
    E: Over<F>,
{
    let challenges = AuxChallenges::new(layout, challenges);
    let groups = lookups.chunks(LOOKUPS_PER_COLUMN).zip(aux);
    for ((group, &column), slot) in groups.zip(result.iter_mut()) {
        // sum 1/d_i as one fraction, pair by pair: column * product = numerator.
        let (mut numerator, mut product) = (E::zero(), E::one());
        for (index, pair) in group.chunks(2).enumerate() {
            let (pair_numerator, pair_product) =
                pair_of_reciprocals(layout, mask, pair, row, public, &challenges);
            (numerator, product) = if index == 0 {
                (pair_numerator, pair_product)
            } else {
                (
                    numerator * pair_product + pair_numerator * product,
                    product * pair_product,
                )
            };
        }
        *slot = if mask.hides(ConstraintId::LookupSum) {
            E::zero()
        } else {
            column * product - numerator
        };
    }
    if let Some(table) = layout.contraction()
        && !mask.hides(ConstraintId::Contraction)
    {
        for (start, column) in table.lane_starts().zip(layout.products()) {
            let lane = &row[start..start + table.lane_width];
            result[column] = aux[column] - challenges.product(lane);
        }
    }
}

/// The sum of the reciprocals of one or two lookups as a fraction.
#[inline(always)]
fn pair_of_reciprocals<F, E>(
    layout: &Layout,
    mask: &Mask,
    pair: &[Lookup],
    row: &[F],
    public: &[F],
    challenges: &AuxChallenges<'_, E>,
) -> (E, E)
where
    F: Algebra,
    E: Over<F>,
{
    let counted = |lookup: Lookup, value: E| {
        if mask.hides(lookup.id()) {
            E::zero()
        } else {
            value
        }
    };
    let denominator = |lookup: Lookup| challenges.lookup(layout, lookup, row, public);
    let first = denominator(pair[0]);
    match pair.get(1) {
        Some(&other) => {
            let second = denominator(other);
            let numerator = counted(pair[0], second) + counted(other, first);
            (numerator, first * second)
        }
        None => (counted(pair[0], E::one()), first),
    }
}

/// The constraint of the running sum: its step is the sum of the row's lookup columns and of the joint check's terms.
///
/// It is of degree two, products of one public column with one cell.
#[inline(always)]
pub fn evaluate_sum<F, E>(
    layout: &Layout,
    mask: &Mask,
    row: &[F],
    aux: (&[E], &[E]),
    public: &[F],
    challenges: &[E],
) -> E
where
    F: Algebra,
    E: Over<F>,
{
    if mask.hides(ConstraintId::RunningSum) {
        return E::zero();
    }
    let (current, next) = aux;
    let position = layout.running_sum();
    let products = layout.products();
    let challenges = AuxChallenges::new(layout, challenges);
    let mut sum = joint_increment(
        layout,
        mask,
        row,
        &current[products.clone()],
        public,
        &challenges,
    );
    for &column in &current[..products.start] {
        sum += column;
    }
    next[position] - current[position] - sum
}

/// What a row adds to the running sum besides its lookups: public coefficients times main cells, and times products.
#[inline(always)]
pub(crate) fn joint_increment<F, E>(
    layout: &Layout,
    mask: &Mask,
    row: &[F],
    products: &[E],
    public: &[F],
    challenges: &AuxChallenges<'_, E>,
) -> E
where
    F: Algebra,
    E: Over<F>,
{
    let mut sum = E::zero();
    // Products of columns are summed coordinate by coordinate: the basis is needed once.
    let mut sums = [F::zero(); 3];
    for table in &layout.tables {
        let (links, value) = match table.kind {
            Kind::Line | Kind::Window => (
                requant_cell::ACCUMULATOR..requant_cell::CODE,
                requant_cell::CODE,
            ),
            Kind::Max => (
                max_cell::OPERAND..max_cell::OPERAND + layout.shape.taps,
                max_cell::RESULT,
            ),
            Kind::Map => (map_cell::OPERAND..map_cell::RESULT, map_cell::RESULT),
            Kind::Step => (step_cell::ACCUMULATOR..step_cell::CODE, step_cell::CODE),
            Kind::Product => (
                product_cell::OPERAND..product_cell::STEP,
                product_cell::STEP + step_cell::CODE,
            ),
            Kind::FloatSum => (float_cell::SUM..float_cell::VALUE, float_cell::VALUE),
            Kind::Divide => (
                divide_cell::NUMERATOR..divide_cell::QUOTIENT,
                divide_cell::QUOTIENT,
            ),
            Kind::Root => (root_cell::SUM..root_cell::ROOT, root_cell::ROOT),
            // Its values are the products.
            Kind::Contraction => (0..table.lane_width, 0),
        };
        if !mask.hides(ConstraintId::JointLink) {
            let mut linked = E::zero();
            let mut powers = challenges.links.iter();
            for start in table.lane_starts() {
                for cell in links.clone() {
                    if let Some(&power) = powers.next() {
                        linked += power.times(row[start + cell]);
                    }
                }
            }
            let coefficient = compose(
                joint_column::<F, E>(layout, public, table.joint),
                challenges,
            );
            sum += coefficient * linked;
        }
        if !mask.hides(ConstraintId::JointValue) {
            for (lane, start) in table.lane_starts().enumerate() {
                let column = joint_column::<F, E>(layout, public, table.joint + 1 + lane);
                if table.kind == Kind::Contraction {
                    sum += compose(column, challenges) * products[lane];
                } else {
                    add_products(&mut sums, column, row[start + value]);
                }
            }
        }
    }
    if !mask.hides(ConstraintId::Multiplicity) {
        for (index, column) in layout.multiplicities().enumerate() {
            let inverses = joint_column::<F, E>(layout, public, layout.inverse_columns() + index);
            add_products(&mut sums, inverses, row[column]);
        }
    }
    sum + compose(&sums[..E::DEGREE], challenges)
}

/// The coordinates of a joint column.
#[inline(always)]
fn joint_column<'a, F, E: Algebra>(layout: &Layout, public: &'a [F], index: usize) -> &'a [F] {
    let start = layout.constants_width() + index * E::DEGREE;
    &public[start..start + E::DEGREE]
}

/// The element with these coordinates.
#[inline(always)]
fn compose<F: Algebra, E: Over<F>>(coordinates: &[F], challenges: &AuxChallenges<'_, E>) -> E {
    let mut sum = E::zero();
    for (&coordinate, &basis) in coordinates.iter().zip(challenges.basis) {
        sum += basis.times(coordinate);
    }
    sum
}

#[inline(always)]
fn add_products<F: Algebra>(sums: &mut [F; 3], coordinates: &[F], cell: F) {
    for (sum, &coordinate) in sums.iter_mut().zip(coordinates) {
        *sum += coordinate * cell;
    }
}
