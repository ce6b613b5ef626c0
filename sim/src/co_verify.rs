//! One test, run on the simulation and on the RTL.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use winterforge_hdl::design::Dut;
use winterforge_hdl::registry::{Kernel, kernel};

use crate::Model;

/// Runs a test on the rust-hdl simulation of a kernel and on its Verilated model. The test
/// compares with the integer model and returns what it found wrong; it must be deterministic.
///
/// # Panics
/// If the kernel does not exist or the test fails on either. If it fails on the model, it is run
/// once more with a waveform, whose path is in the message.
pub fn co_verify(name: &str, test: impl Fn(&mut dyn Dut) -> Result<(), String>) {
    // Coverage is that of the Verilog.
    let is_simulated = coverage_folder().is_none();
    if is_simulated && let Err(defect) = test(&mut existing(name).simulation()) {
        panic!("{name}, rust-hdl simulation: {defect}");
    }
    verify_rtl(name, test);
}

/// Runs a test on the Verilated model alone, for designs that are too slow in rust-hdl.
///
/// # Panics
/// As [`co_verify`].
pub fn verify_rtl(name: &str, test: impl Fn(&mut dyn Dut) -> Result<(), String>) {
    let kernel = existing(name);
    let mut model = Model::new(&kernel).unwrap_or_else(|error| panic!("{error}"));
    let outcome = match coverage_folder() {
        None => test(&mut model),
        Some(folder) => with_coverage(&folder.join(name), &mut model, &test),
    };
    let Err(defect) = outcome else { return };
    drop(model);
    let path = std::env::temp_dir().join(format!("winterforge_{name}_{}.fst", std::process::id()));
    let mut traced = Model::new(&kernel).unwrap_or_else(|error| panic!("{error}"));
    let waveform = match traced.trace(&path) {
        Ok(()) => {
            let again = test(&mut traced);
            assert!(
                again.is_err(),
                "{name}: fails, but not when run again: {defect}"
            );
            path.display().to_string()
        }
        Err(error) => format!("none, {error}"),
    };
    panic!("{name}, Verilated: {defect}\nwaveform: {waveform}");
}

fn existing(name: &str) -> Kernel {
    kernel(name).unwrap_or_else(|| panic!("there is no kernel {name}"))
}

/// Where to leave coverage, if it is asked for: a folder for each kernel in it.
fn coverage_folder() -> Option<PathBuf> {
    std::env::var_os("WINTERFORGE_COVERAGE_DIR").map(PathBuf::from)
}

/// Runs a test and leaves its coverage in a folder: a `.dat` file of `verilator_coverage` for lines, and
/// beside it the bits that toggled. The models must have been built with `WINTERFORGE_COVERAGE=1`.
fn with_coverage(
    folder: &Path,
    model: &mut Model,
    test: impl Fn(&mut dyn Dut) -> Result<(), String>,
) -> Result<(), String> {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let file = folder.join(format!("{}_{run}.dat", std::process::id()));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // Such models write no waveform but the bits that toggled, when they are dropped.
    model
        .trace(&file.with_extension("toggles"))
        .and_then(|()| {
            let outcome = test(model);
            model.write_coverage(&file).map(|()| outcome)
        })
        .unwrap_or_else(|error| Err(error.to_string()))
}
