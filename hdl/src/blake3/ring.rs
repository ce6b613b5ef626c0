//! BLAKE3's rounds as a ring of steps, with a block in each.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::half_mix::HalfMix;
use super::leaves::{Choose, FirstSum, Gap, Gate};
use super::model::IV;
use super::step::Step;
use crate::word::{Word, bit_cast_word};

/// One round in hardware, through which each block goes seven times. With `PIPELINED` 0 the round is one
/// step; with 1 it is five: each of its four halves of G, and before them the choice between a new block and
/// one that comes round.
///
/// A block enters wherever none comes round, so that all steps are full as long as blocks are offered.
/// Results come in the order of the blocks and cannot be refused.
#[derive(LogicBlock)]
pub struct Blake3Ring<const PIPELINED: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all blocks.
    pub reset: Signal<In, Bit>,
    /// A block is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Chaining value before the block.
    pub s_chaining: [Signal<In, Word<32>>; 8],
    /// The block, little-endian.
    pub s_block: [Signal<In, Word<32>>; 16],
    /// Number of the chunk; 0 for a parent.
    pub s_counter: Signal<In, Word<64>>,
    /// Bytes of the block that count, 0 to 64.
    pub s_bytes: Signal<In, Word<7>>,
    /// The flags of the specification.
    pub s_flags: Signal<In, Word<8>>,
    /// Comes back with the result.
    pub s_tag: Signal<In, Word<8>>,
    /// A result is there, for one cycle.
    pub m_valid: Signal<Out, Bit>,
    /// Chaining value after the block.
    pub m_chaining: [Signal<Out, Word<32>>; 8],
    /// Tag of the block.
    pub m_tag: Signal<Out, Word<8>>,
    first: FirstSum,
    gap: Gap,
    is_held: DFF<Bit>,
    held: [DFF<Word<32>>; 28],
    held_tag: DFF<Word<32>>,
    enter: Choose,
    start: Step<PIPELINED>,
    column_1: [HalfMix<16, 12>; 4],
    step_1: Step<PIPELINED>,
    column_2: [HalfMix<8, 7>; 4],
    step_2: Step<PIPELINED>,
    diagonal_1: [HalfMix<16, 12>; 4],
    step_3: Step<PIPELINED>,
    diagonal_2: [HalfMix<8, 7>; 4],
    next_message: Gate,
    step_4: Step<1>,
    result: [DFF<Word<32>>; 8],
    result_tag: DFF<Word<8>>,
    is_result: DFF<Bit>,
    iv: [Constant<Word<32>>; 4],
    tag_bit: Constant<Word<32>>,
    last_round: Constant<Word<3>>,
    back: Signal<Local, Word<32>>,
    back_round: Signal<Local, Word<3>>,
    late: Signal<Local, Word<32>>,
    late_round: Signal<Local, Word<3>>,
}

impl<const PIPELINED: usize> Blake3Ring<PIPELINED> {
    /// Steps of a round, and blocks in the ring.
    pub const STEPS: usize = 1 + 4 * PIPELINED;
    /// Cycles from a block taken to its result, at least: one in which it waits for its turn, seven rounds,
    /// and one for the result.
    pub const LATENCY: usize = 2 + 7 * Self::STEPS;
}

