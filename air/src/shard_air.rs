//! One shard as a winterfell AIR.
//!
//! The public columns stand where winterfell has periodic columns: full length, never repeating. Both sides compute
//! them from the plan, the statement and the seed, so they carry nothing that a prover could choose. Only the claim, the
//! total of the shard's running sum, comes from outside, and the verifier checks that the claims add up.

use std::sync::Arc;

use winter_air::{
    Air, AirContext, Assertion, AuxRandElements, EvaluationFrame, ProofOptions, TraceInfo,
    TransitionConstraintDegree,
};
use winter_crypto::{RandomCoin, RandomCoinError};
use winter_math::{ExtensionOf, FieldElement, ToElements};

use crate::constraints::{ALPHA_POWERS, aux_degrees, evaluate_aux, evaluate_main, main_degrees};
use crate::field::{Felt, basis_coefficients, from_basis_coefficients};
use crate::joint::{Challenges, JointCheck, PublicColumns, constraint_challenges};
use crate::layout::{Layout, Lookup};
use crate::mask::{ConstraintId, Mask};
use crate::plan::Plan;

/// The public inputs of one shard's AIR.
#[derive(Clone, Debug)]
pub struct ShardInputs {
    /// Index of the shard: two shards with equal roots and claims still have transcripts of their own.
    pub index: u32,
    /// Geometry, from the plan.
    pub layout: Layout,
    /// The joint seed; everything below but the claim follows from it and the plan.
    pub seed: [u8; 32],
    /// Challenges as coordinates, in the order of the constraints.
    pub challenges: Vec<Felt>,
    /// Used rows of every public column, on the prover's side.
    pub columns: Arc<PublicColumns>,
    /// Coordinates of the claimed value of each public column at the out-of-domain point, on the verifier's side:
    /// constants, then joint columns. Whoever verifies must hold them against the columns.
    pub evaluations: Vec<Felt>,
    /// Coordinates of the running sum's total.
    pub claim: Vec<Felt>,
    /// Constraints that the forger's bench switches off.
    pub mask: Mask,
}

impl ShardInputs {
    /// The inputs of shard `index` of `plan` under `seed`.
    ///
    /// # Panics
    /// If `index` is not a shard of the plan.
    pub fn new<E: FieldElement<BaseField = Felt>>(
        plan: &Plan,
        index: usize,
        joint: &JointCheck<E>,
        seed: [u8; 32],
        claim: E,
    ) -> Self {
        let shard = &plan.shards[index];
        let challenges = joint.constraint_challenges(&shard.layout);
        Self {
            index: index as u32,
            layout: shard.layout.clone(),
            seed,
            challenges: E::slice_as_base_elements(&challenges).to_vec(),
            columns: Arc::new(joint.public_columns(plan, shard)),
            evaluations: Vec::new(),
            claim: basis_coefficients(&claim).to_vec(),
            mask: Mask::default(),
        }
    }

    /// The inputs of shard `index` for a verifier, who has claims in place of the columns.
    ///
    /// # Panics
    /// If `index` is not a shard of the plan.
    pub fn claimed<E: FieldElement<BaseField = Felt>>(
        plan: &Plan,
        index: usize,
        challenges: Challenges<E>,
        seed: [u8; 32],
        claim: E,
        evaluations: &[E],
    ) -> Self {
        let layout = plan.shards[index].layout.clone();
        let challenges = constraint_challenges(challenges, &layout);
        Self {
            index: index as u32,
            layout,
            seed,
            challenges: E::slice_as_base_elements(&challenges).to_vec(),
            columns: Arc::default(),
            evaluations: E::slice_as_base_elements(evaluations).to_vec(),
            claim: basis_coefficients(&claim).to_vec(),
            mask: Mask::default(),
        }
    }
}

impl ShardInputs {
    /// Sets the claim.
    pub fn set_claim<E: FieldElement<BaseField = Felt>>(&mut self, claim: E) {
        self.claim = basis_coefficients(&claim).to_vec();
    }

    /// Inputs that fix the geometry alone: enough to ask an AIR for its context before any challenge exists.
    pub fn of_layout(layout: Layout) -> Self {
        let columns = Arc::default();
        Self {
            index: 0,
            layout,
            seed: [0; 32],
            challenges: Vec::new(),
            columns,
            evaluations: Vec::new(),
            claim: Vec::new(),
            mask: Mask::default(),
        }
    }
}

impl ToElements<Felt> for ShardInputs {
    /// Seed, in words of 32 bits, index and claim: the rest follows from them.
    fn to_elements(&self) -> Vec<Felt> {
        let words = self
            .seed
            .chunks_exact(4)
            .map(|word| Felt::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]])));
        words
            .chain([Felt::from(self.index)])
            .chain(self.claim.iter().copied())
            .collect()
    }
}

