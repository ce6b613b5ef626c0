//! Operations of the base field.

use winter_math::{ExtensionOf, FieldElement, StarkField};
use winterforge_air::field::{Felt, WideSum};

use crate::oracle::{self, P, Words, edges, expect, felt};

fn check_pair(a: u64, b: u64) {
    let (x, y) = (felt(a), felt(b));
    let operands = [a, b];
    let (sum, difference, product) = (oracle::add(a, b), oracle::sub(a, b), oracle::mul(a, b));
    expect("sum", &operands, x + y, sum);
    expect("difference", &operands, x - y, difference);
    expect("product", &operands, x * y, product);
    expect(
        "product with a base element",
        &operands,
        x.mul_base(y),
        product,
    );

    let mut z = x;
    z += y;
    expect("sum in place", &operands, z, sum);
    z = x;
    z -= y;
    expect("difference in place", &operands, z, difference);
    z = x;
    z *= y;
    expect("product in place", &operands, z, product);
    assert_eq!(x == y, a == b);
}

fn check_one(a: u64) {
    let x = felt(a);
    let operands = [a];
    expect("negation", &operands, -x, oracle::neg(a));
    expect("double", &operands, x.double(), oracle::add(a, a));
    expect("square", &operands, x.square(), oracle::mul(a, a));
    expect(
        "cube",
        &operands,
        x.cube(),
        oracle::mul(oracle::mul(a, a), a),
    );
    expect("conjugate", &operands, x.conjugate(), a);
    expect("coefficient", &operands, x.base_element(0), a);
    expect("reduction", &operands, Felt::new(a), a);
    assert_eq!(x.as_int(), a);
}

#[test]
fn edge_pairs() {
    let edges = edges();
    assert!(edges.len() > 60, "too few edges: {}", edges.len());
    for &a in &edges {
        check_one(a);
        for &b in &edges {
            check_pair(a, b);
        }
    }
}

#[test]
fn biased_pairs() {
    let mut words = Words::new(1);
    for _ in 0..200_000 {
        let (a, b) = (words.biased(), words.biased());
        check_one(a);
        check_pair(a, b);
    }
}

#[test]
fn division_is_multiplication_by_the_power_p_minus_2() {
    let mut words = Words::new(2);
    let powers = (0..64).flat_map(|k| {
        [
            1_u64 << k,
            oracle::neg(1 << k),
            oracle::pow(2, 64 + k),
            oracle::pow(2, 128 + k),
        ]
    });
    let drawn: Vec<u64> = (0..5_000).map(|_| words.biased()).collect();
    let small = 0..2_000;
    for a in edges().into_iter().chain(powers).chain(drawn).chain(small) {
        let inverse = oracle::pow(a, (P - 2) as u64);
        let x = felt(a);
        expect("inverse", &[a], x.inv(), inverse);
        expect("inverse in constants", &[a], x.inverse(), inverse);

        let b = words.biased();
        let quotient = oracle::mul(b, inverse);
        expect("quotient", &[b, a], felt(b) / x, quotient);
        let mut z = felt(b);
        z /= x;
        expect("quotient in place", &[b, a], z, quotient);
    }
}

#[test]
fn powers() {
    let mut words = Words::new(3);
    let mut exponents = vec![
        0,
        1,
        2,
        3,
        7,
        63,
        64,
        1 << 32,
        (P - 2) as u64,
        (P - 1) as u64,
        P as u64,
        u64::MAX,
        1 << 63,
    ];
    exponents.extend((0..20).map(|_| words.raw()));
    for a in edges() {
        for &exponent in &exponents {
            let power = oracle::pow(a, exponent);
            let operands = [a, exponent];
            expect("power", &operands, felt(a).exp(exponent), power);
            expect(
                "power for the verifier",
                &operands,
                felt(a).exp_vartime(exponent),
                power,
            );
            expect(
                "power in constants",
                &operands,
                felt(a).pow(exponent),
                power,
            );
        }
    }
}

#[test]
fn wide_integers_reduce() {
    let mut halves = edges();
    halves.extend([P as u64, P as u64 + 1, u64::MAX - 1, u64::MAX]);
    for &high in &halves {
        for &low in &halves {
            let value = u128::from(high) << 64 | u128::from(low);
            expect(
                "reduction",
                &[high, low],
                Felt::from_wide(value),
                (value % P) as u64,
            );
        }
        expect(
            "reduction",
            &[high],
            Felt::new(high),
            (u128::from(high) % P) as u64,
        );
    }
    let mut words = Words::new(4);
    for _ in 0..100_000 {
        // Any lengths of the two halves: a short low half is what makes the reduction borrow.
        let (high, low, shifts) = (words.raw(), words.raw(), words.raw());
        let (high, low) = (high >> (shifts & 63), low >> (shifts >> 8 & 63));
        let value = u128::from(high) << 64 | u128::from(low);
        expect(
            "reduction",
            &[high, low],
            Felt::from_wide(value),
            (value % P) as u64,
        );
    }
}

#[test]
fn sums_of_products() {
    let mut words = Words::new(5);
    for terms in 0..200 {
        let (mut wide, mut want) = (WideSum::ZERO, 0);
        for _ in 0..terms {
            let (a, b, c) = (words.biased(), words.biased(), words.biased());
            wide = wide.add_product(felt(a), felt(b)).add(felt(c));
            want = oracle::add(want, oracle::add(oracle::mul(a, b), c));
        }
        expect("sum of products", &[terms], wide.reduce(), want);
    }

    let largest = felt((P - 1) as u64);
    let terms = 1 << 20;
    let wide = (0..terms).fold(WideSum::ZERO, |sum, _| sum.add_product(largest, largest));
    expect(
        "sum of the largest products",
        &[terms],
        wide.reduce(),
        terms,
    );
}

#[test]
fn sums_and_products_of_iterators() {
    let mut words = Words::new(6);
    let drawn: Vec<u64> = (0..100).map(|_| words.biased().max(1)).collect();
    let elements = || drawn.iter().map(|&a| felt(a));
    expect(
        "sum",
        &[],
        elements().sum(),
        drawn.iter().copied().fold(0, oracle::add),
    );
    expect(
        "product",
        &[],
        elements().product(),
        drawn.iter().copied().fold(1, oracle::mul),
    );
}

#[test]
fn signed_integers() {
    for value in [
        0,
        1,
        -1,
        127,
        -128,
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
        i64::from(i32::MIN),
    ] {
        let want = (i128::from(value)).rem_euclid(P as i128) as u64;
        expect(
            "signed integer",
            &[value as u64],
            Felt::from_signed(value),
            want,
        );
    }
    let half = (P / 2) as i64;
    for value in [0, 1, -1, 42, -42, half - 1, half, -half, 1 - half] {
        assert_eq!(Felt::from_signed(value).to_signed(), value);
    }
    for a in edges() {
        expect(
            "signed round trip",
            &[a],
            Felt::from_signed(felt(a).to_signed()),
            a,
        );
    }
}

#[test]
#[should_panic(expected = "none at index 1")]
fn a_base_element_has_one_coefficient() {
    let _ = felt(5).base_element(1);
}
