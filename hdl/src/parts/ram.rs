//! Block RAM: one write port, one registered read port, one clock.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// Index of a field element or a row, wide enough for every size that is built.
pub type Index = Word<24>;

/// 2^`A` field elements. The word read appears one cycle after its address; reading an address
/// in the cycle in which it is written is not allowed. The content is undefined until written.
#[derive(LogicBlock)]
pub struct Ram<const A: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Where to write; the low `A` bits count.
    pub write_address: Signal<In, Index>,
    /// What to write.
    pub write_data: Signal<In, Word<64>>,
    /// Whether to write at the next edge.
    pub write_enable: Signal<In, Bit>,
    /// Where to read; the low `A` bits count.
    pub read_address: Signal<In, Index>,
    /// The word at the address of the cycle before.
    pub read_data: Signal<Out, Word<64>>,
    _words: Vec<Word<64>>,
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
        }
    }
}

fn row<const A: usize>(address: Index) -> usize {
    address.value() as usize % (1 << A)
}

impl<const A: usize> Logic for Ram<A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.read_data.next = self._words[row::<A>(self.read_address.val())];
            if self.write_enable.val() {
                self._words[row::<A>(self.write_address.val())] = self.write_data.val();
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

always @(posedge clock) begin
   read_data <= words[read_address[{msb}:0]];
   if (write_enable) begin
      words[write_address[{msb}:0]] <= write_data;
   end
end
",
            msb = A - 1,
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
