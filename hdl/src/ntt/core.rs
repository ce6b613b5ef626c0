//! Load, compute and unload of successive transforms, overlapped.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::address::{self, Address};
use super::butterfly::Butterfly;
use super::load::Load;
use super::network::{Choose, Gather, GatherChoices, Scatter, Select};
use super::plan;
use super::sequencer::Sequencer;
use super::unload::Unload;
use crate::parts::{Delay, Ram, Rom};
use crate::word::{Word, bit_cast_bit};

/// Cycles from the rows of the operands to the operands at the butterflies: memory, buffer, route.
const READ_CYCLES: usize = Ram::<1>::LATENCY + 2;

/// Cycles from an issue to the write of its results.
const fn write_cycles<const FORM: usize>() -> usize {
    address::LATENCY + READ_CYCLES + Butterfly::<FORM>::LATENCY + 1
}

/// Transforms without coset shift or scaling.
///
/// `LANES` butterflies on `BANKS` = 2·`LANES` = 2^`BANK_BITS` banks of 2^`ROW_BITS` words, so that the
/// largest transform has 2^`LOG_N` words; `WORDS` (1 or 2) words a beat; multipliers of form `FORM`. A
/// lane's number has `LANE_BITS` bits. Four buffers: one is loaded, one computed in, two hold results.
#[derive(LogicBlock)]
pub struct NttCore<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const WORDS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A command is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Logarithm of the size, 3 to the largest.
    pub command_log_n: Signal<In, Word<4>>,
    /// Powers of w^-1 instead of w.
    pub command_inverse: Signal<In, Bit>,
    /// Words are offered, those of a job after its command.
    pub s_valid: Signal<In, Bit>,
    /// They are taken.
    pub s_ready: Signal<Out, Bit>,
    /// The words, in natural order.
    pub s_word: [Signal<In, Word<64>>; WORDS],
    /// Results are there.
    pub m_valid: Signal<Out, Bit>,
    /// They are taken.
    pub m_ready: Signal<In, Bit>,
    /// The results, in natural order.
    pub m_word: [Signal<Out, Word<64>>; WORDS],
    /// The last beat of a job.
    pub m_last: Signal<Out, Bit>,
    load: Load<BANKS, WORDS, LOG_N, ROW_BITS>,
    sequencer: Sequencer<LOG_N>,
    address: Address<BANKS, LOG_N, ROW_BITS, LANE_BITS>,
    loaded: [Ram<ROW_BITS>; BANKS],
    work: [Ram<ROW_BITS>; BANKS],
    result_0: [Ram<ROW_BITS>; BANKS],
    result_1: [Ram<ROW_BITS>; BANKS],
    buffer: [Choose; BANKS],
    gather: Gather<BANKS, LANES>,
    gather_choices: GatherChoices<BANKS, LANES, LANE_BITS>,
    twiddle_rom: [Rom<ROW_BITS, 64>; LANES],
    twiddle_rows: Delay<ROW_BITS>,
    choice: [Delay<LANE_BITS>; LANES],
    select: Select<LANES, LANES, LANE_BITS>,
    butterfly: [Butterfly<FORM>; LANES],
    scatter: Scatter<BANKS, LANES>,
    unload: Unload<BANKS, WORDS, LOG_N, BANK_BITS, ROW_BITS>,
    valids: Delay<1>,
    firsts: Delay<1>,
    lasts: Delay<1>,
    slots: Delay<1>,
    ends: Delay<1>,
    halves: Delay<1>,
    routes: Delay<2>,
    routes_back: Delay<2>,
    swaps: Delay<1>,
    swaps_back: Delay<LANES>,
    rows: [Delay<ROW_BITS>; BANKS],
    is_writing: Signal<Local, Bit>,
    is_writing_work: DFF<Bit>,
    is_writing_0: DFF<Bit>,
    is_writing_1: DFF<Bit>,
    valid_bit: Signal<Local, Word<1>>,
    first_bit: Signal<Local, Word<1>>,
    last_bit: Signal<Local, Word<1>>,
    slot_bit: Signal<Local, Word<1>>,
    end_bit: Signal<Local, Word<1>>,
    half_bit: Signal<Local, Word<1>>,
    swap_bit: Signal<Local, Word<1>>,
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
> NttCore<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS>
{
    /// Issues between a write and the first read of what it wrote.
    pub const HAZARD_CYCLES: usize = write_cycles::<FORM>() - address::LATENCY + 1;
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
> Default for NttCore<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS>
{
    fn default() -> Self {
        assert!(
            1 << BANK_BITS == BANKS && 2 * LANES == BANKS && LANE_BITS == (BANK_BITS - 1).max(1),
            "{LANES} lanes, {BANKS} banks; a choice among lanes has {LANE_BITS} bits, among banks {BANK_BITS}"
        );
        assert!(WORDS == 1 || WORDS == 2, "{WORDS} words a beat");
        assert!(
            LOG_N == ROW_BITS + BANK_BITS && LOG_N <= plan::MAX_LOG_N,
            "2^{LOG_N} words in {BANKS} banks of 2^{ROW_BITS}"
        );
        let twiddles = plan::twiddles(LOG_N);
        let column = |lane| twiddles.iter().skip(lane).step_by(LANES).copied().collect();
        let write_cycles = write_cycles::<FORM>();
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_log_n: Signal::default(),
            command_inverse: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: std::array::from_fn(|_| Signal::default()),
            m_last: Signal::default(),
            load: Load::default(),
            sequencer: Sequencer::new(BANK_BITS, Self::HAZARD_CYCLES),
            address: Address::new(BANK_BITS),
            loaded: std::array::from_fn(|_| Ram::default()),
            work: std::array::from_fn(|_| Ram::default()),
            result_0: std::array::from_fn(|_| Ram::default()),
            result_1: std::array::from_fn(|_| Ram::default()),
            buffer: std::array::from_fn(|_| Choose::default()),
            gather: Gather::default(),
            gather_choices: GatherChoices::default(),
            twiddle_rom: std::array::from_fn(|lane| Rom::new(column(lane))),
            twiddle_rows: Delay::new(READ_CYCLES - 1 - Rom::<1, 1>::LATENCY),
            choice: std::array::from_fn(|_| Delay::new(READ_CYCLES - 2)),
            select: Select::default(),
            butterfly: std::array::from_fn(|_| Butterfly::default()),
            scatter: Scatter::default(),
            unload: Unload::default(),
            valids: Delay::new(write_cycles - 1),
            firsts: Delay::new(address::LATENCY + Ram::<1>::LATENCY),
            lasts: Delay::new(write_cycles - 1),
            slots: Delay::new(write_cycles - 1),
            ends: Delay::new(write_cycles),
            halves: Delay::new(address::LATENCY + 2),
            routes: Delay::new(READ_CYCLES - 1),
            routes_back: Delay::new(write_cycles - address::LATENCY - READ_CYCLES),
            swaps: Delay::new(READ_CYCLES - 1),
            swaps_back: Delay::new(write_cycles - address::LATENCY - 2),
            rows: std::array::from_fn(|_| Delay::new(write_cycles - address::LATENCY)),
            is_writing: Signal::default(),
            is_writing_work: DFF::default(),
            is_writing_0: DFF::default(),
            is_writing_1: DFF::default(),
            valid_bit: Signal::default(),
            first_bit: Signal::default(),
            last_bit: Signal::default(),
            slot_bit: Signal::default(),
            end_bit: Signal::default(),
            half_bit: Signal::default(),
            swap_bit: Signal::default(),
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
> Logic for NttCore<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, WORDS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            load,
            sequencer,
            address,
            gather,
            gather_choices,
            scatter,
            unload
        );
        dff_setup!(self, clock, is_writing_work, is_writing_0, is_writing_1);
        clock!(self, clock, select, twiddle_rows);
        clock!(self, clock, valids, firsts, lasts, slots, ends, halves);
        clock!(self, clock, routes, routes_back, swaps, swaps_back);
        self.load.reset.next = self.reset.val();
        self.sequencer.reset.next = self.reset.val();
        self.address.reset.next = self.reset.val();
        self.unload.reset.next = self.reset.val();
        self.valids.reset.next = self.reset.val();
        self.firsts.reset.next = self.reset.val();
        self.lasts.reset.next = self.reset.val();
        self.slots.reset.next = self.reset.val();
        self.ends.reset.next = self.reset.val();
        self.halves.reset.next = self.reset.val();
        self.twiddle_rows.reset.next = false;
        self.twiddle_rows.x.next = self.address.twiddle_row.val();
        self.routes.reset.next = self.reset.val();
        self.routes_back.reset.next = self.reset.val();
        self.swaps.reset.next = self.reset.val();
        self.swaps_back.reset.next = self.reset.val();

        // Streams.
        self.load.command_valid.next = self.command_valid.val();
        self.load.command_log_n.next = self.command_log_n.val();
        self.load.command_inverse.next = self.command_inverse.val();
        self.command_ready.next = self.load.command_ready.val();
        self.load.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.load.s_ready.val();
        self.m_valid.next = self.unload.m_valid.val();
        self.m_last.next = self.unload.m_last.val();
        self.unload.m_ready.next = self.m_ready.val();
        for i in 0..WORDS {
            self.load.s_word[i].next = self.s_word[i].val();
            self.m_word[i].next = self.unload.m_word[i].val();
        }

        // Jobs.
        self.sequencer.job_valid.next = self.load.job_valid.val();
        self.sequencer.job_log_n.next = self.load.job_log_n.val();
        self.sequencer.job_inverse.next = self.load.job_inverse.val();
        self.load.job_taken.next = self.sequencer.job_taken.val();
        self.sequencer.slot_free.next = self.unload.slot_free.val();
        self.sequencer.slot_next.next = self.unload.slot_next.val();
        self.unload.slot_taken.next = self.sequencer.slot_taken.val();
        self.unload.slot_log_n.next = self.sequencer.slot_log_n.val();
        self.half_bit.next = bit_cast_bit::<1>(self.sequencer.is_half.val());
        self.halves.x.next = self.half_bit.val();
        self.load.may_reuse.next = self.halves.y.val().any();
        self.end_bit.next = bit_cast_bit::<1>(self.sequencer.is_end.val());
        self.ends.x.next = self.end_bit.val();
        self.unload.is_done.next = self.ends.y.val().any();

        // Issue to rows and routes.
        self.address.base.next = self.sequencer.base.val();
        self.address.window.next = self.sequencer.window.val();
        self.address.pair.next = self.sequencer.pair.val();
        self.address.route.next = self.sequencer.route.val();
        self.address.is_inverse.next = self.sequencer.is_inverse.val();
        self.valid_bit.next = bit_cast_bit::<1>(self.sequencer.valid.val());
        self.valids.x.next = self.valid_bit.val();
        self.first_bit.next = bit_cast_bit::<1>(self.sequencer.is_first.val());
        self.firsts.x.next = self.first_bit.val();
        self.last_bit.next = bit_cast_bit::<1>(self.sequencer.is_last.val());
        self.lasts.x.next = self.last_bit.val();
        self.slot_bit.next = bit_cast_bit::<1>(self.sequencer.slot.val());
        self.slots.x.next = self.slot_bit.val();

        // Memory to operands.
        self.swap_bit.next = bit_cast_bit::<1>(self.address.is_swapped.val());
        self.swaps.x.next = self.swap_bit.val();
        self.routes.x.next = self.address.route_out.val();
        self.gather.route.next = self.routes.y.val();
        self.gather.is_swapped.next = self.swaps.y.val().any();
        self.gather_choices.route.next = self.address.route_out.val();
        self.gather_choices.is_swapped.next = self.address.is_swapped.val();
        for i in 0..BANKS {
            self.loaded[i].clock.next = self.clock.val();
            self.loaded[i].write_address.next = self.load.row.val();
            self.loaded[i].write_data.next = self.load.data[i].val();
            self.loaded[i].write_enable.next = self.load.enable[i].val();
            self.loaded[i].read_address.next = self.address.row[i].val();
            self.work[i].clock.next = self.clock.val();
            self.work[i].read_address.next = self.address.row[i].val();
            self.buffer[i].clock.next = self.clock.val();
            self.buffer[i].first.next = self.work[i].read_data.val();
            self.buffer[i].second.next = self.loaded[i].read_data.val();
            self.buffer[i].is_second.next = self.firsts.y.val().any();
            self.gather.word[i].next = self.buffer[i].chosen.val();
            self.gather_choices.choice[i].next = self.address.choice[i].val();
            self.gather_choices.is_negated[i].next = self.address.is_negated[i].val();
        }

        // Butterflies.
        for i in 0..LANES {
            self.twiddle_rom[i].clock.next = self.clock.val();
            self.twiddle_rom[i].address.next = self.twiddle_rows.y.val();
            self.choice[i].clock.next = self.clock.val();
            self.choice[i].reset.next = false;
            self.choice[i].x.next = self.gather_choices.lane_choice[i].val();
            self.select.choice[i].next = self.choice[i].y.val();
            self.select.word[i].next = self.twiddle_rom[i].data.val();
            self.butterfly[i].clock.next = self.clock.val();
            self.butterfly[i].a.next = self.gather.a[i].val();
            self.butterfly[i].b.next = self.gather.b[i].val();
            self.butterfly[i].t.next = self.select.chosen[i].val();
            self.scatter.sum[i].next = self.butterfly[i].sum.val();
            self.scatter.difference[i].next = self.butterfly[i].difference.val();
        }

        // Results to memory.
        self.routes_back.x.next = self.routes.y.val();
        self.scatter.route.next = self.routes_back.y.val();
        self.swaps_back.x.next = self.gather_choices.lane_swapped.val();
        self.scatter.is_swapped.next = self.swaps_back.y.val();
        self.is_writing.next = self.valids.y.val().any();
        self.is_writing_work.d.next = self.is_writing.val() && !self.lasts.y.val().any();
        self.is_writing_0.d.next =
            self.is_writing.val() && self.lasts.y.val().any() && !self.slots.y.val().any();
        self.is_writing_1.d.next =
            self.is_writing.val() && self.lasts.y.val().any() && self.slots.y.val().any();
        if self.reset.val() {
            self.is_writing_work.d.next = false;
            self.is_writing_0.d.next = false;
            self.is_writing_1.d.next = false;
        }
        for i in 0..BANKS {
            self.rows[i].clock.next = self.clock.val();
            self.rows[i].reset.next = false;
            self.rows[i].x.next = self.address.row[i].val();
            self.work[i].write_address.next = self.rows[i].y.val();
            self.work[i].write_data.next = self.scatter.word[i].val();
            self.work[i].write_enable.next = self.is_writing_work.q.val();
            self.result_0[i].clock.next = self.clock.val();
            self.result_0[i].write_address.next = self.rows[i].y.val();
            self.result_0[i].write_data.next = self.scatter.word[i].val();
            self.result_0[i].write_enable.next = self.is_writing_0.q.val();
            self.result_0[i].read_address.next = self.unload.row[i].val();
            self.result_1[i].clock.next = self.clock.val();
            self.result_1[i].write_address.next = self.rows[i].y.val();
            self.result_1[i].write_data.next = self.scatter.word[i].val();
            self.result_1[i].write_enable.next = self.is_writing_1.q.val();
            self.result_1[i].read_address.next = self.unload.row[i].val();
            self.unload.word_0[i].next = self.result_0[i].read_data.val();
            self.unload.word_1[i].next = self.result_1[i].read_data.val();
        }
    }
}
