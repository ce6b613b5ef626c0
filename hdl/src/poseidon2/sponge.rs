//! Rows and pairs of digests in, digests out, as many under way as there are slots.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::hash_core::HashCore;
use super::model::DIGEST;
use super::reader::Reader;
use crate::parts::{Fifo, LutRam, Ram};
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Digests of rows of 1 to 255 words and of pairs of digests, in the order in which they came.
///
/// A row goes into the next of 2^`SLOT_BITS` slots. When it is there, its slot waits for the engine, and
/// again for each further block after the result of the one before; those that have waited for a result go
/// first. `TAG_BITS` = `SLOT_BITS` + 1, `WORD_BITS` = `SLOT_BITS` + 8, `SLOTS` = 2^`SLOT_BITS`; the others as
/// in [`super::Permutation`].
#[derive(LogicBlock)]
pub struct Sponge<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
    const WORD_BITS: usize,
    const SLOTS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all rows.
    pub reset: Signal<In, Bit>,
    /// A word is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Canonical.
    pub s_word: Signal<In, Word<64>>,
    /// The last word of its row.
    pub s_last: Signal<In, Bit>,
    /// With the last word: the row is a pair of digests, eight words.
    pub s_merge: Signal<In, Bit>,
    /// A digest is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The digest.
    pub m_word: [Signal<Out, Word<64>>; DIGEST],
    rows: Ram<WORD_BITS>,
    lengths: LutRam<Word<9>, SLOT_BITS>,
    fresh: Fifo<Word<16>, SLOT_BITS, TAG_BITS>,
    resumed: Fifo<Word<16>, SLOT_BITS, TAG_BITS>,
    reader: Reader<SLOT_BITS, TAG_BITS>,
    core: HashCore<FORM, N, A, SLOT_BITS, TAG_BITS>,
    blocks: LutRam<Word<5>, SLOT_BITS>,
    digests: [LutRam<Word<64>, SLOT_BITS>; DIGEST],
    head: DFF<Word<SLOT_BITS>>,
    tail: DFF<Word<SLOT_BITS>>,
    count: DFF<Word<8>>,
    in_use: DFF<Word<TAG_BITS>>,
    done: DFF<Word<SLOTS>>,
    slots: Constant<Word<TAG_BITS>>,
    one: Constant<Word<SLOTS>>,
    is_taking: Signal<Local, Bit>,
    is_row: Signal<Local, Bit>,
    is_leaving: Signal<Local, Bit>,
    is_done: Signal<Local, Bit>,
    is_finished: Signal<Local, Bit>,
    length: Signal<Local, Word<8>>,
    next_block: Signal<Local, Word<5>>,
    result_slot: Signal<Local, Word<SLOT_BITS>>,
    entry: Signal<Local, Word<16>>,
    tail_bit: Signal<Local, Word<SLOTS>>,
    result_bit: Signal<Local, Word<SLOTS>>,
    set: Signal<Local, Word<SLOTS>>,
    clear: Signal<Local, Word<SLOTS>>,
}

impl<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
    const WORD_BITS: usize,
    const SLOTS: usize,
> Default for Sponge<FORM, N, A, SLOT_BITS, TAG_BITS, WORD_BITS, SLOTS>
{
    fn default() -> Self {
        assert_eq!(WORD_BITS, SLOT_BITS + 8, "memory for 2^{SLOT_BITS} slots");
        assert_eq!(SLOTS, 1 << SLOT_BITS, "a bit for each slot");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: Signal::default(),
            s_last: Signal::default(),
            s_merge: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            rows: Ram::default(),
            lengths: LutRam::default(),
            fresh: Fifo::default(),
            resumed: Fifo::default(),
            reader: Reader::default(),
            core: HashCore::default(),
            blocks: LutRam::default(),
            digests: std::array::from_fn(|_| LutRam::default()),
            head: DFF::default(),
            tail: DFF::default(),
            count: DFF::default(),
            in_use: DFF::default(),
            done: DFF::default(),
            slots: Constant::new(Word::new(1 << SLOT_BITS)),
            one: Constant::new(Word::new(1)),
            is_taking: Signal::default(),
            is_row: Signal::default(),
            is_leaving: Signal::default(),
            is_done: Signal::default(),
            is_finished: Signal::default(),
            length: Signal::default(),
            next_block: Signal::default(),
            result_slot: Signal::default(),
            entry: Signal::default(),
            tail_bit: Signal::default(),
            result_bit: Signal::default(),
            set: Signal::default(),
            clear: Signal::default(),
        }
    }
}

impl<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
    const WORD_BITS: usize,
    const SLOTS: usize,
