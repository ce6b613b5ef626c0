//! Merkle trees with the openings of our codec, and committed matrices over them.

use winter_crypto::{ElementHasher, Hasher};
use winter_math::{FieldElement, StarkField, fft};
use winterforge_air::field::Felt;
use winterforge_verifier::bundle::HashId;

/// The hash of every commitment on the bench.
#[cfg(not(feature = "poseidon2"))]
pub type Hash = winter_crypto::hashers::Blake3_256<Felt>;
/// The hash of every commitment on the bench.
#[cfg(feature = "poseidon2")]
pub type Hash = winterforge_verifier::poseidon2::Poseidon2;
/// Its name in bundles.
pub const HASH: HashId = if cfg!(feature = "poseidon2") {
    HashId::Poseidon2
} else {
    HashId::Blake3
};
/// Its digest.
pub type Digest = <Hash as Hasher>::Digest;

/// A full binary tree, leaves first.
#[derive(Clone, Debug)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over a power of two of leaves.
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let parents = level
                .chunks_exact(2)
                .map(|pair| Hash::merge(&[pair[0], pair[1]]));
            levels.push(parents.collect());
        }
        Self { levels }
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.levels[self.levels.len() - 1][0]
    }

    /// The siblings that open the leaves at sorted, distinct `positions`: level by level, left to right.
    pub fn siblings(&self, positions: &[usize]) -> Vec<Digest> {
        let mut siblings = Vec::new();
        let mut known = positions.to_vec();
        for level in &self.levels[..self.levels.len() - 1] {
            let missing = known
                .iter()
                .map(|index| index ^ 1)
                .filter(|sibling| known.binary_search(sibling).is_err());
            siblings.extend(missing.map(|sibling| level[sibling]));
            known = known.iter().map(|index| index >> 1).collect();
            known.dedup();
        }
        siblings
    }
}

/// Columns as polynomials, their extension, and the tree over the extension's rows.
#[derive(Clone, Debug)]
pub struct Segment<F: FieldElement<BaseField = Felt>> {
    /// Coefficients, constant first.
    pub polynomials: Vec<Vec<F>>,
    /// The columns on the evaluation domain.
    pub extended: Vec<Vec<F>>,
    /// The tree over the rows.
    pub tree: Tree,
}

impl<F: FieldElement<BaseField = Felt>> Segment<F> {
    /// Extends and commits to columns over the trace domain.
    pub fn of_columns(mut columns: Vec<Vec<F>>, blowup: usize) -> Self {
        let inverse_twiddles = fft::get_inv_twiddles::<Felt>(columns[0].len());
        for column in &mut columns {
            fft::interpolate_poly(column, &inverse_twiddles);
        }
        Self::of_polynomials(columns, blowup)
    }

    /// Extends and commits to polynomials.
    pub fn of_polynomials(polynomials: Vec<Vec<F>>, blowup: usize) -> Self {
        let extended = extend(&polynomials, blowup);
        let leaves = (0..extended[0].len())
            .map(|row| Hash::hash_elements(&row_of(&extended, row)))
            .collect();
        Self {
            polynomials,
            extended,
            tree: Tree::new(leaves),
        }
    }

    /// Puts other polynomials under the old tree.
    pub fn replace_polynomials(&mut self, polynomials: Vec<Vec<F>>, blowup: usize) {
        self.extended = extend(&polynomials, blowup);
        self.polynomials = polynomials;
    }

    /// The extended rows at `positions`, concatenated.
    pub fn rows(&self, positions: &[usize]) -> Vec<F> {
        positions
            .iter()
            .flat_map(|&row| row_of(&self.extended, row))
            .collect()
    }
}

/// Polynomials on the coset of the evaluation domain.
pub fn extend<F: FieldElement<BaseField = Felt>>(
    polynomials: &[Vec<F>],
    blowup: usize,
) -> Vec<Vec<F>> {
    let twiddles = fft::get_twiddles::<Felt>(polynomials[0].len());
    polynomials
        .iter()
        .map(|polynomial| {
            fft::evaluate_poly_with_offset(polynomial, &twiddles, Felt::GENERATOR, blowup)
        })
        .collect()
}

/// One row of columns.
pub fn row_of<F: Copy>(columns: &[Vec<F>], row: usize) -> Vec<F> {
    columns.iter().map(|column| column[row]).collect()
}
