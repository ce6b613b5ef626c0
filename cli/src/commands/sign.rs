//! `sign`: vouch for a bundle or a key.
//!
//! Whoever gives the model signs what was checked: a bundle is verified with it, a key made again from it, and nothing is
//! signed that fails. A signature on a key is what others trust the key for, so a key is signed in no other way.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use winterforge_attest::{
    Artifact, Checked, Envelope, Kind, ModelFiles, ModelFilesError, Predicate, PrivateKey,
    Sha256Digest, Statement, encode_envelopes, find_signed,
};
use winterforge_model::{Graph, ModelId, import};
use winterforge_prover::ProvingKey;
use winterforge_verifier::bundle::{BundleDigest, Header, MAGIC};
use winterforge_verifier::key::{KEY_MAGIC, Key};
use winterforge_verifier::{Policy, verify, verify_with_key};

use super::verify::Rejection;
use crate::Outcome;
use crate::args::SignArguments;
use crate::error::{CliError, one_line};
use crate::files::{Destination, read};
use crate::output::{Output, aligned};
use crate::signatures::{name_of, read_envelopes, read_private_key, signatures_path};

#[derive(Serialize)]
struct Report {
    signed: bool,
    signature: String,
    kind: Kind,
    id: String,
    sha256: String,
    model_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_sha256: Option<String>,
    checked: Checked,
    signer: String,
}

#[derive(Serialize)]
struct Refused<'a> {
    signed: bool,
    reason: &'a str,
    detail: &'a str,
}

pub(crate) fn run(arguments: &SignArguments, output: &Output) -> Result<Outcome, CliError> {
    let key = read_private_key(&arguments.key_file)?;
    let (lock, contents) = read_locked(&arguments.file)?;
    let path = signatures_path(&arguments.file);
    let destination = Destination::new(&path, &[&arguments.file, &arguments.key_file])?;
    let model = match &arguments.model {
        Some(path) => Some(Model::read(path, &destination)?),
        None => None,
    };
    let statement = match state(arguments, &contents, model)? {
        Ok(statement) => statement,
        Err(Rejection {
            detail,
            is_understood: false,
            ..
        }) => {
            let file = arguments.file.display();
            return Err(CliError::input(format!("{file}: {detail}")).hint(NO_ARTIFACT));
        }
        Err(Rejection { reason, detail, .. }) => {
            let detail = one_line(&detail);
            output.object(&Refused {
                signed: false,
                reason,
                detail: &detail,
            })?;
            output.text(&aligned(&[("not signed", reason.to_owned()), ("", detail)]))?;
            return Ok(Outcome::Rejected);
        }
    };
    destination.write(&with_signature(arguments, &statement, &key)?)?;
    drop(lock);
    let digests: Vec<_> = statement.subject.iter().map(|s| s.digest.sha256).collect();
    let report = Report {
        signed: true,
        signature: path.display().to_string(),
        kind: statement.predicate.kind,
        id: statement.predicate.id,
        sha256: digests
            .first()
            .map_or_else(String::new, Sha256Digest::to_string),
        model_id: statement.predicate.model_id,
        model_sha256: digests.get(1).map(Sha256Digest::to_string),
        checked: statement.predicate.checked,
        signer: key.public().id(),
    };
    output.result(&report, || text(&report))?;
    Ok(Outcome::Done)
}

/// Reads a file and holds a lock on it, so that of two signers at once neither writes over the other's line.
fn read_locked(path: &Path) -> Result<(File, Vec<u8>), CliError> {
    let cannot = |error| CliError::file(path, "cannot be read", &error).hint("check the path");
    let mut file = File::open(path).map_err(cannot)?;
    // Where there are no locks, the last signer wins.
    let _ = file.lock();
    let mut contents = Vec::new();
    file.read_to_end(&mut contents).map_err(cannot)?;
    Ok((file, contents))
}

