//! AXI4-Lite in front of the register file.
//!
//! Source: Arm IHI 0022, AMBA AXI protocol, part B. Address and word of a write may come in any order; one write and one
//! read may be under way.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// A slave of 64 registers of 32 bits.
#[derive(LogicBlock, Default)]
pub(crate) struct AxiLite {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The address of a write is offered.
    pub aw_valid: Signal<In, Bit>,
    /// It is taken.
    pub aw_ready: Signal<Out, Bit>,
    /// In bytes.
    pub aw_addr: Signal<In, Word<8>>,
    /// The word of a write is offered.
    pub w_valid: Signal<In, Bit>,
    /// It is taken.
    pub w_ready: Signal<Out, Bit>,
    /// The word.
    pub w_data: Signal<In, Word<32>>,
    /// Its bytes that are written: all, or else the write fails.
    pub w_strb: Signal<In, Word<4>>,
    /// A write is done.
    pub b_valid: Signal<Out, Bit>,
    /// The answer is taken.
    pub b_ready: Signal<In, Bit>,
    /// 0 if it was done, 2 (SLVERR) if not.
    pub b_resp: Signal<Out, Word<2>>,
    /// The address of a read is offered.
    pub ar_valid: Signal<In, Bit>,
    /// It is taken.
    pub ar_ready: Signal<Out, Bit>,
    /// In bytes.
    pub ar_addr: Signal<In, Word<8>>,
    /// A word was read.
    pub r_valid: Signal<Out, Bit>,
    /// It is taken.
    pub r_ready: Signal<In, Bit>,
    /// The word.
    pub r_data: Signal<Out, Word<32>>,
    /// 0, or 2 (SLVERR) if there is no such register.
    pub r_resp: Signal<Out, Word<2>>,
    /// A register is written.
    pub is_writing: Signal<Out, Bit>,
    /// Which.
    pub write_index: Signal<Out, Word<6>>,
    /// With what.
    pub write_data: Signal<Out, Word<32>>,
    /// Whether it can be.
    pub is_writable: Signal<In, Bit>,
    /// The register that is read.
    pub read_index: Signal<Out, Word<6>>,
    /// What it holds.
    pub read_data: Signal<In, Word<32>>,
    /// Whether it can be read.
    pub is_readable: Signal<In, Bit>,
    has_address: DFF<Bit>,
    address: DFF<Word<8>>,
    has_word: DFF<Bit>,
    word: DFF<Word<32>>,
    is_whole: DFF<Bit>,
    is_written: DFF<Bit>,
    is_refused: DFF<Bit>,
    is_read: DFF<Bit>,
    answer: DFF<Word<32>>,
    is_unknown: DFF<Bit>,
    writes: Signal<Local, Bit>,
    is_aligned: Signal<Local, Bit>,
    low_bits: Signal<Local, Word<2>>,
    read_low_bits: Signal<Local, Word<2>>,
}

impl Logic for AxiLite {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            has_address,
            address,
            has_word,
            word,
            is_whole,
            is_written,
            is_refused,
            is_read,
            answer,
            is_unknown
        );
        self.aw_ready.next = !self.has_address.q.val();
        self.w_ready.next = !self.has_word.q.val();
        if self.aw_valid.val() && !self.has_address.q.val() {
            self.has_address.d.next = true;
            self.address.d.next = self.aw_addr.val();
        }
        if self.w_valid.val() && !self.has_word.q.val() {
            self.has_word.d.next = true;
            self.word.d.next = self.w_data.val();
            self.is_whole.d.next = self.w_strb.val().all();
        }

        // A write happens once both are there and the answer to the one before was taken.
        self.low_bits.next = self.address.q.val().get_bits::<2>(0);
        self.is_aligned.next = !self.low_bits.val().any();
        self.writes.next =
            self.has_address.q.val() && self.has_word.q.val() && !self.is_written.q.val();
        self.is_writing.next = self.writes.val() && self.is_whole.q.val() && self.is_aligned.val();
        self.write_index.next = self.address.q.val().get_bits::<6>(2);
        self.write_data.next = self.word.q.val();
        self.b_valid.next = self.is_written.q.val();
        self.b_resp.next = 0u64.into();
        if self.is_refused.q.val() {
            self.b_resp.next = 2u64.into();
        }
        if self.b_ready.val() {
            self.is_written.d.next = false;
        }
        if self.writes.val() {
            self.has_address.d.next = false;
            self.has_word.d.next = false;
            self.is_written.d.next = true;
            self.is_refused.d.next =
                !self.is_writable.val() || !self.is_whole.q.val() || !self.is_aligned.val();
        }

        self.ar_ready.next = !self.is_read.q.val();
        self.read_index.next = self.ar_addr.val().get_bits::<6>(2);
        self.read_low_bits.next = self.ar_addr.val().get_bits::<2>(0);
        self.r_valid.next = self.is_read.q.val();
        self.r_data.next = self.answer.q.val();
        self.r_resp.next = 0u64.into();
        if self.is_unknown.q.val() {
            self.r_resp.next = 2u64.into();
        }
        if self.r_ready.val() {
            self.is_read.d.next = false;
        }
        if self.ar_valid.val() && !self.is_read.q.val() {
            self.is_read.d.next = true;
            self.answer.d.next = self.read_data.val();
            self.is_unknown.d.next = !self.is_readable.val() || self.read_low_bits.val().any();
        }
        if self.reset.val() {
            self.has_address.d.next = false;
            self.has_word.d.next = false;
            self.is_written.d.next = false;
            self.is_read.d.next = false;
        }
    }
}
