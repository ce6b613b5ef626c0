//! Input files in every format: what is read, what is refused, and that hostile ones stay small.

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use winterforge_model::testing::{RandomMlp, Rng};
use winterforge_model::{Graph, InputError, OutputBoundary, Samples, read_input};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn graph(boundary: OutputBoundary) -> Graph {
    RandomMlp {
        boundary,
        ..RandomMlp::new(1, &[3, 2])
    }
    .build()
}

fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(body);
    bytes
}

fn f4(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn npz(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Writes a file of its own for each call, reads it as input and removes it.
fn read_as(extension: &str, bytes: &[u8], boundary: OutputBoundary) -> Result<Samples, InputError> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(
        "winterforge-input-{}-{number}.{extension}",
        std::process::id()
    );
    let path: PathBuf = std::env::temp_dir().join(name);
    fs::write(&path, bytes).unwrap();
    let result = read_input(&path, &graph(boundary));
    fs::remove_file(&path).unwrap();
    result
}

fn read(extension: &str, bytes: &[u8]) -> Result<Samples, InputError> {
    read_as(extension, bytes, OutputBoundary::Float)
}

#[track_caller]
fn refused(result: Result<Samples, InputError>, part: &str) {
    let text = result.unwrap_err().to_string();
    assert!(text.contains(part), "`{part}` is not in: {text}");
}

const VALUES: [f32; 6] = [1.0, -2.5, 3.25, 0.0, 1e-3, 7.0];

#[test]
fn all_formats_agree() {
    let array = npy("'<f4'", "(2, 3)", &f4(&VALUES));
    let big: Vec<u8> = VALUES.iter().flat_map(|v| v.to_be_bytes()).collect();
    let wide: Vec<u8> = VALUES
        .iter()
        .flat_map(|&v| f64::from(v).to_le_bytes())
        .collect();
    let others: &[u8] = b"not an array";
    let entries = [("label.npy", others), ("x.npy", array.as_slice())];
    for (extension, bytes) in [
        ("npy", array.clone()),
        ("npy", npy("'>f4'", "(2, 3)", &big)),
        ("npy", npy("'<f8'", "(2, 3)", &wide)),
        ("npz", npz(&entries, CompressionMethod::Stored)),
        ("npz", npz(&entries, CompressionMethod::Deflated)),
        ("json", b"[[1, -2.5, 3.25], [0.0, 0.001, 7e0]]".to_vec()),
        (
            "json",
            br#"{"y": 0, "x": [[1, -2.5, 3.25], [0.0, 0.001, 7]]}"#.to_vec(),
        ),
    ] {
        let samples = read(extension, &bytes).unwrap();
        assert_eq!((samples.count, samples.sample_len), (2, 3));
        assert_eq!(samples.data, VALUES);
        assert_eq!(samples.sample(1), &VALUES[3..]);
    }
}

#[test]
fn special_floats_pass() {
    let values = [f32::NAN, f32::INFINITY, -0.0];
    let samples = read("npy", &npy("'<f4'", "(1, 3)", &f4(&values))).unwrap();
    assert_eq!(samples.data.map_bits(), values.to_vec().map_bits());
}

trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|v| v.to_bits()).collect()
    }
}

