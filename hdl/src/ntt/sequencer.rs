//! Issues butterflies: one group of `lanes` a cycle, pass after pass, job after job.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::plan;
use crate::parts::Rom;
use crate::word::{Word, bit_cast_word};

/// Reads the plan of the next pass from a table while the current one runs, so that passes and jobs
/// follow each other without a gap except where a word would be read before it is written.
#[derive(LogicBlock)]
pub struct Sequencer<const LOG_N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A loaded job waits.
    pub job_valid: Signal<In, Bit>,
    /// Its size.
    pub job_log_n: Signal<In, Word<4>>,
    /// Its direction.
    pub job_inverse: Signal<In, Bit>,
    /// It is begun in the next cycle.
    pub job_taken: Signal<Out, Bit>,
    /// There is a buffer for the results of a last pass.
    pub slot_free: Signal<In, Bit>,
    /// Number of that buffer.
    pub slot_next: Signal<In, Bit>,
    /// A last pass begins in the next cycle.
    pub slot_taken: Signal<Out, Bit>,
    /// Size of its job.
    pub slot_log_n: Signal<Out, Word<4>>,
    /// An issue.
    pub valid: Signal<Out, Bit>,
    /// Its indices, zero inside the window.
    pub base: Signal<Out, Word<LOG_N>>,
    /// Mask of the window.
    pub window: Signal<Out, Word<LOG_N>>,
    /// The bit in which butterflies pair.
    pub pair: Signal<Out, Word<4>>,
    /// The same modulo the bits of a bank.
    pub route: Signal<Out, Word<2>>,
    /// Of an inverse transform.
    pub is_inverse: Signal<Out, Bit>,
    /// Of a first pass.
    pub is_first: Signal<Out, Bit>,
    /// Of a last pass.
    pub is_last: Signal<Out, Bit>,
    /// Buffer of the results.
    pub slot: Signal<Out, Bit>,
    /// The last issue of a job.
    pub is_end: Signal<Out, Bit>,
    /// Half of the first pass is issued.
    pub is_half: Signal<Out, Bit>,
    windows: Rom<8, LOG_N>,
    microcode: Rom<8, 13>,
    masks: Rom<4, LOG_N>,
    is_running: DFF<Bit>,
    is_active: DFF<Bit>,
    window_now: DFF<Word<LOG_N>>,
    last_base: DFF<Word<LOG_N>>,
    current: DFF<Word<13>>,
    log_n: DFF<Word<4>>,
    inverse: DFF<Bit>,
    pass: DFF<Word<4>>,
    base_now: DFF<Word<LOG_N>>,
    slot_now: DFF<Bit>,
    idle: DFF<Word<5>>,
    next_log_n: DFF<Word<4>>,
    next_pass: DFF<Word<4>>,
    next_inverse: DFF<Bit>,
    is_fetching: DFF<Bit>,
    is_arriving: DFF<Bit>,
    next_valid: DFF<Bit>,
    idle_limit: Constant<Word<5>>,
    is_first_now: Signal<Local, Bit>,
    is_last_now: Signal<Local, Bit>,
    covered: Signal<Local, Word<LOG_N>>,
    successor: Signal<Local, Word<LOG_N>>,
    half: Signal<Local, Word<LOG_N>>,
    is_pass_end: Signal<Local, Bit>,
    next_wait: Signal<Local, Word<5>>,
    next_is_last: Signal<Local, Bit>,
    is_starting: Signal<Local, Bit>,
    is_new_job: Signal<Local, Bit>,
    address: Signal<Local, Word<8>>,
}

impl<const LOG_N: usize> Sequencer<LOG_N> {
    /// For 2^`bank_bits` banks.
    pub fn new(bank_bits: usize, hazard_cycles: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            job_valid: Signal::default(),
            job_log_n: Signal::default(),
            job_inverse: Signal::default(),
            job_taken: Signal::default(),
            slot_free: Signal::default(),
            slot_next: Signal::default(),
            slot_taken: Signal::default(),
            slot_log_n: Signal::default(),
            valid: Signal::default(),
            base: Signal::default(),
            window: Signal::default(),
            pair: Signal::default(),
            route: Signal::default(),
            is_inverse: Signal::default(),
            is_first: Signal::default(),
            is_last: Signal::default(),
            slot: Signal::default(),
            is_end: Signal::default(),
            is_half: Signal::default(),
            windows: Rom::new(plan::windows(LOG_N, bank_bits)),
            microcode: Rom::new(plan::microcode(LOG_N, bank_bits, hazard_cycles)),
            masks: Rom::new(plan::index_masks(LOG_N, bank_bits)),
            is_running: DFF::default(),
            is_active: DFF::default(),
            window_now: DFF::default(),
            last_base: DFF::default(),
            current: DFF::default(),
            log_n: DFF::default(),
            inverse: DFF::default(),
            pass: DFF::default(),
            base_now: DFF::default(),
            slot_now: DFF::default(),
            idle: DFF::default(),
            next_log_n: DFF::default(),
            next_pass: DFF::default(),
            next_inverse: DFF::default(),
            is_fetching: DFF::default(),
            is_arriving: DFF::default(),
            next_valid: DFF::default(),
            idle_limit: Constant::new(Word::new(31)),
            is_first_now: Signal::default(),
            is_last_now: Signal::default(),
            covered: Signal::default(),
            successor: Signal::default(),
            half: Signal::default(),
            is_pass_end: Signal::default(),
            next_wait: Signal::default(),
            next_is_last: Signal::default(),
            is_starting: Signal::default(),
            is_new_job: Signal::default(),
            address: Signal::default(),
        }
    }
}

