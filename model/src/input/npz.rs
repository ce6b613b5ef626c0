//! The `.npz` format: a zip archive of `.npy` arrays, stored or deflated.

use std::io::Cursor;

use zip::ZipArchive;

use super::{Samples, Target, npy};
use crate::error::{InputError, Shown};

/// Arrays up to this size may be compressed by any factor.
const FREE_BYTES: usize = 1 << 24;

/// Larger ones by this factor at most. Real inputs stay below 20; deflate reaches 1000 on zeros.
const MAX_RATIO: usize = 64;

/// Reads the array `x`.
pub(super) fn decode(target: &Target<'_>, bytes: &[u8]) -> Result<Samples, InputError> {
    let damaged = |error| target.malformed(format!("not a readable .npz archive: {error}"));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let Some(index) = archive.index_for_name("x.npy") else {
        let names = archive.file_names().flatten().take(8).map(|name| {
            let name = name.strip_suffix(".npy").unwrap_or(&name);
            format!("`{}`", Shown(name))
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let found = if names.is_empty() {
            "is empty".to_string()
        } else {
            names
        };
        return Err(InputError::NoArray {
            file: target.file.to_string(),
            found,
        });
    };
    let entry = archive.by_index(index).map_err(damaged)?;
    let max_bytes = bytes.len().saturating_mul(MAX_RATIO).max(FREE_BYTES);
    npy::decode(target, entry, max_bytes)
}
