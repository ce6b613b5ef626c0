//! Attacks on steps: wrong steps, products that are none, sums of other cells and staircases of other windows.

use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, product_cell, step_cell};
use winterforge_air::mask::ConstraintId::{self, Product, RangeStepHigh, RangeStepLow, StepTable};
use winterforge_air::steps::step_cells;
use winterforge_model::Op;

use super::constraints::breaking;
use super::links::{bent, honest_rule, row_equations};
use crate::attack::Forgery;
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::nets;

/// All of them.
pub(super) fn all() -> Vec<Forgery> {
    let (product, scaled, average) = (nets::product(), nets::scaled(), nets::average());
    let mut forgeries = wrong_steps(
        &product,
        [
            "product: a step from no table",
            "product: the next step",
            "product: the step before",
        ],
    );
    forgeries.extend(wrong_steps(
        &average,
        [
            "average: a step from no table",
            "average: the next step",
            "average: the step before",
        ],
    ));
    forgeries.extend(products(&product));
    forgeries.push(other_constant(&scaled));
    forgeries.extend(averages(&average));
    forgeries
}

/// The first cell of the step in a lane.
fn step_start(site: &Site) -> usize {
    match site.kind {
        Kind::Product => product_cell::STEP,
        _ => 0,
    }
}

/// The honest accumulator of a step.
pub(super) fn accumulator(case: &Case, site: &Site) -> i64 {
    let cell = step_start(site) + step_cell::ACCUMULATOR;
    case.honest(site, cell)
}

/// Fills the step of a lane, and states its code.
pub(super) fn fill_step(witness: &mut Witness<'_>, site: &Site, accumulator: i64, step: [i64; 3]) {
    let shape = &witness.instance.plan.shards[site.shard].layout.shape;
    let cells = step_cells(shape, accumulator, step);
    for (index, value) in cells.into_iter().enumerate() {
        witness.set(site, step_start(site) + index, value);
    }
    witness.state(site, step[0]);
}

/// The step on which an accumulator stands.
pub(super) fn find(case: &Case, accumulator: i64) -> [i64; 3] {
    let steps = &case.instance.plan.pieces.steps;
    steps.find(accumulator).unwrap_or_default()
}

/// The row of the table for another code of the same staircase.
fn row_of(case: &Case, accumulator: i64, code: i64) -> [i64; 3] {
    let steps = &case.instance.plan.pieces.steps;
    let here = find(case, accumulator);
    let staircase = (0..256 * steps.len()).find(|&row| steps.row(row) == here);
    steps.row(staircase.unwrap_or(0) / 256 * 256 + code as usize)
}

fn wrong_steps(case: &Case, names: [&'static str; 3]) -> Vec<Forgery> {
    let site = case.site(|site| {
        let has_step = matches!(site.kind, Kind::Step | Kind::Product);
        has_step && case.is_output(site) && (9..240).contains(&case.code(site))
    });
    let (at, code) = (accumulator(case, &site), case.code(&site));
    let steps: [(ConstraintId, [i64; 3]); 3] = [
        (StepTable, [code + 1, at, at]),
        (RangeStepLow, row_of(case, at, code + 1)),
        (RangeStepHigh, row_of(case, at, code - 1)),
    ];
    let attacks = names.into_iter().zip(steps);
    attacks
        .map(|(name, (id, step))| {
            breaking(case, name, id, |witness| {
                fill_step(witness, &site, at, step)
            })
        })
        .collect()
}

/// A site of the output whose code differs at the accumulator that `moved` gives, and that accumulator.
fn moved(case: &Case, moved: impl Fn(&Site, i64) -> Option<i64>) -> (Site, i64) {
    let to = |site: &Site| moved(site, accumulator(case, site));
    let site = case.site(|site| {
        matches!(site.kind, Kind::Step | Kind::Product)
            && case.is_output(site)
            && to(site).is_some_and(|to| find(case, to)[0] != case.code(site))
    });
    (site, to(&site).unwrap_or_default())
}

fn products(case: &Case) -> Vec<Forgery> {
    let (site, to) = moved(case, |_, at| Some(at + 400));
    let mut forgeries = vec![breaking(case, "product: of nothing", Product, |witness| {
        fill_step(witness, &site, to, find(case, to));
    })];
    for (name, operand) in [
        ("product: another first operand", product_cell::OPERAND),
        ("product: another second operand", product_cell::OPERAND + 1),
    ] {
        let operand_at = |site: &Site, index: usize| case.honest(site, index);
        let other = 2 * product_cell::OPERAND + 1 - operand;
        let (site, to) = moved(case, |site, at| Some(at + 9 * operand_at(site, other)));
        let mut witness = Witness::honest(case);
        let value = operand_at(&site, operand) + 9;
        witness.set(&site, operand, Felt::from_signed(value));
        fill_step(&mut witness, &site, to, find(case, to));
        witness.count();
        let rule = honest_rule(case).without(row_equations(case, &site));
        forgeries.push(bent(case, name, "link", witness, rule));
    }
    forgeries
}

/// Proves an accumulator that is not the sum that the joint check asks for.
fn of_other_sum(case: &Case, name: &'static str, (site, to): (Site, i64)) -> Forgery {
    let mut witness = Witness::honest(case);
    fill_step(&mut witness, &site, to, find(case, to));
    witness.count();
    let rule = honest_rule(case).without(row_equations(case, &site));
    bent(case, name, "link", witness, rule)
}

fn other_constant(case: &Case) -> Forgery {
    let node = &case.graph.nodes[0];
    let Op::Mul(product) = &node.op else {
        unreachable!("a product")
    };
    let values = &product.constants[1].as_ref().expect("constants").values;
    let zero_point = case.graph.tensor(node.inputs[0]).quantization.zero_point;
    let target = moved(case, |site, at| {
        let x = case.executions[site.sample].tensors[0][site.cell] - zero_point;
        let change = values[(site.cell + 1) % 5] - values[site.cell];
        Some(at + i64::from(change) * i64::from(x))
    });
    of_other_sum(case, "product: another constant", target)
}

fn averages(case: &Case) -> Vec<Forgery> {
    let offsets = &case.instance.plan.pieces.averages[&0].offsets;
    assert_eq!(offsets.len(), 3, "corners, edges, the middle");
    assert!(case.instance.plan.pieces.averages[&0].chain.is_none());
    // Of one cell less: at a corner four of nine lie inside.
    let cells = |site: &Site| {
        let inside = |at: usize| if at == 1 { 3 } else { 2 };
        inside(site.cell / 3) * inside(site.cell % 3)
    };
    let offset = |count: usize| {
        let found = offsets.iter().find(|(class, _)| class.0 == count);
        found.expect("a staircase").1
    };
    let staircase = moved(case, |site, at| {
        let sum = at - offset(cells(site));
        (cells(site) == 6).then_some(sum + offset(9))
    });
    let cell = moved(case, |_, at| Some(at + 20));
    vec![
        of_other_sum(case, "average: the divisor of another window", staircase),
        of_other_sum(case, "average: of another cell", cell),
    ]
}
