//! The compression kernel: BLAKE3's ring behind ready/valid streams.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::leaves::{Pack, Unpack};
use super::ring::Blake3Ring;
use crate::parts::Fifo;
use crate::word::Word;

/// Compresses the block of each beat; `PIPELINED` as in [`Blake3Ring`].
///
/// The ring never stalls: a block is let in only if the FIFO behind it has room for all that is under
/// way. Results come in the order of the blocks.
#[derive(LogicBlock)]
pub struct Blake3<const PIPELINED: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all blocks.
    pub reset: Signal<In, Bit>,
    /// A block is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Chaining value before the block.
    pub s_chaining: [Signal<In, Word<32>>; 8],
    /// The block, little-endian.
    pub s_block: [Signal<In, Word<32>>; 16],
    /// Number of the chunk; 0 for a parent.
    pub s_counter: Signal<In, Word<64>>,
    /// Bytes of the block that count, 0 to 64.
    pub s_bytes: Signal<In, Word<7>>,
    /// The flags of the specification.
    pub s_flags: Signal<In, Word<8>>,
    /// Comes back with the result.
    pub s_tag: Signal<In, Word<8>>,
    /// A result is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// Chaining value after the block.
    pub m_chaining: [Signal<Out, Word<32>>; 8],
    /// Tag of the block.
    pub m_tag: Signal<Out, Word<8>>,
    ring: Blake3Ring<PIPELINED>,
    pack_low: Pack,
    pack_high: Pack,
    low: Fifo<Word<128>, 3, 4>,
    high: Fifo<Word<128>, 3, 4>,
    tags: Fifo<Word<8>, 3, 4>,
    unpack_low: Unpack,
    unpack_high: Unpack,
    credit: DFF<Word<4>>,
    capacity: Constant<Word<4>>,
    is_room: Signal<Local, Bit>,
    is_entering: Signal<Local, Bit>,
    is_leaving: Signal<Local, Bit>,
}

impl<const PIPELINED: usize> Blake3<PIPELINED> {
    /// Cycles from a block taken to its result offered, at least.
    pub const LATENCY: usize = Blake3Ring::<PIPELINED>::LATENCY + 1;
}

impl<const PIPELINED: usize> Default for Blake3<PIPELINED> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_chaining: std::array::from_fn(|_| Signal::default()),
            s_block: std::array::from_fn(|_| Signal::default()),
            s_counter: Signal::default(),
            s_bytes: Signal::default(),
            s_flags: Signal::default(),
            s_tag: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_chaining: std::array::from_fn(|_| Signal::default()),
            m_tag: Signal::default(),
            ring: Blake3Ring::default(),
            pack_low: Pack::default(),
            pack_high: Pack::default(),
            low: Fifo::default(),
            high: Fifo::default(),
            tags: Fifo::default(),
            unpack_low: Unpack::default(),
            unpack_high: Unpack::default(),
            credit: DFF::default(),
            capacity: Constant::new(Word::new(8)),
            is_room: Signal::default(),
            is_entering: Signal::default(),
            is_leaving: Signal::default(),
        }
    }
}

impl<const PIPELINED: usize> Logic for Blake3<PIPELINED> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, credit);
        clock!(self, clock, ring, low, high, tags);
        self.ring.reset.next = self.reset.val();
        self.low.reset.next = self.reset.val();
        self.high.reset.next = self.reset.val();
        self.tags.reset.next = self.reset.val();

        // `credit` counts the blocks between the entry and the FIFO's exit.
        self.is_room.next = self.credit.q.val() != self.capacity.val();
        self.s_ready.next = self.is_room.val() && self.ring.s_ready.val();
        self.ring.s_valid.next = self.s_valid.val() && self.is_room.val();
        self.is_entering.next = self.s_valid.val() && self.is_room.val() && self.ring.s_ready.val();
        self.is_leaving.next = self.tags.m_valid.val() && self.m_ready.val();
        if self.is_entering.val() && !self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() + 1;
        }
        if !self.is_entering.val() && self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() - 1;
        }

        for i in 0..8 {
            self.ring.s_chaining[i].next = self.s_chaining[i].val();
        }
        for i in 0..16 {
            self.ring.s_block[i].next = self.s_block[i].val();
        }
        self.ring.s_counter.next = self.s_counter.val();
        self.ring.s_bytes.next = self.s_bytes.val();
        self.ring.s_flags.next = self.s_flags.val();
        self.ring.s_tag.next = self.s_tag.val();

        // The three FIFOs move together.
        for i in 0..4 {
            self.pack_low.word[i].next = self.ring.m_chaining[i].val();
            self.pack_high.word[i].next = self.ring.m_chaining[i + 4].val();
            self.m_chaining[i].next = self.unpack_low.word[i].val();
            self.m_chaining[i + 4].next = self.unpack_high.word[i].val();
        }
        self.low.s_valid.next = self.ring.m_valid.val();
        self.high.s_valid.next = self.ring.m_valid.val();
        self.tags.s_valid.next = self.ring.m_valid.val();
        self.low.s_data.next = self.pack_low.whole.val();
        self.high.s_data.next = self.pack_high.whole.val();
        self.tags.s_data.next = self.ring.m_tag.val();
        self.low.m_ready.next = self.m_ready.val();
        self.high.m_ready.next = self.m_ready.val();
        self.tags.m_ready.next = self.m_ready.val();
        self.unpack_low.whole.next = self.low.m_data.val();
        self.unpack_high.whole.next = self.high.m_data.val();
        self.m_valid.next = self.tags.m_valid.val();
        self.m_tag.next = self.tags.m_data.val();

        if self.reset.val() {
            self.credit.d.next = 0u64.into();
        }
    }
}

crate::ports! { [const PIPELINED: usize] Blake3<PIPELINED> {
    clock;
    in: reset, s_valid, s_chaining, s_block, s_counter, s_bytes, s_flags, s_tag, m_ready;
    out: s_ready, m_valid, m_chaining, m_tag
} }
