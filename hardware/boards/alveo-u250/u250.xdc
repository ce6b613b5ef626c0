# Alveo U250, what the accelerator uses of it: PCI Express and its clock. Not run.
# The lanes' places follow from the block that XDMA is given; the reference clock and the reset are the card's.
set_property PACKAGE_PIN AM11 [get_ports {pcie_refclk_clk_p[0]}]
set_property PACKAGE_PIN AM10 [get_ports {pcie_refclk_clk_n[0]}]
create_clock -period 10.000 -name pcie_refclk [get_ports {pcie_refclk_clk_p[0]}]
set_property PACKAGE_PIN BD21 [get_ports pcie_perstn]
set_property IOSTANDARD LVCMOS12 [get_ports pcie_perstn]
set_false_path -from [get_ports pcie_perstn]
