//! `setup`, `prove --key`, `verify --key`: committed models at the command line.

use std::fs;

use crate::support::{Scratch, golden, golden_q, integer_rows, json, keys, winterforge};

/// Sets a golden model up and returns the key's path.
fn setup(scratch: &Scratch, name: &str, model: &str) -> String {
    let path = scratch.path(name);
    let report = json(0, &["setup", &golden(model, "model.onnx"), "-o", &path]);
    let expected = [
        "key",
        "key_bytes",
        "key_digest",
        "model_id",
        "parameter_cells",
        "setup_cpu_s",
    ];
    assert_eq!(keys(&report), expected);
    assert_eq!(report["key_bytes"], fs::metadata(&path).unwrap().len());
    path
}

#[test]
fn a_key_stands_for_the_model() {
    let scratch = Scratch::new();
    for model in ["mlp_bc", "lenet_mnist", "inverted_residual"] {
        let key = setup(&scratch, "model.wfk", model);
        assert!(fs::metadata(&key).unwrap().len() <= 2_000);
        let bundle = scratch.prove("out.wfp", model, &["--indices", "3..5", "--key", &key]);
        let verdict = json(0, &["verify", &bundle, "--key", &key]);
        assert_eq!(verdict["mode"], "key");
        let outputs = integer_rows(&verdict["outputs_q"]);
        assert_eq!(outputs, golden_q(model, "outputs.npz")[3..5]);
        // The id is that of open mode.
        let open = scratch.prove("open.wfp", model, &["--index", "3"]);
        let open = json(
            0,
            &["verify", &open, "--model", &golden(model, "model.onnx")],
        );
        assert_eq!(open["mode"], "open");
        assert_eq!(open["model_id"], verdict["model_id"]);
        // The input is compared without a model, too.
        let inputs = golden(model, "inputs.npz");
        let found = json(0, &["verify", &bundle, "--key", &key, "--input", &inputs]);
        assert_eq!(found["input_index"], 3);
        let text = winterforge(&["verify", &bundle, "--key", &key]);
        assert!(text.stdout.contains("taken as given"), "{text:?}");
    }
}

#[test]
fn a_key_fixes_the_hash() {
    let scratch = Scratch::new();
    let (onnx, key) = (golden("mlp_bc", "model.onnx"), scratch.path("model.wfk"));
    json(0, &["setup", &onnx, "-o", &key, "--hash", "poseidon2"]);
    assert_eq!(json(0, &["inspect", &key])["hash"], "poseidon2");
    let bundle = scratch.prove("out.wfp", "mlp_bc", &["--index", "3", "--key", &key]);
    assert_eq!(json(0, &["inspect", &bundle])["hash"], "poseidon2");
    let verdict = json(0, &["verify", &bundle, "--key", &key]);
    let outputs = integer_rows(&verdict["outputs_q"]);
    assert_eq!(outputs, golden_q("mlp_bc", "outputs.npz")[3..4]);
    let other = setup(&scratch, "other.wfk", "mlp_bc");
    let verdict = json(3, &["verify", &bundle, "--key", &other]);
    assert_eq!(verdict["reason"], "other-key");
}

