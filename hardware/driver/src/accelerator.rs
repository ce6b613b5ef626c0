//! Jobs over a transport.

use std::collections::VecDeque;

use crate::registers as map;
use crate::transport::{Transport, TransportError};

/// Jobs that are sent before the results of the first are waited for: enough for one to be loaded while another is computed.
const UNDER_WAY: usize = 4;

/// Times that the high half of a counter may change while it is read: it does so every 2^32 cycles.
const HIGH_READS: usize = 4;

/// An accelerator that was found to be one.
#[derive(Debug)]
pub struct Accelerator<T> {
    transport: T,
    capabilities: Capabilities,
    build: u32,
    /// Trees since the last reset: nodes tell their number modulo 256.
    trees: u32,
    bound_cycles: u64,
    /// Words sent and received in this run, modulo 2^32: what it counts itself.
    words: [u32; 2],
}

/// What an accelerator has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Lanes of the NTT.
    pub lanes: u32,
    /// Binary logarithm of the longest transform.
    pub log_n: u32,
    /// Number of the hash, as the register has it.
    pub hash: u32,
    /// Binary logarithm of the most rows of a tree.
    pub log_rows: u32,
    /// Most words of a row.
    pub row_words: usize,
    /// Cycles from a block of the hash to the next.
    pub block_cycles: u32,
    /// Binary logarithm of the words of the scratch memory.
    pub log_scratch: u32,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// A transform of a power of two of words.
    Transform {
        /// From values to coefficients.
        inverse: bool,
        /// On the coset whose powers were loaded.
        coset: bool,
        /// In natural order; so are the results.
        words: Vec<u64>,
        /// The slot of the scratch memory in which the accelerator keeps the words, too.
        keep: Option<u32>,
    },
    /// A transform of words that were kept.
    TransformKept {
        /// As in [`Job::Transform`].
        inverse: bool,
        /// As in [`Job::Transform`].
        coset: bool,
        /// Binary logarithm of the words.
        log_size: u32,
        /// Where they are: the memory has slots of 2^`log_size` words.
        slot: u32,
    },
    /// The powers s^0, s^1, .. of a coset shift, for forward transforms.
    LoadShift {
        /// As many as the longest transform to come has words.
        powers: Vec<u64>,
    },
    /// A Merkle tree.
    Tree {
        /// Words of a row, 1 to 254.
        row_words: usize,
        /// Row after row, a power of two of rows.
        words: Vec<u64>,
    },
}

/// What the accelerator has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Cycles in which it was busy.
    pub cycles: u64,
    /// Of these, cycles in which a job waited for words.
    pub stall_in: u32,
    /// Cycles in which a word waited to be taken.
    pub stall_out: u32,
    /// Words taken in.
    pub words_in: u32,
    /// Words given out.
    pub words_out: u32,
    /// Jobs that have ended.
    pub jobs_done: u32,
}

/// Why an accelerator does not do its jobs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// See there.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Something else is there.
    #[error(
        "no accelerator answers: register id is {found:#010x}, not {:#010x}",
        map::ID_VALUE
    )]
    Id {
        /// What was read.
        found: u32,
    },
    /// Another map of registers.
    #[error(
        "the accelerator has version {found} of the registers, the driver {}; build both of one release",
        map::MAP_VERSION
    )]
    Version {
        /// The accelerator's.
        found: u32,
    },
    /// A register does not keep what is written.
    #[error(
        "scratch reads {found:#010x} after {written:#010x} was written: the way to the accelerator loses or changes bits"
    )]
    Scratch {
        /// What was written.
        written: u32,
        /// What was read.
        found: u32,
    },
    /// The accelerator found an error.
    #[error("the accelerator stopped at job {job}: {}", cause_text(*.cause))]
    Stopped {
        /// As in the register `error`.
        cause: u32,
        /// Counted from the last reset.
        job: u32,
    },
    /// A job that it cannot do.
    #[error("the accelerator cannot do a job: {0}")]
    Job(&'static str),
    /// Results that make no sense.
    #[error("the results of a job make no sense: {0}")]
    Results(String),
}

fn cause_text(cause: u32) -> &'static str {
    match cause {
        map::ERROR_CAUSE_KIND => "no such kind of job",
        map::ERROR_CAUSE_SIZE => "a size that it does not support",
        map::ERROR_CAUSE_EARLY => "its words ended early",
        map::ERROR_CAUSE_LATE => "its words went on behind the job",
        map::ERROR_CAUSE_TIMEOUT => "nothing moved until the time was up",
        map::ERROR_CAUSE_OVERFLOW => "a job came that there was no room for",
        _ => "for a reason that this driver does not know",
    }
}

