//! What a block carries from one step of the ring to the next.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// Words of a [`Step`]: a + m, b, c, d of the four lanes, sixteen message words, tag and round.
pub(super) const WORDS: usize = 33;

/// A register with a valid bit if `REGISTERED` is 1, wires if it is 0. Reset clears the valid bit.
///
/// By hand, for rust-hdl has no block whose registers depend on a parameter.
#[derive(LogicBlock)]
pub(super) struct Step<const REGISTERED: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Whether there is a block.
    pub s_valid: Signal<In, Bit>,
    /// The block.
    pub x: [Signal<In, Word<32>>; WORDS],
    /// Whether there is a block.
    pub m_valid: Signal<Out, Bit>,
    /// The block.
    pub y: [Signal<Out, Word<32>>; WORDS],
}

impl<const REGISTERED: usize> Default for Step<REGISTERED> {
    fn default() -> Self {
        assert!(REGISTERED <= 1, "0 or 1");
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            s_valid: Signal::default(),
            x: std::array::from_fn(|_| Signal::default()),
            m_valid: Signal::default(),
            y: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const REGISTERED: usize> Logic for Step<REGISTERED> {
    fn update(&mut self) {
        if REGISTERED == 1 && !self.clock.pos_edge() {
            return;
        }
        let is_cleared = REGISTERED == 1 && self.reset.val();
        self.m_valid.next = self.s_valid.val() && !is_cleared;
        for (y, x) in self.y.iter_mut().zip(&self.x) {
            y.next = x.val();
        }
    }

    fn connect(&mut self) {
        self.m_valid.connect();
        self.y.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let (event, assign, valid) = if REGISTERED == 1 {
            ("posedge clock", "<=", "s_valid & !reset")
        } else {
            ("*", "=", "s_valid")
        };
        let words: String = (0..WORDS)
            .map(|i| format!("   y${i} {assign} x${i};\n"))
            .collect();
        let initial = if REGISTERED == 1 {
            "initial begin\n   m_valid = 0;\nend\n\n"
        } else {
            ""
        };
        Verilog::Custom(format!(
            "{initial}always @({event}) begin\n   m_valid {assign} {valid};\n{words}end\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        if REGISTERED == 0 {
            return Vec::new();
        }
        vec![TimingInfo {
            name: "step".into(),
            clock: "clock".into(),
            inputs: ["reset", "s_valid", "x"].map(String::from).to_vec(),
            outputs: ["m_valid", "y"].map(String::from).to_vec(),
        }]
    }
}
