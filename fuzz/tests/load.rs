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
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::key::Key;
use winterforge_verifier::security::SecurityLevel;
use winterforge_verifier::{Policy, Verified, Verifier, VerifyError, verify, verify_with_key};

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
    /// For all bundles about this model, or with this key.
    verifier: Arc<Verifier>,
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
            let verifier = Arc::new(verifier(graph, key.as_ref()));
            let mut add = |bundle: &[u8], graph: &Arc<Graph>, expected| {
                cases.push(Case {
                    bundle: bundle.to_vec(),
                    graph: graph.clone(),
                    key: key.clone(),
                    // The bundle about another model is for the other's verifier.
                    verifier: if Arc::ptr_eq(graph, &models[index].0) {
                        verifier.clone()
                    } else {
                        Arc::new(self::verifier(graph, key.as_ref()))
                    },
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

fn verifier(graph: &Arc<Graph>, key: Option<&Key>) -> Verifier {
    match key {
        Some(key) => Verifier::of_key(key.clone(), Policy::default()).unwrap(),
        None => Verifier::of_model(graph.clone(), Policy::default()),
    }
}

/// Verifies with what is compiled for this bundle alone.
fn verify_alone(case: &Case) -> Result<Verified, VerifyError> {
    let policy = Policy::default();
    match &case.key {
        Some(key) => verify_with_key(&case.bundle, key, &policy),
        None => verify(&case.bundle, &case.graph, &policy),
    }
}

fn check(case: &Case, verdict: Result<Verified, VerifyError>) {
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
                    let case = &cases[turn % cases.len()];
                    // Every other time with the verifier that all threads share.
                    let verdict = if (turn / cases.len()).is_multiple_of(2) {
                        verify_alone(case)
                    } else {
                        case.verifier.verify(&case.bundle)
                    };
                    check(case, verdict);
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
        check(case, verify_alone(case));
        memory::reset();
        check(case, verify_alone(case));
        let held = memory::held();
        // A file that is none is refused before anything is allocated.
        assert!(
            held.most > 0 || case.bundle.len() < 10,
            "nothing is counted"
        );
        assert_eq!(held.now, 0, "{:?}", case.expected);
    }
}

/// A verifier of more plans than it keeps: each bundle gets the verdict, and the security, of a verifier of its own.
#[test]
fn a_verifier_keeps_a_few_plans() {
    let graph = Arc::new(load(&golden("mlp_bc", "model.onnx")).unwrap());
    let samples = read_input(&golden("mlp_bc", "inputs.npz"), &graph).unwrap();
    let inputs = [
        samples.sample(0),
        &[samples.sample(0), samples.sample(1)].concat(),
    ];
    let (mut bundles, mut plan_bytes, policy) = (Vec::new(), 0, Policy::default());
    for x in inputs {
        for level in [SecurityLevel::Bits100, SecurityLevel::Bits128] {
            for hash in [HashId::Blake3, HashId::Poseidon2] {
                let parameters = Parameters {
                    level,
                    hash,
                    ..Parameters::default()
                };
                let bundle = prove(&graph, x, parameters, &Silent).unwrap().bundle;
                memory::reset();
                let alone = Verifier::of_model(graph.clone(), policy.clone());
                let bits = alone.verify(&bundle).unwrap().ledger.bits();
                plan_bytes = plan_bytes.max(memory::held().now);
                assert!(bits >= level.bits());
                bundles.push((bundle, bits));
            }
        }
    }
    let verifier = Verifier::of_model(graph, policy);
    let mut rng = Rng::new(SEED);
    memory::reset();
    for turn in 0..10 * bundles.len() {
        let index = if turn < bundles.len() {
            turn
        } else {
            rng.int(0, bundles.len() as i64 - 1) as usize
        };
        let (bundle, bits) = &bundles[index];
        let verified = verifier.verify(bundle).unwrap();
        assert_eq!(verified.ledger.bits(), *bits, "turn {turn}");
        let mut changed = bundle.clone();
        let at = rng.int(0, bundle.len() as i64 - 1) as usize;
        changed[at] ^= 1 << rng.int(0, 7);
        assert!(
            verifier.verify(&changed).is_err(),
            "byte {at} of bundle {index}"
        );
        drop(changed);
        let held = memory::held().now;
        assert!(held <= 5 * plan_bytes, "turn {turn}: {held} bytes are kept");
    }
    assert!(memory::held().now > plan_bytes, "nothing is kept");
}