impl<T: Transport> Accelerator<T> {
    /// Finds out what is there, and brings it to idle.
    ///
    /// # Errors
    /// If it is no accelerator that this driver knows.
    pub fn open(mut transport: T) -> Result<Self, DriverError> {
        let found = transport.read(map::ID)?;
        if found != map::ID_VALUE {
            return Err(DriverError::Id { found });
        }
        let found = transport.read(map::VERSION)?;
        if found != map::MAP_VERSION {
            return Err(DriverError::Version { found });
        }
        for written in [0x5a5a_a5a5, !0x5a5a_a5a5] {
            transport.write(map::SCRATCH, written)?;
            let found = transport.read(map::SCRATCH)?;
            if found != written {
                return Err(DriverError::Scratch { written, found });
            }
        }
        let word = transport.read(map::CAPABILITIES)?;
        let engine = transport.read(map::ENGINE)?;
        let capabilities = Capabilities {
            lanes: map::CAPABILITIES_LANES.of(word),
            log_n: map::CAPABILITIES_LOG_N.of(word),
            hash: map::CAPABILITIES_HASH.of(word),
            log_rows: map::CAPABILITIES_LOG_ROWS.of(word),
            row_words: map::CAPABILITIES_ROW_WORDS.of(word) as usize,
            block_cycles: map::ENGINE_BLOCK_CYCLES.of(engine),
            log_scratch: map::ENGINE_LOG_SCRATCH.of(engine),
        };
        let build = transport.read(map::BUILD)?;
        let mut accelerator = Self {
            transport,
            capabilities,
            build,
            trees: 0,
            bound_cycles: 0,
            words: [0; 2],
        };
        accelerator.reset()?;
        let clear = map::CONTROL_CLEAR.with(1);
        accelerator.transport.write(map::CONTROL, clear)?;
        Ok(accelerator)
    }

    /// What it has.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Digest of its Verilog, the first four bytes.
    pub fn build(&self) -> u32 {
        self.build
    }

    /// Cycles that all jobs so far took at least.
    pub fn bound_cycles(&self) -> u64 {
        self.bound_cycles
    }

    /// The way to it.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Drops all jobs and the error.
    ///
    /// # Errors
    /// If the accelerator does not answer.
    pub fn reset(&mut self) -> Result<(), DriverError> {
        self.transport.discard()?;
        self.transport
            .write(map::CONTROL, map::CONTROL_RESET.with(1))?;
        self.transport.discard()?;
        self.trees = 0;
        Ok(())
    }

    /// Cycles without a word moving after which the accelerator gives up; 0 for never.
    ///
    /// # Errors
    /// If the accelerator does not answer.
    pub fn set_timeout(&mut self, cycles: u32) -> Result<(), DriverError> {
        Ok(self.transport.write(map::TIMEOUT, cycles)?)
    }

    /// Counts since it was opened.
    ///
    /// # Errors
    /// If the accelerator does not answer.
    pub fn counters(&mut self) -> Result<Counters, DriverError> {
        let mut high = self.transport.read(map::CYCLES_HIGH)?;
        let mut cycles = None;
        for _ in 0..HIGH_READS {
            let low = self.transport.read(map::CYCLES_LOW)?;
            let again = self.transport.read(map::CYCLES_HIGH)?;
            if again == high {
                cycles = Some(u64::from(high) << 32 | u64::from(low));
                break;
            }
            high = again;
        }
        let cycles = cycles.ok_or_else(|| {
            DriverError::Results("the counter of cycles never reads the same twice".to_owned())
        })?;
        Ok(Counters {
            cycles,
            stall_in: self.transport.read(map::STALL_IN)?,
            stall_out: self.transport.read(map::STALL_OUT)?,
            words_in: self.transport.read(map::WORDS_IN)?,
            words_out: self.transport.read(map::WORDS_OUT)?,
            jobs_done: self.transport.read(map::JOBS_DONE)?,
        })
    }

