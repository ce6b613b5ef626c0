// Behavioural model of Gowin's rPLL, for simulation and the silicon estimate only.
//
// This is our reading of Gowin's documentation: the output clock is the input clock, whatever the dividers, and the lock
// comes after sixteen cycles of it. Phase, other outputs and dividers that are set at run time are left out; the boards do
// not use them.
module rPLL #(
    parameter FCLKIN = "100.0",
    parameter DYN_IDIV_SEL = "false",
    parameter IDIV_SEL = 0,
    parameter DYN_FBDIV_SEL = "false",
    parameter FBDIV_SEL = 0,
    parameter DYN_ODIV_SEL = "false",
    parameter ODIV_SEL = 8,
    parameter CLKFB_SEL = "internal",
    parameter DEVICE = "GW2AR-18C"
) (
    input CLKIN, CLKFB, RESET, RESET_P,
    input [5:0] FBDSEL, IDSEL, ODSEL,
    input [3:0] PSDA, DUTYDA, FDLY,
    output CLKOUT, LOCK
);
    reg [3:0] cycles = 0;

    always @(posedge CLKIN)
        if (!LOCK) cycles <= cycles + 1;

    assign CLKOUT = CLKIN;
    assign LOCK = cycles == 15;
endmodule
