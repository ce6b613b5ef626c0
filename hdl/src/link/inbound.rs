//! Frames from the host: requests, and the words of jobs.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::crc::Crc32;
use crate::parts::{LutRam, Ram};
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Cycles from an address of the memory to its word, and one more for the address to be there.
const READ_CYCLES: u128 = Ram::<9>::LATENCY as u128;

/// Checks frames, and keeps up to 2^`A` words of jobs until the accelerator takes them; `C` = `A` + 1.
///
/// Words of a frame are written behind those that wait, and count once the request is accepted: a frame that is damaged, or was
/// there before, leaves nothing behind.
#[derive(LogicBlock)]
pub(super) struct Inbound<const A: usize, const C: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets all words.
    pub reset: Signal<In, Bit>,
    /// A byte of a frame came.
    pub byte_valid: Signal<In, Bit>,
    /// The byte.
    pub byte_data: Signal<In, Word<8>>,
    /// A frame ends.
    pub is_end: Signal<In, Bit>,
    /// A request is there, for one cycle: an undamaged frame.
    pub is_request: Signal<Out, Bit>,
    /// Its first eight bytes.
    pub header: Signal<Out, Word<64>>,
    /// There was no room for its words.
    pub is_overflow: Signal<Out, Bit>,
    /// In that cycle: its words count.
    pub is_accepted: Signal<In, Bit>,
    /// In that cycle: the words that wait are forgotten.
    pub drops: Signal<In, Bit>,
    /// Places for words.
    pub room: Signal<Out, Word<C>>,
    /// A word is offered.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// It is the last of its job.
    pub m_last: Signal<Out, Bit>,
    crc: Crc32,
    memory: Ram<A>,
    marks: LutRam<Word<1>, A>,
    shift: DFF<Word<64>>,
    place: DFF<Word<3>>,
    has_header: DFF<Bit>,
    head: DFF<Word<64>>,
    request: DFF<Bit>,
    overflow: DFF<Bit>,
    written: DFF<Word<C>>,
    count: DFF<Word<C>>,
    tail: DFF<Word<A>>,
    oldest: DFF<Word<A>>,
    waited: DFF<Word<2>>,
    offered: DFF<Bit>,
    word: DFF<Word<64>>,
    last: DFF<Bit>,
    capacity: Constant<Word<C>>,
    read_cycles: Constant<Word<2>>,
    shifted: Signal<Local, Word<64>>,
    is_word: Signal<Local, Bit>,
    is_stored: Signal<Local, Bit>,
    is_full: Signal<Local, Bit>,
    is_taken: Signal<Local, Bit>,
    is_marking: Signal<Local, Bit>,
    is_undamaged: Signal<Local, Bit>,
    held: Signal<Local, Word<C>>,
    next: Signal<Local, Word<A>>,
    last_written: Signal<Local, Word<A>>,
}

impl<const A: usize, const C: usize> Default for Inbound<A, C> {
    fn default() -> Self {
        assert_eq!(C, A + 1, "the count has one bit more than an address");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            byte_valid: Signal::default(),
            byte_data: Signal::default(),
            is_end: Signal::default(),
            is_request: Signal::default(),
            header: Signal::default(),
            is_overflow: Signal::default(),
            is_accepted: Signal::default(),
            drops: Signal::default(),
            room: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: Signal::default(),
            m_last: Signal::default(),
            crc: Crc32::default(),
            memory: Ram::default(),
            marks: LutRam::default(),
            shift: DFF::default(),
            place: DFF::default(),
            has_header: DFF::default(),
            head: DFF::default(),
            request: DFF::default(),
            overflow: DFF::default(),
            written: DFF::default(),
            count: DFF::default(),
            tail: DFF::default(),
            oldest: DFF::default(),
            waited: DFF::default(),
            offered: DFF::default(),
            word: DFF::default(),
            last: DFF::default(),
            capacity: Constant::new(Word::new(1 << A)),
            read_cycles: Constant::new(Word::new(READ_CYCLES)),
            shifted: Signal::default(),
            is_word: Signal::default(),
            is_stored: Signal::default(),
            is_full: Signal::default(),
            is_taken: Signal::default(),
            is_marking: Signal::default(),
            is_undamaged: Signal::default(),
            held: Signal::default(),
            next: Signal::default(),
            last_written: Signal::default(),
        }
    }
}

