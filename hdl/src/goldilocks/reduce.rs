//! Reduction of 128 bits modulo p.
//!
//! With x = lo + 2^64 hl + 2^96 hh, 2^64 = 2^32 - 1 and 2^96 = -1 modulo p, so that x is
//! congruent to V = lo - hh + hl (2^32 - 1), which lies in (-2^32, 2^65 - 2^33]. One addition of
//! 0, p or -p makes it canonical; modulo 2^64 these are 0, 1 - 2^32 and 2^32 - 1.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// `y` = `x` mod p, four cycles later, for every `x`.
#[derive(LogicBlock)]
pub struct Reduce {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Any value.
    pub x: Signal<In, Word<128>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    epsilon: Constant<Word<64>>,
    minus_epsilon: Constant<Word<64>>,
    difference: DFF<Word<66>>,
    product: DFF<Word<64>>,
    linear: DFF<Word<66>>,
    low: DFF<Word<64>>,
    correction: DFF<Word<64>>,
    result: DFF<Word<64>>,
    high: Signal<Local, Word<64>>,
    is_above: Signal<Local, Bit>,
}

impl Reduce {
    /// Cycles from operand to result.
    pub const LATENCY: usize = 4;
}

impl Default for Reduce {
    fn default() -> Self {
        let epsilon = Word::new((1 << 32) - 1);
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            epsilon: Constant::new(epsilon),
            minus_epsilon: Constant::new(Word::default() - epsilon),
            difference: DFF::default(),
            product: DFF::default(),
            linear: DFF::default(),
            low: DFF::default(),
            correction: DFF::default(),
            result: DFF::default(),
            high: Signal::default(),
            is_above: Signal::default(),
        }
    }
}

impl Logic for Reduce {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, difference, product, linear, low, correction, result
        );
        self.difference.d.next = bit_cast_word::<66, 64>(self.x.val().get_bits::<64>(0))
            - bit_cast_word::<66, 32>(self.x.val().get_bits::<32>(96));
        self.high.next = bit_cast_word::<64, 32>(self.x.val().get_bits::<32>(64));
        self.product.d.next = (self.high.val() << 32) - self.high.val();

        self.linear.d.next =
            self.difference.q.val() + bit_cast_word::<66, 64>(self.product.q.val());

        self.low.d.next = self.linear.q.val().get_bits::<64>(0);
        self.is_above.next = self.linear.q.val().get_bit(64)
            || ((self.linear.q.val().get_bits::<32>(32)).all()
                && (self.linear.q.val().get_bits::<32>(0)).any());
        self.correction.d.next = 0u64.into();
        if self.is_above.val() {
            self.correction.d.next = self.epsilon.val();
        }
        if self.linear.q.val().get_bit(65) {
            self.correction.d.next = self.minus_epsilon.val();
        }

        self.result.d.next = self.low.q.val() + self.correction.q.val();
        self.y.next = self.result.q.val();
    }
}

crate::ports! { Reduce { clock; in: x; out: y } }
