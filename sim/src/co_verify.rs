//! One test, run on the simulation and on the RTL.

use std::fs;
use std::path::PathBuf;
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
    let kernel = existing(name);
    if let Err(defect) = test(&mut kernel.simulation()) {
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
    let outcome = test(&mut model);
    save_coverage(&kernel, &mut model);
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

/// Leaves the coverage of a run in the folder that `WINTERFORGE_COVERAGE_DIR` names.
fn save_coverage(kernel: &Kernel, model: &mut Model) {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let Some(folder) = std::env::var_os("WINTERFORGE_COVERAGE_DIR") else {
        return;
    };
    let folder = PathBuf::from(folder).join(kernel.name);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let file = folder.join(format!("{}_{run}.dat", std::process::id()));
    let written = fs::create_dir_all(&folder).is_ok() && model.write_coverage(&file).is_ok();
    assert!(written, "coverage cannot be written to {}", file.display());
}
