//! The NTT of an accelerator, or nothing: a small board has room for the hash alone.

use rust_hdl_core::ast::VerilogExpression;
use rust_hdl_core::prelude::*;

use crate::glue::{assign, block_with_part, wired};
use crate::ntt::Ntt;
use crate::word::Word;

/// [`Ntt`] with a word a beat, or, without `TRANSFORMS`, what takes nothing and gives nothing. Its ports are those of [`Ntt`].
///
/// rust-hdl has no block whose parts depend on a parameter, so the glue of this one is by hand.
pub(super) struct Transforms<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub command_valid: Signal<In, Bit>,
    pub command_ready: Signal<Out, Bit>,
    pub command_kind: Signal<In, Word<2>>,
    pub command_log_n: Signal<In, Word<4>>,
    pub command_inverse: Signal<In, Bit>,
    pub command_coset: Signal<In, Bit>,
    pub s_valid: Signal<In, Bit>,
    pub s_ready: Signal<Out, Bit>,
    pub s_word: [Signal<In, Word<64>>; 1],
    pub m_valid: Signal<Out, Bit>,
    pub m_ready: Signal<In, Bit>,
    pub m_word: [Signal<Out, Word<64>>; 1],
    pub m_last: Signal<Out, Bit>,
    #[allow(clippy::type_complexity)]
    unit: Option<Box<Ntt<FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, 1, LOG_N>>>,
}

/// Applies a macro to all inputs but the clock and the array.
macro_rules! for_inputs {
    ($apply:ident) => {
        $apply!(
            reset,
            command_valid,
            command_kind,
            command_log_n,
            command_inverse,
            command_coset,
            s_valid,
            m_ready
        )
    };
}

/// Applies a macro to all outputs but the array.
macro_rules! for_outputs {
    ($apply:ident) => {
        $apply!(command_ready, s_ready, m_valid, m_last)
    };
}

/// Applies a macro to the type's parameters and name.
macro_rules! for_type {
    ($apply:ident! { $($body:tt)* }) => {
        $apply! { [
            const TRANSFORMS: bool, const FORM: usize, const LANES: usize, const BANKS: usize, const LANE_BITS: usize,
            const BANK_BITS: usize, const ROW_BITS: usize, const LOG_N: usize
        ] Transforms<TRANSFORMS, FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N> { $($body)* } }
    };
}

/// Implements a trait, or with none methods, whatever the parameters.
macro_rules! implement {
    ([$($generics:tt)*] $type:ty { [$($of:tt)*] $($body:tt)* }) => {
        impl<$($generics)*> $($of)* $type { $($body)* }
    };
}

for_type! { implement! { [Default for]
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_kind: Signal::default(),
            command_log_n: Signal::default(),
            command_inverse: Signal::default(),
            command_coset: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: [Signal::default()],
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: [Signal::default()],
            m_last: Signal::default(),
            unit: TRANSFORMS.then(Box::default),
        }
    }
} }

for_type! { implement! { [Logic for]
    fn update(&mut self) {
        let Some(unit) = &mut self.unit else {
            macro_rules! lower { ($($port:ident),*) => { $(self.$port.next = false;)* } }
            for_outputs!(lower);
            self.m_word[0].next = 0u64.into();
            return;
        };
        macro_rules! drive { ($($port:ident),*) => { $(unit.$port.next = self.$port.val();)* } }
        macro_rules! sample { ($($port:ident),*) => { $(self.$port.next = unit.$port.val();)* } }
        unit.clock.next = self.clock.val();
        for_inputs!(drive);
        for_outputs!(sample);
        unit.s_word[0].next = self.s_word[0].val();
        self.m_word[0].next = unit.m_word[0].val();
    }

    fn connect(&mut self) {
        macro_rules! connect { ($($port:ident),*) => { $(self.$port.connect();)* } }
        for_outputs!(connect);
        self.m_word[0].connect();
        if let Some(unit) = &mut self.unit {
            macro_rules! connect { ($($port:ident),*) => { $(unit.$port.connect();)* } }
            unit.clock.connect();
            for_inputs!(connect);
            unit.s_word[0].connect();
        }
    }

    fn hdl(&self) -> Verilog {
        macro_rules! names { ($($port:ident),*) => { [$(stringify!($port)),*] } }
        let mut inputs = for_inputs!(names).to_vec();
        inputs.extend(["clock", "s_word$0"]);
        let mut outputs = for_outputs!(names).to_vec();
        outputs.push("m_word$0");
        if self.unit.is_some() {
            return wired(inputs, outputs);
        }
        let zero = |port: &str| assign(port.into(), VerilogExpression::Literal(false.into()));
        Verilog::Combinatorial(outputs.into_iter().map(zero).collect())
    }
} }

for_type! { implement! { []
    fn part(&self) -> Option<&dyn Block> {
        self.unit.as_deref().map(|unit| unit as &dyn Block)
    }

    fn part_mut(&mut self) -> Option<&mut dyn Block> {
        self.unit.as_deref_mut().map(|unit| unit as &mut dyn Block)
    }
} }

for_type! { block_with_part! {
    clock, reset, command_valid, command_kind, command_log_n, command_inverse, command_coset, s_valid, m_ready,
    command_ready, s_ready, m_valid, m_last, s_word, m_word,
} }
