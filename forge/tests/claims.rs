//! One claimed value at a time: whichever public column a prover lies about, the folded comparison sees it, and it alone.

use winter_math::FieldElement;
use winterforge_air::field::Cube;
use winterforge_forge::case::Case;
use winterforge_forge::forger::{Forged, Witness};
use winterforge_forge::nets;
use winterforge_forge::stark::Deviation;
use winterforge_verifier::stark::StarkError;
use winterforge_verifier::{BundleCheck, Policy, VerifyError, verify};

/// The verdicts with and without the comparison.
fn verdicts(case: &Case, forged: &Forged) -> [Result<(), VerifyError>; 2] {
    let bundle = forged.bundle();
    let mut lenient = Policy::default();
    lenient.leniency.bundle = vec![BundleCheck::PublicColumns];
    [Policy::default(), lenient].map(|policy| verify(&bundle, &case.graph, &policy).map(drop))
}

/// An honest trace under a statement with another output, and the claims that the false total demands.
fn lying(case: &Case) -> Forged {
    let mut witness = Witness::honest(case);
    let site = case.site(|site| case.is_output(site));
    witness.state(&site, (case.code(&site) + 1) % 256);
    witness.commit().fill().finish(Deviation::None)
}

#[test]
fn every_value_that_hides_a_false_statement_is_seen() {
    for case in [
        Case::two_tables(),
        Case::sharded(),
        nets::pool(),
        nets::maps(),
        nets::sum(),
        nets::conv(),
        nets::softmax(),
        nets::norm(),
        nets::mat_mul(),
    ] {
        let forged = lying(&case);
        // The claims add up: the shard that is in disorder is the last one.
        let last = forged.shards.len() - 1;
        assert!(
            forged.shards[..last]
                .iter()
                .all(|shard| shard.gap == Cube::ZERO)
        );
        let layout = &case.instance.plan.shards[last].layout;
        let mut hidden = 0;
        for column in 0..forged.shards[last].evaluations.len() {
            let name = format!("shard {last} column {column} of {layout:?}");
            match forged.shards[last].slopes[column] {
                Some(slope) if slope != Cube::ZERO => {
                    let [strict, lenient] = verdicts(&case, &forged.closing_gap(last, column));
                    assert!(
                        matches!(strict, Err(VerifyError::PublicColumns)),
                        "{name}: {strict:?}"
                    );
                    assert!(lenient.is_ok(), "{name}: {lenient:?}");
                    hidden += 1;
                }
                _ => {
                    let mut changed = forged.clone();
                    changed.shards[last].evaluations[column] += Cube::ONE;
                    for verdict in verdicts(&case, &changed) {
                        assert!(
                            matches!(
                                verdict,
                                Err(VerifyError::Shard {
                                    source: StarkError::OodMismatch,
                                    ..
                                })
                            ),
                            "{name}: {verdict:?}"
                        );
                    }
                }
            }
        }
        // The joint columns are linear throughout.
        assert!(
            hidden >= layout.joint_width(),
            "{hidden} columns of {layout:?}"
        );
    }
}

#[test]
fn every_value_of_an_honest_proof_is_held() {
    for case in [Case::two_tables(), nets::maps()] {
        let honest = Witness::honest(&case)
            .commit()
            .fill()
            .finish(Deviation::None);
        assert!(verdicts(&case, &honest).iter().all(Result::is_ok));
        for column in 0..honest.shards[0].evaluations.len() {
            let mut changed = honest.clone();
            changed.shards[0].evaluations[column] += Cube::ONE;
            for verdict in verdicts(&case, &changed) {
                assert!(
                    matches!(
                        verdict,
                        Err(VerifyError::Shard {
                            source: StarkError::OodMismatch,
                            ..
                        })
                    ),
                    "column {column}: {verdict:?}"
                );
            }
        }
    }
}
