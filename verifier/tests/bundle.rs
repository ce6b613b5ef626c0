//! The bundle's header: one byte string for each header, and no surprise from hostile bytes.

use proptest::prelude::*;
use winterforge_air::plan::PlanParameters;
use winterforge_model::{ModelId, QType};
use winterforge_verifier::bundle::{
    BundleDigest, BundleError, HashId, Header, Parameters, Parents, PublicTensor, Values,
};
use winterforge_verifier::key::KeyDigest;
use winterforge_verifier::security::{Profile, SecurityLevel};

fn tensors() -> impl Strategy<Value = (PublicTensor, PublicTensor)> {
    (1usize..5, 1usize..6, 1usize..6, 0..4, any::<u64>()).prop_map(|(batch, a, b, kind, seed)| {
        let value = |i: usize| (seed.wrapping_mul(i as u64 + 1) >> 13) as u32;
        let cells = batch * a * b;
        let input = match kind {
            0 => Values::Float(
                (0..cells)
                    .map(|i| f32::from_bits(value(i) & 0x7f7f_ffff))
                    .collect(),
            ),
            1 => Values::Quantized(
                QType::I8,
                (0..cells).map(|i| value(i) as i8 as i32).collect(),
            ),
            2 => Values::Tokens((0..cells).map(value).collect()),
            _ => Values::Quantized(
                QType::U8,
                (0..cells).map(|i| value(i) as u8 as i32).collect(),
            ),
        };
        let output = Values::Quantized(
            QType::I8,
            (0..batch * a).map(|i| value(i) as i8 as i32).collect(),
        );
        let tensor = |shape: Vec<usize>, values| PublicTensor { shape, values };
        (
            tensor(vec![batch, a, b], input),
            tensor(vec![batch, a], output),
        )
    })
}

fn headers() -> impl Strategy<Value = Header> {
    (
        tensors(),
        any::<[u8; 32]>(),
        any::<bool>(),
        0..3,
        0..HashId::ALL.len(),
        9u32..21,
        any::<u32>(),
        any::<Option<[u8; 32]>>(),
        proptest::collection::vec(any::<[u8; 32]>(), 0..4),
    )
        .prop_map(
            |((input, output), id, high, profile, hash, max_log_rows, shards, key, parents)| {
                Header {
                    model_id: ModelId(id),
                    parameters: Parameters {
                        level: if high {
                            SecurityLevel::Bits128
                        } else {
                            SecurityLevel::Bits100
                        },
                        profile: [Profile::Fast, Profile::Balanced, Profile::Small]
                            [profile as usize],
                        hash: HashId::ALL[hash],
                        plan: PlanParameters { max_log_rows },
                    },
                    input,
                    output,
                    shards,
                    key: key.map(KeyDigest),
                    parents: Parents::new(parents.into_iter().map(BundleDigest)).unwrap(),
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_inverts_encoding(header in headers(), tail in any::<[u8; 9]>()) {
        let mut bytes = header.encode();
        let length = bytes.len();
        bytes.extend(tail);
        prop_assert_eq!(Header::decode(&bytes), Ok((header, length)));
    }

    #[test]
    fn what_decodes_encodes_back(header in headers(), at in any::<prop::sample::Index>(), bit in 0u32..8) {
        let mut bytes = header.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok((decoded, length)) = Header::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), &bytes[..length]);
        }
    }

    #[test]
    fn every_truncation_is_an_error(header in headers(), at in any::<prop::sample::Index>()) {
        let bytes = header.encode();
        prop_assert!(Header::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..400), keep in 0usize..60) {
        let mark = b"WFBUNDLE\x01\0\x01\0\x01\0\0\0\x01\0\0\0";
        let keep = keep.min(mark.len()).min(bytes.len());
        bytes[..keep].copy_from_slice(&mark[..keep]);
        let _ = Header::decode(&bytes);
    }
}

#[test]
fn plans_that_nobody_makes_are_refused() {
    let tensor = || PublicTensor {
        shape: vec![1, 1],
        values: Values::Quantized(QType::I8, vec![1]),
    };
    for max_log_rows in 0..256 {
        let header = Header {
            model_id: ModelId([7; 32]),
            parameters: Parameters {
                plan: PlanParameters { max_log_rows },
                ..Parameters::default()
            },
            input: tensor(),
            output: tensor(),
            shards: 1,
            key: None,
            parents: Parents::default(),
        };
        let decoded = Header::decode(&header.encode());
        assert_eq!(decoded.is_ok(), (9..=20).contains(&max_log_rows));
    }
}

/// A header that claims four billion cells is refused before anything is allocated for them.
#[test]
fn sizes_are_checked_against_what_is_left() {
    let cells = |shape| PublicTensor {
        shape,
        values: Values::Quantized(QType::I8, vec![1]),
    };
    let header = Header {
        model_id: ModelId([7; 32]),
        parameters: Parameters::default(),
        input: cells(vec![1, 65_535, 65_535]),
        output: cells(vec![1]),
        shards: 1,
        key: None,
        parents: Parents::default(),
    };
    assert!(matches!(
        Header::decode(&header.encode()),
        Err(BundleError::Truncated {
            what: "the input",
            ..
        })
    ));
    let header = Header {
        input: cells(vec![1; 8].into_iter().chain([u32::MAX as usize]).collect()),
        ..header
    };
    assert!(matches!(
        Header::decode(&header.encode()),
        Err(BundleError::Invalid {
            what: "the input",
            ..
        })
    ));
}

#[test]
fn other_versions_are_named() {
    let tensor = PublicTensor {
        shape: vec![1],
        values: Values::Quantized(QType::I8, vec![1]),
    };
    let header = Header {
        model_id: ModelId([7; 32]),
        parameters: Parameters::default(),
        input: tensor.clone(),
        output: tensor,
        shards: 1,
        key: None,
        parents: Parents::default(),
    };
    for (at, name) in [
        (8, "format"),
        (10, "protocol"),
        (12, "semantics"),
        (16, "plan"),
    ] {
        let mut bytes = header.encode();
        bytes[at] += 1;
        match Header::decode(&bytes) {
            Err(BundleError::Version {
                what,
                found: 2,
                known: 1,
            }) => assert_eq!(what, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}
