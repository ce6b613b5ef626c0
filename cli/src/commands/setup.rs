//! `setup`: from a model to the key of its verifiers.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use winterforge_model::load;
use winterforge_prover::{ProvingKey, cache_path};

use crate::Outcome;
use crate::args::SetupArguments;
use crate::error::{CliError, warn};
use crate::files::Destination;
use crate::measure::Stopwatch;
use crate::output::{Output, aligned, bytes, grouped, seconds};

#[derive(Serialize)]
struct Report {
    key: String,
    key_bytes: usize,
    model_id: String,
    setup_cpu_s: Option<f64>,
    key_digest: String,
    parameter_cells: usize,
}

pub(crate) fn run(arguments: &SetupArguments, output: &Output) -> Result<Outcome, CliError> {
    let graph = Arc::new(load(&arguments.model)?);
    let destination = Destination::new(&arguments.output, &[&arguments.model])?;
    let stopwatch = Stopwatch::start();
    let proving_key = ProvingKey::setup(&graph, arguments.parameters.parameters())?;
    let encoding = proving_key.key.encode()?;
    let cost = stopwatch.stop();
    destination.write(&encoding)?;
    proving_key.keep(&cache_path(&arguments.output), &mut |word| warn(&word));
    let report = Report {
        key: arguments.output.display().to_string(),
        key_bytes: encoding.len(),
        model_id: proving_key.key.model_id.to_string(),
        setup_cpu_s: cost.cpu_s,
        key_digest: proving_key.digest.to_string(),
        parameter_cells: proving_key.cells(),
    };
    output.result(&report, || text(&report, &arguments.model, cost.wall_s))?;
    Ok(Outcome::Done)
}

fn text(report: &Report, model: &Path, wall_s: f64) -> String {
    let size = bytes(report.key_bytes as u64);
    aligned(&[
        ("key", format!("{}, {size}", report.key)),
        ("digest", report.key_digest.clone()),
        ("model", report.model_id.clone()),
        (
            "cells",
            format!("{} of parameters", grouped(report.parameter_cells as u64)),
        ),
        ("time", seconds(wall_s)),
        (
            "",
            format!(
                "whoever repeats this setup of {} gets the same bytes: that is how a key is checked",
                model.display()
            ),
        ),
    ])
}
