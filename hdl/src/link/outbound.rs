//! Frames to the host: answers, and the words of results.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::crc::Crc32;
use crate::parts::{LutRam, Ram};
use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Cycles from an address of the memory to its word, and one more for the address to be there.
const READ_CYCLES: u128 = Ram::<9>::LATENCY as u128;

/// Keeps up to 2^`A` words of results, `C` = `A` + 1, and sends answers.
///
/// An answer is eight bytes of header, words of results, a byte that is 1 if the last of them is the last of its job, and the
/// checksum. Words that were sent stay until they are released: an answer can be sent again, with the same words.
#[derive(LogicBlock)]
pub(super) struct Outbound<const A: usize, const C: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets all words and sends nothing.
    pub reset: Signal<In, Bit>,
    /// A word of a result is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// The word.
    pub s_word: Signal<In, Word<64>>,
    /// It is the last of its job.
    pub s_last: Signal<In, Bit>,
    /// The words of the last answer have arrived.
    pub releases: Signal<In, Bit>,
    /// All words are forgotten.
    pub drops: Signal<In, Bit>,
    /// An answer is to be sent; only when none is.
    pub starts: Signal<In, Bit>,
    /// Its header, in the cycle after.
    pub header: Signal<In, Word<64>>,
    /// Words of results at most, in the same cycle as `starts`.
    pub most: Signal<In, Word<8>>,
    /// The answer is that before, with as many words.
    pub is_repeat: Signal<In, Bit>,
    /// An answer is being sent.
    pub is_sending: Signal<Out, Bit>,
    /// A byte of a frame is offered, or its end.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The byte.
    pub m_data: Signal<Out, Word<8>>,
    /// The end, not a byte.
    pub m_end: Signal<Out, Bit>,
    crc: Crc32,
    memory: Ram<A>,
    marks: LutRam<Word<1>, A>,
    tail: DFF<Word<A>>,
    oldest: DFF<Word<A>>,
    count: DFF<Word<C>>,
    sent: DFF<Word<8>>,
    limit: DFF<Word<8>>,
    is_marked: DFF<Bit>,
    stage: DFF<Word<4>>,
    left: DFF<Word<3>>,
    hold: DFF<Word<64>>,
    waited: DFF<Word<2>>,
    capacity: Constant<Word<C>>,
    read_cycles: Constant<Word<2>>,
    is_room: Signal<Local, Bit>,
    is_stored: Signal<Local, Bit>,
    is_bytes: Signal<Local, Bit>,
    is_delimiter: Signal<Local, Bit>,
    is_taken: Signal<Local, Bit>,
    is_more: Signal<Local, Bit>,
    next: Signal<Local, Word<A>>,
    kept: Signal<Local, Word<C>>,
    seal: Signal<Local, Word<64>>,
}

impl<const A: usize, const C: usize> Default for Outbound<A, C> {
    fn default() -> Self {
        assert!(
            C == A + 1 && A >= 8,
            "{A}, {C}: an answer has up to 255 words"
        );
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: Signal::default(),
            s_last: Signal::default(),
            releases: Signal::default(),
            drops: Signal::default(),
            starts: Signal::default(),
            header: Signal::default(),
            most: Signal::default(),
            is_repeat: Signal::default(),
            is_sending: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_data: Signal::default(),
            m_end: Signal::default(),
            crc: Crc32::default(),
            memory: Ram::default(),
            marks: LutRam::default(),
            tail: DFF::default(),
            oldest: DFF::default(),
            count: DFF::default(),
            sent: DFF::default(),
            limit: DFF::default(),
            is_marked: DFF::default(),
            stage: DFF::default(),
            left: DFF::default(),
            hold: DFF::default(),
            waited: DFF::default(),
            capacity: Constant::new(Word::new(1 << A)),
            read_cycles: Constant::new(Word::new(READ_CYCLES)),
            is_room: Signal::default(),
            is_stored: Signal::default(),
            is_bytes: Signal::default(),
            is_delimiter: Signal::default(),
            is_taken: Signal::default(),
            is_more: Signal::default(),
            next: Signal::default(),
            kept: Signal::default(),
            seal: Signal::default(),
        }
    }
}

