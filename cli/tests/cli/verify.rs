//! `verify`: what is accepted, what is rejected, and what is not understood.

use std::fs;

use serde_json::Value;
use winterforge_verifier::bundle::Header;

use crate::support::{Scratch, golden, json, keys, winterforge};

/// Verifies a bundle of mlp_bc and returns the exit code and the reason.
fn reason(code: i32, bundle: &str, more: &[&str]) -> String {
    let model = golden("mlp_bc", "model.onnx");
    let mut arguments = vec!["verify", bundle, "--model", &model];
    arguments.extend(more);
    let verdict = json(code, &arguments);
    assert_eq!(keys(&verdict), ["accepted", "detail", "reason"]);
    assert_eq!(verdict["accepted"], false);
    assert!(!verdict["detail"].as_str().unwrap().is_empty());
    verdict["reason"].as_str().unwrap().to_owned()
}

#[test]
fn another_model_input_or_minimum_is_rejected() {
    let scratch = Scratch::new();
    let bundle = scratch.prove("out.wfp", "mlp_bc", &["--index", "4"]);
    let inputs = golden("mlp_bc", "inputs.npz");

    let other = json(
        3,
        &[
            "verify",
            &bundle,
            "--model",
            &golden("mlp_digits", "model.onnx"),
        ],
    );
    assert_eq!(other["reason"], "other-model");
    assert_eq!(
        reason(3, &bundle, &["--min-security", "128"]),
        "insufficient-security"
    );
    assert_eq!(reason(3, &bundle, &["--hash", "poseidon2"]), "other-hash");
    let model = golden("mlp_bc", "model.onnx");
    let verdict = json(
        0,
        &["verify", &bundle, "--model", &model, "--hash", "blake3"],
    );
    assert_eq!(verdict["hash"], "blake3");
    assert_eq!(
        reason(3, &bundle, &["--input", &inputs, "--index", "5"]),
        "other-input"
    );
    assert_eq!(
        reason(3, &bundle, &["--input", &inputs, "--indices", "4..6"]),
        "other-input"
    );

    let text = winterforge(&[
        "verify",
        &bundle,
        "--model",
        &golden("mlp_bc", "model_u8.onnx"),
    ]);
    assert!(
        text.code == 3 && text.stdout.starts_with("rejected  other-model"),
        "{text:?}"
    );
    let text = winterforge(&[
        "verify",
        &bundle,
        "--model",
        &golden("mlp_bc", "model.onnx"),
        "--input",
        &inputs,
    ]);
    assert!(
        text.code == 0 && text.stdout.starts_with("accepted "),
        "{text:?}"
    );
}

#[test]
fn an_input_file_must_hold_the_proven_samples() {
    let scratch = Scratch::new();
    let bundle = scratch.prove("out.wfp", "mlp_bc", &["--indices", "4..7"]);
    let inputs = golden("mlp_bc", "inputs.npz");
    assert_eq!(
        reason(3, &bundle, &["--input", &inputs, "--indices", "3..6"]),
        "other-input"
    );
    let zeros = |samples: usize| {
        let rows = vec![vec![0.0f32; 30]; samples];
        scratch.write(
            "zeros.json",
            serde_json::to_string(&rows).unwrap().as_bytes(),
        )
    };
    for samples in [1, 3, 8] {
        assert_eq!(
            reason(3, &bundle, &["--input", &zeros(samples)]),
            "other-input"
        );
    }
}

#[test]
fn the_quantized_form_of_a_model_is_the_same_model() {
    let scratch = Scratch::new();
    let bundle = scratch.prove("out.wfp", "mlp_bc", &[]);
    let id = |file: &str| json(0, &["inspect", &golden("mlp_bc", file)])["id"].clone();
    let code = if id("model.onnx") == id("model_qdq.onnx") {
        0
    } else {
        3
    };
    json(
        code,
        &[
            "verify",
            &bundle,
            "--model",
            &golden("mlp_bc", "model_qdq.onnx"),
        ],
    );
}

#[test]
fn changed_bytes_are_rejected_and_never_panic() {
    let scratch = Scratch::new();
    let honest = fs::read(scratch.prove("out.wfp", "mlp_bc", &["--profile", "small"])).unwrap();
    // Every part of the header, then the proof in steps.
    let offsets = (0..80)
        .step_by(3)
        .chain((80..honest.len()).step_by(honest.len() / 70));
    for offset in offsets {
        let mut changed = honest.clone();
        changed[offset] ^= 1 << (offset % 8);
        let path = scratch.write("changed.wfp", &changed);
        let ran = winterforge(&[
            "verify",
            &path,
            "--model",
            &golden("mlp_bc", "model.onnx"),
            "--json",
        ]);
        assert!([1, 3].contains(&ran.code), "byte {offset}: {ran:?}");
        let verdict: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(verdict["accepted"], false, "byte {offset}");
        assert!(
            offset < 80 || ran.code == 3 || verdict["reason"] == "malformed-proof",
            "byte {offset}: {ran:?}"
        );
    }
}

