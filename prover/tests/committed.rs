//! Committed models: verifiers who hold the key accept what is true, and nothing else.

use std::sync::Arc;

use winterforge_air::plan::PlanParameters;
use winterforge_model::testing::{RandomMlp, RandomNet, random_sample};
use winterforge_model::{Graph, Op, load, read_input};
use winterforge_prover::{KeyMismatch, ProveError, ProvingKey, Silent, prove, prove_with_key};
use winterforge_verifier::bundle::{HashId, Header, Parameters};
use winterforge_verifier::key::Key;
use winterforge_verifier::security::{Profile, SecurityLevel};
use winterforge_verifier::{Policy, VerifyError, verify, verify_with_key};

fn samples(graph: &Graph, seed: u64, batch: u64) -> Vec<f32> {
    (0..batch)
        .flat_map(|sample| random_sample(seed * 100 + sample, graph))
        .collect()
}

/// A key as a verifier reads it.
fn reread(key: &Key) -> Key {
    Key::decode(&key.encode().unwrap()).unwrap()
}

fn check(graph: &Arc<Graph>, seed: u64, batch: u64, parameters: Parameters) {
    let x = samples(graph, seed, batch);
    let key = ProvingKey::setup(graph, parameters).unwrap();
    assert_eq!(
        key.key.encode(),
        ProvingKey::setup(graph, parameters).unwrap().key.encode()
    );
    let proved = prove_with_key(graph, &key, &x, &Silent).unwrap();
    let verified = verify_with_key(&proved.bundle, &reread(&key.key), &Policy::default()).unwrap();
    assert_eq!(verified.header, proved.header);
    assert!(verified.ledger.bits() >= parameters.level.bits());
    // The same statement as in open mode, the same execution.
    let open = prove(graph, &x, parameters, &Silent).unwrap();
    assert_eq!(open.header.model_id, proved.header.model_id);
    assert_eq!(open.header.output, proved.header.output);
    // A key from a file proves as the one from the setup does.
    let reread = ProvingKey::new(graph, reread(&key.key)).unwrap();
    let again = prove_with_key(graph, &reread, &x, &Silent).unwrap();
    assert_eq!(again.bundle, proved.bundle);
}

#[test]
fn random_matrix_products() {
    for seed in 0..5 {
        println!("seed {seed}");
        let graph = Arc::new(RandomMlp::any(seed, 24).build());
        check(&graph, seed, 1 + seed % 3, Parameters::default());
    }
}

#[test]
fn random_networks_of_images() {
    let provable = |seed: &u64| {
        let graph = Arc::new(RandomNet::any(*seed).build());
        winterforge_air::plan::compile(graph, 2, PlanParameters::default()).is_ok()
    };
    for seed in (0..40).filter(provable).take(8) {
        println!("seed {seed}");
        let graph = Arc::new(RandomNet::any(seed).build());
        check(&graph, seed, 2, Parameters::default());
    }
}

#[test]
fn encoders() {
    for model in ["attn_digits", "encoder", "tokens"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models");
        let graph = load(&folder.join(model).join("model.onnx")).unwrap();
        check(&Arc::new(graph), 1, 2, Parameters::default());
    }
}

/// The key holds the table, since who verifies looks up.
#[test]
fn models_that_take_tokens() {
    for seed in [2, 5, 8] {
        println!("seed {seed}");
        let graph = Arc::new(RandomNet::encoder(seed).build());
        assert!(graph.vocabulary().is_some());
        check(&graph, seed, 2, Parameters::default());
    }
}

#[test]
fn other_parameters_of_proofs_and_several_shards() {
    let graph = Arc::new(RandomMlp::any(3, 24).build());
    let high = Parameters {
        level: SecurityLevel::Bits128,
        profile: Profile::Fast,
        ..Parameters::default()
    };
    check(&graph, 3, 1, high);
    let poseidon2 = Parameters {
        hash: HashId::Poseidon2,
        ..Parameters::default()
    };
    check(&graph, 3, 2, poseidon2);
    let short = Parameters {
        plan: PlanParameters { max_log_rows: 9 },
        ..Parameters::default()
    };
    let graph = Arc::new(RandomMlp::any(5, 16).build());
    check(&graph, 5, 60, short);
}

/// A model with one weight, bias or scale changed.
fn changed(graph: &Graph, edit: impl Fn(&mut Op)) -> Arc<Graph> {
    let mut graph = graph.clone();
    let node = graph
        .nodes
        .iter_mut()
        .find(|node| matches!(node.op, Op::Linear(_)));
    edit(&mut node.unwrap().op);
    graph.validate().unwrap();
    Arc::new(graph)
}

