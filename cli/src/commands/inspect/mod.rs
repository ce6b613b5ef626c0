//! `inspect`: what a model, a bundle or a key is.

mod bundle;
mod key;
mod lineage;
mod model;

use winterforge_model::import;
use winterforge_verifier::bundle::{Header, MAGIC};

use winterforge_verifier::key::KEY_MAGIC;

use self::bundle::Bundle;
use self::key::KeyReport;
use self::model::Model;
use crate::Outcome;
use crate::args::InspectArguments;
use crate::error::CliError;
use crate::files::{read, read_key};
use crate::output::Output;

pub(crate) fn run(arguments: &InspectArguments, output: &Output) -> Result<Outcome, CliError> {
    let contents = read(&arguments.file)?;
    let file = arguments.file.display().to_string();
    if arguments.lineage && !contents.starts_with(&MAGIC) {
        return Err(CliError::input(format!("{file}: is no bundle"))
            .hint("--lineage follows the parents that a bundle (.wfp) names"));
    }
    if contents.starts_with(&MAGIC) {
        let (header, header_bytes) = Header::decode(&contents).map_err(|error| {
            CliError::input(format!("{file}: {error}"))
                .hint("the file is damaged or of another release")
        })?;
        if arguments.lineage {
            return lineage::run(arguments, &contents, output);
        }
        let report = Bundle {
            header: &header,
            header_bytes,
            contents: &contents,
        };
        output.result(&report.json(), || report.text())?;
    } else if contents.starts_with(&KEY_MAGIC) {
        let key = read_key(&arguments.file)?;
        let report = KeyReport::new(&key, key.digest()?.to_string(), contents.len());
        output.result(&report, || report.text())?;
    } else {
        let graph = import(&contents, &file).map_err(|error| {
            CliError::input(&error).hint(
                "`winterforge inspect` knows int8 models (.onnx), bundles (.wfp) and keys (.wfk)",
            )
        })?;
        let report = Model::new(graph);
        output.result(&report.json(), || report.text())?;
    }
    Ok(Outcome::Done)
}

/// A shape as people write it.
fn shape(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(", "))
}
