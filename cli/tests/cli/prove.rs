//! `prove`: outputs, reports, files, estimates.

use std::fs;

use crate::support::{
    MODELS, Scratch, golden, golden_q, integer_rows, json, keys, winterforge, winterforge_in,
};

const KEYS: [&str; 13] = [
    "bundle",
    "bundle_bytes",
    "cells",
    "device",
    "device_words",
    "model_id",
    "outputs_q",
    "peak_rss_mb",
    "prove_cpu_s",
    "prove_wall_s",
    "proven_bits",
    "shards",
    "threads",
];

#[test]
fn one_sample_of_every_model() {
    let scratch = Scratch::new();
    for (index, (model, file, outputs)) in MODELS.into_iter().enumerate() {
        let (onnx, inputs, bundle) = (
            golden(model, file),
            golden(model, "inputs.npz"),
            scratch.path("out.wfp"),
        );
        let all = golden_q(model, outputs);
        let index = (3 * index + 1) % all.len();
        let sample = index.to_string();
        let proof = json(
            0,
            &[
                "prove", &onnx, "--input", &inputs, "--index", &sample, "-o", &bundle,
            ],
        );
        assert_eq!(keys(&proof), KEYS);
        assert_eq!(keys(&proof["cells"]), ["aux", "main", "padding"]);
        assert_eq!(proof["bundle"], bundle);
        assert_eq!(proof["bundle_bytes"], fs::metadata(&bundle).unwrap().len());
        assert_eq!(proof["device"], "cpu");
        assert!(proof["device_words"].as_u64().unwrap() > 0);
        assert!(proof["proven_bits"].as_u64().unwrap() >= 100);
        assert!(proof["prove_wall_s"].as_f64().unwrap() > 0.0);
        let expected = vec![all[index].clone()];
        assert_eq!(
            integer_rows(&proof["outputs_q"]),
            expected,
            "{model}/{file}"
        );

        let verdict = json(
            0,
            &[
                "verify", &bundle, "--model", &onnx, "--input", &inputs, "--index", &sample,
            ],
        );
        assert_eq!(
            keys(&verdict),
            [
                "accepted",
                "hash",
                "input_index",
                "mode",
                "model_id",
                "outputs_q",
                "proven_bits",
                "verify_ms"
            ]
        );
        assert_eq!(
            (&verdict["accepted"], &verdict["mode"]),
            (&true.into(), &"open".into())
        );
        assert_eq!(verdict["model_id"], proof["model_id"]);
        assert_eq!(integer_rows(&verdict["outputs_q"]), expected);
    }
}

#[test]
fn a_batch_in_one_bundle() {
    let scratch = Scratch::new();
    for model in ["mlp_mnist", "mlp_digits", "mlp_bc", "inverted_residual"] {
        let (onnx, inputs, bundle) = (
            golden(model, "model.onnx"),
            golden(model, "inputs.npz"),
            scratch.path("batch.wfp"),
        );
        let proof = json(
            0,
            &[
                "prove",
                &onnx,
                "--input",
                &inputs,
                "--indices",
                "3..22",
                "-o",
                &bundle,
            ],
        );
        let expected = &golden_q(model, "outputs.npz")[3..22];
        assert_eq!(integer_rows(&proof["outputs_q"]), expected, "{model}");
        let verdict = json(
            0,
            &[
                "verify",
                &bundle,
                "--model",
                &onnx,
                "--input",
                &inputs,
                "--indices",
                "3..22",
            ],
        );
        assert_eq!(integer_rows(&verdict["outputs_q"]), expected, "{model}");
        let anywhere = json(
            0,
            &["verify", &bundle, "--model", &onnx, "--input", &inputs],
        );
        assert_eq!(anywhere["input_index"], 3);
    }
}

