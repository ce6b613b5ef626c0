//! Committed mode: the proof that what the shards claim follows from the parameters under the key's root.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::evaluation::{Evaluation, combine};
use winterforge_air::field::Cube;
use winterforge_air::joint::{Challenges, PublicCodes};
use winterforge_air::mask::Mask;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs, running_sum};
use winterforge_air::plan::Plan;
use winterforge_verifier::challenge::folding_challenge;
use winterforge_verifier::instance::{Instance, ParameterShard};
use winterforge_verifier::stark::ShardProof;

use crate::job::{FinishedShard, coordinates};
use crate::prove::ProveError;
use crate::setup::{KeyMismatch, ProvingKey, digest_bytes};
use crate::stark::{DeviceHash, Session};

/// The claims of all shards, folded.
pub(crate) struct Fold {
    seed: [u8; 32],
    claim: Cube,
    evaluation: Evaluation<Cube>,
}

impl Fold {
    /// Folds the claims under the folding seed.
    pub(crate) fn new<H: DeviceHash>(
        plan: &Plan,
        challenges: Challenges<Cube>,
        codes: &PublicCodes,
        shards: Vec<FinishedShard<H>>,
        seed: [u8; 32],
    ) -> Self {
        let lambda = folding_challenge(&seed);
        let claims = shards.iter().map(|shard| shard.claim);
        let total = claims.fold(Cube::ZERO, |sum, claim| sum + claim);
        let (columns, lagrange): (Vec<_>, Vec<_>) = shards
            .into_iter()
            .map(|shard| (shard.evaluations, shard.lagrange))
            .unzip();
        let evaluation = Evaluation::new(plan, challenges, codes, &lagrange, lambda);
        Self {
            seed,
            claim: combine(plan, &columns, total, lambda) - evaluation.constant,
            evaluation,
        }
    }
}

/// Proves that a running sum over the trace of parameters ends at the folded claim.
pub(crate) fn prove_parameters<H: DeviceHash>(
    session: &Session<'_>,
    instance: &Instance,
    shard: &ParameterShard,
    key: &ProvingKey,
    fold: Fold,
) -> Result<ShardProof<Cube, H>, ProveError> {
    let trace = key.trace::<H>(session, shard, &instance.options)?;
    if digest_bytes::<H>(&trace.main_root()) != key.key.root {
        return Err(KeyMismatch::Content.into());
    }
    let kinds = instance.plan.kinds.clone();
    let columns = shard.layout.coefficients(&fold.evaluation, &kinds);
    let sums = running_sum(&key.columns, &columns);
    let inputs = ParameterInputs {
        layout: shard.layout.clone(),
        seed: fold.seed,
        claim: fold.claim,
        evaluation: Arc::new(fold.evaluation),
        kinds: Arc::new(kinds),
        columns: Arc::new(columns),
        mask: Mask::default(),
    };
    let (_, proof) = trace
        .finish::<ParameterAir>(session, inputs, Some(coordinates(vec![sums])))
        .map_err(ProveError::Parameters)?;
    Ok(proof)
}
