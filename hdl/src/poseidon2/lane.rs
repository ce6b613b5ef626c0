//! One of three lanes: a word plus its round constant, to the seventh power.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::control::{CYCLE_BITS, led};
use super::plan::{LANES, Plan};
use super::sbox::Sbox;
use crate::goldilocks::Add;
use crate::parts::{Ring, Rom};
use crate::word::Word;

/// Cycles from the choice of a column to lane 0: a register.
pub const CHOICE_CYCLES: usize = 1;

/// Cycles from a word's arrival to the S-box: a register and the addition.
pub const ENTRY_CYCLES: usize = 1 + Add::LATENCY;

/// Cycles from the choice of a column until its words are raised, but for those of the S-box.
pub const COLUMN_CYCLES: usize = CHOICE_CYCLES + ENTRY_CYCLES + LANES - 1;

/// A constant is added one cycle after the word's arrival, and comes that much after the cycle of the period.
const CONSTANT_LEAD_CYCLES: usize = Rom::<CYCLE_BITS, 64>::LATENCY - 1;

/// Lane l of the engine, l cycles behind lane 0.
#[derive(LogicBlock)]
pub struct Lane<const FORM: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The cycle of the period.
    pub cycle: Signal<In, Word<CYCLE_BITS>>,
    /// Phase of the S-box.
    pub phase: Signal<In, Word<2>>,
    /// Word of a column, the same cycle for all lanes.
    pub column: Signal<In, Word<64>>,
    /// First word of a state in the partial rounds.
    pub partial: Signal<In, Word<64>>,
    /// Keep it.
    pub capture: Signal<In, Bit>,
    /// Take the word kept, not that of the column.
    pub is_partial: Signal<In, Bit>,
    /// The word raised.
    pub raised: Signal<Out, Word<64>>,
    /// The word raised, the same cycle for all lanes.
    pub raised_column: Signal<Out, Word<64>>,
    skew: Ring<64>,
    kept: DFF<Word<64>>,
    word: DFF<Word<64>>,
    constants: Rom<CYCLE_BITS, 64>,
    add: Add,
    sbox: Sbox<FORM, N>,
    straighten: Ring<64>,
}

impl<const FORM: usize, const N: usize> Lane<FORM, N> {
    /// Lane number `lane` of a timetable.
    pub fn new(lane: usize, plan: &Plan) -> Self {
        Self {
            clock: Signal::default(),
            cycle: Signal::default(),
            phase: Signal::default(),
            column: Signal::default(),
            partial: Signal::default(),
            capture: Signal::default(),
            is_partial: Signal::default(),
            raised: Signal::default(),
            raised_column: Signal::default(),
            skew: Ring::new(lane),
            kept: DFF::default(),
            word: DFF::default(),
            constants: Rom::new(led(&plan.constants[lane], CONSTANT_LEAD_CYCLES)),
            add: Add::default(),
            sbox: Sbox::default(),
            straighten: Ring::new(LANES - 1 - lane),
        }
    }
}

impl<const FORM: usize, const N: usize> Logic for Lane<FORM, N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, kept, word);
        clock!(self, clock, skew, constants, add, sbox, straighten);
        self.skew.x.next = self.column.val();
        if self.capture.val() {
            self.kept.d.next = self.partial.val();
        }
        self.word.d.next = self.skew.y.val();
        if self.is_partial.val() {
            self.word.d.next = self.kept.q.val();
        }
        self.constants.address.next = self.cycle.val();
        self.add.a.next = self.word.q.val();
        self.add.b.next = self.constants.data.val();
        self.sbox.phase.next = self.phase.val();
        self.sbox.x.next = self.add.y.val();
        self.raised.next = self.sbox.y.val();
        self.straighten.x.next = self.sbox.y.val();
        self.raised_column.next = self.straighten.y.val();
    }
}
