//! Merkle engine: integer model = rust-hdl simulation = Verilated RTL = what winterfell computes.

use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, ElementHasher, Hasher};
use winterforge_air::field::Felt;
use winterforge_hdl::bench::Rng;
use winterforge_hdl::blake3::CYCLES_PER_BLOCK;
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::merkle::model::{BLAKE3, Digest, blake3_compressions, nodes};
use winterforge_sim::merkle::{MerkleBench, bound_cycles};
use winterforge_sim::{co_verify, verify_rtl};

const KERNELS: [&str; 2] = ["merkle_blake3_wide", "merkle_blake3"];
const SEED: u64 = 31;

fn random_rows(rng: &mut Rng, log_rows: u32, row_words: usize) -> Vec<Vec<u64>> {
    let edges = field::edge_values();
    let mut draw = || match rng.below(8) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => rng.next_u64() % P,
    };
    (0..1 << log_rows)
        .map(|_| (0..row_words).map(|_| draw()).collect())
        .collect()
}

/// Jobs of logarithm of rows and words of a row, all queued at once.
fn check_jobs(
    dut: &mut dyn Dut,
    jobs: &[(u32, usize)],
    (gap, stall): (f64, f64),
    seed: u64,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut merkle = MerkleBench::new(dut, seed);
    (merkle.bench.gap_probability, merkle.bench.stall_probability) = (gap, stall);
    let trees: Vec<_> = jobs
        .iter()
        .map(|&(log_rows, row_words)| random_rows(&mut rng, log_rows, row_words))
        .collect();
    trees.iter().for_each(|rows| merkle.send(rows));
    for (job, rows) in jobs.iter().zip(&trees) {
        let work = (rows.len() * (rows[0].len() + 30)) as u64;
        let tree = merkle
            .receive(5_000 + 100 * work)
            .map_err(|error| format!("{job:?}: {error}"))?;
        if tree.nodes != nodes(&BLAKE3, rows) {
            return Err(format!("{job:?}: wrong digests"));
        }
    }
    Ok(())
}

#[test]
fn three_ways() {
    let jobs = [(2, 3), (0, 1), (1, 130), (3, 8), (1, 17), (0, 128), (0, 9)];
    for kernel in KERNELS {
        for stalls in [(0.0, 0.0), (0.3, 0.3)] {
            co_verify(kernel, |dut| check_jobs(dut, &jobs, stalls, SEED));
        }
    }
}

/// Every length of a row, in trees of four rows.
#[test]
fn every_row_length() {
    let jobs: Vec<(u32, usize)> = (1..=254).map(|row_words| (2, row_words)).collect();
    verify_rtl("merkle_blake3", |dut| {
        check_jobs(dut, &jobs, (0.05, 0.05), SEED)
    });
    let some: Vec<_> = jobs.iter().copied().skip(3).step_by(25).collect();
    verify_rtl("merkle_blake3_wide", |dut| {
        check_jobs(dut, &some, (0.05, 0.05), SEED)
    });
}

#[test]
fn large_trees() {
    let jobs = [
        (10, 1),
        (8, 20),
        (0, 254),
        (9, 7),
        (6, 254),
        (0, 1),
        (11, 3),
    ];
    for (kernel, stalls) in KERNELS.into_iter().zip([(0.1, 0.2), (0.0, 0.0)]) {
        verify_rtl(kernel, |dut| check_jobs(dut, &jobs, stalls, SEED));
    }
}

/// Trees of one and two rows overlap most: many jobs are under way at once.
#[test]
fn many_small_jobs() {
    let mut rng = Rng::new(SEED);
    let mut jobs = vec![(7, 1)];
    jobs.extend((0..300).map(|_| (rng.below(3) as u32, 1 + rng.below(4) as usize)));
    for kernel in KERNELS {
        for stalls in [(0.0, 0.0), (0.0, 0.7)] {
            verify_rtl(kernel, |dut| check_jobs(dut, &jobs, stalls, SEED));
        }
    }
}