impl<const PIPELINED: usize> Default for Blake3Ring<PIPELINED> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_chaining: std::array::from_fn(|_| Signal::default()),
            s_block: std::array::from_fn(|_| Signal::default()),
            s_counter: Signal::default(),
            s_bytes: Signal::default(),
            s_flags: Signal::default(),
            s_tag: Signal::default(),
            m_valid: Signal::default(),
            m_chaining: std::array::from_fn(|_| Signal::default()),
            m_tag: Signal::default(),
            first: FirstSum::default(),
            gap: Gap::default(),
            is_held: DFF::default(),
            held: std::array::from_fn(|_| DFF::default()),
            held_tag: DFF::default(),
            enter: Choose::default(),
            start: Step::default(),
            column_1: std::array::from_fn(|_| HalfMix::default()),
            step_1: Step::default(),
            column_2: std::array::from_fn(|_| HalfMix::default()),
            step_2: Step::default(),
            diagonal_1: std::array::from_fn(|_| HalfMix::default()),
            step_3: Step::default(),
            diagonal_2: std::array::from_fn(|_| HalfMix::default()),
            next_message: Gate::default(),
            step_4: Step::default(),
            result: std::array::from_fn(|_| DFF::default()),
            result_tag: DFF::default(),
            is_result: DFF::default(),
            iv: std::array::from_fn(|i| Constant::new(Word::new(IV[i].into()))),
            tag_bit: Constant::new(Word::new(3)),
            last_round: Constant::new(Word::new(6)),
            back: Signal::default(),
            back_round: Signal::default(),
            late: Signal::default(),
            late_round: Signal::default(),
        }
    }
}

