//! Every kernel that is exported and simulated: one entry per set of parameters.

use crate::design::{Design, HdlSimulation};
use crate::export::{self, ExportError};

/// A kernel with its parameters fixed.
#[derive(Clone)]
pub struct Kernel {
    /// Name of the top module.
    pub name: &'static str,
    /// Name without parameters.
    pub family: &'static str,
    /// Parameters by name.
    pub parameters: &'static [(&'static str, u64)],
    /// Verilog of vendor cells that the kernel instantiates, for simulation and the silicon estimate.
    pub cell_models: &'static [&'static str],
    /// Makes the kernel, not yet connected.
    pub build: fn() -> Box<dyn Design>,
}

impl Kernel {
    /// The connected design.
    pub fn design(&self) -> Box<dyn Design> {
        let mut design = (self.build)();
        design.connect_all();
        design
    }

    /// The rust-hdl simulation.
    pub fn simulation(&self) -> HdlSimulation {
        HdlSimulation::new(self.design())
    }

    /// The Verilog, the top module named [`Kernel::name`].
    ///
    /// # Errors
    /// If the design fails a check; see [`export::verilog`].
    pub fn verilog(&self) -> Result<String, ExportError> {
        export::verilog(self.design().as_ref(), self.name)
    }
}

/// All kernels, by family and size.
pub fn kernels() -> Vec<Kernel> {
    [
        crate::goldilocks::KERNELS,
        crate::parts::KERNELS,
        crate::ntt::KERNELS,
        crate::blake3::KERNELS,
        crate::merkle::KERNELS,
        crate::poseidon2::KERNELS,
        crate::link::KERNELS,
        crate::accelerator::KERNELS,
        crate::boards::KERNELS,
    ]
    .concat()
}

/// The kernel of that name.
pub fn kernel(name: &str) -> Option<Kernel> {
    kernels().into_iter().find(|kernel| kernel.name == name)
}
