//! Memories of digests: four 64-bit words side by side.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::parts::LutRam;
use crate::word::Word;

/// One of two digests.
#[derive(LogicBlock)]
pub(super) struct Digest {
    /// Which.
    pub is_second: Signal<In, Bit>,
    /// The first.
    pub first: [Signal<In, Word<64>>; 4],
    /// The second.
    pub second: [Signal<In, Word<64>>; 4],
    /// The one chosen.
    pub y: [Signal<Out, Word<64>>; 4],
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            is_second: Signal::default(),
            first: std::array::from_fn(|_| Signal::default()),
            second: std::array::from_fn(|_| Signal::default()),
            y: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for Digest {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            self.y[i].next = self.first[i].val();
        }
        if self.is_second.val() {
            for i in 0..4 {
                self.y[i].next = self.second[i].val();
            }
        }
    }
}

/// 2^`A` digests in distributed RAM, as [`LutRam`].
#[derive(LogicBlock)]
pub(super) struct DigestRam<const A: usize> {
    /// Clock of the write port.
    pub clock: Signal<In, Clock>,
    /// Where to write.
    pub write_address: Signal<In, Word<A>>,
    /// What to write.
    pub write_word: [Signal<In, Word<64>>; 4],
    /// Whether to write at the next edge.
    pub write_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Signal<In, Word<A>>,
    /// The digest there now.
    pub read_word: [Signal<Out, Word<64>>; 4],
    memory: [LutRam<Word<64>, A>; 4],
}

impl<const A: usize> Default for DigestRam<A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            write_address: Signal::default(),
            write_word: std::array::from_fn(|_| Signal::default()),
            write_enable: Signal::default(),
            read_address: Signal::default(),
            read_word: std::array::from_fn(|_| Signal::default()),
            memory: std::array::from_fn(|_| LutRam::default()),
        }
    }
}

impl<const A: usize> Logic for DigestRam<A> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..4 {
            self.memory[i].clock.next = self.clock.val();
            self.memory[i].write_address.next = self.write_address.val();
            self.memory[i].write_data.next = self.write_word[i].val();
            self.memory[i].write_enable.next = self.write_enable.val();
            self.memory[i].read_address.next = self.read_address.val();
            self.read_word[i].next = self.memory[i].read_data.val();
        }
    }
}

/// 2^`A` digests, first in, first out; `C` = `A` + 1. Whoever writes knows that there is room.
#[derive(LogicBlock)]
pub(super) struct DigestFifo<const A: usize, const C: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: empties the FIFO.
    pub reset: Signal<In, Bit>,
    /// A digest enters; there must be room.
    pub s_valid: Signal<In, Bit>,
    /// The digest.
    pub s_word: [Signal<In, Word<64>>; 4],
    /// A digest is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The oldest digest.
    pub m_word: [Signal<Out, Word<64>>; 4],
    /// Number of digests held.
    pub occupancy: Signal<Out, Word<C>>,
    memory: DigestRam<A>,
    head: DFF<Word<A>>,
    tail: DFF<Word<A>>,
    count: DFF<Word<C>>,
    is_some: DFF<Bit>,
    is_reading: Signal<Local, Bit>,
}

impl<const A: usize, const C: usize> Default for DigestFifo<A, C> {
    fn default() -> Self {
        assert_eq!(C, A + 1, "the count has one bit more than an address");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            occupancy: Signal::default(),
            memory: DigestRam::default(),
            head: DFF::default(),
            tail: DFF::default(),
            count: DFF::default(),
            is_some: DFF::default(),
            is_reading: Signal::default(),
        }
    }
}

impl<const A: usize, const C: usize> Logic for DigestFifo<A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, count, is_some);
        // A register of its own: `m_valid` chooses among digests, and that is a long way.
        self.m_valid.next = self.is_some.q.val();
        self.occupancy.next = self.count.q.val();
        self.is_reading.next = self.m_ready.val() && self.is_some.q.val();
        self.memory.clock.next = self.clock.val();
        self.memory.write_address.next = self.tail.q.val();
        self.memory.write_enable.next = self.s_valid.val();
        self.memory.read_address.next = self.head.q.val();
        for i in 0..4 {
            self.memory.write_word[i].next = self.s_word[i].val();
            self.m_word[i].next = self.memory.read_word[i].val();
        }
        if self.s_valid.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.is_reading.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.s_valid.val() && !self.is_reading.val() {
            self.count.d.next = self.count.q.val() + 1;
            self.is_some.d.next = true;
        }
        if !self.s_valid.val() && self.is_reading.val() {
            self.count.d.next = self.count.q.val() - 1;
            self.is_some.d.next = self.count.q.val() != 1;
        }
        if self.reset.val() {
            self.head.d.next = 0u64.into();
            self.tail.d.next = 0u64.into();
            self.count.d.next = 0u64.into();
            self.is_some.d.next = false;
        }
    }
}
