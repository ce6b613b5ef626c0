//! The statement that all systems prove: 64 columns, 21 constraints of degree 3.
//!
//! Columns are 21 triples and one more. The first of a triple starts anywhere and goes on with
//! `a' = a b c + d`, d the last column; b, c and d are free, and here pseudo-random.

use std::ops::{Add, Mul, Sub};

use winter_air::{
    Air, AirContext, Assertion, EvaluationFrame, ProofOptions, TraceInfo,
    TransitionConstraintDegree,
};
use winter_math::{ExtensibleField, FieldElement, StarkField, fields};
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::Felt;
use winterforge_prover::stark::VectorAir;
use winterforge_verifier::stark::VerifierAir;

/// Columns.
pub const WIDTH: usize = 64;

/// Transition constraints.
pub const CONSTRAINTS: usize = 21;

/// Their degree.
pub const DEGREE: usize = 3;

/// A field of our order that winterfell's prover works over.
pub trait Base: StarkField + ExtensibleField<2> + ExtensibleField<3> + 'static {
    /// The same element of this field.
    fn lift(cell: Felt) -> Self;
}

impl Base for Felt {
    fn lift(cell: Felt) -> Self {
        cell
    }
}

impl Base for fields::f64::BaseElement {
    fn lift(cell: Felt) -> Self {
        Self::new(cell.as_word())
    }
}

/// The AIR over base field `B`. Its public input is the first cell.
pub struct ProductAir<B: Base> {
    context: AirContext<B>,
    first: B,
}

/// What each constraint says must vanish.
#[inline(always)]
pub fn constraints<V>(row: &[V], next: &[V], result: &mut [V])
where
    V: Copy + Add<Output = V> + Sub<Output = V> + Mul<Output = V>,
{
    for (k, value) in result.iter_mut().enumerate() {
        let [a, b, c] = [row[3 * k], row[3 * k + 1], row[3 * k + 2]];
        *value = next[3 * k] - (a * b * c + row[WIDTH - 1]);
    }
}

/// A trace of `2^log_rows` rows, the same on every run.
pub fn columns(log_rows: u32) -> Vec<Vec<Felt>> {
    let rows = 1 << log_rows;
    let mut columns: Vec<Vec<Felt>> = (0..WIDTH as u64).map(|seed| free(seed, rows)).collect();
    for k in 0..CONSTRAINTS {
        let (triple, last) = columns.split_at_mut(WIDTH - 1);
        let (recurrence, factors) = triple[3 * k..3 * k + 3].split_at_mut(1);
        for row in 1..rows {
            recurrence[0][row] = recurrence[0][row - 1] * factors[0][row - 1] * factors[1][row - 1]
                + last[0][row - 1];
        }
    }
    columns
}

/// A pseudo-random column (Steele, Lea and Flood's SplitMix64).
fn free(seed: u64, rows: usize) -> Vec<Felt> {
    let word = |row: u64| {
        let mut z = (seed << 32 | row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Felt::new(z ^ (z >> 31))
    };
    (0..rows as u64).map(word).collect()
}

impl<B: Base> Air for ProductAir<B> {
    type BaseField = B;
    type PublicInputs = B;

    fn new(trace_info: TraceInfo, first: B, options: ProofOptions) -> Self {
        let degrees = vec![TransitionConstraintDegree::new(DEGREE); CONSTRAINTS];
        Self {
            context: AirContext::new(trace_info, degrees, 1, options),
            first,
        }
    }

    fn context(&self) -> &AirContext<B> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = B>>(
        &self,
        frame: &EvaluationFrame<E>,
        _periodic: &[E],
        result: &mut [E],
    ) {
        constraints(frame.current(), frame.next(), result);
    }

    fn get_assertions(&self) -> Vec<Assertion<B>> {
        vec![Assertion::single(0, 0, self.first)]
    }
}

impl VerifierAir for ProductAir<Felt> {}

impl VectorAir for ProductAir<Felt> {
    fn public_width(&self) -> usize {
        0
    }

    fn common_width(&self) -> usize {
        0
    }

    fn public_column(&self, _: usize) -> Vec<Felt> {
        Vec::new()
    }

    fn light_constraints(&self) -> usize {
        0
    }

    #[inline(always)]
    fn evaluate_main<V: Algebra>(&self, main: [&[V]; 2], _: &[V], result: &mut [V]) {
        constraints(main[0], main[1], result);
    }

    #[inline(always)]
    fn evaluate_aux<V: Algebra, E: Over<V>>(
        &self,
        _: [&[V]; 2],
        _: [&[E]; 2],
        _: &[V],
        _: &[E],
        _: &mut [E],
    ) {
    }

    #[inline(always)]
    fn evaluate_light<V: Algebra, E: Over<V>>(
        &self,
        _: [&[V]; 2],
        _: [&[E]; 2],
        _: &[V],
        _: &[E],
        _: &mut [E],
    ) {
    }
}
