//! The joint seed and the challenges that follow from it (Fiat-Shamir over all shards at once).
//!
//! The seed binds the whole header, which is every byte of the bundle that stands before the main roots, the geometry
//! and options of each shard, and each shard's main root. A value that were left out could be chosen after the
//! challenge.

use winter_air::{ProofOptions, TraceInfo};
use winter_crypto::Hasher;
use winter_math::{FieldElement, ToElements};
use winter_utils::Serializable;
use winterforge_air::field::{Felt, from_basis_coefficients};
use winterforge_air::joint::Challenges;

const SEED_CONTEXT: &str = "winterforge 2026 joint seed v1";
const FOLDING_CONTEXT: &str = "winterforge 2026 folding v1";
const CHALLENGE_CONTEXT: &str = "winterforge 2026 joint challenge v1";

/// Hashes the statement, the options, and the geometry and main root of every shard.
pub fn joint_seed<H: Hasher>(
    header: &[u8],
    options: &ProofOptions,
    shards: &[(TraceInfo, H::Digest)],
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(SEED_CONTEXT);
    let mut part = |bytes: &[u8]| {
        // Lengths first: no two different lists of parts give one stream of bytes.
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(header);
    part(&words(&ToElements::<Felt>::to_elements(options)));
    for (trace_info, main_root) in shards {
        part(&words(&ToElements::<Felt>::to_elements(trace_info)));
        part(&main_root.to_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn words(elements: &[Felt]) -> Vec<u8> {
    elements
        .iter()
        .flat_map(|element| element.as_word().to_le_bytes())
        .collect()
}

/// Hashes everything that the shards of a computation prove and claim: what the claims are folded and checked under.
pub fn folding_seed(seed: &[u8; 32], proofs: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(FOLDING_CONTEXT);
    hasher.update(seed);
    hasher.update(proofs);
    *hasher.finalize().as_bytes()
}

/// The challenge that folds the claimed values of the public columns.
pub fn folding_challenge<E: FieldElement<BaseField = Felt>>(seed: &[u8; 32]) -> E {
    draw(seed, b"lambda")
}

/// The challenges of the joint check.
pub fn joint_challenges<E: FieldElement<BaseField = Felt>>(seed: &[u8; 32]) -> Challenges<E> {
    Challenges {
        rho: draw(seed, b"rho"),
        kappa: draw(seed, b"kappa"),
        zeta: draw(seed, b"zeta"),
        alpha: draw(seed, b"alpha"),
    }
}

/// One uniform element: words of the labelled output stream, those not below the modulus passed over.
fn draw<E: FieldElement<BaseField = Felt>>(seed: &[u8; 32], label: &[u8]) -> E {
    let mut hasher = blake3::Hasher::new_derive_key(CHALLENGE_CONTEXT);
    hasher.update(seed);
    hasher.update(label);
    let mut stream = hasher.finalize_xof();
    let mut coordinates = Vec::with_capacity(E::EXTENSION_DEGREE);
    while coordinates.len() < E::EXTENSION_DEGREE {
        let mut word = [0; 8];
        stream.fill(&mut word);
        let word = u64::from_le_bytes(word);
        if Felt::is_canonical(word) {
            coordinates.push(Felt::new(word));
        }
    }
    from_basis_coefficients(&coordinates)
}
