//! Products of two tensors at the cost of their cells: `sum_k A[i, k] B[k, j]` for all i and j at once.
//!
//! Number the equations of one product so that the one of output (i, j) is `e0 + i S + j`. Folded by powers of `rho`, all
//! its sums of products together are
//!
//! ```text
//! sum over i, j of rho^(e0 + i S + j) sum_k A[i, k] B[k, j]  =  rho^e0 sum_k (sum_i rho^(i S) A[i, k]) (sum_j rho^j B[k, j])
//! ```
//!
//! A lane holds, for one k, copies of `tile` cells of a column of A and of `tile` cells of a row of B, less their zero
//! points; one auxiliary cell is the product of the two folded sums, and enters the joint check with the coefficient of
//! its first equation. The stride S is the same for all products of a plan, and so wide that no equation of another row,
//! sample or unused lane is met; where a tile reaches beyond a matrix its cells are copies of nothing, which their
//! equations force to zero.

use winterforge_model::{Graph, Node};

use crate::algebra::{Algebra, Over};
use crate::geometry::MAX_LANES;
use crate::plan::PlanError;

/// Numbers of cells of either matrix in a lane that a plan chooses from.
pub const TILES: [usize; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64];

/// The sizes of a product, and the tensor of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Matrices of one sample.
    pub matrices: usize,
    /// Rows of A.
    pub rows: usize,
    /// Columns of A, rows of B.
    pub inner: usize,
    /// Columns of B.
    pub columns: usize,
    /// The tensor of the parts, of the trace only.
    pub parts: usize,
}

impl Product {
    /// The product that a node computes, its parts being the tensor `parts`.
    ///
    /// # Errors
    /// If the node is no product of two tensors.
    pub fn new(graph: &Graph, node: &Node, parts: usize) -> Result<Self, PlanError> {
        let shape = |index: usize| match node.inputs.get(index) {
            Some(&id) => graph.tensor(id).shape.as_slice(),
            None => &[],
        };
        let (&[ref leading @ .., rows, inner], Some(&columns)) = (shape(0), shape(1).last()) else {
            return Err(PlanError::Unsupported {
                node: node.name.clone(),
                operator: node.op.name(),
                reason: "it has not two matrices",
            });
        };
        Ok(Self {
            matrices: leading.iter().product(),
            rows,
            inner,
            columns,
            parts,
        })
    }

    /// Tiles along rows and columns.
    fn tiles(&self, tile: usize) -> [usize; 2] {
        [self.rows, self.columns].map(|size| size.div_ceil(tile.max(1)))
    }

    /// Lanes of one sample.
    pub fn lanes(&self, tile: usize) -> usize {
        let [down, across] = self.tiles(tile);
        self.matrices * self.inner * down * across
    }

    /// Calls `visit(lane, matrix, k, first row, first column)` for each lane of one sample.
    pub fn visit_lanes(
        &self,
        tile: usize,
        mut visit: impl FnMut(usize, usize, usize, usize, usize),
    ) {
        let [down, across] = self.tiles(tile);
        let mut lane = 0;
        for matrix in 0..self.matrices {
            for k in 0..self.inner {
                for row in 0..down {
                    for column in 0..across {
                        visit(lane, matrix, k, row * tile, column * tile);
                        lane += 1;
                    }
                }
            }
        }
    }

    /// Calls `visit(link, operand, cell)` for each copy of one sample: `link` counts lanes times links and links,
    /// `operand` is 0 or 1. Links that copy nothing are left out.
    pub fn visit_copies(&self, tile: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let Self {
            rows,
            inner,
            columns,
            ..
        } = *self;
        self.visit_lanes(tile, |lane, matrix, k, first_row, first_column| {
            let links = 2 * tile * lane;
            for (link, row) in (first_row..rows.min(first_row + tile)).enumerate() {
                visit(links + link, 0, (matrix * rows + row) * inner + k);
            }
            for (link, column) in (first_column..columns.min(first_column + tile)).enumerate() {
                visit(
                    links + tile + link,
                    1,
                    (matrix * inner + k) * columns + column,
                );
            }
        });
    }

    /// For each lane of one sample, its first output: row of all matrices, and column.
    pub fn first_outputs(&self, tile: usize) -> Vec<(usize, usize)> {
        let mut firsts = Vec::with_capacity(self.lanes(tile));
        self.visit_lanes(tile, |_, matrix, _, row, column| {
            firsts.push((matrix * self.rows + row, column));
        });
        firsts
    }

    /// Rows of equations that the outputs take, those that tiles reach beyond the last one included.
    pub fn equation_rows(&self, tile: usize) -> u64 {
        (self.matrices * self.rows + tile) as u64
    }

    /// The narrowest stride of rows.
    pub fn stride(&self, batch: usize, tile: usize) -> u64 {
        (batch * self.columns + tile + MAX_LANES) as u64
    }
}

/// What a lane adds, but for the coefficient of its first equation: `rows` and `links` hold the powers of `rho^S` and of
/// `rho`.
#[inline(always)]
pub(crate) fn product<F: Algebra, E: Over<F>>(lane: &[F], rows: &[E], links: &[E]) -> E {
    let fold = |cells: &[F], powers: &[E]| {
        let terms = cells.iter().zip(powers);
        terms.fold(E::zero(), |sum, (&cell, power)| sum + power.times(cell))
    };
    let (a, b) = lane.split_at(lane.len() / 2);
    fold(a, rows) * fold(b, links)
}
