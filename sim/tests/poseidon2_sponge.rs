//! Row digests and merges: integer model = rust-hdl simulation = Verilated RTL.

use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::poseidon2::model::RATE;
use winterforge_hdl::poseidon2::plan::PERMUTATION_PRODUCTS;
use winterforge_hdl::registry;
use winterforge_sim::poseidon2::{Row, SpongeBench};
use winterforge_sim::{co_verify, verify_rtl};

const SEED: u64 = 23;

const SPONGES: [&str; 2] = ["poseidon2_sponge_3", "poseidon2_sponge_6_ecp5"];

/// Longer than a row of 255 words takes under the stalls tried.
const MAX_CYCLES: u64 = 1_000_000;

fn word(rng: &mut Rng) -> u64 {
    let edges = field::edge_values();
    match rng.below(8) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => rng.next_u64() % P,
    }
}

fn row(rng: &mut Rng, len: usize) -> Row {
    Row::Words((0..len).map(|_| word(rng)).collect())
}

fn pair(rng: &mut Rng) -> Row {
    let mut digest = || std::array::from_fn(|_| word(rng));
    Row::Pair(digest(), digest())
}

/// Rows of random lengths and pairs.
fn mixture(rng: &mut Rng, count: usize, max_len: u64) -> Vec<Row> {
    (0..count)
        .map(|_| match rng.below(4) {
            0 => pair(rng),
            _ => {
                let len = 1 + rng.below(max_len) as usize;
                row(rng, len)
            }
        })
        .collect()
}

/// Sends rows and compares the digests; the cycles in which they left.
fn check(
    dut: &mut dyn Dut,
    rows: &[Row],
    (gap, stall): (f64, f64),
    seed: u64,
) -> Result<Vec<u64>, String> {
    let mut sponge = SpongeBench::new(dut, seed);
    (sponge.bench.gap_probability, sponge.bench.stall_probability) = (gap, stall);
    rows.iter().for_each(|row| sponge.send(row));
    let mut ends = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (cycle, digest) = sponge
            .receive(MAX_CYCLES)
            .map_err(|error| format!("row {index}: {error}"))?;
        if digest != row.digest() {
            return Err(format!("row {index}, {row:x?}: {digest:x?}"));
        }
        ends.push(cycle);
    }
    Ok(ends)
}

#[test]
fn three_ways() {
    let mut rng = Rng::new(SEED);
    let lens = [1, 7, 8, 9, 16, 17];
    let mut rows: Vec<Row> = lens.iter().map(|&len| row(&mut rng, len)).collect();
    rows.push(pair(&mut rng));
    rows.push(Row::Pair([0; 4], [0; 4]));
    co_verify("poseidon2_sponge_3", |dut| {
        check(dut, &rows, (0.1, 0.1), SEED).map(drop)
    });
}

#[test]
fn every_length() {
    let mut rng = Rng::new(SEED);
    let mut rows: Vec<Row> = [1, 2, 6, 7, 8, 9, 63, 64, 65, 248, 249, 254, 255]
        .into_iter()
        .map(|len| row(&mut rng, len))
        .collect();
    rows.extend(mixture(&mut rng, 60, 100));
    for kernel in SPONGES {
        verify_rtl(kernel, |dut| check(dut, &rows, (0.0, 0.0), SEED).map(drop));
    }
}

#[test]
fn every_stall_pattern() {
    for kernel in SPONGES {
        let patterns = [
            (0.9, 0.0),
            (0.0, 0.999),
            (0.5, 0.5),
            (0.02, 0.02),
            (0.9, 0.99),
        ];
        for (index, stalls) in patterns.into_iter().enumerate() {
            let seed = SEED + index as u64;
            let rows = mixture(&mut Rng::new(seed), 80, 30);
            verify_rtl(kernel, |dut| check(dut, &rows, stalls, seed).map(drop));
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    for kernel in SPONGES {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..40 {
                let mut sponge = SpongeBench::new(&mut *dut, rng.next_u64());
                (sponge.bench.gap_probability, sponge.bench.stall_probability) = (0.1, 0.3);
                let rows = mixture(&mut rng, 40, 30);
                rows.iter().for_each(|row| sponge.send(row));
                for _ in 0..rng.below(6000) {
                    sponge.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(sponge);
                let rows = mixture(&mut rng, 3, 20);
                check(&mut *dut, &rows, (0.1, 0.1), rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// From the count of cycles: at most 1.1 times the products of the blocks by the multipliers, with the time in
/// which the sponge fills and empties.
#[test]
fn many_rows_take_little_more_than_the_bound() {
    for kernel in SPONGES {
        let parameters = registry::kernel(kernel).unwrap().parameters;
        let multipliers = parameters
            .iter()
            .find(|(key, _)| *key == "multipliers")
            .unwrap()
            .1;
        for (len, count) in [(4, 500), (8, 500), (30, 400), (100, 400)] {
            let mut rng = Rng::new(SEED);
            let rows: Vec<Row> = (0..count).map(|_| row(&mut rng, len)).collect();
            verify_rtl(kernel, |dut| {
                let ends = check(dut, &rows, (0.0, 0.0), SEED)?;
                let cycles = ends[ends.len() - 1] as f64 / count as f64;
                let products = PERMUTATION_PRODUCTS * len.div_ceil(RATE) as u64;
                let ratio = cycles / (products as f64 / multipliers as f64);
                println!("{kernel}, rows of {len}: {cycles:.1} cycles, ratio {ratio:.4}");
                if ratio > 1.10 {
                    return Err(format!("rows of {len}: {ratio:.3} of the bound"));
                }
                Ok(())
            });
        }
    }
}
