//! A thousand verifications of good and bad bundles at once: every verdict right, and no memory kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use winterforge_fuzz::memory::{self, Counting};
use winterforge_model::testing::Rng;
use winterforge_model::{Graph, load, read_input};
use winterforge_prover::{ProvingKey, Silent, prove, prove_with_key};
use winterforge_verifier::bundle::Parameters;
use winterforge_verifier::key::Key;
use winterforge_verifier::{Policy, verify, verify_with_key};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const VERIFICATIONS: usize = 1_000;
const WARM_UP: usize = 200;
const THREADS: usize = 4;
const SEED: u64 = 0x10ad;

/// A bundle, what it is verified against, and the reason for which it is to be rejected.
struct Case {
    bundle: Vec<u8>,
    graph: Arc<Graph>,
    key: Option<Key>,
    expected: Option<&'static [&'static str]>,
}

fn golden(model: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/models")
        .join(model)
        .join(file)
}

fn cases() -> Vec<Case> {
    let mut rng = Rng::new(SEED);
    let models = ["mlp_bc", "mlp_digits", "lenet_mnist", "tokens"].map(|model| {
        let graph = Arc::new(load(&golden(model, "model.onnx")).unwrap());
        let samples = read_input(&golden(model, "inputs.npz"), &graph).unwrap();
        (graph, samples)
    });
    let mut cases = Vec::new();
    for (index, (graph, samples)) in models.iter().enumerate() {
        let other = &models[(index + 1) % models.len()].0;
        let x = samples.sample(index);
        let open = prove(graph, x, Parameters::default(), &Silent)
            .unwrap()
            .bundle;
        let key = ProvingKey::setup(graph, Parameters::default()).unwrap();
        let committed = prove_with_key(graph, &key, x, &Silent).unwrap().bundle;
        let key = key.key;
        for (bundle, key) in [(open, None), (committed, Some(key))] {
            let mut add = |bundle: &[u8], graph: &Arc<Graph>, expected| {
                cases.push(Case {
                    bundle: bundle.to_vec(),
                    graph: graph.clone(),
                    key: key.clone(),
                    expected,
                });
            };
            add(&bundle, graph, None);
            add(
                &bundle[..bundle.len() / 2],
                graph,
                Some(&[
                    "invalid-proof",
                    "invalid-parameter-proof",
                    "malformed-proof",
                ]),
            );
            let mut changed = bundle.clone();
            let at = bundle.len() / 2 + rng.int(0, bundle.len() as i64 / 2 - 1) as usize;
            changed[at] ^= 1 << rng.int(0, 7);
            add(
                &changed,
                graph,
                Some(&[
                    "invalid-proof",
                    "invalid-parameter-proof",
                    "malformed-proof",
                ]),
            );
            let mut longer = bundle.clone();
            longer.push(0);
            add(&longer, graph, Some(&["trailing-bytes"]));
            add(b"WFBUNDLE", graph, Some(&["malformed-bundle"]));
            if key.is_none() {
                add(&bundle, other, Some(&["other-model"]));
            }
        }
    }
    cases
}

fn check(case: &Case) {
    let policy = Policy::default();
    let verdict = match &case.key {
        Some(key) => verify_with_key(&case.bundle, key, &policy),
        None => verify(&case.bundle, &case.graph, &policy),
    };
    let reason = verdict.as_ref().err().map(|error| error.code());
    match (case.expected, reason) {
        (None, None) => {}
        (Some(expected), Some(reason)) if expected.contains(&reason) => {}
        (expected, reason) => panic!("expected {expected:?}, found {reason:?}"),
    }
}

/// A line of this process's status, in bytes.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line
        .trim_start_matches(':')
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    Some(kilobytes * 1024)
}

/// All threads take the next case until `count` were taken; returns the most bytes that one verification held.
fn verify_all(cases: &[Case], count: usize) -> usize {
    let (next, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count {
                        break;
                    }
                    memory::reset();
                    check(&cases[turn % cases.len()]);
                    let held = memory::held();
                    most.fetch_max(held.most.max(0) as usize, Ordering::Relaxed);
                }
            });
        }
    });
    most.into_inner()
}

#[test]
fn a_thousand_at_once_keep_no_memory() {
    let cases = cases();
    verify_all(&cases, WARM_UP);
    let before = (status("VmRSS"), status("VmHWM"));
    let clock = Instant::now();
    let most = verify_all(&cases, VERIFICATIONS);
    let seconds = clock.elapsed().as_secs_f64();
    let after = (status("VmRSS"), status("VmHWM"));
    println!(
        "{VERIFICATIONS} verifications of {} bundles on {THREADS} threads: {seconds:.2} s, {most} bytes held by one at most, \
         resident set {before:?} before and {after:?} after (now, at most)",
        cases.len()
    );
    assert!(most > 10_000, "nothing was counted");
    // One verification holds little more than its bundle takes many times over; a thousand hold no more than a few at once.
    let ((Some(rss_before), Some(peak_before)), (Some(rss), Some(peak))) = (before, after) else {
        println!("skipped: the system does not tell the size of a process");
        if cfg!(target_os = "linux") {
            panic!("/proc/self/status does not tell it");
        }
        return;
    };
    const SLACK_BYTES: u64 = 8 << 20;
    assert!(rss < rss_before + SLACK_BYTES, "{rss_before} to {rss}");
    assert!(peak < peak_before + SLACK_BYTES, "{peak_before} to {peak}");
}

/// Whatever one verification takes it gives back, to the byte.
#[test]
fn a_verification_gives_back_what_it_takes() {
    for case in &cases() {
        // What is built once stays.
        check(case);
        memory::reset();
        check(case);
        let held = memory::held();
        // A file that is none is refused before anything is allocated.
        assert!(
            held.most > 0 || case.bundle.len() < 10,
            "nothing is counted"
        );
        assert_eq!(held.now, 0, "{:?}", case.expected);
    }
}
