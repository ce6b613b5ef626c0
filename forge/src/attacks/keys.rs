//! Proofs for verifiers who hold another key, the model where they should hold a key, or a key where they should hold
//! the model.

use winterforge_prover::{ProvingKey, Silent, prove_with_key};
use winterforge_verifier::key::KeyDigest;
use winterforge_verifier::{BundleCheck, VerifyError};

use super::forgery;
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::Forged;

/// All of them.
pub(super) fn all(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let key = ProvingKey::setup(&case.graph, case.parameters).expect("a key");
    let prove = |key: &ProvingKey| {
        let proved = prove_with_key(&case.graph, key, &case.x, &Silent);
        proved.expect("a proof").bundle
    };
    let mut renamed = key.clone();
    renamed.digest = KeyDigest([5; 32]);
    let other = VerifyError::Key {
        expected: key.digest,
        found: renamed.digest,
    };
    let forgery = |name: &'static str, stop: Stop, error: VerifyError| Forgery {
        prize: Prize::Malleability,
        error: format!("{error:?}"),
        ..forgery(case, name, "R6", stop, honest)
    };
    vec![
        Forgery {
            bundle: prove(&renamed),
            key: Some(key.key.clone()),
            ..forgery("another key", Stop::Bundle(BundleCheck::Key), other)
        },
        Forgery {
            bundle: prove(&key),
            ..forgery(
                "a key for who holds the model",
                Stop::Codec,
                VerifyError::NeedsKey(key.digest),
            )
        },
        Forgery {
            key: Some(key.key),
            ..forgery(
                "no key for who holds one",
                Stop::Codec,
                VerifyError::NeedsModel,
            )
        },
    ]
}
