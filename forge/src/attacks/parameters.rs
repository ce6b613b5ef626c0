//! Attacks on the trace of parameters: false outputs for verifiers who hold a key.
//!
//! The shards are in order but for one claimed value, chosen last, under which they hold. That leaves the sum over the
//! parameters to be bent to what the claims then fold to.

use winter_math::FieldElement;
use winterforge_air::evaluation::combine;
use winterforge_air::field::Cube;
use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_air::plan::PlanParameters;
use winterforge_model::Linear;
use winterforge_verifier::challenge::{folding_challenge, folding_seed};
use winterforge_verifier::stark::{CheckId, StarkError};

use super::forgery;
use super::links::other_graph;
use super::sums::lying;
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::parameters::{Keyed, ParameterTrace, fold};
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case) -> Vec<Forgery> {
    let keyed = Keyed::new(case);
    let (forged, closed) = lies(&keyed);
    let mut forgeries = sums(&keyed, &closed);
    // A trace of parameters that is long enough for a layer of FRI.
    let tall = Case::random(5, &[300, 4, 6], 16, PlanParameters::default(), |_, _| {});
    let tall = Keyed::new(&tall);
    forgeries.extend(late(&tall, &lies(&tall).1));
    forgeries.push(late_parameters(&keyed, &closed));
    forgeries.extend(other_parameters(&keyed));
    forgeries.push(own_claim(&keyed, &closed));
    forgeries.push(foreseen(&keyed, &forged));
    forgeries.extend(parts(&keyed));
    forgeries
}

/// Shards that state a false output, and the same with one value chosen last: a coefficient of the joint check.
fn lies(keyed: &Keyed) -> (Forged, Forged) {
    let witness = lying(&keyed.case);
    let forged = witness.commit().fill().finish(Deviation::None);
    let column = keyed.case.instance.plan.shards[0].layout.constants_width() + 1;
    let closed = forged.closing_gap(0, column);
    (forged, closed)
}

fn parameters_error(source: &StarkError) -> String {
    format!("Parameters({source:?})")
}

/// A forgery for who holds the key.
fn keyed_forgery(
    keyed: &Keyed,
    name: &'static str,
    rule: &'static str,
    stop: Stop,
    forged: &Forged,
    bundle: Vec<u8>,
) -> Forgery {
    Forgery {
        key: Some(keyed.key.clone()),
        error: parameters_error(&StarkError::OodMismatch),
        bundle,
        ..forgery(&keyed.case, name, rule, stop, forged)
    }
}

/// A running sum that makes up for the difference.
fn sums(keyed: &Keyed, forged: &Forged) -> Vec<Forgery> {
    use ConstraintId::{ParameterFirst, ParameterLast, ParameterSum};
    [
        ("the sum over parameters leaps", ParameterSum, 3),
        (
            "the sum over parameters starts elsewhere",
            ParameterFirst,
            0,
        ),
        (
            "the sum over parameters ends elsewhere",
            ParameterLast,
            usize::MAX,
        ),
    ]
    .map(|(name, id, from)| {
        let mut trace = ParameterTrace::new(keyed, &keyed.case, forged);
        trace.inputs.mask = Mask::of([id]);
        let gap = trace.gap();
        trace.sums.iter_mut().skip(from).for_each(|sum| *sum += gap);
        let bundle = trace.finish(Deviation::None);
        let stop = Stop::Constraint(id);
        keyed_forgery(keyed, name, "R6, constraint", stop, forged, bundle)
    })
    .into()
}

