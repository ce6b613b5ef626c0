//! The trace of parameters as a winterfell AIR: one running sum of parameters times public coefficients.
//!
//! The main segment is the one in the key. The sum must end at the claim, which is what the proofs of the computation
//! claim about their public columns.

use std::sync::Arc;

use winter_air::{
    Air, AirContext, Assertion, AuxRandElements, EvaluationFrame, ProofOptions, TraceInfo,
    TransitionConstraintDegree,
};
use winter_crypto::{RandomCoin, RandomCoinError};
use winter_math::{ExtensionOf, FieldElement, ToElements};

use crate::algebra::{Algebra, Over};
use crate::evaluation::Evaluation;
use crate::field::{Cube, Felt, basis, basis_coefficients, from_basis_coefficients};
use crate::layout::Kind;
use crate::mask::{ConstraintId, Mask};
use crate::parameters::ParameterLayout;

/// The public inputs of the parameters' AIR.
#[derive(Clone, Debug)]
pub struct ParameterInputs {
    /// Geometry.
    pub layout: Arc<ParameterLayout>,
    /// Binds everything that came before.
    pub seed: [u8; 32],
    /// What the running sum must end at.
    pub claim: Cube,
    /// The coefficients of the parameters.
    pub evaluation: Arc<Evaluation<Cube>>,
    /// The kind of lane of each channel of each piece.
    pub kinds: Arc<Vec<Vec<Kind>>>,
    /// The columns of coefficients, on the prover's side.
    pub columns: Arc<Vec<Vec<Felt>>>,
    /// Constraints that the forger's bench switches off.
    pub mask: Mask,
}

impl ParameterInputs {
    /// The value of each column of coefficients at the point of these Lagrange weights.
    pub fn weigh(&self, lagrange: &[Cube]) -> Vec<Cube> {
        self.layout.weigh(&self.evaluation, &self.kinds, lagrange)
    }
}

impl ToElements<Felt> for ParameterInputs {
    /// Seed, in words of 32 bits, and claim: the rest follows from them.
    fn to_elements(&self) -> Vec<Felt> {
        let words = self
            .seed
            .chunks_exact(4)
            .map(|word| Felt::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]])));
        words
            .chain(basis_coefficients(&self.claim).iter().copied())
            .collect()
    }
}

/// The trace info of a layout.
pub fn trace_info(layout: &ParameterLayout) -> TraceInfo {
    TraceInfo::new_multi_segment(
        layout.width,
        1,
        Cube::EXTENSION_DEGREE,
        layout.rows(),
        Vec::new(),
    )
}

/// The running sum of each row: `sum of cells times coefficients`, in one extension column.
pub fn running_sum(columns: &[Vec<Felt>], coefficients: &[Vec<Felt>]) -> Vec<Cube> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut sums = Vec::with_capacity(rows);
    let mut sum = Cube::ZERO;
    for row in 0..rows {
        sums.push(sum);
        for (column, coefficients) in columns.iter().zip(coefficients) {
            let degree = Cube::EXTENSION_DEGREE;
            if let Some(coordinates) = coefficients.get(row * degree..(row + 1) * degree) {
                sum += from_basis_coefficients::<Cube>(coordinates).mul_base(column[row]);
            }
        }
    }
    sums
}

/// The constraint on the running sum: `next - current - sum of cells times coefficients`.
#[inline(always)]
pub fn evaluate_sum<V: Algebra, E: Over<V>>(
    mask: &Mask,
    row: &[V],
    aux: [&[E]; 2],
    public: &[V],
    basis: &[E],
) -> E {
    if mask.hides(ConstraintId::ParameterSum) {
        return E::zero();
    }
    let mut step = aux[1][0] - aux[0][0];
    let mut sums = [V::zero(); Cube::EXTENSION_DEGREE];
    for (&cell, coordinates) in row.iter().zip(public.chunks_exact(basis.len())) {
        for (sum, &coordinate) in sums.iter_mut().zip(coordinates) {
            *sum += coordinate * cell;
        }
    }
    for (&element, sum) in basis.iter().zip(sums) {
        step -= element.times(sum);
    }
    step
}

