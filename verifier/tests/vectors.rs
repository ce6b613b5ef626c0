//! The test vectors in the documentation are what the code computes.

use std::fmt::Write;

use winter_air::{FieldExtension, TraceInfo};
use winter_crypto::Hasher;
use winter_crypto::hashers::Blake3_256;
use winterforge_air::field::{Cube, Felt, basis_coefficients};
use winterforge_model::{ModelId, QType};
use winterforge_verifier::bundle::{Header, Parameters, PublicTensor, Values};
use winterforge_verifier::challenge::{
    folding_challenge, folding_seed, joint_challenges, joint_seed,
};
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
    }
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
    let vectors = [
        ("header", hex(&header)),
        ("joint seed", hex(&seed)),
        ("rho", element(challenges.rho)),
        ("kappa", element(challenges.kappa)),
        ("zeta", element(challenges.zeta)),
        ("alpha", element(challenges.alpha)),
        ("folding seed", hex(&folding)),
        ("lambda", element(folding_challenge(&folding))),
    ];
    let document = include_str!("../../docs/bundle.md");
    let document: String = document.split_whitespace().collect();
    let missing: Vec<_> = (vectors.iter())
        .filter(|(name, value)| !document.contains(&format!("{}:{value}", name.replace(' ', ""))))
        .collect();
    assert!(missing.is_empty(), "docs/bundle.md lacks {missing:#?}");
    assert_eq!(Header::decode(&header).unwrap().0.encode(), header);
}
