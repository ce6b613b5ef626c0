//! Jobs in a file: what a device did, to be done again without it.
//!
//! A record is the key of the job (32 bytes: a hash of everything that it took in), the cycles it took plus one, or zero
//! where they were not counted, their bound, the number of words that it gave out, and these words; integers have eight
//! bytes, little-endian. Records are in no order: jobs run in parallel, and are found again by their key.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, ElementHasher, Hasher};
use winterforge_air::field::Felt;
use winterforge_verifier::bundle::HashId;

use super::{
    Cycles, Device, DeviceError, Digest, Digests, Done, Extension, Form, Job, Matrix, Report, Shape,
};

type Hash = Blake3_256<Felt>;
type Key = [u8; 32];

const HEADER_BYTES: usize = 56;

/// `record:FILE`: what a device does, written down.
#[derive(Debug)]
pub struct Recorder {
    device: Arc<dyn Device>,
    path: PathBuf,
    file: Mutex<File>,
}

/// `replay:FILE`: what was written down, instead of a device.
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    file: Mutex<File>,
    records: HashMap<Key, Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    cycles: Option<Cycles>,
    /// Where the words begin, in bytes.
    start: u64,
    words: u64,
}

fn failed(path: &Path, reason: impl ToString) -> DeviceError {
    DeviceError::Failed {
        device: format!("of the file {}", path.display()),
        reason: reason.to_string(),
    }
}

/// The key of a job from its name, its parameters and digests of its words.
fn key(job: Job, parameters: &[u64], digests: impl Iterator<Item = Key>) -> Key {
    let mut bytes = job.name().as_bytes().to_vec();
    bytes.extend(
        parameters
            .iter()
            .flat_map(|parameter| parameter.to_le_bytes()),
    );
    bytes.extend(digests.flatten());
    Hash::hash(&bytes).as_bytes()
}

fn extension_key(job: &Extension<'_>) -> Key {
    let form = match job.form {
        Form::Values => 0,
        Form::Coefficients => 1,
    };
    let domain = job.domain;
    let parameters = [
        form,
        u64::from(domain.log_rows),
        u64::from(domain.log_cosets),
        domain.offset.as_word(),
        job.columns.len() as u64,
    ];
    let columns = job.columns.iter();
    key(
        Job::Extend,
        &parameters,
        columns.map(|column| Hash::hash_elements(column).as_bytes()),
    )
}

fn hash_rows_key(hash: HashId, matrix: &Matrix) -> Result<Key, DeviceError> {
    let Shape {
        columns,
        cosets,
        rows,
    } = matrix.shape;
    let parameters = [hash as u64, columns as u64, cosets as u64, rows as u64];
    let columns = matrix.view()?.columns();
    let digests = columns.map(|column| Hash::hash_elements(column).as_bytes());
    Ok(key(Job::HashRows, &parameters, digests))
}

fn merkle_tree_key(hash: HashId, leaves: &Digests) -> Result<Key, DeviceError> {
    let bytes: Vec<u8> = leaves
        .read()?
        .iter()
        .flatten()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let parameters = [hash as u64, leaves.len as u64];
    Ok(key(
        Job::MerkleTree,
        &parameters,
        std::iter::once(Hash::hash(&bytes).as_bytes()),
    ))
}

fn words_of(digests: &[Digest]) -> impl Iterator<Item = u64> {
    digests
        .iter()
        .flat_map(|digest| digest.chunks_exact(2))
        .map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32)
}

fn digests_of(words: &[u64]) -> Vec<Digest> {
    let digest = |words: &[u64]| -> Digest {
        std::array::from_fn(|half| (words[half / 2] >> (32 * (half % 2))) as u32)
    };
    words.chunks_exact(4).map(digest).collect()
}

impl Recorder {
    /// Records what `device` does in a new file.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn new(device: Arc<dyn Device>, path: &Path) -> Result<Self, DeviceError> {
        let file = File::create(path).map_err(|error| failed(path, error))?;
        Ok(Self {
            device,
            path: path.to_path_buf(),
            file: Mutex::new(file),
        })
    }

    fn write(
        &self,
        key: Key,
        report: &Report,
        words: impl Iterator<Item = u64>,
    ) -> Result<(), DeviceError> {
        let words: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        let mut bytes = key.to_vec();
        let Cycles { taken, bound } = report.cycles.unwrap_or_default();
        let taken = report.cycles.map_or(0, |_| taken + 1);
        bytes.extend([taken, bound].map(u64::to_le_bytes).as_flattened());
        bytes.extend((words.len() as u64 / 8).to_le_bytes());
        bytes.extend(words);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes)
            .map_err(|error| failed(&self.path, error))
    }
}

