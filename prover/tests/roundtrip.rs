//! Random models through prover and verifier, with stock winterfell's verdict beside ours.

use std::sync::Arc;

use winter_air::{Air, proof::Proof};
use winter_crypto::{DefaultRandomCoin, MerkleTree, hashers::Blake3_256};
use winter_math::ToElements;
use winter_prover::Deserializable;
use winter_verifier::AcceptableOptions;
use winterforge_air::evaluation::claimed_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::JointCheck;
use winterforge_air::plan::PlanParameters;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_model::testing::node_case::{Array, with_constants};
use winterforge_model::testing::{RandomAttention, RandomMlp, RandomNet, random_sample};
use winterforge_model::{Graph, Op, execute, import, load, read_input};
use winterforge_prover::stark::DeviceHash;
use winterforge_prover::{Silent, prove};
use winterforge_verifier::bundle::{HashId, Header, Parameters, Values};
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, StatementError, public_codes};
use winterforge_verifier::poseidon2::Poseidon2;
use winterforge_verifier::security::{Profile, SecurityLevel};
use winterforge_verifier::stark::{CheckMask, Reader, decode_shard};
use winterforge_verifier::{Policy, VerifyError, verify};

/// Samples that quantize to the random inputs of the model.
fn samples(graph: &Graph, seed: u64, batch: usize) -> Vec<f32> {
    (0..batch as u64)
        .flat_map(|sample| random_sample(seed * 100 + sample, graph))
        .collect()
}

/// Decodes a bundle's shards and asks stock winterfell about each.
fn stock_accepts<H: DeviceHash>(bundle: &[u8], graph: &Arc<Graph>) -> bool {
    let (header, length) = Header::decode(bundle).unwrap();
    let instance = Instance::new(graph.clone(), header.batch(), header.parameters).unwrap();
    let shards = instance.plan.shards.len();
    let (roots, rest) = bundle[length..].split_at(32 * shards);
    let (claims, proofs) = rest.split_at(24 * shards);
    let roots: Vec<_> = roots
        .chunks_exact(32)
        .map(|root| H::Digest::read_from_bytes(root).unwrap())
        .collect();
    let geometry: Vec<_> = instance
        .trace_infos
        .iter()
        .cloned()
        .zip(roots.iter().copied())
        .collect();
    let seed = joint_seed::<H>(&bundle[..length], &instance.options, &geometry);
    let codes = public_codes(graph, &header).unwrap();
    let joint = JointCheck::<Cube>::new(&instance.plan, joint_challenges(&seed), &codes);
    let claims: Vec<Cube> = claims
        .chunks_exact(24)
        .map(|claim| Cube::read_from_bytes(claim).unwrap())
        .collect();
    let mut reader = Reader::new(proofs);
    geometry
        .into_iter()
        .enumerate()
        .all(|(index, (info, root))| {
            let inputs = ShardInputs::new(&instance.plan, index, &joint, seed, claims[index]);
            // Stock winterfell evaluates the columns itself.
            let columns = claimed_columns(&inputs.layout);
            let _: Vec<Cube> = reader
                .elements(columns, "the claimed values", &CheckMask::NONE)
                .unwrap();
            let elements = inputs.to_elements();
            let air = ShardAir::new(info, inputs.clone(), instance.options.clone());
            let shard = decode_shard::<_, Cube, H>(&air, &elements, root, &mut reader).unwrap();
            let proof: Proof = shard.to_winterfell(&air, &elements).unwrap();
            winter_verifier::verify::<ShardAir, H, DefaultRandomCoin<H>, MerkleTree<H>>(
                proof,
                inputs,
                &AcceptableOptions::OptionSet(vec![instance.options.clone()]),
            )
            .is_ok()
        })
}

fn check(graph: &Arc<Graph>, x: &[f32], parameters: Parameters) -> usize {
    let proved = prove(graph, x, parameters, &Silent).unwrap();
    let verified = verify(&proved.bundle, graph, &Policy::default()).unwrap();
    assert_eq!(verified.header, proved.header);
    assert!(verified.ledger.bits() >= parameters.level.bits());
    assert!(match parameters.hash {
        HashId::Blake3 => stock_accepts::<Blake3_256<Felt>>(&proved.bundle, graph),
        HashId::Poseidon2 => stock_accepts::<Poseidon2>(&proved.bundle, graph),
    });
    let output =
        |x| execute(graph, &graph.quantize_input(x)).unwrap().tensors[graph.output.0].clone();
    let expected: Vec<i32> = x.chunks(graph.input_len()).flat_map(output).collect();
    assert!(matches!(&verified.header.output.values, Values::Quantized(_, q) if *q == expected));
    proved.instance.plan.shards.len()
}

