//! The STARK loop against proofs made by winterfell's prover: honest ones, damaged ones and forged ones.

mod airs;
mod forged;
mod honest;
mod lagrange;
mod masks;
mod mutation;
mod prove;
