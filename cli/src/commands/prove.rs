//! `prove`: from a model and samples to a bundle in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use winterforge_air::plan::CellCount;
use winterforge_model::{Graph, load};
use winterforge_prover::device::{CpuDevice, Device, DeviceError, Fallback, Job, Totals, open};
use winterforge_prover::{
    Mode, ProveError, Proved, ProvingKey, Resources, cache_path, prove_after,
};
use winterforge_verifier::bundle::{BundleDigest, Parameters, Parents};
use winterforge_verifier::instance::Instance;
use winterforge_verifier::key::Key;

use super::{output_rows, samples_q};
use crate::Outcome;
use crate::args::{ProveArguments, Spare};
use crate::error::{CliError, warn};
use crate::estimate::{Estimate, Setting, TooLittle};
use crate::files::{Destination, cells, read, read_key, read_samples};
use crate::measure::{Cost, Stopwatch, peak_rss_mb};
use crate::output::{Output, aligned, bytes, grouped, seconds};
use crate::progress::Bar;

#[derive(Serialize)]
struct Cells {
    main: u64,
    aux: u64,
    padding: u64,
}

impl From<CellCount> for Cells {
    fn from(CellCount { main, aux, padding }: CellCount) -> Self {
        Self { main, aux, padding }
    }
}

impl Cells {
    fn text(&self) -> String {
        let Self { main, aux, padding } = *self;
        let total = grouped(main + aux + padding);
        format!(
            "{total} ({} main, {} auxiliary, {} padding)",
            grouped(main),
            grouped(aux),
            grouped(padding)
        )
    }
}

#[derive(Serialize)]
struct Report {
    bundle: String,
    bundle_bytes: usize,
    model_id: String,
    prove_cpu_s: Option<f64>,
    prove_wall_s: f64,
    peak_rss_mb: Option<f64>,
    threads: usize,
    shards: usize,
    cells: Cells,
    proven_bits: u32,
    device: String,
    device_words: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_report: Option<DeviceReport>,
    outputs_q: Vec<Vec<i32>>,
}

/// The clock at which a device's cycles are told as time: what the kernels are placed for.
const CLOCK_MHZ: f64 = 80.0;

/// Bits a second on the line to a board, where its name does not tell: what the boards' tops are built for.
#[cfg(feature = "board")]
const DEFAULT_BAUD: u32 = 1_000_000;

/// What a device that counts cycles did.
#[derive(Serialize)]
struct DeviceReport {
    phases: Vec<Phase>,
    cycles: u64,
    /// Of the cycles, those that its units or streams take at least.
    occupancy: f64,
    bytes_in: u64,
    bytes_out: u64,
    clock_mhz: f64,
    /// The cycles at this clock.
    device_s: f64,
}

/// Jobs of a kind.
#[derive(Serialize)]
struct Phase {
    job: &'static str,
    jobs: u64,
    words_in: u64,
    /// Words that the device computed.
    words_out: u64,
    cycles: u64,
    occupancy: f64,
}

impl DeviceReport {
    fn new(totals: &Totals) -> Option<Self> {
        let all = totals.cycles()?;
        let phase = |&job: &Job| {
            let tally = totals.of(job);
            let cycles = tally.cycles.unwrap_or_default();
            Phase {
                job: job.name(),
                jobs: tally.jobs,
                words_in: tally.words_in,
                words_out: tally.words_out,
                cycles: cycles.taken,
                occupancy: cycles.occupancy().unwrap_or(0.0),
            }
        };
        let phases: Vec<Phase> = Job::ALL.iter().map(phase).collect();
        Some(Self {
            bytes_in: phases.iter().map(|phase| 8 * phase.words_in).sum(),
            bytes_out: phases.iter().map(|phase| 8 * phase.words_out).sum(),
            phases,
            cycles: all.taken,
            occupancy: all.occupancy().unwrap_or(0.0),
            clock_mhz: CLOCK_MHZ,
            device_s: all.taken as f64 / (CLOCK_MHZ * 1e6),
        })
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![(
            "",
            format!(
                "{} cycles, {:.1} ms at {CLOCK_MHZ} MHz, {:.0} % of them needed",
                grouped(self.cycles),
                1e3 * self.device_s,
                100.0 * self.occupancy
            ),
        )];
        rows.extend(self.phases.iter().map(|phase| {
            let Phase {
                job, jobs, cycles, ..
            } = phase;
            let words = grouped(phase.words_out);
            (
                "",
                format!(
                    "{job}: {jobs} jobs, {} cycles, {words} words computed",
                    grouped(*cycles)
                ),
            )
        }));
        rows
    }
}

