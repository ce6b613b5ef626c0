//! Read-only memory with a registered output.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use super::Index;
use crate::word::Word;

/// A table whose length is a power of two. The word appears one cycle after its address; address
/// bits above the table are ignored.
#[derive(LogicBlock)]
pub struct Rom {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Where to read.
    pub address: Signal<In, Index>,
    /// The word at the address of the cycle before.
    pub data: Signal<Out, Word<64>>,
    _words: Vec<u64>,
}

impl Rom {
    /// A memory with this content.
    ///
    /// # Panics
    /// If the length is not a power of two, at least 2.
    pub fn new(words: Vec<u64>) -> Self {
        assert!(
            words.len().is_power_of_two() && words.len() >= 2,
            "{} words",
            words.len()
        );
        Self {
            clock: Signal::default(),
            address: Signal::default(),
            data: Signal::default(),
            _words: words,
        }
    }
}

impl Logic for Rom {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let row = self.address.val().value() as usize % self._words.len();
            self.data.next = Word::from(self._words[row]);
        }
    }

    fn connect(&mut self) {
        self.data.connect();
    }

    fn hdl(&self) -> Verilog {
        let last = self._words.len() - 1;
        let content: String = self
            ._words
            .iter()
            .enumerate()
            .map(|(row, word)| format!("   words[{row}] = 64'h{word:x};\n"))
            .collect();
        Verilog::Custom(format!(
            "\
reg [63:0] words [{last}:0];

initial begin
{content}end

always @(posedge clock) begin
   data <= words[address[{msb}:0]];
end
",
            msb = self._words.len().ilog2() - 1,
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
