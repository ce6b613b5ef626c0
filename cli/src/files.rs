//! Files in and out: bundles and samples are read whole, and a bundle is written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use winterforge_model::{Graph, Samples, read_input};
use winterforge_prover::{check_writable, folder_of, write_whole};
use winterforge_verifier::key::Key;

use crate::error::CliError;

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path)
        .map_err(|error| CliError::file(path, "cannot be read", &error).hint("check the path"))
}

/// Reads a key.
pub(crate) fn read_key(path: &Path) -> Result<Key, CliError> {
    decode_key(path, &read(path)?)
}

/// Decodes the key that was read from `path`.
pub(crate) fn decode_key(path: &Path, contents: &[u8]) -> Result<Key, CliError> {
    Key::decode(contents).map_err(|error| {
        CliError::input(format!("{}: {error}", path.display()))
            .hint("KEY is a .wfk file as `winterforge setup` writes it, complete and unchanged")
    })
}

/// Reads the samples in `path` and checks that those of `range` exist.
pub(crate) fn read_samples(
    path: &Path,
    graph: &Graph,
    range: &Range<usize>,
) -> Result<Samples, CliError> {
    let samples = read_input(path, graph)?;
    if range.end > samples.count {
        let (last, count) = (range.end - 1, samples.count);
        return Err(
            CliError::usage(format!("{}: there is no sample {last}", path.display())).hint(
                format!(
                    "the file holds {count}: indices run from 0 to {}",
                    count - 1
                ),
            ),
        );
    }
    Ok(samples)
}

/// The cells of consecutive samples.
pub(crate) fn cells<'a>(samples: &'a Samples, range: &Range<usize>) -> &'a [f32] {
    &samples.data[range.start * samples.sample_len..range.end * samples.sample_len]
}

/// A file that will appear complete or not at all.
pub(crate) struct Destination {
    target: PathBuf,
}

impl Destination {
    /// Checks that `path` may be written, before any work is done for it; `sources` must not be overwritten.
    pub(crate) fn new(path: &Path, sources: &[&Path]) -> Result<Self, CliError> {
        let fail = |what: &str| CliError::input(format!("{}: {what}", path.display()));
        // Through a link, so that the link stays.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Ok(metadata) = fs::metadata(&target) {
            if !metadata.is_file() {
                return Err(
                    fail("exists and is no regular file").hint("give -o the name of a file")
                );
            }
            if sources
                .iter()
                .any(|source| fs::canonicalize(source).is_ok_and(|source| source == target))
            {
                return Err(CliError::usage(format!(
                    "{}: would overwrite an input",
                    path.display()
                ))
                .hint("give -o another name"));
            }
        }
        let folder = folder_of(&target);
        if !folder.is_dir() {
            let message = format!("{}: no such folder", folder.display());
            return Err(CliError::input(message).hint("create it, or give -o another name"));
        }
        check_writable(&target).map_err(|error| cannot_be_written(&target, &error))?;
        Ok(Self { target })
    }

    /// Whether the file is in this folder or below.
    pub(crate) fn is_below(&self, folder: &Path) -> bool {
        let own = fs::canonicalize(folder_of(&self.target));
        own.is_ok_and(|own| own.starts_with(folder))
    }

    /// Puts `bytes` at the target.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        write_whole(&self.target, |file| file.write_all(bytes))
            .map_err(|error| cannot_be_written(&self.target, &error))
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> CliError {
    CliError::file(path, "cannot be written", error)
        .hint("make room or allow writing there, or give -o another name")
}
