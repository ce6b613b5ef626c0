//! What the verifier asks of an AIR beyond `winter_air::Air`: its public columns at one point.
//!
//! winterfell interpolates every periodic column on every verification. Public columns as long as the trace are
//! cheaper by the barycentric formula (Berrut and Trefethen, "Barycentric Lagrange Interpolation", 2004): the weights
//! are computed once and shared by all columns of one length.

use std::collections::BTreeMap;

use winter_air::Air;
use winter_math::{FieldElement, StarkField};
use winterforge_air::field::{Distances, Felt, powers};
use winterforge_air::parallel;

/// Points whose weights are computed together.
const POINTS_AT_ONCE: usize = 1 << 14;

/// An AIR over our field that can be verified by [`verify_shard`](super::verify_shard).
pub trait VerifierAir: Air<BaseField = Felt> {
    /// The value at `z` of each periodic column, in the order of `get_periodic_column_values`.
    ///
    /// A column of k values over a trace of n rows is the polynomial of degree below k in x^(n/k) that takes those
    /// values cyclically. The provided method takes the values from `get_periodic_column_values`; override it where
    /// they can be had without materialising the columns.
    fn evaluate_periodic_columns<E: FieldElement<BaseField = Felt>>(&self, z: E) -> Vec<E> {
        let mut weights = BTreeMap::new();
        self.get_periodic_column_values()
            .iter()
            .map(|column| {
                let weights = weights.entry(column.len()).or_insert_with(|| {
                    let cycles = self.trace_length() / column.len();
                    lagrange_at(column.len(), power(z, cycles))
                });
                interpolate(column, weights)
            })
            .collect()
    }
}

/// The n Lagrange basis polynomials of the subgroup of order n at `z`: L_i(z) = (z^n - 1) w^i / (n (z - w^i)).
///
/// Where `z` is itself w^k, this is the k-th unit vector.
///
/// # Panics
/// If n is not a power of two, or exceeds the field's two-adicity.
#[must_use]
pub fn lagrange_at<E: FieldElement<BaseField = Felt>>(n: usize, z: E) -> Vec<E> {
    assert!(
        n.is_power_of_two(),
        "{n} is not the order of a trace domain"
    );
    let domain = domain(n);
    let vanishing = power(z, n) - E::ONE;
    if vanishing == E::ZERO {
        return domain
            .into_iter()
            .map(|x| if z == E::from(x) { E::ONE } else { E::ZERO })
            .collect();
    }
    let scale = vanishing.mul_base(power(Felt::from(2u8), n.ilog2() as usize).inv());
    let distances = Distances::new(z, scale);
    let weights = |_, part: &&[Felt]| distances.reciprocals(part, |x| x);
    let parts: Vec<&[Felt]> = domain.chunks(POINTS_AT_ONCE).collect();
    parallel::map(true, &parts, weights).concat()
}

/// The polynomial through `values` at the point for which [`lagrange_at`] gave `weights`.
#[must_use]
pub fn interpolate<E: FieldElement<BaseField = Felt>>(values: &[Felt], weights: &[E]) -> E {
    values
        .iter()
        .zip(weights)
        .fold(E::ZERO, |sum, (&value, &weight)| {
            sum + weight.mul_base(value)
        })
}

/// `base` to a power that is a size.
pub(super) fn power<E: FieldElement<BaseField = Felt>>(base: E, exponent: usize) -> E {
    base.exp_vartime((exponent as u64).into())
}

/// A generator of the subgroup of order `size`, a power of two.
pub(super) fn generator(size: usize) -> Felt {
    // winter-math has no root of order one.
    match size.ilog2() {
        0 => Felt::ONE,
        log => Felt::get_root_of_unity(log),
    }
}

/// The subgroup of order n: 1, w, w^2, ...
fn domain(n: usize) -> Vec<Felt> {
    powers(generator(n), n)
}
