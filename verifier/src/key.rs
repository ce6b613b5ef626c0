//! The key of a committed model: what a verifier needs in place of the model. The byte layout is specified in
//! docs/key.md.
//!
//! A key is as good as where it comes from. Whoever makes one can commit to a word that is close to the parameters of
//! *two* models, and answer with either; only a key recomputed from the model, or vouched for by someone who did that,
//! stands for the model (docs/soundness.md).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use winterforge_air::pieces::Form;
use winterforge_model::{Graph, GraphError, ModelId};

use crate::bundle::{BundleError, FieldReader, Parameters};

/// First bytes of every key.
pub const KEY_MAGIC: [u8; 8] = *b"WFKEY\0\0\0";

const DIGEST_CONTEXT: &str = "winterforge 2026 key v1";

/// Set in a channel's form where it has a line; the bits of its window are below.
const LINE: u8 = 0x80;

/// Set for a channel whose clamp leaves out codes of its type.
const NARROW: u8 = 0x40;

/// The digest of a key: the last 32 bytes of its file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}

/// A model by its structure and the commitment to its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The model.
    pub model_id: ModelId,
    /// How proofs with this key are made.
    pub parameters: Parameters,
    /// The model without its parameters.
    pub skeleton: Arc<Graph>,
    /// Which encodings each requantized channel has, by node that has any.
    pub forms: Vec<Vec<Form>>,
    /// The root of the trace of parameters.
    pub root: [u8; 32],
}

/// Why bytes are no key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// Not a key at all.
    #[error("the file does not begin with the mark of a Winterforge key")]
    Magic,
    /// A version that this program does not know, or a field that no encoder writes.
    #[error(transparent)]
    Field(BundleError),
    /// Bytes are missing or changed.
    #[error("the key is cut off or damaged: its digest does not match")]
    Damaged,
    /// The body is no encoding of a skeleton.
    #[error("the key's body cannot be decoded")]
    Body,
    /// The skeleton is no model.
    #[error("the key's graph: {0}")]
    Graph(GraphError),
}

#[derive(Serialize, Deserialize)]
struct Body {
    skeleton: Graph,
    /// Two bytes for each channel.
    forms: Vec<Vec<[u8; 2]>>,
}

impl Key {
    /// The one encoding of this key, its digest at the end.
    ///
    /// # Errors
    /// [`KeyError::Body`] if the body cannot be serialized, which no key is known to cause.
    pub fn encode(&self) -> Result<Vec<u8>, KeyError> {
        let mut bytes = KEY_MAGIC.to_vec();
        crate::bundle::encode_versions(&mut bytes);
        bytes.extend(self.model_id.0);
        self.parameters.encode(&mut bytes);
        bytes.extend(self.root);
        let form = |form: &Form| {
            let (least, most) = form.window_bits.unwrap_or((0, 0));
            let line = if form.line { LINE } else { 0 };
            let narrow = if form.narrow { NARROW } else { 0 };
            [line | narrow | least as u8, most as u8]
        };
        let body = Body {
            skeleton: self.skeleton.as_ref().clone(),
            forms: self
                .forms
                .iter()
                .map(|forms| forms.iter().map(form).collect())
                .collect(),
        };
        bytes.extend(postcard::to_allocvec(&body).map_err(|_| KeyError::Body)?);
        bytes.extend(blake3::derive_key(DIGEST_CONTEXT, &bytes));
        Ok(bytes)
    }

    /// Decodes a key.
    ///
    /// # Errors
    /// [`KeyError`] if `bytes` are not the encoding of a key that this program can use.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut reader = FieldReader::new(bytes);
        if reader.take(KEY_MAGIC.len(), "the mark").ok() != Some(&KEY_MAGIC) {
            return Err(KeyError::Magic);
        }
        reader.versions().map_err(KeyError::Field)?;
        let (content, digest) = bytes.split_last_chunk::<32>().ok_or(KeyError::Damaged)?;
        if blake3::derive_key(DIGEST_CONTEXT, content) != *digest {
            return Err(KeyError::Damaged);
        }
        let mut fields = || {
            let model_id = ModelId(reader.array("the model id")?);
            let parameters = reader.parameters()?;
            let root = reader.array("the root of the parameters")?;
            Ok((model_id, parameters, root))
        };
        let (model_id, parameters, root) = fields().map_err(KeyError::Field)?;
        let body = content.get(reader.offset()..).ok_or(KeyError::Body)?;
        let (Body { skeleton, forms }, rest) =
            postcard::take_from_bytes(body).map_err(|_| KeyError::Body)?;
        if !rest.is_empty() {
            return Err(KeyError::Body);
        }
        skeleton.validate_skeleton().map_err(KeyError::Graph)?;
        let form = |&[byte, most]: &[u8; 2]| {
            let least = u32::from(byte & !(LINE | NARROW));
            Form {
                line: byte & LINE != 0,
                window_bits: (least > 0).then_some((least, most.into())),
                narrow: byte & NARROW != 0,
            }
        };
        let key = Self {
            model_id,
            parameters,
            skeleton: Arc::new(skeleton),
            forms: forms
                .iter()
                .map(|forms| forms.iter().map(form).collect())
                .collect(),
            root,
        };
        // Integers of the body have longer encodings, too.
        if key.encode()? == bytes {
            Ok(key)
        } else {
            Err(KeyError::Body)
        }
    }

    /// The digest of the key's encoding.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn digest(&self) -> Result<KeyDigest, KeyError> {
        let bytes = self.encode()?;
        let digest = bytes.last_chunk::<32>().ok_or(KeyError::Body)?;
        Ok(KeyDigest(*digest))
    }
}
