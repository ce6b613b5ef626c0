//! `run`: every golden input of every golden model.

use crate::support::{
    MODELS, Scratch, golden, golden_logits, golden_q, integers, json, json_lines, keys, winterforge,
};

#[test]
fn all_samples_equal_the_goldens() {
    for (model, file, outputs) in MODELS {
        let objects = json_lines(
            0,
            &[
                "run",
                &golden(model, file),
                "--input",
                &golden(model, "inputs.npz"),
                "--all",
            ],
        );
        let (expected_q, expected) = (golden_q(model, outputs), golden_logits(model, outputs));
        assert_eq!(objects.len(), expected_q.len(), "{model}/{file}");
        for (index, object) in objects.iter().enumerate() {
            assert_eq!(keys(object), ["index", "output", "output_q"]);
            assert_eq!(object["index"], index);
            assert_eq!(
                integers(&object["output_q"]),
                expected_q[index],
                "{model}/{file} {index}"
            );
            let floats = object["output"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap() as f32);
            assert!(
                floats.eq(expected[index].iter().copied()),
                "{model}/{file} {index}"
            );
        }
    }
}

#[test]
fn one_sample_and_the_default() {
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let expected = golden_q("mlp_bc", "outputs.npz");
    let seventh = json(0, &["run", &model, "--input", &inputs, "--index", "7"]);
    assert_eq!(
        (seventh["index"].as_u64(), integers(&seventh["output_q"])),
        (Some(7), expected[7].clone())
    );
    assert_eq!(json(0, &["run", &model, "--input", &inputs])["index"], 0);
    let text = winterforge(&["run", &model, "--input", &inputs]);
    assert!(
        text.code == 0 && text.stdout.starts_with("sample 0\n") && text.stderr.is_empty(),
        "{text:?}"
    );
}

/// A model that takes tokens, from its file to a verdict; and tokens that it does not know.
#[test]
fn tokens_from_a_file_are_proven() {
    let scratch = Scratch::new();
    let (model, bundle) = (golden("tokens", "model.onnx"), scratch.path("t.wfp"));
    let known = scratch.write("x.json", b"[[0,1,2,3,4,5,6,7,8,9,10,39]]");
    let unknown = scratch.write("y.json", b"[[0,1,2,3,4,5,6,7,8,9,10,40]]");
    let input = &json(0, &["inspect", &model])["input"];
    assert_eq!(
        (&input["type"], input["shape"][0].as_u64()),
        (&"tokens".into(), Some(12))
    );
    json(0, &["prove", &model, "--input", &known, "-o", &bundle]);
    let verified = ["verify", &bundle, "--model", &model, "--input", &known];
    assert_eq!(json(0, &verified)["accepted"], true);
    for arguments in [
        ["run", &model, "--input", &unknown],
        ["prove", &model, "--input", &unknown],
    ] {
        let ran = winterforge(&arguments);
        assert_eq!(ran.code, 1);
        assert!(
            ran.stderr.contains("value 11: 40 is no token (0 to 39)"),
            "{}",
            ran.stderr
        );
    }
}
