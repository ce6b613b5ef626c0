//! Simulations on request: a kernel, random jobs, the integer model beside it, and the count of
//! cycles held against the bound.

use std::path::Path;

use winterforge_hdl::bench::{Bench, Rng, pipeline};
use winterforge_hdl::blake3::CYCLES_PER_BLOCK;
use winterforge_hdl::blake3::model::{Input, compress};
use winterforge_hdl::goldilocks::{self, P, model as field};
use winterforge_hdl::merkle::Hash;
use winterforge_hdl::merkle::model::nodes;
use winterforge_hdl::ntt::model::{self, Job};
use winterforge_hdl::poseidon2::model as hash;
use winterforge_hdl::registry::{Kernel, kernels};

use crate::blake3::Blake3Bench;
use crate::merkle::{self, MerkleBench};
use crate::ntt::{NttBench, bound_cycles};
use crate::poseidon2::{self, EngineBench, Row, SpongeBench};
use crate::steady::cycles_per_job;
use crate::{Model, ModelError};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// A kernel or a family of kernels.
    pub kernel: &'a str,
    /// Size of the jobs, where they have one.
    pub log_n: Option<u64>,
    /// Lanes of the kernel, where it has them.
    pub lanes: Option<u64>,
    /// Words of a row, where jobs have rows.
    pub row_words: Option<u64>,
    /// Multipliers of the kernel, where it has them.
    pub multipliers: Option<u64>,
    /// Seed of data, gaps and stalls.
    pub seed: u64,
    /// Probability of a gap in every source and of a stall in every sink, in every cycle.
    pub backpressure: f64,
    /// Where to write a waveform.
    pub trace: Option<&'a Path>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The kernel.
    pub kernel: &'static str,
    /// Its parameters, and those of the jobs.
    pub parameters: Vec<(&'static str, u64)>,
    /// Results compared with the integer model.
    pub vectors: u64,
    /// Results that differed.
    pub mismatches: u64,
    /// Cycles per job in steady state; see [`crate::steady`].
    pub cycles_per_job: f64,
    /// Cycles that a job takes at least.
    pub bound_cycles: u64,
}

