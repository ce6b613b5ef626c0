//! A board's clock, made of its oscillator's by a PLL cell of the FPGA.

use rust_hdl_core::prelude::*;

/// Behavioural Verilog of ECP5's EHXPLLL for simulation: its clock is the oscillator's. This is our reading of Lattice's
/// documentation.
pub(super) const EHXPLLL_MODEL: &str = include_str!("../../verilog/ehxplll.v");

/// The same of Gowin's rPLL, by our reading of Gowin's documentation.
pub(super) const RPLL_MODEL: &str = include_str!("../../verilog/rpll.v");

/// What makes the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// ECP5's, fed back from its output.
    Ehxplll,
    /// That of Gowin's GW2A-18, fed back inside.
    Rpll,
}

/// A cell with its dividers: the clock is `oscillator` · `feedback` / `input`, and `output` times that is the frequency of the
/// cell's own oscillator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub cell: Cell,
    /// The board's oscillator.
    pub oscillator_mhz: u32,
    /// Of the oscillator's clock.
    pub input: u32,
    /// Of the clock that is fed back.
    pub feedback: u32,
    /// Of the cell's own oscillator.
    pub output: u32,
}

/// The cell, with these dividers.
#[derive(LogicBlock)]
pub(super) struct Pll {
    /// The board's oscillator.
    pub oscillator: Signal<In, Clock>,
    /// What runs the design.
    pub clock: Signal<Out, Clock>,
    /// The clock has its frequency; of no clock.
    pub is_locked: Signal<Out, Bit>,
    _source: Source,
}

impl Pll {
    pub(super) fn new(source: Source) -> Self {
        Self {
            oscillator: Signal::default(),
            clock: Signal::default(),
            is_locked: Signal::default(),
            _source: source,
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
        let Source {
            cell,
            oscillator_mhz,
            input,
            feedback,
            output,
        } = self._source;
        let code = match cell {
            // Half a period's phase, as Lattice's own tool sets it, keeps output and feedback in step; the attributes are the
            // currents of the loop filter.
            Cell::Ehxplll => format!(
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
            Cell::Rpll => format!(
                "\
rPLL #(
    .FCLKIN(\"{oscillator_mhz}\"), .IDIV_SEL({input}), .FBDIV_SEL({feedback}), .ODIV_SEL({output}), .CLKFB_SEL(\"internal\"),
    .DYN_IDIV_SEL(\"false\"), .DYN_FBDIV_SEL(\"false\"), .DYN_ODIV_SEL(\"false\"), .DEVICE(\"GW2AR-18C\")
) pll (
    .CLKIN(oscillator), .CLKOUT(clock), .LOCK(is_locked), .CLKFB(1'b0), .RESET(1'b0), .RESET_P(1'b0),
    .FBDSEL(6'b0), .IDSEL(6'b0), .ODSEL(6'b0), .PSDA(4'b0), .DUTYDA(4'b0), .FDLY(4'b0)
);
",
                input = input - 1,
                feedback = feedback - 1,
            ),
        };
        Verilog::Wrapper(Wrapper {
            code,
            cores: String::new(),
        })
    }
}
