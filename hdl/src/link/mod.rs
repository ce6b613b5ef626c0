//! A serial line to registers and streams. docs/hardware/link.md.

use crate::registry::Kernel;

mod crc;
mod inbound;
mod outbound;
mod receiver;
mod requests;
mod slip;
mod top;
mod transmitter;

pub use top::Link;

/// Binary logarithm of the words that wait on each way.
pub(crate) const LOG_WINDOW: usize = 9;

pub(crate) const KERNELS: &[Kernel] = &[Kernel {
    name: "link",
    family: "link",
    parameters: &[("log_window", LOG_WINDOW as u64)],
    cell_models: &[],
    build: || Box::new(Link::<LOG_WINDOW, { LOG_WINDOW + 1 }>::default()),
}];
