//! `demo`: a real model on real inputs, proven, verified and attacked, from what the binary itself holds.

mod forgery;

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use winterforge_model::{Graph, Samples, execute, import};
use winterforge_prover::Proved;
use winterforge_verifier::Policy;
use winterforge_verifier::bundle::Parameters;

use super::prove::{available_threads, prove};
use super::samples_q;
use super::verify::{Expected, judge};
use crate::Outcome;
use crate::args::DemoArguments;
use crate::error::CliError;
use crate::measure::Stopwatch;
use crate::output::{Output, bytes, list, seconds};
use crate::picture;

/// A digit classifier, 784-128-64-10, quantized to int8.
const MODEL: &[u8] = include_bytes!("../../../../testdata/models/mlp_mnist/model.onnx");
/// Six of its test inputs, float32 [6, 784] in numpy's format.
const INPUTS: &[u8] = include_bytes!("../../../assets/demo_inputs.npy");
/// What people say they are.
const LABELS: [usize; 6] = [6, 8, 3, 2, 0, 4];

/// Pixels in a row of a picture, and those of them that are always empty at either end.
const PICTURE_WIDTH: usize = 28;
const PICTURE_BORDER: usize = 2;
/// Pictures next to each other.
const PICTURES_ABREAST: usize = 3;
const GAP: usize = 2;

pub(crate) fn run(arguments: &DemoArguments, output: &Output) -> Result<Outcome, CliError> {
    let demo = Demo {
        graph: Arc::new(import(MODEL, "the built-in model")?),
        samples: samples()?,
        output,
    };
    demo.introduce()?;
    let predictions = demo.predict()?;
    let single = demo.prove_and_verify("one picture", 0..1)?;
    let batch = demo.prove_and_verify("all six at once", 0..demo.samples.count)?;
    demo.require_outputs(&batch, &predictions)?;
    demo.reject_forgeries(&single)?;
    if let Some(folder) = &arguments.keep {
        demo.keep(folder, &single, &batch)?;
    }
    output.object(&json!({ "step": "done", "ok": true }))?;
    output.text("\nEverything behaved: honest proofs were accepted, forgeries rejected.")?;
    Ok(Outcome::Done)
}

struct Demo<'a> {
    graph: Arc<Graph>,
    samples: Samples,
    output: &'a Output,
}

/// What the model says about one picture.
struct Prediction {
    output_q: Vec<i32>,
    digit: usize,
}

