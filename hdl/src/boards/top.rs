//! What a bitstream holds: the accelerator behind a serial line, with the board's clock and the reset after power-up.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::Pins;
use super::pll::Pll;
use super::power_up::PowerUp;
use crate::accelerator::Accelerator;
use crate::link::{LOG_WINDOW, Link};
use crate::word::{Word, bit_cast_bit};

/// An [`Accelerator`] whose registers and streams a [`Link`] reaches; its ports are pins.
#[derive(LogicBlock)]
pub struct Board<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> {
    /// The board's oscillator.
    pub clock: Signal<In, Clock>,
    /// Which of the four rates the line has; read during the reset after power-up.
    pub rate: Signal<In, Word<2>>,
    /// The line from the host, high when idle; of any clock.
    pub rx: Signal<In, Bit>,
    /// The line to the host.
    pub tx: Signal<Out, Bit>,
    /// From bit 0 on: the reset is over, the host sends, the board sends, and the clock runs (a blink of 2^26 cycles).
    pub led: Signal<Out, Word<4>>,
    pll: Pll,
    power_up: PowerUp,
    chosen: DFF<Word<2>>,
    bit_cycles: DFF<Word<16>>,
    blink: DFF<Word<26>>,
    rates: [Constant<Word<16>>; 4],
    dark: Constant<Word<4>>,
    lights: Signal<Local, Word<4>>,
    is_running: Signal<Local, Bit>,
    hears: Signal<Local, Bit>,
    sends: Signal<Local, Bit>,
    link: Link<LOG_WINDOW, { LOG_WINDOW + 1 }>,
    accelerator: Accelerator<
        TRANSFORMS,
        FORM,
        LANES,
        BANKS,
        LANE_BITS,
        BANK_BITS,
        ROW_BITS,
        LOG_N,
        LOG_SCRATCH,
        HASH,
        S,
        T,
        A,
        N,
    >,
    all_bytes: Constant<Word<4>>,
}

impl<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
>
    Board<
        TRANSFORMS,
        FORM,
        LANES,
        BANKS,
        LANE_BITS,
        BANK_BITS,
        ROW_BITS,
        LOG_N,
        LOG_SCRATCH,
        HASH,
        S,
        T,
        A,
        N,
    >
{
    /// As [`Accelerator::new`], with a clock, a line and lights of its board.
    pub(super) fn new(build: u32, capabilities: u32, engine: u32, pins: Pins) -> Self {
        Self {
            clock: Signal::default(),
            rate: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            led: Signal::default(),
            pll: Pll::new(pins.clock),
            power_up: PowerUp::default(),
            chosen: DFF::default(),
            bit_cycles: DFF::default(),
            blink: DFF::default(),
            rates: pins
                .bit_cycles
                .map(|cycles| Constant::new(Word::new(cycles.into()))),
            dark: Constant::new(Word::new(if pins.are_lights_low { 0xf } else { 0 })),
            lights: Signal::default(),
            is_running: Signal::default(),
            hears: Signal::default(),
            sends: Signal::default(),
            link: Link::default(),
            accelerator: Accelerator::new(build, capabilities, engine),
            all_bytes: Constant::new(Word::new(0xf)),
        }
    }
}

impl<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> Logic
    for Board<
        TRANSFORMS,
        FORM,
        LANES,
        BANKS,
        LANE_BITS,
        BANK_BITS,
        ROW_BITS,
        LOG_N,
        LOG_SCRATCH,
        HASH,
        S,
        T,
        A,
        N,
    >
{
    #[hdl_gen]
    fn update(&mut self) {
        self.pll.oscillator.next = self.clock.val();
        self.power_up.clock.next = self.pll.clock.val();
        self.power_up.is_locked.next = self.pll.is_locked.val();
        self.chosen.clock.next = self.pll.clock.val();
        self.bit_cycles.clock.next = self.pll.clock.val();
        self.blink.clock.next = self.pll.clock.val();
        self.link.clock.next = self.pll.clock.val();
        self.accelerator.clock.next = self.pll.clock.val();

        self.chosen.d.next = self.chosen.q.val();
        if self.power_up.reset.val() {
            self.chosen.d.next = self.rate.val();
        }
        if self.chosen.q.val().get_bit(1) {
            self.bit_cycles.d.next = self.rates[2].val();
            if self.chosen.q.val().get_bit(0) {
                self.bit_cycles.d.next = self.rates[3].val();
            }
        } else {
            self.bit_cycles.d.next = self.rates[0].val();
            if self.chosen.q.val().get_bit(0) {
                self.bit_cycles.d.next = self.rates[1].val();
            }
        }
        self.blink.d.next = self.blink.q.val() + 1;
        self.is_running.next = !self.power_up.reset.val();
        self.hears.next = !self.rx.val();
        self.sends.next = !self.link.tx.val();
        self.lights.next = bit_cast_bit::<4>(self.is_running.val())
            | (bit_cast_bit::<4>(self.hears.val()) << 1)
            | (bit_cast_bit::<4>(self.sends.val()) << 2)
            | (bit_cast_bit::<4>(self.blink.q.val().get_bit(25)) << 3);
        self.led.next = self.lights.val() ^ self.dark.val();

        self.link.reset.next = self.power_up.reset.val();
        self.link.bit_cycles.next = self.bit_cycles.q.val();
        self.link.rx.next = self.rx.val();
        self.tx.next = self.link.tx.val();
        self.accelerator.reset.next = self.power_up.reset.val();
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
    const TRANSFORMS: bool, const FORM: usize, const LANES: usize, const BANKS: usize, const LANE_BITS: usize, const BANK_BITS: usize,
    const ROW_BITS: usize, const LOG_N: usize, const LOG_SCRATCH: usize, const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize
] Board<TRANSFORMS, FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, LOG_SCRATCH, HASH, S, T, A, N> {
    clock; in: rate, rx; out: tx, led
} }
