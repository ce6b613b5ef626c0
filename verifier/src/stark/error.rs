//! Why a shard proof was rejected: one variant for each check, naming the place.

use thiserror::Error;

/// The reason a shard proof was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StarkError {
    /// The AIR asks for something this verifier does not do; the proof was not looked at.
    #[error("the shard's parameters are not supported: {0}")]
    UnsupportedParameters(&'static str),

    /// The public coin ran out of attempts to draw a challenge.
    #[error("the public coin yielded no challenge")]
    RandomCoin,

    /// The out-of-domain point is zero or lies where the polynomials were committed, so it tests nothing.
    #[error("the out-of-domain point lies in an evaluation domain")]
    OutOfDomainPoint,

    /// The proof ends before a value that the shard's parameters call for.
    #[error("the proof ends inside {what}, at byte {offset}")]
    Truncated {
        /// The value being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
    },

    /// A field element is encoded by a word that is not below the modulus.
    #[error("{what} has a non-canonical field element at byte {offset}")]
    NonCanonicalElement {
        /// The value being read.
        what: &'static str,
        /// Where the word starts.
        offset: usize,
    },

    /// A digest is not encoded by its own canonical bytes.
    #[error("{what} has a malformed digest at byte {offset}")]
    NonCanonicalDigest {
        /// The value being read.
        what: &'static str,
        /// Where the digest starts.
        offset: usize,
    },

    /// Bytes are left over after the last value.
    #[error("{surplus} bytes follow the proof, from byte {offset}")]
    TrailingBytes {
        /// Where the proof ends.
        offset: usize,
        /// How many bytes follow.
        surplus: usize,
    },

    /// The claimed trace values at the out-of-domain point do not satisfy the constraints.
    #[error("the constraints do not hold at the out-of-domain point")]
    OodMismatch,

    /// The FRI remainder has more or fewer coefficients than its degree bound calls for. Only a proof in winterfell's form
    /// can have that: ours has no length to get wrong.
    #[error("the FRI remainder has {found} coefficients, not {expected}")]
    RemainderDegree {
        /// One more than the degree bound.
        expected: usize,
        /// The number of coefficients.
        found: usize,
    },

    /// The FRI remainder is not the one that was committed to before the queries were drawn.
    #[error("the FRI remainder differs from its commitment")]
    FriRemainderCommitment,

    /// The nonce carries too little proof of work.
    #[error("the nonce has {found} bits of proof of work, {required} are required")]
    Grinding {
        /// Bits asked for by the options.
        required: u32,
        /// Bits the nonce has.
        found: u32,
    },

    /// The opened rows of the main segment are not those under its root.
    #[error("the opened main rows do not match the main root")]
    MainQueryMismatch,

    /// The opened rows of the auxiliary segment are not those under its root.
    #[error("the opened auxiliary rows do not match the auxiliary root")]
    AuxQueryMismatch,

    /// The opened rows of the constraint composition are not those under its root.
    #[error("the opened constraint rows do not match the constraint root")]
    ConstraintQueryMismatch,

    /// A FRI layer's rows, with the values that the previous layer determines, are not those under its root.
    #[error("FRI layer {layer} does not match its root")]
    FriLayerMismatch {
        /// The layer, counted from zero.
        layer: usize,
    },

    /// The last folding does not lie on the remainder polynomial.
    #[error("the last FRI folding does not lie on the remainder")]
    FriRemainderMismatch,

    /// A proof in winterfell's own form cannot be converted.
    #[error("the winterfell proof does not fit the shard: {0}")]
    Conversion(String),
}

impl StarkError {
    /// Whether the bytes are the encoding of no proof at all.
    pub fn is_undecodable(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. }
                | Self::NonCanonicalElement { .. }
                | Self::NonCanonicalDigest { .. }
                | Self::TrailingBytes { .. }
        )
    }
}
