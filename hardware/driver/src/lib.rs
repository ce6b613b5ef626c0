//! Drives Winterforge's accelerator, whatever it is reached by.
//!
//! A [`Transport`] reads and writes registers and carries words; [`Accelerator`] starts jobs over it, and [`HardwareDevice`]
//! is the prover's device made of these jobs. Nothing here knows Verilator, an FPGA or a cable. Jobs, streams and registers are
//! described in docs/hardware/accelerator.md.

mod accelerator;
mod bound;
mod device;
mod fourstep;
#[rustfmt::skip]
pub mod registers;
mod transport;
pub mod uart;

pub use accelerator::{Accelerator, Capabilities, Counters, DriverError, Job};
pub use device::HardwareDevice;
pub use transport::{Transport, TransportError};
