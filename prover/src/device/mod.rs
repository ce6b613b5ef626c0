//! Devices.

pub mod blake3;
pub mod ntt;

pub use crate::simd::Level;
