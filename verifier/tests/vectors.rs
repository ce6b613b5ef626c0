//! The test vectors in the documentation are what the code computes.

use std::fmt::Write;
use std::sync::Arc;

use winter_air::{FieldExtension, TraceInfo};
use winter_crypto::Hasher;
use winter_crypto::hashers::Blake3_256;
use winterforge_air::field::{Cube, Felt, basis_coefficients};
use winterforge_air::pieces::Form;
use winterforge_model::{
    Graph, InputBoundary, Linear, ModelId, Node, Op, OutputBoundary, QType, Quantization, Tensor,
    TensorId,
};
use winterforge_verifier::bundle::{
    BundleDigest, Header, Parameters, Parents, PublicTensor, Values,
};
use winterforge_verifier::challenge::{
    folding_challenge, folding_seed, joint_challenges, joint_seed,
};
use winterforge_verifier::key::{Key, KeyDigest};
use winterforge_verifier::security::{Profile, SecurityLevel, proof_options};

type Hash = Blake3_256<Felt>;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn element(element: Cube) -> String {
    let words = basis_coefficients(&element).iter();
    hex(&words
        .flat_map(|w| w.as_word().to_le_bytes())
        .collect::<Vec<u8>>())
}

/// Model id 0, 1, 2 ..; one sample of two floats in, two int8 out; defaults; one shard; open mode.
fn header() -> Header {
    Header {
        model_id: ModelId(std::array::from_fn(|at| at as u8)),
        parameters: Parameters::default(),
        input: PublicTensor {
            shape: vec![1, 2],
            values: Values::Float(vec![1.5, -0.25]),
        },
        output: PublicTensor {
            shape: vec![1, 2],
            values: Values::Quantized(QType::I8, vec![-128, 7]),
        },
        shards: 1,
        key: None,
        parents: Parents::default(),
    }
}

/// The document has a line `name: value` for each of the vectors, broken and indented at will.
fn assert_listed(document: &str, vectors: &[(&str, String)]) {
    let document: String = document.split_whitespace().collect();
    let missing: Vec<_> = (vectors.iter())
        .filter(|(name, value)| !document.contains(&format!("{}:{value}", name.replace(' ', ""))))
        .collect();
    assert!(missing.is_empty(), "the document lacks {missing:#?}");
}

#[test]
fn the_document_holds_what_is_computed() {
    let header = header().encode();
    // A trace of 512 rows, 10 main columns, 4 auxiliary ones and 20 challenges, its root the hash of "root".
    let info = TraceInfo::new_multi_segment(10, 4, 20, 512, Vec::new());
    let (level, profile) = (SecurityLevel::Bits100, Profile::Balanced);
    let options = proof_options(level, profile, FieldExtension::Cubic, 9).unwrap();
    let seed = joint_seed::<Hash>(&header, &options, &[(info, Hash::hash(b"root"))]);
    let challenges = joint_challenges::<Cube>(&seed);
    let folding = folding_seed(&seed, b"proofs");
    let descended = Header {
        key: Some(KeyDigest(std::array::from_fn(|at| 64 + at as u8))),
        parents: Parents::new([2, 1].map(|byte| BundleDigest([byte; 32]))).unwrap(),
        ..self::header()
    };
    let descended = descended.encode();
    assert_eq!(Header::decode(&descended).unwrap().0.encode(), descended);
    let vectors = [
        ("header", hex(&header)),
        ("with parents", hex(&descended)),
        ("joint seed", hex(&seed)),
        ("rho", element(challenges.rho)),
        ("kappa", element(challenges.kappa)),
        ("zeta", element(challenges.zeta)),
        ("alpha", element(challenges.alpha)),
        ("folding seed", hex(&folding)),
        ("lambda", element(folding_challenge(&folding))),
    ];
    assert_listed(include_str!("../../docs/bundle.md"), &vectors);
    assert_eq!(Header::decode(&header).unwrap().0.encode(), header);
}

/// Model id 0, 1, 2 ..; defaults; root 32, 33, 34 ..; float at both ends; one layer from two cells to one, which has a
/// line and a window of 20 bits.
fn key() -> Key {
    let tensor = |cells, scale, zero_point| Tensor {
        name: String::new(),
        shape: vec![cells],
        quantization: Quantization {
            scale,
            zero_point,
            qtype: QType::I8,
        },
    };
    let layer = Linear {
        in_features: 2,
        out_features: 1,
        weights: Vec::new(),
        bias: Vec::new(),
        requant: Vec::new(),
        weight_quantization: Vec::new(),
        alpha: 1.0,
    };
    let skeleton = Graph {
        tensors: vec![tensor(2, 0.5, 3), tensor(1, 4.0, -7)],
        nodes: vec![Node {
            name: String::new(),
            inputs: vec![TensorId(0)],
            output: TensorId(1),
            op: Op::Linear(layer),
        }],
        input: TensorId(0),
        output: TensorId(1),
        input_boundary: InputBoundary::Float,
        output_boundary: OutputBoundary::Float,
    };
    Key {
        model_id: header().model_id,
        parameters: Parameters::default(),
        skeleton: Arc::new(skeleton),
        forms: vec![vec![Form {
            line: true,
            window_bits: Some((20, 52)),
            narrow: false,
        }]],
        root: std::array::from_fn(|at| 32 + at as u8),
    }
}

#[test]
fn the_document_holds_a_key() {
    let key = key();
    let bytes = key.encode().unwrap();
    let (content, digest) = bytes.split_last_chunk::<32>().unwrap();
    let (head, body) = content.split_at(88);
    let vectors = [
        ("head", hex(head)),
        ("body", hex(body)),
        ("digest", hex(digest)),
    ];
    assert_listed(include_str!("../../docs/key.md"), &vectors);
    assert_eq!(Key::decode(&bytes).unwrap(), key);
    assert_eq!(key.digest().unwrap().0, *digest);
}
