//! The key's encoding: one byte string for each key, and nothing else is a key.

use std::sync::Arc;

use proptest::prelude::*;
use winterforge_air::pieces::Form;
use winterforge_air::plan::PlanParameters;
use winterforge_model::testing::{RandomMlp, RandomNet};
use winterforge_model::{Graph, Op};
use winterforge_verifier::bundle::{BundleError, Parameters};
use winterforge_verifier::instance::{Instance, InstanceError};
use winterforge_verifier::key::{Key, KeyError};
use winterforge_verifier::security::{Profile, SecurityLevel};

/// A key with forms that need not be the model's.
fn key(graph: &Graph) -> Key {
    let form = |channel: usize| Form {
        line: !channel.is_multiple_of(3),
        window_bits: (!channel.is_multiple_of(5)).then_some((20 + channel as u32 % 30, 52)),
        narrow: channel.is_multiple_of(7),
    };
    let channels = graph
        .nodes
        .iter()
        .map(|node| node.op.requantized_channels());
    Key {
        model_id: graph.id(),
        parameters: Parameters::default(),
        skeleton: Arc::new(graph.skeleton()),
        forms: channels
            .filter(|&channels| channels > 0)
            .map(|channels| (0..channels).map(form).collect())
            .collect(),
        root: std::array::from_fn(|index| index as u8),
    }
}

#[test]
fn round_trip() {
    for seed in 0..20 {
        for graph in [
            RandomMlp::any(seed, 30).build(),
            RandomNet::any(seed).build(),
        ] {
            let key = key(&graph);
            let bytes = key.encode().unwrap();
            let decoded = Key::decode(&bytes).unwrap();
            assert_eq!(decoded, key, "seed {seed}");
            assert_eq!(decoded.encode().unwrap(), bytes, "seed {seed}");
            assert_eq!(key.digest().unwrap().0, bytes[bytes.len() - 32..]);
        }
    }
}

#[test]
fn no_weight_is_in_a_key() {
    let graph = RandomMlp::any(3, 30).build();
    let mut other = graph.clone();
    for node in &mut other.nodes {
        if let Op::Linear(linear) = &mut node.op {
            linear.weights.iter_mut().for_each(|weight| *weight = 1);
            linear.bias.iter_mut().for_each(|bias| *bias = 0);
        }
    }
    let mut expected = key(&graph);
    let found = key(&other);
    expected.model_id = found.model_id;
    assert_eq!(found, expected);
}

#[test]
fn damage_is_noticed() {
    let bytes = key(&RandomNet::any(2).build()).encode().unwrap();
    for length in 0..bytes.len() {
        let error = Key::decode(&bytes[..length]).unwrap_err();
        let expected = match length {
            0..8 => matches!(error, KeyError::Magic),
            8..20 => matches!(error, KeyError::Field(BundleError::Truncated { .. })),
            _ => error == KeyError::Damaged,
        };
        assert!(expected, "{length}: {error}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(Key::decode(&changed).is_err(), "{at}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(Key::decode(&longer), Err(KeyError::Damaged));
}

#[test]
fn a_length_of_traces_out_of_range_is_refused() {
    let bytes = key(&RandomMlp::any(3, 30).build()).encode().unwrap();
    for log_rows in [0, 8, 21, 63, 64, 255] {
        // Behind mark, versions, model id, level, profile and hash.
        let hostile = redigested(bytes.clone(), |bytes| bytes[8 + 12 + 32 + 3] = log_rows);
        let what = "the plan parameters";
        let refused = BundleError::Invalid { what, offset: 56 };
        assert_eq!(hostile, Err(KeyError::Field(refused)), "{log_rows}");
    }
}

/// Re-digests a changed key: what a hostile maker of keys would do.
fn redigested(mut bytes: Vec<u8>, edit: impl Fn(&mut Vec<u8>)) -> Result<Key, KeyError> {
    bytes.truncate(bytes.len() - 32);
    edit(&mut bytes);
    let digest = blake3::derive_key("winterforge 2026 key v1", &bytes);
    bytes.extend(digest);
    Key::decode(&bytes)
}

#[test]
fn hostile_bodies_are_refused() {
    let graph = RandomMlp::any(3, 30).build();
    let bytes = key(&graph).encode().unwrap();
    assert!(redigested(bytes.clone(), |_| {}).is_ok());
    let surplus = redigested(bytes.clone(), |bytes| bytes.push(0));
    assert_eq!(surplus, Err(KeyError::Body));
    // A graph has one skeleton.
    let mut scaled = key(&graph);
    let skeleton = Arc::make_mut(&mut scaled.skeleton);
    for node in &mut skeleton.nodes {
        if let Op::Linear(linear) = &mut node.op {
            linear.alpha = 2.0;
        }
    }
    let verdict = Key::decode(&scaled.encode().unwrap());
    assert!(matches!(verdict, Err(KeyError::Graph(_))), "{verdict:?}");
    // A key that brings weights along.
    let mut whole = key(&graph);
    whole.skeleton = Arc::new(graph);
    let verdict = Key::decode(&whole.encode().unwrap());
    assert!(matches!(verdict, Err(KeyError::Graph(_))), "{verdict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_bytes_panic(
        seed in 0u64..20,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let bytes = key(&RandomNet::any(seed).build()).encode().unwrap();
        let verdict = redigested(bytes, |bytes| {
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
        });
        if let Ok(key) = verdict {
            // A well-formed key is a usable one, or refused for a reason.
            let _ = Instance::of_key(&key, 1);
        }
    }
}

/// A key of few parameters has a short trace, with fewer points than many shards need queries: then there is no instance, rather than
/// proofs that nobody accepts.
#[test]
fn queries_are_fewer_than_points() {
    let graph = Arc::new(RandomMlp::any(3, 4).build());
    let parameters = Parameters {
        level: SecurityLevel::Bits128,
        profile: Profile::Fast,
        plan: PlanParameters { max_log_rows: 9 },
        ..Parameters::default()
    };
    let mut refused = 0;
    for log_batch in 0..=14 {
        match Instance::committed(graph.clone(), 1 << log_batch, parameters) {
            Ok(instance) => {
                let parameters = instance.parameters.iter().map(|shard| &shard.trace_info);
                for info in instance.trace_infos.iter().chain(parameters) {
                    let points = info.length() * instance.options.blowup_factor();
                    assert!(instance.options.num_queries() < points, "2^{log_batch}");
                }
            }
            Err(InstanceError::FewPoints { queries, points }) => {
                assert!(queries >= points);
                refused += 1;
            }
            Err(error) => panic!("2^{log_batch}: {error}"),
        }
    }
    assert!(refused > 0);
}
