//! Each check earns its place: for every one, a proof that it alone stops.

use winter_crypto::{ElementHasher, Hasher};
use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{CheckId, CheckMask, ShardProof, StarkError, VerifierAir};

use crate::{
    airs::CubeInputs,
    prove::{Coin, Cube, Hash, IdleCoin, Options, Proven, prove_cube, prove_cube_with, prove_wide},
};

const SMALL: Options = Options {
    queries: 3,
    blowup: 2,
    grinding: 0,
    folding: 2,
    remainder: 3,
};

/// Checks that `body` fails with `error`, and is accepted once `check` is skipped.
fn stopped_only_by<A, E>(proven: &Proven<A, E>, body: &[u8], check: CheckId, error: StarkError)
where
    A: VerifierAir<PublicInputs: Clone>,
    E: FieldElement<BaseField = Felt>,
{
    assert_eq!(proven.verdict(body), Err(error));
    for other in CheckId::ALL {
        let verdict = proven.masked_verdict(body, &CheckMask::NONE.skip(other));
        assert_eq!(
            verdict.is_ok(),
            other == check,
            "{other:?} in place of {check:?}"
        );
    }
}

fn other_digest() -> <Hash as Hasher>::Digest {
    Hash::hash(b"another node")
}

#[test]
fn nothing_is_masked_by_default() {
    for check in CheckId::ALL {
        assert!(!CheckMask::NONE.is_masked(check));
        assert!(!CheckMask::default().is_masked(check));
        let mask = CheckMask::NONE.skip(check);
        for other in CheckId::ALL {
            assert_eq!(mask.is_masked(other), other == check);
        }
    }
}

#[test]
fn canonical_elements() {
    // Without FRI layers the remainder has room for one degree more than the DEEP polynomial has.
    let proven = prove_cube::<Cube>(
        8,
        Options {
            remainder: 7,
            ..SMALL
        },
    );
    let claims = &proven.proof.claims;
    assert_eq!(claims.remainder[0], Cube::ZERO);
    let tail = 8 + 24 * claims.remainder.len() + openings_size(&proven.proof);
    let offset = proven.body.len() - tail;
    let mut body = proven.body.clone();
    body[offset..offset + 8].copy_from_slice(&Felt::ORDER.to_le_bytes());
    let what = "the FRI remainder";
    let error = StarkError::NonCanonicalElement { what, offset };
    stopped_only_by(&proven, &body, CheckId::CanonicalElements, error);
}

fn openings_size(proof: &ShardProof<Cube, Hash>) -> usize {
    let openings = &proof.openings;
    let digests = openings.main_siblings.len() + openings.constraint_siblings.len();
    8 * openings.main_rows.len() + 24 * openings.constraint_rows.len() + 32 * digests
}

#[test]
fn trailing_bytes() {
    let proven = prove_cube::<Cube>(8, SMALL);
    let offset = proven.body.len();
    let body = [proven.body.as_slice(), &[0]].concat();
    let error = StarkError::TrailingBytes { offset, surplus: 1 };
    stopped_only_by(&proven, &body, CheckId::TrailingBytes, error);
}

#[test]
fn out_of_domain() {
    // The prover runs another map to the same end, and commits to quotients that are none.
    let mut proven = prove_cube_with::<Cube, Coin>(16, SMALL, Felt::new(8));
    proven.inputs = CubeInputs::new(proven.inputs.last);
    proven.air = winter_air::Air::new(
        winter_air::Air::trace_info(&proven.air).clone(),
        proven.inputs.clone(),
        winter_air::Air::options(&proven.air).clone(),
    );
    let body = proven.body.clone();
    stopped_only_by(
        &proven,
        &body,
        CheckId::OutOfDomain,
        StarkError::OodMismatch,
    );
    assert!(!proven.stock_accepts(&proven.proof));
}

