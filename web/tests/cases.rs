//! Good and forged bundles with the verdict on each, judged here by the native code and written to `target/tmp/web-cases/` for
//! `web/tests/browser.mjs`, which asks the page for the same: the same report and the same cells, byte for byte.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use winterforge_forge::case::Case as Forgeable;
use winterforge_forge::forger::Witness;
use winterforge_forge::stark::Deviation;
use winterforge_model::{Graph, load, read_input};
use winterforge_prover::device::CpuDevice;
use winterforge_prover::{Mode, ProvingKey, Resources, Silent, prove, prove_after, prove_with_key};
use winterforge_verifier::bundle::{BundleDigest, HashId, Header, Parameters, Parents, Values};
use winterforge_verifier::security::SecurityLevel;
use winterforge_web::{Verdict, judge};

/// Damaged bundles for each of two good ones.
const DAMAGED: u64 = 20;

/// A folder of files, and what is known of each pair.
struct Cases {
    folder: PathBuf,
    list: Vec<Value>,
}

/// What is expected of a case.
#[derive(Clone, Copy)]
enum Expected {
    Accepted,
    /// With this reason.
    Refused(Verdict, &'static str),
    /// For whatever reason.
    NotAccepted,
}

impl Cases {
    fn new(folder: PathBuf) -> Self {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let list = Vec::new();
        Self { folder, list }
    }

    /// Judges a bundle, holds the verdict against what is expected, and keeps both.
    fn add(
        &mut self,
        name: &str,
        bundle: &[u8],
        reference: (&str, &[u8]),
        min_security_bits: u32,
        expected: Expected,
    ) {
        let judged = judge(bundle, reference.1, min_security_bits);
        let report = &judged.report;
        let reason = report.reason.unwrap_or_default();
        match expected {
            Expected::Accepted => {
                assert_eq!(report.verdict, Verdict::Accepted, "{name}: {report:?}");
            }
            Expected::Refused(verdict, expected) => assert_eq!(
                (report.verdict, reason),
                (verdict, expected),
                "{name}: {report:?}"
            ),
            Expected::NotAccepted => {
                assert_ne!(report.verdict, Verdict::Accepted, "{name}: {report:?}");
            }
        }
        let is_accepted = report.verdict == Verdict::Accepted;
        let cells = [&judged.input, &judged.output_q, &judged.output];
        assert!(
            cells.iter().all(|cells| cells.is_empty() != is_accepted),
            "{name}: cells"
        );
        let file = format!("{:03}.wfp", self.list.len());
        std::fs::write(self.folder.join(&file), bundle).unwrap();
        let path = self.folder.join(reference.0);
        if !path.exists() {
            std::fs::write(&path, reference.1).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), reference.1, "{name}");
        self.list.push(json!({
            "name": name, "bundle": file, "reference": reference.0, "minSecurity": min_security_bits,
            "report": report, "input": hex(&judged.input), "outputQ": hex(&judged.output_q), "output": hex(&judged.output),
        }));
    }

    fn finish(self) {
        let list = serde_json::to_vec(&self.list).unwrap();
        std::fs::write(self.folder.join("cases.json"), list).unwrap();
        println!("{} cases in {}", self.list.len(), self.folder.display());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A reference model with its first samples, in both modes.
struct Subject {
    name: String,
    file: Vec<u8>,
    graph: Arc<Graph>,
    x: Vec<f32>,
    open: Vec<u8>,
    key: Vec<u8>,
    keyed: Vec<u8>,
}

fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/models")
        .join(model)
}

impl Subject {
    fn new(model: &str, batch: usize, parameters: Parameters) -> Self {
        let path = folder(model).join("model.onnx");
        let graph = Arc::new(load(&path).unwrap());
        let samples = read_input(&folder(model).join("inputs.npz"), &graph).unwrap();
        let x = samples.data[..batch * samples.sample_len].to_vec();
        let key = ProvingKey::setup(&graph, parameters).unwrap();
        Self {
            name: format!("{model} ({batch})"),
            file: std::fs::read(path).unwrap(),
            open: prove(&graph, &x, parameters, &Silent).unwrap().bundle,
            keyed: prove_with_key(&graph, &key, &x, &Silent).unwrap().bundle,
            key: key.key.encode().unwrap(),
            graph,
            x,
        }
    }

    /// The model as a file, by a name of its own.
    fn model(&self) -> (String, &[u8]) {
        (format!("{}.onnx", self.name), &self.file)
    }

    fn key(&self) -> (String, &[u8]) {
        (format!("{}.wfk", self.name), &self.key)
    }

