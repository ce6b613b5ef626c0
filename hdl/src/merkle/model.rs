//! Merkle trees over rows of words, on integers.

use crate::blake3::model::{CHUNK_END, CHUNK_START, IV, Input, PARENT, ROOT, compress};
use crate::poseidon2::model as poseidon2;

/// A digest: four words, whose little-endian bytes are the hash.
pub type Digest = [u64; 4];

/// A hash of rows and of pairs.
#[derive(Clone, Copy, Debug)]
pub struct TreeHash {
    /// Digest of a row, 1 to 254 words.
    pub row: fn(&[u64]) -> Digest,
    /// Digest of two siblings.
    pub merge: fn(Digest, Digest) -> Digest,
    /// Blocks that the core hashes for a row of so many words; a merge is one.
    pub row_blocks: fn(u64) -> u64,
}

impl TreeHash {
    /// Blocks that the core hashes for a tree.
    pub fn blocks(&self, log_rows: u32, row_words: u64) -> u64 {
        let rows = 1u64 << log_rows;
        rows * (self.row_blocks)(row_words) + rows - 1
    }
}

/// BLAKE3 of little-endian bytes, as winterfell's `Blake3_256`.
pub const BLAKE3: TreeHash = TreeHash {
    row: blake3_words,
    merge: |left, right| blake3_words(&[left, right].concat()),
    row_blocks: |words| words.div_ceil(8) + u64::from(words > 128),
};

/// Poseidon2 as docs/poseidon2.md has it.
pub const POSEIDON2: TreeHash = TreeHash {
    row: poseidon2::hash,
    merge: poseidon2::merge,
    row_blocks: |words| words.div_ceil(poseidon2::RATE as u64),
};

/// The nodes of a tree over 2^n rows: node 1 is the root, the children of node i are 2i and 2i + 1, and
/// the last 2^n are the rows' digests. Node 0 is no node and zero.
///
/// # Panics
/// If the number of rows is no power of two.
pub fn nodes(hash: &TreeHash, rows: &[Vec<u64>]) -> Vec<Digest> {
    assert!(rows.len().is_power_of_two(), "{} rows", rows.len());
    let mut nodes = vec![Digest::default(); rows.len()];
    nodes.extend(rows.iter().map(|row| (hash.row)(row)));
    for node in (1..rows.len()).rev() {
        nodes[node] = (hash.merge)(nodes[2 * node], nodes[2 * node + 1]);
    }
    nodes
}

fn halves(words: &[u64]) -> Vec<u32> {
    let split = |&word: &u64| [word as u32, (word >> 32) as u32];
    words.iter().flat_map(split).collect()
}

/// BLAKE3 of up to two chunks.
fn blake3_words(words: &[u64]) -> Digest {
    let is_single = words.len() <= 128;
    let mut values: Vec<[u32; 8]> = Vec::new();
    for (counter, chunk) in words.chunks(128).enumerate() {
        let mut value = IV;
        for (place, part) in chunk.chunks(8).enumerate() {
            let mut block = halves(part);
            block.resize(16, 0);
            let mut flags = 0;
            if place == 0 {
                flags |= CHUNK_START;
            }
            if 8 * place + part.len() == chunk.len() {
                flags |= CHUNK_END;
                if is_single {
                    flags |= ROOT;
                }
            }
            value = compress(&Input {
                chaining_value: value,
                block: std::array::from_fn(|i| block[i]),
                counter: counter as u64,
                block_bytes: 8 * part.len() as u32,
                flags,
            });
        }
        values.push(value);
    }
    let root = match values[..] {
        [root] => root,
        [left, right] => compress(&Input {
            chaining_value: IV,
            block: std::array::from_fn(|i| if i < 8 { left[i] } else { right[i - 8] }),
            counter: 0,
            block_bytes: 64,
            flags: PARENT | ROOT,
        }),
        _ => panic!("a row of {} words", words.len()),
    };
    std::array::from_fn(|i| u64::from(root[2 * i]) | u64::from(root[2 * i + 1]) << 32)
}
