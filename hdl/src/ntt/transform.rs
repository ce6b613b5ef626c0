//! The NTT kernel: transforms with scaling and coset shift, as a stream.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::core::NttCore;
use super::scale::Scale;
use crate::parts::Fifo;
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// What a command does with the 2^`log_n` words that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Transforms them.
    Transform = 0,
    /// Keeps them as s^0, s^1, ..: the powers of the coset shift, for forward transforms.
    LoadShift = 1,
    /// Keeps them as s^0, s^-1, ..: for inverse transforms.
    LoadInverseShift = 2,
}

/// [`NttCore`] between two multipliers: the first shifts the coefficients of a forward transform
/// onto a coset and divides an inverse one by its length, the second takes the shift out of the
/// coefficients of an inverse one.
///
/// Jobs may follow each other in any order of sizes and directions. A new table for inverse
/// transforms waits until all jobs before it have left.
#[derive(LogicBlock)]
pub struct Ntt<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const WORDS: usize,
    const TABLE_BITS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all jobs and keeps the tables.
    pub reset: Signal<In, Bit>,
    /// A command is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Number of the [`Command`].
    pub command_kind: Signal<In, Word<2>>,
    /// Logarithm of the number of words, 3 to the largest.
    pub command_log_n: Signal<In, Word<4>>,
    /// From values to coefficients.
    pub command_inverse: Signal<In, Bit>,
    /// On the coset of the tables instead of on the subgroup.
    pub command_coset: Signal<In, Bit>,
    /// Words are offered, those of a command after it.
    pub s_valid: Signal<In, Bit>,
    /// They are taken.
    pub s_ready: Signal<Out, Bit>,
    /// The words, canonical, in natural order.
    pub s_word: [Signal<In, Word<64>>; WORDS],
    /// Results are there.
    pub m_valid: Signal<Out, Bit>,
    /// They are taken.
    pub m_ready: Signal<In, Bit>,
    /// The results, canonical, in natural order.
    pub m_word: [Signal<Out, Word<64>>; WORDS],
    /// The last beat of a job.
    pub m_last: Signal<Out, Bit>,
    scale_in: Scale<FORM, WORDS, TABLE_BITS>,
    core: NttCore<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS>,
    scale_out: Scale<FORM, WORDS, TABLE_BITS>,
    commands: Fifo<Word<5>, 3, 4>,
    shifts: Fifo<Word<1>, 4, 5>,
    is_active: DFF<Bit>,
    kind: DFF<Word<2>>,
    log_n: DFF<Word<4>>,
    inverse: DFF<Bit>,
    coset: DFF<Bit>,
    beat_in: DFF<Word<TABLE_BITS>>,
    last_beat: DFF<Word<TABLE_BITS>>,
    beat_out: DFF<Word<TABLE_BITS>>,
    table_beat: DFF<Word<TABLE_BITS>>,
    table_word: [DFF<Word<64>>; WORDS],
    is_table_in: DFF<Bit>,
    is_table_out: DFF<Bit>,
    under_way: DFF<Word<5>>,
    one: Constant<Word<LOG_N>>,
    word_bits: Constant<Word<1>>,
    is_accepting: Signal<Local, Bit>,
    is_transform: Signal<Local, Bit>,
    is_free: Signal<Local, Bit>,
    is_taking: Signal<Local, Bit>,
    is_transforming: Signal<Local, Bit>,
    may_take: Signal<Local, Bit>,
    size: Signal<Local, Word<LOG_N>>,
    last_word: Signal<Local, Word<LOG_N>>,
    entry: Signal<Local, Word<5>>,
    exit: Signal<Local, Word<5>>,
    shift_bit: Signal<Local, Word<1>>,
    is_shifted: Signal<Local, Bit>,
    is_out_beat: Signal<Local, Bit>,
    is_job_leaving: Signal<Local, Bit>,
    is_job_entering: Signal<Local, Bit>,
}

impl<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const WORDS: usize,
    const TABLE_BITS: usize,