impl Report {
    /// The bound over what was measured.
    pub fn occupancy(&self) -> f64 {
        self.bound_cycles as f64 / self.cycles_per_job
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing of that name, or not with these parameters.
    #[error("there is no kernel {0} with these parameters")]
    NoKernel(String),
    /// Jobs of that size make no sense.
    #[error("jobs of 2^{0}: the kernel takes 2^{1} to 2^{2}")]
    Size(u64, u64, u64),
    /// Rows of that length make no sense.
    #[error("rows of {0} words: the kernel takes 1 to 254")]
    RowWords(u64),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The kernel misbehaved.
    #[error("{0}")]
    Kernel(String),
}

/// Value of a kernel's parameter.
pub(crate) fn parameter(kernel: &Kernel, name: &str) -> Option<u64> {
    kernel
        .parameters
        .iter()
        .find(|(key, _)| *key == name)
        .map(|&(_, value)| value)
}

/// The smallest kernel that fits the request.
fn choose(request: &Request<'_>) -> Result<Kernel, RunError> {
    let fits = |kernel: &Kernel| {
        let has_lanes = |lanes| parameter(kernel, "lanes") == Some(lanes);
        let has_multipliers = |count| parameter(kernel, "multipliers") == Some(count);
        let has_size = |size| parameter(kernel, "log_n").is_some_and(|max| max >= size);
        (kernel.name == request.kernel || kernel.family == request.kernel)
            && request.lanes.is_none_or(has_lanes)
            && request.multipliers.is_none_or(has_multipliers)
            && request.log_n.is_none_or(has_size)
    };
    kernels()
        .into_iter()
        .filter(fits)
        .min_by_key(|kernel| ["log_n", "multipliers"].map(|name| parameter(kernel, name)))
        .ok_or_else(|| RunError::NoKernel(request.kernel.into()))
}

/// Simulates the RTL of a kernel.
///
/// # Errors
/// If no kernel fits or the kernel breaks the rules of its interface. Wrong results are counted,
/// not errors.
pub fn run(request: &Request<'_>) -> Result<Report, RunError> {
    let kernel = choose(request)?;
    let mut model = Model::new(&kernel)?;
    if let Some(path) = request.trace {
        model.trace(path)?;
    }
    match kernel.family {
        "ntt" => run_ntt(&kernel, model, request),
        "poseidon2" => run_permutation(&kernel, model, request),
        "poseidon2_sponge" => run_sponge(&kernel, model, request),
        "blake3" => run_blake3(&kernel, model, request),
        "merkle" => run_merkle(&kernel, model, request),
        "accelerator" => crate::runs_accelerator::run(&kernel, model, request),
        "goldilocks_multiply_stream" => run_stream(&kernel, model, request),
        _ => run_unit(&kernel, model, request),
    }
}

fn run_ntt(kernel: &Kernel, model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    // Kinds repeat after four jobs.
    const JOBS: u64 = 12;
    const WARM: usize = 3;
    const SHIFT: u64 = 7;
    let max = parameter(kernel, "log_n").unwrap_or_default();
    let log_n = request.log_n.unwrap_or(max);
    if !(3..=max).contains(&log_n) {
        return Err(RunError::Size(log_n, 3, max));
    }
    let mut rng = Rng::new(request.seed);
    let mut ntt = NttBench::new(model, request.seed);
    ntt.bench.gap_probability = request.backpressure;
    ntt.bench.stall_probability = request.backpressure;
    ntt.send_shift(SHIFT, log_n as usize);
    let jobs: Vec<(Job, Vec<u64>)> = (0..JOBS)
        .map(|index| {
            let (is_inverse, is_coset) = (index & 1 == 1, index & 2 == 2);
            let job = Job {
                log_n: log_n as usize,
                is_inverse,
                is_coset,
            };
            (
                job,
                (0..1u64 << log_n).map(|_| rng.next_u64() % P).collect(),
            )
        })
        .collect();
    jobs.iter().for_each(|(job, x)| ntt.send_job(*job, x));
    let limit = (1u64 << log_n) * 1000 + 10_000;
    let (mut vectors, mut mismatches, mut ends) = (0, 0, Vec::new());
    for (job, x) in &jobs {
        let results = ntt
            .receive(job.log_n, limit)
            .map_err(|error| RunError::Kernel(error.to_string()))?;
        let expected = model::run(*job, x, SHIFT);
        vectors += expected.len() as u64;
        mismatches += expected
            .iter()
            .zip(&results.values)
            .filter(|(want, got)| want != got)
            .count() as u64;
        ends.push(results.end_cycle);
    }
    let lanes = parameter(kernel, "lanes").unwrap_or(1);
    let mut parameters = kernel.parameters.to_vec();
    parameters.push(("job_log_n", log_n));
    Ok(Report {
        kernel: kernel.name,
        parameters,
        vectors,
        mismatches,
        cycles_per_job: cycles_per_job(&ends[WARM..]),
        bound_cycles: bound_cycles(log_n as usize, lanes, ntt.words_per_beat() as u64),
    })
}

fn run_permutation(
    kernel: &Kernel,
    model: Model,
    request: &Request<'_>,
) -> Result<Report, RunError> {
    const STATES: usize = 200;
    const WARM: usize = 50;
    const MAX_CYCLES: u64 = 100_000;
    let mut rng = Rng::new(request.seed);
    let mut engine = EngineBench::new(model, request.seed);
    engine.bench.gap_probability = request.backpressure;
    let states: Vec<hash::State> = (0..STATES)
        .map(|_| std::array::from_fn(|_| rng.next_u64() % P))
        .collect();
    for (index, state) in states.iter().enumerate() {
        engine.send(index as u8, state);
    }
    let (mut mismatches, mut ends) = (0, Vec::new());
    for state in &states {
        let result = engine
            .receive(MAX_CYCLES)
            .map_err(|error| RunError::Kernel(error.to_string()))?;
        mismatches += u64::from(result.state != hash::permute(*state));
        ends.push(result.cycle);
    }
    let multipliers = parameter(kernel, "multipliers").unwrap_or(1);
    Ok(Report {
        kernel: kernel.name,
        parameters: kernel.parameters.to_vec(),
        vectors: STATES as u64,
        mismatches,
        cycles_per_job: cycles_per_job(&ends[WARM..]),
        bound_cycles: poseidon2::bound_cycles(multipliers),
    })
}

fn run_sponge(kernel: &Kernel, model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    const ROWS: usize = 400;
    const ROW_WORDS: usize = 32;
    const MAX_CYCLES: u64 = 1_000_000;
    let mut rng = Rng::new(request.seed);
    let mut sponge = SpongeBench::new(model, request.seed);
    sponge.bench.gap_probability = request.backpressure;
    sponge.bench.stall_probability = request.backpressure;
    let rows: Vec<Row> = (0..ROWS)
        .map(|_| Row::Words((0..ROW_WORDS).map(|_| rng.next_u64() % P).collect()))
        .collect();
    rows.iter().for_each(|row| sponge.send(row));
    let (mut mismatches, mut end) = (0, 0);
    for row in &rows {
        let (cycle, digest) = sponge
            .receive(MAX_CYCLES)
            .map_err(|error| RunError::Kernel(error.to_string()))?;
        mismatches += u64::from(digest != row.digest());
        end = cycle;
    }
    let multipliers = parameter(kernel, "multipliers").unwrap_or(1);
    let mut parameters = kernel.parameters.to_vec();
    parameters.push(("row_words", ROW_WORDS as u64));
    let blocks = ROW_WORDS.div_ceil(hash::RATE) as u64;
    Ok(Report {
        kernel: kernel.name,
        parameters,
        vectors: ROWS as u64,
        mismatches,
        // With the time in which the sponge fills and empties: rows leave in bursts.
        cycles_per_job: end as f64 / ROWS as f64,
        bound_cycles: blocks * poseidon2::bound_cycles(multipliers),
    })
}

fn run_blake3(kernel: &Kernel, model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    const BLOCKS: usize = 10_000;
    let mut rng = Rng::new(request.seed);
    let mut bench = Blake3Bench::new(model, request.seed);
    bench.bench.gap_probability = request.backpressure;
    bench.bench.stall_probability = request.backpressure;
    let mut input = || Input {
        chaining_value: std::array::from_fn(|_| rng.next_u64() as u32),
        block: std::array::from_fn(|_| rng.next_u64() as u32),
        counter: rng.next_u64(),
        block_bytes: rng.below(65) as u32,
        flags: rng.below(256) as u32,
    };
    let inputs: Vec<Input> = (0..BLOCKS).map(|_| input()).collect();
    inputs.iter().for_each(|input| bench.send(input));
    let results = bench
        .receive(BLOCKS, BLOCKS as u64 * 1000)
        .map_err(|error| RunError::Kernel(error.to_string()))?;
    let is_wrong = |(input, result): &(&Input, &crate::blake3::Compressed)| {
        compress(input) != result.chaining_value
    };
    let ends: Vec<u64> = results.iter().map(|result| result.cycle).collect();
    Ok(Report {
        kernel: kernel.name,
        parameters: kernel.parameters.to_vec(),
        vectors: BLOCKS as u64,
        mismatches: inputs.iter().zip(&results).filter(is_wrong).count() as u64,
        cycles_per_job: cycles_per_job(&ends),
        bound_cycles: CYCLES_PER_BLOCK,
    })
}

fn run_merkle(kernel: &Kernel, model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    // The last tree has the core to itself at its end and does not count.
    const JOBS: usize = 12;
    const WARM: usize = 2;
    let max = parameter(kernel, "log_n").unwrap_or_default();
    let log_rows = request.log_n.unwrap_or(8);
    let row_words = request.row_words.unwrap_or(32);
    if log_rows > max {
        return Err(RunError::Size(log_rows, 0, max));
    }
    if !(1..=254).contains(&row_words) {
        return Err(RunError::RowWords(row_words));
    }
    let hash = Hash::of(kernel).ok_or_else(|| RunError::NoKernel(request.kernel.into()))?;
    let bound = merkle::bound_cycles(hash, log_rows as u32, row_words);
    let mut rng = Rng::new(request.seed);
    let mut bench = MerkleBench::new(model, request.seed);
    bench.bench.gap_probability = request.backpressure;
    bench.bench.stall_probability = request.backpressure;
    let mut row = || (0..row_words).map(|_| rng.next_u64() % P).collect();
    let jobs: Vec<Vec<Vec<u64>>> = (0..JOBS)
        .map(|_| (0..1u64 << log_rows).map(|_| row()).collect())
        .collect();
    jobs.iter().for_each(|rows| bench.send(rows));
    let (mut vectors, mut mismatches, mut ends) = (0, 0, Vec::new());
    for rows in &jobs {
        let tree = bench
            .receive(1000 * bound + 10_000)
            .map_err(|error| RunError::Kernel(error.to_string()))?;
        let expected = nodes(hash.model(), rows);
        vectors += expected.len() as u64 - 1;
        let pairs = expected.iter().zip(&tree.nodes);
        mismatches += pairs.filter(|(want, got)| want != got).count() as u64;
        ends.push(tree.end_cycle);
    }
    let mut parameters = kernel.parameters.to_vec();
    parameters.extend([("job_log_n", log_rows), ("row_words", row_words)]);
    Ok(Report {
        kernel: kernel.name,
        parameters,
        vectors,
        mismatches,
        cycles_per_job: cycles_per_job(&ends[WARM..JOBS - 1]),
        bound_cycles: bound,
    })
}

/// Operands and the result that they should have.
type UnitVector = (Vec<u128>, u64);

/// Latency of a unit, with operands and results from the integer model.
fn unit_vectors(kernel: &Kernel, seed: u64) -> Option<(usize, Vec<UnitVector>)> {
    const VECTORS: usize = 10_000;
    let latency = goldilocks::latency(kernel)?;
    let mut rng = Rng::new(seed);
    let vectors = (0..VECTORS).map(|_| {
        let (a, b) = (rng.next_u64() % P, rng.next_u64() % P);
        let wide = u128::from(a) << 64 | u128::from(b);
        let pair = vec![u128::from(a), u128::from(b)];
        match kernel.family {
            "goldilocks_add" => (pair, field::add(a, b)),
            "goldilocks_subtract" => (pair, field::subtract(a, b)),
            "goldilocks_reduce" => (vec![wide], field::remainder(wide)),
            "goldilocks_reduce_sum" => (vec![wide >> 59], field::remainder(wide >> 59)),
            _ => (pair, field::multiply(a, b)),
        }
    });
    Some((latency, vectors.collect()))
}

fn run_unit(kernel: &Kernel, mut model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    let (latency, vectors) = unit_vectors(kernel, request.seed)
        .ok_or_else(|| RunError::NoKernel(request.kernel.into()))?;
    let operands: Vec<Vec<u128>> = vectors
        .iter()
        .map(|(operands, _)| operands.clone())
        .collect();
    let results = pipeline(&mut model, &operands, latency);
    let is_wrong = |(got, (_, want)): &(u128, &(Vec<u128>, u64))| *got != u128::from(*want);
    let mismatches = results.into_iter().zip(&vectors).filter(is_wrong).count();
    Ok(Report {
        kernel: kernel.name,
        parameters: kernel.parameters.to_vec(),
        vectors: vectors.len() as u64,
        mismatches: mismatches as u64,
        cycles_per_job: 1.0,
        bound_cycles: 1,
    })
}

fn run_stream(kernel: &Kernel, model: Model, request: &Request<'_>) -> Result<Report, RunError> {
    const VECTORS: usize = 10_000;
    let mut rng = Rng::new(request.seed);
    let mut bench = Bench::new(model, request.seed);
    bench.gap_probability = request.backpressure;
    bench.stall_probability = request.backpressure;
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    let mut expected = Vec::with_capacity(VECTORS);
    for _ in 0..VECTORS {
        let (a, b) = (rng.next_u64() % P, rng.next_u64() % P);
        bench.send(source, vec![a.into(), b.into()]);
        expected.push([u128::from(field::multiply(a, b))]);
    }
    let start = bench.cycle();
    let beats = bench
        .collect(sink, VECTORS, VECTORS as u64 * 1000)
        .map_err(|error| RunError::Kernel(error.to_string()))?;
    let is_wrong = |(got, want): &(&Vec<u128>, &[u128; 1])| got.as_slice() != want.as_slice();
    Ok(Report {
        kernel: kernel.name,
        parameters: kernel.parameters.to_vec(),
        vectors: VECTORS as u64,
        mismatches: beats.iter().zip(&expected).filter(is_wrong).count() as u64,
        cycles_per_job: (bench.cycle() - start) as f64 / VECTORS as f64,
        bound_cycles: 1,
    })
}
