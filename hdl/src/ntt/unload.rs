//! Reads results in natural order out of the two result buffers.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;
use rust_hdl_widgets::prelude::*;

use super::fold::Fold;
use super::network::{Choose, Select};
use super::queue::{self, Queue};
use crate::parts::{Delay, Ram};
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// The bits of an index in reverse order, combinational.
#[derive(LogicBlock, Default)]
struct Reverse<const LOG_N: usize> {
    pub x: Signal<In, Word<LOG_N>>,
    pub y: Signal<Out, Word<LOG_N>>,
}

impl<const LOG_N: usize> Logic for Reverse<LOG_N> {
    fn update(&mut self) {
        self.y.next = Word::new(self.x.val().value().reverse_bits() >> (128 - LOG_N));
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        let top = LOG_N - 1;
        let bits: String = (0..=top)
            .map(|bit| format!("   y[{bit}] = x[{}];\n", top - bit))
            .collect();
        Verilog::Custom(format!("always @(*) begin\n{bits}end\n"))
    }
}

/// The row that each bank reads for a beat, combinational: the rows of the words wanted, each
/// where it lies.
#[derive(LogicBlock)]
struct Rows<const BANKS: usize, const WORDS: usize, const BANK_BITS: usize, const ROW_BITS: usize> {
    pub bank: [Signal<In, Word<BANK_BITS>>; WORDS],
    pub word_row: [Signal<In, Word<ROW_BITS>>; WORDS],
    pub row: [Signal<Out, Word<ROW_BITS>>; BANKS],
}

impl<const BANKS: usize, const WORDS: usize, const BANK_BITS: usize, const ROW_BITS: usize> Default
    for Rows<BANKS, WORDS, BANK_BITS, ROW_BITS>
{
    fn default() -> Self {
        Self {
            bank: std::array::from_fn(|_| Signal::default()),
            word_row: std::array::from_fn(|_| Signal::default()),
            row: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const BANKS: usize, const WORDS: usize, const BANK_BITS: usize, const ROW_BITS: usize> Logic
    for Rows<BANKS, WORDS, BANK_BITS, ROW_BITS>
{
    fn update(&mut self) {
        for bank in 0..BANKS {
            let holds = |word: &usize| self.bank[*word].val().value() == bank as u128;
            let word = (1..WORDS).find(holds).unwrap_or(0);
            self.row[bank].next = self.word_row[word].val();
        }
    }

    fn connect(&mut self) {
        self.row.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let mut lines = String::new();
        for bank in 0..BANKS {
            lines += &format!("   row${bank} = word_row$0;\n");
            for word in 1..WORDS {
                lines += &format!("   if (bank${word} == {bank}) row${bank} = word_row${word};\n");
            }
        }
        Verilog::Custom(format!("always @(*) begin\n{lines}end\n"))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![]
    }
}

/// Where one word of a beat lies: two cycles.
#[derive(LogicBlock)]
struct Locate<const LOG_N: usize, const BANK_BITS: usize, const ROW_BITS: usize> {
    pub clock: Signal<In, Clock>,
    pub index: Signal<In, Word<LOG_N>>,
    pub shift: Signal<In, Word<4>>,
    pub bank: Signal<Out, Word<BANK_BITS>>,
    pub row: Signal<Out, Word<ROW_BITS>>,
    reverse: Reverse<LOG_N>,
    fold: Fold<LOG_N>,
    location: DFF<Word<LOG_N>>,
    bank_2: DFF<Word<BANK_BITS>>,
    row_2: DFF<Word<ROW_BITS>>,
    bank_bits: Constant<Word<3>>,
}

impl<const LOG_N: usize, const BANK_BITS: usize, const ROW_BITS: usize> Default
    for Locate<LOG_N, BANK_BITS, ROW_BITS>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            index: Signal::default(),
            shift: Signal::default(),
            bank: Signal::default(),
            row: Signal::default(),
            reverse: Reverse::default(),
            fold: Fold::new(BANK_BITS),
            location: DFF::default(),
            bank_2: DFF::default(),
            row_2: DFF::default(),
            bank_bits: Constant::new(Word::new(BANK_BITS as u128)),
        }
    }
}

impl<const LOG_N: usize, const BANK_BITS: usize, const ROW_BITS: usize> Logic
    for Locate<LOG_N, BANK_BITS, ROW_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, location, bank_2, row_2);
        self.reverse.x.next = self.index.val();
        self.location.d.next = self.reverse.y.val() >> self.shift.val();
        self.fold.index.next = self.location.q.val();
        self.bank_2.d.next = bit_cast_word::<BANK_BITS, LOG_N>(self.fold.banks.val());
        self.row_2.d.next =
            bit_cast_word::<ROW_BITS, LOG_N>(self.location.q.val() >> self.bank_bits.val());
        self.bank.next = self.bank_2.q.val();
        self.row.next = self.row_2.q.val();
    }
}

/// Cycles from the issue of a beat to its entry into the queue: location, row and bank, memory,
/// buffer, bank.
const PIPELINE: usize = Ram::<1>::LATENCY + 4;

