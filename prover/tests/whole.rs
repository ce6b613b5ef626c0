//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use winterforge_prover::{check_writable, write_whole};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("whole-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn names(&self) -> Vec<OsString> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_failure_changes_nothing() {
    let folder = Folder::new("failure");
    let path = folder.0.join("out");
    fs::write(&path, "before").unwrap();
    let failed = write_whole(&path, |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("full"))
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"before");
    assert_eq!(folder.names(), ["out"]);
    write_whole(&path, |file| file.write_all(b"after")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"after");
    assert_eq!(folder.names(), ["out"]);
}

#[test]
fn remainders_go_and_files_in_the_making_stay() {
    let folder = Folder::new("remainders");
    let path = folder.0.join("out");
    // The first is a remainder; the others only look like one.
    for name in [
        ".out.12-0.tmp",
        ".out.x.tmp",
        ".out2.12-0.tmp",
        "out.12-0.tmp",
    ] {
        fs::write(folder.0.join(name), "half").unwrap();
    }
    fs::create_dir(folder.0.join(".out.13-0.tmp")).unwrap();
    write_whole(&path, |file| {
        file.write_all(b"first")?;
        // Another writer of the same file, in the middle of the first one's work.
        check_writable(&path)?;
        write_whole(&path, |file| file.write_all(b"second"))
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    let left = [
        ".out.13-0.tmp",
        ".out.x.tmp",
        ".out2.12-0.tmp",
        "out",
        "out.12-0.tmp",
    ];
    assert_eq!(folder.names(), left);
}

/// Writers of one file sweep up behind each other all the time, and none loses the file that it is writing.
#[test]
fn many_writers_of_one_file() {
    let folder = Folder::new("many");
    let path = folder.0.join("out");
    let contents = |thread: u8| vec![thread; 1_000];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..300 {
                    let written = write_whole(path, |file| file.write_all(&contents(thread)));
                    written
                        .unwrap_or_else(|error| panic!("thread {thread}, round {round}: {error}"));
                }
            });
        }
    });
    let last = fs::read(&path).unwrap();
    assert!((0..4).any(|thread| last == contents(thread)));
    assert_eq!(folder.names(), ["out"]);
}
