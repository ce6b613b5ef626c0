//! Columns out of their domain, and the DEEP polynomial (Ben-Sasson et al., 2019), both from values on one coset.
//!
//! A column is a polynomial of degree below n, so its n values on the first coset `s <g>` say everything about it. By the
//! barycentric formula `f(z) = ((z/s)^n - 1) / n sum f(s g^r) g^r / (z/s - g^r)`; for z g in place of z the same weights
//! stand one row further on. The DEEP polynomial too is computed on that coset alone and extended from there.

use rayon::prelude::*;
use winter_math::{ExtensionOf, FieldElement};
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::{Cube, Felt, basis, basis_coefficients, from_basis_coefficients};

use super::composition::Planes;
use super::points::{CHUNK_ROWS, distances, generator, progression};
use crate::device::{Domain, Level, View};
use crate::simd::{CubeLanes, Isa, Kernel, Lanes, run};

/// The out-of-domain point as the first coset sees it.
pub(super) struct Point {
    domain: Domain,
    /// `((z/s)^n - 1) / n`.
    scale: Cube,
    /// `1 / (z/s - g^r)`, with its first row again at the end.
    inverses: [Vec<Felt>; 3],
}

/// Rows out of the domain.
pub(super) struct OutOfDomain {
    /// Each column at z.
    pub(super) current: Vec<Cube>,
    /// Each column at z g.
    pub(super) next: Vec<Cube>,
}

impl Point {
    /// The point z.
    pub(super) fn new(domain: Domain, z: Cube) -> Self {
        let point = z.mul_base(domain.offset.inverse());
        let size = Felt::new(domain.rows() as u64);
        let scale = (point.exp_vartime(domain.rows() as u64) - Cube::ONE).mul_base(size.inverse());
        Self {
            domain,
            scale,
            inverses: distances(domain.log_rows, point),
        }
    }

    /// The columns of a matrix at z and z g. A matrix of the extension has three base columns for each.
    pub(super) fn evaluate<E: FieldElement<BaseField = Felt>>(
        &self,
        view: View<'_>,
    ) -> OutOfDomain {
        let degree = E::EXTENSION_DEGREE;
        let columns = view.coset(0);
        // Weighted sums of base columns.
        let sums: Vec<[Cube; 2]> = columns
            .par_iter()
            .map(|column| {
                run(
                    Level::best(),
                    Weigh {
                        point: self,
                        column,
                    },
                )
                .map(|sum| sum * self.scale)
            })
            .collect();
        let basis = basis::<Cube>();
        let at = |which: usize| {
            sums.chunks(degree)
                .map(|sums| {
                    let terms = sums.iter().zip(&basis);
                    terms.fold(Cube::ZERO, |sum, (value, &element)| {
                        sum + value[which] * element
                    })
                })
                .collect()
        };
        OutOfDomain {
            current: at(0),
            next: at(1),
        }
    }

