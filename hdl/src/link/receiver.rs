//! Bytes from a serial line.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// Takes bytes off a line: one start bit, eight data bits from the lowest on, one stop bit.
///
/// The line is looked at in the middle of each bit. A byte whose stop bit is missing is dropped.
#[derive(LogicBlock, Default)]
pub(super) struct Receiver {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Cycles of a bit, at least 4.
    pub bit_cycles: Signal<In, Word<16>>,
    /// The line, high when idle; of another clock.
    pub rx: Signal<In, Bit>,
    /// A byte is there, for one cycle.
    pub m_valid: Signal<Out, Bit>,
    /// The byte.
    pub m_data: Signal<Out, Word<8>>,
    // Registers begin as zeros, so they hold the line inverted: low is idle.
    first: DFF<Bit>,
    second: DFF<Bit>,
    bits: DFF<Word<4>>,
    count: DFF<Word<16>>,
    shift: DFF<Word<8>>,
    valid: DFF<Bit>,
    half: Signal<Local, Word<16>>,
    rest: Signal<Local, Word<8>>,
}

impl Logic for Receiver {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, first, second, bits, count, shift, valid);
        self.first.d.next = !self.rx.val();
        self.second.d.next = self.first.q.val();
        self.half.next = self.bit_cycles.val() >> 1;
        self.rest.next = self.shift.q.val() >> 1;
        self.valid.d.next = false;
        self.m_valid.next = self.valid.q.val();
        self.m_data.next = self.shift.q.val();

        // Bits left: 10 is the start bit, 1 the stop bit.
        if self.bits.q.val().any() {
            self.count.d.next = self.count.q.val() - 1;
            if !self.count.q.val().any() {
                self.count.d.next = self.bit_cycles.val() - 1;
                self.bits.d.next = self.bits.q.val() - 1;
                self.shift.d.next = self.rest.val();
                if !self.second.q.val() {
                    self.shift.d.next = self.rest.val() | 0x80;
                }
                if self.bits.q.val() == 10 && !self.second.q.val() {
                    self.bits.d.next = 0u64.into();
                }
                if self.bits.q.val() == 1 {
                    self.shift.d.next = self.shift.q.val();
                    self.valid.d.next = !self.second.q.val();
                }
            }
        }
        if !self.bits.q.val().any() && self.second.q.val() {
            self.bits.d.next = 10u64.into();
            self.count.d.next = self.half.val() - 1;
        }
        if self.reset.val() {
            self.bits.d.next = 0u64.into();
            self.valid.d.next = false;
        }
    }
}
