//! The sum of the eleven words that a partial round does not raise.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::model::WIDTH;
use crate::word::{Word, bit_cast_word};

/// Those words.
pub const REST: usize = WIDTH - 1;

/// `total` of `x`, [`RestSum::LATENCY`] cycles later, by a tree of adders.
#[derive(LogicBlock)]
pub struct RestSum {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The words.
    pub x: [Signal<In, Word<64>>; REST],
    /// Their sum, not reduced.
    pub total: Signal<Out, Word<68>>,
    pair: [DFF<Word<65>>; 5],
    single: DFF<Word<64>>,
    four_1: DFF<Word<66>>,
    four_2: DFF<Word<66>>,
    three: DFF<Word<66>>,
    eight: DFF<Word<67>>,
    three_later: DFF<Word<66>>,
    eleven: DFF<Word<68>>,
}

impl RestSum {
    /// Cycles from the words to their sum.
    pub const LATENCY: usize = 4;
}

impl Default for RestSum {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            x: std::array::from_fn(|_| Signal::default()),
            total: Signal::default(),
            pair: std::array::from_fn(|_| DFF::default()),
            single: DFF::default(),
            four_1: DFF::default(),
            four_2: DFF::default(),
            three: DFF::default(),
            eight: DFF::default(),
            three_later: DFF::default(),
            eleven: DFF::default(),
        }
    }
}

impl Logic for RestSum {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            single,
            four_1,
            four_2,
            three,
            eight,
            three_later,
            eleven
        );
        for i in 0..5 {
            self.pair[i].clock.next = self.clock.val();
        }
        self.pair[0].d.next =
            bit_cast_word::<65, 64>(self.x[0].val()) + bit_cast_word::<65, 64>(self.x[1].val());
        self.pair[1].d.next =
            bit_cast_word::<65, 64>(self.x[2].val()) + bit_cast_word::<65, 64>(self.x[3].val());
        self.pair[2].d.next =
            bit_cast_word::<65, 64>(self.x[4].val()) + bit_cast_word::<65, 64>(self.x[5].val());
        self.pair[3].d.next =
            bit_cast_word::<65, 64>(self.x[6].val()) + bit_cast_word::<65, 64>(self.x[7].val());
        self.pair[4].d.next =
            bit_cast_word::<65, 64>(self.x[8].val()) + bit_cast_word::<65, 64>(self.x[9].val());
        self.single.d.next = self.x[10].val();

        self.four_1.d.next = bit_cast_word::<66, 65>(self.pair[0].q.val())
            + bit_cast_word::<66, 65>(self.pair[1].q.val());
        self.four_2.d.next = bit_cast_word::<66, 65>(self.pair[2].q.val())
            + bit_cast_word::<66, 65>(self.pair[3].q.val());
        self.three.d.next = bit_cast_word::<66, 65>(self.pair[4].q.val())
            + bit_cast_word::<66, 64>(self.single.q.val());

        self.eight.d.next = bit_cast_word::<67, 66>(self.four_1.q.val())
            + bit_cast_word::<67, 66>(self.four_2.q.val());
        self.three_later.d.next = self.three.q.val();

        self.eleven.d.next = bit_cast_word::<68, 67>(self.eight.q.val())
            + bit_cast_word::<68, 66>(self.three_later.q.val());
        self.total.next = self.eleven.q.val();
    }
}
