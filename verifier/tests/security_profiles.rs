//! The pinned numbers of queries, derived again, and the levels they reach on real shapes.

use winter_air::FieldExtension::{Cubic, None as Base, Quadratic};
use winterforge_verifier::security::{
    COLLISION_BITS, Coupling, JointParameters, MAX_TRACE_LENGTH_LOG2, MIN_TRACE_LENGTH_LOG2,
    Profile, SecurityError, SecurityLevel, ShardParameters, account, minimum_queries,
    proof_options, proof_options_for, reference_load,
};

const LEVELS: [SecurityLevel; 2] = [SecurityLevel::Bits100, SecurityLevel::Bits128];
const PROFILES: [Profile; 3] = [Profile::Fast, Profile::Balanced, Profile::Small];

fn shard(log2: u32, main_width: u32, aux_width: u32, num_constraints: u64) -> ShardParameters {
    ShardParameters {
        trace_length: 1 << log2,
        main_width,
        aux_width,
        num_constraints,
        num_composition_columns: 4,
    }
}

fn joint(linear_equations: u64, lookups: u64, coupling: Coupling) -> JointParameters {
    JointParameters {
        linear_equations,
        lookups,
        table_rows: 767,
        tuple_degree: 4,
        claimed_values: 1 << 10,
        coupling,
        parameter_shards: 0,
    }
}

#[test]
fn the_table_is_what_the_accounting_gives() {
    for level in LEVELS {
        for profile in PROFILES {
            for extension in [Base, Quadratic, Cubic] {
                for log2 in MIN_TRACE_LENGTH_LOG2..=MAX_TRACE_LENGTH_LOG2 {
                    let (shards, joint) = reference_load(extension, log2);
                    let derived =
                        minimum_queries(profile, extension, level.target(), 1, &shards, &joint);
                    let pinned = proof_options(level, profile, extension, log2).ok();
                    assert_eq!(
                        pinned.map(|options| options.num_queries() as u32),
                        derived,
                        "{level:?} {profile:?} {extension:?} 2^{log2}"
                    );
                }
            }
        }
    }
}

/// The table that prototypes measured with winterfell's estimate at 2^20 rows.
#[test]
fn the_table_agrees_with_measured_minima() {
    let queries = |level, profile, extension| {
        proof_options(level, profile, extension, 20)
            .map(|options| options.num_queries())
            .ok()
    };
    for (profile, cubic_100, cubic_128, quadratic) in [
        (Profile::Fast, 81, 126, 119),
        (Profile::Balanced, 54, 85, 97),
        (Profile::Small, 41, 119, 88),
    ] {
        assert_eq!(
            queries(SecurityLevel::Bits100, profile, Cubic),
            Some(cubic_100)
        );
        assert_eq!(
            queries(SecurityLevel::Bits128, profile, Cubic),
            Some(cubic_128)
        );
        assert_eq!(
            queries(SecurityLevel::Bits100, profile, Quadratic),
            Some(quadratic)
        );
        assert_eq!(queries(SecurityLevel::Bits128, profile, Quadratic), None);
    }
}

#[test]
fn pinned_options_reach_their_level_on_real_shapes() {
    let cases = [
        (
            vec![shard(9, 40, 8, 60)],
            joint(300, 1 << 14, Coupling::Total),
        ),
        (
            vec![shard(12, 120, 50, 200)],
            joint(1 << 14, 1 << 19, Coupling::Total),
        ),
        (
            vec![shard(18, 250, 4, 500); 40],
            joint(1 << 24, 1 << 27, Coupling::Pairwise),
        ),
        (
            vec![shard(16, 250, 4, 500); 8],
            joint(1 << 20, 1 << 25, Coupling::Total),
        ),
    ];
    for (shards, joint) in &cases {
        let log2 = shards[0].trace_length.ilog2();
        for level in LEVELS {
            for profile in PROFILES {
                let options = proof_options(level, profile, Cubic, log2).unwrap();
                let ledger = account(shards, joint, &options, COLLISION_BITS);
                assert!(
                    ledger.is_at_least(level.bits()),
                    "{level:?} {profile:?}\n{ledger}"
                );
                assert_eq!(
                    proof_options_for(level, profile, Cubic, shards, joint),
                    Ok(options)
                );
            }
        }
    }
}

#[test]
fn one_total_over_many_shards_takes_more_queries() {
    let shards = vec![shard(18, 250, 4, 500); 40];
    let joint = joint(1 << 24, 1 << 27, Coupling::Total);
    for level in LEVELS {
        for profile in PROFILES {
            let pinned = proof_options(level, profile, Cubic, 18).unwrap();
            let options = proof_options_for(level, profile, Cubic, &shards, &joint).unwrap();
            assert!(options.num_queries() > pinned.num_queries());
            assert!(account(&shards, &joint, &options, COLLISION_BITS).is_at_least(level.bits()));
        }
    }
}

#[test]
fn the_quadratic_extension_passes_only_where_the_ledger_does() {
    let (level, profile) = (SecurityLevel::Bits100, Profile::Balanced);
    let small = joint(300, 1 << 14, Coupling::Total);
    let shards = [shard(9, 40, 8, 60)];
    let options = proof_options_for(level, profile, Quadratic, &shards, &small).unwrap();
    assert!(account(&shards, &small, &options, COLLISION_BITS).is_at_least(100));

    let large = joint(1 << 24, 1 << 27, Coupling::Total);
    let refused = Err(SecurityError::Unreachable {
        level,
        extension: Quadratic,
    });
    assert_eq!(
        proof_options_for(level, profile, Quadratic, &shards, &large),
        refused
    );
    assert!(proof_options(SecurityLevel::Bits128, profile, Quadratic, 9).is_err());
    assert!(proof_options(level, profile, Base, 9).is_err());
}

/// A short shard bounds the list parameter of the whole bundle; the pinned number is then raised.
#[test]
fn a_short_shard_beside_a_long_one_is_accounted_for() {
    let shards = [shard(20, 100, 10, 100), shard(6, 10, 2, 10)];
    let joint = joint(300, 1 << 14, Coupling::Total);
    let (level, profile) = (SecurityLevel::Bits100, Profile::Balanced);
    let options = proof_options_for(level, profile, Cubic, &shards, &joint).unwrap();
    assert_eq!(options.num_queries(), 55);
    assert!(account(&shards, &joint, &options, COLLISION_BITS).is_at_least(100));
}

#[test]
fn lengths_outside_of_the_table_are_refused() {
    for log2 in [
        0,
        MIN_TRACE_LENGTH_LOG2 - 1,
        MAX_TRACE_LENGTH_LOG2 + 1,
        u32::MAX,
    ] {
        let error =
            proof_options(SecurityLevel::Bits100, Profile::Balanced, Cubic, log2).unwrap_err();
        assert_eq!(error, SecurityError::TraceLength { log2 });
        assert!(error.to_string().contains("rows"));
    }
    let long = [shard(30, 8, 2, 10)];
    let none = JointParameters::default();
    assert!(proof_options_for(SecurityLevel::Bits100, Profile::Fast, Cubic, &long, &none).is_err());
    let longest = [ShardParameters {
        trace_length: u64::MAX,
        ..long[0]
    }];
    assert!(
        proof_options_for(
            SecurityLevel::Bits100,
            Profile::Fast,
            Cubic,
            &longest,
            &none
        )
        .is_err()
    );
}
