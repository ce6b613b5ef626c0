//! The streaming Merkle engine.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::core::Core;
use super::digest::DigestRam;
use super::load::Load;
use super::siblings::Siblings;
use super::slots::Slots;
use crate::parts::{LutRam, Ram};
use crate::word::{Word, bit_cast_word};

/// Hashes the rows of a job and everything above them, with the core of number `HASH` and `N` = 2^`S` slots;
/// `T` = `S` + 1 and `A` = `S` + 5.
///
/// Rows go into the slots in turn. Of the slots with a block waiting the oldest is served, of a pair of
/// siblings and a slot the pair; so leaves and branches share the core, and it has work as long as
/// words come in. Jobs follow each other without a wait.
#[derive(LogicBlock)]
pub struct Merkle<const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize>
{
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all jobs.
    pub reset: Signal<In, Bit>,
    /// A job is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Logarithm of the number of rows, 0 to 22.
    pub command_log_rows: Signal<In, Word<5>>,
    /// Words of a row, 1 to 254.
    pub command_row_words: Signal<In, Word<8>>,
    /// A word is offered, those of a job after it, row after row.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Canonical.
    pub s_word: Signal<In, Word<64>>,
    /// A node is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// Its number: row i is node 2^log_rows + i, the children of node i are 2i and 2i + 1.
    pub m_node: Signal<Out, Word<24>>,
    /// Number of its job since reset, modulo 256: jobs overlap.
    pub m_job: Signal<Out, Word<8>>,
    /// Its digest.
    pub m_word: [Signal<Out, Word<64>>; 4],
    /// It is the root, the last of its job.
    pub m_last: Signal<Out, Bit>,
    load: Load<S, A>,
    slots: Slots<S, N>,
    bank: [Ram<A>; 8],
    row_words: LutRam<Word<8>, S>,
    nodes: LutRam<Word<24>, S>,
    jobs: LutRam<Word<8>, S>,
    digests: DigestRam<S>,
    siblings: Siblings<S, T>,
    mask: Mask,
    core: Core<HASH, S, T, N>,
    row_node: DFF<Word<24>>,
    row_is_right: DFF<Bit>,
    row_job: DFF<Word<8>>,
    picked: DFF<Word<S>>,
    is_picked: DFF<Bit>,
    is_counted: DFF<Bit>,
    is_reading: DFF<Bit>,
    read_words: DFF<Word<8>>,
    is_read: DFF<Bit>,
    issue_valid: DFF<Bit>,
    issue_tag: DFF<Word<T>>,
    issue_last: DFF<Bit>,
    issue_block: DFF<Word<5>>,
    issue_row_words: DFF<Word<8>>,
    issue_word: [DFF<Word<64>>; 8],
    merge_tag: Constant<Word<T>>,
    merge_words: Constant<Word<8>>,
    is_picking: Signal<Local, Bit>,
    is_room: Signal<Local, Bit>,
    loads_row: Signal<Local, Bit>,
    loads_pair: Signal<Local, Bit>,
    address: Signal<Local, Word<A>>,
    result_slot: Signal<Local, Word<S>>,
    is_merge_result: Signal<Local, Bit>,
    is_row_result: Signal<Local, Bit>,
}

impl<const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize> Default
    for Merkle<HASH, S, T, A, N>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_log_rows: Signal::default(),
            command_row_words: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_node: Signal::default(),
            m_job: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            load: Load::default(),
            slots: Slots::default(),
            bank: std::array::from_fn(|_| Ram::default()),
            row_words: LutRam::default(),
            nodes: LutRam::default(),
            jobs: LutRam::default(),
            digests: DigestRam::default(),
            siblings: Siblings::default(),
            mask: Mask::default(),
            core: Core::default(),
            row_node: DFF::default(),
            row_is_right: DFF::default(),
            row_job: DFF::default(),
            picked: DFF::default(),
            is_picked: DFF::default(),
            is_counted: DFF::default(),
            is_reading: DFF::default(),
            read_words: DFF::default(),
            is_read: DFF::default(),
            issue_valid: DFF::default(),
            issue_tag: DFF::default(),
            issue_last: DFF::default(),
            issue_block: DFF::default(),
            issue_row_words: DFF::default(),
            issue_word: std::array::from_fn(|_| DFF::default()),
            merge_tag: Constant::new(Word::new(1 << S)),
            merge_words: Constant::new(Word::new(8)),
            is_picking: Signal::default(),
            is_room: Signal::default(),
            loads_row: Signal::default(),
            loads_pair: Signal::default(),
            address: Signal::default(),
            result_slot: Signal::default(),
            is_merge_result: Signal::default(),
            is_row_result: Signal::default(),
        }
    }
}

