//! Poseidon2 of many messages at once, one in each lane of a vector.
//!
//! The functions are those of `winterforge_verifier::poseidon2`, which docs/poseidon2.md specifies. Columns of a matrix
//! are words of the lanes already, so rows are never put together.

use winterforge_air::algebra::Algebra;
use winterforge_air::field::Felt;
use winterforge_verifier::poseidon2::{
    DIGEST_WORDS, Domain, HALF_FULL_ROUNDS, PARTIAL_ROUNDS, RATE, ROUND_CONSTANTS, WIDTH,
    integer_words,
};

use super::Digest;
use crate::simd::{Isa, Kernel, Lanes, Level, run};

/// The most elements that a vector holds.
const MAX_LANES: usize = 8;

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

/// The first nonce in `first..first + count` for which the digest of `seed` and the nonce begins with a word that `bits`
/// zeros end.
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

/// Permutes states in place, as many at a time as there are lanes.
pub fn permute(level: Level, states: &mut [[Felt; WIDTH]]) {
    run(level, Permute { states });
}

type State<F> = [F; WIDTH];

/// The round constants, negated: taking one off costs less than adding one.
struct Negated {
    initial: [[Felt; WIDTH]; HALF_FULL_ROUNDS],
    partial: [Felt; PARTIAL_ROUNDS],
    terminal: [[Felt; WIDTH]; HALF_FULL_ROUNDS],
}

static NEGATED: Negated = {
    let mut negated = Negated {
        initial: ROUND_CONSTANTS.initial,
        partial: ROUND_CONSTANTS.partial,
        terminal: ROUND_CONSTANTS.terminal,
    };
    let mut index = 0;
    while index < HALF_FULL_ROUNDS * WIDTH {
        let (round, word) = (index / WIDTH, index % WIDTH);
        negated.initial[round][word] = negative(negated.initial[round][word]);
        negated.terminal[round][word] = negative(negated.terminal[round][word]);
        index += 1;
    }
    let mut round = 0;
    while round < PARTIAL_ROUNDS {
        negated.partial[round] = negative(negated.partial[round]);
        round += 1;
    }
    negated
};

const fn negative(constant: Felt) -> Felt {
    Felt::new(Felt::ORDER - constant.as_word())
}

#[inline(always)]
fn permute_lanes<F: Lanes>(state: &mut State<F>) {
    external(state);
    for constants in &NEGATED.initial {
        full_round(state, constants);
    }
    for &constant in &NEGATED.partial {
        internal(state, constant);
    }
    for constants in &NEGATED.terminal {
        full_round(state, constants);
    }
}

#[inline(always)]
fn full_round<F: Lanes>(state: &mut State<F>, negated: &[Felt; WIDTH]) {
    for (word, &constant) in state.iter_mut().zip(negated) {
        *word = seventh_power(*word - F::splat(constant));
    }
    external(state);
}

#[inline(always)]
fn seventh_power<F: Lanes>(x: F) -> F {
    let square = x.square();
    (square * x) * square.square()
}

/// M_E times the state.
#[inline(always)]
fn external<F: Lanes>(state: &mut State<F>) {
    for block in state.chunks_exact_mut(4) {
        let [a, b, c, d] = [block[0], block[1], block[2], block[3]];
        let (ab, cd) = (a + b, c + d);
        let sum = ab + cd;
        let (sum_b, sum_d) = (sum + b, sum + d);
        block[0] = sum_b + ab;
        block[1] = sum_b + c.twice();
        block[2] = sum_d + cd;
        block[3] = sum_d + a.twice();
    }
    let sums: [F; 4] = std::array::from_fn(|i| state[i] + state[4 + i] + state[8 + i]);
    for (i, word) in state.iter_mut().enumerate() {
        *word += sums[i % 4];
    }
}

/// A partial round: the S-box on word 0, then M_I times the state.
#[inline(always)]
fn internal<F: Lanes>(state: &mut State<F>, negated: Felt) {
    let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11] = *state;
    // All that does not wait for the S-box.
    let rest = ((s1 + s2) + (s3 + s4)) + ((s5 + s6) + (s7 + s8)) + ((s9 + s10) + s11);
    let s0 = seventh_power(s0 - F::splat(negated));
    let sum = rest + s0;
    let [half3, half6] = [s3.half(), s6.half()];
    let [quarter9, quarter10] = [s9.half().half(), s10.half().half()];
    *state = [
        rest - s0,
        sum + s1,
        sum + s2.twice(),
        sum + half3,
        sum + (s4.twice() + s4),
        sum + s5.twice().twice(),
        sum - half6,
        sum - (s7.twice() + s7),
        sum - s8.twice().twice(),
        sum + quarter9,
        sum - quarter10,
        sum + s11.half().half().half(),
    ];
}

