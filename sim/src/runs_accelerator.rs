//! Simulations on request of the accelerator: transforms by its registers and streams.

use winterforge_driver::registers;
use winterforge_hdl::bench::{Bench, Rng};
use winterforge_hdl::goldilocks::P;
use winterforge_hdl::ntt::model::{self, Job};
use winterforge_hdl::registry::Kernel;

use crate::Model;
use crate::ntt::bound_cycles;
use crate::runs::{Report, Request, RunError, parameter};
use crate::steady::cycles_per_job;

const JOBS: u64 = 12;
const WARM: usize = 3;

/// Transforms of one size, to and fro.
pub(crate) fn run(
    kernel: &Kernel,
    model: Model,
    request: &Request<'_>,
) -> Result<Report, RunError> {
    let max = parameter(kernel, "log_n").unwrap_or_default();
    let log_n = request.log_n.unwrap_or(max);
    if !(3..=max).contains(&log_n) {
        return Err(RunError::Size(log_n, 3, max));
    }
    let mut rng = Rng::new(request.seed);
    let mut bench = Bench::new(model, request.seed);
    bench.gap_probability = request.backpressure;
    bench.stall_probability = request.backpressure;
    let [address, word, data] = ["aw", "w", "s"].map(|name| bench.source(name));
    let [answers, results] = ["b", "m"].map(|name| bench.sink(name));
    let mut jobs = Vec::new();
    for index in 0..JOBS {
        let job = Job {
            log_n: log_n as usize,
            is_inverse: index % 2 == 1,
            is_coset: false,
        };
        let entry = registers::JOB_LOG_SIZE.with(log_n as u32)
            | registers::JOB_INVERSE.with(u32::from(job.is_inverse));
        bench.send(address, vec![registers::JOB.into()]);
        bench.send(word, vec![entry.into(), 0xf]);
        let x: Vec<u64> = (0..1u64 << log_n).map(|_| rng.next_u64() % P).collect();
        for (index, &word) in x.iter().enumerate() {
            bench.send(data, vec![word.into(), u128::from(index + 1 == x.len())]);
        }
        jobs.push((job, x));
    }
    let limit = (1u64 << log_n) * 1000 + 10_000;
    let (mut vectors, mut mismatches, mut ends) = (0, 0, Vec::new());
    for (job, x) in &jobs {
        bench
            .run_until(limit, |bench| bench.received(results).len() >= x.len())
            .map_err(|error| RunError::Kernel(error.to_string()))?;
        let expected = model::run(*job, x, 1);
        vectors += expected.len() as u64;
        let beats = bench.received(results).drain(..x.len());
        for (want, (cycle, beat)) in expected.iter().zip(beats) {
            mismatches += u64::from(beat[0] != u128::from(*want));
            if beat[1] == 1 {
                ends.push(cycle);
            }
        }
    }
    if ends.len() != jobs.len() || bench.received(answers).len() != jobs.len() {
        return Err(RunError::Kernel(
            "a job has no end, or no answer".to_owned(),
        ));
    }
    let mut parameters = kernel.parameters.to_vec();
    parameters.push(("job_log_n", log_n));
    let lanes = parameter(kernel, "lanes").unwrap_or(1);
    Ok(Report {
        kernel: kernel.name,
        parameters,
        vectors,
        mismatches,
        cycles_per_job: cycles_per_job(&ends[WARM..]),
        bound_cycles: bound_cycles(log_n as usize, lanes, 1),
    })
}