> Logic for Sponge<FORM, N, A, SLOT_BITS, TAG_BITS, WORD_BITS, SLOTS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, count, in_use, done);
        clock!(
            self, clock, rows, lengths, fresh, resumed, reader, core, blocks
        );
        self.fresh.reset.next = self.reset.val();
        self.resumed.reset.next = self.reset.val();
        self.reader.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();

        // Words into the slot at the head.
        self.s_ready.next = self.in_use.q.val() != self.slots.val();
        self.is_taking.next = self.s_valid.val() && (self.in_use.q.val() != self.slots.val());
        self.is_row.next = self.is_taking.val() && self.s_last.val();
        self.length.next = self.count.q.val() + 1;
        self.rows.write_address.next = (bit_cast_word::<WORD_BITS, SLOT_BITS>(self.head.q.val())
            << 8)
            | bit_cast_word::<WORD_BITS, 8>(self.count.q.val());
        self.rows.write_data.next = self.s_word.val();
        self.rows.write_enable.next = self.is_taking.val();
        self.lengths.write_address.next = self.head.q.val();
        self.lengths.write_data.next =
            bit_cast_word::<9, 8>(self.length.val()) | (bit_cast_bit::<9>(self.s_merge.val()) << 8);
        self.lengths.write_enable.next = self.is_row.val();
        self.fresh.s_valid.next = self.is_row.val();
        self.fresh.s_data.next = bit_cast_word::<16, SLOT_BITS>(self.head.q.val());
        if self.is_taking.val() {
            self.count.d.next = self.length.val();
        }
        if self.is_row.val() {
            self.count.d.next = 0u64.into();
            self.head.d.next = self.head.q.val() + 1;
        }

        // Blocks to the engine.
        self.reader.fresh_valid.next = self.fresh.m_valid.val();
        self.reader.fresh_entry.next = self.fresh.m_data.val();
        self.fresh.m_ready.next = self.reader.fresh_ready.val();
        self.reader.resumed_valid.next = self.resumed.m_valid.val();
        self.reader.resumed_entry.next = self.resumed.m_data.val();
        self.resumed.m_ready.next = self.reader.resumed_ready.val();
        self.lengths.read_address.next = self.reader.slot.val();
        self.reader.length.next = self.lengths.read_data.val();
        self.rows.read_address.next = bit_cast_word::<WORD_BITS, 16>(self.reader.address.val());
        self.reader.word.next = self.rows.read_data.val();
        self.core.issue_valid.next = self.reader.issue_valid.val();
        self.reader.issue_ready.next = self.core.issue_ready.val();
        self.core.issue_tag.next = self.reader.issue_tag.val();
        self.core.issue_first.next = self.reader.issue_first.val();
        self.core.issue_last.next = self.reader.issue_last.val();
        self.core.issue_row_words.next = self.reader.issue_row_words.val();
        self.blocks.write_address.next = self.reader.slot.val();
        self.blocks.write_data.next = self.reader.block.val();
        self.blocks.write_enable.next = self.reader.issue_valid.val();
        for i in 0..8 {
            self.core.issue_word[i].next = self.reader.issue_word[i].val();
        }

        // Results: another block, or the digest.
        self.result_slot.next = bit_cast_word::<SLOT_BITS, TAG_BITS>(self.core.result_tag.val());
        self.blocks.read_address.next =
            bit_cast_word::<SLOT_BITS, TAG_BITS>(self.core.result_tag.val());
        self.next_block.next = self.blocks.read_data.val() + 1;
        self.entry.next = bit_cast_word::<16, SLOT_BITS>(self.result_slot.val())
            | (bit_cast_word::<16, 5>(self.next_block.val()) << 8);
        self.resumed.s_valid.next = self.core.result_valid.val() && !self.core.result_last.val();
        self.resumed.s_data.next = self.entry.val();
        self.is_finished.next = self.core.result_valid.val() && self.core.result_last.val();

        // Digests of the slot at the tail.
        self.tail_bit.next = self.one.val() << self.tail.q.val();
        self.is_done.next = (self.done.q.val() & self.tail_bit.val()).any();
        self.m_valid.next = self.is_done.val();
        self.is_leaving.next = self.is_done.val() && self.m_ready.val();
        self.result_bit.next = self.one.val() << self.result_slot.val();
        self.set.next = 0u64.into();
        if self.is_finished.val() {
            self.set.next = self.result_bit.val();
        }
        self.clear.next = 0u64.into();
        if self.is_leaving.val() {
            self.clear.next = self.tail_bit.val();
            self.tail.d.next = self.tail.q.val() + 1;
        }
        self.done.d.next = (self.done.q.val() ^ self.clear.val()) | self.set.val();
        for i in 0..4 {
            self.digests[i].clock.next = self.clock.val();
            self.digests[i].write_address.next = self.result_slot.val();
            self.digests[i].write_data.next = self.core.result_word[i].val();
            self.digests[i].write_enable.next = self.is_finished.val();
            self.digests[i].read_address.next = self.tail.q.val();
            self.m_word[i].next = self.digests[i].read_data.val();
        }
        if self.is_row.val() && !self.is_leaving.val() {
            self.in_use.d.next = self.in_use.q.val() + 1;
        }
        if !self.is_row.val() && self.is_leaving.val() {
            self.in_use.d.next = self.in_use.q.val() - 1;
        }

        if self.reset.val() {
            self.head.d.next = 0u64.into();
            self.tail.d.next = 0u64.into();
            self.count.d.next = 0u64.into();
            self.in_use.d.next = 0u64.into();
            self.done.d.next = 0u64.into();
        }
    }
}

crate::ports! {
    [const FORM: usize, const N: usize, const A: usize, const SLOT_BITS: usize, const TAG_BITS: usize,
     const WORD_BITS: usize, const SLOTS: usize]
    Sponge<FORM, N, A, SLOT_BITS, TAG_BITS, WORD_BITS, SLOTS> {
        clock; in: reset, s_valid, s_word, s_last, s_merge, m_ready; out: s_ready, m_valid, m_word
    }
}
