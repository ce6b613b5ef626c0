//! BLAKE3 as the core of the Merkle engine: `hash_elements` and `merge` of winterfell's `Blake3_256`.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::digest::DigestRam;
use crate::blake3::Blake3Ring;
use crate::blake3::model::{CHUNK_END, CHUNK_START, IV, PARENT, ROOT};
use crate::parts::{Flags, Lowest};
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// The interface of docs/hardware/merkle.md around [`Blake3Ring`], whose parameter `PIPELINED` is, for
/// `N` = 2^`S` slots and tags of `T` = `S` + 1 bits.
///
/// A row is hashed as its words in little-endian bytes: one chunk of up to 16 blocks, or two and the
/// parent of both. The core makes that parent by itself: to the engine the last block takes longer.
#[derive(LogicBlock)]
pub struct Blake3Core<const PIPELINED: usize, const S: usize, const T: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all blocks.
    pub reset: Signal<In, Bit>,
    /// A block is offered.
    pub issue_valid: Signal<In, Bit>,
    /// It is taken.
    pub issue_ready: Signal<Out, Bit>,
    /// Slot of the row, or 2^`S` for a merge.
    pub issue_tag: Signal<In, Word<T>>,
    /// Last block of the row.
    pub issue_last: Signal<In, Bit>,
    /// Number of the block in the row.
    pub issue_block: Signal<In, Word<5>>,
    /// Words of the row.
    pub issue_row_words: Signal<In, Word<8>>,
    /// The block.
    pub issue_word: [Signal<In, Word<64>>; 8],
    /// A block is hashed.
    pub result_valid: Signal<Out, Bit>,
    /// Its tag.
    pub result_tag: Signal<Out, Word<T>>,
    /// It was the last of its row.
    pub result_last: Signal<Out, Bit>,
    /// The digest, if it was.
    pub result_word: [Signal<Out, Word<64>>; 4],
    ring: Blake3Ring<PIPELINED>,
    chaining: DigestRam<S>,
    left: DigestRam<S>,
    parents: Flags<N, S>,
    choice: Lowest<N, S>,
    is_parent: DFF<Bit>,
    parent_slot: DFF<Word<S>>,
    split: SplitBlock,
    start: SplitDigest,
    joined: JoinDigest,
    iv: [Constant<Word<64>>; 4],
    last_bit: Constant<Word<8>>,
    merge_bit: Constant<Word<8>>,
    chunk_start: Constant<Word<8>>,
    chunk_end: Constant<Word<8>>,
    parent: Constant<Word<8>>,
    root: Constant<Word<8>>,
    whole_block: Constant<Word<7>>,
    place: Signal<Local, Word<4>>,
    is_start: Signal<Local, Bit>,
    is_end: Signal<Local, Bit>,
    has_two: Signal<Local, Bit>,
    is_second: Signal<Local, Bit>,
    is_left: Signal<Local, Bit>,
    is_right: Signal<Local, Bit>,
    rest: Signal<Local, Word<3>>,
    flags: Signal<Local, Word<8>>,
    tag: Signal<Local, Word<8>>,
    read_slot: Signal<Local, Word<S>>,
    result: Signal<Local, Word<8>>,
    result_slot: Signal<Local, Word<S>>,
    result_merge: Signal<Local, Bit>,
    result_right: Signal<Local, Bit>,
}

impl<const PIPELINED: usize, const S: usize, const T: usize, const N: usize> Default
    for Blake3Core<PIPELINED, S, T, N>
{
    fn default() -> Self {
        assert!(T == S + 1 && T <= 5, "tags of {T} bits for 2^{S} slots");
        let flag = |value: u32| Constant::new(Word::new(value.into()));
        let iv = |i: usize| u128::from(IV[2 * i]) | u128::from(IV[2 * i + 1]) << 32;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            issue_valid: Signal::default(),
            issue_ready: Signal::default(),
            issue_tag: Signal::default(),
            issue_last: Signal::default(),
            issue_block: Signal::default(),
            issue_row_words: Signal::default(),
            issue_word: std::array::from_fn(|_| Signal::default()),
            result_valid: Signal::default(),
            result_tag: Signal::default(),
            result_last: Signal::default(),
            result_word: std::array::from_fn(|_| Signal::default()),
            ring: Blake3Ring::default(),
            chaining: DigestRam::default(),
            left: DigestRam::default(),
            parents: Flags::default(),
            choice: Lowest::default(),
            is_parent: DFF::default(),
            parent_slot: DFF::default(),
            split: SplitBlock::default(),
            start: SplitDigest::default(),
            joined: JoinDigest::default(),
            iv: std::array::from_fn(|i| Constant::new(Word::new(iv(i)))),
            last_bit: flag(1 << 5),
            merge_bit: flag(1 << S),
            chunk_start: flag(CHUNK_START),
            chunk_end: flag(CHUNK_END),
            parent: flag(PARENT),
            root: flag(ROOT),
            whole_block: Constant::new(Word::new(64)),
            place: Signal::default(),
            is_start: Signal::default(),
            is_end: Signal::default(),
            has_two: Signal::default(),
            is_second: Signal::default(),
            is_left: Signal::default(),
            is_right: Signal::default(),
            rest: Signal::default(),
            flags: Signal::default(),
            tag: Signal::default(),
            read_slot: Signal::default(),
            result: Signal::default(),
            result_slot: Signal::default(),
            result_merge: Signal::default(),
            result_right: Signal::default(),
        }
    }
}

