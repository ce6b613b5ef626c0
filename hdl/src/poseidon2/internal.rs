//! The matrix of the partial rounds, and the memory of the states between them.
//!
//! A state in the partial rounds has a place in the memory. While its first word is raised the others wait
//! there with their sum; then the product x_i' = d_i x_i + sum is made of all words at once and goes back
//! to the same place. A state can pass in every cycle.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::diagonal::{DIAGONAL, Diagonal};
use super::model::WIDTH;
use super::plan::LANES;
use super::rest_sum::{REST, RestSum};
use crate::goldilocks::ReduceSum;
use crate::parts::{LutRam, Ring};
use crate::word::{Word, bit_cast_word};

/// One word of the product: `y` = `u` + `sum` mod p, [`Row::LATENCY`] cycles later. Both together are below
/// (4 + 12)·2^64.
#[derive(LogicBlock, Default)]
struct Row {
    pub clock: Signal<In, Clock>,
    pub u: Signal<In, Word<66>>,
    pub sum: Signal<In, Word<68>>,
    pub y: Signal<Out, Word<64>>,
    total: DFF<Word<69>>,
    reduce: ReduceSum,
}

impl Row {
    const LATENCY: usize = 1 + ReduceSum::LATENCY;
}

impl Logic for Row {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        clock!(self, clock, reduce);
        self.total.d.next =
            bit_cast_word::<69, 66>(self.u.val()) + bit_cast_word::<69, 68>(self.sum.val());
        self.reduce.x.next = self.total.q.val();
        self.y.next = self.reduce.y.val();
    }
}

/// The memory has 2^`A` places.
#[derive(LogicBlock)]
pub struct Internal<const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First words, raised, of the lanes.
    pub raised: [Signal<In, Word<64>>; LANES],
    /// Which of them enters.
    pub lane: Signal<In, Word<2>>,
    /// Place of the other words of the state whose first word enters the product in the next cycle.
    pub read_address: Signal<In, Word<A>>,
    /// A state that begins its partial rounds.
    pub entering: [Signal<In, Word<64>>; WIDTH],
    /// It goes into the memory instead of a product.
    pub is_entering: Signal<In, Bit>,
    /// Place of `state`.
    pub write_address: Signal<In, Word<A>>,
    /// It is written there.
    pub write_enable: Signal<In, Bit>,
    /// Place of the state of [`RestSum::LATENCY`] cycles ago.
    pub sum_address: Signal<In, Word<A>>,
    /// Its sum is written there.
    pub sum_enable: Signal<In, Bit>,
    /// The product, or the state that enters.
    pub state: [Signal<Out, Word<64>>; WIDTH],
    choice: DFF<Word<64>>,
    chosen: Signal<Local, Word<64>>,
    lengthen: Ring<64>,
    memory: [LutRam<Word<64>, A>; REST],
    word: [DFF<Word<64>>; REST],
    rest_memory: LutRam<Word<68>, A>,
    rest: DFF<Word<68>>,
    sum: DFF<Word<68>>,
    sum_later: DFF<Word<68>>,
    diagonal: [Diagonal; WIDTH],
    row: [Row; WIDTH],
    next_state: [Signal<Local, Word<64>>; WIDTH],
    rest_sum: RestSum,
}

impl<const A: usize> Internal<A> {
    /// Cycles from a word of a lane to the state, without the `wait_cycles`.
    pub const LATENCY: usize = 1 + Diagonal::LATENCY + Row::LATENCY;

    /// `wait_cycles` more before the product.
    pub fn new(wait_cycles: usize) -> Self {
        Self {
            clock: Signal::default(),
            raised: std::array::from_fn(|_| Signal::default()),
            lane: Signal::default(),
            read_address: Signal::default(),
            entering: std::array::from_fn(|_| Signal::default()),
            is_entering: Signal::default(),
            write_address: Signal::default(),
            write_enable: Signal::default(),
            sum_address: Signal::default(),
            sum_enable: Signal::default(),
            state: std::array::from_fn(|_| Signal::default()),
            choice: DFF::default(),
            chosen: Signal::default(),
            lengthen: Ring::new(wait_cycles),
            memory: std::array::from_fn(|_| LutRam::default()),
            word: std::array::from_fn(|_| DFF::default()),
            rest_memory: LutRam::default(),
            rest: DFF::default(),
            sum: DFF::default(),
            sum_later: DFF::default(),
            diagonal: std::array::from_fn(|i| Diagonal::new(DIAGONAL[i])),
            row: std::array::from_fn(|_| Row::default()),
            next_state: std::array::from_fn(|_| Signal::default()),
            rest_sum: RestSum::default(),
        }
    }
}

impl<const A: usize> Logic for Internal<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, choice, rest, sum, sum_later);
        clock!(self, clock, lengthen, rest_memory, rest_sum);
        self.chosen.next = self.raised[0].val();
        if self.lane.val().get_bit(0) {
            self.chosen.next = self.raised[1].val();
        }
        if self.lane.val().get_bit(1) {
            self.chosen.next = self.raised[2].val();
        }
        self.choice.d.next = self.chosen.val();
        self.lengthen.x.next = self.choice.q.val();

        self.rest.d.next = self.rest_memory.read_data.val();
        self.sum.d.next = self.rest.q.val() + bit_cast_word::<68, 64>(self.lengthen.y.val());
        self.sum_later.d.next = self.sum.q.val();
        self.rest_memory.read_address.next = self.read_address.val();
        self.rest_memory.write_address.next = self.sum_address.val();
        self.rest_memory.write_enable.next = self.sum_enable.val();
        self.rest_memory.write_data.next = self.rest_sum.total.val();

        self.diagonal[0].x.next = self.lengthen.y.val();
        for i in 0..12 {
            self.diagonal[i].clock.next = self.clock.val();
            self.row[i].clock.next = self.clock.val();
            self.row[i].u.next = self.diagonal[i].u.val();
            self.row[i].sum.next = self.sum_later.q.val();
            self.next_state[i].next = self.row[i].y.val();
            if self.is_entering.val() {
                self.next_state[i].next = self.entering[i].val();
            }
            self.state[i].next = self.next_state[i].val();
        }
        for i in 0..11 {
            self.memory[i].clock.next = self.clock.val();
            self.memory[i].read_address.next = self.read_address.val();
            self.memory[i].write_address.next = self.write_address.val();
            self.memory[i].write_enable.next = self.write_enable.val();
            self.memory[i].write_data.next = self.next_state[i + 1].val();
            self.word[i].clock.next = self.clock.val();
            self.word[i].d.next = self.memory[i].read_data.val();
            self.diagonal[i + 1].x.next = self.word[i].q.val();
            self.rest_sum.x[i].next = self.next_state[i + 1].val();
        }
    }
}
