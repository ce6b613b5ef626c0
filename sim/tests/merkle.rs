//! Merkle engine: integer model = rust-hdl simulation = Verilated RTL = what the prover computes.

use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, ElementHasher};
use winterforge_air::field::Felt;
use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::merkle::Hash;
use winterforge_hdl::merkle::model::{BLAKE3, Digest, POSEIDON2, TreeHash, nodes};
use winterforge_hdl::registry;
use winterforge_sim::merkle::{MerkleBench, bound_cycles};
use winterforge_sim::steady::cycles_per_job;
use winterforge_sim::{co_verify, verify_rtl};
use winterforge_verifier::poseidon2::Poseidon2;

const BLAKE3_KERNELS: [&str; 2] = ["merkle_blake3_wide", "merkle_blake3"];
const POSEIDON2_KERNELS: [&str; 3] = [
    "merkle_poseidon2_3",
    "merkle_poseidon2_3_ecp5",
    "merkle_poseidon2_6_ecp5",
];
const SEED: u64 = 31;

/// Logarithm of rows, and words of a row.
type Job = (u32, usize);

fn hash_of(kernel: &str) -> Hash {
    let kernel = registry::kernel(kernel).unwrap_or_else(|| panic!("there is no kernel {kernel}"));
    Hash::of(&kernel).unwrap_or_else(|| panic!("{} has no hash", kernel.name))
}

fn is_blake3(hash: Hash) -> bool {
    matches!(hash, Hash::Blake3 | Hash::Blake3Wide)
}

/// Each kernel with the jobs for its hash: Poseidon2 takes some twenty times as long for a block.
fn with_jobs<'a>(
    blake3: &'a [Job],
    poseidon2: &'a [Job],
) -> impl Iterator<Item = (&'static str, &'a [Job])> {
    let blake3 = BLAKE3_KERNELS.map(|kernel| (kernel, blake3));
    let poseidon2 = POSEIDON2_KERNELS.map(|kernel| (kernel, poseidon2));
    blake3.into_iter().chain(poseidon2)
}

fn random_rows(rng: &mut Rng, (log_rows, row_words): Job) -> Vec<Vec<u64>> {
    let edges = field::edge_values();
    let mut draw = || match rng.below(8) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => rng.next_u64() % P,
    };
    (0..1 << log_rows)
        .map(|_| (0..row_words).map(|_| draw()).collect())
        .collect()
}

/// Jobs all queued at once.
fn check_jobs(
    dut: &mut dyn Dut,
    hash: Hash,
    jobs: &[Job],
    (gap, stall): (f64, f64),
    seed: u64,
) -> Result<(), String> {
    // Longer than a row takes that is alone, and than words and nodes do under the stalls tried.
    let wait = |(log_rows, row_words)| {
        let latency = 50 * (hash.model().row_blocks)(row_words as u64) * hash.cycles_per_block();
        5_000 + latency + 100 * bound_cycles(hash, log_rows, row_words as u64)
    };
    let mut rng = Rng::new(seed);
    let mut merkle = MerkleBench::new(dut, seed);
    (merkle.bench.gap_probability, merkle.bench.stall_probability) = (gap, stall);
    let trees: Vec<_> = jobs.iter().map(|&job| random_rows(&mut rng, job)).collect();
    trees.iter().for_each(|rows| merkle.send(rows));
    for (&job, rows) in jobs.iter().zip(&trees) {
        let tree = merkle
            .receive(wait(job))
            .map_err(|error| format!("{job:?}: {error}"))?;
        if tree.nodes != nodes(hash.model(), rows) {
            return Err(format!("{job:?}: wrong digests"));
        }
    }
    Ok(())
}

#[test]
fn three_ways() {
    let blake3 = [(2, 3), (0, 1), (1, 130), (3, 8), (1, 17), (0, 128), (0, 9)];
    let poseidon2 = [(2, 3), (0, 1), (1, 17), (3, 8), (0, 9)];
    for (kernel, jobs) in with_jobs(&blake3, &poseidon2) {
        let hash = hash_of(kernel);
        for stalls in [(0.0, 0.0), (0.3, 0.3)] {
            co_verify(kernel, |dut| check_jobs(dut, hash, jobs, stalls, SEED));
        }
    }
}

/// Every length of a row, in trees of two or four rows.
#[test]
fn every_row_length() {
    let jobs = |log_rows| (1..=254).map(move |row_words| (log_rows, row_words));
    let some = |log_rows| jobs(log_rows).skip(3).step_by(25);
    let runs: [(&str, Vec<Job>); 4] = [
        ("merkle_blake3", jobs(2).collect()),
        ("merkle_blake3_wide", some(2).collect()),
        ("merkle_poseidon2_6_ecp5", jobs(1).collect()),
        ("merkle_poseidon2_3", some(1).collect()),
    ];
    for (kernel, jobs) in runs {
        let hash = hash_of(kernel);
        verify_rtl(kernel, |dut| {
            check_jobs(dut, hash, &jobs, (0.05, 0.05), SEED)
        });
    }
}

#[test]
fn large_trees() {
    let blake3 = [
        (10, 1),
        (8, 20),
        (0, 254),
        (9, 7),
        (6, 254),
        (0, 1),
        (11, 3),
    ];
    let poseidon2 = [(7, 1), (5, 20), (0, 254), (8, 7), (3, 254), (0, 1), (9, 3)];
    let stalls = [(0.1, 0.2), (0.0, 0.0)].into_iter().cycle();
    for ((kernel, jobs), stalls) in with_jobs(&blake3, &poseidon2).zip(stalls) {
        let hash = hash_of(kernel);
        verify_rtl(kernel, |dut| check_jobs(dut, hash, jobs, stalls, SEED));
    }
}

