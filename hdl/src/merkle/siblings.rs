//! From digests to pairs of siblings: all that is kept of a tree is one digest for each level.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::digest::{Digest, DigestFifo, DigestRam};
use crate::parts::Fifo;
use crate::word::{Word, bit_cast_word};

/// Takes one digest in a cycle, of a row or of a merge, gives it out as a node, and keeps it until its sibling
/// is there, if it is the left one; if it is the right one, the two become a pair to be merged.
///
/// Digests of a level come in the order of their nodes, for rows do, and merges come back in the order in
/// which they were issued. So one place for each level is enough, even where one tree follows another.
///
/// At most 2^`S` - 1 merges are between `pair` and the end of `merged`, and a row is taken only if there are
/// fewer: a merge that comes back always finds room, and whoever takes it makes at most one new pair.
/// `T` = `S` + 1.
#[derive(LogicBlock)]
pub(super) struct Siblings<const S: usize, const T: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets all digests.
    pub reset: Signal<In, Bit>,
    /// The next row is hashed.
    pub row_valid: Signal<In, Bit>,
    /// Its digest is taken.
    pub row_taken: Signal<Out, Bit>,
    /// Its node number.
    pub row_node: Signal<In, Word<24>>,
    /// That number is odd and not 1: its digest makes a pair.
    pub row_is_right: Signal<In, Bit>,
    /// Its job.
    pub row_job: Signal<In, Word<8>>,
    /// Its digest.
    pub row_word: [Signal<In, Word<64>>; 4],
    /// A merge comes back.
    pub merged_valid: Signal<In, Bit>,
    /// Its digest.
    pub merged_word: [Signal<In, Word<64>>; 4],
    /// Two siblings are to be merged.
    pub pair_valid: Signal<Out, Bit>,
    /// They are taken.
    pub pair_taken: Signal<In, Bit>,
    /// Left digest, right digest.
    pub pair_word: [Signal<Out, Word<64>>; 8],
    /// A node is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// Its number in its tree.
    pub m_node: Signal<Out, Word<24>>,
    /// Its job.
    pub m_job: Signal<Out, Word<8>>,
    /// Its digest.
    pub m_word: [Signal<Out, Word<64>>; 4],
    /// It is the root.
    pub m_last: Signal<Out, Bit>,
    merged: DigestFifo<S, T>,
    parents: Fifo<Word<38>, S, T>,
    left: DigestRam<5>,
    under_way: DFF<Word<T>>,
    has_pair: DFF<Bit>,
    pair: [DFF<Word<64>>; 8],
    has_node: DFF<Bit>,
    node: DFF<Word<24>>,
    job: DFF<Word<8>>,
    digest: [DFF<Word<64>>; 4],
    capacity: Constant<Word<T>>,
    right: Constant<Word<38>>,
    chosen: Digest,
    origin: Origin,
    parent_out: Signal<Local, Word<24>>,
    level_out: Signal<Local, Word<5>>,
    parent_word: Signal<Local, Word<38>>,
    is_open: Signal<Local, Bit>,
    takes_merge: Signal<Local, Bit>,
    takes_row: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    makes_pair: Signal<Local, Bit>,
}

impl<const S: usize, const T: usize> Default for Siblings<S, T> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            row_valid: Signal::default(),
            row_taken: Signal::default(),
            row_node: Signal::default(),
            row_is_right: Signal::default(),
            row_job: Signal::default(),
            row_word: std::array::from_fn(|_| Signal::default()),
            merged_valid: Signal::default(),
            merged_word: std::array::from_fn(|_| Signal::default()),
            pair_valid: Signal::default(),
            pair_taken: Signal::default(),
            pair_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_node: Signal::default(),
            m_job: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            merged: DigestFifo::default(),
            parents: Fifo::default(),
            left: DigestRam::default(),
            under_way: DFF::default(),
            has_pair: DFF::default(),
            pair: std::array::from_fn(|_| DFF::default()),
            has_node: DFF::default(),
            node: DFF::default(),
            job: DFF::default(),
            digest: std::array::from_fn(|_| DFF::default()),
            capacity: Constant::new(Word::new((1 << S) - 1)),
            right: Constant::new(Word::new(1 << 37)),
            chosen: Digest::default(),
            origin: Origin::default(),
            parent_out: Signal::default(),
            level_out: Signal::default(),
            parent_word: Signal::default(),
            is_open: Signal::default(),
            takes_merge: Signal::default(),
            takes_row: Signal::default(),
            takes: Signal::default(),
            makes_pair: Signal::default(),
        }
    }
}

