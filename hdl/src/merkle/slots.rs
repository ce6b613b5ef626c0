//! Which rows are under way, and which of them has a block to hash.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::parts::{FlagAt, Flags, Lowest, LutRam};
use crate::word::Word;

/// `N` = 2^`S` slots, and the choice of the oldest that has a block waiting.
///
/// Rows take the slots in turn and leave them in turn. One is loaded at a time: only of its blocks must be
/// counted how many are in memory. A row that is whole has a block waiting until it is complete.
#[derive(LogicBlock)]
pub(super) struct Slots<const S: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: empties all slots.
    pub reset: Signal<In, Bit>,
    /// The slot that is loaded.
    pub loaded: Signal<In, Word<S>>,
    /// There is no row in it from before.
    pub is_free: Signal<Out, Bit>,
    /// A block of the row loaded has come.
    pub is_block: Signal<In, Bit>,
    /// With that block the row is whole; the next cycle loads the next slot.
    pub is_row: Signal<In, Bit>,
    /// Some slot has a block waiting.
    pub is_ready: Signal<Out, Bit>,
    /// The oldest such slot.
    pub choice: Signal<Out, Word<S>>,
    /// It is picked: its block will be hashed. Not allowed in the two cycles after another was.
    pub is_picked: Signal<In, Bit>,
    /// The slot whose block number is wanted, held for two cycles and until the block is issued.
    pub shown: Signal<In, Word<S>>,
    /// Number of its next block.
    pub block: Signal<Out, Word<5>>,
    /// That block leaves.
    pub is_issued: Signal<In, Bit>,
    /// The block of slot `hashed` is hashed.
    pub is_hashed: Signal<In, Bit>,
    /// See there.
    pub hashed: Signal<In, Word<S>>,
    /// And that was its last.
    pub is_last: Signal<In, Bit>,
    /// The slot of the oldest row.
    pub oldest: Signal<Out, Word<S>>,
    /// Its row is hashed, and was so a cycle ago.
    pub is_done: Signal<Out, Bit>,
    /// Its digest is taken, the slot free.
    pub is_retired: Signal<In, Bit>,
    whole: Flags<N, S>,
    under_way: Flags<N, S>,
    complete: Flags<N, S>,
    begun: Flags<N, S>,
    loaded_whole: FlagAt<N, S>,
    head_complete: FlagAt<N, S>,
    shown_begun: FlagAt<N, S>,
    numbers: LutRam<Word<5>, S>,
    lowest: Lowest<N, S>,
    waiting: DFF<Word<6>>,
    head: DFF<Word<S>>,
    done: DFF<Bit>,
    waiting_by_age: DFF<Word<N>>,
    from_head: DFF<Word<S>>,
    is_chosen: DFF<Bit>,
    chosen: DFF<Word<S>>,
    one: Constant<Word<N>>,
    zero: Constant<Word<S>>,
    loaded_bit: Signal<Local, Word<N>>,
    loading: Signal<Local, Word<N>>,
    ready: Signal<Local, Word<N>>,
    is_of_loaded: Signal<Local, Bit>,
    turn: Signal<Local, Word<S>>,
    by_age: Signal<Local, Word<N>>,
    number: DFF<Word<5>>,
}

impl<const S: usize, const N: usize> Default for Slots<S, N> {
    fn default() -> Self {
        assert_eq!(N, 1 << S, "slots");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            loaded: Signal::default(),
            is_free: Signal::default(),
            is_block: Signal::default(),
            is_row: Signal::default(),
            is_ready: Signal::default(),
            choice: Signal::default(),
            is_picked: Signal::default(),
            shown: Signal::default(),
            block: Signal::default(),
            is_issued: Signal::default(),
            is_hashed: Signal::default(),
            hashed: Signal::default(),
            is_last: Signal::default(),
            oldest: Signal::default(),
            is_done: Signal::default(),
            is_retired: Signal::default(),
            whole: Flags::default(),
            under_way: Flags::default(),
            complete: Flags::default(),
            begun: Flags::default(),
            loaded_whole: FlagAt::default(),
            head_complete: FlagAt::default(),
            shown_begun: FlagAt::default(),
            numbers: LutRam::default(),
            lowest: Lowest::default(),
            waiting: DFF::default(),
            head: DFF::default(),
            done: DFF::default(),
            waiting_by_age: DFF::default(),
            from_head: DFF::default(),
            is_chosen: DFF::default(),
            chosen: DFF::default(),
            one: Constant::new(Word::new(1)),
            zero: Constant::new(Word::default()),
            loaded_bit: Signal::default(),
            loading: Signal::default(),
            ready: Signal::default(),
            is_of_loaded: Signal::default(),
            turn: Signal::default(),
            by_age: Signal::default(),
            number: DFF::default(),
        }
    }
}

