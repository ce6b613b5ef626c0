//! The element type of the Goldilocks field: constructors, operators, conversions.

use std::{
    fmt,
    iter::{Product, Sum},
    ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign},
};

use super::goldilocks::{self, P};

/// An element of the Goldilocks field, held as its canonical word.
///
/// The word is in [0, p) at all times, p = 2^64 - 2^32 + 1; equality and hashing are those of the
/// word. Division by zero gives zero, as the field traits of the proof system define it:
/// constraints must exclude a zero divisor themselves.
///
/// ```
/// use winterforge_air::field::Felt;
///
/// let x = Felt::from_signed(-3);
/// assert_eq!(x * Felt::new(5), Felt::from_signed(-15));
/// assert_eq!((x / x).as_word(), 1);
/// ```
#[derive(Copy, Clone, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Felt(u64);

/// An integer that is not below the modulus, and so encodes no element.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NotCanonical(
    /// The rejected integer.
    pub u128,
);

impl Felt {
    /// The modulus, p = 2^64 - 2^32 + 1.
    pub const ORDER: u64 = P;

    /// The element congruent to `value`.
    ///
    /// Reduces silently; for input that must be canonical already, use `Felt::try_from`.
    #[inline(always)]
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(if value >= P { value - P } else { value })
    }

    /// The element congruent to a wide integer, such as a product of two words.
    #[inline(always)]
    #[must_use]
    pub const fn from_wide(value: u128) -> Self {
        Self(goldilocks::reduce(value, 0))
    }

    /// The element congruent to a signed integer: `-1` is p - 1.
    #[inline(always)]
    #[must_use]
    pub const fn from_signed(value: i64) -> Self {
        // The magnitude is at most 2^63, below p.
        let magnitude = value.unsigned_abs();
        Self(if value < 0 { P - magnitude } else { magnitude })
    }

    /// The integer of least magnitude congruent to this element, in [-(p - 1) / 2, (p - 1) / 2].
    ///
    /// The inverse of [`from_signed`](Self::from_signed) on that range.
    #[inline(always)]
    #[must_use]
    pub const fn to_signed(self) -> i64 {
        if self.0 > P / 2 {
            -((P - self.0) as i64)
        } else {
            self.0 as i64
        }
    }

    /// The canonical word, in [0, p).
    #[inline(always)]
    #[must_use]
    pub const fn as_word(self) -> u64 {
        self.0
    }

    /// Wraps a word that is known to be below p.
    #[inline(always)]
    pub(super) const fn from_canonical(word: u64) -> Self {
        debug_assert!(word < P);
        Self(word)
    }

    /// Whether a word encodes an element, that is, whether it is below p.
    #[inline(always)]
    #[must_use]
    pub const fn is_canonical(word: u64) -> bool {
        word < P
    }

    /// This element to a power, with 0^0 = 1. Usable in constants.
    #[must_use]
    pub const fn pow(self, exponent: u64) -> Self {
        Self(goldilocks::pow(self.0, exponent))
    }

    /// The multiplicative inverse, and zero for zero. Usable in constants.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self(goldilocks::inverse(self.0))
    }

    /// `self + rhs`, for constants.
    #[inline(always)]
    pub(super) const fn plus(self, rhs: Self) -> Self {
        Self(goldilocks::add(self.0, rhs.0))
    }

    /// `-self`, for constants.
    #[inline(always)]
    pub(super) const fn negated(self) -> Self {
        Self(goldilocks::neg(self.0))
    }
}

impl fmt::Display for Felt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Felt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Add for Felt {
    type Output = Self;

    #[inline(always)]
    fn add(self, rhs: Self) -> Self {
        self.plus(rhs)
    }
}

impl Sub for Felt {
    type Output = Self;

    #[inline(always)]
    fn sub(self, rhs: Self) -> Self {
        Self(goldilocks::sub(self.0, rhs.0))
    }
}

impl Mul for Felt {
    type Output = Self;

    #[inline(always)]
    fn mul(self, rhs: Self) -> Self {
        Self(goldilocks::mul(self.0, rhs.0))
    }
}

impl Div for Felt {
    type Output = Self;

    #[inline]
    #[expect(
        clippy::suspicious_arithmetic_impl,
        reason = "division is multiplication by the inverse"
    )]
    fn div(self, rhs: Self) -> Self {
        self * rhs.inverse()
    }
}

impl Neg for Felt {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.negated()
    }
}

impl AddAssign for Felt {
    #[inline(always)]
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl SubAssign for Felt {
    #[inline(always)]
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl MulAssign for Felt {
    #[inline(always)]
    fn mul_assign(&mut self, rhs: Self) {
        *self = *self * rhs;
    }
}

impl DivAssign for Felt {
    #[inline]
    fn div_assign(&mut self, rhs: Self) {
        *self = *self / rhs;
    }
}

impl Sum for Felt {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), Add::add)
    }
}

impl Product for Felt {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(1), Mul::mul)
    }
}

impl From<bool> for Felt {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

impl From<u8> for Felt {
    fn from(value: u8) -> Self {
        Self(value.into())
    }
}

impl From<u16> for Felt {
    fn from(value: u16) -> Self {
        Self(value.into())
    }
}

impl From<u32> for Felt {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl TryFrom<u64> for Felt {
    type Error = NotCanonical;

    fn try_from(value: u64) -> Result<Self, NotCanonical> {
        if Self::is_canonical(value) {
            Ok(Self(value))
        } else {
            Err(NotCanonical(value.into()))
        }
    }
}

impl TryFrom<u128> for Felt {
    type Error = NotCanonical;

    fn try_from(value: u128) -> Result<Self, NotCanonical> {
        u64::try_from(value)
            .ok()
            .and_then(|word| Self::try_from(word).ok())
            .ok_or(NotCanonical(value))
    }
}

impl From<Felt> for u64 {
    fn from(value: Felt) -> Self {
        value.0
    }
}

impl From<Felt> for u128 {
    fn from(value: Felt) -> Self {
        value.0.into()
    }
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no field element: it must be below {P}", self.0)
    }
}

impl std::error::Error for NotCanonical {}
