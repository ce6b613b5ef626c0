//! FRI: folding the DEEP values down to the remainder (Ben-Sasson, Bentov, Horesh, Riabzev 2018).
//!
//! A layer over a domain of size D with generator g is committed in D/N rows: row i holds the values at
//! o·g^i·w^j for j < N, w = g^(D/N), so position p sits in row p mod D/N at place p / (D/N). The polynomial through a
//! row, evaluated at the layer's challenge, is the value at position i of the next layer. As winterfell does, every
//! layer uses the same offset o: the next domain is o·g^(N·i) rather than (o·g^i)^N, a rescaling of the argument that
//! leaves degrees alone.

use winter_crypto::ElementHasher;
use winter_math::FieldElement;
use winterforge_air::field::Felt;

use super::{
    air::{generator, power},
    checks::{CheckId, CheckMask},
    deep::rows_root,
    error::StarkError,
    merkle,
    proof::{Claims, Openings},
    shape::Shape,
    transcript::Challenges,
};

/// Which rows of a layer are opened, and which of their values are known beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerPlan {
    domain_size: usize,
    folding: usize,
    /// Opened rows, sorted and distinct: the query positions of the next layer.
    pub(super) rows: Vec<usize>,
    /// For each query position of this layer, where its value is in the concatenated rows.
    known: Vec<usize>,
}

impl LayerPlan {
    fn new(positions: &[usize], domain_size: usize, folding: usize) -> Self {
        let row_count = domain_size / folding;
        let mut rows: Vec<usize> = positions.iter().map(|p| p % row_count).collect();
        rows.sort_unstable();
        rows.dedup();
        let known = positions
            .iter()
            .map(|p| {
                let row = rows.partition_point(|&row| row < p % row_count);
                row * folding + p / row_count
            })
            .collect();
        Self {
            domain_size,
            folding,
            rows,
            known,
        }
    }

    /// The plans of all layers for the sorted, distinct query positions of the first.
    pub(super) fn all(shape: &Shape, positions: &[usize]) -> Vec<Self> {
        let mut plans: Vec<Self> = Vec::with_capacity(shape.layers.len());
        for &domain_size in &shape.layers {
            let positions = plans.last().map_or(positions, |plan| &plan.rows);
            let plan = Self::new(positions, domain_size, shape.folding);
            plans.push(plan);
        }
        plans
    }

    /// The number of values that must be given: those of the opened rows that are not known.
    pub(super) fn opened_values(&self) -> usize {
        self.rows.len() * self.folding - self.known.len()
    }

    /// The number of siblings that open the rows.
    pub(super) fn sibling_count(&self) -> usize {
        merkle::sibling_count(&self.rows, self.depth())
    }

    /// The depth of the layer's tree.
    fn depth(&self) -> u32 {
        (self.domain_size / self.folding).ilog2()
    }

    /// The opened rows, concatenated, from the `known` values at the query positions and the `given` others. `None` if
    /// there are more or fewer of either than there are places.
    pub(super) fn complete<E: FieldElement>(&self, known: &[E], given: &[E]) -> Option<Vec<E>> {
        if known.len() != self.known.len() || given.len() != self.opened_values() {
            return None;
        }
        let mut places = vec![None; self.rows.len() * self.folding];
        for (&place, &value) in self.known.iter().zip(known) {
            *places.get_mut(place)? = Some(value);
        }
        let mut given = given.iter().copied();
        places
            .into_iter()
            .map(|place| place.or_else(|| given.next()))
            .collect()
    }

    /// The values that are not known beforehand, out of the opened rows in full: the inverse of
    /// [`complete`](Self::complete).
    pub(super) fn strip<E: FieldElement>(&self, rows: &[E]) -> Vec<E> {
        let mut places: Vec<Option<E>> = rows.iter().copied().map(Some).collect();
        for &place in &self.known {
            if let Some(place) = places.get_mut(place) {
                *place = None;
            }
        }
        places.into_iter().flatten().collect()
    }

    /// Each row's polynomial at `alpha`.
    pub(super) fn fold<E: FieldElement<BaseField = Felt>>(
        &self,
        rows: &[E],
        offset: Felt,
        alpha: E,
    ) -> Vec<E> {
        let generator = generator(self.domain_size).inv();
        let root = power(generator, self.domain_size / self.folding);
        let offset = offset.inv();
        self.rows
            .iter()
            .zip(rows.chunks(self.folding))
            .map(|(&row, values)| {
                let x_inverse = offset * power(generator, row);
                fold_row(values.to_vec(), x_inverse, root, alpha)
            })
            .collect()
    }
}

