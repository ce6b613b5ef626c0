//! What is computed for many elements at once, against one at a time.

use winter_math::FieldElement;
use winterforge_air::field::{
    Cube, Distances, Felt, Quad, from_basis_coefficients, invert, powers, sum_of_products,
};

use crate::oracle::{Words, edges, felt};

fn elements<E: FieldElement<BaseField = Felt>>(words: &mut Words, count: usize) -> Vec<E> {
    let mut element = || {
        let coefficients: Vec<Felt> = (0..E::EXTENSION_DEGREE)
            .map(|_| felt(words.biased()))
            .collect();
        from_basis_coefficients(&coefficients)
    };
    (0..count).map(|_| element()).collect()
}

fn check<E: FieldElement<BaseField = Felt>>(words: &mut Words) {
    for count in [0, 1, 2, 7, 8, 9, 40] {
        let (a, b): (Vec<E>, Vec<E>) = (elements(words, count), elements(words, count));
        let pairs = || a.iter().copied().zip(b.iter().copied());
        let sum = pairs().fold(E::ZERO, |sum, (a, b)| sum + a * b);
        assert_eq!(sum_of_products(pairs()), sum);

        let base = elements::<E>(words, 1)[0];
        let each: Vec<E> = (0..count as u64).map(|k| base.exp(k.into())).collect();
        assert_eq!(powers(base, count), each);

        let [z, scale] = [0, 1].map(|_| elements::<E>(words, 1)[0]);
        let points: Vec<Felt> = elements(words, count);
        let each: Vec<E> = (points.iter())
            .map(|&x| scale.mul_base(x) / (z - E::from(x)))
            .collect();
        assert_eq!(Distances::new(z, scale).reciprocals(&points, |x| x), each);
    }
}

#[test]
fn sums_powers_and_reciprocals() {
    let mut words = Words::new(1);
    for _ in 0..200 {
        check::<Felt>(&mut words);
        check::<Quad>(&mut words);
        check::<Cube>(&mut words);
    }
}

#[test]
fn no_distance_has_no_reciprocal() {
    let points = [3, 5, 7].map(Felt::new);
    let reciprocals = Distances::new(Cube::from(points[1]), Cube::ONE).reciprocals(&points, |x| x);
    assert_eq!(reciprocals[1], Cube::ZERO);
    assert!(reciprocals[0] != Cube::ZERO && reciprocals[2] != Cube::ZERO);
}

#[test]
fn inverses_of_edges_and_zeros() {
    let all: Vec<Felt> = edges()
        .into_iter()
        .map(felt)
        .chain([Felt::ZERO; 3])
        .collect();
    for count in 0..all.len() {
        let mut values = all[..count].to_vec();
        invert(&mut values);
        for (&value, inverse) in all.iter().zip(values) {
            let product = if value == Felt::ZERO {
                Felt::ZERO
            } else {
                Felt::ONE
            };
            assert_eq!(value * inverse, product);
            assert_eq!(inverse, value.inverse());
        }
    }
}
