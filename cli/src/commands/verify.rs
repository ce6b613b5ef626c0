//! `verify`: is a bundle's claim about a model true?
//!
//! A bundle can fail in two ways. Bytes that no encoder writes (cut off, non-canonical, surplus) are not understood:
//! bad input, exit code 1. Anything else that does not check out is understood and rejected: exit code 3.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use winterforge_attest::{Checked, Kind, PublicKey, Sha256Digest, Statement};
use winterforge_model::{Graph, Samples, import, read_input};
use winterforge_verifier::bundle::PublicTensor;
use winterforge_verifier::{Policy, Verified, VerifyError, verify_with_key};

use super::{output_rows, samples_q};
use crate::Outcome;
use crate::args::VerifyArguments;
use crate::error::{CliError, one_line};
use crate::files::{decode_key, read, read_samples};
use crate::measure::Stopwatch;
use crate::output::{Output, aligned};
use crate::signatures::{Missing, read_public_key, statement_on};

#[derive(Serialize)]
struct Accepted {
    accepted: bool,
    verify_ms: f64,
    proven_bits: u32,
    /// The hash of commitments and challenges.
    hash: &'static str,
    model_id: String,
    mode: &'static str,
    outputs_q: Vec<Vec<i32>>,
    /// In committed mode: `signed` if someone that the caller trusts says that the key is the model's, or else `given`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_trust: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
    /// Where in --input the proven samples begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_index: Option<usize>,
}

/// What --require-signature found.
#[derive(Serialize)]
struct Signature {
    /// The id of the public key.
    signer: String,
    /// What it signed: `bundle`, `key` or both.
    signed: Vec<Kind>,
    /// What the signer held the bundle against, where the bundle is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_checked: Option<Checked>,
}

