//! The processor as a device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use winterforge_verifier::bundle::HashId;

use super::ntt::{MAX_LOG_SIZE, Transform};
use super::{
    Device, DeviceError, Digest, Digests, Domain, Done, Extension, Form, Job, Level, Matrix,
    Report, Shape, blake3, poseidon2,
};
use crate::pool::Pool;

/// Rows that are hashed by one task at a time.
const TILE_ROWS: usize = 128;

/// Parents that one task makes.
const TILE_PARENTS: usize = 512;

/// The processor, with the widest vectors that it has, on all threads of the pool it is called in.
#[derive(Debug)]
pub struct CpuDevice {
    level: Level,
    transforms: Mutex<HashMap<Domain, Arc<Transform>>>,
    pool: Arc<Pool>,
}

impl Default for CpuDevice {
    fn default() -> Self {
        Self::with_level(Level::best())
    }
}

impl CpuDevice {
    /// With vectors no wider than asked for.
    pub fn with_level(level: Level) -> Self {
        Self {
            level,
            transforms: Mutex::default(),
            pool: Arc::default(),
        }
    }

    /// The transforms of a domain.
    fn transform(&self, domain: Domain) -> Arc<Transform> {
        let mut known = self
            .transforms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known
            .entry(domain)
            .or_insert_with(|| Arc::new(Transform::new(domain.log_rows, &domain.shifts())))
            .clone()
    }
}

impl Device for CpuDevice {
    fn name(&self) -> String {
        String::from("cpu")
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let error = |reason| {
            Err(DeviceError::Job {
                job: Job::Extend,
                reason,
            })
        };
        let domain = job.domain;
        if domain.log_rows + domain.log_cosets > MAX_LOG_SIZE {
            return error("the domain is too large");
        }
        if job
            .columns
            .iter()
            .any(|column| column.len() != domain.rows())
        {
            return error("a column does not have the domain's rows");
        }
        let transform = self.transform(domain);
        let shape = Shape {
            columns: job.columns.len(),
            cosets: domain.cosets(),
            rows: domain.rows(),
        };
        let mut words = self.pool.take(shape.words());
        let buffers = || {
            (
                self.pool.take(shape.rows),
                self.pool.take(transform.work_len()),
            )
        };
        words
            .par_chunks_mut(shape.cosets * shape.rows)
            .zip(job.columns)
            .for_each_init(buffers, |(coefficients, work), (extended, column)| {
                match job.form {
                    Form::Values => transform.interpolate(self.level, column, coefficients, work),
                    Form::Coefficients => transform.to_digit_order(column, coefficients),
                }
                for (coset, values) in extended.chunks_mut(shape.rows).enumerate() {
                    transform.evaluate(self.level, coset, coefficients, values, work);
                }
            });
        let report = Report {
            job: Job::Extend,
            words_in: (shape.columns * shape.rows) as u64,
            words_out: shape.words() as u64,
            cycles: None,
        };
        Ok(Done {
            data: Matrix::new(shape, words),
            report,
        })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let view = matrix.view()?;
        let Shape { cosets, rows, .. } = matrix.shape;
        let mut digests: Vec<Digest> = vec![[0; 8]; cosets * rows];
        let columns: Vec<_> = (0..cosets).map(|coset| view.coset(coset)).collect();
        digests
            .par_chunks_mut(TILE_ROWS * cosets)
            .enumerate()
            .for_each(|(tile, digests)| {
                let mut of_coset = [[0; 8]; TILE_ROWS];
                let of_coset = &mut of_coset[..digests.len() / cosets];
                for (coset, columns) in columns.iter().enumerate() {
                    match hash {
                        HashId::Blake3 => {
                            blake3::hash_rows(self.level, columns, tile * TILE_ROWS, of_coset);
                        }
                        HashId::Poseidon2 => {
                            poseidon2::hash_rows(self.level, columns, tile * TILE_ROWS, of_coset);
                        }
                    }
                    for (positions, digest) in digests.chunks_exact_mut(cosets).zip(&*of_coset) {
                        positions[coset] = *digest;
                    }
                }
            });
        let report = Report {
            job: Job::HashRows,
            words_in: matrix.shape.words() as u64,
            words_out: 4 * digests.len() as u64,
            cycles: None,
        };
        Ok(Done {
            data: Digests::new(digests),
            report,
        })
    }

    fn merkle_tree(&self, hash: HashId, leaves: &Digests) -> Result<Done<Digests>, DeviceError> {
        let leaves = leaves.read()?;
        if leaves.len() < 2 || !leaves.len().is_power_of_two() {
            let reason = "there must be a power of two of leaves, two at least";
            return Err(DeviceError::Job {
                job: Job::MerkleTree,
                reason,
            });
        }
        let mut nodes: Vec<Digest> = vec![[0; 8]; 2 * leaves.len()];
        nodes[leaves.len()..].copy_from_slice(leaves);
        let mut size = leaves.len() / 2;
        while size > 0 {
            let (above, children) = nodes[..4 * size].split_at_mut(2 * size);
            above[size..]
                .par_chunks_mut(TILE_PARENTS)
                .zip(children.par_chunks(2 * TILE_PARENTS))
                .for_each(|(parents, children)| match hash {
                    HashId::Blake3 => blake3::hash_pairs(self.level, children, parents),
                    HashId::Poseidon2 => poseidon2::hash_pairs(self.level, children, parents),
                });
            size /= 2;
        }
        let report = Report {
            job: Job::MerkleTree,
            words_in: 4 * leaves.len() as u64,
            words_out: 4 * nodes.len() as u64,
            cycles: None,
        };
        Ok(Done {
            data: Digests::new(nodes),
            report,
        })
    }

    fn release(&self) {
        self.pool.release();
    }
}
