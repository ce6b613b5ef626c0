//! The scratch memory: words of jobs that later jobs use again.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::parts::{Fifo, Ram};
use crate::word::Word;

/// Words that were read ahead at most when another read begins: so many more are on their way, and the queue holds all.
const READ_AHEAD: u128 = 3;

/// 2^`A` words, written as they pass and read back as a stream.
#[derive(LogicBlock)]
pub(super) struct Scratch<const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// A word is written.
    pub write_enable: Signal<In, Bit>,
    /// Where.
    pub write_address: Signal<In, Word<A>>,
    /// The word.
    pub write_data: Signal<In, Word<64>>,
    /// Words are read, one behind the other; the first of them once this was low for a cycle.
    pub is_reading: Signal<In, Bit>,
    /// Where the first one is.
    pub base: Signal<In, Word<A>>,
    /// A word is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    memory: Ram<A>,
    queue: Fifo<Word<64>, 3, 4>,
    place: DFF<Word<A>>,
    is_addressed: DFF<Bit>,
    is_read: DFF<Bit>,
    most_ahead: Constant<Word<4>>,
    reads: Signal<Local, Bit>,
}

impl<const A: usize> Default for Scratch<A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            is_reading: Signal::default(),
            base: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: Signal::default(),
            memory: Ram::default(),
            queue: Fifo::default(),
            place: DFF::default(),
            is_addressed: DFF::default(),
            is_read: DFF::default(),
            most_ahead: Constant::new(Word::new(READ_AHEAD)),
            reads: Signal::default(),
        }
    }
}

impl<const A: usize> Logic for Scratch<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, place, is_addressed, is_read);
        clock!(self, clock, memory, queue);
        self.memory.write_enable.next = self.write_enable.val();
        self.memory.write_address.next = self.write_address.val();
        self.memory.write_data.next = self.write_data.val();
        self.memory.read_address.next = self.place.q.val();

        // A word is in the queue three cycles after its address.
        self.reads.next =
            self.is_reading.val() && (self.queue.occupancy.val() <= self.most_ahead.val());
        self.is_addressed.d.next = self.reads.val();
        self.is_read.d.next = self.is_addressed.q.val();
        if self.reads.val() {
            self.place.d.next = self.place.q.val() + 1;
        }
        self.queue.reset.next = !self.is_reading.val();
        self.queue.s_valid.next = self.is_read.q.val();
        self.queue.s_data.next = self.memory.read_data.val();
        self.m_valid.next = self.queue.m_valid.val();
        self.queue.m_ready.next = self.m_ready.val();
        self.m_word.next = self.queue.m_data.val();
        if !self.is_reading.val() {
            self.place.d.next = self.base.val();
            self.is_addressed.d.next = false;
            self.is_read.d.next = false;
        }
    }
}
