//! Honest witnesses of random models satisfy every constraint, and one changed cell does not.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::constraints::{aux_degrees, evaluate_aux, evaluate_main, main_degrees};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes, constant_columns};
use winterforge_air::mask::Mask;
use winterforge_air::plan::{Plan, PlanParameters, compile};
use winterforge_air::witness::{aux_columns, fill_multiplicities, main_columns};
use winterforge_model::testing::{RandomMlp, random_input};
use winterforge_model::{Execution, execute};

struct Case {
    plan: Plan,
    executions: Vec<Execution>,
    codes: PublicCodes,
}

fn case(seed: u64, max_features: usize, batch: usize, parameters: PlanParameters) -> Case {
    let graph = Arc::new(RandomMlp::any(seed, max_features).build());
    let inputs: Vec<Vec<i32>> = (0..batch as u64)
        .map(|sample| random_input(seed * 1000 + sample, &graph))
        .collect();
    let executions: Vec<Execution> = inputs
        .iter()
        .map(|input| execute(&graph, input).unwrap())
        .collect();
    let codes = |tensor: usize| {
        let type_min = graph.tensors[tensor].quantization.qtype.min();
        executions
            .iter()
            .flat_map(|e| e.tensors[tensor].iter().map(|q| (q - type_min) as u8))
            .collect()
    };
    let codes = PublicCodes {
        input: codes(graph.input.0),
        output: codes(graph.output.0),
    };
    let plan = compile(graph, batch, parameters).unwrap();
    Case {
        plan,
        executions,
        codes,
    }
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
    let mut failed = Vec::new();
    let mut rest = Cube::ZERO - joint.total;
    for (index, shard) in plan.shards.iter().enumerate() {
        let layout = &shard.layout;
        let mut columns = main_columns(plan, shard, &case.executions);
        tamper(index, &mut columns);
        fill_multiplicities(layout, &mask, &mut columns, &constant_columns(plan, shard));
        let public = joint.public_columns(plan, shard);
        let lanes = layout.line_lanes.max(layout.window_lanes);
        let challenges = joint.constraint_challenges(lanes);
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
    for seed in [1, 5, 9] {
        let case = case(seed, 6, 33, PlanParameters::default());
        for (index, shard) in case.plan.shards.iter().enumerate() {
            let layout = &shard.layout;
            for kind in [
                winterforge_air::layout::Kind::Line,
                winterforge_air::layout::Kind::Window,
            ] {
                for start in layout.lane_starts(kind) {
                    for column in start..start + layout.lane_width(kind) {
                        let row = shard.rows(kind).len() / 2;
                        let (failed, rest) = failures(&case, |at, columns| {
                            if at == index {
                                columns[column][row] += Felt::ONE;
                            }
                        });
                        let unbound = failed.is_empty() && rest == Cube::ZERO;
                        assert!(
                            !unbound,
                            "seed {seed}: {kind:?} column {column} row {row} is free"
                        );
                    }
                }
            }
        }
    }
}

/// Rows cover every channel, position and lane of the padded batch once, so no two cells share an equation.
#[test]
fn every_output_has_one_row_and_lane() {
    for seed in 0..30 {
        let case = case(seed, 12, 21, PlanParameters { max_log_rows: 9 });
        let plan = &case.plan;
        let mut seen = std::collections::BTreeSet::new();
        for shard in &plan.shards {
            for kind in [
                winterforge_air::layout::Kind::Line,
                winterforge_air::layout::Kind::Window,
            ] {
                assert!(
                    shard.rows(kind).len() < shard.layout.rows(),
                    "the last row stays free"
                );
                for key in shard.rows(kind) {
                    for lane in 0..shard.layout.lanes(kind) {
                        let sample = key.first_sample as usize + lane;
                        let equation = plan.equation_in_sample(key)
                            + sample as u64 * plan.equations_per_sample;
                        assert!(
                            sample < plan.padded_batch && seen.insert(equation),
                            "seed {seed}: {key:?}"
                        );
                    }
                }
            }
        }
        let accumulators = plan.output_equations * plan.padded_batch as u64;
        assert_eq!(seen.len() as u64, accumulators, "seed {seed}");
    }
}
