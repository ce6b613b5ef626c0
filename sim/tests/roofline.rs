//! The roofline model against the simulation: within 3 % at three sizes and three numbers of lanes, and for trees.

use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_hdl::merkle::Hash;
use winterforge_hdl::ntt::model::Job;
use winterforge_sim::merkle::MerkleBench;
use winterforge_sim::ntt::NttBench;
use winterforge_sim::roofline::{MACHINES, Machine};
use winterforge_sim::steady::cycles_per_job;
use winterforge_sim::verify_rtl;

const SEED: u64 = 81;
const JOBS: usize = 16;

fn close(what: &str, predicted: u64, simulated: f64) -> Result<(), String> {
    let ratio = predicted as f64 / simulated;
    println!("{what}: {predicted} cycles predicted, {simulated:.1} simulated, ratio {ratio:.4}");
    if (0.97..=1.03).contains(&ratio) {
        Ok(())
    } else {
        Err(format!(
            "{what}: {predicted} predicted, {simulated:.1} simulated"
        ))
    }
}

fn transforms(dut: &mut dyn Dut, log_n: usize) -> Result<f64, String> {
    let mut ntt = NttBench::new(dut, SEED);
    let mut rng = Rng::new(SEED);
    for _ in 0..JOBS {
        let words: Vec<u64> = (0..1 << log_n).map(|_| rng.next_u64() >> 1).collect();
        let job = Job {
            log_n,
            ..Job::default()
        };
        ntt.send_job(job, &words);
    }
    let ends: Result<Vec<u64>, _> = (0..JOBS)
        .map(|_| Ok(ntt.receive(log_n, 1_000_000)?.end_cycle))
        .collect();
    let ends = ends.map_err(|error: winterforge_sim::ntt::NttError| error.to_string())?;
    Ok(cycles_per_job(&ends))
}

#[test]
fn transforms_take_what_is_predicted() {
    for (kernel, lanes) in [
        ("ntt_1_lane_log_10", 1),
        ("ntt_2_lanes_log_12", 2),
        ("ntt_4_lanes_log_10", 4),
    ] {
        let machine = Machine {
            lanes,
            ..MACHINES[0]
        };
        for log_n in [8, 9, 10] {
            verify_rtl(kernel, |dut| {
                let simulated = transforms(dut, log_n)?;
                let predicted = machine.transform(log_n as u32).cycles;
                close(&format!("{kernel} 2^{log_n}"), predicted, simulated)
            });
        }
    }
}

#[test]
fn trees_take_what_is_predicted() {
    for (kernel, hash) in [
        ("merkle_blake3", Hash::Blake3),
        ("merkle_poseidon2_3", Hash::Poseidon2By3),
    ] {
        let machine = Machine {
            block_cycles: hash.cycles_per_block(),
            ..MACHINES[0]
        };
        for (log_rows, row_words) in [(6, 8), (6, 24), (5, 64)] {
            verify_rtl(kernel, |dut| {
                let mut merkle = MerkleBench::new(dut, SEED);
                let mut rng = Rng::new(SEED);
                for _ in 0..JOBS {
                    let row = |rng: &mut Rng| (0..row_words).map(|_| rng.next_u64() >> 1).collect();
                    let rows: Vec<Vec<u64>> = (0..1 << log_rows).map(|_| row(&mut rng)).collect();
                    merkle.send(&rows);
                }
                let ends: Result<Vec<u64>, String> = (0..JOBS)
                    .map(|_| {
                        merkle
                            .receive(10_000_000)
                            .map_err(|error| error.to_string())
                    })
                    .map(|tree| Ok(tree?.end_cycle))
                    .collect();
                let simulated = cycles_per_job(&ends?);
                let predicted = machine.tree(log_rows, row_words).cycles;
                close(
                    &format!("{kernel} 2^{log_rows} x {row_words}"),
                    predicted,
                    simulated,
                )
            });
        }
    }
}

#[test]
fn longer_transforms_are_made_of_shorter_ones() {
    let machine = MACHINES[0];
    let (half, whole) = (machine.transform(9), machine.long_transform(18));
    assert_eq!(whole, half.times(1024));
    let seconds = whole.seconds(&machine);
    // The link is the roof there.
    assert_eq!(seconds, whole.bytes as f64 / machine.link_bytes_per_s);
}