    /// The open bundle with another header before the same proof.
    fn restated(&self, change: impl FnOnce(&mut Header)) -> Vec<u8> {
        let (mut header, length) = Header::decode(&self.open).unwrap();
        change(&mut header);
        [header.encode().as_slice(), &self.open[length..]].concat()
    }
}

/// A bundle about the subject's samples that names others.
fn child_of(subject: &Subject, parents: &[&[u8]]) -> Vec<u8> {
    let resources = Resources {
        device: &CpuDevice::default(),
        memory_bytes: None,
    };
    let parents = Parents::new(parents.iter().map(|bundle| BundleDigest::of(bundle))).unwrap();
    let mode = Mode::Open(Parameters::default());
    let Subject { graph, x, .. } = subject;
    let proved = prove_after(resources, graph, x, mode, parents, &Silent);
    proved.unwrap().bundle
}

#[test]
fn every_case_has_its_verdict() {
    use Expected::{Accepted, NotAccepted, Refused};
    use Verdict::{Rejected, Unreadable};

    let mut cases = Cases::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("web-cases"));
    let default = Parameters::default();
    let lenet = Subject::new("lenet_mnist", 1, default);
    let mnist = Subject::new("mlp_mnist", 5, default);
    let tokens = Subject::new("tokens", 2, default);
    let table = Subject::new("mlp_bc", 1, default);
    let residual = Subject::new("inverted_residual", 1, default);
    let encoder = Subject::new("encoder", 1, default);
    let all = [&lenet, &mnist, &tokens, &table, &residual, &encoder];
    for subject in all {
        let Subject {
            name, open, keyed, ..
        } = subject;
        let (model, key) = (subject.model(), subject.key());
        let [model, key] = [(model.0.as_str(), model.1), (key.0.as_str(), key.1)];
        cases.add(&format!("{name}, model"), open, model, 100, Accepted);
        cases.add(&format!("{name}, key"), keyed, key, 100, Accepted);
        let add = &mut |what: &str, bundle: &[u8], reference, reason| {
            cases.add(
                &format!("{name}, {what}"),
                bundle,
                reference,
                100,
                Refused(Rejected, reason),
            );
        };
        add("needs a key", keyed, model, "needs-key");
        add("needs the model", open, key, "needs-model");
        let restated = subject.restated(|header| {
            if let Values::Quantized(qtype, cells) = &mut header.output.values {
                cells[0] = if cells[0] == qtype.max() {
                    cells[0] - 1
                } else {
                    cells[0] + 1
                };
            }
        });
        // The output is in the seed of all challenges.
        cases.add(
            &format!("{name}, another output"),
            &restated,
            model,
            100,
            NotAccepted,
        );
    }
    for (hash, level) in [
        (HashId::Poseidon2, SecurityLevel::Bits100),
        (HashId::Blake3, SecurityLevel::Bits128),
    ] {
        let subject = Subject::new(
            "mlp_digits",
            1,
            Parameters {
                hash,
                level,
                ..default
            },
        );
        let name = format!("mlp_digits, {}, {} bits", hash.name(), level.bits());
        let reference = ("mlp_digits.onnx", subject.file.as_slice());
        cases.add(&name, &subject.open, reference, level.bits(), Accepted);
    }

    let (model, key) = (mnist.model(), mnist.key());
    let [model, key] = [(model.0.as_str(), model.1), (key.0.as_str(), key.1)];
    let lenet_model = ("lenet_mnist (1).onnx", lenet.file.as_slice());
    let lenet_key = ("lenet_mnist (1).wfk", lenet.key.as_slice());
    cases.add(
        "another model",
        &mnist.open,
        lenet_model,
        100,
        Refused(Rejected, "other-model"),
    );
    cases.add(
        "another key",
        &mnist.keyed,
        lenet_key,
        100,
        Refused(Rejected, "other-model"),
    );
    let fast = Parameters {
        profile: winterforge_verifier::security::Profile::Fast,
        ..default
    };
    let other = ProvingKey::setup(&mnist.graph, fast)
        .unwrap()
        .key
        .encode()
        .unwrap();
    cases.add(
        "another key of the model",
        &mnist.keyed,
        ("fast.wfk", &other),
        100,
        Refused(Rejected, "other-key"),
    );
    let weak = Refused(Rejected, "insufficient-security");
    cases.add(
        "128 bits asked of a bundle of 100",
        &mnist.open,
        model,
        128,
        weak,
    );
    let child = child_of(&mnist, &[&lenet.open, &tokens.open]);
    cases.add("a bundle with two parents", &child, model, 100, Accepted);
    let parent = BundleDigest::of(&lenet.open).0;
    let place = child.windows(32).position(|bytes| bytes == parent).unwrap();
    let mut renamed = child;
    // The last byte: the order of the two stays as it must be.
    renamed[place + 31] ^= 1;
    cases.add(
        "a bundle with another parent",
        &renamed,
        model,
        100,
        NotAccepted,
    );
    for (what, change) in restatements() {
        cases.add(what, &mnist.restated(change), model, 100, NotAccepted);
    }
    let own = forged(&tokens);
    let tokens_model = ("tokens (2).onnx", tokens.file.as_slice());
    cases.add(
        "the forger's honest proof",
        &own[0],
        tokens_model,
        100,
        Accepted,
    );
    cases.add(
        "a proof made for other tokens",
        &own[1],
        tokens_model,
        100,
        Refused(Rejected, "false-claims"),
    );
    cases.add(
        "a proof made for another output",
        &own[2],
        tokens_model,
        100,
        Refused(Rejected, "false-claims"),
    );
    damaged(&mut cases, "open", &mnist.open, model);
    damaged(&mut cases, "key", &mnist.keyed, key);

