//! How much a verified bundle proves: the soundness ledger, and the proof options that follow from it.
//!
//! [`account`] lists the error of every round of the protocol and takes the minimum; [`proof_options`]
//! gives the options of a level and a profile. Everything that decides is integer arithmetic
//! ([`Bits`], rounded against us), so a verdict does not depend on the machine. The text is
//! `docs/soundness.md`.
//!
//! Sources: eprint 2024/1553 (Theorems 2 and 3: round-by-round soundness in list and unique decoding),
//! 2020/654 (proximity gaps up to the Johnson bound), 2022/1216 (batched FRI, DEEP-ALI), 2021/582
//! (ethSTARK). The conjecture that FRI is sound up to capacity is not used.

mod account;
mod bound;
mod ledger;
mod parameters;
mod profile;
mod regime;
mod table;

pub use account::account;
pub use bound::{Bits, Bound};
pub use ledger::{Entry, Ledger, RegimeLedger, Scope};
pub use parameters::{Coupling, JointParameters, ShardParameters};
pub use profile::{
    COLLISION_BITS, FOLDING_FACTOR, GRINDING_BITS, MAX_QUERIES, MAX_TRACE_LENGTH_LOG2,
    MIN_TRACE_LENGTH_LOG2, Profile, REMAINDER_MAX_DEGREE, SecurityError, SecurityLevel,
    minimum_queries, proof_options, proof_options_for, reference_load,
};
pub use regime::Regime;