#[test]
fn the_same_setup_gives_the_same_key() {
    let scratch = Scratch::new();
    let first = setup(&scratch, "first.wfk", "mlp_digits");
    let second = setup(&scratch, "second.wfk", "mlp_digits");
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn inspect_describes_a_key() {
    let scratch = Scratch::new();
    let key = setup(&scratch, "model.wfk", "mlp_bc");
    let report = json(0, &["inspect", &key]);
    assert_eq!(report["kind"], "key");
    let bundle = scratch.prove("out.wfp", "mlp_bc", &["--key", &key]);
    let verdict = json(0, &["verify", &bundle, "--key", &key]);
    assert_eq!(report["model_id"], verdict["model_id"]);
    assert!(winterforge(&["inspect", &key]).stdout.starts_with("key"));
}

#[test]
fn keys_that_do_not_fit() {
    let scratch = Scratch::new();
    let key = setup(&scratch, "model.wfk", "mlp_bc");
    let other = setup(&scratch, "other.wfk", "mlp_digits");
    let bundle = scratch.prove("out.wfp", "mlp_bc", &["--key", &key]);
    let open = scratch.prove("open.wfp", "mlp_bc", &[]);
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let reason = |code: i32, arguments: &[&str]| {
        let verdict = json(code, &[&["verify"], arguments].concat());
        assert_eq!(verdict["accepted"], false);
        verdict["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(3, &[&bundle, "--key", &other]), "other-model");
    assert_eq!(reason(3, &[&bundle, "--model", &model]), "needs-key");
    assert_eq!(reason(3, &[&open, "--key", &key]), "needs-model");
    let fast = scratch.path("fast.wfk");
    json(0, &["setup", &model, "-o", &fast, "--profile", "fast"]);
    assert_eq!(reason(3, &[&bundle, "--key", &fast]), "other-key");

    // Proving with another model's key is bad input; so is a key that is none.
    let out = scratch.path("never.wfp");
    let prove = |key: &str| {
        let arguments = [
            "prove", &model, "--input", &inputs, "--key", key, "-o", &out,
        ];
        let ran = winterforge(&arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.stderr
    };
    assert!(prove(&other).contains("the key is about model"));
    assert!(prove(&model).contains("mark of a Winterforge key"));
    let whole = fs::read(&key).unwrap();
    for length in [0, 7, 19, 100, whole.len() - 1] {
        let cut = scratch.write("cut.wfk", &whole[..length]);
        assert!(prove(&cut).contains("cut.wfk"));
        assert_eq!(reason(1, &[&bundle, "--key", &cut]), "bad-input");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 4;
    let damaged = scratch.write("damaged.wfk", &damaged);
    assert!(prove(&damaged).contains("damaged"));
    assert!(!fs::exists(&out).unwrap());
}

#[test]
fn the_cache_is_checked_and_made_again() {
    let scratch = Scratch::new();
    let key = setup(&scratch, "model.wfk", "mlp_bc");
    let cache = format!("{key}.cache");
    let whole = fs::read(&cache).unwrap();
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let prove = |name: &str| {
        let out = scratch.path(name);
        let arguments = [
            "prove", &model, "--input", &inputs, "--key", &key, "-o", &out,
        ];
        let ran = winterforge(&arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        (fs::read(out).unwrap(), ran.stderr)
    };
    let (expected, silence) = prove("out.wfp");
    assert_eq!(silence, "");

    let other = setup(&scratch, "other.wfk", "mlp_digits");
    let other = fs::read(format!("{other}.cache")).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 1;
    let cases = [
        (other, "belongs to another key"),
        (damaged, "damaged"),
        (whole[..whole.len() - 5].to_vec(), "damaged"),
        (whole[..40].to_vec(), "damaged"),
        (Vec::new(), "damaged"),
    ];
    for (bytes, complaint) in cases {
        fs::write(&cache, bytes).unwrap();
        let (bundle, warning) = prove("again.wfp");
        assert!(
            warning.starts_with("warning: ") && warning.contains(complaint),
            "{warning}"
        );
        assert_eq!(bundle, expected);
        assert_eq!(fs::read(&cache).unwrap(), whole);
    }
    fs::remove_file(&cache).unwrap();
    let (bundle, silence) = prove("again.wfp");
    assert_eq!((bundle, silence.as_str()), (expected.clone(), ""));
    assert_eq!(fs::read(&cache).unwrap(), whole);

    // A folder in its place: the proof is made without it.
    fs::remove_file(&cache).unwrap();
    fs::create_dir(&cache).unwrap();
    let (bundle, warning) = prove("again.wfp");
    assert!(warning.contains("cannot be written"), "{warning}");
    assert_eq!(bundle, expected);
    assert!(scratch.names().iter().all(|name| !name.ends_with(".tmp")));
}

#[test]
fn usage() {
    let model = golden("mlp_bc", "model.onnx");
    let inputs = golden("mlp_bc", "inputs.npz");
    assert_eq!(winterforge(&["verify", "x.wfp"]).code, 2);
    assert_eq!(
        winterforge(&["verify", "x.wfp", "--key", "k", "--model", "m"]).code,
        2
    );
    assert_eq!(winterforge(&["setup", &model]).code, 2);
    // The key says how proofs are made.
    let arguments = [
        "prove",
        &model,
        "--input",
        &inputs,
        "--key",
        "k",
        "--security",
        "128",
    ];
    assert_eq!(winterforge(&arguments).code, 2);
    assert_eq!(winterforge(&["setup", &model, "-o", &model]).code, 2);
}
