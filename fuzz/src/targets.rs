//! The targets.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use winterforge_attest::{
    Artifact, Kind, PrivateKey, PublicKey, Statement, decode_envelopes, encode_envelopes,
    find_signed,
};
use winterforge_model::{Graph, InputBoundary, QType, decode_input, execute, import};
use winterforge_prover::{Silent, prove};
use winterforge_verifier::bundle::{Header, Parents, PublicTensor, Values};
use winterforge_verifier::instance::ParameterShard;
use winterforge_verifier::key::{Key, KeyDigest};
use winterforge_verifier::{Policy, Verifier, verify_with_key};

use crate::{registers, seeds, uart};

/// How a target took its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Accepted,
    /// It was refused, for this reason.
    Refused(String),
}

impl Outcome {
    pub(crate) fn of<T, E: ToString>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Accepted,
            Err(error) => Self::Refused(error.to_string()),
        }
    }

    /// A number that is the same for outcomes that differ only in what they repeat of the input: words with digits, and
    /// what stands in quotation marks.
    pub fn class(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Self::Refused(reason) = self {
            let unquoted = reason.split(['`', '"', '\'']).step_by(2);
            let words = unquoted.flat_map(str::split_whitespace);
            for word in
                words.filter(|word| word.is_ascii() && !word.bytes().any(|b| b.is_ascii_digit()))
            {
                word.hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// A decoder.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, on the command line and in `seeds/`.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]) -> Outcome,
}

/// Every target.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "onnx",
        run: onnx,
    },
    Target {
        name: "npz",
        run: npz,
    },
    Target {
        name: "npy",
        run: npy,
    },
    Target {
        name: "json",
        run: json,
    },
    Target {
        name: "bundle",
        run: bundle,
    },
    Target {
        name: "proof",
        run: proof,
    },
    Target {
        name: "key",
        run: key,
    },
    Target {
        name: "signatures",
        run: signatures,
    },
    Target {
        name: "registers",
        run: registers::registers,
    },
    Target {
        name: "uart",
        run: uart::uart,
    },
];

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Cells beyond which an accepted model is not run, and no statement about it made.
const MAX_CELLS: usize = 1 << 12;

/// A model: what is imported is valid, has an id, and runs.
fn onnx(bytes: &[u8]) -> Outcome {
    let imported = import(bytes, "fuzz");
    if let Ok(graph) = &imported {
        assert_eq!(
            graph.validate().err(),
            None,
            "an import returned an invalid graph"
        );
        let _ = graph.id();
        let cells: usize = graph.tensors.iter().map(|tensor| tensor.len()).sum();
        if cells < MAX_CELLS {
            let input = graph.tensor(graph.input);
            let cells = vec![input.quantization.zero_point; input.len()];
            let ran = execute(graph, &cells);
            assert!(ran.is_ok(), "an imported model does not run: {ran:?}");
        }
    }
    Outcome::of(&imported)
}

/// The model of every other target, from its seed.
fn graph() -> &'static Arc<Graph> {
    static GRAPH: OnceLock<Arc<Graph>> = OnceLock::new();
    GRAPH.get_or_init(|| Arc::new(seeds::graph()))
}

fn samples(name: &str, bytes: &[u8]) -> Outcome {
    let decoded = decode_input(Path::new(name), bytes, graph());
    if let Ok(samples) = &decoded {
        assert_eq!(samples.data.len(), samples.count * samples.sample_len);
        assert!(samples.count > 0, "no samples were read");
    }
    Outcome::of(&decoded)
}

/// An archive of arrays.
fn npz(bytes: &[u8]) -> Outcome {
    samples("x.npz", bytes)
}

/// An array.
fn npy(bytes: &[u8]) -> Outcome {
    samples("x.npy", bytes)
}

/// Numbers in JSON.
fn json(bytes: &[u8]) -> Outcome {
    samples("x.json", bytes)
}

/// The header of a bundle: there is one encoding of each.
fn bundle(bytes: &[u8]) -> Outcome {
    let decoded = Header::decode(bytes);
    if let Ok((header, length)) = &decoded {
        assert_eq!(
            header.encode(),
            bytes[..*length],
            "another encoding was accepted"
        );
    }
    Outcome::of(&decoded)
}

