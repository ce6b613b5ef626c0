//! What a verifier says of a bundle.

use winterforge_model::ModelId;

use crate::bundle::{BundleError, HashId, Header};
use crate::instance::{InstanceError, StatementError};
use crate::key::{KeyDigest, KeyError};
use crate::security::Ledger;
use crate::stark::StarkError;

/// An accepted bundle.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What was proven.
    pub header: Header,
    /// The proven security, round by round.
    pub ledger: Ledger,
}

/// Why a bundle was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The bytes are no bundle: nothing was verified.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The verifier's model cannot be proven in this way.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The bundle is about another model.
    #[error("the bundle is about model {found}, not {expected}")]
    Model {
        /// The verifier's model.
        expected: ModelId,
        /// The bundle's.
        found: ModelId,
    },
    /// The statement does not fit the model.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Fewer proven bits than the policy asks for.
    #[error("the proof has {found} proven bits, the policy asks for {required}")]
    Security {
        /// The policy's minimum.
        required: u32,
        /// The proof's.
        found: u32,
    },
    /// Another hash than the policy asks for.
    #[error("the proof is made with the hash {}, the policy asks for {}", found.name(), required.name())]
    Hash {
        /// The policy's.
        required: HashId,
        /// The proof's.
        found: HashId,
    },
    /// The number of shards is not the plan's.
    #[error("the bundle holds {found} shards, the plan has {expected}")]
    ShardCount {
        /// The plan's.
        expected: usize,
        /// The bundle's.
        found: usize,
    },
    /// A main root or claim is malformed or missing.
    #[error("commitments: {0}")]
    Commitments(StarkError),
    /// A shard's proof fails.
    #[error("shard {shard}: {source}")]
    Shard {
        /// Index of the shard.
        shard: usize,
        /// The check that failed.
        source: StarkError,
    },
    /// The claimed values of the public columns or the total are not those of the model.
    #[error(
        "the proof's claims about weights, wiring, input or output do not follow from the model and the statement"
    )]
    PublicColumns,
    /// The proof that these claims follow from the committed parameters fails.
    #[error("the proof of the parameters: {0}")]
    Parameters(StarkError),
    /// The bundle was made with a key.
    #[error("the bundle was made with the key {0}: verify it with that key")]
    NeedsKey(KeyDigest),
    /// The bundle was made without a key.
    #[error("the bundle was made without a key: verify it with the model")]
    NeedsModel,
    /// The bundle was made with another key.
    #[error("the bundle was made with the key {found}, not {expected}")]
    Key {
        /// The verifier's key.
        expected: KeyDigest,
        /// The bundle's.
        found: KeyDigest,
    },
    /// The key's root is no digest.
    #[error("the root in the key is no digest of its hash")]
    KeyRoot,
    /// The key cannot be encoded.
    #[error(transparent)]
    KeyEncoding(#[from] KeyError),
    /// Bytes follow the last shard.
    #[error("{0}")]
    Trailing(StarkError),
}

impl VerifyError {
    /// Whether the bundle, and the key if there is one, were understood, so that the bundle is *rejected*. Bytes that no encoder
    /// writes are not understood, and neither is a model that has no proof.
    pub fn is_understood(&self) -> bool {
        match self {
            Self::Bundle(_) | Self::Instance(_) | Self::KeyRoot | Self::KeyEncoding(_) => false,
            Self::Shard { source, .. }
            | Self::Parameters(source)
            | Self::Commitments(source)
            | Self::Trailing(source) => !source.is_undecodable(),
            _ => true,
        }
    }

    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shard { source, .. } | Self::Parameters(source) if source.is_undecodable() => {
                "malformed-proof"
            }
            Self::Bundle(_) => "malformed-bundle",
            Self::Instance(_) => "unprovable-model",
            Self::Model { .. } => "other-model",
            Self::Statement(_) => "statement-mismatch",
            Self::Security { .. } => "insufficient-security",
            Self::Hash { .. } => "other-hash",
            Self::ShardCount { .. } => "shard-count",
            Self::Commitments(_) => "malformed-commitments",
            Self::Shard { .. } => "invalid-proof",
            Self::PublicColumns => "false-claims",
            Self::Parameters(_) => "invalid-parameter-proof",
            Self::NeedsKey(_) => "needs-key",
            Self::NeedsModel => "needs-model",
            Self::Key { .. } => "other-key",
            Self::KeyRoot | Self::KeyEncoding(_) => "malformed-key",
            Self::Trailing(_) => "trailing-bytes",
        }
    }
}
