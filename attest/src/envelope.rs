//! Envelopes of DSSE 1.0: a payload, its type, and signatures over both.
//!
//! What is signed is not the JSON but the pre-authentication encoding of type and payload, so that nothing depends on how
//! JSON is written. A file holds one envelope a line (an in-toto bundle, `.intoto.jsonl`): each signer adds a line.

use base64ct::{Base64, Base64Url, Encoding};
use serde::{Deserialize, Serialize};

use crate::keys::{PrivateKey, PublicKey};

/// The type of a payload that is an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Bytes beyond which a file of envelopes is not read.
pub const MAX_SIGNATURES_BYTES: usize = 16_000_000;

/// Most envelopes in a file.
pub const MAX_ENVELOPES: usize = 64;

/// Most signatures of an envelope.
const MAX_SIGNATURES: usize = 16;

/// A payload with signatures. What it says is worth nothing before [`verifies`](Self::verifies) says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    /// As it was read but for space around it, so that other signers' lines are kept.
    line: String,
}

/// Why a file holds no envelopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than any file of signatures.
    #[error("it is longer than {MAX_SIGNATURES_BYTES} bytes")]
    TooLong,
    /// More envelopes or signatures than anyone adds.
    #[error(
        "it holds more than {MAX_ENVELOPES} envelopes, or one with more than {MAX_SIGNATURES} signatures"
    )]
    TooMany,
    /// A line is no envelope.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    payload_type: String,
    payload: String,
    signatures: Vec<JsonSignature>,
}

#[derive(Serialize, Deserialize)]
struct JsonSignature {
    /// A hint that no decision rests on.
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// What a signature is over: lengths first, so that no two pairs of type and payload give the same bytes.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (type_bytes, payload_bytes) = (payload_type.len(), payload.len());
    let mut bytes = format!("DSSEv1 {type_bytes} {payload_type} {payload_bytes} ").into_bytes();
    bytes.extend(payload);
    bytes
}

impl Envelope {
    /// Signs a payload of type [`PAYLOAD_TYPE`].
    ///
    /// # Errors
    /// The serializer's, which no payload is known to cause.
    pub fn sign(payload: Vec<u8>, key: &PrivateKey) -> Result<Self, serde_json::Error> {
        let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload));
        let line = serde_json::to_string(&Json {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: Base64::encode_string(&payload),
            signatures: vec![JsonSignature {
                keyid: key.public().id(),
                sig: Base64::encode_string(&signature),
            }],
        })?;
        Ok(Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload,
            signatures: vec![signature.to_vec()],
            line,
        })
    }

    /// The payload, if it is an in-toto statement and one of the signatures is this key's.
    pub fn verified_payload(&self, key: &PublicKey) -> Option<&[u8]> {
        (self.payload_type == PAYLOAD_TYPE && self.verifies(key)).then_some(&self.payload)
    }

    /// What the envelope holds, whoever signed it or did not.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether one of the signatures is this key's.
    pub fn verifies(&self, key: &PublicKey) -> bool {
        let message = pre_authentication_encoding(&self.payload_type, &self.payload);
        let mut signatures = self.signatures.iter();
        signatures.any(|signature| key.verifies(&message, signature))
    }

    fn decode(line: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let signatures = json.signatures.iter();
        Ok(Self {
            payload: decode_base64(&json.payload).ok_or("the payload is no base64")?,
            signatures: signatures
                .map(|signature| decode_base64(&signature.sig))
                .collect::<Option<_>>()
                .ok_or("a signature is no base64")?,
            payload_type: json.payload_type,
            line: line.to_owned(),
        })
    }
}

/// The standard allows either alphabet.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text)
        .or_else(|_| Base64Url::decode_vec(text))
        .ok()
}

/// Reads a file of envelopes, one a line.
///
/// # Errors
/// [`EnvelopeError`] names the line. Nothing is allocated beyond a few times the file's length.
pub fn decode_envelopes(file: &[u8]) -> Result<Vec<Envelope>, EnvelopeError> {
    if file.len() > MAX_SIGNATURES_BYTES {
        return Err(EnvelopeError::TooLong);
    }
    let text = str::from_utf8(file).map_err(|_| EnvelopeError::Line {
        line: file
            .split(|&byte| byte == b'\n')
            .position(|line| str::from_utf8(line).is_err())
            .unwrap_or(0)
            + 1,
        what: "it is not UTF-8".to_owned(),
    })?;
    let mut envelopes = Vec::new();
    // Without the space around it: a carriage return at the end of the file would else be there once and gone when written and read.
    for (line, text) in text.lines().map(str::trim_ascii).enumerate() {
        if text.is_empty() {
            continue;
        }
        let envelope = Envelope::decode(text).map_err(|what| EnvelopeError::Line {
            line: line + 1,
            what,
        })?;
        if envelopes.len() == MAX_ENVELOPES || envelope.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooMany);
        }
        envelopes.push(envelope);
    }
    Ok(envelopes)
}

/// The file of these envelopes.
pub fn encode_envelopes(envelopes: &[Envelope]) -> Vec<u8> {
    let lines = envelopes.iter();
    lines
        .flat_map(|envelope| envelope.line.bytes().chain([b'\n']))
        .collect()
}
