//! Points of cosets, lane by lane, and quotients by their distances from other points.

use rayon::prelude::*;
use winter_math::{FieldElement, StarkField, batch_inversion};
use winterforge_air::field::{Cube, Felt, basis_coefficients};

use crate::simd::Lanes;

/// Rows that one task works on.
pub(super) const CHUNK_ROWS: usize = 1 << 10;

/// `first`, `first ratio`, `first ratio^2`, .. in the lanes of a vector.
#[inline(always)]
pub(super) fn progression<V: Lanes>(first: Felt, ratio: Felt) -> V {
    let mut lanes = [Felt::ZERO; 8];
    let mut power = first;
    for lane in &mut lanes[..V::WIDTH] {
        *lane = power;
        power *= ratio;
    }
    V::load(&lanes)
}

/// A generator of the subgroup of order `2^log`.
pub(super) fn generator(log: u32) -> Felt {
    Felt::TWO_ADIC_ROOT_OF_UNITY.pow(1 << (Felt::TWO_ADICITY - log))
}

/// The elements of a subgroup, in order.
fn subgroup(log: u32, from: usize, count: usize) -> Vec<Felt> {
    let generator = generator(log);
    std::iter::successors(Some(generator.pow(from as u64)), |&x| Some(x * generator))
        .take(count)
        .collect()
}

/// `1 / (shift g^r - 1)` for every r below n, g of order n = `2^log`; `shift^n` must not be one.
pub(super) fn distances_from_one(log: u32, shift: Felt) -> Vec<Felt> {
    let n = 1 << log;
    let mut inverses = vec![Felt::ZERO; n];
    inverses
        .par_chunks_mut(CHUNK_ROWS)
        .enumerate()
        .for_each(|(chunk, inverses)| {
            let mut points = subgroup(log, chunk * CHUNK_ROWS, inverses.len());
            points.iter_mut().for_each(|x| *x = shift * *x - Felt::ONE);
            inverses.copy_from_slice(&batch_inversion(&points));
        });
    inverses
}

/// `1 / (w - g^r)` for every r below n, g of order n = `2^log`: one column for each coordinate. `w^n` must not be one.
pub(super) fn distances(log: u32, w: Cube) -> [Vec<Felt>; 3] {
    let n = 1 << log;
    let mut columns: [Vec<Felt>; 3] = std::array::from_fn(|_| vec![Felt::ZERO; n]);
    let [a, b, c] = &mut columns;
    let chunks = a
        .par_chunks_mut(CHUNK_ROWS)
        .zip(b.par_chunks_mut(CHUNK_ROWS))
        .zip(c.par_chunks_mut(CHUNK_ROWS));
    chunks.enumerate().for_each(|(chunk, ((a, b), c))| {
        let points = subgroup(log, chunk * CHUNK_ROWS, a.len());
        let points: Vec<Cube> = points.into_iter().map(|x| w - Cube::from(x)).collect();
        for (row, inverse) in batch_inversion(&points).iter().enumerate() {
            let coordinates = basis_coefficients(inverse);
            (a[row], b[row], c[row]) = (coordinates[0], coordinates[1], coordinates[2]);
        }
    });
    columns
}

#[cfg(test)]
mod tests {
    use winterforge_air::field::from_basis_coefficients;

    use super::*;

    #[test]
    fn distances_are_inverted() {
        let log = 11;
        let shift = Felt::GENERATOR;
        let w: Cube = from_basis_coefficients(&[3, 5, 7].map(Felt::new));
        let base = distances_from_one(log, shift);
        let columns = distances(log, w);
        for (row, inverse) in base.into_iter().enumerate() {
            let x = generator(log).pow(row as u64);
            assert_eq!(inverse * (shift * x - Felt::ONE), Felt::ONE);
            let inverse: Cube = from_basis_coefficients(&[0, 1, 2].map(|i: usize| columns[i][row]));
            assert_eq!(inverse * (w - Cube::from(x)), Cube::ONE);
        }
    }
}
