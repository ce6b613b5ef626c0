//! Transforms: integer model = rust-hdl simulation = Verilated RTL = what the prover computes.

use winter_math::{FieldElement, StarkField, fft};
use winterforge_air::field::Felt;
use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::ntt::model::{self, Job};
use winterforge_hdl::registry;
use winterforge_sim::ntt::{NttBench, bound_cycles};
use winterforge_sim::steady::cycles_per_job;
use winterforge_sim::{co_verify, verify_rtl};

const SEED: u64 = 11;
const SHIFT: u64 = 7;

fn random_words(rng: &mut Rng, log_n: usize) -> Vec<u64> {
    let edges = field::edge_values();
    let mut draw = || match rng.below(8) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => rng.next_u64() % P,
    };
    (0..1 << log_n).map(|_| draw()).collect()
}

fn max_log_n(kernel: &str) -> usize {
    parameter(kernel, "log_n") as usize
}

fn parameter(kernel: &str, name: &str) -> u64 {
    let kernel = registry::kernel(kernel).unwrap();
    kernel
        .parameters
        .iter()
        .find(|(key, _)| *key == name)
        .unwrap()
        .1
}

/// Every direction on subgroup and coset for each size, in one stream of jobs.
fn check_jobs(
    dut: &mut dyn Dut,
    log_ns: &[usize],
    (gap, stall): (f64, f64),
    seed: u64,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut ntt = NttBench::new(dut, seed);
    (ntt.bench.gap_probability, ntt.bench.stall_probability) = (gap, stall);
    let largest = log_ns.iter().copied().max().unwrap();
    ntt.send_shift(SHIFT, largest);
    let mut jobs = Vec::new();
    for &log_n in log_ns {
        for kind in 0..4 {
            let job = Job {
                log_n,
                is_inverse: kind & 1 == 1,
                is_coset: kind & 2 == 2,
            };
            let x = random_words(&mut rng, log_n);
            ntt.send_job(job, &x);
            jobs.push((job, x));
        }
    }
    for (job, x) in jobs {
        let limit = 4000 + (100 << largest);
        let results = ntt
            .receive(job.log_n, limit)
            .map_err(|error| format!("{job:?}: {error}"))?;
        if results.values != model::run(job, &x, SHIFT) {
            return Err(format!("{job:?}: wrong values"));
        }
    }
    Ok(())
}

#[test]
fn three_ways_one_lane() {
    for stalls in [(0.0, 0.0), (0.3, 0.3)] {
        co_verify("ntt_1_lane_log_6", |dut| {
            check_jobs(dut, &[3, 4, 5, 6, 3], stalls, SEED)
        });
    }
}

#[test]
fn three_ways_four_lanes() {
    for stalls in [(0.0, 0.0), (0.3, 0.3)] {
        co_verify("ntt_4_lanes_log_6", |dut| {
            check_jobs(dut, &[3, 4, 5, 6, 3], stalls, SEED)
        });
    }
}

#[test]
fn every_size_in_one_image() {
    for kernel in [
        "ntt_1_lane_log_10",
        "ntt_2_lanes_log_12",
        "ntt_4_lanes_log_10",
        "ntt_8_lanes_log_10",
    ] {
        let mut sizes: Vec<usize> = (3..=max_log_n(kernel)).collect();
        verify_rtl(kernel, |dut| check_jobs(dut, &sizes, (0.0, 0.0), SEED));
        sizes.reverse();
        verify_rtl(kernel, |dut| check_jobs(dut, &sizes, (0.2, 0.3), SEED + 1));
    }
}

#[test]
fn ecp5_cells() {
    verify_rtl("ntt_2_lanes_log_12_ecp5", |dut| {
        check_jobs(dut, &[12, 3, 8], (0.1, 0.1), SEED)
    });
}