#[test]
fn a_proof_about_other_parameters_does_not_pass_for_the_keys() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models/mlp_bc");
    let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
    let inputs = read_input(&folder.join("inputs.npz"), &graph).unwrap();
    let key = ProvingKey::setup(&graph, Parameters::default()).unwrap();
    let edits: [fn(&mut Op); 3] = [
        |op| {
            if let Op::Linear(linear) = op {
                linear.weights[7] += if linear.weights[7] > 0 { -1 } else { 1 };
            }
        },
        |op| {
            if let Op::Linear(linear) = op {
                linear.bias[1] += 1;
            }
        },
        |op| {
            if let Op::Linear(linear) = op {
                linear.requant[2].multiplier ^= 1;
            }
        },
    ];
    for (index, edit) in edits.into_iter().enumerate() {
        let other = changed(&graph, edit);
        // The other model's honest proof, under its own key but with the victim's name and digest in the statement.
        let own = ProvingKey::setup(&other, Parameters::default()).unwrap();
        assert_ne!(own.key.root, key.key.root, "edit {index}");
        let proved = prove_with_key(&other, &own, inputs.sample(0), &Silent).unwrap();
        let policy = Policy::default();
        assert!(matches!(
            verify_with_key(&proved.bundle, &key.key, &policy),
            Err(VerifyError::Model { .. })
        ));
        let mut forged_key = own.key.clone();
        forged_key.model_id = key.key.model_id;
        assert!(matches!(
            verify_with_key(&proved.bundle, &forged_key, &policy),
            Err(VerifyError::Model { .. })
        ));
        // A prover may not take one model's key for another's.
        assert!(matches!(
            ProvingKey::new(&other, key.key.clone()),
            Err(ProveError::KeyMismatch(KeyMismatch::Model { .. }))
        ));
    }
}

#[test]
fn modes_do_not_mix() {
    let graph = Arc::new(RandomMlp::any(1, 16).build());
    let x = samples(&graph, 1, 1);
    let policy = Policy::default();
    let key = ProvingKey::setup(&graph, Parameters::default()).unwrap();
    let committed = prove_with_key(&graph, &key, &x, &Silent).unwrap();
    let open = prove(&graph, &x, Parameters::default(), &Silent).unwrap();
    assert!(matches!(
        verify(&committed.bundle, &graph, &policy),
        Err(VerifyError::NeedsKey(digest)) if digest == key.digest
    ));
    assert!(matches!(
        verify_with_key(&open.bundle, &key.key, &policy),
        Err(VerifyError::NeedsModel)
    ));
    let fast = Parameters {
        profile: Profile::Fast,
        ..Parameters::default()
    };
    let other = ProvingKey::setup(&graph, fast).unwrap();
    assert!(matches!(
        verify_with_key(&committed.bundle, &other.key, &policy),
        Err(VerifyError::Key { .. })
    ));
}

#[test]
fn every_part_of_a_committed_bundle_counts() {
    let graph = Arc::new(RandomMlp::any(2, 12).build());
    let x = samples(&graph, 2, 1);
    let key = ProvingKey::setup(&graph, Parameters::default()).unwrap();
    let bundle = prove_with_key(&graph, &key, &x, &Silent).unwrap().bundle;
    let policy = Policy::default();
    assert!(verify_with_key(&bundle, &key.key, &policy).is_ok());
    for length in [bundle.len() - 1, bundle.len() / 2, 100, 0] {
        assert!(verify_with_key(&bundle[..length], &key.key, &policy).is_err());
    }
    let mut longer = bundle.clone();
    longer.push(0);
    assert!(matches!(
        verify_with_key(&longer, &key.key, &policy),
        Err(VerifyError::Trailing(_))
    ));
    let step = bundle.len() / 150;
    for at in (0..bundle.len()).step_by(step.max(1)) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        assert!(
            verify_with_key(&changed, &key.key, &policy).is_err(),
            "byte {at}"
        );
    }
}

/// A key whose root commits to other parameters is another key, and proofs under the true one do not pass for it.
#[test]
fn the_root_is_checked() {
    let graph = Arc::new(RandomMlp::any(4, 12).build());
    let x = samples(&graph, 4, 1);
    let key = ProvingKey::setup(&graph, Parameters::default()).unwrap();
    let mut other = key.key.clone();
    other.root[0] ^= 1;
    // The prover notices that the root is not its own.
    let wrong = ProvingKey::new(&graph, other.clone()).unwrap();
    assert!(matches!(
        prove_with_key(&graph, &wrong, &x, &Silent),
        Err(ProveError::KeyMismatch(KeyMismatch::Content))
    ));
    // A bundle that names the other key has another seed: its shards fail already.
    let bundle = prove_with_key(&graph, &key, &x, &Silent).unwrap().bundle;
    let (mut header, length) = Header::decode(&bundle).unwrap();
    header.key = Some(other.digest().unwrap());
    let forged = [header.encode(), bundle[length..].to_vec()].concat();
    let verdict = verify_with_key(&forged, &other, &Policy::default());
    assert!(matches!(verdict, Err(VerifyError::Shard { .. })));
}
