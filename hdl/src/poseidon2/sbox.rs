//! The seventh power on one, two or four multipliers.
//!
//! Four products make it: x^2, x^3 = x^2 x, x^4 = x^2 x^2, x^7 = x^3 x^4. With N multipliers a word may
//! enter every 4/N cycles, and in that rhythm every multiplier has a product to begin in every cycle.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::goldilocks::{Form, Multiplier};
use crate::parts::Ring;
use crate::word::Word;

/// Products of a seventh power.
pub const PRODUCTS: usize = 4;

/// When each product begins, in cycles after the word has entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Begin of x^2, x^3, x^4, x^7.
    pub begins: [usize; PRODUCTS],
    /// Cycles from the factors to the product.
    pub product_cycles: usize,
}

impl Timing {
    /// The earliest begins on `multipliers`, a register before the choice of every factor.
    pub const fn new(multipliers: usize, product_cycles: usize) -> Self {
        let cube = next(product_cycles + 1, 1, multipliers);
        let fourth = next(product_cycles + 1, 2, multipliers);
        let later = if cube > fourth { cube } else { fourth };
        let seventh = next(later + product_cycles + 1, 3, multipliers);
        Self {
            begins: [0, cube, fourth, seventh],
            product_cycles,
        }
    }

    /// Cycles from the word to its seventh power.
    pub const fn latency(&self) -> usize {
        self.begins[3] + self.product_cycles
    }
}

/// The multiplier that makes a product.
const fn unit(product: usize, multipliers: usize) -> usize {
    product * multipliers / PRODUCTS
}

/// The cycle, modulo those between words, in which that multiplier begins it.
const fn phase(product: usize, multipliers: usize) -> usize {
    product % (PRODUCTS / multipliers)
}

/// The first cycle from `earliest` on in which a product may begin.
const fn next(earliest: usize, product: usize, multipliers: usize) -> usize {
    let cycles = PRODUCTS / multipliers;
    earliest + (phase(product, multipliers) + cycles - earliest % cycles) % cycles
}

/// Operands of the four products to the multipliers, and products back: wires and multiplexers.
#[derive(LogicBlock)]
struct Share<const N: usize> {
    /// Cycles since a word entered, modulo those between words.
    pub phase: Signal<In, Word<2>>,
    /// First factors.
    pub a: [Signal<In, Word<64>>; PRODUCTS],
    /// Second factors.
    pub b: [Signal<In, Word<64>>; PRODUCTS],
    /// First factor of each multiplier.
    pub unit_a: [Signal<Out, Word<64>>; N],
    /// Second factor of each multiplier.
    pub unit_b: [Signal<Out, Word<64>>; N],
    /// Result of each multiplier.
    pub unit_y: [Signal<In, Word<64>>; N],
    /// Result of the multiplier that makes each product.
    pub y: [Signal<Out, Word<64>>; PRODUCTS],
}

