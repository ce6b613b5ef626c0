//! From an issue of the sequencer to rows, twiddles and routes: four cycles.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::fold::Fold;
use crate::parts::Delay;
use crate::word::{Word, bit_cast_word};

/// Cycles from an issue to what [`Address`] makes of it.
pub const LATENCY: usize = 4;

/// The row and the twiddle of one bank. Enters a cycle after the issue, with the folded index.
///
/// For an inverse transform the twiddle 1/T\[m\] is -T\[m'\] with all bits of m below its highest
/// inverted in m', except 1/T\[0\] = T\[0\]: the same table serves, and a subtraction turns into an
/// addition.
#[derive(LogicBlock)]
struct Bank<const LOG_N: usize, const ROW_BITS: usize, const LANE_BITS: usize> {
    pub clock: Signal<In, Clock>,
    pub base: Signal<In, Word<LOG_N>>,
    pub window: Signal<In, Word<LOG_N>>,
    pub banks: Signal<In, Word<LOG_N>>,
    pub pair: Signal<In, Word<4>>,
    pub is_inverse: Signal<In, Bit>,
    pub row: Signal<Out, Word<ROW_BITS>>,
    pub choice: Signal<Out, Word<LANE_BITS>>,
    pub is_negated: Signal<Out, Bit>,
    own: Constant<Word<LOG_N>>,
    bank_bits: Constant<Word<3>>,
    lane_mask: Constant<Word<LANE_BITS>>,
    x: DFF<Word<LOG_N>>,
    pair_2: DFF<Word<4>>,
    is_inverse_2: DFF<Bit>,
    row_3: DFF<Word<ROW_BITS>>,
    block_3: DFF<Word<LOG_N>>,
    is_inverse_3: DFF<Bit>,
    row_4: DFF<Word<ROW_BITS>>,
    choice_4: DFF<Word<LANE_BITS>>,
    is_negated_4: DFF<Bit>,
    shifted: Signal<Local, Word<LOG_N>>,
    fill: FillBelow<LOG_N>,
}

impl<const LOG_N: usize, const ROW_BITS: usize, const LANE_BITS: usize>
    Bank<LOG_N, ROW_BITS, LANE_BITS>
{
    fn new(bank: usize, bank_bits: usize) -> Self {
        let repeated = (0..LOG_N).filter(|bit| bank >> (bit % bank_bits) & 1 == 1);
        Self {
            clock: Signal::default(),
            base: Signal::default(),
            window: Signal::default(),
            banks: Signal::default(),
            pair: Signal::default(),
            is_inverse: Signal::default(),
            row: Signal::default(),
            choice: Signal::default(),
            is_negated: Signal::default(),
            own: Constant::new(Word::new(repeated.map(|bit| 1 << bit).sum())),
            bank_bits: Constant::new(Word::new(bank_bits as u128)),
            lane_mask: Constant::new(Word::new((1 << (bank_bits - 1)) - 1)),
            x: DFF::default(),
            pair_2: DFF::default(),
            is_inverse_2: DFF::default(),
            row_3: DFF::default(),
            block_3: DFF::default(),
            is_inverse_3: DFF::default(),
            row_4: DFF::default(),
            choice_4: DFF::default(),
            is_negated_4: DFF::default(),
            shifted: Signal::default(),
            fill: FillBelow::default(),
        }
    }
}

