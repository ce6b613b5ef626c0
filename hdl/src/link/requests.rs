//! What is done about a request.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// Version of the protocol, in the answer to the request 0.
const PROTOCOL: u128 = 1;

/// Carries out requests one by one; see the module's page for their meaning. A request with the number of the one before is
/// that one again: it is answered again, and not carried out.
#[derive(LogicBlock)]
pub(super) struct Requests {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets the request before.
    pub reset: Signal<In, Bit>,
    /// A request is there, for one cycle.
    pub is_request: Signal<In, Bit>,
    /// Its header: number, kind, argument, flags, value.
    pub header: Signal<In, Word<64>>,
    /// There was no room for its words.
    pub is_overflow: Signal<In, Bit>,
    /// Its words count.
    pub is_accepted: Signal<Out, Bit>,
    /// All words on both ways are forgotten.
    pub drops: Signal<Out, Bit>,
    /// Places for words.
    pub room: Signal<In, Word<16>>,
    /// The words of the answer before have arrived.
    pub releases: Signal<Out, Bit>,
    /// An answer is to be sent.
    pub starts: Signal<Out, Bit>,
    /// It is that before.
    pub is_repeat: Signal<Out, Bit>,
    /// Words in it at most.
    pub most: Signal<Out, Word<8>>,
    /// Its header, until the next.
    pub answer: Signal<Out, Word<64>>,
    /// An answer is being sent.
    pub is_sending: Signal<In, Bit>,
    /// AXI4-Lite, as a master.
    pub aw_valid: Signal<Out, Bit>,
    /// It is taken.
    pub aw_ready: Signal<In, Bit>,
    /// In bytes, of writes and reads.
    pub address: Signal<Out, Word<8>>,
    /// The word of a write is offered.
    pub w_valid: Signal<Out, Bit>,
    /// It is taken.
    pub w_ready: Signal<In, Bit>,
    /// The word.
    pub w_data: Signal<Out, Word<32>>,
    /// A write is done.
    pub b_valid: Signal<In, Bit>,
    /// How.
    pub b_resp: Signal<In, Word<2>>,
    /// A read is offered.
    pub ar_valid: Signal<Out, Bit>,
    /// It is taken.
    pub ar_ready: Signal<In, Bit>,
    /// A word was read.
    pub r_valid: Signal<In, Bit>,
    /// The word.
    pub r_data: Signal<In, Word<32>>,
    /// How.
    pub r_resp: Signal<In, Word<2>>,
    number: DFF<Word<8>>,
    is_known: DFF<Bit>,
    kind: DFF<Word<8>>,
    register: DFF<Word<8>>,
    status: DFF<Word<2>>,
    value: DFF<Word<32>>,
    is_addressing: DFF<Bit>,
    is_giving: DFF<Bit>,
    is_asking: DFF<Bit>,
    is_waiting: DFF<Bit>,
    greeting: Constant<Word<32>>,
    answer_bit: Constant<Word<8>>,
    offered_number: Signal<Local, Word<8>>,
    offered_kind: Signal<Local, Word<8>>,
    is_open: Signal<Local, Bit>,
    is_same: Signal<Local, Bit>,
    is_new: Signal<Local, Bit>,
    is_hello: Signal<Local, Bit>,
    is_ended: Signal<Local, Bit>,
    shown: Signal<Local, Word<32>>,
    named: Signal<Local, Word<8>>,
}

impl Requests {
    /// Beside windows of 2^`log_window` words.
    pub(super) fn new(log_window: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            is_request: Signal::default(),
            header: Signal::default(),
            is_overflow: Signal::default(),
            is_accepted: Signal::default(),
            drops: Signal::default(),
            room: Signal::default(),
            releases: Signal::default(),
            starts: Signal::default(),
            is_repeat: Signal::default(),
            most: Signal::default(),
            answer: Signal::default(),
            is_sending: Signal::default(),
            aw_valid: Signal::default(),
            aw_ready: Signal::default(),
            address: Signal::default(),
            w_valid: Signal::default(),
            w_ready: Signal::default(),
            w_data: Signal::default(),
            b_valid: Signal::default(),
            b_resp: Signal::default(),
            ar_valid: Signal::default(),
            ar_ready: Signal::default(),
            r_valid: Signal::default(),
            r_data: Signal::default(),
            r_resp: Signal::default(),
            number: DFF::default(),
            is_known: DFF::default(),
            kind: DFF::default(),
            register: DFF::default(),
            status: DFF::default(),
            value: DFF::default(),
            is_addressing: DFF::default(),
            is_giving: DFF::default(),
            is_asking: DFF::default(),
            is_waiting: DFF::default(),
            greeting: Constant::new(Word::new(PROTOCOL | (log_window as u128) << 8)),
            answer_bit: Constant::new(Word::new(0x80)),
            offered_number: Signal::default(),
            offered_kind: Signal::default(),
            is_open: Signal::default(),
            is_same: Signal::default(),
            is_new: Signal::default(),
            is_hello: Signal::default(),
            is_ended: Signal::default(),
            shown: Signal::default(),
            named: Signal::default(),
        }
    }
}

