//! Waveforms: on demand, by themselves after a failed comparison, and whole files of the format that
//! viewers read (FST, as GTKWave's `fstapi.h` describes it).

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use winterforge_hdl::bench::{Rng, pipeline};
use winterforge_hdl::goldilocks::{Add, P, model};
use winterforge_sim::runs::{self, Request, RunError};
use winterforge_sim::{ModelError, verify_rtl};

/// Kinds of blocks, and the length of the header, which is always the first.
const HEADER: u8 = 0;
const HEADER_BYTES: u64 = 329;
const GEOMETRY: u8 = 3;
const HIERARCHY: u8 = 6;
const VALUE_CHANGES: u8 = 8;

fn u64_at(bytes: &[u8], position: usize) -> u64 {
    u64::from_be_bytes(bytes[position..position + 8].try_into().unwrap())
}

/// The last time of a waveform, after a walk over its blocks: they must fill the file.
fn end_of_waveform(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    assert_eq!((bytes[0], u64_at(&bytes, 1)), (HEADER, HEADER_BYTES));
    let endian_test = f64::from_le_bytes(bytes[25..33].try_into().unwrap());
    assert_eq!(endian_test, std::f64::consts::E);
    let (mut position, mut kinds) = (0, Vec::new());
    while position < bytes.len() {
        kinds.push(bytes[position]);
        // The length counts itself, not the byte of the kind.
        position += 1 + u64_at(&bytes, position + 1) as usize;
    }
    assert_eq!(position, bytes.len(), "the last block is cut off");
    for kind in [GEOMETRY, HIERARCHY, VALUE_CHANGES] {
        assert!(kinds.contains(&kind), "no block {kind} among {kinds:?}");
    }
    u64_at(&bytes, 17)
}

/// Models that count coverage write no waveforms.
fn has_waveforms() -> bool {
    std::env::var_os("WINTERFORGE_COVERAGE_DIR").is_none()
}

fn request<'a>(kernel: &'a str, trace: &'a Path) -> Request<'a> {
    Request {
        kernel,
        log_n: Some(3),
        lanes: None,
        row_words: None,
        multipliers: None,
        seed: 1,
        backpressure: 0.3,
        trace: Some(trace),
    }
}

#[test]
fn on_demand() {
    if !has_waveforms() {
        return;
    }
    let path = std::env::temp_dir().join(format!("winterforge_demand_{}.fst", std::process::id()));
    let report = runs::run(&request("ntt_1_lane_log_6", &path)).unwrap();
    assert_eq!(report.mismatches, 0);
    assert!(end_of_waveform(&path) > 2 * report.bound_cycles);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_file_that_cannot_be_made_is_an_error() {
    let path = Path::new("/dev/null/waveform.fst");
    let outcome = runs::run(&request("ntt_1_lane_log_6", path));
    assert!(matches!(
        outcome,
        Err(RunError::Model(ModelError::Waveform(..)))
    ));
}

/// An adder that is held against subtraction.
#[test]
fn after_a_failed_comparison() {
    if !has_waveforms() {
        return;
    }
    const PAIRS: usize = 20;
    let mut rng = Rng::new(3);
    let pairs: Vec<[u64; 2]> = (0..PAIRS)
        .map(|_| [rng.next_u64() % P, rng.next_u64() % P])
        .collect();
    let operands: Vec<Vec<u128>> = pairs
        .iter()
        .map(|pair| pair.map(u128::from).to_vec())
        .collect();
    let failure = catch_unwind(AssertUnwindSafe(|| {
        verify_rtl("goldilocks_add", |mut dut| {
            let sums = pipeline(&mut dut, &operands, Add::LATENCY);
            for ([a, b], sum) in pairs.iter().zip(sums) {
                if sum != u128::from(model::subtract(*a, *b)) {
                    return Err(format!("{a:x} - {b:x}: {sum:x}"));
                }
            }
            Ok(())
        });
    }));
    let message = *failure.unwrap_err().downcast::<String>().unwrap();
    let (_, path) = message.split_once("waveform: ").unwrap();
    let path = PathBuf::from(path);
    assert_eq!(
        end_of_waveform(&path),
        2 * (PAIRS + Add::LATENCY) as u64 - 1
    );
    fs::remove_file(path).unwrap();
}
