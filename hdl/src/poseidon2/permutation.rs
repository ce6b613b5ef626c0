//! The permutation engine: many states under way, a new one in every period.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::columns::Columns;
use super::control::Control;
use super::external::External;
use super::internal::Internal;
use super::lane::Lane;
use super::model::WIDTH;
use super::plan::{LANES, Plan};
use super::sbox::Sbox;
use crate::parts::{LutRam, Ring};
use crate::word::{Word, bit_cast_bit};

/// One of three words, one cycle later.
#[derive(LogicBlock, Default)]
struct Choose {
    pub clock: Signal<In, Clock>,
    pub choice: Signal<In, Word<2>>,
    pub word_0: Signal<In, Word<64>>,
    pub word_1: Signal<In, Word<64>>,
    pub word_2: Signal<In, Word<64>>,
    pub chosen: Signal<Out, Word<64>>,
    word: DFF<Word<64>>,
}

impl Logic for Choose {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word);
        self.word.d.next = self.word_0.val();
        if self.choice.val().get_bit(0) {
            self.word.d.next = self.word_1.val();
        }
        if self.choice.val().get_bit(1) {
            self.word.d.next = self.word_2.val();
        }
        self.chosen.next = self.word.q.val();
    }
}

/// Permutes states of twelve canonical words on 3·`N` multipliers of form `FORM`, with room for 2^`A`
/// states in the partial rounds.
///
/// A state is taken into a register at once, begins in the next period, and leaves a fixed time after
/// that, for one cycle and whether anybody looks or not: who sends a state keeps room for its result.
/// Results come in the order of the states.
#[derive(LogicBlock)]
pub struct Permutation<const FORM: usize, const N: usize, const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all states.
    pub reset: Signal<In, Bit>,
    /// A state is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Any name; the result bears it.
    pub s_tag: Signal<In, Word<8>>,
    /// Canonical.
    pub s_word: [Signal<In, Word<64>>; WIDTH],
    /// A result is there, for one cycle.
    pub m_valid: Signal<Out, Bit>,
    /// Name of the state.
    pub m_tag: Signal<Out, Word<8>>,
    /// Canonical.
    pub m_word: [Signal<Out, Word<64>>; WIDTH],
    control: Control<A>,
    incoming: Columns,
    opening: External,
    choose: [Choose; LANES],
    lane: [Lane<FORM, N>; LANES],
    external: External,
    lengthen: [Ring<64>; LANES],
    entry: Columns,
    internal: Internal<A>,
    exit: Columns,
    outgoing: Columns,
    is_full: DFF<Bit>,
    is_playing: DFF<Bit>,
    tag: DFF<Word<8>>,
    under_way: DFF<Word<64>>,
    valid: DFF<Bit>,
    result_tag: DFF<Word<8>>,
    exit_bit: Constant<Word<64>>,
    tags: LutRam<Word<8>, 6>,
    job: DFF<Word<6>>,
    jobs_before: Constant<Word<6>>,
    zero: Constant<Word<64>>,
    is_entering: Signal<Local, Bit>,
    shifted: Signal<Local, Word<64>>,
    phases: Signal<Local, Word<6>>,
    is_partial: Signal<Local, Word<LANES>>,
    capture: Signal<Local, Word<LANES>>,
}

impl<const FORM: usize, const N: usize, const A: usize> Permutation<FORM, N, A> {
    /// The timetable.
    pub fn plan() -> Plan {
        Plan::new(N, Sbox::<FORM, N>::TIMING.latency(), 1 << A)
    }
}

impl<const FORM: usize, const N: usize, const A: usize> Default for Permutation<FORM, N, A> {
    fn default() -> Self {
        let plan = Self::plan();
        let jobs = plan.jobs();
        assert!(jobs <= 63, "{jobs} jobs under way");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_tag: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_tag: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            control: Control::new(&plan),
            incoming: Columns::default(),
            opening: External::default(),
            choose: std::array::from_fn(|_| Choose::default()),
            lane: std::array::from_fn(|lane| Lane::new(lane, &plan)),
            external: External::default(),
            lengthen: std::array::from_fn(|_| Ring::new(plan.full_wait_cycles)),
            entry: Columns::default(),
            internal: Internal::new(plan.partial_wait_cycles),
            exit: Columns::default(),
            outgoing: Columns::default(),
            is_full: DFF::default(),
            is_playing: DFF::default(),
            tag: DFF::default(),
            under_way: DFF::default(),
            valid: DFF::default(),
            result_tag: DFF::default(),
            // A result leaves `jobs` beginnings after its job began, its own among them.
            exit_bit: Constant::new(Word::new(1 << (jobs - 1))),
            tags: LutRam::default(),
            job: DFF::default(),
            jobs_before: Constant::new(Word::new(jobs as u128)),
            zero: Constant::new(Word::default()),
            is_entering: Signal::default(),
            shifted: Signal::default(),
            phases: Signal::default(),
            is_partial: Signal::default(),
            capture: Signal::default(),
        }
    }
}

