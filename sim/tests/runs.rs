//! Runs on request: cycles are never below the bound, nor far above it.

use winterforge_sim::runs::{self, Request};

/// The kernels with streams, with sizes whose jobs fill them.
const RUNS: [(&str, Option<u64>, Option<u64>); 11] = [
    ("goldilocks_multiply_stream", None, None),
    ("ntt_1_lane_log_10", Some(8), None),
    ("ntt_2_lanes_log_12_ecp5", Some(10), None),
    ("ntt_8_lanes_log_10", Some(9), None),
    ("blake3_wide", None, None),
    ("blake3_pipelined", None, None),
    ("poseidon2_3", None, None),
    ("poseidon2_sponge_6_ecp5", None, None),
    ("merkle_blake3", Some(7), Some(20)),
    ("accelerator_blake3", Some(9), None),
    ("merkle_poseidon2_6_ecp5", Some(5), Some(20)),
];

#[test]
fn occupancy_is_at_most_one() {
    for (kernel, log_n, row_words) in RUNS {
        let report = runs::run(&Request {
            kernel,
            log_n,
            lanes: None,
            row_words,
            multipliers: None,
            seed: 5,
            backpressure: 0.0,
            trace: None,
        })
        .unwrap();
        let occupancy = report.occupancy();
        println!("{kernel}: {occupancy:.4}");
        assert_eq!(report.mismatches, 0, "{kernel}");
        assert!((0.9..=1.0).contains(&occupancy), "{kernel}: {occupancy}");
    }
}
