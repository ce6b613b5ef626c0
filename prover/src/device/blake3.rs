//! BLAKE3 of many messages at once, one in each lane of a vector.
//!
//! The function is that of the BLAKE3 paper (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020), hash mode, so digests are
//! those of any other implementation. Messages are rows of a matrix of field elements held by columns, eight bytes an
//! element, little-endian, which is what the proof system hashes, or pairs of digests. Words of a column are words of
//! the lanes already, so rows are never put together.

use winterforge_air::field::Felt;

use crate::simd::{Isa, Kernel, Level, Words, run};

/// A digest as words.
pub type Digest = [u32; 8];

const IV: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;

const ROUNDS: usize = 7;
/// The order of message words in each round.
const SCHEDULE: [[usize; 16]; ROUNDS] = {
    let permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; ROUNDS];
    let mut round = 1;
    while round < ROUNDS {
        let mut word = 0;
        while word < 16 {
            schedule[round][word] = schedule[round - 1][permutation[word]];
            word += 1;
        }
        round += 1;
    }
    schedule
};

/// Elements in a block of 64 bytes.
const BLOCK_ELEMENTS: usize = 8;
/// Elements in a chunk of 1024 bytes.
const CHUNK_ELEMENTS: usize = 128;

/// How many messages ahead their cells are asked for: one is too late, and four do not fit into the first cache.
const AHEAD: usize = 2;

/// The lanes of a kernel at this level: how many messages it hashes at once.
pub fn lanes(level: Level) -> usize {
    struct Width;
    impl Kernel for Width {
        type Output = usize;
        #[inline(always)]
        fn run<I: Isa>(self) -> usize {
            I::Words::WIDTH
        }
    }
    run(level, Width)
}

/// Hashes rows `first..first + digests.len()` of a matrix given by its columns.
///
/// # Panics
/// If a column ends before the last row.
pub fn hash_rows(level: Level, columns: &[&[Felt]], first: usize, digests: &mut [Digest]) {
    run(
        level,
        HashRows {
            columns,
            first,
            digests,
        },
    );
}

/// Hashes pairs of digests: parents in a Merkle tree.
///
/// # Panics
/// If there are not two children for each parent.
pub fn hash_pairs(level: Level, children: &[Digest], parents: &mut [Digest]) {
    assert_eq!(children.len(), 2 * parents.len());
    run(level, HashPairs { children, parents });
}

/// The first nonce in `first..first + count` for which the digest of `seed` and the nonce, eight bytes, begins with a
/// little-endian 64-bit word that `bits` zeros end.
pub fn find_nonce(level: Level, seed: &Digest, bits: u32, first: u64, count: u64) -> Option<u64> {
    run(
        level,
        FindNonce {
            seed,
            bits,
            first,
            count,
        },
    )
}

/// One compression: the chaining value, not its extension.
#[inline(always)]
fn compress<W: Words>(
    chaining: [W; 8],
    message: &[W; 16],
    counter: u64,
    length: u32,
    flags: u32,
) -> [W; 8] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = chaining;
    let constant = |word: u32| W::splat(word);
    let mut v = [
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        constant(IV[0]),
        constant(IV[1]),
        constant(IV[2]),
        constant(IV[3]),
        constant(counter as u32),
        constant((counter >> 32) as u32),
        constant(length),
        constant(flags),
    ];
    // The four mixes of half a round go side by side: each is a chain in which every step waits for the last.
    macro_rules! each {
        ($(($a:tt, $b:tt, $c:tt, $d:tt)),*; $order:expr) => {
            each!(@add $(($a, $b)),*; $order, 0);
            $(v[$d] = v[$d].xor(v[$a]);)*
            $(v[$d] = v[$d].rotate_right::<16>();)*
            $(v[$c] = v[$c].add(v[$d]);)*
            $(v[$b] = v[$b].xor(v[$c]);)*
            $(v[$b] = v[$b].rotate_right::<12>();)*
            each!(@add $(($a, $b)),*; $order, 1);
            $(v[$d] = v[$d].xor(v[$a]);)*
            $(v[$d] = v[$d].rotate_right::<8>();)*
            $(v[$c] = v[$c].add(v[$d]);)*
            $(v[$b] = v[$b].xor(v[$c]);)*
            $(v[$b] = v[$b].rotate_right::<7>();)*
        };
        (@add $(($a:tt, $b:tt)),*; $order:expr, $word:expr) => {
            // Row 0 of the state is the first of every mix.
            $(v[$a] = v[$a].add(message[$order[2 * $a + $word]]);)*
            $(v[$a] = v[$a].add(v[$b]);)*
        };
    }
    macro_rules! round {
        ($($round:expr),*) => {
            $(
                each!((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15); SCHEDULE[$round][..8]);
                each!((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14); SCHEDULE[$round][8..]);
            )*
        };
    }
    round!(0, 1, 2, 3, 4, 5, 6);
    std::array::from_fn(|word| v[word].xor(v[word + 8]))
}

