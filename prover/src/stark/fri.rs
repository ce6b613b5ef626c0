//! FRI: committing to layers and folding them down to a remainder (Ben-Sasson, Bentov, Horesh, Riabzev, 2018).
//!
//! A layer over a domain of D positions is committed in D/N rows, row i holding positions i + j D/N for j < N. Both i and
//! these positions lie in the same coset, D/N positions being whole rows of all cosets, so folding never leaves a coset
//! and a layer keeps the layout of the matrices. Every layer uses the same offset, as winterfell does.

use std::sync::Arc;

use rayon::prelude::*;
use winter_crypto::RandomCoin;
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::{Cube, Felt, from_basis_coefficients};
use winterforge_verifier::stark::FriOpening;

use super::ProverError;
use super::coin::{Coin, DeviceHash};
use super::points::{CHUNK_ROWS, generator, interpolate_coset, progression};
use super::segment::{Segment, Session};
use crate::device::ntt::Transform;
use crate::device::{Domain, Level, Matrix, Shape, View};
use crate::pool::{Pool, Words};
use crate::simd::{CubeLanes, Isa, Kernel, Lanes, run};

/// Committed layers and the remainder.
pub(super) struct Layers<H: DeviceHash> {
    layers: Vec<Segment<H>>,
    /// Coefficients, highest degree first.
    pub(super) remainder: Vec<Cube>,
    pub(super) remainder_root: H::Digest,
}

/// Commits to the function on `domain` and folds it `count` times. Its words are those of the first layer's matrix, or, if
/// there is none, `[coordinate][coset][row]`.
pub(super) fn build_layers<H: DeviceHash>(
    session: &Session<'_>,
    coin: &mut Coin<H>,
    domain: Domain,
    function: Words,
    folding: usize,
    count: usize,
) -> Result<Layers<H>, ProverError> {
    let mut layers = Vec::with_capacity(count);
    let pool = &session.pool;
    let (mut domain, mut words) = (domain, function);
    let shape = |domain: Domain| Shape {
        columns: 3 * folding,
        cosets: domain.cosets(),
        rows: domain.rows() / folding,
    };
    for index in 0..count {
        let layer = session.commit::<H>(Matrix::new(shape(domain), words))?;
        coin.reseed(layer.root());
        let alpha: Cube = coin.draw()?;
        let function = match folding {
            2 => fold::<2>(pool, layer.view()?, domain, alpha),
            4 => fold::<4>(pool, layer.view()?, domain, alpha),
            8 => fold::<8>(pool, layer.view()?, domain, alpha),
            _ => fold::<16>(pool, layer.view()?, domain, alpha),
        };
        domain.log_rows -= folding.ilog2();
        layers.push(layer);
        words = if index + 1 < count {
            into_rows(pool, &function, shape(domain))
        } else {
            function
        };
    }
    let remainder = remainder(pool, domain, &words);
    let remainder_root = H::hash_elements(&remainder);
    coin.reseed(remainder_root);
    Ok(Layers {
        layers,
        remainder,
        remainder_root,
    })
}

/// A function, `[coordinate][coset][row]`, as the matrix of its rows, `[place][coordinate][coset][row]`.
fn into_rows(pool: &Arc<Pool>, function: &[Felt], shape: Shape) -> Words {
    let places = shape.columns / 3;
    let mut words = pool.take(shape.words());
    words
        .par_chunks_mut(shape.cosets * shape.rows)
        .enumerate()
        .for_each(|(column, words)| {
            let (place, coordinate) = (column / 3, column % 3);
            for (coset, words) in words.chunks_mut(shape.rows).enumerate() {
                let start = ((coordinate * shape.cosets + coset) * places + place) * shape.rows;
                words.copy_from_slice(&function[start..start + shape.rows]);
            }
        });
    words
}

/// The next layer's function.
fn fold<const N: usize>(pool: &Arc<Pool>, layer: View<'_>, domain: Domain, alpha: Cube) -> Words {
    let Shape { cosets, rows, .. } = layer.shape();
    let mut function = pool.take(3 * cosets * rows);
    let shifts = domain.shifts();
    let (a, rest) = function.split_at_mut(cosets * rows);
    let (b, c) = rest.split_at_mut(cosets * rows);
    let tasks = a
        .par_chunks_mut(rows)
        .zip(b.par_chunks_mut(rows))
        .zip(c.par_chunks_mut(rows))
        .enumerate()
        .flat_map(|(coset, ((a, b), c))| {
            a.par_chunks_mut(CHUNK_ROWS)
                .zip(b.par_chunks_mut(CHUNK_ROWS))
                .zip(c.par_chunks_mut(CHUNK_ROWS))
                .enumerate()
                .map(move |(chunk, ((a, b), c))| (coset, chunk * CHUNK_ROWS, [a, b, c]))
        });
    tasks.for_each(|(coset, first, out)| {
        let columns = layer.coset(coset);
        let generator = generator(domain.log_rows);
        let inverse_first = (shifts[coset] * generator.pow(first as u64)).inverse();
        let kernel = Fold::<N> {
            columns: &columns,
            first,
            inverse_first,
            inverse_generator: generator.inverse(),
            alpha,
            out,
        };
        // Layers shorter than a vector are folded without vectors.
        let level = if rows < 8 {
            Level::Portable
        } else {
            Level::best()
        };
        run(level, kernel);
    });
    function
}

