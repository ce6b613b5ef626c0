//! Honest witnesses of random models satisfy every constraint, and one changed cell does not.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::constants::constant_columns;
use winterforge_air::constraints::{aux_degrees, evaluate_aux, evaluate_main, main_degrees};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes};
use winterforge_air::layout::Kind;
use winterforge_air::lookup_columns::{aux_columns, fill_multiplicities};
use winterforge_air::mask::Mask;
use winterforge_air::pieces::Role;
use winterforge_air::plan::{Plan, PlanError, PlanParameters, compile};
use winterforge_air::witness::Values;
use winterforge_model::testing::{RandomAttention, RandomMlp, RandomNet, random_input};
use winterforge_model::{Execution, Graph, execute};

struct Case {
    plan: Plan,
    executions: Vec<Execution>,
    codes: PublicCodes,
}

fn case(seed: u64, max_features: usize, batch: usize, parameters: PlanParameters) -> Case {
    let graph = RandomMlp::any(seed, max_features).build();
    case_of(graph, seed, batch, parameters).unwrap()
}

fn case_of(
    graph: Graph,
    seed: u64,
    batch: usize,
    parameters: PlanParameters,
) -> Result<Case, PlanError> {
    let graph = Arc::new(graph);
    let plan = compile(graph.clone(), batch, parameters)?;
    let inputs: Vec<Vec<i32>> = (0..batch as u64)
        .map(|sample| random_input(seed * 1000 + sample, &graph))
        .collect();
    let executions: Vec<Execution> = inputs
        .iter()
        .map(|input| execute(&graph, input).unwrap())
        .collect();
    let codes = |tensor: usize| {
        let type_min = graph.tensors[tensor].quantization.qtype.min();
        let codes = |e: &Execution| -> Vec<u8> {
            e.tensors[tensor]
                .iter()
                .map(|q| (q - type_min) as u8)
                .collect()
        };
        executions.iter().flat_map(codes).collect()
    };
    let codes = PublicCodes {
        input: codes(graph.input.0),
        output: codes(graph.output.0),
    };
    Ok(Case {
        plan,
        executions,
        codes,
    })
}

fn challenges() -> Challenges<Cube> {
    let element = |a: u64| {
        Cube::new(
            Felt::new(a),
            Felt::new(a * a + 1),
            Felt::new(a ^ 0xdead_beef),
        )
    };
    Challenges {
        rho: element(0x1234_5678),
        kappa: element(77),
        zeta: element(0x9abc_def0),
        alpha: element(3),
    }
}

/// Constraints that fail anywhere, as `(is_aux, index, row)`, and the sum of the shards' totals less the required one.
fn failures(
    case: &Case,
    tamper: impl Fn(usize, &mut Vec<Vec<Felt>>),
) -> (Vec<(bool, usize, usize)>, Cube) {
    let plan = &case.plan;
    let mask = Mask::default();
    let joint = JointCheck::new(plan, challenges(), &case.codes);
    let values = Values::new(plan, &case.executions);
    let mut failed = Vec::new();
    let mut rest = Cube::ZERO - joint.total;
    for (index, shard) in plan.shards.iter().enumerate() {
        let layout = &shard.layout;
        let mut columns = values.main_columns(shard);
        tamper(index, &mut columns);
        let constants = constant_columns(plan, shard);
        fill_multiplicities(plan, layout, &mask, &mut columns, &constants);
        let public: Vec<_> = joint
            .public_columns(plan, shard)
            .split(Cube::EXTENSION_DEGREE)
            .collect();
        let challenges = joint.constraint_challenges(layout);
        let (aux, total) = aux_columns(layout, &mask, &columns, &public, &challenges);
        rest += total;
        let lookups = layout.lookups();
        let mut main_result = vec![Felt::ZERO; main_degrees(layout).len()];
        let mut aux_result = vec![Cube::ZERO; aux_degrees(layout).len()];
        for row in 0..layout.rows() - 1 {
            let cells = |columns: &[Vec<Felt>]| -> Vec<Felt> {
                columns
                    .iter()
                    .map(|column| column.get(row).copied().unwrap_or(Felt::ZERO))
                    .collect()
            };
            let (main_row, public_row) = (cells(&columns), cells(&public));
            evaluate_main(layout, &mask, &main_row, &public_row, &mut main_result);
            let at = |row: usize| aux.iter().map(|column| column[row]).collect::<Vec<_>>();
            let (current, next) = (at(row), at(row + 1));
            evaluate_aux(
                layout,
                &mask,
                &lookups,
                &main_row,
                (&current, &next),
                &public_row,
                &challenges,
                &mut aux_result,
            );
            failed.extend(
                (0..main_result.len())
                    .filter(|&i| main_result[i] != Felt::ZERO)
                    .map(|i| (false, i, row)),
            );
            failed.extend(
                (0..aux_result.len())
                    .filter(|&i| aux_result[i] != Cube::ZERO)
                    .map(|i| (true, i, row)),
            );
        }
    }
    (failed, rest)
}

