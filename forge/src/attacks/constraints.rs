//! One attack on each family of constraints: a false output from a witness that breaks this family and no other.

use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, requant_cell as cell};
use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_air::plan::PlanParameters;
use winterforge_air::rounding::{Rounding, line_value, window_sides};
use winterforge_verifier::stark::{CheckId, StarkError};

use super::links::follow;
use super::{forgery, shard_error};
use crate::attack::{Forgery, Stop};
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let mut forgeries = branches(case);
    forgeries.extend(rounding(case));
    forgeries.extend(ranges(case));
    forgeries.extend(limbs(case));
    forgeries.push(in_last_shard());
    forgeries
}

/// The place is the shard that holds the broken row: the others are in order.
fn in_last_shard() -> Forgery {
    let case = Case::sharded();
    let last = case.instance.plan.shards.len() - 1;
    let site = case.site(|site| {
        let channel = case.channel(site);
        site.shard == last
            && case.is_output(site)
            && case.branch(site) == 0
            && case.code(site) + 1 < channel.code_max
    });
    // No mask: a family left out is left out of every shard, and then the first one is no longer in order.
    let mut witness = Witness::honest(&case);
    let code = case.code(&site) + 1;
    witness.fill_lane(&site, case.accumulator(&site), code);
    witness.state(&site, code);
    witness.count();
    let forged = witness.commit().fill().finish(Deviation::None);
    let stop = Stop::Check(CheckId::OutOfDomain);
    Forgery {
        error: shard_error(last, &StarkError::OodMismatch),
        ..forgery(
            &case,
            "next code in the last shard",
            "constraint",
            stop,
            &forged,
        )
    }
}

/// Commits to a witness that keeps everything but `id`.
pub(super) fn breaking(
    case: &Case,
    name: &'static str,
    id: ConstraintId,
    edit: impl Fn(&mut Witness<'_>),
) -> Forgery {
    let mut witness = Witness::honest(case);
    witness.mask = Mask::of([id]);
    edit(&mut witness);
    witness.count();
    let forged = witness.commit().fill().finish(Deviation::None);
    forgery(case, name, "constraint", Stop::Constraint(id), &forged)
}

/// A site of the last layer in this table, with this honest branch.
fn output_site(case: &Case, kind: Kind, branch: i64) -> Site {
    case.site(|site| site.kind == kind && case.is_output(site) && case.branch(site) == branch)
}

fn branches(case: &Case) -> Vec<Forgery> {
    use ConstraintId::{BranchHigh, BranchLow};
    [
        (
            "line: saturated high, another code",
            Kind::Line,
            1,
            -1,
            BranchHigh,
        ),
        (
            "window: saturated high, another code",
            Kind::Window,
            1,
            -1,
            BranchHigh,
        ),
        (
            "line: saturated low, another code",
            Kind::Line,
            -1,
            1,
            BranchLow,
        ),
        (
            "window: saturated low, another code",
            Kind::Window,
            -1,
            1,
            BranchLow,
        ),
    ]
    .map(|(name, kind, branch, step, id)| {
        let site = output_site(case, kind, branch);
        breaking(case, name, id, |witness| {
            let code = case.code(&site) + step;
            witness.fill_lane(&site, case.accumulator(&site), code);
            witness.state(&site, code);
        })
    })
    .into()
}

fn rounding(case: &Case) -> Vec<Forgery> {
    use ConstraintId::{RoundLine, RoundWindow};
    let claims_saturation = |kind: Kind, branch: i64, witness: &mut Witness<'_>| {
        let site = output_site(case, kind, 0);
        let channel = witness.channel(&site).clone();
        let code = if branch == 1 {
            channel.code_max
        } else {
            channel.code_min
        };
        witness.fill_lane(&site, case.accumulator(&site), code);
        witness.set(&site, cell::BRANCH, Felt::from_signed(branch));
        witness.state(&site, code);
    };
    let mut forgeries: Vec<Forgery> = [
        ("line: next code", Kind::Line, 1, RoundLine),
        ("line: previous code", Kind::Line, -1, RoundLine),
        ("window: next code", Kind::Window, 1, RoundWindow),
        ("window: previous code", Kind::Window, -1, RoundWindow),
    ]
    .map(|(name, kind, step, id)| {
        let site = inside(case, kind, step);
        breaking(case, name, id, |witness| {
            let code = case.code(&site) + step;
            witness.fill_lane(&site, case.accumulator(&site), code);
            witness.state(&site, code);
        })
    })
    .into();
    for (name, kind, branch, id) in [
        ("line: claims to saturate high", Kind::Line, 1, RoundLine),
        ("line: claims to saturate low", Kind::Line, -1, RoundLine),
        (
            "window: claims to saturate high",
            Kind::Window,
            1,
            RoundWindow,
        ),
        (
            "window: claims to saturate low",
            Kind::Window,
            -1,
            RoundWindow,
        ),
    ] {
        forgeries.push(breaking(case, name, id, |witness| {
            claims_saturation(kind, branch, witness);
        }));
    }
    forgeries
}

/// The code that the rounding relation gives where the clamp is ignored.
fn unclamped(case: &Case, site: &Site) -> i64 {
    let accumulator = case.accumulator(site);
    match case.channel(site).rounding {
        Rounding::Line { slope, offset } => line_value(slope, offset, accumulator).0 as i64,
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => (-300..600)
            .find(|&code| {
                let sides = window_sides(multiplier, shift, zero_code, accumulator, code);
                sides.0 >= 0 && sides.1 >= 0
            })
            .unwrap_or(i64::MAX),
    }
}

