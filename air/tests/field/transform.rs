//! Generator, roots of unity, and winter-math's transforms over our element.

use winter_math::{FieldElement, StarkField, fft};
use winterforge_air::field::{Cube, Felt};

use crate::oracle::{P, Words, felt};

#[test]
fn generator_has_full_order() {
    // p - 1 = 2^32 * 3 * 5 * 17 * 257 * 65537.
    let primes = [2, 3, 5, 17, 257, 65_537];
    assert_eq!(primes[1..].iter().product::<u64>() << 32, (P - 1) as u64);
    assert_eq!(Felt::GENERATOR.as_word(), 7);
    assert_eq!(Felt::GENERATOR.exp((P - 1) as u64), Felt::ONE);
    for prime in primes {
        assert_ne!(
            Felt::GENERATOR.exp((P - 1) as u64 / prime),
            Felt::ONE,
            "order divides (p - 1) / {prime}"
        );
    }
}

#[test]
fn roots_of_unity_have_their_order() {
    assert_eq!(
        (Felt::MODULUS as u128, Felt::MODULUS_BITS, Felt::TWO_ADICITY),
        (P, 64, 32)
    );
    assert_eq!((Felt::MODULUS - 1).trailing_zeros(), Felt::TWO_ADICITY);
    for n in 1..=Felt::TWO_ADICITY {
        let root = Felt::get_root_of_unity(n);
        assert_eq!(root.exp(1 << (n - 1)), -Felt::ONE, "2^{n}");
        assert_eq!(root.exp(1 << n), Felt::ONE, "2^{n}");
    }
    assert_eq!(Felt::get_root_of_unity(6), Felt::new(8));
    assert_eq!(Felt::get_root_of_unity(32), Felt::TWO_ADIC_ROOT_OF_UNITY);
}

/// The values of a polynomial at `offset * root^i`, by Horner's rule.
fn naive<E: FieldElement<BaseField = Felt>>(polynomial: &[E], size: usize, offset: Felt) -> Vec<E> {
    let root = Felt::get_root_of_unity(size.ilog2());
    (0..size as u64)
        .map(|i| {
            let point = E::from(offset * root.exp(i));
            polynomial
                .iter()
                .rev()
                .fold(E::ZERO, |value, &coefficient| value * point + coefficient)
        })
        .collect()
}

fn check_transforms<E: FieldElement<BaseField = Felt>>(mut draw: impl FnMut() -> E) {
    let offset = Felt::GENERATOR;
    for size in (1..=6).map(|n| 1_usize << n) {
        let polynomial: Vec<E> = (0..size).map(|_| draw()).collect();
        let (twiddles, inverse_twiddles) = (
            fft::get_twiddles::<Felt>(size),
            fft::get_inv_twiddles::<Felt>(size),
        );

        let mut values = polynomial.clone();
        fft::evaluate_poly(&mut values, &twiddles);
        assert_eq!(values, naive(&polynomial, size, Felt::ONE), "size {size}");
        fft::interpolate_poly(&mut values, &inverse_twiddles);
        assert_eq!(values, polynomial, "size {size}");

        for blowup in [1, 2, 8] {
            let extended = fft::evaluate_poly_with_offset(&polynomial, &twiddles, offset, blowup);
            assert_eq!(
                extended,
                naive(&polynomial, size * blowup, offset),
                "size {size}, blowup {blowup}"
            );
        }
        let mut shifted = naive(&polynomial, size, offset);
        fft::interpolate_poly_with_offset(&mut shifted, &inverse_twiddles, offset);
        assert_eq!(shifted, polynomial, "size {size}");
    }
}

#[test]
fn transforms_are_evaluations() {
    let mut words = Words::new(31);
    check_transforms(|| felt(words.biased()));
}

#[test]
fn transforms_over_the_extension_are_evaluations() {
    let mut words = Words::new(32);
    check_transforms(|| {
        Cube::new(
            felt(words.biased()),
            felt(words.biased()),
            felt(words.biased()),
        )
    });
}