#[test]
fn every_stall_pattern() {
    for kernel in [
        "ntt_1_lane_log_6",
        "ntt_4_lanes_log_6",
        "ntt_2_lanes_log_12",
        "ntt_8_lanes_log_10",
    ] {
        for (index, stalls) in [(0.9, 0.0), (0.0, 0.9), (0.5, 0.5), (0.02, 0.02), (0.9, 0.9)]
            .into_iter()
            .enumerate()
        {
            let seed = SEED + index as u64;
            verify_rtl(kernel, |dut| {
                check_jobs(dut, &[5, 3, 6, 4, 6, 3], stalls, seed)
            });
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    for kernel in ["ntt_4_lanes_log_6", "ntt_2_lanes_log_12"] {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..60 {
                let mut ntt = NttBench::new(&mut *dut, rng.next_u64());
                (ntt.bench.gap_probability, ntt.bench.stall_probability) = (0.1, 0.3);
                ntt.send_shift(SHIFT, 5);
                for log_n in [3, 6, 5, 4] {
                    let job = Job {
                        log_n,
                        is_inverse: rng.chance(0.5),
                        is_coset: false,
                    };
                    ntt.send_job(job, &random_words(&mut rng, log_n));
                }
                for _ in 0..rng.below(700) {
                    ntt.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(ntt);
                check_jobs(&mut *dut, &[4], (0.1, 0.1), rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// Cycles per transform of the same size in steady state, whatever the direction.
fn steady_cycles(dut: &mut dyn Dut, log_n: usize, is_coset: bool) -> Result<f64, String> {
    const JOBS: usize = 12;
    const WARM: usize = 3;
    let mut rng = Rng::new(SEED);
    let mut ntt = NttBench::new(dut, SEED);
    ntt.send_shift(SHIFT, log_n);
    let jobs: Vec<_> = (0..JOBS)
        .map(|index| {
            let job = Job {
                log_n,
                is_inverse: index % 2 == 1,
                is_coset,
            };
            (job, random_words(&mut rng, log_n))
        })
        .collect();
    jobs.iter().for_each(|(job, x)| ntt.send_job(*job, x));
    let mut ends = Vec::new();
    for (job, x) in &jobs {
        let results = ntt
            .receive(log_n, 100 << log_n)
            .map_err(|error| error.to_string())?;
        if results.values != model::run(*job, x, SHIFT) {
            return Err(format!("{job:?}: wrong values"));
        }
        ends.push(results.end_cycle);
    }
    Ok(cycles_per_job(&ends[WARM..]))
}

#[test]
fn steady_state_is_near_the_bound() {
    for kernel in [
        "ntt_1_lane_log_10",
        "ntt_2_lanes_log_12",
        "ntt_2_lanes_log_12_ecp5",
        "ntt_4_lanes_log_10",
        "ntt_8_lanes_log_10",
    ] {
        for log_n in 8..=max_log_n(kernel) {
            let bound = bound_cycles(
                log_n,
                parameter(kernel, "lanes"),
                parameter(kernel, "words"),
            );
            let limit = if log_n >= 10 { 1.05 } else { 1.15 };
            verify_rtl(kernel, |dut| {
                let cycles = steady_cycles(dut, log_n, log_n % 2 == 0)?;
                let ratio = cycles / bound as f64;
                println!("{kernel} 2^{log_n}: {cycles:.1} cycles, bound {bound}, ratio {ratio:.3}");
                if ratio > limit {
                    Err(format!("2^{log_n}: {ratio:.3} of the bound"))
                } else {
                    Ok(())
                }
            });
        }
    }
}

/// The integer model equals the library that the software prover uses, on every kind of job.
#[test]
fn model_is_what_the_prover_computes() {
    let mut rng = Rng::new(SEED);
    let offset = Felt::new(SHIFT);
    for log_n in 3..=10 {
        let x = random_words(&mut rng, log_n);
        let elements: Vec<Felt> = x.iter().map(|&word| Felt::new(word)).collect();
        let twiddles = fft::get_twiddles::<Felt>(x.len());
        let inverse_twiddles = fft::get_inv_twiddles::<Felt>(x.len());
        for is_coset in [false, true] {
            let shift = if is_coset { offset } else { Felt::ONE };
            let job = Job {
                log_n,
                is_inverse: false,
                is_coset,
            };
            let values = fft::evaluate_poly_with_offset(&elements, &twiddles, shift, 1);
            let words: Vec<u64> = values.iter().map(|value| value.as_int()).collect();
            assert_eq!(model::run(job, &x, SHIFT), words, "{job:?}");

            let job = Job {
                is_inverse: true,
                ..job
            };
            let mut coefficients = elements.clone();
            fft::interpolate_poly_with_offset(&mut coefficients, &inverse_twiddles, shift);
            let words: Vec<u64> = coefficients.iter().map(|value| value.as_int()).collect();
            assert_eq!(model::run(job, &x, SHIFT), words, "{job:?}");
        }
    }
}
