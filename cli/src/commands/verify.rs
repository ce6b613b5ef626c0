//! `verify`: is a bundle's claim about a model true?
//!
//! A bundle can fail in two ways. Bytes that no encoder writes (cut off, non-canonical, surplus) are not understood:
//! bad input, exit code 1. Anything else that does not check out is understood and rejected: exit code 3.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use winterforge_model::{Graph, Samples, load, read_input};
use winterforge_verifier::bundle::PublicTensor;
use winterforge_verifier::{Policy, Verified, VerifyError, verify_with_key};

use super::{output_rows, samples_q};
use crate::Outcome;
use crate::args::VerifyArguments;
use crate::error::{CliError, one_line};
use crate::files::{read, read_key, read_samples};
use crate::measure::Stopwatch;
use crate::output::{Output, aligned};

#[derive(Serialize)]
struct Accepted {
    accepted: bool,
    verify_ms: f64,
    proven_bits: u32,
    model_id: String,
    mode: &'static str,
    outputs_q: Vec<Vec<i32>>,
    /// Where in --input the proven samples begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_index: Option<usize>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    accepted: bool,
    reason: &'a str,
    detail: &'a str,
}

/// Why a bundle is not accepted.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// A stable name for scripts.
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
    /// Whether the bundle was understood: exit code 3 rather than 1.
    pub(crate) is_understood: bool,
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self {
            reason: error.code(),
            detail: error.to_string(),
            is_understood: error.is_understood(),
        }
    }
}

pub(crate) fn run(arguments: &VerifyArguments, output: &Output) -> Result<Outcome, CliError> {
    let stopwatch = Stopwatch::start();
    let rejection = match verify(arguments) {
        Ok(Ok((verified, input_index))) => {
            let report = Accepted {
                accepted: true,
                verify_ms: stopwatch.wall_ms(),
                proven_bits: verified.ledger.bits(),
                model_id: verified.header.model_id.to_string(),
                mode: if verified.header.key.is_some() {
                    "key"
                } else {
                    "open"
                },
                outputs_q: samples_q(&verified.header.output),
                input_index,
            };
            let key = verified.header.key.map(|key| key.to_string());
            output.result(&report, || text(&report, reference(arguments), key))?;
            return Ok(Outcome::Done);
        }
        Ok(Err(rejection)) => rejection,
        Err(error) => {
            if error.exit_code() == 1 {
                let detail = one_line(error.message());
                output.object(&Rejected {
                    accepted: false,
                    reason: "bad-input",
                    detail: &detail,
                })?;
            }
            return Err(error);
        }
    };
    let Rejection {
        reason,
        detail,
        is_understood,
    } = rejection;
    let detail = one_line(&detail);
    output.object(&Rejected {
        accepted: false,
        reason,
        detail: &detail,
    })?;
    if is_understood {
        output.text(&aligned(&[("rejected", reason.to_owned()), ("", detail)]))?;
        return Ok(Outcome::Rejected);
    }
    let (path, hint) = match reason {
        "unprovable-model" | "malformed-key" => (
            reference(arguments),
            "`winterforge inspect MODEL` says what is provable",
        ),
        _ => (
            arguments.bundle.as_path(),
            "BUNDLE is a .wfp file as `winterforge prove` writes it, complete and unchanged",
        ),
    };
    Err(CliError::input(format!("{}: {detail}", path.display())).hint(hint))
}

type Verdict = Result<(Verified, Option<usize>), Rejection>;

/// The outer error is about a file or the arguments, the inner one about the bundle.
fn verify(arguments: &VerifyArguments) -> Result<Verdict, CliError> {
    let bundle = read(&arguments.bundle)?;
    let min_security = arguments.min_security;
    if let Some(path) = &arguments.key {
        let key = read_key(path)?;
        let expected = Expected::read(arguments, &key.skeleton)?;
        let verified = verify_with_key(&bundle, &key, &policy(min_security));
        return Ok(find(verified, expected.as_ref()));
    }
    let graph = Arc::new(load(reference(arguments))?);
    let expected = Expected::read(arguments, &graph)?;
    Ok(judge(&bundle, &graph, min_security, expected.as_ref()))
}

