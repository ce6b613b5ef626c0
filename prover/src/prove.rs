//! From samples to a bundle.

use std::sync::Arc;

use rayon::prelude::*;
use winter_air::TraceInfo;
use winter_crypto::ElementHasher;
use winter_crypto::hashers::Blake3_256;
use winter_math::FieldElement;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{JointCheck, constant_columns};
use winterforge_air::mask::Mask;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_model::{Boundary, ExecuteError, Execution, Graph, execute};
use winterforge_verifier::bundle::{HashId, Header, Parameters, PublicTensor, Values};
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, InstanceError, StatementError, public_codes};
use winterforge_verifier::stark::ShardProof;

use crate::device::{CpuDevice, Device, Totals};
use crate::progress::{Phase, Progress};
use crate::stark::{CommittedTrace, DeviceHash, ProverError, Session};

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
    /// A trace was not proven.
    #[error("shard {shard}: {source}")]
    Shard {
        /// Index of the shard.
        shard: usize,
        /// Why.
        source: ProverError,
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
    /// What the device did.
    pub device: Totals,
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
    prove_on(&CpuDevice::default(), graph, x, parameters, progress)
}

/// [`prove`] with columns extended and committed to on `device`. The bytes of the bundle do not depend on it.
///
/// # Errors
/// [`ProveError`]; only a device that fails makes it fail where [`prove`] does not.
pub fn prove_on(
    device: &dyn Device,
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
    let session = Session::new(device);
    let bundle = match parameters.hash {
        HashId::Blake3 => {
            prove_shards::<Blake3_256<Felt>>(&session, &instance, &header, &executions, progress)?
        }
    };
    Ok(Proved {
        bundle,
        header,
        instance,
        device: session.totals(),
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

fn prove_shards<H: DeviceHash>(
    session: &Session<'_>,
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
    let committed = (plan.shards.par_iter().zip(&instance.trace_infos))
        .enumerate()
        .map(|(index, (shard, info))| {
            let mut columns = values.main_columns(shard);
            let constants = constant_columns(plan, shard);
            let mask = Mask::default();
            witness::fill_multiplicities(&shard.layout, &mask, &mut columns, &constants);
            let words: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
            let (info, options) = (info.clone(), instance.options.clone());
            let committed =
                CommittedTrace::<H>::new(session, info, options, &words).map_err(|source| {
                    ProveError::Shard {
                        shard: index,
                        source,
                    }
                })?;
            progress.shard_done();
            Ok((columns, committed))
        })
        .collect::<Result<Vec<_>, ProveError>>()?;

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
            let aux = coordinates(aux);
            drop(columns);
            let proof = committed
                .finish::<ShardAir>(session, inputs, Some(aux))
                .map_err(|source| ProveError::Shard {
                    shard: index,
                    source,
                })?;
            progress.shard_done();
            Ok((claim, proof))
        })
        .collect::<Result<Vec<_>, ProveError>>()?;

    Ok(encode_bundle(header_encoding, &proofs))
}

/// Columns of the extension, coordinate by coordinate.
fn coordinates(columns: Vec<Vec<Cube>>) -> Vec<Vec<Felt>> {
    let degree = Cube::EXTENSION_DEGREE;
    columns
        .into_iter()
        .flat_map(|column| {
            let words = Cube::slice_as_base_elements(&column);
            let coordinate = |at: usize| words.iter().skip(at).step_by(degree).copied().collect();
            (0..degree).map(coordinate).collect::<Vec<_>>()
        })
        .collect()
}

/// Header, main roots, all claims but the last, then the shards' bodies.
fn encode_bundle<H: ElementHasher<BaseField = Felt>>(
    header: Vec<u8>,
    proofs: &[(Cube, ShardProof<Cube, H>)],
) -> Vec<u8> {
    let mut bytes = header;
    for (_, proof) in proofs {
        bytes.extend(winter_utils::Serializable::to_bytes(&proof.main_root));
    }
    for (claim, _) in &proofs[..proofs.len() - 1] {
        bytes.extend_from_slice(Cube::elements_as_bytes(&[*claim]));
    }
    for (_, proof) in proofs {
        bytes.extend(proof.encode());
    }
    bytes
}
