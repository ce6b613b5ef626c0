//! Files in and out: bundles and samples are read whole, and a bundle is written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use winterforge_model::{Graph, Samples, read_input};
use winterforge_verifier::key::Key;

use crate::error::CliError;

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path)
        .map_err(|error| CliError::file(path, "cannot be read", &error).hint("check the path"))
}

/// Reads a key.
pub(crate) fn read_key(path: &Path) -> Result<Key, CliError> {
    Key::decode(&read(path)?).map_err(|error| {
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
    temporary: PathBuf,
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
        let name = target.file_name().ok_or_else(|| fail("names no file"))?;
        let folder = folder_of(&target);
        if !folder.is_dir() {
            let message = format!("{}: no such folder", folder.display());
            return Err(CliError::input(message).hint("create it, or give -o another name"));
        }
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = folder.join(temporary);
        Ok(Self { target, temporary })
    }

    /// Writes `bytes` beside the target, makes them durable and renames them into place.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self
            .write_temporary(bytes)
            .and_then(|()| fs::rename(&self.temporary, &self.target));
        if let Err(error) = written {
            let _ = fs::remove_file(&self.temporary);
            return Err(CliError::file(&self.target, "cannot be written", &error));
        }
        // Makes the name durable too. Not every system can do that to a folder.
        let _ = File::open(folder_of(&self.target)).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn write_temporary(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}
