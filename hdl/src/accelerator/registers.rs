//! The register file of the accelerator. Generated from hardware/registers/registers.toml: edits are lost.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// Answers reads and takes writes of one word a cycle, by the number of the register.
#[derive(LogicBlock)]
pub(super) struct Registers {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// A register is written.
    pub is_writing: Signal<In, Bit>,
    /// Which.
    pub write_index: Signal<In, Word<6>>,
    /// With what.
    pub write_data: Signal<In, Word<32>>,
    /// Whether there is such a register, and it may be written.
    pub is_writable: Signal<Out, Bit>,
    /// The register that is read.
    pub read_index: Signal<In, Word<6>>,
    /// What it holds.
    pub read_data: Signal<Out, Word<32>>,
    /// Whether there is such a register, and it may be read.
    pub is_readable: Signal<Out, Bit>,
    /// Does nothing: for a host to see that it can write and read.
    pub scratch: Signal<Out, Word<32>>,
    /// Written with `write_data`: Does what its bits say.
    pub control: Signal<Out, Bit>,
    /// What is going on.
    pub status: Signal<In, Word<32>>,
    /// The first error since the last reset.
    pub error: Signal<In, Word<32>>,
    /// Cycles with a job under way in which no word moves until that is an error; 0: never.
    pub timeout: Signal<Out, Word<32>>,
    /// Written with `write_data`: Queues a job. Its words follow on the stream behind those of the jobs before it, the last of them marked.
    pub job: Signal<Out, Bit>,
    /// Jobs that have ended, modulo 2^32.
    pub jobs_done: Signal<In, Word<32>>,
    /// Cycles in which the accelerator was busy, low half.
    pub cycles_low: Signal<In, Word<32>>,
    /// Its high half.
    pub cycles_high: Signal<In, Word<32>>,
    /// Cycles in which a job waited for words, modulo 2^32.
    pub stall_in: Signal<In, Word<32>>,
    /// Cycles in which a word waited to be taken, modulo 2^32.
    pub stall_out: Signal<In, Word<32>>,
    /// Words taken in, modulo 2^32.
    pub words_in: Signal<In, Word<32>>,
    /// Words given out, modulo 2^32.
    pub words_out: Signal<In, Word<32>>,
    id: Constant<Word<32>>,
    version: Constant<Word<32>>,
    build: Constant<Word<32>>,
    capabilities: Constant<Word<32>>,
    engine: Constant<Word<32>>,
    scratch_value: DFF<Word<32>>,
    timeout_value: DFF<Word<32>>,
}

impl Registers {
    /// The register file of an accelerator.
    pub(super) fn new(build: u32, capabilities: u32, engine: u32) -> Self {
        Self {
            clock: Signal::default(),
            is_writing: Signal::default(),
            write_index: Signal::default(),
            write_data: Signal::default(),
            is_writable: Signal::default(),
            read_index: Signal::default(),
            read_data: Signal::default(),
            is_readable: Signal::default(),
            id: Constant::new(Word::new(0x57464131)),
            version: Constant::new(Word::new(2)),
            build: Constant::new(Word::new(build.into())),
            capabilities: Constant::new(Word::new(capabilities.into())),
            engine: Constant::new(Word::new(engine.into())),
            scratch: Signal::default(),
            scratch_value: DFF::default(),
            control: Signal::default(),
            status: Signal::default(),
            error: Signal::default(),
            timeout: Signal::default(),
            timeout_value: DFF::default(),
            job: Signal::default(),
            jobs_done: Signal::default(),
            cycles_low: Signal::default(),
            cycles_high: Signal::default(),
            stall_in: Signal::default(),
            stall_out: Signal::default(),
            words_in: Signal::default(),
            words_out: Signal::default(),
        }
    }
}

impl Logic for Registers {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, scratch_value, timeout_value);
        self.read_data.next = 0u64.into();
        self.is_readable.next = false;
        self.is_writable.next = false;
        if self.read_index.val() == 0 {
            self.read_data.next = self.id.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 1 {
            self.read_data.next = self.version.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 2 {
            self.read_data.next = self.build.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 3 {
            self.read_data.next = self.capabilities.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 4 {
            self.read_data.next = self.engine.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 5 {
            self.read_data.next = self.scratch_value.q.val();
            self.is_readable.next = true;
        }
        self.scratch.next = self.scratch_value.q.val();
        if self.write_index.val() == 5 {
            self.is_writable.next = true;
            if self.is_writing.val() {
                self.scratch_value.d.next = self.write_data.val();
            }
        }
        self.control.next = false;
        if self.write_index.val() == 6 {
            self.is_writable.next = true;
            self.control.next = self.is_writing.val();
        }
        if self.read_index.val() == 7 {
            self.read_data.next = self.status.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 8 {
            self.read_data.next = self.error.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 9 {
            self.read_data.next = self.timeout_value.q.val();
            self.is_readable.next = true;
        }
        self.timeout.next = self.timeout_value.q.val();
        if self.write_index.val() == 9 {
            self.is_writable.next = true;
            if self.is_writing.val() {
                self.timeout_value.d.next = self.write_data.val();
            }
        }
        self.job.next = false;
        if self.write_index.val() == 10 {
            self.is_writable.next = true;
            self.job.next = self.is_writing.val();
        }
        if self.read_index.val() == 11 {
            self.read_data.next = self.jobs_done.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 12 {
            self.read_data.next = self.cycles_low.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 13 {
            self.read_data.next = self.cycles_high.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 14 {
            self.read_data.next = self.stall_in.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 15 {
            self.read_data.next = self.stall_out.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 16 {
            self.read_data.next = self.words_in.val();
            self.is_readable.next = true;
        }
        if self.read_index.val() == 17 {
            self.read_data.next = self.words_out.val();
            self.is_readable.next = true;
        }
    }
}

/// What is built in. Bits beyond a field are lost.
pub(super) const fn capabilities(lanes: u32, log_n: u32, hash: u32, log_rows: u32, row_words: u32, log_jobs: u32) -> u32 {
    let mut word = 0;
    word |= lanes & 0xf;
    word |= (log_n & 0x1f) << 4;
    word |= (hash & 0x3) << 9;
    word |= (log_rows & 0x1f) << 11;
    word |= (row_words & 0xff) << 16;
    word |= (log_jobs & 0xf) << 24;
    word
}

/// How fast the Merkle engine is, and how large the scratch memory. Bits beyond a field are lost.
pub(super) const fn engine(block_cycles: u32, log_scratch: u32) -> u32 {
    let mut word = 0;
    word |= block_cycles & 0xffff;
    word |= (log_scratch & 0x1f) << 16;
    word
}
