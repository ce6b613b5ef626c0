//! What a constraint asks of its operands: field elements, or vectors of them.
//!
//! Constraints are written once, generic over these two traits. The verifier evaluates them over an extension field, the
//! prover over vectors of base elements, one row in each lane.

use std::ops::{Add, AddAssign, Mul, MulAssign, Sub, SubAssign};

use winter_math::{ExtensionOf, FieldElement};

use crate::field::Felt;

/// A commutative ring over the base field.
pub trait Algebra:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// Coordinates over the base field.
    const DEGREE: usize;

    /// Nothing.
    fn zero() -> Self;

    /// The unit.
    fn one() -> Self;

    /// Times a constant.
    fn scale(self, factor: Felt) -> Self;

    /// Twice.
    #[inline(always)]
    fn twice(self) -> Self {
        self + self
    }
}

/// An algebra that contains another.
pub trait Over<F: Algebra>: Algebra {
    /// An element of the smaller algebra in this one.
    fn embed(value: F) -> Self;

    /// The product with an element of the smaller algebra.
    fn times(self, factor: F) -> Self;
}

impl<E: FieldElement<BaseField = Felt>> Algebra for E {
    const DEGREE: usize = E::EXTENSION_DEGREE;

    #[inline(always)]
    fn zero() -> Self {
        E::ZERO
    }

    #[inline(always)]
    fn one() -> Self {
        E::ONE
    }

    #[inline(always)]
    fn scale(self, factor: Felt) -> Self {
        self.mul_base(factor)
    }

    #[inline(always)]
    fn twice(self) -> Self {
        self.double()
    }
}

impl<F, E> Over<F> for E
where
    F: FieldElement<BaseField = Felt>,
    E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
{
    #[inline(always)]
    fn embed(value: F) -> Self {
        E::from(value)
    }

    #[inline(always)]
    fn times(self, factor: F) -> Self {
        <E as ExtensionOf<F>>::mul_base(self, factor)
    }
}
