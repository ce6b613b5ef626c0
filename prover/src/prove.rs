//! From samples to a bundle.

use std::sync::Arc;

use rayon::prelude::*;
use winter_air::Air;
use winter_air::TraceInfo;
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{ElementHasher, RandomCoinError};
use winter_math::FieldElement;
use winter_math::ToElements;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{JointCheck, constant_columns};
use winterforge_air::mask::Mask;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_model::{Boundary, ExecuteError, Execution, Graph, execute};
use winterforge_verifier::bundle::{HashId, Header, Parameters, PublicTensor, Values};
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, InstanceError, StatementError, public_codes};
use winterforge_verifier::stark::{ShardProof, StarkError};

use crate::progress::{Phase, Progress};
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
    let batch = x.len() / graph.input_len();
    if batch == 0 || !x.len().is_multiple_of(graph.input_len()) {
        return Err(ProveError::NoSamples);
    }
    let instance = Instance::new(graph.clone(), batch, parameters)?;
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
    );
    let bundle = match parameters.hash {
        HashId::Blake3 => {
            prove_shards::<Blake3_256<Felt>>(&instance, &header, &executions, progress)?
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
    }
}

fn prove_shards<H: ElementHasher<BaseField = Felt> + Send + Sync>(
    instance: &Instance,
    header: &Header,
    executions: &[Execution],
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
            witness::fill_multiplicities(plan, &shard.layout, &mask, &mut columns, &constants);
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
    let joint = JointCheck::<Cube>::new(plan, joint_challenges(&seed), &codes);

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
            let proof = committed
                .finish(inputs, aux)
                .map_err(ProveError::Transcript)?;
            let proof = ShardProof::<Cube, H>::from_winterfell(proof, &air, &elements).map_err(
                |source| ProveError::Shard {
                    shard: index,
                    source,
                },
            )?;
            progress.shard_done();
            Ok((claim, proof))
        })
        .collect::<Result<Vec<_>, ProveError>>()?;

    Ok(encode_bundle(header_encoding, &proofs))
}

/// Header, main roots, all claims but the last, then the shards' bodies.
fn encode_bundle<H: ElementHasher<BaseField = Felt>>(
    header: Vec<u8>,
    proofs: &[(Cube, ShardProof<Cube, H>)],
) -> Vec<u8> {
    let mut bytes = header;
    for (_, proof) in proofs {
        bytes.extend(winter_prover::Serializable::to_bytes(&proof.main_root));
    }
    for (claim, _) in &proofs[..proofs.len() - 1] {
        bytes.extend_from_slice(Cube::elements_as_bytes(&[*claim]));
    }
    for (_, proof) in proofs {
        bytes.extend(proof.encode());
    }
    bytes
}
