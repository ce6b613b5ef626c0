//! The matrix of the full rounds on columns of three words.
//!
//! The matrix is circ(2, 1, 1) of 3x3 blocks times the 4x4 circulant M in each: first the three words
//! of a column (words k, k + 4, k + 8 of the state) are added to each of them, then M runs along each of the
//! three rows of four.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::circulant::Circulant;
use super::plan::LANES;
use crate::word::{Word, bit_cast_word};

/// Takes the four columns of a state two cycles before the cycles in which `is_column` is high, gives
/// those of the product [`Circulant::LATENCY`] cycles after the columns of the next state are taken.
#[derive(LogicBlock)]
pub struct External {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// A column, canonical.
    pub x: [Signal<In, Word<64>>; LANES],
    /// The column of two cycles ago is taken.
    pub is_column: Signal<In, Bit>,
    /// Its index.
    pub column: Signal<In, Word<2>>,
    /// A column of the product, canonical.
    pub y: [Signal<Out, Word<64>>; LANES],
    word: [DFF<Word<64>>; LANES],
    sum: DFF<Word<66>>,
    circulant: [Circulant; LANES],
}

impl External {
    /// Cycles from a column to the cycle in which it is taken.
    pub const ENTRY_CYCLES: usize = 2;
}

impl Default for External {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            x: std::array::from_fn(|_| Signal::default()),
            is_column: Signal::default(),
            column: Signal::default(),
            y: std::array::from_fn(|_| Signal::default()),
            word: std::array::from_fn(|_| DFF::default()),
            sum: DFF::default(),
            circulant: std::array::from_fn(|_| Circulant::default()),
        }
    }
}

impl Logic for External {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, sum);
        self.sum.d.next = bit_cast_word::<66, 64>(self.x[0].val())
            + bit_cast_word::<66, 64>(self.x[1].val())
            + bit_cast_word::<66, 64>(self.x[2].val());
        for i in 0..3 {
            self.word[i].clock.next = self.clock.val();
            self.word[i].d.next = self.x[i].val();
            self.circulant[i].clock.next = self.clock.val();
            self.circulant[i].word.next = self.word[i].q.val();
            self.circulant[i].sum.next = self.sum.q.val();
            self.circulant[i].is_column.next = self.is_column.val();
            self.circulant[i].column.next = self.column.val();
            self.y[i].next = self.circulant[i].y.val();
        }
    }
}
