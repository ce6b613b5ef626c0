//! What each operator contributes to the coefficients of the cells it reads.
//!
//! Equation `e` of the batch has the coefficient `rho^e`. An operator that reads a cell in several equations adds up the
//! products of their coefficients with what the cell is multiplied by in each: the transposed operator, applied to
//! powers of `rho`. For a convolution that is one product per cell: away from the border all cells of a channel see the
//! same combination of taps up to a power of `rho`, and along each axis only a few *classes* of cells see another.

use std::collections::HashMap;

use winter_math::FieldElement;
use winterforge_model::{Conv, Linear, Window};

use crate::field::{Felt, basis_coefficients, from_basis_coefficients};

pub use crate::field::powers;

/// Equations of one channel start a fixed distance behind those of the one before; within it they count instances.
#[derive(Clone, Copy, Debug)]
pub struct Numbering<E> {
    /// `rho`.
    pub rho: E,
    /// `kappa rho^(first equation)`.
    pub first: E,
    /// `rho^(equations of a channel)`.
    pub channel_step: E,
    /// `rho^(instances of one sample)`.
    pub sample_step: E,
}

/// `base^exponent`.
pub fn power<E: FieldElement>(base: E, exponent: u64) -> E {
    let (mut result, mut square, mut rest) = (E::ONE, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square = square * square;
        rest >>= 1;
    }
    result
}

/// `sum_o weight[o] * row(o)[k]` for every `k < width`, reduced once per `k` and coordinate.
pub fn combine_rows<'a, E: FieldElement<BaseField = Felt>>(
    weights: &[E],
    width: usize,
    row: impl Fn(usize) -> &'a [i16],
) -> Vec<E> {
    let degree = E::EXTENSION_DEGREE;
    // |coordinate| < 2^64 and |weight| < 2^9: 2^54 rows fit.
    let mut sums = vec![0i128; width * degree];
    for (channel, weight) in weights.iter().enumerate() {
        let row = row(channel);
        for (coordinate, sums) in basis_coefficients(weight)
            .iter()
            .zip(sums.chunks_mut(width))
        {
            let coordinate = i128::from(coordinate.as_word());
            for (sum, &entry) in sums.iter_mut().zip(row) {
                *sum += coordinate * i128::from(entry);
            }
        }
    }
    let modulus = i128::from(Felt::ORDER);
    let reduced: Vec<Felt> = sums
        .iter()
        .map(|&sum| Felt::new(sum.rem_euclid(modulus) as u64))
        .collect();
    (0..width)
        .map(|k| {
            let coordinates: Vec<Felt> = (0..degree).map(|c| reduced[c * width + k]).collect();
            from_basis_coefficients(&coordinates)
        })
        .collect()
}

/// Coefficients of the operand of a matrix product, `[sample][position][feature]`.
pub fn linear<E: FieldElement<BaseField = Felt>>(
    linear: &Linear,
    numbering: Numbering<E>,
    positions: usize,
    batch: usize,
) -> Vec<E> {
    let channels = powers(numbering.channel_step, linear.out_features);
    let combined = combine_rows(&channels, linear.in_features, |channel| linear.row(channel));
    let mut cells = Vec::with_capacity(batch * positions * linear.in_features);
    let mut instance = numbering.first;
    for _ in 0..batch * positions {
        cells.extend(combined.iter().map(|&weight| instance * weight));
        instance *= numbering.rho;
    }
    cells
}

/// Where an axis of the operand is read from: for each coordinate, its class and the first window that reads it.
pub(crate) struct AxisClasses {
    /// For each class: the taps that read its cells, with their window's distance from the first.
    pub(crate) taps: Vec<Vec<(usize, usize)>>,
    /// For each coordinate: the class and the first window.
    pub(crate) cells: Vec<(usize, usize)>,
}

