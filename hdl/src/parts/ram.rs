//! Block RAM: one write port, one read port with an output register, one clock.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// 2^`A` field elements. The word read appears [`Ram::LATENCY`] cycles after its address: a block RAM
/// alone takes half of a cycle of 100 MHz, so a register follows before anything else does. Reading an
/// address in the cycle in which it is written is not allowed. The content is undefined until written.
#[derive(LogicBlock)]
pub struct Ram<const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Where to write.
    pub write_address: Signal<In, Word<A>>,
    /// What to write.
    pub write_data: Signal<In, Word<64>>,
    /// Whether to write at the next edge.
    pub write_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Signal<In, Word<A>>,
    /// The word at the address of two cycles before.
    pub read_data: Signal<Out, Word<64>>,
    _words: Vec<Word<64>>,
    _word: Word<64>,
}

impl<const A: usize> Ram<A> {
    /// Cycles from an address to its word.
    pub const LATENCY: usize = 2;
}

impl<const A: usize> Default for Ram<A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            _words: vec![Word::default(); 1 << A],
            _word: Word::default(),
        }
    }
}

impl<const A: usize> Logic for Ram<A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.read_data.next = self._word;
            self._word = self._words[self.read_address.val().value() as usize];
            if self.write_enable.val() {
                self._words[self.write_address.val().value() as usize] = self.write_data.val();
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "\
reg [63:0] words [{last}:0];
reg [63:0] word;

always @(posedge clock) begin
   word <= words[read_address];
   read_data <= word;
   if (write_enable) begin
      words[write_address] <= write_data;
   end
end
",
            last = (1usize << A) - 1,
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "ram".into(),
            clock: "clock".into(),
            inputs: [
                "write_address",
                "write_data",
                "write_enable",
                "read_address",
            ]
            .map(String::from)
            .to_vec(),
            outputs: vec!["read_data".into()],
        }]
    }
}
