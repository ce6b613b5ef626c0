//! Twelve words as four columns of three, in parallel or one column after another.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::model::WIDTH;
use super::plan::LANES;
use crate::word::Word;

/// Column k holds words k, k + 4 and k + 8. `load` takes all words at once; `shift` drops the first column
/// and takes another behind the last, so that four shifts fill or empty the registers.
#[derive(LogicBlock)]
pub struct Columns {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Take `x`.
    pub load: Signal<In, Bit>,
    /// The words to load.
    pub x: [Signal<In, Word<64>>; WIDTH],
    /// Take `last` behind the other columns.
    pub shift: Signal<In, Bit>,
    /// The column to take.
    pub last: [Signal<In, Word<64>>; LANES],
    /// All words.
    pub word: [Signal<Out, Word<64>>; WIDTH],
    /// The first column.
    pub first: [Signal<Out, Word<64>>; LANES],
    held: [DFF<Word<64>>; WIDTH],
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            load: Signal::default(),
            x: std::array::from_fn(|_| Signal::default()),
            shift: Signal::default(),
            last: std::array::from_fn(|_| Signal::default()),
            word: std::array::from_fn(|_| Signal::default()),
            first: std::array::from_fn(|_| Signal::default()),
            held: std::array::from_fn(|_| DFF::default()),
        }
    }
}

impl Logic for Columns {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..12 {
            self.held[i].clock.next = self.clock.val();
            self.held[i].d.next = self.held[i].q.val();
            if self.load.val() {
                self.held[i].d.next = self.x[i].val();
            }
            self.word[i].next = self.held[i].q.val();
        }
        for i in 0..3 {
            if self.shift.val() {
                self.held[i * 4].d.next = self.held[i * 4 + 1].q.val();
                self.held[i * 4 + 1].d.next = self.held[i * 4 + 2].q.val();
                self.held[i * 4 + 2].d.next = self.held[i * 4 + 3].q.val();
                self.held[i * 4 + 3].d.next = self.last[i].val();
            }
            self.first[i].next = self.held[i * 4].q.val();
        }
    }
}