    /// Does jobs one behind the other, and hands each one's results to `take` with its number among them: the words of a
    /// transform; the nodes of a tree, node after node from number 0, which is none and zero, four words each.
    ///
    /// After an error the accelerator is idle again, and all jobs are dropped.
    ///
    /// # Errors
    /// If a job is impossible, the accelerator stops or does not answer, or `take` fails.
    pub fn run(
        &mut self,
        jobs: impl IntoIterator<Item = Job>,
        mut take: impl FnMut(usize, Vec<u64>) -> Result<(), DriverError>,
    ) -> Result<(), DriverError> {
        let done = self.run_counted(jobs, &mut take);
        if done.is_err() {
            // What was wrong counts, not whether idling again works.
            let _ = self.reset();
        }
        done
    }

    /// All jobs; afterwards the accelerator must have counted the words that were sent and received, and no others.
    fn run_counted(
        &mut self,
        jobs: impl IntoIterator<Item = Job>,
        take: &mut impl FnMut(usize, Vec<u64>) -> Result<(), DriverError>,
    ) -> Result<(), DriverError> {
        let before = self.counted_words()?;
        self.words = [0; 2];
        self.run_all(jobs, take)?;
        let after = self.counted_words()?;
        let counted = [0, 1].map(|way| after[way].wrapping_sub(before[way]));
        if counted == self.words {
            return Ok(());
        }
        let ([counted_in, counted_out], [sent, received]) = (counted, self.words);
        Err(DriverError::Results(format!(
            "the accelerator counted {counted_in} words in and {counted_out} out, where {sent} were sent and {received} came"
        )))
    }

    fn counted_words(&mut self) -> Result<[u32; 2], DriverError> {
        let words_in = self.transport.read(map::WORDS_IN)?;
        Ok([words_in, self.transport.read(map::WORDS_OUT)?])
    }

    fn run_all(
        &mut self,
        jobs: impl IntoIterator<Item = Job>,
        take: &mut impl FnMut(usize, Vec<u64>) -> Result<(), DriverError>,
    ) -> Result<(), DriverError> {
        let mut jobs = jobs.into_iter().enumerate().peekable();
        let mut under_way = VecDeque::new();
        loop {
            // Nodes of a tree would come among those of the one before: a tree is under way alone.
            let room = |(_, job): &(usize, Job), under_way: &VecDeque<(usize, Expected)>| match job
            {
                Job::Tree { .. } => under_way.is_empty(),
                _ => {
                    let is_alone = matches!(under_way.front(), Some((_, Expected::Nodes { .. })));
                    under_way.len() < UNDER_WAY && !is_alone
                }
            };
            while let Some((index, job)) = jobs.next_if(|next| room(next, &under_way)) {
                let expected = self.start(&job)?;
                under_way.extend(expected.map(|expected| (index, expected)));
            }
            let Some((index, expected)) = under_way.pop_front() else {
                return Ok(());
            };
            let words = match expected {
                Expected::Words(count) => {
                    let words = self.receive(count)?;
                    if words.len() != count {
                        let found = words.len();
                        return Err(DriverError::Results(format!("{found} words of {count}")));
                    }
                    words
                }
                Expected::Nodes { rows, tree } => {
                    let words = self.receive(NODE_WORDS * (2 * rows - 1))?;
                    nodes(&words, rows, tree).map_err(DriverError::Results)?
                }
            };
            take(index, words)?;
        }
    }

