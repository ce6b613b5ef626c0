//! FRI as a prover does it who may cheat: layers of any function, and openings that need not match them.

use winter_math::{ExtensionOf, FieldElement, StarkField, fft, polynom};
use winterforge_air::field::{Cube, Felt};
use winterforge_verifier::stark::FriOpening;

use crate::merkle::{Digest, Tree};

/// One committed layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The function on the layer's domain.
    pub values: Vec<Cube>,
    /// The tree over its rows.
    pub tree: Tree,
    folding: usize,
}

impl Layer {
    /// Commits to a function.
    pub fn new(values: Vec<Cube>, folding: usize) -> Self {
        use winter_crypto::ElementHasher;
        let rows = values.len() / folding;
        let leaves = (0..rows)
            .map(|row| crate::merkle::Hash::hash_elements(&row_of(&values, row, folding)))
            .collect();
        Self {
            values,
            tree: Tree::new(leaves),
            folding,
        }
    }

    /// The function of the next layer.
    pub fn fold(&self, alpha: Cube) -> Vec<Cube> {
        let rows = self.values.len() / self.folding;
        (0..rows)
            .map(|row| {
                let values = row_of(&self.values, row, self.folding);
                fold_row(values, self.values.len(), row, alpha)
            })
            .collect()
    }

    /// The rows that queries at `positions` open, sorted and distinct.
    pub fn rows_of(&self, positions: &[usize]) -> Vec<usize> {
        let count = self.values.len() / self.folding;
        let mut rows: Vec<usize> = positions.iter().map(|position| position % count).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The opening for queries at `positions`. With a `target`, values that the layer before does not determine are
    /// chosen so that every row folds to the target, committed or not.
    pub fn open(
        &self,
        positions: &[usize],
        known: &[Cube],
        target: Option<(Cube, Cube)>,
    ) -> FriOpening<Cube, Digest> {
        let rows = self.rows_of(positions);
        let count = self.values.len() / self.folding;
        let mut values = Vec::new();
        for &row in &rows {
            let at = |place: usize| {
                let found = positions
                    .iter()
                    .position(|&position| position == row + place * count);
                found.map(|index| known[index])
            };
            let mut cells = row_of(&self.values, row, self.folding);
            if let Some((alpha, wanted)) = target {
                let free: Vec<usize> = (0..self.folding)
                    .filter(|&place| at(place).is_none())
                    .collect();
                for (place, cell) in cells.iter_mut().enumerate() {
                    *cell = at(place).unwrap_or(Cube::ZERO);
                }
                let size = self.values.len();
                let sum = fold_row(cells.clone(), size, row, alpha);
                let mut unit = vec![Cube::ZERO; self.folding];
                unit[free[0]] = Cube::ONE;
                cells[free[0]] = (wanted - sum) / fold_row(unit, size, row, alpha);
            }
            let free = (0..self.folding).filter(|&place| at(place).is_none());
            values.extend(free.map(|place| cells[place]));
        }
        FriOpening {
            values,
            siblings: self.tree.siblings(&rows),
        }
    }
}

fn row_of(values: &[Cube], row: usize, folding: usize) -> Vec<Cube> {
    let stride = values.len() / folding;
    (0..folding)
        .map(|place| values[row + place * stride])
        .collect()
}

/// The polynomial through a row, at `alpha`.
fn fold_row(mut values: Vec<Cube>, domain: usize, row: usize, alpha: Cube) -> Cube {
    // On x·w^j with w of order `folding`: scale the argument to the subgroup, interpolate there, evaluate at alpha/x.
    let x = point(domain, row);
    let inverse_twiddles = fft::get_inv_twiddles::<Felt>(values.len());
    fft::interpolate_poly(&mut values, &inverse_twiddles);
    polynom::eval(&values, alpha.mul_base(x.inv()))
}

/// A point of the coset of this size.
pub fn point(domain: usize, position: usize) -> Felt {
    Felt::GENERATOR * Felt::get_root_of_unity(domain.ilog2()).exp_vartime(position as u64)
}

/// The coefficients, highest first, of a function on the last domain, cut to `length`.
pub fn remainder(mut values: Vec<Cube>, length: usize) -> Vec<Cube> {
    let inverse_twiddles = fft::get_inv_twiddles::<Felt>(values.len());
    fft::interpolate_poly_with_offset(&mut values, &inverse_twiddles, Felt::GENERATOR);
    values[..length].iter().rev().copied().collect()
}

/// The polynomial through the points of the last domain at `positions`, highest coefficient first, padded to `length`.
pub fn remainder_through(values: &[Cube], positions: &[usize], length: usize) -> Vec<Cube> {
    let points: Vec<Cube> = positions
        .iter()
        .map(|&position| Cube::from(point(values.len(), position)))
        .collect();
    let taken: Vec<Cube> = positions.iter().map(|&position| values[position]).collect();
    let mut coefficients = polynom::interpolate(&points, &taken, false);
    coefficients.resize(length, Cube::ZERO);
    coefficients.reverse();
    coefficients
}
