//! Read-only memory with an output register.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// A table of 2^`A` words of `N` bits, at most 64. A word appears [`Rom::LATENCY`] cycles after its
/// address: memory, register.
#[derive(LogicBlock)]
pub struct Rom<const A: usize, const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Where to read.
    pub address: Signal<In, Word<A>>,
    /// The word at the address of two cycles before.
    pub data: Signal<Out, Word<N>>,
    _words: Vec<u64>,
    _word: Word<N>,
}

impl<const A: usize, const N: usize> Rom<A, N> {
    /// Cycles from an address to its word.
    pub const LATENCY: usize = 2;

    /// A memory with this content.
    ///
    /// # Panics
    /// If there are not 2^`A` words.
    pub fn new(words: Vec<u64>) -> Self {
        assert_eq!(words.len(), 1 << A, "2^{A} words");
        Self {
            clock: Signal::default(),
            address: Signal::default(),
            data: Signal::default(),
            _words: words,
            _word: Word::default(),
        }
    }
}

impl<const A: usize, const N: usize> Logic for Rom<A, N> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.data.next = self._word;
            self._word = Word::from(self._words[self.address.val().value() as usize]);
        }
    }

    fn connect(&mut self) {
        self.data.connect();
    }

    fn hdl(&self) -> Verilog {
        let (msb, last) = (N - 1, self._words.len() - 1);
        let content: String = self
            ._words
            .iter()
            .enumerate()
            .map(|(row, word)| format!("   words[{row}] = {N}'h{word:x};\n"))
            .collect();
        Verilog::Custom(format!(
            "\
reg [{msb}:0] words [{last}:0];
reg [{msb}:0] word;

initial begin
{content}end

always @(posedge clock) begin
   word <= words[address];
   data <= word;
end
"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "rom".into(),
            clock: "clock".into(),
            inputs: vec!["address".into()],
            outputs: vec!["data".into()],
        }]
    }
}
