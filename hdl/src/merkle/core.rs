//! The hash core of the engine, which one a parameter.

use rust_hdl_core::prelude::*;

use super::blake3_core::Blake3Core;
use super::hash::Hash;
use crate::glue::{block_with_part, wired};
use crate::goldilocks::Form;
use crate::poseidon2::HashCore;
use crate::word::Word;

/// Poseidon2 with `L` multipliers of form `FORM` in each lane and 2^`A` places.
type Poseidon2<const FORM: usize, const L: usize, const A: usize, const S: usize, const T: usize> =
    Box<HashCore<FORM, L, A, S, T>>;

enum Unit<const S: usize, const T: usize, const N: usize> {
    Blake3Wide(Box<Blake3Core<0, S, T, N>>),
    Blake3(Box<Blake3Core<1, S, T, N>>),
    Poseidon2By3(Poseidon2<{ Form::Inferred as usize }, 1, 4, S, T>),
    Poseidon2By6(Poseidon2<{ Form::Ecp5 as usize }, 2, 4, S, T>),
    Poseidon2By3Ecp5(Poseidon2<{ Form::Ecp5 as usize }, 1, 4, S, T>),
}

/// Applies an expression to the unit, whatever its type.
macro_rules! with_unit {
    ($unit:expr, $name:ident => $body:expr) => {
        match $unit {
            Unit::Blake3Wide($name) => $body,
            Unit::Blake3($name) => $body,
            Unit::Poseidon2By3($name) => $body,
            Unit::Poseidon2By6($name) => $body,
            Unit::Poseidon2By3Ecp5($name) => $body,
        }
    };
}

/// Applies an expression to the unit's port for the place of a block in its row: BLAKE3 wants the number,
/// Poseidon2 only whether it is the first.
macro_rules! with_place {
    ($unit:expr, $number:ident => $with_number:expr, $first:ident => $with_first:expr) => {
        match $unit {
            Unit::Blake3Wide(unit) => {
                let $number = &mut unit.issue_block;
                $with_number
            }
            Unit::Blake3(unit) => {
                let $number = &mut unit.issue_block;
                $with_number
            }
            Unit::Poseidon2By3(unit) => {
                let $first = &mut unit.issue_first;
                $with_first
            }
            Unit::Poseidon2By6(unit) => {
                let $first = &mut unit.issue_first;
                $with_first
            }
            Unit::Poseidon2By3Ecp5(unit) => {
                let $first = &mut unit.issue_first;
                $with_first
            }
        }
    };
}

/// The core whose number in [`enum@Hash`] is `HASH`, for `N` = 2^`S` slots and tags of `T` = `S` + 1 bits. Its
/// ports are those of every core; see docs/hardware/merkle.md.
///
/// rust-hdl has no block whose parts depend on a parameter, so the glue of this one is by hand.
pub struct Core<const HASH: usize, const S: usize, const T: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous: drops all blocks.
    pub reset: Signal<In, Bit>,
    /// A block is offered.
    pub issue_valid: Signal<In, Bit>,
    /// It is taken.
    pub issue_ready: Signal<Out, Bit>,
    /// Slot of the row, or 2^`S` for a merge.
    pub issue_tag: Signal<In, Word<T>>,
    /// First block of the row.
    pub issue_first: Signal<In, Bit>,
    /// Last block of the row.
    pub issue_last: Signal<In, Bit>,
    /// Number of the block in the row.
    pub issue_block: Signal<In, Word<5>>,
    /// Words of the row.
    pub issue_row_words: Signal<In, Word<8>>,
    /// The block.
    pub issue_word: [Signal<In, Word<64>>; 8],
    /// A block is hashed.
    pub result_valid: Signal<Out, Bit>,
    /// Its tag.
    pub result_tag: Signal<Out, Word<T>>,
    /// It was the last of its row.
    pub result_last: Signal<Out, Bit>,
    /// The digest, if it was.
    pub result_word: [Signal<Out, Word<64>>; 4],
    unit: Unit<S, T, N>,
}

