//! What a proof owes to luck: how many nonces its prover had to try.
//!
//! Every shard carries a proof of work. How long the search takes is a geometric lottery whose standard deviation equals
//! its mean, and in a small proof it outweighs all else. Since the prover takes the smallest nonce from 1 up, a bundle
//! tells how many it tried; what one try costs is measured, and then luck can be taken out of a time.

use winter_air::Air;
use winter_crypto::hashers::Blake3_256;
use winter_math::ToElements;
use winter_utils::Deserializable;
use winterforge_air::evaluation::claimed_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_prover::Proved;
use winterforge_prover::stark::DeviceHash;
use winterforge_verifier::bundle::HashId;
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::poseidon2::Poseidon2;
use winterforge_verifier::stark::{CheckMask, Reader, decode_shard};

use crate::error::Error;
use crate::machine::cpu_time;

const DIGEST_BYTES: usize = 32;
const CLAIM_BYTES: usize = 24;

/// Tries over which the cost of one is averaged.
const TIMED_TRIES: u64 = 1 << 22;

/// The nonces tried for all shards of a proof.
///
/// # Errors
/// If the bundle does not decode, which a bundle of our prover does.
pub fn tries(proved: &Proved) -> Result<u64, Error> {
    match proved.header.parameters.hash {
        HashId::Blake3 => tries_of::<Blake3_256<Felt>>(proved),
        HashId::Poseidon2 => tries_of::<Poseidon2>(proved),
    }
}

fn tries_of<H: DeviceHash>(proved: &Proved) -> Result<u64, Error> {
    let (instance, header) = (&proved.instance, &proved.header);
    let header_bytes = header.encode();
    let shards = instance.plan.shards.len();
    let (roots, rest) = proved.bundle[header_bytes.len()..].split_at(DIGEST_BYTES * shards);
    let (claims, proofs) = rest.split_at(CLAIM_BYTES * shards);
    let malformed = |detail: &dyn std::fmt::Display| Error::Bundle(detail.to_string());
    let roots = roots
        .chunks_exact(DIGEST_BYTES)
        .map(|root| H::Digest::read_from_bytes(root).map_err(|error| malformed(&error)))
        .collect::<Result<Vec<_>, _>>()?;
    let claims = claims
        .chunks_exact(CLAIM_BYTES)
        .map(|claim| Cube::read_from_bytes(claim).map_err(|error| malformed(&error)))
        .collect::<Result<Vec<_>, _>>()?;

    let geometry: Vec<_> = (instance.trace_infos.iter().cloned()).zip(roots).collect();
    let seed = joint_seed::<H>(&header_bytes, &instance.options, &geometry);
    let (plan, challenges) = (&instance.plan, joint_challenges::<Cube>(&seed));

    let mut reader = Reader::new(proofs);
    let mut tries = 0;
    for ((shard, (info, root)), claim) in geometry.into_iter().enumerate().zip(claims) {
        let columns = claimed_columns(&plan.shards[shard].layout);
        let claimed = reader
            .elements(columns, "the claimed values", &CheckMask::NONE)
            .map_err(|error| malformed(&error))?;
        let inputs = ShardInputs::claimed(plan, shard, challenges, seed, claim, &claimed);
        let elements = inputs.to_elements();
        let air = ShardAir::new(info, inputs, instance.options.clone());
        let proof = decode_shard::<_, Cube, H>(&air, &elements, root, &mut reader)
            .map_err(|error| malformed(&error))?;
        tries += proof.claims.pow_nonce;
    }
    Ok(tries)
}

/// CPU seconds for one try of our prover's search on this machine, on one thread.
pub fn try_s(hash: HashId) -> f64 {
    match hash {
        HashId::Blake3 => try_s_of::<Blake3_256<Felt>>(),
        HashId::Poseidon2 => try_s_of::<Poseidon2>(),
    }
}

fn try_s_of<H: DeviceHash>() -> f64 {
    // No digest ends in 64 zeros.
    let seed = H::hash(b"seed");
    let start = cpu_time();
    std::hint::black_box(H::find_nonce(seed, u64::BITS, 1, TIMED_TRIES));
    (cpu_time() - start).as_secs_f64() / TIMED_TRIES as f64
}
