//! What a cheat without a way around the mathematics would try.

use std::sync::Arc;

use winterforge_model::{Graph, Op, Samples, import};
use winterforge_prover::Proved;
use winterforge_verifier::bundle::{Header, Parameters, Values};

use super::{MODEL, change, samples_q, strongest, went_wrong};
use crate::commands::prove::{available_threads, prove};
use crate::commands::verify::Expected;
use crate::error::CliError;

/// A bundle that must not be accepted.
pub(super) struct Forgery {
    pub(super) name: &'static str,
    pub(super) what: String,
    pub(super) bundle: Vec<u8>,
    /// What the verifier asked about, where that is more than the model.
    pub(super) expected: Option<Expected>,
    /// The reason that the verifier must give.
    pub(super) reason: &'static str,
}

/// Every forgery, from an honest proof about the first sample.
pub(super) fn all(
    graph: &Arc<Graph>,
    samples: &Samples,
    honest: &Proved,
) -> Result<Vec<Forgery>, CliError> {
    let mut forgeries = vec![changed_output(honest)?];
    forgeries.extend(changed_weight(graph, samples)?);
    forgeries.extend(other_input(samples, honest));
    Ok(forgeries)
}

/// The same proof under another statement.
fn restated(honest: &Proved, header: &Header) -> Vec<u8> {
    let mut bundle = header.encode();
    bundle.extend_from_slice(&honest.bundle[honest.header.encode().len()..]);
    bundle
}

fn changed_output(honest: &Proved) -> Result<Forgery, CliError> {
    let output_q = samples_q(&honest.header.output).swap_remove(0);
    let class = strongest(&output_q);
    let mut header = honest.header.clone();
    let Values::Quantized(qtype, cells) = &mut header.output.values else {
        return Err(went_wrong("the output is not quantized"));
    };
    // The smallest lie there is.
    cells[class] += if output_q[class] > qtype.min() { -1 } else { 1 };
    let what = format!(
        "A changed output: {}",
        change(&output_q, class, cells[class])
    );
    let bundle = restated(honest, &header);
    Ok(Forgery {
        name: "changed-output",
        what,
        bundle,
        expected: None,
        reason: "invalid-proof",
    })
}

/// A proof with a tampered model, first as it is and then in the real model's name.
fn changed_weight(graph: &Arc<Graph>, samples: &Samples) -> Result<[Forgery; 2], CliError> {
    let (tampered, change) =
        tampered_model(graph).ok_or_else(|| went_wrong("no weight was found to change"))?;
    let (proved, _) = prove(
        &Arc::new(tampered),
        samples.sample(0),
        Parameters::default(),
        available_threads(),
    )?;
    let renamed = Header {
        model_id: graph.id(),
        ..proved.header.clone()
    };
    Ok([
        Forgery {
            name: "changed-weight",
            what: format!("A changed weight: {change}, proven with that model"),
            bundle: proved.bundle.clone(),
            expected: None,
            reason: "other-model",
        },
        Forgery {
            name: "changed-weight-renamed",
            what: "The same, with the real model's id written over its own".to_owned(),
            bundle: restated(&proved, &renamed),
            expected: None,
            reason: "invalid-proof",
        },
    ])
}

/// The built-in model with one bit of one weight flipped in its file, and what that changed.
fn tampered_model(graph: &Graph) -> Option<(Graph, String)> {
    let middle = MODEL.len() / 2;
    (middle..MODEL.len()).take(256).find_map(|offset| {
        let mut file = MODEL.to_vec();
        file[offset] ^= 1;
        let tampered = import(&file, "the tampered model").ok()?;
        let change = weight_change(graph, &tampered)?;
        Some((
            tampered,
            format!("byte {offset} of the ONNX file, {change}"),
        ))
    })
}

/// The one weight in which two models differ, or `None` if that is not all.
fn weight_change(graph: &Graph, tampered: &Graph) -> Option<String> {
    let mut changes = graph
        .nodes
        .iter()
        .zip(&tampered.nodes)
        .flat_map(|(node, other)| {
            let (Op::Linear(a), Op::Linear(b)) = (&node.op, &other.op) else {
                return Vec::new();
            };
            let pairs = a.weights.iter().zip(&b.weights).enumerate();
            pairs
                .filter(|(_, (a, b))| a != b)
                .map(|(at, (from, to))| {
                    let (row, column) = (at / a.in_features, at % a.in_features);
                    format!(
                        "weight [{row}, {column}] of layer {} from {from} to {to}",
                        node.name
                    )
                })
                .collect()
        });
    let change = changes.next()?;
    changes.next().is_none().then_some(change)
}

/// An honest bundle shown to somebody who asked about another picture, first as it is and then with that picture
/// written into it.
fn other_input(samples: &Samples, honest: &Proved) -> [Forgery; 2] {
    let mut header = honest.header.clone();
    header.input.values = Values::Float(samples.sample(1).to_vec());
    let asked = || Some(Expected::new(samples.clone(), 1..2));
    [
        Forgery {
            name: "other-input",
            what: "Another input: the proof of the first picture, presented for the second"
                .to_owned(),
            bundle: honest.bundle.clone(),
            expected: asked(),
            reason: "other-input",
        },
        Forgery {
            name: "other-input-restated",
            what: "The same, with the second picture written into the bundle".to_owned(),
            bundle: restated(honest, &header),
            expected: asked(),
            reason: "invalid-proof",
        },
    ]
}
