//! Which bank an index lies in.

use rust_hdl_core::prelude::*;

use crate::word::Word;

/// The exclusive or of the groups of bits of an index of `LOG_N` bits, repeated in every group,
/// combinational: the low group is the bank.
#[derive(LogicBlock)]
pub struct Fold<const LOG_N: usize> {
    /// An index.
    pub index: Signal<In, Word<LOG_N>>,
    /// Its bank, in every group of bits.
    pub banks: Signal<Out, Word<LOG_N>>,
    _bank_bits: usize,
}

impl<const LOG_N: usize> Fold<LOG_N> {
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
        (0..LOG_N)
            .filter(|i| i % self._bank_bits == bit % self._bank_bits)
            .map(|i| 1 << i)
            .sum()
    }
}

impl<const LOG_N: usize> Logic for Fold<LOG_N> {
    fn update(&mut self) {
        let index = self.index.val().value();
        let parity = |bit: usize| u128::from((index & self.column(bit)).count_ones() % 2);
        let banks: u128 = (0..LOG_N).map(|bit| parity(bit) << bit).sum();
        self.banks.next = Word::new(banks);
    }

    fn connect(&mut self) {
        self.banks.connect();
    }

    fn hdl(&self) -> Verilog {
        let bits: String = (0..LOG_N)
            .map(|bit| {
                format!(
                    "   banks[{bit}] = ^(index & {LOG_N}'h{:x});\n",
                    self.column(bit)
                )
            })
            .collect();
        Verilog::Custom(format!("always @(*) begin\n{bits}end\n"))
    }
}
