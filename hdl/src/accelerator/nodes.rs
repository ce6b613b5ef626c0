//! Nodes of a tree as words of a stream.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// Makes five words of a node: its number in bits 0 to 23 and its job in bits 32 to 39, then the digest.
#[derive(LogicBlock)]
pub(super) struct Nodes {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A node is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken, with its last word.
    pub s_ready: Signal<Out, Bit>,
    /// Its number.
    pub s_node: Signal<In, Word<24>>,
    /// The number of its job, modulo 256.
    pub s_job: Signal<In, Word<8>>,
    /// Its digest.
    pub s_word: [Signal<In, Word<64>>; 4],
    /// It is a root.
    pub s_last: Signal<In, Bit>,
    /// A word is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// The last of a tree.
    pub m_last: Signal<Out, Bit>,
    place: DFF<Word<3>>,
    is_end: Signal<Local, Bit>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_node: Signal::default(),
            s_job: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            s_last: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: Signal::default(),
            m_last: Signal::default(),
            place: DFF::default(),
            is_end: Signal::default(),
        }
    }
}

impl Logic for Nodes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, place);
        self.is_end.next = self.place.q.val() == 4;
        self.m_valid.next = self.s_valid.val();
        self.m_last.next = self.s_last.val() && (self.place.q.val() == 4);
        self.s_ready.next = self.m_ready.val() && (self.place.q.val() == 4);
        self.m_word.next = bit_cast_word::<64, 24>(self.s_node.val())
            | (bit_cast_word::<64, 8>(self.s_job.val()) << 32);
        if self.place.q.val() == 1 {
            self.m_word.next = self.s_word[0].val();
        }
        if self.place.q.val() == 2 {
            self.m_word.next = self.s_word[1].val();
        }
        if self.place.q.val() == 3 {
            self.m_word.next = self.s_word[2].val();
        }
        if self.place.q.val() == 4 {
            self.m_word.next = self.s_word[3].val();
        }
        if self.s_valid.val() && self.m_ready.val() {
            self.place.d.next = self.place.q.val() + 1;
            if self.is_end.val() {
                self.place.d.next = 0u64.into();
            }
        }
        if self.reset.val() {
            self.place.d.next = 0u64.into();
        }
    }
}
