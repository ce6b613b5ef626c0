//! Vectors of elements of the cubic extension, over x^3 - x - 1: one vector for each coordinate.

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
        Self(std::array::from_fn(|i| V::splat(coordinates[i])))
    }

    /// Coordinates at one place of three columns.
    #[inline(always)]
    pub(crate) fn load(columns: [&[Felt]; 3]) -> Self {
        Self(columns.map(V::load))
    }

    /// Writes the coordinates to one place of three columns.
    #[inline(always)]
    pub(crate) fn store(self, columns: [&mut [Felt]; 3]) {
        for (coordinate, column) in self.0.into_iter().zip(columns) {
            coordinate.store(column);
        }
    }
}

impl<V: Lanes> Add for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl<V: Lanes> Sub for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl<V: Lanes> Neg for CubeLanes<V> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|coordinate| -coordinate))
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
        Self(self.0.map(|coordinate| coordinate * factor))
    }
}