impl Demo<'_> {
    fn introduce(&self) -> Result<(), CliError> {
        let id = self.graph.id().to_string();
        self.output
            .object(&json!({ "step": "model", "model_id": id, "bytes": MODEL.len() }))?;
        self.output.text(&format!(
            "A digit classifier (MNIST, 784-128-64-10, int8 ONNX, {}).\nModel id {id}",
            bytes(MODEL.len() as u64)
        ))
    }

    fn predict(&self) -> Result<Vec<Prediction>, CliError> {
        let mut predictions = Vec::with_capacity(self.samples.count);
        for (index, label) in LABELS.into_iter().enumerate() {
            let execution = execute(
                &self.graph,
                &self.graph.quantize_input(self.samples.sample(index)),
            )?;
            let output_q = execution.tensors[self.graph.output.0].clone();
            let digit = strongest(&output_q);
            let step = json!({ "step": "run", "index": index, "label": label, "prediction": digit, "output_q": output_q });
            self.output.object(&step)?;
            predictions.push(Prediction { output_q, digit });
        }
        self.output.text(&self.pictures(&predictions))?;
        Ok(predictions)
    }

    fn pictures(&self, predictions: &[Prediction]) -> String {
        let blocks = self.output.has_blocks();
        let width = PICTURE_WIDTH - 2 * PICTURE_BORDER;
        let captioned: Vec<Vec<String>> = (predictions.iter().zip(LABELS).enumerate())
            .map(|(index, (prediction, label))| {
                let mut lines = picture::lines(
                    self.samples.sample(index),
                    PICTURE_WIDTH,
                    PICTURE_BORDER,
                    blocks,
                );
                let mark = if prediction.digit == label {
                    ""
                } else {
                    " (wrong)"
                };
                lines.push(format!(
                    "{:<width$}",
                    format!("{label}: predicted {}{mark}", prediction.digit)
                ));
                lines
            })
            .collect();
        let mut text: Vec<String> = captioned
            .chunks(PICTURES_ABREAST)
            .flat_map(|pictures| {
                std::iter::once(String::new()).chain(picture::beside(pictures, GAP))
            })
            .collect();
        if predictions
            .iter()
            .zip(LABELS)
            .any(|(prediction, label)| prediction.digit != label)
        {
            text.push(
                "\nA proof is about what the model computes, not about whether it is right."
                    .to_owned(),
            );
        }
        text.join("\n")
    }

    fn prove_and_verify(
        &self,
        what: &str,
        range: std::ops::Range<usize>,
    ) -> Result<Proved, CliError> {
        let x = crate::files::cells(&self.samples, &range);
        let (proved, cost) = prove(&self.graph, x, Parameters::default(), available_threads())?;
        let bits = proved.instance.ledger.bits();
        let size = proved.bundle.len();
        self.output.object(&json!({
            "step": "prove", "batch": range.len(), "bundle_bytes": size, "proven_bits": bits,
            "prove_wall_s": cost.wall_s, "prove_cpu_s": cost.cpu_s, "outputs_q": samples_q(&proved.header.output),
        }))?;

        let stopwatch = Stopwatch::start();
        let expected = Expected::new(self.samples.clone(), range.clone());
        judge(
            &proved.bundle,
            &self.graph,
            &Policy::default(),
            Some(&expected),
        )
        .map_err(|rejection| {
            went_wrong(&format!(
                "the honest proof of {what} was rejected: {}",
                rejection.detail
            ))
        })?;
        let verify_ms = stopwatch.wall_ms();
        self.output.object(&json!({ "step": "verify", "batch": range.len(), "accepted": true, "verify_ms": verify_ms }))?;
        self.output.text(&format!(
            "\nProof of {what}\n  proven in    {} ({} CPU), {bits} proven bits\n  bundle       {}: input, output and proof\n  verified in  {verify_ms:.1} ms: accepted",
            seconds(cost.wall_s),
            cost.cpu_s.map_or_else(|| "unknown".to_owned(), seconds),
            bytes(size as u64),
        ))?;
        Ok(proved)
    }

    /// What was proven is what the reference executor says.
    fn require_outputs(&self, proved: &Proved, predictions: &[Prediction]) -> Result<(), CliError> {
        let proven = samples_q(&proved.header.output);
        if proven
            .iter()
            .eq(predictions.iter().map(|prediction| &prediction.output_q))
        {
            Ok(())
        } else {
            Err(went_wrong(
                "the proven outputs are not those of the execution",
            ))
        }
    }

    fn reject_forgeries(&self, honest: &Proved) -> Result<(), CliError> {
        self.output.text("\nForgeries")?;
        for forgery in forgery::all(&self.graph, &self.samples, honest)? {
            let verdict = judge(
                &forgery.bundle,
                &self.graph,
                &Policy::default(),
                forgery.expected.as_ref(),
            );
            let Err(rejection) = verdict else {
                return Err(went_wrong(&format!(
                    "a forgery was accepted: {}",
                    forgery.what
                )));
            };
            if rejection.reason != forgery.reason {
                let detail = format!(
                    "{} was rejected as {}: {}",
                    forgery.what, rejection.reason, rejection.detail
                );
                return Err(went_wrong(&detail));
            }
            self.output.object(&json!({
                "step": "forgery", "name": forgery.name, "what": forgery.what, "accepted": false,
                "reason": rejection.reason, "detail": rejection.detail,
            }))?;
            let detail = short_digests(&rejection.detail);
            self.output.text(&format!(
                "  {}\n    rejected: {}, {detail}",
                forgery.what, rejection.reason
            ))?;
        }
        Ok(())
    }

    /// Writes everything the demo used, for the reader's own experiments.
    fn keep(&self, folder: &Path, single: &Proved, batch: &Proved) -> Result<(), CliError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| CliError::file(folder, "cannot be created", &error))?;
        let files: [(&str, &[u8]); 4] = [
            ("model.onnx", MODEL),
            ("inputs.npy", INPUTS),
            ("one.wfp", &single.bundle),
            ("all.wfp", &batch.bundle),
        ];
        for (name, contents) in files {
            crate::files::Destination::new(&folder.join(name), &[])?.write(contents)?;
        }
        let names = files.map(|(name, _)| name);
        self.output.object(
            &json!({ "step": "keep", "folder": folder.display().to_string(), "files": names }),
        )?;
        self.output.text(&format!(
            "\nKept in {}: {}",
            folder.display(),
            names.join(", ")
        ))
    }
}

/// The built-in inputs.
fn samples() -> Result<Samples, CliError> {
    let damaged = || went_wrong("the built-in inputs are damaged");
    // Version 1.0 of numpy's format: ten bytes, of which the last two say how long the rest of the header is.
    let [low, high] = *INPUTS
        .get(8..)
        .and_then(<[u8]>::first_chunk::<2>)
        .ok_or_else(damaged)?;
    let cells = INPUTS
        .get(10 + usize::from(u16::from_le_bytes([low, high]))..)
        .ok_or_else(damaged)?;
    let data: Vec<f32> = cells
        .as_chunks()
        .0
        .iter()
        .map(|&word| f32::from_le_bytes(word))
        .collect();
    let sample_len = PICTURE_WIDTH * PICTURE_WIDTH;
    if data.len() != LABELS.len() * sample_len {
        return Err(damaged());
    }
    Ok(Samples {
        count: LABELS.len(),
        sample_len,
        data,
    })
}

/// The class with the largest output.
fn strongest(output_q: &[i32]) -> usize {
    // The first of equals, as in numpy's argmax.
    let best = output_q.iter().enumerate().rev().max_by_key(|&(_, q)| q);
    best.map_or(0, |(class, _)| class)
}

fn went_wrong(detail: &str) -> CliError {
    CliError::input(format!("the demo went wrong: {detail}"))
        .hint("this is a bug in winterforge; please report it")
}

/// `text` with the first digits of every digest in it.
fn short_digests(text: &str) -> String {
    const SHOWN: usize = 12;
    let is_digest =
        |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shorten = |word: &str| {
        let (digits, rest) = word.split_at(word.trim_end_matches(',').len());
        if is_digest(digits) {
            format!("{}..{rest}", &digits[..SHOWN])
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(shorten).collect::<Vec<_>>().join(" ")
}

/// A sentence about a changed number of an output.
fn change(output_q: &[i32], class: usize, to: i32) -> String {
    format!("output {class} of [{}] changed to {to}", list(output_q))
}
