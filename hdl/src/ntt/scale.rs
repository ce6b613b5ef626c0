//! Multiplies a stream of words by a table or by a constant.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::network::Choose;
use super::plan;
use super::queue::{self, Queue};
use crate::goldilocks::Multiplier;
use crate::parts::{Delay, Ram, Rom};
use crate::word::{Word, bit_cast_bit};

/// Cycles from a word to its factor: memory, choice.
const FACTOR_CYCLES: usize = Ram::<1>::LATENCY + 1;

/// Word i of a job times entry i of a table of powers of the coset shift, or times 2^-`s_halvings`.
///
/// The table has 2^`TABLE_BITS` beats of `WORDS` words and is written from outside. One multiplier
/// of form `FORM` per word.
#[derive(LogicBlock)]
pub struct Scale<const FORM: usize, const WORDS: usize, const TABLE_BITS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Words are offered.
    pub s_valid: Signal<In, Bit>,
    /// They are taken.
    pub s_ready: Signal<Out, Bit>,
    /// The words.
    pub s_word: [Signal<In, Word<64>>; WORDS],
    /// The last of a job.
    pub s_last: Signal<In, Bit>,
    /// Number of the beat in its job.
    pub beat: Signal<In, Word<TABLE_BITS>>,
    /// Take the factor from the table.
    pub s_tabled: Signal<In, Bit>,
    /// Otherwise, how often to halve.
    pub s_halvings: Signal<In, Word<4>>,
    /// Write a beat into the table.
    pub table_enable: Signal<In, Bit>,
    /// Which beat.
    pub table_beat: Signal<In, Word<TABLE_BITS>>,
    /// What to write.
    pub table_word: [Signal<In, Word<64>>; WORDS],
    /// Products are there.
    pub m_valid: Signal<Out, Bit>,
    /// They are taken.
    pub m_ready: Signal<In, Bit>,
    /// The products.
    pub m_word: [Signal<Out, Word<64>>; WORDS],
    /// The last of a job.
    pub m_last: Signal<Out, Bit>,
    powers: [Ram<TABLE_BITS>; WORDS],
    halves: Rom<4, 64>,
    tabled: Delay<1>,
    tabled_bit: Signal<Local, Word<1>>,
    factor: [Choose; WORDS],
    word_delay: [Delay<64>; WORDS],
    multiplier: [Multiplier<FORM>; WORDS],
    valids: Delay<1>,
    lasts: Delay<1>,
    queue: [Queue; WORDS],
    credit: DFF<Word<6>>,
    capacity: Constant<Word<6>>,
    is_entering: Signal<Local, Bit>,
    is_leaving: Signal<Local, Bit>,
    valid_bit: Signal<Local, Word<1>>,
    last_bit: Signal<Local, Word<1>>,
}

impl<const FORM: usize, const WORDS: usize, const TABLE_BITS: usize> Default
    for Scale<FORM, WORDS, TABLE_BITS>
{
    fn default() -> Self {
        let cycles = FACTOR_CYCLES + Multiplier::<FORM>::LATENCY;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            s_last: Signal::default(),
            beat: Signal::default(),
            s_tabled: Signal::default(),
            s_halvings: Signal::default(),
            table_enable: Signal::default(),
            table_beat: Signal::default(),
            table_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            powers: std::array::from_fn(|_| Ram::default()),
            halves: Rom::new(plan::inverse_sizes().to_vec()),
            tabled: Delay::new(Ram::<1>::LATENCY),
            tabled_bit: Signal::default(),
            factor: std::array::from_fn(|_| Choose::default()),
            word_delay: std::array::from_fn(|_| Delay::new(FACTOR_CYCLES)),
            multiplier: std::array::from_fn(|_| Multiplier::default()),
            valids: Delay::new(cycles),
            lasts: Delay::new(cycles),
            queue: std::array::from_fn(|_| Queue::default()),
            credit: DFF::default(),
            capacity: Constant::new(Word::new(queue::CAPACITY)),
            is_entering: Signal::default(),
            is_leaving: Signal::default(),
            valid_bit: Signal::default(),
            last_bit: Signal::default(),
        }
    }
}

impl<const FORM: usize, const WORDS: usize, const TABLE_BITS: usize> Logic
    for Scale<FORM, WORDS, TABLE_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, credit);
        clock!(self, clock, halves, tabled, valids, lasts);
        self.valids.reset.next = self.reset.val();
        self.lasts.reset.next = self.reset.val();

        self.s_ready.next = self.credit.q.val() != self.capacity.val();
        self.is_entering.next = self.s_valid.val() && (self.credit.q.val() != self.capacity.val());
        self.is_leaving.next = self.queue[0].m_valid.val() && self.m_ready.val();
        if self.is_entering.val() && !self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() + 1;
        }
        if !self.is_entering.val() && self.is_leaving.val() {
            self.credit.d.next = self.credit.q.val() - 1;
        }

        self.valid_bit.next = bit_cast_bit::<1>(self.is_entering.val());
        self.valids.x.next = self.valid_bit.val();
        self.last_bit.next = bit_cast_bit::<1>(self.s_last.val());
        self.lasts.x.next = self.last_bit.val();
        self.tabled_bit.next = bit_cast_bit::<1>(self.s_tabled.val());
        self.tabled.x.next = self.tabled_bit.val();
        self.tabled.reset.next = false;
        self.halves.address.next = self.s_halvings.val();
        for i in 0..WORDS {
            self.powers[i].clock.next = self.clock.val();
            self.powers[i].write_address.next = self.table_beat.val();
            self.powers[i].write_data.next = self.table_word[i].val();
            self.powers[i].write_enable.next = self.table_enable.val();
            self.powers[i].read_address.next = self.beat.val();
            self.factor[i].clock.next = self.clock.val();
            self.factor[i].first.next = self.halves.data.val();
            self.factor[i].second.next = self.powers[i].read_data.val();
            self.factor[i].is_second.next = self.tabled.y.val().any();
            self.word_delay[i].clock.next = self.clock.val();
            self.word_delay[i].reset.next = false;
            self.word_delay[i].x.next = self.s_word[i].val();
            self.multiplier[i].clock.next = self.clock.val();
            self.multiplier[i].a.next = self.word_delay[i].y.val();
            self.multiplier[i].b.next = self.factor[i].chosen.val();
            self.queue[i].clock.next = self.clock.val();
            self.queue[i].reset.next = self.reset.val();
            self.queue[i].s_valid.next = self.valids.y.val().any();
            self.queue[i].s_word.next = self.multiplier[i].y.val();
            self.queue[i].s_last.next = self.lasts.y.val().any();
            self.queue[i].m_ready.next = self.m_ready.val();
            self.m_word[i].next = self.queue[i].m_word.val();
        }
        self.m_valid.next = self.queue[0].m_valid.val();
        self.m_last.next = self.queue[0].m_last.val();

        if self.reset.val() {
            self.credit.d.next = 0u64.into();
        }
    }
}
