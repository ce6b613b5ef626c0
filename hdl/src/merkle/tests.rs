//! The integer model against the reference implementation, and a small tree in the rust-hdl simulation.

use super::Hash;
use super::model::{BLAKE3, Digest, nodes};
use crate::bench::{Bench, Rng};
use crate::registry;

const SEED: u64 = 5;

fn words(bytes: &[u8; 32]) -> Digest {
    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * i + byte])))
}

#[test]
fn model_hashes_rows_like_the_reference() {
    let mut rng = Rng::new(SEED);
    for length in 1..=254 {
        let row: Vec<u64> = (0..length).map(|_| rng.next_u64()).collect();
        let bytes: Vec<u8> = row.iter().flat_map(|word| word.to_le_bytes()).collect();
        let expected = words(blake3::hash(&bytes).as_bytes());
        assert_eq!((BLAKE3.row)(&row), expected, "{length} words");
    }
}

#[test]
fn small_trees_in_simulation() {
    // Blocks take their whole latency one after another: short rows for Poseidon2.
    let kernels = [
        ("merkle_blake3_wide", 130),
        ("merkle_blake3", 130),
        ("merkle_poseidon2_3", 9),
        ("merkle_poseidon2_3_ecp5", 9),
        ("merkle_poseidon2_6_ecp5", 9),
    ];
    for (name, long_row) in kernels {
        let kernel = registry::kernel(name).unwrap();
        let hash = Hash::of(&kernel).unwrap();
        let mut bench = Bench::new(kernel.simulation(), SEED);
        let (command, source) = (bench.source("command"), bench.source("s"));
        let sink = bench.sink("m");
        let mut rng = Rng::new(SEED);
        for (job, (log_rows, row_words)) in [(1, 9), (0, long_row), (2, 1)].into_iter().enumerate()
        {
            let mut row = || (0..row_words).map(|_| rng.next_u64()).collect::<Vec<_>>();
            let rows: Vec<Vec<u64>> = (0..1 << log_rows).map(|_| row()).collect();
            bench.send(command, vec![log_rows, row_words]);
            for &word in rows.iter().flatten() {
                bench.send(source, vec![word.into()]);
            }
            let expected = nodes(hash.model(), &rows);
            let results = bench.collect(sink, expected.len() - 1, 20_000).unwrap();
            for beat in results {
                let node = beat[0] as usize;
                let digest: Digest = std::array::from_fn(|i| beat[2 + i] as u64);
                assert_eq!(digest, expected[node], "{name}: node {node}");
                assert_eq!(beat[1], job as u128, "{name}: node {node}");
                assert_eq!(beat[6] == 1, node == 1, "{name}: node {node}");
            }
        }
    }
}