impl<const LOG_N: usize, const ROW_BITS: usize, const LANE_BITS: usize> Logic
    for Bank<LOG_N, ROW_BITS, LANE_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            x,
            pair_2,
            is_inverse_2,
            row_3,
            block_3,
            is_inverse_3
        );
        dff_setup!(self, clock, row_4, choice_4, is_negated_4);
        self.x.d.next = self.base.val() | (self.window.val() & (self.banks.val() ^ self.own.val()));
        self.pair_2.d.next = self.pair.val();
        self.is_inverse_2.d.next = self.is_inverse.val();

        self.row_3.d.next =
            bit_cast_word::<ROW_BITS, LOG_N>(self.x.q.val() >> self.bank_bits.val());
        self.shifted.next = self.x.q.val() >> self.pair_2.q.val();
        self.block_3.d.next = self.shifted.val() >> 1;
        self.is_inverse_3.d.next = self.is_inverse_2.q.val();

        self.row_4.d.next = self.row_3.q.val();
        self.fill.x.next = self.block_3.q.val();
        self.choice_4.d.next =
            bit_cast_word::<LANE_BITS, LOG_N>(self.block_3.q.val()) & self.lane_mask.val();
        self.is_negated_4.d.next = self.is_inverse_3.q.val() && self.block_3.q.val().any();
        if self.is_inverse_3.q.val() {
            self.choice_4.d.next =
                bit_cast_word::<LANE_BITS, LOG_N>(self.block_3.q.val() ^ self.fill.below.val())
                    & self.lane_mask.val();
        }
        self.row.next = self.row_4.q.val();
        self.choice.next = self.choice_4.q.val();
        self.is_negated.next = self.is_negated_4.q.val();
    }
}

/// Ones in all places below the highest one of a number of at most 16 bits, combinational.
#[derive(LogicBlock, Default)]
struct FillBelow<const N: usize> {
    pub x: Signal<In, Word<N>>,
    pub below: Signal<Out, Word<N>>,
    by_1: Signal<Local, Word<N>>,
    by_2: Signal<Local, Word<N>>,
    by_4: Signal<Local, Word<N>>,
}

impl<const N: usize> Logic for FillBelow<N> {
    #[hdl_gen]
    fn update(&mut self) {
        self.by_1.next = (self.x.val() >> 1) | (self.x.val() >> 2);
        self.by_2.next = self.by_1.val() | (self.by_1.val() >> 2);
        self.by_4.next = self.by_2.val() | (self.by_2.val() >> 4);
        self.below.next = self.by_4.val() | (self.by_4.val() >> 8);
    }
}

/// Rows and twiddles of all banks, and the row of the twiddle table.
#[derive(LogicBlock)]
pub struct Address<
    const BANKS: usize,
    const LOG_N: usize,
    const ROW_BITS: usize,
    const LANE_BITS: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Clears nothing but what a `Delay` holds.
    pub reset: Signal<In, Bit>,
    /// The indices of the issue, zero inside the window.
    pub base: Signal<In, Word<LOG_N>>,
    /// Mask of the window.
    pub window: Signal<In, Word<LOG_N>>,
    /// The bit in which butterflies pair.
    pub pair: Signal<In, Word<4>>,
    /// The same modulo the bits of a bank.
    pub route: Signal<In, Word<2>>,
    /// Twiddles are to be inverted.
    pub is_inverse: Signal<In, Bit>,
    /// The row in each bank.
    pub row: [Signal<Out, Word<ROW_BITS>>; BANKS],
    /// Which twiddle of the row each bank's butterfly takes.
    pub choice: [Signal<Out, Word<LANE_BITS>>; BANKS],
    /// Whether that twiddle is to be negated.
    pub is_negated: [Signal<Out, Bit>; BANKS],
    /// Row of the twiddle table.
    pub twiddle_row: Signal<Out, Word<ROW_BITS>>,
    /// Whether the lower bank of each pair holds the upper index.
    pub is_swapped: Signal<Out, Bit>,
    /// `route`, in step.
    pub route_out: Signal<Out, Word<2>>,
    bank_bits: Constant<Word<3>>,
    fold: Fold<LOG_N>,
    base_1: DFF<Word<LOG_N>>,
    window_1: DFF<Word<LOG_N>>,
    banks_1: DFF<Word<LOG_N>>,
    pair_1: DFF<Word<4>>,
    is_inverse_1: DFF<Bit>,
    bank: [Bank<LOG_N, ROW_BITS, LANE_BITS>; BANKS],
    twiddle_1: DFF<Word<ROW_BITS>>,
    fill: FillBelow<ROW_BITS>,
    twiddle_2: DFF<Word<ROW_BITS>>,
    twiddle_3: DFF<Word<ROW_BITS>>,
    twiddle_4: DFF<Word<ROW_BITS>>,
    swap_shift: Signal<Local, Word<LOG_N>>,
    swap: Delay<1>,
    swap_bit: Signal<Local, Word<1>>,
    routes: Delay<2>,
}

