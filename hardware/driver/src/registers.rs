//! The accelerator's registers. Generated from hardware/registers/registers.toml: edits are lost.

/// Version of this map.
pub const MAP_VERSION: u32 = 2;

/// The mark of a Winterforge accelerator, `WFA1`.
pub const ID: u32 = 0x00;
/// Its value.
pub const ID_VALUE: u32 = 0x57464131;

/// Version of this map.
pub const VERSION: u32 = 0x04;

/// The first four bytes of the BLAKE3 digest of the Verilog of this accelerator, with 0 in this place.
pub const BUILD: u32 = 0x08;

/// What is built in.
pub const CAPABILITIES: u32 = 0x0c;
/// Lanes of the NTT.
pub const CAPABILITIES_LANES: Field = Field {
    low: 0,
    bits: 4,
};
/// Binary logarithm of the longest transform.
pub const CAPABILITIES_LOG_N: Field = Field {
    low: 4,
    bits: 5,
};
/// The hash of the Merkle engine.
pub const CAPABILITIES_HASH: Field = Field {
    low: 9,
    bits: 2,
};
/// BLAKE3.
pub const CAPABILITIES_HASH_BLAKE3: u32 = 0;
/// Poseidon2.
pub const CAPABILITIES_HASH_POSEIDON2: u32 = 1;
/// Binary logarithm of the most rows of a tree.
pub const CAPABILITIES_LOG_ROWS: Field = Field {
    low: 11,
    bits: 5,
};
/// Most words of a row.
pub const CAPABILITIES_ROW_WORDS: Field = Field {
    low: 16,
    bits: 8,
};
/// Binary logarithm of the jobs that may wait.
pub const CAPABILITIES_LOG_JOBS: Field = Field {
    low: 24,
    bits: 4,
};

/// How fast the Merkle engine is, and how large the scratch memory.
pub const ENGINE: u32 = 0x10;
/// Cycles from the beginning of a block of its hash to that of the next.
pub const ENGINE_BLOCK_CYCLES: Field = Field {
    low: 0,
    bits: 16,
};
/// Binary logarithm of the words of the scratch memory.
pub const ENGINE_LOG_SCRATCH: Field = Field {
    low: 16,
    bits: 5,
};

/// Does nothing: for a host to see that it can write and read.
pub const SCRATCH: u32 = 0x14;

/// Does what its bits say.
pub const CONTROL: u32 = 0x18;
/// Drops all jobs and the error. Powers of coset shifts and counters stay.
pub const CONTROL_RESET: Field = Field {
    low: 0,
    bits: 1,
};
/// Sets the counters to 0.
pub const CONTROL_CLEAR: Field = Field {
    low: 1,
    bits: 1,
};

/// What is going on.
pub const STATUS: u32 = 0x1c;
/// A job waits or is under way.
pub const STATUS_BUSY: Field = Field {
    low: 0,
    bits: 1,
};
/// There is an error: words are taken and dropped, nothing comes out until a reset.
pub const STATUS_FAILED: Field = Field {
    low: 1,
    bits: 1,
};
/// Jobs that wait.
pub const STATUS_WAITING: Field = Field {
    low: 8,
    bits: 8,
};

/// The first error since the last reset.
pub const ERROR: u32 = 0x20;
/// What it was.
pub const ERROR_CAUSE: Field = Field {
    low: 0,
    bits: 4,
};
/// there is none.
pub const ERROR_CAUSE_NONE: u32 = 0;
/// no such kind of job.
pub const ERROR_CAUSE_KIND: u32 = 1;
/// a size that is not supported.
pub const ERROR_CAUSE_SIZE: u32 = 2;
/// the words ended before the job's.
pub const ERROR_CAUSE_EARLY: u32 = 3;
/// the words went on behind the job's.
pub const ERROR_CAUSE_LATE: u32 = 4;
/// nothing moved for as many cycles as the register `timeout` says.
pub const ERROR_CAUSE_TIMEOUT: u32 = 5;
/// a job that there was no room for.
pub const ERROR_CAUSE_OVERFLOW: u32 = 6;
/// The job it struck, counted from 0 since the last reset, modulo 2^16.
pub const ERROR_JOB: Field = Field {
    low: 16,
    bits: 16,
};

/// Cycles with a job under way in which no word moves until that is an error; 0: never.
pub const TIMEOUT: u32 = 0x24;

/// Queues a job. Its words follow on the stream behind those of the jobs before it, the last of them marked.
pub const JOB: u32 = 0x28;
/// What to do.
pub const JOB_KIND: Field = Field {
    low: 0,
    bits: 4,
};
/// a transform.
pub const JOB_KIND_TRANSFORM: u32 = 0;
/// take the powers of a coset shift, for transforms to values.
pub const JOB_KIND_LOAD_SHIFT: u32 = 1;
/// the same, for transforms to coefficients.
pub const JOB_KIND_LOAD_INVERSE_SHIFT: u32 = 2;
/// a Merkle tree.
pub const JOB_KIND_TREE: u32 = 3;
/// Binary logarithm of the words of a transform, or of the rows of a tree.
pub const JOB_LOG_SIZE: Field = Field {
    low: 4,
    bits: 5,
};
/// A transform from values to coefficients.
pub const JOB_INVERSE: Field = Field {
    low: 9,
    bits: 1,
};
/// A transform on the coset whose powers were loaded.
pub const JOB_COSET: Field = Field {
    low: 10,
    bits: 1,
};
/// The words are kept in a slot of the scratch memory, too; not of a tree.
pub const JOB_KEEP: Field = Field {
    low: 11,
    bits: 1,
};
/// The words are those of a slot, and none come on the stream; not of a tree.
pub const JOB_KEPT: Field = Field {
    low: 12,
    bits: 1,
};
/// Words of a row of a tree, 1 to 254.
pub const JOB_ROW_WORDS: Field = Field {
    low: 16,
    bits: 8,
};
/// The slot: the memory has slots of 2^log_size words, numbered from 0.
pub const JOB_SLOT: Field = Field {
    low: 24,
    bits: 8,
};

/// Jobs that have ended, modulo 2^32.
pub const JOBS_DONE: u32 = 0x2c;

/// Cycles in which the accelerator was busy, low half.
pub const CYCLES_LOW: u32 = 0x30;

/// Its high half.
pub const CYCLES_HIGH: u32 = 0x34;

/// Cycles in which a job waited for words, modulo 2^32.
pub const STALL_IN: u32 = 0x38;

/// Cycles in which a word waited to be taken, modulo 2^32.
pub const STALL_OUT: u32 = 0x3c;

/// Words taken in, modulo 2^32.
pub const WORDS_IN: u32 = 0x40;

/// Words given out, modulo 2^32.
pub const WORDS_OUT: u32 = 0x44;

/// Some bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The lowest bit.
    pub low: u32,
    /// How many there are.
    pub bits: u32,
}

impl Field {
    /// The field of a word.
    pub const fn of(self, word: u32) -> u32 {
        (word >> self.low) & (u32::MAX >> (32 - self.bits))
    }

    /// A word with this field alone; bits beyond the field are lost.
    pub const fn with(self, value: u32) -> u32 {
        (value & (u32::MAX >> (32 - self.bits))) << self.low
    }
}
