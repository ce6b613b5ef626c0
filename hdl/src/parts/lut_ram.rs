//! A small memory with one write port and one asynchronous read port: distributed RAM.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// 2^`A` words of `D`, read without delay. The content is undefined until written.
#[derive(LogicBlock)]
pub struct LutRam<D: Synth, const A: usize> {
    /// Clock of the write port.
    pub clock: Signal<In, Clock>,
    /// Where to write.
    pub write_address: Signal<In, Word<A>>,
    /// What to write.
    pub write_data: Signal<In, D>,
    /// Whether to write at the next edge.
    pub write_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Signal<In, Word<A>>,
    /// The word there now.
    pub read_data: Signal<Out, D>,
    _words: Vec<D>,
}

impl<D: Synth, const A: usize> Default for LutRam<D, A> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            write_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            _words: vec![D::default(); 1 << A],
        }
    }
}

impl<D: Synth, const A: usize> Logic for LutRam<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._words[self.write_address.val().value() as usize] = self.write_data.val();
        }
        self.read_data.next = self._words[self.read_address.val().value() as usize];
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "\
reg [{msb}:0] words [{last}:0];

always @(posedge clock) begin
   if (write_enable) begin
      words[write_address] <= write_data;
   end
end

always @(*) begin
   read_data = words[read_address];
end
",
            msb = D::BITS - 1,
            last = (1usize << A) - 1,
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "lut_ram_write".into(),
            clock: "clock".into(),
            inputs: vec![
                "write_address".into(),
                "write_data".into(),
                "write_enable".into(),
            ],
            outputs: vec![],
        }]
    }
}
