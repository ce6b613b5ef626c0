//! From a bundle and what it is held against to what the page shows.

use std::sync::Arc;

use serde::Serialize;
use winterforge_model::{Graph, import};
use winterforge_verifier::bundle::{BundleDigest, Header, Parameters, PublicTensor, Values};
use winterforge_verifier::key::{KEY_MAGIC, Key};
use winterforge_verifier::{Policy, Verified, verify, verify_with_key};

/// How the verification ended: as the exit codes 0, 3 and 1 of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The claim is proven.
    Accepted,
    /// The bundle was understood, and its claim is not proven.
    Rejected,
    /// A file is not what it should be; nothing was verified.
    Unreadable,
}

/// What the page shows, but for the cells of the tensors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// A stable name for what is wrong, as the command line has it.
    pub reason: Option<&'static str>,
    /// What is wrong, for people.
    pub detail: Option<String>,
    /// What the bundle says of itself, if it says anything: proven only if accepted.
    pub claims: Option<Claims>,
    /// What it was held against, if that could be read.
    pub reference: Option<Reference>,
    /// Proven security.
    pub proven_bits: Option<u32>,
}

/// The statement of a bundle, and how its proof was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claims {
    /// BLAKE3 of the file, as `winterforge inspect` prints it.
    pub bundle: String,
    /// The model.
    pub model_id: String,
    /// The key's digest, if the bundle was made with one.
    pub key: Option<String>,
    /// The digests of the bundles that it names.
    pub parents: Vec<String>,
    /// Samples.
    pub batch: usize,
    /// The input.
    pub input: Tensor,
    /// The last quantized tensor.
    pub output: Tensor,
    /// The level asked for, in bits.
    pub security: u32,
    /// The trade between proving time and size.
    pub profile: &'static str,
    /// The hash.
    pub hash: &'static str,
    /// Traces.
    pub shards: u32,
}

/// A tensor without its cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tensor {
    /// `float32`, `int8`, `uint8` or `tokens`.
    pub kind: String,
    /// Sizes, batch first.
    pub shape: Vec<usize>,
}

/// What a bundle is held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reference {
    /// `model` or `key`.
    pub kind: &'static str,
    /// The model.
    pub model_id: String,
    /// The key's digest.
    pub digest: Option<String>,
}

/// A report, and the proven tensors: empty unless the bundle is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Everything but cells.
    pub report: Report,
    /// Four little-endian bytes for each cell of the input: float32, int32 of 8-bit integers, or uint32 of tokens.
    pub input: Vec<u8>,
    /// The last quantized tensor, an int32 for each cell.
    pub output_q: Vec<u8>,
    /// What the model returns for it, a float32 for each cell.
    pub output: Vec<u8>,
}

/// Verifies a bundle against a model or a key, whichever `reference` is.
pub fn judge(bundle: &[u8], reference: &[u8], min_security_bits: u32) -> Judged {
    let mut report = Report {
        verdict: Verdict::Unreadable,
        reason: None,
        detail: None,
        claims: Header::decode(bundle)
            .ok()
            .map(|(header, _)| claims(bundle, &header)),
        reference: None,
        proven_bits: None,
    };
    let verified = Known::read(reference).map_err(|detail| ("bad-input", detail, false));
    let verified = verified.and_then(|known| {
        report.reference = Some(known.reference());
        let policy = Policy {
            min_security_bits,
            ..Policy::default()
        };
        match known.verify(bundle, &policy) {
            Ok(verified) => Ok((verified, known)),
            Err(error) => Err((error.code(), error.to_string(), error.is_understood())),
        }
    });
    match verified {
        Ok((verified, known)) => {
            report.verdict = Verdict::Accepted;
            report.proven_bits = Some(verified.ledger.bits());
            let output_q = integers(&verified.header.output);
            let output = known.graph().dequantize_output(&output_q);
            Judged {
                report,
                input: bytes(&verified.header.input),
                output: output.iter().flat_map(|cell| cell.to_le_bytes()).collect(),
                output_q: bytes(&verified.header.output),
            }
        }
        Err((reason, detail, is_understood)) => {
            if is_understood {
                report.verdict = Verdict::Rejected;
            }
            report.reason = Some(reason);
            report.detail = Some(detail);
            Judged {
                report,
                input: Vec::new(),
                output_q: Vec::new(),
                output: Vec::new(),
            }
        }
    }
}

/// A model or a key.
enum Known {
    Model(Arc<Graph>),
    Key(Key),
}

impl Known {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(&KEY_MAGIC) {
            let key = Key::decode(bytes).map_err(|error| format!("the key: {error}"))?;
            return Ok(Self::Key(key));
        }
        let graph = import(bytes, "the model").map_err(|error| error.to_string())?;
        Ok(Self::Model(Arc::new(graph)))
    }

    fn graph(&self) -> &Graph {
        match self {
            Self::Model(graph) => graph,
            Self::Key(key) => &key.skeleton,
        }
    }

    fn verify(
        &self,
        bundle: &[u8],
        policy: &Policy,
    ) -> Result<Verified, winterforge_verifier::VerifyError> {
        match self {
            Self::Model(graph) => verify(bundle, graph, policy),
            Self::Key(key) => verify_with_key(bundle, key, policy),
        }
    }

    fn reference(&self) -> Reference {
        match self {
            Self::Model(graph) => Reference {
                kind: "model",
                model_id: graph.id().to_string(),
                digest: None,
            },
            Self::Key(key) => Reference {
                kind: "key",
                model_id: key.model_id.to_string(),
                digest: key.digest().ok().map(|digest| digest.to_string()),
            },
        }
    }
}

fn claims(bundle: &[u8], header: &Header) -> Claims {
    let Parameters {
        level,
        profile,
        hash,
        ..
    } = header.parameters;
    let tensor = |tensor: &PublicTensor| Tensor {
        kind: tensor.values.kind(),
        shape: tensor.shape.clone(),
    };
    Claims {
        bundle: BundleDigest::of(bundle).to_string(),
        model_id: header.model_id.to_string(),
        key: header.key.map(|key| key.to_string()),
        parents: header.parents.names(),
        batch: header.batch(),
        input: tensor(&header.input),
        output: tensor(&header.output),
        security: level.bits(),
        profile: profile.name(),
        hash: hash.name(),
        shards: header.shards,
    }
}

/// The cells of a quantized tensor.
fn integers(tensor: &PublicTensor) -> Vec<i32> {
    match &tensor.values {
        Values::Quantized(_, cells) => cells.clone(),
        Values::Float(_) | Values::Tokens(_) => Vec::new(),
    }
}

/// The cells, four bytes each.
fn bytes(tensor: &PublicTensor) -> Vec<u8> {
    match &tensor.values {
        Values::Float(cells) => cells
            .iter()
            .flat_map(|cell| cell.to_bits().to_le_bytes())
            .collect(),
        Values::Quantized(_, cells) => cells.iter().flat_map(|cell| cell.to_le_bytes()).collect(),
        Values::Tokens(cells) => cells.iter().flat_map(|cell| cell.to_le_bytes()).collect(),
    }
}
