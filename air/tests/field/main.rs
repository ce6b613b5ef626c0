//! The field held against naive wide-integer arithmetic, edge values first.
//!
//! A slip of the base field on one value in 2^32 is enough to forge proofs, and random tests never
//! meet it. So every operation runs over all pairs of the values at which a carry, a borrow or a
//! reduction changes its course, and then over mixtures of those with random words. Every run draws
//! the same words.

mod base;
mod encoding;
mod extension;
mod many;
mod oracle;
mod transform;
mod upstream;
