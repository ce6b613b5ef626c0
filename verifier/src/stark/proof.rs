//! A shard proof as decoded values.
//!
//! The two parts are what the prover says before the query positions are drawn ([`Claims`]) and what it opens at those
//! positions ([`Openings`]). Nothing in either repeats what the verifier can compute.

use std::fmt;

use winter_crypto::Hasher;
use winter_math::FieldElement;
use winterforge_air::field::Felt;

/// The proof of one shard over extension `E` and hash `H`.
pub struct ShardProof<E: FieldElement<BaseField = Felt>, H: Hasher> {
    /// The root of the main segment. It is carried outside the shard's body, since the joint challenge depends on the
    /// main roots of all shards.
    pub main_root: H::Digest,
    /// What is said before the queries.
    pub claims: Claims<E, H::Digest>,
    /// What is opened at the queries.
    pub openings: Openings<E, H::Digest>,
}

// Written out, as deriving these would ask them of the hasher.
impl<E: FieldElement<BaseField = Felt>, H: Hasher> Clone for ShardProof<E, H> {
    fn clone(&self) -> Self {
        Self {
            main_root: self.main_root,
            claims: self.claims.clone(),
            openings: self.openings.clone(),
        }
    }
}

impl<E: FieldElement<BaseField = Felt>, H: Hasher> PartialEq for ShardProof<E, H> {
    fn eq(&self, other: &Self) -> bool {
        self.main_root == other.main_root
            && self.claims == other.claims
            && self.openings == other.openings
    }
}

impl<E: FieldElement<BaseField = Felt>, H: Hasher> fmt::Debug for ShardProof<E, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardProof")
            .field("main_root", &self.main_root)
            .field("claims", &self.claims)
            .field("openings", &self.openings)
            .finish()
    }
}

/// Everything that enters the transcript before the query positions are drawn, in the order of the encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims<E, D> {
    /// The root of the auxiliary segment, for AIRs that have one.
    pub aux_root: Option<D>,
    /// The root of the constraint composition columns.
    pub constraint_root: D,
    /// The root of each FRI layer.
    pub fri_roots: Vec<D>,
    /// The hash of the FRI remainder.
    pub remainder_root: D,
    /// Main, auxiliary and composition columns at z.
    pub ood_current: Vec<E>,
    /// The same columns at z·g, g the generator of the trace domain.
    pub ood_next: Vec<E>,
    /// The coefficients of the FRI remainder, highest degree first.
    pub remainder: Vec<E>,
    /// The proof-of-work nonce. An honest prover takes the smallest one that will do, so that its bytes do not depend
    /// on scheduling; smallness itself is not verified, as that would cost the verifier the prover's work.
    pub pow_nonce: u64,
}

/// The opened rows and their Merkle siblings, at the sorted query positions without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Openings<E, D> {
    /// Rows of the main segment, concatenated.
    pub main_rows: Vec<Felt>,
    /// Siblings of the main rows.
    pub main_siblings: Vec<D>,
    /// Rows of the auxiliary segment, concatenated; empty without one.
    pub aux_rows: Vec<E>,
    /// Siblings of the auxiliary rows; empty without the segment.
    pub aux_siblings: Vec<D>,
    /// Rows of the constraint composition columns, concatenated.
    pub constraint_rows: Vec<E>,
    /// Siblings of the constraint rows.
    pub constraint_siblings: Vec<D>,
    /// One opening for each FRI layer.
    pub fri_layers: Vec<FriOpening<E, D>>,
}

/// What is opened of one FRI layer.
///
/// A layer's tree has one leaf for each row of `folding` values that fold into one. In every opened row the values at
/// queried positions follow from the rows of the trace (first layer) or from the previous layer, so only the others
/// are given. That makes the folding check a part of the Merkle check: there is no second copy of a value to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FriOpening<E, D> {
    /// The values that do not follow, by ascending row and then ascending place in the row.
    pub values: Vec<E>,
    /// Siblings of the rows.
    pub siblings: Vec<D>,
}
