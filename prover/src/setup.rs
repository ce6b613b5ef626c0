//! Committing to a model once: the key for verifiers, and what the prover keeps to answer with.

use std::path::Path;
use std::sync::Arc;

use winter_air::ProofOptions;
use winter_crypto::Digest as _;
use winter_crypto::hashers::Blake3_256;
use winterforge_air::field::Felt;
use winterforge_air::pieces::{Form, Pieces, Role};
use winterforge_model::{Graph, ModelId};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::instance::{Instance, ParameterShard};
use winterforge_verifier::key::{Key, KeyDigest};
use winterforge_verifier::poseidon2::Poseidon2;

use crate::cache::{self, CacheError};
use crate::device::{CpuDevice, Device, Digests, Matrix, Shape};
use crate::prove::ProveError;
use crate::stark::{CommittedTrace, DeviceHash, Session};

/// Why a key cannot be used to prove.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KeyMismatch {
    /// It is about another model.
    #[error("the key is about model {found}, not {expected}")]
    Model {
        /// The model at hand.
        expected: ModelId,
        /// The key's.
        found: ModelId,
    },
    /// It names the model, but is not what a setup of the model gives.
    #[error("the key names this model, but is not the one that a setup of it gives")]
    Content,
}

/// A key with the parameters behind it.
#[derive(Clone, Debug)]
pub struct ProvingKey {
    /// What verifiers hold.
    pub key: Key,
    /// Its digest.
    pub digest: KeyDigest,
    /// The main columns of the trace of parameters.
    pub(crate) columns: Vec<Vec<Felt>>,
    /// Their extension and its tree, if they are at hand.
    pub(crate) commitment: Option<Commitment>,
}

/// An extended trace and the tree over its rows.
#[derive(Clone, Debug)]
pub(crate) struct Commitment {
    pub(crate) matrix: Matrix,
    pub(crate) nodes: Digests,
}

impl ProvingKey {
    /// Commits to the parameters of a model. The bytes of the key depend on nothing but the arguments.
    ///
    /// # Errors
    /// [`ProveError`] if the model has no plan or too many parameters.
    pub fn setup(graph: &Arc<Graph>, parameters: Parameters) -> Result<Self, ProveError> {
        Self::setup_on(&CpuDevice::default(), graph, parameters)
    }

    /// As [`setup`](Self::setup), with columns extended and committed to on `device`.
    ///
    /// # Errors
    /// As [`setup`](Self::setup), and if the device fails.
    pub fn setup_on(
        device: &dyn Device,
        graph: &Arc<Graph>,
        parameters: Parameters,
    ) -> Result<Self, ProveError> {
        let instance = Instance::committed(graph.clone(), 1, parameters)?;
        let shard = ParameterShard::new(graph, parameters)?;
        let columns = shard.layout.columns(graph, &instance.plan.pieces);
        let session = Session::new(device);
        let (root, commitment) = match parameters.hash {
            HashId::Blake3 => {
                commit::<Blake3_256<Felt>>(&session, &shard, &instance.options, &columns)?
            }
            HashId::Poseidon2 => {
                commit::<Poseidon2>(&session, &shard, &instance.options, &columns)?
            }
        };
        let key = Key {
            model_id: graph.id(),
            parameters,
            skeleton: Arc::new(graph.skeleton()),
            forms: forms(graph, &instance.plan.pieces),
            root,
        };
        let digest = key.digest()?;
        Ok(Self {
            key,
            digest,
            columns,
            commitment: Some(commitment),
        })
    }

    /// Cells of the trace of parameters.
    pub fn cells(&self) -> usize {
        self.columns.iter().map(Vec::len).sum()
    }

    /// A key from elsewhere, for the model that it was made from. That its root is the parameters' shows when a proof is
    /// made with it.
    ///
    /// # Errors
    /// [`ProveError`] if the model is not the key's.
    pub fn new(graph: &Arc<Graph>, key: Key) -> Result<Self, ProveError> {
        let expected = graph.id();
        if key.model_id != expected {
            let found = key.model_id;
            return Err(KeyMismatch::Model { expected, found }.into());
        }
        let instance = Instance::committed(graph.clone(), 1, key.parameters)?;
        let pieces = &instance.plan.pieces;
        if *key.skeleton != graph.skeleton() || key.forms != forms(graph, pieces) {
            return Err(KeyMismatch::Content.into());
        }
        let shard = ParameterShard::new(graph, key.parameters)?;
        Ok(Self {
            columns: shard.layout.columns(graph, pieces),
            digest: key.digest()?,
            key,
            commitment: None,
        })
    }