#[test]
fn honest_witnesses_satisfy_everything() {
    for seed in 0..40 {
        for batch in [1, 3, 40] {
            let case = case(seed, 24, batch, PlanParameters::default());
            let (failed, rest) = failures(&case, |_, _| {});
            assert!(
                failed.is_empty() && rest == Cube::ZERO,
                "seed {seed} batch {batch}: {failed:?}"
            );
        }
    }
}

/// Every operator that has tables: convolutions of all kinds, pools, additions, maps, and what moves cells.
#[test]
fn honest_witnesses_of_random_networks_satisfy_everything() {
    let mut kinds = std::collections::BTreeMap::new();
    let mut tables_seen = std::collections::BTreeSet::new();
    let mut proven = 0;
    for seed in 0..150 {
        let graph = match seed % 5 {
            4 => RandomAttention::any(seed).build(),
            _ => RandomNet::any(seed).build(),
        };
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
        let case = match case_of(
            graph,
            seed,
            1 + seed as usize % 3,
            PlanParameters::default(),
        ) {
            Ok(case) => case,
            Err(PlanError::NothingToProve) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        proven += 1;
        for name in names {
            *kinds.entry(name).or_insert(0) += 1;
        }
        let tables = case
            .plan
            .shards
            .iter()
            .flat_map(|shard| &shard.layout.tables);
        tables_seen.extend(tables.map(|table| table.kind));
        let (failed, rest) = failures(&case, |_, _| {});
        assert!(
            failed.is_empty() && rest == Cube::ZERO,
            "seed {seed}: {failed:?}"
        );
    }
    println!("{proven} networks: {kinds:?}");
    assert_eq!(tables_seen.into_iter().collect::<Vec<_>>(), Kind::ALL);
    for name in [
        "Conv",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "Add",
        "Mul",
        "Table",
        "Concat",
        "Transpose",
        "Pad",
        "MatMul",
        "Softmax",
        "LayerNorm",
    ] {
        assert!(
            kinds.contains_key(name),
            "no {name} among the networks: {kinds:?}"
        );
    }
}

#[test]
fn work_splits_over_shards() {
    let parameters = PlanParameters { max_log_rows: 9 };
    let mut most = 0;
    for seed in 0..20 {
        let case = case(seed, 40, 300, parameters);
        most = most.max(case.plan.shards.len());
        let (failed, rest) = failures(&case, |_, _| {});
        assert!(
            failed.is_empty() && rest == Cube::ZERO,
            "seed {seed}: {failed:?}"
        );
    }
    assert!(
        most >= 3,
        "at most {most} shards: the split was not exercised"
    );
}

/// Every used main cell is bound: changing it breaks a constraint, a lookup or the joint check.
#[test]
fn every_cell_is_bound() {
    let mut seen = std::collections::BTreeSet::new();
    let rows = |seed: u64| case(seed, 6, 33, PlanParameters::default());
    let network = |seed: u64| {
        let graph = RandomNet::any(seed).build();
        case_of(graph, seed, 3, PlanParameters::default()).unwrap()
    };
    let attention = |seed: u64| {
        let graph = RandomAttention::any(seed).build();
        case_of(graph, seed, 2, PlanParameters::default()).unwrap()
    };
    for (seed, case) in [1, 5, 9]
        .map(|seed| (seed, rows(seed)))
        .into_iter()
        .chain([20, 21, 22, 23, 24, 25].map(|seed| (seed, network(seed))))
        .chain([1, 2].map(|seed| (seed, attention(seed))))
    {
        for (index, shard) in case.plan.shards.iter().enumerate() {
            let layout = &shard.layout;
            for table in &layout.tables {
                // Where a window saturates, the limbs of its other side are free bytes.
                if table.kind == Kind::Window {
                    continue;
                }
                // Lanes of one table are alike.
                for start in table.lane_starts().take(2) {
                    for column in start..start + table.lane_width {
                        seen.insert(table.kind);
                        let row = shard.rows(table.kind).len() / 2;
                        let (failed, rest) = failures(&case, |at, columns| {
                            if at == index {
                                columns[column][row] += Felt::ONE;
                            }
                        });
                        let unbound = failed.is_empty() && rest == Cube::ZERO;
                        assert!(
                            !unbound,
                            "seed {seed}: {:?} column {column} row {row} is free",
                            table.kind
                        );
                    }
                }
            }
        }
    }
    let kinds = Kind::ALL.into_iter().filter(|&kind| kind != Kind::Window);
    assert!(seen.into_iter().eq(kinds));
}

/// Rows cover every channel and instance once, and no two lanes, used or not, share an equation.
#[test]
fn every_lane_has_its_own_equation() {
    let attention = |seed| {
        let graph = RandomAttention::any(seed).build();
        case_of(graph, seed, 1 + seed as usize, PlanParameters::default()).unwrap()
    };
    let rows = |seed| case(seed, 12, 21, PlanParameters { max_log_rows: 9 });
    for (seed, case) in (0..30)
        .map(|seed| (seed, rows(seed)))
        .chain((0..10).map(|seed| (seed, attention(seed))))
    {
        let plan = &case.plan;
        let mut seen = std::collections::BTreeSet::new();
        let mut used = 0;
        for shard in &plan.shards {
            for table in &shard.layout.tables {
                assert!(
                    shard.rows(table.kind).len() < shard.layout.rows(),
                    "the last row stays free"
                );
                for row in shard.rows(table.kind) {
                    let piece = row.piece as usize;
                    for lane in 0..table.lanes {
                        let instance = u64::from(row.first) + lane as u64;
                        used += usize::from(instance < plan.instances(piece) as u64);
                        for link in 0..plan.links(piece) as u64 {
                            let equation = plan.channel_equation(piece, row.channel as usize)
                                + instance * plan.links(piece) as u64
                                + link;
                            assert!(equation < plan.output_equations, "seed {seed}: {row:?}");
                            assert!(seen.insert(equation), "seed {seed}: {row:?}");
                        }
                    }
                }
            }
        }
        let lanes = |piece: usize| plan.instances(piece) * plan.pieces.list[piece].channels;
        assert_eq!(
            used,
            (0..plan.pieces.list.len()).map(lanes).sum::<usize>(),
            "seed {seed}"
        );
    }
}

/// Wherever tiles of a product of tensors reach, its terms meet no equation but those of its own outputs.
#[test]
fn products_stay_among_their_outputs() {
    let mut ragged = 0;
    for seed in 0..30 {
        let graph = RandomAttention::any(seed).build();
        let case = case_of(
            graph,
            seed,
            1 + seed as usize % 4,
            PlanParameters::default(),
        )
        .unwrap();
        let plan = &case.plan;
        for (index, piece) in plan.pieces.list.iter().enumerate() {
            let (Some(product), Role::Requant(_)) =
                (plan.pieces.contractions.get(&piece.node), &piece.role)
            else {
                continue;
            };
            let tile = plan.pieces.tile;
            ragged += usize::from(product.rows % tile > 0 || product.columns % tile > 0);
            let next = plan.first_equations.get(index + 1).copied();
            let region = plan.first_equations[index]..next.unwrap_or(plan.output_equations);
            for (row, column) in product.first_outputs(tile) {
                for sample in 0..plan.batch {
                    for (i, j) in (0..tile).flat_map(|i| (0..tile).map(move |j| (i, j))) {
                        let instance = (sample * product.columns + column + j) as u64;
                        let equation = plan.channel_equation(index, row)
                            + i as u64 * plan.row_stride
                            + instance;
                        assert!(
                            region.contains(&equation),
                            "seed {seed}: ({row} + {i}, {column} + {j})"
                        );
                        // Inside of the matrices it is the output's own.
                        let own =
                            row % product.rows + i < product.rows && column + j < product.columns;
                        let output = plan.channel_equation(index, row + i) + instance;
                        assert!(!own || equation == output, "seed {seed}");
                    }
                }
            }
        }
    }
    assert!(
        ragged > 10,
        "{ragged} products with tiles beyond their ends"
    );
}

/// Rows as long as those of models in use: range checks of all operators have a width in common.
#[test]
fn long_rows_have_a_plan() {
    for (tokens, heads, features) in [(64, 2, 64), (128, 4, 96), (17, 12, 64)] {
        for seed in 0..4 {
            let attention = RandomAttention {
                tokens,
                heads,
                features,
                ..RandomAttention::any(seed)
            };
            let plan = compile(Arc::new(attention.build()), 1, PlanParameters::default());
            assert!(
                plan.is_ok(),
                "{tokens} {heads} {features}: {:?}",
                plan.err()
            );
        }
    }
    let attention = RandomAttention {
        tokens: 40,
        heads: 2,
        features: 24,
        ..RandomAttention::any(3)
    };
    let case = case_of(attention.build(), 3, 1, PlanParameters::default()).unwrap();
    let (failed, rest) = failures(&case, |_, _| {});
    assert!(failed.is_empty() && rest == Cube::ZERO, "{failed:?}");
}

#[test]
fn products_beyond_counting_are_refused() {
    let attention = RandomAttention {
        tokens: 2048,
        heads: 1,
        features: 2,
        ..RandomAttention::any(1)
    };
    let graph = Arc::new(attention.build());
    for batch in [200, 1 << 16] {
        let refused = compile(graph.clone(), batch, PlanParameters::default());
        assert_eq!(refused.err(), Some(PlanError::TooLarge { samples: batch }));
    }
}