impl<const LOG_N: usize> Logic for Sequencer<LOG_N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_running, is_active, window_now, last_base, current, log_n, inverse
        );
        dff_setup!(self, clock, pass, base_now);
        dff_setup!(
            self,
            clock,
            slot_now,
            idle,
            next_log_n,
            next_pass,
            next_inverse
        );
        dff_setup!(self, clock, is_fetching, is_arriving, next_valid);
        clock!(self, clock, windows, microcode, masks);

        // The current issue.
        self.is_first_now.next = self.current.q.val().get_bit(11);
        self.is_last_now.next = self.current.q.val().get_bit(12);
        self.covered.next = self.base_now.q.val() | self.window_now.q.val();
        self.is_pass_end.next =
            self.is_running.q.val() && (self.base_now.q.val() == self.last_base.q.val());
        self.half.next = self.last_base.q.val() >> 1;
        self.valid.next = self.is_running.q.val();
        self.base.next = self.base_now.q.val();
        self.window.next = self.window_now.q.val();
        self.pair.next = self.current.q.val().get_bits::<4>(0);
        self.route.next = self.current.q.val().get_bits::<2>(4);
        self.is_inverse.next = self.inverse.q.val();
        self.is_first.next = self.is_first_now.val();
        self.is_last.next = self.is_last_now.val();
        self.slot.next = self.slot_now.q.val();
        self.is_end.next = self.is_pass_end.val() && self.is_last_now.val();
        self.is_half.next = self.is_running.q.val()
            && self.is_first_now.val()
            && (self.base_now.q.val() == self.half.val());

        // The next one in the same pass: count through the bits outside the window.
        self.successor.next = self.covered.val() + 1;
        if self.is_running.q.val() {
            self.base_now.d.next = self.successor.val() & (!self.window_now.q.val());
        }

        // The end of a pass.
        if self.idle.q.val() != self.idle_limit.val() {
            self.idle.d.next = self.idle.q.val() + 1;
        }
        if self.is_running.q.val() {
            self.idle.d.next = 0u64.into();
        }
        if self.is_pass_end.val() {
            self.is_running.d.next = false;
            self.idle.d.next = 1u64.into();
            if self.is_last_now.val() {
                self.is_active.d.next = false;
            }
        }

        // The start of the next pass.
        self.next_wait.next = self.microcode.data.val().get_bits::<5>(6);
        self.next_is_last.next = self.microcode.data.val().get_bit(12);
        self.is_new_job.next = self.microcode.data.val().get_bit(11);
        self.is_starting.next = self.next_valid.q.val()
            && (self.is_pass_end.val() || !self.is_running.q.val())
            && (self.idle.q.val() >= self.next_wait.val())
            && (self.slot_free.val() || !self.next_is_last.val());
        self.job_taken.next = self.is_starting.val() && self.is_new_job.val();
        self.slot_taken.next = self.is_starting.val() && self.next_is_last.val();
        self.slot_log_n.next = self.next_log_n.q.val();
        if self.is_starting.val() {
            self.is_running.d.next = true;
            self.is_active.d.next = true;
            self.window_now.d.next = self.windows.data.val();
            self.last_base.d.next = self.masks.data.val() ^ self.windows.data.val();
            self.current.d.next = self.microcode.data.val();
            self.log_n.d.next = self.next_log_n.q.val();
            self.inverse.d.next = self.next_inverse.q.val();
            self.pass.d.next = self.next_pass.q.val();
            self.slot_now.d.next = self.slot_next.val();
            self.base_now.d.next = 0u64.into();
            self.next_valid.d.next = false;
        }

        // Reading ahead.
        self.is_fetching.d.next = false;
        self.is_arriving.d.next = self.is_fetching.q.val();
        if self.is_arriving.q.val() {
            self.next_valid.d.next = true;
        } else if !self.next_valid.q.val() && !self.is_fetching.q.val() {
            if self.is_active.q.val() && !self.is_last_now.val() {
                self.next_log_n.d.next = self.log_n.q.val();
                self.next_inverse.d.next = self.inverse.q.val();
                self.next_pass.d.next = self.pass.q.val() + 1;
                self.is_fetching.d.next = true;
            } else if self.job_valid.val() {
                self.next_log_n.d.next = self.job_log_n.val();
                self.next_inverse.d.next = self.job_inverse.val();
                self.next_pass.d.next = 0u64.into();
                self.is_fetching.d.next = true;
            }
        }
        self.address.next = (bit_cast_word::<8, 4>(self.next_log_n.q.val()) << 4)
            | bit_cast_word::<8, 4>(self.next_pass.q.val());
        self.windows.address.next = self.address.val();
        self.microcode.address.next = self.address.val();
        self.masks.address.next = self.next_log_n.q.val();

        if self.reset.val() {
            self.is_running.d.next = false;
            self.is_active.d.next = false;
            self.is_fetching.d.next = false;
            self.is_arriving.d.next = false;
            self.next_valid.d.next = false;
        }
    }
}
