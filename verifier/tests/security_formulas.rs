//! Every round against the formulas of `docs/soundness.md`, evaluated in floating point.

use winter_air::{BatchingMethod, FieldExtension, ProofOptions};
use winterforge_verifier::security::{
    Bits, COLLISION_BITS, Coupling, JointParameters, Regime, ShardParameters, account,
};

fn options(
    queries: usize,
    blowup: usize,
    grinding: u32,
    extension: FieldExtension,
    folding: usize,
    batching: BatchingMethod,
) -> ProofOptions {
    ProofOptions::new(
        queries, blowup, grinding, extension, folding, 127, batching, batching,
    )
}

fn shard(log2: u32) -> ShardParameters {
    ShardParameters {
        trace_length: 1 << log2,
        main_width: 60,
        aux_width: 8,
        num_constraints: 100,
        num_composition_columns: 2,
    }
}

/// The formulas of `docs/soundness.md` in floating point: -log2 of each round for one shape of shard.
fn in_floating_point(
    regime: Regime,
    shard: &ShardParameters,
    count: f64,
    joint: &JointParameters,
    options: &ProofOptions,
    folding: f64,
) -> Vec<f64> {
    let field = f64::from(options.field_extension().degree()) * 2.0_f64.powi(64).log2();
    let (n, b) = (shard.trace_length as f64, options.blowup_factor() as f64);
    let (domain, c) = (n * b, (n + 2.0) / (n * b));
    let (alpha, list, m) = match regime {
        Regime::Unique => ((1.0 + c) / 2.0, 1.0, 0.0),
        Regime::List { eighths } => {
            let t = f64::from(eighths) / 8.0;
            let alpha = (1.0 + 0.5 / t) / b.sqrt();
            // The list size and the points are whole numbers: keep floating point off their edges.
            let points = (alpha * domain - 1e-9).ceil();
            let list = (points / domain - c) / (alpha * alpha - c);
            let list = (list + 1e-9).floor().max(1.0);
            (alpha, list, t.ceil().max(3.0))
        }
    };
    let johnson = |d: f64| (m + 0.5).powi(7) * d * d * b.powf(1.5) / 3.0;
    let (batch, fold) = match regime {
        Regime::Unique => (domain, domain + 1.0),
        Regime::List { .. } => {
            let weighted = (2.0 * m + 1.0) * (domain + 1.0) * b.sqrt();
            (johnson(domain), johnson(domain / folding) + weighted)
        }
    };
    let candidates = match joint.coupling {
        Coupling::Total => list.powf(count),
        Coupling::Pairwise => count * list + count * (count - 1.0) / 2.0 * list * list,
    };
    let poles = (joint.lookups + joint.table_rows) as f64;
    let degree = joint.linear_equations as f64 + poles * f64::from(joint.tuple_degree + 1) + 1.0;
    let composition = (b + 1.0) * (n + 1.0) + n - 1.0;
    let grinding = f64::from(options.grinding_factor());
    vec![
        field - (candidates * degree).log2(),
        field - list.log2(),
        field - (list * list * composition + list + 3.0 * domain + 2.0 * n).log2(),
        field - batch.log2(),
        field - ((folding - 1.0) * fold).log2(),
        grinding - options.num_queries() as f64 * alpha.log2(),
        field - (joint.claimed_values as f64).log2(),
    ]
}

#[test]
fn matches_the_formulas_in_floating_point() {
    let mut lists = Vec::new();
    for extension in [
        FieldExtension::None,
        FieldExtension::Quadratic,
        FieldExtension::Cubic,
    ] {
        for coupling in [Coupling::Total, Coupling::Pairwise] {
            for (log2, blowup, folding) in
                [(8, 2, 16), (8, 4, 2), (9, 8, 8), (12, 8, 4), (18, 16, 8)]
            {
                for (queries, count) in [(54, 1), (81, 3), (255, 40)] {
                    let options = options(
                        queries,
                        blowup,
                        20,
                        extension,
                        folding,
                        BatchingMethod::Linear,
                    );
                    let joint = JointParameters {
                        linear_equations: 1 << 14,
                        lookups: 1 << 10,
                        table_rows: 767,
                        tuple_degree: 4,
                        claimed_values: 1 << 10,
                        coupling,
                        parameter_shards: 0,
                    };
                    let shards = vec![shard(log2); count];
                    let ledger = account(&shards, &joint, &options, COLLISION_BITS);
                    for regime in [ledger.unique.as_ref(), ledger.list.as_ref()]
                        .into_iter()
                        .flatten()
                    {
                        let mut expected = in_floating_point(
                            regime.regime,
                            &shards[0],
                            count as f64,
                            &joint,
                            &options,
                            folding as f64,
                        );
                        if regime.entries.len() == 6 {
                            expected.remove(4); // short enough to be sent unfolded
                        }
                        assert_eq!(regime.entries.len(), expected.len());
                        for (entry, expected) in regime.entries.iter().zip(expected) {
                            let error = expected - entry.bits.as_f64();
                            let floored = entry.bits == Bits::whole(0);
                            assert!(
                                floored || (-1e-7..1e-4).contains(&error),
                                "{:?} 2^{log2} {blowup} {entry:?} {expected}",
                                regime.regime
                            );
                        }
                        lists.push(regime.list_size);
                    }
                }
            }
        }
    }
    assert!(
        lists.iter().any(|&list| list > 100) && lists.iter().any(|&list| (2..10).contains(&list))
    );
}