#[test]
fn parameters_reach_the_bundle() {
    let scratch = Scratch::new();
    let (onnx, inputs) = (
        golden("mlp_digits", "model.onnx"),
        golden("mlp_digits", "inputs.npz"),
    );
    let mut sizes = Vec::new();
    for (security, profile, hash) in [
        ("100", "fast", "blake3"),
        ("100", "balanced", "blake3"),
        ("100", "small", "blake3"),
        ("128", "balanced", "blake3"),
        ("100", "balanced", "poseidon2"),
    ] {
        let bundle = scratch.path("out.wfp");
        let flags = ["--security", security, "--profile", profile, "--hash", hash];
        let mut arguments = vec!["prove", &onnx, "--input", &inputs, "-o", &bundle];
        arguments.extend(flags);
        let proof = json(0, &arguments);
        let bits = proof["proven_bits"].as_u64().unwrap();
        assert!(
            bits >= security.parse().unwrap(),
            "{security} {profile} {hash}: {bits}"
        );
        json(
            0,
            &[
                "verify",
                &bundle,
                "--model",
                &onnx,
                "--min-security",
                security,
            ],
        );
        let described = json(0, &["inspect", &bundle]);
        assert_eq!(described["security"], security.parse::<u64>().unwrap());
        assert_eq!(described["profile"], profile);
        assert_eq!(described["hash"], hash);
        sizes.push(proof["bundle_bytes"].as_u64().unwrap());
    }
    assert!(
        sizes[0] > sizes[1] && sizes[1] > sizes[2] && sizes[3] > sizes[1],
        "{sizes:?}"
    );
}

#[test]
fn bytes_do_not_depend_on_threads_or_runs() {
    let scratch = Scratch::new();
    for (model, selection) in [
        ("mlp_mnist", ["--indices", "0..40"]),
        ("mlp_bc", ["--index", "2"]),
        ("lenet_mnist", ["--index", "2"]),
    ] {
        let prove = |name: &str, threads: &str| {
            let [flag, value] = selection;
            fs::read(scratch.prove(name, model, &[flag, value, "--threads", threads])).unwrap()
        };
        let one = prove("one.wfp", "1");
        assert_eq!(one, prove("two.wfp", "2"));
        assert_eq!(one, prove("again.wfp", "1"));
    }
}

