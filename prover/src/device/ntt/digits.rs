//! How a size is taken apart into digits (Cooley and Tukey, 1965), and the twiddles between them: see
//! [the transforms](super).

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;

/// Most bits in a digit: a root of unity of order 64 is a power of two.
const DIGIT_BITS: u32 = 6;

/// Offsets whose twiddles stand together.
pub(super) const GROUP: usize = 8;

/// How a size is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    /// Bits of each digit, the one of the largest stride first.
    pub(super) bits: Vec<u32>,
}

impl Digits {
    pub(super) fn new(log_size: u32) -> Self {
        // From eight times eight elements on, two digits at least: the innermost is done on squares of vectors.
        let count = log_size
            .div_ceil(DIGIT_BITS)
            .max(if log_size >= 6 { 2 } else { 1 });
        let (short, longer) = (log_size / count, log_size % count);
        let bits = (0..count)
            .map(|digit| short + u32::from(digit < longer))
            .collect();
        Self { bits }
    }

    /// Bits of all digits behind the given one.
    pub(super) fn bits_behind(&self, digit: usize) -> u32 {
        self.bits[digit + 1..].iter().sum()
    }

    /// Elements of a block that the given digit is the outermost of.
    pub(super) fn block_len(&self, digit: usize) -> usize {
        1 << (self.bits[digit] + self.bits_behind(digit))
    }

    /// Bits of all digits before the given one.
    pub(super) fn bits_before(&self, digit: usize) -> u32 {
        self.bits[..digit].iter().sum()
    }

    /// The index of the coefficient at a place.
    pub(super) fn coefficient_at(&self, place: usize) -> usize {
        let (mut rest, mut index) = (place, 0);
        for (digit, &bits) in self.bits.iter().enumerate().rev() {
            index |= (rest & ((1 << bits) - 1)) << self.bits_before(digit);
            rest >>= bits;
        }
        index
    }
}

/// Twiddles for one direction and one coset: for each digit, as many as its blocks have elements.
#[derive(Clone, Debug)]
pub(super) struct Twiddles {
    /// Innermost digit: one factor for each of its elements.
    pub(super) inner: Vec<Felt>,
    /// The other digits, outermost first: by groups of offsets, then places in the digit, then offsets in the group.
    pub(super) outer: Vec<Vec<Felt>>,
}

/// The root of unity of order `2^log_size`.
pub(super) fn root(log_size: u32) -> Felt {
    Felt::TWO_ADIC_ROOT_OF_UNITY.pow(1 << (Felt::TWO_ADICITY - log_size))
}

/// `first base^i` for `i < count`.
pub(super) fn powers(first: Felt, base: Felt, count: usize) -> impl Iterator<Item = Felt> {
    std::iter::successors(Some(first), move |&power| Some(power * base)).take(count)
}

/// Factors `root_B^(r k) (shift^weight)^k` for element `(k, r)` of a block of B elements, `weight` the product of the
/// digits before.
pub(super) fn twiddles(digits: &Digits, root: Felt, shift: Felt) -> Twiddles {
    let of_digit = |digit: usize| {
        let weight = 1 << digits.bits_before(digit);
        let (block_root, block_shift) = (root.pow(weight), shift.pow(weight));
        let (count, stride) = (1 << digits.bits[digit], 1 << digits.bits_behind(digit));
        let group = GROUP.min(stride);
        let mut factors = vec![Felt::ZERO; count * stride];
        for k in 0..count {
            let row = powers(block_shift.pow(k as u64), block_root.pow(k as u64), stride);
            for (offset, factor) in row.enumerate() {
                factors[(offset / group * count + k) * group + offset % group] = factor;
            }
        }
        factors
    };
    let innermost = digits.bits.len() - 1;
    Twiddles {
        inner: of_digit(innermost),
        outer: (0..innermost).map(of_digit).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::ntt::MAX_LOG_SIZE;

    #[test]
    fn digits_cover_every_size() {
        for log_size in 0..=MAX_LOG_SIZE {
            let digits = Digits::new(log_size);
            assert_eq!(digits.bits.iter().sum::<u32>(), log_size);
            assert!(digits.bits.iter().all(|&bits| bits <= DIGIT_BITS));
            if log_size >= 6 {
                // Whole squares of vectors inside, whole vectors outside.
                assert!(digits.bits.iter().all(|&bits| bits >= 3), "2^{log_size}");
            }
        }
    }
}
