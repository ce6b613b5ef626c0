//! A progress bar on standard error, for proofs that take over a second, when somebody is watching.

use std::fmt::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use winterforge_prover::{Phase, Progress};

/// How long a proof may take without saying anything.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the bar moves, also while no shard finishes.
const TICK: Duration = Duration::from_millis(120);

/// How much longer proving takes than committing, as measured on traces of 2^13 to 2^18 rows.
const PROVE_PER_COMMIT: f64 = 1.4;

/// Shows the stages of one proof, from its creation until it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: Arc<Mutex<Stage>>,
    done: Option<Sender<()>>,
    revealer: Option<JoinHandle<()>>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let stage = Arc::new(Mutex::new(Stage::new(Phase::Execute)));
        let shown = stage.clone();
        let describe = move |_: &ProgressState, text: &mut dyn Write| {
            // The line stays empty where it cannot be written.
            let _ = write!(text, "{}", lock(&shown).describe(Instant::now()));
        };
        let style = ProgressStyle::with_template("{spinner} {stage} [{elapsed_precise}]")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key("stage", describe));
        let (done, is_done) = channel();
        let shown = bar.clone();
        let revealer = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Draws nothing where standard error is no terminal.
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Self {
            bar,
            stage,
            done: Some(done),
            revealer: Some(revealer),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(revealer) = self.revealer.take() {
            let _ = revealer.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn phase(&self, phase: Phase) {
        lock(&self.stage).enter(phase, Instant::now());
    }

    fn shard_done(&self) {
        lock(&self.stage).shard_done(Instant::now());
    }
}

/// What is shown is worth more than who panicked while writing it.
fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far a proof is.
struct Stage {
    phase: Phase,
    since: Instant,
    /// Shards of this phase that are done, and when the last of them was.
    done: usize,
    last_done: Instant,
    /// How long the commitments took, and how many there were.
    commit: Option<(Duration, usize)>,
}

impl Stage {
    fn new(phase: Phase) -> Self {
        let now = Instant::now();
        Self {
            phase,
            since: now,
            done: 0,
            last_done: now,
            commit: None,
        }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        if let Phase::Commit { shards, .. } = self.phase {
            self.commit = Some((now - self.since, shards));
        }
        (self.phase, self.since, self.last_done, self.done) = (phase, now, now, 0);
    }

    fn shard_done(&mut self, now: Instant) {
        self.done += 1;
        self.last_done = now;
    }

    /// Until the proof is done, as far as the pace of this proof tells; nothing is known before its first shard is
    /// committed to.
    fn left(&self, now: Instant) -> Option<Duration> {
        // In units of one commitment.
        let proving = |shards: usize, again: usize| PROVE_PER_COMMIT * shards as f64 + again as f64;
        let (work, done, later) = match self.phase {
            Phase::Execute | Phase::Parameters => return None,
            Phase::Commit { shards, again } => {
                (shards as f64, self.done as f64, proving(shards, again))
            }
            Phase::Prove { shards, again } => {
                let again_done = self.done.saturating_sub(shards - again);
                (proving(shards, again), proving(self.done, again_done), 0.0)
            }
        };
        let so_far = (self.last_done - self.since).as_secs_f64();
        let pace_s = match self.commit {
            _ if self.done > 0 => so_far / done,
            Some((took, shards)) => took.as_secs_f64() / shards as f64,
            None => return None,
        };
        let of_phase = Duration::from_secs_f64(pace_s * work);
        // A phase that takes longer than expected is as good as over, for all that is known.
        let left =
            of_phase.saturating_sub(now - self.since) + Duration::from_secs_f64(pace_s * later);
        (left >= Duration::from_secs(1)).then_some(left)
    }

    fn describe(&self, now: Instant) -> String {
        let (what, shards) = match self.phase {
            Phase::Execute => return "running the model".to_owned(),
            Phase::Parameters => return "proving the parameters".to_owned(),
            Phase::Commit { shards, .. } => ("committing", shards),
            Phase::Prove { shards, .. } => ("proving", shards),
        };
        let shard = (self.done + 1).min(shards);
        let left = self.left(now).map_or_else(String::new, |left| {
            format!(", about {} left", minutes(left.as_secs()))
        });
        format!("{what}, shard {shard} of {shards}{left}")
    }
}

/// Seconds, or minutes and seconds.
fn minutes(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_by_the_pace_of_the_proof() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut stage = Stage::new(Phase::Execute);
        assert_eq!(stage.describe(start), "running the model");
        stage.enter(
            Phase::Commit {
                shards: 4,
                again: 0,
            },
            start,
        );
        assert_eq!(stage.describe(at(3)), "committing, shard 1 of 4");
        stage.shard_done(at(10));
        // 30 s of committing and 56 s of proving.
        assert_eq!(
            stage.describe(at(10)),
            "committing, shard 2 of 4, about 1 min 26 s left"
        );
        stage.enter(
            Phase::Prove {
                shards: 4,
                again: 0,
            },
            at(40),
        );
        assert_eq!(
            stage.describe(at(40)),
            "proving, shard 1 of 4, about 56 s left"
        );
        stage.shard_done(at(50));
        assert_eq!(
            stage.describe(at(55)),
            "proving, shard 2 of 4, about 25 s left"
        );
        for _ in 0..3 {
            stage.shard_done(at(80));
        }
        assert_eq!(stage.describe(at(80)), "proving, shard 4 of 4");
    }

    #[test]
    fn one_shard_that_takes_longer_than_expected() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut stage = Stage::new(Phase::Commit {
            shards: 1,
            again: 0,
        });
        stage.enter(
            Phase::Commit {
                shards: 1,
                again: 0,
            },
            start,
        );
        stage.enter(
            Phase::Prove {
                shards: 1,
                again: 0,
            },
            at(20),
        );
        assert_eq!(
            stage.describe(at(25)),
            "proving, shard 1 of 1, about 23 s left"
        );
        assert_eq!(stage.describe(at(100)), "proving, shard 1 of 1");
    }

    #[test]
    fn shards_that_are_committed_to_twice_take_longer() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut stage = Stage::new(Phase::Execute);
        let (shards, again) = (4, 3);
        stage.enter(Phase::Commit { shards, again }, start);
        stage.shard_done(at(10));
        // 30 s of committing; 4 times 14 s and 3 times 10 s of proving.
        assert_eq!(
            stage.describe(at(10)),
            "committing, shard 2 of 4, about 1 min 56 s left"
        );
        stage.enter(Phase::Prove { shards, again }, at(40));
        assert_eq!(
            stage.describe(at(40)),
            "proving, shard 1 of 4, about 1 min 26 s left"
        );
        // The one that was kept is done: the others take 24 s each.
        stage.shard_done(at(54));
        assert_eq!(
            stage.describe(at(54)),
            "proving, shard 2 of 4, about 1 min 12 s left"
        );
        stage.shard_done(at(78));
        assert_eq!(
            stage.describe(at(80)),
            "proving, shard 3 of 4, about 46 s left"
        );
    }
}
