// The accelerator between the streams and the AXI4-Lite master of AMD's XDMA, on the Alveo U250.
//
// Not placed, routed or run: yosys synthesizes it, nothing else has. Ports have the names by which Vivado's block design
// knows the interfaces; project.tcl makes that design. Streams are 64 bits wide and in whole words, so TKEEP is not looked at.
module winterforge_u250 (
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn" *)
    input aclk,
    input aresetn,

    input [7:0] s_axi_awaddr,
    input s_axi_awvalid,
    output s_axi_awready,
    input [31:0] s_axi_wdata,
    input [3:0] s_axi_wstrb,
    input s_axi_wvalid,
    output s_axi_wready,
    output [1:0] s_axi_bresp,
    output s_axi_bvalid,
    input s_axi_bready,
    input [7:0] s_axi_araddr,
    input s_axi_arvalid,
    output s_axi_arready,
    output [31:0] s_axi_rdata,
    output [1:0] s_axi_rresp,
    output s_axi_rvalid,
    input s_axi_rready,

    input [63:0] s_axis_tdata,
    input s_axis_tlast,
    input s_axis_tvalid,
    output s_axis_tready,

    output [63:0] m_axis_tdata,
    output [7:0] m_axis_tkeep,
    output m_axis_tlast,
    output m_axis_tvalid,
    input m_axis_tready
);
    accelerator_poseidon2 accelerator (
        .clock(aclk), .reset(!aresetn),
        .aw_valid(s_axi_awvalid), .aw_ready(s_axi_awready), .aw_addr(s_axi_awaddr),
        .w_valid(s_axi_wvalid), .w_ready(s_axi_wready), .w_data(s_axi_wdata), .w_strb(s_axi_wstrb),
        .b_valid(s_axi_bvalid), .b_ready(s_axi_bready), .b_resp(s_axi_bresp),
        .ar_valid(s_axi_arvalid), .ar_ready(s_axi_arready), .ar_addr(s_axi_araddr),
        .r_valid(s_axi_rvalid), .r_ready(s_axi_rready), .r_data(s_axi_rdata), .r_resp(s_axi_rresp),
        .s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_word(s_axis_tdata), .s_last(s_axis_tlast),
        .m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_word(m_axis_tdata), .m_last(m_axis_tlast)
    );
    assign m_axis_tkeep = 8'hff;
endmodule
