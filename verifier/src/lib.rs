//! Verification of Winterforge proofs: no proving code, no I/O, no threads, and no panic that a hostile byte can reach.

pub mod bundle;
pub mod challenge;
pub mod instance;
pub mod key;
pub mod lineage;
pub mod poseidon2;
pub mod security;
pub mod stark;
mod verify;

pub use verify::{BundleCheck, Leniency, Policy, Verified, VerifyError, verify, verify_with_key};
