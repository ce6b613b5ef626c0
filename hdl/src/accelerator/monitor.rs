//! What the status registers say: errors, and counts of cycles, words and jobs.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Keeps the first error, watches for standstill, counts.
#[derive(LogicBlock, Default)]
pub(super) struct Monitor {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops the error; counters stay.
    pub reset: Signal<In, Bit>,
    /// Sets the counters to 0.
    pub clear: Signal<In, Bit>,
    /// A job waits or is under way.
    pub is_busy: Signal<In, Bit>,
    /// Cycles of standstill that are an error; 0 for never.
    pub timeout: Signal<In, Word<32>>,
    /// A word enters.
    pub is_passing: Signal<In, Bit>,
    /// A word came in.
    pub is_entering: Signal<In, Bit>,
    /// A word leaves.
    pub is_leaving: Signal<In, Bit>,
    /// A job waits for words.
    pub is_starving: Signal<In, Bit>,
    /// A word waits to be taken.
    pub is_blocked: Signal<In, Bit>,
    /// A job has ended with its last word.
    pub is_done: Signal<In, Bit>,
    /// A job without results has ended.
    pub is_loaded: Signal<In, Bit>,
    /// An error of the job that is fed.
    pub error_valid: Signal<In, Bit>,
    /// Its cause.
    pub error_cause: Signal<In, Word<4>>,
    /// Number of the job that is fed.
    pub number: Signal<In, Word<16>>,
    /// A job came that there was no room for.
    pub is_overflow: Signal<In, Bit>,
    /// There was an error.
    pub is_failed: Signal<Out, Bit>,
    /// The register `error`.
    pub error: Signal<Out, Word<32>>,
    /// Jobs that have ended.
    pub jobs_done: Signal<Out, Word<32>>,
    /// Cycles busy, low half.
    pub cycles_low: Signal<Out, Word<32>>,
    /// High half.
    pub cycles_high: Signal<Out, Word<32>>,
    /// Cycles in which a job waited for words.
    pub stall_in: Signal<Out, Word<32>>,
    /// Cycles in which a word waited to be taken.
    pub stall_out: Signal<Out, Word<32>>,
    /// Words taken in.
    pub words_in: Signal<Out, Word<32>>,
    /// Words given out.
    pub words_out: Signal<Out, Word<32>>,
    // What happened a cycle ago, for what tells it is the end of a long path.
    passing: DFF<Bit>,
    entering: DFF<Bit>,
    leaving: DFF<Bit>,
    starving: DFF<Bit>,
    ended: DFF<Bit>,
    loaded: DFF<Bit>,
    heard: DFF<Bit>,
    heard_cause: DFF<Word<4>>,
    heard_number: DFF<Word<16>>,
    failed: DFF<Bit>,
    cause: DFF<Word<4>>,
    culprit: DFF<Word<16>>,
    still: DFF<Word<32>>,
    done: DFF<Word<32>>,
    cycles: DFF<Word<64>>,
    starved: DFF<Word<32>>,
    blocked: DFF<Word<32>>,
    entered: DFF<Word<32>>,
    left: DFF<Word<32>>,
    is_moving: Signal<Local, Bit>,
    is_late: Signal<Local, Bit>,
}

impl Logic for Monitor {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            passing,
            entering,
            leaving,
            starving,
            ended,
            loaded,
            heard,
            heard_cause,
            heard_number,
            failed,
            cause,
            culprit,
            still,
            done,
            cycles,
            starved,
            blocked,
            entered,
            left
        );
        self.passing.d.next = self.is_passing.val();
        self.entering.d.next = self.is_entering.val();
        self.leaving.d.next = self.is_leaving.val();
        self.starving.d.next = self.is_starving.val();
        self.ended.d.next = self.is_done.val();
        self.loaded.d.next = self.is_loaded.val();
        self.heard.d.next = self.error_valid.val();
        self.heard_cause.d.next = self.error_cause.val();
        self.heard_number.d.next = self.number.val();
        self.is_failed.next = self.heard.q.val() || self.failed.q.val();
        self.error.next = bit_cast_word::<32, 4>(self.cause.q.val())
            | (bit_cast_word::<32, 16>(self.culprit.q.val()) << 16);
        self.is_moving.next = self.passing.q.val() || self.leaving.q.val() || !self.is_busy.val();
        self.still.d.next = self.still.q.val() + 1;
        if self.is_moving.val() {
            self.still.d.next = 0u64.into();
        }
        self.is_late.next = self.timeout.val().any() && (self.still.q.val() >= self.timeout.val());
        if !self.failed.q.val() {
            if self.is_late.val() {
                self.failed.d.next = true;
                self.cause.d.next = 5u64.into();
                self.culprit.d.next = self.number.val();
            }
            if self.is_overflow.val() {
                self.failed.d.next = true;
                self.cause.d.next = 6u64.into();
                self.culprit.d.next = self.number.val();
            }
            if self.heard.q.val() {
                self.failed.d.next = true;
                self.cause.d.next = self.heard_cause.q.val();
                self.culprit.d.next = self.heard_number.q.val();
            }
        }

        self.done.d.next = self.done.q.val()
            + bit_cast_bit::<32>(self.ended.q.val())
            + bit_cast_bit::<32>(self.loaded.q.val());
        self.cycles.d.next = self.cycles.q.val() + bit_cast_bit::<64>(self.is_busy.val());
        self.starved.d.next = self.starved.q.val() + bit_cast_bit::<32>(self.starving.q.val());
        self.blocked.d.next = self.blocked.q.val() + bit_cast_bit::<32>(self.is_blocked.val());
        self.entered.d.next = self.entered.q.val() + bit_cast_bit::<32>(self.entering.q.val());
        self.left.d.next = self.left.q.val() + bit_cast_bit::<32>(self.leaving.q.val());
        self.jobs_done.next = self.done.q.val();
        self.cycles_low.next = self.cycles.q.val().get_bits::<32>(0);
        self.cycles_high.next = self.cycles.q.val().get_bits::<32>(32);
        self.stall_in.next = self.starved.q.val();
        self.stall_out.next = self.blocked.q.val();
        self.words_in.next = self.entered.q.val();
        self.words_out.next = self.left.q.val();
        if self.clear.val() {
            self.passing.d.next = false;
            self.entering.d.next = false;
            self.leaving.d.next = false;
            self.starving.d.next = false;
            self.ended.d.next = false;
            self.loaded.d.next = false;
            self.done.d.next = 0u64.into();
            self.cycles.d.next = 0u64.into();
            self.starved.d.next = 0u64.into();
            self.blocked.d.next = 0u64.into();
            self.entered.d.next = 0u64.into();
            self.left.d.next = 0u64.into();
        }
        if self.reset.val() {
            self.heard.d.next = false;
            self.failed.d.next = false;
            self.cause.d.next = 0u64.into();
            self.culprit.d.next = 0u64.into();
            self.still.d.next = 0u64.into();
        }
    }
}
