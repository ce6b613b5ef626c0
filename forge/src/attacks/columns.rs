//! Public columns that are not the model's: proofs whose shards are all in order, under weights, constants, tables, an
//! input or an output of the prover's choice.

use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, LookupTable, WINDOW_ROWS, map_cell, requant_cell as cell};
use winterforge_air::pieces::Role;
use winterforge_air::rounding::Rounding;
use winterforge_model::Linear;

use super::constraints::start_at;
use super::false_claims;
use super::links::{bent, honest_rule, other_graph};
use super::sums::lying;
use crate::attack::Forgery;
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::nets;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let mut forgeries = models(case);
    forgeries.extend([
        shifted(case, "another offset of a line", Kind::Line),
        shifted(case, "another zero point of a window", Kind::Window),
        window_table(case),
        map_table(&nets::maps()),
        map_index(&nets::maps()),
        input(case),
        output(case),
    ]);
    forgeries
}

/// Proofs of other models that happen to have the tables of this one.
fn models(case: &Case) -> Vec<Forgery> {
    let other_model = |name: &'static str, edit: &dyn Fn(&mut Linear, i32)| {
        let layout = |case: &Case| case.instance.plan.shards[0].layout.clone();
        let other = (1..200)
            .filter_map(|step| other_graph(case, |linear| edit(linear, step)))
            .find(|other| layout(other) == layout(case))
            .expect("another output from the same tables");
        let mut witness = Witness::honest(&other);
        witness.header.model_id = case.header.model_id;
        let forged = witness.commit().fill().finish(Deviation::None);
        false_claims(case, name, "R3", &forged)
    };
    vec![
        other_model("another weight", &|linear, step| {
            linear.weights[1] += step as i16;
        }),
        other_model("another bias", &|linear, step| {
            linear.bias[0] += 10 * step;
        }),
        other_model("another scale", &|linear, step| {
            linear.requant[0].multiplier += 10_000 * step as u32;
        }),
        other_model("another clamp", &|linear, step| {
            linear.requant[0].qmin += step;
        }),
    ]
}

/// All codes of a channel are one too large, and so are its constants.
fn shifted(case: &Case, name: &'static str, kind: Kind) -> Forgery {
    let mut witness = Witness::honest(case);
    let site = case.site(|site| {
        let top = case.channel(site).code_max;
        site.kind == kind && case.is_output(site) && case.branch(site) == 0 && top < 255
    });
    let place = |site: &Site| (site.key.piece as usize, site.key.channel as usize);
    let (piece, channel) = place(&site);
    let constants = &mut witness.instance.plan.channels[piece][channel];
    match &mut constants.rounding {
        Rounding::Line { offset, .. } => *offset += 1 << 32,
        Rounding::Window { zero_code, .. } => *zero_code += 1,
    }
    constants.code_min += 1;
    constants.code_max += 1;
    for other in case
        .sites()
        .iter()
        .filter(|other| place(other) == place(&site))
    {
        let code = case.code(other) + 1;
        witness.fill_lane(other, case.accumulator(other), code);
        if case.is_used(other) {
            witness.state(other, code);
        }
    }
    witness.count();
    let forged = witness.commit().fill().finish(Deviation::None);
    false_claims(case, name, "R3", &forged)
}

/// A half that starts elsewhere, and a row of the window table that allows it.
fn window_table(case: &Case) -> Forgery {
    let honest = Witness::honest(case);
    let difference = |site: &Site, code: i64| match case.channel(site).rounding {
        Rounding::Window { zero_code, .. } => code - zero_code,
        Rounding::Line { .. } => 0,
    };
    let upper_row = |difference: i64| WINDOW_ROWS / 2 + (difference + 255) as usize;
    let site = case.site(|site| {
        let code = case.code(site) + 1;
        let is_candidate = site.kind == Kind::Window
            && case.is_output(site)
            && case.branch(site) == 0
            && code <= case.channel(site).code_max;
        is_candidate && {
            let row = upper_row(difference(site, code));
            let (column, row) = honest.multiplicity(0, LookupTable::Window, row);
            honest.columns[0][column][row] == Felt::new(0)
        }
    });
    let (accumulator, code) = (case.accumulator(&site), case.code(&site) + 1);
    let mut witness = honest;
    witness.fill_lane(&site, accumulator, code);
    start_at(&mut witness, &site);
    witness.state(&site, code);
    witness.count();
    let mut rule = honest_rule(case);
    let start = witness.get(&site, cell::START).to_signed();
    rule.window_row = Some([difference(&site, code), start]);
    bent(case, "another window table", "R8", witness, rule)
}

/// Lanes of the last map whose operand satisfies `is_wanted`, filled with the results of the witness's plan.
fn remap(case: &Case, witness: &mut Witness<'_>, map: usize, is_wanted: impl Fn(usize) -> bool) {
    let output = case.site(|site| case.is_output(site)).key.piece;
    for site in case.sites().iter().filter(|site| site.key.piece == output) {
        let operand = witness.get(site, map_cell::OPERAND).to_signed() as usize;
        if !is_wanted(operand) {
            continue;
        }
        let result = witness.instance.plan.pieces.maps[map][operand];
        witness.set(site, map_cell::RESULT, Felt::from_signed(result));
        if case.is_used(site) {
            witness.state(site, result);
        }
    }
    witness.count();
}

/// A map with one other value.
fn map_table(case: &Case) -> Forgery {
    let mut witness = Witness::honest(case);
    let site = case
        .site(|site| case.is_output(site) && witness.get(site, map_cell::OPERAND) != Felt::new(0));
    let changed = witness.get(&site, map_cell::OPERAND).to_signed() as usize;
    let value = &mut witness.instance.plan.pieces.maps[1][changed];
    *value = (*value + 1) % 256;
    remap(case, &mut witness, 1, |operand| operand == changed);
    let forged = witness.commit().fill().finish(Deviation::None);
    false_claims(case, "another map table", "R8", &forged)
}

/// Rows that name another node's map.
fn map_index(case: &Case) -> Forgery {
    let mut witness = Witness::honest(case);
    let output = case.site(|site| case.is_output(site)).key.piece as usize;
    witness.instance.plan.pieces.list[output].role = Role::Map(0);
    remap(case, &mut witness, 0, |_| true);
    let forged = witness.commit().fill().finish(Deviation::None);
    false_claims(case, "another map's number", "R8", &forged)
}

/// The traces of two samples change places and the outputs follow, but not the inputs. No column holds an input: only
/// the total tells.
fn input(case: &Case) -> Forgery {
    let output = case.graph.output.0;
    let outputs = |sample: usize| &case.executions[sample].tensors[output];
    let second = (1..case.executions.len()).find(|&sample| outputs(sample) != outputs(0));
    let swapped = case.with_swapped_samples(0, second.expect("two outputs"));
    let mut witness = Witness::honest(&swapped);
    for site in case.sites().iter().filter(|site| case.is_output(site)) {
        witness.state(site, swapped.code(site));
    }
    let forged = witness.commit().fill().as_summed().finish(Deviation::None);
    let name = "the total of another input";
    false_claims(case, name, "public value x", &forged)
}

/// An honest trace, and a statement of another output.
fn output(case: &Case) -> Forgery {
    let filled = lying(case).commit().fill().as_summed();
    let forged = filled.finish(Deviation::None);
    let name = "the total of another output";
    false_claims(case, name, "public value y", &forged)
}
