//! Reduction modulo p of a sum of up to 31 words.
//!
//! With x = lo + 2^64 h and h < 32, x is congruent to lo + h (2^32 - 1), which is below 2p: one
//! subtraction of p, that is an addition of 2^32 - 1 modulo 2^64, makes it canonical. h (2^32 - 1) is
//! 2^32 (h - 1) + (2^32 - h) unless h = 0, so that its bits need no carries beyond those of h.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// `y` = `x` mod p, three cycles later, for every `x`.
#[derive(LogicBlock)]
pub struct ReduceSum {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Any value.
    pub x: Signal<In, Word<69>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    epsilon: Constant<Word<64>>,
    high_ones: Constant<Word<64>>,
    linear: DFF<Word<65>>,
    low: DFF<Word<64>>,
    correction: DFF<Word<64>>,
    result: DFF<Word<64>>,
    high: Signal<Local, Word<5>>,
    less_one: Signal<Local, Word<5>>,
    negated: Signal<Local, Word<5>>,
    ones: Signal<Local, Word<64>>,
    product: Signal<Local, Word<64>>,
    is_above: Signal<Local, Bit>,
}

impl ReduceSum {
    /// Cycles from operand to result.
    pub const LATENCY: usize = 3;
}

impl Default for ReduceSum {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            epsilon: Constant::new(Word::new((1 << 32) - 1)),
            high_ones: Constant::new(Word::new((1 << 32) - (1 << 5))),
            linear: DFF::default(),
            low: DFF::default(),
            correction: DFF::default(),
            result: DFF::default(),
            high: Signal::default(),
            less_one: Signal::default(),
            negated: Signal::default(),
            ones: Signal::default(),
            product: Signal::default(),
            is_above: Signal::default(),
        }
    }
}

impl Logic for ReduceSum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, linear, low, correction, result);
        self.high.next = self.x.val().get_bits::<5>(64);
        self.negated.next = (!self.high.val()) + 1;
        self.less_one.next = 0u64.into();
        self.ones.next = 0u64.into();
        if self.high.val().any() {
            self.less_one.next = self.high.val() - 1;
            self.ones.next = self.high_ones.val();
        }
        self.product.next = bit_cast_word::<64, 5>(self.negated.val())
            | self.ones.val()
            | (bit_cast_word::<64, 5>(self.less_one.val()) << 32);
        self.linear.d.next = bit_cast_word::<65, 64>(self.x.val().get_bits::<64>(0))
            + bit_cast_word::<65, 64>(self.product.val());

        self.low.d.next = self.linear.q.val().get_bits::<64>(0);
        self.is_above.next = self.linear.q.val().get_bit(64)
            || ((self.linear.q.val().get_bits::<32>(32)).all()
                && (self.linear.q.val().get_bits::<32>(0)).any());
        self.correction.d.next = 0u64.into();
        if self.is_above.val() {
            self.correction.d.next = self.epsilon.val();
        }

        self.result.d.next = self.low.q.val() + self.correction.q.val();
        self.y.next = self.result.q.val();
    }
}

crate::ports! { ReduceSum { clock; in: x; out: y } }
