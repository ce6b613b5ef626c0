//! Which rows are under way, and which of them has a block to hash.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_bit, bit_cast_word};

/// Rows under way at most: one loaded, the others hashed, enough for five blocks in a core.
pub(super) const SLOTS: usize = 8;

/// The row in one slot: its blocks in memory, how many of them are hashed, and whether one is now.
#[derive(LogicBlock)]
pub(super) struct Slot {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: empties the slot.
    pub reset: Signal<In, Bit>,
    /// A block of slot `loaded` has come.
    pub is_loaded: Signal<In, Bit>,
    /// See there.
    pub loaded: Signal<In, Word<3>>,
    /// The next block of slot `picked` is to be hashed.
    pub is_picked: Signal<In, Bit>,
    /// See there.
    pub picked: Signal<In, Word<3>>,
    /// The block of slot `hashed` is hashed.
    pub is_hashed: Signal<In, Bit>,
    /// See there.
    pub hashed: Signal<In, Word<3>>,
    /// And that was its last.
    pub is_last: Signal<In, Bit>,
    /// The digest of slot `oldest` is taken, the slot free.
    pub is_retired: Signal<In, Bit>,
    /// See there.
    pub oldest: Signal<In, Word<3>>,
    /// The slot whose block number is wanted.
    pub shown: Signal<In, Word<3>>,
    /// A block waits.
    pub is_ready: Signal<Out, Bit>,
    /// This is the oldest slot and its row is hashed.
    pub is_done: Signal<Out, Bit>,
    /// Number of the block waiting or being hashed, if this is the slot shown, else 0.
    pub block: Signal<Out, Word<6>>,
    own: Constant<Word<3>>,
    in_memory: DFF<Word<6>>,
    finished: DFF<Word<6>>,
    is_under_way: DFF<Bit>,
    is_complete: DFF<Bit>,
}

impl Slot {
    /// The slot of that number.
    fn new(number: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            is_loaded: Signal::default(),
            loaded: Signal::default(),
            is_picked: Signal::default(),
            picked: Signal::default(),
            is_hashed: Signal::default(),
            hashed: Signal::default(),
            is_last: Signal::default(),
            is_retired: Signal::default(),
            oldest: Signal::default(),
            shown: Signal::default(),
            is_ready: Signal::default(),
            is_done: Signal::default(),
            block: Signal::default(),
            own: Constant::new(Word::new(number as u128)),
            in_memory: DFF::default(),
            finished: DFF::default(),
            is_under_way: DFF::default(),
            is_complete: DFF::default(),
        }
    }
}

impl Logic for Slot {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, in_memory, finished, is_under_way, is_complete);
        self.is_ready.next =
            !self.is_under_way.q.val() && (self.in_memory.q.val() != self.finished.q.val());
        self.is_done.next = self.is_complete.q.val() && (self.oldest.val() == self.own.val());
        self.block.next = 0u64.into();
        if self.shown.val() == self.own.val() {
            self.block.next = self.finished.q.val();
        }
        if self.is_loaded.val() && (self.loaded.val() == self.own.val()) {
            self.in_memory.d.next = self.in_memory.q.val() + 1;
        }
        if self.is_picked.val() && (self.picked.val() == self.own.val()) {
            self.is_under_way.d.next = true;
        }
        if self.is_hashed.val() && (self.hashed.val() == self.own.val()) {
            self.is_under_way.d.next = false;
            self.finished.d.next = self.finished.q.val() + 1;
            self.is_complete.d.next = self.is_last.val();
        }
        if self.is_retired.val() && (self.oldest.val() == self.own.val()) {
            self.in_memory.d.next = 0u64.into();
            self.finished.d.next = 0u64.into();
            self.is_complete.d.next = false;
        }
        if self.reset.val() {
            self.in_memory.d.next = 0u64.into();
            self.finished.d.next = 0u64.into();
            self.is_under_way.d.next = false;
            self.is_complete.d.next = false;
        }
    }
}

