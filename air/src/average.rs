//! Average pools: how the tables follow a sum of float32 numbers that is rounded at every step.
//!
//! `QLinearAveragePool` adds `v = f32(sx (x - zx))` over a window in float32, cell after cell, and rounds the quotient
//! once more. Its result is a function of the codes in their order, not of their sum alone. Two ways, cheapest first:
//!
//! - **by the sum of the codes**, where every order and choice of codes with one sum has one result. Rounding is
//!   monotone, so the least and the largest float32 sum over all windows with a given sum of codes follow from those of
//!   one cell less ([`sum_bounds`]): the comparison is exhaustive. The sum is linear in the codes; its staircase goes
//!   into the table of steps, one for each number of cells and divisor.
//! - **by the chain itself**: a map yields v as an integer for each cell of the operand, lanes of
//!   [`float_sum`] add one cell of every window each, and the staircase is one of the float32 sum.
//!
//! Where neither fits the pool is refused by name.

use std::collections::BTreeSet;
use std::ops::Range;

use winterforge_model::{AveragePool, AverageRule, Graph, Node, QType, Window};

use crate::float_sum;
use crate::pieces::ByteMap;
use crate::steps::Steps;

/// Most cells of a window whose sums are compared exhaustively: the work grows with the square.
pub const MOST_CELLS_SUMMED: usize = 256;

/// Most cells of a window that is followed in float32: see [`float_sum::MOST_BITS`].
pub const MOST_CELLS_CHAINED: usize = 1 << (float_sum::MOST_BITS - 9);

/// An average pool in integers.
#[derive(Clone, Debug)]
pub struct Average {
    /// Offsets of staircases on the line of steps, by cells inside of the image and divisor.
    pub offsets: Vec<((usize, usize), i64)>,
    /// The tensors of the chain, if the sum of the codes does not say enough.
    pub chain: Option<Chain>,
}

/// The tensors of a chain of additions, numbered behind the graph's.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The integer of each cell of the operand.
    pub terms: usize,
    /// After each addition, one cell for each window.
    pub sums: Vec<usize>,
}

/// Cells inside of the image, and the divisor.
type Class = (usize, usize);

/// What [`Average`] becomes before its tensors have numbers.
pub enum Way {
    /// The sum of the codes suffices.
    Sums(Vec<(Class, i64)>),
    /// The chain is needed: the integers of the codes and the offsets.
    Chain(Box<ByteMap>, Vec<(Class, i64)>),
}

/// The least and the largest float32 sum of `1, 2, .. cells` terms, for every sum of their indices, handed to `each`
/// with the number of terms until it returns false.
///
/// `terms` must be ascending. Indices count from 0.
pub fn sum_bounds(
    terms: &[f32],
    cells: usize,
    mut each: impl FnMut(usize, &[f32], &[f32]) -> bool,
) {
    let (mut least, mut most) = (terms.to_vec(), terms.to_vec());
    for count in 1..=cells {
        if count > 1 {
            let sums = least.len() + terms.len() - 1;
            let mut next_least = vec![f32::INFINITY; sums];
            let mut next_most = vec![f32::NEG_INFINITY; sums];
            for (index, &term) in terms.iter().enumerate() {
                for (next, &sum) in next_least[index..].iter_mut().zip(&least) {
                    *next = next.min(sum + term);
                }
                for (next, &sum) in next_most[index..].iter_mut().zip(&most) {
                    *next = next.max(sum + term);
                }
            }
            (least, most) = (next_least, next_most);
        }
        if !each(count, &least, &most) {
            return;
        }
    }
}

