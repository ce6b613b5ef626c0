//! `winterforge hw build`: a board's bitstream, by the script that drives the tools.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::Value;

use super::checkout;
use crate::Outcome;
use crate::error::CliError;
use crate::output::{Output, aligned};

const SCRIPT: &str = "scripts/build-board.py";

/// How the script ends where the arguments make no sense.
const USAGE: i32 = 2;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A folder of hardware/boards, such as ulx3s-85f
    #[arg(long, value_name = "NAME")]
    board: String,
    /// What the bitstream holds, where a board has several [default: the first of its board.toml]
    #[arg(long, value_name = "NAME")]
    configuration: Option<String>,
    /// Try so many seeds of placement and keep the best, not the recorded one alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// Only say which tools there are, and how to get the others
    #[arg(long)]
    check: bool,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<Outcome, CliError> {
    let mut command = Command::new("python3");
    command.arg(checkout(SCRIPT)?.join(SCRIPT));
    command.args(["--board", &arguments.board]);
    command.arg("--output").arg(&arguments.output);
    if let Some(name) = &arguments.configuration {
        command.args(["--configuration", name]);
    }
    if let Some(seeds) = arguments.seeds {
        command.args(["--seeds", &seeds.to_string()]);
    }
    if arguments.check {
        command.arg("--check");
    }
    // Steps and errors go to the user as they come.
    let done = command.stderr(Stdio::inherit()).output().map_err(|error| {
        CliError::hardware(format!("python3 cannot be run: {error}"))
            .hint("scripts/setup-hardware.sh installs what the flow needs")
    })?;
    let report: Option<Value> = serde_json::from_slice(&done.stdout).ok();
    if let Some(report) = &report {
        output.result(report, || {
            if arguments.check {
                tools(report)
            } else {
                summary(report)
            }
        })?;
    }
    match (done.status.success(), report) {
        (true, Some(_)) => Ok(Outcome::Done),
        _ if done.status.code() == Some(USAGE) => {
            Err(CliError::usage("there is no such board or configuration")
                .hint("those there are stand above"))
        }
        _ if arguments.check => {
            Err(CliError::hardware("tools are missing")
                .hint("scripts/setup-hardware.sh installs them"))
        }
        _ => Err(
            CliError::hardware(format!("{}: there is no bitstream", arguments.board))
                .hint("what failed is above; `hw build --check` says which tools there are"),
        ),
    }
}

fn tools(report: &Value) -> String {
    let there = report["tools"].as_object().into_iter().flatten();
    let lines: Vec<String> = there
        .map(|(tool, is_there)| {
            let state = if is_there == true { "there" } else { "missing" };
            format!("{tool:28}{state}")
        })
        .collect();
    lines.join("\n")
}

fn summary(report: &Value) -> String {
    let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    let clocks = report["clocks"].as_array().into_iter().flatten();
    let clocks: Vec<String> = clocks
        .map(|clock| format!("{} MHz, {} wanted", clock["fmax_mhz"], clock["target_mhz"]))
        .collect();
    aligned(&[
        (
            "board",
            format!("{}, {}", text("board"), text("configuration")),
        ),
        ("kernel", text("kernel")),
        ("clocks", clocks.join("; ")),
        ("seed", report["seed"].to_string()),
        (
            "bitstream",
            match report["bitstream_sha256"].as_str() {
                Some(digest) => format!("SHA-256 {digest}"),
                None => "none".to_owned(),
            },
        ),
    ])
}