#[derive(Serialize)]
struct DryRun {
    dry_run: bool,
    model_id: String,
    batch: usize,
    threads: usize,
    shards: usize,
    shards_kept: usize,
    cells: Cells,
    proven_bits: u32,
    estimated_memory_mb: f64,
    estimated_cpu_s: f64,
    estimated_wall_s: f64,
    estimated_bundle_bytes: u64,
}

pub(crate) fn run(arguments: &ProveArguments, output: &Output) -> Result<Outcome, CliError> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if arguments.max_memory.is_some() {
        give_memory_back();
    }
    let graph = Arc::new(load(&arguments.model)?);
    let range = arguments.selection.range();
    let samples = read_samples(&arguments.input, &graph, &range)?;
    let x = cells(&samples, &range);
    let path = arguments
        .output
        .clone()
        .unwrap_or_else(|| default_output(&arguments.model));
    let key = arguments.key.as_deref().map(read_key).transpose()?;
    let parameters = match &key {
        Some(key) => key.parameters,
        None => arguments.parameters.parameters(),
    };
    let parents = read_parents(&arguments.parent)?;
    let threads = arguments
        .threads
        .map_or_else(available_threads, usize::from);

    let device = open_device(arguments)?;
    let device = device.as_ref();
    let mut estimate = None;
    if arguments.dry_run || arguments.max_memory.is_some() {
        let instance = match key {
            Some(_) => Instance::committed(graph.clone(), range.len(), parameters)?,
            None => Instance::new(graph.clone(), range.len(), parameters)?,
        };
        let setting = Setting {
            hash: parameters.hash,
            threads,
            copies: device.copies(),
            file_samples: samples.count,
            max_bytes: arguments.max_memory.map(|mb| mb.saturating_mul(1_000_000)),
        };
        let known = Estimate::new(&instance, setting)
            .map_err(|least| too_little_memory(least, arguments.max_memory))?;
        if arguments.dry_run {
            let report = dry_run(&instance, &known, threads);
            output.result(&report, || dry_run_text(&report))?;
            return Ok(Outcome::Done);
        }
        estimate = Some(known);
    }

    let mut sources = vec![arguments.model.as_path(), &arguments.input];
    sources.extend(arguments.key.as_deref());
    sources.extend(arguments.parent.iter().map(PathBuf::as_path));
    let destination = Destination::new(&path, &sources)?;
    let resources = Resources {
        device,
        memory_bytes: estimate.and_then(|estimate| estimate.prover_bytes),
    };
    let holds_parameters = estimate.is_none_or(|estimate| estimate.schedule.holds_parameters);
    let (proved, cost) = on_threads(threads, |bar| match key {
        Some(key) => {
            let cache = arguments.key.as_deref().filter(|_| holds_parameters);
            let key = proving_key(device, &graph, key, cache)?;
            prove_after(resources, &graph, x, Mode::Committed(&key), parents, bar)
        }
        None => prove_after(resources, &graph, x, Mode::Open(parameters), parents, bar),
    })?;
    destination.write(&proved.bundle)?;
    let report = report(&path, &proved, cost, threads, device.name());
    output.result(&report, || text(&report))?;
    Ok(Outcome::Done)
}

/// The digests of the bundles that this one comes from.
fn read_parents(paths: &[PathBuf]) -> Result<Parents, CliError> {
    let digests = paths.iter().map(|path| {
        let contents = read(path)?;
        BundleDigest::of_readable(&contents).map_err(|error| {
            CliError::input(format!("{}: {error}", path.display()))
                .hint("--parent is a .wfp file as `winterforge prove` writes it")
        })
    });
    Parents::new(digests.collect::<Result<Vec<_>, CliError>>()?)
        .map_err(|error| CliError::usage(error).hint("give --parent less often"))
}

