//! A flag for each of many places.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// `N` <= 2^`A` flags, of which one may be set and one cleared in a cycle; where both are the same, it
/// is set.
#[derive(LogicBlock)]
pub struct Flags<const N: usize, const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: clears all.
    pub reset: Signal<In, Bit>,
    /// A flag is set.
    pub is_setting: Signal<In, Bit>,
    /// Which.
    pub set: Signal<In, Word<A>>,
    /// A flag is cleared.
    pub is_clearing: Signal<In, Bit>,
    /// Which.
    pub clear: Signal<In, Word<A>>,
    /// All flags.
    pub flags: Signal<Out, Word<N>>,
    state: DFF<Word<N>>,
    one: Constant<Word<N>>,
    set_bit: Signal<Local, Word<N>>,
    clear_bit: Signal<Local, Word<N>>,
    added: Signal<Local, Word<N>>,
    removed: Signal<Local, Word<N>>,
}

impl<const N: usize, const A: usize> Default for Flags<N, A> {
    fn default() -> Self {
        assert!(N <= 1 << A, "{A} bits for places below {N}");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            is_setting: Signal::default(),
            set: Signal::default(),
            is_clearing: Signal::default(),
            clear: Signal::default(),
            flags: Signal::default(),
            state: DFF::default(),
            one: Constant::new(Word::new(1)),
            set_bit: Signal::default(),
            clear_bit: Signal::default(),
            added: Signal::default(),
            removed: Signal::default(),
        }
    }
}

impl<const N: usize, const A: usize> Logic for Flags<N, A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.set_bit.next = self.one.val() << self.set.val();
        self.clear_bit.next = self.one.val() << self.clear.val();
        self.added.next = 0u64.into();
        if self.is_setting.val() {
            self.added.next = self.set_bit.val();
        }
        self.removed.next = 0u64.into();
        if self.is_clearing.val() {
            self.removed.next = self.clear_bit.val();
        }
        self.flags.next = self.state.q.val();
        self.state.d.next = (self.state.q.val() & !self.removed.val()) | self.added.val();
        if self.reset.val() {
            self.state.d.next = 0u64.into();
        }
    }
}

/// One of `N` <= 2^`A` flags. A block of its own, so that no tool sees a loop through what depends on another.
#[derive(LogicBlock)]
pub struct FlagAt<const N: usize, const A: usize> {
    /// All flags.
    pub flags: Signal<In, Word<N>>,
    /// Which.
    pub place: Signal<In, Word<A>>,
    /// It is set.
    pub is_set: Signal<Out, Bit>,
    one: Constant<Word<N>>,
    place_bit: Signal<Local, Word<N>>,
}

impl<const N: usize, const A: usize> Default for FlagAt<N, A> {
    fn default() -> Self {
        Self {
            flags: Signal::default(),
            place: Signal::default(),
            is_set: Signal::default(),
            one: Constant::new(Word::new(1)),
            place_bit: Signal::default(),
        }
    }
}

impl<const N: usize, const A: usize> Logic for FlagAt<N, A> {
    #[hdl_gen]
    fn update(&mut self) {
        self.place_bit.next = self.one.val() << self.place.val();
        self.is_set.next = (self.flags.val() & self.place_bit.val()).any();
    }
}
