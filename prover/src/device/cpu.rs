//! The processor as a device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use winterforge_verifier::bundle::HashId;

use super::buffer::Leaves;
use super::ntt::{MAX_LOG_SIZE, Transform};
use super::{
    Device, DeviceError, Digest, Digests, Domain, Done, Extension, Form, Job, Level, Matrix,
    Report, Shape, blake3, poseidon2,
};
use crate::pool::Pool;

/// Most rows that one task hashes at a time, in all cosets together: their digests stay in the cache until they are in order.
const TILE_DIGESTS: usize = 4096;

/// Fewest rows of a coset that are worth a task.
const LEAST_TILE_ROWS: usize = 64;

/// Tasks into which hashing falls where rows are few.
const LEAST_TILES: usize = 16;

/// Words left out between the columns of a matrix: 18 lines of the cache. Columns a power of two apart would all fall on the
/// same few lines, and a row of many of them would drive itself out.
pub(crate) const GAP_WORDS: usize = 18 * 8;

/// Parents that one task makes.
const TILE_PARENTS: usize = 512;

/// The processor, with the widest vectors that it has, on all threads of the pool it is called in.
#[derive(Debug)]
pub struct CpuDevice {
    level: Level,
    transforms: Mutex<HashMap<Domain, Arc<Transform>>>,
    pool: Arc<Pool>,
    trees: Arc<Pool<Digest>>,
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
            trees: Arc::default(),
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
        let pitch = shape.column_words() + GAP_WORDS;
        let mut words = self.pool.take(shape.columns * pitch);
        let buffers = || {
            (
                self.pool.take(shape.rows),
                self.pool.take(transform.work_len()),
            )
        };
        words.par_chunks_mut(pitch).zip(job.columns).for_each_init(
            buffers,
            |(coefficients, work), (extended, column)| {
                let extended = &mut extended[..shape.column_words()];
                match job.form {
                    Form::Values => transform.interpolate(self.level, column, coefficients, work),
                    Form::Coefficients => transform.to_digit_order(column, coefficients),
                }
                for (coset, values) in extended.chunks_mut(shape.rows).enumerate() {
                    transform.evaluate(self.level, coset, coefficients, values, work);
                }
            },
        );
        let report = Report {
            job: Job::Extend,
            words_in: (shape.columns * shape.rows) as u64,
            words_out: shape.words() as u64,
            cycles: None,
        };
        Ok(Done {
            data: Matrix::with_pitch(shape, pitch, words),
            report,
        })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let view = matrix.view()?;
        let Shape { cosets, rows, .. } = matrix.shape;
        let mut nodes = self.trees.take(2 * cosets * rows);
        let digests = &mut nodes[cosets * rows..];
        let most = (TILE_DIGESTS / cosets).max(LEAST_TILE_ROWS);
        let tile_rows = (rows / LEAST_TILES).clamp(LEAST_TILE_ROWS, most);
        let columns: Vec<_> = (0..cosets).map(|coset| view.coset(coset)).collect();
        digests
            .par_chunks_mut(tile_rows * cosets)
            .enumerate()
            .for_each_init(Vec::new, |by_coset, (tile, digests)| {
                by_coset.resize(digests.len(), [0; 8]);
                let rows = digests.len() / cosets;
                for (columns, of_coset) in columns.iter().zip(by_coset.chunks_exact_mut(rows)) {
                    match hash {
                        HashId::Blake3 => {
                            blake3::hash_rows(self.level, columns, tile * tile_rows, of_coset);
                        }
                        HashId::Poseidon2 => {
                            poseidon2::hash_rows(self.level, columns, tile * tile_rows, of_coset);
                        }
                    }
                }
                for (row, digests) in digests.chunks_exact_mut(cosets).enumerate() {
                    for (coset, digest) in digests.iter_mut().enumerate() {
                        *digest = by_coset[coset * rows + row];
                    }
                }
            });
        let report = Report {
            job: Job::HashRows,
            words_in: matrix.shape.words() as u64,
            words_out: 4 * digests.len() as u64,
            cycles: None,
        };
        let data = Digests {
            len: digests.len(),
            buffer: Arc::new(Leaves(nodes)),
        };
        Ok(Done { data, report })
    }

    fn merkle_tree(&self, hash: HashId, mut leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        let count = leaves.read()?.len();
        if count < 2 || !count.is_power_of_two() {
            let reason = "there must be a power of two of leaves, two at least";
            return Err(DeviceError::Job {
                job: Job::MerkleTree,
                reason,
            });
        }
        let own = Arc::get_mut(&mut leaves.buffer)
            .and_then(|buffer| buffer.as_any_mut().downcast_mut::<Leaves>());
        let mut nodes = if let Some(Leaves(nodes)) = own {
            std::mem::replace(nodes, self.trees.take(0))
        } else {
            let mut nodes = self.trees.take(2 * count);
            nodes[count..].copy_from_slice(leaves.read()?);
            nodes
        };
        nodes[0] = [0; 8];
        let mut size = count / 2;
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
            words_in: 4 * count as u64,
            words_out: 4 * nodes.len() as u64,
            cycles: None,
        };
        Ok(Done {
            data: Digests {
                len: nodes.len(),
                buffer: Arc::new(nodes),
            },
            report,
        })
    }

    fn release(&self) {
        self.pool.release();
        self.trees.release();
    }
}
