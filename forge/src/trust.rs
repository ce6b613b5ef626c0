//! A verifier that trusts: the production loop with derivations that can be taken from the prover instead.
//!
//! Seed, plan and challenges are no checks that could be skipped: the verifier computes them and never sees the
//! prover's. What they are good for shows in a verifier that takes the prover's word for one of them. With nothing
//! trusted its verdict must equal that of [`verify`](winterforge_verifier::verify) on every attack; where that one folds
//! all claims about public columns, this one builds the columns and compares value by value.

use std::sync::Arc;

use winter_air::Air;
use winter_math::{FieldElement, ToElements};
use winter_utils::Deserializable;
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::Cube;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs};
use winterforge_air::shard_air::ShardAir;
use winterforge_model::Graph;
use winterforge_verifier::Policy;
use winterforge_verifier::bundle::Header;
use winterforge_verifier::challenge::{
    folding_challenge, folding_seed, joint_challenges, joint_seed,
};
use winterforge_verifier::instance::{Instance, public_codes};
use winterforge_verifier::key::Key;
use winterforge_verifier::stark::{Reader, StarkError, lagrange_at, verify_shard};

use crate::equations::{Rule, public_inputs};
use crate::merkle::{Digest, Hash};

/// What is taken from the prover.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Plan, options and geometry.
    pub instance: Option<Instance>,
    /// The joint seed.
    pub seed: Option<[u8; 32]>,
    /// The challenge that folds the claims: they are then compared as one sum.
    pub folding: Option<Cube>,
    /// What the sum over the parameters must be.
    pub parameter_claim: Option<Cube>,
    /// The exponents of the joint check.
    pub rule: Option<Rule>,
}

/// Verifies as the production code does, with derivations taken from `trust`; against a key where there is one.
///
/// # Errors
/// The production code's error in its `Debug` form.
pub fn verify_trusting(
    bundle: &[u8],
    graph: &Arc<Graph>,
    key: Option<&Key>,
    policy: &Policy,
    trust: &Trust,
) -> Result<(), String> {
    let (header, length) = Header::decode(bundle).map_err(|error| format!("Bundle({error:?})"))?;
    let derived = match (key, header.key) {
        (None, None) => Instance::new(graph.clone(), header.batch(), header.parameters),
        (Some(_), Some(_)) => Instance::committed(graph.clone(), header.batch(), header.parameters),
        (None, Some(digest)) => return Err(format!("NeedsKey({digest:?})")),
        (Some(_), None) => return Err("NeedsModel".to_owned()),
    };
    let derived = derived.map_err(|error| format!("Instance({error:?})"))?;
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

    let stark = &policy.leniency.stark;
    let mut reader = Reader::new(rest);
    let claims: Vec<Cube> = reader
        .elements(plan.shards.len(), "the claims", stark)
        .map_err(|error| format!("Commitments({error:?})"))?;
    let (mut claimed, mut held, mut lagrange) = (Vec::new(), Vec::new(), Vec::new());
    for (shard, mut inner) in inputs.into_iter().enumerate() {
        let in_shard =
            |source: StarkError| format!("Shard {{ shard: {shard}, source: {source:?} }}");
        let count = claimed_columns(&inner.layout);
        let values: Vec<Cube> = reader
            .elements(count, "the values of the public columns", stark)
            .map_err(in_shard)?;
        let columns = std::mem::take(&mut inner.columns);
        inner.evaluations = Cube::slice_as_base_elements(&values).to_vec();
        inner.set_claim(claims[shard]);
        inner.mask = policy.leniency.constraints.clone();
        let elements = inner.to_elements();
        let info = instance.trace_infos[shard].clone();
        let air = ShardAir::new(info, inner, instance.options.clone());
        let z =
            verify_shard::<ShardAir, Cube, Hash>(&air, &elements, roots[shard], &mut reader, stark)
                .map_err(in_shard)?;
        claimed.push(values);
        lagrange.push(lagrange_at(air.trace_length(), z));
        held.push(columns.evaluate(&lagrange[shard]));
    }
    let sum = claims.iter().fold(Cube::ZERO, |sum, &claim| sum + claim);
    if let (Some(key), Some(shard)) = (key, &instance.parameters) {
        let proofs = 32 * plan.shards.len() + reader.offset();
        let folding_seed = folding_seed(&seed, &bundle[length..length + proofs]);
        let lambda = trust
            .folding
            .unwrap_or_else(|| folding_challenge(&folding_seed));
        let challenges = joint_challenges(&seed);
        let evaluation = Evaluation::new(plan, challenges, &codes, &lagrange, lambda);
        let folded = combine(plan, &claimed, sum, lambda) - evaluation.constant;
        let inputs = ParameterInputs {
            layout: shard.layout.clone(),
            seed: folding_seed,
            claim: trust.parameter_claim.unwrap_or(folded),
            evaluation: Arc::new(evaluation),
            kinds: Arc::new(plan.kinds.clone()),
            columns: Arc::default(),
            mask: policy.leniency.constraints.clone(),
        };
        let elements = inputs.to_elements();
        let (info, options) = (shard.trace_info.clone(), instance.options.clone());
        let air = ParameterAir::new(info, inputs, options);
        let root = Digest::read_from_bytes(&key.root).map_err(|error| error.to_string())?;
        verify_shard::<ParameterAir, Cube, Hash>(&air, &elements, root, &mut reader, stark)
            .map_err(|source| format!("Parameters({source:?})"))?;
        return reader
            .finish(stark)
            .map_err(|error| format!("Trailing({error:?})"));
    }
    let holds = match trust.folding {
        None => sum == total && claimed == held,
        Some(lambda) => combine(plan, &claimed, sum, lambda) == combine(plan, &held, total, lambda),
    };
    if !holds {
        return Err("PublicColumns".to_owned());
    }
    reader
        .finish(stark)
        .map_err(|error| format!("Trailing({error:?})"))
}
