//! The extensions of the Goldilocks field: degree two over x^2 - x + 2, degree three over x^3 - x -
//! 1.
//!
//! The element types are the generic ones of `winter-math`, which call the functions defined here.
//! Coefficients are sums of two or three products, reduced once each ([`WideSum`]): on a machine
//! with a fast 64-bit multiplier, the reductions that Karatsuba's trick adds cost more than the
//! multiplications that it saves.

use std::slice;

use winter_math::{ExtensibleField, FieldElement, fields};

use super::{Felt, WideSum};

/// The quadratic extension, 1 and phi its basis with phi^2 = phi - 2.
pub type Quad = fields::QuadExtension<Felt>;

/// The cubic extension, 1, phi and phi^2 its basis with phi^3 = phi + 1.
pub type Cube = fields::CubeExtension<Felt>;

/// Composes a field element from its coefficients over the basis 1, phi, phi^2 (as many as the
/// extension's degree).
///
/// # Panics
/// If the number of coefficients is not the degree of `E`.
pub fn from_basis_coefficients<E: FieldElement<BaseField = Felt>>(coefficients: &[Felt]) -> E {
    assert_eq!(
        coefficients.len(),
        E::EXTENSION_DEGREE,
        "one coefficient per basis element"
    );
    E::slice_from_base_elements(coefficients)[0]
}

/// The coefficients of a field element over the basis 1, phi, phi^2 (as many as the extension's
/// degree).
///
/// The inverse of [`from_basis_coefficients`].
pub fn basis_coefficients<E: FieldElement<BaseField = Felt>>(element: &E) -> &[Felt] {
    E::slice_as_base_elements(slice::from_ref(element))
}

/// The basis 1, phi, phi^2 of a field over the base field (as many elements as the extension's
/// degree).
///
/// The sum of all `basis[i] * c[i]` is [`from_basis_coefficients`] of `c`, also where each `c[i]`
/// is itself in `E`: that is how a column of the extension is read from its base columns out of the
/// domain.
pub fn basis<E: FieldElement<BaseField = Felt>>() -> Vec<E> {
    let mut coefficients = vec![Felt::ZERO; E::EXTENSION_DEGREE];
    (0..E::EXTENSION_DEGREE)
        .map(|i| {
            coefficients.fill(Felt::ZERO);
            coefficients[i] = Felt::ONE;
            from_basis_coefficients(&coefficients)
        })
        .collect()
}

/// `sum a b` over pairs of elements. In the cubic extension each coefficient is reduced once, at the end.
pub fn sum_of_products<E: FieldElement<BaseField = Felt>>(
    pairs: impl Iterator<Item = (E, E)>,
) -> E {
    if E::EXTENSION_DEGREE != 3 {
        return pairs.fold(E::ZERO, |sum, (a, b)| sum + a * b);
    }
    let mut sums = [WideSum::ZERO; 3];
    for (a, b) in pairs {
        let (a, b) = (basis_coefficients(&a), basis_coefficients(&b));
        // As in `cube_mul`.
        let (b0_b2, b1_b2) = (b[0] + b[2], b[1] + b[2]);
        let rows = [
            [b[0], b[2], b[1]],
            [b[1], b0_b2, b1_b2],
            [b[2], b[1], b0_b2],
        ];
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = (sum.add_product(a[0], row[0]))
                .add_product(a[1], row[1])
                .add_product(a[2], row[2]);
        }
    }
    from_basis_coefficients(&sums.map(WideSum::reduce))
}

/// The sum of two products.
#[inline(always)]
const fn dot2(a: [Felt; 2], b: [Felt; 2]) -> Felt {
    WideSum::ZERO
        .add_product(a[0], b[0])
        .add_product(a[1], b[1])
        .reduce()
}

/// The sum of three products.
#[inline(always)]
const fn dot3(a: [Felt; 3], b: [Felt; 3]) -> Felt {
    WideSum::ZERO
        .add_product(a[0], b[0])
        .add_product(a[1], b[1])
        .add_product(a[2], b[2])
        .reduce()
}

impl ExtensibleField<2> for Felt {
    #[inline(always)]
    fn mul(a: [Self; 2], b: [Self; 2]) -> [Self; 2] {
        // phi^2 = phi - 2 folds a1 * b1 into both coefficients.
        [
            dot2(a, [b[0], -(b[1].double())]),
            dot2(a, [b[1], b[0] + b[1]]),
        ]
    }

    #[inline(always)]
    fn square(a: [Self; 2]) -> [Self; 2] {
        [
            dot2(a, [a[0], -(a[1].double())]),
            a[1] * (a[0].double() + a[1]),
        ]
    }

    #[inline(always)]
    fn mul_base(a: [Self; 2], b: Self) -> [Self; 2] {
        a.map(|coefficient| coefficient * b)
    }

    #[inline(always)]
    fn frobenius(x: [Self; 2]) -> [Self; 2] {
        // The roots of x^2 - x + 2 sum to 1: the conjugate of phi is 1 - phi.
        [x[0] + x[1], -x[1]]
    }
}

/// The product in the cubic extension; phi^3 = phi + 1 and phi^4 = phi^2 + phi fold the upper
/// coefficients down.
#[inline(always)]
const fn cube_mul(a: [Felt; 3], b: [Felt; 3]) -> [Felt; 3] {
    let b0_b2 = b[0].plus(b[2]);
    let b1_b2 = b[1].plus(b[2]);
    [
        dot3(a, [b[0], b[2], b[1]]),
        dot3(a, [b[1], b0_b2, b1_b2]),
        dot3(a, [b[2], b[1], b0_b2]),
    ]
}

/// phi^p and phi^2p, the images of phi and phi^2 under the Frobenius map.
const PHI_CONJUGATES: [[Felt; 3]; 2] = {
    let mut power = [Felt::ONE, Felt::ZERO, Felt::ZERO];
    let mut bit = 64;
    while bit > 0 {
        bit -= 1;
        power = cube_mul(power, power);
        if (Felt::ORDER >> bit) & 1 == 1 {
            power = cube_mul(power, [Felt::ZERO, Felt::ONE, Felt::ZERO]);
        }
    }
    [power, cube_mul(power, power)]
};

impl ExtensibleField<3> for Felt {
    #[inline(always)]
    fn mul(a: [Self; 3], b: [Self; 3]) -> [Self; 3] {
        cube_mul(a, b)
    }

    #[inline(always)]
    fn square(a: [Self; 3]) -> [Self; 3] {
        let [a0, a1, a2] = a;
        let twice_a1 = a1.double();
        [
            dot2([a0, twice_a1], [a0, a2]),
            dot2([twice_a1, a2], [a0 + a2, a2]),
            dot2([a1, a2], [a1, a0.double() + a2]),
        ]
    }

    #[inline(always)]
    fn mul_base(a: [Self; 3], b: Self) -> [Self; 3] {
        a.map(|coefficient| coefficient * b)
    }

    #[inline(always)]
    fn frobenius(x: [Self; 3]) -> [Self; 3] {
        // Linear over the base field, whose elements it fixes.
        let [phi, phi_squared] = PHI_CONJUGATES;
        let image = |i: usize| dot2([x[1], x[2]], [phi[i], phi_squared[i]]);
        [x[0] + image(0), image(1), image(2)]
    }
}
