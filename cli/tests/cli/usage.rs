//! Arguments: help, mistakes, and files that are not what they should be.

use crate::support::{Scratch, golden, winterforge};

#[test]
fn every_command_explains_itself() {
    for command in [
        "demo",
        "run",
        "prove",
        "setup",
        "sign",
        "verify",
        "inspect",
        "completions",
        "man",
    ] {
        let help = winterforge(&[command, "--help"]);
        assert!(help.code == 0 && help.stderr.is_empty(), "{help:?}");
        assert!(help.stdout.contains("Example"), "{help:?}");
    }
    let help = winterforge(&["--help"]);
    assert!(
        help.code == 0 && help.stdout.contains("Exit codes:"),
        "{help:?}"
    );
    assert_eq!(winterforge(&["--version"]).code, 0);
}

#[test]
fn mistakes_in_usage() {
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let (m, x) = (model.as_str(), inputs.as_str());
    let mistakes: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["run"],
        &["run", m],
        &["run", m, "--input", x, "--index", "-1"],
        &["run", m, "--input", x, "--index", "1", "--all"],
        &["run", m, "--input", x, "--index", "1000000"],
        &["run", m, "--input", x, "--index", "18446744073709551615"],
        &["prove", m],
        &[
            "prove",
            m,
            "--input",
            x,
            "--index",
            "0",
            "--indices",
            "0..2",
        ],
        &["prove", m, "--input", x, "--indices", "2..2"],
        &["prove", m, "--input", x, "--indices", "0..100000000000"],
        &["prove", m, "--input", x, "--security", "99"],
        &["prove", m, "--input", x, "--profile", "tiny"],
        &["prove", m, "--input", x, "--hash", "md5"],
        &["prove", m, "--input", x, "--threads", "0"],
        &["prove", m, "--input", x, "--max-memory", "0"],
        &["prove", m, "--input", x, "--max-log-rows", "8"],
        &["prove", m, "--input", x, "--max-log-rows", "21"],
        &["prove", m, "--input", x, "--key", "k", "--security", "128"],
        &["setup", m],
        &["verify", "bundle"],
        &["verify", "bundle", "--model", m, "--key", "k"],
        &["verify", "bundle", "--model", m, "--index", "0"],
        &["verify", "bundle", "--model", m, "--min-security", "many"],
        &["inspect"],
        &["inspect", m, m],
        &["inspect", m, "--search", "."],
        &["sign", "bundle"],
        &["sign", "--key-file", "k"],
        &["demo", "extra"],
    ];
    for arguments in mistakes {
        for more in [&[][..], &["--json"]] {
            let ran = winterforge(&[arguments, more].concat());
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (2, ""),
                "{arguments:?} {ran:?}"
            );
            assert!(!ran.stderr.is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn bad_files() {
    let scratch = Scratch::new();
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let junk_model = scratch.write("junk.onnx", b"\x08\x07junk");
    let junk_input = scratch.write("junk.npz", b"PK\x03\x04junk");
    let text_input = scratch.write("x.txt", b"1 2 3");
    let wrong_shape = scratch.write("x.json", b"[[1, 2, 3]]");
    let absent = scratch.path("absent.npz");
    let folder = scratch.folder().to_str().unwrap().to_owned();
    let pairs = [
        (&absent, &inputs),
        (&junk_model, &inputs),
        (&inputs, &inputs),
        (&folder, &inputs),
        (&model, &absent),
        (&model, &junk_input),
        (&model, &text_input),
        (&model, &wrong_shape),
        (&model, &folder),
        (&model, &model),
    ];
    for (model, input) in pairs {
        for command in ["run", "prove"] {
            let ran = winterforge(&[command, model, "--input", input, "--json"]);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
            assert_eq!(
                ran.stderr.lines().count(),
                2,
                "one line and a hint: {ran:?}"
            );
        }
    }
}