#[test]
fn the_default_output_is_named_after_the_model() {
    let scratch = Scratch::new();
    let (onnx, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let ran = winterforge_in(scratch.folder(), &["prove", &onnx, "--input", &inputs]);
    assert!(
        ran.code == 0 && ran.stderr.is_empty() && ran.stdout.starts_with("bundle "),
        "{ran:?}"
    );
    assert_eq!(
        scratch.names(),
        ["model.wfp"],
        "no temporary file stays behind"
    );
}

#[test]
fn an_existing_bundle_is_replaced_and_inputs_are_not() {
    let scratch = Scratch::new();
    let inputs = golden("mlp_bc", "inputs.npz");
    let onnx = scratch.write(
        "model.onnx",
        &fs::read(golden("mlp_bc", "model.onnx")).unwrap(),
    );
    let bundle = scratch.write("old.wfp", b"old");
    assert_eq!(
        winterforge(&["prove", &onnx, "--input", &inputs, "-o", &bundle]).code,
        0
    );
    assert_eq!(winterforge(&["verify", &bundle, "--model", &onnx]).code, 0);

    let before = fs::read(&onnx).unwrap();
    assert_eq!(
        winterforge(&["prove", &onnx, "--input", &inputs, "-o", &onnx]).code,
        2
    );
    assert_eq!(fs::read(&onnx).unwrap(), before);
    for unusable in [
        scratch.path("nowhere/out.wfp"),
        scratch.folder().to_str().unwrap().to_owned(),
    ] {
        let ran = winterforge(&["prove", &onnx, "--input", &inputs, "-o", &unusable]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    }
}

#[test]
fn a_dry_run_estimates_and_writes_nothing() {
    let scratch = Scratch::new();
    for (model, range) in [
        ("mlp_mnist", "0..1"),
        ("mlp_mnist", "0..64"),
        ("mlp_bc", "5..25"),
        ("lenet_mnist", "0..1"),
        ("lenet_mnist", "3..12"),
        ("inverted_residual", "2..4"),
    ] {
        let (onnx, inputs, bundle) = (
            golden(model, "model.onnx"),
            golden(model, "inputs.npz"),
            scratch.path("out.wfp"),
        );
        let arguments = [
            "prove",
            &onnx,
            "--input",
            &inputs,
            "--indices",
            range,
            "-o",
            &bundle,
        ];
        let mut dry = arguments.to_vec();
        dry.push("--dry-run");
        let estimate = json(0, &dry);
        assert!(scratch.names().is_empty());
        assert_eq!(estimate["dry_run"], true);
        let proof = json(0, &arguments);
        for key in ["cells", "shards", "proven_bits", "model_id", "threads"] {
            assert_eq!(estimate[key], proof[key], "{key}");
        }
        let ratio = |estimate: &serde_json::Value, real: &serde_json::Value| {
            estimate.as_f64().unwrap() / real.as_f64().unwrap()
        };
        let bytes = ratio(&estimate["estimated_bundle_bytes"], &proof["bundle_bytes"]);
        assert!((0.96..1.04).contains(&bytes), "{model} {range}: {bytes}");
        if !proof["peak_rss_mb"].is_null() {
            let memory = ratio(&estimate["estimated_memory_mb"], &proof["peak_rss_mb"]);
            assert!((0.7..2.0).contains(&memory), "{model} {range}: {memory}");
        }
        if !proof["prove_cpu_s"].is_null() {
            // The machine is anybody's, and luck decides how long the proof of work takes.
            let cpu = ratio(&estimate["estimated_cpu_s"], &proof["prove_cpu_s"]);
            assert!((0.05..20.0).contains(&cpu), "{model} {range}: {cpu}");
        }
        assert!(estimate["estimated_wall_s"].as_f64().unwrap() > 0.0);
        fs::remove_file(&bundle).unwrap();
    }
}

/// Arguments and more of them.
fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

/// Several short traces, so that there is something to schedule.
#[test]
fn a_bound_on_memory_schedules_shards_and_changes_no_byte() {
    let scratch = Scratch::new();
    for (model, range, log_rows, threads) in [
        ("mlp_mnist", "0..200", "9", "2"),
        ("lenet_mnist", "0..10", "10", "1"),
        ("lenet_mnist", "0..24", "11", "3"),
    ] {
        let (onnx, inputs, bundle) = (
            golden(model, "model.onnx"),
            golden(model, "inputs.npz"),
            scratch.path("out.wfp"),
        );
        let arguments = [
            "prove",
            &onnx,
            "--input",
            &inputs,
            "-o",
            &bundle,
            "--indices",
            range,
            "--max-log-rows",
            log_rows,
            "--threads",
            threads,
        ];
        let unbounded = json(0, &arguments);
        let shards = unbounded["shards"].as_u64().unwrap();
        assert!(shards > 2, "{model} {range}: {shards} shards");
        let expected = fs::read(&bundle).unwrap();
        let dry = json(0, &with(&arguments, &["--dry-run"]));
        assert_eq!(dry["shards_kept"], shards);
        fs::remove_file(&bundle).unwrap();

        // Refused, with the least that would do.
        let refused = winterforge(&with(&arguments, &["--max-memory", "9"]));
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
        let words: Vec<&str> = refused.stderr.split_whitespace().collect();
        let at = words.iter().position(|&word| word == "about").unwrap();
        let least: u64 = words[at + 1].parse().unwrap();
        assert_eq!(words[at + 2], "MB", "{refused:?}");
        assert!(refused.stderr.contains("--max-log-rows"), "{refused:?}");
        let below = (least - 1).to_string();
        assert_eq!(
            winterforge(&with(&arguments, &["--max-memory", &below])).code,
            1
        );
        assert!(!fs::exists(&bundle).unwrap());

        let most = dry["estimated_memory_mb"].as_f64().unwrap().ceil() as u64;
        assert!(least < most, "{least} {most}");
        for bound in [least, (least + most) / 2, most] {
            let limit = bound.to_string();
            let bounded = with(&arguments, &["--max-memory", &limit]);
            let proof = json(0, &bounded);
            assert!(fs::read(&bundle).unwrap() == expected, "{bound} MB");
            if let Some(peak) = proof["peak_rss_mb"].as_f64() {
                println!("{model} {range} on {threads}: {peak} MB of {bound} MB, {least} at least");
                assert!(
                    peak <= bound as f64,
                    "{model} {range}: {peak} MB of {bound} MB"
                );
            }
            let dry = json(0, &with(&bounded, &["--dry-run"]));
            assert!(dry["estimated_memory_mb"].as_f64().unwrap() <= bound as f64);
            let kept = dry["shards_kept"].as_u64().unwrap();
            assert!(kept < shards || bound > least, "{kept} of {shards}");
        }
        let verify = ["verify", &bundle, "--model", &onnx];
        assert_eq!(json(0, &verify)["accepted"], true);
    }
}

#[test]
fn a_bound_on_memory_with_a_key() {
    let scratch = Scratch::new();
    let (onnx, inputs) = (
        golden("lenet_mnist", "model.onnx"),
        golden("lenet_mnist", "inputs.npz"),
    );
    let (key, bundle) = (scratch.path("short.wfk"), scratch.path("out.wfp"));
    json(0, &["setup", &onnx, "-o", &key, "--max-log-rows", "10"]);
    let arguments = [
        "prove",
        &onnx,
        "--input",
        &inputs,
        "--key",
        &key,
        "-o",
        &bundle,
        "--indices",
        "0..10",
    ];
    let proof = json(0, &arguments);
    assert!(proof["shards"].as_u64().unwrap() > 2);
    let expected = fs::read(&bundle).unwrap();
    let refused = winterforge(&with(&arguments, &["--max-memory", "9"]));
    let least = refused.stderr.split("about ").nth(1).unwrap();
    let least = least.split(' ').next().unwrap();
    let tight = json(0, &with(&arguments, &["--max-memory", least]));
    assert!(fs::read(&bundle).unwrap() == expected);
    if let Some(peak) = tight["peak_rss_mb"].as_f64() {
        assert!(peak <= least.parse().unwrap(), "{peak} MB of {least} MB");
    }
    assert_eq!(json(0, &["verify", &bundle, "--key", &key])["mode"], "key");
}

#[test]
fn devices_are_named_and_make_the_same_bundle() {
    let scratch = Scratch::new();
    let (onnx, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    for hash in ["blake3", "poseidon2"] {
        let record = format!("record:{}", scratch.path(hash));
        let replay = format!("replay:{}", scratch.path(hash));
        let mut bundles = Vec::new();
        for device in ["cpu", "dual:cpu,cpu", &record, &replay] {
            let bundle = scratch.path("out.wfp");
            let proof = json(
                0,
                &[
                    "prove", &onnx, "--input", &inputs, "-o", &bundle, "--hash", hash, "--device",
                    device,
                ],
            );
            assert_eq!(proof["device"], device);
            bundles.push((fs::read(&bundle).unwrap(), proof["device_words"].clone()));
        }
        assert!(bundles.windows(2).all(|pair| pair[0] == pair[1]), "{hash}");
    }
    for device in ["gpu", "dual:cpu", "sim"] {
        let arguments = ["prove", &onnx, "--input", &inputs, "--device", device];
        let ran = winterforge(&arguments);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("there is no device"), "{}", ran.stderr);
    }
}
