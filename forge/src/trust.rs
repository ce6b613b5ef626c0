//! A verifier that trusts: the production loop with derivations that can be taken from the prover instead.
//!
//! Seed, plan, coefficients and last claim are no checks that could be skipped: the verifier computes them and never
//! sees the prover's. What they are good for shows in a verifier that takes the prover's word for one of them. With
//! nothing trusted its verdict must equal that of [`verify`](winterforge_verifier::verify) on every attack.

use std::sync::Arc;

use winter_air::Air;
use winter_math::{FieldElement, ToElements};
use winter_utils::Deserializable;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::shard_air::ShardAir;
use winterforge_model::Graph;
use winterforge_verifier::Policy;
use winterforge_verifier::bundle::Header;
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, public_codes};
use winterforge_verifier::stark::{Reader, verify_shard};

use crate::equations::{Rule, public_inputs};
use crate::merkle::{Digest, Hash};

/// What is taken from the prover.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Plan, options and geometry.
    pub instance: Option<Instance>,
    /// The joint seed.
    pub seed: Option<[u8; 32]>,
    /// Every shard's claim, whatever they add up to.
    pub claims: Option<Vec<Cube>>,
    /// The exponents of the joint check.
    pub rule: Option<Rule>,
}

/// Verifies as the production code does, with derivations taken from `trust`.
///
/// # Errors
/// The production code's error in its `Debug` form.
pub fn verify_trusting(
    bundle: &[u8],
    graph: &Arc<Graph>,
    policy: &Policy,
    trust: &Trust,
) -> Result<(), String> {
    let (header, length) = Header::decode(bundle).map_err(|error| format!("Bundle({error:?})"))?;
    let derived = Instance::new(graph.clone(), header.batch(), header.parameters)
        .map_err(|error| format!("Instance({error:?})"))?;
    let instance = trust.instance.as_ref().unwrap_or(&derived);
    let plan = &instance.plan;
    let codes =
        public_codes(&plan.graph, &header).map_err(|error| format!("Statement({error:?})"))?;

    let mut rest = &bundle[length..];
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count).ok_or("Commitments")?;
        rest = tail;
        Ok::<_, String>(head)
    };
    let mut roots: Vec<Digest> = Vec::new();
    for _ in &plan.shards {
        roots.push(Digest::read_from_bytes(take(32)?).map_err(|error| error.to_string())?);
    }
    let mut claims = Vec::new();
    for _ in 1..plan.shards.len() {
        let words = take(24)?.chunks_exact(8).map(|word| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            Felt::new(u64::from_le_bytes(bytes))
        });
        claims.push(Cube::slice_from_base_elements(&words.collect::<Vec<_>>())[0]);
    }
    let geometry: Vec<_> = instance
        .trace_infos
        .iter()
        .cloned()
        .zip(roots.iter().copied())
        .collect();
    let seed = trust
        .seed
        .unwrap_or_else(|| joint_seed::<Hash>(&bundle[..length], &instance.options, &geometry));
    let rule = trust.rule.clone().unwrap_or_else(|| Rule::honest(plan));
    let (inputs, total) = public_inputs(plan, &rule, joint_challenges(&seed), seed, &codes);
    claims.push(claims.iter().fold(total, |rest, &claim| rest - claim));
    let claims = trust.claims.as_ref().unwrap_or(&claims);

    let mut reader = Reader::new(rest);
    for (shard, mut inner) in inputs.into_iter().enumerate() {
        inner.set_claim(claims[shard]);
        inner.mask = policy.leniency.constraints.clone();
        let elements = inner.to_elements();
        let info = instance.trace_infos[shard].clone();
        let air = ShardAir::new(info, inner, instance.options.clone());
        verify_shard::<ShardAir, Cube, Hash>(
            &air,
            &elements,
            roots[shard],
            &mut reader,
            &policy.leniency.stark,
        )
        .map_err(|source| format!("Shard {{ shard: {shard}, source: {source:?} }}"))?;
    }
    reader
        .finish(&policy.leniency.stark)
        .map_err(|error| format!("Trailing({error:?})"))
}