/// The polynomial that takes `values` at x, xw, xw^2, ..., evaluated at `alpha`, given the inverses of x and w.
///
/// Halves the row until one value is left. The even and the odd part of f satisfy f(±x) = e(x^2) ± x·o(x^2), so
/// f(alpha) is e + alpha·o at alpha^2, and the row of (e + alpha·o) is over x^2, (xw)^2, ...
fn fold_row<E: FieldElement<BaseField = Felt>>(
    mut values: Vec<E>,
    mut x_inverse: Felt,
    mut root_inverse: Felt,
    mut alpha: E,
) -> E {
    let scale = Felt::from(values.len() as u32).inv();
    while values.len() > 1 {
        let (low, high) = values.split_at(values.len() / 2);
        let mut point_inverse = x_inverse;
        let half = low
            .iter()
            .zip(high)
            .map(|(&plus, &minus)| {
                // Twice e + alpha·o; all the factors of two are taken out at the end.
                let folded = plus + minus + alpha * (plus - minus).mul_base(point_inverse);
                point_inverse *= root_inverse;
                folded
            })
            .collect();
        values = half;
        x_inverse = x_inverse.square();
        root_inverse = root_inverse.square();
        alpha = alpha.square();
    }
    values
        .first()
        .map_or(E::ZERO, |value| value.mul_base(scale))
}

/// Follows the DEEP `evaluations` at the query positions down to the remainder.
pub(super) fn verify<E, H>(
    shape: &Shape,
    plans: &[LayerPlan],
    claims: &Claims<E, H::Digest>,
    openings: &Openings<E, H::Digest>,
    challenges: &Challenges<E>,
    mut evaluations: Vec<E>,
    checks: &CheckMask,
) -> Result<(), StarkError>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let layers = plans
        .iter()
        .zip(&claims.fri_roots)
        .zip(&openings.fri_layers)
        .zip(&challenges.alphas);
    for (layer, (((plan, &root), opening), &alpha)) in layers.enumerate() {
        let mismatch = || StarkError::FriLayerMismatch { layer };
        let rows = plan
            .complete(&evaluations, &opening.values)
            .ok_or_else(mismatch)?;
        let found = rows_root::<_, H>(
            &rows,
            shape.folding,
            &opening.siblings,
            &plan.rows,
            plan.depth(),
        );
        checks.require(CheckId::FriLayers, found == Some(root), mismatch)?;
        evaluations = plan.fold(&rows, shape.offset, alpha);
    }

    let positions = plans
        .last()
        .map_or(&challenges.positions, |plan| &plan.rows);
    let generator = generator(shape.remainder_domain);
    let on_remainder = positions.iter().zip(evaluations).all(|(&p, value)| {
        let x = E::from(shape.offset * power(generator, p));
        let expected = claims
            .remainder
            .iter()
            .fold(E::ZERO, |sum, &coefficient| sum * x + coefficient);
        expected == value
    });
    checks.require(CheckId::FriRemainder, on_remainder, || {
        StarkError::FriRemainderMismatch
    })
}

/// Fails unless the remainder is the committed one (R9: winterfell leaves this out, so that its remainder can be
/// chosen after the queries).
pub(super) fn require_remainder<E, H>(
    claims: &Claims<E, H::Digest>,
    checks: &CheckMask,
) -> Result<(), StarkError>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let committed = H::hash_elements(&claims.remainder) == claims.remainder_root;
    checks.require(CheckId::RemainderCommitment, committed, || {
        StarkError::FriRemainderCommitment
    })
}

#[cfg(test)]
mod tests {
    use winter_math::{fields::CubeExtension, polynom};

    use super::*;

    type Cube = CubeExtension<Felt>;

    fn element(seed: u64) -> Cube {
        let word = |k: u64| Felt::new((seed + k).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Cube::new(word(1), word(2), word(3))
    }

    #[test]
    fn folding_a_row_is_interpolation() {
        let alpha = element(99);
        for folding in [1, 2, 4, 8, 16] {
            let root = generator(folding);
            let x = Felt::new(1_234_567);
            let values: Vec<Cube> = (0..folding as u64).map(element).collect();
            let points: Vec<Cube> = (0..folding)
                .map(|j| Cube::from(x * power(root, j)))
                .collect();
            let poly = polynom::interpolate(&points, &values, false);
            let folded = fold_row(values, x.inv(), root.inv(), alpha);
            assert_eq!(folded, polynom::eval(&poly, alpha), "{folding}");
        }
    }

    #[test]
    fn known_and_given_values_make_up_the_rows() {
        let positions = [1, 3, 9, 12, 13, 17, 31];
        for folding in [2, 4, 8, 16] {
            let plan = LayerPlan::new(&positions, 32, folding);
            let rows: Vec<Cube> = (0..(plan.rows.len() * folding) as u64)
                .map(element)
                .collect();
            let row_count = 32 / folding;
            let known: Vec<Cube> = positions
                .iter()
                .map(|p| {
                    let row = plan.rows.iter().position(|&r| r == p % row_count).unwrap();
                    rows[row * folding + p / row_count]
                })
                .collect();
            let given = plan.strip(&rows);
            assert_eq!(given.len(), plan.opened_values());
            assert_eq!(plan.complete(&known, &given), Some(rows));
            assert_eq!(plan.complete(&known, &given[1..]), None);
            assert_eq!(plan.complete(&known[1..], &given), None);
        }
    }
}
