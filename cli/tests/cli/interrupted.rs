//! What is left when a disk is full, a folder is read-only, or a process is killed: the old file, or the whole new one.
//!
//! A limit on the size of files makes a disk that is full after so many bytes. A process that ignores the signal which
//! comes with it is told of the error; one that does not is killed in the middle of that write.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use winterforge_model::testing::Rng;

use crate::support::{Scratch, golden, json, winterforge};

const BINARY: &str = env!("CARGO_BIN_EXE_winterforge");

/// Bytes in the unit of `ulimit -f`.
const BLOCK: usize = 512;

/// How a process ended that may have been killed.
#[derive(Debug)]
struct Ended {
    /// None where a signal ended it.
    code: Option<i32>,
    stderr: String,
}

/// Runs `command` to its end.
fn end_of(command: &mut Command) -> Ended {
    let done = command.output().unwrap();
    assert!(
        done.status.code().is_some() || done.status.signal().is_some(),
        "{done:?}"
    );
    Ended {
        code: done.status.code(),
        stderr: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Runs the binary where no file can grow beyond `blocks`, told of it or killed by it.
fn limited(blocks: usize, told: bool, arguments: &[&str]) -> Ended {
    let trap = if told { "trap '' XFSZ; " } else { "" };
    let script = format!("{trap}ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    end_of(
        Command::new("sh")
            .args(["-c", &script, BINARY])
            .args(arguments),
    )
}

fn names(scratch: &Scratch) -> BTreeSet<String> {
    scratch.names().into_iter().collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// The arguments that set a golden model up at `key`.
fn setup(model: &str, key: &str) -> Vec<String> {
    let onnx = golden(model, "model.onnx");
    ["setup", &onnx, "-o", key].map(str::to_owned).into()
}

/// The arguments that prove a sample of a golden model into `out`.
fn prove(model: &str, out: &str, key: Option<&str>) -> Vec<String> {
    let (onnx, inputs) = (golden(model, "model.onnx"), golden(model, "inputs.npz"));
    let mut arguments = vec!["prove", &onnx, "--input", &inputs, "-o", out];
    arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
    arguments.into_iter().map(str::to_owned).collect()
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Runs the binary, which must succeed, and returns what it wrote to `path`.
fn whole(arguments: &[String], path: &str) -> Vec<u8> {
    let ran = winterforge(&strs(arguments));
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::read(path).unwrap()
}

/// What the file is cut at: nothing, a block, somewhere in it, its last block.
fn cuts(length: usize, rng: &mut Rng) -> BTreeSet<usize> {
    let last = (length - 1) / BLOCK;
    [0, 1.min(last), rng.int(0, last as i64) as usize, last].into()
}

/// The command must write `length` bytes or more to a file `name`, and its old contents must outlive all failures.
fn cannot_grow(scratch: &Scratch, name: &str, arguments: &[String], length: usize, seed: u64) {
    let path = scratch.path(name);
    let mut rng = Rng::new(seed);
    let before = names(scratch);
    let old = fs::read(&path).ok();
    for blocks in cuts(length, &mut rng) {
        let ended = limited(blocks, true, &strs(arguments));
        let context = format!("seed {seed}, {blocks} blocks: {ended:?}");
        assert_eq!(ended.code, Some(1), "{context}");
        let complaint = format!("error: {path}: cannot be written: ");
        assert!(ended.stderr.starts_with(&complaint), "{context}");
        assert_eq!(names(scratch), before, "{context}");
        assert_eq!(fs::read(&path).ok(), old, "{context}");

        let ended = limited(blocks, false, &strs(arguments));
        let context = format!("seed {seed}, {blocks} blocks: {ended:?}");
        assert_eq!(ended.code, None, "{context}");
        assert_eq!(fs::read(&path).ok(), old, "{context}");
        // What it had written is left, but only of the last one that was killed.
        let left: Vec<String> = names(scratch).difference(&before).cloned().collect();
        assert_eq!(left.len(), 1, "{context} {left:?}");
        let file = fs::metadata(scratch.path(&left[0])).unwrap();
        assert!(left[0].starts_with(&format!(".{name}.")), "{left:?}");
        assert_eq!(file.len(), (blocks * BLOCK) as u64, "{left:?}");
    }
}

#[test]
fn a_full_disk_leaves_no_half_key_and_no_half_cache() {
    let scratch = Scratch::new();
    let key = scratch.path("model.wfk");
    let cache = format!("{key}.cache");
    let arguments = setup("inverted_residual", &key);
    let complete = whole(&arguments, &key);
    let complete_cache = fs::read(&cache).unwrap();
    assert!(complete_cache.len() > 4 * complete.len());
    fs::remove_file(&key).unwrap();
    fs::remove_file(&cache).unwrap();
    cannot_grow(&scratch, "model.wfk", &arguments, complete.len(), 1);

    // There is room for the key and not for the cache: a key is made, and a warning.
    let mut rng = Rng::new(2);
    let enough = complete.len().div_ceil(BLOCK);
    for blocks in cuts(complete_cache.len(), &mut rng) {
        let blocks = blocks.max(enough);
        let ended = limited(blocks, true, &strs(&arguments));
        assert_eq!(ended.code, Some(0), "{blocks} blocks: {ended:?}");
        let complaint = format!("warning: {cache}: cannot be written: ");
        assert!(ended.stderr.starts_with(&complaint), "{ended:?}");
        assert_eq!(names(&scratch), set(["model.wfk"]));
        assert_eq!(fs::read(&key).unwrap(), complete);
        let ended = limited(blocks, false, &strs(&arguments));
        assert_eq!(ended.code, None, "{blocks} blocks: {ended:?}");
        assert!(!fs::exists(&cache).unwrap());
        assert_eq!(names(&scratch).len(), 2);
    }
    // The next proof makes the cache and sweeps up.
    let bundle = scratch.path("out.wfp");
    whole(&prove("inverted_residual", &bundle, Some(&key)), &bundle);
    let all = set(["model.wfk", "model.wfk.cache", "out.wfp"]);
    assert_eq!(names(&scratch), all);
    assert_eq!(fs::read(&cache).unwrap(), complete_cache);
    json(0, &["verify", &bundle, "--key", &key]);
}

#[test]
fn a_full_disk_leaves_no_half_bundle() {
    let scratch = Scratch::new();
    let bundle = scratch.path("out.wfp");
    let arguments = prove("mlp_bc", &bundle, None);
    let complete = whole(&arguments, &bundle);
    fs::remove_file(&bundle).unwrap();
    cannot_grow(&scratch, "out.wfp", &arguments, complete.len(), 3);
    assert_eq!(whole(&arguments, &bundle), complete);
    assert_eq!(names(&scratch), set(["out.wfp"]));
    // An older bundle stays as it was.
    fs::write(&bundle, b"an older file").unwrap();
    cannot_grow(&scratch, "out.wfp", &arguments, complete.len(), 4);
    assert_eq!(whole(&arguments, &bundle), complete);
    assert_eq!(names(&scratch), set(["out.wfp"]));
    let model = golden("mlp_bc", "model.onnx");
    json(0, &["verify", &bundle, "--model", &model]);
}

/// Starts the binary and kills it after `delay`.
fn killed(delay: Duration, arguments: &[String]) {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The file is absent or one of these.
fn is_whole(path: &str, complete: &[&[u8]]) -> bool {
    fs::read(path).map_or(true, |found| complete.contains(&found.as_slice()))
}

#[test]
fn a_kill_leaves_whole_files_or_none() {
    const SEED: u64 = 0x6b11;
    println!("seed {SEED:#x}");
    let mut rng = Rng::new(SEED);
    let scratch = Scratch::new();
    let (key, bundle) = (scratch.path("model.wfk"), scratch.path("out.wfp"));
    let cache = format!("{key}.cache");
    let models = ["mlp_bc", "mlp_digits"];
    let clock = Instant::now();
    let complete = models.map(|model| {
        let key_bytes = whole(&setup(model, &key), &key);
        let bundle_bytes = whole(&prove(model, &bundle, Some(&key)), &bundle);
        (key_bytes, fs::read(&cache).unwrap(), bundle_bytes)
    });
    let each = clock.elapsed() / 4;
    let keys = complete.each_ref().map(|(key, _, _)| key.as_slice());
    let caches = complete.each_ref().map(|(_, cache, _)| cache.as_slice());
    let bundles = complete.each_ref().map(|(_, _, bundle)| bundle.as_slice());
    for path in [&key, &cache, &bundle] {
        fs::remove_file(path).unwrap();
    }
    for round in 0..30 {
        // One model's key may come over the other's, and find the other's cache beside it.
        let model = *rng.pick(&models);
        let delay = each.mul_f64(rng.int(0, 1_200) as f64 / 1_000.0);
        killed(delay, &setup(model, &key));
        let context = format!("seed {SEED:#x}, round {round}, {delay:?}");
        assert!(is_whole(&key, &keys), "{context}");
        assert!(is_whole(&cache, &caches), "{context}");
        let Some(model) =
            (fs::read(&key).ok()).and_then(|key| keys.iter().position(|known| *known == key))
        else {
            continue;
        };
        let delay = each.mul_f64(rng.int(0, 1_200) as f64 / 1_000.0);
        killed(delay, &prove(models[model], &bundle, Some(&key)));
        let context = format!("{context}, proof {delay:?}");
        assert!(is_whole(&cache, &caches), "{context}");
        assert!(is_whole(&bundle, &bundles), "{context}");
    }
    // Whatever was left is used or made again, and nothing else stays.
    let model = golden(models[0], "model.onnx");
    let wrong_cache = caches[1];
    assert_eq!(whole(&setup(models[0], &key), &key), keys[0]);
    fs::write(&cache, wrong_cache).unwrap();
    let arguments = prove(models[0], &bundle, Some(&key));
    assert_eq!(whole(&arguments, &bundle), bundles[0]);
    assert_eq!(fs::read(&cache).unwrap(), caches[0]);
    json(0, &["verify", &bundle, "--key", &key]);
    assert_eq!(
        json(3, &["verify", &bundle, "--model", &model])["reason"],
        "needs-key"
    );
    let all = set(["model.wfk", "model.wfk.cache", "out.wfp"]);
    assert_eq!(names(&scratch), all);
}

/// Runs the binary without the right to write where permissions forbid it, which root has.
fn unprivileged(arguments: &[&str], probe: &Path) -> Ended {
    let is_root = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(probe)
        .is_ok();
    let mut command = if is_root {
        fs::remove_file(probe).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-dac_override", BINARY]);
        command
    } else {
        Command::new(BINARY)
    };
    end_of(command.args(arguments))
}

#[test]
fn a_read_only_folder_is_noticed_before_the_work() {
    let scratch = Scratch::new();
    let locked = scratch.folder().join("locked");
    fs::create_dir(&locked).unwrap();
    let (key, bundle) = (
        scratch.path("locked/model.wfk"),
        scratch.path("locked/out.wfp"),
    );
    // A key with no right to keep a cache beside it.
    let arguments = setup("mlp_bc", &key);
    whole(&arguments, &key);
    fs::remove_file(format!("{key}.cache")).unwrap();
    fs::set_permissions(&locked, Permissions::from_mode(0o555)).unwrap();
    let other = scratch.path("locked/other.wfk");
    for (arguments, path) in [
        (setup("mlp_bc", &other), &other),
        (prove("mlp_bc", &bundle, None), &bundle),
        (prove("mlp_bc", &bundle, Some(&key)), &bundle),
    ] {
        let ended = unprivileged(&strs(&arguments), &locked.join("probe"));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let complaint = format!("error: {path}: cannot be written: Permission denied");
        assert!(ended.stderr.starts_with(&complaint), "{ended:?}");
    }
    let outside = scratch.path("out.wfp");
    let arguments = prove("mlp_bc", &outside, Some(&key));
    let ended = unprivileged(&strs(&arguments), &locked.join("probe"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let complaint = format!("warning: {key}.cache: cannot be written: Permission denied");
    assert!(ended.stderr.starts_with(&complaint), "{ended:?}");
    json(0, &["verify", &outside, "--key", &key]);
    fs::set_permissions(&locked, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(names(&scratch), set(["locked", "out.wfp"]));
    assert_eq!(fs::read_dir(&locked).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_the_file_is_whole() {
    let scratch = Scratch::new();
    let bundle = scratch.path("out.wfp");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = Command::new(BINARY)
        .args(prove("mlp_bc", &bundle, None))
        .arg("--json")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert!(
        stderr.starts_with("error: standard output cannot be written: "),
        "{stderr}"
    );
    let model = golden("mlp_bc", "model.onnx");
    json(0, &["verify", &bundle, "--model", &model]);
    assert_eq!(names(&scratch), set(["out.wfp"]));

    let ran = winterforge(&strs(&prove("mlp_bc", "/dev/full", None)));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("error: /dev/full: exists and is no regular file")
    );
}

#[test]
fn a_full_disk_leaves_no_half_signature() {
    let scratch = Scratch::new();
    let bundle = scratch.path("out.wfp");
    whole(&prove("mlp_bc", &bundle, None), &bundle);
    // The example of RFC 8410.
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let key = scratch.write("signer.pem", key.as_bytes());
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let model = golden("mlp_bc", "model.onnx");
    let signatures = format!("{bundle}.intoto.jsonl");
    let sign: Vec<String> = ["sign", &bundle, "--key-file", &key]
        .map(str::to_owned)
        .into();
    let complete = whole(&sign, &signatures);
    fs::remove_file(&signatures).unwrap();
    cannot_grow(&scratch, "out.wfp.intoto.jsonl", &sign, complete.len(), 4);
    // An older signature outlives a newer one that there is no room for.
    assert_eq!(whole(&sign, &signatures), complete);
    let again = [&sign[..], &["--model".to_owned(), model]].concat();
    let ended = limited(1, true, &strs(&again));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(fs::read(&signatures).unwrap(), complete);
}
