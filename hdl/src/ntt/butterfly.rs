//! One butterfly: a + t b and a - t b.

use rust_hdl_core::prelude::*;

use crate::goldilocks::{Add, Multiplier, Subtract};
use crate::parts::Delay;
use crate::word::Word;

/// One multiplier of form `FORM`, one adder, one subtractor; a new pair in every cycle.
#[derive(LogicBlock)]
pub struct Butterfly<const FORM: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First word.
    pub a: Signal<In, Word<64>>,
    /// Second word.
    pub b: Signal<In, Word<64>>,
    /// Twiddle.
    pub t: Signal<In, Word<64>>,
    /// a + t b.
    pub sum: Signal<Out, Word<64>>,
    /// a - t b.
    pub difference: Signal<Out, Word<64>>,
    multiplier: Multiplier<FORM>,
    a_delay: Delay<64>,
    add: Add,
    subtract: Subtract,
}

impl<const FORM: usize> Butterfly<FORM> {
    /// Cycles from operands to results.
    pub const LATENCY: usize = Multiplier::<FORM>::LATENCY + Add::LATENCY;
}

impl<const FORM: usize> Default for Butterfly<FORM> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            t: Signal::default(),
            sum: Signal::default(),
            difference: Signal::default(),
            multiplier: Multiplier::default(),
            a_delay: Delay::new(Multiplier::<FORM>::LATENCY),
            add: Add::default(),
            subtract: Subtract::default(),
        }
    }
}

impl<const FORM: usize> Logic for Butterfly<FORM> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, multiplier, a_delay, add, subtract);
        self.multiplier.a.next = self.b.val();
        self.multiplier.b.next = self.t.val();
        self.a_delay.reset.next = false;
        self.a_delay.x.next = self.a.val();
        self.add.a.next = self.a_delay.y.val();
        self.add.b.next = self.multiplier.y.val();
        self.subtract.a.next = self.a_delay.y.val();
        self.subtract.b.next = self.multiplier.y.val();
        self.sum.next = self.add.y.val();
        self.difference.next = self.subtract.y.val();
    }
}
