//! What the bench rests on: its honest proofs are the prover's to the byte, and its joint check is the production one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::field::Cube;
use winterforge_air::joint::{JointCheck, PublicCodes};
use winterforge_air::plan::{Plan, PlanError, PlanParameters, compile};
use winterforge_air::shard_air::ShardInputs;
use winterforge_forge::case::Case;
use winterforge_forge::equations::{Rule, bend};
use winterforge_forge::forger::Witness;
use winterforge_forge::nets;
use winterforge_forge::parameters::{Keyed, ParameterTrace};
use winterforge_forge::stark::Deviation;
use winterforge_model::testing::{RandomMlp, RandomNet, Rng};
use winterforge_model::{Graph, load, read_input};
use winterforge_prover::{ProvingKey, Silent, prove, prove_with_key};
use winterforge_verifier::bundle::Parameters;
use winterforge_verifier::challenge::joint_challenges;
use winterforge_verifier::security::{Profile, SecurityLevel};
use winterforge_verifier::{Policy, verify, verify_with_key};

fn is_the_provers(case: &Case) {
    let proved = prove(&case.graph, &case.x, case.parameters, &Silent).unwrap();
    let forged = Witness::honest(case)
        .commit()
        .fill()
        .finish(Deviation::None);
    assert!(
        forged.bundle() == proved.bundle,
        "{:?}",
        case.instance.plan.shards[0].layout
    );
    let verified = verify(&proved.bundle, &case.graph, &Policy::default()).unwrap();
    assert_eq!(verified.header, case.header);
}

#[test]
fn honest_proofs_are_the_provers() {
    for case in [
        Case::two_tables(),
        Case::with_unused_lanes(),
        Case::zero(),
        Case::sharded(),
        nets::pool(),
        nets::maps(),
        nets::sum(),
        nets::conv(),
        nets::product(),
        nets::scaled(),
        nets::average(),
        nets::chain(),
        nets::softmax(),
        nets::norm(),
        nets::mat_mul(),
    ] {
        is_the_provers(&case);
    }
}

#[test]
fn honest_proofs_under_a_key_are_the_provers() {
    for case in [
        Case::two_tables(),
        Case::sharded(),
        nets::conv(),
        nets::average(),
    ] {
        let keyed = Keyed::new(&case);
        let forged = Witness::honest(&keyed.case)
            .commit()
            .fill()
            .finish(Deviation::None);
        let bundle = ParameterTrace::new(&keyed, &keyed.case, &forged).finish(Deviation::None);
        let key = ProvingKey::setup(&case.graph, case.parameters).unwrap();
        let proved = prove_with_key(&case.graph, &key, &case.x, &Silent).unwrap();
        assert!(bundle == proved.bundle);
        verify_with_key(&bundle, &keyed.key, &Policy::default()).unwrap();
    }
}

#[test]
fn honest_proofs_are_the_provers_in_every_profile() {
    let case = Case::two_tables();
    for profile in [Profile::Fast, Profile::Small] {
        for level in [SecurityLevel::Bits100, SecurityLevel::Bits128] {
            let parameters = Parameters {
                level,
                profile,
                ..case.parameters
            };
            let x = case.x.clone();
            is_the_provers(&Case::new(case.graph.as_ref().clone(), x, parameters));
        }
    }
}

#[test]
fn honest_proofs_of_the_reference_models_are_the_provers() {
    for (model, file) in [("mlp_digits", "model.onnx"), ("mlp_bc", "model_u8.onnx")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../testdata/models")
            .join(model);
        let graph = load(&folder.join(file)).unwrap();
        let samples = read_input(&folder.join("inputs.npz"), &graph).unwrap();
        let x = samples.data[..3 * samples.sample_len].to_vec();
        is_the_provers(&Case::new(graph, x, Parameters::default()));
    }
}

