//! `winterforge hw report`: sizes and clocks of kernels, as the flows recorded them in the checkout.

use std::fs;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use winterforge_hdl::export::digest;
use winterforge_hdl::registry;

use super::checkout;
use crate::Outcome;
use crate::error::CliError;
use crate::output::Output;

/// A library of standard cells.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Library {
    /// 180 nm, from Debian's qflow-tech-osu018
    Osu018,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Kernels, by name [default: all with a result]
    kernels: Vec<String>,
    /// Silicon instead of ECP5-85: synthesized into these cells, without wires
    #[arg(long, value_name = "LIBRARY")]
    asic: Option<Library>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<Outcome, CliError> {
    let (folder, script) = match arguments.asic {
        None => ("hardware/place-and-route", "scripts/place-and-route.py"),
        Some(Library::Osu018) => ("hardware/asic", "scripts/asic.py"),
    };
    let unknown = |name: &&String| registry::kernel(name).is_none();
    if let Some(name) = arguments.kernels.iter().find(unknown) {
        return Err(super::no_kernel(name));
    }
    let folder = checkout(script)?.join(folder);
    for kernel in registry::kernels() {
        let is_wanted = arguments.kernels.is_empty()
            || arguments.kernels.iter().any(|name| name == kernel.name);
        let path = folder.join(format!("{}.json", kernel.name));
        if !is_wanted || (arguments.kernels.is_empty() && !path.exists()) {
            continue;
        }
        let mut result = read(&path, &format!("{script} {}", kernel.name))?;
        let verilog = kernel.verilog().map_err(CliError::hardware)?;
        let is_of_this_verilog = result.get("rtl_blake3") == Some(&digest(&verilog).into());
        result.insert("is_of_this_verilog".into(), is_of_this_verilog.into());
        output.result(&result, || {
            line(kernel.name, &result, arguments.asic.is_some())
        })?;
    }
    Ok(Outcome::Done)
}

fn read(path: &Path, how: &str) -> Result<Map<String, Value>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::file(path, "cannot be read", &error).hint(format!("{how} makes it"))
    })?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::input(format!("{}: {error}", path.display())))
}

fn line(name: &str, result: &Map<String, Value>, is_silicon: bool) -> String {
    let figure = |field: &str| result.get(field).unwrap_or(&Value::Null).to_string();
    let figures = if is_silicon {
        format!(
            "{} cells, {} NAND2 equivalents, {} ns",
            figure("cells"),
            figure("nand2_equivalents"),
            figure("delay_ns")
        )
    } else {
        let clock = match result.get("fmax_mhz").and_then(Value::as_f64) {
            Some(clock) => format!("{clock:.1} MHz, {} wanted", figure("target_mhz")),
            None => "does not fit".to_owned(),
        };
        format!(
            "{} LUT4, {} FF, {} DSP, {} BRAM, {clock}",
            figure("lut4"),
            figure("ff"),
            figure("dsp"),
            figure("bram")
        )
    };
    let age = match result.get("is_of_this_verilog") {
        Some(Value::Bool(true)) => "",
        _ => "; of other Verilog",
    };
    format!("{name:36}{figures}{age}")
}
