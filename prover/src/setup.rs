//! Committing to a model once: the key for verifiers, and what the prover keeps to answer with.

use std::sync::Arc;

use winter_crypto::ElementHasher;
use winter_crypto::hashers::Blake3_256;
use winter_prover::Serializable;
use winterforge_air::field::Felt;
use winterforge_air::pieces::{Form, Pieces, Role};
use winterforge_model::{Graph, ModelId};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::instance::{Instance, ParameterShard};
use winterforge_verifier::key::{Key, KeyDigest, KeyError};

use crate::prove::ProveError;
use crate::shard::CommittedShard;

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
}

impl ProvingKey {
    /// Commits to the parameters of a model. The bytes of the key depend on nothing but the arguments.
    ///
    /// # Errors
    /// [`ProveError`] if the model has no plan or too many parameters.
    pub fn setup(graph: &Arc<Graph>, parameters: Parameters) -> Result<Self, ProveError> {
        let instance = Instance::committed(graph.clone(), 1, parameters)?;
        let shard = ParameterShard::new(graph, parameters)?;
        let columns = shard.layout.columns(graph, &instance.plan.pieces);
        let root = match parameters.hash {
            HashId::Blake3 => root::<Blake3_256<Felt>>(&instance, &shard, &columns),
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
        })
    }
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

fn root<H: ElementHasher<BaseField = Felt> + Send + Sync>(
    instance: &Instance,
    shard: &ParameterShard,
    columns: &[Vec<Felt>],
) -> [u8; 32] {
    let info = shard.trace_info.clone();
    let committed = CommittedShard::<H>::new(info, instance.options.clone(), columns.to_vec());
    digest_bytes::<H>(&committed.main_root())
}

/// A digest as it stands in a key.
pub(crate) fn digest_bytes<H: ElementHasher<BaseField = Felt>>(digest: &H::Digest) -> [u8; 32] {
    let bytes = digest.to_bytes();
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0))
}

impl From<KeyError> for ProveError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
