//! The least that a bitstream can hold and still compute in the field: sums, behind a serial line.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::power_up::PowerUp;
use crate::accelerator::AxiLite;
use crate::goldilocks::Add;
use crate::link::{LOG_WINDOW, Link};
use crate::word::Word;

/// What the first register holds: `WFS1`.
pub const SUMS_ID: u32 = 0x5746_5331;

/// The sum of the words of each job mod p, reached by a [`Link`]; its ports are pins, and the oscillator is its clock. Register 0
/// holds [`SUMS_ID`]; there is no other.
#[derive(LogicBlock)]
pub struct Sums {
    /// The board's oscillator.
    pub clock: Signal<In, Clock>,
    /// The line from the host, high when idle; of any clock.
    pub rx: Signal<In, Bit>,
    /// The line to the host.
    pub tx: Signal<Out, Bit>,
    /// Low: the reset is over.
    pub led_n: Signal<Out, Bit>,
    power_up: PowerUp,
    link: Link<LOG_WINDOW, { LOG_WINDOW + 1 }>,
    axi: AxiLite,
    add: Add,
    total: DFF<Word<64>>,
    is_adding: DFF<Bit>,
    is_added: DFF<Bit>,
    is_last: DFF<Bit>,
    is_done: DFF<Bit>,
    is_idle: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    bit_cycles: Constant<Word<16>>,
    all_bytes: Constant<Word<4>>,
    id: Constant<Word<32>>,
}

impl Sums {
    /// With a line of so many cycles a bit, at least 4.
    pub(super) fn new(bit_cycles: u16) -> Self {
        Self {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            led_n: Signal::default(),
            power_up: PowerUp::default(),
            link: Link::default(),
            axi: AxiLite::default(),
            add: Add::default(),
            total: DFF::default(),
            is_adding: DFF::default(),
            is_added: DFF::default(),
            is_last: DFF::default(),
            is_done: DFF::default(),
            is_idle: Signal::default(),
            takes: Signal::default(),
            bit_cycles: Constant::new(Word::new(bit_cycles.into())),
            all_bytes: Constant::new(Word::new(0xf)),
            id: Constant::new(Word::new(SUMS_ID.into())),
        }
    }
}

impl Logic for Sums {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total, is_adding, is_added, is_last, is_done);
        clock!(self, clock, power_up, link, axi, add);
        self.power_up.is_locked.next = true;
        self.link.reset.next = self.power_up.reset.val();
        self.axi.reset.next = self.power_up.reset.val();
        self.led_n.next = self.power_up.reset.val();
        self.link.bit_cycles.next = self.bit_cycles.val();
        self.link.rx.next = self.rx.val();
        self.tx.next = self.link.tx.val();

        self.axi.aw_valid.next = self.link.aw_valid.val();
        self.link.aw_ready.next = self.axi.aw_ready.val();
        self.axi.aw_addr.next = self.link.aw_addr.val();
        self.axi.w_valid.next = self.link.w_valid.val();
        self.link.w_ready.next = self.axi.w_ready.val();
        self.axi.w_data.next = self.link.w_data.val();
        self.axi.w_strb.next = self.all_bytes.val();
        self.link.b_valid.next = self.axi.b_valid.val();
        self.axi.b_ready.next = true;
        self.link.b_resp.next = self.axi.b_resp.val();
        self.axi.ar_valid.next = self.link.ar_valid.val();
        self.link.ar_ready.next = self.axi.ar_ready.val();
        self.axi.ar_addr.next = self.link.ar_addr.val();
        self.link.r_valid.next = self.axi.r_valid.val();
        self.axi.r_ready.next = true;
        self.link.r_data.next = self.axi.r_data.val();
        self.link.r_resp.next = self.axi.r_resp.val();
        self.axi.is_writable.next = false;
        self.axi.is_readable.next = !self.axi.read_index.val().any();
        self.axi.read_data.next = self.id.val();

        // A word a time, three cycles each: the line is slower by far.
        self.is_idle.next =
            !self.is_adding.q.val() & !self.is_added.q.val() & !self.is_done.q.val();
        self.link.m_ready.next = self.is_idle.val();
        self.takes.next = self.link.m_valid.val() & self.is_idle.val();
        self.add.a.next = self.total.q.val();
        self.add.b.next = self.link.m_word.val();
        self.is_adding.d.next = self.takes.val();
        self.is_added.d.next = self.is_adding.q.val();
        if self.takes.val() {
            self.is_last.d.next = self.link.m_last.val();
        }
        if self.is_added.q.val() {
            self.total.d.next = self.add.y.val();
            self.is_done.d.next = self.is_last.q.val();
        }
        self.link.s_valid.next = self.is_done.q.val();
        self.link.s_word.next = self.total.q.val();
        self.link.s_last.next = true;
        if self.is_done.q.val() && self.link.s_ready.val() {
            self.is_done.d.next = false;
            self.total.d.next = 0u64.into();
        }
        if self.power_up.reset.val() {
            self.total.d.next = 0u64.into();
            self.is_adding.d.next = false;
            self.is_added.d.next = false;
            self.is_done.d.next = false;
        }
    }
}

crate::ports! { Sums { clock; in: rx; out: tx, led_n } }