impl<const PIPELINED: usize> Logic for Blake3Ring<PIPELINED> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_held, held_tag, result_tag, is_result);
        clock!(self, clock, start, step_1, step_2, step_3, step_4);
        self.start.reset.next = self.reset.val();
        self.step_1.reset.next = self.reset.val();
        self.step_2.reset.next = self.reset.val();
        self.step_3.reset.next = self.reset.val();
        self.step_4.reset.next = self.reset.val();

        // A block waits here, its first sums made, until there is a gap in the ring. Places 0 to 3 are the
        // sums, 4 to 7 b, 8 to 11 d, 12 to 27 the message.
        self.back.next = self.step_4.y[32].val();
        self.back_round.next = self.back.val().get_bits::<3>(0);
        self.gap.is_held.next = self.is_held.q.val();
        self.gap.is_back.next = self.step_4.m_valid.val();
        self.gap.round.next = self.back_round.val();
        self.s_ready.next = self.gap.is_ready.val();
        for i in 0..28 {
            self.held[i].clock.next = self.clock.val();
            self.held[i].d.next = self.held[i].q.val();
        }
        self.held_tag.d.next = self.held_tag.q.val();
        for i in 0..4 {
            self.first.chaining[i].next = self.s_chaining[i].val();
            self.first.block[i].next = self.s_block[i * 2].val();
        }
        if self.gap.is_entering.val() {
            self.is_held.d.next = false;
        }
        if self.s_valid.val() && self.gap.is_ready.val() {
            self.is_held.d.next = true;
            for i in 0..4 {
                self.held[i].d.next = self.first.sum[i].val();
                self.held[i + 4].d.next = self.s_chaining[i + 4].val();
            }
            self.held[8].d.next = bit_cast_word::<32, 64>(self.s_counter.val());
            self.held[9].d.next = self.s_counter.val().get_bits::<32>(32);
            self.held[10].d.next = bit_cast_word::<32, 7>(self.s_bytes.val());
            self.held[11].d.next = bit_cast_word::<32, 8>(self.s_flags.val());
            for i in 0..16 {
                self.held[i + 12].d.next = self.s_block[i].val();
            }
            self.held_tag.d.next = bit_cast_word::<32, 8>(self.s_tag.val()) << self.tag_bit.val();
        }

        // The choice at the beginning of a round.
        self.enter.is_new.next = self.gap.is_entering.val();
        for i in 0..4 {
            self.enter.new_words[i].next = self.held[i].q.val();
            self.enter.new_words[i + 4].next = self.held[i + 4].q.val();
            self.enter.new_words[i + 8].next = self.iv[i].val();
            self.enter.new_words[i + 12].next = self.held[i + 8].q.val();
        }
        for i in 0..16 {
            self.enter.new_words[i + 16].next = self.held[i + 12].q.val();
        }
        self.enter.new_words[32].next = self.held_tag.q.val();
        for i in 0..33 {
            self.enter.old_words[i].next = self.step_4.y[i].val();
            self.start.x[i].next = self.enter.chosen[i].val();
        }
        self.start.s_valid.next = self.gap.is_entering.val() || self.gap.is_round_again.val();

        // The columns.
        for i in 0..4 {
            self.column_1[i].sum.next = self.start.y[i].val();
            self.column_1[i].b.next = self.start.y[i + 4].val();
            self.column_1[i].c.next = self.start.y[i + 8].val();
            self.column_1[i].d.next = self.start.y[i + 12].val();
            self.column_1[i].message.next = self.start.y[i * 2 + 17].val();
            self.step_1.x[i].next = self.column_1[i].sum_out.val();
        }
        for i in 0..4 {
            self.step_1.x[i + 4].next = self.column_1[i].b_out.val();
            self.step_1.x[i + 8].next = self.column_1[i].c_out.val();
            self.step_1.x[i + 12].next = self.column_1[i].d_out.val();
        }
        for i in 0..17 {
            self.step_1.x[i + 16].next = self.start.y[i + 16].val();
        }
        self.step_1.s_valid.next = self.start.m_valid.val();

        for i in 0..4 {
            self.column_2[i].sum.next = self.step_1.y[i].val();
            self.column_2[i].b.next = self.step_1.y[i + 4].val();
            self.column_2[i].c.next = self.step_1.y[i + 8].val();
            self.column_2[i].d.next = self.step_1.y[i + 12].val();
            self.column_2[i].message.next = self.step_1.y[i * 2 + 24].val();
            self.step_2.x[i].next = self.column_2[i].sum_out.val();
        }

        // To the diagonals: lane i takes b, c, d from the lanes one, two, three further.
        self.step_2.x[4].next = self.column_2[1].b_out.val();
        self.step_2.x[5].next = self.column_2[2].b_out.val();
        self.step_2.x[6].next = self.column_2[3].b_out.val();
        self.step_2.x[7].next = self.column_2[0].b_out.val();
        self.step_2.x[8].next = self.column_2[2].c_out.val();
        self.step_2.x[9].next = self.column_2[3].c_out.val();
        self.step_2.x[10].next = self.column_2[0].c_out.val();
        self.step_2.x[11].next = self.column_2[1].c_out.val();
        self.step_2.x[12].next = self.column_2[3].d_out.val();
        self.step_2.x[13].next = self.column_2[0].d_out.val();
        self.step_2.x[14].next = self.column_2[1].d_out.val();
        self.step_2.x[15].next = self.column_2[2].d_out.val();
        for i in 0..17 {
            self.step_2.x[i + 16].next = self.step_1.y[i + 16].val();
        }
        self.step_2.s_valid.next = self.step_1.m_valid.val();

        for i in 0..4 {
            self.diagonal_1[i].sum.next = self.step_2.y[i].val();
            self.diagonal_1[i].b.next = self.step_2.y[i + 4].val();
            self.diagonal_1[i].c.next = self.step_2.y[i + 8].val();
            self.diagonal_1[i].d.next = self.step_2.y[i + 12].val();
            self.diagonal_1[i].message.next = self.step_2.y[i * 2 + 25].val();
            self.step_3.x[i].next = self.diagonal_1[i].sum_out.val();
        }
        for i in 0..4 {
            self.step_3.x[i + 4].next = self.diagonal_1[i].b_out.val();
            self.step_3.x[i + 8].next = self.diagonal_1[i].c_out.val();
            self.step_3.x[i + 12].next = self.diagonal_1[i].d_out.val();
        }
        for i in 0..17 {
            self.step_3.x[i + 16].next = self.step_2.y[i + 16].val();
        }
        self.step_3.s_valid.next = self.step_2.m_valid.val();

        // The next round begins with the permuted message; after the last round there is none.
        self.late.next = self.step_3.y[32].val();
        self.late_round.next = self.late.val().get_bits::<3>(0);
        self.next_message.is_open.next = self.late_round.val() != self.last_round.val();
        self.next_message.x[0].next = self.step_3.y[18].val();
        self.next_message.x[1].next = self.step_3.y[19].val();
        self.next_message.x[2].next = self.step_3.y[23].val();
        self.next_message.x[3].next = self.step_3.y[20].val();
        for i in 0..4 {
            self.diagonal_2[i].sum.next = self.step_3.y[i].val();
            self.diagonal_2[i].b.next = self.step_3.y[i + 4].val();
            self.diagonal_2[i].c.next = self.step_3.y[i + 8].val();
            self.diagonal_2[i].d.next = self.step_3.y[i + 12].val();
            self.diagonal_2[i].message.next = self.next_message.y[i].val();
            self.step_4.x[i].next = self.diagonal_2[i].sum_out.val();
        }

        // Back to the columns.
        self.step_4.x[5].next = self.diagonal_2[0].b_out.val();
        self.step_4.x[6].next = self.diagonal_2[1].b_out.val();
        self.step_4.x[7].next = self.diagonal_2[2].b_out.val();
        self.step_4.x[4].next = self.diagonal_2[3].b_out.val();
        self.step_4.x[10].next = self.diagonal_2[0].c_out.val();
        self.step_4.x[11].next = self.diagonal_2[1].c_out.val();
        self.step_4.x[8].next = self.diagonal_2[2].c_out.val();
        self.step_4.x[9].next = self.diagonal_2[3].c_out.val();
        self.step_4.x[15].next = self.diagonal_2[0].d_out.val();
        self.step_4.x[12].next = self.diagonal_2[1].d_out.val();
        self.step_4.x[13].next = self.diagonal_2[2].d_out.val();
        self.step_4.x[14].next = self.diagonal_2[3].d_out.val();
        self.step_4.x[16].next = self.step_3.y[18].val();
        self.step_4.x[17].next = self.step_3.y[22].val();
        self.step_4.x[18].next = self.step_3.y[19].val();
        self.step_4.x[19].next = self.step_3.y[26].val();
        self.step_4.x[20].next = self.step_3.y[23].val();
        self.step_4.x[21].next = self.step_3.y[16].val();
        self.step_4.x[22].next = self.step_3.y[20].val();
        self.step_4.x[23].next = self.step_3.y[29].val();
        self.step_4.x[24].next = self.step_3.y[17].val();
        self.step_4.x[25].next = self.step_3.y[27].val();
        self.step_4.x[26].next = self.step_3.y[28].val();
        self.step_4.x[27].next = self.step_3.y[21].val();
        self.step_4.x[28].next = self.step_3.y[25].val();
        self.step_4.x[29].next = self.step_3.y[30].val();
        self.step_4.x[30].next = self.step_3.y[31].val();
        self.step_4.x[31].next = self.step_3.y[24].val();
        self.step_4.x[32].next = self.late.val() + 1;
        self.step_4.s_valid.next = self.step_3.m_valid.val();

        // The result: after the last round the sums are a alone.
        for i in 0..4 {
            self.result[i].clock.next = self.clock.val();
            self.result[i + 4].clock.next = self.clock.val();
            self.result[i].d.next = self.step_4.y[i].val() ^ self.step_4.y[i + 8].val();
            self.result[i + 4].d.next = self.step_4.y[i + 4].val() ^ self.step_4.y[i + 12].val();
        }
        for i in 0..8 {
            self.m_chaining[i].next = self.result[i].q.val();
        }
        self.result_tag.d.next = self.back.val().get_bits::<8>(3);
        self.is_result.d.next = self.gap.is_finished.val();
        self.m_valid.next = self.is_result.q.val();
        self.m_tag.next = self.result_tag.q.val();

        if self.reset.val() {
            self.is_held.d.next = false;
            self.is_result.d.next = false;
        }
    }
}
