//! Committed mode for the forger: the proof over the trace of parameters, in a stage whose fields may be overwritten.

use std::sync::Arc;

use winter_air::Air;
use winter_math::FieldElement;
use winter_utils::Deserializable;
use winterforge_air::evaluation::{Evaluation, combine};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::Challenges;
use winterforge_air::mask::Mask;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs, running_sum};
use winterforge_prover::ProvingKey;
use winterforge_verifier::challenge::{folding_challenge, folding_seed, joint_challenges};
use winterforge_verifier::instance::{Instance, public_codes};
use winterforge_verifier::key::{Key, KeyDigest};
use winterforge_verifier::stark::lagrange_at;

use crate::case::Case;
use crate::forger::{Forged, solve};
use crate::merkle::{Digest, Segment};
use crate::stark::{Deviation, prove_shard};

/// A key, and a case whose statement is made under it.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// What the verifier holds.
    pub key: Key,
    /// Its digest.
    pub digest: KeyDigest,
    /// The case.
    pub case: Case,
}

impl Keyed {
    /// Sets the model of a case up.
    ///
    /// # Panics
    /// If it has too many parameters.
    pub fn new(case: &Case) -> Self {
        let ProvingKey { key, digest, .. } =
            ProvingKey::setup(&case.graph, case.parameters).expect("a model with few parameters");
        Self {
            case: under(case, digest),
            key,
            digest,
        }
    }

    /// Another case, its statement made as if it were about the model of this key.
    pub fn impersonated_by(&self, other: &Case) -> Case {
        let mut other = under(other, self.digest);
        other.header.model_id = self.key.model_id;
        other
    }
}

/// A case in committed mode.
fn under(case: &Case, digest: KeyDigest) -> Case {
    let batch = case.executions.len();
    let instance = Instance::committed(case.graph.clone(), batch, case.parameters);
    let mut case = case.with_instance(instance.expect("a model with few parameters"));
    case.header.key = Some(digest);
    case
}

/// The trace of parameters and what must be shown about it.
#[derive(Clone, Debug)]
pub struct ParameterTrace<'a> {
    /// The forgery that it completes.
    pub forged: &'a Forged,
    instance: &'a Instance,
    /// What the verifier takes for the root of the main segment.
    pub root: Digest,
    /// The parameters.
    pub columns: Vec<Vec<Felt>>,
    /// The running sum over them.
    pub sums: Vec<Cube>,
    /// Seed, claim, coefficients, and the constraints that the forger does not keep.
    pub inputs: ParameterInputs,
}

impl<'a> ParameterTrace<'a> {
    /// The honest trace of the case's own parameters, and the claim that the verifier will derive.
    ///
    /// # Panics
    /// If the forgery is not of the case's shape.
    pub fn new(keyed: &Keyed, case: &'a Case, forged: &'a Forged) -> Self {
        let instance = &case.instance;
        let proofs = &forged.bundle()[forged.header.encode().len()..];
        let seed = folding_seed(&forged.seed, proofs);
        let lambda = folding_challenge(&seed);
        let (claim, evaluation) = fold(instance, forged, lambda);
        let shard = instance.parameters.as_ref().expect("committed mode");
        let kinds = instance.plan.kinds.clone();
        let coefficients = shard.layout.coefficients(&evaluation, &kinds);
        let columns = shard.layout.columns(&case.graph, &instance.plan.pieces);
        let sums = running_sum(&columns, &coefficients);
        Self {
            forged,
            instance,
            root: Digest::read_from_bytes(&keyed.key.root).expect("a digest"),
            columns,
            sums,
            inputs: ParameterInputs {
                layout: shard.layout.clone(),
                seed,
                claim,
                evaluation: Arc::new(evaluation),
                kinds: Arc::new(kinds),
                columns: Arc::new(coefficients),
                mask: Mask::default(),
            },
        }
    }

    /// By how much the sum over the parameters misses the claim.
    pub fn gap(&self) -> Cube {
        self.inputs.claim - self.sums[self.sums.len() - 1]
    }

    /// Takes another claim and other coefficients.
    pub fn fold_under(&mut self, claim: Cube, evaluation: Evaluation<Cube>) {
        let inputs = &mut self.inputs;
        let coefficients = inputs.layout.coefficients(&evaluation, &inputs.kinds);
        self.sums = running_sum(&self.columns, &coefficients);
        inputs.claim = claim;
        inputs.evaluation = Arc::new(evaluation);
        inputs.columns = Arc::new(coefficients);
    }

    /// Changes three parameters so that the sum is the claim.
    pub fn close_gap(&mut self) {
        let gap = self.gap();
        let target = [0, 1, 2].map(|coordinate| gap.base_element(coordinate));
        let coefficient = |row: usize| {
            let coordinates = &self.inputs.columns[0][3 * row..][..3];
            [coordinates[0], coordinates[1], coordinates[2]]
        };
        let changes = solve([coefficient(0), coefficient(1), coefficient(2)], target);
        for (cell, change) in self.columns[0].iter_mut().zip(changes) {
            *cell += change;
        }
        self.sums = running_sum(&self.columns, &self.inputs.columns);
    }

    /// The bundle.
    pub fn finish(self, deviation: Deviation) -> Vec<u8> {
        let instance = self.instance;
        let options = instance.options.clone();
        let main = Segment::of_columns(self.columns, options.blowup_factor());
        let shard = instance.parameters.as_ref().expect("committed mode");
        let air = ParameterAir::new(shard.trace_info.clone(), self.inputs, options);
        let proved = prove_shard(&air, &main, self.root, vec![self.sums], deviation);
        let mut bundle = self.forged.bundle();
        bundle.extend(proved.proof.encode());
        bundle
    }
}

/// The folded claims of a forgery: what the sum over the parameters must be, and its coefficients.
pub fn fold(instance: &Instance, forged: &Forged, lambda: Cube) -> (Cube, Evaluation<Cube>) {
    let plan = &instance.plan;
    let challenges: Challenges<Cube> = joint_challenges(&forged.seed);
    let codes = public_codes(&plan.graph, &forged.header).expect("a statement of this shape");
    let shards = forged.shards.iter().zip(&plan.shards);
    let lagrange: Vec<_> = shards
        .map(|(proved, shard)| lagrange_at(shard.layout.rows(), proved.point))
        .collect();
    let evaluations: Vec<_> = (forged.shards.iter())
        .map(|proved| proved.evaluations.clone())
        .collect();
    let total = forged
        .claims
        .iter()
        .fold(Cube::ZERO, |sum, &claim| sum + claim);
    let evaluation = Evaluation::new(plan, challenges, &codes, &lagrange, lambda);
    let claim = combine(plan, &evaluations, total, lambda) - evaluation.constant;
    (claim, evaluation)
}