/// The signatures on the file, this one in place of an earlier one by the same key on the same bytes.
fn with_signature(
    arguments: &SignArguments,
    statement: &Statement,
    key: &PrivateKey,
) -> Result<Vec<u8>, CliError> {
    let cannot = |error| CliError::input(format!("the statement cannot be written: {error}"));
    let envelope = Envelope::sign(statement.encode().map_err(cannot)?, key).map_err(cannot)?;
    let mut envelopes = read_envelopes(&arguments.file)?.unwrap_or_default();
    let public = key.public();
    let first = statement.subject.first();
    envelopes.retain(|envelope| {
        let one = std::slice::from_ref(envelope);
        !first.is_some_and(|subject| {
            let artifact = Artifact {
                kind: statement.predicate.kind,
                digest: subject.digest.sha256,
            };
            find_signed(one, &public, artifact).is_ok()
        })
    });
    envelopes.push(envelope);
    let file = encode_envelopes(&envelopes);
    // What is written must be read again.
    winterforge_attest::decode_envelopes(&file).map_err(|error| {
        let path = signatures_path(&arguments.file);
        CliError::input(format!("{}: with this signature {error}", path.display()))
            .hint("remove signatures that are no longer needed")
    })?;
    Ok(file)
}

/// A model to check with, and its files.
struct Model {
    name: String,
    files: ModelFiles,
    /// The models among the files, with their names.
    graphs: Vec<(PathBuf, Arc<Graph>)>,
}

impl Model {
    /// Reads a model file, or a folder with one or more of them.
    fn read(path: &Path, destination: &Destination) -> Result<Self, CliError> {
        let hint = "--model is an .onnx file, or the folder that holds it and all else that belongs to the model";
        if fs::canonicalize(path).is_ok_and(|folder| destination.is_below(&folder)) {
            return Err(CliError::usage(format!(
                "{}: the signature would become one of the model's files",
                path.display()
            ))
            .hint("keep bundles and keys outside the model's folder"));
        }
        let failed = |error: ModelFilesError| CliError::input(error).hint(hint);
        let files = ModelFiles::read(path).map_err(failed)?;
        let mut graphs = Vec::new();
        for resource in &files.resources {
            let file = match resource.name.as_str() {
                "." => path.to_owned(),
                name => path.join(name),
            };
            let is_model = file
                .extension()
                .is_some_and(|extension| extension == "onnx");
            if !is_model && resource.name != "." {
                continue;
            }
            let contents = read(&file)?;
            if Sha256Digest::of(&contents) != resource.digest {
                let message = format!("{}: changed while it was read", file.display());
                return Err(CliError::input(message).hint("sign again"));
            }
            graphs.push((
                file.clone(),
                Arc::new(import(&contents, &file.display().to_string())?),
            ));
        }
        if graphs.is_empty() {
            let message = format!("{}: holds no .onnx file", path.display());
            return Err(CliError::input(message).hint(hint));
        }
        Ok(Self {
            name: name_of(path),
            files,
            graphs,
        })
    }

    /// The graph with this id.
    fn graph(&self, id: ModelId) -> Result<&Arc<Graph>, Rejection> {
        let mut graphs = self.graphs.iter();
        let found = graphs.find(|(_, graph)| graph.id() == id);
        found.map(|(_, graph)| graph).ok_or_else(|| {
            let ids = self.graphs.iter();
            let ids: Vec<_> = ids
                .map(|(file, graph)| format!("{} is {}", file.display(), graph.id()))
                .collect();
            reject(
                "other-model",
                format!("it is about model {id}; {}", ids.join(", ")),
            )
        })
    }
}

fn reject(reason: &'static str, detail: String) -> Rejection {
    Rejection {
        reason,
        detail,
        is_understood: true,
    }
}

