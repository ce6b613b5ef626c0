//! The files in testdata/formats: what a bundle and a key of this format are, byte for byte and field by field.
//!
//! WINTERFORGE_WRITE_VECTORS=1 writes them anew, after a change of a format.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json as object};

use crate::support::{Scratch, golden, json, winterforge};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/formats")
        .join(name)
}

/// Makes the files with the commands in docs/bundle.md and docs/key.md.
fn make(folder: &Path) {
    let (model, inputs) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_bc", "inputs.npz"),
    );
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (open, key, committed) = (path("open.wfp"), path("model.wfk"), path("committed.wfp"));
    let common = ["--input", &inputs, "--index", "3"];
    let commands = [
        [
            &["prove", &model][..],
            &common,
            &["--profile", "small", "-o", &open],
        ]
        .concat(),
        ["setup", &model, "--profile", "small", "-o", &key].to_vec(),
        [
            &["prove", &model][..],
            &common,
            &["--key", &key, "--parent", &open, "-o", &committed],
        ]
        .concat(),
    ];
    for arguments in commands {
        let ran = winterforge(&arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    fs::remove_file(format!("{key}.cache")).unwrap();
}

const FILES: [&str; 3] = ["open.wfp", "model.wfk", "committed.wfp"];

/// What the command says of the files, without their place.
fn described() -> Value {
    let report = |name: &str| json(0, &["inspect", vector(name).to_str().unwrap()]);
    object!({ "open.wfp": report("open.wfp"), "model.wfk": report("model.wfk"), "committed.wfp": report("committed.wfp") })
}

#[test]
fn the_files_are_what_is_made_and_what_they_are_said_to_be() {
    if std::env::var_os("WINTERFORGE_WRITE_VECTORS").is_some() {
        fs::create_dir_all(vector("")).unwrap();
        make(&vector(""));
        fs::write(vector("fields.json"), format!("{:#}\n", described())).unwrap();
    }
    let scratch = Scratch::new();
    make(scratch.folder());
    for name in FILES {
        let (made, kept) = (
            fs::read(scratch.path(name)).unwrap(),
            fs::read(vector(name)).unwrap(),
        );
        assert!(
            made == kept,
            "{name}: {} bytes are made, {} are kept",
            made.len(),
            kept.len()
        );
    }
    let fields: Value =
        serde_json::from_str(&fs::read_to_string(vector("fields.json")).unwrap()).unwrap();
    assert_eq!(described(), fields);
    // The documents name the digests.
    for (name, document) in [
        ("open.wfp", include_str!("../../../docs/bundle.md")),
        ("committed.wfp", include_str!("../../../docs/bundle.md")),
        ("model.wfk", include_str!("../../../docs/key.md")),
    ] {
        let digest = fields[name]["id"].as_str().unwrap();
        assert!(
            document.contains(digest),
            "{name}: {digest} is in no document"
        );
    }
    let [open, key, committed] = FILES.map(|name| vector(name).to_str().unwrap().to_owned());
    json(
        0,
        &["verify", &open, "--model", &golden("mlp_bc", "model.onnx")],
    );
    json(0, &["verify", &committed, "--key", &key]);
}

/// Fields one after another, read by the tables in the documents and by nothing of ours.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes)
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    }

    fn hex(&mut self, bytes: usize) -> String {
        self.take(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn versions(&mut self) -> Value {
        object!({
            "format": self.number(2), "protocol": self.number(2),
            "semantics": self.number(4), "plan": self.number(4),
        })
    }

    /// Level, profile, hash, longest trace.
    fn parameters(&mut self) -> [Value; 4] {
        let level = self.number(1).into();
        let profile = ["fast", "balanced", "small"][self.number(1) as usize].into();
        let hash = ["blake3", "poseidon2"][self.number(1) as usize].into();
        [level, profile, hash, self.number(1).into()]
    }

    /// The shape and type of a tensor, and its cells.
    fn tensor(&mut self) -> (Value, &'a [u8]) {
        let kind = self.number(1) as usize;
        let rank = self.number(1);
        let shape: Vec<u64> = (0..rank).map(|_| self.number(4)).collect();
        let width = [4, 1, 1, 4][kind];
        let cells = self.take(width * shape.iter().product::<u64>() as usize);
        let kind = ["float32", "int8", "uint8", "tokens"][kind];
        (object!({ "shape": shape, "type": kind }), cells)
    }
}

#[test]
fn every_field_stands_where_the_documents_say() {
    let fields: Value =
        serde_json::from_str(&fs::read_to_string(vector("fields.json")).unwrap()).unwrap();
    for name in ["open.wfp", "committed.wfp"] {
        let expected = &fields[name];
        let bytes = fs::read(vector(name)).unwrap();
        assert_eq!(expected["id"], blake3::hash(&bytes).to_string());
        let mut file = Fields(&bytes);
        assert_eq!(file.take(8), b"WFBUNDLE");
        assert_eq!(file.versions(), expected["versions"]);
        assert_eq!(file.hex(32), expected["model_id"]);
        let parameters =
            ["security", "profile", "hash", "max_log_rows"].map(|name| expected[name].clone());
        assert_eq!(file.parameters(), parameters);
        let (input, _) = file.tensor();
        assert_eq!(input, expected["input"]);
        let (output, cells) = file.tensor();
        assert_eq!(output, expected["output"]);
        let codes: Vec<i8> = cells.iter().map(|&byte| byte as i8).collect();
        assert_eq!(object!([codes]), expected["outputs_q"]);
        assert_eq!(file.number(4), expected["shards"]);
        let mode = file.number(1);
        assert_eq!(mode, if name == "open.wfp" { 0 } else { 3 });
        if mode == 3 {
            assert_eq!(file.hex(32), expected["key"]);
            assert_eq!(file.number(1), 1);
            assert_eq!(object!([file.hex(32)]), expected["parents"]);
            assert_eq!(expected["parents"][0], fields["open.wfp"]["id"]);
            assert_eq!(expected["key"], fields["model.wfk"]["id"]);
        }
        let header = bytes.len() - file.0.len();
        assert_eq!(
            expected["bytes"],
            object!({ "total": bytes.len(), "header": header, "proof": file.0.len() })
        );
    }
    let expected = &fields["model.wfk"];
    let bytes = fs::read(vector("model.wfk")).unwrap();
    let mut file = Fields(&bytes);
    assert_eq!(file.take(8), b"WFKEY\0\0\0");
    assert_eq!(file.versions(), fields["open.wfp"]["versions"]);
    assert_eq!(file.hex(32), expected["model_id"]);
    let [level, profile, hash, _] = file.parameters();
    assert_eq!(
        (&level, &hash),
        (&expected["security_level"], &expected["hash"])
    );
    assert_eq!(profile, "small");
    assert_eq!(file.hex(32), expected["root"]);
    let content = &bytes[..bytes.len() - 32];
    let digest = blake3::derive_key("winterforge 2026 key v1", content);
    assert_eq!(bytes[content.len()..], digest);
    assert_eq!(expected["id"], Fields(&digest).hex(32));
    assert_eq!(expected["key_bytes"], bytes.len());
}
