//! `prove --parent` and `inspect --lineage`: chains of bundles that hold, and chains that do not.

use std::fs;

use serde_json::Value;

use crate::support::{Scratch, golden, json, winterforge};

/// The verdicts of a lineage by generation, and whether it is complete.
fn lineage(code: i32, bundle: &str, more: &[&str]) -> (Vec<(u64, String)>, Value) {
    let report = json(code, &[&["inspect", bundle, "--lineage"], more].concat());
    assert_eq!(report["complete"], code == 0, "{report}");
    let entry = |entry: &Value| {
        (
            entry["generation"].as_u64().unwrap(),
            entry["proof"].as_str().unwrap().to_owned(),
        )
    };
    let bundles = report["bundles"].as_array();
    let entries = bundles.into_iter().flatten().map(entry).collect();
    (entries, report)
}

fn all(proofs: &[(u64, &str)]) -> Vec<(u64, String)> {
    let proofs = proofs.iter();
    proofs
        .map(|&(generation, proof)| (generation, proof.to_owned()))
        .collect()
}

#[test]
fn a_chain_of_two_models() {
    let scratch = Scratch::new();
    let old = scratch.prove("old.wfp", "mlp_digits", &["--index", "1"]);
    let key = scratch.path("model.wfk");
    let (bc, digits) = (
        golden("mlp_bc", "model.onnx"),
        golden("mlp_digits", "model.onnx"),
    );
    json(0, &["setup", &bc, "-o", &key]);
    let middle = scratch.prove("middle.wfp", "mlp_bc", &["--parent", &old, "--key", &key]);
    let parents = [
        "--index", "2", "--parent", &middle, "--parent", &old, "--parent", &old,
    ];
    let child = scratch.prove("child.wfp", "mlp_bc", &parents);

    // A proof with parents is a proof.
    json(0, &["verify", &child, "--model", &bc]);
    let id = |path: &str| json(0, &["inspect", path])["id"].clone();
    let mut ids = [id(&old), id(&middle)];
    ids.sort_by_key(Value::to_string);
    assert_eq!(
        json(0, &["inspect", &child])["parents"],
        Value::from(ids.to_vec())
    );
    assert!(
        json(0, &["inspect", &old])["parents"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let (found, report) = lineage(0, &child, &[]);
    assert_eq!(
        found,
        all(&[(0, "unchecked"), (1, "unchecked"), (1, "unchecked")])
    );
    assert_eq!(report["id"], id(&child));
    let references = ["--model", &bc, "--model", &digits, "--key", &key];
    let (found, _) = lineage(0, &child, &references);
    assert_eq!(
        found,
        all(&[(0, "verified"), (1, "verified"), (1, "verified")])
    );
    let text = winterforge(&["inspect", &child, "--lineage", "--model", &bc]);
    assert!(
        text.stdout
            .contains("2 ancestors, all with the digests they are named by"),
        "{text:?}"
    );

    // A parent in another folder, under another name.
    let folder = scratch.folder().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    fs::rename(&old, folder.join("moved")).unwrap();
    let (found, _) = lineage(3, &child, &references);
    assert!(found.contains(&(1, "missing".to_owned())), "{found:?}");
    let search = [&references[..], &["--search", folder.to_str().unwrap()]].concat();
    assert_eq!(lineage(0, &child, &search).0.len(), 3);

    // A forged ancestor is named as such, whatever names it.
    let mut bytes = fs::read(&middle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let forged = scratch.write("forged.wfp", &bytes);
    let grandchild = scratch.prove("grandchild.wfp", "mlp_bc", &["--parent", &forged]);
    let (found, report) = lineage(3, &grandchild, &search);
    assert_eq!(found[..2], all(&[(0, "verified"), (1, "rejected")]));
    assert_eq!(
        report["bundles"][2]["generation"], 2,
        "its own parents are followed: {report}"
    );
    // Without what it is verified against, only its digest is known to fit.
    assert_eq!(lineage(0, &grandchild, &search[6..]).0[1].1, "unchecked");
}

#[test]
fn parents_are_bound_by_the_proof() {
    let scratch = Scratch::new();
    let bc = golden("mlp_bc", "model.onnx");
    let old = scratch.prove("old.wfp", "mlp_bc", &["--index", "1"]);
    let child = scratch.prove("child.wfp", "mlp_bc", &["--parent", &old]);
    let bytes = fs::read(&child).unwrap();
    let (header, length) = winterforge_verifier::bundle::Header::decode(&bytes).unwrap();
    use winterforge_verifier::bundle::{BundleDigest, Parents};
    for parents in [
        Parents::default(),
        Parents::new([BundleDigest([7; 32])]).unwrap(),
    ] {
        let mut other = header.clone();
        other.parents = parents;
        let forged = [&other.encode(), &bytes[length..]].concat();
        let forged = scratch.write("forged.wfp", &forged);
        let verdict = json(3, &["verify", &forged, "--model", &bc]);
        assert_eq!(verdict["reason"], "invalid-proof");
    }
}

#[test]
fn what_is_no_chain() {
    let scratch = Scratch::new();
    let bc = golden("mlp_bc", "model.onnx");
    let inputs = golden("mlp_bc", "inputs.npz");
    let old = scratch.prove("old.wfp", "mlp_bc", &[]);
    let junk = scratch.write("junk.wfp", b"WFBUNDLE and nothing else");
    let ran = winterforge(&["inspect", &bc, "--lineage"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("is no bundle"),
        "{ran:?}"
    );
    for parent in [&junk, &bc, &scratch.path("absent.wfp")] {
        let arguments = [
            "prove",
            &bc,
            "--input",
            &inputs,
            "--parent",
            parent,
            "-o",
            &scratch.path("x.wfp"),
        ];
        assert_eq!(winterforge(&arguments).code, 1);
    }
    // A parent is not written over by its child.
    let ran = winterforge(&[
        "prove", &bc, "--input", &inputs, "--parent", &old, "-o", &old,
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(winterforge(&["inspect", &old, "--search", "."]).code, 2);
    // Bytes that have the digest and are no bundle: a hostile prover may name anything.
    use winterforge_verifier::bundle::{BundleDigest, Header, Parents};
    let (mut header, _) = Header::decode(&fs::read(&old).unwrap()).unwrap();
    header.parents = Parents::new([BundleDigest::of(&fs::read(&junk).unwrap())]).unwrap();
    let child = scratch.write("child.wfp", &header.encode());
    assert_eq!(lineage(3, &child, &[]).1["reason"], "malformed-parent");
}