/// States before the first block.
#[inline(always)]
fn start<F: Lanes>(domain: Domain, length: usize) -> State<F> {
    let mut state = [F::zero(); WIDTH];
    for (word, value) in state[RATE..].iter_mut().zip(domain.capacity(length)) {
        *word = F::splat(value);
    }
    state
}

/// Writes one digest a lane, as many as there is room for.
#[inline(always)]
fn store_digests<F: Lanes>(state: &State<F>, digests: &mut [Digest]) {
    let mut words = [[Felt::new(0); MAX_LANES]; DIGEST_WORDS];
    for (words, lanes) in words.iter_mut().zip(state) {
        lanes.store(words);
    }
    for (lane, digest) in digests.iter_mut().enumerate().take(F::WIDTH) {
        for (halves, words) in digest.chunks_exact_mut(2).zip(&words) {
            let word = words[lane].as_word();
            halves[0] = word as u32;
            halves[1] = (word >> 32) as u32;
        }
    }
}

/// The words of a digest. Devices hand out canonical words; others are reduced.
#[inline(always)]
fn digest_words(digest: &Digest) -> [Felt; DIGEST_WORDS] {
    std::array::from_fn(|word| {
        Felt::new(u64::from(digest[2 * word]) | u64::from(digest[2 * word + 1]) << 32)
    })
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
        let width = I::Field::WIDTH;
        for (group, digests) in self.digests.chunks_mut(width).enumerate() {
            let row = self.first + group * width;
            let mut state = start::<I::Field>(Domain::Elements, self.columns.len());
            for block in self.columns.chunks(RATE) {
                for (index, word) in state[..RATE].iter_mut().enumerate() {
                    *word = match block.get(index) {
                        Some(column) => load::<I::Field>(column, row, digests.len()),
                        None => I::Field::zero(),
                    };
                }
                permute_lanes(&mut state);
            }
            if self.columns.is_empty() {
                permute_lanes(&mut state);
            }
            store_digests(&state, digests);
        }
    }
}

/// Rows from `row` on, `count` of them or as many as there are lanes; lanes without a row hold zeros.
#[inline(always)]
fn load<F: Lanes>(column: &[Felt], row: usize, count: usize) -> F {
    if count >= F::WIDTH {
        return F::load(&column[row..]);
    }
    let mut cells = [Felt::new(0); MAX_LANES];
    cells[..count].copy_from_slice(&column[row..row + count]);
    F::load(&cells)
}

struct HashPairs<'a> {
    children: &'a [Digest],
    parents: &'a mut [Digest],
}

impl Kernel for HashPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        let groups = (self.parents.chunks_mut(width)).zip(self.children.chunks(2 * width));
        for (parents, children) in groups {
            let mut words = [[Felt::new(0); MAX_LANES]; RATE];
            for (lane, pair) in children.chunks_exact(2).enumerate() {
                for (place, digest) in pair.iter().enumerate() {
                    let of_digest = &mut words[place * DIGEST_WORDS..][..DIGEST_WORDS];
                    for (lanes, word) in of_digest.iter_mut().zip(digest_words(digest)) {
                        lanes[lane] = word;
                    }
                }
            }
            let mut state = start::<I::Field>(Domain::Merge, 0);
            for (lanes, words) in state.iter_mut().zip(&words) {
                *lanes = I::Field::load(words);
            }
            permute_lanes(&mut state);
            store_digests(&state, parents);
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
        let width = I::Field::WIDTH;
        let mut begin = start::<I::Field>(Domain::WithInteger, 0);
        for (lanes, word) in begin.iter_mut().zip(digest_words(self.seed)) {
            *lanes = I::Field::splat(word);
        }
        let mask = if self.bits >= 64 {
            u64::MAX
        } else {
            (1 << self.bits) - 1
        };
        let [mut low, mut high, mut heads] = [[Felt::new(0); MAX_LANES]; 3];
        let end = self.first.saturating_add(self.count);
        let mut nonce = self.first;
        while nonce < end {
            for (lane, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                [*low, *high] = integer_words(nonce.wrapping_add(lane as u64));
            }
            let mut state = begin;
            state[DIGEST_WORDS] = I::Field::load(&low);
            state[DIGEST_WORDS + 1] = I::Field::load(&high);
            permute_lanes(&mut state);
            state[0].store(&mut heads);
            let mut found = heads[..width].iter().map(|head| head.as_word());
            if let Some(lane) = found.position(|head| head & mask == 0) {
                return Some(nonce + lane as u64).filter(|&nonce| nonce < end);
            }
            nonce = nonce.saturating_add(width as u64);
        }
        None
    }
}

