//! The rust-hdl simulation of every unit against the integer model. The co-simulation repeats this
//! with more vectors and with the Verilog.

use super::{Add, Form, Multiplier, P, Reduce, ReduceSum, Subtract, model};
use crate::bench::{Rng, pipeline};
use crate::registry;

const SEED: u64 = 1;
const RANDOM_VECTORS: usize = 500;

fn pairs() -> Vec<Vec<u128>> {
    let edges = model::edge_values();
    let mut pairs: Vec<Vec<u128>> = edges
        .iter()
        .flat_map(|&a| {
            edges
                .iter()
                .map(move |&b| vec![u128::from(a), u128::from(b)])
        })
        .collect();
    let mut rng = Rng::new(SEED);
    let mut draw = || u128::from(rng.next_u64() % P);
    pairs.extend((0..RANDOM_VECTORS).map(|_| vec![draw(), draw()]));
    pairs
}

fn check(name: &str, latency: usize, operands: &[Vec<u128>], expect: impl Fn(&[u128]) -> u64) {
    let mut simulation = registry::kernel(name).unwrap().simulation();
    let results = pipeline(&mut simulation, operands, latency);
    for (operands, result) in operands.iter().zip(results) {
        assert_eq!(
            result,
            u128::from(expect(operands)),
            "{name} of {operands:x?}"
        );
    }
}

#[test]
fn sums_and_differences() {
    check("goldilocks_add", Add::LATENCY, &pairs(), |v| {
        model::add(v[0] as u64, v[1] as u64)
    });
    check("goldilocks_subtract", Subtract::LATENCY, &pairs(), |v| {
        model::subtract(v[0] as u64, v[1] as u64)
    });
}

#[test]
fn remainders() {
    let limbs = [0u128, 1, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff];
    let mut operands = Vec::new();
    for digits in 0..limbs.len().pow(4) {
        let limb = |place: u32| limbs[digits / limbs.len().pow(place) % limbs.len()];
        operands.push(vec![
            limb(0) | limb(1) << 32 | limb(2) << 64 | limb(3) << 96,
        ]);
    }
    check("goldilocks_reduce", Reduce::LATENCY, &operands, |v| {
        model::remainder(v[0])
    });
}

#[test]
fn remainders_of_sums() {
    let operands: Vec<Vec<u128>> = (0..32u128)
        .flat_map(|high| {
            let words = model::edge_values()
                .into_iter()
                .chain([P, u64::MAX - 1, u64::MAX]);
            words.map(move |low| vec![high << 64 | u128::from(low)])
        })
        .collect();
    check(
        "goldilocks_reduce_sum",
        ReduceSum::LATENCY,
        &operands,
        |v| model::remainder(v[0]),
    );
}

#[test]
fn products() {
    let forms = [
        (
            "goldilocks_multiply",
            Multiplier::<{ Form::Inferred as usize }>::LATENCY,
        ),
        (
            "goldilocks_multiply_ecp5",
            Multiplier::<{ Form::Ecp5 as usize }>::LATENCY,
        ),
        (
            "goldilocks_multiply_karatsuba",
            Multiplier::<{ Form::Karatsuba as usize }>::LATENCY,
        ),
        (
            "goldilocks_multiply_karatsuba_ecp5",
            Multiplier::<{ Form::KaratsubaEcp5 as usize }>::LATENCY,
        ),
    ];
    for (name, latency) in forms {
        check(name, latency, &pairs(), |v| {
            model::multiply(v[0] as u64, v[1] as u64)
        });
    }
}

#[test]
fn powers() {
    assert_eq!(model::power(7, P - 1), 1);
    assert_eq!(model::power(3, 5), 243);
}

/// x - V = p (hl + hh (2^32 + 1)) for the V of the formal proof: the coefficients of hl and hh.
#[test]
fn the_linear_form_is_congruent() {
    let p = u128::from(P);
    assert_eq!((1u128 << 64) - ((1 << 32) - 1), p);
    assert_eq!((1u128 << 96) + 1, p * ((1 << 32) + 1));
}
