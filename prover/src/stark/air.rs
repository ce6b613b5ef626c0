//! What the prover asks of an AIR beyond `winter_air::Air`: its constraints over vectors, and which columns they read.
//!
//! A constraint over a trace of n rows whose quotient has degree below n is known from n values, those of one coset,
//! however large the evaluation domain of the others is. So it pays to tell the *light* constraints apart: products of
//! two columns. Public columns that only they read are extended to a single coset.

use winter_air::Air;
use winter_math::FieldElement;
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::constraints::{evaluate_lookups, evaluate_main, evaluate_sum};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::parameter_air::{self, ParameterAir};
use winterforge_air::shard_air::ShardAir;

/// An AIR whose constraints can be evaluated over vectors of rows.
///
/// The values must be those of `evaluate_transition` and `evaluate_aux_transition`. Public columns are winterfell's
/// periodic columns, as long as the trace.
pub trait VectorAir: Air<BaseField = Felt> + Sync {
    /// Public columns.
    fn public_width(&self) -> usize;

    /// Of the public columns, as many of the first as are read by any constraint but the light ones.
    fn common_width(&self) -> usize;

    /// A public column, at most as long as the trace; zeros follow.
    fn public_column(&self, index: usize) -> Vec<Felt>;

    /// Light constraints: the last of the auxiliary ones.
    fn light_constraints(&self) -> usize;

    /// Evaluates the main constraints; `main` are a row and the next, `public` the common columns at least.
    fn evaluate_main<V: Algebra>(&self, main: [&[V]; 2], public: &[V], result: &mut [V]);

    /// Evaluates the auxiliary constraints but the light ones.
    fn evaluate_aux<V: Algebra, E: Over<V>>(
        &self,
        main: [&[V]; 2],
        aux: [&[E]; 2],
        public: &[V],
        challenges: &[E],
        result: &mut [E],
    );

    /// Evaluates the light constraints.
    fn evaluate_light<V: Algebra, E: Over<V>>(
        &self,
        main: [&[V]; 2],
        aux: [&[E]; 2],
        public: &[V],
        challenges: &[E],
        result: &mut [E],
    );
}

impl VectorAir for ShardAir {
    fn public_width(&self) -> usize {
        let columns = self.columns();
        columns.constants.len() + columns.joint.len() * self.inputs().claim.len()
    }

    fn common_width(&self) -> usize {
        self.columns().constants.len()
    }

    fn public_column(&self, index: usize) -> Vec<Felt> {
        let (columns, degree) = (self.columns(), self.inputs().claim.len());
        match index.checked_sub(columns.constants.len()) {
            None => columns.constants[index].clone(),
            Some(index) => {
                let column = columns.joint[index / degree].iter();
                column
                    .skip(index % degree)
                    .step_by(degree)
                    .copied()
                    .collect()
            }
        }
    }

    /// The running sum: each of its terms is a public column times a cell.
    fn light_constraints(&self) -> usize {
        1
    }

    #[inline(always)]
    fn evaluate_main<V: Algebra>(&self, main: [&[V]; 2], public: &[V], result: &mut [V]) {
        let inputs = self.inputs();
        evaluate_main(&inputs.layout, &inputs.mask, main[0], public, result);
    }

    #[inline(always)]
    fn evaluate_aux<V: Algebra, E: Over<V>>(
        &self,
        main: [&[V]; 2],
        aux: [&[E]; 2],
        public: &[V],
        challenges: &[E],
        result: &mut [E],
    ) {
        let inputs = self.inputs();
        evaluate_lookups(
            &inputs.layout,
            &inputs.mask,
            self.lookups(),
            main[0],
            aux[0],
            public,
            challenges,
            result,
        );
    }

    #[inline(always)]
    fn evaluate_light<V: Algebra, E: Over<V>>(
        &self,
        main: [&[V]; 2],
        aux: [&[E]; 2],
        public: &[V],
        challenges: &[E],
        result: &mut [E],
    ) {
        let inputs = self.inputs();
        result[0] = evaluate_sum(
            &inputs.layout,
            &inputs.mask,
            main[0],
            (aux[0], aux[1]),
            public,
            challenges,
        );
    }
}

impl VectorAir for ParameterAir {
    fn public_width(&self) -> usize {
        self.inputs().columns.len() * Cube::EXTENSION_DEGREE
    }

    fn common_width(&self) -> usize {
        0
    }

    fn public_column(&self, index: usize) -> Vec<Felt> {
        let degree = Cube::EXTENSION_DEGREE;
        let column = self.inputs().columns[index / degree].iter();
        column
            .skip(index % degree)
            .step_by(degree)
            .copied()
            .collect()
    }

    /// The running sum.
    fn light_constraints(&self) -> usize {
        1
    }

    /// There is none but the one that winterfell insists on.
    #[inline(always)]
    fn evaluate_main<V: Algebra>(&self, _: [&[V]; 2], _: &[V], result: &mut [V]) {
        result.fill(V::zero());
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
        main: [&[V]; 2],
        aux: [&[E]; 2],
        public: &[V],
        challenges: &[E],
        result: &mut [E],
    ) {
        result[0] =
            parameter_air::evaluate_sum(&self.inputs().mask, main[0], aux, public, challenges);
    }
}