/// A key ready to prove with: its extended trace comes from the cache beside it, or is made and kept there. Without a path
/// it is left to the proof to make it, when its turn comes.
fn proving_key(
    device: &dyn Device,
    graph: &Arc<Graph>,
    key: Key,
    path: Option<&Path>,
) -> Result<ProvingKey, ProveError> {
    match path.map(cache_path) {
        Some(cache) => ProvingKey::with_cache(device, graph, key, &cache, &mut |word| warn(&word)),
        None => ProvingKey::new(graph, key),
    }
}

/// Devices of other crates, if they were built in.
fn other(name: &str) -> Option<Result<Arc<dyn Device>, DeviceError>> {
    match name {
        #[cfg(feature = "hardware")]
        "sim" => Some(Ok(Arc::new(
            winterforge_sim::accelerator::SimDevice::default(),
        ))),
        #[cfg(feature = "board")]
        _ => name.strip_prefix("board:").map(open_board),
        #[cfg(not(feature = "board"))]
        _ => None,
    }
}

/// A board at a serial port, `PORT` or `PORT@BAUD`.
#[cfg(feature = "board")]
fn open_board(name: &str) -> Result<Arc<dyn Device>, DeviceError> {
    use winterforge_driver::uart::{Limits, SerialLine, UartTransport};
    use winterforge_driver::{Accelerator, HardwareDevice};

    let failed = |reason: String| DeviceError::Failed {
        device: format!("board:{name}"),
        reason,
    };
    let (port, baud) = match name.rsplit_once('@') {
        Some((port, baud)) => {
            let baud = baud
                .parse()
                .map_err(|_| failed(format!("{baud} is no number of bits a second")))?;
            (port, baud)
        }
        None => (name, DEFAULT_BAUD),
    };
    let line = SerialLine::open(port, baud).map_err(|error| failed(format!("{port}: {error}")))?;
    let transport = UartTransport::open(line, Limits::default());
    let transport = transport.map_err(|error| failed(error.to_string()))?;
    let accelerator = Accelerator::open(transport).map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(HardwareDevice::new(
        format!("board:{name}"),
        accelerator,
    )))
}

fn open_device(arguments: &ProveArguments) -> Result<Arc<dyn Device>, CliError> {
    let device = open(&arguments.device, &other).map_err(|error| match error {
        DeviceError::Unknown { .. } => CliError::usage(error).hint(
            "leave --device out for cpu; sim, the simulated accelerator, is built with --features hardware, board:PORT with --features board",
        ),
        error => CliError::input(error),
    })?;
    let Some(Spare::Cpu) = arguments.fallback else {
        return Ok(device);
    };
    let cpu = Arc::new(CpuDevice::default());
    let on_failure = |error: &DeviceError| warn(&format!("{error}; the processor takes over"));
    Ok(Arc::new(Fallback::new(device, cpu, Box::new(on_failure))))
}

/// Makes the allocator give buffers back as soon as they are freed, by starting this program again with that setting.
///
/// glibc raises the size from which a buffer is mapped by itself to that of the largest freed so far, up to 32 MB; buffers below
/// it stay in the heaps of the threads, so that a bound on memory would be passed now and then (mallopt(3), M_MMAP_THRESHOLD).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    use std::os::unix::process::CommandExt;

    const SETTING: &str = "MALLOC_MMAP_THRESHOLD_";
    if std::env::var_os(SETTING).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // Comes back only if it fails; then the bound is kept as well as may be.
        let _ = std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(SETTING, "131072")
            .exec();
    }
}

/// Proves for verifiers who hold the model, on a thread pool of its own.
pub(crate) fn prove(
    graph: &Arc<Graph>,
    x: &[f32],
    parameters: Parameters,
    threads: usize,
) -> Result<(Proved, Cost), CliError> {
    on_threads(threads, |bar| {
        winterforge_prover::prove(graph, x, parameters, bar)
    })
}

/// Proves on a thread pool of its own and measures that alone.
fn on_threads(
    threads: usize,
    prove: impl FnOnce(&Bar) -> Result<Proved, ProveError> + Send,
) -> Result<(Proved, Cost), CliError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| {
        CliError::input(format!("{threads} threads cannot be started: {error}"))
            .hint("use fewer: --threads N")
    })?;
    let bar = Bar::new();
    let stopwatch = Stopwatch::start();
    let proved = pool.install(|| prove(&bar))?;
    Ok((proved, stopwatch.stop()))
}