impl<const BANKS: usize, const LOG_N: usize, const ROW_BITS: usize, const LANE_BITS: usize>
    Address<BANKS, LOG_N, ROW_BITS, LANE_BITS>
{
    /// For 2^`bank_bits` banks.
    pub fn new(bank_bits: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            base: Signal::default(),
            window: Signal::default(),
            pair: Signal::default(),
            route: Signal::default(),
            is_inverse: Signal::default(),
            row: std::array::from_fn(|_| Signal::default()),
            choice: std::array::from_fn(|_| Signal::default()),
            is_negated: std::array::from_fn(|_| Signal::default()),
            twiddle_row: Signal::default(),
            is_swapped: Signal::default(),
            route_out: Signal::default(),
            bank_bits: Constant::new(Word::new(bank_bits as u128)),
            fold: Fold::new(bank_bits),
            base_1: DFF::default(),
            window_1: DFF::default(),
            banks_1: DFF::default(),
            pair_1: DFF::default(),
            is_inverse_1: DFF::default(),
            bank: std::array::from_fn(|bank| Bank::new(bank, bank_bits)),
            twiddle_1: DFF::default(),
            fill: FillBelow::default(),
            twiddle_2: DFF::default(),
            twiddle_3: DFF::default(),
            twiddle_4: DFF::default(),
            swap_shift: Signal::default(),
            swap: Delay::new(LATENCY - 1),
            swap_bit: Signal::default(),
            routes: Delay::new(LATENCY),
        }
    }
}

impl<const BANKS: usize, const LOG_N: usize, const ROW_BITS: usize, const LANE_BITS: usize> Logic
    for Address<BANKS, LOG_N, ROW_BITS, LANE_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, base_1, window_1, banks_1, pair_1, is_inverse_1);
        dff_setup!(self, clock, twiddle_1, twiddle_2, twiddle_3, twiddle_4);
        clock!(self, clock, swap, routes);
        self.swap.reset.next = self.reset.val();
        self.routes.reset.next = self.reset.val();

        self.fold.index.next = self.base.val();
        self.base_1.d.next = self.base.val();
        self.window_1.d.next = self.window.val();
        self.banks_1.d.next = self.fold.banks.val();
        self.pair_1.d.next = self.pair.val();
        self.is_inverse_1.d.next = self.is_inverse.val();
        for i in 0..BANKS {
            self.bank[i].clock.next = self.clock.val();
            self.bank[i].base.next = self.base_1.q.val();
            self.bank[i].window.next = self.window_1.q.val();
            self.bank[i].banks.next = self.banks_1.q.val();
            self.bank[i].pair.next = self.pair_1.q.val();
            self.bank[i].is_inverse.next = self.is_inverse_1.q.val();
            self.row[i].next = self.bank[i].row.val();
            self.choice[i].next = self.bank[i].choice.val();
            self.is_negated[i].next = self.bank[i].is_negated.val();
        }

        self.twiddle_1.d.next =
            bit_cast_word::<ROW_BITS, LOG_N>(self.base.val() >> self.bank_bits.val())
                >> self.pair.val();
        self.fill.x.next = self.twiddle_1.q.val();
        self.twiddle_2.d.next = self.twiddle_1.q.val();
        if self.is_inverse_1.q.val() {
            self.twiddle_2.d.next = self.twiddle_1.q.val() ^ self.fill.below.val();
        }
        self.twiddle_3.d.next = self.twiddle_2.q.val();
        self.twiddle_4.d.next = self.twiddle_3.q.val();
        self.twiddle_row.next = self.twiddle_4.q.val();

        self.swap_shift.next = self.banks_1.q.val() >> self.pair_1.q.val();
        self.swap_bit.next = self.swap_shift.val().get_bits::<1>(0);
        self.swap.x.next = self.swap_bit.val();
        self.is_swapped.next = self.swap.y.val().any();
        self.routes.x.next = self.route.val();
        self.route_out.next = self.routes.y.val();
    }
}