/// Keeps the books of the two result buffers, and turns each finished one into a stream.
#[derive(LogicBlock)]
pub struct Unload<
    const BANKS: usize,
    const WORDS: usize,
    const LOG_N: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A buffer may be claimed.
    pub slot_free: Signal<Out, Bit>,
    /// The one that would be.
    pub slot_next: Signal<Out, Bit>,
    /// It is claimed.
    pub slot_taken: Signal<In, Bit>,
    /// For a job of this size.
    pub slot_log_n: Signal<In, Word<4>>,
    /// The oldest claimed buffer is complete.
    pub is_done: Signal<In, Bit>,
    /// Row to read in each bank of both buffers.
    pub row: [Signal<Out, Word<ROW_BITS>>; BANKS],
    /// Words of the first buffer, as many cycles later as a memory takes.
    pub word_0: [Signal<In, Word<64>>; BANKS],
    /// Words of the second buffer, in step.
    pub word_1: [Signal<In, Word<64>>; BANKS],
    /// Results are there.
    pub m_valid: Signal<Out, Bit>,
    /// They are taken.
    pub m_ready: Signal<In, Bit>,
    /// Consecutive results.
    pub m_word: [Signal<Out, Word<64>>; WORDS],
    /// The last of a job.
    pub m_last: Signal<Out, Bit>,
    claimed: DFF<Word<2>>,
    done: DFF<Word<2>>,
    claim_slot: DFF<Bit>,
    read_slot: DFF<Bit>,
    log_n_0: DFF<Word<4>>,
    log_n_1: DFF<Word<4>>,
    is_reading: DFF<Bit>,
    shift: DFF<Word<4>>,
    last: DFF<Word<LOG_N>>,
    count: DFF<Word<LOG_N>>,
    credit: DFF<Word<6>>,
    locate: [Locate<LOG_N, BANK_BITS, ROW_BITS>; WORDS],
    rows: Rows<BANKS, WORDS, BANK_BITS, ROW_BITS>,
    valids: Delay<1>,
    lasts: Delay<1>,
    slots: Delay<1>,
    bank_delays: [Delay<BANK_BITS>; WORDS],
    choose: [Choose; BANKS],
    select: Select<BANKS, WORDS, BANK_BITS>,
    queue: [Queue; WORDS],
    step: Constant<Word<LOG_N>>,
    one: Constant<Word<LOG_N>>,
    top: Constant<Word<4>>,
    capacity: Constant<Word<6>>,
    offset: [Constant<Word<LOG_N>>; WORDS],
    log_n: Signal<Local, Word<4>>,
    size: Signal<Local, Word<LOG_N>>,
    is_issuing: Signal<Local, Bit>,
    is_leaving: Signal<Local, Bit>,
    is_final: Signal<Local, Bit>,
    is_released: Signal<Local, Bit>,
    valid_bit: Signal<Local, Word<1>>,
    last_bit: Signal<Local, Word<1>>,
    slot_bit: Signal<Local, Word<1>>,
}

impl<
    const BANKS: usize,
    const WORDS: usize,
    const LOG_N: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
> Default for Unload<BANKS, WORDS, LOG_N, BANK_BITS, ROW_BITS>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            slot_free: Signal::default(),
            slot_next: Signal::default(),
            slot_taken: Signal::default(),
            slot_log_n: Signal::default(),
            is_done: Signal::default(),
            row: std::array::from_fn(|_| Signal::default()),
            word_0: std::array::from_fn(|_| Signal::default()),
            word_1: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            claimed: DFF::default(),
            done: DFF::default(),
            claim_slot: DFF::default(),
            read_slot: DFF::default(),
            log_n_0: DFF::default(),
            log_n_1: DFF::default(),
            is_reading: DFF::default(),
            shift: DFF::default(),
            last: DFF::default(),
            count: DFF::default(),
            credit: DFF::default(),
            locate: std::array::from_fn(|_| Locate::default()),
            rows: Rows::default(),
            valids: Delay::new(PIPELINE),
            lasts: Delay::new(PIPELINE),
            slots: Delay::new(PIPELINE - 2),
            bank_delays: std::array::from_fn(|_| Delay::new(PIPELINE - 3)),
            choose: std::array::from_fn(|_| Choose::default()),
            select: Select::default(),
            queue: std::array::from_fn(|_| Queue::default()),
            step: Constant::new(Word::new(WORDS as u128)),
            one: Constant::new(Word::new(1)),
            top: Constant::new(Word::new(LOG_N as u128)),
            capacity: Constant::new(Word::new(queue::CAPACITY)),
            offset: std::array::from_fn(|word| Constant::new(Word::new(word as u128))),
            log_n: Signal::default(),
            size: Signal::default(),
            is_issuing: Signal::default(),
            is_leaving: Signal::default(),
            is_final: Signal::default(),
            is_released: Signal::default(),
            valid_bit: Signal::default(),
            last_bit: Signal::default(),
            slot_bit: Signal::default(),
        }
    }
}

impl<
    const BANKS: usize,
    const WORDS: usize,
    const LOG_N: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