/// One thread for each processor that this process may use.
pub(crate) fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The model's name, in the current folder.
fn default_output(model: &Path) -> PathBuf {
    let stem = model.file_stem().unwrap_or(model.as_os_str());
    let mut name = stem.to_owned();
    name.push(".wfp");
    name.into()
}

fn too_little_memory(least: TooLittle, max_memory: Option<u64>) -> CliError {
    let least = least.0.div_ceil(1_000_000);
    let limit = max_memory.unwrap_or(0);
    let message = format!(
        "this proof needs about {least} MB at least, one shard at a time: more than the {limit} MB of --max-memory"
    );
    CliError::input(message).hint(format!(
        "allow {least}, shorten the traces with --max-log-rows, prove fewer samples at a time, or use --profile fast"
    ))
}

fn report(path: &Path, proved: &Proved, cost: Cost, threads: usize, device: String) -> Report {
    let instance = &proved.instance;
    Report {
        bundle: path.display().to_string(),
        bundle_bytes: proved.bundle.len(),
        model_id: proved.header.model_id.to_string(),
        prove_cpu_s: cost.cpu_s,
        prove_wall_s: cost.wall_s,
        peak_rss_mb: peak_rss_mb(),
        threads,
        shards: instance.plan.shards.len(),
        cells: instance.plan.cells().into(),
        proven_bits: instance.ledger.bits(),
        device,
        device_words: proved.device.words(),
        device_report: DeviceReport::new(&proved.device),
        outputs_q: samples_q(&proved.header.output),
    }
}

fn text(report: &Report) -> String {
    let cpu = report
        .prove_cpu_s
        .map_or_else(String::new, |cpu| format!(", {} CPU", seconds(cpu)));
    let memory = report
        .peak_rss_mb
        .map_or_else(String::new, |peak| format!(", {peak:.0} MB at most"));
    let mut rows = vec![
        (
            "bundle",
            format!("{}, {}", report.bundle, bytes(report.bundle_bytes as u64)),
        ),
        ("model", report.model_id.clone()),
        ("samples", report.outputs_q.len().to_string()),
    ];
    rows.extend(output_rows(&report.outputs_q));
    rows.extend([
        ("security", format!("{} proven bits", report.proven_bits)),
        (
            "cost",
            format!(
                "{}{cpu}{memory}, threads: {}",
                seconds(report.prove_wall_s),
                report.threads
            ),
        ),
        (
            "device",
            format!(
                "{}, {} words in and out",
                report.device,
                grouped(report.device_words)
            ),
        ),
    ]);
    rows.extend(report.device_report.iter().flat_map(DeviceReport::rows));
    rows.push((
        "cells",
        format!("{}, shards: {}", report.cells.text(), report.shards),
    ));
    aligned(&rows)
}

fn dry_run(instance: &Instance, estimate: &Estimate, threads: usize) -> DryRun {
    DryRun {
        dry_run: true,
        model_id: instance.plan.graph.id().to_string(),
        batch: instance.plan.batch,
        threads,
        shards: instance.plan.shards.len(),
        shards_kept: estimate.schedule.kept_shards,
        cells: instance.plan.cells().into(),
        proven_bits: instance.ledger.bits(),
        estimated_memory_mb: estimate.memory_bytes as f64 / 1e6,
        estimated_cpu_s: estimate.cpu_s,
        estimated_wall_s: estimate.wall_s,
        estimated_bundle_bytes: estimate.bundle_bytes,
    }
}

fn dry_run_text(report: &DryRun) -> String {
    aligned(&[
        ("model", report.model_id.clone()),
        ("samples", report.batch.to_string()),
        ("cells", report.cells.text()),
        (
            "shards",
            match report.shards - report.shards_kept {
                0 => report.shards.to_string(),
                again => format!(
                    "{}, {again} committed to twice to save memory",
                    report.shards
                ),
            },
        ),
        ("security", format!("{} proven bits", report.proven_bits)),
        (
            "memory",
            format!("about {:.0} MB", report.estimated_memory_mb),
        ),
        (
            "time",
            format!(
                "about {} on {} threads, {} CPU; depends on the machine",
                seconds(report.estimated_wall_s),
                report.threads,
                seconds(report.estimated_cpu_s)
            ),
        ),
        (
            "bundle",
            format!("about {}", bytes(report.estimated_bundle_bytes)),
        ),
        ("", "nothing was proven (--dry-run)".to_owned()),
    ])
}
