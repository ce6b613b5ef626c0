//! From an issue of the sequencer to rows, twiddles and routes: four cycles.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::fold::Fold;
use crate::parts::{Delay, Index};
use crate::word::Word;

/// Cycles from an issue to what [`Address`] makes of it.
pub const LATENCY: usize = 4;

/// The row and the twiddle of one bank. Enters a cycle after the issue, with the folded index.
///
/// For an inverse transform the twiddle 1/T\[m\] is -T\[m'\] with all bits of m below its highest
/// inverted in m', except 1/T\[0\] = T\[0\]: the same table serves, and a subtraction turns into an
/// addition.
#[derive(LogicBlock)]
struct Bank {
    pub clock: Signal<In, Clock>,
    pub base: Signal<In, Index>,
    pub window: Signal<In, Index>,
    pub banks: Signal<In, Index>,
    pub pair: Signal<In, Word<5>>,
    pub is_inverse: Signal<In, Bit>,
    pub row: Signal<Out, Index>,
    pub choice: Signal<Out, Index>,
    pub is_negated: Signal<Out, Bit>,
    own: Constant<Index>,
    bank_bits: Constant<Word<5>>,
    lane_mask: Constant<Index>,
    x: DFF<Index>,
    pair_2: DFF<Word<5>>,
    is_inverse_2: DFF<Bit>,
    row_3: DFF<Index>,
    block_3: DFF<Index>,
    is_inverse_3: DFF<Bit>,
    row_4: DFF<Index>,
    choice_4: DFF<Index>,
    is_negated_4: DFF<Bit>,
    shifted: Signal<Local, Index>,
    fill: FillBelow,
}

impl Bank {
    fn new(bank: usize, bank_bits: usize) -> Self {
        let repeated = (0..Index::BITS).filter(|bit| bank >> (bit % bank_bits) & 1 == 1);
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
            own: Constant::new(Index::new(repeated.map(|bit| 1 << bit).sum())),
            bank_bits: Constant::new(Word::new(bank_bits as u128)),
            lane_mask: Constant::new(Index::new((1 << (bank_bits - 1)) - 1)),
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

impl Logic for Bank {
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

        self.row_3.d.next = self.x.q.val() >> self.bank_bits.val();
        self.shifted.next = self.x.q.val() >> self.pair_2.q.val();
        self.block_3.d.next = self.shifted.val() >> 1;
        self.is_inverse_3.d.next = self.is_inverse_2.q.val();

        self.row_4.d.next = self.row_3.q.val();
        self.fill.x.next = self.block_3.q.val();
        self.choice_4.d.next = self.block_3.q.val() & self.lane_mask.val();
        self.is_negated_4.d.next = self.is_inverse_3.q.val() && self.block_3.q.val().any();
        if self.is_inverse_3.q.val() {
            self.choice_4.d.next =
                (self.block_3.q.val() ^ self.fill.below.val()) & self.lane_mask.val();
        }
        self.row.next = self.row_4.q.val();
        self.choice.next = self.choice_4.q.val();
        self.is_negated.next = self.is_negated_4.q.val();
    }
}

/// Ones in all places below the highest one of a number under 2^16, combinational.
#[derive(LogicBlock, Default)]
struct FillBelow {
    pub x: Signal<In, Index>,
    pub below: Signal<Out, Index>,
    by_1: Signal<Local, Index>,
    by_2: Signal<Local, Index>,
    by_4: Signal<Local, Index>,
}

impl Logic for FillBelow {
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
pub struct Address<const BANKS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Clears nothing but what a `Delay` holds.
    pub reset: Signal<In, Bit>,
    /// The indices of the issue, zero inside the window.
    pub base: Signal<In, Index>,
    /// Mask of the window.
    pub window: Signal<In, Index>,
    /// The bit in which butterflies pair.
    pub pair: Signal<In, Word<5>>,
    /// The same modulo the bits of a bank.
    pub route: Signal<In, Word<3>>,
    /// Twiddles are to be inverted.
    pub is_inverse: Signal<In, Bit>,
    /// The row in each bank.
    pub row: [Signal<Out, Index>; BANKS],
    /// Which twiddle of the row each bank's butterfly takes.
    pub choice: [Signal<Out, Index>; BANKS],
    /// Whether that twiddle is to be negated.
    pub is_negated: [Signal<Out, Bit>; BANKS],
    /// Row of the twiddle table.
    pub twiddle_row: Signal<Out, Index>,
    /// Whether the lower bank of each pair holds the upper index.
    pub is_swapped: Signal<Out, Bit>,
    /// `route`, in step.
    pub route_out: Signal<Out, Word<3>>,
    bank_bits: Constant<Word<5>>,
    fold: Fold,
    base_1: DFF<Index>,
    window_1: DFF<Index>,
    banks_1: DFF<Index>,
    pair_1: DFF<Word<5>>,
    is_inverse_1: DFF<Bit>,
    bank: [Bank; BANKS],
    shift: Signal<Local, Word<5>>,
    twiddle_1: DFF<Index>,
    fill: FillBelow,
    twiddle_2: DFF<Index>,
    twiddle_3: DFF<Index>,
    twiddle_4: DFF<Index>,
    swap_shift: Signal<Local, Index>,
    swap: Delay<1>,
    swap_bit: Signal<Local, Word<1>>,
    routes: Delay<3>,
}

impl<const BANKS: usize> Address<BANKS> {
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
            shift: Signal::default(),
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

impl<const BANKS: usize> Logic for Address<BANKS> {
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

        self.shift.next = self.pair.val() + self.bank_bits.val();
        self.twiddle_1.d.next = self.base.val() >> self.shift.val();
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
