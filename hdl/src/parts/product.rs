//! A product of two small words, registered: one DSP block.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use crate::word::Word;

/// Behavioural Verilog of ECP5's MULT18X18D as far as [`Product`] uses it, for simulation. yosys
/// has no model of this cell: this is our reading of Lattice's documentation.
pub const MULT18X18D_MODEL: &str = include_str!("../../verilog/mult18x18d.v");

/// `q` = `a` · `b` with `N` <= 18 bits in and `P` = 2`N` out, every cycle.
///
/// With `CELL` false this is a product and a register, from which any tool infers a DSP block:
/// latency 1. With `CELL` true it is ECP5's MULT18X18D with its input, pipeline and output
/// registers in use: latency 3.
#[derive(LogicBlock)]
pub struct Product<const N: usize, const P: usize, const CELL: bool> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Word<N>>,
    /// Second factor.
    pub b: Signal<In, Word<N>>,
    /// The product.
    pub q: Signal<Out, Word<P>>,
    _inputs: (Word<N>, Word<N>),
    _pipeline: Word<P>,
}

impl<const N: usize, const P: usize, const CELL: bool> Default for Product<N, P, CELL> {
    fn default() -> Self {
        assert!(
            N <= 18 && P == 2 * N,
            "a product of {N} bits in a DSP block, {P} bits out"
        );
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            q: Signal::default(),
            _inputs: Default::default(),
            _pipeline: Default::default(),
        }
    }
}

impl<const N: usize, const P: usize, const CELL: bool> Product<N, P, CELL> {
    /// Cycles from the factors to the product.
    pub const LATENCY: usize = if CELL { 3 } else { 1 };
}

impl<const N: usize, const P: usize, const CELL: bool> Logic for Product<N, P, CELL> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let (a, b) = (self.a.val(), self.b.val());
        if CELL {
            self.q.next = self._pipeline;
            self._pipeline = Word::new(self._inputs.0.value() * self._inputs.1.value());
            self._inputs = (a, b);
        } else {
            self.q.next = Word::new(a.value() * b.value());
        }
    }

    fn connect(&mut self) {
        self.q.connect();
    }

    fn hdl(&self) -> Verilog {
        if !CELL {
            return Verilog::Custom(
                "\
initial begin
   q = 0;
end

always @(posedge clock) begin
   q <= a * b;
end
"
                .into(),
            );
        }
        // Inputs that are not used are 0; outputs are left out.
        let pins = |name: &str, bus: &str, used: usize| {
            let pin = |bit| format!("    .{name}{bit}({bus}[{bit}]),\n");
            (0..used).map(pin).collect::<String>()
        };
        let grounded = |name: &str| {
            let pin = |bit| format!("    .{name}{bit}(1'b0),\n");
            (N..18).map(pin).collect::<String>()
        };
        let registers = ["INPUTA", "INPUTB", "PIPELINE", "OUTPUT"]
            .map(|stage| {
                format!(
                    "    .REG_{stage}_CLK(\"CLK0\"), .REG_{stage}_CE(\"CE0\"), \
                     .REG_{stage}_RST(\"RST0\")"
                )
            })
            .join(",\n");
        Verilog::Wrapper(Wrapper {
            code: format!(
                "\
MULT18X18D #(
{registers}
) dsp (
{a}{a_high}{b}{b_high}{p}    .CLK0(clock), .CE0(1'b1), .RST0(1'b0),
    .SIGNEDA(1'b0), .SIGNEDB(1'b0), .SOURCEA(1'b0), .SOURCEB(1'b0)
);
",
                a = pins("A", "a", N),
                a_high = grounded("A"),
                b = pins("B", "b", N),
                b_high = grounded("B"),
                p = pins("P", "q", P),
            ),
            cores: String::new(),
        })
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "product".into(),
            clock: "clock".into(),
            inputs: vec!["a".into(), "b".into()],
            outputs: vec!["q".into()],
        }]
    }
}
