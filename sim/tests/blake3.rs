//! BLAKE3: integer model = rust-hdl simulation = Verilated RTL = the official test vectors.

use winterforge_hdl::bench::Rng;
use winterforge_hdl::blake3::CYCLES_PER_BLOCK;
use winterforge_hdl::blake3::model::{CHUNK_END, CHUNK_START, IV, Input, PARENT, ROOT, compress};
use winterforge_hdl::design::Dut;
use winterforge_sim::blake3::Blake3Bench;
use winterforge_sim::steady::cycles_per_job;
use winterforge_sim::{co_verify, verify_rtl};

const KERNELS: [&str; 2] = ["blake3_wide", "blake3_pipelined"];
const SEED: u64 = 21;

fn random_input(rng: &mut Rng) -> Input {
    Input {
        chaining_value: std::array::from_fn(|_| rng.next_u64() as u32),
        block: std::array::from_fn(|_| rng.next_u64() as u32),
        counter: rng.next_u64(),
        block_bytes: rng.below(65) as u32,
        flags: rng.below(256) as u32,
    }
}

/// Words of all zeros and all ones, where carries and rotations have their extremes.
fn edge_inputs() -> Vec<Input> {
    let mut inputs = Vec::new();
    for bits in 0..32u32 {
        let word = |bit: u32| if bits >> bit & 1 == 1 { u32::MAX } else { 0 };
        inputs.push(Input {
            chaining_value: [word(0); 8],
            block: [word(1); 16],
            counter: u64::from(word(2)) << 32 | u64::from(word(2)),
            block_bytes: word(3) & 64,
            flags: word(4) & 255,
        });
    }
    inputs
}

fn check_blocks(
    dut: &mut dyn Dut,
    inputs: &[Input],
    (gap, stall): (f64, f64),
    seed: u64,
) -> Result<(), String> {
    let mut kernel = Blake3Bench::new(dut, seed);
    (kernel.bench.gap_probability, kernel.bench.stall_probability) = (gap, stall);
    let limit = 1000 + 200 * inputs.len() as u64;
    let results = kernel
        .compress(inputs, limit)
        .map_err(|error| error.to_string())?;
    for (input, result) in inputs.iter().zip(results) {
        if result != compress(input) {
            return Err(format!("{input:x?}: {result:x?}"));
        }
    }
    Ok(())
}

#[test]
fn three_ways() {
    let mut rng = Rng::new(SEED);
    let mut inputs = edge_inputs();
    inputs.extend((0..60).map(|_| random_input(&mut rng)));
    for kernel in KERNELS {
        for stalls in [(0.0, 0.0), (0.4, 0.4)] {
            co_verify(kernel, |dut| check_blocks(dut, &inputs, stalls, SEED));
        }
    }
}

#[test]
fn ten_thousand_blocks() {
    let mut rng = Rng::new(SEED + 1);
    let inputs: Vec<Input> = (0..10_000).map(|_| random_input(&mut rng)).collect();
    for kernel in KERNELS {
        verify_rtl(kernel, |dut| check_blocks(dut, &inputs, (0.0, 0.0), SEED));
    }
}

