//! Fuzz targets: every decoder of this project as a plain function of bytes, and what feeds them.
//!
//! A target must come back, whatever it is given: no panic, no endless loop, no more memory than [`MAX_BYTES`]. What it
//! accepts it checks: an accepted file has one encoding, is valid, and can be used.
//!
//! The same functions run on stable Rust (`src/main.rs`: mutations of the files in `seeds/`, by a seeded generator) and
//! under libFuzzer (`cargo-fuzz/`). docs/fuzzing.md has the commands and what came of them.

pub mod memory;
pub mod mutate;
mod registers;
pub mod run;
pub mod seeds;
pub mod targets;
mod uart;

pub use targets::{Outcome, TARGETS, Target, target};

/// Bytes that a decoder may hold at once for a file of up to a kilobyte, and, beside [`BYTES_EACH`] for each byte, for any.
pub const MAX_BYTES: usize = 64 << 20;

/// Bytes of memory for each byte of a larger file.
pub const BYTES_EACH: usize = 1 << 10;

/// Bytes that a decoder may hold at once for a file of this length.
pub fn allowance(file_bytes: usize) -> usize {
    MAX_BYTES + BYTES_EACH * file_bytes.saturating_sub(1 << 10)
}