impl<const S: usize, const N: usize> Logic for Slots<S, N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            waiting,
            head,
            done,
            waiting_by_age,
            from_head,
            is_chosen,
            chosen,
            number
        );
        clock!(self, clock, whole, under_way, complete, begun, numbers);
        self.whole.reset.next = self.reset.val();
        self.under_way.reset.next = self.reset.val();
        self.complete.reset.next = self.reset.val();
        self.begun.reset.next = self.reset.val();

        // A slot is free until a row in it is whole, and again when that row is retired.
        self.loaded_whole.flags.next = self.whole.flags.val();
        self.loaded_whole.place.next = self.loaded.val();
        self.is_free.next = !self.loaded_whole.is_set.val();
        self.whole.is_setting.next = self.is_row.val();
        self.whole.set.next = self.loaded.val();
        self.whole.is_clearing.next = self.is_retired.val();
        self.whole.clear.next = self.head.q.val();
        self.under_way.is_setting.next = self.is_picked.val();
        self.under_way.set.next = self.chosen.q.val();
        self.under_way.is_clearing.next = self.is_hashed.val();
        self.under_way.clear.next = self.hashed.val();
        self.complete.is_setting.next = self.is_hashed.val() && self.is_last.val();
        self.complete.set.next = self.hashed.val();
        self.complete.is_clearing.next = self.is_retired.val();
        self.complete.clear.next = self.head.q.val();

        // Blocks in memory of the row loaded, at most 32, less those picked.
        self.is_of_loaded.next = self.is_picked.val()
            && !self.loaded_whole.is_set.val()
            && (self.chosen.q.val() == self.loaded.val());
        if self.is_block.val() && !self.is_of_loaded.val() {
            self.waiting.d.next = self.waiting.q.val() + 1;
        }
        if !self.is_block.val() && self.is_of_loaded.val() {
            self.waiting.d.next = self.waiting.q.val() - 1;
        }
        if self.is_row.val() {
            self.waiting.d.next = 0u64.into();
        }
        self.loaded_bit.next = self.one.val() << self.loaded.val();
        self.loading.next = 0u64.into();
        if self.waiting.q.val().any() {
            self.loading.next = self.loaded_bit.val();
        }

        // The choice is two cycles old: turned by age, then the first. A slot that waits does so until it is picked, and
        // whoever picks looks again only later.
        self.ready.next = ((self.whole.flags.val() & !self.complete.flags.val())
            | self.loading.val())
            & !self.under_way.flags.val();
        self.turn.next = self.zero.val() - self.head.q.val();
        self.by_age.next =
            (self.ready.val() >> self.head.q.val()) | (self.ready.val() << self.turn.val());
        self.waiting_by_age.d.next = self.by_age.val();
        self.from_head.d.next = self.head.q.val();
        self.lowest.x.next = self.waiting_by_age.q.val();
        self.is_chosen.d.next = self.lowest.is_any.val();
        self.chosen.d.next = self.from_head.q.val() + self.lowest.index.val();
        self.is_ready.next = self.is_chosen.q.val();
        self.choice.next = self.chosen.q.val();

        // The number of a block: how many of the row have left. A cycle old as well.
        self.numbers.read_address.next = self.shown.val();
        self.shown_begun.flags.next = self.begun.flags.val();
        self.shown_begun.place.next = self.shown.val();
        self.number.d.next = 0u64.into();
        if self.shown_begun.is_set.val() {
            self.number.d.next = self.numbers.read_data.val();
        }
        self.block.next = self.number.q.val();
        self.numbers.write_address.next = self.shown.val();
        self.numbers.write_data.next = self.number.q.val() + 1;
        self.numbers.write_enable.next = self.is_issued.val();
        self.begun.is_setting.next = self.is_issued.val();
        self.begun.set.next = self.shown.val();
        self.begun.is_clearing.next = self.is_retired.val();
        self.begun.clear.next = self.head.q.val();

        // Rows leave in order, in every second cycle at most: in the cycle between, what is known of the row is read.
        self.oldest.next = self.head.q.val();
        self.head_complete.flags.next = self.complete.flags.val();
        self.head_complete.place.next = self.head.q.val();
        self.done.d.next = self.head_complete.is_set.val();
        self.is_done.next = self.done.q.val();
        if self.is_retired.val() {
            self.done.d.next = false;
            self.head.d.next = self.head.q.val() + 1;
        }

        if self.reset.val() {
            self.waiting.d.next = 0u64.into();
            self.head.d.next = 0u64.into();
            self.done.d.next = false;
            self.waiting_by_age.d.next = 0u64.into();
            self.is_chosen.d.next = false;
        }
    }
}
