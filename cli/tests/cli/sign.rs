//! `sign` and `verify --require-signature`: who is believed about which file, and what a signature does not stand for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json as object};

use crate::support::{Scratch, golden, json, keys, winterforge};

/// The examples of RFC 8410, and a key for tests with its public half.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const OTHER_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
";

/// A folder with two signers.
struct Signers {
    scratch: Scratch,
    private: String,
    public: String,
    other_private: String,
    other_public: String,
}

impl Signers {
    fn new() -> Self {
        let scratch = Scratch::new();
        let write = |name: &str, pem: &str| {
            let path = scratch.write(name, pem.as_bytes());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
            path
        };
        Self {
            private: write("signer.pem", PRIVATE),
            public: write("signer.pub", PUBLIC),
            other_private: write("other.pem", OTHER_PRIVATE),
            other_public: write("other.pub", OTHER_PUBLIC),
            scratch,
        }
    }

    fn sign(&self, code: i32, file: &str, more: &[&str]) -> Value {
        let key = ["sign", file, "--key-file", &self.private];
        json(code, &[&key, more].concat())
    }

    fn verify(&self, code: i32, arguments: &[&str], public: &str) -> Value {
        let more = ["--require-signature", public];
        json(code, &[&["verify"], arguments, &more].concat())
    }
}

fn signatures(file: &str) -> String {
    format!("{file}.intoto.jsonl")
}

#[test]
fn a_signed_bundle() {
    let signers = Signers::new();
    let model = golden("mlp_bc", "model.onnx");
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &[]);
    let open = [bundle.as_str(), "--model", &model];
    let verdict = signers.verify(3, &open, &signers.public);
    assert_eq!(verdict["reason"], "no-signature");

    let report = signers.sign(0, &bundle, &["--model", &model]);
    let expected = [
        "checked",
        "id",
        "kind",
        "model_id",
        "model_sha256",
        "sha256",
        "signature",
        "signed",
        "signer",
    ];
    assert_eq!(keys(&report), expected);
    assert_eq!(report["signature"], signatures(&bundle));
    assert_eq!(
        (&report["kind"], &report["checked"]),
        (&"bundle".into(), &"model".into())
    );
    assert_eq!(report["id"], json(0, &["inspect", &bundle])["id"]);

    let verdict = signers.verify(0, &open, &signers.public);
    assert_eq!(
        verdict["signature"],
        object!({ "signer": report["signer"], "signed": ["bundle"], "bundle_checked": "model" })
    );
    assert_eq!(verdict["key_trust"], Value::Null);
    let text = winterforge(&[
        "verify",
        &bundle,
        "--model",
        &model,
        "--require-signature",
        &signers.public,
    ]);
    assert!(
        text.stdout.contains("signed    the bundle, by "),
        "{text:?}"
    );
    let verdict = signers.verify(3, &open, &signers.other_public);
    assert_eq!(verdict["reason"], "other-signer");

    // A second signer adds a line; the same one again changes nothing.
    let first = fs::read_to_string(signatures(&bundle)).unwrap();
    json(0, &["sign", &bundle, "--key-file", &signers.other_private]);
    let both = fs::read_to_string(signatures(&bundle)).unwrap();
    assert!(both.starts_with(&first) && both.lines().count() == 2);
    signers.verify(0, &open, &signers.public);
    let verdict = signers.verify(0, &open, &signers.other_public);
    assert_eq!(verdict["signature"]["bundle_checked"], "nothing");
    signers.sign(0, &bundle, &["--model", &model]);
    let again = fs::read_to_string(signatures(&bundle)).unwrap();
    assert_eq!(again.lines().count(), 2);
    assert!(again.ends_with(&first));
}