impl<const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize> Logic
    for Merkle<HASH, S, T, A, N>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            row_node,
            row_is_right,
            row_job,
            picked,
            is_picked,
            is_counted,
            is_reading,
            is_read,
            read_words,
            issue_valid
        );
        dff_setup!(
            self,
            clock,
            issue_tag,
            issue_last,
            issue_block,
            issue_row_words
        );
        clock!(
            self, clock, load, slots, row_words, nodes, jobs, digests, siblings, mask, core
        );
        self.load.reset.next = self.reset.val();
        self.slots.reset.next = self.reset.val();
        self.siblings.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();

        // Words in.
        self.load.command_valid.next = self.command_valid.val();
        self.command_ready.next = self.load.command_ready.val();
        self.load.command_log_rows.next = self.command_log_rows.val();
        self.load.command_row_words.next = self.command_row_words.val();
        self.load.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.load.s_ready.val();
        self.slots.loaded.next = self.load.slot.val();
        self.load.is_free.next = self.slots.is_free.val();
        self.slots.is_block.next = self.load.is_block.val();
        self.slots.is_row.next = self.load.is_row.val();
        self.row_words.write_address.next = self.load.slot.val();
        self.row_words.write_data.next = self.load.row_words.val();
        self.row_words.write_enable.next = self.load.is_taking.val();
        self.nodes.write_address.next = self.load.slot.val();
        self.nodes.write_data.next = self.load.node.val();
        self.nodes.write_enable.next = self.load.is_taking.val();
        self.jobs.write_address.next = self.load.slot.val();
        self.jobs.write_data.next = self.load.job.val();
        self.jobs.write_enable.next = self.load.is_taking.val();

        // A slot is picked, what is known of its row read, then its block, all while the core may be busy.
        self.is_picking.next = self.slots.is_ready.val() && !self.is_picked.q.val();
        self.slots.is_picked.next = self.is_picking.val();
        self.slots.shown.next = self.picked.q.val();
        self.address.next = (bit_cast_word::<A, S>(self.picked.q.val()) << 5)
            | bit_cast_word::<A, 5>(self.slots.block.val());
        for i in 0..8 {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].write_address.next = self.load.address.val();
            self.bank[i].write_data.next = self.s_word.val();
            self.bank[i].write_enable.next = self.load.enable[i].val();
            self.bank[i].read_address.next = self.address.val();
            self.mask.word[i].next = self.bank[i].read_data.val();
        }
        self.row_words.read_address.next = self.picked.q.val();
        self.mask.block.next = self.slots.block.val();
        self.read_words.d.next = self.row_words.read_data.val();
        self.mask.row_words.next = self.read_words.q.val();
        if self.is_picking.val() {
            self.is_picked.d.next = true;
            self.picked.d.next = self.slots.choice.val();
        }
        self.is_counted.d.next = self.is_picked.q.val();
        self.is_reading.d.next = self.is_counted.q.val();
        self.is_read.d.next = self.is_reading.q.val();

        // To the core: a pair of siblings, or else the block that was read.
        self.is_room.next = !self.issue_valid.q.val() || self.core.issue_ready.val();
        self.loads_pair.next = self.is_room.val() && self.siblings.pair_valid.val();
        self.loads_row.next =
            self.is_room.val() && !self.siblings.pair_valid.val() && self.is_read.q.val();
        self.slots.is_issued.next = self.loads_row.val();
        self.siblings.pair_taken.next = self.loads_pair.val();
        for i in 0..8 {
            self.issue_word[i].clock.next = self.clock.val();
            self.issue_word[i].d.next = self.issue_word[i].q.val();
            self.core.issue_word[i].next = self.issue_word[i].q.val();
        }
        if self.core.issue_ready.val() {
            self.issue_valid.d.next = false;
        }
        if self.loads_row.val() {
            self.is_picked.d.next = false;
            self.is_counted.d.next = false;
            self.is_reading.d.next = false;
            self.is_read.d.next = false;
            self.issue_valid.d.next = true;
            self.issue_tag.d.next = bit_cast_word::<T, S>(self.picked.q.val());
            self.issue_last.d.next = self.mask.is_last.val();
            self.issue_block.d.next = self.slots.block.val();
            self.issue_row_words.d.next = self.read_words.q.val();
            for i in 0..8 {
                self.issue_word[i].d.next = self.mask.y[i].val();
            }
        }
        if self.loads_pair.val() {
            self.issue_valid.d.next = true;
            self.issue_tag.d.next = self.merge_tag.val();
            self.issue_last.d.next = true;
            self.issue_block.d.next = 0u64.into();
            self.issue_row_words.d.next = self.merge_words.val();
            for i in 0..8 {
                self.issue_word[i].d.next = self.siblings.pair_word[i].val();
            }
        }
        self.core.issue_valid.next = self.issue_valid.q.val();
        self.core.issue_tag.next = self.issue_tag.q.val();
        self.core.issue_first.next = !self.issue_block.q.val().any();
        self.core.issue_last.next = self.issue_last.q.val();
        self.core.issue_block.next = self.issue_block.q.val();
        self.core.issue_row_words.next = self.issue_row_words.q.val();

        // Results.
        self.result_slot.next = bit_cast_word::<S, T>(self.core.result_tag.val());
        self.is_merge_result.next = (self.core.result_tag.val() & self.merge_tag.val()).any();
        self.is_row_result.next = self.core.result_valid.val() && !self.is_merge_result.val();
        self.slots.is_hashed.next = self.is_row_result.val();
        self.slots.hashed.next = self.result_slot.val();
        self.slots.is_last.next = self.core.result_last.val();
        self.digests.write_address.next = self.result_slot.val();
        self.digests.write_enable.next = self.is_row_result.val();
        self.siblings.merged_valid.next =
            self.core.result_valid.val() && self.is_merge_result.val();

        // Rows leave their slots in order.
        self.digests.read_address.next = self.slots.oldest.val();
        self.nodes.read_address.next = self.slots.oldest.val();
        self.jobs.read_address.next = self.slots.oldest.val();
        self.siblings.row_valid.next = self.slots.is_done.val();
        self.row_node.d.next = self.nodes.read_data.val();
        self.row_is_right.d.next =
            self.nodes.read_data.val().get_bit(0) && (self.nodes.read_data.val() != 1);
        self.row_job.d.next = self.jobs.read_data.val();
        self.siblings.row_node.next = self.row_node.q.val();
        self.siblings.row_is_right.next = self.row_is_right.q.val();
        self.siblings.row_job.next = self.row_job.q.val();
        self.slots.is_retired.next = self.siblings.row_taken.val();
        for i in 0..4 {
            self.digests.write_word[i].next = self.core.result_word[i].val();
            self.siblings.row_word[i].next = self.digests.read_word[i].val();
            self.siblings.merged_word[i].next = self.core.result_word[i].val();
            self.m_word[i].next = self.siblings.m_word[i].val();
        }
        self.m_valid.next = self.siblings.m_valid.val();
        self.siblings.m_ready.next = self.m_ready.val();
        self.m_node.next = self.siblings.m_node.val();
        self.m_job.next = self.siblings.m_job.val();
        self.m_last.next = self.siblings.m_last.val();

        if self.reset.val() {
            self.is_picked.d.next = false;
            self.is_counted.d.next = false;
            self.is_reading.d.next = false;
            self.is_read.d.next = false;
            self.issue_valid.d.next = false;
        }
    }
}

