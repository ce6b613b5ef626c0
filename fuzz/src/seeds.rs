//! The files that mutations start from: in `seeds/`, one folder a target.
//!
//! They are written by this module, so that a change of a format renews them: `cargo run -p winterforge-fuzz -- seeds`.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use winterforge_attest::{
    Artifact, Checked, Envelope, Kind, ModelFiles, Predicate, PrivateKey, Statement,
    encode_envelopes,
};
use winterforge_model::testing::{Form, RandomMlp, RandomNet, onnx_bytes, random_mlp};
use winterforge_model::{Graph, ModelId, QType};
use winterforge_prover::{ProvingKey, Silent, prove};
use winterforge_verifier::bundle::{
    BundleDigest, HashId, Header, Parameters, Parents, PublicTensor, Values,
};
use winterforge_verifier::key::KeyDigest;
use winterforge_verifier::security::Profile;

/// The private key of RFC 8410's example: it signs seeds, and nothing else.
pub(crate) const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

/// What the seeds' signatures are on.
pub(crate) const SIGNED: &[u8] = b"a bundle";

/// The model that inputs and proofs are for: two layers of a few cells.
pub(crate) fn graph() -> Graph {
    random_mlp(1, &[4, 3, 2])
}

/// The folder of a target's seeds.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target)
}

/// The seeds of a target, in the order of their names.
///
/// # Errors
/// If the folder cannot be read.
pub fn read(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder(target))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(fs::read).collect()
}

/// Writes the seeds of every target.
///
/// # Errors
/// If a file cannot be written, or something that always works does not.
pub fn write() -> Result<(), Box<dyn std::error::Error>> {
    for (target, seeds) in [
        ("onnx", onnx()),
        ("npz", npz()?),
        ("npy", npy()),
        ("json", json()),
        ("bundle", bundle()),
        ("proof", proof()?),
        ("key", key()?),
        ("signatures", signatures()?),
        ("registers", registers()),
        ("uart", uart()),
    ] {
        let folder = folder(target);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for (index, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("{index:02}")), seed)?;
        }
    }
    Ok(())
}

fn onnx() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for seed in 0..3 {
        seeds.push(onnx_bytes(&RandomMlp::any(seed, 4).build(), Form::Qdq));
    }
    for seed in 0..40 {
        let form = [Form::QOperator, Form::Qdq][seed as usize % 2];
        for net in [RandomNet::any(seed), RandomNet::encoder(seed)] {
            seeds.push(net.file(form));
        }
    }
    // Small ones have a larger share of structure.
    seeds.sort_by_key(Vec::len);
    seeds.dedup();
    seeds.truncate(24);
    seeds
}

/// An array file of numpy's format.
fn array(version: u8, descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn npy() -> Vec<Vec<u8>> {
    let floats = |count: usize| -> Vec<u8> {
        (0..count)
            .flat_map(|i| (i as f32 / 4.0 - 1.0).to_le_bytes())
            .collect()
    };
    let doubles: Vec<u8> = (0..4).flat_map(|i| f64::from(i).to_be_bytes()).collect();
    let shorts: Vec<u8> = (0..8i16).flat_map(i16::to_le_bytes).collect();
    vec![
        array(1, "<f4", "(1, 4)", &floats(4)),
        array(2, "<f4", "(3, 4)", &floats(12)),
        array(3, ">f8", "(1, 4)", &doubles),
        array(1, "<i2", "(2, 4)", &shorts),
        array(1, "|u1", "(1, 4)", &[0, 1, 254, 255]),
        array(1, "|b1", "(1, 4)", &[0, 1, 1, 0]),
    ]
}

fn npz() -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for (method, names) in [
        (zip::CompressionMethod::Stored, &["x.npy"][..]),
        (zip::CompressionMethod::Deflated, &["y.npy", "x.npy"]),
    ] {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::DEFAULT.compression_method(method);
        for (name, array) in names.iter().zip(npy()) {
            archive.start_file(*name, options)?;
            archive.write_all(&array)?;
        }
        seeds.push(archive.finish()?.into_inner());
    }
    Ok(seeds)
}

