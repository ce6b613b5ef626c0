//! Security levels, proof profiles and the pinned numbers of queries.
//!
//! The prover and the verifier derive [`ProofOptions`] from a level and a profile and must get the
//! same ones, today and in a later release: the numbers are a table in code, not a computation. A test
//! derives the table again from the accounting. Whether a *bundle* reaches a level is still decided by
//! [`account`] on its real shards, never by the table.

use std::fmt;

use winter_air::{BatchingMethod, FieldExtension, ProofOptions};

use super::{
    account::account,
    bound::Bits,
    parameters::{Coupling, JointParameters, ShardParameters},
    table::pinned_queries,
};

/// Collision resistance of either hash with its full digest, of 256 bits or of four field elements.
pub const COLLISION_BITS: u32 = 128;

/// Leading zero bits each shard grinds for before its queries are drawn.
pub const GRINDING_BITS: u32 = 20;

/// Folding factor of FRI.
pub const FOLDING_FACTOR: usize = 8;

/// Largest degree of the FRI remainder, the most that winterfell allows.
///
/// 255 rather than 127 takes one layer off FRI when the trace length is 2^(8 + 3i): 256 coefficients
/// (6 KiB) replace a layer of at least 13 KiB. At other lengths the two give the same proof.
pub const REMAINDER_MAX_DEGREE: usize = 255;

/// Most queries that fit winterfell's encoding.
pub const MAX_QUERIES: u32 = 255;

/// Least base-2 logarithm of a trace length with pinned options.
pub const MIN_TRACE_LENGTH_LOG2: u32 = 6;

/// Greatest base-2 logarithm of a trace length with pinned options.
pub const MAX_TRACE_LENGTH_LOG2: u32 = 22;

/// A proven security level on offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityLevel {
    /// 100 bits, the default.
    #[default]
    Bits100,
    /// 128 bits: every round, and the collision resistance of the hash.
    Bits128,
}

impl SecurityLevel {
    /// The level in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits100 => 100,
            Self::Bits128 => 128,
        }
    }

    /// What the pinned options reach in every round: a quarter of a bit more than promised, so that a
    /// larger joint check or a longer table does not push a bundle below the level.
    pub const fn target(self) -> Bits {
        Bits::with_quarters(self.bits(), 1)
    }
}

/// What a proof is tuned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Blowup 4: half the prover's work of [`Profile::Balanced`], larger proofs. Constraints of degree
    /// at most 5.
    Fast,
    /// Blowup 8.
    #[default]
    Balanced,
    /// Blowup 16: the smallest proofs, twice the prover's work.
    Small,
}

impl Profile {
    /// The blowup factor.
    pub const fn blowup(self) -> usize {
        match self {
            Self::Fast => 4,
            Self::Balanced => 8,
            Self::Small => 16,
        }
    }

    /// What it is called on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Small => "small",
        }
    }
}

/// Why no options could be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityError {
    /// The trace length is outside of the pinned table.
    TraceLength {
        /// Its base-2 logarithm.
        log2: u32,
    },
    /// No number of queries reaches the level: the extension field is too small for this proof.
    Unreachable {
        /// The level asked for.
        level: SecurityLevel,
        /// The extension asked for.
        extension: FieldExtension,
    },
}

impl fmt::Display for SecurityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TraceLength { log2 } => write!(
                f,
                "no options are pinned for traces of 2^{log2} rows (2^{MIN_TRACE_LENGTH_LOG2} to 2^{MAX_TRACE_LENGTH_LOG2} are)"
            ),
            Self::Unreachable { level, extension } => write!(
                f,
                "{} proven bits are out of reach over the extension of degree {}: use the cubic extension, a shorter trace or fewer shards",
                level.bits(),
                extension.degree()
            ),
        }
    }
}

impl std::error::Error for SecurityError {}

