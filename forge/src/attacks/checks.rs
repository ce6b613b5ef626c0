//! One attack on each check of the verification loop. Where the check can be all that stands between a prover and a
//! false output, that is the attack.

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::layout::Kind;
use winterforge_verifier::stark::{CheckId, StarkError};

use super::sums::lying;
use super::{forgery, shard_error};
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::merkle::Digest;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let mut forgeries: Vec<Forgery> = [
        (
            "no quotient, but a commitment to one",
            "constraint",
            Deviation::None,
            CheckId::OutOfDomain,
            StarkError::OodMismatch,
        ),
        (
            "running sum chosen after the point",
            "R2",
            Deviation::AuxAfterPoint,
            CheckId::AuxQueries,
            StarkError::AuxQueryMismatch,
        ),
        (
            "composition chosen after the point",
            "R9",
            Deviation::CompositionAfterPoint,
            CheckId::ConstraintQueries,
            StarkError::ConstraintQueryMismatch,
        ),
        (
            "remainder chosen after the queries",
            "R9",
            Deviation::RemainderAfterQueries,
            CheckId::RemainderCommitment,
            StarkError::FriRemainderCommitment,
        ),
        (
            "a remainder that nothing folds to",
            "R9",
            Deviation::FreeRemainder,
            CheckId::FriRemainder,
            StarkError::FriRemainderMismatch,
        ),
        (
            "layer rows chosen after the queries",
            "R9",
            Deviation::FreeLayers,
            CheckId::FriLayers,
            StarkError::FriLayerMismatch { layer: 0 },
        ),
    ]
    .map(|(name, rule, deviation, check, error)| {
        let forged = lying(case).commit().fill().finish(deviation);
        Forgery {
            error: shard_error(0, &error),
            ..forgery(case, name, rule, Stop::Check(check), &forged)
        }
    })
    .into();
    forgeries.extend([
        main_rows(case),
        without_work(case),
        not_canonical(),
        trailing(case, honest),
        second_nonce(case),
    ]);
    forgeries
}

/// A witness whose first wrong output needs a limb that is no byte, and nothing else that is wrong but the sums.
pub(super) fn wide_limb(case: &Case) -> Witness<'_> {
    let mut witness = Witness::honest(case);
    let site = case.site(|site| {
        let code_max = case.channel(site).code_max;
        site.kind == Kind::Line
            && case.is_output(site)
            && case.branch(site) == 0
            && case.code(site) < code_max
    });
    let code = case.code(&site) + 1;
    witness.fill_lane(&site, case.accumulator(&site), code);
    witness.set_remainder(&site, witness.remainder(&site));
    witness.state(&site, code);
    witness.count();
    witness
}

/// A root that stands for nothing fixes the challenges; the trace is made to suit them.
fn main_rows(case: &Case) -> Forgery {
    let roots = vec![Digest::default(); case.instance.plan.shards.len()];
    let committed = wide_limb(case).commit_as(roots).repair_multiplicities();
    let forged = committed.fill().finish(Deviation::None);
    let stop = Stop::Check(CheckId::MainQueries);
    Forgery {
        error: shard_error(0, &StarkError::MainQueryMismatch),
        ..forgery(
            case,
            "main trace chosen after the challenge",
            "R1, R2",
            stop,
            &forged,
        )
    }
}

fn without_work(case: &Case) -> Forgery {
    let forged = Witness::honest(case)
        .commit()
        .fill()
        .finish(Deviation::NoWork);
    let error = StarkError::Grinding {
        required: 20,
        found: 0,
    };
    Forgery {
        prize: Prize::WeakProof,
        error: shard_error(0, &error),
        ..forgery(
            case,
            "a nonce without work",
            "R12",
            Stop::Check(CheckId::Grinding),
            &forged,
        )
    }
}

/// A column of zeros, one of them written as the modulus.
fn not_canonical() -> Forgery {
    let case = Case::zero();
    let forged = Witness::honest(&case)
        .commit()
        .fill()
        .finish(Deviation::None);
    let claims = &forged.shards[0].proof.claims;
    let column = claims
        .ood_current
        .iter()
        .position(|&value| value == Cube::ZERO);
    let column = column.expect("accumulators are all zero");
    let digests = 1 + 3 + claims.fri_roots.len();
    let elements = forged.claims.len() + forged.shards[0].evaluations.len() + column;
    let offset = 32 * digests + 24 * elements;
    let mut bundle = forged.bundle();
    let start = forged.header.encode().len() + offset;
    bundle[start..start + 8].copy_from_slice(&Felt::MODULUS.to_le_bytes());
    let error = StarkError::NonCanonicalElement {
        what: "the out-of-domain row",
        offset,
    };
    Forgery {
        prize: Prize::Malleability,
        error: shard_error(0, &error),
        bundle,
        ..forgery(
            &case,
            "zero as the modulus",
            "R10",
            Stop::Check(CheckId::CanonicalElements),
            &forged,
        )
    }
}

fn trailing(case: &Case, honest: &Forged) -> Forgery {
    let mut bundle = honest.bundle();
    let error = StarkError::TrailingBytes {
        offset: bundle.len() - honest.header.encode().len(),
        surplus: 1,
    };
    bundle.push(0);
    Forgery {
        prize: Prize::Malleability,
        error: format!("Trailing({error:?})"),
        bundle,
        ..forgery(
            case,
            "a byte too many",
            "R10",
            Stop::Check(CheckId::TrailingBytes),
            honest,
        )
    }
}

/// Smallness of the nonce is a promise of the honest prover, not a check: R11.
fn second_nonce(case: &Case) -> Forgery {
    let forged = Witness::honest(case)
        .commit()
        .fill()
        .finish(Deviation::SecondNonce);
    Forgery {
        prize: Prize::Freedom,
        ..forgery(
            case,
            "the second-smallest nonce",
            "R11",
            Stop::Nothing,
            &forged,
        )
    }
}
