//! The order of work of a transform, and the tables made from it.
//!
//! A transform of 2^n words is n passes of butterflies in place, Cooley-Tukey with natural order in
//! and bit-reversed order left in memory. Pass p pairs the indices that differ in bit q = n - 1 - p and
//! uses the twiddle T\[x >> (q + 1)\], where T\[m\] = w^(bit-reversed m) does not depend on n: one table
//! serves every size.
//!
//! Words lie in B = 2·lanes = 2^b banks. The bank of index x is the exclusive or of its groups of b
//! bits, its row is x >> b. The indices of a cycle differ in a *window* of b consecutive bits that
//! contains q; these fall on different residues modulo b, so the 2^b words lie in different banks.
//! The two banks of a butterfly differ in bit q mod b of their number, whatever the other bits are.

use crate::goldilocks::{P, model};

/// Root of unity of order 2^32 whose power of order 64 is 8: that of winterfell and of the prover.
pub const ROOT: u64 = 7_277_203_076_849_721_926;

/// Passes whose table is addressed by four bits of size and four of pass.
pub const MAX_LOG_N: usize = 15;

/// The smallest transform.
pub const MIN_LOG_N: usize = 3;

/// One pass of a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Lowest bit of the window.
    pub window: usize,
    /// The bit in which the two indices of a butterfly differ.
    pub pair: usize,
    /// Cycles between the last issue of the pass before and the first of this one.
    pub wait_cycles: usize,
}

/// The passes of a transform of 2^`log_n` on 2^`bank_bits` banks, when a word written by a butterfly
/// can be read by one issued `hazard_cycles` later.
pub fn passes(log_n: usize, bank_bits: usize, hazard_cycles: usize) -> Vec<Pass> {
    let mut passes: Vec<Pass> = Vec::with_capacity(log_n);
    for pair in (0..log_n).rev() {
        let aligned = pair / bank_bits * bank_bits;
        let window = aligned.min(log_n.saturating_sub(bank_bits));
        let wait_cycles = match passes.last() {
            Some(before) => {
                let distance = shortest_distance(log_n, bank_bits, before.window, window);
                hazard_cycles.saturating_sub(distance)
            }
            None => 0,
        };
        passes.push(Pass {
            window,
            pair,
            wait_cycles,
        });
    }
    passes
}

/// Issues of a pass.
pub fn issues(log_n: usize, bank_bits: usize) -> usize {
    1 << log_n.saturating_sub(bank_bits)
}

/// Cycles from writing a word in one pass to reading it in the next, without a wait, at least.
fn shortest_distance(log_n: usize, bank_bits: usize, before: usize, after: usize) -> usize {
    let issue = |x: usize, window: usize| {
        let low = x & ((1 << window) - 1);
        low | (x >> (window + bank_bits) << window)
    };
    let issues = issues(log_n, bank_bits);
    (0..1usize << log_n)
        .map(|x| issues + issue(x, after) - issue(x, before))
        .min()
        .unwrap_or(issues)
}

/// Rows of the tables of passes: 16·log n + pass.
const ROWS: usize = 256;

fn pass_table(
    max_log_n: usize,
    bank_bits: usize,
    hazard_cycles: usize,
    value: impl Fn(usize, usize, &Pass) -> u64,
) -> Vec<u64> {
    let mut rows = vec![0; ROWS];
    for log_n in MIN_LOG_N..=max_log_n {
        for (index, pass) in passes(log_n, bank_bits, hazard_cycles).iter().enumerate() {
            rows[16 * log_n + index] = value(log_n, index, pass);
        }
    }
    rows
}

/// Mask of the window of every pass.
pub fn windows(max_log_n: usize, bank_bits: usize) -> Vec<u64> {
    pass_table(max_log_n, bank_bits, 0, |_, _, pass| {
        ((1 << bank_bits) - 1) << pass.window
    })
}

/// The rest of every pass: bits 0..4 pair bit, 4..6 pair bit modulo the bank bits, 6..11 wait, 11 first
/// pass, 12 last pass.
pub fn microcode(max_log_n: usize, bank_bits: usize, hazard_cycles: usize) -> Vec<u64> {
    assert!(hazard_cycles < 32, "a wait of {hazard_cycles} cycles");
    pass_table(max_log_n, bank_bits, hazard_cycles, |log_n, index, pass| {
        pass.pair as u64
            | ((pass.pair % bank_bits) as u64) << 4
            | (pass.wait_cycles as u64) << 6
            | u64::from(index == 0) << 11
            | u64::from(index + 1 == log_n) << 12
    })
}

/// Mask of all indices of every size, by its logarithm.
pub fn index_masks(max_log_n: usize, bank_bits: usize) -> Vec<u64> {
    (0..16)
        .map(|log_n| (1u64 << log_n.clamp(bank_bits, max_log_n)) - 1)
        .collect()
}

/// T\[m\] for m < 2^(`max_log_n` - 1).
pub fn twiddles(max_log_n: usize) -> Vec<u64> {
    let root = model::power(ROOT, 1 << (32 - max_log_n));
    let bits = max_log_n - 1;
    let mut powers = vec![1];
    for _ in 1..1usize << bits {
        powers.push(model::multiply(powers[powers.len() - 1], root));
    }
    (0..1usize << bits)
        .map(|m| powers[m.reverse_bits() >> (usize::BITS as usize - bits)])
        .collect()
}

/// 2^-k for every k up to 15: the factor of an inverse transform.
pub fn inverse_sizes() -> [u64; 16] {
    let half = P / 2 + 1;
    std::array::from_fn(|k| model::power(half, k as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_holds_its_pair_and_no_banks_collide() {
        for bank_bits in 1..=4 {
            for log_n in MIN_LOG_N..=12 {
                for pass in passes(log_n, bank_bits, 16) {
                    assert!(pass.window <= pass.pair && pass.pair < pass.window + bank_bits);
                    assert!(pass.window + bank_bits <= log_n.max(bank_bits));
                }
            }
        }
    }

    #[test]
    fn waits_are_short_at_the_sizes_that_matter() {
        let total = |log_n, bank_bits| -> usize {
            passes(log_n, bank_bits, 16)
                .iter()
                .map(|pass| pass.wait_cycles)
                .sum()
        };
        assert_eq!(total(10, 4), 0);
        assert_eq!(total(10, 3), 0);
        assert_eq!(total(12, 2), 0);
        assert_eq!(total(8, 2), 0);
        assert!(total(8, 4) < 16);
    }

    #[test]
    fn twiddles_of_smaller_tables_are_prefixes() {
        let large = twiddles(10);
        assert_eq!(large[..16], twiddles(5));
        assert_eq!(large[..4], [1, 1 << 48, 1 << 24, model::power(2, 72)]);
    }
}
