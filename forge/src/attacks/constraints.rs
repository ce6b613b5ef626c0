//! One attack on each family of constraints: a false output from a witness that breaks this family and no other.

use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, requant_cell as cell};
use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_air::rounding::{Rounding, line_value, window_sides};
use winterforge_verifier::stark::{CheckId, StarkError};

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
    use ConstraintId::{RoundLine, RoundWindowHigh, RoundWindowLow};
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
        ("window: next code", Kind::Window, 1, RoundWindowLow),
        ("window: previous code", Kind::Window, -1, RoundWindowHigh),
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
            RoundWindowLow,
        ),
        (
            "window: claims to saturate low",
            Kind::Window,
            -1,
            RoundWindowLow,
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
            set_sides(witness, &site, accumulator, code);
            witness.state(&site, code);
        })
    })
    .into()
}

/// Fills the limbs of an unsaturated lane with what the relation demands.
fn set_sides(witness: &mut Witness<'_>, site: &Site, accumulator: i64, code: i64) {
    match witness.channel(site).rounding {
        Rounding::Line { slope, offset } => {
            let value = i128::from(slope) * i128::from(accumulator) + i128::from(offset)
                - (i128::from(code) << 32);
            witness.set_limbs(site, cell::LINE_LIMB, witness.line_limbs(site), value);
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let limbs = witness.window_limbs(site);
            let (low, high) = window_sides(multiplier, shift, zero_code, accumulator, code);
            witness.set_limbs(site, cell::WINDOW_LIMB, limbs, i128::from(low));
            witness.set_limbs(site, cell::WINDOW_LIMB + limbs, limbs, i128::from(high));
        }
    }
}

/// Limbs beyond their table, for the families that are wanted.
pub(super) fn wide_limbs(case: &Case, is_wanted: impl Fn(ConstraintId) -> bool) -> Vec<Forgery> {
    use ConstraintId::{RangeLineLimb, RangeWindowHighLimb, RangeWindowLowLimb};
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
            "window: a low limb that is not in the table",
            Kind::Window,
            1,
            RangeWindowLowLimb,
        ),
        (
            "window: a high limb that is not in the table",
            Kind::Window,
            -1,
            RangeWindowHighLimb,
        ),
    ]
    .into_iter()
    .filter(|&(.., id)| is_wanted(id))
    .map(|(name, kind, step, id)| {
        let site = inside(case, kind, step);
        breaking(case, name, id, |witness| {
            let (accumulator, code) = (case.accumulator(&site), case.code(&site) + step);
            witness.fill_lane(&site, accumulator, code);
            set_sides(witness, &site, accumulator, code);
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

fn limbs(case: &Case) -> Vec<Forgery> {
    use ConstraintId::WindowTable;
    let mut forgeries = wide_limbs(case, |_| true);
    let site = inside(case, Kind::Window, 1);
    forgeries.push(breaking(
        case,
        "window: a wider half ulp",
        WindowTable,
        |witness| {
            // An offset of 2^26 units is one step.
            let (accumulator, code) = (case.accumulator(&site), case.code(&site) + 1);
            witness.fill_lane(&site, accumulator, code);
            set_sides(witness, &site, accumulator, code);
            if let Rounding::Window {
                multiplier,
                shift,
                zero_code,
            } = witness.channel(&site).rounding
            {
                let low = window_sides(multiplier, shift, zero_code, accumulator, code).0;
                let limbs = witness.window_limbs(&site);
                witness.set_limbs(
                    &site,
                    cell::WINDOW_LIMB,
                    limbs,
                    i128::from(low) + (1 << shift),
                );
            }
            let offset = witness.get(&site, cell::LOW_OFFSET) + Felt::new(1 << 26);
            witness.set(&site, cell::LOW_OFFSET, offset);
            witness.state(&site, code);
        },
    ));
    forgeries
}
