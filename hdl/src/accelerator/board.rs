//! What goes on a board: the accelerator behind a serial line.

use rust_hdl_core::prelude::*;

use super::top::Accelerator;
use crate::link::{LOG_WINDOW, Link};
use crate::word::Word;

/// An [`Accelerator`] whose registers and streams a [`Link`] reaches. A board adds its clock and the reset after power-up.
#[derive(LogicBlock)]
pub struct Board<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Cycles of a bit on the line, at least 4.
    pub bit_cycles: Signal<In, Word<16>>,
    /// The line from the host, high when idle; of any clock.
    pub rx: Signal<In, Bit>,
    /// The line to the host.
    pub tx: Signal<Out, Bit>,
    link: Link<LOG_WINDOW, { LOG_WINDOW + 1 }>,
    accelerator:
        Accelerator<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, HASH, S, T, A, N>,
    all_bytes: Constant<Word<4>>,
}

impl<
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> Board<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, HASH, S, T, A, N>
{
    /// As [`Accelerator::new`].
    pub fn new(build: u32, capabilities: u32, engine: u32) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            bit_cycles: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            link: Link::default(),
            accelerator: Accelerator::new(build, capabilities, engine),
            all_bytes: Constant::new(Word::new(0xf)),
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
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> Logic for Board<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, HASH, S, T, A, N>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, link, accelerator);
        self.link.reset.next = self.reset.val();
        self.link.bit_cycles.next = self.bit_cycles.val();
        self.link.rx.next = self.rx.val();
        self.tx.next = self.link.tx.val();
        self.accelerator.reset.next = self.reset.val();
        self.accelerator.aw_valid.next = self.link.aw_valid.val();
        self.link.aw_ready.next = self.accelerator.aw_ready.val();
        self.accelerator.aw_addr.next = self.link.aw_addr.val();
        self.accelerator.w_valid.next = self.link.w_valid.val();
        self.link.w_ready.next = self.accelerator.w_ready.val();
        self.accelerator.w_data.next = self.link.w_data.val();
        self.accelerator.w_strb.next = self.all_bytes.val();
        self.link.b_valid.next = self.accelerator.b_valid.val();
        self.accelerator.b_ready.next = true;
        self.link.b_resp.next = self.accelerator.b_resp.val();
        self.accelerator.ar_valid.next = self.link.ar_valid.val();
        self.link.ar_ready.next = self.accelerator.ar_ready.val();
        self.accelerator.ar_addr.next = self.link.ar_addr.val();
        self.link.r_valid.next = self.accelerator.r_valid.val();
        self.accelerator.r_ready.next = true;
        self.link.r_data.next = self.accelerator.r_data.val();
        self.link.r_resp.next = self.accelerator.r_resp.val();
        self.accelerator.s_valid.next = self.link.m_valid.val();
        self.link.m_ready.next = self.accelerator.s_ready.val();
        self.accelerator.s_word.next = self.link.m_word.val();
        self.accelerator.s_last.next = self.link.m_last.val();
        self.link.s_valid.next = self.accelerator.m_valid.val();
        self.accelerator.m_ready.next = self.link.s_ready.val();
        self.link.s_word.next = self.accelerator.m_word.val();
        self.link.s_last.next = self.accelerator.m_last.val();
    }
}

crate::ports! { [
    const FORM: usize, const LANES: usize, const BANKS: usize, const LANE_BITS: usize, const BANK_BITS: usize,
    const ROW_BITS: usize, const LOG_N: usize, const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize
] Board<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, HASH, S, T, A, N> {
    clock; in: reset, bit_cycles, rx; out: tx
} }
