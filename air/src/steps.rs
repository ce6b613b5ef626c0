//! Monotone staircases of any form: the step that an accumulator stands on, from a table.
//!
//! ```text
//! first <= accumulator <= last        (code, first, last) in the table
//! ```
//!
//! A staircase has 256 rows, one per code; a code that is never due has an empty step (`last = first - 1`). All
//! staircases of a plan stand one behind the other on one line of integers, beginning at 0: an accumulator that is moved
//! by its staircase's offset meets no step but its own, so that no column has to say which staircase is meant.
//!
//! Both distances are range-checked, the lowest limb of each without a cell: what is looked up is the distance less the
//! limbs above. Distances are below `2^52` ([`MAX_SIDE_BITS`]), so that two whose sum is
//! `last - first` modulo p have that sum as integers.

use std::collections::HashMap;

use crate::algebra::Algebra;
use crate::field::Felt;
use crate::layout::{Shape, step_cell};
use crate::rounding::MAX_SIDE_BITS;

/// The steps of one staircase: the first and the last accumulator of each code.
pub type Staircase = [(i64, i64); 256];

/// All staircases of a plan, in ascending order on the line.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    staircases: Vec<Staircase>,
    end: i64,
}

/// The line of accumulators ends here: every term of a distance then stays far below p.
const LINE_END: i64 = 1 << MAX_SIDE_BITS;

impl Steps {
    /// Places the staircase of `code`, monotone with values 0 to 255 over `range` (inclusive), and returns what is to be
    /// added to its accumulators; `None` if the line has no room. An equal staircase is shared.
    pub fn place(&mut self, range: (i64, i64), code: impl Fn(i64) -> i64) -> Option<i64> {
        let length = range.1.checked_sub(range.0)?.checked_add(1)?;
        let mut steps = [(0, 0); 256];
        let mut first = range.0;
        for (index, step) in steps.iter_mut().enumerate() {
            // The first accumulator of a larger code.
            let (mut below, mut above) = (first - 1, range.1 + 1);
            while above - below > 1 {
                let middle = below + (above - below) / 2;
                if code(middle) > index as i64 {
                    above = middle;
                } else {
                    below = middle;
                }
            }
            *step = (first - range.0, above - 1 - range.0);
            first = above;
        }
        let is_same = |known: &&Staircase| {
            let start = known[0].0;
            let moved = |&(first, last): &(i64, i64)| (first - start, last - start);
            known.iter().map(moved).eq(steps)
        };
        if let Some(known) = self.staircases.iter().find(is_same) {
            return Some(known[0].0 - range.0);
        }
        let start = self.end;
        self.end = start.checked_add(length).filter(|&end| end <= LINE_END)?;
        self.staircases
            .push(steps.map(|(first, last)| (first + start, last + start)));
        Some(start - range.0)
    }

    /// How many staircases there are.
    pub fn len(&self) -> usize {
        self.staircases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.staircases.is_empty()
    }

    /// The step in row `row` of the table: its code, its first and its last accumulator.
    pub fn row(&self, row: usize) -> [i64; 3] {
        let code = row % 256;
        let (first, last) = self.staircases[row / 256][code];
        [code as i64, first, last]
    }

    /// The step that an accumulator stands on, if it is on the line.
    pub fn find(&self, accumulator: i64) -> Option<[i64; 3]> {
        let after = (self.staircases).partition_point(|staircase| staircase[0].0 <= accumulator);
        let index = after.checked_sub(1)?;
        let code = self.staircases[index].partition_point(|&(_, last)| last < accumulator);
        (code < 256).then(|| self.row(256 * index + code))
    }

    /// Bits that hold the widest step.
    pub fn bits(&self) -> u32 {
        let steps = self.staircases.iter().flatten();
        let widest = steps.map(|&(first, last)| last - first).max().unwrap_or(0);
        64 - widest.max(0).leading_zeros()
    }

    /// Rows of the table by what a lane holds of them.
    pub(crate) fn index(&self) -> HashMap<[Felt; 3], usize> {
        let rows = 0..256 * self.len();
        rows.map(|row| (self.row(row).map(Felt::from_signed), row))
            .collect()
    }
}

/// The cells of the lane of an accumulator: it, its step and the upper limbs of both distances.
///
/// Distances that are negative get the bits of their two's complement, which no lookup accepts.
pub fn step_cells(shape: &Shape, accumulator: i64, [code, first, last]: [i64; 3]) -> Vec<Felt> {
    let mut cells = [accumulator, code, first, last]
        .map(Felt::from_signed)
        .to_vec();
    let mask = (1u64 << shape.limb_bits) - 1;
    for distance in [accumulator - first, last - accumulator] {
        let limbs = 1..shape.step_limbs as u32;
        cells.extend(
            limbs.map(|limb| Felt::new((distance >> (shape.limb_bits * limb)) as u64 & mask)),
        );
    }
    cells
}

/// The columns of the upper limbs of a side, 0 for the distance from the first accumulator, 1 for that to the last.
pub fn upper_limbs(shape: &Shape, start: usize, side: usize) -> std::ops::Range<usize> {
    let count = shape.step_limbs - 1;
    let first = start + step_cell::LIMB + side * count;
    first..first + count
}

/// The lowest limb of a side: the distance less the limbs above.
pub(crate) fn lowest_limb<F: Algebra>(
    shape: &Shape,
    start: usize,
    side: usize,
    cell: impl Fn(usize) -> F,
) -> F {
    let accumulator = cell(start + step_cell::ACCUMULATOR);
    let distance = if side == 0 {
        accumulator - cell(start + step_cell::FIRST)
    } else {
        cell(start + step_cell::LAST) - accumulator
    };
    let base = Felt::new(1 << shape.limb_bits);
    let upper = upper_limbs(shape, start, side).rev();
    distance - upper.fold(F::zero(), |sum, column| (sum + cell(column)).scale(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staircases_stand_one_behind_the_other() {
        let mut steps = Steps::default();
        // Codes 2, 5 and 255 alone, then one code for everything, then the first once more.
        let jump = |v: i64| if v < 0 { 2 } else { 5 + 250 * (v / 7) };
        assert_eq!(steps.place((-3, 8), jump), Some(3));
        assert_eq!(steps.place((10, 20), |_| 9), Some(2));
        assert_eq!(steps.place((-3, 8), jump), Some(3));
        assert_eq!(steps.len(), 2);
        for value in -3..=8 {
            let [code, first, last] = steps.find(value + 3).unwrap();
            assert_eq!(code, jump(value));
            assert!((first..=last).contains(&(value + 3)));
        }
        for value in 10..=20 {
            assert_eq!(steps.find(value + 2), Some([9, 12, 22]));
        }
        assert_eq!(steps.find(23), None);
        assert_eq!(steps.find(-1), None);
        assert_eq!(steps.bits(), 4);
        // Each accumulator stands on one step of all.
        for accumulator in 0..23 {
            let holds = |&row: &usize| {
                let [_, first, last] = steps.row(row);
                (first..=last).contains(&accumulator)
            };
            assert_eq!((0..512).filter(holds).count(), 1);
        }
    }

    #[test]
    fn the_line_ends() {
        let mut steps = Steps::default();
        assert!(steps.place((0, LINE_END - 1), |_| 0).is_some());
        assert_eq!(steps.place((0, 0), |_| 0), None);
        assert_eq!(steps.place((i64::MIN, i64::MAX), |_| 0), None);
    }
}