impl<const A: usize, const C: usize> Logic for Inbound<A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, shift, place, has_header, head, request, overflow, written, count, tail,
            oldest
        );
        dff_setup!(self, clock, waited, offered, word, last);
        clock!(self, clock, crc, memory, marks);

        // Bytes to words of eight, the first of them the header; four more bytes are the checksum.
        self.shifted.next =
            (self.shift.q.val() >> 8) | (bit_cast_word::<64, 8>(self.byte_data.val()) << 56);
        self.crc.clear.next = self.is_end.val() || self.reset.val();
        self.crc.s_valid.next = self.byte_valid.val();
        self.crc.s_data.next = self.byte_data.val();
        if self.byte_valid.val() {
            self.shift.d.next = self.shifted.val();
            self.place.d.next = self.place.q.val() + 1;
        }
        self.is_word.next = self.byte_valid.val() && self.place.q.val().all();
        if self.is_word.val() && !self.has_header.q.val() {
            self.has_header.d.next = true;
            self.head.d.next = self.shifted.val();
        }
        self.held.next = self.count.q.val() + self.written.q.val();
        self.is_full.next = self.held.val() == self.capacity.val();
        self.is_stored.next = self.is_word.val() && self.has_header.q.val() && !self.is_full.val();
        self.next.next = self.tail.q.val() + bit_cast_word::<A, C>(self.written.q.val());
        self.last_written.next = self.next.val() - 1;
        self.memory.write_enable.next = self.is_stored.val();
        self.memory.write_address.next = self.next.val();
        self.memory.write_data.next = self.shifted.val();
        if self.is_stored.val() {
            self.written.d.next = self.written.q.val() + 1;
        }
        if self.is_word.val() && self.has_header.q.val() && self.is_full.val() {
            self.overflow.d.next = true;
        }

        // The end of a frame, and in the next cycle what becomes of it.
        self.is_undamaged.next =
            self.has_header.q.val() && self.crc.is_right.val() && (self.place.q.val() == 4);
        self.request.d.next = self.is_end.val() && self.is_undamaged.val();
        if self.is_end.val() {
            self.place.d.next = 0u64.into();
            self.has_header.d.next = false;
        }
        self.is_request.next = self.request.q.val();
        self.header.next = self.head.q.val();
        self.is_overflow.next = self.overflow.q.val();
        self.room.next = self.capacity.val() - self.held.val();

        // Every word is written unmarked; the last of an accepted frame may be the last of its job.
        self.is_marking.next =
            self.request.q.val() && self.is_accepted.val() && self.head.q.val().get_bit(24);
        self.marks.write_enable.next = self.is_stored.val() || self.is_marking.val();
        self.marks.write_address.next = self.next.val();
        self.marks.write_data.next = bit_cast_bit::<1>(self.is_marking.val());
        if self.is_marking.val() {
            self.marks.write_address.next = self.last_written.val();
        }

        // Words out.
        self.is_taken.next = self.offered.q.val() && self.m_ready.val();
        self.memory.read_address.next = self.oldest.q.val();
        self.marks.read_address.next = self.oldest.q.val();
        if !self.offered.q.val() && self.count.q.val().any() {
            self.waited.d.next = self.waited.q.val() + 1;
            if self.waited.q.val() == self.read_cycles.val() {
                self.offered.d.next = true;
                self.word.d.next = self.memory.read_data.val();
                self.last.d.next = self.marks.read_data.val().any();
            }
        }
        if self.is_taken.val() {
            self.offered.d.next = false;
            self.waited.d.next = 0u64.into();
            self.oldest.d.next = self.oldest.q.val() + 1;
            self.count.d.next = self.count.q.val() - 1;
        }
        self.m_valid.next = self.offered.q.val();
        self.m_word.next = self.word.q.val();
        self.m_last.next = self.last.q.val();

        if self.request.q.val() && self.is_accepted.val() {
            self.tail.d.next = self.next.val();
            self.count.d.next = self.held.val();
            if self.is_taken.val() {
                self.count.d.next = self.held.val() - 1;
            }
        }
        if self.request.q.val() || (self.is_end.val() && !self.is_undamaged.val()) {
            self.written.d.next = 0u64.into();
            self.overflow.d.next = false;
        }
        if self.reset.val() || (self.request.q.val() && self.drops.val()) {
            self.written.d.next = 0u64.into();
            self.overflow.d.next = false;
            self.count.d.next = 0u64.into();
            self.waited.d.next = 0u64.into();
            self.offered.d.next = false;
            self.oldest.d.next = self.tail.q.val();
            self.tail.d.next = self.tail.q.val();
        }
        if self.reset.val() {
            self.place.d.next = 0u64.into();
            self.has_header.d.next = false;
            self.request.d.next = false;
        }
    }
}
