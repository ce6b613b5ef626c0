//! From samples to a bundle, without Python's lock.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use winterforge_prover::device::CpuDevice;
use winterforge_prover::{Mode, ProveError, Resources, prove_after};
use winterforge_verifier::bundle::{BundleDigest, Parents, Values};

use crate::errors::Failure;
use crate::key::{Key, parameters};
use crate::model::{Model, Samples, reals, words};
use crate::progress::Callback;

/// Runs on a thread pool of its own.
pub(crate) fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    let available = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.unwrap_or_else(available);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool
        .map_err(|error| Failure::input(format!("{threads} threads cannot be started: {error}")))?;
    Ok(pool.install(work))
}

/// The digests of bundles, given as their bytes and what to call them.
fn digests(bundles: &[(Vec<u8>, String)]) -> Result<Parents, Failure> {
    let digests = bundles.iter().map(|(bytes, name)| {
        BundleDigest::of_readable(bytes).map_err(|error| Failure::Input {
            reason: "malformed-bundle",
            detail: format!("{name}: {error}"),
        })
    });
    let digests = digests.collect::<Result<Vec<_>, Failure>>()?;
    Parents::new(digests).map_err(Failure::input)
}

/// Proves samples `first..last`, and returns what there is to know of the proof.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // Python's keywords; winterforge/__init__.py gives them defaults.
pub(crate) fn prove<'py>(
    py: Python<'py>,
    model: &Model,
    samples: &Samples,
    first: usize,
    last: usize,
    key: Option<&Key>,
    key_file: Option<&str>,
    parents: Vec<(Vec<u8>, String)>,
    security: u32,
    profile: &str,
    hash: &str,
    threads: Option<usize>,
    max_memory_bytes: Option<u64>,
    progress: Option<Py<PyAny>>,
) -> Result<Bound<'py, PyDict>, Failure> {
    let cells = samples.cells(first, last)?;
    let parameters = parameters(security, profile, hash)?;
    let parents = digests(&parents)?;
    let graph = &model.graph;
    let callback = Callback::new(progress);
    let mut warnings = Vec::new();
    let proved = py.detach(|| {
        on_threads(threads, || {
            let device = CpuDevice::default();
            let resources = Resources {
                device: &device,
                memory_bytes: max_memory_bytes,
            };
            let proving = match key {
                Some(key) => Some(key.proving(graph, key_file, &mut |word| warnings.push(word))?),
                None => None,
            };
            let mode = proving
                .as_ref()
                .map_or(Mode::Open(parameters), Mode::Committed);
            let proved: Result<_, ProveError> =
                prove_after(resources, graph, cells, mode, parents, &callback);
            Ok::<_, Failure>(proved?)
        })
    })??;
    if let Some(error) = callback.error() {
        return Err(error.into());
    }
    let report = PyDict::new(py);
    report.set_item("bundle", PyBytes::new(py, &proved.bundle))?;
    report.set_item("model_id", proved.header.model_id.to_string())?;
    report.set_item("mode", if key.is_some() { "key" } else { "open" })?;
    report.set_item("proven_bits", proved.instance.ledger.bits())?;
    report.set_item("shards", proved.instance.plan.shards.len())?;
    report.set_item("warnings", warnings)?;
    let Values::Quantized(_, output) = &proved.header.output.values else {
        return Err(Failure::input("the model's output is not quantized"));
    };
    report.set_item("output_q", words(py, output))?;
    report.set_item("output", reals(py, graph, output))?;
    Ok(report)
}