#[test]
fn a_signature_is_about_these_bytes_and_these_model_files() {
    let signers = Signers::new();
    let model = golden("mlp_bc", "model.onnx");
    let bundle = signers
        .scratch
        .prove("out.wfp", "mlp_bc", &["--index", "1"]);
    let other = signers
        .scratch
        .prove("other.wfp", "mlp_bc", &["--index", "2"]);
    signers.sign(0, &bundle, &["--model", &model]);
    fs::copy(signatures(&bundle), signatures(&other)).unwrap();
    let verdict = signers.verify(3, &[&other, "--model", &model], &signers.public);
    assert_eq!(verdict["reason"], "other-subject");
    // Valid signatures do not help an invalid proof.
    let mut bytes = fs::read(&other).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&other, bytes).unwrap();
    fs::remove_file(signatures(&other)).unwrap();
    let refused = signers.sign(3, &other, &["--model", &model]);
    assert_eq!(
        (&refused["signed"], keys(&refused)),
        (&false.into(), vec!["detail", "reason", "signed"])
    );
    assert!(!Path::new(&signatures(&other)).exists());
    signers.sign(0, &other, &[]);
    let verdict = signers.verify(3, &[&other, "--model", &model], &signers.public);
    assert!(
        ["invalid-proof", "false-claims"].contains(&verdict["reason"].as_str().unwrap()),
        "{verdict}"
    );
    // Nor is a bundle signed in another model's name.
    let digits = golden("mlp_digits", "model.onnx");
    assert_eq!(
        signers.sign(3, &bundle, &["--model", &digits])["reason"],
        "other-model"
    );

    // The same model in other bytes: a field that no graph holds.
    let mut onnx = fs::read(&model).unwrap();
    onnx.extend(b"\x32\x04note");
    let renamed = signers.scratch.write("renamed.onnx", &onnx);
    json(0, &["verify", &bundle, "--model", &renamed]);
    let verdict = signers.verify(3, &[&bundle, "--model", &renamed], &signers.public);
    assert_eq!(verdict["reason"], "other-model-file");

    // Of a folder, the file must be one of it.
    let folder = signers.scratch.folder().join("model");
    fs::create_dir(&folder).unwrap();
    fs::copy(&model, folder.join("net.onnx")).unwrap();
    fs::write(folder.join("README"), "a classifier").unwrap();
    let folder = folder.to_str().unwrap();
    signers.sign(0, &bundle, &["--model", folder]);
    signers.verify(0, &[&bundle, "--model", &model], &signers.public);
    let verdict = signers.verify(3, &[&bundle, "--model", &renamed], &signers.public);
    assert_eq!(verdict["reason"], "other-model-file");
}

#[test]
fn a_signed_key_is_trusted() {
    let signers = Signers::new();
    let (model, key) = (
        golden("mlp_bc", "model.onnx"),
        signers.scratch.path("model.wfk"),
    );
    json(0, &["setup", &model, "-o", &key]);
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &["--key", &key]);
    let committed = [bundle.as_str(), "--key", &key];
    let trust = |verdict: &Value| verdict["key_trust"].as_str().unwrap().to_owned();
    assert_eq!(
        trust(&json(0, &[&["verify"], &committed[..]].concat())),
        "given"
    );
    assert_eq!(
        signers.verify(3, &committed, &signers.public)["reason"],
        "no-signature"
    );

    // Nobody vouches for a key that was not made again.
    let ran = winterforge(&["sign", &key, "--key-file", &signers.private]);
    assert!(
        ran.code == 2 && ran.stderr.contains("a key is signed with its model"),
        "{ran:?}"
    );
    let digits = golden("mlp_digits", "model.onnx");
    assert_eq!(
        signers.sign(3, &key, &["--model", &digits])["reason"],
        "other-model"
    );
    let report = signers.sign(0, &key, &["--model", &model]);
    assert_eq!(
        (&report["kind"], &report["checked"]),
        (&"key".into(), &"model".into())
    );
    assert_eq!(report["id"], json(0, &["inspect", &key])["id"]);
    let verdict = signers.verify(0, &committed, &signers.public);
    assert_eq!(
        (trust(&verdict), &verdict["signature"]["signed"]),
        ("signed".into(), &object!(["key"]))
    );
    assert_eq!(
        signers.verify(3, &committed, &signers.other_public)["reason"],
        "other-signer"
    );
    let text = winterforge(&[
        "verify",
        &bundle,
        "--key",
        &key,
        "--require-signature",
        &signers.public,
    ]);
    assert!(
        text.stdout.contains("vouched for by the signer"),
        "{text:?}"
    );

    // A key whose root is another: every other byte, its digest included, fits.
    let bytes = fs::read(&key).unwrap();
    let mut forged = winterforge_verifier::key::Key::decode(&bytes).unwrap();
    forged.root[0] ^= 1;
    let forged = signers
        .scratch
        .write("forged.wfk", &forged.encode().unwrap());
    assert_eq!(
        signers.sign(3, &forged, &["--model", &model])["reason"],
        "other-key"
    );

    // The bundle's own signature, by someone who verified it with the model, vouches for its key; one by someone who
    // verified nothing does not.
    fs::remove_file(signatures(&key)).unwrap();
    signers.sign(0, &bundle, &[]);
    assert_eq!(
        trust(&signers.verify(0, &committed, &signers.public)),
        "given"
    );
    signers.sign(0, &bundle, &["--model", &model]);
    let verdict = signers.verify(0, &committed, &signers.public);
    assert_eq!(
        (trust(&verdict), &verdict["signature"]["signed"]),
        ("signed".into(), &object!(["bundle"]))
    );
}

