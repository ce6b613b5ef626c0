//! Results waiting to leave.

use rust_hdl_core::prelude::*;

use crate::parts::Fifo;
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Beats that a [`Queue`] holds.
pub const CAPACITY: u128 = 32;

/// A FIFO of words, each with a mark for the last of a job. Who fills it keeps count of the room.
#[derive(LogicBlock, Default)]
pub struct Queue {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A word enters.
    pub s_valid: Signal<In, Bit>,
    /// The word.
    pub s_word: Signal<In, Word<64>>,
    /// Its mark.
    pub s_last: Signal<In, Bit>,
    /// A word is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// Its mark.
    pub m_last: Signal<Out, Bit>,
    fifo: Fifo<Word<65>, 5, 6>,
    marked: Signal<Local, Word<65>>,
    oldest: Signal<Local, Word<65>>,
}

impl Logic for Queue {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, fifo);
        self.fifo.reset.next = self.reset.val();
        self.fifo.s_valid.next = self.s_valid.val();
        self.marked.next = bit_cast_word::<65, 64>(self.s_word.val())
            | (bit_cast_bit::<65>(self.s_last.val()) << 64);
        self.fifo.s_data.next = self.marked.val();
        self.fifo.m_ready.next = self.m_ready.val();
        self.m_valid.next = self.fifo.m_valid.val();
        self.oldest.next = self.fifo.m_data.val();
        self.m_word.next = self.oldest.val().get_bits::<64>(0);
        self.m_last.next = self.oldest.val().get_bit(64);
    }
}
