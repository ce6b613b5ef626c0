//! Blocks of rows and pairs of digests to digests, on the permutation engine.

use rust_hdl_core::prelude::*;

use super::model::{DIGEST, RATE, ROW_TAG};
use super::permutation::Permutation;
use crate::parts::LutRam;
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// The engine with the capacity of every row under way: 2^`SLOT_BITS` slots, tags of `TAG_BITS` =
/// `SLOT_BITS` + 1 bits. `FORM`, `N` and `A` as in [`Permutation`].
///
/// A tag is the slot of a row, or with its highest bit set that of a merge. The next block of a row may be
/// issued after the result of the one before it. A result is there for one cycle, in the order of issue, and
/// nobody can refuse it.
#[derive(LogicBlock)]
pub struct HashCore<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all blocks.
    pub reset: Signal<In, Bit>,
    /// A block is offered.
    pub issue_valid: Signal<In, Bit>,
    /// It is taken.
    pub issue_ready: Signal<Out, Bit>,
    /// Slot of the row, or the highest bit for a merge.
    pub issue_tag: Signal<In, Word<TAG_BITS>>,
    /// First block of the row.
    pub issue_first: Signal<In, Bit>,
    /// Last block of the row.
    pub issue_last: Signal<In, Bit>,
    /// Words of the row.
    pub issue_row_words: Signal<In, Word<8>>,
    /// The block, zeros after the end of the row; or left and right digest.
    pub issue_word: [Signal<In, Word<64>>; RATE],
    /// A block is hashed.
    pub result_valid: Signal<Out, Bit>,
    /// Its tag.
    pub result_tag: Signal<Out, Word<TAG_BITS>>,
    /// It was the last of its row.
    pub result_last: Signal<Out, Bit>,
    /// The digest, if it was.
    pub result_word: [Signal<Out, Word<64>>; DIGEST],
    permutation: Permutation<FORM, N, A>,
    capacity: [LutRam<Word<64>, SLOT_BITS>; DIGEST],
    merge_bit: Constant<Word<TAG_BITS>>,
    row_tag: Constant<Word<64>>,
    zero: Constant<Word<64>>,
    tag: Signal<Local, Word<8>>,
    result: Signal<Local, Word<8>>,
    slot: Signal<Local, Word<SLOT_BITS>>,
    result_slot: Signal<Local, Word<SLOT_BITS>>,
    is_kept: Signal<Local, Bit>,
    start_0: Signal<Local, Word<64>>,
    start_1: Signal<Local, Word<64>>,
}

impl<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
> Default for HashCore<FORM, N, A, SLOT_BITS, TAG_BITS>
{
    fn default() -> Self {
        assert!(
            TAG_BITS == SLOT_BITS + 1 && TAG_BITS <= 7,
            "tags of {TAG_BITS} bits for 2^{SLOT_BITS} slots"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            issue_valid: Signal::default(),
            issue_ready: Signal::default(),
            issue_tag: Signal::default(),
            issue_first: Signal::default(),
            issue_last: Signal::default(),
            issue_row_words: Signal::default(),
            issue_word: std::array::from_fn(|_| Signal::default()),
            result_valid: Signal::default(),
            result_tag: Signal::default(),
            result_last: Signal::default(),
            result_word: std::array::from_fn(|_| Signal::default()),
            permutation: Permutation::default(),
            capacity: std::array::from_fn(|_| LutRam::default()),
            merge_bit: Constant::new(Word::new(1 << SLOT_BITS)),
            row_tag: Constant::new(Word::from(ROW_TAG)),
            zero: Constant::new(Word::default()),
            tag: Signal::default(),
            result: Signal::default(),
            slot: Signal::default(),
            result_slot: Signal::default(),
            is_kept: Signal::default(),
            start_0: Signal::default(),
            start_1: Signal::default(),
        }
    }
}

impl<
    const FORM: usize,
    const N: usize,
    const A: usize,
    const SLOT_BITS: usize,
    const TAG_BITS: usize,
> Logic for HashCore<FORM, N, A, SLOT_BITS, TAG_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, permutation);
        self.permutation.reset.next = self.reset.val();
        self.permutation.s_valid.next = self.issue_valid.val();
        self.issue_ready.next = self.permutation.s_ready.val();
        self.tag.next = bit_cast_word::<8, TAG_BITS>(self.issue_tag.val())
            | (bit_cast_bit::<8>(self.issue_last.val()) << 7);
        self.permutation.s_tag.next = self.tag.val();
        self.slot.next = bit_cast_word::<SLOT_BITS, TAG_BITS>(self.issue_tag.val());

        // The capacity at the beginning of a row: length and tag; of a merge: zeros.
        self.start_0.next = bit_cast_word::<64, 8>(self.issue_row_words.val());
        self.start_1.next = self.row_tag.val();
        if (self.issue_tag.val() & self.merge_bit.val()).any() {
            self.start_0.next = self.zero.val();
            self.start_1.next = self.zero.val();
        }

        self.result.next = self.permutation.m_tag.val();
        self.result_valid.next = self.permutation.m_valid.val();
        self.result_tag.next = bit_cast_word::<TAG_BITS, 8>(self.result.val());
        self.result_last.next = self.result.val().get_bit(7);
        self.result_slot.next = bit_cast_word::<SLOT_BITS, 8>(self.result.val());
        self.is_kept.next = self.permutation.m_valid.val() && !self.result.val().get_bit(7);
        for i in 0..4 {
            self.capacity[i].clock.next = self.clock.val();
            self.capacity[i].write_address.next = self.result_slot.val();
            self.capacity[i].write_data.next = self.permutation.m_word[i + 8].val();
            self.capacity[i].write_enable.next = self.is_kept.val();
            self.capacity[i].read_address.next = self.slot.val();
            self.permutation.s_word[i + 8].next = self.capacity[i].read_data.val();
            if self.issue_first.val() {
                self.permutation.s_word[i + 8].next = self.zero.val();
            }
            self.result_word[i].next = self.permutation.m_word[i].val();
        }
        if self.issue_first.val() {
            self.permutation.s_word[8].next = self.start_0.val();
            self.permutation.s_word[9].next = self.start_1.val();
        }
        for i in 0..8 {
            self.permutation.s_word[i].next = self.issue_word[i].val();
        }
    }
}