/// The honest sum under the false claim, and segments or layers chosen late to hide it.
fn late(keyed: &Keyed, forged: &Forged) -> Vec<Forgery> {
    [
        (
            "no quotient of the parameters",
            Deviation::None,
            CheckId::OutOfDomain,
            StarkError::OodMismatch,
        ),
        (
            "the sum over parameters chosen after the point",
            Deviation::AuxAfterPoint,
            CheckId::AuxQueries,
            StarkError::AuxQueryMismatch,
        ),
        (
            "the parameters' composition chosen after the point",
            Deviation::CompositionAfterPoint,
            CheckId::ConstraintQueries,
            StarkError::ConstraintQueryMismatch,
        ),
        (
            "the parameters' remainder chosen after the queries",
            Deviation::RemainderAfterQueries,
            CheckId::RemainderCommitment,
            StarkError::FriRemainderCommitment,
        ),
        (
            "a remainder of the parameters that nothing folds to",
            Deviation::FreeRemainder,
            CheckId::FriRemainder,
            StarkError::FriRemainderMismatch,
        ),
        (
            "the parameters' layers chosen after the queries",
            Deviation::FreeLayers,
            CheckId::FriLayers,
            StarkError::FriLayerMismatch { layer: 0 },
        ),
    ]
    .map(|(name, deviation, check, error)| {
        let bundle = ParameterTrace::new(keyed, &keyed.case, forged).finish(deviation);
        let stop = Stop::Check(check);
        Forgery {
            error: parameters_error(&error),
            ..keyed_forgery(keyed, name, "R2, R9", stop, forged, bundle)
        }
    })
    .into()
}

/// What is not the key's shows when rows are opened under its root.
fn of_other_rows(
    keyed: &Keyed,
    name: &'static str,
    rule: &'static str,
    forged: &Forged,
    bundle: Vec<u8>,
) -> Forgery {
    let stop = Stop::Check(CheckId::MainQueries);
    Forgery {
        error: parameters_error(&StarkError::MainQueryMismatch),
        ..keyed_forgery(keyed, name, rule, stop, forged, bundle)
    }
}

/// Three parameters chosen after the folding challenge.
fn late_parameters(keyed: &Keyed, forged: &Forged) -> Forgery {
    let mut trace = ParameterTrace::new(keyed, &keyed.case, forged);
    trace.close_gap();
    let bundle = trace.finish(Deviation::None);
    let name = "parameters chosen after the folding challenge";
    of_other_rows(keyed, name, "R2, R6", forged, bundle)
}

