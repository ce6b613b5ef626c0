//! Errors as the user sees them: one line of what is wrong and where, one line of what to do.

use std::io::Write;
use std::path::Path;

use winterforge_air::plan::PlanError;
use winterforge_model::{ExecuteError, ImportError, InputError};
use winterforge_prover::ProveError;
use winterforge_verifier::instance::InstanceError;
use winterforge_verifier::key::KeyError;

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// A file, or the machine: exit code 1.
    Input,
    /// The arguments: exit code 2.
    Usage,
    /// A hardware flow: exit code 4.
    #[cfg(feature = "hardware")]
    Hardware,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct CliError {
    class: Class,
    message: String,
    hint: Option<String>,
}

impl CliError {
    /// A file is unreadable, undecodable or unsupported, or the machine does not allow the work.
    pub(crate) fn input(message: impl ToString) -> Self {
        Self {
            class: Class::Input,
            message: message.to_string(),
            hint: None,
        }
    }

    /// The arguments make no sense together or for this file.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self {
            class: Class::Usage,
            ..Self::input(message)
        }
    }

    /// A simulation differs from the model, or a tool failed.
    #[cfg(feature = "hardware")]
    pub(crate) fn hardware(message: impl ToString) -> Self {
        Self {
            class: Class::Hardware,
            ..Self::input(message)
        }
    }

    /// The operating system refused something about a file.
    pub(crate) fn file(path: &Path, what: &str, error: &std::io::Error) -> Self {
        Self::input(format!("{}: {what}: {error}", path.display()))
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong, without the hint.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self.class {
            Class::Input => 1,
            Class::Usage => 2,
            #[cfg(feature = "hardware")]
            Class::Hardware => 4,
        }
    }

    /// Writes the error to standard error. That being closed is no reason to fail differently.
    pub(crate) fn print(&self) {
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "error: {}", one_line(&self.message));
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "hint: {}", one_line(hint));
        }
    }
}

/// A word to the user beside the result. Standard error being closed is no reason to fail.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", one_line(text));
}

/// `text` without the control characters that a hostile file or name could break a line or a terminal with.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl From<ImportError> for CliError {
    fn from(error: ImportError) -> Self {
        let hint = match &error {
            ImportError::Read { .. } => "check the path; MODEL is an .onnx file",
            ImportError::Malformed { .. } => "MODEL is an .onnx file, as written by ONNX tools",
            _ => {
                "winterforge proves int8 models: quantize with onnxruntime.quantization, form QOperator or QDQ"
            }
        };
        Self::input(&error).hint(hint)
    }
}

impl From<InputError> for CliError {
    fn from(error: InputError) -> Self {
        let hint = match &error {
            InputError::Read { .. } => "check the path given to --input",
            InputError::Shape { .. } => {
                "the first axis is the sample, also for one sample: x[numpy.newaxis]"
            }
            _ => {
                "an input is `x` as the model is fed, which `winterforge inspect MODEL` shows: numpy.savez(\"X.npz\", x=x.astype(numpy.float32)), or integers"
            }
        };
        Self::input(&error).hint(hint)
    }
}

impl From<ExecuteError> for CliError {
    fn from(error: ExecuteError) -> Self {
        Self::input(error)
    }
}

impl From<InstanceError> for CliError {
    fn from(error: InstanceError) -> Self {
        let hint = match &error {
            InstanceError::Plan(PlanError::Unsupported { .. }) => {
                "`winterforge run` computes the output; `winterforge inspect MODEL` shows every operator"
            }
            InstanceError::Plan(PlanError::TooLarge { .. }) => {
                "choose fewer samples: --index I or --indices A..B"
            }
            _ => "`winterforge inspect MODEL` shows what would be proven",
        };
        Self::input(&error).hint(hint)
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        Self::input(error).hint("KEY is a .wfk file as `winterforge setup` writes it")
    }
}

impl From<ProveError> for CliError {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Instance(error) => error.into(),
            ProveError::KeyMismatch(error) => Self::input(error)
                .hint("make the model's key: `winterforge setup MODEL -o KEY.wfk`"),
            error => Self::input(error),
        }
    }
}