/// The statement to sign, once it is found to be true.
fn state(
    arguments: &SignArguments,
    contents: &[u8],
    model: Option<Model>,
) -> Result<Result<Statement, Rejection>, CliError> {
    let file = arguments.file.display();
    let (kind, predicate) = if contents.starts_with(&MAGIC) {
        let (header, _) = Header::decode(contents)
            .map_err(|error| CliError::input(format!("{file}: {error}")).hint(NO_ARTIFACT))?;
        if let Some(model) = &model
            && let Err(rejection) = check_bundle(contents, &header, model)?
        {
            return Ok(Err(rejection));
        }
        (Kind::Bundle, bundle_predicate(contents, &header))
    } else if contents.starts_with(&KEY_MAGIC) {
        let key = Key::decode(contents)
            .map_err(|error| CliError::input(format!("{file}: {error}")).hint(NO_ARTIFACT))?;
        let Some(model) = &model else {
            return Err(CliError::usage(format!("{file}: a key is signed with its model"))
                .hint("give --model: a signature says that its signer made the key again and got the same bytes"));
        };
        if let Err(rejection) = check_key(contents, &key, model)? {
            return Ok(Err(rejection));
        }
        (Kind::Key, key_predicate(&key)?)
    } else {
        return Err(
            CliError::input(format!("{file}: is neither a bundle nor a key")).hint(NO_ARTIFACT),
        );
    };
    let name = model
        .as_ref()
        .map_or_else(String::new, |model| model.name.clone());
    let predicate = Predicate {
        checked: match model {
            Some(_) => Checked::Model,
            None => Checked::Nothing,
        },
        model: model.map(|model| model.files),
        ..predicate
    };
    let artifact = Artifact::new(kind, contents);
    Ok(Ok(Statement::new(
        artifact,
        &name_of(&arguments.file),
        &name,
        predicate,
    )))
}

const NO_ARTIFACT: &str =
    "`winterforge sign` signs bundles (.wfp) and keys (.wfk), complete and unchanged";

/// Verifies a bundle with the model; in committed mode with the key that follows from the model.
fn check_bundle(
    contents: &[u8],
    header: &Header,
    model: &Model,
) -> Result<Result<(), Rejection>, CliError> {
    let graph = match model.graph(header.model_id) {
        Ok(graph) => graph,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let policy = Policy::default();
    let verified = match header.key {
        None => verify(contents, graph, &policy),
        Some(_) => {
            let key = ProvingKey::setup(graph, header.parameters)?.key;
            verify_with_key(contents, &key, &policy)
        }
    };
    Ok(verified.map(|_| ()).map_err(Rejection::from))
}

/// Makes a key again and compares.
fn check_key(contents: &[u8], key: &Key, model: &Model) -> Result<Result<(), Rejection>, CliError> {
    let graph = match model.graph(key.model_id) {
        Ok(graph) => graph,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let own = ProvingKey::setup(graph, key.parameters)?.key.encode()?;
    if own == contents {
        return Ok(Ok(()));
    }
    let detail = "`winterforge setup` of this model makes another key".to_owned();
    Ok(Err(reject("other-key", detail)))
}

fn bundle_predicate(contents: &[u8], header: &Header) -> Predicate {
    Predicate {
        kind: Kind::Bundle,
        id: BundleDigest::of(contents).to_string(),
        model_id: header.model_id.to_string(),
        key: header.key.map(|key| key.to_string()),
        parents: header.parents.names(),
        checked: Checked::Nothing,
        model: None,
    }
}

fn key_predicate(key: &Key) -> Result<Predicate, CliError> {
    Ok(Predicate {
        kind: Kind::Key,
        id: key.digest()?.to_string(),
        model_id: key.model_id.to_string(),
        key: None,
        parents: Vec::new(),
        checked: Checked::Nothing,
        model: None,
    })
}

fn text(report: &Report) -> String {
    let mut rows = vec![
        ("signed", report.signature.clone()),
        ("signer", report.signer.clone()),
        (
            "sha256",
            format!("{} of the {}", report.sha256, report.kind),
        ),
    ];
    if let Some(model) = &report.model_sha256 {
        rows.push(("", format!("{model} of the model's files")));
    }
    rows.push(("model", report.model_id.clone()));
    rows.push((
        "checked",
        match (report.checked, report.kind) {
            (Checked::Model, Kind::Bundle) => {
                "the model returned the bundle's output for its input"
            }
            (Checked::Model, Kind::Key) => "`setup` of the model makes this key",
            (Checked::Nothing, _) => "nothing: give --model to sign what was verified",
        }
        .to_owned(),
    ));
    aligned(&rows)
}
