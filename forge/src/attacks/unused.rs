//! Attacks through lanes that hold nothing: those behind the last instance of a channel, and unused rows.

use winter_math::StarkField;
use winterforge_air::field::Felt;
use winterforge_air::layout::requant_cell as cell;

use super::forgery;
use super::links::{bent, honest_rule, movable, row_equations};
use super::operators::{fill_max, operands, rounded};
use crate::attack::{Forgery, Prize, Stop};
use crate::case::{Case, Site};
use crate::equations::Rule;
use crate::forger::Witness;
use crate::nets;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let mut forgeries = freedoms(case);
    forgeries.extend([
        own_accumulator(),
        own_maximum(),
        cancels_within_the_row(),
        cancels_with_the_next_channel(),
    ]);
    forgeries
}

/// An accumulator that is not zero: harmless, as nothing reads the lane, and still refused.
fn own_accumulator() -> Forgery {
    let case = Case::with_unused_lanes();
    let site = case.site(|site| !case.is_used(site));
    let used = movable(&case, |other| {
        (other.key.piece, other.key.channel) == (site.key.piece, site.key.channel)
    });
    let mut witness = Witness::honest(&case);
    witness.fill_lane(&site, used.1, used.2);
    witness.count();
    let rule = honest_rule(&case).without(row_equations(&case, &site));
    Forgery {
        prize: Prize::Freedom,
        ..bent(&case, "unused lane: an accumulator", "R4", witness, rule)
    }
}

fn own_maximum() -> Forgery {
    let case = nets::pool();
    let site = case.site(|site| !case.is_used(site));
    let mut witness = Witness::honest(&case);
    let mut cells = operands(&case, &witness, &site);
    cells[2] = 77;
    fill_max(&mut witness, &site, 77, &cells);
    witness.count();
    let rule = honest_rule(&case).without(row_equations(&case, &site));
    Forgery {
        prize: Prize::Freedom,
        ..bent(&case, "unused lane: an operand", "R4", witness, rule)
    }
}

/// Moves an error of a used lane into an unused one.
fn cancel(case: &Case, name: &'static str, rule: Rule, used: Site, unused: Site) -> Forgery {
    let accumulator = case.accumulator(&used);
    let code = case.code(&used);
    let step = [1i64, -1]
        .into_iter()
        .flat_map(|sign| (1..1 << 20).map(move |step| sign * step))
        .find(|step| rounded(case, &used, accumulator + step) != code)
        .expect("an accumulator of another code");
    let mut witness = Witness::honest(case);
    let moved = rounded(case, &used, accumulator + step);
    witness.fill_lane(&used, accumulator + step, moved);
    witness.state(&used, moved);
    let rest = case.accumulator(&unused) - step;
    witness.fill_lane(&unused, rest, rounded(case, &unused, rest));
    witness.count();
    bent(case, name, "R7", witness, rule)
}

/// What if an unused lane had the exponent of the lane in front of it?
fn cancels_within_the_row() -> Forgery {
    let case = nets::conv();
    let unused = case.site(|site| !case.is_used(site));
    let used =
        case.site(|site| site.key == unused.key && case.is_used(site) && case.branch(site) == 0);
    let mut rule = honest_rule(&case);
    rule.step = 0;
    for site in case.sites() {
        let row = row_equations(&case, &site);
        rule.exponents[case.equation(&site) as usize] = Some(row.start);
    }
    let name = "unused lane: takes the error of a used one";
    cancel(&case, name, rule, used, unused)
}

/// What if channels stood without room between them?
fn cancels_with_the_next_channel() -> Forgery {
    let case = nets::conv();
    let plan = &case.instance.plan;
    let instances = plan.instances(0) as u64;
    let unused = case.site(|site| !case.is_used(site) && site.key.channel == 0);
    let overlap = case.equation(&unused) - instances;
    let used = case.site(|site| {
        site.key.channel == 1 && u64::from(site.key.first) + site.lane as u64 == overlap
    });
    let mut rule = honest_rule(&case);
    for channel in 0..plan.pieces.list[0].channels {
        let first = plan.channel_equation(0, channel);
        let room = plan.channel_equation(0, 1) - plan.channel_equation(0, 0);
        for equation in 0..room {
            let exponent = channel as u64 * instances + equation;
            rule.exponents[(first + equation) as usize] = Some(exponent);
        }
    }
    let name = "unused lane: stands for the next channel";
    cancel(&case, name, rule, used, unused)
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
        for table in &layout.tables {
            let used = case.instance.plan.shards[0].rows(table.kind).len();
            for start in table.lane_starts() {
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
