//! A fast unsigned word for signals.
//!
//! rust-hdl's own `Bits<N>` is an array of bools above 32 bits and multiplies only 16 by 16.
//! [`Word`] is a `u128` kept below 2^N: wide products, and simulation some twenty times faster.
//!
//! The generator translates method names, not types, so `Word` has the method names of `Bits`:
//! `get_bit`, `get_bits`, `any`, `all`, `xor`. Casts must be calls whose name begins with
//! `bit_cast`: [`bit_cast_word`]. Which expressions may be written is checked by
//! [`crate::lint`].

use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Not, Shl, Shr, Sub};

use rust_hdl_core::ast::VerilogLiteral;
use rust_hdl_core::prelude::{Bits, Synth, TypeDescriptor, TypeKind, VCDValue};

/// An unsigned word of `N` bits, 1 <= N <= 128. Arithmetic wraps modulo 2^N.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Word<const N: usize>(u128);

impl<const N: usize> Word<N> {
    const MASK: u128 = {
        assert!(N >= 1 && N <= 128, "a Word has 1 to 128 bits");
        u128::MAX >> (128 - N)
    };

    /// The low `N` bits of `value`.
    pub const fn new(value: u128) -> Self {
        Self(value & Self::MASK)
    }

    /// The value, below 2^N.
    pub const fn value(self) -> u128 {
        self.0
    }

    /// Bit `index`, 0 being the least significant; false above the word.
    pub fn get_bit(self, index: usize) -> bool {
        index < N && (self.0 >> index) & 1 == 1
    }

    /// The `M` bits from bit `index` on.
    pub fn get_bits<const M: usize>(self, index: usize) -> Word<M> {
        assert!(
            index + M <= N,
            "bits {index}..{} of a word of {N}",
            index + M
        );
        Word::new(self.0 >> index)
    }

    /// Whether any bit is set.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    /// Whether all bits are set.
    pub fn all(self) -> bool {
        self.0 == Self::MASK
    }

    /// The parity of the set bits.
    pub fn xor(self) -> bool {
        self.0.count_ones() % 2 == 1
    }
}

/// The low `M` bits of `x`, or `x` with zeros above: a width change in a kernel.
pub fn bit_cast_word<const M: usize, const N: usize>(x: Word<N>) -> Word<M> {
    Word::new(x.0)
}

/// One bit as a word, so that it can be added: a width change in a kernel.
pub fn bit_cast_bit<const M: usize>(x: bool) -> Word<M> {
    Word::new(u128::from(x))
}

impl<const N: usize> From<u128> for Word<N> {
    fn from(value: u128) -> Self {
        Self::new(value)
    }
}

impl<const N: usize> From<u64> for Word<N> {
    fn from(value: u64) -> Self {
        Self::new(u128::from(value))
    }
}

impl<const N: usize> Synth for Word<N> {
    const BITS: usize = N;

    fn descriptor() -> TypeDescriptor {
        TypeDescriptor {
            name: format!("Bits::<{N}>"),
            kind: TypeKind::Bits(N),
        }
    }

    fn vcd(self) -> VCDValue {
        self.to_bits().into()
    }

    fn verilog(self) -> VerilogLiteral {
        self.to_bits().into()
    }
}

impl<const N: usize> Word<N> {
    fn to_bits(self) -> Bits<N> {
        let mut bits = Bits::<N>::default();
        for index in 0..N {
            bits = bits.replace_bit(index, self.get_bit(index));
        }
        bits
    }
}

macro_rules! operators {
    ($($trait:ident, $method:ident, $value:expr;)*) => {$(
        impl<const N: usize> $trait for Word<N> {
            type Output = Self;
            fn $method(self, rhs: Self) -> Self {
                let operation: fn(u128, u128) -> u128 = $value;
                Self::new(operation(self.0, rhs.0))
            }
        }
        impl<const N: usize> $trait<u64> for Word<N> {
            type Output = Self;
            fn $method(self, rhs: u64) -> Self {
                $trait::$method(self, Self::from(rhs))
            }
        }
    )*};
}

operators! {
    Add, add, u128::wrapping_add;
    Sub, sub, u128::wrapping_sub;
    Mul, mul, u128::wrapping_mul;
    BitAnd, bitand, |a, b| a & b;
    BitOr, bitor, |a, b| a | b;
    BitXor, bitxor, |a, b| a ^ b;
}

impl<const N: usize> Not for Word<N> {
    type Output = Self;
    fn not(self) -> Self {
        Self::new(!self.0)
    }
}

fn shift_amount(bits: u128) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

impl<const N: usize, const M: usize> Shl<Word<M>> for Word<N> {
    type Output = Self;
    fn shl(self, rhs: Word<M>) -> Self {
        Self::new(self.0.checked_shl(shift_amount(rhs.0)).unwrap_or(0))
    }
}

impl<const N: usize, const M: usize> Shr<Word<M>> for Word<N> {
    type Output = Self;
    fn shr(self, rhs: Word<M>) -> Self {
        Self::new(self.0.checked_shr(shift_amount(rhs.0)).unwrap_or(0))
    }
}

impl<const N: usize> Shl<u64> for Word<N> {
    type Output = Self;
    fn shl(self, rhs: u64) -> Self {
        self << Word::<64>::from(rhs)
    }
}

impl<const N: usize> Shr<u64> for Word<N> {
    type Output = Self;
    fn shr(self, rhs: u64) -> Self {
        self >> Word::<64>::from(rhs)
    }
}

impl<const N: usize> PartialEq<u64> for Word<N> {
    fn eq(&self, other: &u64) -> bool {
        self.0 == u128::from(*other)
    }
}

impl<const N: usize> PartialOrd<u64> for Word<N> {
    fn partial_cmp(&self, other: &u64) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&u128::from(*other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arithmetic_is_modulo_a_power_of_two(a: u64, b: u64) {
            let modulus = 1u128 << 37;
            let (wide_a, wide_b) = (u128::from(a) % modulus, u128::from(b) % modulus);
            let (x, y) = (Word::<37>::from(a), Word::<37>::from(b));
            prop_assert_eq!((x + y).value(), (wide_a + wide_b) % modulus);
            prop_assert_eq!((x - y).value(), (modulus + wide_a - wide_b) % modulus);
            prop_assert_eq!((x * y).value(), (wide_a * wide_b) % modulus);
            prop_assert_eq!((!x).value(), modulus - 1 - wide_a);
        }

        #[test]
        fn slices_and_casts(a: u128) {
            let x = Word::<128>::from(a);
            prop_assert_eq!(x.get_bits::<20>(50).value(), (a >> 50) & 0xf_ffff);
            prop_assert_eq!(bit_cast_word::<64, 128>(x).value(), u128::from(a as u64));
            prop_assert_eq!(x.xor(), a.count_ones() % 2 == 1);
        }

        #[test]
        fn literals_are_as_wide_as_the_word(a: u128) {
            let literal = Word::<100>::from(a).verilog().to_string();
            prop_assert_eq!(literal, format!("100'h{:x}", a & (u128::MAX >> 28)));
        }
    }

    #[test]
    fn shifts_of_the_whole_width_clear() {
        let x = Word::<128>::from(u128::MAX);
        assert_eq!(x << 128, Word::default());
        assert_eq!(x >> 128, Word::default());
    }
}
