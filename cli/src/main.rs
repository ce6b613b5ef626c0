//! The `winterforge` command. What scripts may rely on is in `docs/` and in `--help`: flags, JSON keys, exit codes.
//!
//! Data goes to standard output, everything else to standard error. A command returns an [`Outcome`] or a
//! [`CliError`]; this file turns either into an exit code.

mod args;
mod commands;
mod error;
mod estimate;
mod files;
mod measure;
mod operators;
mod oracle;
mod output;
mod picture;
mod progress;
mod signatures;

use std::io::Write;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::error::CliError;
use crate::output::Output;

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, or accepted.
    Done,
    /// The file was understood, and its claim was rejected.
    Rejected,
}

fn main() -> ExitCode {
    // A mistake in usage ends here, with code 2; --help and --version with 0.
    let arguments = Arguments::parse();
    panic::set_hook(Box::new(report_panic));
    let result = panic::catch_unwind(AssertUnwindSafe(|| run(arguments)));
    ExitCode::from(match result {
        Ok(Ok(Outcome::Done)) => 0,
        Ok(Ok(Outcome::Rejected)) => 3,
        Ok(Err(error)) => {
            error.print();
            error.exit_code()
        }
        // The hook has reported it.
        Err(_) => 1,
    })
}

fn run(arguments: Arguments) -> Result<Outcome, CliError> {
    let output = Output::new(arguments.json);
    match arguments.command {
        Command::Demo(arguments) => commands::demo::run(&arguments, &output),
        Command::Run(arguments) => commands::run::run(&arguments, &output),
        Command::Prove(arguments) => commands::prove::run(&arguments, &output),
        Command::Setup(arguments) => commands::setup::run(&arguments, &output),
        Command::Verify(arguments) => commands::verify::run(&arguments, &output),
        Command::Sign(arguments) => commands::sign::run(&arguments, &output),
        Command::Inspect(arguments) => commands::inspect::run(&arguments, &output),
        Command::Completions(arguments) => commands::manual::completions(&arguments, &output),
        Command::Man(arguments) => commands::manual::man(&arguments, &output),
        #[cfg(feature = "hardware")]
        Command::Hw(arguments) => commands::hw::run(&arguments, &output),
    }
}

/// No input should get here; if one does, it is a bug of ours and must still not look like a verdict.
fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map(|place| format!(" at {place}"))
        .unwrap_or_default();
    let message = info
        .payload_as_str()
        .unwrap_or("no message")
        .replace('\n', " ");
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: internal error{place}: {message}");
    let _ = writeln!(
        stderr,
        "hint: this is a bug in winterforge; please report it with the command you ran"
    );
}
