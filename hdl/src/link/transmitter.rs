//! Bytes to a serial line.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// Puts bytes on a line: one start bit, eight data bits from the lowest on, one stop bit.
#[derive(LogicBlock, Default)]
pub(super) struct Transmitter {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: the line becomes idle.
    pub reset: Signal<In, Bit>,
    /// Cycles of a bit.
    pub bit_cycles: Signal<In, Word<16>>,
    /// A byte is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// The byte.
    pub s_data: Signal<In, Word<8>>,
    /// The line, high when idle.
    pub tx: Signal<Out, Bit>,
    // Inverted, like the receiver's: after the last bit zeros come, which are an idle line.
    shift: DFF<Word<9>>,
    bits: DFF<Word<4>>,
    count: DFF<Word<16>>,
    inverted: Signal<Local, Word<8>>,
    wide: Signal<Local, Word<9>>,
}

impl Logic for Transmitter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shift, bits, count);
        self.inverted.next = !self.s_data.val();
        self.wide.next = bit_cast_word::<9, 8>(self.inverted.val());
        self.s_ready.next = !self.bits.q.val().any();
        self.tx.next = !self.shift.q.val().get_bit(0);
        if self.bits.q.val().any() {
            self.count.d.next = self.count.q.val() - 1;
            if !self.count.q.val().any() {
                self.count.d.next = self.bit_cycles.val() - 1;
                self.bits.d.next = self.bits.q.val() - 1;
                self.shift.d.next = self.shift.q.val() >> 1;
            }
        }
        if !self.bits.q.val().any() && self.s_valid.val() {
            self.bits.d.next = 10u64.into();
            self.count.d.next = self.bit_cycles.val() - 1;
            self.shift.d.next = (self.wide.val() << 1) | 1;
        }
        if self.reset.val() {
            self.bits.d.next = 0u64.into();
            self.shift.d.next = 0u64.into();
        }
    }
}
