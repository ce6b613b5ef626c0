//! The extensions of degree two and three, as winter-math's generic types over our element.

use winter_math::{ExtensibleField, ExtensionOf, FieldElement};
use winterforge_air::field::{
    Cube, Felt, Quad, basis, basis_coefficients, from_basis_coefficients,
};

use crate::oracle::{self, BAD_DOUBLES, P, Words, edges, felt, few_edges};

fn element<E: FieldElement<BaseField = Felt>>(words: &[u64]) -> E {
    let coefficients: Vec<Felt> = words.iter().map(|&word| felt(word)).collect();
    from_basis_coefficients(&coefficients)
}

#[track_caller]
fn expect<E: FieldElement<BaseField = Felt>>(
    what: &str,
    operands: &[&[u64]],
    got: E,
    want: &[u64],
) {
    let got: Vec<u64> = basis_coefficients(&got)
        .iter()
        .map(|c| c.as_word())
        .collect();
    assert!(
        got == want,
        "{what} of {operands:#x?}: got {got:#x?}, want {want:#x?}"
    );
}

fn zip(a: &[u64], b: &[u64], op: fn(u64, u64) -> u64) -> Vec<u64> {
    a.iter().zip(b).map(|(&a, &b)| op(a, b)).collect()
}

fn check_square<E: FieldElement<BaseField = Felt>>(a: &[u64]) {
    let x: E = element(a);
    let square = oracle::extension_mul(a, a);
    expect("square", &[a], x.square(), &square);
    expect("product with itself", &[a], x * x, &square);
    expect("second power", &[a], x.exp(2_u64.into()), &square);
}

fn check_pair<E: FieldElement<BaseField = Felt>>(a: &[u64], b: &[u64]) {
    let (x, y): (E, E) = (element(a), element(b));
    let operands = [a, b];
    let product = oracle::extension_mul(a, b);
    expect("product", &operands, x * y, &product);
    expect("product, turned", &operands, y * x, &product);
    expect("sum", &operands, x + y, &zip(a, b, oracle::add));
    expect("difference", &operands, x - y, &zip(a, b, oracle::sub));
    let scaled: Vec<u64> = a.iter().map(|&c| oracle::mul(c, b[0])).collect();
    expect(
        "product with a base element",
        &operands,
        x.mul_base(felt(b[0])),
        &scaled,
    );
    expect(
        "product with an embedded element",
        &operands,
        x * E::from(felt(b[0])),
        &scaled,
    );
    expect("double", &[a], x.double(), &zip(a, a, oracle::add));
    expect(
        "negation",
        &[a],
        -x,
        &a.iter().map(|&c| oracle::neg(c)).collect::<Vec<_>>(),
    );
    expect(
        "cube",
        &[a],
        x.cube(),
        &oracle::extension_mul(&oracle::extension_mul(a, a), a),
    );
}

fn check_group<E: FieldElement<BaseField = Felt>>(a: &[u64], exponent: u64) {
    let x: E = element(a);
    expect(
        "power",
        &[a, &[exponent]],
        x.exp(exponent.into()),
        &oracle::extension_pow(a, exponent),
    );
    expect(
        "conjugate",
        &[a],
        x.conjugate(),
        &oracle::extension_pow(a, P as u64),
    );
    let degree = E::EXTENSION_DEGREE;
    assert_eq!(
        (0..degree).fold(x, |x, _| x.conjugate()),
        x,
        "conjugating {degree} times"
    );

    let inverse = x.inv();
    if x == E::ZERO {
        assert_eq!(inverse, E::ZERO);
    } else {
        let inverse_words: Vec<u64> = basis_coefficients(&inverse)
            .iter()
            .map(|c| c.as_word())
            .collect();
        let mut one = vec![0; degree];
        one[0] = 1;
        assert_eq!(
            oracle::extension_mul(a, &inverse_words),
            one,
            "inverse of {a:#x?}"
        );
        let same = x;
        expect("quotient by itself", &[a], x / same, &one);
    }
}

fn check_drawn<E: FieldElement<BaseField = Felt>>(seed: u64) {
    let mut words = Words::new(seed);
    let mut draw = || {
        (0..E::EXTENSION_DEGREE)
            .map(|_| words.biased())
            .collect::<Vec<u64>>()
    };
    for _ in 0..50_000 {
        let (a, b) = (draw(), draw());
        check_square::<E>(&a);
        check_pair::<E>(&a, &b);
    }
    for _ in 0..300 {
        let (a, b) = (draw(), draw());
        check_group::<E>(&a, b[0]);
        check_group::<E>(&a, b[1]);
    }
}

#[test]
fn quadratic_edges() {
    let edges = edges();
    for &a0 in &edges {
        for &a1 in &edges {
            check_square::<Quad>(&[a0, a1]);
        }
    }
    let few = few_edges();
    for (i, &a0) in few.iter().enumerate() {
        for &a1 in &few {
            check_group::<Quad>(&[a0, a1], few[(i + 1) % few.len()]);
            for &b0 in &few {
                for &b1 in &few {
                    check_pair::<Quad>(&[a0, a1], &[b0, b1]);
                }
            }
        }
    }
}

