//! The integer model: Poseidon2 over Goldilocks as the paper writes it (<https://eprint.iacr.org/2023/323>),
//! with whole matrices and division with remainder, and the sponge and the compression over it.

use super::constants::{FULL, PARTIAL};
use crate::goldilocks::P;
use crate::goldilocks::model::{add, multiply, power, subtract};

/// Words of the state.
pub const WIDTH: usize = 12;

/// Words of a block.
pub const RATE: usize = 8;

/// Words of a digest.
pub const DIGEST: usize = 4;

/// A state.
pub type State = [u64; WIDTH];

/// A digest.
pub type Digest = [u64; DIGEST];

/// Row of the 4x4 circulant.
const CIRCULANT: [u64; 4] = [2, 3, 1, 1];

/// Entry of the matrix of the full rounds.
fn external(row: usize, column: usize) -> u64 {
    let factor = if row / 4 == column / 4 { 2 } else { 1 };
    factor * CIRCULANT[(column + 4 - row % 4) % 4]
}

/// What the diagonal of the matrix of the partial rounds has beyond the matrix of ones.
fn diagonal(row: usize) -> u64 {
    let half = |times| power(power(2, times), P - 2);
    let minus = |x| subtract(0, x);
    [
        minus(2),
        1,
        2,
        half(1),
        3,
        4,
        minus(half(1)),
        minus(3),
        minus(4),
        half(2),
        minus(half(2)),
        half(3),
    ][row]
}

/// Entry of the matrix of the partial rounds.
fn internal(row: usize, column: usize) -> u64 {
    if row == column {
        add(1, diagonal(row))
    } else {
        1
    }
}

fn apply(matrix: fn(usize, usize) -> u64, state: &State) -> State {
    std::array::from_fn(|row| {
        (0..WIDTH).fold(0, |sum, column| {
            add(sum, multiply(matrix(row, column), state[column]))
        })
    })
}

/// The permutation of a state of canonical words.
pub fn permute(state: State) -> State {
    let full = |state: State, round: usize| {
        let raised = std::array::from_fn(|i| power(add(state[i], FULL[round][i]), 7));
        apply(external, &raised)
    };
    let mut state = apply(external, &state);
    state = (0..4).fold(state, full);
    for constant in PARTIAL {
        state[0] = power(add(state[0], constant), 7);
        state = apply(internal, &state);
    }
    (4..8).fold(state, full)
}

/// Capacity word that tells the digest of a row from that of two digests.
pub const ROW_TAG: u64 = 1;

/// The digest of a row: its length and [`ROW_TAG`] in the capacity, then each block of eight words, the
/// last one filled up with zeros, in the place of the first eight words of the state. A row without
/// words has one block of zeros.
pub fn hash(row: &[u64]) -> Digest {
    let mut state = [0; WIDTH];
    state[RATE] = row.len() as u64;
    state[RATE + 1] = ROW_TAG;
    for index in 0..row.len().div_ceil(RATE).max(1) {
        let block = row.iter().skip(index * RATE).take(RATE).copied();
        let filled = block.chain(std::iter::repeat(0));
        state
            .iter_mut()
            .zip(filled.take(RATE))
            .for_each(|(to, word)| *to = word);
        state = permute(state);
    }
    std::array::from_fn(|i| state[i])
}

/// The digest of two digests: a capacity of zeros.
pub fn merge(left: Digest, right: Digest) -> Digest {
    let mut state = [0; WIDTH];
    state[..DIGEST].copy_from_slice(&left);
    state[DIGEST..RATE].copy_from_slice(&right);
    let state = permute(state);
    std::array::from_fn(|i| state[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of docs/poseidon2.md.
    #[test]
    fn published_vectors() {
        let permuted = permute(std::array::from_fn(|i| i as u64));
        assert_eq!(permuted[0], 0xf292_ab67_c0f1_4b03);
        assert_eq!(permuted[11], 0x0aaf_4489_f1f4_0166);
        let row = |len| (1..=len).collect::<Vec<u64>>();
        assert_eq!(
            hash(&[]),
            [
                0xac5d_2d4f_a108_ba76,
                0x6aa8_2cbf_63b6_c7ed,
                0xafbf_2606_593f_3ab8,
                0xadf2_3d91_dc4c_1408
            ]
        );
        assert_eq!(
            hash(&row(17)),
            [
                0x2ef7_0a62_b1f3_3bef,
                0xef48_de82_8eda_3105,
                0xe49d_fb5d_a316_f3a7,
                0x8e6e_9179_d0c1_41c5
            ]
        );
        assert_eq!(
            merge(hash(&row(1)), hash(&row(8))),
            [
                0xc1ef_e6fd_62fa_7741,
                0x319f_7a71_cdf2_7cb7,
                0x8743_62f0_0782_40b6,
                0x9358_1fd8_594b_212d
            ]
        );
    }
}