/// The trace info of a shard: fixed by its layout and by how many challenges the constraints read.
pub fn trace_info(layout: &Layout, extension_degree: usize) -> TraceInfo {
    let challenges = 1 + ALPHA_POWERS + extension_degree + layout.challenge_powers();
    TraceInfo::new_multi_segment(
        layout.main_width(),
        layout.aux_width(),
        challenges,
        layout.rows(),
        Vec::new(),
    )
}

/// The AIR of one shard.
pub struct ShardAir {
    context: AirContext<Felt>,
    inputs: ShardInputs,
    lookups: Vec<Lookup>,
}

impl ShardAir {
    /// The claimed values of the public columns as the constraints read them: of a joint column, the constraints use the
    /// sum of its coordinates times the basis only, so the claim stands for the first and zeros for the rest.
    pub fn claimed_values<E: FieldElement<BaseField = Felt>>(&self) -> Vec<E> {
        let claims = E::slice_from_base_elements(&self.inputs.evaluations);
        let constants = self.inputs.layout.constants_width().min(claims.len());
        let (constants, joint) = claims.split_at(constants);
        let mut values = constants.to_vec();
        for &claim in joint {
            values.push(claim);
            values.resize(values.len() + E::EXTENSION_DEGREE - 1, E::ZERO);
        }
        values
    }

    /// What it was made from.
    pub fn inputs(&self) -> &ShardInputs {
        &self.inputs
    }

    /// The lookups of a row, in the order of the auxiliary columns.
    pub fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// The public columns.
    pub fn columns(&self) -> &PublicColumns {
        &self.inputs.columns
    }
}

impl Air for ShardAir {
    type BaseField = Felt;
    type PublicInputs = ShardInputs;

    fn new(trace_info: TraceInfo, inputs: ShardInputs, options: ProofOptions) -> Self {
        let degrees = |degrees: Vec<usize>| {
            degrees
                .into_iter()
                .map(TransitionConstraintDegree::new)
                .collect()
        };
        let context = AirContext::new_multi_segment(
            trace_info,
            degrees(main_degrees(&inputs.layout)),
            degrees(aux_degrees(&inputs.layout)),
            1,
            2 - usize::from(inputs.mask.hides(ConstraintId::SumFirst))
                - usize::from(inputs.mask.hides(ConstraintId::SumLast)),
            options,
        );
        let lookups = inputs.layout.lookups();
        Self {
            context,
            inputs,
            lookups,
        }
    }

    fn context(&self) -> &AirContext<Felt> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = Felt>>(
        &self,
        frame: &EvaluationFrame<E>,
        periodic_values: &[E],
        result: &mut [E],
    ) {
        evaluate_main(
            &self.inputs.layout,
            &self.inputs.mask,
            frame.current(),
            periodic_values,
            result,
        );
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
        evaluate_aux(
            &self.inputs.layout,
            &self.inputs.mask,
            &self.lookups,
            main_frame.current(),
            (aux_frame.current(), aux_frame.next()),
            periodic_values,
            aux_rand_elements.rand_elements(),
            result,
        );
    }

    /// winterfell wants one assertion on the main segment. The last row of the multiplicities is never summed, so
    /// fixing it at zero states nothing about the computation.
    fn get_assertions(&self) -> Vec<Assertion<Felt>> {
        let layout = &self.inputs.layout;
        let column = layout.multiplicities().next().unwrap_or(0);
        vec![Assertion::single(column, layout.rows() - 1, Felt::ZERO)]
    }

    fn get_aux_assertions<E: FieldElement<BaseField = Felt>>(
        &self,
        _: &AuxRandElements<E>,
    ) -> Vec<Assertion<E>> {
        let (column, last) = (
            self.inputs.layout.running_sum(),
            self.inputs.layout.rows() - 1,
        );
        let first = (
            ConstraintId::SumFirst,
            Assertion::single(column, 0, E::ZERO),
        );
        let claim = from_basis_coefficients(&self.inputs.claim);
        let last = (
            ConstraintId::SumLast,
            Assertion::single(column, last, claim),
        );
        let enforced = |(id, _): &(ConstraintId, Assertion<E>)| !self.inputs.mask.hides(*id);
        [first, last]
            .into_iter()
            .filter(enforced)
            .map(|(_, assertion)| assertion)
            .collect()
    }

    /// The joint challenges replace draws from the shard's own coin.
    fn get_aux_rand_elements<E, R>(&self, _: &mut R) -> Result<AuxRandElements<E>, RandomCoinError>
    where
        E: FieldElement<BaseField = Felt>,
        R: RandomCoin<BaseField = Felt>,
    {
        Ok(AuxRandElements::new(
            E::slice_from_base_elements(&self.inputs.challenges).to_vec(),
        ))
    }

    fn get_periodic_column_values(&self) -> Vec<Vec<Felt>> {
        let padded = |mut column: Vec<Felt>| {
            column.resize(self.inputs.layout.rows(), Felt::ZERO);
            column
        };
        self.inputs
            .columns
            .split(self.inputs.claim.len())
            .map(padded)
            .collect()
    }
}
