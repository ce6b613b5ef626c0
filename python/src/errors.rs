//! Errors as Python has them: the classes of `winterforge.errors`, with the command line's reasons.

use pyo3::prelude::*;
use winterforge_model::{ExecuteError, ImportError, InputError};
use winterforge_prover::ProveError;
use winterforge_verifier::VerifyError;
use winterforge_verifier::key::KeyError;

/// Why something could not be done.
pub(crate) enum Failure {
    /// A file or an argument is not what it should be.
    Input {
        reason: &'static str,
        detail: String,
    },
    /// A bundle that was understood is not accepted.
    Rejected {
        reason: &'static str,
        detail: String,
    },
    /// Python's own.
    Python(PyErr),
}

impl Failure {
    /// A file or an argument is not what it should be.
    pub(crate) fn input(detail: impl ToString) -> Self {
        Self::Input {
            reason: "bad-input",
            detail: detail.to_string(),
        }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let (class, reason, detail) = match failure {
            Failure::Input { reason, detail } => ("InputError", reason, detail),
            Failure::Rejected { reason, detail } => ("Rejected", reason, detail),
            Failure::Python(error) => return error,
        };
        Python::attach(|py| {
            let made = py
                .import("winterforge.errors")
                .and_then(|errors| errors.getattr(class)?.call1((reason, detail)));
            made.map_or_else(|error| error, PyErr::from_value)
        })
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::input(error)
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::input(error)
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        Self::input(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::input(error)
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        Self::input(error)
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let (reason, detail) = (error.code(), error.to_string());
        if error.is_understood() {
            Self::Rejected { reason, detail }
        } else {
            Self::Input { reason, detail }
        }
    }
}