#[test]
fn random_models_are_proven_and_stock_winterfell_agrees() {
    for seed in 0..8 {
        let graph = Arc::new(RandomMlp::any(seed, 24).build());
        let x = samples(&graph, seed, 1 + (seed as usize % 3));
        println!("seed {seed}");
        check(&graph, &x, Parameters::default());
    }
}

#[test]
fn random_attention_is_proven() {
    for seed in 0..8 {
        let graph = Arc::new(RandomAttention::any(seed).build());
        let x = samples(&graph, seed, 1 + (seed as usize % 3));
        println!("seed {seed}");
        check(&graph, &x, Parameters::default());
    }
}

/// Encoders, in every form: what is proven is what ONNX Runtime returned.
#[test]
fn encoders_are_proven() {
    for (model, file, sample) in [
        ("attn_digits", "model.onnx", 0),
        ("attn_digits", "model_qdq.onnx", 1),
        ("attn_digits", "model_u8.onnx", 2),
        ("encoder", "model.onnx", 3),
        ("encoder", "model_u8.onnx", 4),
        ("tokens", "model.onnx", 5),
        ("tokens", "model_qdq.onnx", 6),
        ("tokens", "model_u8.onnx", 7),
    ] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models");
        let graph = Arc::new(load(&folder.join(model).join(file)).unwrap());
        let samples = read_input(&folder.join(model).join("inputs.npz"), &graph).unwrap();
        check(&graph, samples.sample(sample), Parameters::default());
    }
}

/// Models that take tokens; the statement is about these tokens and no others.
#[test]
fn tokens_are_proven_and_bound() {
    let mut proven = 0;
    for seed in (2..40).step_by(3) {
        let graph = Arc::new(RandomNet::encoder(seed).build());
        let x = samples(&graph, seed, 2);
        println!("seed {seed}");
        check(&graph, &x, Parameters::default());
        let proved = prove(&graph, &x, Parameters::default(), &Silent).unwrap();
        let vocabulary = graph.vocabulary().unwrap() as u32;
        for other in [1, vocabulary - 1, vocabulary, u32::MAX] {
            let mut header = proved.header.clone();
            let Values::Tokens(tokens) = &mut header.input.values else {
                panic!("the statement holds tokens");
            };
            let last = tokens.last_mut().unwrap();
            if *last == other {
                continue;
            }
            *last = other;
            let (_, length) = Header::decode(&proved.bundle).unwrap();
            let forged = [header.encode().as_slice(), &proved.bundle[length..]].concat();
            let error = verify(&forged, &graph, &Policy::default()).unwrap_err();
            let unknown = matches!(
                error,
                VerifyError::Statement(StatementError::Token { token }) if token == other
            );
            assert_eq!(unknown, other >= vocabulary, "{error}");
            proven += 1;
        }
    }
    assert!(proven > 30, "{proven}");
}

#[test]
fn random_convolutional_networks_are_proven() {
    for seed in 0..24 {
        let graph = Arc::new(RandomNet::any(seed).build());
        println!("seed {seed}");
        check(&graph, &samples(&graph, seed, 2), Parameters::default());
    }
}

#[test]
fn levels_and_profiles() {
    let graph = Arc::new(RandomMlp::new(11, &[9, 7, 5]).build());
    let x = samples(&graph, 11, 40);
    for level in [SecurityLevel::Bits100, SecurityLevel::Bits128] {
        for profile in [Profile::Fast, Profile::Balanced, Profile::Small] {
            for hash in HashId::ALL {
                check(
                    &graph,
                    &x,
                    Parameters {
                        level,
                        profile,
                        hash,
                        ..Parameters::default()
                    },
                );
            }
        }
    }
}

#[test]
fn several_shards_under_one_challenge() {
    let plan = PlanParameters { max_log_rows: 9 };
    let graph = Arc::new(RandomMlp::new(3, &[12, 30, 20]).build());
    for hash in HashId::ALL {
        let shards = check(
            &graph,
            &samples(&graph, 3, 300),
            Parameters {
                plan,
                hash,
                ..Parameters::default()
            },
        );
        assert!(shards > 1, "the split was not exercised");
    }
}