    let nothing = Refused(Unreadable, "malformed-bundle");
    cases.add("an empty bundle", &[], model, 100, nothing);
    cases.add(
        "a model in place of the bundle",
        &mnist.file,
        model,
        100,
        nothing,
    );
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/forged");
    for name in [
        "honest",
        "forged_remainder",
        "forged_square",
        "forged_vanishing",
    ] {
        let proof = std::fs::read(files.join(name).with_extension("proof")).unwrap();
        cases.add(
            &format!("{name}, which is no bundle"),
            &proof,
            model,
            100,
            nothing,
        );
    }
    let unread = Refused(Unreadable, "bad-input");
    for (name, length) in [("cut.onnx", mnist.file.len() / 2), ("empty.onnx", 0)] {
        cases.add(
            name,
            &mnist.open,
            (name, &mnist.file[..length]),
            100,
            unread,
        );
    }
    let mut bad_key = mnist.key.clone();
    bad_key[100] ^= 1;
    cases.add(
        "a damaged key",
        &mnist.keyed,
        ("damaged.wfk", &bad_key),
        100,
        unread,
    );
    cases.add(
        "a bundle for a model",
        &mnist.open,
        ("bundle.onnx", &mnist.open),
        100,
        unread,
    );
    cases.finish();
}

/// A change to a statement, and what to call it.
type Restatement = (&'static str, fn(&mut Header));

/// Changes to the statement of a proof that was made for another one.
fn restatements() -> Vec<Restatement> {
    vec![
        ("an input changed by one ulp", |header| {
            if let Values::Float(cells) = &mut header.input.values {
                cells[100] = f32::from_bits(cells[100].to_bits() ^ 1);
            }
        }),
        ("an input that is no number", |header| {
            if let Values::Float(cells) = &mut header.input.values {
                cells[100] = f32::NAN;
            }
        }),
        ("samples swapped", |header| {
            if let Values::Quantized(_, cells) = &mut header.output.values {
                cells.rotate_left(10);
            }
        }),
        ("another level", |header| {
            header.parameters.level = SecurityLevel::Bits128
        }),
        ("another hash", |header| {
            header.parameters.hash = HashId::Poseidon2
        }),
        ("another number of traces", |header| header.shards += 1),
        ("a batch cut short", |header| {
            header.input.shape[0] = 4;
            header.output.shape[0] = 4;
        }),
    ]
}

/// Bits flipped anywhere, ends cut off and added.
fn damaged(cases: &mut Cases, mode: &str, bundle: &[u8], reference: (&str, &[u8])) {
    let mut state = 0x5eed_0001_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..DAMAGED {
        let (at, bit) = (next() as usize % bundle.len(), next() % 8);
        let mut damaged = bundle.to_vec();
        damaged[at] ^= 1 << bit;
        let name = format!("{mode}, bit {bit} of byte {at} flipped");
        cases.add(&name, &damaged, reference, 100, Expected::NotAccepted);
        let cut = next() as usize % bundle.len();
        let unread = Expected::NotAccepted;
        cases.add(
            &format!("{mode}, cut at {cut}"),
            &bundle[..cut],
            reference,
            100,
            unread,
        );
    }
    let longer = [bundle, &[0]].concat();
    let surplus = Expected::Refused(Verdict::Unreadable, "trailing-bytes");
    cases.add(
        &format!("{mode}, a byte too many"),
        &longer,
        reference,
        100,
        surplus,
    );
}

/// Proofs by the forger's own prover: of the truth, of other tokens than those executed, and of another output, everything in
/// them made to fit the lie.
fn forged(subject: &Subject) -> [Vec<u8>; 3] {
    let case = Forgeable::new(
        (*subject.graph).clone(),
        subject.x.clone(),
        Parameters::default(),
    );
    let bundle = |change: &dyn Fn(&mut Header)| {
        let mut witness = Witness::honest(&case);
        change(&mut witness.header);
        let filled = witness.commit().fill().as_summed();
        filled.finish(Deviation::None).bundle()
    };
    [
        bundle(&|_| {}),
        bundle(&|header| {
            if let Values::Tokens(tokens) = &mut header.input.values {
                tokens[0] = (tokens[0] + 1) % 40;
            }
        }),
        bundle(&|header| {
            if let Values::Quantized(_, cells) = &mut header.output.values {
                cells.swap(0, 1);
            }
        }),
    ]
}
