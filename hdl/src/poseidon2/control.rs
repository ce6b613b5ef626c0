//! The timetable as microcode: one word for each cycle of the period.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::plan::{LANES, Place, Plan, Step};
use crate::parts::Rom;
use crate::word::{Word, bit_cast_word};

/// Cycles of a period have so many bits.
pub const CYCLE_BITS: usize = 8;

/// Cycles from the cycle of the period to what [`Control`] says of it: memory and a register.
const LEAD_CYCLES: usize = Rom::<CYCLE_BITS, 64>::LATENCY + 1;

/// Bits of an age.
const AGE_BITS: usize = 5;

/// A table with the entry of cycle t at `lead_cycles` before t, and zeros up to the size of a
/// memory.
pub fn led<T: Copy + Default>(table: &[T], lead_cycles: usize) -> Vec<T> {
    let mut words = table.to_vec();
    words.rotate_left(lead_cycles % table.len());
    words.resize(1 << CYCLE_BITS, T::default());
    words
}

/// Packs fields from bit 0 on; [`Control`] unpacks them.
#[derive(Default)]
struct Packer {
    word: u64,
    width: usize,
}

impl Packer {
    fn push(&mut self, value: usize, bits: usize) {
        assert!(value < 1 << bits, "{value} in {bits} bits");
        self.word |= (value as u64) << self.width;
        self.width += bits;
    }

    fn flags(&mut self, flags: &[bool]) {
        flags.iter().for_each(|&flag| self.push(flag.into(), 1));
    }

    fn column(&mut self, column: Option<usize>) {
        self.flags(&[column.is_some()]);
        self.push(column.unwrap_or(0), 2);
    }

    fn place(&mut self, place: Place) {
        self.flags(&[place.is_used]);
        self.push(place.age, AGE_BITS);
    }
}

fn pack(step: &Step) -> u64 {
    let mut packer = Packer::default();
    packer.flags(&step.is_partial);
    packer.flags(&step.capture);
    packer.push(step.source as usize, 2);
    step.phase.iter().for_each(|&phase| packer.push(phase, 2));
    packer.push(step.raised_lane, 2);
    packer.flags(&[step.is_entering, step.is_exiting, step.exit_shift]);
    packer.column(step.column);
    packer.column(step.initial_column);
    packer.flags(&[step.take, step.input_shift, step.input_end]);
    packer.flags(&[step.entry_shift, step.output_shift, step.done]);
    packer.place(step.read);
    packer.place(step.write);
    packer.place(step.sum);
    packer.word
}

/// What all parts do in the current cycle, from registers. It never stops and has no reset: jobs are known
/// by the time at which they began. The memory of states has 2^`A` places.
#[derive(LogicBlock)]
pub struct Control<const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The cycle of the period.
    pub cycle: Signal<Out, Word<CYCLE_BITS>>,
    /// The lanes take the word of a partial round.
    pub is_partial: Signal<Out, Word<LANES>>,
    /// The first word of a state is for these lanes.
    pub capture: Signal<Out, Word<LANES>>,
    /// Source of the column.
    pub source: Signal<Out, Word<2>>,
    /// Phase of the S-box of each lane, two bits each.
    pub phase: Signal<Out, Word<6>>,
    /// Lane whose word goes to the matrix of the partial rounds.
    pub raised_lane: Signal<Out, Word<2>>,
    /// A state begins its partial rounds.
    pub is_entering: Signal<Out, Bit>,
    /// A state has ended its partial rounds.
    pub is_exiting: Signal<Out, Bit>,
    /// A column of it is used.
    pub exit_shift: Signal<Out, Bit>,
    /// A column reaches the matrix of the full rounds.
    pub is_column: Signal<Out, Bit>,
    /// Its index.
    pub column: Signal<Out, Word<2>>,
    /// A column reaches the matrix before the first round.
    pub is_initial_column: Signal<Out, Bit>,
    /// Its index.
    pub initial_column: Signal<Out, Word<2>>,
    /// A job begins.
    pub take: Signal<Out, Bit>,
    /// A column of its state is used.
    pub input_shift: Signal<Out, Bit>,
    /// The last one.
    pub input_end: Signal<Out, Bit>,
    /// A column after the first four full rounds.
    pub entry_shift: Signal<Out, Bit>,
    /// A column of the result.
    pub output_shift: Signal<Out, Bit>,
    /// The result is complete.
    pub done: Signal<Out, Bit>,
    /// Where the memory is read.
    pub read_address: Signal<Out, Word<A>>,
    /// Where it is written.
    pub write_address: Signal<Out, Word<A>>,
    /// Whether it is.
    pub write_enable: Signal<Out, Bit>,
    /// Where the sum is written.
    pub sum_address: Signal<Out, Word<A>>,
    /// Whether it is.
    pub sum_enable: Signal<Out, Bit>,
    microcode: Rom<CYCLE_BITS, 64>,
    cycle_now: DFF<Word<CYCLE_BITS>>,
    last_cycle: Constant<Word<CYCLE_BITS>>,
    epoch: DFF<Word<A>>,
    step_next: Signal<Local, Word<64>>,
    step: DFF<Word<64>>,
    read: DFF<Word<A>>,
    write: DFF<Word<A>>,
    sum: DFF<Word<A>>,
}