#[test]
fn cubic_edges() {
    let few = few_edges();
    let triples: Vec<[u64; 3]> = few
        .iter()
        .flat_map(|&a0| {
            few.iter().flat_map({
                let few = &few;
                move |&a1| few.iter().map(move |&a2| [a0, a1, a2])
            })
        })
        .collect();
    for (i, a) in triples.iter().enumerate() {
        check_square::<Cube>(a);
        if i % 7 == 0 {
            check_group::<Cube>(a, few[i % few.len()]);
        }
        // A step coprime to the count meets every pair of coefficients at the same place.
        for b in triples.iter().step_by(89) {
            check_pair::<Cube>(a, b);
        }
    }
    // Any edge against the few, at each place of the square.
    for &edge in &edges() {
        for &f in &few {
            for &g in &few {
                check_square::<Cube>(&[edge, f, g]);
                check_square::<Cube>(&[f, edge, g]);
                check_square::<Cube>(&[f, g, edge]);
            }
        }
    }
}

#[test]
fn quadratic_drawn() {
    check_drawn::<Quad>(21);
}

#[test]
fn cubic_drawn() {
    check_drawn::<Cube>(22);
}

/// The shape on which winter-math's own element disagrees with itself, at every value that could
/// upset a doubling.
#[test]
fn squares_of_the_known_bad_shape() {
    let inverse_radix = oracle::pow(oracle::pow(2, 64), (P - 2) as u64);
    let mut middles = edges();
    middles.extend(BAD_DOUBLES.map(|form| oracle::mul(form, inverse_radix)));
    for w in middles {
        check_square::<Cube>(&[5, w, 1]);
        check_square::<Cube>(&[w, 5, 1]);
        check_square::<Cube>(&[5, 1, w]);
        check_square::<Quad>(&[5, w]);
        check_square::<Quad>(&[w, 1]);
        // Each product that the square doubles brought to w in turn: a0 = 1, or a2 = 1.
        check_square::<Cube>(&[1, w, 0]);
        check_square::<Cube>(&[1, 0, w]);
        check_square::<Cube>(&[0, w, 1]);
    }
}

#[test]
fn polynomials_and_basis() {
    let phi: Quad = element(&[0, 1]);
    assert_eq!(phi * phi - phi + Quad::from(2_u32), Quad::ZERO);
    let phi: Cube = element(&[0, 0, 1]);
    assert_eq!(phi, basis::<Cube>()[1] * basis::<Cube>()[1]);
    let phi = basis::<Cube>()[1];
    assert_eq!(phi * phi * phi - phi - Cube::ONE, Cube::ZERO);

    assert_eq!(basis::<Felt>(), [Felt::ONE]);
    assert_eq!(basis::<Quad>().len(), 2);
    assert_eq!(basis::<Cube>().len(), 3);
    let coefficients = [felt(7), felt(8), felt(9)];
    let composed: Cube = from_basis_coefficients(&coefficients);
    assert_eq!(composed, Cube::new(felt(7), felt(8), felt(9)));
    assert_eq!(basis_coefficients(&composed), coefficients);
    let sum = basis::<Cube>()
        .into_iter()
        .zip(coefficients)
        .fold(Cube::ZERO, |sum, (b, c)| sum + b.mul_base(c));
    assert_eq!(sum, composed);
    assert_eq!(basis_coefficients(&felt(3)), [felt(3)]);
    assert!(Quad::is_supported() && Cube::is_supported());
}

#[test]
#[should_panic(expected = "one coefficient per basis element")]
fn a_missing_coefficient_is_refused() {
    let _: Cube = from_basis_coefficients(&[Felt::ONE]);
}

#[test]
#[should_panic(expected = "one coefficient per basis element")]
fn a_second_element_is_refused() {
    let _: Quad = from_basis_coefficients(&[Felt::ONE; 4]);
}

/// The trait's functions themselves, which generic code may call past the element types.
#[test]
fn trait_functions_agree_with_the_types() {
    let mut words = Words::new(23);
    for _ in 0..1_000 {
        let a: [Felt; 3] = std::array::from_fn(|_| felt(words.biased()));
        let cube = Cube::new(a[0], a[1], a[2]);
        assert_eq!(
            <Felt as ExtensibleField<3>>::square(a),
            cube.square().to_base_elements()
        );
        assert_eq!(
            <Felt as ExtensibleField<3>>::frobenius(a),
            cube.conjugate().to_base_elements()
        );
        let quad = Quad::new(a[0], a[1]);
        assert_eq!(
            <Felt as ExtensibleField<2>>::square([a[0], a[1]]),
            quad.square().to_base_elements()
        );
        assert_eq!(
            <Felt as ExtensibleField<2>>::frobenius([a[0], a[1]]),
            quad.conjugate().to_base_elements()
        );
    }
}
