//! The public coin, replayed: every challenge of a proof from its claims.
//!
//! The order is winterfell's. The coin is seeded with the context and the public inputs; then it takes in the main
//! root and yields the auxiliary challenges, the auxiliary root and the composition coefficients, the constraint root
//! and z, the out-of-domain rows and the DEEP coefficients, each FRI root and its folding challenge, the remainder's
//! hash, and last the nonce, after which it yields the query positions.

use winter_air::{
    Air, AuxRandElements, ConstraintCompositionCoefficients, DeepCompositionCoefficients,
    proof::Context,
};
use winter_crypto::{DefaultRandomCoin, ElementHasher, RandomCoin};
use winter_math::{FieldElement, ToElements};
use winterforge_air::field::Felt;

use super::{error::StarkError, proof::Claims, shape::Shape};

/// What the public coin yields over one proof.
pub(super) struct Challenges<E: FieldElement<BaseField = Felt>> {
    /// Challenges of the auxiliary segment, for AIRs that have one.
    pub(super) aux: Option<AuxRandElements<E>>,
    pub(super) composition: ConstraintCompositionCoefficients<E>,
    /// The out-of-domain point.
    pub(super) z: E,
    pub(super) deep: DeepCompositionCoefficients<E>,
    /// The folding challenge of each FRI layer.
    pub(super) alphas: Vec<E>,
    /// The proof of work that the nonce carries.
    pub(super) pow_bits: u32,
    /// The query positions, sorted and without repetition.
    pub(super) positions: Vec<usize>,
}

impl<E: FieldElement<BaseField = Felt>> Challenges<E> {
    /// Replays the coin. Draws only: nothing about the claims is checked.
    pub(super) fn replay<A, H>(
        air: &A,
        shape: &Shape,
        public_inputs: &[Felt],
        main_root: H::Digest,
        claims: &Claims<E, H::Digest>,
    ) -> Result<Self, StarkError>
    where
        A: Air<BaseField = Felt>,
        H: ElementHasher<BaseField = Felt>,
    {
        let mut coin = DefaultRandomCoin::<H>::new(&seed(air, public_inputs));
        coin.reseed(main_root);
        let aux = claims
            .aux_root
            .map(|root| {
                let aux = air.get_aux_rand_elements(&mut coin)?;
                coin.reseed(root);
                Ok(aux)
            })
            .transpose()
            .map_err(no_challenge)?;
        let composition = air
            .get_constraint_composition_coefficients(&mut coin)
            .map_err(no_challenge)?;
        coin.reseed(claims.constraint_root);
        let z = coin.draw().map_err(no_challenge)?;

        let rows = [claims.ood_current.as_slice(), &claims.ood_next].concat();
        coin.reseed(H::hash_elements(&rows));
        let deep = air
            .get_deep_composition_coefficients(&mut coin)
            .map_err(no_challenge)?;

        let alphas = claims
            .fri_roots
            .iter()
            .map(|&root| {
                coin.reseed(root);
                coin.draw().map_err(no_challenge)
            })
            .collect::<Result<_, _>>()?;
        coin.reseed(claims.remainder_root);

        let pow_bits = coin.check_leading_zeros(claims.pow_nonce);
        let mut positions = coin
            .draw_integers(shape.num_queries, shape.lde_size, claims.pow_nonce)
            .map_err(no_challenge)?;
        positions.sort_unstable();
        positions.dedup();

        Ok(Self {
            aux,
            composition,
            z,
            deep,
            alphas,
            pow_bits,
            positions,
        })
    }
}

/// The elements that seed the coin: the context that winterfell's prover derives from its AIR, and the public inputs.
fn seed<A: Air<BaseField = Felt>>(air: &A, public_inputs: &[Felt]) -> Vec<Felt> {
    let constraints = air.context().num_assertions() + air.context().num_transition_constraints();
    let context =
        Context::new::<Felt>(air.trace_info().clone(), air.options().clone(), constraints);
    let mut elements = context.to_elements();
    elements.extend_from_slice(public_inputs);
    elements
}

fn no_challenge(_: winter_crypto::RandomCoinError) -> StarkError {
    StarkError::RandomCoin
}