impl AxisClasses {
    pub(crate) fn new(window: &Window, axis: usize, size: usize, outputs: usize) -> Self {
        let mut readers = vec![Vec::new(); size];
        for index in 0..outputs {
            for tap in 0..window.kernel[axis] {
                if let Some(at) = window.source(axis, index, tap, size) {
                    readers[at].push((tap, index));
                }
            }
        }
        let mut taps = Vec::new();
        let mut known = HashMap::new();
        let cells = readers
            .into_iter()
            .map(|mut readers| {
                let first = readers.iter().map(|&(_, index)| index).min().unwrap_or(0);
                readers.iter_mut().for_each(|(_, index)| *index -= first);
                let class = *known.entry(readers.clone()).or_insert_with(|| {
                    taps.push(readers);
                    taps.len() - 1
                });
                (class, first)
            })
            .collect();
        Self { taps, cells }
    }
}

/// Coefficients of the operand of a convolution, `[sample][channel][row][column]`.
pub fn convolution<E: FieldElement<BaseField = Felt>>(
    conv: &Conv,
    numbering: Numbering<E>,
    image: [usize; 2],
    outputs: [usize; 2],
    batch: usize,
) -> Vec<E> {
    let [kernel_height, kernel_width] = conv.window.kernel;
    let taps = kernel_height * kernel_width;
    let rows = AxisClasses::new(&conv.window, 0, image[0], outputs[0]);
    let columns = AxisClasses::new(&conv.window, 1, image[1], outputs[1]);
    let row_step = power(numbering.rho, outputs[1] as u64);
    let row_powers = powers(row_step, outputs[0] + 1);
    let column_powers = powers(numbering.rho, outputs[1] + 1);
    let channels = powers(numbering.channel_step, conv.out_channels);

    let (group_in, group_out) = (conv.group_in_channels(), conv.group_out_channels());
    let mut one_sample = Vec::with_capacity(conv.in_channels * image[0] * image[1]);
    for group in 0..conv.groups {
        let first = group * group_out;
        let weights = &channels[first..first + group_out];
        let combined = combine_rows(weights, conv.filter_len(), |channel| {
            conv.filter(first + channel)
        });
        for combined in combined.chunks(taps).take(group_in) {
            // One combination of taps for each pair of classes.
            let mut classes = Vec::with_capacity(rows.taps.len() * columns.taps.len());
            for row_taps in &rows.taps {
                for column_taps in &columns.taps {
                    let mut sum = E::ZERO;
                    for &(ky, dy) in row_taps {
                        for &(kx, dx) in column_taps {
                            sum += row_powers[dy]
                                * column_powers[dx]
                                * combined[ky * kernel_width + kx];
                        }
                    }
                    classes.push(sum);
                }
            }
            for &(row_class, first_row) in &rows.cells {
                let row_power = numbering.first * row_powers[first_row];
                let classes = &classes[row_class * columns.taps.len()..];
                one_sample.extend(
                    columns
                        .cells
                        .iter()
                        .map(|&(class, first)| row_power * column_powers[first] * classes[class]),
                );
            }
        }
    }
    repeat_samples(one_sample, numbering.sample_step, batch)
}

/// Coefficients of an operand whose cell `c` is read by exactly the instances `readers[c]`.
pub fn gathered<E: FieldElement<BaseField = Felt>>(
    numbering: Numbering<E>,
    cells: usize,
    readers: impl Iterator<Item = (usize, usize)>,
    equations: usize,
    batch: usize,
) -> Vec<E> {
    let powers = powers(numbering.rho, equations);
    let mut one_sample = vec![E::ZERO; cells];
    for (cell, equation) in readers {
        one_sample[cell] += numbering.first * powers[equation];
    }
    repeat_samples(one_sample, numbering.sample_step, batch)
}

/// The coefficients of every sample, given those of the first.
pub(crate) fn repeat_samples<E: FieldElement>(one_sample: Vec<E>, step: E, batch: usize) -> Vec<E> {
    let len = one_sample.len();
    let mut cells = one_sample;
    cells.reserve_exact(len * (batch - 1));
    let mut factor = step;
    for _ in 1..batch {
        for cell in 0..len {
            cells.push(cells[cell] * factor);
        }
        factor *= step;
    }
    cells
}
