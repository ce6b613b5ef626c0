//! Verifying a bundle, and reading what a file says of itself.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use winterforge_model::Graph;
use winterforge_verifier::bundle::{Header, PublicTensor, Values};
use winterforge_verifier::{Policy, Verified, verify as verify_open, verify_with_key};

use crate::errors::Failure;
use crate::key::{Key, hash_id};
use crate::model::{Model, Samples, reals, words};

/// Verifies a bundle against a model or a key, and returns what is proven.
#[pyfunction]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    bundle: &[u8],
    model: Option<&Model>,
    key: Option<&Key>,
    expected: Option<&Samples>,
    min_security: u32,
    hash: Option<&str>,
) -> Result<Bound<'py, PyDict>, Failure> {
    let policy = Policy {
        min_security_bits: min_security,
        hash: hash.map(hash_id).transpose()?,
        ..Policy::default()
    };
    let (verified, graph): (Result<Verified, _>, &Graph) = match (model, key) {
        (Some(model), None) => {
            let verified = py.detach(|| verify_open(bundle, &model.graph, &policy));
            (verified, &model.graph)
        }
        (None, Some(key)) => {
            let verified = py.detach(|| verify_with_key(bundle, &key.key, &policy));
            (verified, &key.key.skeleton)
        }
        _ => return Err(Failure::input("give the model, or the key in its place")),
    };
    let verified = verified?;
    let header = &verified.header;
    if let Some(expected) = expected {
        require_input(header, expected)?;
    }
    let report = describe(py, header)?;
    report.set_item("mode", if header.key.is_some() { "key" } else { "open" })?;
    report.set_item("proven_bits", verified.ledger.bits())?;
    report.set_item("input", cells(py, &header.input))?;
    if let Values::Quantized(_, output) = &header.output.values {
        report.set_item("output_q", words(py, output))?;
        report.set_item("output", reals(py, graph, output))?;
    }
    Ok(report)
}

/// Fails unless the proven samples are the expected ones, all of them, in their order.
fn require_input(header: &Header, expected: &Samples) -> Result<(), Failure> {
    let batch = header.batch();
    let other = |detail: String| Failure::Rejected {
        reason: "other-input",
        detail,
    };
    let is_other = |&index: &usize| {
        let x = expected.sample(index);
        !x.is_some_and(|x| header.input.is_sample(index, x))
    };
    if let Some(index) = (0..batch).find(is_other) {
        return Err(other(format!(
            "sample {index} of the bundle is not that of the input"
        )));
    }
    if expected.sample(batch).is_some() {
        return Err(other(format!(
            "the bundle is about {batch} samples, the input holds more"
        )));
    }
    Ok(())
}

/// The cells of a tensor, four bytes each.
fn cells<'py>(py: Python<'py>, tensor: &PublicTensor) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = match &tensor.values {
        Values::Float(cells) => cells
            .iter()
            .flat_map(|cell| cell.to_bits().to_le_bytes())
            .collect(),
        Values::Quantized(_, cells) => cells.iter().flat_map(|cell| cell.to_le_bytes()).collect(),
        Values::Tokens(cells) => cells.iter().flat_map(|cell| cell.to_le_bytes()).collect(),
    };
    PyBytes::new(py, &bytes)
}

/// What a bundle says of itself. Nothing of it is verified.
#[pyfunction]
pub(crate) fn inspect<'py>(py: Python<'py>, bundle: &[u8]) -> Result<Bound<'py, PyDict>, Failure> {
    let (header, header_bytes) = Header::decode(bundle).map_err(|error| Failure::Input {
        reason: "malformed-bundle",
        detail: error.to_string(),
    })?;
    let report = describe(py, &header)?;
    report.set_item("header_bytes", header_bytes)?;
    if let Values::Quantized(_, output) = &header.output.values {
        report.set_item("output_q", words(py, output))?;
    }
    Ok(report)
}

fn describe<'py>(py: Python<'py>, header: &Header) -> Result<Bound<'py, PyDict>, Failure> {
    let report = PyDict::new(py);
    let parameters = header.parameters;
    report.set_item("model_id", header.model_id.to_string())?;
    report.set_item("key", header.key.map(|key| key.to_string()))?;
    report.set_item("parents", header.parents.names())?;
    report.set_item("batch", header.batch())?;
    report.set_item("input_kind", header.input.values.kind())?;
    report.set_item("input_shape", header.input.shape.clone())?;
    report.set_item("output_kind", header.output.values.kind())?;
    report.set_item("output_shape", header.output.shape.clone())?;
    report.set_item("security", parameters.level.bits())?;
    report.set_item("profile", parameters.profile.name())?;
    report.set_item("hash", parameters.hash.name())?;
    report.set_item("shards", header.shards)?;
    Ok(report)
}