#[test]
fn grinding() {
    let options = Options {
        grinding: 16,
        ..SMALL
    };
    let proven = prove_cube_with::<Cube, IdleCoin>(16, options, Felt::new(7));
    let Err(StarkError::Grinding { required, found }) = proven.verdict(&proven.body) else {
        panic!("the first nonce passed for work");
    };
    assert!(required == 16 && found < 16);
    let error = StarkError::Grinding { required, found };
    stopped_only_by(&proven, &proven.body, CheckId::Grinding, error);
    assert!(!proven.stock_accepts(&proven.proof));
}

#[test]
fn openings() {
    let proven = prove_wide::<Cube>((3, 2), 16, SMALL);
    type Damage = fn(&mut ShardProof<Cube, Hash>);
    let cases: [(CheckId, StarkError, Damage); 5] = [
        (
            CheckId::MainQueries,
            StarkError::MainQueryMismatch,
            |proof| proof.openings.main_siblings[0] = other_digest(),
        ),
        (CheckId::AuxQueries, StarkError::AuxQueryMismatch, |proof| {
            proof.openings.aux_siblings[1] = other_digest();
        }),
        (
            CheckId::ConstraintQueries,
            StarkError::ConstraintQueryMismatch,
            |proof| proof.openings.constraint_siblings[0] = other_digest(),
        ),
        (
            CheckId::FriLayers,
            StarkError::FriLayerMismatch { layer: 0 },
            |proof| proof.openings.fri_layers[0].siblings[0] = other_digest(),
        ),
        (
            CheckId::FriLayers,
            StarkError::FriLayerMismatch { layer: 1 },
            |proof| proof.openings.fri_layers[1].siblings[0] = other_digest(),
        ),
    ];
    for (check, error, damage) in cases {
        let mut proof = proven.proof.clone();
        damage(&mut proof);
        stopped_only_by(&proven, &proof.encode(), check, error);
        assert!(!proven.stock_accepts(&proof));
    }
}

#[test]
fn fri_values_are_bound_by_the_layer() {
    let proven = prove_wide::<Cube>((3, 2), 16, SMALL);
    for layer in 0..2 {
        let mut proof = proven.proof.clone();
        proof.openings.fri_layers[layer].values[0] += Cube::ONE;
        assert_eq!(
            proven.verdict(&proof.encode()),
            Err(StarkError::FriLayerMismatch { layer })
        );
        assert!(!proven.stock_accepts(&proof));
    }
}

#[test]
fn fri_remainder() {
    // A prover commits in time to a remainder that is not the folded polynomial, and tries nonces until the queries
    // fall where it has openings for.
    let proven = prove_cube::<Cube>(8, SMALL);
    let mut proof = proven.proof.clone();
    proof.claims.remainder[1] += Cube::ONE;
    proof.claims.remainder_root = Hash::hash_elements(&proof.claims.remainder);
    let mask = CheckMask::NONE.skip(CheckId::FriRemainder);
    let body = (0..100_000)
        .map(|nonce| {
            proof.claims.pow_nonce = nonce;
            proof.encode()
        })
        .find(|body| proven.masked_verdict(body, &mask).is_ok())
        .unwrap();
    stopped_only_by(
        &proven,
        &body,
        CheckId::FriRemainder,
        StarkError::FriRemainderMismatch,
    );
}

#[test]
fn remainder_commitment() {
    // `forged.rs` holds the attack; here, that the check is on the coefficients themselves.
    let proven = prove_cube::<Cube>(16, SMALL);
    let mut proof = proven.proof.clone();
    proof.claims.remainder[0] += Cube::ONE;
    let body = proof.encode();
    assert_eq!(
        proven.verdict(&body),
        Err(StarkError::FriRemainderCommitment)
    );
    let mask = CheckMask::NONE.skip(CheckId::RemainderCommitment);
    assert_eq!(
        proven.masked_verdict(&body, &mask),
        Err(StarkError::FriRemainderMismatch)
    );
    let mask = mask.skip(CheckId::FriRemainder);
    assert_eq!(proven.masked_verdict(&body, &mask), Ok(()));
}
