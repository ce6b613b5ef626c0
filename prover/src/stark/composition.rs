//! The composition polynomial: the random combination of all constraint quotients, in columns of the trace's length.
//!
//! Quotients are evaluated row by row, as many rows at a time as a vector has lanes, on as many cosets as their degree
//! calls for. The light quotients (see [`VectorAir`]) and those of assertions have a degree below the trace's length and
//! are evaluated on the first coset alone.
//!
//! With H(x) = sum x^(in) H_i(x), n the trace's length, a coset c of the trace domain sees the polynomial
//! sum (c^n)^i H_i(x), of degree below n: interpolating on each coset and transforming across the cosets takes H apart.

use rayon::prelude::*;
use winter_air::{AuxRandElements, ConstraintCompositionCoefficients};
use winter_math::FieldElement;
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::{Cube, Felt};

use super::ProverError;
use super::air::VectorAir;
use super::points::{CHUNK_ROWS, distances_from_one, generator, progression};
use crate::device::ntt::Transform;
use crate::device::{Domain, Level, View};
use crate::simd::{CubeLanes, Isa, Kernel, Lanes, run};

/// Three coordinates of a column of the extension.
pub(super) type Planes = [Vec<Felt>; 3];

/// A cell that must have a value in one row.
struct Assertion {
    /// A main or auxiliary column.
    column: usize,
    value: Cube,
    coefficient: Cube,
    /// The row.
    step: usize,
}

/// What combines the constraints.
struct Combination<'a> {
    /// Coefficients of main, auxiliary and light constraints.
    main: &'a [Cube],
    aux: &'a [Cube],
    light: &'a [Cube],
    challenges: &'a [Cube],
    main_assertions: Vec<Assertion>,
    aux_assertions: Vec<Assertion>,
}

/// The columns of the composition polynomial as coefficients, constant first: coordinate by coordinate.
pub(super) fn composition_columns<A: VectorAir>(
    air: &A,
    main: View<'_>,
    aux: Option<View<'_>>,
    challenges: Option<&AuxRandElements<Cube>>,
    coefficients: &ConstraintCompositionCoefficients<Cube>,
    domain: Domain,
) -> Result<Vec<Planes>, ProverError> {
    let level = Level::best();
    let rows = domain.rows();
    let context = air.context();
    let cosets = air.ce_blowup_factor();
    let (main_coefficients, aux_coefficients) = coefficients
        .transition
        .split_at(context.num_main_transition_constraints());
    let heavy = aux_coefficients.len() - air.light_constraints();
    let transition = air.get_transition_constraints(&coefficients.transition);
    let boundary = air.get_boundary_constraints(challenges, &coefficients.boundary);
    let combination = Combination {
        main: main_coefficients,
        aux: &aux_coefficients[..heavy],
        light: &aux_coefficients[heavy..],
        challenges: challenges.map_or(&[], |challenges| challenges.rand_elements()),
        main_assertions: assertions(boundary.main_constraints(), domain.log_rows)?,
        aux_assertions: assertions(boundary.aux_constraints(), domain.log_rows)?,
    };
    let shifts = domain.shifts();
    // Of the evaluation domain's cosets, those of a domain just large enough.
    let stride = domain.cosets() / cosets;
    let shifts: Vec<Felt> = shifts.into_iter().step_by(stride).collect();
    let transform = Transform::new(domain.log_rows, &shifts);
    // The divisor of transitions is (x^n - 1) / prod (x - exempt).
    let exempt = transition.divisor().exemptions();
    let from_one = distances_from_one(domain.log_rows, shifts[0]);

    let zeros = || -> Planes { std::array::from_fn(|_| vec![Felt::ZERO; rows]) };
    let mut heavy_quotients: Vec<Planes> = (0..cosets).map(|_| zeros()).collect();
    let mut light_quotients = zeros();
    let public = PublicCoefficients::new(air, &transform, level);
    for (coset, quotients) in heavy_quotients.iter_mut().enumerate() {
        let first = coset == 0;
        let width = if first {
            air.public_width()
        } else {
            air.common_width()
        };
        let public = public.extend(&transform, level, coset, width);
        let part = Part {
            air,
            combination: &combination,
            main: main.coset(coset * stride),
            aux: aux.map_or(Vec::new(), |aux| aux.coset(coset * stride)),
            public: &public,
            shift: shifts[coset],
            log_rows: domain.log_rows,
            vanishing: (shifts[coset].pow(rows as u64) - Felt::ONE).inverse(),
            exempt,
            from_one: first.then_some(&from_one),
        };
        let [a, b, c] = quotients;
        let [d, e, f] = &mut light_quotients;
        let heavy = par_chunks([a, b, c]);
        if first {
            heavy
                .zip(par_chunks([d, e, f]))
                .enumerate()
                .for_each(|(chunk, (heavy, light))| {
                    run(
                        level,
                        EvaluateRows {
                            part: &part,
                            first: chunk * CHUNK_ROWS,
                            heavy,
                            light: Some(light),
                        },
                    );
                });
        } else {
            heavy.enumerate().for_each(|(chunk, heavy)| {
                run(
                    level,
                    EvaluateRows {
                        part: &part,
                        first: chunk * CHUNK_ROWS,
                        heavy,
                        light: None,
                    },
                );
            });
        }
    }
    let columns = context.num_constraint_composition_columns();
    Ok(take_apart(
        &transform,
        level,
        heavy_quotients,
        light_quotients,
        columns,
    ))
}

