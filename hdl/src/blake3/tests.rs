//! The integer model against the published function, and the rust-hdl simulation of both forms
//! against the model. The co-simulation repeats this with more blocks and with the Verilog.

use super::model::{CHUNK_END, CHUNK_START, IV, Input, ROOT, compress};
use crate::bench::{Bench, Rng};
use crate::registry;

const SEED: u64 = 3;

#[test]
fn model_hashes_one_block_like_the_reference() {
    let mut rng = Rng::new(SEED);
    for bytes in 0..=64 {
        let message: Vec<u8> = (0..bytes).map(|_| rng.next_u64() as u8).collect();
        let mut padded = message.clone();
        padded.resize(64, 0);
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| padded[4 * at + i]));
        let output = compress(&Input {
            chaining_value: IV,
            block: std::array::from_fn(word),
            counter: 0,
            block_bytes: bytes,
            flags: CHUNK_START | CHUNK_END | ROOT,
        });
        let digest: Vec<u8> = output.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(digest, blake3::hash(&message).as_bytes());
    }
}

#[test]
fn both_forms_compress() {
    for name in ["blake3_wide", "blake3_pipelined"] {
        let mut rng = Rng::new(SEED);
        let simulation = registry::kernel(name).unwrap().simulation();
        let mut bench = Bench::new(simulation, SEED);
        let (source, sink) = (bench.source("s"), bench.sink("m"));
        let mut expected = Vec::new();
        for tag in 0..12u8 {
            let input = Input {
                chaining_value: std::array::from_fn(|_| rng.next_u64() as u32),
                block: std::array::from_fn(|_| rng.next_u64() as u32),
                counter: rng.next_u64(),
                block_bytes: rng.below(65) as u32,
                flags: rng.below(256) as u32,
            };
            let mut beat: Vec<u128> = input.chaining_value.map(u128::from).to_vec();
            beat.extend(input.block.map(u128::from));
            beat.extend::<[u128; 4]>([
                input.counter.into(),
                input.block_bytes.into(),
                input.flags.into(),
                tag.into(),
            ]);
            bench.send(source, beat);
            let mut result: Vec<u128> = compress(&input).map(u128::from).to_vec();
            result.push(tag.into());
            expected.push(result);
        }
        let results = bench.collect(sink, expected.len(), 1000).unwrap();
        assert_eq!(results, expected, "{name}");
    }
}