/// The pinned options of a level and a profile for traces of up to `2^max_trace_length_log2` rows.
///
/// They hold for one shard and for up to 64 that are linked pairwise, see [`reference_load`]; a bundle
/// whose shards share one total, or that uses the quadratic extension, takes [`proof_options_for`].
///
/// # Errors
/// If the length is outside of the table or the level cannot be reached with this extension.
pub fn proof_options(
    level: SecurityLevel,
    profile: Profile,
    extension: FieldExtension,
    max_trace_length_log2: u32,
) -> Result<ProofOptions, SecurityError> {
    if !(MIN_TRACE_LENGTH_LOG2..=MAX_TRACE_LENGTH_LOG2).contains(&max_trace_length_log2) {
        return Err(SecurityError::TraceLength {
            log2: max_trace_length_log2,
        });
    }
    pinned_queries(level, profile, extension, max_trace_length_log2)
        .map(|queries| options_with(profile, extension, queries))
        .ok_or(SecurityError::Unreachable { level, extension })
}

/// Options for real shards: the pinned ones if the ledger of these shards passes with them, else the
/// smallest number of queries above them that makes it pass.
///
/// # Errors
/// As for [`proof_options`]; [`SecurityError::Unreachable`] also if 255 queries do not suffice.
pub fn proof_options_for(
    level: SecurityLevel,
    profile: Profile,
    extension: FieldExtension,
    shards: &[ShardParameters],
    joint: &JointParameters,
) -> Result<ProofOptions, SecurityError> {
    let longest = shards
        .iter()
        .map(|shard| shard.trace_length)
        .max()
        .unwrap_or(0);
    // Rounded up without `next_power_of_two`, which overflows on hostile lengths.
    let log2 = (u64::BITS - longest.saturating_sub(1).leading_zeros()).max(MIN_TRACE_LENGTH_LOG2);
    let pinned = proof_options(level, profile, extension, log2)?;
    let from = pinned.num_queries() as u32;
    let target = Bits::whole(level.bits());
    minimum_queries(profile, extension, target, from, shards, joint)
        .map(|queries| options_with(profile, extension, queries))
        .ok_or(SecurityError::Unreachable { level, extension })
}

/// The smallest number of queries, at least `from`, with which every round reaches `target`.
///
/// Bisection is right because more queries never make a round worse.
pub fn minimum_queries(
    profile: Profile,
    extension: FieldExtension,
    target: Bits,
    from: u32,
    shards: &[ShardParameters],
    joint: &JointParameters,
) -> Option<u32> {
    let passes = |queries: u32| {
        let options = options_with(profile, extension, queries);
        account(shards, joint, &options, COLLISION_BITS).weakest_round() >= target
    };
    let (mut low, mut high) = (from.max(1), MAX_QUERIES);
    if low > high || !passes(high) {
        return None;
    }
    while low < high {
        let middle = low.midpoint(high);
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// The shards and the joint check that the table is pinned for.
///
/// With the cubic extension: 64 shards of full width, linked pairwise, 2^24 linear equations, 2^28
/// lookups and 2^16 claimed values. With the quadratic extension, which a large joint check rules out anyway: one shard and a
/// small model.
pub fn reference_load(
    extension: FieldExtension,
    trace_length_log2: u32,
) -> (Vec<ShardParameters>, JointParameters) {
    let shard = ShardParameters {
        trace_length: 1 << trace_length_log2,
        main_width: 190,
        aux_width: 64,
        num_constraints: 4096,
        num_composition_columns: 4,
    };
    let large = JointParameters {
        linear_equations: 1 << 24,
        lookups: 1 << 28,
        table_rows: 1 << 20,
        tuple_degree: 4,
        claimed_values: 1 << 16,
        coupling: Coupling::Pairwise,
        parameter_shards: 0,
    };
    let small = JointParameters {
        linear_equations: 1 << 10,
        lookups: 1 << 16,
        table_rows: 1 << 10,
        claimed_values: 1 << 10,
        ..large
    };
    match extension {
        FieldExtension::Cubic => (vec![shard; 64], large),
        FieldExtension::None | FieldExtension::Quadratic => (vec![shard], small),
    }
}

fn options_with(profile: Profile, extension: FieldExtension, queries: u32) -> ProofOptions {
    ProofOptions::new(
        queries as usize,
        profile.blowup(),
        GRINDING_BITS,
        extension,
        FOLDING_FACTOR,
        REMAINDER_MAX_DEGREE,
        BatchingMethod::Linear,
        BatchingMethod::Linear,
    )
}
