//! Vectors without vector instructions: one field element, and eight words that a compiler may vectorise by itself.

use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use winterforge_air::field::Felt;

use super::{Isa, Lanes, Words, field_operators};

/// Plain integers.
pub(crate) struct Portable;

impl Isa for Portable {
    type Field = Single;
    type Words = Eight;
}

/// A field element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Single(Felt);

/// `2^exponent` for all exponents below the order of two.
const POWERS_OF_TWO: [Felt; 192] = {
    let mut powers = [Felt::new(1); 192];
    let mut exponent = 0;
    while exponent < 192 {
        powers[exponent] = Felt::new(2).pow(exponent as u64);
        exponent += 1;
    }
    powers
};

#[inline(always)]
fn add(a: Single, b: Single) -> Single {
    Single(a.0 + b.0)
}

#[inline(always)]
fn sub(a: Single, b: Single) -> Single {
    Single(a.0 - b.0)
}

#[inline(always)]
fn mul(a: Single, b: Single) -> Single {
    Single(a.0 * b.0)
}

field_operators!(Single);

impl Lanes for Single {
    const WIDTH: usize = 1;

    #[inline(always)]
    fn load(from: &[Felt]) -> Self {
        Self(from[0])
    }

    #[inline(always)]
    fn store(self, to: &mut [Felt]) {
        to[0] = self.0;
    }

    #[inline(always)]
    fn splat(value: Felt) -> Self {
        Self(value)
    }

    #[inline(always)]
    fn half(self) -> Self {
        let word = self.0.as_word();
        Self(Felt::new((word >> 1) + (word & 1) * (Felt::ORDER / 2 + 1)))
    }

    #[inline(always)]
    fn mul_2exp(self, exponent: u32) -> Self {
        Self(self.0 * POWERS_OF_TWO[exponent as usize])
    }

    #[inline(always)]
    fn transpose(_: &mut [Self]) {}
}

/// Eight words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eight([u32; 8]);

impl Eight {
    #[inline(always)]
    fn zip(self, other: Self, each: impl Fn(u32, u32) -> u32) -> Self {
        Self(std::array::from_fn(|lane| {
            each(self.0[lane], other.0[lane])
        }))
    }
}

impl Words for Eight {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: u32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn load(from: &[u32]) -> Self {
        Self(std::array::from_fn(|lane| from[lane]))
    }

    #[inline(always)]
    fn store(self, to: &mut [u32]) {
        to[..8].copy_from_slice(&self.0);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }

    #[inline(always)]
    fn rotate_right<const BITS: i32>(self) -> Self {
        Self(self.0.map(|word| word.rotate_right(BITS as u32)))
    }

    #[inline(always)]
    fn halves(from: &[Felt]) -> [Self; 2] {
        let half = |shift: u32| {
            Self(std::array::from_fn(|lane| {
                (from[lane].as_word() >> shift) as u32
            }))
        };
        [half(0), half(32)]
    }

    #[inline(always)]
    fn transpose(square: &mut [Self]) {
        for row in 0..8 {
            for column in 0..row {
                let (a, b) = (square[row].0[column], square[column].0[row]);
                (square[row].0[column], square[column].0[row]) = (b, a);
            }
        }
    }
}