impl<const A: usize, const C: usize> Logic for Outbound<A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, tail, oldest, count, sent, limit, is_marked, stage, left, hold, waited
        );
        clock!(self, clock, crc, memory, marks);

        // Words in.
        self.is_room.next = self.count.q.val() != self.capacity.val();
        self.s_ready.next = self.is_room.val();
        self.is_stored.next = self.s_valid.val() && self.is_room.val();
        self.memory.write_enable.next = self.is_stored.val();
        self.memory.write_address.next = self.tail.q.val();
        self.memory.write_data.next = self.s_word.val();
        self.marks.write_enable.next = self.is_stored.val();
        self.marks.write_address.next = self.tail.q.val();
        self.marks.write_data.next = bit_cast_bit::<1>(self.s_last.val());
        self.kept.next = self.count.q.val();
        if self.releases.val() {
            self.oldest.d.next = self.oldest.q.val() + bit_cast_word::<A, 8>(self.sent.q.val());
            self.kept.next = self.count.q.val() - bit_cast_word::<C, 8>(self.sent.q.val());
            self.sent.d.next = 0u64.into();
        }
        self.count.d.next = self.kept.val();
        if self.is_stored.val() {
            self.tail.d.next = self.tail.q.val() + 1;
            self.count.d.next = self.kept.val() + 1;
        }

        // An answer: END, header, words, mark, checksum, END.
        self.is_sending.next = self.stage.q.val().any();
        self.is_delimiter.next = (self.stage.q.val() == 1) || (self.stage.q.val() == 8);
        self.is_bytes.next =
            (self.stage.q.val() == 2) || (self.stage.q.val() == 5) || (self.stage.q.val() == 6);
        self.m_valid.next =
            self.is_delimiter.val() || self.is_bytes.val() || (self.stage.q.val() == 7);
        self.m_end.next = self.is_delimiter.val();
        self.m_data.next = self.hold.q.val().get_bits::<8>(0);
        self.is_taken.next = self.m_valid.val() && self.m_ready.val();
        self.crc.clear.next = self.stage.q.val() == 1;
        self.crc.s_valid.next = self.is_bytes.val() && self.m_ready.val();
        self.crc.s_data.next = self.hold.q.val().get_bits::<8>(0);
        self.seal.next = bit_cast_word::<64, 32>(self.crc.checksum.val());

        self.next.next = self.oldest.q.val() + bit_cast_word::<A, 8>(self.sent.q.val());
        self.memory.read_address.next = self.next.val();
        self.marks.read_address.next = self.next.val();
        self.is_more.next = (self.sent.q.val() != self.limit.q.val())
            && (self.count.q.val() != bit_cast_word::<C, 8>(self.sent.q.val()))
            && !self.is_marked.q.val();
        if self.is_taken.val() {
            self.hold.d.next = self.hold.q.val() >> 8;
            self.left.d.next = self.left.q.val() - 1;
            if self.stage.q.val() == 1 {
                self.stage.d.next = 2u64.into();
                self.hold.d.next = self.header.val();
                self.left.d.next = 7u64.into();
            }
            if ((self.stage.q.val() == 2) || (self.stage.q.val() == 5)) && !self.left.q.val().any()
            {
                self.stage.d.next = 3u64.into();
            }
            if self.stage.q.val() == 6 {
                self.stage.d.next = 9u64.into();
            }
            if (self.stage.q.val() == 7) && !self.left.q.val().any() {
                self.stage.d.next = 8u64.into();
            }
            if self.stage.q.val() == 8 {
                self.stage.d.next = 0u64.into();
            }
        }
        if self.stage.q.val() == 3 {
            self.stage.d.next = 6u64.into();
            self.hold.d.next = bit_cast_bit::<64>(self.is_marked.q.val());
            self.waited.d.next = 0u64.into();
            if self.is_more.val() {
                self.stage.d.next = 4u64.into();
            }
        }
        if self.stage.q.val() == 4 {
            self.waited.d.next = self.waited.q.val() + 1;
            if self.waited.q.val() == self.read_cycles.val() {
                self.stage.d.next = 5u64.into();
                self.hold.d.next = self.memory.read_data.val();
                self.left.d.next = 7u64.into();
                self.is_marked.d.next = self.marks.read_data.val().any();
                self.sent.d.next = self.sent.q.val() + 1;
            }
        }
        if self.stage.q.val() == 9 {
            self.stage.d.next = 7u64.into();
            self.hold.d.next = self.seal.val();
            self.left.d.next = 3u64.into();
        }
        if self.starts.val() {
            self.stage.d.next = 1u64.into();
            self.is_marked.d.next = false;
            self.limit.d.next = self.most.val();
            if self.is_repeat.val() {
                self.limit.d.next = self.sent.q.val();
                self.sent.d.next = 0u64.into();
            }
        }
        if self.drops.val() || self.reset.val() {
            self.oldest.d.next = self.tail.q.val();
            self.tail.d.next = self.tail.q.val();
            self.count.d.next = 0u64.into();
            self.sent.d.next = 0u64.into();
        }
        if self.reset.val() {
            self.stage.d.next = 0u64.into();
        }
    }
}
