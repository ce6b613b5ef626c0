//! Attacks on the equations between layers, statement and trace. Each breaks a few linear equations and claims public
//! columns of a joint check without them, or with exponents that collide.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, LookupTable, requant_cell as cell};
use winterforge_air::plan::Row;
use winterforge_air::rounding::{Channel, Rounding, line_value};
use winterforge_model::{Op, execute};

use super::sums::lying;
use super::{false_claims, forgery};
use crate::attack::{Forgery, Stop};
use crate::case::{Case, Site};
use crate::equations::Rule;
use crate::forger::Witness;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let mut forgeries = vec![
        accumulator(case),
        hidden_accumulator(case),
        other_code_consumed(case),
        output_link(case),
        swapped_samples(case),
        swapped_lanes(case),
        wrapped_accumulator(case),
        wide_table(case),
    ];
    forgeries.extend(colliding_exponents(case));
    forgeries
}

/// Proves a witness under a bent rule, and claims the columns and the total that follow from it. The challenges are the
/// verifier's own: a rule that needs others is stopped by them.
pub(super) fn bent(
    case: &Case,
    name: &'static str,
    why: &'static str,
    mut witness: Witness<'_>,
    rule: Rule,
) -> Forgery {
    witness.rule = rule.clone();
    let forged = witness.commit().fill().finish(Deviation::None);
    if rule.step == 1 {
        return false_claims(case, name, why, &forged);
    }
    let mut forgery = forgery(case, name, why, Stop::Powers, &forged);
    forgery.trust.rule = Some(rule);
    forgery
}

pub(super) fn honest_rule(case: &Case) -> Rule {
    Rule::honest(&case.instance.plan)
}

/// The equations of all lanes of a site's row: they have one coefficient column, and are left out together.
pub(super) fn row_equations(case: &Case, site: &Site) -> std::ops::Range<u64> {
    let plan = &case.instance.plan;
    let layout = &plan.shards[site.shard].layout;
    let table = layout.tables.iter().find(|table| table.kind == site.kind);
    let links = plan.links(site.key.piece as usize) as u64;
    let lanes = table.map_or(0, |table| table.lanes as u64);
    let first = case.equation(site) - site.lane as u64 * links;
    first..first + lanes * links
}

/// Whether a true accumulator one code further on exists for the site.
fn can_step(channel: &Channel, code: i64) -> bool {
    code + 1 < channel.code_max && code > channel.code_min + 1
}

/// A site inside the staircase, and an accumulator that gives another code.
pub(super) fn movable(case: &Case, is_wanted: impl Fn(&Site) -> bool) -> (Site, i64, i64) {
    let site = case.site(|site| {
        let channel = case.channel(site);
        is_wanted(site) && case.branch(site) == 0 && can_step(channel, case.code(site))
    });
    let (accumulator, code) = (case.accumulator(&site), case.code(&site));
    let moved = (accumulator..).find(|&accumulator| code_of(case, &site, accumulator) != code);
    let moved = moved.unwrap_or(accumulator);
    (site, moved, code_of(case, &site, moved))
}

fn code_of(case: &Case, site: &Site, accumulator: i64) -> i64 {
    let node = case.node(site);
    let Op::Linear(linear) = &node.op else {
        return 0;
    };
    let type_min = case.graph.tensor(node.output).quantization.qtype.min();
    i64::from(linear.requant[site.key.channel as usize].apply(accumulator) - type_min)
}

/// An accumulator as another weight or bias would give it.
fn accumulator(case: &Case) -> Forgery {
    let (site, accumulator, code) = movable(case, |site| case.is_output(site));
    let mut witness = Witness::honest(case);
    witness.fill_lane(&site, accumulator, code);
    witness.state(&site, code);
    witness.count();
    let rule = honest_rule(case).without(row_equations(case, &site));
    bent(
        case,
        "an output accumulator of another weight",
        "link",
        witness,
        rule,
    )
}

/// The first layer lies, and everything after it is computed from the lie.
fn hidden_accumulator(case: &Case) -> Forgery {
    let (site, accumulator, code) = movable(case, |site| !case.is_output(site));
    let mut witness = Witness::honest(case);
    witness.fill_lane(&site, accumulator, code);
    follow(case, &mut witness, &site, code);
    let rule = honest_rule(case).without(row_equations(case, &site));
    bent(
        case,
        "a hidden accumulator of another bias",
        "link",
        witness,
        rule,
    )
}

