//! Jobs from the queue to the engines, and the words that belong to them.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// Takes one job after another, checks it, starts its engine and passes as many words on as the job has.
///
/// The words of a job may be kept in the scratch memory of 2^`SCRATCH` words, or come from there.
///
/// A job is checked in the cycle in which it is taken, and its words pass two cycles later at the earliest. After an error
/// nothing passes until a reset.
#[derive(LogicBlock)]
pub(super) struct Dispatch<const SCRATCH: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops the job.
    pub reset: Signal<In, Bit>,
    /// There was an error.
    pub is_failed: Signal<In, Bit>,
    /// A job waits.
    pub job_valid: Signal<In, Bit>,
    /// It is taken.
    pub job_ready: Signal<Out, Bit>,
    /// As in the register `job`; kinds below 3 are those of [`Command`](crate::ntt::Command), 3 is a tree.
    pub job: Signal<In, Word<32>>,
    /// A word is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken, or dropped after an error.
    pub s_ready: Signal<Out, Bit>,
    /// It is the last of its job.
    pub s_last: Signal<In, Bit>,
    /// What the engines see of the job.
    pub kind: Signal<Out, Word<2>>,
    /// Logarithm of words or rows.
    pub log_size: Signal<Out, Word<5>>,
    /// A transform from values to coefficients.
    pub inverse: Signal<Out, Bit>,
    /// A transform on a coset.
    pub coset: Signal<Out, Bit>,
    /// Words of a row.
    pub row_words: Signal<Out, Word<8>>,
    /// The words come from the scratch memory.
    pub is_kept: Signal<Out, Bit>,
    /// The memory's words for the job are read.
    pub is_reading: Signal<Out, Bit>,
    /// Where they begin.
    pub base: Signal<Out, Word<SCRATCH>>,
    /// The memory offers one.
    pub scratch_valid: Signal<In, Bit>,
    /// It is taken.
    pub scratch_ready: Signal<Out, Bit>,
    /// The word that passes is kept.
    pub is_keeping: Signal<Out, Bit>,
    /// Where.
    pub keep_address: Signal<Out, Word<SCRATCH>>,
    /// The NTT is to start the job.
    pub ntt_command_valid: Signal<Out, Bit>,
    /// It does.
    pub ntt_command_ready: Signal<In, Bit>,
    /// The NTT is offered a word.
    pub ntt_valid: Signal<Out, Bit>,
    /// It takes it.
    pub ntt_ready: Signal<In, Bit>,
    /// The Merkle engine is to start the job.
    pub tree_command_valid: Signal<Out, Bit>,
    /// It does.
    pub tree_command_ready: Signal<In, Bit>,
    /// The Merkle engine is offered a word.
    pub tree_valid: Signal<Out, Bit>,
    /// It takes it.
    pub tree_ready: Signal<In, Bit>,
    /// The job will have results.
    pub order_valid: Signal<Out, Bit>,
    /// There is room to remember that.
    pub order_ready: Signal<In, Bit>,
    /// Of the Merkle engine.
    pub order_tree: Signal<Out, Bit>,
    /// A job is under way here.
    pub is_active: Signal<Out, Bit>,
    /// A job waits for words.
    pub is_starving: Signal<Out, Bit>,
    /// A word passes.
    pub is_passing: Signal<Out, Bit>,
    /// A word passes that came on the stream.
    pub is_entering: Signal<Out, Bit>,
    /// A job without results has ended.
    pub is_loaded: Signal<Out, Bit>,
    /// An error.
    pub error_valid: Signal<Out, Bit>,
    /// As in the register `error`.
    pub error_cause: Signal<Out, Word<4>>,
    /// Number of the job since the last reset.
    pub number: Signal<Out, Word<16>>,
    // There was room for an order a cycle ago: what tells begins a long path. It still holds, for three cycles pass from
    // one order to the next at least.
    has_room: DFF<Bit>,
    is_issuing: DFF<Bit>,
    is_feeding: DFF<Bit>,
    is_tree: DFF<Bit>,
    has_results: DFF<Bit>,
    current: DFF<Word<24>>,
    first: DFF<Word<SCRATCH>>,
    word: DFF<Word<8>>,
    last_word: DFF<Word<8>>,
    row: DFF<Word<23>>,
    last_row: DFF<Word<23>>,
    jobs: DFF<Word<16>>,
    log_n: Constant<Word<5>>,
    least_log_n: Constant<Word<5>>,
    log_rows: Constant<Word<5>>,
    log_scratch: Constant<Word<5>>,
    one: Constant<Word<23>>,
    offered_kind: Signal<Local, Word<4>>,
    offered_log_size: Signal<Local, Word<5>>,
    offered_row_words: Signal<Local, Word<8>>,
    offered_tree: Signal<Local, Bit>,
    offered_slot: Signal<Local, Word<32>>,
    offered_place: Signal<Local, Word<32>>,
    offered_above: Signal<Local, Word<32>>,
    offered_scratch: Signal<Local, Bit>,
    is_source: Signal<Local, Bit>,
    is_unknown: Signal<Local, Bit>,
    is_oversized: Signal<Local, Bit>,
    is_taking: Signal<Local, Bit>,
    is_issued: Signal<Local, Bit>,
    is_open: Signal<Local, Bit>,
    passes: Signal<Local, Bit>,
    is_end: Signal<Local, Bit>,
    rows: Signal<Local, Word<23>>,
}