#[test]
fn every_stall_pattern() {
    let mut rng = Rng::new(SEED + 2);
    let inputs: Vec<Input> = (0..300).map(|_| random_input(&mut rng)).collect();
    let patterns = [
        (0.9, 0.0),
        (0.0, 0.9),
        (0.5, 0.5),
        (0.02, 0.02),
        (0.0, 0.98),
        (0.98, 0.0),
    ];
    for kernel in KERNELS {
        for (seed, stalls) in (SEED..).zip(patterns) {
            verify_rtl(kernel, |dut| check_blocks(dut, &inputs, stalls, seed));
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    for kernel in KERNELS {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..100 {
                let mut bench = Blake3Bench::new(&mut *dut, rng.next_u64());
                bench.bench.stall_probability = 0.8;
                for _ in 0..20 {
                    bench.send(&random_input(&mut rng));
                }
                for _ in 0..rng.below(150) {
                    bench.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(bench);
                let inputs = [random_input(&mut rng), random_input(&mut rng)];
                check_blocks(&mut *dut, &inputs, (0.1, 0.1), rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// In steady state at least nine of ten places in the ring are taken: a compression takes seven cycles
/// over the number of rounds in hardware, which is one.
#[test]
fn steady_state_is_near_the_bound() {
    const BLOCKS: usize = 1000;
    const WARM: usize = 50;
    for kernel in KERNELS {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            let mut bench = Blake3Bench::new(dut, SEED);
            for _ in 0..BLOCKS {
                bench.send(&random_input(&mut rng));
            }
            let results = bench
                .receive(BLOCKS, 100_000)
                .map_err(|error| error.to_string())?;
            let ends: Vec<u64> = results[WARM..].iter().map(|result| result.cycle).collect();
            let cycles = cycles_per_job(&ends);
            let used = CYCLES_PER_BLOCK as f64 / cycles;
            println!("{kernel}: {:.1} % of the issue slots used", 100.0 * used);
            if used < 0.9 {
                return Err(format!("{cycles:.2} cycles for a block"));
            }
            Ok(())
        });
    }
}

fn words(bytes: &[u8]) -> [u32; 16] {
    std::array::from_fn(|word| {
        let byte = |i: usize| bytes.get(4 * word + i).copied().unwrap_or(0);
        u32::from_le_bytes(std::array::from_fn(byte))
    })
}

fn pair(left: [u32; 8], right: [u32; 8]) -> [u32; 16] {
    std::array::from_fn(|i| if i < 8 { left[i] } else { right[i - 8] })
}

/// The hash of an input of any length over a kernel: all chunks side by side, block by block, then the
/// parents level by level.
fn hash<D: Dut>(kernel: &mut Blake3Bench<D>, input: &[u8]) -> Result<[u32; 8], String> {
    let mut run = |inputs: &[Input]| {
        let limit = 1000 + 100 * inputs.len() as u64;
        kernel
            .compress(inputs, limit)
            .map_err(|error| error.to_string())
    };
    let chunks: Vec<&[u8]> = if input.is_empty() {
        vec![input]
    } else {
        input.chunks(1024).collect()
    };
    let root_of_one = if chunks.len() == 1 { ROOT } else { 0 };
    let mut values = vec![IV; chunks.len()];
    for block in 0..16 {
        let start = 64 * block;
        let alive: Vec<usize> = (0..chunks.len())
            .filter(|&chunk| block == 0 || chunks[chunk].len() > start)
            .collect();
        let inputs: Vec<Input> = alive
            .iter()
            .map(|&chunk| {
                let rest = &chunks[chunk][start..];
                let mut flags = if block == 0 { CHUNK_START } else { 0 };
                if rest.len() <= 64 {
                    flags |= CHUNK_END | root_of_one;
                }
                let bytes = &rest[..rest.len().min(64)];
                Input {
                    chaining_value: values[chunk],
                    block: words(bytes),
                    counter: chunk as u64,
                    block_bytes: bytes.len() as u32,
                    flags,
                }
            })
            .collect();
        for (&chunk, value) in alive.iter().zip(run(&inputs)?) {
            values[chunk] = value;
        }
    }
    // Pairs from the left; a value left over goes up as it is.
    while values.len() > 1 {
        let flags = if values.len() == 2 {
            PARENT | ROOT
        } else {
            PARENT
        };
        let parents: Vec<Input> = values
            .chunks_exact(2)
            .map(|children| Input {
                chaining_value: IV,
                block: pair(children[0], children[1]),
                counter: 0,
                block_bytes: 64,
                flags,
            })
            .collect();
        let odd = (values.len() % 2 == 1).then(|| values[values.len() - 1]);
        values = run(&parents)?;
        values.extend(odd);
    }
    Ok(values[0])
}

/// Pairs of input length and hash from testdata/blake3.json.
fn official_vectors() -> Vec<(usize, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/blake3.json");
    let text = std::fs::read_to_string(path).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = parsed["cases"].as_array().unwrap().iter();
    cases
        .map(|case| {
            let length = case["input_len"].as_u64().unwrap() as usize;
            (length, case["hash"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn hex(digest: [u32; 8]) -> String {
    digest
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Chunks and parents together: the published hashes of inputs up to eight chunks and one byte.
#[test]
fn official_test_vectors() {
    let vectors = official_vectors();
    assert!(vectors.len() > 20);
    for kernel in KERNELS {
        verify_rtl(kernel, |dut| {
            let mut bench = Blake3Bench::new(dut, SEED);
            for (length, expected) in &vectors {
                let input: Vec<u8> = (0..*length).map(|i| (i % 251) as u8).collect();
                let digest = hex(hash(&mut bench, &input)?);
                if digest != *expected {
                    return Err(format!("{length} bytes: {digest}"));
                }
            }
            Ok(())
        });
    }
}
