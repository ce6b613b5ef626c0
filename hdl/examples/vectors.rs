//! Writes what goes into and comes out of the rust-hdl simulation of kernels, cycle by cycle, for the
//! simulation of their netlists: operands or whole jobs, the latter under random gaps and stalls and after
//! a reset in mid-job. Results are held against the integer model on the way.
//!
//!     cargo run -p winterforge-hdl --example vectors -- FOLDER KERNEL..
//!
//! A file `KERNEL.hex` is for `$readmemh`: comments name the ports and count the results, then comes a
//! number for each cycle. Its ports are padded to whole digits, the first port lowest, and are those just
//! before the rising edge.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use winterforge_hdl::bench::{Beat, Bench, Rng, SinkId, pipeline};
use winterforge_hdl::blake3::model::{Input, compress};
use winterforge_hdl::design::{Dut, HdlSimulation, Port};
use winterforge_hdl::goldilocks::{self, P, model as field};
use winterforge_hdl::ntt::Command;
use winterforge_hdl::ntt::model::{self as transform, Job};
use winterforge_hdl::registry::{self, Kernel};

const SEED: u64 = 1;
const RANDOM_OPERANDS: usize = 1000;
const STREAM_PRODUCTS: usize = 500;
const BLOCKS: u8 = 12;
const PRESSURE: f64 = 0.2;
const MAX_CYCLES: u64 = 100_000;
const SHIFT: u64 = 7;

/// A simulation that writes down its ports before every rising edge.
struct Recorder {
    simulation: HdlSimulation,
    cycles: Vec<String>,
}

impl Dut for Recorder {
    fn ports(&self) -> &[Port] {
        self.simulation.ports()
    }
    fn set(&mut self, port: usize, value: u128) {
        self.simulation.set(port, value);
    }
    fn get(&self, port: usize) -> u128 {
        self.simulation.get(port)
    }
    fn settle(&mut self) {
        self.simulation.settle();
    }
    fn clock_edge(&mut self) {
        self.settle();
        let ports = self.simulation.ports().iter().enumerate().rev();
        let digits = ports.map(|(index, port)| {
            let width = port.width.div_ceil(4);
            format!("{:0width$x}", self.simulation.get(index))
        });
        self.cycles.push(digits.collect());
        self.simulation.clock_edge();
    }
}

impl Recorder {
    fn text(&self, kernel: &str, results: usize) -> String {
        let mut text = format!("// kernel {kernel}\n// results {results}\n");
        for port in self.ports() {
            let direction = if port.is_input { "in" } else { "out" };
            let _ = writeln!(text, "// port {direction} {} {}", port.name, port.width);
        }
        text + &self.cycles.join("\n") + "\n"
    }
}

/// Operands of a unit: the edge values, then random ones.
fn operands(kernel: &Kernel, rng: &mut Rng) -> Vec<Vec<u128>> {
    let edges = field::edge_values();
    let mut operands = Vec::new();
    match kernel.family {
        "goldilocks_reduce" => {
            let limbs = [0u128, 1, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff];
            for digits in 0..limbs.len().pow(4) {
                let limb = |place: u32| limbs[digits / limbs.len().pow(place) % limbs.len()];
                let word = (0..4).fold(0, |word, place| word | limb(place) << (32 * place));
                operands.push(vec![word]);
            }
            let mut wide = || u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
            operands.extend((0..RANDOM_OPERANDS).map(|_| vec![wide()]));
        }
        "goldilocks_reduce_sum" => {
            let words = edges.iter().copied().chain([P, u64::MAX]);
            for word in words {
                operands.extend((0..32).map(|high| vec![high << 64 | u128::from(word)]));
            }
            let mut sum = || u128::from(rng.below(32)) << 64 | u128::from(rng.next_u64());
            operands.extend((0..RANDOM_OPERANDS).map(|_| vec![sum()]));
        }
        _ => {
            for &a in &edges {
                operands.extend(edges.iter().map(|&b| vec![a.into(), b.into()]));
            }
            let mut word = || u128::from(rng.next_u64() % P);
            operands.extend((0..RANDOM_OPERANDS).map(|_| vec![word(), word()]));
        }
    }
    operands
}

/// What a unit must make of its operands.
fn expected(kernel: &Kernel, operands: &[u128]) -> u64 {
    match (kernel.family, operands) {
        ("goldilocks_add", &[a, b]) => field::add(a as u64, b as u64),
        ("goldilocks_subtract", &[a, b]) => field::subtract(a as u64, b as u64),
        (_, &[a, b]) => field::multiply(a as u64, b as u64),
        (_, words) => field::remainder(words[0]),
    }
}

fn run_unit(kernel: &Kernel, recorder: &mut Recorder, latency: usize) -> usize {
    let operands = operands(kernel, &mut Rng::new(SEED));
    let results = pipeline(recorder, &operands, latency);
    for (operands, result) in operands.iter().zip(&results) {
        let name = kernel.name;
        assert_eq!(
            *result,
            expected(kernel, operands).into(),
            "{name} of {operands:x?}"
        );
    }
    results.len()
}

/// Runs jobs until `until` of their beats are out, resets the kernel, runs the jobs again from their
/// beginning, and compares all beats.
fn run_jobs(
    bench: &mut Bench<&mut Recorder>,
    sink: SinkId,
    send: impl Fn(&mut Bench<&mut Recorder>),
    expected: &[Beat],
    until: usize,
) -> usize {
    bench.gap_probability = PRESSURE;
    bench.stall_probability = PRESSURE;
    send(bench);
    let first = bench.collect(sink, until, MAX_CYCLES).expect("beats");
    assert_eq!(first, expected[..until], "before the reset");
    bench.reset();
    send(bench);
    let all = bench.collect(sink, expected.len(), MAX_CYCLES);
    assert_eq!(all.expect("beats"), expected, "after the reset");
    until + expected.len()
}