crate::ports! { [const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize] Merkle<HASH, S, T, A, N> {
    clock;
    in: reset, command_valid, command_log_rows, command_row_words, s_valid, s_word, m_ready;
    out: command_ready, s_ready, m_valid, m_node, m_job, m_word, m_last
} }

/// Zeros behind the end of a row. Where that end is was worked out a cycle before, while the block is read. A block
/// of its own, so that no tool sees it depend on the words it masks.
#[derive(LogicBlock)]
struct Mask {
    pub clock: Signal<In, Clock>,
    pub block: Signal<In, Word<5>>,
    pub row_words: Signal<In, Word<8>>,
    pub word: [Signal<In, Word<64>>; 8],
    pub y: [Signal<Out, Word<64>>; 8],
    pub is_last: Signal<Out, Bit>,
    cut: [DFF<Bit>; 7],
    ends: DFF<Bit>,
    last_index: Signal<Local, Word<8>>,
    last_block: Signal<Local, Word<5>>,
    last: Signal<Local, Word<3>>,
    is_cut: Signal<Local, Bit>,
}

impl Default for Mask {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            block: Signal::default(),
            row_words: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
            y: std::array::from_fn(|_| Signal::default()),
            is_last: Signal::default(),
            cut: std::array::from_fn(|_| DFF::default()),
            ends: DFF::default(),
            last_index: Signal::default(),
            last_block: Signal::default(),
            last: Signal::default(),
            is_cut: Signal::default(),
        }
    }
}

impl Logic for Mask {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, ends);
        self.last_index.next = self.row_words.val() - 1;
        self.last_block.next = self.last_index.val().get_bits::<5>(3);
        self.last.next = self.last_index.val().get_bits::<3>(0);
        self.is_cut.next = self.block.val() == self.last_block.val();
        self.ends.d.next = self.is_cut.val();
        self.is_last.next = self.ends.q.val();
        self.cut[0].d.next = self.is_cut.val() && (self.last.val() < 1);
        self.cut[1].d.next = self.is_cut.val() && (self.last.val() < 2);
        self.cut[2].d.next = self.is_cut.val() && (self.last.val() < 3);
        self.cut[3].d.next = self.is_cut.val() && (self.last.val() < 4);
        self.cut[4].d.next = self.is_cut.val() && (self.last.val() < 5);
        self.cut[5].d.next = self.is_cut.val() && (self.last.val() < 6);
        self.cut[6].d.next = self.is_cut.val() && (self.last.val() < 7);
        self.y[0].next = self.word[0].val();
        for i in 0..7 {
            self.cut[i].clock.next = self.clock.val();
            self.y[i + 1].next = self.word[i + 1].val();
            if self.cut[i].q.val() {
                self.y[i + 1].next = 0u64.into();
            }
        }
    }
}
