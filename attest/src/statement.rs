//! What is signed: an in-toto statement about a bundle or a key, and the model it belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::envelope::Envelope;
use crate::keys::PublicKey;
use crate::model::ModelFiles;

/// The type of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The type of our predicate. A change to what its fields mean is another type.
pub const PREDICATE_TYPE: &str = "https://github.com/winterforge/winterforge/attestation/v1";

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A bundle.
    Bundle,
    /// A key.
    Key,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bundle => "bundle",
            Self::Key => "key",
        })
    }
}

/// What the signer held the bundle or key against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// The model: the bundle was verified with it, or the key made again from it.
    Model,
    /// Nothing: these are the bytes that the signer means, and that is all.
    Nothing,
}

/// A file that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it was called; a hint.
    pub name: String,
    /// Its digests.
    pub digest: DigestSet,
}

/// The digests of a subject; other functions than SHA-256 are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Sha256Digest,
}

/// What is said of the subjects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// What the first subject is.
    pub kind: Kind,
    /// Its own digest: BLAKE3 of a bundle's bytes, the digest in a key.
    pub id: String,
    /// The id of the model.
    pub model_id: String,
    /// The digest of the key that a bundle was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The digests of the bundles that a bundle names as its parents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// What the signer held it against.
    pub checked: Checked,
    /// The model's files, whose digest is that of the second subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFiles>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The bundle or key, and the model where its files are named.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said of them.
    pub predicate: Predicate,
}

/// The bytes that a statement is made or asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What they are.
    pub kind: Kind,
    /// Their SHA-256.
    pub digest: Sha256Digest,
}

impl Artifact {
    /// A bundle or key with these bytes.
    pub fn new(kind: Kind, bytes: &[u8]) -> Self {
        let digest = Sha256Digest::of(bytes);
        Self { kind, digest }
    }
}

/// Why a signed payload is no statement of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// No JSON, or fields are missing or repeated.
    #[error("it cannot be decoded: {0}")]
    Json(String),
    /// Another type of statement or predicate.
    #[error("its type is {0}, which is not known here")]
    Type(String),
    /// Other subjects than the predicate speaks of.
    #[error("its subjects are not those of its predicate")]
    Subjects,
}

impl Statement {
    /// A statement about a bundle or key called `name`, and about the model's files, called `model_name`, where the
    /// predicate lists them.
    pub fn new(artifact: Artifact, name: &str, model_name: &str, predicate: Predicate) -> Self {
        let subject = |name: &str, sha256| Subject {
            name: name.to_owned(),
            digest: DigestSet { sha256 },
        };
        let mut subjects = vec![subject(name, artifact.digest)];
        if let Some(model) = &predicate.model {
            subjects.push(subject(model_name, model.digest()));
        }
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: subjects,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        }
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// The serializer's, which no statement is known to cause.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads a statement. Unknown fields are passed over, as in-toto asks.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn decode(payload: &[u8]) -> Result<Self, StatementError> {
        // The types first: what the rest means depends on them.
        #[derive(Deserialize)]
        struct Types {
            #[serde(rename = "_type")]
            statement_type: String,
            #[serde(rename = "predicateType")]
            predicate_type: String,
        }
        let json = |error: serde_json::Error| StatementError::Json(error.to_string());
        let types: Types = serde_json::from_slice(payload).map_err(json)?;
        for (found, known) in [
            (types.statement_type, STATEMENT_TYPE),
            (types.predicate_type, PREDICATE_TYPE),
        ] {
            if found != known {
                return Err(StatementError::Type(found.chars().take(80).collect()));
            }
        }
        let statement: Self = serde_json::from_slice(payload).map_err(json)?;
        let digests: Vec<_> = statement.subject.iter().map(|s| s.digest.sha256).collect();
        let model = statement.predicate.model.as_ref().map(ModelFiles::digest);
        match digests.get(1..) {
            Some(others) if others == model.as_slice() => Ok(statement),
            _ => Err(StatementError::Subjects),
        }
    }

    fn is_about(&self, artifact: Artifact) -> bool {
        let first = self.subject.first().map(|subject| subject.digest.sha256);
        first == Some(artifact.digest) && self.predicate.kind == artifact.kind
    }
}

/// Why nothing that this key signed is about these bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// No envelope bears a signature of the key.
    #[error("no signature by the key {0}")]
    OtherSigner(String),
    /// The key signed statements, about other files.
    #[error("the key signed statements about other files, none about this {0}")]
    OtherSubject(Kind),
    /// The key signed something that is no statement known here.
    #[error("what the key signed is no statement known here: {0}")]
    Statement(StatementError),
}

/// The statement about `artifact` that `key` signed, among envelopes of anyone.
///
/// # Errors
/// [`Unsigned`]: the nearest miss.
pub fn find_signed(
    envelopes: &[Envelope],
    key: &PublicKey,
    artifact: Artifact,
) -> Result<Statement, Unsigned> {
    let mut miss = Unsigned::OtherSigner(key.id());
    for payload in envelopes
        .iter()
        .filter_map(|envelope| envelope.verified_payload(key))
    {
        match Statement::decode(payload) {
            Ok(statement) if statement.is_about(artifact) => return Ok(statement),
            Ok(_) => miss = Unsigned::OtherSubject(artifact.kind),
            Err(error) if !matches!(miss, Unsigned::OtherSubject(_)) => {
                miss = Unsigned::Statement(error);
            }
            Err(_) => {}
        }
    }
    Err(miss)
}
