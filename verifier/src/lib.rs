//! Verification of Winterforge proofs: no proving code, no I/O, no threads, and no panic that a hostile byte can reach.

pub mod bundle;
pub mod challenge;
pub mod instance;
pub mod key;
pub mod lineage;
mod policy;
pub mod poseidon2;
pub mod security;
pub mod stark;
mod verdict;
mod verify;

pub use policy::{BundleCheck, Leniency, Policy};
pub use verdict::{Verified, VerifyError};
pub use verify::{Verifier, verify, verify_with_key};
