//! Arithmetic modulo p = 2^64 - 2^32 + 1.
//!
//! All units take canonical operands (below p) in every cycle and give canonical results a fixed
//! number of cycles later (`LATENCY`). They have no reset: what is in flight is garbage to whoever
//! ignores it.

use crate::parts::MULT18X18D_MODEL;
use crate::registry::Kernel;

mod add;
mod karatsuba;
pub mod model;
mod multiplier;
mod multiply_stream;
mod reduce;
mod reduce_sum;
mod schoolbook;
mod subtract;

pub use add::Add;
pub use karatsuba::Karatsuba;
pub use multiplier::{Form, Multiplier};
pub use multiply_stream::MultiplyStream;
pub use reduce::Reduce;
pub use reduce_sum::ReduceSum;
pub use schoolbook::Schoolbook;
pub use subtract::Subtract;

/// The order of the field.
pub const P: u64 = 0xffff_ffff_0000_0001;

pub(crate) const KERNELS: &[Kernel] = &[
    Kernel {
        name: "goldilocks_add",
        family: "goldilocks_add",
        parameters: &[],
        cell_models: &[],
        build: || Box::new(Add::default()),
    },
    Kernel {
        name: "goldilocks_subtract",
        family: "goldilocks_subtract",
        parameters: &[],
        cell_models: &[],
        build: || Box::new(Subtract::default()),
    },
    Kernel {
        name: "goldilocks_reduce",
        family: "goldilocks_reduce",
        parameters: &[],
        cell_models: &[],
        build: || Box::new(Reduce::default()),
    },
    Kernel {
        name: "goldilocks_reduce_sum",
        family: "goldilocks_reduce_sum",
        parameters: &[],
        cell_models: &[],
        build: || Box::new(ReduceSum::default()),
    },
    Kernel {
        name: "goldilocks_multiply",
        family: "goldilocks_multiply",
        parameters: &[("form", Form::Inferred as u64)],
        cell_models: &[],
        build: || Box::new(Multiplier::<{ Form::Inferred as usize }>::default()),
    },
    Kernel {
        name: "goldilocks_multiply_ecp5",
        family: "goldilocks_multiply",
        parameters: &[("form", Form::Ecp5 as u64)],
        cell_models: &[MULT18X18D_MODEL],
        build: || Box::new(Multiplier::<{ Form::Ecp5 as usize }>::default()),
    },
    Kernel {
        name: "goldilocks_multiply_karatsuba",
        family: "goldilocks_multiply",
        parameters: &[("form", Form::Karatsuba as u64)],
        cell_models: &[],
        build: || Box::new(Multiplier::<{ Form::Karatsuba as usize }>::default()),
    },
    Kernel {
        name: "goldilocks_multiply_karatsuba_ecp5",
        family: "goldilocks_multiply",
        parameters: &[("form", Form::KaratsubaEcp5 as u64)],
        cell_models: &[MULT18X18D_MODEL],
        build: || Box::new(Multiplier::<{ Form::KaratsubaEcp5 as usize }>::default()),
    },
    Kernel {
        name: "goldilocks_multiply_stream",
        family: "goldilocks_multiply_stream",
        parameters: &[("form", Form::Inferred as u64)],
        cell_models: &[],
        build: || Box::new(MultiplyStream::<{ Form::Inferred as usize }>::default()),
    },
];

/// Cycles from operands to result of a unit without handshakes; none for other kernels.
pub fn latency(kernel: &Kernel) -> Option<usize> {
    Some(match kernel.name {
        "goldilocks_add" => Add::LATENCY,
        "goldilocks_subtract" => Subtract::LATENCY,
        "goldilocks_reduce" => Reduce::LATENCY,
        "goldilocks_reduce_sum" => ReduceSum::LATENCY,
        "goldilocks_multiply" => Multiplier::<{ Form::Inferred as usize }>::LATENCY,
        "goldilocks_multiply_ecp5" => Multiplier::<{ Form::Ecp5 as usize }>::LATENCY,
        "goldilocks_multiply_karatsuba" => Multiplier::<{ Form::Karatsuba as usize }>::LATENCY,
        "goldilocks_multiply_karatsuba_ecp5" => {
            Multiplier::<{ Form::KaratsubaEcp5 as usize }>::LATENCY
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