impl Signature {
    /// Whether the signer says that the key is the model's: it was made again, or the bundle verified with one that was.
    fn covers_key(&self) -> bool {
        self.signed.contains(&Kind::Key) || self.bundle_checked == Some(Checked::Model)
    }
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
        Ok(Ok(Judged {
            verified,
            input_index,
            signature,
        })) => {
            let is_vouched = signature.as_ref().is_some_and(Signature::covers_key);
            let report = Accepted {
                accepted: true,
                verify_ms: stopwatch.wall_ms(),
                proven_bits: verified.ledger.bits(),
                hash: verified.header.parameters.hash.name(),
                model_id: verified.header.model_id.to_string(),
                mode: if verified.header.key.is_some() {
                    "key"
                } else {
                    "open"
                },
                outputs_q: samples_q(&verified.header.output),
                key_trust: verified
                    .header
                    .key
                    .map(|_| if is_vouched { "signed" } else { "given" }),
                signature,
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

/// An accepted bundle, and what else was asked about it.
struct Judged {
    verified: Verified,
    input_index: Option<usize>,
    signature: Option<Signature>,
}

/// The outer error is about a file or the arguments, the inner one about the bundle.
fn verify(arguments: &VerifyArguments) -> Result<Result<Judged, Rejection>, CliError> {
    let bundle = read(&arguments.bundle)?;
    let policy = arguments.policy();
    let signer = arguments.require_signature.as_deref();
    let signer = signer.map(read_public_key).transpose()?;
    let reference_bytes = read(reference(arguments))?;
    // Before anything is made of the bundle: bytes that nobody vouches for need not be decoded.
    let signature = match signer {
        Some(signer) => match find_signature(arguments, &bundle, &reference_bytes, &signer)? {
            Ok(signature) => Some(signature),
            Err(rejection) => return Ok(Err(rejection)),
        },
        None => None,
    };
    let verdict = if let Some(path) = &arguments.key {
        let key = decode_key(path, &reference_bytes)?;
        let expected = Expected::read(arguments, &key.skeleton)?;
        let verified = verify_with_key(&bundle, &key, &policy);
        find(verified, expected.as_ref())
    } else {
        let name = reference(arguments).display().to_string();
        let graph = Arc::new(import(&reference_bytes, &name)?);
        let expected = Expected::read(arguments, &graph)?;
        judge(&bundle, &graph, &policy, expected.as_ref())
    };
    Ok(verdict.map(|(verified, input_index)| Judged {
        verified,
        input_index,
        signature,
    }))
}

/// What `signer` signed of what is verified: the bundle, and the key if there is one.
fn find_signature(
    arguments: &VerifyArguments,
    bundle: &[u8],
    reference: &[u8],
    signer: &PublicKey,
) -> Result<Result<Signature, Rejection>, CliError> {
    let on_bundle = statement_on(&arguments.bundle, bundle, Kind::Bundle, signer)?;
    let on_key = match &arguments.key {
        Some(path) => Some(statement_on(path, reference, Kind::Key, signer)?),
        None => None,
    };
    let is_other_model = |statement: &Statement| {
        let model = statement.predicate.model.as_ref();
        arguments.model.is_some()
            && model.is_some_and(|model| !model.holds(Sha256Digest::of(reference)))
    };
    let mut signature = Signature {
        signer: signer.id(),
        signed: Vec::new(),
        bundle_checked: None,
    };
    let mut missing = Vec::new();
    match on_bundle {
        Ok(statement) if is_other_model(&statement) => missing.push(Missing {
            reason: "other-model-file",
            detail: "the signer vouches for the bundle with other model files than --model"
                .to_owned(),
        }),
        Ok(statement) => {
            signature.signed.push(Kind::Bundle);
            signature.bundle_checked = Some(statement.predicate.checked);
        }
        Err(error) => missing.push(error),
    }
    match on_key {
        Some(Ok(statement)) if statement.predicate.checked == Checked::Model => {
            signature.signed.push(Kind::Key);
        }
        Some(Ok(_)) => missing.push(Missing {
            reason: "unchecked-key",
            detail: "the signer does not say that the key was made again from the model".to_owned(),
        }),
        Some(Err(error)) => missing.push(error),
        None => {}
    }
    if !signature.signed.is_empty() {
        return Ok(Ok(signature));
    }
    let details: Vec<String> = missing.iter().map(|one| one.detail.clone()).collect();
    Ok(Err(Rejection {
        // With a key, that the key is not signed.
        reason: missing.last().map_or("no-signature", |one| one.reason),
        detail: details.join("; "),
        is_understood: true,
    }))
}

/// The model, or the key in its place.
fn reference(arguments: &VerifyArguments) -> &Path {
    let reference = arguments.key.as_ref().or(arguments.model.as_ref());
    reference.map_or(Path::new(""), PathBuf::as_path)
}

/// Verifies a bundle, also against samples it should be about; returns where in these the proven ones begin.
pub(crate) fn judge(
    bundle: &[u8],
    graph: &Arc<Graph>,
    policy: &Policy,
    expected: Option<&Expected>,
) -> Verdict {
    let verified = winterforge_verifier::verify(bundle, graph, policy);
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
        let trust = match report.key_trust {
            Some("signed") => "vouched for by the signer, who made it again from the model",
            _ => "taken as given: it stands for this model if you, or someone you trust, made it",
        };
        rows.push(("", trust.to_owned()));
    }
    if let Some(signature) = &report.signature {
        let signed: Vec<String> = signature.signed.iter().map(Kind::to_string).collect();
        let signed = signed.join(" and ");
        rows.push(("signed", format!("the {signed}, by {}", signature.signer)));
        if signature.bundle_checked == Some(Checked::Nothing) {
            rows.push(("", "the bundle without having checked it".to_owned()));
        }
    }
    rows.extend([
        (
            "security",
            format!("{} proven bits, with {}", report.proven_bits, report.hash),
        ),
        ("time", format!("{:.1} ms", report.verify_ms)),
    ]);
    aligned(&rows)
}