struct Fold<'a, const N: usize> {
    columns: &'a [&'a [Felt]],
    first: usize,
    inverse_first: Felt,
    inverse_generator: Felt,
    alpha: Cube,
    out: [&'a mut [Felt]; 3],
}

impl<const N: usize> Kernel for Fold<'_, N> {
    type Output = ();

    /// Halves the row until one value is left. The even and the odd part of f satisfy f(x) = e(x^2) + x o(x^2) and
    /// f(-x) = e(x^2) - x o(x^2), so f(alpha) is e + alpha o at alpha^2.
    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        let mut alphas = [CubeLanes::<I::Field>::zero(); 4];
        let mut power = self.alpha;
        for alpha in &mut alphas {
            *alpha = CubeLanes::splat(power);
            power *= power;
        }
        // All the factors of two are taken out at the end.
        let scale = Felt::new(N as u64).inverse();
        let mut x: I::Field = progression(self.inverse_first, self.inverse_generator);
        let step = I::Field::splat(self.inverse_generator.pow(width as u64));
        let [out_a, out_b, out_c] = self.out;
        for offset in (0..out_a.len()).step_by(width) {
            let row = self.first + offset;
            let mut values = [CubeLanes::<I::Field>::zero(); N];
            for (value, columns) in values.iter_mut().zip(self.columns.chunks_exact(3)) {
                *value =
                    CubeLanes::load([&columns[0][row..], &columns[1][row..], &columns[2][row..]]);
            }
            let (mut count, mut inverse, mut level) = (N, x, 0);
            while count > 1 {
                let half = count / 2;
                let factor = alphas[level].times(inverse);
                for place in 0..half {
                    let (plus, minus) = (values[place], values[place + half]);
                    // The root of unity of order `count` is 2^(192 / count): here its inverse, to the power of the place.
                    let exponent = ((192 - 192 / count * place) % 192) as u32;
                    let turned = factor.mul_2exp(exponent);
                    values[place] = plus + minus + turned * (plus - minus);
                }
                (count, inverse, level) = (half, inverse * inverse, level + 1);
            }
            let folded = values[0].scale(scale);
            folded.store([
                &mut out_a[offset..],
                &mut out_b[offset..],
                &mut out_c[offset..],
            ]);
            x *= step;
        }
    }
}

/// The polynomial of the last function, from its values on the first coset.
fn remainder(pool: &Arc<Pool>, domain: Domain, function: &[Felt]) -> Vec<Cube> {
    let transform = Transform::new(domain.log_rows, &[]);
    let planes: Vec<Words> = function
        .chunks(domain.cosets() * domain.rows())
        .map(|plane| interpolate_coset(pool, &transform, domain.offset, &plane[..domain.rows()]))
        .collect();
    (0..domain.rows())
        .rev()
        .map(|k| from_basis_coefficients(&[planes[0][k], planes[1][k], planes[2][k]]))
        .collect()
}

impl<H: DeviceHash> Layers<H> {
    /// The root of each layer.
    pub(super) fn roots(&self) -> Vec<H::Digest> {
        self.layers.iter().map(Segment::root).collect()
    }

    /// Opens all layers for queries at sorted, distinct positions of the first. Values at queried positions are left out:
    /// they follow from the layer before.
    pub(super) fn open(
        &self,
        positions: &[usize],
    ) -> Result<Vec<FriOpening<Cube, H::Digest>>, ProverError> {
        let mut positions = positions.to_vec();
        let mut openings = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let shape = layer.view()?.shape();
            let count = shape.cosets * shape.rows;
            let mut rows: Vec<usize> = positions.iter().map(|position| position % count).collect();
            rows.sort_unstable();
            rows.dedup();
            let cells = layer.rows(&rows)?;
            let mut values = Vec::new();
            for (&row, cells) in rows.iter().zip(cells.chunks(shape.columns)) {
                for (place, cell) in cells.chunks(3).enumerate() {
                    if positions.binary_search(&(row + place * count)).is_err() {
                        values.push(from_basis_coefficients(cell));
                    }
                }
            }
            openings.push(FriOpening {
                values,
                siblings: layer.siblings(&rows)?,
            });
            positions = rows;
        }
        Ok(openings)
    }
}
