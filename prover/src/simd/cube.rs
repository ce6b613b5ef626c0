//! Vectors of elements of the cubic extension, over x^3 - x - 1: one vector for each coordinate.
//!
//! Coordinates are written out: a closure handed to an array's method may be left as a call, and is then compiled without
//! the vectors.

use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::{Cube, Felt, basis_coefficients};

use super::Lanes;

/// Elements `c[0] + c[1] phi + c[2] phi^2`, lane by lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CubeLanes<V>(pub(crate) [V; 3]);

impl<V: Lanes> CubeLanes<V> {
    /// The same element in every lane.
    #[inline(always)]
    pub(crate) fn splat(value: Cube) -> Self {
        let coordinates = basis_coefficients(&value);
        Self([
            V::splat(coordinates[0]),
            V::splat(coordinates[1]),
            V::splat(coordinates[2]),
        ])
    }

    /// Coordinates at one place of three columns.
    #[inline(always)]
    pub(crate) fn load(columns: [&[Felt]; 3]) -> Self {
        let [a, b, c] = columns;
        Self([V::load(a), V::load(b), V::load(c)])
    }

    /// Times `2^exponent`, for exponents below 192.
    #[inline(always)]
    pub(crate) fn mul_2exp(self, exponent: u32) -> Self {
        let [a, b, c] = self.0;
        Self([
            a.mul_2exp(exponent),
            b.mul_2exp(exponent),
            c.mul_2exp(exponent),
        ])
    }

    /// Writes the coordinates to one place of three columns.
    #[inline(always)]
    pub(crate) fn store(self, columns: [&mut [Felt]; 3]) {
        let ([a, b, c], [to_a, to_b, to_c]) = (self.0, columns);
        a.store(to_a);
        b.store(to_b);
        c.store(to_c);
    }
}

impl<V: Lanes> Add for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (self.0, other.0);
        Self([a0 + b0, a1 + b1, a2 + b2])
    }
}

impl<V: Lanes> Sub for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (self.0, other.0);
        Self([a0 - b0, a1 - b1, a2 - b2])
    }
}

impl<V: Lanes> Neg for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        let [a, b, c] = self.0;
        Self([-a, -b, -c])
    }
}

impl<V: Lanes> Mul for CubeLanes<V> {
    type Output = Self;

    /// Karatsuba: six products. phi^3 = phi + 1 and phi^4 = phi^2 + phi fold the upper coefficients down.
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let ([a0, a1, a2], [b0, b1, b2]) = (self.0, other.0);
        let (m0, m1, m2) = (a0 * b0, a1 * b1, a2 * b2);
        let m01 = (a0 + a1) * (b0 + b1) - m0 - m1;
        let m02 = (a0 + a2) * (b0 + b2) - m0 - m2;
        let m12 = (a1 + a2) * (b1 + b2) - m1 - m2;
        Self([m0 + m12, m01 + m12 + m2, m02 + m1 + m2])
    }
}

impl<V: Lanes> AddAssign for CubeLanes<V> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<V: Lanes> SubAssign for CubeLanes<V> {
    #[inline(always)]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<V: Lanes> MulAssign for CubeLanes<V> {
    #[inline(always)]
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl<V: Lanes> Algebra for CubeLanes<V> {
    const DEGREE: usize = 3;

    #[inline(always)]
    fn zero() -> Self {
        Self([V::zero(); 3])
    }

    #[inline(always)]
    fn one() -> Self {
        Self([V::one(), V::zero(), V::zero()])
    }

    #[inline(always)]
    fn scale(self, factor: Felt) -> Self {
        self.times(V::splat(factor))
    }
}

impl<V: Lanes> Over<V> for CubeLanes<V> {
    #[inline(always)]
    fn embed(value: V) -> Self {
        Self([value, V::zero(), V::zero()])
    }

    #[inline(always)]
    fn times(self, factor: V) -> Self {
        let [a, b, c] = self.0;
        Self([a * factor, b * factor, c * factor])
    }
}
