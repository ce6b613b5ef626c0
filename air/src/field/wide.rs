//! Sums of products with one reduction at the end.
//!
//! A product of two words has 128 bits and reducing it costs more than forming it, so inner
//! products, and the coefficients of a product in an extension field, are accumulated unreduced:
//! lazy reduction.

use super::{Felt, goldilocks};

/// An unreduced sum of products of field elements.
///
/// It holds `low + top * 2^128` and reduces it once, in [`reduce`](Self::reduce). At most 2^32 - 2
/// terms may be added.
///
/// ```
/// use winterforge_air::field::{Felt, WideSum};
///
/// let [a, b, c, d] = [3, 5, 2, 7].map(Felt::new);
/// let sum = WideSum::ZERO.add_product(a, b).add_product(c, d);
/// assert_eq!(sum.reduce(), Felt::new(29));
/// ```
#[derive(Copy, Clone, Debug, Default)]
#[must_use]
pub struct WideSum {
    low: u128,
    top: u64,
}

impl WideSum {
    /// The empty sum.
    pub const ZERO: Self = Self { low: 0, top: 0 };

    /// Adds the product of two elements.
    #[inline(always)]
    pub const fn add_product(self, a: Felt, b: Felt) -> Self {
        let (low, carry) = self
            .low
            .overflowing_add(a.as_word() as u128 * b.as_word() as u128);
        Self {
            low,
            top: self.top + carry as u64,
        }
    }

    /// Adds an element.
    #[inline(always)]
    pub const fn add(self, a: Felt) -> Self {
        let (low, carry) = self.low.overflowing_add(a.as_word() as u128);
        Self {
            low,
            top: self.top + carry as u64,
        }
    }

    /// The sum as a field element.
    ///
    /// # Panics
    /// In debug builds, if more terms than that can have been added.
    #[inline(always)]
    #[must_use]
    pub const fn reduce(self) -> Felt {
        debug_assert!(
            self.top < 0xffff_ffff,
            "too many terms in a sum of products"
        );
        Felt::from_canonical(goldilocks::reduce(self.low, self.top))
    }
}