/// What another model returns, proven under the name and the root of this one.
fn other_parameters(keyed: &Keyed) -> Vec<Forgery> {
    type Edit = fn(&mut Linear, usize) -> bool;
    let edits: [(&'static str, Edit); 3] = [
        ("another weight under the key's root", |linear, at| {
            let weight = &mut linear.weights[at];
            *weight += if *weight > 0 { -1 } else { 1 };
            true
        }),
        ("another bias under the key's root", |linear, at| {
            let bias = linear.bias.get_mut(at);
            bias.map(|bias| *bias += 40).is_some()
        }),
        ("another factor under the key's root", |linear, at| {
            let requant = linear.requant.get_mut(at);
            requant
                .map(|requant| requant.multiplier -= 1 << 18)
                .is_some()
        }),
    ];
    let of_edit = |(name, edit): (&'static str, Edit)| {
        // The first place where the change shows in an output, but not in the shape of the plan.
        let visible = |at: usize| {
            let other = other_graph(&keyed.case, |linear| {
                edit(linear, at);
            })?;
            let case = keyed.impersonated_by(&other);
            let same_plan = case.instance.plan.shards == keyed.case.instance.plan.shards
                && case.instance.plan.kinds == keyed.case.instance.plan.kinds;
            same_plan.then_some(case)
        };
        let case = (0..6).find_map(visible).expect("an edit that shows");
        let forged = Witness::honest(&case)
            .commit()
            .fill()
            .finish(Deviation::None);
        let bundle = ParameterTrace::new(keyed, &case, &forged).finish(Deviation::None);
        of_other_rows(keyed, name, "R6", &forged, bundle)
    };
    edits.map(of_edit).into()
}

/// The true sum over the parameters, whatever the shards claim.
fn own_claim(keyed: &Keyed, forged: &Forged) -> Forgery {
    let mut trace = ParameterTrace::new(keyed, &keyed.case, forged);
    let claim = trace.inputs.claim - trace.gap();
    trace.inputs.claim = claim;
    let bundle = trace.finish(Deviation::None);
    let name = "a sum over parameters that the shards do not claim";
    let mut forgery = keyed_forgery(keyed, name, "R6", Stop::ParameterClaim, forged, bundle);
    forgery.trust.parameter_claim = Some(claim);
    forgery
}

/// A folding challenge that is known before the values: two of them suffice for the constraints and the folded sum.
fn foreseen(keyed: &Keyed, forged: &Forged) -> Forgery {
    let mut forged = forged.clone();
    let lambda: Cube = folding_challenge(&folding_seed(&forged.seed, &[]));
    let plan = &keyed.case.instance.plan;
    let first = plan.shards[0].layout.constants_width() + 1;
    let (a, b) = (first, first + 1);
    let weight = |column: usize| {
        let mut unit = vec![Cube::ZERO; forged.shards[0].evaluations.len()];
        unit[column] = Cube::ONE;
        combine(plan, &[unit], Cube::ZERO, lambda)
    };
    let [weight_a, weight_b] = [a, b].map(weight);
    let shard = &mut forged.shards[0];
    let [of_a, of_b] = [a, b].map(|column| shard.slopes[column].expect("a linear column"));
    let step = shard.gap / (of_a * weight_b - of_b * weight_a);
    shard.evaluations[a] -= step * weight_b;
    shard.evaluations[b] += step * weight_a;
    let mut trace = ParameterTrace::new(keyed, &keyed.case, &forged);
    // The sum under the foreseen challenge, in the place of the one that the verifier draws.
    let (claim, evaluation) = fold(&keyed.case.instance, &forged, lambda);
    trace.fold_under(claim, evaluation);
    let bundle = trace.finish(Deviation::None);
    let name = "values chosen after the folding challenge of a key";
    let mut forgery = keyed_forgery(keyed, name, "R1, R6", Stop::Folding, &forged, bundle);
    forgery.trust.folding = Some(lambda);
    forgery
}

/// Proofs of the parameters that are missing, repeated, in the wrong place, or of another bundle.
fn parts(keyed: &Keyed) -> Vec<Forgery> {
    let honest = |case: &Case| {
        let forged = Witness::honest(case)
            .commit()
            .fill()
            .finish(Deviation::None);
        let whole = ParameterTrace::new(keyed, case, &forged).finish(Deviation::None);
        let shards = forged.bundle().len();
        (forged, whole, shards)
    };
    let (forged, whole, shards) = honest(&keyed.case);
    let (of_shards, of_parameters) = whole.split_at(shards);
    let header = forged.header.encode().len();
    let offset = whole.len() - header;
    let surplus = of_parameters.len();
    let half = Case::new(
        keyed.case.graph.as_ref().clone(),
        keyed.case.x[..keyed.case.x.len() / 2].to_vec(),
        keyed.case.parameters,
    );
    let (_, other, other_shards) = honest(&keyed.impersonated_by(&half));
    let edit = |name: &'static str, bundle: Vec<u8>, error: String| Forgery {
        prize: Prize::Malleability,
        error,
        ..keyed_forgery(keyed, name, "R10", Stop::Codec, &forged, bundle)
    };
    let trailing = StarkError::TrailingBytes { offset, surplus };
    vec![
        edit(
            "no proof of the parameters",
            of_shards.to_vec(),
            "Parameters(Truncated…".to_owned(),
        ),
        edit(
            "half a proof of the parameters",
            whole[..shards + surplus / 2].to_vec(),
            "Parameters(Truncated…".to_owned(),
        ),
        Forgery {
            stop: Stop::Check(CheckId::TrailingBytes),
            ..edit(
                "two proofs of the parameters",
                [&whole, of_parameters].concat(),
                format!("Trailing({trailing:?})"),
            )
        },
        edit(
            "the parameters' proof of another batch",
            [of_shards, &other[other_shards..]].concat(),
            parameters_error(&StarkError::OodMismatch),
        ),
    ]
}
