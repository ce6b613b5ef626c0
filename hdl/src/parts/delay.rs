//! A word some cycles later.

use std::collections::VecDeque;

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// `y` is `x` a fixed number of cycles, at least one, ago; `reset` clears all that is under way.
#[derive(LogicBlock)]
pub struct Delay<const N: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The word now.
    pub x: Signal<In, Word<N>>,
    /// The word then.
    pub y: Signal<Out, Word<N>>,
    _stages: VecDeque<Word<N>>,
}

impl<const N: usize> Delay<N> {
    /// A delay of `cycles`.
    ///
    /// # Panics
    /// If that is 0.
    pub fn new(cycles: usize) -> Self {
        assert!(cycles > 0, "a delay of no cycles");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            x: Signal::default(),
            y: Signal::default(),
            _stages: VecDeque::from(vec![Word::default(); cycles]),
        }
    }
}

impl<const N: usize> Logic for Delay<N> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self._stages.pop_front();
            self._stages.push_back(self.x.val());
            if self.reset.val() {
                self._stages
                    .iter_mut()
                    .for_each(|stage| *stage = Word::default());
            }
            self.y.next = self._stages.front().copied().unwrap_or_default();
        }
    }

    fn connect(&mut self) {
        self.y.connect();
    }

    fn hdl(&self) -> Verilog {
        let cycles = self._stages.len();
        let msb = N - 1;
        let stage = |i: usize| {
            if i + 1 == cycles {
                "y".into()
            } else {
                format!("stage_{i}")
            }
        };
        let mut declarations = String::new();
        let mut shifts = String::new();
        let mut clears = String::new();
        for i in 0..cycles {
            if i + 1 < cycles {
                declarations += &format!("reg [{msb}:0] stage_{i} = 0;\n");
            }
            let from = if i == 0 { "x".into() } else { stage(i - 1) };
            shifts += &format!("      {} <= {from};\n", stage(i));
            clears += &format!("      {} <= 0;\n", stage(i));
        }
        Verilog::Custom(format!(
            "\
{declarations}
initial begin
   y = 0;
end

always @(posedge clock) begin
   if (reset) begin
{clears}   end else begin
{shifts}   end
end
"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "delay".into(),
            clock: "clock".into(),
            inputs: vec!["x".into(), "reset".into()],
            outputs: vec!["y".into()],
        }]
    }
}