/// The model, or the key in its place.
fn reference(arguments: &VerifyArguments) -> &Path {
    let reference = arguments.key.as_ref().or(arguments.model.as_ref());
    reference.map_or(Path::new(""), PathBuf::as_path)
}

fn policy(min_security_bits: u32) -> Policy {
    Policy {
        min_security_bits,
        ..Policy::default()
    }
}

/// Verifies a bundle, also against samples it should be about; returns where in these the proven ones begin.
pub(crate) fn judge(
    bundle: &[u8],
    graph: &Arc<Graph>,
    min_security: u32,
    expected: Option<&Expected>,
) -> Verdict {
    let verified = winterforge_verifier::verify(bundle, graph, &policy(min_security));
    find(verified, expected)
}

/// Where in the expected samples the proven ones begin.
fn find(verified: Result<Verified, VerifyError>, expected: Option<&Expected>) -> Verdict {
    let verified = verified?;
    let input_index = expected
        .map(|expected| expected.find(&verified.header.input))
        .transpose()?;
    Ok((verified, input_index))
}

/// The samples that a bundle should be about.
pub(crate) struct Expected {
    samples: Samples,
    /// Which of them; any consecutive ones if `None`.
    range: Option<Range<usize>>,
}

impl Expected {
    pub(crate) fn new(samples: Samples, range: Range<usize>) -> Self {
        Self {
            samples,
            range: Some(range),
        }
    }

    fn read(arguments: &VerifyArguments, graph: &Graph) -> Result<Option<Self>, CliError> {
        let Some(path) = &arguments.input else {
            return Ok(None);
        };
        let range = match (&arguments.indices, arguments.index) {
            (Some(indices), _) => Some(indices.clone()),
            (None, Some(index)) => Some(index..index.saturating_add(1)),
            (None, None) => None,
        };
        let samples = match &range {
            Some(range) => read_samples(path, graph, range)?,
            None => read_input(path, graph)?,
        };
        Ok(Some(Self { samples, range }))
    }

    /// The index of the first proven sample.
    fn find(&self, input: &PublicTensor) -> Result<usize, Rejection> {
        let batch = input.shape.first().copied().unwrap_or(0);
        let other = |detail: String| Rejection {
            reason: "other-input",
            detail,
            is_understood: true,
        };
        let is_at =
            |start: usize| (0..batch).all(|i| input.is_sample(i, self.samples.sample(start + i)));
        match &self.range {
            Some(range) if range.len() != batch => Err(other(format!(
                "the bundle is about {batch} samples, not {}",
                range.len()
            ))),
            Some(range) => match (0..batch)
                .find(|&i| !input.is_sample(i, self.samples.sample(range.start + i)))
            {
                Some(i) => Err(other(format!(
                    "sample {i} of the bundle is not sample {} of the input",
                    range.start + i
                ))),
                None => Ok(range.start),
            },
            None => (0..(self.samples.count + 1).saturating_sub(batch))
                .find(|&start| is_at(start))
                .ok_or_else(|| {
                    other(format!(
                        "the bundle's {batch} samples are nowhere in the input's {}",
                        self.samples.count
                    ))
                }),
        }
    }
}

fn text(report: &Accepted, reference: &Path, key: Option<String>) -> String {
    let reference = reference.display();
    let subject = match key {
        Some(_) => format!("the model behind {reference}"),
        None => reference.to_string(),
    };
    let mut rows = vec![
        (
            "accepted",
            format!("{subject} returned this output for the input in the bundle"),
        ),
        ("model", report.model_id.clone()),
        ("samples", report.outputs_q.len().to_string()),
    ];
    rows.extend(output_rows(&report.outputs_q));
    if let Some(first) = report.input_index {
        rows.push(("input", format!("as in --input, from sample {first}")));
    }
    if let Some(key) = key {
        rows.push(("key", key));
        rows.push((
            "",
            "taken as given: it stands for this model if you, or someone you trust, made it"
                .to_owned(),
        ));
    }
    rows.extend([
        ("security", format!("{} proven bits", report.proven_bits)),
        ("time", format!("{:.1} ms", report.verify_ms)),
    ]);
    aligned(&rows)
}
