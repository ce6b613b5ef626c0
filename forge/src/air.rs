//! The AIR of a shard as the bench sees it: the production AIR, with one more family that can be switched off.

use winter_air::{
    Air, AirContext, Assertion, AuxRandElements, EvaluationFrame, ProofOptions, TraceInfo,
};
use winter_crypto::{RandomCoin, RandomCoinError};
use winter_math::{ExtensionOf, FieldElement, ToElements};
use winterforge_air::field::Felt;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_verifier::stark::VerifierAir;

/// The public inputs of a [`BenchAir`].
#[derive(Clone, Debug)]
pub struct BenchInputs {
    /// Those of the production AIR.
    pub inner: ShardInputs,
    /// Whether the auxiliary columns of the lookups may hold anything. No `ConstraintId` names these constraints yet.
    pub has_free_groups: bool,
}

impl ToElements<Felt> for BenchInputs {
    fn to_elements(&self) -> Vec<Felt> {
        self.inner.to_elements()
    }
}

/// A [`ShardAir`] that can leave the lookups' auxiliary columns free.
pub struct BenchAir {
    inner: ShardAir,
    free_groups: usize,
}

impl Air for BenchAir {
    type BaseField = Felt;
    type PublicInputs = BenchInputs;

    fn new(info: TraceInfo, inputs: BenchInputs, options: ProofOptions) -> Self {
        let groups = inputs.inner.layout.running_sum();
        let free_groups = if inputs.has_free_groups { groups } else { 0 };
        Self {
            inner: ShardAir::new(info, inputs.inner, options),
            free_groups,
        }
    }

    fn context(&self) -> &AirContext<Felt> {
        self.inner.context()
    }

    fn evaluate_transition<E: FieldElement<BaseField = Felt>>(
        &self,
        frame: &EvaluationFrame<E>,
        periodic: &[E],
        result: &mut [E],
    ) {
        self.inner.evaluate_transition(frame, periodic, result);
    }

    fn evaluate_aux_transition<F, E>(
        &self,
        main: &EvaluationFrame<F>,
        aux: &EvaluationFrame<E>,
        periodic: &[F],
        elements: &AuxRandElements<E>,
        result: &mut [E],
    ) where
        F: FieldElement<BaseField = Felt>,
        E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
    {
        self.inner
            .evaluate_aux_transition(main, aux, periodic, elements, result);
        result[..self.free_groups].fill(E::ZERO);
    }

    fn get_assertions(&self) -> Vec<Assertion<Felt>> {
        self.inner.get_assertions()
    }

    fn get_aux_assertions<E: FieldElement<BaseField = Felt>>(
        &self,
        elements: &AuxRandElements<E>,
    ) -> Vec<Assertion<E>> {
        self.inner.get_aux_assertions(elements)
    }

    fn get_aux_rand_elements<E, R>(
        &self,
        coin: &mut R,
    ) -> Result<AuxRandElements<E>, RandomCoinError>
    where
        E: FieldElement<BaseField = Felt>,
        R: RandomCoin<BaseField = Felt>,
    {
        self.inner.get_aux_rand_elements(coin)
    }

    fn get_periodic_column_values(&self) -> Vec<Vec<Felt>> {
        self.inner.get_periodic_column_values()
    }
}

impl VerifierAir for BenchAir {}
