// Behavioural model of Lattice ECP5's EHXPLLL, for simulation and the silicon estimate only.
//
// This is our reading of Lattice's documentation: the output clock is the input clock, whatever the dividers, and
// the lock comes after sixteen cycles of it. Phase, other outputs and power-down are left out; the boards do not use them.
module EHXPLLL #(
    parameter CLKI_DIV = 1,
    parameter CLKFB_DIV = 1,
    parameter CLKOP_DIV = 8,
    parameter CLKOP_CPHASE = 0,
    parameter CLKOP_FPHASE = 0,
    parameter CLKOP_ENABLE = "ENABLED",
    parameter FEEDBK_PATH = "CLKOP",
    parameter PLLRST_ENA = "DISABLED",
    parameter INTFB_WAKE = "DISABLED",
    parameter STDBY_ENABLE = "DISABLED",
    parameter DPHASE_SOURCE = "DISABLED",
    parameter OUTDIVIDER_MUXA = "DIVA",
    parameter OUTDIVIDER_MUXB = "DIVB",
    parameter OUTDIVIDER_MUXC = "DIVC",
    parameter OUTDIVIDER_MUXD = "DIVD"
) (
    input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP,
    output CLKOP, LOCK
);
    reg [3:0] cycles = 0;

    always @(posedge CLKI)
        if (!LOCK) cycles <= cycles + 1;

    assign CLKOP = CLKI;
    assign LOCK = cycles == 15;
endmodule
