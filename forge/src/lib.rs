//! The forger's bench: a prover that lies at every stage, and the attacks that must fail.
//!
//! Test support only; nothing in a release depends on it. [`forger`] is the prover's orchestration in stages that can
//! be overwritten, [`stark`] a second implementation of the proof itself, [`trust`] a verifier that takes the prover's
//! word where asked. [`attacks`] lists the forgeries: each names the one check that stops it, and must be accepted by
//! a verifier without that check.

pub mod attack;
pub mod attacks;
pub mod attention;
pub mod case;
pub mod equations;
pub mod forger;
pub mod fri;
pub mod lattice;
pub mod low_degree;
pub mod merkle;
pub mod nets;
pub mod operators;
pub mod parameters;
pub mod pointwise;
pub mod stark;
pub mod survivors;
pub mod trust;
