//! The 4x4 circulant of the full rounds on four words that come one after another.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::goldilocks::ReduceSum;
use crate::word::{Word, bit_cast_word};

/// y_k = 2 z_k + 3 z_(k+1) + z_(k+2) + z_(k+3), indices modulo 4, of z_k = `word` + `sum`.
///
/// With t the sum of the four, y_k = t + z_k + 2 z_(k+1). z_0 to z_3 are taken one cycle after `word`,
/// each in a cycle in which `is_column` is high and `column` is k; y_k comes [`Circulant::LATENCY`] cycles
/// after the next z_k is taken. No sum needs more than 69 bits: z < 4·2^64, y < 28·2^64.
#[derive(LogicBlock, Default)]
pub struct Circulant {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub word: Signal<In, Word<64>>,
    /// Sum of three canonical words.
    pub sum: Signal<In, Word<66>>,
    /// The z made in the cycle before is taken.
    pub is_column: Signal<In, Bit>,
    /// Its index.
    pub column: Signal<In, Word<2>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    z: DFF<Word<66>>,
    last_1: DFF<Word<66>>,
    last_2: DFF<Word<66>>,
    last_3: DFF<Word<66>>,
    last_4: DFF<Word<66>>,
    first: DFF<Word<66>>,
    running: DFF<Word<68>>,
    total: DFF<Word<68>>,
    pair: DFF<Word<68>>,
    mixed: DFF<Word<69>>,
    follower: Signal<Local, Word<66>>,
    is_first: Signal<Local, Bit>,
    reduce: ReduceSum,
}

impl Circulant {
    /// Cycles from taking z_k of the next four words to y_k of these.
    pub const LATENCY: usize = 2 + ReduceSum::LATENCY;
}

impl Logic for Circulant {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, z, last_1, last_2, last_3, last_4, first);
        dff_setup!(self, clock, running, total, pair, mixed);
        clock!(self, clock, reduce);
        self.z.d.next = bit_cast_word::<66, 64>(self.word.val()) + self.sum.val();

        self.is_first.next = !self.column.val().any();
        self.follower.next = self.last_3.q.val();
        if self.column.val().all() {
            self.follower.next = self.first.q.val();
        }
        if self.is_column.val() {
            self.last_1.d.next = self.z.q.val();
            self.last_2.d.next = self.last_1.q.val();
            self.last_3.d.next = self.last_2.q.val();
            self.last_4.d.next = self.last_3.q.val();
            self.running.d.next = self.running.q.val() + bit_cast_word::<68, 66>(self.z.q.val());
            if self.is_first.val() {
                self.running.d.next = bit_cast_word::<68, 66>(self.z.q.val());
                self.total.d.next = self.running.q.val();
                self.first.d.next = self.last_4.q.val();
            }
            self.pair.d.next = bit_cast_word::<68, 66>(self.last_4.q.val())
                + (bit_cast_word::<68, 66>(self.follower.val()) << 1);
        }

        self.mixed.d.next = bit_cast_word::<69, 68>(self.pair.q.val())
            + bit_cast_word::<69, 68>(self.total.q.val());
        self.reduce.x.next = self.mixed.q.val();
        self.y.next = self.reduce.y.val();
    }
}
