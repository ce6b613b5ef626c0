//! The prover's device over an accelerator.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use winter_math::StarkField;
use winterforge_air::field::Felt;
use winterforge_prover::device::{
    Buffer, CpuDevice, Cycles, Device, DeviceError, Digest, Digests, Done, Extension, Form,
    Job as Kind, Matrix, Report, Shape,
};
use winterforge_verifier::bundle::HashId;

use crate::accelerator::{Accelerator, DriverError, Job};
use crate::fourstep::{Rectangle, powers};
use crate::registers::{CAPABILITIES_HASH_BLAKE3, CAPABILITIES_HASH_POSEIDON2};
use crate::transport::Transport;

/// Does every job of a proof on an accelerator: each word of an extension, each digest of a row and each node of a tree comes
/// from there. Extensions are the processor's where the accelerator has no lanes.
#[derive(Debug)]
pub struct HardwareDevice<T> {
    name: String,
    accelerator: Mutex<Accelerator<T>>,
}

/// A tree that came with the digests of its rows, which are its upper half.
#[derive(Debug)]
struct Tree(Vec<Digest>);

impl Buffer<Digest> for Tree {
    fn read(&self) -> Result<&[Digest], DeviceError> {
        Ok(&self.0[self.0.len() / 2..])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<T: Transport> HardwareDevice<T> {
    /// The device over an accelerator, under the name by which reports are to call it.
    pub fn new(name: impl Into<String>, accelerator: Accelerator<T>) -> Self {
        Self {
            name: name.into(),
            accelerator: Mutex::new(accelerator),
        }
    }

    /// The accelerator, once no job is under way.
    pub fn accelerator(&self) -> MutexGuard<'_, Accelerator<T>> {
        let accelerator = self.accelerator.lock();
        accelerator.unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the accelerator, and counts the cycles.
    fn counted<R>(
        &self,
        action: impl FnOnce(&mut Accelerator<T>) -> Result<R, DriverError>,
    ) -> Result<(R, Option<Cycles>), DeviceError> {
        let mut accelerator = self.accelerator();
        let run = || {
            let before = accelerator.counters()?.cycles;
            let bound_before = accelerator.bound_cycles();
            let result = action(&mut accelerator)?;
            let taken = accelerator.counters()?.cycles.checked_sub(before);
            let taken = taken.ok_or_else(|| {
                DriverError::Results("the counter of cycles runs backwards".to_owned())
            })?;
            let cycles = Cycles {
                taken,
                bound: accelerator.bound_cycles() - bound_before,
            };
            Ok((result, Some(cycles)))
        };
        run().map_err(|error: DriverError| DeviceError::Failed {
            device: self.name.clone(),
            reason: error.to_string(),
        })
    }
}

impl<T: Transport> Device for HardwareDevice<T> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let domain = job.domain;
        let shape = Shape {
            columns: job.columns.len(),
            cosets: domain.cosets(),
            rows: domain.rows(),
        };
        if job.columns.iter().any(|column| column.len() != shape.rows) {
            return Err(DeviceError::Job {
                job: Kind::Extend,
                reason: "a column does not have the domain's rows",
            });
        }
        // A small board hashes, and leaves transforms to the processor.
        if self.accelerator().capabilities().lanes == 0 {
            return CpuDevice::default().extend(job);
        }
        let (words, cycles) = self.counted(|accelerator| {
            let mut words = vec![0; shape.words()];
            let columns: Vec<Vec<u64>> =
                job.columns.iter().map(|column| integers(column)).collect();
            let coefficients = match job.form {
                Form::Coefficients => columns,
                Form::Values => transforms(accelerator, &columns)?,
            };
            let mut put = |column: usize, coset: usize, values: Vec<u64>| {
                let start = column * shape.column_words() + coset * shape.rows;
                words[start..start + shape.rows].copy_from_slice(&values);
            };
            evaluations(accelerator, &domain.shifts(), &coefficients, &mut put)?;
            elements(&words)
        })?;
        let report = Report {
            job: Kind::Extend,
            words_in: (shape.columns * shape.rows) as u64,
            words_out: shape.words() as u64,
            cycles,
        };
        Ok(Done {
            data: Matrix::new(shape, words),
            report,
        })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let view = matrix.view()?;
        let shape = matrix.shape;
        let rows = shape.column_words();
        let number = match hash {
            HashId::Blake3 => CAPABILITIES_HASH_BLAKE3,
            HashId::Poseidon2 => CAPABILITIES_HASH_POSEIDON2,
        };
        let (nodes, cycles) = self.counted(|accelerator| {
            if accelerator.capabilities().hash != number {
                return Err(DriverError::Job("its Merkle engine has another hash"));
            }
            let words = (0..rows).flat_map(|position| view.row(position));
            let job = Job::Tree {
                row_words: shape.columns,
                words: words.map(|word| word.as_int()).collect(),
            };
            let mut nodes = Vec::new();
            accelerator.run([job], |_, words| {
                nodes = words;
                Ok(())
            })?;
            Ok(nodes)
        })?;
        let (digests, _) = nodes.as_chunks::<4>();
        let words = |digest: &[u64; 4]| -> Digest {
            std::array::from_fn(|i| (digest[i / 2] >> (32 * (i % 2))) as u32)
        };
        let report = Report {
            job: Kind::HashRows,
            words_in: shape.words() as u64,
            words_out: 4 * rows as u64,
            cycles,
        };
        let data = Digests {
            len: rows,
            buffer: Arc::new(Tree(digests.iter().map(words).collect())),
        };
        Ok(Done { data, report })
    }

