//! Attacks on the operators beyond matrix products: maxima, maps, additions, convolutions.

use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, map_cell, max_cell};
use winterforge_air::mask::ConstraintId::{MapTable, MaxIsOperand, MaxOperand};
use winterforge_model::{AddRule, Conv, Op};

use super::constraints::breaking;
use super::links::{bent, honest_rule, row_equations};
use crate::attack::Forgery;
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::nets;

/// All of them.
pub(super) fn all() -> Vec<Forgery> {
    let mut forgeries = maxima(&nets::pool());
    forgeries.extend(maps(&nets::maps()));
    forgeries.extend(sums(&nets::sum()));
    forgeries.extend(convolutions(&nets::conv()));
    forgeries
}

/// The operands in a maximum lane.
pub(super) fn operands(case: &Case, witness: &Witness<'_>, site: &Site) -> Vec<i64> {
    let taps = case.instance.plan.pieces.taps;
    (0..taps)
        .map(|tap| witness.get(site, max_cell::OPERAND + tap).to_signed())
        .collect()
}

/// Fills a maximum lane with this result and these operands; the last product is what it is.
pub(super) fn fill_max(witness: &mut Witness<'_>, site: &Site, result: i64, operands: &[i64]) {
    witness.set(site, max_cell::RESULT, Felt::from_signed(result));
    for (tap, &operand) in operands.iter().enumerate() {
        witness.set(site, max_cell::OPERAND + tap, Felt::from_signed(operand));
    }
    let mut differences = operands.iter().map(|o| Felt::from_signed(result - o));
    let mut product = differences.next().unwrap_or(Felt::ZERO);
    let shape = &witness.instance.plan.shards[site.shard].layout.shape;
    for index in 0..shape.partial_products() {
        let factors = differences.by_ref().take(3);
        product = factors.fold(product, |product, factor| product * factor);
        witness.set(site, max_cell::OPERAND + operands.len() + index, product);
    }
}

fn maxima(case: &Case) -> Vec<Forgery> {
    let honest = Witness::honest(case);
    let site = case.site(|site| {
        let operands = operands(case, &honest, site);
        case.is_output(site) && operands[0] < case.code(site) && case.code(site) < 255
    });
    let cells = operands(case, &honest, &site);
    let code = case.code(&site);
    let filled = |result: i64| {
        let cells = cells.clone();
        move |witness: &mut Witness<'_>| {
            fill_max(witness, &site, result, &cells);
            witness.state(&site, result);
        }
    };
    let mut copied = Witness::honest(case);
    let mut others = cells.clone();
    others[0] = code + 1;
    fill_max(&mut copied, &site, code + 1, &others);
    copied.state(&site, code + 1);
    copied.count();
    let rule = honest_rule(case).without(row_equations(case, &site));
    vec![
        breaking(
            case,
            "maximum: a smaller operand",
            MaxOperand,
            filled(cells[0]),
        ),
        breaking(
            case,
            "maximum: larger than every operand",
            MaxIsOperand,
            filled(code + 1),
        ),
        bent(case, "maximum: of another cell", "link", copied, rule),
    ]
}

/// Fills a map lane.
fn fill_map(witness: &mut Witness<'_>, site: &Site, operand: i64, result: i64) {
    witness.set(site, map_cell::OPERAND, Felt::from_signed(operand));
    witness.set(site, map_cell::RESULT, Felt::from_signed(result));
}

fn maps(case: &Case) -> Vec<Forgery> {
    let maps = &case.instance.plan.pieces.maps;
    let honest = Witness::honest(case);
    let operand = |site: &Site| honest.get(site, map_cell::OPERAND).to_signed();
    let site = case
        .site(|site| case.is_output(site) && maps[0][operand(site) as usize] != case.code(site));
    let other = maps[0][operand(&site) as usize];
    let next = (case.code(&site) + 1) % 256;
    let mut forgeries: Vec<Forgery> = [
        ("map: a value from no table", next),
        ("map: a value from another node's map", other),
    ]
    .map(|(name, value)| {
        breaking(case, name, MapTable, |witness| {
            fill_map(witness, &site, operand(&site), value);
            witness.state(&site, value);
        })
    })
    .into();
    let wrong = (operand(&site) + 1) % 256;
    let mut witness = Witness::honest(case);
    fill_map(&mut witness, &site, wrong, maps[1][wrong as usize]);
    witness.state(&site, maps[1][wrong as usize]);
    witness.count();
    let rule = honest_rule(case).without(row_equations(case, &site));
    forgeries.push(bent(case, "map: of another cell", "link", witness, rule));
    forgeries
}

/// One cell of a sum: its operands, the lane that rounds it and the lane of its inner sum.
struct Sum {
    a: i64,
    b: i64,
    rounded: Site,
    hidden: Site,
}

