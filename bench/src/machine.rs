//! The machine that measured, and what a process used of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::error::Error;

/// What a table of results has to name.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processor, with family and model: cloud machines often give no more of a name.
    pub cpu: String,
    /// The widest vector instructions on offer, whether or not they are used.
    pub vectors: &'static str,
    /// Hardware threads that this process may use.
    pub threads: usize,
    /// Memory in GB.
    pub memory_gb: u64,
}

impl Machine {
    /// Reads `/proc`; what is missing there is called unknown.
    pub fn detect() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            (cpuinfo.lines().filter_map(|line| line.split_once(':')))
                .find(|(key, _)| key.trim() == name)
                .map_or("unknown", |(_, value)| value.trim())
        };
        let flags = field("flags");
        let has = |flag: &str| flags.split_whitespace().any(|found| found == flag);
        let vectors = if has("avx512f") {
            "AVX-512"
        } else if has("avx2") {
            "AVX2"
        } else {
            "none beyond the target's"
        };
        let memory_bytes = proc_field_bytes(Path::new("/proc/meminfo"), "MemTotal:").unwrap_or(0);
        Self {
            cpu: format!(
                "{} (family {}, model {}, stepping {})",
                field("model name"),
                field("cpu family"),
                field("model"),
                field("stepping"),
            ),
            vectors,
            threads: std::thread::available_parallelism().map_or(1, Into::into),
            memory_gb: (memory_bytes + (1 << 29)) >> 30,
        }
    }
}

/// CPU time of this process since it started, over all its threads, user and system; in nanoseconds where
/// `/proc/self/stat` would give hundredths of a second.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that this process has held so far.
///
/// # Errors
/// If the system does not tell.
pub fn peak_bytes() -> Result<u64, Error> {
    proc_field_bytes(Path::new("/proc/self/status"), "VmHWM:").ok_or(Error::PeakMemory)
}

/// A field that `/proc` gives in units of 1024 bytes.
fn proc_field_bytes(path: &Path, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
