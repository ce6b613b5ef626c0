//! The permutation, one state at a time (Grassi, Khovratovich, Schofnegger, eprint 2023/323).
//!
//! The matrices have small entries, so a row is a sum in wide integers and is reduced once. Constants are added to the
//! sums of the matrix before them.

use winterforge_air::field::Felt;

use super::constants::ROUND_CONSTANTS;
use super::{PARTIAL_ROUNDS, WIDTH};

/// Permutes a state.
pub fn permute(state: &mut [Felt; WIDTH]) {
    let constants = &ROUND_CONSTANTS;
    let first_partial = std::slice::from_ref(&constants.partial[0]);
    *state = external(state, &constants.initial[0]);
    for round in 1..=constants.initial.len() {
        let next = constants
            .initial
            .get(round)
            .map_or(first_partial, |next| &next[..]);
        *state = external(&state.map(seventh_power), next);
    }
    for round in 1..=PARTIAL_ROUNDS {
        state[0] = seventh_power(state[0]);
        let next = match constants.partial.get(round) {
            Some(next) => std::slice::from_ref(next),
            None => &constants.terminal[0],
        };
        *state = internal(state, next);
    }
    for round in 1..=constants.terminal.len() {
        let next = constants
            .terminal
            .get(round)
            .map_or(&[][..], |next| &next[..]);
        *state = external(&state.map(seventh_power), next);
    }
}

#[inline(always)]
fn seventh_power(x: Felt) -> Felt {
    let square = x * x;
    (square * x) * (square * square)
}

/// M_E times a state, plus constants where there are any.
#[inline(always)]
fn external(state: &[Felt; WIDTH], constants: &[Felt]) -> [Felt; WIDTH] {
    let mut wide = state.map(|word| u128::from(word.as_word()));
    let mut sums = [0; 4];
    for block in wide.chunks_exact_mut(4) {
        let (ab, cd) = (block[0] + block[1], block[2] + block[3]);
        let sum = ab + cd;
        let rows = [
            sum + ab + block[1],
            sum + block[1] + 2 * block[2],
            sum + cd + block[3],
            sum + block[3] + 2 * block[0],
        ];
        block.copy_from_slice(&rows);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum += row;
        }
    }
    for (word, constant) in wide.iter_mut().zip(constants) {
        *word += u128::from(constant.as_word());
    }
    std::array::from_fn(|i| Felt::from_wide(wide[i] + sums[i % 4]))
}

/// M_I times a state, plus constants where there are any.
#[inline(always)]
fn internal(state: &[Felt; WIDTH], constants: &[Felt]) -> [Felt; WIDTH] {
    let wide = state.map(|word| u128::from(word.as_word()));
    let sum: u128 = wide.iter().sum();
    let minus = |word: usize| u128::from(Felt::ORDER) - wide[word];
    let mut rows = [
        2 * minus(0),
        wide[1],
        2 * wide[2],
        divide(wide[3], 1),
        3 * wide[4],
        4 * wide[5],
        divide(minus(6), 1),
        3 * minus(7),
        4 * minus(8),
        divide(wide[9], 2),
        divide(minus(10), 2),
        divide(wide[11], 3),
    ];
    for (row, constant) in rows.iter_mut().zip(constants) {
        *row += u128::from(constant.as_word());
    }
    rows.map(|row| Felt::from_wide(row + sum))
}

/// A word of at most p, divided by 2^`bits` modulo p, at most p again: p is 1 modulo such a power, so a multiple of p can
/// be added that makes the word divisible.
#[inline(always)]
fn divide(word: u128, bits: u32) -> u128 {
    let multiple = word.wrapping_neg() & ((1 << bits) - 1);
    (word + multiple * u128::from(Felt::ORDER)) >> bits
}