impl<const HASH: usize, const S: usize, const T: usize, const N: usize> Default
    for Core<HASH, S, T, N>
{
    fn default() -> Self {
        let unit = match Hash::ALL[HASH] {
            Hash::Blake3Wide => Unit::Blake3Wide(Box::default()),
            Hash::Blake3 => Unit::Blake3(Box::default()),
            Hash::Poseidon2By3 => Unit::Poseidon2By3(Box::default()),
            Hash::Poseidon2By6 => Unit::Poseidon2By6(Box::default()),
            Hash::Poseidon2By3Ecp5 => Unit::Poseidon2By3Ecp5(Box::default()),
        };
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            issue_valid: Signal::default(),
            issue_ready: Signal::default(),
            issue_tag: Signal::default(),
            issue_first: Signal::default(),
            issue_last: Signal::default(),
            issue_block: Signal::default(),
            issue_row_words: Signal::default(),
            issue_word: std::array::from_fn(|_| Signal::default()),
            result_valid: Signal::default(),
            result_tag: Signal::default(),
            result_last: Signal::default(),
            result_word: std::array::from_fn(|_| Signal::default()),
            unit,
        }
    }
}

/// Applies a macro to the inputs that every unit has, but the clock and the arrays.
macro_rules! for_inputs {
    ($apply:ident) => {
        $apply!(reset, issue_valid, issue_tag, issue_last, issue_row_words)
    };
}

/// Applies a macro to all outputs that are not arrays.
macro_rules! for_outputs {
    ($apply:ident) => {
        $apply!(issue_ready, result_valid, result_tag, result_last)
    };
}

impl<const HASH: usize, const S: usize, const T: usize, const N: usize> Logic
    for Core<HASH, S, T, N>
{
    fn update(&mut self) {
        with_unit!(&mut self.unit, unit => {
            macro_rules! drive { ($($port:ident),*) => { $(unit.$port.next = self.$port.val();)* } }
            macro_rules! sample { ($($port:ident),*) => { $(self.$port.next = unit.$port.val();)* } }
            unit.clock.next = self.clock.val();
            for_inputs!(drive);
            for_outputs!(sample);
            for (to, from) in unit.issue_word.iter_mut().zip(&self.issue_word) {
                to.next = from.val();
            }
            for (to, from) in self.result_word.iter_mut().zip(&unit.result_word) {
                to.next = from.val();
            }
        });
        with_place!(
            &mut self.unit,
            number => number.next = self.issue_block.val(),
            first => first.next = self.issue_first.val()
        );
    }

    fn connect(&mut self) {
        macro_rules! connect { ($($port:ident),*) => { $(self.$port.connect();)* } }
        for_outputs!(connect);
        self.result_word.iter_mut().for_each(Logic::connect);
        with_unit!(&mut self.unit, unit => {
            macro_rules! connect { ($($port:ident),*) => { $(unit.$port.connect();)* } }
            unit.clock.connect();
            for_inputs!(connect);
            unit.issue_word.iter_mut().for_each(Logic::connect);
        });
        with_place!(&mut self.unit, number => number.connect(), first => first.connect());
    }

    fn hdl(&self) -> Verilog {
        macro_rules! names { ($($port:ident),*) => { [$(stringify!($port)),*] } }
        let mut inputs: Vec<String> = for_inputs!(names).map(String::from).to_vec();
        inputs.push("clock".into());
        let is_numbered = matches!(self.unit, Unit::Blake3Wide(_) | Unit::Blake3(_));
        let place = if is_numbered {
            "issue_block"
        } else {
            "issue_first"
        };
        inputs.push(place.into());
        inputs.extend((0..8).map(|i| format!("issue_word${i}")));
        let mut outputs: Vec<String> = for_outputs!(names).map(String::from).to_vec();
        outputs.extend((0..4).map(|i| format!("result_word${i}")));
        wired(inputs, outputs)
    }
}

impl<const HASH: usize, const S: usize, const T: usize, const N: usize> Core<HASH, S, T, N> {
    fn part(&self) -> Option<&dyn Block> {
        Some(with_unit!(&self.unit, unit => &**unit))
    }

    fn part_mut(&mut self) -> Option<&mut dyn Block> {
        Some(with_unit!(&mut self.unit, unit => &mut **unit))
    }
}

block_with_part! { [const HASH: usize, const S: usize, const T: usize, const N: usize] Core<HASH, S, T, N> {
    clock, reset, issue_valid, issue_tag, issue_last, issue_row_words, issue_ready, result_valid, result_tag, result_last,
    issue_first, issue_block, issue_word, result_word,
} }
