//! Attacks on the running sum: the cells it adds up, and its two ends.

use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_model::Op;

use super::constraints::breaking;
use super::forgery;
use crate::attack::{Forgery, Stop};
use crate::case::Case;
use crate::forger::Witness;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let mut forgeries = joint(case);
    forgeries.extend(sums(case));
    forgeries
}

/// Accumulators or codes that stand for nothing, where the joint check does not see them.
fn joint(case: &Case) -> Vec<Forgery> {
    // Under a check without codes, every hidden code counts as zero, and so does every output.
    let without_codes = breaking(
        case,
        "codes outside the joint check",
        ConstraintId::JointValue,
        |witness| {
            let graph = &case.graph;
            for site in case.sites() {
                let node = case.node(&site);
                let Op::Linear(linear) = &node.op else {
                    continue;
                };
                if node.inputs[0] == graph.input || !case.is_used(&site) {
                    continue;
                }
                let quantization = graph.tensor(node.inputs[0]).quantization;
                let zero_code = i64::from(quantization.zero_point - quantization.qtype.min());
                let channel = site.key.channel as usize;
                let row = linear.row(channel).iter();
                let accumulator = i64::from(linear.bias[channel])
                    - row.map(|&w| i64::from(w) * zero_code).sum::<i64>();
                let constants = witness.channel(&site).clone();
                // Beyond the reachable accumulators the saturated branches go on for ever.
                let code = if accumulator >= constants.saturates_high {
                    constants.code_max
                } else if accumulator <= constants.saturates_low {
                    constants.code_min
                } else {
                    let type_min = graph.tensor(node.output).quantization.qtype.min();
                    i64::from(linear.requant[channel].apply(accumulator) - type_min)
                };
                witness.fill_lane(&site, accumulator, code);
                if case.is_output(&site) {
                    witness.state(&site, 0);
                }
            }
        },
    );
    // Under a check without accumulators, a layer whose true accumulators are zero may take any.
    let zero = Case::zero();
    let site = zero.site(|site| zero.is_output(site) && site.sample == 0);
    let without_accumulators = breaking(
        &zero,
        "accumulators outside the joint check",
        ConstraintId::JointLink,
        |witness| {
            let accumulator = witness.channel(&site).saturates_high;
            let code = witness.channel(&site).code_max;
            witness.fill_lane(&site, accumulator, code);
            witness.state(&site, code);
        },
    );
    vec![without_codes, without_accumulators]
}

/// A false output in the statement, an honest trace, and a running sum that makes up for the difference.
fn sums(case: &Case) -> Vec<Forgery> {
    use ConstraintId::{LookupSum, RunningSum, SumFirst, SumLast};
    let mut forgeries: Vec<Forgery> = [
        ("the running sum leaps", RunningSum, 100),
        ("the running sum starts elsewhere", SumFirst, 0),
        ("the running sum ends elsewhere", SumLast, usize::MAX),
    ]
    .map(|(name, id, from)| {
        let mut witness = lying(case);
        witness.mask = Mask::of([id]);
        let mut filled = witness.commit().fill();
        let gap = filled.claims[0] - filled.sums[0];
        let column = filled.aux[0].last_mut().expect("a running sum");
        for cell in column.iter_mut().skip(from) {
            *cell += gap;
        }
        let forged = filled.finish(Deviation::None);
        forgery(case, name, "constraint", Stop::Constraint(id), &forged)
    })
    .into();

    let mut witness = lying(case);
    witness.mask = Mask::of([LookupSum]);
    let mut filled = witness.commit().fill();
    let gap = filled.claims[0] - filled.sums[0];
    filled.aux[0][0][0] += gap;
    for cell in filled.aux[0]
        .last_mut()
        .expect("a running sum")
        .iter_mut()
        .skip(1)
    {
        *cell += gap;
    }
    let forged = filled.finish(Deviation::None);
    forgeries.push(forgery(
        case,
        "lookup sums that sum nothing",
        "constraint",
        Stop::Constraint(LookupSum),
        &forged,
    ));
    forgeries
}

/// An honest trace under a statement whose first output is another.
pub(super) fn lying(case: &Case) -> Witness<'_> {
    let mut witness = Witness::honest(case);
    let site = case.site(|site| case.is_output(site));
    let code = case.code(&site);
    witness.state(&site, if code > 0 { code - 1 } else { code + 1 });
    witness
}