    /// The tree came with the digests; of others there is none.
    fn merkle_tree(
        &self,
        _hash: HashId,
        mut leaves: Digests,
    ) -> Result<Done<Digests>, DeviceError> {
        let impossible = |reason| DeviceError::Job {
            job: Kind::MerkleTree,
            reason,
        };
        if leaves.len < 2 {
            return Err(impossible(
                "there must be a power of two of leaves, two at least",
            ));
        }
        let nodes = if let Some(buffer) = Arc::get_mut(&mut leaves.buffer) {
            let own = buffer.as_any_mut().downcast_mut::<Tree>();
            own.map(|Tree(nodes)| std::mem::take(nodes))
        } else {
            let shared = leaves.buffer.as_any().downcast_ref::<Tree>();
            shared.map(|Tree(nodes)| nodes.clone())
        };
        let nodes = nodes.ok_or_else(|| {
            impossible("an accelerator makes trees over rows that it hashed itself")
        })?;
        let report = Report {
            job: Kind::MerkleTree,
            words_in: 2 * nodes.len() as u64,
            words_out: 4 * nodes.len() as u64,
            cycles: Some(Cycles::default()),
        };
        Ok(Done {
            data: Digests::new(nodes),
            report,
        })
    }
}

/// Values of columns on the subgroup to their coefficients.
fn transforms<T: Transport>(
    accelerator: &mut Accelerator<T>,
    columns: &[Vec<u64>],
) -> Result<Vec<Vec<u64>>, DriverError> {
    let rows = columns.first().map_or(0, Vec::len);
    if let Some(rectangle) = rectangle(accelerator, rows)? {
        let transform = |column: &Vec<u64>| rectangle.transform(accelerator, None, column);
        return columns.iter().map(transform).collect();
    }
    let jobs = columns.iter().map(|column| Job::Transform {
        inverse: true,
        coset: false,
        words: column.clone(),
        keep: None,
    });
    let mut results = vec![Vec::new(); columns.len()];
    accelerator.run(jobs, |index, words| {
        results[index] = words;
        Ok(())
    })?;
    Ok(results)
}

/// Values on the cosets by `shifts` of the columns with these coefficients; `put` gets the column, the coset and its values.
///
/// Coefficients are sent once: the scratch memory keeps as many columns as it has slots for while all cosets are done.
fn evaluations<T: Transport>(
    accelerator: &mut Accelerator<T>,
    shifts: &[Felt],
    columns: &[Vec<u64>],
    put: &mut impl FnMut(usize, usize, Vec<u64>),
) -> Result<(), DriverError> {
    let rows = columns.first().map_or(0, Vec::len);
    if let Some(rectangle) = rectangle(accelerator, rows)? {
        for (coset, &shift) in shifts.iter().enumerate() {
            for (index, column) in columns.iter().enumerate() {
                put(
                    index,
                    coset,
                    rectangle.transform(accelerator, Some(shift), column)?,
                );
            }
        }
        return Ok(());
    }
    let Some(log_size) = rows.checked_ilog2() else {
        return Ok(());
    };
    // The register has eight bits for the slot.
    let slots = (1_usize << accelerator.capabilities().log_scratch) / rows;
    let slots = slots.min(256);
    let is_kept = slots > 0 && shifts.len() > 1;
    let batch = if is_kept { slots } else { columns.len() };
    for (number, batch_columns) in columns.chunks(batch).enumerate() {
        let first = number * batch;
        for (coset, &shift) in shifts.iter().enumerate() {
            let load = Job::LoadShift {
                powers: powers(shift, rows),
            };
            let jobs = batch_columns.iter().zip(0..).map(|(column, slot)| {
                if is_kept && coset > 0 {
                    return Job::TransformKept {
                        inverse: false,
                        coset: true,
                        log_size,
                        slot,
                    };
                }
                Job::Transform {
                    inverse: false,
                    coset: true,
                    words: column.clone(),
                    keep: is_kept.then_some(slot),
                }
            });
            accelerator.run([load].into_iter().chain(jobs), |index, words| {
                put(first + index - 1, coset, words);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// How a transform of so many words is split, if it is longer than the hardware.
fn rectangle<T: Transport>(
    accelerator: &Accelerator<T>,
    rows: usize,
) -> Result<Option<Rectangle>, DriverError> {
    let log_n = accelerator.capabilities().log_n;
    if rows <= 1 << log_n {
        return Ok(None);
    }
    let rectangle = Rectangle::new(rows.ilog2(), log_n);
    let rectangle = rectangle.ok_or(DriverError::Job(
        "the transform is too long even in two steps",
    ))?;
    Ok(Some(rectangle))
}

fn integers(elements: &[Felt]) -> Vec<u64> {
    elements.iter().map(|element| element.as_int()).collect()
}

/// Words from a device as field elements, which are canonical.
fn elements(words: &[u64]) -> Result<Vec<Felt>, DriverError> {
    let canonical = |&word: &u64| (word < Felt::MODULUS).then(|| Felt::new(word));
    let elements = words.iter().map(canonical).collect::<Option<_>>();
    elements.ok_or_else(|| DriverError::Results("a word is no field element".to_owned()))
}
