//! Subtraction modulo p: the difference, then p more where that is negative.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::P;
use crate::word::{Word, bit_cast_word};

/// `y` = `a` - `b` mod p, two cycles later. Proved for all operands by the formal checks.
#[derive(LogicBlock)]
pub struct Subtract {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub a: Signal<In, Word<64>>,
    /// Canonical.
    pub b: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    modulus: Constant<Word<64>>,
    difference: DFF<Word<65>>,
    result: DFF<Word<64>>,
    low: Signal<Local, Word<64>>,
}

impl Subtract {
    /// Cycles from operands to result.
    pub const LATENCY: usize = 2;
}

impl Default for Subtract {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            y: Signal::default(),
            modulus: Constant::new(Word::from(P)),
            difference: DFF::default(),
            result: DFF::default(),
            low: Signal::default(),
        }
    }
}

impl Logic for Subtract {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, difference, result);
        self.difference.d.next =
            bit_cast_word::<65, 64>(self.a.val()) - bit_cast_word::<65, 64>(self.b.val());
        self.low.next = self.difference.q.val().get_bits::<64>(0);
        self.result.d.next = self.low.val();
        if self.difference.q.val().get_bit(64) {
            self.result.d.next = self.low.val() + self.modulus.val();
        }
        self.y.next = self.result.q.val();
    }
}

crate::ports! { Subtract { clock; in: a, b; out: y } }
