//! A Python function that is told how far a proof is.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use winterforge_prover::{Phase, Progress};

/// Calls `function(phase, done, total)`, from any thread. Its first exception ends the calls, and is raised after the proof.
pub(crate) struct Callback {
    function: Option<Py<PyAny>>,
    state: Mutex<State>,
}

struct State {
    phase: &'static str,
    done: usize,
    total: usize,
    error: Option<PyErr>,
}

impl Callback {
    pub(crate) fn new(function: Option<Py<PyAny>>) -> Self {
        let state = State {
            phase: "execute",
            done: 0,
            total: 0,
            error: None,
        };
        Self {
            function,
            state: Mutex::new(state),
        }
    }

    /// The exception that the function raised.
    pub(crate) fn error(self) -> Option<PyErr> {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).error
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let Some(function) = &self.function else {
            return;
        };
        // Not held while Python runs: the function may wait for another thread of this proof.
        let call = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            if state.error.is_some() {
                return;
            }
            (state.phase, state.done, state.total)
        };
        let called = Python::attach(|py| function.call1(py, call).map(drop));
        if let Err(error) = called {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.error.get_or_insert(error);
        }
    }
}

impl Progress for Callback {
    fn phase(&self, phase: Phase) {
        self.update(|state| {
            (state.phase, state.total) = match phase {
                Phase::Execute => ("execute", 1),
                Phase::Commit { shards, .. } => ("commit", shards),
                Phase::Prove { shards, .. } => ("prove", shards),
                Phase::Parameters => ("parameters", 1),
            };
            state.done = 0;
        });
    }

    fn shard_done(&self) {
        self.update(|state| state.done += 1);
    }
}