impl<const SCRATCH: usize> Dispatch<SCRATCH> {
    /// For transforms of up to 2^`log_n` words, for none below 3.
    pub(super) fn new(log_n: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            is_failed: Signal::default(),
            job_valid: Signal::default(),
            job_ready: Signal::default(),
            job: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_last: Signal::default(),
            kind: Signal::default(),
            log_size: Signal::default(),
            inverse: Signal::default(),
            coset: Signal::default(),
            row_words: Signal::default(),
            is_kept: Signal::default(),
            is_reading: Signal::default(),
            base: Signal::default(),
            scratch_valid: Signal::default(),
            scratch_ready: Signal::default(),
            is_keeping: Signal::default(),
            keep_address: Signal::default(),
            ntt_command_valid: Signal::default(),
            ntt_command_ready: Signal::default(),
            ntt_valid: Signal::default(),
            ntt_ready: Signal::default(),
            tree_command_valid: Signal::default(),
            tree_command_ready: Signal::default(),
            tree_valid: Signal::default(),
            tree_ready: Signal::default(),
            order_valid: Signal::default(),
            order_ready: Signal::default(),
            order_tree: Signal::default(),
            is_active: Signal::default(),
            is_starving: Signal::default(),
            is_passing: Signal::default(),
            is_entering: Signal::default(),
            is_loaded: Signal::default(),
            error_valid: Signal::default(),
            error_cause: Signal::default(),
            number: Signal::default(),
            has_room: DFF::default(),
            is_issuing: DFF::default(),
            is_feeding: DFF::default(),
            is_tree: DFF::default(),
            has_results: DFF::default(),
            current: DFF::default(),
            first: DFF::default(),
            word: DFF::default(),
            last_word: DFF::default(),
            row: DFF::default(),
            last_row: DFF::default(),
            jobs: DFF::default(),
            log_n: Constant::new(Word::new(log_n as u128)),
            least_log_n: Constant::new(Word::new(3)),
            log_rows: Constant::new(Word::new(super::LOG_ROWS as u128)),
            log_scratch: Constant::new(Word::new(SCRATCH as u128)),
            one: Constant::new(Word::new(1)),
            offered_kind: Signal::default(),
            offered_log_size: Signal::default(),
            offered_row_words: Signal::default(),
            offered_tree: Signal::default(),
            offered_slot: Signal::default(),
            offered_place: Signal::default(),
            offered_above: Signal::default(),
            offered_scratch: Signal::default(),
            is_source: Signal::default(),
            is_unknown: Signal::default(),
            is_oversized: Signal::default(),
            is_taking: Signal::default(),
            is_issued: Signal::default(),
            is_open: Signal::default(),
            passes: Signal::default(),
            is_end: Signal::default(),
            rows: Signal::default(),
        }
    }
}

