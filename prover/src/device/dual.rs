//! Two devices that do every job, and must agree on every word.

use std::any::Any;
use std::sync::Arc;

use winterforge_air::field::Felt;
use winterforge_verifier::bundle::HashId;

use super::{Buffer, Device, DeviceError, Digest, Digests, Done, Extension, Job, Matrix, Report};

/// `dual:A,B`: hands out what A makes once B made the same. Each device goes on from its own buffers.
#[derive(Debug)]
pub struct Dual {
    first: Arc<dyn Device>,
    second: Arc<dyn Device>,
}

/// A buffer of each device, with the same words.
#[derive(Debug)]
struct Pair<T> {
    first: T,
    second: T,
}

impl Buffer<Felt> for Pair<Matrix> {
    fn read(&self) -> Result<&[Felt], DeviceError> {
        self.first.buffer.read()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Buffer<Digest> for Pair<Digests> {
    fn read(&self) -> Result<&[Digest], DeviceError> {
        self.first.read()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Dual {
    /// Compares two devices.
    pub fn new(first: Arc<dyn Device>, second: Arc<dyn Device>) -> Self {
        Self { first, second }
    }

    fn mismatch(&self, job: Job, column: Option<usize>, row: usize) -> DeviceError {
        DeviceError::Mismatch {
            devices: [self.first.name(), self.second.name()],
            job,
            column,
            row,
        }
    }

    fn digests(
        &self,
        first: Done<Digests>,
        second: Done<Digests>,
    ) -> Result<Done<Digests>, DeviceError> {
        let job = first.report.job;
        let (a, b) = (first.data.read()?, second.data.read()?);
        if let Some(at) = first_difference(a, b) {
            return Err(self.mismatch(job, None, at));
        }
        let report = both(&first.report, &second.report);
        let (len, buffer) = (
            first.data.len,
            Pair {
                first: first.data,
                second: second.data,
            },
        );
        Ok(Done {
            data: Digests {
                len,
                buffer: Arc::new(buffer),
            },
            report,
        })
    }
}

/// Where two slices differ first; where one ends first, if nowhere else.
fn first_difference<T: PartialEq>(a: &[T], b: &[T]) -> Option<usize> {
    let differ = a.iter().zip(b).position(|(a, b)| a != b);
    differ.or((a.len() != b.len()).then_some(a.len().min(b.len())))
}

/// The first device's report, with the cycles of both.
fn both(first: &Report, second: &Report) -> Report {
    let cycles = match (first.cycles, second.cycles) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or_default().and(b.unwrap_or_default())),
    };
    Report { cycles, ..*first }
}

impl Device for Dual {
    fn name(&self) -> String {
        format!("dual:{},{}", self.first.name(), self.second.name())
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let (first, second) = (self.first.extend(job)?, self.second.extend(job)?);
        let shape = first.data.shape;
        let (a, b) = (first.data.view()?, second.data.view()?);
        for column in 0..shape.columns.max(b.shape().columns) {
            if b.shape() != shape {
                return Err(self.mismatch(Job::Extend, Some(column), 0));
            }
            let different = (0..shape.cosets).filter_map(|coset| {
                let row = first_difference(a.column(column, coset), b.column(column, coset))?;
                Some(row * shape.cosets + coset)
            });
            if let Some(position) = different.min() {
                return Err(self.mismatch(Job::Extend, Some(column), position));
            }
        }
        let report = both(&first.report, &second.report);
        let pitch = first.data.pitch;
        let pair = Pair {
            first: first.data,
            second: second.data,
        };
        Ok(Done {
            data: Matrix::with_pitch(shape, pitch, pair),
            report,
        })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let (a, b) = match matrix.buffer.as_any().downcast_ref::<Pair<Matrix>>() {
            Some(pair) => (&pair.first, &pair.second),
            None => (matrix, matrix),
        };
        self.digests(
            self.first.hash_rows(hash, a)?,
            self.second.hash_rows(hash, b)?,
        )
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        let (a, b) = match leaves.buffer.as_any().downcast_ref::<Pair<Digests>>() {
            Some(pair) => (pair.first.clone(), pair.second.clone()),
            None => (leaves.clone(), leaves),
        };
        self.digests(
            self.first.merkle_tree(hash, a)?,
            self.second.merkle_tree(hash, b)?,
        )
    }

    fn copies(&self) -> usize {
        self.first.copies() + self.second.copies()
    }

    fn release(&self) {
        self.first.release();
        self.second.release();
    }
}
