//! Signatures beside files: where they stand, and what they say of a file's bytes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use winterforge_attest::{
    Artifact, Envelope, Kind, MAX_SIGNATURES_BYTES, PrivateKey, PublicKey, SigningKeyError,
    Statement, Unsigned, decode_envelopes, find_signed,
};

use crate::error::{CliError, warn};

/// Where the signatures on a file stand.
pub(crate) fn signatures_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".intoto.jsonl");
    name.into()
}

/// The name of a file, as a statement mentions it.
pub(crate) fn name_of(path: &Path) -> String {
    let whole = fs::canonicalize(path);
    let whole = whole.as_deref().unwrap_or(path);
    let name = whole.file_name().unwrap_or_else(|| OsStr::new(""));
    name.to_string_lossy().into_owned()
}

/// Reads the key to sign with.
pub(crate) fn read_private_key(path: &Path) -> Result<PrivateKey, CliError> {
    let key = read_pem(path, PrivateKey::from_pem)?;
    warn_if_others_read(path);
    Ok(key)
}

/// Reads the key to check signatures with.
pub(crate) fn read_public_key(path: &Path) -> Result<PublicKey, CliError> {
    read_pem(path, PublicKey::from_pem)
}

fn read_pem<K>(
    path: &Path,
    parse: impl Fn(&str) -> Result<K, SigningKeyError>,
) -> Result<K, CliError> {
    const LONGEST_BYTES: u64 = 1 << 16;
    let hint = "a private key: openssl genpkey -algorithm ed25519 -out KEY.pem; its public key: openssl pkey -in KEY.pem -pubout -out PUB.pem";
    let mut pem = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_BYTES).read_to_string(&mut pem))
        .map_err(|error| CliError::file(path, "cannot be read", &error).hint(hint))?;
    parse(&pem).map_err(|error| CliError::input(format!("{}: {error}", path.display())).hint(hint))
}

#[cfg(unix)]
fn warn_if_others_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        let path = path.display();
        warn(&format!(
            "{path}: others can read this private key; chmod 600 {path}"
        ));
    }
}

#[cfg(not(unix))]
fn warn_if_others_read(_: &Path) {}

/// The envelopes beside a file; `None` if there is no such file.
pub(crate) fn read_envelopes(file: &Path) -> Result<Option<Vec<Envelope>>, CliError> {
    let path = signatures_path(file);
    let mut contents = Vec::new();
    let read = File::open(&path).and_then(|file| {
        file.take(MAX_SIGNATURES_BYTES as u64 + 1)
            .read_to_end(&mut contents)
    });
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::file(&path, "cannot be read", &error).hint(
                "signatures are a file of lines of JSON, as `winterforge sign` writes them",
            ));
        }
    }
    let envelopes = decode_envelopes(&contents).map_err(|error| {
        CliError::input(format!("{}: {error}", path.display())).hint(
            "it holds no signatures as `winterforge sign` writes them; remove it, or get it again",
        )
    })?;
    Ok(Some(envelopes))
}

/// Why a file is not signed as asked.
#[derive(Debug)]
pub(crate) struct Missing {
    /// A stable name for scripts.
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
}

/// What `key` states of the bundle or key in `file`, whose bytes are `contents`.
pub(crate) fn statement_on(
    file: &Path,
    contents: &[u8],
    kind: Kind,
    key: &PublicKey,
) -> Result<Result<Statement, Missing>, CliError> {
    let path = signatures_path(file);
    let Some(envelopes) = read_envelopes(file)? else {
        return Ok(Err(Missing {
            reason: "no-signature",
            detail: format!("{}: no such file", path.display()),
        }));
    };
    let found = find_signed(&envelopes, key, Artifact::new(kind, contents));
    Ok(found.map_err(|error| Missing {
        reason: match error {
            Unsigned::OtherSigner(_) => "other-signer",
            Unsigned::OtherSubject(_) => "other-subject",
            Unsigned::Statement(_) => "unknown-statement",
        },
        detail: format!("{}: {error}", path.display()),
    }))
}
