//! Cycles per job in steady state.

/// From the cycles in which jobs ended, one after the other, without those in which the kernel fills or empties:
/// cycles per job in the slowest of all stretches of half as many jobs.
///
/// Jobs may leave in bursts. A single stretch that begins with the first job of a burst and ends with the last of
/// another holds more jobs than were worked off in it, and would make a kernel faster than its bound; the stretches
/// that begin at the other jobs of a burst do not.
///
/// # Panics
/// If there are fewer than two jobs.
pub fn cycles_per_job(ends: &[u64]) -> f64 {
    let jobs = ends.len() / 2;
    assert!(jobs > 0, "jobs to measure");
    let stretches = ends.iter().zip(&ends[jobs..]);
    let slowest = stretches.map(|(start, end)| end - start).max();
    slowest.unwrap_or_default() as f64 / jobs as f64
}

#[cfg(test)]
mod tests {
    use super::cycles_per_job;

    #[test]
    fn bursts_do_not_make_jobs_shorter() {
        // Five jobs in 35 cycles, leaving one after the other.
        for jobs in 10..40 {
            for first in 0..5 {
                let ends: Vec<u64> = (first..first + jobs).map(|i| i / 5 * 35 + i % 5).collect();
                let cycles = cycles_per_job(&ends);
                let burst = 35.0 / (jobs / 2) as f64;
                assert!((7.0..7.0 + burst).contains(&cycles), "{ends:?}: {cycles}");
            }
        }
    }

    #[test]
    fn regular_jobs_take_what_lies_between_them() {
        assert_eq!(cycles_per_job(&[3, 10, 17, 24, 31]), 7.0);
        assert_eq!(cycles_per_job(&[3, 10]), 7.0);
    }
}
