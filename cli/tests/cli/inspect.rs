//! `inspect`: models and bundles.

use crate::support::{MODELS, Scratch, golden, integer_rows, json, keys, winterforge};

#[test]
fn models() {
    for (model, file, _) in MODELS {
        let report = json(0, &["inspect", &golden(model, file)]);
        assert_eq!(
            (&report["kind"], &report["provable"]),
            (&"model".into(), &true.into())
        );
        assert_eq!(report["id"].as_str().unwrap().len(), 64);
        let (parameters, macs) = match model {
            "mlp_mnist" => (109_386, 109_184),
            "mlp_digits" => (2_410, 2_368),
            "lenet_mnist" => (61_706, 416_520),
            "inverted_residual" => (4_038, 104_192),
            "tokens" => (2_628, 29_248),
            _ => (1_554, 1_504),
        };
        assert_eq!(report["parameters"], parameters, "{model}/{file}");
        assert_eq!(report["macs"], macs, "{model}/{file}");
        assert!(report["proven_bits"].as_u64().unwrap() >= 100);
        assert!(!report["operators"].as_array().unwrap().is_empty());
        let channels = &report["channels"];
        assert!(channels["line"].as_u64().unwrap() + channels["window"].as_u64().unwrap() > 0);
        assert!(!report["plan"]["shards"].as_array().unwrap().is_empty());
        let text = winterforge(&["inspect", &golden(model, file)]);
        assert!(
            text.stdout.starts_with("model ") && text.stdout.contains("proven bits"),
            "{text:?}"
        );
    }
}

#[test]
fn operators_and_tables() {
    let file = golden("inverted_residual", "model.onnx");
    let report = json(0, &["inspect", &file]);
    let operators = report["operators"].as_array().unwrap();
    let total = |key: &str| -> u64 { operators.iter().map(|o| o[key].as_u64().unwrap()).sum() };
    assert_eq!(report["parameters"], total("parameters"));
    assert_eq!(report["macs"], total("macs"));
    let sum = operators.iter().find(|o| o["kind"] == "Add").unwrap();
    assert_eq!(
        keys(sum),
        [
            "input_shapes",
            "kind",
            "macs",
            "name",
            "output_shape",
            "parameters"
        ]
    );
    assert_eq!(
        sum["input_shapes"],
        serde_json::json!([[8, 8, 8], [8, 8, 8]])
    );
    assert_eq!(sum["output_shape"], serde_json::json!([8, 8, 8]));

    let text = winterforge(&["inspect", &file]).stdout;
    for operator in operators {
        let name = operator["name"].as_str().unwrap();
        let kind = operator["kind"].as_str().unwrap();
        assert!(
            text.lines()
                .any(|line| line.starts_with(kind) && line.ends_with(name)),
            "{name}: {text}"
        );
    }
    let lenet = json(0, &["inspect", &golden("lenet_mnist", "model.onnx")]);
    for (report, kinds) in [
        (&report, ["line", "window", "map"]),
        (&lenet, ["line", "window", "max"]),
    ] {
        let shard = &report["plan"]["shards"][0];
        let tables = shard["tables"].as_array().unwrap();
        let found: Vec<_> = tables.iter().map(|t| t["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds);
        let cells = |t: &serde_json::Value| {
            assert!(t["rows"].as_u64().unwrap() < shard["rows"].as_u64().unwrap());
            t["lanes"].as_u64().unwrap() * t["lane_width"].as_u64().unwrap()
        };
        let columns: u64 = tables.iter().map(cells).sum();
        // A lookup table longer than the trace, whose last row is never summed, takes several columns.
        let capacity = shard["rows"].as_u64().unwrap() - 1;
        let lookup_tables = shard["lookup_tables"].as_array().unwrap();
        let parts = |t: &serde_json::Value| t["rows"].as_u64().unwrap().div_ceil(capacity);
        let lookups: u64 = lookup_tables.iter().map(parts).sum();
        assert_eq!(shard["main_width"], columns + lookups);
    }
}

#[test]
fn bundles_without_their_model() {
    let scratch = Scratch::new();
    let bundle = scratch.prove("out.wfp", "mlp_digits", &["--indices", "1..4"]);
    let report = json(0, &["inspect", &bundle]);
    assert_eq!(
        keys(&report),
        [
            "batch",
            "bytes",
            "hash",
            "id",
            "input",
            "key",
            "kind",
            "max_log_rows",
            "model_id",
            "output",
            "outputs_q",
            "parents",
            "profile",
            "security",
            "shards",
            "verified",
            "versions"
        ]
    );
    assert_eq!(
        (&report["kind"], report["batch"].as_u64()),
        (&"bundle".into(), Some(3))
    );
    assert_eq!(
        report["model_id"],
        json(0, &["inspect", &golden("mlp_digits", "model.onnx")])["id"]
    );
    let contents = std::fs::read(&bundle).unwrap();
    assert_eq!(report["id"], blake3::hash(&contents).to_string());
    assert_eq!(report["bytes"]["total"], contents.len());
    assert_eq!(report["input"]["shape"], serde_json::json!([3, 64]));
    assert_eq!(integer_rows(&report["outputs_q"]).len(), 3);
    assert!(
        winterforge(&["inspect", &bundle])
            .stdout
            .contains("nothing of this was verified")
    );
}

#[test]
fn anything_else_is_bad_input() {
    let scratch = Scratch::new();
    let files = [
        scratch.path("absent"),
        scratch.write("empty", b""),
        scratch.write("junk", b"neither model nor bundle"),
        scratch.write("cut.wfp", b"WFBUNDLE\x01\x00\x01\x00"),
        scratch.folder().to_str().unwrap().to_owned(),
        golden("mlp_bc", "inputs.npz"),
    ];
    for file in files {
        let ran = winterforge(&["inspect", &file, "--json"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{file}: {ran:?}");
    }
}
