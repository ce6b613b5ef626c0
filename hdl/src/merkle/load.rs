//! Words of rows into the slots' memory.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// Takes jobs and their words, one word a beat. Word w of a row goes into bank w mod 8 at row w / 8 of the
/// slot; rows take the 2^`S` slots in turn. `A` = `S` + 5.
///
/// A leaf's node number is 2^log_rows + its row.
#[derive(LogicBlock)]
pub(super) struct Load<const S: usize, const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops the job.
    pub reset: Signal<In, Bit>,
    /// A job is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Logarithm of the number of rows, 0 to 22.
    pub command_log_rows: Signal<In, Word<5>>,
    /// Words of a row, 1 to 254.
    pub command_row_words: Signal<In, Word<8>>,
    /// A word is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Whether there is a free slot.
    pub is_free: Signal<In, Bit>,
    /// The slot that is loaded.
    pub slot: Signal<Out, Word<S>>,
    /// Row of the memory for the word: slot and block.
    pub address: Signal<Out, Word<A>>,
    /// The bank that takes it, if any.
    pub enable: [Signal<Out, Bit>; 8],
    /// A block is complete with this word.
    pub is_block: Signal<Out, Bit>,
    /// And the row is.
    pub is_row: Signal<Out, Bit>,
    /// A word passes.
    pub is_taking: Signal<Out, Bit>,
    /// Words of the row.
    pub row_words: Signal<Out, Word<8>>,
    /// Node number of the row.
    pub node: Signal<Out, Word<24>>,
    /// Number of the job since reset, modulo 256.
    pub job: Signal<Out, Word<8>>,
    is_active: DFF<Bit>,
    words: DFF<Word<8>>,
    last_word: DFF<Word<8>>,
    word: DFF<Word<8>>,
    leaf: DFF<Word<24>>,
    last_leaf: DFF<Word<24>>,
    tail: DFF<Word<S>>,
    jobs: DFF<Word<8>>,
    one: Constant<Word<24>>,
    two: Constant<Word<24>>,
    takes: Signal<Local, Bit>,
    is_end: Signal<Local, Bit>,
    end_of_leaves: Signal<Local, Word<24>>,
    bank: Signal<Local, Word<3>>,
    block: Signal<Local, Word<5>>,
}

impl<const S: usize, const A: usize> Default for Load<S, A> {
    fn default() -> Self {
        assert_eq!(A, S + 5, "rows of the memory for 2^{S} slots");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_log_rows: Signal::default(),
            command_row_words: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            is_free: Signal::default(),
            slot: Signal::default(),
            address: Signal::default(),
            enable: std::array::from_fn(|_| Signal::default()),
            is_block: Signal::default(),
            is_row: Signal::default(),
            is_taking: Signal::default(),
            row_words: Signal::default(),
            node: Signal::default(),
            job: Signal::default(),
            is_active: DFF::default(),
            words: DFF::default(),
            last_word: DFF::default(),
            word: DFF::default(),
            leaf: DFF::default(),
            last_leaf: DFF::default(),
            tail: DFF::default(),
            jobs: DFF::default(),
            one: Constant::new(Word::new(1)),
            two: Constant::new(Word::new(2)),
            takes: Signal::default(),
            is_end: Signal::default(),
            end_of_leaves: Signal::default(),
            bank: Signal::default(),
            block: Signal::default(),
        }
    }
}

impl<const S: usize, const A: usize> Logic for Load<S, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_active, words, last_word, word, leaf, last_leaf, tail, jobs
        );
        self.command_ready.next = !self.is_active.q.val();
        self.end_of_leaves.next = self.two.val() << self.command_log_rows.val();
        if self.command_valid.val() && !self.is_active.q.val() {
            self.is_active.d.next = true;
            self.jobs.d.next = self.jobs.q.val() + 1;
            self.words.d.next = self.command_row_words.val();
            self.last_word.d.next = self.command_row_words.val() - 1;
            self.word.d.next = 0u64.into();
            self.leaf.d.next = self.one.val() << self.command_log_rows.val();
            self.last_leaf.d.next = self.end_of_leaves.val() - self.one.val();
        }

        self.s_ready.next = self.is_active.q.val() && self.is_free.val();
        self.takes.next = self.s_valid.val() && self.is_active.q.val() && self.is_free.val();
        self.is_taking.next = self.takes.val();
        self.bank.next = self.word.q.val().get_bits::<3>(0);
        self.block.next = self.word.q.val().get_bits::<5>(3);
        self.enable[0].next = self.takes.val() && (self.bank.val() == 0);
        self.enable[1].next = self.takes.val() && (self.bank.val() == 1);
        self.enable[2].next = self.takes.val() && (self.bank.val() == 2);
        self.enable[3].next = self.takes.val() && (self.bank.val() == 3);
        self.enable[4].next = self.takes.val() && (self.bank.val() == 4);
        self.enable[5].next = self.takes.val() && (self.bank.val() == 5);
        self.enable[6].next = self.takes.val() && (self.bank.val() == 6);
        self.enable[7].next = self.takes.val() && (self.bank.val() == 7);
        self.slot.next = self.tail.q.val();
        self.address.next = (bit_cast_word::<A, S>(self.tail.q.val()) << 5)
            | bit_cast_word::<A, 5>(self.block.val());
        self.is_end.next = self.word.q.val() == self.last_word.q.val();
        self.is_block.next = self.takes.val() && (self.bank.val().all() || self.is_end.val());
        self.is_row.next = self.takes.val() && self.is_end.val();
        self.row_words.next = self.words.q.val();
        self.node.next = self.leaf.q.val();
        self.job.next = self.jobs.q.val() - 1;
        if self.takes.val() {
            self.word.d.next = self.word.q.val() + 1;
            if self.is_end.val() {
                self.word.d.next = 0u64.into();
                self.leaf.d.next = self.leaf.q.val() + 1;
                self.tail.d.next = self.tail.q.val() + 1;
                if self.leaf.q.val() == self.last_leaf.q.val() {
                    self.is_active.d.next = false;
                }
            }
        }
        if self.reset.val() {
            self.is_active.d.next = false;
            self.tail.d.next = 0u64.into();
            self.jobs.d.next = 0u64.into();
        }
    }
}
