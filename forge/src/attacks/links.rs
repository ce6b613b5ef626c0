//! Attacks on the equations between layers, statement and trace. Each breaks a few linear equations and is accepted
//! by a joint check without them, or with exponents that collide.

use std::sync::Arc;

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, LINE_LIMBS, cell};
use winterforge_air::rounding::{Channel, Rounding, line_value};
use winterforge_model::{Op, execute};

use super::forgery;
use super::sums::lying;
use crate::attack::{Forgery, Prize, Stop};
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
        padding_lane(),
        wrapped_accumulator(case),
        wide_table(case),
    ];
    forgeries.extend(colliding_exponents(case));
    forgeries.extend(freedoms(case));
    forgeries
}

/// Proves a witness under a bent rule.
fn bent(
    case: &Case,
    name: &'static str,
    why: &'static str,
    mut witness: Witness<'_>,
    rule: Rule,
) -> Forgery {
    witness.rule = rule.clone();
    let forged = witness.commit().fill().finish(Deviation::None);
    let mut forgery = forgery(case, name, why, Stop::Equations, &forged);
    forgery.trust.rule = Some(rule);
    forgery
}

fn honest_rule(case: &Case) -> Rule {
    Rule::honest(&case.instance.plan)
}

fn equation(case: &Case, site: &Site) -> u64 {
    case.instance.plan.equation_in_sample(&site.key)
}

fn output_equation(case: &Case, site: &Site) -> u64 {
    case.instance.plan.output_equations + site.cell as u64
}

/// Whether a true accumulator one code further on exists for the site.
fn can_step(channel: &Channel, code: i64) -> bool {
    code + 1 < channel.code_max && code > channel.code_min + 1
}

/// A site inside the staircase, and an accumulator that gives another code.
fn movable(case: &Case, is_wanted: impl Fn(&Site) -> bool) -> (Site, i64, i64) {
    let site = case.site(|site| {
        let channel = case.instance.plan.channel(&site.key);
        is_wanted(site) && case.branch(site) == 0 && can_step(channel, case.code(site))
    });
    let (accumulator, code) = (case.accumulator(&site), case.code(&site));
    let moved = (accumulator..).find(|&accumulator| code_of(case, &site, accumulator) != code);
    let moved = moved.unwrap_or(accumulator);
    (site, moved, code_of(case, &site, moved))
}

fn code_of(case: &Case, site: &Site, accumulator: i64) -> i64 {
    let node = &case.graph.nodes[site.key.node as usize];
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
    let rule = honest_rule(case).without([equation(case, &site)]);
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
    let rule = honest_rule(case).without([equation(case, &site)]);
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
    let plan = &case.instance.plan;
    let outputs = (0..case.graph.output_len() as u64)
        .map(|cell| plan.output_equations - case.graph.output_len() as u64 + cell);
    let rule = honest_rule(case).without(outputs);
    bent(
        case,
        "the next layer consumes another code",
        "link",
        witness,
        rule,
    )
}

/// Recomputes the output layer of a sample as if a hidden cell had this code, and states the result.
fn follow(case: &Case, witness: &mut Witness<'_>, hidden: &Site, code: i64) {
    let step = code - case.code(hidden);
    for site in case.sites() {
        if !case.is_output(&site) || site.sample != hidden.sample {
            continue;
        }
        let Op::Linear(linear) = &case.graph.nodes[site.key.node as usize].op else {
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
    let rule = honest_rule(case).without([output_equation(case, &site)]);
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
    let mut other = case.clone();
    other.executions.swap(0, second);
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
    let first = case
        .graph
        .nodes
        .iter()
        .find(|node| node.inputs[0] == case.graph.input);
    let count = first.map_or(0, |node| case.graph.tensor(node.output).len());
    let rule = honest_rule(case).without(0..count as u64);
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
    let rule = honest_rule(case).without([equation(case, &a)]);
    bent(case, "two lanes change places", "R4", witness, rule)
}

/// A lane beyond the batch that does not repeat the last sample.
fn padding_lane() -> Forgery {
    let case = Case::padded();
    let batch = case.instance.plan.batch;
    let (site, accumulator, code) =
        movable(&case, |site| case.is_output(site) && site.sample >= batch);
    let mut witness = Witness::honest(&case);
    witness.fill_lane(&site, accumulator, code);
    witness.count();
    let equations = [equation(&case, &site), output_equation(&case, &site)];
    let rule = honest_rule(&case).without(equations);
    Forgery {
        prize: Prize::Freedom,
        ..bent(&case, "a padding lane of its own", "R4", witness, rule)
    }
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
    let rule = honest_rule(case).without([equation(case, &site)]);
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
    let flat = Rule {
        stride: 0,
        ..honest_rule(case)
    };
    let by_sample = collide("errors that cancel between samples", flat, &|a, b| {
        a.cell == b.cell && a.sample != b.sample
    });
    let mut merged = honest_rule(case);
    let outputs = case.graph.output_len();
    let first = merged.exponents.len() - 2 * outputs;
    merged.exponents[first + 1] = merged.exponents[first];
    let by_channel = collide("errors that cancel between channels", merged, &|a, b| {
        a.cell == 0 && b.cell == 1 && a.sample == b.sample
    });
    vec![by_sample, by_channel]
}

/// A limb beyond a byte, answered by a multiplicity beyond the table.
fn wide_table(case: &Case) -> Forgery {
    let (site, _, _) = movable(case, |site| {
        let Rounding::Line { slope, offset } = case.instance.plan.channel(&site.key).rounding
        else {
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
        let top = cell::LINE_LIMB + LINE_LIMBS - 1;
        let limb = (remainder >> 24) as u64 + 256;
        witness.set(&site, top, Felt::new(limb));
        witness.state(&site, code);
        witness.count();
        let column = case.instance.plan.shards[0].layout.byte_multiplicity();
        witness.columns[0][column][limb as usize] += Felt::ONE;
    }
    let rule = Rule {
        byte_rows: 511,
        ..honest_rule(case)
    };
    bent(case, "a multiplicity beyond the table", "R8", witness, rule)
}

/// Cells that nothing reads: the last row, and accumulators of unused rows.
fn freedoms(case: &Case) -> Vec<Forgery> {
    let layout = case.instance.plan.shards[0].layout.clone();
    let last = layout.rows() - 1;
    [
        ("garbage in the last row", last, last),
        ("garbage accumulators in unused rows", 0, last - 1),
    ]
    .map(|(name, from, to)| {
        let mut witness = Witness::honest(case);
        for kind in [Kind::Line, Kind::Window] {
            let used = case.instance.plan.shards[0].rows(kind).len();
            for start in layout.lane_starts(kind) {
                for row in from.max(used)..=to {
                    let value = Felt::GENERATOR * Felt::new(row as u64);
                    witness.columns[0][start + cell::ACCUMULATOR][row] = value;
                    if row == last {
                        witness.columns[0][start + cell::CODE][row] = value;
                    }
                }
            }
        }
        let forged = witness.commit().fill().finish(Deviation::None);
        Forgery {
            prize: Prize::Freedom,
            ..forgery(case, name, "R4", Stop::Nothing, &forged)
        }
    })
    .into()
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
            Op::View => None,
        });
    edit(last?);
    let other = Case::new(graph, case.x.clone(), case.parameters);
    let sample = &case.x[..case.graph.input_len()];
    let honest = execute(&case.graph, &case.graph.quantize_input(sample)).ok()?;
    debug_assert_eq!(honest, case.executions[0]);
    debug_assert!(!Arc::ptr_eq(&other.graph, &case.graph));
    (other.header.output != case.header.output).then_some(other)
}
