//! The small blocks around the mixing of the ring, and those that pack its results.

use rust_hdl_core::prelude::*;

use super::model::ROUNDS;
use super::step::WORDS;
use crate::word::{Word, bit_cast_word};

/// a + m of the four lanes, at the beginning.
#[derive(LogicBlock)]
pub(super) struct FirstSum {
    /// a.
    pub chaining: [Signal<In, Word<32>>; 4],
    /// m.
    pub block: [Signal<In, Word<32>>; 4],
    /// a + m.
    pub sum: [Signal<Out, Word<32>>; 4],
}

impl Default for FirstSum {
    fn default() -> Self {
        Self {
            chaining: std::array::from_fn(|_| Signal::default()),
            block: std::array::from_fn(|_| Signal::default()),
            sum: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for FirstSum {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            self.sum[i].next = self.chaining[i].val() + self.block[i].val();
        }
    }
}

/// Whether the block that waits may enter. A block of its own, so that no tool sees `is_ready` depend on what
/// the ring does with `s_valid`.
#[derive(LogicBlock)]
pub(super) struct Gap {
    /// A block waits.
    pub is_held: Signal<In, Bit>,
    /// A block comes round.
    pub is_back: Signal<In, Bit>,
    /// The rounds it has made.
    pub round: Signal<In, Word<3>>,
    /// It has made all.
    pub is_finished: Signal<Out, Bit>,
    /// It has not.
    pub is_round_again: Signal<Out, Bit>,
    /// The block that waits enters.
    pub is_entering: Signal<Out, Bit>,
    /// Another may wait.
    pub is_ready: Signal<Out, Bit>,
    all_rounds: Constant<Word<3>>,
}

impl Default for Gap {
    fn default() -> Self {
        Self {
            is_held: Signal::default(),
            is_back: Signal::default(),
            round: Signal::default(),
            is_finished: Signal::default(),
            is_round_again: Signal::default(),
            is_entering: Signal::default(),
            is_ready: Signal::default(),
            all_rounds: Constant::new(Word::new(ROUNDS as u128)),
        }
    }
}

impl Logic for Gap {
    #[hdl_gen]
    fn update(&mut self) {
        self.is_finished.next = self.is_back.val() && (self.round.val() == self.all_rounds.val());
        self.is_round_again.next =
            self.is_back.val() && (self.round.val() != self.all_rounds.val());
        self.is_entering.next = self.is_held.val()
            && (!self.is_back.val() || (self.round.val() == self.all_rounds.val()));
        self.is_ready.next = !self.is_held.val()
            || !self.is_back.val()
            || (self.round.val() == self.all_rounds.val());
    }
}

/// A new block or the one that comes round.
#[derive(LogicBlock)]
pub(super) struct Choose {
    /// Which.
    pub is_new: Signal<In, Bit>,
    /// The new block.
    pub new_words: [Signal<In, Word<32>>; WORDS],
    /// The block that comes round.
    pub old_words: [Signal<In, Word<32>>; WORDS],
    /// One of them.
    pub chosen: [Signal<Out, Word<32>>; WORDS],
}

impl Default for Choose {
    fn default() -> Self {
        Self {
            is_new: Signal::default(),
            new_words: std::array::from_fn(|_| Signal::default()),
            old_words: std::array::from_fn(|_| Signal::default()),
            chosen: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for Choose {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..33 {
            self.chosen[i].next = self.old_words[i].val();
        }
        if self.is_new.val() {
            for i in 0..33 {
                self.chosen[i].next = self.new_words[i].val();
            }
        }
    }
}

/// Words, or zeros.
#[derive(LogicBlock)]
pub(super) struct Gate {
    /// Whether the words pass.
    pub is_open: Signal<In, Bit>,
    /// The words.
    pub x: [Signal<In, Word<32>>; 4],
    /// The words, or zeros.
    pub y: [Signal<Out, Word<32>>; 4],
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            is_open: Signal::default(),
            x: std::array::from_fn(|_| Signal::default()),
            y: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for Gate {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            self.y[i].next = 0u64.into();
        }
        if self.is_open.val() {
            for i in 0..4 {
                self.y[i].next = self.x[i].val();
            }
        }
    }
}

/// Four words as one, the first lowest.
#[derive(LogicBlock, Default)]
pub(super) struct Pack {
    /// The words.
    pub word: [Signal<In, Word<32>>; 4],
    /// All of them.
    pub whole: Signal<Out, Word<128>>,
}

impl Logic for Pack {
    #[hdl_gen]
    fn update(&mut self) {
        self.whole.next = bit_cast_word::<128, 32>(self.word[0].val())
            | (bit_cast_word::<128, 32>(self.word[1].val()) << 32)
            | (bit_cast_word::<128, 32>(self.word[2].val()) << 64)
            | (bit_cast_word::<128, 32>(self.word[3].val()) << 96);
    }
}

/// [`Pack`] undone.
#[derive(LogicBlock, Default)]
pub(super) struct Unpack {
    /// All words.
    pub whole: Signal<In, Word<128>>,
    /// Each of them.
    pub word: [Signal<Out, Word<32>>; 4],
}

impl Logic for Unpack {
    #[hdl_gen]
    fn update(&mut self) {
        self.word[0].next = self.whole.val().get_bits::<32>(0);
        self.word[1].next = self.whole.val().get_bits::<32>(32);
        self.word[2].next = self.whole.val().get_bits::<32>(64);
        self.word[3].next = self.whole.val().get_bits::<32>(96);
    }
}
