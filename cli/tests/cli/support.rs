//! Running the binary, and the golden files it is held against.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// The golden models: folder, model file, file of golden outputs.
pub(crate) const MODELS: [(&str, &str, &str); 18] = [
    ("tokens", "model.onnx", "outputs.npz"),
    ("tokens", "model_u8.onnx", "outputs_u8.npz"),
    ("tokens", "model_qdq.onnx", "outputs_qdq.npz"),
    ("mlp_mnist", "model.onnx", "outputs.npz"),
    ("mlp_mnist", "model_u8.onnx", "outputs_u8.npz"),
    ("mlp_mnist", "model_qdq.onnx", "outputs.npz"),
    ("mlp_digits", "model.onnx", "outputs.npz"),
    ("mlp_digits", "model_u8.onnx", "outputs_u8.npz"),
    ("mlp_digits", "model_qdq.onnx", "outputs.npz"),
    ("mlp_bc", "model.onnx", "outputs.npz"),
    ("mlp_bc", "model_u8.onnx", "outputs_u8.npz"),
    ("mlp_bc", "model_qdq.onnx", "outputs.npz"),
    ("lenet_mnist", "model.onnx", "outputs.npz"),
    ("lenet_mnist", "model_u8.onnx", "outputs_u8.npz"),
    ("lenet_mnist", "model_qdq.onnx", "outputs.npz"),
    ("inverted_residual", "model.onnx", "outputs.npz"),
    ("inverted_residual", "model_u8.onnx", "outputs_u8.npz"),
    ("inverted_residual", "model_qdq.onnx", "outputs.npz"),
];

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in `folder`. It must never end in a panic or by a signal.
pub(crate) fn winterforge_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_winterforge"));
    let done = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let code = done
        .status
        .code()
        .unwrap_or_else(|| panic!("killed: {arguments:?}"));
    let stdout = String::from_utf8(done.stdout).unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    let ran = Ran {
        code,
        stdout,
        stderr,
    };
    assert!((0..=3).contains(&code), "{arguments:?} {ran:?}");
    assert!(
        !ran.stderr.contains("internal error"),
        "{arguments:?} {ran:?}"
    );
    if code == 1 {
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(lines[0].starts_with("error: "), "{arguments:?} {ran:?}");
        assert!(
            lines.len() == 1 || lines.len() == 2 && lines[1].starts_with("hint: "),
            "{arguments:?} {ran:?}"
        );
    }
    ran
}

/// Runs the binary.
pub(crate) fn winterforge(arguments: &[&str]) -> Ran {
    winterforge_in(Path::new(env!("CARGO_TARGET_TMPDIR")), arguments)
}

/// Runs the binary with --json and an expected exit code; each line of its standard output must be an object.
pub(crate) fn json_lines(code: i32, arguments: &[&str]) -> Vec<Value> {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let ran = winterforge(&arguments);
    assert_eq!(ran.code, code, "{arguments:?} {ran:?}");
    let parse = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{arguments:?}: {line}"))
    };
    let objects: Vec<Value> = ran.stdout.lines().map(parse).collect();
    assert!(objects.iter().all(Value::is_object), "{arguments:?}");
    objects
}

/// As [`json_lines`], for exactly one object.
pub(crate) fn json(code: i32, arguments: &[&str]) -> Value {
    let mut objects = json_lines(code, arguments);
    assert_eq!(objects.len(), 1, "{arguments:?}");
    objects.remove(0)
}

/// The keys of an object, sorted.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// A file of a golden model.
pub(crate) fn golden(model: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/models")
        .join(model)
        .join(file);
    path.to_str().unwrap().to_owned()
}

/// A folder that is removed in the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "cli-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The names of the files in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Proves samples of a golden model and returns the bundle's path.
    pub(crate) fn prove(&self, name: &str, model: &str, selection: &[&str]) -> String {
        let path = self.path(name);
        let (onnx, inputs) = (golden(model, "model.onnx"), golden(model, "inputs.npz"));
        let mut arguments = vec!["prove", &onnx, "--input", &inputs, "-o", &path];
        arguments.extend(selection);
        assert_eq!(winterforge(&arguments).code, 0);
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A two-dimensional array of a golden archive, as rows of raw bytes with their type.
fn array(model: &str, file: &str, name: &str) -> (String, Vec<Vec<u8>>) {
    let mut archive = zip::ZipArchive::new(File::open(golden(model, file)).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive
        .by_name(&format!("{name}.npy"))
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    let body = bytes.split_off(10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])));
    let header = String::from_utf8_lossy(&bytes[10..]).to_string();
    let descr = header.split('\'').nth(3).unwrap().to_string();
    let shape = header.split(['(', ')']).nth(1).unwrap();
    let rows: usize = shape.split(',').next().unwrap().trim().parse().unwrap();
    (
        descr,
        body.chunks(body.len() / rows).map(<[u8]>::to_vec).collect(),
    )
}

/// The golden outputs: the last quantized tensor of every sample.
pub(crate) fn golden_q(model: &str, file: &str) -> Vec<Vec<i64>> {
    let (descr, rows) = array(model, file, "q_last");
    let value = |byte: u8| match descr.as_str() {
        "|i1" => i64::from(byte as i8),
        "|u1" => i64::from(byte),
        other => panic!("{other}"),
    };
    rows.into_iter()
        .map(|row| row.into_iter().map(value).collect())
        .collect()
}

/// The golden float outputs.
pub(crate) fn golden_logits(model: &str, file: &str) -> Vec<Vec<f32>> {
    let (descr, rows) = array(model, file, "logits");
    assert_eq!(descr, "<f4");
    let floats = |row: Vec<u8>| {
        row.as_chunks()
            .0
            .iter()
            .map(|&word| f32::from_le_bytes(word))
            .collect()
    };
    rows.into_iter().map(floats).collect()
}

/// A list of integers in JSON.
pub(crate) fn integers(value: &Value) -> Vec<i64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_i64().unwrap())
        .collect()
}

/// A list of lists of integers in JSON.
pub(crate) fn integer_rows(value: &Value) -> Vec<Vec<i64>> {
    value.as_array().unwrap().iter().map(integers).collect()
}