impl<const PIPELINED: usize, const S: usize, const T: usize, const N: usize> Logic
    for Blake3Core<PIPELINED, S, T, N>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_parent, parent_slot);
        clock!(self, clock, ring, chaining, left, parents);
        self.ring.reset.next = self.reset.val();
        self.parents.reset.next = self.reset.val();

        // Parents of two chunks go first; of several, the one in the lowest slot. The choice is registered:
        // from it a long path leads through the memories and the first sums.
        self.choice.x.next = self.parents.flags.val();
        if !self.is_parent.q.val() {
            self.is_parent.d.next = self.choice.is_any.val();
            self.parent_slot.d.next = self.choice.index.val();
        }
        if self.is_parent.q.val() && self.ring.s_ready.val() {
            self.is_parent.d.next = false;
        }
        self.issue_ready.next = self.ring.s_ready.val() && !self.is_parent.q.val();
        self.ring.s_valid.next = self.issue_valid.val() || self.is_parent.q.val();

        // What the place of a block in its row means.
        self.place.next = self.issue_block.val().get_bits::<4>(0);
        self.is_start.next = !self.place.val().any();
        self.is_end.next = self.place.val().all() || self.issue_last.val();
        self.has_two.next = self.issue_row_words.val() > 128;
        self.is_second.next = self.issue_block.val().get_bit(4);
        self.is_left.next = self.place.val().all() && self.has_two.val() && !self.is_second.val();
        self.is_right.next = self.issue_last.val() && self.has_two.val();
        self.rest.next = self.issue_row_words.val().get_bits::<3>(0);

        self.flags.next = 0u64.into();
        if self.is_start.val() {
            self.flags.next = self.chunk_start.val();
        }
        if self.is_end.val() && !self.has_two.val() {
            self.flags.next = self.chunk_end.val() | self.root.val();
            if self.is_start.val() {
                self.flags.next = self.chunk_start.val() | self.chunk_end.val() | self.root.val();
            }
        }
        if self.is_end.val() && self.has_two.val() {
            self.flags.next = self.chunk_end.val();
            if self.is_start.val() {
                self.flags.next = self.chunk_start.val() | self.chunk_end.val();
            }
        }
        if self.is_parent.q.val() {
            self.flags.next = self.parent.val() | self.root.val();
        }
        self.ring.s_flags.next = self.flags.val();
        self.ring.s_counter.next = bit_cast_bit::<64>(self.is_second.val());
        self.ring.s_bytes.next = self.whole_block.val();
        if self.issue_last.val() && self.rest.val().any() {
            self.ring.s_bytes.next = bit_cast_word::<7, 3>(self.rest.val()) << 3;
        }
        // Tag: slot or merge, whether its row ends, left chunk, right chunk.
        self.tag.next = bit_cast_word::<8, T>(self.issue_tag.val())
            | (bit_cast_bit::<8>(self.issue_last.val()) << 5)
            | (bit_cast_bit::<8>(self.is_left.val()) << 6)
            | (bit_cast_bit::<8>(self.is_right.val()) << 7);
        if self.is_parent.q.val() {
            self.ring.s_counter.next = 0u64.into();
            self.ring.s_bytes.next = self.whole_block.val();
            self.tag.next = bit_cast_word::<8, S>(self.parent_slot.q.val()) | self.last_bit.val();
        }
        self.ring.s_tag.next = self.tag.val();

        // Chaining value and block.
        self.read_slot.next = bit_cast_word::<S, T>(self.issue_tag.val());
        if self.is_parent.q.val() {
            self.read_slot.next = self.parent_slot.q.val();
        }
        self.chaining.read_address.next = self.read_slot.val();
        self.left.read_address.next = self.read_slot.val();
        for i in 0..4 {
            self.start.word[i].next = self.chaining.read_word[i].val();
            self.split.word[i].next = self.issue_word[i].val();
            self.split.word[i + 4].next = self.issue_word[i + 4].val();
        }
        if self.is_start.val() || self.is_parent.q.val() {
            for i in 0..4 {
                self.start.word[i].next = self.iv[i].val();
            }
        }
        if self.is_parent.q.val() {
            for i in 0..4 {
                self.split.word[i].next = self.left.read_word[i].val();
                self.split.word[i + 4].next = self.chaining.read_word[i].val();
            }
        }
        for i in 0..8 {
            self.ring.s_chaining[i].next = self.start.half[i].val();
        }
        for i in 0..16 {
            self.ring.s_block[i].next = self.split.half[i].val();
        }

        // Results.
        self.result.next = self.ring.m_tag.val();
        self.result_slot.next = bit_cast_word::<S, 8>(self.result.val());
        self.result_merge.next = (self.result.val() & self.merge_bit.val()).any();
        self.result_right.next = self.ring.m_valid.val() && self.result.val().get_bit(7);
        self.result_valid.next = self.ring.m_valid.val() && !self.result.val().get_bit(7);
        self.result_tag.next = bit_cast_word::<T, 8>(self.result.val());
        self.result_last.next = self.result.val().get_bit(5);
        self.chaining.write_address.next = self.result_slot.val();
        self.chaining.write_enable.next = self.ring.m_valid.val() && !self.result_merge.val();
        self.left.write_address.next = self.result_slot.val();
        self.left.write_enable.next = self.ring.m_valid.val() && self.result.val().get_bit(6);
        for i in 0..8 {
            self.joined.half[i].next = self.ring.m_chaining[i].val();
        }
        for i in 0..4 {
            self.chaining.write_word[i].next = self.joined.word[i].val();
            self.left.write_word[i].next = self.joined.word[i].val();
            self.result_word[i].next = self.joined.word[i].val();
        }

        // Rows whose two chunks are hashed.
        self.parents.is_setting.next = self.result_right.val();
        self.parents.set.next = self.result_slot.val();
        self.parents.is_clearing.next = self.is_parent.q.val() && self.ring.s_ready.val();
        self.parents.clear.next = self.parent_slot.q.val();

        if self.reset.val() {
            self.is_parent.d.next = false;
        }
    }
}