#[test]
fn inexact_numbers_are_refused() {
    let wide: Vec<u8> = [0.1f64, 0.0, 0.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    refused(
        read("npy", &npy("'<f8'", "(1, 3)", &wide)),
        "value 0: 1e-1 is not exactly a float32",
    );
    let ints: Vec<u8> = [0i32, (1 << 24) + 1, 0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    refused(
        read("npy", &npy("'<i4'", "(1, 3)", &ints)),
        "sample 0, value 1: 16777217",
    );
    let ints: Vec<u8> = [0i32, 1 << 24, -3]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    assert!(read("npy", &npy("'<i4'", "(1, 3)", &ints)).is_ok());
    refused(read("json", b"[[1e39, 0, 0]]"), "beyond float32");
    refused(
        read("npy", &npy("'<f2'", "(1, 3)", &[0; 6])),
        "numbers are <f2",
    );
    refused(
        read("npy", &npy("'|b1'", "(1, 3)", &[0; 3])),
        "astype(numpy.float32)",
    );
    let huge = npy("'<u8'", "(1, 3)", &[0xff; 24]);
    refused(read("npy", &huge), "beyond 2^63");
}

#[test]
fn quantized_models_take_their_own_integers() {
    let array = npy("'|i1'", "(1, 3)", &[0x80, 0, 0x7f]);
    let samples = read_as("npy", &array, OutputBoundary::Quantized).unwrap();
    assert_eq!(samples.data, [-128.0, 0.0, 127.0]);
    let graph = graph(OutputBoundary::Quantized);
    assert_eq!(graph.quantize_input(samples.sample(0)), [-128, 0, 127]);
    let array = npy("'|u1'", "(1, 3)", &[0, 0, 0x80]);
    refused(
        read_as("npy", &array, OutputBoundary::Quantized),
        "value 2: 128 is no int8",
    );
    let array = npy("'<f4'", "(1, 3)", &f4(&[0.0; 3]));
    refused(
        read_as("npy", &array, OutputBoundary::Quantized),
        "takes int8",
    );
    assert!(read_as("json", b"[[1, -2, 3]]", OutputBoundary::Quantized).is_ok());
    refused(
        read_as("json", b"[[1, -2, 3.5]]", OutputBoundary::Quantized),
        "not an integer",
    );
}

#[test]
fn shapes_must_fit() {
    for shape in ["(2, 4)", "(6,)", "()", "(1, 2, 3)", "(3, 2)"] {
        refused(
            read("npy", &npy("'<f4'", shape, &f4(&VALUES))),
            "does not fit the model",
        );
    }
    refused(read("npy", &npy("'<f4'", "(0, 3)", &[])), "no samples");
    refused(
        read("npy", &npy("'<f4'", "(1, 3)", &f4(&VALUES))),
        "do not fill the shape",
    );
    refused(
        read("npy", &npy("'<f4'", "(3, 3)", &f4(&VALUES))),
        "do not fill the shape",
    );
    refused(read("json", b"[[1, 2, 3], [1, 2]]"), "regular array");
    refused(read("json", b"[[1, 2, [3]], [1, 2, 3]]"), "regular array");
    refused(read("json", b"[[1, 2, \"3\"]]"), "regular array");
    refused(read("json", b"[]"), "no samples");
    refused(read("json", b"7"), "does not fit");
    let column = npy("'<f4'", "(2, 3)", &f4(&VALUES));
    let column = String::from_utf8_lossy(&column).replace("False", "True ");
    assert!(column.contains("True"));
    let mut bytes = npy("'<f4'", "(2, 3)", &f4(&VALUES));
    let at = bytes.windows(5).position(|w| w == b"False").unwrap();
    bytes[at..at + 5].copy_from_slice(b"True ");
    refused(read("npy", &bytes), "ascontiguousarray");
}

#[test]
fn other_files_are_refused() {
    refused(read("csv", b"1,2,3"), "unknown kind of file");
    refused(read("npy", b"hello"), "not a .npy array");
    refused(read("npz", b"hello"), "not a readable .npz archive");
    refused(read("json", b"{"), "not JSON");
    refused(read("json", b"{}"), "no array `x`");
    let archive = npz(&[("y.npy", b""), ("z.npy", b"")], CompressionMethod::Stored);
    refused(read("npz", &archive), "no array `x`, but `y`, `z`");
    refused(
        read("npy", &npy("[('a', '<f4')]", "(1, 3)", &f4(&VALUES))),
        "header",
    );
    let path = PathBuf::from("/no/such/input.npz");
    let error = read_input(&path, &graph(OutputBoundary::Float)).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn a_small_file_cannot_claim_much() {
    for shape in [
        "(1000000000, 3)",
        "(6148914691236517206, 3)",
        "(99999999999999999999, 3)",
    ] {
        assert!(read("npy", &npy("'<f4'", shape, &f4(&VALUES))).is_err());
    }
    let array = npy("'<f4'", "(90000000, 3)", &f4(&VALUES));
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        refused(
            read("npz", &npz(&[("x.npy", &array)], method)),
            "far beyond its size",
        );
    }
}

#[test]
fn compressed_zeros_are_bounded() {
    // 60 MB of zeros in 60 kB.
    let rows = 5_000_000;
    let array = npy("'<f4'", &format!("({rows}, 3)"), &vec![0; rows * 12]);
    let bomb = npz(&[("x.npy", &array)], CompressionMethod::Deflated);
    assert!(bomb.len() < 100_000);
    refused(read("npz", &bomb), "far beyond its size");
    // 12 MB are nothing to worry about.
    let rows = 1_000_000;
    let array = npy("'<f4'", &format!("({rows}, 3)"), &vec![0; rows * 12]);
    let harmless = npz(&[("x.npy", &array)], CompressionMethod::Deflated);
    assert_eq!(read("npz", &harmless).unwrap().count, rows);
}

#[test]
fn mutated_files_do_not_panic() {
    let array = npy("'<f4'", "(2, 3)", &f4(&VALUES));
    let corpus = [
        ("npy", array.clone()),
        (
            "npz",
            npz(&[("x.npy", &array)], CompressionMethod::Deflated),
        ),
        ("npz", npz(&[("x.npy", &array)], CompressionMethod::Stored)),
        (
            "json",
            br#"{"x": [[1, -2.5, 3.25], [0.0, 0.001, 7e0]]}"#.to_vec(),
        ),
    ];
    for round in 0..4_000 {
        let mut rng = Rng::new(round);
        let (extension, bytes) = &corpus[rng.int(0, 3) as usize];
        let mut bytes = bytes.clone();
        for _ in 0..rng.int(1, 3) {
            let at = rng.int(0, bytes.len() as i64 - 1) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        if rng.one_in(4) {
            bytes.truncate(rng.int(0, bytes.len() as i64) as usize);
        }
        let _ = read(extension, &bytes);
    }
    for depth in [10, 200, 100_000] {
        refused(read("json", "[".repeat(depth).as_bytes()), "not JSON");
    }
}
