//! Transforms that are larger than the hardware: rows and columns of a rectangle, one after the other, with a product per word
//! in between (Gentleman and Sande, 1966; Bailey, 1990). The products are the host's.

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;

use crate::accelerator::{Accelerator, DriverError, Job};
use crate::transport::Transport;

/// A transform of 2^`log_size` words as 2^`log_rows` rows of 2^`log_columns`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rectangle {
    log_rows: u32,
    log_columns: u32,
}

impl Rectangle {
    /// Nearly a square, if both sides are sizes of the hardware.
    pub(crate) fn new(log_size: u32, log_n: u32) -> Option<Self> {
        let log_rows = log_size / 2;
        let log_columns = log_size - log_rows;
        let fits = |log: u32| (3..=log_n).contains(&log);
        (fits(log_rows) && fits(log_columns)).then_some(Self {
            log_rows,
            log_columns,
        })
    }

    fn rows(self) -> usize {
        1 << self.log_rows
    }

    fn columns(self) -> usize {
        1 << self.log_columns
    }

    /// Values on the subgroup to coefficients (`shift` is `None`), or coefficients to values on a coset by `shift`.
    pub(crate) fn transform<T: Transport>(
        self,
        accelerator: &mut Accelerator<T>,
        shift: Option<Felt>,
        words: &[u64],
    ) -> Result<Vec<u64>, DriverError> {
        let (rows, columns) = (self.rows(), self.columns());
        let inverse = shift.is_none();
        let mut root = Felt::get_root_of_unity(self.log_rows + self.log_columns);
        if inverse {
            root = root.inv();
        }
        // Word i = row * columns + column. The columns first, on the coset of what their distance makes of the shift.
        let mut jobs = Vec::with_capacity(columns + 1);
        if let Some(shift) = shift {
            let powers = powers(shift.exp(columns as u64), rows);
            jobs.push(Job::LoadShift { powers });
        }
        let first = jobs.len();
        jobs.extend((0..columns).map(|column| {
            Job::Transform {
                inverse,
                coset: !inverse,
                words: words
                    .iter()
                    .skip(column)
                    .step_by(columns)
                    .copied()
                    .collect(),
                keep: None,
            }
        }));
        let mut turned = vec![0; words.len()];
        accelerator.run(jobs, |index, results| {
            let column = index - first;
            for (row, word) in results.into_iter().enumerate() {
                turned[row * columns + column] = word;
            }
            Ok(())
        })?;
        let mut step = shift.unwrap_or(Felt::ONE);
        let mut jobs = Vec::with_capacity(rows);
        for row in turned.chunks(columns) {
            let mut factor = Felt::ONE;
            let mut shifted = Vec::with_capacity(columns);
            for &word in row {
                shifted.push((Felt::new(word) * factor).as_int());
                factor *= step;
            }
            step *= root;
            jobs.push(Job::Transform {
                inverse,
                coset: false,
                words: shifted,
                keep: None,
            });
        }
        let mut result = vec![0; words.len()];
        accelerator.run(jobs, |row, results| {
            for (place, word) in results.into_iter().enumerate() {
                result[row + rows * place] = word;
            }
            Ok(())
        })?;
        Ok(result)
    }
}

/// base^0, base^1, ..
pub(crate) fn powers(base: Felt, count: usize) -> Vec<u64> {
    let powers = std::iter::successors(Some(Felt::ONE), |&power| Some(power * base));
    powers.take(count).map(|power| power.as_int()).collect()
}