/// The AIR.
pub struct ParameterAir {
    context: AirContext<Felt>,
    inputs: ParameterInputs,
}

impl ParameterAir {
    /// The public inputs.
    pub fn inputs(&self) -> &ParameterInputs {
        &self.inputs
    }
}

impl Air for ParameterAir {
    type BaseField = Felt;
    type PublicInputs = ParameterInputs;

    fn new(trace_info: TraceInfo, inputs: ParameterInputs, options: ProofOptions) -> Self {
        let degree = |degree| vec![TransitionConstraintDegree::new(degree)];
        let hidden = |id| usize::from(inputs.mask.hides(id));
        let ends = 2 - hidden(ConstraintId::ParameterFirst) - hidden(ConstraintId::ParameterLast);
        let context =
            AirContext::new_multi_segment(trace_info, degree(1), degree(2), 1, ends, options);
        Self { context, inputs }
    }

    fn context(&self) -> &AirContext<Felt> {
        &self.context
    }

    /// winterfell wants one constraint on the main segment. There is none to make: the key says what stands there.
    fn evaluate_transition<E: FieldElement<BaseField = Felt>>(
        &self,
        _: &EvaluationFrame<E>,
        _: &[E],
        result: &mut [E],
    ) {
        result.fill(E::ZERO);
    }

    fn evaluate_aux_transition<F, E>(
        &self,
        main_frame: &EvaluationFrame<F>,
        aux_frame: &EvaluationFrame<E>,
        periodic_values: &[F],
        aux_rand_elements: &AuxRandElements<E>,
        result: &mut [E],
    ) where
        F: FieldElement<BaseField = Felt>,
        E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
    {
        result[0] = evaluate_sum(
            &self.inputs.mask,
            main_frame.current(),
            [aux_frame.current(), aux_frame.next()],
            periodic_values,
            aux_rand_elements.rand_elements(),
        );
    }

    /// winterfell wants one assertion on the main segment. The last row is never summed, so fixing it at zero states
    /// nothing about the parameters.
    fn get_assertions(&self) -> Vec<Assertion<Felt>> {
        vec![Assertion::single(0, self.trace_length() - 1, Felt::ZERO)]
    }

    fn get_aux_assertions<E: FieldElement<BaseField = Felt>>(
        &self,
        _: &AuxRandElements<E>,
    ) -> Vec<Assertion<E>> {
        let claim = from_basis_coefficients(basis_coefficients(&self.inputs.claim));
        let last = self.trace_length() - 1;
        let ends = [
            (
                ConstraintId::ParameterFirst,
                Assertion::single(0, 0, E::ZERO),
            ),
            (
                ConstraintId::ParameterLast,
                Assertion::single(0, last, claim),
            ),
        ];
        let enforced = |(id, _): &(ConstraintId, Assertion<E>)| !self.inputs.mask.hides(*id);
        let ends = ends.into_iter().filter(enforced);
        ends.map(|(_, assertion)| assertion).collect()
    }

    /// No randomness: the coefficients were drawn from everything before. What the constraint reads is the basis.
    fn get_aux_rand_elements<E, R>(&self, _: &mut R) -> Result<AuxRandElements<E>, RandomCoinError>
    where
        E: FieldElement<BaseField = Felt>,
        R: RandomCoin<BaseField = Felt>,
    {
        Ok(AuxRandElements::new(basis::<E>().into_iter().collect()))
    }

    fn get_periodic_column_values(&self) -> Vec<Vec<Felt>> {
        let (degree, rows) = (Cube::EXTENSION_DEGREE, self.trace_length());
        let coordinate = |column: &Vec<Felt>, coordinate: usize| {
            let mut values: Vec<Felt> = column
                .iter()
                .skip(coordinate)
                .step_by(degree)
                .copied()
                .collect();
            values.resize(rows, Felt::ZERO);
            values
        };
        let columns = self.inputs.columns.iter();
        columns
            .flat_map(|column| (0..degree).map(move |c| coordinate(column, c)))
            .collect()
    }
}
