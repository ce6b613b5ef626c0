//! Attacks on the claims: totals of the shards, and values of the public columns at the out-of-domain points. No
//! transcript holds those values, so a prover chooses them last; what holds them is one folding challenge.

use winter_math::FieldElement;
use winterforge_air::evaluation::combine;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::layout::LookupTable;
use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_verifier::challenge::{folding_challenge, folding_seed};
use winterforge_verifier::stark::{CheckId, StarkError};

use super::sums::lying;
use super::{false_claims, forgery, shard_error};
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::nets;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let mut forgeries = after_the_point(case);
    forgeries.extend([traded(case, honest), foreseen(case), not_canonical()]);
    forgeries.extend(encodings(case, honest));
    forgeries.extend(shards());
    forgeries
}

/// A trace that the constraints refuse, and one value under which they hold at the one point that is asked about.
fn after_the_point(case: &Case) -> Vec<Forgery> {
    let forged = lying(case).commit().fill().finish(Deviation::None);
    let layout = &case.instance.plan.shards[0].layout;
    let joint = layout.constants_width();
    let inverses = |table: LookupTable| {
        let place = layout.lookup_parts().position(|(known, _)| known == table);
        joint + layout.inverse_columns() + place.expect("a table of the layout")
    };
    [
        ("a row constant chosen after the point", 0),
        ("a link chosen after the point", joint),
        ("a coefficient chosen after the point", joint + 1),
        (
            "inverses chosen after the point",
            inverses(LookupTable::Byte),
        ),
        (
            "window inverses chosen after the point",
            inverses(LookupTable::Window),
        ),
    ]
    .map(|(name, column)| false_claims(case, name, "R3", &forged.closing_gap(0, column)))
    .into()
}

/// Two values of an honest proof that change without the constraints noticing.
fn traded(case: &Case, honest: &Forged) -> Forgery {
    let (a, b) = coefficients(case);
    let mut forged = honest.clone();
    let shard = &mut forged.shards[0];
    let [of_a, of_b] = [a, b].map(|column| shard.slopes[column].expect("a linear column"));
    shard.evaluations[a] += of_b;
    shard.evaluations[b] -= of_a;
    Forgery {
        prize: Prize::Malleability,
        ..false_claims(
            case,
            "two values that make up for each other",
            "R3",
            &forged,
        )
    }
}

/// The columns of coefficients of the first table's first two lanes.
fn coefficients(case: &Case) -> (usize, usize) {
    let first = case.instance.plan.shards[0].layout.constants_width() + 1;
    (first, first + 1)
}

/// A folding challenge that is known before the values: two of them suffice for the constraints and the sum.
fn foreseen(case: &Case) -> Forgery {
    let mut forged = lying(case).commit().fill().finish(Deviation::None);
    let lambda: Cube = folding_challenge(&folding_seed(&forged.seed, &[]));
    let plan = &case.instance.plan;
    let shard = &mut forged.shards[0];
    let (a, b) = coefficients(case);
    let [of_a, of_b] = [a, b].map(|column| shard.slopes[column].expect("a linear column"));
    let [weight_a, weight_b] = [a, b].map(|column| {
        let mut unit = vec![Cube::ZERO; shard.evaluations.len()];
        unit[column] = Cube::ONE;
        combine(plan, &[unit], Cube::ZERO, lambda)
    });
    let step = shard.gap / (of_a * weight_b - of_b * weight_a);
    shard.evaluations[a] -= step * weight_b;
    shard.evaluations[b] += step * weight_a;
    let name = "values chosen after the folding challenge";
    let mut forgery = Forgery {
        stop: Stop::Folding,
        ..false_claims(case, name, "R1", &forged)
    };
    forgery.trust.folding = Some(lambda);
    forgery
}

/// A value of zero, written as the modulus.
fn not_canonical() -> Forgery {
    let case = nets::conv();
    let honest = Witness::honest(&case)
        .commit()
        .fill()
        .finish(Deviation::None);
    let evaluations = &honest.shards[0].evaluations;
    let column = evaluations.iter().position(|&value| value == Cube::ZERO);
    let column = column.expect("a column of zeros");
    let offset = 32 + 24 * (honest.claims.len() + column);
    let start = honest.header.encode().len() + offset;
    let mut bundle = honest.bundle();
    bundle[start..start + 8].copy_from_slice(&Felt::ORDER.to_le_bytes());
    let error = StarkError::NonCanonicalElement {
        what: "the values of the public columns",
        offset,
    };
    Forgery {
        prize: Prize::Malleability,
        error: shard_error(0, &error),
        bundle,
        ..forgery(
            &case,
            "a claimed zero as the modulus",
            "R10",
            Stop::Check(CheckId::CanonicalElements),
            &honest,
        )
    }
}

/// Values that are changed, moved, left out or repeated in a finished bundle.
fn encodings(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let change = |name: &'static str, edit: &dyn Fn(&mut Vec<Cube>)| {
        let mut forged = honest.clone();
        edit(&mut forged.shards[0].evaluations);
        Forgery {
            prize: Prize::Malleability,
            ..forgery(case, name, "R10", Stop::Codec, &forged)
        }
    };
    let (a, b) = coefficients(case);
    vec![
        change("a value changes after the fact", &|values| {
            values[a] += Cube::ONE;
        }),
        change("two values change places", &|values| values.swap(a, b)),
        change("a value is missing", &|values| {
            values.remove(a);
        }),
        change("a value is repeated in place of the next", &|values| {
            values[b] = values[a];
        }),
        change("a value too many", &|values| {
            let last = values[values.len() - 1];
            values.push(last);
        }),
    ]
}

/// Claims of several shards.
fn shards() -> Vec<Forgery> {
    let case = Case::sharded();
    let last = case.instance.plan.shards.len() - 1;
    let filled = lying(&case).commit().fill().as_summed();
    let forged = filled.finish(Deviation::None);
    let apart = false_claims(&case, "claims that do not add up", "R8", &forged);

    let mut witness = lying(&case);
    witness.mask = Mask::of([ConstraintId::SumLast]);
    let mut filled = witness.commit().fill();
    filled.claims[0] += Cube::ONE;
    filled.claims[last] -= Cube::ONE;
    let forged = filled.finish(Deviation::None);
    let name = "claims that no shard has";
    let stop = Stop::Constraint(ConstraintId::SumLast);
    let shifted = forgery(&case, name, "public value claim", stop, &forged);

    let honest = Witness::honest(&case)
        .commit()
        .fill()
        .finish(Deviation::None);
    let change = |name: &'static str, rule: &'static str, edit: &dyn Fn(&mut Forged)| {
        let mut forged = honest.clone();
        edit(&mut forged);
        Forgery {
            prize: Prize::Malleability,
            ..forgery(&case, name, rule, Stop::Codec, &forged)
        }
    };
    vec![
        apart,
        shifted,
        change(
            "a claim changes after the fact",
            "R1, public value claim",
            &|forged| {
                forged.claims[0] += Cube::ONE;
            },
        ),
        change("the values of two shards change places", "R10", &|forged| {
            let (first, second) = forged.shards.split_at_mut(1);
            std::mem::swap(&mut first[0].evaluations, &mut second[0].evaluations);
        }),
    ]
}