fn json() -> Vec<Vec<u8>> {
    [
        "[[1, 2.5, -3e2, 0.1]]",
        "{\"x\": [[0, 0, 0, 0], [1, 1, 1, 1]]}",
        "{\"y\": null, \"x\": [[1.5, 2, 3, 4]], \"z\": \"\\u00e9\"}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn header(input: Values, key: Option<KeyDigest>, parents: u8) -> Header {
    let shape = vec![1, 2];
    let parents = (0..parents).map(|byte| BundleDigest([byte; 32]));
    Header {
        model_id: ModelId([7; 32]),
        parameters: Parameters::default(),
        input: PublicTensor {
            shape: shape.clone(),
            values: input,
        },
        output: PublicTensor {
            shape,
            values: Values::Quantized(QType::U8, vec![0, 255]),
        },
        shards: 1,
        key,
        parents: Parents::new(parents).unwrap_or_default(),
    }
}

fn bundle() -> Vec<Vec<u8>> {
    let key = Some(KeyDigest([9; 32]));
    [
        header(Values::Float(vec![1.5, -0.25]), None, 0),
        header(Values::Quantized(QType::I8, vec![-128, 127]), key, 0),
        header(Values::Tokens(vec![3, 4]), None, 2),
        header(Values::Float(vec![0.0, f32::NAN]), key, 16),
    ]
    .map(|header| header.encode())
    .into()
}

fn proof() -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let graph = Arc::new(graph());
    let mut seeds = Vec::new();
    for (hash, profile) in [
        (HashId::Blake3, Profile::Small),
        (HashId::Poseidon2, Profile::Small),
    ] {
        let parameters = Parameters {
            hash,
            profile,
            ..Parameters::default()
        };
        let x = [0.5, -1.0, 0.25, 2.0];
        seeds.push(prove(&graph, &x, parameters, &Silent)?.bundle);
    }
    Ok(seeds)
}

fn key() -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let nets = (0..6).flat_map(|seed| [RandomNet::any(seed), RandomNet::encoder(seed)]);
    let graphs = std::iter::once(graph()).chain(nets.map(|net| net.build()));
    let mut seeds = Vec::new();
    for graph in graphs {
        // Not every random model has a plan.
        if let Ok(key) = ProvingKey::setup(&Arc::new(graph), Parameters::default()) {
            seeds.push(key.key.encode()?);
        }
    }
    seeds.sort_by_key(Vec::len);
    seeds.truncate(8);
    Ok(seeds)
}

fn signatures() -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
    let key = PrivateKey::from_pem(PRIVATE_KEY)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = |has_model: bool| -> Result<Option<ModelFiles>, Box<dyn std::error::Error>> {
        Ok(if has_model {
            Some(ModelFiles::read(&root.join("../testdata/models/mlp_bc"))?)
        } else {
            None
        })
    };
    let mut envelopes = Vec::new();
    for has_model in [false, true] {
        let predicate = Predicate {
            kind: Kind::Bundle,
            id: "01".repeat(32),
            model_id: "02".repeat(32),
            key: Some("03".repeat(32)).filter(|_| has_model),
            parents: vec!["04".repeat(32)],
            checked: if has_model {
                Checked::Model
            } else {
                Checked::Nothing
            },
            model: model(has_model)?,
        };
        let artifact = Artifact::new(Kind::Bundle, SIGNED);
        let statement = Statement::new(artifact, "out.wfp", "model", predicate);
        envelopes.push(Envelope::sign(statement.encode()?, &key)?);
    }
    Ok(vec![
        encode_envelopes(&envelopes[..1]),
        encode_envelopes(&envelopes[1..]),
        encode_envelopes(&envelopes),
    ])
}

fn uart() -> Vec<Vec<u8>> {
    // A greeting, a register read and one written, words taken in two pieces, a result in one, a greeting.
    let honest = [
        [0x20, 0].as_slice(),
        &[0x20, 0],
        &[0x20, 0],
        &[0x20, 0],
        &[0x20, 0],
        &[0x20, 0x28, 5, 100],
        &[0x20, 0],
    ]
    .concat();
    let beginnings = [
        [0x00].as_slice(),
        &[0x10, 3, 0xc0, 1, 2],
        &[0x20, 1],
        &[0x20, 64, 9, 4],
        &[0x20, 2, 3],
    ];
    let others = beginnings.map(|beginning| [beginning, &honest].concat());
    let refused = [[0x20, 0].as_slice(), &[0x20, 4, 2]].concat();
    let tiny_room = [
        honest[..6].to_vec(),
        vec![0x20, 0x10, 1, 0, 0, 0],
        honest[8..].to_vec(),
    ]
    .concat();
    [vec![honest, refused, tiny_room], others.to_vec()].concat()
}

fn registers() -> Vec<Vec<u8>> {
    // Honest answers to every question; and one changed here and there.
    let honest = vec![0; 64];
    let changes = [
        (3, 0xf4),
        (12, 0xf9),
        (17, 0x90),
        (18, 0xc4),
        (19, 0xd1),
        (20, 0xf3),
    ];
    let changed = changes.map(|(at, byte)| {
        let mut script = honest.clone();
        script[at] = byte;
        script
    });
    std::iter::once(honest.clone()).chain(changed).collect()
}
