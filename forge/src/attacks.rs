//! Every attack of the bench.

mod attention;
mod bytes;
mod checks;
mod claims;
mod columns;
mod constraints;
mod derived;
mod float_sums;
mod keys;
mod links;
mod operators;
mod parameters;
mod steps;
mod sums;
mod unused;

use winterforge_air::mask::ConstraintId;
use winterforge_verifier::stark::StarkError;
use winterforge_verifier::{BundleCheck, VerifyError};

use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::stark::Deviation;
use crate::trust::Trust;

/// Builds all forgeries.
pub fn all() -> Vec<Forgery> {
    let case = Case::two_tables();
    let honest = Witness::honest(&case)
        .commit()
        .fill()
        .finish(Deviation::None);
    let mut forgeries = constraints::all(&case);
    forgeries.extend(sums::all(&case));
    forgeries.extend(checks::all(&case, &honest));
    forgeries.extend(links::all(&case));
    forgeries.extend(derived::all(&case, &honest));
    forgeries.extend(columns::all(&case));
    forgeries.extend(claims::all(&case, &honest));
    forgeries.extend(bytes::all(&case, &honest));
    forgeries.extend(keys::all(&case, &honest));
    forgeries.extend(parameters::all(&case));
    forgeries.extend(operators::all());
    forgeries.extend(attention::all());
    forgeries.extend(steps::all());
    forgeries.extend(float_sums::all());
    forgeries.extend(unused::all(&case));
    forgeries
}

/// A code beyond its type, in a plan whose codes are looked up once.
pub fn beyond_the_type() -> Option<Forgery> {
    constraints::beyond_the_type()
}

/// The attack on limbs of the requantizing lanes of a case that this family stops.
pub fn on_limb(case: &Case, family: ConstraintId) -> Option<Forgery> {
    constraints::wide_limbs(case, |id| id == family).pop()
}

/// The error of a failing shard.
fn shard_error(shard: usize, source: &StarkError) -> String {
    format!("Shard {{ shard: {shard}, source: {source:?} }}")
}

/// A forgery that the out-of-domain check of the first shard exposes.
fn forgery(
    case: &Case,
    name: &'static str,
    rule: &'static str,
    stop: Stop,
    forged: &Forged,
) -> Forgery {
    Forgery {
        name,
        rule,
        stop,
        prize: Prize::FalseStatement,
        graph: case.graph.clone(),
        key: None,
        min_security_bits: 100,
        bundle: forged.bundle(),
        error: shard_error(0, &StarkError::OodMismatch),
        trust: Trust::default(),
    }
}

/// A forgery whose shards are in order, but for values of public columns or claims that are not the model's.
fn false_claims(case: &Case, name: &'static str, rule: &'static str, forged: &Forged) -> Forgery {
    let stop = Stop::Bundle(BundleCheck::PublicColumns);
    Forgery {
        error: format!("{:?}", VerifyError::PublicColumns),
        ..forgery(case, name, rule, stop, forged)
    }
}
