//! The prover against winterfell's generic prover: the same bytes, whatever the device, its vectors and the threads.

mod shard;

use std::path::Path;
use std::sync::Arc;

use winter_air::{Air, TraceInfo};
use winter_crypto::Digest as _;
use winter_crypto::hashers::Blake3_256;
use winter_math::{FieldElement, ToElements};
use winterforge_air::constants::constant_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::JointCheck;
use winterforge_air::lookup_columns;
use winterforge_air::mask::Mask;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_model::{Execution, Graph, execute, load, read_input};
use winterforge_prover::device::{CpuDevice, Job, Level};
use winterforge_prover::stark::DeviceHash;
use winterforge_prover::{Mode, Resources, Silent, prove, prove_on};
use winterforge_verifier::bundle::{Header, Parameters};
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, public_codes};
use winterforge_verifier::poseidon2::Poseidon2;
use winterforge_verifier::security::Profile;
use winterforge_verifier::stark::ShardProof;

use shard::CommittedShard;

type Blake3 = Blake3_256<Felt>;

/// A model and the first cells of its inputs.
fn model(name: &str, samples: usize) -> (Arc<Graph>, Vec<f32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/models")
        .join(name);
    let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
    let inputs = read_input(&folder.join("inputs.npz"), &graph).unwrap();
    let x = (0..samples)
        .flat_map(|sample| inputs.sample(sample).to_vec())
        .collect();
    (graph, x)
}

fn parameters<H: DeviceHash>(profile: Profile) -> Parameters {
    Parameters {
        profile,
        hash: H::ID,
        ..Parameters::default()
    }
}

/// Main root, claim and body of each shard, proven with winterfell's parts.
fn stock<H: DeviceHash>(
    instance: &Instance,
    header: &Header,
    executions: &[Execution],
) -> Vec<(Cube, ShardProof<Cube, H>)> {
    let plan = &instance.plan;
    // Step 1: every main segment, before any challenge.
    let values = witness::Values::new(plan, executions);
    let committed: Vec<_> = (plan.shards.iter().zip(&instance.trace_infos))
        .map(|(shard, info)| {
            let mut columns = values.main_columns(shard);
            let constants = constant_columns(plan, shard);
            let mask = Mask::default();
            lookup_columns::fill_multiplicities(
                plan,
                &shard.layout,
                &mask,
                &mut columns,
                &constants,
            );
            let committed =
                CommittedShard::<H>::new(info.clone(), instance.options.clone(), columns.clone());
            (columns, committed)
        })
        .collect();

    // Step 2: the joint challenge.
    let header_encoding = header.encode();
    let geometry: Vec<(TraceInfo, H::Digest)> = instance
        .trace_infos
        .iter()
        .cloned()
        .zip(committed.iter().map(|(_, shard)| shard.main_root()))
        .collect();
    let seed = joint_seed::<H>(&header_encoding, &instance.options, &geometry);
    let codes = public_codes(&plan.graph, header).unwrap();
    let joint = JointCheck::<Cube>::new(plan, joint_challenges(&seed), &codes);

    // Step 3: each shard on its own.
    committed
        .into_iter()
        .enumerate()
        .map(|(index, (columns, committed))| {
            let layout = &plan.shards[index].layout;
            let mut inputs = ShardInputs::new(plan, index, &joint, seed, Cube::ZERO);
            let challenges = joint.constraint_challenges(layout);
            let public: Vec<_> = inputs.columns.split(Cube::EXTENSION_DEGREE).collect();
            let (aux, claim) =
                lookup_columns::aux_columns(layout, &inputs.mask, &columns, &public, &challenges);
            inputs.set_claim(claim);
            let elements = inputs.to_elements();
            let air = ShardAir::new(
                instance.trace_infos[index].clone(),
                inputs.clone(),
                instance.options.clone(),
            );
            let proof = committed.finish(inputs, aux).unwrap();
            let proof = ShardProof::<Cube, H>::from_winterfell(proof, &air, &elements);
            (claim, proof.unwrap())
        })
        .collect()
}

/// Proves in both ways; the statement is that of the proof under test.
fn compare<H: DeviceHash>(name: &str, samples: usize, profile: Profile) {
    let (graph, x) = model(name, samples);
    let proved = prove(&graph, &x, parameters::<H>(profile), &Silent).unwrap();
    let executions: Vec<Execution> = x
        .chunks(graph.input_len())
        .map(|x| execute(&graph, &graph.quantize_input(x)).unwrap())
        .collect();
    let want = stock::<H>(&proved.instance, &proved.header, &executions);
    let context = format!("{name}, {samples} samples, {profile:?}, {:?}", H::ID);
    let [(claim, proof)] = want.as_slice() else {
        panic!("one shard, {context}");
    };
    let shards = &proved.bundle[proved.header.encode().len()..];
    let root = proof.main_root.as_bytes();
    let start = [root.as_slice(), Cube::elements_as_bytes(&[*claim])].concat();
    assert!(shards.starts_with(&start), "{context}");
    assert!(shards.ends_with(&proof.encode()), "{context}");
}

#[test]
fn line_and_window_tables_prove_like_winterfell() {
    compare::<Blake3>("mlp_bc", 1, Profile::Fast);
    compare::<Blake3>("mlp_digits", 5, Profile::Balanced);
    compare::<Blake3>("mlp_digits", 40, Profile::Small);
}

#[test]
fn maxima_and_several_channels_prove_like_winterfell() {
    compare::<Blake3>("lenet_mnist", 1, Profile::Balanced);
}

#[test]
fn the_other_hash_proves_like_winterfell() {
    compare::<Poseidon2>("mlp_bc", 1, Profile::Fast);
    compare::<Poseidon2>("mlp_digits", 5, Profile::Balanced);
    compare::<Poseidon2>("mlp_digits", 40, Profile::Small);
}

#[test]
fn bytes_depend_on_neither_vectors_nor_threads() {
    on_every_level(parameters::<Blake3>(Profile::Balanced));
    on_every_level(parameters::<Poseidon2>(Profile::Balanced));
}

fn on_every_level(parameters: Parameters) {
    let (graph, x) = model("mlp_digits", 3);
    let want = prove(&graph, &x, parameters, &Silent).unwrap();
    assert!(want.device.of(Job::Extend).jobs > 0 && want.device.words() > 0);
    for &level in Level::available() {
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let device = CpuDevice::with_level(level);
            let proved = pool
                .install(|| {
                    prove_on(
                        Resources::on(&device),
                        &graph,
                        &x,
                        Mode::Open(parameters),
                        &Silent,
                    )
                })
                .unwrap();
            assert!(proved.bundle == want.bundle, "{level:?}, {threads} threads");
            assert_eq!(proved.device, want.device, "{level:?}, {threads} threads");
        }
    }
}