/// Compares the production coefficients with those of the equations written out; `None` if the graph has no plan.
fn compare(graph: Graph, seed: u64, max_batch: i64) -> Option<BTreeSet<&'static str>> {
    let graph = Arc::new(graph);
    let mut rng = Rng::new(seed);
    let batch = rng.int(1, max_batch) as usize;
    // Tables of steps do not fit the shortest traces.
    let max_log_rows = if seed.is_multiple_of(2) { 9 } else { 13 };
    let parameters = PlanParameters { max_log_rows };
    let plan = match compile(graph.clone(), batch, parameters) {
        Ok(plan) => plan,
        Err(PlanError::NothingToProve) => return None,
        Err(PlanError::TooLarge { .. } | PlanError::Channel { .. }) => return None,
        Err(error) => panic!("seed {seed}: {error}"),
    };
    let mut bytes = |count: usize| (0..count).map(|_| rng.next_u64() as u8).collect();
    let codes = PublicCodes {
        input: bytes(batch * graph.tensor(graph.input).len()),
        output: bytes(batch * graph.output_len()),
    };
    let challenges = joint_challenges::<Cube>(&[seed as u8; 32]);
    let joint = JointCheck::new(&plan, challenges, &codes);
    let inputs = |shard: usize| ShardInputs::new(&plan, shard, &joint, [0; 32], Cube::ZERO);
    let honest: Vec<ShardInputs> = (0..plan.shards.len()).map(inputs).collect();
    let mut bent = honest.clone();
    let (bent, total) = bend(&plan, &Rule::honest(&plan), challenges, &codes, &mut bent);
    assert_eq!(total, joint.total, "seed {seed}");
    for (honest, bent) in honest.iter().zip(&bent) {
        assert_eq!(honest.challenges, bent.challenges, "seed {seed}");
        let split = |inputs: &ShardInputs| -> Vec<_> { inputs.columns.split(3).collect() };
        let (honest, bent) = (split(honest), split(bent));
        assert_eq!(honest.len(), bent.len(), "seed {seed}");
        for (index, (honest, bent)) in honest.iter().zip(&bent).enumerate() {
            assert_eq!(honest, bent, "seed {seed} column {index}");
        }
    }
    every_equation_has_an_exponent_of_its_own(&plan, seed);
    Some(graph.nodes.iter().map(|node| node.op.name()).collect())
}

#[test]
fn the_joint_check_is_its_equations() {
    for seed in 0..40 {
        let compared = compare(RandomMlp::any(seed, 9).build(), seed, 40);
        assert!(compared.is_some(), "seed {seed}: no plan");
    }
}

#[test]
fn the_joint_check_of_random_networks_is_its_equations() {
    let mut compared = 0;
    let mut operators: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..1200 {
        let Some(names) = compare(RandomNet::any(seed).build(), seed, 4) else {
            continue;
        };
        compared += 1;
        for name in names {
            *operators.entry(name).or_default() += 1;
        }
    }
    println!("{compared} networks: {operators:?}");
    let proven = [
        "Conv",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "Add",
        "Mul",
        "Table",
        "Concat",
        "Transpose",
        "Pad",
        "View",
    ];
    for name in proven {
        assert!(
            operators.get(name).is_some_and(|&count| count > 3),
            "{name}"
        );
    }
}

/// Lanes that hold nothing included.
fn every_equation_has_an_exponent_of_its_own(plan: &Plan, seed: u64) {
    let mut seen = vec![false; plan.equations as usize];
    let mut mark = |equation: u64| {
        assert!(
            !std::mem::replace(&mut seen[equation as usize], true),
            "seed {seed}: equation {equation} twice"
        );
    };
    for shard in &plan.shards {
        for table in &shard.layout.tables {
            for row in shard.rows(table.kind) {
                let links = plan.links(row.piece as usize) as u64;
                let first = plan.channel_equation(row.piece as usize, row.channel as usize)
                    + u64::from(row.first) * links;
                (first..first + table.lanes as u64 * links).for_each(&mut mark);
            }
        }
    }
    let outputs = (plan.batch * plan.graph.output_len()) as u64;
    (plan.output_equations..plan.output_equations + outputs).for_each(&mut mark);
    for (index, piece) in plan.pieces.list.iter().enumerate() {
        let used = (plan.instances(index) * plan.links(index)) as u64;
        for channel in 0..piece.channels {
            let first = plan.channel_equation(index, channel);
            let missing = (first..first + used).find(|&equation| !seen[equation as usize]);
            assert_eq!(missing, None, "seed {seed}: nobody keeps this equation");
        }
    }
}