fn ranges(case: &Case) -> Vec<Forgery> {
    use ConstraintId::{RangeCodeHigh, RangeCodeLow};
    [
        ("line: a code below the clamp", Kind::Line, -1, RangeCodeLow),
        (
            "window: a code below the clamp",
            Kind::Window,
            -1,
            RangeCodeLow,
        ),
        ("line: a code above the clamp", Kind::Line, 1, RangeCodeHigh),
        (
            "window: a code above the clamp",
            Kind::Window,
            1,
            RangeCodeHigh,
        ),
    ]
    .map(|(name, kind, branch, id)| {
        let site = case.site(|site| {
            let channel = case.channel(site);
            let code = unclamped(case, site);
            site.kind == kind
                && case.is_output(site)
                && case.branch(site) == branch
                && (0..256).contains(&code)
                && (code - channel.code_min).abs() < 256
                && (channel.code_max - code).abs() < 256
                && code != case.code(site)
        });
        breaking(case, name, id, |witness| {
            let (accumulator, code) = (case.accumulator(&site), unclamped(case, &site));
            witness.fill_lane(&site, accumulator, code);
            witness.set(&site, cell::BRANCH, Felt::ZERO);
            witness.set_remainder(&site, witness.remainder(&site));
            witness.state(&site, code);
        })
    })
    .into()
}

/// A hidden code beyond its type, and what the next layer makes of it, where no clamp leaves out codes: one lookup holds
/// them. `None` if no model of a search has such a code.
pub(super) fn beyond_the_type() -> Option<Forgery> {
    let plan = PlanParameters::default();
    let (case, site) = (1..200).find_map(|seed| {
        let case = Case::random(seed, &[5, 4, 6], 96, plan, |_, _| {});
        let layout = &case.instance.plan.shards[0].layout;
        assert!(!layout.shape.narrow_codes, "a clamp of its own");
        let is_changed = |site: &Site| {
            let mut witness = Witness::honest(&case);
            follow(&case, &mut witness, site, unclamped(&case, site));
            witness.header.output != case.header.output
        };
        let site = case.sites().into_iter().find(|site| {
            site.kind == Kind::Line
                && case.is_used(site)
                && !case.is_output(site)
                && case.branch(site) == 1
                && (256..511).contains(&unclamped(&case, site))
                && is_changed(site)
        })?;
        Some((case, site))
    })?;
    let id = ConstraintId::RangeCodeLow;
    Some(breaking(
        &case,
        "line: a code beyond its type",
        id,
        |witness| {
            let code = unclamped(&case, &site);
            witness.fill_lane(&site, case.accumulator(&site), code);
            witness.set(&site, cell::BRANCH, Felt::ZERO);
            witness.set_remainder(&site, witness.remainder(&site));
            follow(&case, witness, &site, code);
        },
    ))
}

/// Limbs beyond their table, for the families that are wanted.
pub(super) fn wide_limbs(case: &Case, is_wanted: impl Fn(ConstraintId) -> bool) -> Vec<Forgery> {
    use ConstraintId::{RangeLineLimb, RangeWindowLimb};
    [
        (
            "line: a limb that is not in the table",
            Kind::Line,
            1,
            RangeLineLimb,
        ),
        (
            "line: a limb that wraps around",
            Kind::Line,
            -1,
            RangeLineLimb,
        ),
        (
            "window: a limb below the table",
            Kind::Window,
            1,
            RangeWindowLimb,
        ),
        (
            "window: a limb beyond the table",
            Kind::Window,
            -1,
            RangeWindowLimb,
        ),
    ]
    .into_iter()
    .filter(|&(.., id)| is_wanted(id))
    .map(|(name, kind, step, id)| {
        let site = inside(case, kind, step);
        breaking(case, name, id, |witness| {
            let (accumulator, code) = (case.accumulator(&site), case.code(&site) + step);
            witness.fill_lane(&site, accumulator, code);
            witness.set_remainder(&site, witness.remainder(&site));
            witness.state(&site, code);
        })
    })
    .collect()
}

/// An unsaturated site of the output that could have the code `step` further.
fn inside(case: &Case, kind: Kind, step: i64) -> Site {
    case.site(|site| {
        let channel = case.channel(site);
        let code = case.code(site) + step;
        site.kind == kind
            && case.is_output(site)
            && case.branch(site) == 0
            && (channel.code_min..=channel.code_max).contains(&code)
    })
}

/// Lets a window's half start at its accumulator.
pub(super) fn start_at(witness: &mut Witness<'_>, site: &Site) {
    let start = i128::from(witness.get(site, cell::START).to_signed()) + witness.remainder(site);
    witness.set(site, cell::START, Felt::from_signed(start as i64));
    witness.set_remainder(site, 0);
}

fn limbs(case: &Case) -> Vec<Forgery> {
    use ConstraintId::WindowTable;
    let mut forgeries = wide_limbs(case, |_| true);
    let site = inside(case, Kind::Window, 1);
    forgeries.push(breaking(
        case,
        "window: a half that starts elsewhere",
        WindowTable,
        |witness| {
            let (accumulator, code) = (case.accumulator(&site), case.code(&site) + 1);
            witness.fill_lane(&site, accumulator, code);
            start_at(witness, &site);
            witness.state(&site, code);
        },
    ));
    forgeries
}
