//! From samples to a bundle.

use std::sync::Arc;

use rayon::prelude::*;
use winter_air::Air;
use winter_air::TraceInfo;
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{ElementHasher, RandomCoinError};
use winter_math::FieldElement;
use winter_math::ToElements;
use winterforge_air::evaluation::{Evaluation, combine};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes, constant_columns};
use winterforge_air::mask::Mask;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs, running_sum};
use winterforge_air::plan::Plan;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_model::{Boundary, ExecuteError, Execution, Graph, execute};
use winterforge_verifier::bundle::{HashId, Header, Parameters, PublicTensor, Values};
use winterforge_verifier::challenge::{
    folding_challenge, folding_seed, joint_challenges, joint_seed,
};
use winterforge_verifier::instance::{
    Instance, InstanceError, ParameterShard, StatementError, public_codes,
};
use winterforge_verifier::key::{KeyDigest, KeyError};
use winterforge_verifier::stark::{ShardProof, StarkError, lagrange_at};

use crate::progress::{Phase, Progress};
use crate::setup::{KeyMismatch, ProvingKey, digest_bytes};
use crate::shard::CommittedShard;

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The model, batch or parameters have no proof.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// No sample was given.
    #[error("there is no sample to prove")]
    NoSamples,
    /// A sample does not fit the model.
    #[error("sample {sample}: {source}")]
    Sample {
        /// Index among the samples given.
        sample: usize,
        /// Why.
        source: ExecuteError,
    },
    /// Inputs do not fit the model.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The transcript's hash gave no challenge.
    #[error("the transcript gave no challenge: {0}")]
    Transcript(RandomCoinError),
    /// The key is not this model's.
    #[error(transparent)]
    KeyMismatch(#[from] KeyMismatch),
    /// The key cannot be encoded.
    #[error(transparent)]
    Key(KeyError),
    /// The proof of the parameters does not have the planned form.
    #[error("the proof of the parameters came out malformed: {0}")]
    Parameters(StarkError),
    /// A finished shard proof does not have the planned form.
    #[error("shard {shard} came out malformed: {source}")]
    Shard {
        /// Index of the shard.
        shard: usize,
        /// What is wrong.
        source: StarkError,
    },
}

/// A finished proof.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The bytes of the bundle.
    pub bundle: Vec<u8>,
    /// The statement.
    pub header: Header,
    /// Plan, options and security.
    pub instance: Instance,
}

/// Proves what `graph` returns for a batch of samples.
///
/// `x` holds the samples one after another, each as the model is fed: float32, or whole numbers for a model whose input
/// is already quantized. The bytes of the bundle depend on nothing but the arguments.
///
/// # Errors
/// [`ProveError`]; a model that has a plan and samples that fit it do not fail.
pub fn prove(
    graph: &Arc<Graph>,
    x: &[f32],
    parameters: Parameters,
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    let instance = Instance::new(graph.clone(), batch_of(graph, x)?, parameters)?;
    prove_instance(instance, graph, x, parameters, None, progress)
}

/// As [`prove`], for verifiers who hold the key in place of the model.
///
/// # Errors
/// [`ProveError`]; a model that has a plan, its own key and samples that fit it do not fail.
pub fn prove_with_key(
    graph: &Arc<Graph>,
    key: &ProvingKey,
    x: &[f32],
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    let parameters = key.key.parameters;
    let instance = Instance::committed(graph.clone(), batch_of(graph, x)?, parameters)?;
    prove_instance(instance, graph, x, parameters, Some(key), progress)
}

/// Samples in `x`.
fn batch_of(graph: &Graph, x: &[f32]) -> Result<usize, ProveError> {
    let batch = x.len() / graph.input_len();
    if batch == 0 || !x.len().is_multiple_of(graph.input_len()) {
        return Err(ProveError::NoSamples);
    }
    Ok(batch)
}

