//! Goldilocks units: integer model = rust-hdl simulation = Verilated RTL.

use winterforge_hdl::bench::{Bench, Rng, pipeline};
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{Add, Form, Multiplier, P, Reduce, ReduceSum, Subtract, model};
use winterforge_sim::co_verify;

const SEED: u64 = 0x5eed;
const RANDOM_VECTORS: usize = 10_000;

/// All pairs of edge values, then random pairs.
fn pairs() -> Vec<Vec<u128>> {
    let edges = model::edge_values();
    let edge_pairs = edges
        .iter()
        .flat_map(|&a| edges.iter().map(move |&b| [a, b]));
    let mut rng = Rng::new(SEED);
    let random = (0..RANDOM_VECTORS).map(|_| [rng.next_u64() % P, rng.next_u64() % P]);
    edge_pairs
        .chain(random)
        .map(|pair| pair.map(u128::from).to_vec())
        .collect()
}

fn check_unit(name: &str, latency: usize, operands: &[Vec<u128>], expect: fn(&[u128]) -> u64) {
    co_verify(name, |mut dut| {
        let results = pipeline(&mut dut, operands, latency);
        for (operands, result) in operands.iter().zip(results) {
            let expected = expect(operands);
            if result != u128::from(expected) {
                return Err(format!("{operands:x?}: {result:x} instead of {expected:x}"));
            }
        }
        Ok(())
    });
}

#[test]
fn add() {
    check_unit("goldilocks_add", Add::LATENCY, &pairs(), |v| {
        model::add(v[0] as u64, v[1] as u64)
    });
}

#[test]
fn subtract() {
    check_unit("goldilocks_subtract", Subtract::LATENCY, &pairs(), |v| {
        model::subtract(v[0] as u64, v[1] as u64)
    });
}

#[test]
fn reduce() {
    let mut rng = Rng::new(SEED);
    let edges = model::edge_values();
    let mut operands: Vec<Vec<u128>> = edges
        .iter()
        .flat_map(|&low| {
            edges
                .iter()
                .map(move |&high| u128::from(high) << 64 | u128::from(low))
        })
        .chain(
            (0..RANDOM_VECTORS)
                .map(|_| u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())),
        )
        .map(|x| vec![x])
        .collect();
    operands.extend([u128::MAX, u128::from(P), u128::from(P) * u128::from(P)].map(|x| vec![x]));
    check_unit("goldilocks_reduce", Reduce::LATENCY, &operands, |v| {
        model::remainder(v[0])
    });
}

#[test]
fn reduce_sum() {
    let mut rng = Rng::new(SEED);
    let edges = (0..32u128).flat_map(|high| {
        let words = model::edge_values().into_iter().chain([P, u64::MAX]);
        words.map(move |low| high << 64 | u128::from(low))
    });
    let random = (0..RANDOM_VECTORS).map(|_| {
        let high = u128::from(rng.below(32));
        high << 64 | u128::from(rng.next_u64())
    });
    let operands: Vec<Vec<u128>> = edges.chain(random).map(|x| vec![x]).collect();
    check_unit(
        "goldilocks_reduce_sum",
        ReduceSum::LATENCY,
        &operands,
        |v| model::remainder(v[0]),
    );
}

fn check_multiplier(name: &str, latency: usize) {
    check_unit(name, latency, &pairs(), |v| {
        model::multiply(v[0] as u64, v[1] as u64)
    });
}

#[test]
fn multiply_inferred() {
    check_multiplier(
        "goldilocks_multiply",
        Multiplier::<{ Form::Inferred as usize }>::LATENCY,
    );
}

#[test]
fn multiply_ecp5_cells() {
    check_multiplier(
        "goldilocks_multiply_ecp5",
        Multiplier::<{ Form::Ecp5 as usize }>::LATENCY,
    );
}

#[test]
fn multiply_karatsuba() {
    check_multiplier(
        "goldilocks_multiply_karatsuba",
        Multiplier::<{ Form::Karatsuba as usize }>::LATENCY,
    );
}

#[test]
fn multiply_karatsuba_ecp5_cells() {
    check_multiplier(
        "goldilocks_multiply_karatsuba_ecp5",
        Multiplier::<{ Form::KaratsubaEcp5 as usize }>::LATENCY,
    );
}

/// Sends pairs through the stream kernel and compares the products, in order.
fn check_stream(
    dut: &mut dyn Dut,
    operands: &[Vec<u128>],
    gap_probability: f64,
    stall_probability: f64,
) -> Result<u64, String> {
    let mut bench = Bench::new(dut, SEED);
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    (bench.gap_probability, bench.stall_probability) = (gap_probability, stall_probability);
    let start = bench.cycle();
    operands
        .iter()
        .for_each(|pair| bench.send(source, pair.clone()));
    let beats = bench
        .collect(sink, operands.len(), 20 * operands.len() as u64 + 100)
        .map_err(|error| error.to_string())?;
    for (pair, beat) in operands.iter().zip(beats) {
        let expected = u128::from(model::multiply(pair[0] as u64, pair[1] as u64));
        if beat != [expected] {
            return Err(format!("{pair:x?}: {beat:x?} instead of {expected:x}"));
        }
    }
    Ok(bench.cycle() - start)
}

#[test]
fn stream_survives_every_stall_pattern() {
    let operands = &pairs()[..2_000];
    for (gap, stall) in [
        (0.0, 0.0),
        (0.5, 0.0),
        (0.0, 0.5),
        (0.3, 0.3),
        (0.9, 0.1),
        (0.1, 0.9),
    ] {
        co_verify("goldilocks_multiply_stream", |dut| {
            check_stream(dut, operands, gap, stall).map(drop)
        });
    }
}

#[test]
fn stream_without_stalls_takes_a_beat_a_cycle() {
    let operands = &pairs()[..2_000];
    co_verify("goldilocks_multiply_stream", |dut| {
        let cycles = check_stream(dut, operands, 0.0, 0.0)?;
        let slack = Multiplier::<{ Form::Inferred as usize }>::LATENCY as u64 + 2;
        if cycles > operands.len() as u64 + slack {
            return Err(format!("{cycles} cycles for {} beats", operands.len()));
        }
        Ok(())
    });
}

#[test]
fn reset_at_any_cycle_leaves_nothing_behind() {
    let operands = &pairs()[..200];
    co_verify("goldilocks_multiply_stream", |dut| {
        let mut rng = Rng::new(SEED);
        for _ in 0..50 {
            let mut bench = Bench::new(&mut *dut, rng.next_u64());
            let (source, _sink) = (bench.source("s"), bench.sink("m"));
            (bench.gap_probability, bench.stall_probability) = (0.2, 0.6);
            operands
                .iter()
                .for_each(|pair| bench.send(source, pair.clone()));
            for _ in 0..rng.below(120) {
                bench.tick().map_err(|error| error.to_string())?;
            }
            drop(bench);
            check_stream(&mut *dut, &operands[..20], 0.2, 0.2)?;
        }
        Ok(())
    });
}