impl<const S: usize, const T: usize> Logic for Siblings<S, T> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, under_way, has_pair, has_node, node, job);
        clock!(self, clock, merged, parents, left);
        self.merged.reset.next = self.reset.val();
        self.parents.reset.next = self.reset.val();

        // Merges go first: they free what rows wait for.
        self.is_open.next =
            !self.has_pair.q.val() && (!self.has_node.q.val() || self.m_ready.val());
        self.takes_merge.next = self.is_open.val() && self.merged.m_valid.val();
        self.takes_row.next = self.is_open.val()
            && !self.merged.m_valid.val()
            && self.row_valid.val()
            && (self.under_way.q.val() != self.capacity.val());
        self.takes.next = self.takes_merge.val() || self.takes_row.val();
        self.row_taken.next = self.takes_row.val();
        self.merged.s_valid.next = self.merged_valid.val();
        self.merged.m_ready.next = self.takes_merge.val();
        self.parents.m_ready.next = self.takes_merge.val();
        self.chosen.is_second.next = self.merged.m_valid.val();
        self.origin.is_merge.next = self.merged.m_valid.val();
        self.origin.parent.next = self.parents.m_data.val();
        self.origin.row_node.next = self.row_node.val();
        self.origin.row_is_right.next = self.row_is_right.val();
        self.origin.row_job.next = self.row_job.val();
        for i in 0..4 {
            self.merged.s_word[i].next = self.merged_word[i].val();
            self.chosen.first[i].next = self.row_word[i].val();
            self.chosen.second[i].next = self.merged.m_word[i].val();
        }

        // Whether a digest will make a pair is worked out when its node is known, for counts wait for it here.
        self.makes_pair.next = self.takes.val() && self.origin.is_right.val();
        self.left.write_address.next = self.origin.level.val();
        self.left.read_address.next = self.origin.level.val();
        self.left.write_enable.next = self.takes.val() && self.origin.is_left.val();
        self.parent_out.next = self.origin.node.val() >> 1;
        self.level_out.next = self.origin.level.val() + 1;
        self.parents.s_valid.next = self.makes_pair.val();
        self.parent_word.next = bit_cast_word::<38, 24>(self.parent_out.val())
            | (bit_cast_word::<38, 5>(self.level_out.val()) << 24)
            | (bit_cast_word::<38, 8>(self.origin.job.val()) << 29);
        self.parents.s_data.next = self.parent_word.val();
        if self.parent_out.val().get_bit(0) && (self.parent_out.val() != 1) {
            self.parents.s_data.next = self.parent_word.val() | self.right.val();
        }

        if self.pair_taken.val() {
            self.has_pair.d.next = false;
        }
        if self.makes_pair.val() {
            self.has_pair.d.next = true;
        }
        if self.m_ready.val() {
            self.has_node.d.next = false;
        }
        if self.takes.val() {
            self.has_node.d.next = true;
            self.node.d.next = self.origin.node.val();
            self.job.d.next = self.origin.job.val();
        }
        for i in 0..4 {
            self.left.write_word[i].next = self.chosen.y[i].val();
            self.pair[i].clock.next = self.clock.val();
            self.pair[i].d.next = self.pair[i].q.val();
            self.pair[i + 4].clock.next = self.clock.val();
            self.pair[i + 4].d.next = self.pair[i + 4].q.val();
            self.digest[i].clock.next = self.clock.val();
            self.digest[i].d.next = self.digest[i].q.val();
            self.m_word[i].next = self.digest[i].q.val();
        }
        if self.makes_pair.val() {
            for i in 0..4 {
                self.pair[i].d.next = self.left.read_word[i].val();
                self.pair[i + 4].d.next = self.chosen.y[i].val();
            }
        }
        if self.takes.val() {
            for i in 0..4 {
                self.digest[i].d.next = self.chosen.y[i].val();
            }
        }
        for i in 0..8 {
            self.pair_word[i].next = self.pair[i].q.val();
        }
        self.pair_valid.next = self.has_pair.q.val();
        self.m_valid.next = self.has_node.q.val();
        self.m_node.next = self.node.q.val();
        self.m_job.next = self.job.q.val();
        self.m_last.next = self.node.q.val() == 1;

        // Pairs made and merges taken.
        if self.makes_pair.val() && !self.takes_merge.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.makes_pair.val() && self.takes_merge.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }

        if self.reset.val() {
            self.under_way.d.next = 0u64.into();
            self.has_pair.d.next = false;
            self.has_node.d.next = false;
        }
    }
}

/// Which node a digest is. A block of its own, so that no tool sees an address depend on what is read there.
#[derive(LogicBlock, Default)]
struct Origin {
    pub is_merge: Signal<In, Bit>,
    pub parent: Signal<In, Word<38>>,
    pub row_node: Signal<In, Word<24>>,
    pub row_is_right: Signal<In, Bit>,
    pub row_job: Signal<In, Word<8>>,
    pub node: Signal<Out, Word<24>>,
    pub level: Signal<Out, Word<5>>,
    pub job: Signal<Out, Word<8>>,
    pub is_right: Signal<Out, Bit>,
    pub is_left: Signal<Out, Bit>,
    number: Signal<Local, Word<24>>,
}

impl Logic for Origin {
    #[hdl_gen]
    fn update(&mut self) {
        self.number.next = self.row_node.val();
        self.level.next = 0u64.into();
        self.job.next = self.row_job.val();
        self.is_right.next = self.row_is_right.val();
        if self.is_merge.val() {
            self.number.next = self.parent.val().get_bits::<24>(0);
            self.level.next = self.parent.val().get_bits::<5>(24);
            self.job.next = self.parent.val().get_bits::<8>(29);
            self.is_right.next = self.parent.val().get_bit(37);
        }
        self.node.next = self.number.val();
        self.is_left.next = !self.number.val().get_bit(0);
    }
}