impl Logic for Requests {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            number,
            is_known,
            kind,
            register,
            status,
            value,
            is_addressing,
            is_giving,
            is_asking,
            is_waiting
        );
        self.offered_number.next = self.header.val().get_bits::<8>(0);
        self.offered_kind.next = self.header.val().get_bits::<8>(8);
        self.is_hello.next = !self.offered_kind.val().any();
        self.is_open.next =
            self.is_request.val() && !self.is_sending.val() && !self.is_waiting.q.val();
        self.is_same.next = self.is_known.q.val()
            && (self.offered_number.val() == self.number.q.val())
            && !self.is_hello.val();
        self.is_new.next = self.is_open.val() && !self.is_same.val();
        self.is_repeat.next = self.is_open.val() && self.is_same.val();
        self.releases.next = self.is_new.val();
        self.starts.next = self.is_open.val();
        self.most.next = 0u64.into();
        self.is_accepted.next = false;
        self.drops.next = false;

        if self.is_new.val() {
            self.number.d.next = self.offered_number.val();
            self.kind.d.next = self.offered_kind.val();
            self.is_known.d.next = true;
            self.status.d.next = 0u64.into();
            self.value.d.next = 0u64.into();
            self.register.d.next = self.header.val().get_bits::<8>(16);
            if self.is_hello.val() {
                self.value.d.next = self.greeting.val();
                self.drops.next = self.header.val().get_bit(25);
            }
            if self.offered_kind.val() == 1 {
                self.starts.next = false;
                self.is_asking.d.next = true;
                self.is_waiting.d.next = true;
            }
            if self.offered_kind.val() == 2 {
                self.starts.next = false;
                self.is_addressing.d.next = true;
                self.is_giving.d.next = true;
                self.is_waiting.d.next = true;
                self.value.d.next = self.header.val().get_bits::<32>(32);
            }
            if self.offered_kind.val() == 3 {
                self.most.next = self.header.val().get_bits::<8>(16);
                self.is_accepted.next = !self.is_overflow.val();
                if self.is_overflow.val() {
                    self.status.d.next = 1u64.into();
                }
            }
            if self.offered_kind.val() > 3 {
                self.status.d.next = 3u64.into();
            }
        }

        // Registers.
        self.aw_valid.next = self.is_addressing.q.val();
        self.w_valid.next = self.is_giving.q.val();
        self.ar_valid.next = self.is_asking.q.val();
        self.address.next = self.register.q.val();
        self.w_data.next = self.value.q.val();
        if self.is_addressing.q.val() && self.aw_ready.val() {
            self.is_addressing.d.next = false;
        }
        if self.is_giving.q.val() && self.w_ready.val() {
            self.is_giving.d.next = false;
        }
        if self.is_asking.q.val() && self.ar_ready.val() {
            self.is_asking.d.next = false;
        }
        self.is_ended.next = self.is_waiting.q.val() && (self.b_valid.val() || self.r_valid.val());
        if self.is_ended.val() {
            self.is_waiting.d.next = false;
            self.starts.next = true;
            self.status.d.next = self.b_resp.val();
            if self.r_valid.val() {
                self.status.d.next = self.r_resp.val();
                self.value.d.next = self.r_data.val();
            }
        }

        // The answer's header: number, kind, status, nothing, value.
        self.shown.next = self.value.q.val();
        if self.kind.q.val() == 3 {
            self.shown.next = bit_cast_word::<32, 16>(self.room.val());
        }
        self.named.next = self.kind.q.val() | self.answer_bit.val();
        self.answer.next = ((bit_cast_word::<64, 8>(self.number.q.val()))
            | (bit_cast_word::<64, 8>(self.named.val()) << 8))
            | ((bit_cast_word::<64, 2>(self.status.q.val()) << 16)
                | (bit_cast_word::<64, 32>(self.shown.val()) << 32));

        if self.reset.val() {
            self.is_known.d.next = false;
            self.is_addressing.d.next = false;
            self.is_giving.d.next = false;
            self.is_asking.d.next = false;
            self.is_waiting.d.next = false;
        }
    }
}