/// Three columns in chunks of rows.
fn par_chunks(
    [a, b, c]: [&mut Vec<Felt>; 3],
) -> impl IndexedParallelIterator<Item = [&mut [Felt]; 3]> {
    a.par_chunks_mut(CHUNK_ROWS)
        .zip(b.par_chunks_mut(CHUNK_ROWS))
        .zip(c.par_chunks_mut(CHUNK_ROWS))
        .map(|((a, b), c)| [a, b, c])
}

fn assertions<F: FieldElement<BaseField = Felt>>(
    groups: &[winter_air::BoundaryConstraintGroup<F, Cube>],
    log_rows: u32,
) -> Result<Vec<Assertion>, ProverError>
where
    Cube: winter_math::ExtensionOf<F>,
{
    let mut list = Vec::new();
    for group in groups {
        let &[(1, point)] = group.divisor().numerator() else {
            return Err(ProverError::Assertion);
        };
        // Points are powers of the generator: the step is found by going through them.
        let mut x = Felt::ONE;
        let generator = generator(log_rows);
        let steps = 0..1_usize << log_rows;
        let step = steps.into_iter().find(|_| {
            let found = x == point;
            x *= generator;
            found
        });
        let Some(step) = step else {
            return Err(ProverError::Assertion);
        };
        for constraint in group.constraints() {
            let &[value] = constraint.poly() else {
                return Err(ProverError::Assertion);
            };
            list.push(Assertion {
                column: constraint.column(),
                value: Cube::from(value),
                coefficient: *constraint.cc(),
                step,
            });
        }
    }
    Ok(list)
}

/// The public columns as polynomials.
struct PublicCoefficients(Vec<Vec<Felt>>);

impl PublicCoefficients {
    fn new<A: VectorAir>(air: &A, transform: &Transform, level: Level) -> Self {
        let interpolate = |work: &mut Vec<Felt>, index: usize| {
            let mut values = air.public_column(index);
            values.resize(transform.size(), Felt::ZERO);
            let mut coefficients = vec![Felt::ZERO; transform.size()];
            transform.interpolate(level, &values, &mut coefficients, work);
            coefficients
        };
        let work = || vec![Felt::ZERO; transform.work_len()];
        Self(
            (0..air.public_width())
                .into_par_iter()
                .map_init(work, interpolate)
                .collect(),
        )
    }

    /// The first `width` columns on one coset.
    fn extend(
        &self,
        transform: &Transform,
        level: Level,
        coset: usize,
        width: usize,
    ) -> Vec<Vec<Felt>> {
        let evaluate = |work: &mut Vec<Felt>, coefficients: &Vec<Felt>| {
            let mut values = vec![Felt::ZERO; transform.size()];
            transform.evaluate(level, coset, coefficients, &mut values, work);
            values
        };
        let work = || vec![Felt::ZERO; transform.work_len()];
        self.0[..width]
            .par_iter()
            .map_init(work, evaluate)
            .collect()
    }
}