/// A whole bundle, against its model. Nothing but the honest bytes is accepted.
fn proof(bytes: &[u8]) -> Outcome {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    let verifier = VERIFIER.get_or_init(|| Verifier::of_model(graph().clone(), Policy::default()));
    let verified = verifier.verify(bytes);
    if let Ok(verified) = &verified {
        assert_eq!(verified.header.model_id, graph().id());
        // Provers are deterministic and encodings canonical: an accepted bundle is what proving its input gives.
        static PROVED: Mutex<BTreeSet<[u8; 32]>> = Mutex::new(BTreeSet::new());
        let mut known = PROVED.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.insert(*blake3::hash(bytes).as_bytes()) {
            return Outcome::Accepted;
        }
        let Values::Float(x) = &verified.header.input.values else {
            panic!("the model takes floats");
        };
        let proved = prove(graph(), x, verified.header.parameters, &Silent);
        assert!(
            proved.is_ok_and(|proved| proved.bundle == bytes),
            "a bundle was accepted that is not what its input proves to"
        );
    }
    Outcome::of(&verified)
}

/// A key, with a digest that fits; what is decoded is then used.
fn key(bytes: &[u8]) -> Outcome {
    // Without this hardly any input would get behind the digest.
    let mut fitting = bytes.to_vec();
    if let Some((content, digest)) = fitting.split_last_chunk_mut::<32>() {
        *digest = blake3::derive_key("winterforge 2026 key v1", content);
    }
    let decoded = Key::decode(&fitting);
    if let Ok(key) = &decoded {
        let encoded = key.encode();
        assert!(
            encoded.is_ok_and(|bytes| bytes == fitting),
            "another encoding was accepted"
        );
        let _ = ParameterShard::new(&key.skeleton, key.parameters);
        if let Some(bundle) = bundle_for(key) {
            let verified = verify_with_key(&bundle, key, &Policy::default());
            assert!(verified.is_err(), "a bundle without a proof was accepted");
            return Outcome::of(&verified);
        }
    }
    Outcome::of(&decoded)
}

/// A bundle that is about this key's model, up to its proof.
fn bundle_for(key: &Key) -> Option<Vec<u8>> {
    let graph = &key.skeleton;
    let tensor = |shape: &[usize], qtype: Option<QType>| {
        let shape = [&[1], shape].concat();
        let cells: usize = shape.iter().product();
        let values = match qtype {
            Some(qtype) => Values::Quantized(qtype, vec![0; cells]),
            None => match graph.input_boundary {
                InputBoundary::Tokens(_) => Values::Tokens(vec![0; cells]),
                _ => Values::Float(vec![0.0; cells]),
            },
        };
        (cells <= MAX_CELLS).then_some(PublicTensor { shape, values })
    };
    let (input, output) = (graph.tensor(graph.input), graph.tensor(graph.output));
    let qtype = matches!(graph.input_boundary, InputBoundary::Quantized)
        .then_some(input.quantization.qtype);
    let header = Header {
        model_id: key.model_id,
        parameters: key.parameters,
        input: tensor(graph.input_shape(), qtype)?,
        output: tensor(&output.shape, Some(output.quantization.qtype))?,
        shards: 1,
        key: Some(KeyDigest(key.digest().ok()?.0)),
        parents: Parents::default(),
    };
    let mut bundle = header.encode();
    bundle.resize(bundle.len() + 2_000, 0);
    Some(bundle)
}

/// A file of signatures.
fn signatures(bytes: &[u8]) -> Outcome {
    let decoded = decode_envelopes(bytes);
    let Ok(envelopes) = &decoded else {
        return Outcome::of(&decoded);
    };
    let again = decode_envelopes(&encode_envelopes(envelopes));
    assert!(
        again.as_ref() == Ok(envelopes),
        "envelopes do not survive being written"
    );
    static KEY: OnceLock<Option<PublicKey>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let key = PrivateKey::from_pem(seeds::PRIVATE_KEY);
        key.ok().map(|key| key.public())
    });
    // Payloads are decoded whoever signed them: a signer, too, may be hostile.
    let mut statement = None;
    for envelope in envelopes {
        statement = Some(Statement::decode(envelope.unverified_payload()));
    }
    if let Some(Ok(statement)) = &statement {
        let encoded = statement.encode();
        let again = encoded.map(|bytes| Statement::decode(&bytes));
        assert!(again.is_ok_and(|again| again.as_ref() == Ok(statement)));
    }
    let artifact = Artifact::new(Kind::Bundle, seeds::SIGNED);
    match (key, statement) {
        (Some(key), None | Some(Ok(_))) => Outcome::of(&find_signed(envelopes, key, artifact)),
        (_, Some(statement)) => Outcome::of(&statement),
        (None, None) => Outcome::Accepted,
    }
}
