//! The reset after power-up.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// Resets until the clock has been locked for 255 cycles, and again whenever it is not.
#[derive(LogicBlock, Default)]
pub(super) struct PowerUp {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The clock has its frequency; of no clock.
    pub is_locked: Signal<In, Bit>,
    /// Synchronous.
    pub reset: Signal<Out, Bit>,
    // Two registers, so that a change between two edges is settled.
    sampled: DFF<Bit>,
    is_steady: DFF<Bit>,
    cycles: DFF<Word<8>>,
    is_over: DFF<Bit>,
}

impl Logic for PowerUp {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sampled, is_steady, cycles, is_over);
        self.sampled.d.next = self.is_locked.val();
        self.is_steady.d.next = self.sampled.q.val();
        self.is_over.d.next = self.cycles.q.val().all();
        if !self.cycles.q.val().all() {
            self.cycles.d.next = self.cycles.q.val() + 1;
        }
        if !self.is_steady.q.val() {
            self.cycles.d.next = 0u64.into();
        }
        self.reset.next = !self.is_over.q.val();
    }
}