> Default for Ntt<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS, TABLE_BITS>
{
    fn default() -> Self {
        assert_eq!(
            1 << LOG_N,
            WORDS << TABLE_BITS,
            "a table is as long as a transform"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_kind: Signal::default(),
            command_log_n: Signal::default(),
            command_inverse: Signal::default(),
            command_coset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            scale_in: Scale::default(),
            core: NttCore::default(),
            scale_out: Scale::default(),
            commands: Fifo::default(),
            shifts: Fifo::default(),
            is_active: DFF::default(),
            kind: DFF::default(),
            log_n: DFF::default(),
            inverse: DFF::default(),
            coset: DFF::default(),
            beat_in: DFF::default(),
            last_beat: DFF::default(),
            beat_out: DFF::default(),
            table_beat: DFF::default(),
            table_word: std::array::from_fn(|_| DFF::default()),
            is_table_in: DFF::default(),
            is_table_out: DFF::default(),
            under_way: DFF::default(),
            one: Constant::new(Word::new(1)),
            word_bits: Constant::new(Word::new(u128::from(WORDS.ilog2()))),
            is_accepting: Signal::default(),
            is_transform: Signal::default(),
            is_free: Signal::default(),
            is_taking: Signal::default(),
            is_transforming: Signal::default(),
            may_take: Signal::default(),
            size: Signal::default(),
            last_word: Signal::default(),
            entry: Signal::default(),
            exit: Signal::default(),
            shift_bit: Signal::default(),
            is_shifted: Signal::default(),
            is_out_beat: Signal::default(),
            is_job_leaving: Signal::default(),
            is_job_entering: Signal::default(),
        }
    }
}

impl<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const WORDS: usize,
    const TABLE_BITS: usize,
