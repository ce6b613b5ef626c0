//! Processes at once on one key, cache or bundle, some of them killed: whoever is told of success finds whole files.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use winterforge_model::testing::Rng;

use crate::support::{Scratch, golden, json, winterforge};

const MODELS: [&str; 2] = ["mlp_bc", "mlp_digits"];

/// Two models' files at one key, as each makes them alone.
struct Setting {
    scratch: Scratch,
    key: String,
    cache: String,
    bundle: String,
    keys: [Vec<u8>; 2],
    caches: [Vec<u8>; 2],
    bundles: [Vec<u8>; 2],
    /// What one command takes.
    each: Duration,
}

impl Setting {
    fn new() -> Self {
        let scratch = Scratch::new();
        let (key, bundle) = (scratch.path("model.wfk"), scratch.path("out.wfp"));
        let cache = format!("{key}.cache");
        let clock = Instant::now();
        let made = MODELS.map(|model| {
            for arguments in [setup(model, &key), prove(model, &key, &bundle)] {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let ran = winterforge(&arguments);
                assert_eq!(ran.code, 0, "{ran:?}");
            }
            [&key, &cache, &bundle].map(|path| fs::read(path).unwrap())
        });
        let each = clock.elapsed() / 4;
        let [[key_0, cache_0, bundle_0], [key_1, cache_1, bundle_1]] = made;
        let setting = Self {
            scratch,
            key,
            cache,
            bundle,
            keys: [key_0, key_1],
            caches: [cache_0, cache_1],
            bundles: [bundle_0, bundle_1],
            each,
        };
        setting.clear();
        setting
    }

    fn clear(&self) {
        for name in self.scratch.names() {
            fs::remove_file(self.scratch.path(&name)).unwrap();
        }
    }

    /// Which model's file this is; none if there is none.
    fn owner(path: &str, complete: &[Vec<u8>; 2], context: &str) -> Option<usize> {
        let found = fs::read(path).ok()?;
        let owner = complete.iter().position(|complete| *complete == found);
        assert!(
            owner.is_some(),
            "{context}: {path} is no whole file: {} bytes",
            found.len()
        );
        owner
    }

    fn owners(&self, context: &str) -> [Option<usize>; 3] {
        [
            Self::owner(&self.key, &self.keys, context),
            Self::owner(&self.cache, &self.caches, context),
            Self::owner(&self.bundle, &self.bundles, context),
        ]
    }

    fn names(&self) -> BTreeSet<String> {
        self.scratch.names().into_iter().collect()
    }
}

fn setup(model: &str, key: &str) -> Vec<String> {
    let onnx = golden(model, "model.onnx");
    ["setup", &onnx, "-o", key].map(str::to_owned).into()
}

fn prove(model: &str, key: &str, bundle: &str) -> Vec<String> {
    let (onnx, inputs) = (golden(model, "model.onnx"), golden(model, "inputs.npz"));
    [
        "prove", &onnx, "--input", &inputs, "--key", key, "-o", bundle,
    ]
    .map(str::to_owned)
    .into()
}

fn start(arguments: &[String]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_winterforge"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a process that must succeed; returns what it said.
fn succeed(child: Child, context: &str) -> String {
    let done = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{context}: {stderr}");
    stderr
}

#[test]
fn two_of_the_same() {
    let setting = Setting::new();
    for round in 0..8 {
        let context = format!("round {round}");
        setting.clear();
        let both = [(); 2].map(|()| start(&setup("mlp_bc", &setting.key)));
        for child in both {
            assert_eq!(succeed(child, &context), "", "{context}");
        }
        assert_eq!(setting.owners(&context), [Some(0), Some(0), None]);
        // The cache is not there, and both make it.
        fs::remove_file(&setting.cache).unwrap();
        let arguments = prove("mlp_bc", &setting.key, &setting.bundle);
        let both = [(); 2].map(|()| start(&arguments));
        for child in both {
            assert_eq!(succeed(child, &context), "", "{context}");
        }
        assert_eq!(setting.owners(&context), [Some(0); 3]);
        assert_eq!(setting.names().len(), 3, "{context}: {:?}", setting.names());
    }
}

/// Two models' keys to one place while proofs are made with what is there, and each process may be killed.
#[test]
fn others_are_killed_in_between() {
    const SEED: u64 = 0x2b07;
    println!("seed {SEED:#x}");
    let setting = Setting::new();
    let mut rng = Rng::new(SEED);
    for round in 0..25 {
        let context = format!("seed {SEED:#x}, round {round}");
        let mut children = Vec::new();
        for process in 0..3 {
            let model = *rng.pick(&MODELS);
            let arguments = if process < 2 {
                setup(model, &setting.key)
            } else {
                prove(model, &setting.key, &setting.bundle)
            };
            children.push((process < 2, start(&arguments)));
        }
        for (is_setup, mut child) in children {
            if rng.one_in(2) {
                let delay = setting.each.mul_f64(rng.int(0, 1_500) as f64 / 1_000.0);
                std::thread::sleep(delay);
                child.kill().unwrap();
                child.wait().unwrap();
            } else if is_setup {
                succeed(child, &context);
            } else {
                // The key may be absent or the other model's when the proof begins: then it is refused, with a reason.
                let done = child.wait_with_output().unwrap();
                let stderr = String::from_utf8(done.stderr).unwrap();
                let code = done.status.code();
                let is_refused = code == Some(1) && stderr.starts_with("error: ");
                assert!(code == Some(0) || is_refused, "{context}: {stderr}");
            }
        }
        setting.owners(&context);
    }
    // Whatever key is left, it can be proven with, and whatever cache is beside it is checked.
    succeed(start(&setup("mlp_bc", &setting.key)), "the last setup");
    fs::write(&setting.cache, &setting.caches[1]).unwrap();
    let last = prove("mlp_bc", &setting.key, &setting.bundle);
    let warning = succeed(start(&last), "the last proof");
    assert!(warning.contains("belongs to another key"), "{warning}");
    assert_eq!(setting.owners("at the end"), [Some(0); 3]);
    json(0, &["verify", &setting.bundle, "--key", &setting.key]);
    let expected = ["model.wfk", "model.wfk.cache", "out.wfp"].map(str::to_owned);
    assert_eq!(setting.names(), BTreeSet::from(expected));
}
