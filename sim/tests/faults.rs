//! A bit of the accelerator flips in mid-proof: in a register or a word of a memory, in a random cycle.
//!
//! Twenty runs; with `WINTERFORGE_FAULTS=600` as many, which docs/hardware/accelerator.md tells the results of.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use winterforge_driver::{Accelerator, DriverError, HardwareDevice};
use winterforge_hdl::bench::Rng;
use winterforge_hdl::registry::kernel;
use winterforge_model::{Graph, load, read_input};
use winterforge_prover::device::{CpuDevice, Device};
use winterforge_prover::{Mode, Resources, Silent, prove_on};
use winterforge_sim::accelerator::{Fault, SimTransport};
use winterforge_verifier::bundle::{Header, Parameters};
use winterforge_verifier::{Policy, verify};

const SEED: u64 = 71;

/// How a run with a fault ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The bundle is the one without a fault.
    Masked,
    /// The driver notices.
    Flagged,
    /// The proof does not verify.
    Rejected,
    /// Another proof of the same, true, statement.
    OtherProof,
}

struct Case {
    graph: Arc<Graph>,
    x: Vec<f32>,
    bundle: Vec<u8>,
}

impl Case {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models/mlp_bc");
        let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
        let samples = read_input(&folder.join("inputs.npz"), &graph).unwrap();
        let mut case = Self {
            graph,
            x: samples.sample(0).to_vec(),
            bundle: Vec::new(),
        };
        case.bundle = case.prove(&CpuDevice::default()).unwrap();
        case
    }

    fn prove(&self, device: &dyn Device) -> Result<Vec<u8>, String> {
        let mode = Mode::Open(Parameters::default());
        let proved = prove_on(Resources::on(device), &self.graph, &self.x, mode, &Silent);
        proved
            .map(|proved| proved.bundle)
            .map_err(|error| error.to_string())
    }

    fn transport(&self, fault: Option<Fault>) -> Result<HardwareDevice<SimTransport>, DriverError> {
        let kernel = kernel("accelerator_blake3").unwrap();
        let mut transport = SimTransport::new(kernel).unwrap();
        if let Some(fault) = fault {
            transport.inject(fault)?;
        }
        Ok(HardwareDevice::new("sim", Accelerator::open(transport)?))
    }

    fn with(&self, fault: Fault) -> Outcome {
        let bundle = match self
            .transport(Some(fault))
            .map(|device| self.prove(&device))
        {
            Ok(Ok(bundle)) => bundle,
            Ok(Err(_)) | Err(_) => return Outcome::Flagged,
        };
        if bundle == self.bundle {
            return Outcome::Masked;
        }
        match verify(&bundle, &self.graph, &Policy::default()) {
            Err(_) => Outcome::Rejected,
            Ok(verified) => {
                // The host states what its own executor returned; a device makes commitments only.
                let (truth, _) = Header::decode(&self.bundle).unwrap();
                assert_eq!(verified.header, truth, "a wrong statement is accepted");
                Outcome::OtherProof
            }
        }
    }
}

#[test]
fn a_fault_never_leads_to_an_accepted_wrong_statement() {
    let runs: u64 = std::env::var("WINTERFORGE_FAULTS")
        .ok()
        .map_or(20, |runs| runs.parse().unwrap());
    let case = Case::new();
    let healthy = case.transport(None).unwrap();
    assert_eq!(case.prove(&healthy).unwrap(), case.bundle);
    let cycles = healthy.accelerator().transport().cycles().unwrap();
    drop(healthy);
    let (next, counts) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let run = next.fetch_add(1, Ordering::SeqCst);
            if run >= runs {
                return;
            }
            let mut rng = Rng::new(SEED + run);
            let fault = Fault {
                cycle: rng.below(cycles),
                is_memory: run % 2 == 1,
                place: rng.below(1 << 53) as f64 / (1u64 << 53) as f64,
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| case.with(fault)));
            let outcome = outcome.unwrap_or_else(|_| panic!("seed {}: {fault:?}", SEED + run));
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry((fault.is_memory, outcome)).or_insert(0) += 1;
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work();
        other.join().unwrap();
    });
    let counts = counts.into_inner().unwrap();
    println!("{runs} faults in {cycles} cycles, seeds from {SEED}: {counts:?}");
    assert_eq!(counts.values().sum::<u64>(), runs);
    // Faults that all are masked were none.
    assert!(
        counts
            .keys()
            .any(|(_, outcome)| *outcome != Outcome::Masked)
    );
}
