//! What the bench rests on: its honest proofs are the prover's to the byte, and its joint check is the production one.

use std::path::Path;
use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::field::Cube;
use winterforge_air::joint::{JointCheck, PublicCodes};
use winterforge_air::plan::{PlanParameters, compile};
use winterforge_air::shard_air::ShardInputs;
use winterforge_forge::case::Case;
use winterforge_forge::equations::{Rule, bend};
use winterforge_forge::forger::Witness;
use winterforge_forge::stark::Deviation;
use winterforge_model::testing::{RandomMlp, Rng};
use winterforge_model::{load, read_input};
use winterforge_prover::{Silent, prove};
use winterforge_verifier::bundle::Parameters;
use winterforge_verifier::challenge::joint_challenges;
use winterforge_verifier::security::{Profile, SecurityLevel};
use winterforge_verifier::{Policy, verify};

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
        Case::padded(),
        Case::zero(),
        Case::sharded(),
    ] {
        is_the_provers(&case);
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

#[test]
fn the_joint_check_is_its_equations() {
    for seed in 0..40 {
        let graph = Arc::new(RandomMlp::any(seed, 9).build());
        let mut rng = Rng::new(seed);
        let batch = rng.int(1, 40) as usize;
        let parameters = PlanParameters { max_log_rows: 9 };
        let Ok(plan) = compile(graph.clone(), batch, parameters) else {
            panic!("seed {seed}: no plan");
        };
        let mut bytes = |count: usize| (0..count).map(|_| rng.next_u64() as u8).collect();
        let codes = PublicCodes {
            input: bytes(batch * graph.input_len()),
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
            assert_eq!(honest.columns, bent.columns, "seed {seed}");
        }
    }
}

#[test]
fn every_equation_has_an_exponent_of_its_own() {
    for seed in 0..40 {
        let graph = Arc::new(RandomMlp::any(seed, 9).build());
        let plan = compile(graph.clone(), 7, PlanParameters::default()).unwrap();
        let mut seen = vec![false; plan.equations() as usize];
        let mut mark = |equation: u64, sample: usize| {
            let index = (sample as u64 * plan.equations_per_sample + equation) as usize;
            assert!(!std::mem::replace(&mut seen[index], true), "seed {seed}");
        };
        for shard in &plan.shards {
            for kind in [
                winterforge_air::layout::Kind::Line,
                winterforge_air::layout::Kind::Window,
            ] {
                for key in shard.rows(kind) {
                    for lane in 0..shard.layout.lanes(kind) {
                        mark(
                            plan.equation_in_sample(key),
                            key.first_sample as usize + lane,
                        );
                    }
                }
            }
        }
        for sample in 0..plan.padded_batch {
            for cell in 0..graph.output_len() as u64 {
                mark(plan.output_equations + cell, sample);
            }
        }
        assert!(seen.into_iter().all(|seen| seen), "seed {seed}");
    }
}
