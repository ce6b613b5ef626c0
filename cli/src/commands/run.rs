//! `run`: the exact integer execution, without a proof.

use serde::Serialize;
use winterforge_model::{execute, load};

use crate::Outcome;
use crate::args::RunArguments;
use crate::error::CliError;
use crate::files::read_samples;
use crate::output::{Output, list};

#[derive(Serialize)]
struct Report {
    index: usize,
    output_q: Vec<i32>,
    output: Vec<f32>,
}

pub(crate) fn run(arguments: &RunArguments, output: &Output) -> Result<Outcome, CliError> {
    let graph = load(&arguments.model)?;
    let first = if arguments.all { 0 } else { arguments.index };
    let samples = read_samples(&arguments.input, &graph, &(first..first.saturating_add(1)))?;
    let last = if arguments.all {
        samples.count
    } else {
        first + 1
    };
    for index in first..last {
        let execution = execute(&graph, &graph.quantize_input(samples.sample(index)))?;
        let output_q = execution.tensors[graph.output.0].clone();
        let report = Report {
            index,
            output: graph.dequantize_output(&output_q),
            output_q,
        };
        output.result(&report, || text(&report))?;
    }
    Ok(Outcome::Done)
}

fn text(report: &Report) -> String {
    let floats: Vec<String> = report.output.iter().map(f32::to_string).collect();
    format!(
        "sample {}\n  quantized  {}\n  output     {}",
        report.index,
        list(&report.output_q),
        floats.join(" ")
    )
}