#[test]
fn files_that_cannot_be_signed_with_or_believed() {
    let signers = Signers::new();
    let model = golden("mlp_bc", "model.onnx");
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &[]);
    for file in [
        signers.scratch.path("absent.pem"),
        signers.scratch.write("junk.pem", b"junk"),
        signers.public.clone(),
        bundle.clone(),
    ] {
        let ran = winterforge(&["sign", &bundle, "--key-file", &file]);
        assert_eq!(ran.code, 1, "{ran:?}");
    }
    let ran = winterforge(&["sign", &model, "--key-file", &signers.private]);
    assert!(
        ran.code == 1 && ran.stderr.contains("neither a bundle nor a key"),
        "{ran:?}"
    );
    for more in [
        &["--require-signature", &signers.private],
        &["--require-signature", &bundle],
    ] {
        let arguments = [&["verify", &bundle, "--model", &model][..], more].concat();
        assert_eq!(json(1, &arguments)["reason"], "bad-input");
    }
    // The signature would become one of the files that it is about.
    let folder = signers.scratch.folder().to_str().unwrap();
    let ran = winterforge(&[
        "sign",
        &bundle,
        "--key-file",
        &signers.private,
        "--model",
        folder,
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    // What is there in place of signatures is neither believed nor written over.
    for junk in [&b"junk"[..], b"{}", b"\xff"] {
        fs::write(signatures(&bundle), junk).unwrap();
        let verdict = signers.verify(1, &[&bundle, "--model", &model], &signers.public);
        assert_eq!(verdict["reason"], "bad-input");
        let ran = winterforge(&["sign", &bundle, "--key-file", &signers.private]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(fs::read(signatures(&bundle)).unwrap(), junk);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::remove_file(signatures(&bundle)).unwrap();
        fs::set_permissions(&signers.private, fs::Permissions::from_mode(0o644)).unwrap();
        let ran = winterforge(&["sign", &bundle, "--key-file", &signers.private]);
        assert!(
            ran.code == 0 && ran.stderr.contains("others can read this private key"),
            "{ran:?}"
        );
    }
}

/// Of two signers at once, neither loses the other's line.
#[test]
fn signers_at_once() {
    let signers = Signers::new();
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &[]);
    for round in 0..10 {
        let _ = fs::remove_file(signatures(&bundle));
        let start = |key: &str| {
            Command::new(env!("CARGO_BIN_EXE_winterforge"))
                .args(["sign", &bundle, "--key-file", key, "--json"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        };
        let children = [start(&signers.private), start(&signers.other_private)];
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let lines = fs::read_to_string(signatures(&bundle)).unwrap();
        assert_eq!(lines.lines().count(), 2, "round {round}");
    }
}

/// The interpreter with model-signing, if there is one.
fn peer() -> Option<String> {
    let peer = std::env::var("WINTERFORGE_MODEL_SIGNING").ok();
    assert!(
        peer.is_some() || std::env::var_os("CI").is_none(),
        "WINTERFORGE_MODEL_SIGNING names no Python with scripts/model-signing.txt"
    );
    if peer.is_none() {
        eprintln!(
            "skipped: WINTERFORGE_MODEL_SIGNING names no Python with scripts/model-signing.txt"
        );
    }
    peer
}

fn ask(python: &str, arguments: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer_signing.py");
    let done = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{arguments:?} {}",
        String::from_utf8_lossy(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn model_signing_computes_the_same_digests_and_reads_our_envelopes() {
    let Some(python) = peer() else { return };
    let signers = Signers::new();
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &[]);
    let file = golden("mlp_bc", "model.onnx");
    // A folder with what sorting and leaving out could get wrong.
    let folder = signers.scratch.folder().join("model");
    for name in [
        "a-b",
        "a/b",
        "a/é",
        "a.b",
        "Z",
        ".gitignore",
        ".git/HEAD",
        "b/.gitignore",
        "𝄞",
        "\u{ff5e}",
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    fs::copy(&file, folder.join("model.onnx")).unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    for model in [&file, &folder] {
        let report = signers.sign(0, &bundle, &["--model", model]);
        let theirs = ask(&python, &["digest", model]);
        assert_eq!(
            theirs["subject"][0]["digest"]["sha256"],
            report["model_sha256"]
        );
        // A signature of their tool, by an ECDSA key, is over the same digest: what links a bundle to it.
        let signed = ask(&python, &["theirs", model]);
        assert_eq!(signed["subject"], theirs["subject"]);

        let seen = ask(&python, &["check", &signatures(&bundle), &signers.public]);
        assert_eq!(seen["accepted"], object!([report["signer"]]));
        assert_eq!((&seen["pae"], &seen["type"]), (&true.into(), &true.into()));
        let statement = &seen["statement"];
        assert_eq!(
            statement["subject"][0]["digest"]["sha256"],
            report["sha256"]
        );
        assert_eq!(statement["subject"][1], theirs["subject"][0]);
        let ours = &statement["predicate"]["model"];
        assert_eq!(ours["resources"], theirs["predicate"]["resources"]);
        let sorted = |value: &Value| {
            let mut value = value.clone();
            value["ignore_paths"]
                .as_array_mut()
                .unwrap()
                .sort_by_key(Value::to_string);
            value
        };
        assert_eq!(
            sorted(&ours["serialization"]),
            sorted(&theirs["predicate"]["serialization"])
        );
    }
    // Their tool signs with ECDSA keys only. The day it takes ours, docs/attestation.md has to change.
    assert_eq!(
        ask(&python, &["refuses", &signers.private])["refused"],
        true
    );
}

#[test]
fn envelopes_of_securesystemslib_are_read() {
    let Some(python) = peer() else { return };
    let signers = Signers::new();
    let model = golden("mlp_bc", "model.onnx");
    let bundle = signers.scratch.prove("out.wfp", "mlp_bc", &[]);
    signers.sign(0, &bundle, &["--model", &model]);
    let seen = ask(&python, &["check", &signatures(&bundle), &signers.public]);
    let payload = seen["statement"].to_string();
    let payload = signers.scratch.write("payload.json", payload.as_bytes());
    let envelope = ask(&python, &["sign", &signers.other_private, &payload]);
    fs::write(signatures(&bundle), envelope.to_string()).unwrap();
    let verdict = signers.verify(0, &[&bundle, "--model", &model], &signers.other_public);
    assert_eq!(verdict["signature"]["bundle_checked"], "model");
    let verdict = signers.verify(3, &[&bundle, "--model", &model], &signers.public);
    assert_eq!(verdict["reason"], "other-signer");
}