    /// Writes a job to the queue, and sends its words.
    fn start(&mut self, job: &Job) -> Result<Option<Expected>, DriverError> {
        let Capabilities {
            log_n,
            log_rows,
            row_words: most,
            log_scratch,
            ..
        } = self.capabilities;
        let log_of = |count: usize, least: u32, most: u32| {
            let log = count.checked_ilog2().filter(|_| count.is_power_of_two());
            log.filter(|log| (least..=most).contains(log))
                .ok_or(DriverError::Job(
                    "its words are no power of two, too few or too many",
                ))
        };
        let flags_of = |inverse: bool, coset: bool| {
            map::JOB_INVERSE.with(inverse.into()) | map::JOB_COSET.with(coset.into())
        };
        let slot_of = |slot: u32, log_size: u32| {
            let is_there = (slot < 256) && (u64::from(slot) + 1) << log_size <= 1 << log_scratch;
            let slot = is_there.then(|| map::JOB_SLOT.with(slot));
            slot.ok_or(DriverError::Job("the scratch memory has no such slot"))
        };
        let (kind, log_size, flags, words, expected) = match job {
            Job::Transform {
                inverse,
                coset,
                words,
                keep,
            } => {
                let log_size = log_of(words.len(), 3, log_n)?;
                let mut flags = flags_of(*inverse, *coset);
                if let Some(slot) = keep {
                    flags |= map::JOB_KEEP.with(1) | slot_of(*slot, log_size)?;
                }
                let expected = Some(Expected::Words(words.len()));
                let words = words.as_slice();
                (map::JOB_KIND_TRANSFORM, log_size, flags, words, expected)
            }
            Job::TransformKept {
                inverse,
                coset,
                log_size,
                slot,
            } => {
                if !(3..=log_n).contains(log_size) {
                    return Err(DriverError::Job("its words are too few or too many"));
                }
                let flags =
                    flags_of(*inverse, *coset) | map::JOB_KEPT.with(1) | slot_of(*slot, *log_size)?;
                let expected = Some(Expected::Words(1 << log_size));
                (
                    map::JOB_KIND_TRANSFORM,
                    *log_size,
                    flags,
                    [].as_slice(),
                    expected,
                )
            }
            Job::LoadShift { powers } => {
                let log_size = log_of(powers.len(), 3, log_n)?;
                (
                    map::JOB_KIND_LOAD_SHIFT,
                    log_size,
                    0,
                    powers.as_slice(),
                    None,
                )
            }
            Job::Tree { row_words, words } => {
                if !(1..=most).contains(row_words) || words.len() % row_words != 0 {
                    return Err(DriverError::Job("rows are too long, or not whole"));
                }
                let rows = words.len() / row_words;
                let tree = self.trees;
                self.trees = (tree + 1) % 256;
                let flags = map::JOB_ROW_WORDS.with(*row_words as u32);
                let expected = Some(Expected::Nodes { rows, tree });
                let log_size = log_of(rows, 0, log_rows)?;
                (
                    map::JOB_KIND_TREE,
                    log_size,
                    flags,
                    words.as_slice(),
                    expected,
                )
            }
        };
        let word = map::JOB_KIND.with(kind) | map::JOB_LOG_SIZE.with(log_size) | flags;
        self.transport.write(map::JOB, word)?;
        if !words.is_empty() {
            self.transport.send(words)?;
        }
        self.words[0] = self.words[0].wrapping_add(words.len() as u32);
        self.bound_cycles += self.capabilities.bound_cycles(job);
        Ok(expected)
    }

    /// The results of a job; if none come, why.
    fn receive(&mut self, most: usize) -> Result<Vec<u64>, DriverError> {
        let error = match self.transport.receive(most) {
            Ok(words) => {
                self.words[1] = self.words[1].wrapping_add(words.len() as u32);
                return Ok(words);
            }
            Err(error) => error,
        };
        if matches!(error, TransportError::Standstill { .. }) {
            let status = self.transport.read(map::STATUS)?;
            if map::STATUS_FAILED.of(status) == 1 {
                let error = self.transport.read(map::ERROR)?;
                return Err(DriverError::Stopped {
                    cause: map::ERROR_CAUSE.of(error),
                    job: map::ERROR_JOB.of(error),
                });
            }
        }
        Err(error.into())
    }
}

/// What comes of a job.
enum Expected {
    Words(usize),
    Nodes {
        rows: usize,
        /// Its number modulo 256.
        tree: u32,
    },
}

/// Words of a node on the stream: its number, then its digest.
const NODE_WORDS: usize = 5;

/// The nodes of a tree in order, from the words in which they came.
fn nodes(words: &[u64], rows: usize, tree: u32) -> Result<Vec<u64>, String> {
    let (beats, rest) = words.as_chunks::<NODE_WORDS>();
    if !rest.is_empty() || beats.len() != 2 * rows - 1 {
        return Err(format!("{} words for a tree of {rows} rows", words.len()));
    }
    let mut nodes = vec![0; 8 * rows];
    let mut is_there = vec![false; 2 * rows];
    for &[head, digest @ ..] in beats {
        let (node, job) = ((head & 0xff_ffff) as usize, (head >> 32) as u32);
        if job != tree {
            return Err(format!("a node of tree {job} in tree {tree}"));
        }
        match is_there.get_mut(node) {
            Some(seen) if node > 0 && !*seen => *seen = true,
            _ => return Err(format!("node {node} comes twice, or is none")),
        }
        nodes[4 * node..4 * node + 4].copy_from_slice(&digest);
    }
    Ok(nodes)
}
