//! `inspect --lineage`: the bundles that a bundle comes from, each held against its digest and its proof.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use winterforge_model::{Graph, load};
use winterforge_prover::folder_of;
use winterforge_verifier::bundle::{BundleDigest, Header, MAGIC};
use winterforge_verifier::key::Key;
use winterforge_verifier::lineage::{Ancestor, LineageError, follow};
use winterforge_verifier::{Policy, verify, verify_with_key};

use crate::Outcome;
use crate::args::InspectArguments;
use crate::error::{CliError, one_line};
use crate::files::{read, read_key};
use crate::output::{Output, aligned};

/// Most bundles of a lineage.
const MOST: usize = 1_000;

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    id: String,
    /// Whether every bundle that is named was found and none was rejected.
    complete: bool,
    bundles: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    generation: usize,
    id: String,
    file: Option<String>,
    model_id: Option<String>,
    parents: Vec<String>,
    /// `verified`, `rejected`, `unchecked` or `missing`.
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
struct Broken<'a> {
    kind: &'static str,
    id: &'a str,
    complete: bool,
    reason: &'static str,
    detail: &'a str,
}

pub(super) fn run(
    arguments: &InspectArguments,
    contents: &[u8],
    output: &Output,
) -> Result<Outcome, CliError> {
    let references = References::read(arguments)?;
    let id = BundleDigest::of(contents);
    let mut files = files_of(arguments)?;
    files.insert(id, arguments.file.clone());
    let find = |digest| files.get(&digest).and_then(|path| fs::read(path).ok());
    let ancestors = match follow(contents, MOST, find) {
        Ok(ancestors) => ancestors,
        Err(error) => return broken(&id.to_string(), &error, output),
    };
    let bundles: Vec<Entry> = ancestors
        .iter()
        .map(|(digest, ancestor)| references.judge(*digest, ancestor, files.get(digest)))
        .collect();
    let report = Report {
        kind: "lineage",
        id: id.to_string(),
        complete: bundles
            .iter()
            .all(|b| ["verified", "unchecked"].contains(&b.proof)),
        bundles,
    };
    output.result(&report, || text(&report))?;
    Ok(if report.complete {
        Outcome::Done
    } else {
        Outcome::Rejected
    })
}

fn broken(id: &str, error: &LineageError, output: &Output) -> Result<Outcome, CliError> {
    let reason = match error {
        LineageError::OtherDigest(_) => "other-parent",
        LineageError::Malformed { .. } => "malformed-parent",
        LineageError::TooLong(_) => "long-lineage",
    };
    let detail = one_line(&error.to_string());
    output.object(&Broken {
        kind: "lineage",
        id,
        complete: false,
        reason,
        detail: &detail,
    })?;
    output.text(&aligned(&[("broken", reason.to_owned()), ("", detail)]))?;
    Ok(Outcome::Rejected)
}

/// The bundles in the folders to search, by their digests.
fn files_of(arguments: &InspectArguments) -> Result<HashMap<BundleDigest, PathBuf>, CliError> {
    let mut files = HashMap::new();
    let own = folder_of(&arguments.file);
    for folder in std::iter::once(own).chain(arguments.search.iter().map(PathBuf::as_path)) {
        let entries = fs::read_dir(folder).map_err(|error| {
            CliError::file(folder, "cannot be listed", &error).hint("--search takes a folder")
        })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if let Some(contents) = bundle_in(&path) {
                files.entry(BundleDigest::of(&contents)).or_insert(path);
            }
        }
    }
    Ok(files)
}

/// The bytes of a regular file that begins as bundles do.
fn bundle_in(path: &Path) -> Option<Vec<u8>> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut contents = vec![0; MAGIC.len()];
    file.read_exact(&mut contents).ok()?;
    if contents != MAGIC {
        return None;
    }
    file.read_to_end(&mut contents).ok()?;
    Some(contents)
}

/// What bundles are verified against.
struct References {
    models: Vec<Arc<Graph>>,
    keys: Vec<Key>,
}

impl References {
    fn read(arguments: &InspectArguments) -> Result<Self, CliError> {
        let models = arguments.model.iter();
        let keys = arguments.key.iter();
        Ok(Self {
            models: models
                .map(|path| Ok(Arc::new(load(path)?)))
                .collect::<Result<_, CliError>>()?,
            keys: keys.map(|path| read_key(path)).collect::<Result<_, _>>()?,
        })
    }

    fn judge(&self, digest: BundleDigest, ancestor: &Ancestor, file: Option<&PathBuf>) -> Entry {
        let header = ancestor.header.as_ref();
        let mut entry = Entry {
            generation: ancestor.generation,
            id: digest.to_string(),
            file: file.map(|path| path.display().to_string()),
            model_id: header.map(|header| header.model_id.to_string()),
            parents: header
                .into_iter()
                .flat_map(|header| header.parents.iter())
                .map(|parent| parent.to_string())
                .collect(),
            proof: "missing",
            reason: None,
            detail: None,
        };
        let (Some(header), Some(path)) = (header, file) else {
            return entry;
        };
        match self.verify(digest, header, path) {
            Ok(proof) => entry.proof = proof,
            Err((reason, detail)) => {
                entry.proof = "rejected";
                entry.reason = Some(reason);
                entry.detail = Some(one_line(&detail));
            }
        }
        entry
    }

    fn verify(
        &self,
        digest: BundleDigest,
        header: &Header,
        path: &Path,
    ) -> Result<&'static str, (&'static str, String)> {
        let model = || {
            self.models
                .iter()
                .find(|model| model.id() == header.model_id)
        };
        let key = |wanted| self.keys.iter().find(|key| key.digest() == Ok(wanted));
        let changed = || ("other-parent", "it changed while it was read".to_owned());
        let contents = || {
            let contents = read(path).map_err(|_| changed())?;
            if BundleDigest::of(&contents) == digest {
                Ok(contents)
            } else {
                Err(changed())
            }
        };
        let policy = Policy::default();
        let verified = match header.key {
            None => match model() {
                Some(model) => verify(&contents()?, model, &policy),
                None => return Ok("unchecked"),
            },
            Some(wanted) => match key(wanted) {
                Some(key) => verify_with_key(&contents()?, key, &policy),
                None => return Ok("unchecked"),
            },
        };
        verified
            .map(|_| "verified")
            .map_err(|error| (error.code(), error.to_string()))
    }
}

fn text(report: &Report) -> String {
    let mut rows = Vec::new();
    for entry in &report.bundles {
        let file = entry.file.as_deref().unwrap_or("in none of the folders");
        let id = entry.id.get(..16).unwrap_or(&entry.id);
        let detail = entry.detail.as_ref();
        let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
        let indent = "  ".repeat(entry.generation.min(20));
        rows.push((
            entry.proof,
            one_line(&format!("{indent}{id}  {file}{detail}")),
        ));
    }
    let count = report.bundles.len() - 1;
    rows.push((
        "",
        if report.complete {
            format!("{count} ancestors, all with the digests they are named by")
        } else {
            format!("{count} ancestors are named; the chain does not hold")
        },
    ));
    if report
        .bundles
        .iter()
        .any(|entry| entry.proof == "unchecked")
    {
        rows.push((
            "",
            "unchecked: give its --model, or --key, to verify it".to_owned(),
        ));
    }
    aligned(&rows)
}
