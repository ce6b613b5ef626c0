//! The FIFO: what leaves is what entered, in order, and the occupancy is their difference.

use winterforge_hdl::bench::{Bench, Rng};
use winterforge_hdl::design::Dut;
use winterforge_sim::co_verify;

const SEED: u64 = 0xf1f0;
const KERNEL: &str = "fifo_4";
const CAPACITY: u64 = 4;

/// Sends random bytes through and compares. A source without gaps fills the FIFO whenever the sink
/// stalls, a sink without stalls empties it.
fn check_order(
    dut: &mut dyn Dut,
    bytes: usize,
    gap_probability: f64,
    stall_probability: f64,
    seed: u64,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut bench = Bench::new(dut, seed);
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    (bench.gap_probability, bench.stall_probability) = (gap_probability, stall_probability);
    let expected: Vec<u128> = (0..bytes).map(|_| rng.below(256).into()).collect();
    expected
        .iter()
        .for_each(|&byte| bench.send(source, vec![byte]));
    let occupancy = bench.dut.port("occupancy");
    while bench.received(sink).len() < bytes {
        if bench.cycle() > 100 * bytes as u64 {
            return Err("no end".into());
        }
        bench.tick().map_err(|error| error.to_string())?;
        bench.dut.settle();
        let inside = bench.accepted(source) - bench.received(sink).len() as u64;
        if inside > CAPACITY || bench.dut.get(occupancy) != u128::from(inside) {
            return Err(format!("{inside} inside, {}", bench.dut.get(occupancy)));
        }
    }
    let received: Vec<u128> = bench
        .received(sink)
        .drain(..)
        .map(|(_, beat)| beat[0])
        .collect();
    if received == expected {
        Ok(())
    } else {
        Err(format!("{received:x?} instead of {expected:x?}"))
    }
}

#[test]
fn order_under_every_stall_pattern() {
    for (gap, stall) in [(0.0, 0.0), (0.0, 0.7), (0.7, 0.0), (0.4, 0.4)] {
        co_verify(KERNEL, |dut| check_order(dut, 500, gap, stall, SEED));
    }
}

#[test]
fn reset_at_any_cycle_empties_it() {
    co_verify(KERNEL, |dut| {
        let mut rng = Rng::new(SEED);
        for _ in 0..30 {
            let mut bench = Bench::new(&mut *dut, rng.next_u64());
            let (source, _sink) = (bench.source("s"), bench.sink("m"));
            bench.stall_probability = 0.8;
            (0..20).for_each(|byte| bench.send(source, vec![byte]));
            for _ in 0..rng.below(20) {
                bench.tick().map_err(|error| error.to_string())?;
            }
            drop(bench);
            check_order(&mut *dut, 10, 0.1, 0.3, rng.next_u64())?;
        }
        Ok(())
    });
}