/// The next layer consumes a code that the layer before did not produce.
fn other_code_consumed(case: &Case) -> Forgery {
    let (site, _, code) = movable(case, |site| !case.is_output(site));
    let mut witness = Witness::honest(case);
    follow(case, &mut witness, &site, code);
    let reading: Vec<u64> = case
        .sites()
        .iter()
        .filter(|other| case.is_output(other) && other.sample == site.sample)
        .flat_map(|other| row_equations(case, other))
        .collect();
    let rule = honest_rule(case).without(reading);
    bent(
        case,
        "the next layer consumes another code",
        "link",
        witness,
        rule,
    )
}

/// Recomputes the output layer of a sample as if a hidden cell had this code, and states the result.
pub(super) fn follow(case: &Case, witness: &mut Witness<'_>, hidden: &Site, code: i64) {
    let step = code - case.code(hidden);
    for site in case.sites() {
        if !case.is_output(&site) || site.sample != hidden.sample {
            continue;
        }
        let Op::Linear(linear) = &case.node(&site).op else {
            continue;
        };
        let weight = i64::from(linear.row(site.key.channel as usize)[hidden.cell]);
        let accumulator = case.accumulator(&site) + weight * step;
        let code = code_of(case, &site, accumulator);
        witness.fill_lane(&site, accumulator, code);
        witness.state(&site, code);
    }
    witness.count();
}

fn output_link(case: &Case) -> Forgery {
    let site = case.site(|site| case.is_output(site));
    let rule = honest_rule(case).without([case.output_equation(&site)]);
    bent(
        case,
        "an output that is not the trace's",
        "public value y",
        lying(case),
        rule,
    )
}

/// The traces of two samples change places, and so do their outputs.
fn swapped_samples(case: &Case) -> Forgery {
    let output = case.graph.output.0;
    let outputs = |sample: usize| &case.executions[sample].tensors[output];
    let second = (1..case.executions.len()).find(|&sample| outputs(sample) != outputs(0));
    let second = second.unwrap_or(0);
    let other = case.with_swapped_samples(0, second);
    let mut witness = Witness::honest(case);
    for site in case.sites() {
        if site.sample != 0 && site.sample != second {
            continue;
        }
        let code = other.code(&site);
        witness.fill_lane(&site, other.accumulator(&site), code);
        if case.is_output(&site) {
            witness.state(&site, code);
        }
    }
    witness.count();
    let reading: Vec<u64> = case
        .sites()
        .iter()
        .filter(|site| case.node(site).inputs[0] == case.graph.input)
        .flat_map(|site| row_equations(case, site))
        .collect();
    let rule = honest_rule(case).without(reading);
    bent(
        case,
        "two samples change places",
        "public value x",
        witness,
        rule,
    )
}

/// Two lanes of one row change places, and so do the two outputs.
fn swapped_lanes(case: &Case) -> Forgery {
    let sites = case.sites();
    let pair = |a: &Site| {
        let same_row = |b: &&Site| b.key == a.key && b.kind == a.kind && b.sample > a.sample;
        sites
            .iter()
            .find(same_row)
            .copied()
            .filter(|b| case.is_output(a) && case.code(a) != case.code(b))
    };
    let a = case.site(|site| pair(site).is_some());
    let b = pair(&a).unwrap_or(a);
    let mut witness = Witness::honest(case);
    for (to, from) in [(a, b), (b, a)] {
        witness.fill_lane(&to, case.accumulator(&from), case.code(&from));
        witness.state(&to, case.code(&from));
    }
    witness.count();
    let rule = honest_rule(case).without(row_equations(case, &a));
    bent(case, "two lanes change places", "R4", witness, rule)
}

/// An accumulator that gives the next code with the same remainder, modulo p only.
fn wrapped_accumulator(case: &Case) -> Forgery {
    let (site, _, _) = movable(case, |site| site.kind == Kind::Line && case.is_output(site));
    let mut witness = Witness::honest(case);
    let code = case.code(&site) + 1;
    if let Rounding::Line { slope, .. } = witness.channel(&site).rounding {
        let step = Felt::new(1 << 32) * Felt::from_signed(slope).inv();
        let accumulator = witness.get(&site, cell::ACCUMULATOR) + step;
        witness.set(&site, cell::ACCUMULATOR, accumulator);
    }
    witness.set(&site, cell::CODE, Felt::from_signed(code));
    witness.state(&site, code);
    witness.count();
    let rule = honest_rule(case).without(row_equations(case, &site));
    bent(
        case,
        "an accumulator that works modulo p",
        "R5",
        witness,
        rule,
    )
}

