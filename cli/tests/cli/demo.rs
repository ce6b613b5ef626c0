//! `demo`: passes, says what it did, and keeps what it is told to.

use crate::support::{Scratch, json, json_lines, winterforge, winterforge_in};

#[test]
fn every_step_in_json() {
    let steps = json_lines(0, &["demo"]);
    let of = |name: &str| {
        steps
            .iter()
            .filter(|step| step["step"] == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("run").len(), 6);
    assert_eq!(of("prove").len(), 2);
    assert!(of("verify").iter().all(|step| step["accepted"] == true) && of("verify").len() == 2);
    let reasons: Vec<_> = of("forgery")
        .iter()
        .map(|step| step["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "invalid-proof",
            "other-model",
            "invalid-proof",
            "other-input",
            "invalid-proof"
        ]
    );
    assert_eq!(steps.last().unwrap()["ok"], true);
}

#[test]
fn in_text_and_without_files() {
    let scratch = Scratch::new();
    let ran = winterforge_in(scratch.folder(), &["demo"]);
    assert!(ran.code == 0 && ran.stderr.is_empty(), "{ran:?}");
    assert!(ran.stdout.is_ascii(), "no terminal: no block characters");
    assert_eq!(
        ran.stdout.matches("rejected: ").count(),
        5,
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.lines().all(|line| line.len() < 200));
    assert!(scratch.names().is_empty());
}

#[test]
fn what_is_kept_can_be_used() {
    let scratch = Scratch::new();
    let folder = scratch.path("kept");
    assert_eq!(winterforge(&["demo", "--keep", &folder]).code, 0);
    let file = |name: &str| format!("{folder}/{name}");
    let (model, inputs) = (file("model.onnx"), file("inputs.npy"));
    for (bundle, samples) in [("one.wfp", "0..1"), ("all.wfp", "0..6")] {
        json(
            0,
            &[
                "verify",
                &file(bundle),
                "--model",
                &model,
                "--input",
                &inputs,
                "--indices",
                samples,
            ],
        );
    }
    assert_eq!(
        json_lines(0, &["run", &model, "--input", &inputs, "--all"]).len(),
        6
    );
}