> Logic for Ntt<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS, TABLE_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_active, kind, log_n, inverse, coset, beat_in, last_beat
        );
        dff_setup!(self, clock, beat_out, under_way);
        dff_setup!(self, clock, table_beat, is_table_in, is_table_out);
        clock!(self, clock, scale_in, core, scale_out, commands, shifts);
        self.scale_in.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();
        self.scale_out.reset.next = self.reset.val();
        self.commands.reset.next = self.reset.val();
        self.shifts.reset.next = self.reset.val();

        // Commands.
        self.is_free.next =
            !self.is_active.q.val() && self.commands.s_ready.val() && self.shifts.s_ready.val();
        self.command_ready.next = self.is_free.val();
        self.is_accepting.next = self.command_valid.val() && self.is_free.val();
        self.is_transform.next = !self.command_kind.val().any();
        self.is_job_entering.next = self.is_accepting.val() && self.is_transform.val();
        self.entry.next = bit_cast_word::<5, 4>(self.command_log_n.val())
            | (bit_cast_bit::<5>(self.command_inverse.val()) << 4);
        self.commands.s_valid.next = self.is_job_entering.val();
        self.commands.s_data.next = self.entry.val();
        self.is_shifted.next = self.command_inverse.val() && self.command_coset.val();
        self.shift_bit.next = bit_cast_bit::<1>(self.is_shifted.val());
        self.shifts.s_valid.next = self.is_job_entering.val();
        self.shifts.s_data.next = self.shift_bit.val();
        self.size.next = self.one.val() << self.command_log_n.val();
        self.last_word.next = self.size.val() - self.one.val();
        if self.is_accepting.val() {
            self.is_active.d.next = true;
            self.kind.d.next = self.command_kind.val();
            self.log_n.d.next = self.command_log_n.val();
            self.inverse.d.next = self.command_inverse.val();
            self.coset.d.next = self.command_coset.val();
            self.beat_in.d.next = 0u64.into();
            self.last_beat.d.next =
                bit_cast_word::<TABLE_BITS, LOG_N>(self.last_word.val() >> self.word_bits.val());
        }

        // Words in.
        self.is_transforming.next = !self.kind.q.val().any();
        self.may_take.next = self.scale_in.s_ready.val();
        if self.kind.q.val().get_bit(0) {
            self.may_take.next = true;
        }
        if self.kind.q.val().get_bit(1) {
            self.may_take.next = !self.under_way.q.val().any();
        }
        self.s_ready.next = self.is_active.q.val() && self.may_take.val();
        self.is_taking.next = self.s_valid.val() && self.is_active.q.val() && self.may_take.val();
        if self.is_taking.val() {
            self.beat_in.d.next = self.beat_in.q.val() + 1;
            if self.beat_in.q.val() == self.last_beat.q.val() {
                self.is_active.d.next = false;
            }
        }
        self.scale_in.s_valid.next = self.is_taking.val() && self.is_transforming.val();
        self.scale_in.s_last.next = false;
        self.scale_in.beat.next = self.beat_in.q.val();
        self.scale_in.s_tabled.next = self.coset.q.val() && !self.inverse.q.val();
        self.scale_in.s_halvings.next = 0u64.into();
        if self.inverse.q.val() {
            self.scale_in.s_halvings.next = self.log_n.q.val();
        }

        // Tables, a cycle later: their memories are many and far apart.
        self.table_beat.d.next = self.beat_in.q.val();
        self.is_table_in.d.next = self.is_taking.val() && self.kind.q.val().get_bit(0);
        self.is_table_out.d.next = self.is_taking.val() && self.kind.q.val().get_bit(1);
        self.scale_in.table_enable.next = self.is_table_in.q.val();
        self.scale_in.table_beat.next = self.table_beat.q.val();
        self.scale_out.table_enable.next = self.is_table_out.q.val();
        self.scale_out.table_beat.next = self.table_beat.q.val();

        // The transform.
        self.exit.next = self.commands.m_data.val();
        self.core.command_valid.next = self.commands.m_valid.val();
        self.commands.m_ready.next = self.core.command_ready.val();
        self.core.command_log_n.next = self.exit.val().get_bits::<4>(0);
        self.core.command_inverse.next = self.exit.val().get_bit(4);
        self.core.s_valid.next = self.scale_in.m_valid.val();
        self.scale_in.m_ready.next = self.core.s_ready.val();
        self.core.m_ready.next = self.scale_out.s_ready.val();

        // Words out.
        self.is_out_beat.next = self.core.m_valid.val() && self.scale_out.s_ready.val();
        if self.is_out_beat.val() {
            self.beat_out.d.next = self.beat_out.q.val() + 1;
            if self.core.m_last.val() {
                self.beat_out.d.next = 0u64.into();
            }
        }
        self.shifts.m_ready.next = self.is_out_beat.val() && self.core.m_last.val();
        self.scale_out.s_valid.next = self.core.m_valid.val();
        self.scale_out.s_last.next = self.core.m_last.val();
        self.scale_out.s_tabled.next = self.shifts.m_data.val().any();
        self.scale_out.s_halvings.next = 0u64.into();
        self.scale_out.beat.next = self.beat_out.q.val();
        self.m_valid.next = self.scale_out.m_valid.val();
        self.m_last.next = self.scale_out.m_last.val();
        self.scale_out.m_ready.next = self.m_ready.val();
        for i in 0..WORDS {
            self.scale_in.s_word[i].next = self.s_word[i].val();
            self.table_word[i].clock.next = self.clock.val();
            self.table_word[i].d.next = self.s_word[i].val();
            self.scale_in.table_word[i].next = self.table_word[i].q.val();
            self.scale_out.table_word[i].next = self.table_word[i].q.val();
            self.core.s_word[i].next = self.scale_in.m_word[i].val();
            self.scale_out.s_word[i].next = self.core.m_word[i].val();
            self.m_word[i].next = self.scale_out.m_word[i].val();
        }

        // Jobs between command and last result.
        self.is_job_leaving.next =
            self.scale_out.m_valid.val() && self.scale_out.m_last.val() && self.m_ready.val();
        if self.is_job_entering.val() && !self.is_job_leaving.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if !self.is_job_entering.val() && self.is_job_leaving.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }

        if self.reset.val() {
            self.is_table_in.d.next = false;
            self.is_table_out.d.next = false;
            self.is_active.d.next = false;
            self.beat_out.d.next = 0u64.into();
            self.under_way.d.next = 0u64.into();
        }
    }
}

crate::ports! {
    [const FORM: usize, const LANES: usize, const BANKS: usize, const LANE_BITS: usize,
     const BANK_BITS: usize, const ROW_BITS: usize, const LOG_N: usize, const WORDS: usize,
     const TABLE_BITS: usize]
    Ntt<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS, TABLE_BITS> {
        clock;
        in: reset, command_valid, command_kind, command_log_n, command_inverse, command_coset,
            s_valid, s_word, m_ready;
        out: command_ready, s_ready, m_valid, m_word, m_last
    }
}