/// Errors that cancel where two equations share an exponent.
fn colliding_exponents(case: &Case) -> Vec<Forgery> {
    let collide = |name: &'static str, rule: Rule, is_partner: &dyn Fn(&Site, &Site) -> bool| {
        let free = |site: &Site| case.is_output(site) && case.branch(site) == 0;
        let (a, moved, code) = movable(case, |a| {
            case.is_output(a) && case.sites().iter().any(|b| free(b) && is_partner(a, b))
        });
        let b = case.site(|b| free(b) && is_partner(&a, b));
        let step = moved - case.accumulator(&a);
        let other = case.accumulator(&b) - step;
        let mut witness = Witness::honest(case);
        witness.fill_lane(&a, moved, code);
        witness.state(&a, code);
        witness.fill_lane(&b, other, code_of(case, &b, other));
        witness.state(&b, code_of(case, &b, other));
        witness.count();
        bent(case, name, "R7", witness, rule)
    };
    // All rows of the output take the exponents of their channel's first row.
    let mut by_row = honest_rule(case);
    let mut by_channel = honest_rule(case);
    for site in case.sites().iter().filter(|site| case.is_output(site)) {
        let first = case.equation(site) - site.lane as u64;
        for equation in row_equations(case, site) {
            by_row.exponents[equation as usize] = Some(equation - u64::from(site.key.first));
            if site.key.channel == 1 {
                let other = Site {
                    key: Row {
                        channel: 0,
                        ..site.key
                    },
                    ..*site
                };
                let exponent = case.equation(&other) - site.lane as u64 + (equation - first);
                by_channel.exponents[equation as usize] = Some(exponent);
            }
        }
    }
    let flat = Rule {
        exponents: (0..case.instance.plan.equations)
            .map(|equation| Some(row_start(case, equation)))
            .collect(),
        step: 0,
        ..honest_rule(case)
    };
    vec![
        collide("errors that cancel between rows", by_row, &|a, b| {
            a.cell == b.cell && a.lane == b.lane && a.sample != b.sample
        }),
        collide(
            "errors that cancel between channels",
            by_channel,
            &|a, b| a.cell == 0 && b.cell == 1 && a.sample == b.sample,
        ),
        collide("errors that cancel between lanes", flat, &|a, b| {
            a.cell == b.cell && a.key == b.key && a.lane != b.lane
        }),
    ]
}

/// The first equation of the row that holds an equation; an equation in no row starts its own.
fn row_start(case: &Case, equation: u64) -> u64 {
    let sites = case.sites();
    let holding = sites
        .iter()
        .find(|site| site.lane == 0 && row_equations(case, site).contains(&equation));
    holding.map_or(equation, |site| case.equation(site))
}

/// A limb beyond a byte, answered by a multiplicity beyond the table.
fn wide_table(case: &Case) -> Forgery {
    let (site, _, _) = movable(case, |site| {
        let Rounding::Line { slope, offset } = case.channel(site).rounding else {
            return false;
        };
        // The top limb will index a row of the trace: the last one is not summed.
        case.is_output(site) && line_value(slope, offset, case.accumulator(site)).1 >> 24 < 255
    });
    let mut witness = Witness::honest(case);
    let (accumulator, code) = (case.accumulator(&site), case.code(&site) - 1);
    witness.fill_lane(&site, accumulator, code);
    if let Rounding::Line { slope, offset } = witness.channel(&site).rounding {
        let (_, remainder) = line_value(slope, offset, accumulator);
        let top = cell::LINE_LIMB + witness.shape(&site).line_limbs - 1;
        let limb = (remainder >> 24) as u64 + 256;
        witness.set(&site, top, Felt::new(limb));
        witness.state(&site, code);
        witness.count();
        let (column, _) = witness.multiplicity(0, LookupTable::Byte, 0);
        witness.columns[0][column][limb as usize] += Felt::ONE;
    }
    let rule = Rule {
        byte_rows: 511,
        ..honest_rule(case)
    };
    bent(case, "a multiplicity beyond the table", "R8", witness, rule)
}

/// The statement that another model would make true, proven under that model's plan.
pub(super) fn other_graph(
    case: &Case,
    edit: impl Fn(&mut winterforge_model::Linear),
) -> Option<Case> {
    let mut graph = case.graph.as_ref().clone();
    let last = graph
        .nodes
        .iter_mut()
        .rev()
        .find_map(|node| match &mut node.op {
            Op::Linear(linear) => Some(linear),
            _ => None,
        });
    edit(last?);
    let other = Case::new(graph, case.x.clone(), case.parameters);
    let sample = &case.x[..case.graph.input_len()];
    let honest = execute(&case.graph, &case.graph.quantize_input(sample)).ok()?;
    debug_assert_eq!(honest, case.executions[0]);
    debug_assert!(!Arc::ptr_eq(&other.graph, &case.graph));
    (other.header.output != case.header.output).then_some(other)
}