/// Words of 64 bits to words of 32, the low half first.
#[derive(LogicBlock)]
struct SplitBlock {
    pub word: [Signal<In, Word<64>>; 8],
    pub half: [Signal<Out, Word<32>>; 16],
}

impl Default for SplitBlock {
    fn default() -> Self {
        Self {
            word: std::array::from_fn(|_| Signal::default()),
            half: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for SplitBlock {
    #[hdl_gen]
    fn update(&mut self) {
        self.half[0].next = self.word[0].val().get_bits::<32>(0);
        self.half[1].next = self.word[0].val().get_bits::<32>(32);
        self.half[2].next = self.word[1].val().get_bits::<32>(0);
        self.half[3].next = self.word[1].val().get_bits::<32>(32);
        self.half[4].next = self.word[2].val().get_bits::<32>(0);
        self.half[5].next = self.word[2].val().get_bits::<32>(32);
        self.half[6].next = self.word[3].val().get_bits::<32>(0);
        self.half[7].next = self.word[3].val().get_bits::<32>(32);
        self.half[8].next = self.word[4].val().get_bits::<32>(0);
        self.half[9].next = self.word[4].val().get_bits::<32>(32);
        self.half[10].next = self.word[5].val().get_bits::<32>(0);
        self.half[11].next = self.word[5].val().get_bits::<32>(32);
        self.half[12].next = self.word[6].val().get_bits::<32>(0);
        self.half[13].next = self.word[6].val().get_bits::<32>(32);
        self.half[14].next = self.word[7].val().get_bits::<32>(0);
        self.half[15].next = self.word[7].val().get_bits::<32>(32);
    }
}

/// As [`SplitBlock`].
#[derive(LogicBlock)]
struct SplitDigest {
    pub word: [Signal<In, Word<64>>; 4],
    pub half: [Signal<Out, Word<32>>; 8],
}

impl Default for SplitDigest {
    fn default() -> Self {
        Self {
            word: std::array::from_fn(|_| Signal::default()),
            half: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for SplitDigest {
    #[hdl_gen]
    fn update(&mut self) {
        self.half[0].next = self.word[0].val().get_bits::<32>(0);
        self.half[1].next = self.word[0].val().get_bits::<32>(32);
        self.half[2].next = self.word[1].val().get_bits::<32>(0);
        self.half[3].next = self.word[1].val().get_bits::<32>(32);
        self.half[4].next = self.word[2].val().get_bits::<32>(0);
        self.half[5].next = self.word[2].val().get_bits::<32>(32);
        self.half[6].next = self.word[3].val().get_bits::<32>(0);
        self.half[7].next = self.word[3].val().get_bits::<32>(32);
    }
}

/// [`SplitDigest`] undone.
#[derive(LogicBlock)]
struct JoinDigest {
    pub half: [Signal<In, Word<32>>; 8],
    pub word: [Signal<Out, Word<64>>; 4],
}

impl Default for JoinDigest {
    fn default() -> Self {
        Self {
            half: std::array::from_fn(|_| Signal::default()),
            word: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl Logic for JoinDigest {
    #[hdl_gen]
    fn update(&mut self) {
        self.word[0].next = bit_cast_word::<64, 32>(self.half[0].val())
            | (bit_cast_word::<64, 32>(self.half[1].val()) << 32);
        self.word[1].next = bit_cast_word::<64, 32>(self.half[2].val())
            | (bit_cast_word::<64, 32>(self.half[3].val()) << 32);
        self.word[2].next = bit_cast_word::<64, 32>(self.half[4].val())
            | (bit_cast_word::<64, 32>(self.half[5].val()) << 32);
        self.word[3].next = bit_cast_word::<64, 32>(self.half[6].val())
            | (bit_cast_word::<64, 32>(self.half[7].val()) << 32);
    }
}
