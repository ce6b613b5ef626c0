//! The multiplier behind ready/valid streams.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::Multiplier;
use crate::parts::Fifo;
use crate::word::Word;

/// Multiplies the two words of each beat modulo p; `FORM` as in [`Multiplier`].
///
/// The multiplier never stalls: a beat is let in only if the FIFO behind it has room for all that
/// is under way. With a sink that is always ready a beat passes in every cycle.
#[derive(LogicBlock)]
pub struct MultiplyStream<const FORM: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all beats under way.
    pub reset: Signal<In, Bit>,
    /// A pair of factors is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Canonical.
    pub s_a: Signal<In, Word<64>>,
    /// Canonical.
    pub s_b: Signal<In, Word<64>>,
    /// A product is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// Canonical.
    pub m_y: Signal<Out, Word<64>>,
    multiplier: Multiplier<FORM>,
    under_way: DFF<Word<16>>,
    credit: DFF<Word<6>>,
    fifo: Fifo<Word<64>, 5, 6>,
    is_entering: Signal<Local, Bit>,
    is_leaving: Signal<Local, Bit>,
    is_finished: Signal<Local, Bit>,
    shifted: Signal<Local, Word<16>>,
    entry_bit: Constant<Word<16>>,
    exit_bit: Constant<Word<16>>,
    capacity: Constant<Word<6>>,
}

impl<const FORM: usize> Default for MultiplyStream<FORM> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_a: Signal::default(),
            s_b: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_y: Signal::default(),
            multiplier: Multiplier::default(),
            under_way: DFF::default(),
            credit: DFF::default(),
            fifo: Fifo::default(),
            is_entering: Signal::default(),
            is_leaving: Signal::default(),
            is_finished: Signal::default(),
            shifted: Signal::default(),
            entry_bit: Constant::new(Word::new(1)),
            exit_bit: Constant::new(Word::new(1 << (Multiplier::<FORM>::LATENCY - 1))),
            capacity: Constant::new(Word::new(32)),
        }
    }
}

impl<const FORM: usize> Logic for MultiplyStream<FORM> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, under_way, credit);
        clock!(self, clock, multiplier, fifo);
        self.multiplier.a.next = self.s_a.val();
        self.multiplier.b.next = self.s_b.val();

        // `credit` counts the beats between the entry and the FIFO's exit.
        self.s_ready.next = self.credit.q.val() != self.capacity.val();
        self.is_entering.next = self.s_valid.val() && (self.credit.q.val() != self.capacity.val());
        self.is_leaving.next = self.fifo.m_valid.val() && self.m_ready.val();
        if self.is_entering.val() && !self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() + 1;
        }
        if !self.is_entering.val() && self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() - 1;
        }

        self.shifted.next = self.under_way.q.val() << 1;
        self.under_way.d.next = self.shifted.val();
        if self.is_entering.val() {
            self.under_way.d.next = self.shifted.val() | self.entry_bit.val();
        }
        self.is_finished.next = (self.under_way.q.val() & self.exit_bit.val()).any();

        self.fifo.reset.next = self.reset.val();
        self.fifo.s_valid.next = self.is_finished.val();
        self.fifo.s_data.next = self.multiplier.y.val();
        self.fifo.m_ready.next = self.m_ready.val();
        self.m_valid.next = self.fifo.m_valid.val();
        self.m_y.next = self.fifo.m_data.val();

        if self.reset.val() {
            self.under_way.d.next = 0u64.into();
            self.credit.d.next = 0u64.into();
        }
    }
}

crate::ports! { [const FORM: usize] MultiplyStream<FORM> {
    clock; in: reset, s_valid, s_a, s_b, m_ready; out: s_ready, m_valid, m_y
} }
