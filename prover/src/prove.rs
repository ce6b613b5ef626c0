//! From samples to a bundle.

use std::sync::Arc;

use rayon::prelude::*;
use winter_crypto::hashers::Blake3_256;
use winterforge_air::field::Felt;
use winterforge_model::{ExecuteError, Execution, Graph, InputBoundary, execute};
use winterforge_verifier::bundle::{HashId, Header, Parameters, Parents, PublicTensor, Values};
use winterforge_verifier::instance::{Instance, InstanceError, StatementError};
use winterforge_verifier::key::KeyError;
use winterforge_verifier::poseidon2::Poseidon2;

use crate::device::{CpuDevice, Device, Totals};
use crate::job::Job;
use crate::memory::{Demand, TooLittleMemory};
use crate::progress::{Phase, Progress};
use crate::setup::{KeyMismatch, ProvingKey};
use crate::stark::{ProverError, Session};

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
    /// The key is not this model's.
    #[error(transparent)]
    KeyMismatch(#[from] KeyMismatch),
    /// The key cannot be encoded.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The memory allowed is less than one trace takes.
    #[error(transparent)]
    Memory(#[from] TooLittleMemory),
    /// A main segment that was made a second time is not the first.
    #[error(
        "shard {shard}: its commitment came out differently the second time; the device is not reliable"
    )]
    OtherRoot {
        /// Index of the shard.
        shard: usize,
    },
    /// The trace of parameters was not committed to or proven.
    #[error("the trace of parameters: {0}")]
    Parameters(ProverError),
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

/// For whom a proof is made.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// For verifiers who hold the model.
    Open(Parameters),
    /// For verifiers who hold the key.
    Committed(&'a ProvingKey),
}

impl<'a> Mode<'a> {
    fn parameters(self) -> Parameters {
        match self {
            Self::Open(parameters) => parameters,
            Self::Committed(key) => key.key.parameters,
        }
    }

    fn key(self) -> Option<&'a ProvingKey> {
        match self {
            Self::Open(_) => None,
            Self::Committed(key) => Some(key),
        }
    }
}

/// What a proof is made with. The bytes of the bundle depend on none of it.
#[derive(Clone, Copy, Debug)]
pub struct Resources<'a> {
    /// Extends columns and commits to them.
    pub device: &'a dyn Device,
    /// Bytes that the proof may hold at once, besides model, key and samples; what is beyond that is made twice, and a
    /// proof that does not fit is refused.
    pub memory_bytes: Option<u64>,
}

impl<'a> Resources<'a> {
    /// A device, and as much memory as it takes.
    pub fn on(device: &'a dyn Device) -> Self {
        Self {
            device,
            memory_bytes: None,
        }
    }
}

/// Proves what `graph` returns for a batch of samples, for verifiers who hold the model.
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
    let device = CpuDevice::default();
    let resources = Resources::on(&device);
    prove_on(resources, graph, x, Mode::Open(parameters), progress)
}

/// As [`prove`], for verifiers who hold the key.
///
/// # Errors
/// [`ProveError`]; a model that has a plan, its own key and samples that fit it do not fail.
pub fn prove_with_key(
    graph: &Arc<Graph>,
    key: &ProvingKey,
    x: &[f32],
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    let device = CpuDevice::default();
    let resources = Resources::on(&device);
    prove_on(resources, graph, x, Mode::Committed(key), progress)
}

/// As [`prove`], in either mode, with the resources given.
///
/// # Errors
/// [`ProveError`]; only a device that fails, too little memory, or another model's key make it fail where [`prove`] does
/// not.
pub fn prove_on(
    resources: Resources<'_>,
    graph: &Arc<Graph>,
    x: &[f32],
    mode: Mode<'_>,
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    prove_after(resources, graph, x, mode, Parents::default(), progress)
}

/// As [`prove_on`], naming the bundles that this one comes from ([`winterforge_verifier::lineage`]).
///
/// # Errors
/// As [`prove_on`].
pub fn prove_after(
    resources: Resources<'_>,
    graph: &Arc<Graph>,
    x: &[f32],
    mode: Mode<'_>,
    parents: Parents,
    progress: &dyn Progress,
) -> Result<Proved, ProveError> {
    let batch = x.len() / graph.input_len();
    if batch == 0 || !x.len().is_multiple_of(graph.input_len()) {
        return Err(ProveError::NoSamples);
    }
    let instance = match mode {
        Mode::Open(parameters) => Instance::new(graph.clone(), batch, parameters)?,
        Mode::Committed(key) => Instance::committed(graph.clone(), batch, key.key.parameters)?,
    };
    let threads = rayon::current_num_threads();
    let demand = Demand::new(&instance, threads, resources.device.copies());
    let schedule = demand.schedule(resources.memory_bytes)?;
    progress.phase(Phase::Execute);
    let executions = x
        .par_chunks_exact(graph.input_len())
        .enumerate()
        .map(|(sample, x)| {
            execute(graph, &graph.quantize_input(x))
                .map_err(|source| ProveError::Sample { sample, source })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let shards = instance.plan.shards.len();
    let header = statement(graph, x, &executions, mode, parents, shards);
    let session = Session::new(resources.device);
    let job = Job {
        session: &session,
        instance: &instance,
        header: &header,
        executions: &executions,
        key: mode.key(),
        progress,
        footprints: demand.shards(),
        schedule,
    };
    let bundle = match mode.parameters().hash {
        HashId::Blake3 => job.run::<Blake3_256<Felt>>()?,
        HashId::Poseidon2 => job.run::<Poseidon2>()?,
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
    mode: Mode<'_>,
    parents: Parents,
    shards: usize,
) -> Header {
    let batched = |sample: &[usize]| [&[executions.len()], sample].concat();
    let cells = |tensor: usize| {
        let values = executions
            .iter()
            .flat_map(|execution| execution.tensors[tensor].iter().copied())
            .collect();
        Values::Quantized(graph.tensors[tensor].quantization.qtype, values)
    };
    let input = match graph.input_boundary {
        InputBoundary::Float => Values::Float(x.to_vec()),
        InputBoundary::Quantized => cells(graph.input.0),
        InputBoundary::Tokens(_) => Values::Tokens(graph.tokens(x)),
    };
    Header {
        model_id: graph.id(),
        parameters: mode.parameters(),
        input: PublicTensor {
            shape: batched(graph.input_shape()),
            values: input,
        },
        output: PublicTensor {
            shape: batched(&graph.tensor(graph.output).shape),
            values: cells(graph.output.0),
        },
        shards: shards as u32,
        key: mode.key().map(|key| key.digest),
        parents,
    }
}