#[inline(always)]
fn iv<W: Words>() -> [W; 8] {
    std::array::from_fn(|word| W::splat(IV[word]))
}

/// Writes one digest a lane, as many as there is room for.
#[inline(always)]
fn store_digests<W: Words>(words: [W; 8], digests: &mut [Digest]) {
    let mut square = [W::splat(0); 16];
    square[..8].copy_from_slice(&words);
    W::transpose(&mut square[..W::WIDTH]);
    let mut row = [0; 16];
    for (digest, words) in digests.iter_mut().zip(&square[..W::WIDTH]) {
        words.store(&mut row);
        digest.copy_from_slice(&row[..8]);
    }
}

struct HashRows<'a> {
    columns: &'a [&'a [Felt]],
    first: usize,
    digests: &'a mut [Digest],
}

impl Kernel for HashRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Words::WIDTH;
        for (group, digests) in self.digests.chunks_mut(width).enumerate() {
            let row = self.first + group * width;
            let words = if digests.len() == width {
                message_digest::<I::Words>(self.columns, row)
            } else {
                // Too few rows for the lanes: the rest hash zeros.
                let padded: Vec<Felt> = (self.columns.iter())
                    .flat_map(|column| {
                        let cells = &column[row..row + digests.len()];
                        let zeros = std::iter::repeat(Felt::new(0));
                        cells.iter().copied().chain(zeros).take(width)
                    })
                    .collect();
                let columns: Vec<&[Felt]> = padded.chunks(width).collect();
                message_digest::<I::Words>(&columns, 0)
            };
            store_digests(words, digests);
        }
    }
}

/// The digests of as many rows as there are lanes.
#[inline(always)]
fn message_digest<W: Words>(columns: &[&[Felt]], row: usize) -> [W; 8] {
    let chunks = columns.len().div_ceil(CHUNK_ELEMENTS).max(1);
    if chunks == 1 {
        return chunk::<W>(columns, row, 0, ROOT);
    }
    // The chaining values of complete subtrees, the largest first; a subtree is complete once as many chunks are behind
    // it as its own number of trailing zeros says.
    let mut stack: Vec<[W; 8]> = Vec::with_capacity(8);
    for (index, columns) in columns.chunks(CHUNK_ELEMENTS).enumerate() {
        let mut value = chunk::<W>(columns, row, index as u64, 0);
        let is_last = index + 1 == chunks;
        let merges = if is_last {
            stack.len() as u32
        } else {
            (index + 1).trailing_zeros()
        };
        for merge in 1..=merges {
            if let Some(left) = stack.pop() {
                let root = if is_last && merge == merges { ROOT } else { 0 };
                value = parent(left, value, root);
            }
        }
        stack.push(value);
    }
    stack.pop().unwrap_or_else(iv)
}

/// The chaining values of one chunk in each lane.
#[inline(always)]
fn chunk<W: Words>(columns: &[&[Felt]], row: usize, counter: u64, root: u32) -> [W; 8] {
    let blocks = columns.len().div_ceil(BLOCK_ELEMENTS).max(1);
    let mut value = iv();
    for block in 0..blocks {
        let rest = &columns[block * BLOCK_ELEMENTS..];
        let elements = rest.len().min(BLOCK_ELEMENTS);
        let mut message = [W::splat(0); 16];
        for (words, column) in message.chunks_exact_mut(2).zip(&rest[..elements]) {
            words.copy_from_slice(&W::halves(&column[row..]));
            // As many columns are more streams than a processor follows by itself.
            if let Some(ahead) = column.get(row + AHEAD * W::WIDTH..) {
                W::prefetch(ahead);
            }
        }
        let mut flags = 0;
        if block == 0 {
            flags |= CHUNK_START;
        }
        if block + 1 == blocks {
            flags |= CHUNK_END | root;
        }
        value = compress(value, &message, counter, 8 * elements as u32, flags);
    }
    value
}

#[inline(always)]
fn parent<W: Words>(left: [W; 8], right: [W; 8], root: u32) -> [W; 8] {
    let mut message = [W::splat(0); 16];
    message[..8].copy_from_slice(&left);
    message[8..].copy_from_slice(&right);
    compress(iv(), &message, 0, 64, PARENT | root)
}

struct HashPairs<'a> {
    children: &'a [Digest],
    parents: &'a mut [Digest],
}

impl Kernel for HashPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Words::WIDTH;
        let groups = self
            .parents
            .chunks_mut(width)
            .zip(self.children.chunks(2 * width));
        for (parents, children) in groups {
            let mut message = [I::Words::splat(0); 16];
            // Squares of words: rows are messages, then words.
            for (square, rows) in message.chunks_mut(width).enumerate() {
                for (lane, words) in rows.iter_mut().enumerate() {
                    let mut pair = [0; 16];
                    if let Some([left, right]) = children.get(2 * lane..2 * lane + 2) {
                        pair[..8].copy_from_slice(left);
                        pair[8..].copy_from_slice(right);
                    }
                    *words = I::Words::load(&pair[square * width..]);
                }
                I::Words::transpose(rows);
            }
            let flags = CHUNK_START | CHUNK_END | ROOT;
            store_digests(compress(iv(), &message, 0, 64, flags), parents);
        }
    }
}