#[test]
fn cut_or_extended_bundles_are_not_understood() {
    let scratch = Scratch::new();
    let honest = fs::read(scratch.prove("out.wfp", "mlp_bc", &[])).unwrap();
    let check = |bytes: &[u8]| reason(1, &scratch.write("changed.wfp", bytes), &[]);
    assert_eq!(check(&[]), "malformed-bundle");
    assert_eq!(check(b"something else entirely"), "malformed-bundle");
    assert_eq!(check(&honest[..40]), "malformed-bundle");
    assert_eq!(check(&honest[..300]), "malformed-proof");
    for length in (301..honest.len()).step_by(honest.len() / 12) {
        assert_eq!(check(&honest[..length]), "malformed-proof", "{length}");
    }
    let mut longer = honest.clone();
    longer.push(0);
    assert_eq!(check(&longer), "trailing-bytes");
}

/// A bundle of several shards, with some of them missing, repeated or in another order.
#[test]
fn shards_that_are_not_those_of_the_plan() {
    let scratch = Scratch::new();
    let selection = ["--indices", "0..200", "--max-log-rows", "9"];
    let path = scratch.prove("out.wfp", "mlp_mnist", &selection);
    let honest = fs::read(&path).unwrap();
    let (header, length) = Header::decode(&honest).unwrap();
    let (head, rest) = honest.split_at(length);
    let shards = header.shards as usize;
    assert!(shards > 2, "{shards}");
    let (roots, rest) = rest.split_at(32 * shards);
    let (claims, bodies) = rest.split_at(24 * shards);
    let check = |code: i32, parts: &[&[u8]]| {
        let path = scratch.write("changed.wfp", &parts.concat());
        let model = golden("mlp_mnist", "model.onnx");
        let verdict = json(code, &["verify", &path, "--model", &model]);
        verdict["reason"].as_str().unwrap().to_owned()
    };
    // Another number, with the list to go with it.
    let renumbered = |shards: usize| {
        let mut header = header.clone();
        header.shards = shards as u32;
        header.encode()
    };
    let fewer = renumbered(shards - 1);
    let parts = [&fewer[..], &roots[32..], &claims[24..], bodies];
    assert_eq!(check(3, &parts), "shard-count");
    let more = renumbered(shards + 1);
    let parts = [
        &more[..],
        roots,
        &roots[..32],
        claims,
        &claims[..24],
        bodies,
    ];
    assert_eq!(check(3, &parts), "shard-count");
    // The plan's number, but not its shards.
    let swapped = [&roots[32..64], &roots[..32], &roots[64..]].concat();
    assert_eq!(check(3, &[head, &swapped, claims, bodies]), "invalid-proof");
    let repeated = [&claims[..24], &claims[..24], &claims[48..]].concat();
    assert_eq!(check(3, &[head, roots, &repeated, bodies]), "invalid-proof");
    let missing = &bodies[..bodies.len() - bodies.len() / shards];
    assert_eq!(check(1, &[head, roots, claims, missing]), "malformed-proof");
    let surplus = &bodies[bodies.len() - bodies.len() / shards..];
    let parts = [head, roots, claims, bodies, surplus];
    assert_eq!(check(1, &parts), "trailing-bytes");
    assert_eq!(check(1, &[head, &roots[..40]]), "malformed-commitments");
}

#[test]
fn unreadable_files_are_bad_input() {
    let scratch = Scratch::new();
    let bundle = scratch.prove("out.wfp", "mlp_bc", &[]);
    assert_eq!(reason(1, &scratch.path("absent.wfp"), &[]), "bad-input");
    assert_eq!(
        reason(1, &bundle, &["--input", &scratch.path("absent.npz")]),
        "bad-input"
    );
    assert_eq!(
        reason(
            1,
            &bundle,
            &["--input", &golden("mlp_digits", "inputs.npz")]
        ),
        "bad-input"
    );
    for model in [
        scratch.path("absent.onnx"),
        scratch.write("junk.onnx", b"junk"),
        bundle.clone(),
    ] {
        assert_eq!(
            json(1, &["verify", &bundle, "--model", &model])["reason"],
            "bad-input"
        );
    }
}
