//! The lowest of the bits that are set.

use rust_hdl_core::prelude::*;

use crate::word::Word;

/// Number of the lowest bit set among `N` <= 2^`A`, without delay.
///
/// The bit alone is `x` and -`x`, a carry chain; each bit of its number is the disjunction of half of
/// the places. So the depth is logarithmic, which a chain of choices would not be.
#[derive(LogicBlock)]
pub struct Lowest<const N: usize, const A: usize> {
    /// The bits.
    pub x: Signal<In, Word<N>>,
    /// One is set.
    pub is_any: Signal<Out, Bit>,
    /// Number of the lowest; 0 if none is.
    pub index: Signal<Out, Word<A>>,
}

impl<const N: usize, const A: usize> Default for Lowest<N, A> {
    fn default() -> Self {
        assert!(N <= 1 << A, "{A} bits for numbers below {N}");
        Self {
            x: Signal::default(),
            is_any: Signal::default(),
            index: Signal::default(),
        }
    }
}

impl<const N: usize, const A: usize> Logic for Lowest<N, A> {
    fn update(&mut self) {
        let x = self.x.val().value();
        self.is_any.next = x != 0;
        self.index.next = match x {
            0 => Word::default(),
            _ => Word::new(x.trailing_zeros().into()),
        };
    }

    fn connect(&mut self) {
        self.is_any.connect();
        self.index.connect();
    }

    fn hdl(&self) -> Verilog {
        let places = |bit: usize| (0..N).filter(move |place| place >> bit & 1 == 1);
        let terms = (0..A).rev().map(|bit| {
            let mask: u128 = places(bit).map(|place| 1 << place).sum();
            format!("|(alone & {N}'h{mask:x})")
        });
        Verilog::Custom(format!(
            "\
wire [{msb}:0] alone = x & (~x + {N}'h1);

always @(*) begin
   is_any = |x;
   index = {{{terms}}};
end
",
            msb = N - 1,
            terms = terms.collect::<Vec<_>>().join(", "),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_lowest_bit() {
        let mut unit = Lowest::<8, 3>::default();
        for x in 0..256 {
            unit.x.next = Word::new(x);
            unit.x.update_all();
            unit.update();
            unit.index.update_all();
            unit.is_any.update_all();
            let lowest = (0..8).find(|bit| x >> bit & 1 == 1);
            assert_eq!(unit.is_any.val(), lowest.is_some(), "{x:b}");
            assert_eq!(unit.index.val(), Word::new(lowest.unwrap_or(0)), "{x:b}");
        }
    }
}
