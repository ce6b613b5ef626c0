//! The digest of a model's files, as OpenSSF model-signing computes it (predicate `https://model_signing/signature/v1.0`,
//! serialization by files with SHA-256).
//!
//! A model is a file or a folder. Each file is a *resource*: its path below the folder, `.` for a model that is one file,
//! and its SHA-256. Resources are sorted by the components of their paths, and the model's digest is SHA-256 over the
//! resources' digests, one after another. Names are therefore not part of the digest; they are part of what is signed.
//! What git keeps at the top of a folder is left out, and symbolic links are refused, both as that tool does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// What is left out at the top of a folder.
const IGNORED: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its hash function; `sha256` is the only one known here.
    pub algorithm: String,
    /// Its digest.
    pub digest: Sha256Digest,
    /// Its path below the folder, with slashes; `.` for a model that is one file.
    pub name: String,
}

/// How files became resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serialization {
    /// `files`: one resource a file.
    pub method: String,
    /// `sha256`.
    pub hash_type: String,
    /// Whether symbolic links were followed.
    pub allow_symlinks: bool,
    /// Paths that were left out.
    #[serde(default)]
    pub ignore_paths: Vec<String>,
}

/// The files of a model: the predicate that model-signing signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFiles {
    /// How files became resources.
    pub serialization: Serialization,
    /// The files, sorted.
    pub resources: Vec<Resource>,
}

/// Why a model's files have no digest.
#[derive(Debug, thiserror::Error)]
pub enum ModelFilesError {
    /// It cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A symbolic link, which may stand for another file tomorrow.
    #[error("{}: is a symbolic link, which a signature cannot bind; give the file itself", .0.display())]
    Link(PathBuf),
    /// Neither file nor folder.
    #[error("{}: is neither a file nor a folder", .0.display())]
    Special(PathBuf),
    /// A name that JSON cannot hold.
    #[error("{}: its name is not UTF-8", .0.display())]
    Name(PathBuf),
    /// A folder without files.
    #[error("{}: holds no file", .0.display())]
    Empty(PathBuf),
}

impl ModelFiles {
    /// Hashes the file, or all files of the folder, at `path`.
    ///
    /// # Errors
    /// [`ModelFilesError`] names the file.
    pub fn read(path: &Path) -> Result<Self, ModelFilesError> {
        let mut files = Vec::new();
        let mut folders = vec![(path.to_owned(), Vec::new())];
        while let Some((path, name)) = folders.pop() {
            let kind = fs::symlink_metadata(&path)
                .map_err(read_error(&path))?
                .file_type();
            if kind.is_symlink() {
                return Err(ModelFilesError::Link(path));
            }
            if kind.is_file() {
                if !is_ignored(&name) {
                    files.push((name, path));
                }
                continue;
            }
            if !kind.is_dir() {
                return Err(ModelFilesError::Special(path));
            }
            for entry in fs::read_dir(&path).map_err(read_error(&path))? {
                let entry = entry.map_err(read_error(&path))?;
                let path = entry.path();
                let Ok(last) = entry.file_name().into_string() else {
                    return Err(ModelFilesError::Name(path));
                };
                let mut name = name.clone();
                name.push(last);
                folders.push((path, name));
            }
        }
        if files.is_empty() {
            return Err(ModelFilesError::Empty(path.to_owned()));
        }
        // By components, not by the joined text: `a/b` stands before `a-b`.
        files.sort();
        let resources = files
            .into_iter()
            .map(|(name, path)| {
                let file = File::open(&path).map_err(read_error(&path))?;
                Ok(Resource {
                    algorithm: "sha256".to_owned(),
                    digest: Sha256Digest::of_reader(file).map_err(read_error(&path))?,
                    name: if name.is_empty() {
                        ".".to_owned()
                    } else {
                        name.join("/")
                    },
                })
            })
            .collect::<Result<_, _>>()?;
        let serialization = Serialization {
            method: "files".to_owned(),
            hash_type: "sha256".to_owned(),
            allow_symlinks: false,
            ignore_paths: IGNORED.map(str::to_owned).into(),
        };
        Ok(Self {
            serialization,
            resources,
        })
    }

    /// The model's digest.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of_all(self.resources.iter().map(|resource| resource.digest))
    }

    /// Whether a file with this digest is one of them.
    pub fn holds(&self, digest: Sha256Digest) -> bool {
        self.resources
            .iter()
            .any(|resource| resource.digest == digest)
    }
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> ModelFilesError + '_ {
    |source| ModelFilesError::Read {
        path: path.to_owned(),
        source,
    }
}

fn is_ignored(name: &[String]) -> bool {
    name.first()
        .is_some_and(|first| IGNORED.contains(&first.as_str()))
}