impl<const FORM: usize, const N: usize, const A: usize> Logic for Permutation<FORM, N, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_full, is_playing, tag, under_way, valid, result_tag, job
        );
        clock!(
            self, clock, control, incoming, opening, external, entry, internal, exit, outgoing
        );
        clock!(self, clock, tags);

        // A state waits for the next period, then its columns are used.
        self.s_ready.next = !self.is_full.q.val();
        self.is_entering.next = self.s_valid.val() && !self.is_full.q.val();
        self.incoming.load.next = self.is_entering.val();
        self.incoming.shift.next = self.control.input_shift.val() && self.is_playing.q.val();
        if self.is_entering.val() {
            self.is_full.d.next = true;
            self.tag.d.next = self.s_tag.val();
        }
        self.shifted.next = self.under_way.q.val() << 1;
        if self.control.take.val() {
            self.is_playing.d.next = self.is_full.q.val();
            self.under_way.d.next = self.shifted.val() | bit_cast_bit::<64>(self.is_full.q.val());
            self.job.d.next = self.job.q.val() + 1;
        }
        if self.control.input_end.val() && self.is_playing.q.val() {
            self.is_playing.d.next = false;
            self.is_full.d.next = false;
        }
        self.tags.write_enable.next = self.control.take.val();
        self.tags.write_address.next = self.job.q.val();
        self.tags.write_data.next = self.tag.q.val();
        self.tags.read_address.next = self.job.q.val() - self.jobs_before.val();

        self.opening.is_column.next = self.control.is_initial_column.val();
        self.opening.column.next = self.control.initial_column.val();
        self.external.is_column.next = self.control.is_column.val();
        self.external.column.next = self.control.column.val();
        self.internal.lane.next = self.control.raised_lane.val();
        self.internal.read_address.next = self.control.read_address.val();
        self.internal.write_address.next = self.control.write_address.val();
        self.internal.write_enable.next = self.control.write_enable.val();
        self.internal.sum_address.next = self.control.sum_address.val();
        self.internal.sum_enable.next = self.control.sum_enable.val();
        self.internal.is_entering.next = self.control.is_entering.val();
        self.entry.load.next = false;
        self.entry.shift.next = self.control.entry_shift.val();
        self.exit.load.next = self.control.is_exiting.val();
        self.exit.shift.next = self.control.exit_shift.val();
        self.outgoing.load.next = false;
        self.outgoing.shift.next = self.control.output_shift.val();

        self.phases.next = self.control.phase.val();
        self.lane[0].phase.next = self.phases.val().get_bits::<2>(0);
        self.lane[1].phase.next = self.phases.val().get_bits::<2>(2);
        self.lane[2].phase.next = self.phases.val().get_bits::<2>(4);
        self.is_partial.next = self.control.is_partial.val();
        self.capture.next = self.control.capture.val();
        for i in 0..3 {
            self.incoming.last[i].next = self.zero.val();
            self.exit.last[i].next = self.zero.val();
            self.opening.x[i].next = self.incoming.first[i].val();
            self.choose[i].clock.next = self.clock.val();
            self.choose[i].choice.next = self.control.source.val();
            self.choose[i].word_0.next = self.lengthen[i].y.val();
            self.choose[i].word_1.next = self.opening.y[i].val();
            self.choose[i].word_2.next = self.exit.first[i].val();
            self.lane[i].clock.next = self.clock.val();
            self.lane[i].cycle.next = self.control.cycle.val();
            self.lane[i].column.next = self.choose[i].chosen.val();
            self.lane[i].partial.next = self.internal.state[0].val();
            self.lane[i].capture.next = self.capture.val().get_bit(i);
            self.lane[i].is_partial.next = self.is_partial.val().get_bit(i);
            self.internal.raised[i].next = self.lane[i].raised.val();
            self.external.x[i].next = self.lane[i].raised_column.val();
            self.lengthen[i].clock.next = self.clock.val();
            self.lengthen[i].x.next = self.external.y[i].val();
            self.entry.last[i].next = self.lengthen[i].y.val();
            self.outgoing.last[i].next = self.lengthen[i].y.val();
        }
        for i in 0..12 {
            self.incoming.x[i].next = self.s_word[i].val();
            self.entry.x[i].next = self.zero.val();
            self.outgoing.x[i].next = self.zero.val();
            self.internal.entering[i].next = self.entry.word[i].val();
            self.exit.x[i].next = self.internal.state[i].val();
            self.m_word[i].next = self.outgoing.word[i].val();
        }
        // Its words stay for a while, so that what hangs on the result begins at registers.
        self.valid.d.next =
            self.control.done.val() && (self.under_way.q.val() & self.exit_bit.val()).any();
        self.result_tag.d.next = self.tags.read_data.val();
        self.m_valid.next = self.valid.q.val();
        self.m_tag.next = self.result_tag.q.val();

        if self.reset.val() {
            self.is_full.d.next = false;
            self.is_playing.d.next = false;
            self.under_way.d.next = self.zero.val();
            self.valid.d.next = false;
        }
    }
}

crate::ports! { [const FORM: usize, const N: usize, const A: usize] Permutation<FORM, N, A> {
    clock; in: reset, s_valid, s_tag, s_word; out: s_ready, m_valid, m_tag, m_word
} }