/// One coset.
struct Part<'a, A> {
    air: &'a A,
    combination: &'a Combination<'a>,
    main: Vec<&'a [Felt]>,
    /// Coordinate by coordinate.
    aux: Vec<&'a [Felt]>,
    public: &'a [Vec<Felt>],
    shift: Felt,
    log_rows: u32,
    /// `1 / (x^n - 1)`, constant on the coset.
    vanishing: Felt,
    exempt: &'a [Felt],
    /// `1 / (x - 1)` row by row, where light quotients and assertions are evaluated.
    from_one: Option<&'a Vec<Felt>>,
}

struct EvaluateRows<'a, A> {
    part: &'a Part<'a, A>,
    first: usize,
    heavy: [&'a mut [Felt]; 3],
    light: Option<[&'a mut [Felt]; 3]>,
}

impl<A: VectorAir> Kernel for EvaluateRows<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let EvaluateRows {
            part,
            first,
            mut heavy,
            mut light,
        } = self;
        let width = I::Field::WIDTH;
        let combination = part.combination;
        let splat = |elements: &[Cube]| -> Vec<CubeLanes<I::Field>> {
            elements
                .iter()
                .map(|&element| CubeLanes::splat(element))
                .collect()
        };
        let challenges = splat(combination.challenges);
        let (main_weights, aux_weights) = (splat(combination.main), splat(combination.aux));
        let light_weights = splat(combination.light);
        let aux_width = part.aux.len() / 3;
        let zero = I::Field::zero();
        let (mut row, mut next) = (vec![zero; part.main.len()], vec![zero; part.main.len()]);
        let mut aux = vec![CubeLanes::zero(); aux_width];
        let mut aux_next = aux.clone();
        let mut public = vec![zero; part.public.len()];
        let mut main_values = vec![zero; main_weights.len()];
        let mut aux_values = vec![CubeLanes::zero(); aux_weights.len()];
        let mut light_values = vec![CubeLanes::zero(); light_weights.len()];

        let generator = generator(part.log_rows);
        let step = I::Field::splat(generator.pow(width as u64));
        let start = part.shift * generator.pow(first as u64);
        let mut x: I::Field = progression(start, generator);
        for offset in (0..heavy[0].len()).step_by(width) {
            let at = first + offset;
            load_rows(&part.main, at, &mut row, &mut next);
            for (column, (cell, next)) in aux.iter_mut().zip(&mut aux_next).enumerate() {
                load_rows(
                    &part.aux[3 * column..3 * column + 3],
                    at,
                    &mut cell.0,
                    &mut next.0,
                );
            }
            for (cell, column) in public.iter_mut().zip(part.public) {
                *cell = I::Field::load(&column[at..]);
            }
            let main_rows = [&row[..], &next];
            let aux_rows = [&aux[..], &aux_next];
            let mut sum = CubeLanes::zero();
            part.air.evaluate_main(main_rows, &public, &mut main_values);
            for (&value, &weight) in main_values.iter().zip(&main_weights) {
                sum += weight.times(value);
            }
            part.air
                .evaluate_aux(main_rows, aux_rows, &public, &challenges, &mut aux_values);
            for (&value, &weight) in aux_values.iter().zip(&aux_weights) {
                sum += weight * value;
            }
            let mut inverse_divisor = I::Field::splat(part.vanishing);
            for &exempt in part.exempt {
                inverse_divisor *= x - I::Field::splat(exempt);
            }
            store(&mut heavy, offset, sum.times(inverse_divisor));
            if let (Some(light), Some(from_one)) = (&mut light, part.from_one) {
                let mut sum = CubeLanes::zero();
                part.air.evaluate_light(
                    main_rows,
                    aux_rows,
                    &public,
                    &challenges,
                    &mut light_values,
                );
                for (&value, &weight) in light_values.iter().zip(&light_weights) {
                    sum += weight * value;
                }
                sum = sum.times(inverse_divisor);
                for assertion in &combination.main_assertions {
                    let cell = CubeLanes::embed(row[assertion.column]);
                    sum += quotient(part, assertion, cell, from_one, at);
                }
                for assertion in &combination.aux_assertions {
                    sum += quotient(part, assertion, aux[assertion.column], from_one, at);
                }
                store(light, offset, sum);
            }
            x *= step;
        }
    }
}

