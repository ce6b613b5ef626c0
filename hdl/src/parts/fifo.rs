//! A stream FIFO in distributed RAM.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::LutRam;
use crate::registry::Kernel;
use crate::word::Word;

/// Holds up to 2^`A` words of `D`; `C` = `A` + 1. A word leaves the cycle after it entered at the
/// earliest, and a word may enter and another leave in every cycle.
#[derive(LogicBlock)]
pub struct Fifo<D: Synth, const A: usize, const C: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: empties the FIFO.
    pub reset: Signal<In, Bit>,
    /// A word is offered.
    pub s_valid: Signal<In, Bit>,
    /// There is room.
    pub s_ready: Signal<Out, Bit>,
    /// The word offered.
    pub s_data: Signal<In, D>,
    /// A word is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The oldest word.
    pub m_data: Signal<Out, D>,
    /// Number of words held.
    pub occupancy: Signal<Out, Word<C>>,
    memory: LutRam<D, A>,
    head: DFF<Word<A>>,
    tail: DFF<Word<A>>,
    count: DFF<Word<C>>,
    capacity: Constant<Word<C>>,
    is_writing: Signal<Local, Bit>,
    is_reading: Signal<Local, Bit>,
}

impl<D: Synth, const A: usize, const C: usize> Default for Fifo<D, A, C> {
    fn default() -> Self {
        assert_eq!(C, A + 1, "the count has one bit more than an address");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_data: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_data: Signal::default(),
            occupancy: Signal::default(),
            memory: LutRam::default(),
            head: DFF::default(),
            tail: DFF::default(),
            count: DFF::default(),
            capacity: Constant::new(Word::new(1 << A)),
            is_writing: Signal::default(),
            is_reading: Signal::default(),
        }
    }
}

impl<D: Synth, const A: usize, const C: usize> Logic for Fifo<D, A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, count);
        self.s_ready.next = self.count.q.val() != self.capacity.val();
        self.m_valid.next = self.count.q.val().any();
        self.occupancy.next = self.count.q.val();
        self.is_writing.next = self.s_valid.val() && (self.count.q.val() != self.capacity.val());
        self.is_reading.next = self.m_ready.val() && self.count.q.val().any();

        self.memory.clock.next = self.clock.val();
        self.memory.write_address.next = self.tail.q.val();
        self.memory.write_data.next = self.s_data.val();
        self.memory.write_enable.next = self.is_writing.val();
        self.memory.read_address.next = self.head.q.val();
        self.m_data.next = self.memory.read_data.val();

        if self.is_writing.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.is_reading.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.is_writing.val() && !self.is_reading.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if !self.is_writing.val() && self.is_reading.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        if self.reset.val() {
            self.head.d.next = 0u64.into();
            self.tail.d.next = 0u64.into();
            self.count.d.next = 0u64.into();
        }
    }
}

crate::ports! { [D: crate::design::Value, const A: usize, const C: usize] Fifo<D, A, C> {
    clock; in: reset, s_valid, s_data, m_ready; out: s_ready, m_valid, m_data, occupancy
} }

pub(crate) const KERNELS: &[Kernel] = &[Kernel {
    name: "fifo_4",
    family: "fifo",
    parameters: &[("width", 8), ("log_depth", 2)],
    cell_models: &[],
    build: || Box::new(Fifo::<Word<8>, 2, 3>::default()),
}];