/// Trees of one and two rows overlap most: many jobs are under way at once.
#[test]
fn many_small_jobs() {
    let mut rng = Rng::new(SEED);
    let mut jobs = vec![(7, 1)];
    jobs.extend((0..300).map(|_| (rng.below(3) as u32, 1 + rng.below(4) as usize)));
    for (kernel, jobs) in with_jobs(&jobs, &jobs) {
        let hash = hash_of(kernel);
        for stalls in [(0.0, 0.0), (0.0, 0.7)] {
            verify_rtl(kernel, |dut| check_jobs(dut, hash, jobs, stalls, SEED));
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
    // A core of Poseidon2 waits for words and for nodes to leave only if both are very slow.
    let slow = [(0.99, 0.0), (0.0, 0.999), (0.3, 0.998), (0.02, 0.02)];
    for (kernel, jobs) in with_jobs(&jobs, &jobs) {
        let hash = hash_of(kernel);
        let patterns: &[(f64, f64)] = if is_blake3(hash) { &patterns } else { &slow };
        for (seed, &stalls) in (SEED..).zip(patterns) {
            verify_rtl(kernel, |dut| check_jobs(dut, hash, jobs, stalls, seed));
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    let blake3 = [(2, 11), (0, 129)];
    let poseidon2 = [(2, 11), (0, 17)];
    for (kernel, jobs) in with_jobs(&blake3, &poseidon2) {
        let hash = hash_of(kernel);
        let (resets, cycles) = (60, 220 * hash.cycles_per_block());
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..resets {
                let mut merkle = MerkleBench::new(&mut *dut, rng.next_u64());
                (merkle.bench.gap_probability, merkle.bench.stall_probability) = (0.05, 0.4);
                for job in [(3, 9), (1, 150), (4, 2)] {
                    merkle.send(&random_rows(&mut rng, job));
                }
                for _ in 0..rng.below(cycles) {
                    merkle.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(merkle);
                check_jobs(&mut *dut, hash, jobs, (0.1, 0.1), rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// Trees one after the other: of the core's places at least nine in ten are taken. Beside BLAKE3, whose blocks are
/// short, words are the bound for long rows; there cycles are held closer to that bound. Poseidon2's long rows
/// leave in bursts, which more trees even out.
#[test]
fn steady_state_is_near_the_bound() {
    // The last tree has the core to itself at its end and does not count.
    const WARM: usize = 2;
    let blake3 = [(8, 1), (8, 8), (7, 24), (6, 64), (6, 128), (5, 254)];
    let poseidon2 = [(7, 1), (7, 8), (6, 24), (5, 64), (5, 128), (4, 254)];
    for (kernel, jobs) in with_jobs(&blake3, &poseidon2) {
        let hash = hash_of(kernel);
        let (least_ratio, trees) = if is_blake3(hash) {
            (0.97, 16)
        } else {
            (0.9, 15)
        };
        for &(log_rows, row_words) in jobs {
            let blocks = hash.model().blocks(log_rows, row_words as u64);
            let bound = bound_cycles(hash, log_rows, row_words as u64);
            verify_rtl(kernel, |dut| {
                let mut rng = Rng::new(SEED);
                let mut merkle = MerkleBench::new(dut, SEED);
                let rows = random_rows(&mut rng, (log_rows, row_words));
                let expected = nodes(hash.model(), &rows);
                (0..trees).for_each(|_| merkle.send(&rows));
                let mut ends = Vec::new();
                for _ in 0..trees {
                    let tree = merkle
                        .receive(100 * bound)
                        .map_err(|error| error.to_string())?;
                    if tree.nodes != expected {
                        return Err("wrong digests".into());
                    }
                    ends.push(tree.end_cycle);
                }
                let cycles = cycles_per_job(&ends[WARM..trees - 1]);
                let core = (blocks * hash.cycles_per_block()) as f64 / cycles;
                let ratio = bound as f64 / cycles;
                println!(
                    "{kernel}, 2^{log_rows} rows of {row_words}: {cycles:.1} cycles, bound {bound} \
                     ({ratio:.3}), core {core:.3}"
                );
                if core < 0.9 || ratio < least_ratio {
                    return Err(format!(
                        "2^{log_rows} rows of {row_words}: {cycles:.1} cycles"
                    ));
                }
                Ok(())
            });
        }
    }
}

fn words(bytes: [u8; 32]) -> Digest {
    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * i + byte])))
}

/// The integer model of a hash equals the library that the software prover uses.
fn check_model<H: ElementHasher<BaseField = Felt>>(model: &TreeHash) {
    let mut rng = Rng::new(SEED);
    for row_words in 1..=254 {
        let rows = random_rows(&mut rng, (1, row_words));
        let digest = |row: &Vec<u64>| {
            let elements: Vec<Felt> = row.iter().map(|&word| Felt::new(word)).collect();
            H::hash_elements(&elements)
        };
        let children = [digest(&rows[0]), digest(&rows[1])];
        let of = |digest: &H::Digest| words(digest.as_bytes());
        let expected = [
            Digest::default(),
            of(&H::merge(&children)),
            of(&children[0]),
            of(&children[1]),
        ];
        assert_eq!(nodes(model, &rows), expected, "{row_words} words");
    }
}

#[test]
fn models_are_what_the_prover_computes() {
    check_model::<Blake3_256<Felt>>(&BLAKE3);
    check_model::<Poseidon2>(&POSEIDON2);
}
