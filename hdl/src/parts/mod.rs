//! Memories, queues and multiplier cells that kernels are made of.

mod fifo;
mod lut_ram;
mod product;

pub use fifo::Fifo;
pub use lut_ram::LutRam;
pub use product::{MULT18X18D_MODEL, Product};
