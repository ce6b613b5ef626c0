//! What a stretch of work cost this process. Nothing here reaches a bundle.

use std::time::Instant;

/// Clocks at the start of some work.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu_s: Option<f64>,
}

/// What the work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall_s: f64,
    /// Of all threads; `None` where the system does not say.
    pub(crate) cpu_s: Option<f64>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu_s: process_cpu_s(),
        }
    }

    pub(crate) fn stop(&self) -> Cost {
        let cpu_s = process_cpu_s()
            .zip(self.cpu_s)
            .map(|(end, start)| end - start);
        Cost {
            wall_s: self.wall.elapsed().as_secs_f64(),
            cpu_s,
        }
    }

    /// Milliseconds of wall clock.
    pub(crate) fn wall_ms(&self) -> f64 {
        self.wall.elapsed().as_secs_f64() * 1e3
    }
}

#[cfg(unix)]
fn process_cpu_s() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn process_cpu_s() -> Option<f64> {
    None
}

/// The most memory that this process has had resident, in units of 10^6 bytes; `None` where the system does not say.
pub(crate) fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
