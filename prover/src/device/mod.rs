//! Devices: where columns are extended and committed to.
//!
//! A [`Device`] does the three jobs in which a prover spends most of its time, over columns of field elements: it extends
//! them to an evaluation domain, hashes rows, and builds the Merkle tree. Jobs hand back buffers, which may stay on the
//! device until someone [reads](Buffer::read) them, and a [`Report`].
//!
//! Everything about layout is fixed here, so that two devices can be compared word for word:
//!
//! - an evaluation domain is `offset <g>`, g of order `rows * cosets`; position `p` is row `p / cosets` of coset
//!   `p % cosets`, that is the coset of the subgroup of order `rows` by `offset g^coset`;
//! - a [`Matrix`] holds column after column, maybe with gaps between them, in each coset after coset, in each the rows in
//!   order;
//! - digests of rows are in order of position;
//! - the nodes of a tree are in order from the root, node 1, down: the children of node i are 2i and 2i + 1.

pub mod blake3;
mod buffer;
mod cpu;
mod dual;
mod fallback;
pub mod ntt;
mod open;
pub mod poseidon2;
mod record;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use winter_math::StarkField;
use winterforge_air::field::Felt;
use winterforge_verifier::bundle::HashId;

pub use self::blake3::Digest;
pub use buffer::{Buffer, Digests, Matrix, Shape, View};
pub use cpu::CpuDevice;
pub(crate) use cpu::GAP_WORDS;
pub use dual::Dual;
pub use fallback::{Fallback, OnFailure};
pub use open::{OpenOther, open};
pub use record::{Recorder, Replay};

pub use crate::simd::Level;

/// Does the heavy jobs of a proof.
pub trait Device: Debug + Send + Sync {
    /// What reports call it.
    fn name(&self) -> String;

    /// Extends columns to an evaluation domain.
    ///
    /// # Errors
    /// If the columns do not have the domain's rows, or the device fails.
    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError>;

    /// Hashes each row of a matrix, as the hash does elements.
    ///
    /// # Errors
    /// If the device fails.
    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError>;

    /// The nodes of the Merkle tree over leaves, two at least and a power of two; node 0 is no node and zero.
    ///
    /// # Errors
    /// If there is no such tree, or the device fails.
    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError>;

    /// How many copies of its buffers are in the host's memory.
    fn copies(&self) -> usize {
        1
    }

    /// Gives back memory of the host that is kept for later jobs, if there is any.
    fn release(&self) {}
}

/// The evaluation domain of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// Binary logarithm of the rows of a coset: the length of the trace.
    pub log_rows: u32,
    /// Binary logarithm of the number of cosets: the blowup.
    pub log_cosets: u32,
    /// The first position.
    pub offset: Felt,
}

impl Domain {
    /// Rows of a coset.
    pub fn rows(&self) -> usize {
        1 << self.log_rows
    }

    /// Cosets.
    pub fn cosets(&self) -> usize {
        1 << self.log_cosets
    }

    /// By what each coset is shifted from the subgroup.
    pub fn shifts(&self) -> Vec<Felt> {
        let generator = Felt::get_root_of_unity(self.log_rows + self.log_cosets);
        std::iter::successors(Some(self.offset), |&shift| Some(shift * generator))
            .take(self.cosets())
            .collect()
    }
}

/// What columns hold before they are extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Values on the subgroup of the trace, in order.
    Values,
    /// Coefficients, constant first.
    Coefficients,
}

/// The job to extend columns.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// As many words each as the domain has rows.
    pub columns: &'a [&'a [Felt]],
    /// What they hold.
    pub form: Form,
    /// Where they are to be evaluated.
    pub domain: Domain,
}

/// A job that was done.
#[derive(Clone, Debug)]
pub struct Done<T> {
    /// What came of it.
    pub data: T,
    /// What it took.
    pub report: Report,
}

/// The kinds of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// [`Device::extend`].
    Extend,
    /// [`Device::hash_rows`].
    HashRows,
    /// [`Device::merkle_tree`].
    MerkleTree,
}

impl Job {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Extend, Self::HashRows, Self::MerkleTree];

    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Extend => "extension",
            Self::HashRows => "row hashing",
            Self::MerkleTree => "Merkle tree",
        }
    }
}

/// What one job took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which job.
    pub job: Job,
    /// 64-bit words that it took in.
    pub words_in: u64,
    /// 64-bit words that it gave out.
    pub words_out: u64,
    /// Clock cycles of the device, where it counts them.
    pub cycles: Option<Cycles>,
}

/// Clock cycles of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycles {
    /// In which it was busy.
    pub taken: u64,
    /// That its units or its streams take at least.
    pub bound: u64,
}

impl Cycles {
    /// Both of two jobs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            taken: self.taken + other.taken,
            bound: self.bound + other.bound,
        }
    }

    /// The share of cycles that could not be fewer.
    pub fn occupancy(self) -> Option<f64> {
        (self.taken > 0).then(|| self.bound as f64 / self.taken as f64)
    }
}

/// What jobs of a kind took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs done.
    pub jobs: u64,
    /// 64-bit words taken in.
    pub words_in: u64,
    /// 64-bit words given out.
    pub words_out: u64,
    /// Clock cycles of the device, if it counts any.
    pub cycles: Option<Cycles>,
}

/// What all jobs took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    by_job: [Tally; Job::ALL.len()],
}

impl Totals {
    /// Adds a job.
    pub fn add(&mut self, report: &Report) {
        let tally = &mut self.by_job[report.job as usize];
        tally.jobs += 1;
        tally.words_in += report.words_in;
        tally.words_out += report.words_out;
        if let Some(cycles) = report.cycles {
            tally.cycles = Some(tally.cycles.unwrap_or_default().and(cycles));
        }
    }

    /// What jobs of a kind took.
    pub fn of(&self, job: Job) -> Tally {
        self.by_job[job as usize]
    }

    /// Words in both directions.
    pub fn words(&self) -> u64 {
        let words = |tally: &Tally| tally.words_in + tally.words_out;
        self.by_job.iter().map(words).sum()
    }

    /// Clock cycles of all jobs, if the device counts any.
    pub fn cycles(&self) -> Option<Cycles> {
        let counted = self.by_job.iter().filter_map(|tally| tally.cycles);
        counted.reduce(Cycles::and)
    }
}

/// Why a device did not do a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The job makes no sense.
    #[error("a device was asked for an impossible {}: {reason}", .job.name())]
    Job {
        /// Which job.
        job: Job,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no device of this name.
    #[error("there is no device {name:?}; known are cpu, dual:A,B, record:FILE and replay:FILE")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Two devices did not do the same.
    #[error(
        "{} and {} differ first in the {} at {}row {row}",
        .devices[0], .devices[1], .job.name(), column_text(*.column)
    )]
    Mismatch {
        /// Which devices.
        devices: [String; 2],
        /// In which job.
        job: Job,
        /// In which column of a matrix.
        column: Option<usize>,
        /// At which position, or in which node of a tree.
        row: usize,
    },
    /// The device failed.
    #[error("device {device} failed: {reason}")]
    Failed {
        /// Which device.
        device: String,
        /// Why.
        reason: String,
    },
}

fn column_text(column: Option<usize>) -> String {
    column.map_or(String::new(), |column| format!("column {column}, "))
}
