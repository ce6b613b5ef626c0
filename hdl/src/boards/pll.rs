//! A board's clock: its oscillator's, or made of that by the FPGA's own cell.

use rust_hdl_core::prelude::*;

/// Behavioural Verilog of ECP5's EHXPLLL for simulation: its clock is the oscillator's. This is our reading of Lattice's
/// documentation.
pub(super) const EHXPLLL_MODEL: &str = include_str!("../../verilog/ehxplll.v");

/// The dividers of ECP5's EHXPLLL, fed back from its output: the clock is `oscillator` · `feedback` / `input`, and `output` times
/// that is the frequency of its own oscillator, 400 to 800 MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ehxplll {
    /// Of the oscillator's clock; what is left is at least 3.125 MHz.
    pub input: u32,
    /// Of the clock that is fed back.
    pub feedback: u32,
    /// Of the PLL's own oscillator.
    pub output: u32,
}

/// The cell, with these dividers; or the oscillator's clock as it is.
#[derive(LogicBlock)]
pub(super) struct Pll {
    /// The board's oscillator.
    pub oscillator: Signal<In, Clock>,
    /// What runs the design.
    pub clock: Signal<Out, Clock>,
    /// The clock has its frequency; of no clock.
    pub is_locked: Signal<Out, Bit>,
    _dividers: Option<Ehxplll>,
}

impl Pll {
    pub(super) fn new(dividers: Option<Ehxplll>) -> Self {
        Self {
            oscillator: Signal::default(),
            clock: Signal::default(),
            is_locked: Signal::default(),
            _dividers: dividers,
        }
    }
}

impl Logic for Pll {
    fn update(&mut self) {
        self.clock.next = self.oscillator.val();
        self.is_locked.next = true;
    }

    fn connect(&mut self) {
        self.clock.connect();
        self.is_locked.connect();
    }

    fn hdl(&self) -> Verilog {
        let Some(Ehxplll {
            input,
            feedback,
            output,
        }) = self._dividers
        else {
            return Verilog::Wrapper(Wrapper {
                code: "assign clock = oscillator;\nassign is_locked = 1'b1;\n".into(),
                cores: String::new(),
            });
        };
        // Half a period's phase, as Lattice's own tool sets it, keeps output and feedback in step; the attributes are the
        // currents of the loop filter.
        Verilog::Wrapper(Wrapper {
            code: format!(
                "\
(* ICP_CURRENT = \"12\" *) (* LPF_RESISTOR = \"8\" *) (* MFG_ENABLE_FILTEROPAMP = \"1\" *) (* MFG_GMCREF_SEL = \"2\" *)
EHXPLLL #(
    .CLKI_DIV({input}), .CLKFB_DIV({feedback}), .CLKOP_DIV({output}), .CLKOP_CPHASE({phase}),
    .CLKOP_FPHASE(0), .CLKOP_ENABLE(\"ENABLED\"), .FEEDBK_PATH(\"CLKOP\"), .PLLRST_ENA(\"DISABLED\"),
    .INTFB_WAKE(\"DISABLED\"), .STDBY_ENABLE(\"DISABLED\"), .DPHASE_SOURCE(\"DISABLED\"),
    .OUTDIVIDER_MUXA(\"DIVA\"), .OUTDIVIDER_MUXB(\"DIVB\"), .OUTDIVIDER_MUXC(\"DIVC\"), .OUTDIVIDER_MUXD(\"DIVD\")
) pll (
    .CLKI(oscillator), .CLKFB(clock), .CLKOP(clock), .LOCK(is_locked), .RST(1'b0), .STDBY(1'b0),
    .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b0), .PHASESTEP(1'b0), .PHASELOADREG(1'b0),
    .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
);
",
                phase = output / 2,
            ),
            cores: String::new(),
        })
    }
}
