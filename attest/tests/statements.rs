//! Statements, envelopes and keys: what is accepted, and what files by others do not get accepted.

use std::fs;
use std::path::{Path, PathBuf};

use winterforge_attest::{
    Artifact, Checked, Envelope, EnvelopeError, Kind, MAX_ENVELOPES, ModelFiles, ModelFilesError,
    PREDICATE_TYPE, Predicate, PrivateKey, PublicKey, Sha256Digest, SigningKeyError, Statement,
    StatementError, Unsigned, decode_envelopes, encode_envelopes, find_signed,
    pre_authentication_encoding,
};

/// The examples of RFC 8410, section 10.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
/// As `openssl genpkey -algorithm ed25519` writes one; for tests.
const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";

fn keys() -> (PrivateKey, PublicKey, PrivateKey) {
    let private = PrivateKey::from_pem(PRIVATE).unwrap();
    let public = PublicKey::from_pem(PUBLIC).unwrap();
    (private, public, PrivateKey::from_pem(OTHER).unwrap())
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("attest-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn predicate(kind: Kind, model: Option<ModelFiles>) -> Predicate {
    Predicate {
        kind,
        id: "01".repeat(32),
        model_id: "02".repeat(32),
        key: None,
        parents: Vec::new(),
        checked: Checked::Model,
        model,
    }
}

#[test]
fn keys_are_those_of_openssl() {
    let (private, public, other) = keys();
    assert_eq!(private.public(), public);
    assert!(other.public() != public);
    // openssl pkey -pubin -outform DER | sha256sum
    let der = [
        &[
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ][..],
        &hex("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"),
    ]
    .concat();
    assert_eq!(public.id(), Sha256Digest::of(&der).to_string());
    let signature = private.sign(b"a message");
    assert_eq!(signature, private.sign(b"a message"));
    assert!(public.verifies(b"a message", &signature));
    assert!(!other.public().verifies(b"a message", &signature));
    assert!(!public.verifies(b"a massage", &signature));
    for length in [0, 63, 65] {
        let mut wrong = signature.to_vec();
        wrong.resize(length, 0);
        assert!(!public.verifies(b"a message", &wrong));
    }
    // The scalar plus the order of the group is another encoding of the same signature.
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut malleable = signature;
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!public.verifies(b"a message", &malleable));
    assert!(!format!("{private:?}").contains("d4ee72dbf913584ad5b6d8f1f769f8ad"));
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

#[test]
fn files_that_are_no_key() {
    let error = |pem: &str| PublicKey::from_pem(pem).unwrap_err();
    assert_eq!(error(""), SigningKeyError::NoPem);
    assert_eq!(error("no key"), SigningKeyError::NoPem);
    let private = SigningKeyError::OtherLabel {
        found: "PRIVATE KEY".to_owned(),
        expected: "PUBLIC KEY",
    };
    assert_eq!(error(PRIVATE), private);
    assert_eq!(
        PrivateKey::from_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n").unwrap_err(),
        SigningKeyError::Encrypted
    );
    assert!(matches!(
        PrivateKey::from_pem(PUBLIC).unwrap_err(),
        SigningKeyError::OtherLabel { .. }
    ));
    // P-256, of `openssl ecparam -genkey`.
    let p256 = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAGb1xw/zP5e5w6rY1sG4pbSgpZnM5W2qZLfX8Q==
-----END PUBLIC KEY-----
";
    assert_eq!(error(p256), SigningKeyError::NoEd25519("PUBLIC KEY"));
    let damaged = PUBLIC.replacen("GA", "G", 1).replace("Gb9", "G!9");
    assert_eq!(error(&damaged), SigningKeyError::NoEd25519("PUBLIC KEY"));
    // The neutral element, for which any signature with a zero scalar would do.
    let weak = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END PUBLIC KEY-----
";
    assert_eq!(error(weak), SigningKeyError::Weak);
}

/// The example of DSSE's specification.
#[test]
fn what_is_signed_is_the_encoding_of_type_and_payload() {
    assert_eq!(
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn a_model_is_its_files() {
    let folder = Folder::new("model");
    let one = folder.write("one/model.onnx", b"weights");
    let file = ModelFiles::read(&one).unwrap();
    assert_eq!(file.resources[0].name, ".");
    let digest = Sha256Digest::of(b"weights");
    assert_eq!(file.digest(), Sha256Digest::of(&digest.0));
    assert!(file.holds(digest) && !file.holds(file.digest()));

    // Sorted by components; what git keeps at the top is left out, below it is not.
    for (name, contents) in [
        ("a-b", "1"),
        ("a/b", "2"),
        ("a/.git/c", "3"),
        (".gitignore", "4"),
        (".git/HEAD", "5"),
        (".github/x/y", "6"),
        (".gitattributes", "7"),
        (".hidden", "8"),
        ("a.b", "9"),
    ] {
        folder.write(&format!("many/{name}"), contents.as_bytes());
    }
    let many = ModelFiles::read(&folder.0.join("many")).unwrap();
    let names: Vec<&str> = many.resources.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, [".hidden", "a/.git/c", "a/b", "a-b", "a.b"]);
    let digests = ["8", "3", "2", "1", "9"].map(|text| Sha256Digest::of(text.as_bytes()));
    assert_eq!(many.digest(), Sha256Digest::of_all(digests));

    fs::create_dir(folder.0.join("empty")).unwrap();
    assert!(matches!(
        ModelFiles::read(&folder.0.join("empty")),
        Err(ModelFilesError::Empty(_))
    ));
    assert!(matches!(
        ModelFiles::read(Path::new("/nowhere/at/all")),
        Err(ModelFilesError::Read { .. })
    ));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&one, folder.0.join("many/link")).unwrap();
        for path in ["many", "many/link"] {
            assert!(matches!(
                ModelFiles::read(&folder.0.join(path)),
                Err(ModelFilesError::Link(_))
            ));
        }
        assert!(matches!(
            ModelFiles::read(Path::new("/dev/null")),
            Err(ModelFilesError::Special(_))
        ));
    }
}

