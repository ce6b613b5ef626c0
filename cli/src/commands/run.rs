//! `run`: the exact integer execution, without a proof.

use serde::Serialize;
use winterforge_model::{execute, load};

use crate::Outcome;
use crate::args::RunArguments;
use crate::error::CliError;
use crate::files::read_samples;
use crate::oracle::Oracle;
use crate::output::{Output, list};

#[derive(Serialize)]
struct Report {
    index: usize,
    output_q: Vec<i32>,
    output: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onnxruntime: Option<Check>,
}

/// What ONNX Runtime makes of the sample.
#[derive(Serialize)]
struct Check {
    version: String,
    equal: bool,
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
    let mut oracle = arguments.check.then(Oracle::start).transpose()?;
    let mut outcome = Outcome::Done;
    for index in first..last {
        let execution = execute(&graph, &graph.quantize_input(samples.sample(index)))?;
        let output_q = execution.tensors[graph.output.0].clone();
        let returned = graph.dequantize_output(&output_q);
        let check = match &mut oracle {
            None => None,
            Some(oracle) => {
                let output = oracle.run(&arguments.model, &graph, samples.sample(index))?;
                Some(Check {
                    version: oracle.version.clone(),
                    equal: output == returned,
                    output,
                })
            }
        };
        if check.as_ref().is_some_and(|check| !check.equal) {
            outcome = Outcome::Rejected;
        }
        let report = Report {
            index,
            output_q,
            output: returned,
            onnxruntime: check,
        };
        output.result(&report, || text(&report))?;
    }
    Ok(outcome)
}

fn text(report: &Report) -> String {
    let floats = |values: &[f32]| -> String {
        let floats: Vec<String> = values.iter().map(f32::to_string).collect();
        floats.join(" ")
    };
    let check = match &report.onnxruntime {
        None => String::new(),
        Some(check) if check.equal => format!("\n  equal to ONNX Runtime {}", check.version),
        Some(check) => format!(
            "\n  NOT EQUAL to ONNX Runtime {}: {}",
            check.version,
            floats(&check.output)
        ),
    };
    format!(
        "sample {}\n  quantized  {}\n  output     {}{check}",
        report.index,
        list(&report.output_q),
        floats(&report.output)
    )
}
