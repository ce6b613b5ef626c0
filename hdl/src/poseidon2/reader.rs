//! Blocks out of the memory of rows, one at a time.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::model::RATE;
use crate::parts::Ram;
use crate::word::{Word, bit_cast_word};

/// Takes slots that wait, reads their next block word after word, and issues it. An entry is a slot in the
/// low eight bits and the number of the block above.
#[derive(LogicBlock)]
pub struct Reader<const SLOT_BITS: usize, const TAG_BITS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets the block.
    pub reset: Signal<In, Bit>,
    /// A slot waits with its first block.
    pub fresh_valid: Signal<In, Bit>,
    /// It is taken.
    pub fresh_ready: Signal<Out, Bit>,
    /// Which.
    pub fresh_entry: Signal<In, Word<16>>,
    /// A slot waits with a further block.
    pub resumed_valid: Signal<In, Bit>,
    /// It is taken.
    pub resumed_ready: Signal<Out, Bit>,
    /// Which.
    pub resumed_entry: Signal<In, Word<16>>,
    /// The slot taken last.
    pub slot: Signal<Out, Word<SLOT_BITS>>,
    /// Number of its block.
    pub block: Signal<Out, Word<5>>,
    /// Words in the slot, and above them whether they are a pair of digests.
    pub length: Signal<In, Word<9>>,
    /// Where to read: slot and word.
    pub address: Signal<Out, Word<16>>,
    /// The word at the address of two cycles before.
    pub word: Signal<In, Word<64>>,
    /// A block is offered.
    pub issue_valid: Signal<Out, Bit>,
    /// It is taken.
    pub issue_ready: Signal<In, Bit>,
    /// Slot, and above it whether this is a pair of digests.
    pub issue_tag: Signal<Out, Word<TAG_BITS>>,
    /// First block of the row.
    pub issue_first: Signal<Out, Bit>,
    /// Last block of the row.
    pub issue_last: Signal<Out, Bit>,
    /// Words of the row.
    pub issue_row_words: Signal<Out, Word<8>>,
    /// The block.
    pub issue_word: [Signal<Out, Word<64>>; RATE],
    is_reading: DFF<Bit>,
    is_issuing: DFF<Bit>,
    slot_now: DFF<Word<SLOT_BITS>>,
    block_now: DFF<Word<5>>,
    place: DFF<Word<4>>,
    asked: DFF<Word<8>>,
    arrived: DFF<Word<8>>,
    held: [DFF<Word<64>>; RATE],
    last_place: Constant<Word<4>>,
    merge_bit: Constant<Word<TAG_BITS>>,
    is_idle: Signal<Local, Bit>,
    is_picking: Signal<Local, Bit>,
    entry: Signal<Local, Word<16>>,
    asking: Signal<Local, Word<8>>,
    words: Signal<Local, Word<8>>,
    last_word: Signal<Local, Word<8>>,
    is_shifting: Signal<Local, Bit>,
    arriving: Signal<Local, Word<64>>,
}

impl<const SLOT_BITS: usize, const TAG_BITS: usize> Default for Reader<SLOT_BITS, TAG_BITS> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            fresh_valid: Signal::default(),
            fresh_ready: Signal::default(),
            fresh_entry: Signal::default(),
            resumed_valid: Signal::default(),
            resumed_ready: Signal::default(),
            resumed_entry: Signal::default(),
            slot: Signal::default(),
            block: Signal::default(),
            length: Signal::default(),
            address: Signal::default(),
            word: Signal::default(),
            issue_valid: Signal::default(),
            issue_ready: Signal::default(),
            issue_tag: Signal::default(),
            issue_first: Signal::default(),
            issue_last: Signal::default(),
            issue_row_words: Signal::default(),
            issue_word: std::array::from_fn(|_| Signal::default()),
            is_reading: DFF::default(),
            is_issuing: DFF::default(),
            slot_now: DFF::default(),
            block_now: DFF::default(),
            place: DFF::default(),
            asked: DFF::default(),
            arrived: DFF::default(),
            held: std::array::from_fn(|_| DFF::default()),
            last_place: Constant::new(Word::new((RATE + Ram::<8>::LATENCY - 1) as u128)),
            merge_bit: Constant::new(Word::new(1 << SLOT_BITS)),
            is_idle: Signal::default(),
            is_picking: Signal::default(),
            entry: Signal::default(),
            asking: Signal::default(),
            words: Signal::default(),
            last_word: Signal::default(),
            is_shifting: Signal::default(),
            arriving: Signal::default(),
        }
    }
}