#[test]
fn a_statement_is_found_by_signer_and_file() {
    let (private, public, other) = keys();
    let bundle = Artifact::new(Kind::Bundle, b"a bundle");
    let key = Artifact::new(Kind::Key, b"a key");
    let signed = |artifact: Artifact, signer: &PrivateKey| {
        let statement = Statement::new(artifact, "x", "", predicate(artifact.kind, None));
        Envelope::sign(statement.encode().unwrap(), signer).unwrap()
    };
    let file = encode_envelopes(&[
        signed(bundle, &other),
        signed(key, &private),
        signed(bundle, &private),
    ]);
    let envelopes = decode_envelopes(&file).unwrap();
    assert_eq!(encode_envelopes(&envelopes), file);
    for artifact in [bundle, key] {
        let statement = find_signed(&envelopes, &public, artifact).unwrap();
        assert_eq!(statement.predicate, predicate(artifact.kind, None));
    }
    // A statement about a bundle is none about a key of the same bytes.
    let confused = Artifact::new(Kind::Key, b"a bundle");
    let missed = find_signed(&envelopes, &public, confused);
    assert_eq!(missed, Err(Unsigned::OtherSubject(Kind::Key)));
    let missed = find_signed(&envelopes[..1], &public, bundle);
    assert_eq!(missed, Err(Unsigned::OtherSigner(public.id())));
    assert_eq!(
        find_signed(&[], &public, bundle),
        Err(Unsigned::OtherSigner(public.id()))
    );
}

#[test]
fn every_changed_byte_of_an_envelope_is_noticed() {
    let (private, public, _) = keys();
    let bundle = Artifact::new(Kind::Bundle, b"a bundle");
    let statement = Statement::new(bundle, "out.wfp", "", predicate(Kind::Bundle, None));
    let envelope = Envelope::sign(statement.encode().unwrap(), &private).unwrap();
    let file = encode_envelopes(&[envelope]);
    let text = String::from_utf8(file.clone()).unwrap();
    let keyid = text.find(&public.id()).unwrap();
    for at in 0..file.len() - 1 {
        let mut changed = file.clone();
        changed[at] ^= 1;
        let found = decode_envelopes(&changed)
            .ok()
            .and_then(|envelopes| find_signed(&envelopes, &public, bundle).ok());
        // The key's id is a hint: its name and value may be anything.
        let is_hint = (keyid - 10..keyid + 66).contains(&at);
        assert!(found.is_none() || is_hint, "byte {at}");
    }
    // A signature is over the type, too.
    let retyped = text.replace("vnd.in-toto+json", "vnd.in-toto+jsom");
    let envelopes = decode_envelopes(retyped.as_bytes()).unwrap();
    assert!(!envelopes[0].verifies(&public));
    // Either alphabet of base64 is read.
    let url = text
        .replace('+', "-")
        .replace("vnd.in-toto-json", "vnd.in-toto+json");
    let url = if url.contains('/') {
        swap_slashes(&url)
    } else {
        url
    };
    let envelopes = decode_envelopes(url.as_bytes()).unwrap();
    assert!(find_signed(&envelopes, &public, bundle).is_ok());
}

/// Slashes of base64 become underscores; the one of the payload's type stays.
fn swap_slashes(text: &str) -> String {
    text.replace('/', "_")
        .replace("application_vnd", "application/vnd")
}

