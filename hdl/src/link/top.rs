//! The link's top: wiring.

use rust_hdl_core::prelude::*;

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::receiver::Receiver;
use super::requests::Requests;
use super::slip::{Frame, Unframe};
use super::transmitter::Transmitter;
use crate::word::{Word, bit_cast_word};

/// A serial line on one side, AXI4-Lite and two AXI4-Streams on the other, with room for 2^`A` words on each way; `C` = `A` + 1.
#[derive(LogicBlock)]
pub struct Link<const A: usize, const C: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets everything.
    pub reset: Signal<In, Bit>,
    /// Cycles of a bit on the line, at least 4.
    pub bit_cycles: Signal<In, Word<16>>,
    /// The line from the host, high when idle; of any clock.
    pub rx: Signal<In, Bit>,
    /// The line to the host.
    pub tx: Signal<Out, Bit>,
    /// AXI4-Lite master: the address of a write is offered.
    pub aw_valid: Signal<Out, Bit>,
    /// It is taken.
    pub aw_ready: Signal<In, Bit>,
    /// In bytes.
    pub aw_addr: Signal<Out, Word<8>>,
    /// The word of a write is offered.
    pub w_valid: Signal<Out, Bit>,
    /// It is taken.
    pub w_ready: Signal<In, Bit>,
    /// The word, of which all bytes are written.
    pub w_data: Signal<Out, Word<32>>,
    /// A write is done; the answer is always taken.
    pub b_valid: Signal<In, Bit>,
    /// 0, or 2 if it was not done.
    pub b_resp: Signal<In, Word<2>>,
    /// AXI4-Lite master: the address of a read is offered.
    pub ar_valid: Signal<Out, Bit>,
    /// It is taken.
    pub ar_ready: Signal<In, Bit>,
    /// In bytes.
    pub ar_addr: Signal<Out, Word<8>>,
    /// A word was read; it is always taken.
    pub r_valid: Signal<In, Bit>,
    /// The word.
    pub r_data: Signal<In, Word<32>>,
    /// 0, or 2 if there is no such register.
    pub r_resp: Signal<In, Word<2>>,
    /// AXI4-Stream: a word of a result is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// The word.
    pub s_word: Signal<In, Word<64>>,
    /// It is the last of its job.
    pub s_last: Signal<In, Bit>,
    /// AXI4-Stream: a word of a job is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// It is the last of its job.
    pub m_last: Signal<Out, Bit>,
    receiver: Receiver,
    unframe: Unframe,
    inbound: Inbound<A, C>,
    requests: Requests,
    outbound: Outbound<A, C>,
    frame: Frame,
    transmitter: Transmitter,
}

impl<const A: usize, const C: usize> Default for Link<A, C> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            bit_cycles: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            aw_valid: Signal::default(),
            aw_ready: Signal::default(),
            aw_addr: Signal::default(),
            w_valid: Signal::default(),
            w_ready: Signal::default(),
            w_data: Signal::default(),
            b_valid: Signal::default(),
            b_resp: Signal::default(),
            ar_valid: Signal::default(),
            ar_ready: Signal::default(),
            ar_addr: Signal::default(),
            r_valid: Signal::default(),
            r_data: Signal::default(),
            r_resp: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: Signal::default(),
            s_last: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: Signal::default(),
            m_last: Signal::default(),
            receiver: Receiver::default(),
            unframe: Unframe::default(),
            inbound: Inbound::default(),
            requests: Requests::new(A),
            outbound: Outbound::default(),
            frame: Frame::default(),
            transmitter: Transmitter::default(),
        }
    }
}

impl<const A: usize, const C: usize> Logic for Link<A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            receiver,
            unframe,
            inbound,
            requests,
            outbound,
            frame,
            transmitter
        );
        // From the line.
        self.receiver.reset.next = self.reset.val();
        self.receiver.bit_cycles.next = self.bit_cycles.val();
        self.receiver.rx.next = self.rx.val();
        self.unframe.reset.next = self.reset.val();
        self.unframe.s_valid.next = self.receiver.m_valid.val();
        self.unframe.s_data.next = self.receiver.m_data.val();
        self.inbound.reset.next = self.reset.val();
        self.inbound.byte_valid.next = self.unframe.m_valid.val();
        self.inbound.byte_data.next = self.unframe.m_data.val();
        self.inbound.is_end.next = self.unframe.is_end.val();
        self.m_valid.next = self.inbound.m_valid.val();
        self.inbound.m_ready.next = self.m_ready.val();
        self.m_word.next = self.inbound.m_word.val();
        self.m_last.next = self.inbound.m_last.val();

        // Requests.
        self.requests.reset.next = self.reset.val();
        self.requests.is_request.next = self.inbound.is_request.val();
        self.requests.header.next = self.inbound.header.val();
        self.requests.is_overflow.next = self.inbound.is_overflow.val();
        self.inbound.is_accepted.next = self.requests.is_accepted.val();
        self.inbound.drops.next = self.requests.drops.val();
        self.requests.room.next = bit_cast_word::<16, C>(self.inbound.room.val());
        self.aw_valid.next = self.requests.aw_valid.val();
        self.requests.aw_ready.next = self.aw_ready.val();
        self.aw_addr.next = self.requests.address.val();
        self.w_valid.next = self.requests.w_valid.val();
        self.requests.w_ready.next = self.w_ready.val();
        self.w_data.next = self.requests.w_data.val();
        self.requests.b_valid.next = self.b_valid.val();
        self.requests.b_resp.next = self.b_resp.val();
        self.ar_valid.next = self.requests.ar_valid.val();
        self.requests.ar_ready.next = self.ar_ready.val();
        self.ar_addr.next = self.requests.address.val();
        self.requests.r_valid.next = self.r_valid.val();
        self.requests.r_data.next = self.r_data.val();
        self.requests.r_resp.next = self.r_resp.val();

        // To the line.
        self.outbound.reset.next = self.reset.val();
        self.outbound.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.outbound.s_ready.val();
        self.outbound.s_word.next = self.s_word.val();
        self.outbound.s_last.next = self.s_last.val();
        self.outbound.releases.next = self.requests.releases.val();
        self.outbound.drops.next = self.requests.drops.val();
        self.outbound.starts.next = self.requests.starts.val();
        self.outbound.is_repeat.next = self.requests.is_repeat.val();
        self.outbound.most.next = self.requests.most.val();
        self.outbound.header.next = self.requests.answer.val();
        self.requests.is_sending.next = self.outbound.is_sending.val();
        self.frame.reset.next = self.reset.val();
        self.frame.s_valid.next = self.outbound.m_valid.val();
        self.outbound.m_ready.next = self.frame.s_ready.val();
        self.frame.s_data.next = self.outbound.m_data.val();
        self.frame.s_end.next = self.outbound.m_end.val();
        self.transmitter.reset.next = self.reset.val();
        self.transmitter.bit_cycles.next = self.bit_cycles.val();
        self.transmitter.s_valid.next = self.frame.m_valid.val();
        self.frame.m_ready.next = self.transmitter.s_ready.val();
        self.transmitter.s_data.next = self.frame.m_data.val();
        self.tx.next = self.transmitter.tx.val();
    }
}

crate::ports! { [const A: usize, const C: usize] Link<A, C> {
    clock;
    in: reset, bit_cycles, rx, aw_ready, w_ready, b_valid, b_resp, ar_ready, r_valid, r_data, r_resp, s_valid, s_word,
        s_last, m_ready;
    out: tx, aw_valid, aw_addr, w_valid, w_data, ar_valid, ar_addr, s_ready, m_valid, m_word, m_last
} }
