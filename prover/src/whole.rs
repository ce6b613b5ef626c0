//! Files that appear whole or not at all, whatever ends the process or fills the disk.
//!
//! A file is written under another name beside its own, made durable, and renamed over its own. Who is killed in between
//! leaves the other name behind. Nothing reads such a remainder, and whoever writes the same file next removes it. So that
//! it is not taken from a process that is still writing, that process holds a lock on it, which ends with the process.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts what `write` writes at `path`, in place of a file that is there.
///
/// # Errors
/// What `write` or the operating system complains about. Then `path` is as it was.
pub fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut temporary = Temporary::create(path)?;
    let written = write(&mut temporary.file).and_then(|()| {
        temporary.file.sync_all()?;
        Ok(fs::rename(&temporary.path, path)?)
    });
    if written.is_err() {
        temporary.remove();
        return written;
    }
    // Makes the name durable too. Not every system can do that to a folder.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Whether [`write_whole`] could begin to write to `path`: to be asked before long work.
///
/// # Errors
/// The operating system's reason why not.
pub fn check_writable(path: &Path) -> io::Result<()> {
    Temporary::create(path)?.remove();
    Ok(())
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}

/// A file under another name, locked.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn create(target: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        let name = target.file_name().ok_or_else(no_name)?;
        let folder = folder_of(target);
        remove_remainders(folder, name);
        loop {
            let mut temporary = prefix(name);
            let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            temporary.push(format!("{process}-{count}{SUFFIX}"));
            let path = folder.join(temporary);
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)?;
            // Until it is locked, another process may take it for a remainder: that one holds the lock, and is about to
            // remove the file, or has done so. Where there are no locks, no remainder is removed either.
            let is_taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            if !is_taken && path.exists() {
                return Ok(Self { path, file });
            }
        }
    }

    fn remove(self) {
        let _ = fs::remove_file(self.path);
    }
}

const SUFFIX: &str = ".tmp";

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Removes what earlier processes left of this file.
fn remove_remainders(folder: &Path, name: &OsStr) {
    let prefix = prefix(name);
    let is_ours = |name: &OsStr| {
        let middle = (name.as_encoded_bytes())
            .strip_prefix(prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
        middle.is_some_and(|middle| middle.iter().all(|&b| b.is_ascii_digit() || b == b'-'))
    };
    // A folder that cannot be listed may still be written to.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_ours(&entry.file_name())) {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = File::open(&path) else {
            continue;
        };
        // The lock is held until the name is gone: whoever has just made the file must not get it in between.
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(&path);
        }
        drop(file);
    }
}
