//! `winterforge hw`: the hardware kernels, listed, exported to Verilog, simulated, built into bitstreams, reported on.

mod build;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use winterforge_hdl::export::digest;
use winterforge_hdl::registry::{self, Kernel};
use winterforge_sim::ModelError;
use winterforge_sim::runs::{self, Request, RunError};

use crate::Outcome;
use crate::error::CliError;
use crate::files::Destination;
use crate::output::{Output, aligned};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: HwCommand,
}

#[derive(Debug, Subcommand)]
enum HwCommand {
    /// Every kernel with its parameters
    List,
    /// Write Verilog: the same bytes from the same source
    #[command(after_help = "Example:\n  winterforge hw export ntt_2_lanes_log_12 -o rtl")]
    Export(ExportArguments),
    /// Simulate the RTL of a kernel against the integer model
    #[command(
        after_help = "Example:\n  winterforge hw sim ntt --log-n 10 --lanes 2 --seed 1 --backpressure 0.3 --trace ntt.fst --json"
    )]
    Sim(SimArguments),
    /// Build a board's bitstream: synthesis, place and route, packing, reports
    #[command(
        after_help = "Example:\n  winterforge hw build --board ulx3s-85f -o bitstream\n  winterforge hw build --board ulx3s-85f --check"
    )]
    Build(build::Arguments),
    /// Sizes and clocks of kernels, as recorded: on ECP5-85, or in standard cells
    #[command(after_help = "Example:\n  winterforge hw report --asic osu018")]
    Report(report::Arguments),
}

#[derive(Debug, Args)]
struct ExportArguments {
    /// Kernels, by name [default: all]
    kernels: Vec<String>,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct SimArguments {
    /// A kernel, or a family of which the smallest that fits is taken
    kernel: String,
    /// Logarithm of the size of the jobs: words of a transform, rows of a tree [default: the largest transform, 8 for trees]
    #[arg(long, value_name = "N")]
    log_n: Option<u64>,
    /// Lanes of the kernel
    #[arg(long, value_name = "L")]
    lanes: Option<u64>,
    /// Words of a row of a tree, 1 to 254 [default: 32]
    #[arg(long, value_name = "W")]
    row_words: Option<u64>,
    /// Multipliers of the kernel
    #[arg(long, value_name = "M")]
    multipliers: Option<u64>,
    /// Seed of data, gaps and stalls
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Probability of a gap or a stall in a cycle, 0 to 0.99
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_probability)]
    backpressure: f64,
    /// Write a waveform (FST); about a hundred times slower
    #[arg(long, value_name = "FILE.fst")]
    trace: Option<PathBuf>,
}

fn parse_probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=0.99).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 0.99".into()),
    }
}

type Parameters = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
struct Listed {
    kernel: &'static str,
    family: &'static str,
    parameters: Parameters,
}

#[derive(Serialize)]
struct Exported {
    kernel: &'static str,
    file: PathBuf,
    rtl_blake3: String,
}

#[derive(Serialize)]
struct Simulated {
    kernel: &'static str,
    parameters: Parameters,
    seed: u64,
    vectors: u64,
    mismatches: u64,
    cycles_per_job: f64,
    bound_cycles: u64,
    occupancy: f64,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<Outcome, CliError> {
    match &arguments.command {
        HwCommand::List => list(output),
        HwCommand::Export(arguments) => export(arguments, output),
        HwCommand::Sim(arguments) => simulate(arguments, output),
        HwCommand::Build(arguments) => build::run(arguments, output),
        HwCommand::Report(arguments) => report::run(arguments, output),
    }
}

fn list(output: &Output) -> Result<Outcome, CliError> {
    for kernel in registry::kernels() {
        let Kernel { name, family, .. } = kernel;
        let parameters: Parameters = kernel.parameters.iter().copied().collect();
        let words: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let listed = Listed {
            kernel: name,
            family,
            parameters,
        };
        output.result(&listed, || format!("{name:36}{}", words.join(" ")))?;
    }
    Ok(Outcome::Done)
}

fn export(arguments: &ExportArguments, output: &Output) -> Result<Outcome, CliError> {
    let folder = &arguments.output;
    let kernels = if arguments.kernels.is_empty() {
        registry::kernels()
    } else {
        let find = |name: &String| registry::kernel(name).ok_or_else(|| no_kernel(name));
        arguments
            .kernels
            .iter()
            .map(find)
            .collect::<Result<_, _>>()?
    };
    fs::create_dir_all(folder)
        .map_err(|error| CliError::file(folder, "cannot be created", &error))?;
    for kernel in kernels {
        let verilog = kernel.verilog().map_err(CliError::hardware)?;
        let file = folder.join(format!("{}.v", kernel.name));
        Destination::new(&file, &[])?.write(verilog.as_bytes())?;
        let text = file.display().to_string();
        let exported = Exported {
            kernel: kernel.name,
            file,
            rtl_blake3: digest(&verilog),
        };
        output.result(&exported, || text)?;
    }
    Ok(Outcome::Done)
}

/// The checkout of Winterforge around the working folder, or the one that this program was built from: where `file` is.
fn checkout(file: &str) -> Result<PathBuf, CliError> {
    let here = std::env::current_dir().unwrap_or_default();
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(built_from.ancestors())
        .find(|folder| folder.join(file).is_file())
        .map(Path::to_owned)
        .ok_or_else(|| {
            CliError::hardware(format!("there is no {file} here"))
                .hint("run it in a checkout of Winterforge: boards, results and the tools' scripts are there")
        })
}

fn no_kernel(name: &str) -> CliError {
    CliError::usage(format!("there is no kernel {name}")).hint("`winterforge hw list` shows all")
}

fn simulate(arguments: &SimArguments, output: &Output) -> Result<Outcome, CliError> {
    let request = Request {
        kernel: &arguments.kernel,
        log_n: arguments.log_n,
        lanes: arguments.lanes,
        row_words: arguments.row_words,
        multipliers: arguments.multipliers,
        seed: arguments.seed,
        backpressure: arguments.backpressure,
        trace: arguments.trace.as_deref(),
    };
    let report = runs::run(&request).map_err(|error| match error {
        RunError::NoKernel(_) | RunError::Size(..) | RunError::RowWords(_) => {
            CliError::usage(error).hint("`winterforge hw list` shows all kernels")
        }
        RunError::Model(ModelError::Path(_) | ModelError::Waveform(..)) => {
            CliError::input(error).hint("give --trace the name of a file in a folder that is there")
        }
        RunError::Model(_) | RunError::Kernel(_) => CliError::hardware(error),
    })?;
    let simulated = Simulated {
        kernel: report.kernel,
        parameters: report.parameters.iter().copied().collect(),
        seed: arguments.seed,
        vectors: report.vectors,
        mismatches: report.mismatches,
        cycles_per_job: report.cycles_per_job,
        bound_cycles: report.bound_cycles,
        occupancy: report.occupancy(),
    };
    output.result(&simulated, || {
        aligned(&[
            ("kernel", report.kernel.into()),
            (
                "results",
                format!("{}, {} wrong", report.vectors, report.mismatches),
            ),
            ("cycles per job", format!("{:.1}", report.cycles_per_job)),
            ("bound", report.bound_cycles.to_string()),
        ])
    })?;
    if report.mismatches > 0 {
        return Err(CliError::hardware(format!(
            "{} of {} results differ from the integer model",
            report.mismatches, report.vectors
        )));
    }
    Ok(Outcome::Done)
}
