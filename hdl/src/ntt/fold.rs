//! Which bank an index lies in.

use rust_hdl_core::prelude::*;

use crate::parts::Index;

/// The exclusive or of an index's groups of bits, repeated in every group, combinational: the low
/// group is the bank.
#[derive(LogicBlock)]
pub struct Fold {
    /// An index.
    pub index: Signal<In, Index>,
    /// Its bank, in every group of bits.
    pub banks: Signal<Out, Index>,
    _bank_bits: usize,
}

impl Fold {
    /// For groups of `bank_bits` bits.
    pub fn new(bank_bits: usize) -> Self {
        Self {
            index: Signal::default(),
            banks: Signal::default(),
            _bank_bits: bank_bits,
        }
    }

    /// All bits of an index congruent to `bit` modulo the bits of a group.
    fn column(&self, bit: usize) -> u128 {
        (0..Index::BITS)
            .filter(|i| i % self._bank_bits == bit % self._bank_bits)
            .map(|i| 1 << i)
            .sum()
    }
}

impl Logic for Fold {
    fn update(&mut self) {
        let index = self.index.val().value();
        let parity = |bit: usize| u128::from((index & self.column(bit)).count_ones() % 2);
        let banks: u128 = (0..Index::BITS).map(|bit| parity(bit) << bit).sum();
        self.banks.next = Index::new(banks);
    }

    fn connect(&mut self) {
        self.banks.connect();
    }

    fn hdl(&self) -> Verilog {
        let bits: String = (0..Index::BITS)
            .map(|bit| format!("   banks[{bit}] = ^(index & 24'h{:x});\n", self.column(bit)))
            .collect();
        Verilog::Custom(format!("always @(*) begin\n{bits}end\n"))
    }
}
