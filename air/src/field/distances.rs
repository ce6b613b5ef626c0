//! Reciprocals of the distances from one element of an extension to many of the base field.
//!
//! With the conjugates z_i of z, `1 / (z - x)` is the product of all `z_i - x` but the first over the product of them all.
//! The latter, the norm, is a polynomial in x over the base field and has its values there, where inverting is cheap: about
//! 17 products of words for a point, where Montgomery's trick in the cubic extension takes 27.

use winter_math::FieldElement;

use super::Felt;

/// Chains of products that run side by side, so that none waits for the one before.
const CHAINS: usize = 8;

/// The two polynomials in x whose quotient is `scale / (z - x)`.
#[derive(Clone, Debug)]
pub struct Distances<E> {
    /// Constant first.
    norm: Vec<Felt>,
    cofactor: Vec<E>,
}

impl<E: FieldElement<BaseField = Felt>> Distances<E> {
    /// The distances from `z`, their reciprocals `scale` times as large.
    pub fn new(z: E, scale: E) -> Self {
        let conjugates: Vec<E> = std::iter::successors(Some(z), |z| Some(z.conjugate()))
            .take(E::EXTENSION_DEGREE)
            .collect();
        let times = |polynomial: Vec<E>, root: &E| {
            let mut product = vec![E::ZERO; polynomial.len() + 1];
            for (index, &coefficient) in polynomial.iter().enumerate() {
                product[index] += coefficient * *root;
                product[index + 1] -= coefficient;
            }
            product
        };
        let norm = conjugates.iter().fold(vec![E::ONE], times);
        Self {
            norm: norm.iter().map(|c| c.base_element(0)).collect(),
            cofactor: conjugates[1..].iter().fold(vec![scale], times),
        }
    }

    /// `numerator(x) * scale / (z - x)` for each point x, and zero where x is z.
    pub fn reciprocals(&self, points: &[Felt], numerator: impl Fn(Felt) -> Felt) -> Vec<E> {
        let at = |x: Felt| {
            let coefficients = self.norm.iter().rev();
            coefficients.fold(Felt::ZERO, |value, &c| value * x + c)
        };
        let mut norms: Vec<Felt> = points.iter().map(|&x| at(x)).collect();
        invert(&mut norms);
        let reciprocal = |(&x, inverse): (&Felt, Felt)| {
            let coefficients = self.cofactor.iter().rev();
            let value = coefficients.fold(E::ZERO, |value, &c| value.mul_base(x) + c);
            value.mul_base(inverse * numerator(x))
        };
        points.iter().zip(norms).map(reciprocal).collect()
    }
}

/// Inverts all values by Montgomery's trick; zeros stay zeros.
pub fn invert(values: &mut [Felt]) {
    let or_one = |value: Felt| {
        if value == Felt::ZERO {
            Felt::ONE
        } else {
            value
        }
    };
    // What stands before each value in its chain, multiplied up.
    let mut before = Vec::with_capacity(values.len());
    let mut products = [Felt::ONE; CHAINS];
    for values in values.chunks(CHAINS) {
        for (product, &value) in products.iter_mut().zip(values) {
            before.push(*product);
            *product *= or_one(value);
        }
    }
    let mut inverses = products.map(Felt::inverse);
    let chunks = values.chunks_mut(CHAINS).zip(before.chunks(CHAINS));
    for (values, before) in chunks.rev() {
        for ((inverse, value), &before) in inverses.iter_mut().zip(values).zip(before) {
            if *value == Felt::ZERO {
                continue;
            }
            let inverted = *inverse * before;
            *inverse *= *value;
            *value = inverted;
        }
    }
}

/// The first powers of `base`, from its zeroth on.
pub fn powers<E: FieldElement>(base: E, count: usize) -> Vec<E> {
    let mut powers = Vec::with_capacity(count);
    let mut power = E::ONE;
    for _ in 0..count.min(CHAINS) {
        powers.push(power);
        power *= base;
    }
    // Behind the first few, a power is another one, that many places back, times the same factor.
    for index in CHAINS..count {
        powers.push(powers[index - CHAINS] * power);
    }
    powers
}