impl<const N: usize> Default for Share<N> {
    fn default() -> Self {
        Self {
            phase: Signal::default(),
            a: std::array::from_fn(|_| Signal::default()),
            b: std::array::from_fn(|_| Signal::default()),
            unit_a: std::array::from_fn(|_| Signal::default()),
            unit_b: std::array::from_fn(|_| Signal::default()),
            unit_y: std::array::from_fn(|_| Signal::default()),
            y: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const N: usize> Logic for Share<N> {
    fn update(&mut self) {
        let shared = PRODUCTS / N;
        for index in 0..N {
            let product = index * shared + self.phase.val().value() as usize % shared;
            self.unit_a[index].next = self.a[product].val();
            self.unit_b[index].next = self.b[product].val();
        }
        for product in 0..PRODUCTS {
            self.y[product].next = self.unit_y[unit(product, N)].val();
        }
    }

    fn connect(&mut self) {
        self.unit_a.iter_mut().for_each(Logic::connect);
        self.unit_b.iter_mut().for_each(Logic::connect);
        self.y.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::new();
        for index in 0..N {
            let products: Vec<usize> = (0..PRODUCTS).filter(|&p| unit(p, N) == index).collect();
            let choose = |factor: &str| match products.as_slice() {
                [p] => format!("{factor}${p}"),
                [p, q] => format!("phase[0] ? {factor}${q} : {factor}${p}"),
                _ => format!(
                    "phase[1] ? (phase[0] ? {factor}$3 : {factor}$2) : (phase[0] ? {factor}$1 : {factor}$0)"
                ),
            };
            text += &format!(
                "   unit_a${index} = {};\n   unit_b${index} = {};\n",
                choose("a"),
                choose("b")
            );
        }
        for product in 0..PRODUCTS {
            text += &format!("   y${product} = unit_y${};\n", unit(product, N));
        }
        Verilog::Custom(format!("always @(*) begin\n{text}end\n"))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        Vec::new()
    }
}

/// `y` = `x`^7, a fixed number of cycles later, on `N` multipliers of form `FORM`. Words enter in the
/// cycles in which `phase` is 0.
#[derive(LogicBlock)]
pub struct Sbox<const FORM: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Counts modulo 4/`N`.
    pub phase: Signal<In, Word<2>>,
    /// Below 2^64.
    pub x: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    share: Share<N>,
    factor_a: [Ring<64>; N],
    factor_b: [Ring<64>; N],
    multiplier: [Multiplier<FORM>; N],
    base: Ring<64>,
    square_for_cube: Ring<64>,
    square_for_fourth: Ring<64>,
    cube: Ring<64>,
    fourth: Ring<64>,
}

impl<const FORM: usize, const N: usize> Sbox<FORM, N> {
    /// Registers between the choice of the factors and a multiplier that begins with a DSP block. Those of the ECP5
    /// forms have one inside the block, and need no other unless a multiplier makes all four products: then the choice is among four.
    const FACTOR_CYCLES: usize = {
        let has_input_registers =
            FORM == Form::Ecp5 as usize || FORM == Form::KaratsubaEcp5 as usize;
        if has_input_registers && N > 1 { 0 } else { 1 }
    };

    /// When the products begin.
    pub const TIMING: Timing = Timing::new(N, Self::FACTOR_CYCLES + Multiplier::<FORM>::LATENCY);
}

impl<const FORM: usize, const N: usize> Default for Sbox<FORM, N> {
    fn default() -> Self {
        assert!(
            matches!(N, 1 | 2 | 4),
            "{N} multipliers for a seventh power"
        );
        let Timing {
            begins: [_, cube, fourth, seventh],
            product_cycles,
        } = Self::TIMING;
        Self {
            clock: Signal::default(),
            phase: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            share: Share::default(),
            factor_a: std::array::from_fn(|_| Ring::new(Self::FACTOR_CYCLES)),
            factor_b: std::array::from_fn(|_| Ring::new(Self::FACTOR_CYCLES)),
            multiplier: std::array::from_fn(|_| Multiplier::default()),
            base: Ring::new(cube),
            square_for_cube: Ring::new(cube - product_cycles),
            square_for_fourth: Ring::new(fourth - product_cycles),
            cube: Ring::new(seventh - cube - product_cycles),
            fourth: Ring::new(seventh - fourth - product_cycles),
        }
    }
}

impl<const FORM: usize, const N: usize> Logic for Sbox<FORM, N> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            base,
            square_for_cube,
            square_for_fourth,
            cube,
            fourth
        );
        self.share.phase.next = self.phase.val();
        self.base.x.next = self.x.val();
        self.square_for_cube.x.next = self.share.y[0].val();
        self.square_for_fourth.x.next = self.share.y[0].val();
        self.cube.x.next = self.share.y[1].val();
        self.fourth.x.next = self.share.y[2].val();
        self.y.next = self.share.y[3].val();

        self.share.a[0].next = self.x.val();
        self.share.b[0].next = self.x.val();
        self.share.a[1].next = self.square_for_cube.y.val();
        self.share.b[1].next = self.base.y.val();
        self.share.a[2].next = self.square_for_fourth.y.val();
        self.share.b[2].next = self.square_for_fourth.y.val();
        self.share.a[3].next = self.cube.y.val();
        self.share.b[3].next = self.fourth.y.val();
        for i in 0..N {
            self.factor_a[i].clock.next = self.clock.val();
            self.factor_b[i].clock.next = self.clock.val();
            self.factor_a[i].x.next = self.share.unit_a[i].val();
            self.factor_b[i].x.next = self.share.unit_b[i].val();
            self.multiplier[i].clock.next = self.clock.val();
            self.multiplier[i].a.next = self.factor_a[i].y.val();
            self.multiplier[i].b.next = self.factor_b[i].y.val();
            self.share.unit_y[i].next = self.multiplier[i].y.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_multiplier_begins_two_products_at_once() {
        for multipliers in [1, 2, 4] {
            let cycles = PRODUCTS / multipliers;
            for product_cycles in 1..20 {
                let timing = Timing::new(multipliers, product_cycles);
                let [_, cube, fourth, seventh] = timing.begins;
                assert!(cube > product_cycles && fourth > product_cycles);
                assert!(seventh > cube + product_cycles && seventh > fourth + product_cycles);
                let busy: std::collections::BTreeSet<_> = (0..PRODUCTS)
                    .map(|p| (unit(p, multipliers), timing.begins[p] % cycles))
                    .collect();
                assert_eq!(busy.len(), PRODUCTS, "{multipliers} multipliers");
            }
        }
    }
}