#[test]
fn files_that_hold_no_envelopes() {
    let (private, ..) = keys();
    let line = |what: &[u8]| match decode_envelopes(what) {
        Err(EnvelopeError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(decode_envelopes(b"").unwrap(), []);
    assert_eq!(decode_envelopes(b"\n \n").unwrap(), []);
    assert_eq!(line(b"{}"), 1);
    assert_eq!(line(b"\n[1]"), 2);
    assert_eq!(line(b"\n\n\xff"), 3);
    let twice = br#"{"payloadType":"x","payload":"","payload":"","signatures":[]}"#;
    assert_eq!(line(twice), 1);
    assert_eq!(
        line(br#"{"payloadType":"x","payload":"!","signatures":[]}"#),
        1
    );
    assert_eq!(
        line(br#"{"payloadType":"x","payload":"","signatures":[{"sig":"!"}]}"#),
        1
    );
    assert_eq!(line("[".repeat(100_000).as_bytes()), 1);
    let one = encode_envelopes(&[Envelope::sign(Vec::new(), &private).unwrap()]);
    assert_eq!(
        decode_envelopes(&one.repeat(MAX_ENVELOPES)).unwrap().len(),
        MAX_ENVELOPES
    );
    let many = one.repeat(MAX_ENVELOPES + 1);
    assert_eq!(decode_envelopes(&many), Err(EnvelopeError::TooMany));
    // Space around a line is not the envelope's: a file ends in a carriage return at one time and not at another.
    let text = one.trim_ascii();
    for (before, after) in [("", "\r"), ("", "\r\n"), (" \t", " \n\n"), ("\r\n", "")] {
        let spaced = [before.as_bytes(), text, after.as_bytes()].concat();
        let envelopes = decode_envelopes(&spaced).unwrap();
        assert_eq!(encode_envelopes(&envelopes), one);
    }
    let signatures = vec![r#"{"sig":""}"#; 17].join(",");
    let many = format!(r#"{{"payloadType":"x","payload":"","signatures":[{signatures}]}}"#);
    assert_eq!(
        decode_envelopes(many.as_bytes()),
        Err(EnvelopeError::TooMany)
    );
    assert_eq!(
        decode_envelopes(&vec![b' '; 16_000_001]),
        Err(EnvelopeError::TooLong)
    );
}

#[test]
fn what_is_signed_must_be_a_statement_of_ours() {
    let (private, public, _) = keys();
    let folder = Folder::new("statement");
    let model = ModelFiles::read(&folder.write("model.onnx", b"weights")).unwrap();
    let bundle = Artifact::new(Kind::Bundle, b"a bundle");
    let honest = Statement::new(
        bundle,
        "b",
        "model.onnx",
        predicate(Kind::Bundle, Some(model)),
    );
    let missed = |payload: &[u8]| {
        let envelope = Envelope::sign(payload.to_vec(), &private).unwrap();
        match find_signed(&[envelope], &public, bundle) {
            Err(Unsigned::Statement(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(missed(b"hello"), StatementError::Json(_)));
    let json = String::from_utf8(honest.encode().unwrap()).unwrap();
    assert_eq!(Statement::decode(json.as_bytes()), Ok(honest.clone()));
    for (from, to) in [
        (PREDICATE_TYPE, "https://else"),
        ("/Statement/v1", "/Statement/v0.1"),
    ] {
        let other = json.replace(from, to);
        assert!(
            matches!(missed(other.as_bytes()), StatementError::Type(_)),
            "{other}"
        );
    }
    let without = json.replace("\"checked\":\"model\",", "");
    assert!(matches!(
        missed(without.as_bytes()),
        StatementError::Json(_)
    ));
    let twice = json.replace(
        "\"checked\":\"model\",",
        "\"checked\":\"model\",\"checked\":\"nothing\",",
    );
    assert!(matches!(missed(twice.as_bytes()), StatementError::Json(_)));
    // Unknown fields are for others.
    let more = json.replace("\"checked\":", "\"comment\":[1,{}],\"checked\":");
    assert_eq!(Statement::decode(more.as_bytes()), Ok(honest.clone()));
    // The list of files is the model's that is a subject.
    let mut listed = honest.clone();
    listed.predicate.model.as_mut().unwrap().resources[0].digest = Sha256Digest::of(b"others");
    assert_eq!(missed(&listed.encode().unwrap()), StatementError::Subjects);
    let mut unlisted = honest.clone();
    unlisted.predicate.model = None;
    assert_eq!(
        missed(&unlisted.encode().unwrap()),
        StatementError::Subjects
    );
    let mut alone = honest;
    alone.subject.clear();
    assert_eq!(missed(&alone.encode().unwrap()), StatementError::Subjects);
}