impl<const SCRATCH: usize> Logic for Dispatch<SCRATCH> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            has_room,
            is_issuing,
            is_feeding,
            is_tree,
            has_results,
            current,
            first,
            word,
            last_word,
            row,
            last_row,
            jobs
        );
        // The job that waits.
        self.offered_kind.next = self.job.val().get_bits::<4>(0);
        self.offered_log_size.next = self.job.val().get_bits::<5>(4);
        self.offered_row_words.next = self.job.val().get_bits::<8>(16);
        self.offered_tree.next = self.offered_kind.val() == 3;
        self.is_unknown.next = self.offered_kind.val() > 3;
        self.is_oversized.next = (self.offered_log_size.val() > self.log_n.val())
            || (self.offered_log_size.val() < self.least_log_n.val());
        self.offered_slot.next = bit_cast_word::<32, 8>(self.job.val().get_bits::<8>(24));
        self.offered_place.next = self.offered_slot.val() << self.offered_log_size.val();
        self.offered_above.next = self.offered_place.val() >> self.log_scratch.val();
        self.offered_scratch.next = self.job.val().get_bit(11) || self.job.val().get_bit(12);
        if self.offered_scratch.val()
            && (self.offered_above.val().any()
                || (self.offered_log_size.val() > self.log_scratch.val()))
        {
            self.is_oversized.next = true;
        }
        if self.offered_tree.val() {
            self.is_oversized.next = self.offered_scratch.val()
                || (self.offered_log_size.val() > self.log_rows.val())
                || !self.offered_row_words.val().any()
                || self.offered_row_words.val().all();
        }
        self.rows.next = self.one.val() << self.offered_log_size.val();
        self.is_taking.next = self.job_valid.val()
            && !self.is_issuing.q.val()
            && !self.is_feeding.q.val()
            && !self.is_failed.val();
        self.job_ready.next =
            !self.is_issuing.q.val() && !self.is_feeding.q.val() && !self.is_failed.val();
        self.error_valid.next = false;
        self.error_cause.next = 0u64.into();
        self.number.next = self.jobs.q.val();
        if self.is_taking.val() {
            self.current.d.next = self.job.val().get_bits::<24>(0);
            self.first.d.next = bit_cast_word::<SCRATCH, 32>(self.offered_place.val());
            self.is_issuing.d.next = !self.is_unknown.val() && !self.is_oversized.val();
            self.is_tree.d.next = self.offered_tree.val();
            self.has_results.d.next = self.offered_tree.val() || !self.offered_kind.val().any();
            self.word.d.next = 0u64.into();
            self.last_word.d.next = 0u64.into();
            if self.offered_tree.val() {
                self.last_word.d.next = self.offered_row_words.val() - 1;
            }
            self.row.d.next = 0u64.into();
            self.last_row.d.next = self.rows.val() - self.one.val();
            if self.is_oversized.val() {
                self.error_valid.next = true;
                self.error_cause.next = 2u64.into();
            }
            if self.is_unknown.val() {
                self.error_valid.next = true;
                self.error_cause.next = 1u64.into();
            }
        }

        // The job taken.
        self.kind.next = self.current.q.val().get_bits::<2>(0);
        self.log_size.next = self.current.q.val().get_bits::<5>(4);
        self.inverse.next = self.current.q.val().get_bit(9);
        self.coset.next = self.current.q.val().get_bit(10);
        self.row_words.next = self.current.q.val().get_bits::<8>(16);
        self.order_tree.next = self.is_tree.q.val();
        self.is_kept.next = self.current.q.val().get_bit(12);
        self.base.next = self.first.q.val();
        self.is_reading.next =
            self.is_feeding.q.val() && self.current.q.val().get_bit(12) && !self.is_failed.val();
        self.has_room.d.next = self.order_ready.val();
        // What is offered depends on registers, on what is offered here and on the room for results, but on no engine: written
        // out for each, since a local that both halves of a handshake read is a loop to Verilator.
        self.ntt_command_valid.next = self.is_issuing.q.val()
            && !self.is_failed.val()
            && !self.is_tree.q.val()
            && (self.has_room.q.val() || !self.has_results.q.val());
        self.tree_command_valid.next = self.is_issuing.q.val()
            && !self.is_failed.val()
            && self.is_tree.q.val()
            && self.has_room.q.val();
        self.is_issued.next = self.is_issuing.q.val()
            && !self.is_failed.val()
            && (self.has_room.q.val() || !self.has_results.q.val())
            && ((self.is_tree.q.val() && self.tree_command_ready.val())
                || (!self.is_tree.q.val() && self.ntt_command_ready.val()));
        self.order_valid.next = self.is_issued.val() && self.has_results.q.val();
        if self.is_issued.val() {
            self.is_issuing.d.next = false;
            self.is_feeding.d.next = true;
        }

        // Its words, from the stream or from the scratch memory.
        self.s_ready.next = self.is_failed.val()
            || (self.is_feeding.q.val()
                && !self.current.q.val().get_bit(12)
                && ((self.is_tree.q.val() && self.tree_ready.val())
                    || (!self.is_tree.q.val() && self.ntt_ready.val())));
        self.scratch_ready.next = self.is_feeding.q.val() && self.ntt_ready.val();
        self.ntt_valid.next = ((self.s_valid.val() && !self.current.q.val().get_bit(12))
            || (self.scratch_valid.val() && self.current.q.val().get_bit(12)))
            && self.is_feeding.q.val()
            && !self.is_tree.q.val()
            && !self.is_failed.val();
        self.tree_valid.next = self.s_valid.val()
            && self.is_feeding.q.val()
            && self.is_tree.q.val()
            && !self.is_failed.val();
        self.is_open.next = self.is_feeding.q.val()
            && !self.is_failed.val()
            && ((self.is_tree.q.val() && self.tree_ready.val())
                || (!self.is_tree.q.val() && self.ntt_ready.val()));
        self.is_source.next = (self.s_valid.val() && !self.current.q.val().get_bit(12))
            || (self.scratch_valid.val() && self.current.q.val().get_bit(12));
        self.passes.next = self.is_source.val() && self.is_open.val();
        self.is_passing.next = self.passes.val();
        self.is_entering.next = self.passes.val() && !self.current.q.val().get_bit(12);
        self.is_starving.next = !self.is_source.val() && self.is_open.val();
        self.is_keeping.next = self.passes.val() && self.current.q.val().get_bit(11);
        self.keep_address.next =
            self.first.q.val() + bit_cast_word::<SCRATCH, 23>(self.row.q.val());
        self.is_end.next = (self.word.q.val() == self.last_word.q.val())
            && (self.row.q.val() == self.last_row.q.val());
        self.is_loaded.next = false;
        if self.passes.val() {
            self.word.d.next = self.word.q.val() + 1;
            if self.word.q.val() == self.last_word.q.val() {
                self.word.d.next = 0u64.into();
                self.row.d.next = self.row.q.val() + 1;
            }
            if self.is_end.val() {
                self.is_feeding.d.next = false;
                self.jobs.d.next = self.jobs.q.val() + 1;
                self.is_loaded.next = !self.has_results.q.val();
            }
            if self.is_entering.val() && self.s_last.val() && !self.is_end.val() {
                self.error_valid.next = true;
                self.error_cause.next = 3u64.into();
            }
            if self.is_entering.val() && !self.s_last.val() && self.is_end.val() {
                self.error_valid.next = true;
                self.error_cause.next = 4u64.into();
            }
        }
        self.is_active.next = self.is_issuing.q.val() || self.is_feeding.q.val();
        if self.reset.val() {
            self.has_room.d.next = false;
            self.is_issuing.d.next = false;
            self.is_feeding.d.next = false;
            self.jobs.d.next = 0u64.into();
        }
    }
}