impl<const A: usize> Control<A> {
    /// For a timetable.
    pub fn new(plan: &Plan) -> Self {
        assert!(A <= AGE_BITS, "2^{A} places");
        let words: Vec<u64> = plan.steps.iter().map(pack).collect();
        Self {
            clock: Signal::default(),
            cycle: Signal::default(),
            is_partial: Signal::default(),
            capture: Signal::default(),
            source: Signal::default(),
            phase: Signal::default(),
            raised_lane: Signal::default(),
            is_entering: Signal::default(),
            is_exiting: Signal::default(),
            exit_shift: Signal::default(),
            is_column: Signal::default(),
            column: Signal::default(),
            is_initial_column: Signal::default(),
            initial_column: Signal::default(),
            take: Signal::default(),
            input_shift: Signal::default(),
            input_end: Signal::default(),
            entry_shift: Signal::default(),
            output_shift: Signal::default(),
            done: Signal::default(),
            read_address: Signal::default(),
            write_address: Signal::default(),
            write_enable: Signal::default(),
            sum_address: Signal::default(),
            sum_enable: Signal::default(),
            microcode: Rom::new(led(&words, LEAD_CYCLES)),
            cycle_now: DFF::default(),
            last_cycle: Constant::new(Word::new(plan.period_cycles as u128 - 1)),
            epoch: DFF::default(),
            step_next: Signal::default(),
            step: DFF::default(),
            read: DFF::default(),
            write: DFF::default(),
            sum: DFF::default(),
        }
    }
}

impl<const A: usize> Logic for Control<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, cycle_now, epoch, step);
        dff_setup!(self, clock, read, write, sum);
        clock!(self, clock, microcode);
        self.cycle_now.d.next = self.cycle_now.q.val() + 1;
        if self.cycle_now.q.val() == self.last_cycle.val() {
            self.cycle_now.d.next = 0u64.into();
            self.epoch.d.next = self.epoch.q.val() + 1;
        }
        self.cycle.next = self.cycle_now.q.val();
        self.microcode.address.next = self.cycle_now.q.val();
        self.step_next.next = self.microcode.data.val();
        self.step.d.next = self.step_next.val();

        // A place is the number of the period in which its job began.
        self.read.d.next =
            self.epoch.q.val() - bit_cast_word::<A, 5>(self.step_next.val().get_bits::<5>(32));
        self.write.d.next =
            self.epoch.q.val() - bit_cast_word::<A, 5>(self.step_next.val().get_bits::<5>(38));
        self.sum.d.next =
            self.epoch.q.val() - bit_cast_word::<A, 5>(self.step_next.val().get_bits::<5>(44));
        self.read_address.next = self.read.q.val();
        self.write_address.next = self.write.q.val();
        self.sum_address.next = self.sum.q.val();

        self.is_partial.next = self.step.q.val().get_bits::<3>(0);
        self.capture.next = self.step.q.val().get_bits::<3>(3);
        self.source.next = self.step.q.val().get_bits::<2>(6);
        self.phase.next = self.step.q.val().get_bits::<6>(8);
        self.raised_lane.next = self.step.q.val().get_bits::<2>(14);
        self.is_entering.next = self.step.q.val().get_bit(16);
        self.is_exiting.next = self.step.q.val().get_bit(17);
        self.exit_shift.next = self.step.q.val().get_bit(18);
        self.is_column.next = self.step.q.val().get_bit(19);
        self.column.next = self.step.q.val().get_bits::<2>(20);
        self.is_initial_column.next = self.step.q.val().get_bit(22);
        self.initial_column.next = self.step.q.val().get_bits::<2>(23);
        self.take.next = self.step.q.val().get_bit(25);
        self.input_shift.next = self.step.q.val().get_bit(26);
        self.input_end.next = self.step.q.val().get_bit(27);
        self.entry_shift.next = self.step.q.val().get_bit(28);
        self.output_shift.next = self.step.q.val().get_bit(29);
        self.done.next = self.step.q.val().get_bit(30);
        self.write_enable.next = self.step.q.val().get_bit(37);
        self.sum_enable.next = self.step.q.val().get_bit(43);
    }
}