/// Fills the lane of the sum as if the operands had these codes.
fn fill_sum(case: &Case, witness: &mut Witness<'_>, site: &Site, a: i64, b: i64) {
    let graph = &case.graph;
    let node = case.node(site);
    let [qa, qb, qy] = [node.inputs[0], node.inputs[1], node.output]
        .map(|tensor| graph.tensor(tensor).quantization);
    let rule = AddRule::new(qa, qb, qy).expect("a sum that is provable");
    let piece = &case.instance.plan.pieces.list[site.key.piece as usize];
    let addition = &case.instance.plan.pieces.additions[&piece.node];
    let a = a + i64::from(qa.qtype.min());
    let accumulator = addition.factor * a + addition.inner[b as usize];
    let code = rule.apply(a as i32, b as i32 + qb.qtype.min()) - qy.qtype.min();
    witness.fill_lane(site, accumulator, i64::from(code));
    witness.state(site, i64::from(code));
}

/// The code of a sum.
fn sum_code(case: &Case, site: &Site, a: i64, b: i64) -> i64 {
    let mut witness = Witness::honest(case);
    fill_sum(case, &mut witness, site, a, b);
    let cell = winterforge_air::layout::requant_cell::CODE;
    witness.get(site, cell).to_signed()
}

fn sums(case: &Case) -> Vec<Forgery> {
    let plan = &case.instance.plan;
    let addition = plan.pieces.additions.values().next().expect("a sum");
    let hidden = addition.hidden.expect("two operands");
    let code = |tensor: usize, site: &Site| {
        let type_min = case.graph.tensors[tensor].quantization.qtype.min();
        i64::from(case.executions[site.sample].tensors[tensor][site.cell] - type_min)
    };
    let sum = |rounded: Site| Sum {
        a: code(0, &rounded),
        b: code(1, &rounded),
        rounded,
        hidden: case.site(|site| {
            plan.pieces.list[site.key.piece as usize].value == hidden
                && (site.sample, site.cell) == (rounded.sample, rounded.cell)
        }),
    };
    let chosen = case.site(|site| {
        let (a, b) = (code(0, site), code(1, site));
        case.is_output(site)
            && site.kind == Kind::Window
            && (20..200).contains(&a)
            && (20..200).contains(&b)
            && (a - b).abs() > 9
            && case.branch(site) == 0
            && sum_code(case, site, a, b + 9) != case.code(site)
            && sum_code(case, site, b, a) != case.code(site)
    });
    let Sum {
        a,
        b,
        rounded,
        hidden,
    } = sum(chosen);
    let inner = addition.inner[b as usize + 9];
    let mut forgeries = vec![breaking(
        case,
        "sum: an inner sum from no table",
        MapTable,
        |witness| {
            fill_map(witness, &hidden, b, inner);
            fill_sum(case, witness, &rounded, a, b + 9);
        },
    )];
    for (name, site, a, b, moves_hidden) in [
        (
            "sum: the inner sum of another cell",
            &hidden,
            a,
            b + 9,
            true,
        ),
        ("sum: operands change places", &rounded, b, a, false),
        ("sum: another accumulator", &rounded, a + 9, b, false),
        ("sum: another inner sum is read", &rounded, a, b + 9, false),
    ] {
        let mut witness = Witness::honest(case);
        if moves_hidden {
            fill_map(&mut witness, &hidden, b, inner);
        }
        fill_sum(case, &mut witness, &rounded, a, b);
        witness.count();
        let rule = honest_rule(case).without(row_equations(case, site));
        forgeries.push(bent(case, name, "link", witness, rule));
    }
    forgeries
}

/// Accumulators as another convolution has them, wherever it differs at the first site.
fn convolutions(case: &Case) -> Vec<Forgery> {
    let changed = |name: &'static str, edit: &dyn Fn(&mut Conv)| {
        let other = nets::conv_edited(edit);
        let site = case.site(|site| {
            case.is_output(site)
                && case.branch(site) == 0
                && rounded(case, site, other.accumulator(site)) != case.code(site)
        });
        let accumulator = other.accumulator(&site);
        let code = rounded(case, &site, accumulator);
        let mut witness = Witness::honest(case);
        witness.fill_lane(&site, accumulator, code);
        witness.state(&site, code);
        witness.count();
        let rule = honest_rule(case).without(row_equations(case, &site));
        bent(case, name, "link", witness, rule)
    };
    vec![
        changed("convolution: another stride phase", &|conv| {
            conv.window.pads = [0, 0, 2, 2];
        }),
        changed("convolution: another border", &|conv| {
            // A first row of taps that reads real cells only.
            conv.window.pads = [0, 1, 2, 1];
        }),
        changed("convolution: another dilation", &|conv| {
            conv.window.dilations = [2, 1];
            conv.window.pads = [2, 1, 2, 1];
        }),
        changed("convolution: another weight", &|conv| {
            conv.weights[13] += 40;
        }),
        changed("convolution: the weights of another channel", &|conv| {
            conv.weights.rotate_left(18);
        }),
    ]
}

/// The code of an accumulator of a convolution.
pub(super) fn rounded(case: &Case, site: &Site, accumulator: i64) -> i64 {
    let node = case.node(site);
    let Op::Conv(conv) = &node.op else {
        return 0;
    };
    let type_min = case.graph.tensor(node.output).quantization.qtype.min();
    i64::from(conv.requant[site.key.channel as usize].apply(accumulator) - type_min)
}