struct Permute<'a> {
    states: &'a mut [[Felt; WIDTH]],
}

impl Kernel for Permute<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for states in self.states.chunks_mut(I::Field::WIDTH) {
            let mut cells = [[Felt::new(0); MAX_LANES]; WIDTH];
            for (lane, state) in states.iter().enumerate() {
                for (cells, &word) in cells.iter_mut().zip(state) {
                    cells[lane] = word;
                }
            }
            let mut lanes: State<I::Field> = std::array::from_fn(|i| I::Field::load(&cells[i]));
            permute_lanes(&mut lanes);
            for (cells, lanes) in cells.iter_mut().zip(lanes) {
                lanes.store(cells);
            }
            for (lane, state) in states.iter_mut().enumerate() {
                for (word, cells) in state.iter_mut().zip(&cells) {
                    *word = cells[lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use winter_crypto::{ElementHasher, Hasher};
    use winterforge_verifier::poseidon2::{self, Poseidon2, Poseidon2Digest};

    use super::*;
    use crate::stark::DeviceHash;

    fn cell(row: usize, column: usize) -> Felt {
        Felt::new(((row * 1000 + column + 1) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn every_level_permutes_like_the_verifier() {
        let edges = [
            0,
            1,
            0xffff_ffff,
            1 << 32,
            1 << 63,
            Felt::ORDER / 2,
            Felt::ORDER - 1,
        ];
        let constant = edges.map(|edge| [Felt::new(edge); WIDTH]);
        let mixed = (0..343).map(|mix| {
            std::array::from_fn(|word| Felt::new(edges[(mix / 7_usize.pow(word as u32 % 3)) % 7]))
        });
        let random = (0..1000).map(|row| std::array::from_fn(|column| cell(row, column)));
        let states: Vec<[Felt; WIDTH]> = constant.into_iter().chain(mixed).chain(random).collect();
        let mut want = states.clone();
        want.iter_mut().for_each(poseidon2::permute);
        for &level in Level::available() {
            let mut got = states.clone();
            permute(level, &mut got);
            assert!(got == want, "{level:?}");
        }
    }

    #[test]
    fn rows_of_every_width_hash_like_the_verifier() {
        for width in (0..=20).chain([63, 64, 65, 255]) {
            let rows = 23;
            let cells: Vec<Vec<Felt>> = (0..width)
                .map(|column| (0..rows).map(|row| cell(row, column)).collect())
                .collect();
            let columns: Vec<&[Felt]> = cells.iter().map(Vec::as_slice).collect();
            for &level in Level::available() {
                let mut digests = vec![[0; 8]; rows - 3];
                hash_rows(level, &columns, 3, &mut digests);
                for (index, digest) in digests.iter().enumerate() {
                    let row: Vec<Felt> = (0..width).map(|column| cell(index + 3, column)).collect();
                    let want = Poseidon2::to_words(&Poseidon2::hash_elements(&row));
                    assert_eq!(*digest, want, "{level:?}, width {width}, row {index}");
                }
            }
        }
    }

    #[test]
    fn pairs_merge_like_the_verifier() {
        let leaves: Vec<_> = (0..74u8).map(|i| Poseidon2::hash(&[i])).collect();
        let children: Vec<Digest> = leaves.iter().map(Poseidon2::to_words).collect();
        for &level in Level::available() {
            for count in [1, 7, 8, 16, 37] {
                let mut parents = vec![[0; 8]; count];
                hash_pairs(level, &children[..2 * count], &mut parents);
                for (parent, pair) in parents.iter().zip(leaves.chunks(2)) {
                    let want = Poseidon2::to_words(&Poseidon2::merge(&[pair[0], pair[1]]));
                    assert_eq!(*parent, want, "{level:?}, {count} pairs");
                }
            }
        }
    }

    #[test]
    fn the_smallest_nonce_is_found() {
        let seed = Poseidon2::hash(b"seed");
        let work = |nonce: u64| {
            let Poseidon2Digest(words) = Poseidon2::merge_with_int(seed, nonce);
            words[0].as_word().trailing_zeros()
        };
        for &level in Level::available() {
            for bits in [0, 1, 5, 9] {
                for first in [0, 1, 13, 1 << 32, (1 << 32) - 5, u64::MAX - 100] {
                    let end = first.saturating_add(300);
                    let want = (first..end).find(|&nonce| work(nonce) >= bits);
                    let got = find_nonce(level, &Poseidon2::to_words(&seed), bits, first, 300);
                    assert_eq!(got, want, "{level:?}, {bits} bits from {first}");
                }
            }
        }
    }
}
