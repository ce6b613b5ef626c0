//! Every target for a few seconds, from its seeds; and the harness itself, which must notice what it is for.

use std::time::Duration;

use winterforge_fuzz::memory::Counting;
use winterforge_fuzz::run::{Limits, execute, run};
use winterforge_fuzz::{Outcome, TARGETS, Target, seeds, target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SEED: u64 = 0x5eed;

#[test]
fn nothing_falls_over_in_a_few_seconds() {
    for target in &TARGETS {
        let limits = Limits {
            executions: Some(200_000),
            time: Some(Duration::from_secs(4)),
        };
        let files = seeds::read(target.name).unwrap();
        let summary = run(target, files, SEED, limits, |_| {});
        let summary = summary.unwrap_or_else(|failure| {
            let path = std::env::temp_dir().join(format!("{}.failure", target.name));
            std::fs::write(&path, &failure.input).unwrap();
            panic!(
                "{} with seed {SEED:#x}, execution {}: {}; the input is in {}",
                target.name,
                failure.execution,
                failure.what,
                path.display()
            )
        });
        println!("{}: {summary:?}", target.name);
        // Seeds that are out of date would not be understood, and next to nothing would be tried.
        assert!(
            summary.accepted > 0 || target.name == "key",
            "{}: {summary:?}",
            target.name
        );
        assert!(summary.outcomes >= 5, "{}: {summary:?}", target.name);
    }
}

/// The seeds of keys are accepted, and then used with a bundle that has no proof.
#[test]
fn seeds_of_keys_are_understood() {
    let target = target("key").unwrap();
    for seed in seeds::read("key").unwrap() {
        let (outcome, _) = execute(target, &seed).unwrap();
        let Outcome::Refused(reason) = outcome else {
            panic!("a bundle without a proof was accepted");
        };
        assert!(
            reason.starts_with("shard 0: ") || reason.contains("shards"),
            "{reason}"
        );
    }
}

#[test]
fn the_harness_notices_panics_and_memory() {
    fn panics(bytes: &[u8]) -> Outcome {
        assert!(bytes.first() != Some(&b'!'), "the first byte is a mark");
        Outcome::Accepted
    }
    fn hoards(bytes: &[u8]) -> Outcome {
        let hoard = vec![1u8; if bytes.len() > 3 { 65 << 20 } else { 1 << 20 }];
        Outcome::Refused(format!(
            "{}",
            hoard.iter().filter(|&&byte| byte == 1).count()
        ))
    }
    let limits = Limits {
        executions: Some(100_000),
        time: None,
    };
    let name = "none";
    let failure = run(
        &Target { name, run: panics },
        vec![b"x".to_vec()],
        1,
        limits,
        |_| {},
    );
    let failure = failure.unwrap_err();
    assert_eq!(failure.what, "panic: the first byte is a mark");
    assert_eq!(failure.input[0], b'!');
    let failure = run(
        &Target { name, run: hoards },
        vec![b"x".to_vec()],
        1,
        limits,
        |_| {},
    );
    let failure = failure.unwrap_err();
    assert!(failure.what.starts_with("it held 68"), "{}", failure.what);
    assert!(failure.input.len() > 3);
    // The same seed gives the same run.
    let again = run(
        &Target { name, run: hoards },
        vec![b"x".to_vec()],
        1,
        limits,
        |_| {},
    );
    let again = again.unwrap_err();
    assert_eq!(
        (again.execution, again.input),
        (failure.execution, failure.input)
    );
}