impl<const SLOT_BITS: usize, const TAG_BITS: usize> Logic for Reader<SLOT_BITS, TAG_BITS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_reading, is_issuing, slot_now, block_now, place, asked, arrived
        );

        // A slot is picked.
        self.is_idle.next = !self.is_reading.q.val() && !self.is_issuing.q.val();
        self.resumed_ready.next = self.is_idle.val();
        self.fresh_ready.next = self.is_idle.val() && !self.resumed_valid.val();
        self.is_picking.next =
            self.is_idle.val() && (self.resumed_valid.val() || self.fresh_valid.val());
        self.entry.next = self.fresh_entry.val();
        if self.resumed_valid.val() {
            self.entry.next = self.resumed_entry.val();
        }
        if self.is_picking.val() {
            self.is_reading.d.next = true;
            self.place.d.next = 0u64.into();
            self.slot_now.d.next = bit_cast_word::<SLOT_BITS, 16>(self.entry.val());
            self.block_now.d.next = self.entry.val().get_bits::<5>(8);
        }

        // Word `place` is asked for, the one two before arrives.
        self.asking.next = (bit_cast_word::<8, 5>(self.block_now.q.val()) << 3)
            | bit_cast_word::<8, 3>(self.place.q.val().get_bits::<3>(0));
        self.asked.d.next = self.asking.val();
        self.arrived.d.next = self.asked.q.val();
        self.address.next = (bit_cast_word::<16, SLOT_BITS>(self.slot_now.q.val()) << 8)
            | bit_cast_word::<16, 8>(self.asking.val());
        self.words.next = self.length.val().get_bits::<8>(0);
        self.arriving.next = 0u64.into();
        if self.arrived.q.val() < self.words.val() {
            self.arriving.next = self.word.val();
        }
        self.is_shifting.next =
            self.is_reading.q.val() && self.place.q.val().get_bits::<3>(1).any();
        if self.is_reading.q.val() {
            self.place.d.next = self.place.q.val() + 1;
            if self.place.q.val() == self.last_place.val() {
                self.is_reading.d.next = false;
                self.is_issuing.d.next = true;
            }
        }
        for i in 0..8 {
            self.held[i].clock.next = self.clock.val();
            self.held[i].d.next = self.held[i].q.val();
            self.issue_word[i].next = self.held[i].q.val();
        }
        if self.is_shifting.val() {
            for i in 0..7 {
                self.held[i].d.next = self.held[i + 1].q.val();
            }
            self.held[7].d.next = self.arriving.val();
        }

        // The block is offered.
        self.slot.next = self.slot_now.q.val();
        self.block.next = self.block_now.q.val();
        self.issue_valid.next = self.is_issuing.q.val();
        self.issue_tag.next = bit_cast_word::<TAG_BITS, SLOT_BITS>(self.slot_now.q.val());
        if self.length.val().get_bit(8) {
            self.issue_tag.next =
                bit_cast_word::<TAG_BITS, SLOT_BITS>(self.slot_now.q.val()) | self.merge_bit.val();
        }
        self.issue_first.next = !self.block_now.q.val().any();
        self.last_word.next = self.words.val() - 1;
        self.issue_last.next = self.block_now.q.val() == self.last_word.val().get_bits::<5>(3);
        self.issue_row_words.next = self.words.val();
        if self.is_issuing.q.val() && self.issue_ready.val() {
            self.is_issuing.d.next = false;
        }

        if self.reset.val() {
            self.is_reading.d.next = false;
            self.is_issuing.d.next = false;
        }
    }
}
