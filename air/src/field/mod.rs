//! The Goldilocks field, p = 2^64 - 2^32 + 1, and its extensions of degree two and three.
//!
//! [`Felt`] is the only base field of every trace, commitment and proof in this workspace. It
//! implements the field traits of `winter-math`, so the proof system runs over it unchanged, and it
//! has the generator, the roots of unity and the extension polynomials of that crate's own 64-bit
//! field, so words can be compared between the two. It is our own type for two reasons:
//!
//! - soundness: an arithmetic slip on a rare value is something a prover can search for, so every
//!   operation here is held against wide-integer arithmetic, edge values first (`air/tests/field`);
//! - representation: an element *is* its canonical 64-bit word. Rows are hashed without conversion,
//!   and hardware and other Goldilocks libraries hold the same words.
//!
//! | module | answers |
//! |---|---|
//! | `goldilocks` | how are words added, multiplied and inverted modulo p? |
//! | `wide` | how is a sum of products reduced once? |
//! | `felt` | what is the element type, what are its operators and conversions? |
//! | `traits` | how does it serve the proof system, and how is it encoded? |
//! | `extension` | how do the extensions multiply, and how is an element split over its basis? |
//! | `distances` | how are many reciprocals and powers found at once? |
//!
//! Nothing here is constant-time: the proofs of this workspace are not zero-knowledge, and no
//! operand is a key.

mod distances;
mod extension;
mod felt;
mod goldilocks;
mod traits;
mod wide;

pub use distances::{Distances, invert, powers};
pub use extension::{
    Cube, Quad, basis, basis_coefficients, from_basis_coefficients, sum_of_products,
};
pub use felt::{Felt, NotCanonical};
pub use wide::WideSum;
