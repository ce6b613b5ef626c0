//! The folded evaluation of the public columns equals the sum over the columns themselves.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes};
use winterforge_air::parameter_air::running_sum;
use winterforge_air::parameters::ParameterLayout;
use winterforge_air::pieces::Role;
use winterforge_air::plan::{Plan, PlanError, PlanParameters, compile, compile_skeleton};
use winterforge_model::Graph;
use winterforge_model::testing::{RandomMlp, RandomNet};

/// A sequence of field elements: splitmix64.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn element(&mut self) -> Cube {
        let mut coordinate = || Felt::new(self.word());
        Cube::new(coordinate(), coordinate(), coordinate())
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.word() as u8).collect()
    }
}

/// The claims and their folding, both ways; neither depends on the points being honest or the codes possible.
fn compare(plan: &Plan, seed: u64) {
    let mut random = Random(seed);
    let challenges = Challenges {
        rho: random.element(),
        kappa: random.element(),
        zeta: random.element(),
        alpha: random.element(),
    };
    let codes = PublicCodes {
        input: random.bytes(plan.batch * plan.graph.input_len()),
        output: random.bytes(plan.batch * plan.graph.output_len()),
    };
    let lagrange: Vec<Vec<Cube>> = (plan.shards.iter())
        .map(|shard| (0..shard.layout.rows()).map(|_| random.element()).collect())
        .collect();
    let lambda = random.element();

    let joint = JointCheck::<Cube>::new(plan, challenges, &codes);
    let columns: Vec<Vec<Cube>> = (plan.shards.iter().zip(&lagrange))
        .map(|(shard, lagrange)| {
            let claims = joint.public_columns(plan, shard).evaluate(lagrange);
            assert_eq!(claims.len(), claimed_columns(&shard.layout));
            claims
        })
        .collect();
    let expected = combine(plan, &columns, joint.total, lambda);
    let evaluation = Evaluation::new(plan, challenges, &codes, &lagrange, lambda);
    assert_eq!(evaluation.value(plan), expected, "seed {seed}");

    // Without the parameters, the same function; and the trace of parameters has the value.
    let graph = &plan.graph;
    let forms: Vec<_> = (plan.pieces.list.iter())
        .filter(|piece| graph.nodes[piece.node].op.requantized_channels() > 0)
        .map(|piece| match &piece.role {
            Role::Requant(forms) => forms.clone(),
            _ => panic!("a requantized operator"),
        })
        .collect();
    let skeleton = graph.skeleton();
    skeleton.validate_skeleton().unwrap();
    let skeleton =
        compile_skeleton(Arc::new(skeleton), &forms, plan.batch, plan.parameters).unwrap();
    assert_eq!(skeleton.shards, plan.shards, "seed {seed}");
    let evaluation = Evaluation::new(&skeleton, challenges, &codes, &lagrange, lambda);
    let layout = ParameterLayout::choose(&skeleton.graph, 18).unwrap();
    let columns = layout.columns(graph, &plan.pieces);
    let coefficients = layout.coefficients(&evaluation, &skeleton.kinds);
    let sums = running_sum(&columns, &coefficients);
    let last = sums.last().copied().unwrap();
    assert_eq!(evaluation.constant + last, expected, "seed {seed}");

    let weights: Vec<Cube> = (0..layout.rows()).map(|_| random.element()).collect();
    let weighed: Vec<Cube> = (coefficients.iter())
        .map(|column| {
            let values = Cube::slice_from_base_elements(column).iter();
            (values.zip(&weights)).fold(Cube::ZERO, |sum, (&value, &weight)| sum + value * weight)
        })
        .collect();
    let found = layout.weigh(&evaluation, &skeleton.kinds, &weights);
    assert_eq!(found, weighed, "seed {seed}");
}

fn check(graph: Graph, seed: u64, batch: usize, max_log_rows: u32) -> bool {
    match compile(Arc::new(graph), batch, PlanParameters { max_log_rows }) {
        Ok(plan) => {
            compare(&plan, seed);
            true
        }
        Err(PlanError::Parameters(_) | PlanError::Batch(_)) => panic!("seed {seed}"),
        Err(_) => false,
    }
}

#[test]
fn of_matrix_products() {
    for seed in 0..30 {
        let graph = RandomMlp::any(seed, 40).build();
        check(graph, seed, 1 + seed as usize % 5, 18);
    }
}

#[test]
fn of_networks_of_images() {
    let proven = (0..120).filter(|&seed| {
        let graph = RandomNet::any(seed).build();
        check(graph, seed, 1 + seed as usize % 3, 18)
    });
    assert!(proven.count() > 40);
}

#[test]
fn of_several_shards() {
    for seed in 0..6 {
        let graph = RandomMlp::any(seed, 40).build();
        check(graph, seed, 150, 9);
    }
    let proven = (0..30).filter(|&seed| check(RandomNet::any(seed).build(), seed, 12, 9));
    assert!(proven.count() > 5);
}

#[test]
fn a_changed_claim_shows() {
    let graph = RandomMlp::any(1, 20).build();
    let plan = compile(Arc::new(graph), 2, PlanParameters::default()).unwrap();
    let mut random = Random(9);
    let lambda = random.element();
    let claims: Vec<Cube> = (0..claimed_columns(&plan.shards[0].layout))
        .map(|_| random.element())
        .collect();
    let honest = combine(&plan, &[claims.clone()], Cube::ONE, lambda);
    for claim in 0..claims.len() {
        let mut changed = claims.clone();
        changed[claim] += Cube::ONE;
        assert_ne!(combine(&plan, &[changed], Cube::ONE, lambda), honest);
    }
    assert_ne!(combine(&plan, &[claims], Cube::ZERO, lambda), honest);
}