struct FindNonce<'a> {
    seed: &'a Digest,
    bits: u32,
    first: u64,
    count: u64,
}

impl Kernel for FindNonce<'_> {
    type Output = Option<u64>;

    #[inline(always)]
    fn run<I: Isa>(self) -> Option<u64> {
        let width = I::Words::WIDTH;
        let mut message = [I::Words::splat(0); 16];
        for (words, &word) in message.iter_mut().zip(self.seed) {
            *words = I::Words::splat(word);
        }
        let flags = CHUNK_START | CHUNK_END | ROOT;
        let mask = if self.bits >= 64 {
            u64::MAX
        } else {
            (1 << self.bits) - 1
        };
        let (mut low, mut high) = ([0; 16], [0; 16]);
        let end = self.first.saturating_add(self.count);
        let mut nonce = self.first;
        while nonce < end {
            for (lane, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                let nonce = nonce.wrapping_add(lane as u64);
                (*low, *high) = (nonce as u32, (nonce >> 32) as u32);
            }
            message[8] = I::Words::load(&low);
            message[9] = I::Words::load(&high);
            let digest = compress(iv(), &message, 0, 40, flags);
            digest[0].store(&mut low);
            digest[1].store(&mut high);
            let heads = low.iter().zip(&high).take(width);
            let found = heads
                .map(|(&low, &high)| u64::from(low) | u64::from(high) << 32)
                .position(|head| head & mask == 0);
            if let Some(lane) = found {
                return Some(nonce + lane as u64).filter(|&nonce| nonce < end);
            }
            nonce = nonce.saturating_add(width as u64);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use winter_crypto::{Digest as _, ElementHasher, Hasher, hashers::Blake3_256};

    use super::*;

    type Reference = Blake3_256<Felt>;

    fn as_bytes(digest: &Digest) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(digest) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn cell(row: usize, column: usize) -> Felt {
        Felt::new(((row * 1000 + column + 1) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn rows_of_every_width_hash_like_winterfell() {
        // Part of a block, whole blocks, whole chunks, and trees of chunks of every shape.
        let widths = (1..=20).chain([
            64, 127, 128, 129, 191, 256, 257, 384, 385, 512, 640, 700, 1025,
        ]);
        for width in widths {
            let rows = 37;
            let cells: Vec<Vec<Felt>> = (0..width)
                .map(|column| (0..rows).map(|row| cell(row, column)).collect())
                .collect();
            let columns: Vec<&[Felt]> = cells.iter().map(Vec::as_slice).collect();
            for &level in Level::available() {
                let mut digests = vec![[0; 8]; rows - 3];
                hash_rows(level, &columns, 3, &mut digests);
                for (index, digest) in digests.iter().enumerate() {
                    let row: Vec<Felt> = (0..width).map(|column| cell(index + 3, column)).collect();
                    let want = Reference::hash_elements(&row).as_bytes();
                    assert_eq!(
                        as_bytes(digest),
                        want,
                        "{level:?}, width {width}, row {index}"
                    );
                }
            }
        }
    }

    #[test]
    fn pairs_merge_like_winterfell() {
        let leaves: Vec<_> = (0..74u8).map(|i| Reference::hash(&[i])).collect();
        let words = |bytes: [u8; 32]| -> Digest {
            std::array::from_fn(|i| {
                u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * i + byte]))
            })
        };
        let children: Vec<Digest> = leaves.iter().map(|leaf| words(leaf.as_bytes())).collect();
        for &level in Level::available() {
            for count in [1, 7, 8, 16, 37] {
                let mut parents = vec![[0; 8]; count];
                hash_pairs(level, &children[..2 * count], &mut parents);
                for (parent, pair) in parents.iter().zip(leaves.chunks(2)) {
                    let want = Reference::merge(&[pair[0], pair[1]]).as_bytes();
                    assert_eq!(as_bytes(parent), want, "{level:?}, {count} pairs");
                }
            }
        }
    }

    #[test]
    fn the_smallest_nonce_is_found() {
        let seed = Reference::hash(b"seed");
        let bytes = seed.as_bytes();
        let words: Digest = std::array::from_fn(|i| {
            u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * i + byte]))
        });
        let work = |nonce: u64| {
            let digest = Reference::merge_with_int(seed, nonce).as_bytes();
            let head: [u8; 8] = std::array::from_fn(|i| digest[i]);
            u64::from_le_bytes(head).trailing_zeros()
        };
        for &level in Level::available() {
            for bits in [0, 1, 5, 9] {
                for first in [0, 1, 13, 1 << 32, (1 << 32) - 5] {
                    let want = (first..first + 300).find(|&nonce| work(nonce) >= bits);
                    let got = find_nonce(level, &words, bits, first, 300);
                    assert_eq!(got, want, "{level:?}, {bits} bits from {first}");
                }
            }
        }
    }
}
