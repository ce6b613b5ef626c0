//! Addition modulo p: the sum, then the sum less p where that is not negative.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::P;
use crate::word::{Word, bit_cast_word};

/// `y` = `a` + `b` mod p, two cycles later. Proved for all operands by the formal checks.
#[derive(LogicBlock)]
pub struct Add {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub a: Signal<In, Word<64>>,
    /// Canonical.
    pub b: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    modulus: Constant<Word<66>>,
    sum: DFF<Word<65>>,
    result: DFF<Word<64>>,
    reduced: Signal<Local, Word<66>>,
}

impl Add {
    /// Cycles from operands to result.
    pub const LATENCY: usize = 2;
}

impl Default for Add {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            y: Signal::default(),
            modulus: Constant::new(Word::from(P)),
            sum: DFF::default(),
            result: DFF::default(),
            reduced: Signal::default(),
        }
    }
}

impl Logic for Add {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sum, result);
        self.sum.d.next =
            bit_cast_word::<65, 64>(self.a.val()) + bit_cast_word::<65, 64>(self.b.val());
        self.reduced.next = bit_cast_word::<66, 65>(self.sum.q.val()) - self.modulus.val();
        self.result.d.next = self.reduced.val().get_bits::<64>(0);
        if self.reduced.val().get_bit(65) {
            self.result.d.next = self.sum.q.val().get_bits::<64>(0);
        }
        self.y.next = self.result.q.val();
    }
}

crate::ports! { Add { clock; in: a, b; out: y } }
