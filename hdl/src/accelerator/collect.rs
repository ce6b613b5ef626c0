//! Results of the engines, job after job.

use rust_hdl_core::prelude::*;

use crate::parts::Fifo;
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Passes on the results of the engine whose job is the oldest, until its last word.
///
/// Nodes of a later tree may come among those of an earlier one that follows no other job; they tell their job. After an
/// error no more words enter; those in the queue are still there to be taken.
#[derive(LogicBlock, Default)]
pub(super) struct Collect {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// There was an error.
    pub is_failed: Signal<In, Bit>,
    /// A job with results was started.
    pub order_valid: Signal<In, Bit>,
    /// There is room to remember that.
    pub order_ready: Signal<Out, Bit>,
    /// Of the Merkle engine.
    pub order_tree: Signal<In, Bit>,
    /// The NTT has a word.
    pub ntt_valid: Signal<In, Bit>,
    /// It is taken.
    pub ntt_ready: Signal<Out, Bit>,
    /// The word.
    pub ntt_word: Signal<In, Word<64>>,
    /// The last of its job.
    pub ntt_last: Signal<In, Bit>,
    /// The Merkle engine has a word.
    pub tree_valid: Signal<In, Bit>,
    /// It is taken.
    pub tree_ready: Signal<Out, Bit>,
    /// The word.
    pub tree_word: Signal<In, Word<64>>,
    /// The last of its job.
    pub tree_last: Signal<In, Bit>,
    /// A word is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// The last of its job.
    pub m_last: Signal<Out, Bit>,
    /// Results are missing or waiting.
    pub is_active: Signal<Out, Bit>,
    /// A word leaves.
    pub is_leaving: Signal<Out, Bit>,
    /// The last of a job.
    pub is_done: Signal<Out, Bit>,
    order: Fifo<Word<1>, 4, 5>,
    queue: Fifo<Word<65>, 5, 6>,
    oldest_tree: Signal<Local, Bit>,
    is_open: Signal<Local, Bit>,
    takes_ntt: Signal<Local, Bit>,
    takes_tree: Signal<Local, Bit>,
    is_entering: Signal<Local, Bit>,
    is_last: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    word: Signal<Local, Word<64>>,
    marked: Signal<Local, Word<65>>,
    oldest: Signal<Local, Word<65>>,
}

impl Logic for Collect {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, order, queue);
        self.order.reset.next = self.reset.val();
        self.queue.reset.next = self.reset.val();
        self.order.s_valid.next = self.order_valid.val();
        self.order.s_data.next = bit_cast_bit::<1>(self.order_tree.val());
        self.order_ready.next = self.order.s_ready.val();

        self.oldest_tree.next = self.order.m_data.val().any();
        self.is_open.next =
            self.order.m_valid.val() && self.queue.s_ready.val() && !self.is_failed.val();
        // Written out: see `Dispatch`.
        self.ntt_ready.next = self.order.m_valid.val()
            && self.queue.s_ready.val()
            && !self.is_failed.val()
            && !self.order.m_data.val().any();
        self.tree_ready.next = self.order.m_valid.val()
            && self.queue.s_ready.val()
            && !self.is_failed.val()
            && self.order.m_data.val().any();
        self.takes_ntt.next = self.is_open.val() && !self.oldest_tree.val() && self.ntt_valid.val();
        self.takes_tree.next =
            self.is_open.val() && self.oldest_tree.val() && self.tree_valid.val();
        self.is_entering.next = self.takes_ntt.val() || self.takes_tree.val();
        self.is_last.next = (self.takes_ntt.val() && self.ntt_last.val())
            || (self.takes_tree.val() && self.tree_last.val());
        self.order.m_ready.next = self.is_last.val();
        self.queue.s_valid.next = self.is_entering.val();
        self.word.next = self.ntt_word.val();
        if self.oldest_tree.val() {
            self.word.next = self.tree_word.val();
        }
        self.marked.next = bit_cast_word::<65, 64>(self.word.val())
            | (bit_cast_bit::<65>(self.is_last.val()) << 64);
        self.queue.s_data.next = self.marked.val();

        self.oldest.next = self.queue.m_data.val();
        self.m_valid.next = self.queue.m_valid.val();
        self.m_word.next = self.oldest.val().get_bits::<64>(0);
        self.m_last.next = self.oldest.val().get_bit(64);
        self.queue.m_ready.next = self.m_ready.val();
        self.leaves.next = self.queue.m_valid.val() && self.m_ready.val();
        self.is_leaving.next = self.leaves.val();
        self.is_done.next = self.leaves.val() && self.oldest.val().get_bit(64);
        self.is_active.next = self.order.m_valid.val() || self.queue.m_valid.val();
    }
}