/// Chooses the way, and places its staircases, for every value of the operand's type: clamps of the layer in front are no
/// part of what a verifier without the model knows.
///
/// # Errors
/// A sentence on why there is none.
pub fn place(
    graph: &Graph,
    node: &Node,
    pool: &AveragePool,
    steps: &mut Steps,
) -> Result<Way, &'static str> {
    let (x, y) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    let rule =
        AverageRule::new(x.quantization, y.quantization).ok_or("its scales are out of range")?;
    let cells = pool.window.kernel[0].saturating_mul(pool.window.kernel[1]);
    if cells > MOST_CELLS_SUMMED {
        return Err("it has more than 256 cells");
    }
    let classes = classes(pool, &x.shape, &y.shape);
    let type_min = y.quantization.qtype.min();
    let code = |sum: f32, divisor: usize| i64::from(rule.of_sum(sum, divisor) - type_min);
    let qtype = x.quantization.qtype;
    let terms: Vec<f32> = (qtype.min()..=qtype.max()).map(|x| rule.term(x)).collect();

    // By class, the code of each sum of codes, if it has one.
    let mut codes: Vec<(Class, Vec<i64>)> = Vec::new();
    let mut is_function = true;
    let largest = classes.iter().map(|&(count, _)| count).max().unwrap_or(0);
    sum_bounds(&terms, largest, |count, least, most| {
        for &class in classes.iter().filter(|class| class.0 == count) {
            let code = |&sum: &f32| code(sum, class.1);
            is_function &= least.iter().map(code).eq(most.iter().map(code));
            codes.push((class, least.iter().map(code).collect()));
        }
        is_function
    });
    let no_room = "the table of steps has no room for it";
    if is_function {
        let offsets = codes.into_iter().map(|((count, divisor), codes)| {
            let sums = (0, codes.len() as i64 - 1);
            let offset = steps.place(sums, |sum| codes[sum as usize]);
            Ok(((count, divisor), offset.ok_or(no_room)?))
        });
        return offsets.collect::<Result<_, _>>().map(Way::Sums);
    }

    if cells > MOST_CELLS_CHAINED {
        return Err("the order of its additions matters, and it has more than 128 cells");
    }
    let unit = half_ulp(x.quantization.scale);
    if 256.0 * cells as f64 * f64::from(x.quantization.scale) > f64::from(f32::MAX) {
        return Err("its sums can leave float32");
    }
    let integers = term_integers(&rule, qtype, unit);
    // The ends of what a chain can reach: additions are monotone, and padding adds nothing.
    let end = |term: i64| (0..cells).fold(0, |sum, _| float_sum::round(sum + term));
    let sums = (end(integers[0].min(0)), end(integers[255].max(0)));
    let divisors: BTreeSet<usize> = classes.iter().map(|&(_, divisor)| divisor).collect();
    let mut offsets = Vec::new();
    for divisor in divisors {
        let code = |sum: i64| code((float_sum::round(sum) as f64 * unit) as f32, divisor);
        let offset = steps.place(sums, code).ok_or(no_room)?;
        let of_divisor = classes.iter().filter(|class| class.1 == divisor);
        offsets.extend(of_divisor.map(|&class| (class, offset)));
    }
    Ok(Way::Chain(Box::new(integers), offsets))
}

/// Half an ulp of a normal float32.
fn half_ulp(scale: f32) -> f64 {
    let exponent = (scale.to_bits() >> 23) as i32 - 127;
    f64::from(exponent - 24).exp2()
}

/// The float32 term of each code, in units of half an ulp of the scale.
fn term_integers(rule: &AverageRule, qtype: QType, unit: f64) -> ByteMap {
    std::array::from_fn(|code| (f64::from(rule.term(code as i32 + qtype.min())) / unit) as i64)
}

/// Every combination of cells and divisor among the windows.
fn classes(pool: &AveragePool, x: &[usize], y: &[usize]) -> BTreeSet<Class> {
    let counts = |axis: usize| -> BTreeSet<usize> {
        (0..y[1 + axis])
            .map(|index| pool.window.taps(axis, index, x[1 + axis]).len())
            .collect()
    };
    let columns = counts(1);
    let pairs = counts(0).into_iter().flat_map(|height| {
        let widths = columns.iter();
        widths.map(move |width| height * width)
    });
    pairs.map(|count| class(pool, count)).collect()
}

fn class(pool: &AveragePool, count: usize) -> Class {
    let [height, width] = pool.window.kernel;
    let divisor = if pool.count_include_pad {
        height * width
    } else {
        count
    };
    (count, divisor)
}

/// What is to be added to the sum of a window at this row and column of the result.
pub fn offset(average: &Average, pool: &AveragePool, x: &[usize], [i, j]: [usize; 2]) -> i64 {
    let along = |axis: usize, index: usize| pool.window.taps(axis, index, x[1 + axis]).len();
    let class = class(pool, along(0, i) * along(1, j));
    let found = (average.offsets.iter()).find(|&&(known, _)| known == class);
    found.map_or(0, |&(_, offset)| offset)
}

/// Hands `taps`, counted row by row, of every window to `visit` where they lie inside of the image: the window, as a cell
/// of the result, and the cell of the operand.
pub fn visit_taps(
    window: &Window,
    taps: Range<usize>,
    x: &[usize],
    y: &[usize],
    mut visit: impl FnMut(usize, usize),
) {
    let (&[_, height, width], &[channels, rows, columns]) = (x, y) else {
        return;
    };
    let taps = taps.start..taps.end.min(window.kernel[0] * window.kernel[1]);
    for channel in 0..channels {
        for i in 0..rows {
            for j in 0..columns {
                let position = (channel * rows + i) * columns + j;
                for tap in taps.clone() {
                    let (ky, kx) = (tap / window.kernel[1], tap % window.kernel[1]);
                    let row = window.source(0, i, ky, height);
                    let column = window.source(1, j, kx, width);
                    if let (Some(row), Some(column)) = (row, column) {
                        visit(position, (channel * height + row) * width + column);
                    }
                }
            }
        }
    }
}