/// `coefficient (cell - value) / (x - g^step)`; with x = shift g^row the divisor is `g^step (shift g^(row - step) - 1)`.
#[inline(always)]
fn quotient<A, V: Lanes>(
    part: &Part<'_, A>,
    assertion: &Assertion,
    cell: CubeLanes<V>,
    from_one: &[Felt],
    row: usize,
) -> CubeLanes<V> {
    let rows = from_one.len();
    let scale = generator(part.log_rows)
        .pow(assertion.step as u64)
        .inverse();
    let weight = CubeLanes::splat(assertion.coefficient.scale(scale));
    let inverse: V = load_cyclic(from_one, (row + rows - assertion.step) % rows);
    (weight * (cell - CubeLanes::splat(assertion.value))).times(inverse)
}

/// Loads rows of every column, and the rows behind them; the first row follows the last.
#[inline(always)]
fn load_rows<V: Lanes>(columns: &[&[Felt]], row: usize, cells: &mut [V], next: &mut [V]) {
    for ((cell, next), column) in cells.iter_mut().zip(next).zip(columns) {
        *cell = V::load(&column[row..]);
        *next = load_cyclic(column, row + 1);
    }
}

/// A vector of consecutive rows; the first row follows the last.
#[inline(always)]
fn load_cyclic<V: Lanes>(column: &[Felt], row: usize) -> V {
    if row + V::WIDTH <= column.len() {
        return V::load(&column[row..]);
    }
    let mut lanes = [Felt::ZERO; 8];
    for (lane, cell) in lanes[..V::WIDTH].iter_mut().enumerate() {
        *cell = column[(row + lane) % column.len()];
    }
    V::load(&lanes)
}

#[inline(always)]
fn store<V: Lanes>(planes: &mut [&mut [Felt]; 3], at: usize, value: CubeLanes<V>) {
    let [a, b, c] = planes;
    value.store([&mut a[at..], &mut b[at..], &mut c[at..]]);
}

/// The columns H_i from the quotients on each coset.
fn take_apart(
    transform: &Transform,
    level: Level,
    heavy: Vec<Planes>,
    light: Planes,
    columns: usize,
) -> Vec<Planes> {
    let rows = transform.size();
    let shifts = transform.shifts();
    // On each coset the coefficients of the polynomial that the coset sees.
    let unshifted = |shift: Felt, planes: Planes| -> Planes {
        let inverse = shift.inverse();
        planes.map(|values| transform.interpolate_coset(level, &values, inverse))
    };
    let on_cosets: Vec<Planes> = heavy
        .into_par_iter()
        .zip(shifts)
        .map(|(planes, &shift)| unshifted(shift, planes))
        .collect();
    let light = unshifted(shifts[0], light);

    // sum_i (c^n)^i H_i over all cosets c: the points c^n are a coset of the roots of unity of order `cosets`.
    let cosets = shifts.len();
    let points: Vec<Felt> = shifts.iter().map(|shift| shift.pow(rows as u64)).collect();
    let inverse_points: Vec<Felt> = points.iter().map(|point| point.inverse()).collect();
    let scale = Felt::new(cosets as u64).inverse();
    (0..columns)
        .map(|column| {
            let weights: Vec<Felt> = inverse_points
                .iter()
                .map(|point| point.pow(column as u64) * scale)
                .collect();
            std::array::from_fn(|coordinate| {
                let mut coefficients = vec![Felt::ZERO; rows];
                coefficients
                    .par_chunks_mut(CHUNK_ROWS)
                    .enumerate()
                    .for_each(|(chunk, out)| {
                        let first = chunk * CHUNK_ROWS;
                        let sources: Vec<&[Felt]> = on_cosets
                            .iter()
                            .map(|planes| &planes[coordinate][first..first + out.len()])
                            .collect();
                        run(
                            level,
                            WeightedSum {
                                sources,
                                weights: &weights,
                                out,
                            },
                        );
                        if column == 0 {
                            for (sum, &low) in out.iter_mut().zip(&light[coordinate][first..]) {
                                *sum += low;
                            }
                        }
                    });
                coefficients
            })
        })
        .collect()
}

/// Sums of columns of base elements, each with a weight.
struct WeightedSum<'a> {
    sources: Vec<&'a [Felt]>,
    weights: &'a [Felt],
    out: &'a mut [Felt],
}

impl Kernel for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        for at in (0..self.out.len()).step_by(width) {
            let mut sum = I::Field::zero();
            for (source, &weight) in self.sources.iter().zip(self.weights) {
                sum += I::Field::load(&source[at..]).scale(weight);
            }
            sum.store(&mut self.out[at..]);
        }
    }
}