    /// `(S(x) - S(z)) / (x - z) + (S(x) - S(zg)) / (x - zg)` on the first coset, S the sum of all columns with their
    /// weights, and `values` its values at z and zg.
    pub(super) fn quotients(
        &self,
        base: &[(View<'_>, &[Cube])],
        extension: &[(View<'_>, &[Cube])],
        values: [Cube; 2],
    ) -> Planes {
        let mut columns: Vec<(&[Felt], Cube)> = Vec::new();
        for (view, weights) in base {
            columns.extend(view.coset(0).into_iter().zip(weights.iter().copied()));
        }
        let basis = basis::<Cube>();
        for (view, weights) in extension {
            let weights = weights
                .iter()
                .flat_map(|&weight| basis.iter().map(move |&e| weight * e));
            columns.extend(view.coset(0).into_iter().zip(weights));
        }
        let mut planes: Planes = std::array::from_fn(|_| vec![Felt::ZERO; self.domain.rows()]);
        let [a, b, c] = &mut planes;
        a.par_chunks_mut(CHUNK_ROWS)
            .zip(b.par_chunks_mut(CHUNK_ROWS))
            .zip(c.par_chunks_mut(CHUNK_ROWS))
            .enumerate()
            .for_each(|(chunk, ((a, b), c))| {
                let kernel = Quotients {
                    point: self,
                    columns: &columns,
                    values,
                    first: chunk * CHUNK_ROWS,
                    out: [a, b, c],
                };
                run(Level::best(), kernel);
            });
        planes
    }
}

/// Sums of a column, weighted for z and for z g.
struct Weigh<'a> {
    point: &'a Point,
    column: &'a [Felt],
}

impl Kernel for Weigh<'_> {
    type Output = [Cube; 2];

    #[inline(always)]
    fn run<I: Isa>(self) -> [Cube; 2] {
        let width = I::Field::WIDTH;
        let generator = generator(self.point.domain.log_rows);
        let step = I::Field::splat(generator.pow(width as u64));
        let mut x: I::Field = progression(Felt::ONE, generator);
        let [a, b, c] = &self.point.inverses;
        let mut sums = [CubeLanes::<I::Field>::zero(); 2];
        let rows = self.column.len();
        for row in (0..rows).step_by(width) {
            let weight = CubeLanes::load([&a[row..], &b[row..], &c[row..]]).times(x);
            sums[0] += weight.times(I::Field::load(&self.column[row..]));
            let next = if row + width < rows {
                I::Field::load(&self.column[row + 1..])
            } else {
                let mut lanes = [Felt::ZERO; 8];
                for (lane, cell) in lanes[..width].iter_mut().enumerate() {
                    *cell = self.column[(row + 1 + lane) % rows];
                }
                I::Field::load(&lanes)
            };
            sums[1] += weight.times(next);
            x *= step;
        }
        sums.map(sum_lanes)
    }
}

/// The sum of all lanes.
#[inline(always)]
fn sum_lanes<V: Lanes>(lanes: CubeLanes<V>) -> Cube {
    let coordinates = lanes.0.map(|coordinate| {
        let mut cells = [Felt::ZERO; 8];
        coordinate.store(&mut cells);
        cells[..V::WIDTH]
            .iter()
            .fold(Felt::ZERO, |sum, &cell| sum + cell)
    });
    from_basis_coefficients(&coordinates)
}

struct Quotients<'a> {
    point: &'a Point,
    columns: &'a [(&'a [Felt], Cube)],
    values: [Cube; 2],
    first: usize,
    out: [&'a mut [Felt]; 3],
}

impl Kernel for Quotients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        let domain = self.point.domain;
        // 1 / (x - z) = -(1/s) / (z/s - g^r), and 1 / (x - zg) = -(1/(sg)) / (z/s - g^(r-1)).
        let scale = -domain.offset.inverse();
        let scales = [scale, scale * generator(domain.log_rows).inverse()].map(I::Field::splat);
        let values = self.values.map(CubeLanes::<I::Field>::splat);
        let [a, b, c] = &self.point.inverses;
        let [out_a, out_b, out_c] = self.out;
        let weights: Vec<[I::Field; 3]> = (self.columns.iter())
            .map(|(_, weight)| {
                let coordinates = basis_coefficients(weight);
                std::array::from_fn(|i| I::Field::splat(coordinates[i]))
            })
            .collect();
        for offset in (0..out_a.len()).step_by(width) {
            let row = self.first + offset;
            let mut sum = CubeLanes::zero();
            for ((column, _), weight) in self.columns.iter().zip(&weights) {
                sum += CubeLanes(*weight).times(I::Field::load(&column[row..]));
            }
            let at_z = CubeLanes::load([&a[row..], &b[row..], &c[row..]]).times(scales[0]);
            let before = |column: &[Felt]| {
                if row > 0 {
                    return I::Field::load(&column[row - 1..]);
                }
                let mut lanes = [Felt::ZERO; 8];
                lanes[0] = column[column.len() - 1];
                lanes[1..width].copy_from_slice(&column[..width - 1]);
                I::Field::load(&lanes)
            };
            let at_zg = CubeLanes([before(a), before(b), before(c)]).times(scales[1]);
            let quotient = (sum - values[0]) * at_z + (sum - values[1]) * at_zg;
            quotient.store([
                &mut out_a[offset..],
                &mut out_b[offset..],
                &mut out_c[offset..],
            ]);
        }
    }
}
