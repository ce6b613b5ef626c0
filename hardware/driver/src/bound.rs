//! Cycles that jobs take at least: what a roof over lanes, hash and stream leaves.

use crate::accelerator::{Capabilities, Job};
use crate::registers::CAPABILITIES_HASH_BLAKE3;

impl Capabilities {
    /// Cycles of a job if its unit or a stream never waits: a word a cycle in each direction, a butterfly a cycle in each lane,
    /// a block of the hash every [`block_cycles`](Self::block_cycles).
    pub fn bound_cycles(&self, job: &Job) -> u64 {
        match job {
            Job::Transform { words, .. } => self.transform_cycles(words.len()),
            Job::TransformKept { log_size, .. } => self.transform_cycles(1 << log_size),
            Job::LoadShift { powers } => powers.len() as u64,
            Job::Tree { row_words, words } => {
                self.tree_cycles(words.len() / row_words.max(&1), *row_words)
            }
        }
    }

    /// Of a transform of `size` words.
    pub fn transform_cycles(&self, size: usize) -> u64 {
        let size = size as u64;
        let butterflies = size / 2 * u64::from(size.max(1).ilog2());
        butterflies.div_ceil(u64::from(self.lanes.max(1))).max(size)
    }

    /// Of a tree: a block for 8 words begun, with BLAKE3 one more above 128, and one for each two nodes. A node leaves as
    /// five words.
    pub fn tree_cycles(&self, rows: usize, row_words: usize) -> u64 {
        let chunks = u64::from(self.hash == CAPABILITIES_HASH_BLAKE3 && row_words > 128);
        let rows = rows as u64;
        let blocks = rows * ((row_words as u64).div_ceil(8) + chunks) + (rows - 1);
        let hashing = blocks * u64::from(self.block_cycles);
        hashing.max(rows * row_words as u64).max(5 * (2 * rows - 1))
    }
}