impl Device for Recorder {
    fn name(&self) -> String {
        format!("record:{}", self.path.display())
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let done = self.device.extend(job)?;
        let words = done.data.view()?.columns().flatten();
        let words = words.map(|word| word.as_word());
        self.write(extension_key(job), &done.report, words)?;
        Ok(done)
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let done = self.device.hash_rows(hash, matrix)?;
        let key = hash_rows_key(hash, matrix)?;
        self.write(key, &done.report, words_of(done.data.read()?))?;
        Ok(done)
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        let key = merkle_tree_key(hash, &leaves)?;
        let done = self.device.merkle_tree(hash, leaves)?;
        self.write(key, &done.report, words_of(done.data.read()?))?;
        Ok(done)
    }

    fn copies(&self) -> usize {
        self.device.copies()
    }

    fn release(&self) {
        self.device.release();
    }
}

impl Replay {
    /// Opens a file of records.
    ///
    /// # Errors
    /// If it cannot be read or ends inside a record.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let error = |error: std::io::Error| failed(path, error);
        let file = File::open(path).map_err(error)?;
        let end = file.metadata().map_err(error)?.len();
        let mut reader = BufReader::new(file);
        let mut records = HashMap::new();
        let mut start = 0;
        while start < end {
            let mut header = [0; HEADER_BYTES];
            reader.read_exact(&mut header).map_err(error)?;
            let (key, counts) = header.split_at(32);
            let number =
                |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| counts[8 * at + byte]));
            let (taken, bound, words) = (number(0), number(1), number(2));
            start += HEADER_BYTES as u64;
            let behind = words
                .checked_mul(8)
                .and_then(|bytes| start.checked_add(bytes));
            let Some(behind) = behind.filter(|&behind| behind <= end) else {
                return Err(failed(path, "it ends inside a record"));
            };
            let record = Record {
                cycles: (taken.checked_sub(1)).map(|taken| Cycles { taken, bound }),
                start,
                words,
            };
            records.insert(std::array::from_fn(|byte| key[byte]), record);
            reader.seek(SeekFrom::Start(behind)).map_err(error)?;
            start = behind;
        }
        let file = reader.into_inner();
        Ok(Self {
            path: path.to_path_buf(),
            file: Mutex::new(file),
            records,
        })
    }

    /// The words of a job and its report.
    fn find(
        &self,
        job: Job,
        key: Key,
        words_in: usize,
        words_out: usize,
    ) -> Result<(Vec<u64>, Report), DeviceError> {
        let Some(record) = self.records.get(&key) else {
            return Err(failed(
                &self.path,
                format!("it holds no such {}", job.name()),
            ));
        };
        if record.words != words_out as u64 {
            return Err(failed(
                &self.path,
                format!("its {} has another size", job.name()),
            ));
        }
        let mut bytes = vec![0; 8 * words_out];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(record.start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| failed(&self.path, error))?;
        drop(file);
        let word = |bytes: &[u8]| u64::from_le_bytes(std::array::from_fn(|byte| bytes[byte]));
        let report = Report {
            job,
            words_in: words_in as u64,
            words_out: words_out as u64,
            cycles: record.cycles,
        };
        Ok((bytes.chunks_exact(8).map(word).collect(), report))
    }
}

impl Device for Replay {
    fn name(&self) -> String {
        format!("replay:{}", self.path.display())
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let shape = Shape {
            columns: job.columns.len(),
            cosets: job.domain.cosets(),
            rows: job.domain.rows(),
        };
        let words_in = shape.columns * shape.rows;
        let (words, report) =
            self.find(Job::Extend, extension_key(job), words_in, shape.words())?;
        let elements = words
            .into_iter()
            .map(|word| Felt::try_from(word).map_err(|error| failed(&self.path, error)))
            .collect::<Result<Vec<Felt>, _>>()?;
        Ok(Done {
            data: Matrix::new(shape, elements),
            report,
        })
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        let Shape { cosets, rows, .. } = matrix.shape;
        let key = hash_rows_key(hash, matrix)?;
        let (words, report) =
            self.find(Job::HashRows, key, matrix.shape.words(), 4 * cosets * rows)?;
        Ok(Done {
            data: Digests::new(digests_of(&words)),
            report,
        })
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        let key = merkle_tree_key(hash, &leaves)?;
        let (words, report) = self.find(Job::MerkleTree, key, 4 * leaves.len, 8 * leaves.len)?;
        Ok(Done {
            data: Digests::new(digests_of(&words)),
            report,
        })
    }
}
