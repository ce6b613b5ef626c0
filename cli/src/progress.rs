//! A progress bar on standard error, for proofs that take over a second, when somebody is watching.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use winterforge_prover::{Phase, Progress};

/// How long a proof may take without saying anything.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the bar moves, also while no shard finishes.
const TICK: Duration = Duration::from_millis(120);

/// Shows the stages of one proof, from its creation until it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    done: Option<Sender<()>>,
    revealer: Option<JoinHandle<()>>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = "{spinner} {msg} [{bar:30}] {pos}/{len} shards, {elapsed}";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
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
        let (message, shards) = match phase {
            Phase::Execute => ("running the model", 0),
            Phase::Commit { shards } => ("committing", shards),
            Phase::Prove { shards } => ("proving", shards),
        };
        self.bar.set_position(0);
        self.bar.set_length(shards as u64);
        self.bar.set_message(message);
    }

    fn shard_done(&self) {
        self.bar.inc(1);
    }
}