fn run_products(recorder: &mut Recorder) -> usize {
    let mut rng = Rng::new(SEED);
    let mut bench = Bench::new(recorder, SEED);
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    let mut word = || rng.next_u64() % P;
    let pairs: Vec<(u64, u64)> = (0..STREAM_PRODUCTS).map(|_| (word(), word())).collect();
    let product = |&(a, b): &(u64, u64)| vec![field::multiply(a, b).into()];
    let expected: Vec<Beat> = pairs.iter().map(product).collect();
    let send = |bench: &mut Bench<&mut Recorder>| {
        for &(a, b) in &pairs {
            bench.send(source, vec![a.into(), b.into()]);
        }
    };
    run_jobs(&mut bench, sink, send, &expected, STREAM_PRODUCTS / 5)
}

fn run_blocks(recorder: &mut Recorder) -> usize {
    let mut rng = Rng::new(SEED);
    let mut bench = Bench::new(recorder, SEED);
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    let (mut beats, mut expected): (Vec<Beat>, Vec<Beat>) = Default::default();
    for tag in 0..BLOCKS {
        let input = Input {
            chaining_value: std::array::from_fn(|_| rng.next_u64() as u32),
            block: std::array::from_fn(|_| rng.next_u64() as u32),
            counter: rng.next_u64(),
            block_bytes: rng.below(65) as u32,
            flags: rng.below(256) as u32,
        };
        let words = input.chaining_value.iter().chain(&input.block);
        let mut beat: Beat = words.map(|&word| word.into()).collect();
        beat.extend::<[u128; 3]>([
            input.counter.into(),
            input.block_bytes.into(),
            input.flags.into(),
        ]);
        beat.push(tag.into());
        beats.push(beat);
        let mut result = compress(&input).map(u128::from).to_vec();
        result.push(tag.into());
        expected.push(result);
    }
    let send = |bench: &mut Bench<&mut Recorder>| {
        beats
            .iter()
            .for_each(|beat| bench.send(source, beat.clone()));
    };
    run_jobs(&mut bench, sink, send, &expected, usize::from(BLOCKS) / 3)
}

/// The tables of a coset shift, then a transform of each kind.
fn run_transforms(kernel: &Kernel, recorder: &mut Recorder) -> usize {
    let (_, log_n) = kernel
        .parameters
        .iter()
        .find(|(key, _)| *key == "log_n")
        .expect("log_n");
    let job = |is_inverse, is_coset| Job {
        log_n: *log_n as usize,
        is_inverse,
        is_coset,
    };
    let mut rng = Rng::new(SEED);
    let mut bench = Bench::new(recorder, SEED);
    let (command, source, sink) = (bench.source("command"), bench.source("s"), bench.sink("m"));
    let mut jobs: Vec<(Command, Job, Vec<u64>)> = Vec::new();
    for (kind, ratio) in [
        (Command::LoadShift, SHIFT),
        (Command::LoadInverseShift, field::power(SHIFT, P - 2)),
    ] {
        let powers = (0..1 << log_n).map(|exponent| field::power(ratio, exponent));
        jobs.push((kind, job(false, false), powers.collect()));
    }
    let mut expected = Vec::new();
    for (is_inverse, is_coset) in [(true, true), (false, false), (false, true), (true, false)] {
        let words: Vec<u64> = (0..1 << log_n).map(|_| rng.next_u64() % P).collect();
        let results = transform::run(job(is_inverse, is_coset), &words, SHIFT);
        for (index, &result) in results.iter().enumerate() {
            expected.push(vec![result.into(), u128::from(index + 1 == results.len())]);
        }
        jobs.push((Command::Transform, job(is_inverse, is_coset), words));
    }
    let send = |bench: &mut Bench<&mut Recorder>| {
        for (kind, job, words) in &jobs {
            let flags = [job.is_inverse.into(), job.is_coset.into()];
            let fields = [*kind as u128, job.log_n as u128, flags[0], flags[1]];
            bench.send(command, fields.to_vec());
            words
                .iter()
                .for_each(|&word| bench.send(source, vec![word.into()]));
        }
    };
    run_jobs(&mut bench, sink, send, &expected, 1 << (log_n - 1))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: vectors FOLDER KERNEL..")?;
    std::fs::create_dir_all(&folder)?;
    for name in arguments {
        let kernel = registry::kernel(&name).ok_or_else(|| format!("there is no kernel {name}"))?;
        let mut recorder = Recorder {
            simulation: kernel.simulation(),
            cycles: Vec::new(),
        };
        let results = match (kernel.family, goldilocks::latency(&kernel)) {
            (_, Some(latency)) => run_unit(&kernel, &mut recorder, latency),
            ("goldilocks_multiply_stream", _) => run_products(&mut recorder),
            ("blake3", _) => run_blocks(&mut recorder),
            ("ntt", _) if kernel.parameters.contains(&("words", 1)) => {
                run_transforms(&kernel, &mut recorder)
            }
            _ => return Err(format!("there are no jobs for {name}").into()),
        };
        let file = Path::new(&folder).join(format!("{name}.hex"));
        std::fs::write(&file, recorder.text(&name, results))?;
        println!(
            "{name}: {results} results in {} cycles",
            recorder.cycles.len()
        );
    }
    Ok(())
}
