//! Frames in a stream of bytes.
//!
//! Source: RFC 1055 (SLIP). A frame ends with the byte END, which never is within one: END and ESC there are sent as ESC and
//! another byte. Whatever was lost or added, the next END is the end of a frame.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// Bytes of the line to bytes of frames.
#[derive(LogicBlock, Default)]
pub(super) struct Unframe {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A byte came.
    pub s_valid: Signal<In, Bit>,
    /// The byte.
    pub s_data: Signal<In, Word<8>>,
    /// It gives a byte of a frame.
    pub m_valid: Signal<Out, Bit>,
    /// The byte.
    pub m_data: Signal<Out, Word<8>>,
    /// It ends a frame.
    pub is_end: Signal<Out, Bit>,
    is_escaped: DFF<Bit>,
}

impl Logic for Unframe {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_escaped);
        self.m_valid.next = false;
        self.is_end.next = false;
        self.m_data.next = self.s_data.val();
        if self.is_escaped.q.val() {
            // Any other byte behind ESC stands for nothing, and the checksum will tell.
            self.m_data.next = 0xdbu64.into();
            if self.s_data.val() == 0xdc {
                self.m_data.next = 0xc0u64.into();
            }
        }
        if self.s_valid.val() {
            self.m_valid.next = true;
            self.is_escaped.d.next = false;
            if !self.is_escaped.q.val() && (self.s_data.val() == 0xdb) {
                self.m_valid.next = false;
                self.is_escaped.d.next = true;
            }
            if self.s_data.val() == 0xc0 {
                self.m_valid.next = false;
                self.is_end.next = true;
                self.is_escaped.d.next = false;
            }
        }
        if self.reset.val() {
            self.is_escaped.d.next = false;
        }
    }
}

/// Bytes of frames to bytes of the line. A byte is kept here while its one or two bytes leave.
#[derive(LogicBlock, Default)]
pub(super) struct Frame {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A byte of a frame is offered, or its end.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// The byte.
    pub s_data: Signal<In, Word<8>>,
    /// The end, not a byte.
    pub s_end: Signal<In, Bit>,
    /// A byte is offered to the line.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The byte.
    pub m_data: Signal<Out, Word<8>>,
    is_held: DFF<Bit>,
    held: DFF<Word<8>>,
    is_special: DFF<Bit>,
}

impl Logic for Frame {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_held, held, is_special);
        self.s_ready.next = !self.is_held.q.val();
        self.m_valid.next = self.is_held.q.val();
        self.m_data.next = self.held.q.val();
        if self.is_special.q.val() {
            self.m_data.next = 0xdbu64.into();
        }
        // Behind ESC: what stands for the byte.
        if self.is_held.q.val() && self.m_ready.val() {
            self.is_held.d.next = self.is_special.q.val();
            self.is_special.d.next = false;
            self.held.d.next = 0xddu64.into();
            if self.held.q.val() == 0xc0 {
                self.held.d.next = 0xdcu64.into();
            }
        }
        if self.s_valid.val() && !self.is_held.q.val() {
            self.is_held.d.next = true;
            self.held.d.next = self.s_data.val();
            self.is_special.d.next = (self.s_data.val() == 0xc0) || (self.s_data.val() == 0xdb);
            if self.s_end.val() {
                self.held.d.next = 0xc0u64.into();
                self.is_special.d.next = false;
            }
        }
        if self.reset.val() {
            self.is_held.d.next = false;
        }
    }
}
