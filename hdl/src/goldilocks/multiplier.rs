//! The multiplier of the other kernels, its form a parameter.

use rust_hdl_core::prelude::*;

use super::{Karatsuba, Schoolbook};
use crate::glue::{block_with_part, wired};
use crate::word::Word;

/// How a [`Multiplier`] is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sixteen products that any tool maps to DSP blocks.
    Inferred = 0,
    /// Sixteen ECP5 MULT18X18D with all their registers in use.
    Ecp5 = 1,
    /// Nine products that any tool maps to DSP blocks, and more adders.
    Karatsuba = 2,
    /// Nine ECP5 MULT18X18D with all their registers in use, and more adders.
    KaratsubaEcp5 = 3,
}

enum Unit {
    Inferred(Box<Schoolbook<false>>),
    Ecp5(Box<Schoolbook<true>>),
    Karatsuba(Box<Karatsuba<false>>),
    KaratsubaEcp5(Box<Karatsuba<true>>),
}

/// Applies an expression to the unit, whatever its type.
macro_rules! with_unit {
    ($unit:expr, $name:ident => $body:expr) => {
        match $unit {
            Unit::Inferred($name) => $body,
            Unit::Ecp5($name) => $body,
            Unit::Karatsuba($name) => $body,
            Unit::KaratsubaEcp5($name) => $body,
        }
    };
}

/// `y` = `a` · `b` mod p, every cycle, in the [`Form`] whose number is `FORM`.
///
/// rust-hdl has no block whose parts depend on a parameter, so the glue of this one is by hand.
pub struct Multiplier<const FORM: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub a: Signal<In, Word<64>>,
    /// Canonical.
    pub b: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    unit: Unit,
}

impl<const FORM: usize> Multiplier<FORM> {
    /// Cycles from operands to result.
    pub const LATENCY: usize = match FORM {
        0 => Schoolbook::<false>::LATENCY,
        1 => Schoolbook::<true>::LATENCY,
        2 => Karatsuba::<false>::LATENCY,
        _ => Karatsuba::<true>::LATENCY,
    };

    fn part(&self) -> Option<&dyn Block> {
        Some(with_unit!(&self.unit, unit => &**unit))
    }

    fn part_mut(&mut self) -> Option<&mut dyn Block> {
        Some(with_unit!(&mut self.unit, unit => &mut **unit))
    }
}

impl<const FORM: usize> Default for Multiplier<FORM> {
    fn default() -> Self {
        let unit = match FORM {
            0 => Unit::Inferred(Box::default()),
            1 => Unit::Ecp5(Box::default()),
            2 => Unit::Karatsuba(Box::default()),
            3 => Unit::KaratsubaEcp5(Box::default()),
            _ => panic!("there is no form {FORM}"),
        };
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            y: Signal::default(),
            unit,
        }
    }
}

impl<const FORM: usize> Logic for Multiplier<FORM> {
    fn update(&mut self) {
        with_unit!(&mut self.unit, unit => {
            unit.clock.next = self.clock.val();
            unit.a.next = self.a.val();
            unit.b.next = self.b.val();
            self.y.next = unit.y.val();
        });
    }

    fn connect(&mut self) {
        self.y.connect();
        with_unit!(&mut self.unit, unit => {
            unit.clock.connect();
            unit.a.connect();
            unit.b.connect();
        });
    }

    fn hdl(&self) -> Verilog {
        wired(["clock", "a", "b"], ["y"])
    }
}

block_with_part! { [const FORM: usize] Multiplier<FORM> { clock, a, b, y } }

crate::ports! { [const FORM: usize] Multiplier<FORM> { clock; in: a, b; out: y } }
