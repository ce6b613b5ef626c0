//! BLAKE3's compression function on integers, from the BLAKE3 paper (O'Connor, Aumasson, Neves,
//! Wilcox-O'Hearn), section 2.2.

/// First block of a chunk.
pub const CHUNK_START: u32 = 1;
/// Last block of a chunk.
pub const CHUNK_END: u32 = 2;
/// A block of two chaining values.
pub const PARENT: u32 = 4;
/// The last compression of a hash.
pub const ROOT: u32 = 8;

/// The initial chaining value of an unkeyed hash.
pub const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Word i of the next round's message is word `PERMUTATION[i]` of this round's.
pub const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// Rounds of a compression.
pub const ROUNDS: usize = 7;

/// What a compression takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// The chaining value before it.
    pub chaining_value: [u32; 8],
    /// The message, little-endian.
    pub block: [u32; 16],
    /// Number of the chunk, or 0 for a parent.
    pub counter: u64,
    /// Bytes of the block that count.
    pub block_bytes: u32,
    /// [`CHUNK_START`] and the others.
    pub flags: u32,
}

/// The chaining value after a block; of the last block the first 32 bytes of the hash.
pub fn compress(input: &Input) -> [u32; 8] {
    let mut v = [0; 16];
    v[..8].copy_from_slice(&input.chaining_value);
    v[8..12].copy_from_slice(&IV[..4]);
    v[12] = input.counter as u32;
    v[13] = (input.counter >> 32) as u32;
    v[14] = input.block_bytes;
    v[15] = input.flags;
    let mut m = input.block;
    for _ in 0..ROUNDS {
        for column in 0..4 {
            let [x, y] = [m[2 * column], m[2 * column + 1]];
            mix(&mut v, [column, 4 + column, 8 + column, 12 + column], x, y);
        }
        for diagonal in 0..4 {
            let [x, y] = [m[8 + 2 * diagonal], m[9 + 2 * diagonal]];
            let at = |row: usize| 4 * row + (diagonal + row) % 4;
            mix(&mut v, [at(0), at(1), at(2), at(3)], x, y);
        }
        m = PERMUTATION.map(|from| m[from]);
    }
    std::array::from_fn(|i| v[i] ^ v[i + 8])
}

/// The quarter-round G.
fn mix(v: &mut [u32; 16], [a, b, c, d]: [usize; 4], x: u32, y: u32) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(12);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(8);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(7);
}