#[test]
fn every_stall_pattern() {
    let jobs = [(3, 5), (2, 140), (4, 1), (1, 64), (0, 200), (5, 2)];
    let patterns = [
        (0.9, 0.0),
        (0.0, 0.9),
        (0.5, 0.5),
        (0.02, 0.02),
        (0.0, 0.98),
        (0.9, 0.9),
    ];
    for kernel in KERNELS {
        for (seed, stalls) in (SEED..).zip(patterns) {
            verify_rtl(kernel, |dut| check_jobs(dut, &jobs, stalls, seed));
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    for kernel in KERNELS {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..60 {
                let mut merkle = MerkleBench::new(&mut *dut, rng.next_u64());
                (merkle.bench.gap_probability, merkle.bench.stall_probability) = (0.05, 0.4);
                for (log_rows, row_words) in [(3, 9), (1, 150), (4, 2)] {
                    merkle.send(&random_rows(&mut rng, log_rows, row_words));
                }
                for _ in 0..rng.below(1500) {
                    merkle.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(merkle);
                check_jobs(&mut *dut, &[(2, 11), (0, 129)], (0.1, 0.1), rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// Trees one after the other: the core hashes, or words come in, in at least nine of ten cycles. Where blocks
/// and not words are the bound, that is the share of the core's places that is taken.
#[test]
fn steady_state_is_near_the_bound() {
    // The last tree has the core to itself at its end and does not count.
    const JOBS: usize = 6;
    const WARM: usize = 2;
    for kernel in KERNELS {
        for (log_rows, row_words) in [(8, 1), (8, 8), (7, 24), (6, 64), (6, 128), (5, 254)] {
            let blocks = blake3_compressions(log_rows, row_words as u64);
            let bound = bound_cycles(log_rows, row_words as u64, blocks, CYCLES_PER_BLOCK);
            verify_rtl(kernel, |dut| {
                let mut rng = Rng::new(SEED);
                let mut merkle = MerkleBench::new(dut, SEED);
                let rows = random_rows(&mut rng, log_rows, row_words);
                let expected = nodes(&BLAKE3, &rows);
                (0..JOBS).for_each(|_| merkle.send(&rows));
                let mut ends = Vec::new();
                for _ in 0..JOBS {
                    let tree = merkle
                        .receive(100 * bound)
                        .map_err(|error| error.to_string())?;
                    if tree.nodes != expected {
                        return Err("wrong digests".into());
                    }
                    ends.push(tree.end_cycle);
                }
                let steady = (ends[JOBS - 2] - ends[WARM - 1]) as f64;
                let cycles = steady / (JOBS - 1 - WARM) as f64;
                let core = (blocks * CYCLES_PER_BLOCK) as f64 / cycles;
                let ratio = bound as f64 / cycles;
                println!(
                    "{kernel}, 2^{log_rows} rows of {row_words}: {cycles:.1} cycles, bound {bound} \
                     ({ratio:.3}), core {core:.3}"
                );
                if ratio < 0.97 || core < 0.9 {
                    return Err(format!(
                        "2^{log_rows} rows of {row_words}: {cycles:.1} cycles"
                    ));
                }
                Ok(())
            });
        }
    }
}

fn words(digest: &<Blake3_256<Felt> as Hasher>::Digest) -> Digest {
    let bytes = digest.as_bytes();
    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * i + byte])))
}

/// The integer model equals the library that the software prover uses.
#[test]
fn model_is_what_the_prover_computes() {
    type Blake3 = Blake3_256<Felt>;
    let mut rng = Rng::new(SEED);
    for row_words in 1..=254 {
        let rows = random_rows(&mut rng, 1, row_words);
        let digest = |row: &Vec<u64>| {
            let elements: Vec<Felt> = row.iter().map(|&word| Felt::new(word)).collect();
            Blake3::hash_elements(&elements)
        };
        let (left, right) = (digest(&rows[0]), digest(&rows[1]));
        let root = Blake3::merge(&[left, right]);
        let expected = [Digest::default(), words(&root), words(&left), words(&right)];
        assert_eq!(nodes(&BLAKE3, &rows), expected, "{row_words} words");
    }
}
