//! Our element beside winter-math's own: the same field, word for word, but for the values where
//! theirs is wrong.

use std::panic;

use winter_math::{
    ExtensibleField, FieldElement, StarkField, fft,
    fields::{CubeExtension, QuadExtension, f64::BaseElement},
};
use winter_utils::Serializable;
use winterforge_air::field::{Cube, Felt, Quad};

use crate::oracle::{BAD_MONTGOMERY_FORM, Words, felt};

fn theirs(x: Felt) -> BaseElement {
    BaseElement::new(x.as_word())
}

/// `n` random elements; uniform, since their arithmetic fails at edges.
fn draw(seed: u64, n: usize) -> Vec<Felt> {
    let mut words = Words::new(seed);
    (0..n).map(|_| felt(words.uniform())).collect()
}

#[test]
fn constants_agree() {
    assert_eq!(Felt::MODULUS, BaseElement::MODULUS);
    assert_eq!(Felt::GENERATOR.as_int(), BaseElement::GENERATOR.as_int());
    assert_eq!(Felt::TWO_ADICITY, BaseElement::TWO_ADICITY);
    assert_eq!(
        Felt::TWO_ADIC_ROOT_OF_UNITY.as_int(),
        BaseElement::TWO_ADIC_ROOT_OF_UNITY.as_int()
    );
    assert_eq!(Felt::ELEMENT_BYTES, BaseElement::ELEMENT_BYTES);
    assert_eq!(
        Felt::get_modulus_le_bytes(),
        BaseElement::get_modulus_le_bytes()
    );
    for n in 1..=32 {
        assert_eq!(
            Felt::get_root_of_unity(n).as_int(),
            BaseElement::get_root_of_unity(n).as_int()
        );
    }
}

#[test]
fn encodings_agree() {
    for x in draw(41, 100) {
        assert_eq!(x.to_bytes(), theirs(x).to_bytes());
        assert_eq!(x.to_string(), theirs(x).to_string());
    }
}

#[test]
fn transforms_agree() {
    for size in (1..=12).map(|n| 1_usize << n) {
        let mut ours = draw(42, size);
        let mut other: Vec<BaseElement> = ours.iter().map(|&x| theirs(x)).collect();
        fft::evaluate_poly(&mut ours, &fft::get_twiddles::<Felt>(size));
        fft::evaluate_poly(&mut other, &fft::get_twiddles::<BaseElement>(size));
        assert!(
            ours.iter()
                .map(|x| x.as_int())
                .eq(other.iter().map(|x| x.as_int())),
            "size {size}"
        );
    }
}

#[test]
fn extensions_agree() {
    for w in draw(43, 6 * 500).chunks(6) {
        let lift = |a: &[Felt]| CubeExtension::new(theirs(a[0]), theirs(a[1]), theirs(a[2]));
        let (x, y) = (Cube::new(w[0], w[1], w[2]), Cube::new(w[3], w[4], w[5]));
        let (x_theirs, y_theirs) = (lift(&w[..3]), lift(&w[3..]));
        assert_eq!((x * y).to_bytes(), (x_theirs * y_theirs).to_bytes());
        assert_eq!((x / y).to_bytes(), (x_theirs / y_theirs).to_bytes());
        assert_eq!(x.conjugate().to_bytes(), x_theirs.conjugate().to_bytes());

        let (x, y) = (Quad::new(w[0], w[1]), Quad::new(w[2], w[3]));
        let x_theirs = QuadExtension::new(theirs(w[0]), theirs(w[1]));
        let y_theirs = QuadExtension::new(theirs(w[2]), theirs(w[3]));
        assert_eq!((x * y).to_bytes(), (x_theirs * y_theirs).to_bytes());
        assert_eq!((x / y).to_bytes(), (x_theirs / y_theirs).to_bytes());
        assert_eq!(x.conjugate().to_bytes(), x_theirs.conjugate().to_bytes());
    }
}

fn bad_shape<B: ExtensibleField<3>>(lift: impl Fn(u64) -> B) -> CubeExtension<B> {
    let middle = BaseElement::from_mont(BAD_MONTGOMERY_FORM).as_int();
    CubeExtension::new(lift(5), lift(middle), lift(1))
}

/// Why this workspace has a field of its own.
#[test]
fn upstream_square_is_still_wrong() {
    // Built with overflow checks, their addition panics on the element that their doubling let out
    // of the field.
    let outcome = panic::catch_unwind(|| {
        let x = bad_shape(BaseElement::new);
        x.square() == x * x
    });
    assert!(
        !matches!(outcome, Ok(true)),
        "winter-math's doubling was repaired: reconsider what is said about it"
    );
}

#[test]
fn our_square_is_right_where_theirs_is_not() {
    let x: Cube = bad_shape(felt);
    assert_eq!(x.square(), x * x);
    // Their product takes another path than their square and is right on this value.
    let upstream = bad_shape(BaseElement::new);
    assert_eq!(x.square().to_bytes(), (upstream * upstream).to_bytes());
}
