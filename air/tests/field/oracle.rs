//! The naive field: 128-bit integers and `%`, polynomials as coefficient vectors; and the words to
//! try it on.

use winterforge_air::field::Felt;

pub(crate) const P: u128 = (1 << 64) - (1 << 32) + 1;

pub(crate) fn add(a: u64, b: u64) -> u64 {
    ((a as u128 + b as u128) % P) as u64
}

pub(crate) fn neg(a: u64) -> u64 {
    ((P - a as u128) % P) as u64
}

pub(crate) fn sub(a: u64, b: u64) -> u64 {
    add(a, neg(b))
}

pub(crate) fn mul(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) % P) as u64
}

pub(crate) fn pow(base: u64, exponent: u64) -> u64 {
    (0..64).rev().fold(1, |result, bit| {
        let squared = mul(result, result);
        if exponent >> bit & 1 == 1 {
            mul(squared, base)
        } else {
            squared
        }
    })
}

/// The monic polynomial of an extension of degree two or three, lowest coefficient first.
fn minimal_polynomial(degree: usize) -> Vec<u64> {
    match degree {
        2 => vec![2, neg(1), 1],
        3 => vec![neg(1), neg(1), 0, 1],
        _ => unreachable!("no extension of degree {degree}"),
    }
}

/// The product in an extension: schoolbook multiplication, then long division.
pub(crate) fn extension_mul(a: &[u64], b: &[u64]) -> Vec<u64> {
    let degree = a.len();
    let mut product = vec![0; 2 * degree - 1];
    for (i, &ai) in a.iter().enumerate() {
        for (j, &bj) in b.iter().enumerate() {
            product[i + j] = add(product[i + j], mul(ai, bj));
        }
    }
    let modulus = minimal_polynomial(degree);
    for top in (degree..product.len()).rev() {
        let quotient = product[top];
        for (i, &m) in modulus.iter().enumerate() {
            product[top - degree + i] = sub(product[top - degree + i], mul(quotient, m));
        }
    }
    assert!(product[degree..].iter().all(|&c| c == 0));
    product.truncate(degree);
    product
}

pub(crate) fn extension_pow(base: &[u64], exponent: u64) -> Vec<u64> {
    let mut one = vec![0; base.len()];
    one[0] = 1;
    (0..64).rev().fold(one, |result, bit| {
        let squared = extension_mul(&result, &result);
        if exponent >> bit & 1 == 1 {
            extension_mul(&squared, base)
        } else {
            squared
        }
    })
}

/// The Montgomery form, to the radix 2^64, that makes winter-math's doubling leave the field.
pub(crate) const BAD_MONTGOMERY_FORM: u64 = 0x7fff_ffff_8000_3039;

/// Words whose double lies in [p, 2^64), where a doubling that looks at the carry alone goes wrong.
pub(crate) const BAD_DOUBLES: [u64; 7] = [
    0x7fff_ffff_8000_0001,
    0x7fff_ffff_8000_0002,
    BAD_MONTGOMERY_FORM - 1,
    BAD_MONTGOMERY_FORM,
    BAD_MONTGOMERY_FORM + 1,
    0x7fff_ffff_ffff_fffe,
    0x7fff_ffff_ffff_ffff,
];

/// Canonical words at which some operation changes its course.
pub(crate) fn edges() -> Vec<u64> {
    let centres = [
        0,
        P - 1,
        1 << 16,
        1 << 31,
        1 << 32,
        1 << 33,
        1 << 48,
        1 << 63,
        (1 << 64) - (1 << 32),
        (1 << 64) - (1 << 33),
        (1 << 64) - (1 << 48),
        P / 2,
        0x7fff_ffff_8000_0000,
        0xaaaa_aaaa_aaaa_aaaa,
        0xffff_fffe_0000_0001,
    ];
    // The value which a Montgomery form stands for: form / 2^64.
    let inverse_radix = pow(pow(2, 64), (P - 2) as u64);
    let represented = BAD_DOUBLES.map(|form| mul(form, inverse_radix));

    let mut words: Vec<u64> = centres
        .iter()
        .flat_map(|&centre| {
            [
                centre + P - 2,
                centre + P - 1,
                centre,
                centre + 1,
                centre + 2,
            ]
        })
        .map(|value| (value % P) as u64)
        .chain(BAD_DOUBLES)
        .chain(represented)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// A few edges, where all of them would make too many combinations.
pub(crate) fn few_edges() -> Vec<u64> {
    let inverse_radix = pow(pow(2, 64), (P - 2) as u64);
    vec![
        0,
        1,
        2,
        5,
        (P - 1) as u64,
        (P - 2) as u64,
        (1 << 32) - 1,
        1 << 32,
        1 << 63,
        BAD_MONTGOMERY_FORM,
        mul(BAD_MONTGOMERY_FORM, inverse_radix),
        0x7fff_ffff_8000_0001,
        0x7fff_ffff_ffff_ffff,
    ]
}

/// A reproducible stream of words (SplitMix64), every other one an edge.
pub(crate) struct Words {
    state: u64,
    edges: Vec<u64>,
}

impl Words {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            edges: edges(),
        }
    }

    pub(crate) fn raw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn uniform(&mut self) -> u64 {
        loop {
            let word = self.raw();
            if Felt::is_canonical(word) {
                return word;
            }
        }
    }

    pub(crate) fn biased(&mut self) -> u64 {
        let pick = self.raw();
        match pick & 3 {
            0 | 1 => self.uniform(),
            2 => self.edges[(pick >> 2) as usize % self.edges.len()],
            // Short words: their products straddle 2^64 and 2^96.
            _ => self.uniform() >> (pick >> 2 & 63),
        }
    }
}

pub(crate) fn felt(word: u64) -> Felt {
    Felt::try_from(word).expect("the test works with canonical words")
}

/// Checks that a result is both right and canonical.
#[track_caller]
pub(crate) fn expect(what: &str, operands: &[u64], got: Felt, want: u64) {
    assert!(
        got.as_word() == want,
        "{what} of {operands:#x?}: got {:#x}, want {want:#x}",
        got.as_word()
    );
}