> Logic for Unload<BANKS, WORDS, LOG_N, BANK_BITS, ROW_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, claimed, done, claim_slot, read_slot, log_n_0, log_n_1
        );
        dff_setup!(self, clock, is_reading, shift, last, count, credit);
        clock!(self, clock, valids, lasts, slots, select);
        self.valids.reset.next = self.reset.val();
        self.lasts.reset.next = self.reset.val();
        self.slots.reset.next = self.reset.val();

        // Issue: a beat whenever the queue has room for all that is under way.
        self.is_issuing.next =
            self.is_reading.q.val() && (self.credit.q.val() != self.capacity.val());
        self.is_final.next = self.is_issuing.val() && (self.count.q.val() == self.last.q.val());
        self.is_released.next = self.is_final.val();
        if self.is_issuing.val() {
            self.count.d.next = self.count.q.val() + self.step.val();
        }

        // The next buffer.
        self.log_n.next = self.log_n_0.q.val();
        if self.read_slot.q.val() {
            self.log_n.next = self.log_n_1.q.val();
        }
        self.size.next = self.one.val() << self.log_n.val();
        if self.is_final.val() {
            self.is_reading.d.next = false;
            self.read_slot.d.next = !self.read_slot.q.val();
        }
        if !self.is_reading.q.val() && self.done.q.val().any() {
            self.is_reading.d.next = true;
            self.count.d.next = 0u64.into();
            self.shift.d.next = self.top.val() - self.log_n.val();
            self.last.d.next = self.size.val() - self.step.val();
        }

        // The books.
        self.slot_free.next = !self.claimed.q.val().get_bit(1);
        self.slot_next.next = self.claim_slot.q.val();
        if self.slot_taken.val() {
            self.claim_slot.d.next = !self.claim_slot.q.val();
            if self.claim_slot.q.val() {
                self.log_n_1.d.next = self.slot_log_n.val();
            } else {
                self.log_n_0.d.next = self.slot_log_n.val();
            }
        }
        if self.slot_taken.val() && !self.is_released.val() {
            self.claimed.d.next = self.claimed.q.val() + 1;
        }
        if !self.slot_taken.val() && self.is_released.val() {
            self.claimed.d.next = self.claimed.q.val() - 1;
        }
        if self.is_done.val() && !self.is_released.val() {
            self.done.d.next = self.done.q.val() + 1;
        }
        if !self.is_done.val() && self.is_released.val() {
            self.done.d.next = self.done.q.val() - 1;
        }

        // Location, memory, buffer, bank.
        for i in 0..WORDS {
            self.locate[i].clock.next = self.clock.val();
            self.locate[i].index.next = self.count.q.val() | self.offset[i].val();
            self.locate[i].shift.next = self.shift.q.val();
            self.rows.bank[i].next = self.locate[i].bank.val();
            self.rows.word_row[i].next = self.locate[i].row.val();
            self.bank_delays[i].clock.next = self.clock.val();
            self.bank_delays[i].reset.next = self.reset.val();
            self.bank_delays[i].x.next = self.locate[i].bank.val();
        }
        self.valid_bit.next = bit_cast_bit::<1>(self.is_issuing.val());
        self.last_bit.next = bit_cast_bit::<1>(self.is_final.val());
        self.slot_bit.next = bit_cast_bit::<1>(self.read_slot.q.val());
        self.valids.x.next = self.valid_bit.val();
        self.lasts.x.next = self.last_bit.val();
        self.slots.x.next = self.slot_bit.val();
        for i in 0..BANKS {
            self.row[i].next = self.rows.row[i].val();
            self.choose[i].clock.next = self.clock.val();
            self.choose[i].first.next = self.word_0[i].val();
            self.choose[i].second.next = self.word_1[i].val();
            self.choose[i].is_second.next = self.slots.y.val().any();
            self.select.word[i].next = self.choose[i].chosen.val();
        }
        for i in 0..WORDS {
            self.select.choice[i].next = self.bank_delays[i].y.val();
            self.queue[i].clock.next = self.clock.val();
            self.queue[i].reset.next = self.reset.val();
            self.queue[i].s_valid.next = self.valids.y.val().any();
            self.queue[i].s_word.next = self.select.chosen[i].val();
            self.queue[i].s_last.next = self.lasts.y.val().any();
            self.queue[i].m_ready.next = self.m_ready.val();
            self.m_word[i].next = self.queue[i].m_word.val();
        }
        self.m_valid.next = self.queue[0].m_valid.val();
        self.m_last.next = self.queue[0].m_last.val();

        // Beats between issue and exit.
        self.is_leaving.next = self.queue[0].m_valid.val() && self.m_ready.val();
        if self.is_issuing.val() && !self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() + 1;
        }
        if !self.is_issuing.val() && self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() - 1;
        }

        if self.reset.val() {
            self.claimed.d.next = 0u64.into();
            self.done.d.next = 0u64.into();
            self.claim_slot.d.next = false;
            self.read_slot.d.next = false;
            self.is_reading.d.next = false;
            self.credit.d.next = 0u64.into();
        }
    }
}