/// All slots, and the choice of the oldest that has a block waiting.
#[derive(LogicBlock)]
pub(super) struct Slots {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: empties all slots.
    pub reset: Signal<In, Bit>,
    /// As in [`Slot`].
    pub is_loaded: Signal<In, Bit>,
    /// As in [`Slot`].
    pub loaded: Signal<In, Word<3>>,
    /// The slot chosen is picked.
    pub is_picked: Signal<In, Bit>,
    /// As in [`Slot`].
    pub is_hashed: Signal<In, Bit>,
    /// As in [`Slot`].
    pub hashed: Signal<In, Word<3>>,
    /// As in [`Slot`].
    pub is_last: Signal<In, Bit>,
    /// As in [`Slot`].
    pub is_retired: Signal<In, Bit>,
    /// As in [`Slot`].
    pub oldest: Signal<In, Word<3>>,
    /// As in [`Slot`].
    pub shown: Signal<In, Word<3>>,
    /// Some slot has a block waiting.
    pub is_ready: Signal<Out, Bit>,
    /// The oldest such slot.
    pub choice: Signal<Out, Word<3>>,
    /// The row in the oldest slot is hashed.
    pub is_done: Signal<Out, Bit>,
    /// Number of the block waiting or being hashed in the slot shown.
    pub block: Signal<Out, Word<5>>,
    slot: [Slot; SLOTS],
    ready: Signal<Local, Word<8>>,
    ready_twice: Signal<Local, Word<16>>,
    by_age: Signal<Local, Word<16>>,
    age: Signal<Local, Word<3>>,
    chosen: Signal<Local, Word<3>>,
    number: Signal<Local, Word<6>>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            is_loaded: Signal::default(),
            loaded: Signal::default(),
            is_picked: Signal::default(),
            is_hashed: Signal::default(),
            hashed: Signal::default(),
            is_last: Signal::default(),
            is_retired: Signal::default(),
            oldest: Signal::default(),
            shown: Signal::default(),
            is_ready: Signal::default(),
            choice: Signal::default(),
            is_done: Signal::default(),
            block: Signal::default(),
            slot: std::array::from_fn(Slot::new),
            ready: Signal::default(),
            ready_twice: Signal::default(),
            by_age: Signal::default(),
            age: Signal::default(),
            chosen: Signal::default(),
            number: Signal::default(),
        }
    }
}

impl Logic for Slots {
    #[hdl_gen]
    fn update(&mut self) {
        self.ready.next = bit_cast_bit::<8>(self.slot[0].is_ready.val())
            | (bit_cast_bit::<8>(self.slot[1].is_ready.val()) << 1)
            | (bit_cast_bit::<8>(self.slot[2].is_ready.val()) << 2)
            | (bit_cast_bit::<8>(self.slot[3].is_ready.val()) << 3)
            | (bit_cast_bit::<8>(self.slot[4].is_ready.val()) << 4)
            | (bit_cast_bit::<8>(self.slot[5].is_ready.val()) << 5)
            | (bit_cast_bit::<8>(self.slot[6].is_ready.val()) << 6)
            | (bit_cast_bit::<8>(self.slot[7].is_ready.val()) << 7);
        self.is_ready.next = self.ready.val().any();
        self.ready_twice.next = bit_cast_word::<16, 8>(self.ready.val())
            | (bit_cast_word::<16, 8>(self.ready.val()) << 8);
        self.by_age.next = self.ready_twice.val() >> self.oldest.val();
        self.age.next = 7u64.into();
        if self.by_age.val().get_bit(6) {
            self.age.next = 6u64.into();
        }
        if self.by_age.val().get_bit(5) {
            self.age.next = 5u64.into();
        }
        if self.by_age.val().get_bit(4) {
            self.age.next = 4u64.into();
        }
        if self.by_age.val().get_bit(3) {
            self.age.next = 3u64.into();
        }
        if self.by_age.val().get_bit(2) {
            self.age.next = 2u64.into();
        }
        if self.by_age.val().get_bit(1) {
            self.age.next = 1u64.into();
        }
        if self.by_age.val().get_bit(0) {
            self.age.next = 0u64.into();
        }
        self.chosen.next = self.oldest.val() + self.age.val();
        self.choice.next = self.chosen.val();

        for i in 0..8 {
            self.slot[i].clock.next = self.clock.val();
            self.slot[i].reset.next = self.reset.val();
            self.slot[i].is_loaded.next = self.is_loaded.val();
            self.slot[i].loaded.next = self.loaded.val();
            self.slot[i].is_picked.next = self.is_picked.val();
            self.slot[i].picked.next = self.chosen.val();
            self.slot[i].is_hashed.next = self.is_hashed.val();
            self.slot[i].hashed.next = self.hashed.val();
            self.slot[i].is_last.next = self.is_last.val();
            self.slot[i].is_retired.next = self.is_retired.val();
            self.slot[i].oldest.next = self.oldest.val();
            self.slot[i].shown.next = self.shown.val();
        }
        self.is_done.next = self.slot[0].is_done.val()
            || self.slot[1].is_done.val()
            || self.slot[2].is_done.val()
            || self.slot[3].is_done.val()
            || self.slot[4].is_done.val()
            || self.slot[5].is_done.val()
            || self.slot[6].is_done.val()
            || self.slot[7].is_done.val();
        self.number.next = self.slot[0].block.val()
            | self.slot[1].block.val()
            | self.slot[2].block.val()
            | self.slot[3].block.val()
            | self.slot[4].block.val()
            | self.slot[5].block.val()
            | self.slot[6].block.val()
            | self.slot[7].block.val();
        self.block.next = bit_cast_word::<5, 6>(self.number.val());
    }
}
