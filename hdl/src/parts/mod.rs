//! Memories, queues and multiplier cells that kernels are made of.

mod delay;
mod fifo;
mod flags;
mod lowest;
mod lut_ram;
mod product;
mod ram;
mod ring;
mod rom;

pub use delay::Delay;
pub use fifo::Fifo;
pub(crate) use fifo::KERNELS;
pub use flags::{FlagAt, Flags};
pub use lowest::Lowest;
pub use lut_ram::LutRam;
pub use product::{MULT18X18D_MODEL, Product};
pub use ram::Ram;
pub use ring::Ring;
pub use rom::Rom;
