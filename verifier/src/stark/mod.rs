//! The STARK verification loop for one shard.
//!
//! It accepts the proofs that winterfell's prover makes over our field, and follows winterfell's protocol to the byte:
//! the same transcript, the same commitments, the same checks, and the one that winterfell lacks, that the FRI
//! remainder is the committed one. What differs is everything around it. A proof has exactly one encoding, no count is
//! read from it, no allocation exceeds what is left of it, and no input panics.
//!
//! Modules, in the order in which the loop runs:
//!
//! | module | answers |
//! |---|---|
//! | `shape` | how large is each part of the proof? |
//! | `codec`, `reader`, `proof` | what does the proof say, and how is it encoded? |
//! | `transcript` | which challenges follow from it? |
//! | `air`, `ood` | do the constraints hold at the out-of-domain point? |
//! | `merkle`, `deep` | are the opened rows the committed ones, and what is the DEEP polynomial there? |
//! | `fri` | is that polynomial of low degree? |
//! | `convert` | which of our proofs is a given proof of winterfell? |
//!
//! Decoding and verification interleave: the claims are decoded, the transcript is replayed over them, and only the
//! query positions that result say how long the rest is.

mod air;
mod checks;
mod codec;
mod convert;
mod deep;
mod error;
mod fri;
mod merkle;
mod ood;
mod proof;
mod reader;
mod shape;
mod transcript;

pub use air::{VerifierAir, interpolate, lagrange_at};
pub use checks::{CheckId, CheckMask};
pub use error::StarkError;
pub use proof::{Claims, FriOpening, Openings, ShardProof};
pub use reader::Reader;
use winter_air::Air;
use winter_crypto::ElementHasher;
use winter_math::FieldElement;
use winterforge_air::field::Felt;

use self::{fri::LayerPlan, shape::Shape, transcript::Challenges};

/// Verifies the shard proof that `reader` stands at, and moves `reader` past it.
///
/// `air` must come from the verifier's own plan and options; `public_inputs` are the elements of the public inputs it
/// was made from. `main_root` is the root of the main segment, carried outside the body. `E` is the extension that the
/// options name, and `H` the hash of the commitments and the public coin.
///
/// Returns the out-of-domain point.
///
/// # Errors
/// The first check that fails. `reader` is then at an unspecified place.
pub fn verify_shard<A, E, H>(
    air: &A,
    public_inputs: &[Felt],
    main_root: H::Digest,
    reader: &mut Reader<'_>,
    checks: &CheckMask,
) -> Result<E, StarkError>
where
    A: VerifierAir,
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let shape = Shape::new::<A, E>(air)?;

    let claims = codec::decode_claims::<E, H>(&shape, reader, checks)?;
    let challenges = Challenges::replay::<A, H>(air, &shape, public_inputs, main_root, &claims)?;
    ood::require_out_of_domain(&shape, challenges.z)?;
    checks.require(
        CheckId::OutOfDomain,
        ood::constraints_hold(air, &shape, &claims, &challenges),
        || StarkError::OodMismatch,
    )?;
    fri::require_remainder::<E, H>(&claims, checks)?;
    checks.require(
        CheckId::Grinding,
        challenges.pow_bits >= shape.grinding_bits,
        || StarkError::Grinding {
            required: shape.grinding_bits,
            found: challenges.pow_bits,
        },
    )?;

    let positions = &challenges.positions;
    let plans = LayerPlan::all(&shape, positions);
    let openings = codec::decode_openings::<E, H>(&shape, positions, &plans, reader, checks)?;
    deep::require_rows::<E, H>(&shape, main_root, &claims, &openings, positions, checks)?;
    let evaluations = deep::evaluations(air, &shape, &claims, &openings, &challenges);
    fri::verify::<E, H>(
        &shape,
        &plans,
        &claims,
        &openings,
        &challenges,
        evaluations,
        checks,
    )?;
    Ok(challenges.z)
}

/// Decodes the shard proof that `reader` stands at without verifying it, and moves `reader` past it.
///
/// # Errors
/// If the bytes are not the encoding of any proof for `air`.
pub fn decode_shard<A, E, H>(
    air: &A,
    public_inputs: &[Felt],
    main_root: H::Digest,
    reader: &mut Reader<'_>,
) -> Result<ShardProof<E, H>, StarkError>
where
    A: Air<BaseField = Felt>,
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let shape = Shape::new::<A, E>(air)?;
    let checks = &CheckMask::NONE;
    let claims = codec::decode_claims::<E, H>(&shape, reader, checks)?;
    let challenges = Challenges::replay::<A, H>(air, &shape, public_inputs, main_root, &claims)?;
    let plans = LayerPlan::all(&shape, &challenges.positions);
    let openings =
        codec::decode_openings::<E, H>(&shape, &challenges.positions, &plans, reader, checks)?;
    Ok(ShardProof {
        main_root,
        claims,
        openings,
    })
}
