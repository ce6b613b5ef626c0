//! `run --check`: ONNX Runtime's opinion, where there is one.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Scratch, golden};

/// Runs the first sample of a golden model under an interpreter.
fn checked(python: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_winterforge"));
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    command.args(["run", &model, "--input", &inputs, "--check", "--json"]);
    if let Some(python) = python {
        command.env("WINTERFORGE_PYTHON", python);
    }
    command.output().unwrap()
}

#[test]
fn without_onnx_runtime_the_check_says_what_is_missing() {
    for python in ["/nonexistent/python", "true"] {
        let done = checked(Some(python));
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{stderr}");
        assert_eq!(done.stdout, b"");
        let explains = stderr.contains("--check needs Python with onnxruntime")
            && stderr.contains(python)
            && stderr.contains("hint: install it");
        assert!(explains, "{stderr}");
    }
}

/// An interpreter that answers zero whatever it is asked.
#[cfg(unix)]
#[test]
fn a_difference_is_reported_and_rejected() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new();
    let answers = br"#!/bin/sh
printf '\000\004\000\000\000fake\000\010\000\000\000\000\000\000\000\000\000\000\000'
cat > /dev/null
";
    let python = scratch.write("python", answers);
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let done = checked(Some(&python));
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["onnxruntime"]["version"], "fake");
    assert_eq!(report["onnxruntime"]["equal"], false);
    assert_eq!(
        report["onnxruntime"]["output"],
        serde_json::json!([0.0, 0.0])
    );
}

#[test]
fn with_onnx_runtime_the_outputs_are_equal() {
    let done = checked(None);
    if done.status.code() == Some(1) {
        println!("skipped: {}", String::from_utf8_lossy(&done.stderr));
        return;
    }
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["onnxruntime"]["equal"], true);
    assert_eq!(report["onnxruntime"]["output"], report["output"]);
}