    /// As [`new`](Self::new), with the extended trace and its tree from the file `cache`, or made and kept there. `warn` is told
    /// of a file that is not as it should be, or cannot be written: a proof does without it.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`commit_on`](Self::commit_on).
    pub fn with_cache(
        device: &dyn Device,
        graph: &Arc<Graph>,
        key: Key,
        cache: &Path,
        warn: &mut dyn FnMut(String),
    ) -> Result<Self, ProveError> {
        let mut key = Self::new(graph, key)?;
        if let Err(error) = key.read_cache(cache) {
            if !error.is_absent() {
                warn(format!("{}: {error}; it is made again", cache.display()));
            }
            key.commit_on(device)?;
            key.keep(cache, warn);
        }
        Ok(key)
    }

    /// As [`write_cache`](Self::write_cache), where failing to is worth a word to `warn` and no more.
    pub fn keep(&self, cache: &Path, warn: &mut dyn FnMut(String)) {
        if let Err(error) = self.write_cache(cache) {
            warn(format!(
                "{}: cannot be written: {error}; proofs with this key will take longer",
                cache.display()
            ));
        }
    }

    /// Takes the extended trace and its tree from a file that [`write_cache`](Self::write_cache) wrote for this key.
    ///
    /// # Errors
    /// [`CacheError`] if there is none, or not this key's, or a damaged one.
    pub fn read_cache(&mut self, path: &Path) -> Result<(), CacheError> {
        let columns = self.columns.len();
        let rows = self.columns.first().map_or(0, Vec::len);
        let shape = Shape {
            columns,
            cosets: self.key.parameters.profile.blowup(),
            rows,
        };
        self.commitment = Some(cache::read(path, self.digest, shape)?);
        Ok(())
    }

    /// Extends the trace and builds its tree, if that is not at hand.
    ///
    /// # Errors
    /// [`ProveError`] if the key's root is another, or the device fails.
    pub fn commit_on(&mut self, device: &dyn Device) -> Result<(), ProveError> {
        if self.commitment.is_some() {
            return Ok(());
        }
        let skeleton = &self.key.skeleton;
        let shard = ParameterShard::new(skeleton, self.key.parameters)?;
        let options = Instance::of_key(&self.key, 1)?.options;
        let session = Session::new(device);
        let (root, commitment) = match self.key.parameters.hash {
            HashId::Blake3 => {
                commit::<Blake3_256<Felt>>(&session, &shard, &options, &self.columns)?
            }
            HashId::Poseidon2 => commit::<Poseidon2>(&session, &shard, &options, &self.columns)?,
        };
        if root != self.key.root {
            return Err(KeyMismatch::Content.into());
        }
        self.commitment = Some(commitment);
        Ok(())
    }

    /// Keeps the extended trace and its tree, if they are at hand. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`CacheError::File`] if it cannot be written.
    pub fn write_cache(&self, path: &Path) -> Result<(), CacheError> {
        match &self.commitment {
            Some(commitment) => cache::write(path, self.digest, commitment),
            None => Ok(()),
        }
    }

    /// The trace of parameters, committed to: as it was kept, or once more.
    pub(crate) fn trace<H: DeviceHash>(
        &self,
        session: &Session<'_>,
        shard: &ParameterShard,
        options: &ProofOptions,
    ) -> Result<CommittedTrace<H>, ProveError> {
        let (info, options) = (shard.trace_info.clone(), options.clone());
        let trace = match &self.commitment {
            Some(commitment) => CommittedTrace::of_commitment(info, options, commitment.clone()),
            None => {
                let columns: Vec<&[Felt]> = self.columns.iter().map(Vec::as_slice).collect();
                CommittedTrace::new(session, info, options, &columns)
            }
        };
        trace.map_err(ProveError::Parameters)
    }
}

/// The root of the trace of parameters, as it stands in a key, and what is behind it.
fn commit<H: DeviceHash>(
    session: &Session<'_>,
    shard: &ParameterShard,
    options: &ProofOptions,
    columns: &[Vec<Felt>],
) -> Result<([u8; 32], Commitment), ProveError> {
    let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let (info, options) = (shard.trace_info.clone(), options.clone());
    let trace = CommittedTrace::<H>::new(session, info, options, &columns)
        .map_err(ProveError::Parameters)?;
    Ok((
        digest_bytes::<H>(&trace.main_root()),
        trace.into_commitment(),
    ))
}

/// The forms of all requantized channels, by node.
fn forms(graph: &Graph, pieces: &Pieces) -> Vec<Vec<Form>> {
    let of_piece = |piece: &winterforge_air::pieces::Piece| match &piece.role {
        Role::Requant(forms) if graph.nodes[piece.node].op.requantized_channels() > 0 => {
            Some(forms.clone())
        }
        _ => None,
    };
    pieces.list.iter().filter_map(of_piece).collect()
}

/// A digest as it stands in a key.
pub(crate) fn digest_bytes<H: DeviceHash>(digest: &H::Digest) -> [u8; 32] {
    digest.as_bytes()
}