/// The accumulators of a layer at and beyond the 24 bits that float32 holds.
#[test]
fn biases_at_the_24_bit_edge() {
    for (seed, bias) in [
        (1u64, (1 << 24) - 3),
        (2, -(1 << 24) + 1),
        (3, 1 << 24),
        (4, (1 << 25) + 1),
    ] {
        let mut graph = RandomMlp::new(seed, &[6, 8, 4]).build();
        for node in &mut graph.nodes {
            if let Op::Linear(linear) = &mut node.op {
                linear.bias.iter_mut().step_by(2).for_each(|b| *b = bias);
                // Scales at which such accumulators do not saturate.
                linear
                    .requant
                    .iter_mut()
                    .step_by(2)
                    .for_each(|requant| requant.shift = 41);
            }
        }
        graph.validate().unwrap();
        let graph = Arc::new(graph);
        println!("seed {seed} bias {bias}");
        check(&graph, &samples(&graph, seed, 2), Parameters::default());
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let graph = Arc::new(RandomMlp::new(5, &[12, 30, 20]).build());
    let x = samples(&graph, 5, 300);
    let parameters = Parameters {
        plan: PlanParameters { max_log_rows: 9 },
        ..Parameters::default()
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| prove(&graph, &x, parameters, &Silent).unwrap().bundle)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn damaged_bundles_are_rejected_without_panic() {
    HashId::ALL.into_iter().for_each(reject_damage);
}

fn reject_damage(hash: HashId) {
    let graph = Arc::new(RandomMlp::new(7, &[5, 4]).build());
    let bundle = prove(
        &graph,
        &samples(&graph, 7, 1),
        Parameters {
            hash,
            ..Parameters::default()
        },
        &Silent,
    )
    .unwrap()
    .bundle;
    let mut state = 1u64;
    for _ in 0..600 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = bundle.clone();
        let at = (state >> 20) as usize % bundle.len();
        damaged[at] ^= 1 << (state >> 61);
        assert!(
            verify(&damaged, &graph, &Policy::default()).is_err(),
            "byte {at}"
        );
    }
    for length in (0..bundle.len()).step_by(97) {
        assert!(
            verify(&bundle[..length], &graph, &Policy::default()).is_err(),
            "cut at {length}"
        );
    }
    let mut longer = bundle;
    longer.push(0);
    assert!(verify(&longer, &graph, &Policy::default()).is_err());
}

#[test]
fn words_beyond_the_modulus_are_no_digest() {
    let graph = Arc::new(RandomMlp::new(7, &[5, 4]).build());
    let parameters = Parameters {
        hash: HashId::Poseidon2,
        ..Parameters::default()
    };
    let x = samples(&graph, 7, 1);
    let proved = prove(&graph, &x, parameters, &Silent).unwrap();
    // The main root stands behind the header.
    let root = proved.header.encode().len();
    for word in 0..4 {
        for value in [Felt::ORDER, u64::MAX] {
            let mut bundle = proved.bundle.clone();
            bundle[root + 8 * word..][..8].copy_from_slice(&value.to_le_bytes());
            let error = verify(&bundle, &graph, &Policy::default()).unwrap_err();
            assert_eq!(
                error.code(),
                "malformed-commitments",
                "word {word}: {error}"
            );
        }
    }
}

/// The reference models in all their forms, single and in a batch; outputs are those that the executor, which is held
/// against ONNX Runtime's bytes in its own crate, computes.
#[test]
fn reference_models_are_proven() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models");
    for name in ["mlp_mnist", "mlp_digits", "mlp_bc", "lenet_mnist"] {
        for file in ["model.onnx", "model_u8.onnx", "model_qdq.onnx"] {
            let graph = Arc::new(load(&folder.join(name).join(file)).unwrap());
            let inputs = read_input(&folder.join(name).join("inputs.npz"), &graph).unwrap();
            println!("{name}/{file}");
            check(&graph, inputs.sample(7), Parameters::default());
            if file == "model.onnx" {
                check(
                    &graph,
                    &inputs.data[..5 * inputs.sample_len],
                    Parameters::default(),
                );
            }
        }
    }
}

/// ONNX's own node tests that are whole graphs: proven, with the outputs that ONNX gives.
#[test]
fn onnx_node_tests_are_proven() {
    for (case, batch) in [
        ("qlinearconv", false),
        ("qlinearmatmul_2D_int8_float32", false),
        ("qlinearmatmul_2D_uint8_float32", false),
        ("qlinearmatmul_3D_int8_float32", true),
        ("qlinearmatmul_3D_uint8_float32", true),
    ] {
        let model = with_constants(case, batch).write_buf().unwrap();
        let graph = Arc::new(import(&model, case).unwrap());
        let x = Array::read(case, "input_0.pb").integers();
        let x: Vec<f32> = x.into_iter().map(|x| x as f32).collect();
        println!("{case}");
        check(&graph, &x, Parameters::default());
        let proved = prove(&graph, &x, Parameters::default(), &Silent).unwrap();
        let expected = Array::read(case, "output_0.pb").integers();
        assert!(matches!(proved.header.output.values, Values::Quantized(_, q) if q == expected));
    }
}
