//! A word a fixed number of cycles later, from distributed RAM where that is many.

use std::collections::VecDeque;

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// Up to so many cycles registers are smaller than a RAM and its counter.
const MAX_REGISTERS: usize = 3;

/// `y` is `x` a fixed number of cycles ago; no cycles make it a wire. There is no reset: what comes out
/// first is undefined.
#[derive(LogicBlock)]
pub struct Ring<const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The word now.
    pub x: Signal<In, Word<N>>,
    /// The word then.
    pub y: Signal<Out, Word<N>>,
    _stages: VecDeque<Word<N>>,
}

impl<const N: usize> Ring<N> {
    /// A delay of `cycles`.
    pub fn new(cycles: usize) -> Self {
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            _stages: VecDeque::from(vec![Word::default(); cycles]),
        }
    }

    fn registers(&self, cycles: usize) -> String {
        let msb = N - 1;
        let stage = |i: usize| match i {
            0 => "x".into(),
            i if i == cycles => "y".into(),
            i => format!("stage_{i}"),
        };
        let declarations: String = (1..cycles)
            .map(|i| format!("reg [{msb}:0] {};\n", stage(i)))
            .collect();
        let shifts: String = (1..=cycles)
            .map(|i| format!("   {} <= {};\n", stage(i), stage(i - 1)))
            .collect();
        format!("{declarations}\nalways @(posedge clock) begin\n{shifts}end\n")
    }

    /// A RAM read and written at the same place, one word fewer than cycles: the output register is one.
    fn memory(&self, cycles: usize) -> String {
        let (msb, last) = (N - 1, cycles - 2);
        let count_bits = last.ilog2() as usize + 1;
        let count_msb = count_bits - 1;
        format!(
            "\
(* ram_style = \"distributed\" *)
reg [{msb}:0] words [{last}:0];
reg [{count_msb}:0] place = 0;

always @(posedge clock) begin
   words[place] <= x;
   y <= words[place];
   place <= (place == {count_bits}'d{last}) ? {count_bits}'d0 : place + {count_bits}'d1;
end
"
        )
    }
}

impl<const N: usize> Logic for Ring<N> {
    fn update(&mut self) {
        if self._stages.is_empty() {
            self.y.next = self.x.val();
        } else if self.clock.pos_edge() {
            self._stages.pop_front();
            self._stages.push_back(self.x.val());
            self.y.next = self._stages.front().copied().unwrap_or_default();
        }
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(match self._stages.len() {
            0 => "always @(*) begin\n   y = x;\nend\n".into(),
            cycles if cycles <= MAX_REGISTERS => self.registers(cycles),
            cycles => self.memory(cycles),
        })
    }

    fn timing(&self) -> Vec<TimingInfo> {
        if self._stages.is_empty() {
            return Vec::new();
        }
        vec![TimingInfo {
            name: "ring".into(),
            clock: "clock".into(),
            inputs: vec!["x".into()],
            outputs: vec!["y".into()],
        }]
    }
}
