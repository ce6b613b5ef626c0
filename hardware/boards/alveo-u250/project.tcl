# A Vivado project of the accelerator on the Alveo U250, behind AMD's XDMA. Not run: no Vivado was at hand.
#
#     vivado -mode batch -source project.tcl          in a folder with accelerator_poseidon2.v, winterforge_u250.v, u250.xdc
#
# Words go in by the first host-to-card stream, results come out by the first card-to-host stream; registers are at offset 0
# of the AXI4-Lite window. The accelerator runs at XDMA's own clock, divided to $clock_mhz.
set clock_mhz 125
set part xcu250-figd2104-2L-e

create_project winterforge_u250 vivado -part $part -force
add_files {accelerator_poseidon2.v winterforge_u250.v}
add_files -fileset constrs_1 u250.xdc
create_bd_design shell

# PCI Express: Gen3 x16, streams of 512 bits at 250 MHz, an AXI4-Lite master of 64 KB.
create_bd_cell -type ip -vlnv xilinx.com:ip:util_ds_buf refclk
set_property CONFIG.C_BUF_TYPE IBUFDSGTE [get_bd_cells refclk]
create_bd_cell -type ip -vlnv xilinx.com:ip:xdma xdma
set_property -dict {
    CONFIG.pl_link_cap_max_link_width X16
    CONFIG.pl_link_cap_max_link_speed 8.0_GT/s
    CONFIG.xdma_axi_intf_mm AXI_Stream
    CONFIG.axi_data_width 512_bit
    CONFIG.axisten_freq 250
    CONFIG.axilite_master_en true
    CONFIG.axilite_master_size 64
    CONFIG.axilite_master_scale Kilobytes
    CONFIG.xdma_rnum_chnl 1
    CONFIG.xdma_wnum_chnl 1
} [get_bd_cells xdma]
make_bd_intf_pins_external -name pcie_refclk [get_bd_intf_pins refclk/CLK_IN_D]
make_bd_intf_pins_external -name pcie [get_bd_intf_pins xdma/pcie_mgt]
make_bd_pins_external -name pcie_perstn [get_bd_pins xdma/sys_rst_n]
connect_bd_net [get_bd_pins refclk/IBUF_OUT] [get_bd_pins xdma/sys_clk_gt]
connect_bd_net [get_bd_pins refclk/IBUF_DS_ODIV2] [get_bd_pins xdma/sys_clk]

# The accelerator's clock and reset.
create_bd_cell -type ip -vlnv xilinx.com:ip:clk_wiz clock
set_property -dict [list CONFIG.PRIM_IN_FREQ 250 CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $clock_mhz \
    CONFIG.RESET_TYPE ACTIVE_LOW] [get_bd_cells clock]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins clock/clk_in1]
connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins clock/resetn] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins reset/slowest_sync_clk]
connect_bd_net [get_bd_pins clock/locked] [get_bd_pins reset/dcm_locked]

create_bd_cell -type module -reference winterforge_u250 accelerator
connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins accelerator/aclk]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins accelerator/aresetn]

# Registers.
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect registers
set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2} [get_bd_cells registers]
connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins registers/aclk]
connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins registers/aclk1]
connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins registers/aresetn]
connect_bd_intf_net [get_bd_intf_pins xdma/M_AXI_LITE] [get_bd_intf_pins registers/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins registers/M00_AXI] [get_bd_intf_pins accelerator/s_axi]

# Streams, each through a change of width and then of clock on the way in, of clock and then of width on the way out.
proc converter {name kind properties} {
    create_bd_cell -type ip -vlnv xilinx.com:ip:$kind $name
    set_property -dict $properties [get_bd_cells $name]
}
converter narrow axis_dwidth_converter {CONFIG.S_TDATA_NUM_BYTES 64 CONFIG.M_TDATA_NUM_BYTES 8}
converter inward axis_clock_converter {}
converter outward axis_clock_converter {}
converter widen axis_dwidth_converter {CONFIG.S_TDATA_NUM_BYTES 8 CONFIG.M_TDATA_NUM_BYTES 64}
connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins narrow/aclk] [get_bd_pins widen/aclk] \
    [get_bd_pins inward/s_axis_aclk] [get_bd_pins outward/m_axis_aclk]
connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins narrow/aresetn] [get_bd_pins widen/aresetn] \
    [get_bd_pins inward/s_axis_aresetn] [get_bd_pins outward/m_axis_aresetn]
connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins inward/m_axis_aclk] [get_bd_pins outward/s_axis_aclk]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins inward/m_axis_aresetn] \
    [get_bd_pins outward/s_axis_aresetn]
connect_bd_intf_net [get_bd_intf_pins xdma/M_AXIS_H2C_0] [get_bd_intf_pins narrow/S_AXIS]
connect_bd_intf_net [get_bd_intf_pins narrow/M_AXIS] [get_bd_intf_pins inward/S_AXIS]
connect_bd_intf_net [get_bd_intf_pins inward/M_AXIS] [get_bd_intf_pins accelerator/s_axis]
connect_bd_intf_net [get_bd_intf_pins accelerator/m_axis] [get_bd_intf_pins outward/S_AXIS]
connect_bd_intf_net [get_bd_intf_pins outward/M_AXIS] [get_bd_intf_pins widen/S_AXIS]
connect_bd_intf_net [get_bd_intf_pins widen/M_AXIS] [get_bd_intf_pins xdma/S_AXIS_C2H_0]

assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files shell.bd] -top -import
set_property top shell_wrapper [current_fileset]

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
open_run impl_1
report_timing_summary -file timing.rpt
report_utilization -file utilisation.rpt