fn prove_instance(
    instance: Instance,
    graph: &Arc<Graph>,
    x: &[f32],
    parameters: Parameters,
    key: Option<&ProvingKey>,
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    progress.phase(Phase::Execute);
    let executions = x
        .par_chunks_exact(graph.input_len())
        .enumerate()
        .map(|(sample, x)| {
            execute(graph, &graph.quantize_input(x))
                .map_err(|source| ProveError::Sample { sample, source })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let header = statement(
        graph,
        x,
        &executions,
        parameters,
        instance.plan.shards.len(),
        key.map(|key| key.digest),
    );
    let bundle = match parameters.hash {
        HashId::Blake3 => {
            prove_shards::<Blake3_256<Felt>>(&instance, &header, &executions, key, progress)?
        }
    };
    Ok(Proved {
        bundle,
        header,
        instance,
    })
}

/// The header of a bundle over these samples.
fn statement(
    graph: &Graph,
    x: &[f32],
    executions: &[Execution],
    parameters: Parameters,
    shards: usize,
    key: Option<KeyDigest>,
) -> Header {
    let batched = |tensor: usize| {
        let mut shape = vec![executions.len()];
        shape.extend_from_slice(&graph.tensors[tensor].shape);
        shape
    };
    let cells = |tensor: usize| {
        let values = executions
            .iter()
            .flat_map(|execution| execution.tensors[tensor].iter().copied())
            .collect();
        Values::Quantized(graph.tensors[tensor].quantization.qtype, values)
    };
    let input = match graph.input_boundary {
        Boundary::Float => Values::Float(x.to_vec()),
        Boundary::Quantized => cells(graph.input.0),
    };
    Header {
        model_id: graph.id(),
        parameters,
        input: PublicTensor {
            shape: batched(graph.input.0),
            values: input,
        },
        output: PublicTensor {
            shape: batched(graph.output.0),
            values: cells(graph.output.0),
        },
        shards: shards as u32,
        key,
    }
}

fn prove_shards<H: ElementHasher<BaseField = Felt> + Send + Sync>(
    instance: &Instance,
    header: &Header,
    executions: &[Execution],
    key: Option<&ProvingKey>,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ProveError>
where
    H::Digest: Send + Sync,
{
    let plan = &instance.plan;
    let shards = plan.shards.len();
    // Step 1: every main segment, before any challenge.
    progress.phase(Phase::Commit { shards });
    let values = witness::Values::new(plan, executions);
    let committed: Vec<_> = (plan.shards.par_iter().zip(&instance.trace_infos))
        .map(|(shard, info)| {
            let mut columns = values.main_columns(shard);
            let constants = constant_columns(plan, shard);
            let mask = Mask::default();
            witness::fill_multiplicities(&shard.layout, &mask, &mut columns, &constants);
            let committed =
                CommittedShard::<H>::new(info.clone(), instance.options.clone(), columns.clone());
            progress.shard_done();
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
    let codes = public_codes(&plan.graph, header)?;
    let joint_challenges = joint_challenges(&seed);
    let joint = JointCheck::<Cube>::new(plan, joint_challenges, &codes);

    // Step 3: each shard on its own.
    progress.phase(Phase::Prove { shards });
    let proofs = committed
        .into_par_iter()
        .enumerate()
        .map(|(index, (columns, committed))| {
            let layout = &plan.shards[index].layout;
            let mut inputs = ShardInputs::new(plan, index, &joint, seed, Cube::ZERO);
            let challenges = joint.constraint_challenges(layout.link_powers());
            let public: Vec<_> = inputs.columns.split(Cube::EXTENSION_DEGREE).collect();
            let (aux, claim) =
                witness::aux_columns(layout, &inputs.mask, &columns, &public, &challenges);
            inputs.set_claim(claim);
            let elements = inputs.to_elements();
            let air = ShardAir::new(
                instance.trace_infos[index].clone(),
                inputs.clone(),
                instance.options.clone(),
            );
            let columns = inputs.columns.clone();
            let (z, proof) = committed
                .finish::<ShardAir>(inputs, aux)
                .map_err(ProveError::Transcript)?;
            let lagrange = lagrange_at(layout.rows(), z);
            let evaluations = columns.evaluate(&lagrange);
            let proof = ShardProof::<Cube, H>::from_winterfell(proof, &air, &elements).map_err(
                |source| ProveError::Shard {
                    shard: index,
                    source,
                },
            )?;
            progress.shard_done();
            Ok(FinishedShard {
                claim,
                evaluations,
                lagrange,
                proof,
            })
        })
        .collect::<Result<Vec<_>, ProveError>>()?;

    let proofs_start = header_encoding.len();
    let mut bundle = encode_bundle(header_encoding, &proofs);
    if let (Some(key), Some(shard)) = (key, &instance.parameters) {
        // Step 4: the claims follow from the committed parameters.
        let seed = folding_seed(&seed, &bundle[proofs_start..]);
        let fold = Fold::new(plan, joint_challenges, &codes, proofs, seed);
        progress.phase(Phase::Parameters);
        let proof = prove_parameters::<H>(instance, shard, key, fold)?;
        bundle.extend(proof.encode());
    }
    Ok(bundle)
}

/// The claims of all shards, folded.
struct Fold {
    seed: [u8; 32],
    claim: Cube,
    evaluation: Evaluation<Cube>,
}

impl Fold {
    fn new<H: ElementHasher<BaseField = Felt>>(
        plan: &Plan,
        challenges: Challenges<Cube>,
        codes: &PublicCodes,
        shards: Vec<FinishedShard<H>>,
        seed: [u8; 32],
    ) -> Self {
        let lambda = folding_challenge(&seed);
        let total = shards
            .iter()
            .fold(Cube::ZERO, |sum, shard| sum + shard.claim);
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

/// The proof that the folded claims follow from the committed parameters.
fn prove_parameters<H: ElementHasher<BaseField = Felt> + Send + Sync>(
    instance: &Instance,
    shard: &ParameterShard,
    key: &ProvingKey,
    fold: Fold,
) -> Result<ShardProof<Cube, H>, ProveError>
where
    H::Digest: Send + Sync,
{
    let (info, options) = (&shard.trace_info, &instance.options);
    let committed = CommittedShard::<H>::new(info.clone(), options.clone(), key.columns.clone());
    if digest_bytes::<H>(&committed.main_root()) != key.key.root {
        return Err(KeyMismatch::Content.into());
    }
    let kinds = instance.plan.kinds.clone();
    let columns = shard.layout.coefficients(&fold.evaluation, &kinds);
    let aux = vec![running_sum(&key.columns, &columns)];
    let inputs = ParameterInputs {
        layout: shard.layout.clone(),
        seed: fold.seed,
        claim: fold.claim,
        evaluation: Arc::new(fold.evaluation),
        kinds: Arc::new(kinds),
        columns: Arc::new(columns),
    };
    let elements = inputs.to_elements();
    let air = ParameterAir::new(info.clone(), inputs.clone(), options.clone());
    let (_, proof) = committed
        .finish::<ParameterAir>(inputs, aux)
        .map_err(ProveError::Transcript)?;
    ShardProof::from_winterfell(proof, &air, &elements).map_err(ProveError::Parameters)
}

/// What one shard adds to a bundle.
struct FinishedShard<H: ElementHasher<BaseField = Felt>> {
    claim: Cube,
    evaluations: Vec<Cube>,
    lagrange: Vec<Cube>,
    proof: ShardProof<Cube, H>,
}

/// Header, main roots, claims, then the shards: values of the public columns, body.
fn encode_bundle<H: ElementHasher<BaseField = Felt>>(
    header: Vec<u8>,
    shards: &[FinishedShard<H>],
) -> Vec<u8> {
    let mut bytes = header;
    for shard in shards {
        bytes.extend(winter_prover::Serializable::to_bytes(
            &shard.proof.main_root,
        ));
    }
    for shard in shards {
        bytes.extend_from_slice(Cube::elements_as_bytes(&[shard.claim]));
    }
    for shard in shards {
        bytes.extend_from_slice(Cube::elements_as_bytes(&shard.evaluations));
        bytes.extend(shard.proof.encode());
    }
    bytes
}
