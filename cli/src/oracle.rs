//! ONNX Runtime as a second opinion, through a Python that has it.
//!
//! A child runs `assets/onnxruntime_oracle.py`. It greets with the version of ONNX Runtime and then answers requests:
//!
//! ```text
//! request: u32 bytes of the model's path, u32 rank, path, u32 sizes, float32 cells      all little-endian
//! reply:   u8 0 or 1, u32 bytes, float32 cells of the output or, after 1, a message
//! ```

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use winterforge_model::{Graph, InputBoundary};

use crate::error::CliError;

/// The environment variable that names the interpreter.
pub(crate) const PYTHON: &str = "WINTERFORGE_PYTHON";

const SCRIPT: &str = include_str!("../assets/onnxruntime_oracle.py");

const HINT: &str = "install it: python3 -m pip install onnxruntime numpy; WINTERFORGE_PYTHON names \
    another interpreter";

/// A running child.
pub(crate) struct Oracle {
    child: Child,
    requests: Option<ChildStdin>,
    replies: ChildStdout,
    /// The version of ONNX Runtime.
    pub(crate) version: String,
}

impl Oracle {
    /// Starts the interpreter that [`PYTHON`] names, or `python3`.
    ///
    /// # Errors
    /// If there is none, or it has no ONNX Runtime.
    pub(crate) fn start() -> Result<Self, CliError> {
        let program = std::env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
        let missing = |reason: &dyn std::fmt::Display| {
            let program = program.to_string_lossy();
            CliError::input(format!(
                "--check needs Python with onnxruntime: {program}: {reason}"
            ))
            .hint(HINT)
        };
        let mut child = Command::new(&program)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| missing(&error))?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(missing(&"it has no standard input or output"));
        };
        let mut oracle = Self {
            child,
            requests: Some(requests),
            replies,
            version: String::new(),
        };
        match oracle.reply() {
            Ok(Ok(version)) => oracle.version = String::from_utf8_lossy(&version).into_owned(),
            Ok(Err(message)) => return Err(missing(&message)),
            Err(error) => return Err(missing(&error)),
        }
        Ok(oracle)
    }

    /// What the model in a file returns for one sample.
    ///
    /// # Errors
    /// If ONNX Runtime does not run it.
    pub(crate) fn run(
        &mut self,
        model: &Path,
        graph: &Graph,
        sample: &[f32],
    ) -> Result<Vec<f32>, CliError> {
        let failed = |reason: &dyn std::fmt::Display| {
            CliError::input(format!("{}: ONNX Runtime: {reason}", model.display()))
        };
        let fed = match graph.input_boundary {
            InputBoundary::Float | InputBoundary::Tokens(_) => sample.to_vec(),
            InputBoundary::Quantized => {
                let integers = graph.quantize_input(sample).into_iter();
                integers.map(|q| q as f32).collect()
            }
        };
        self.request(model, graph.input_shape(), &fed)
            .map_err(|error| failed(&error))?;
        let reply = self.reply().map_err(|error| failed(&error))?;
        let bytes = reply.map_err(|message| failed(&message))?;
        let cells = bytes.chunks_exact(4);
        let cell = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Ok(cells.map(cell).collect())
    }

    fn request(&mut self, model: &Path, shape: &[usize], cells: &[f32]) -> std::io::Result<()> {
        let path = model.as_os_str().as_encoded_bytes();
        let sizes = [path.len(), shape.len() + 1];
        let mut bytes: Vec<u8> = sizes
            .iter()
            .flat_map(|&n| (n as u32).to_le_bytes())
            .collect();
        bytes.extend_from_slice(path);
        // The first axis is the sample.
        let shape = [1].iter().chain(shape);
        bytes.extend(shape.flat_map(|&n| (n as u32).to_le_bytes()));
        bytes.extend(cells.iter().flat_map(|cell| cell.to_le_bytes()));
        match &mut self.requests {
            Some(requests) => requests.write_all(&bytes).and_then(|()| requests.flush()),
            None => Ok(()),
        }
    }

    /// The payload of the next reply, or the child's message.
    fn reply(&mut self) -> std::io::Result<Result<Vec<u8>, String>> {
        let mut header = [0; 5];
        self.replies.read_exact(&mut header)?;
        let [status, length @ ..] = header;
        let mut payload = vec![0; u32::from_le_bytes(length) as usize];
        self.replies.read_exact(&mut payload)?;
        Ok(match status {
            0 => Ok(payload),
            _ => Err(String::from_utf8_lossy(&payload).into_owned()),
        })
    }
}

impl Drop for Oracle {
    /// The child ends with its input; waiting leaves no process behind.
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use winterforge_model::testing::{Form, RandomNet, random_sample};
    use winterforge_model::{execute, import};

    use super::*;

    /// Random networks of every operator in both forms, cell by cell. Skipped where no Python has ONNX Runtime.
    ///
    /// Softmax and normalization have definitions of their own. These differ by one where ONNX Runtime is at a tie or near it, as
    /// rows of equal cells are, and then what follows may differ as well.
    #[test]
    fn the_executor_is_onnx_runtime_on_random_networks() {
        let mut oracle = match Oracle::start() {
            Ok(oracle) => oracle,
            Err(error) => {
                println!("skipped: {}", error.message());
                return;
            }
        };
        let folder =
            std::env::temp_dir().join(format!("winterforge-oracle-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (mut compared, mut differ, mut runs) = ([0; 2], [0; 2], 0);
        for seed in 0..60 {
            for (kind, net) in [RandomNet::any(seed), RandomNet::encoder(seed)]
                .iter()
                .enumerate()
            {
                for form in [Form::QOperator, Form::Qdq] {
                    let file = net.file(form);
                    let graph = import(&file, "random").unwrap();
                    let path = folder.join(format!("{seed}-{kind}-{form:?}.onnx"));
                    std::fs::write(&path, &file).unwrap();
                    for sample in 0..3 {
                        let (ours, theirs) = both(&mut oracle, &path, &graph, seed * 10 + sample);
                        compared[kind] += ours.len();
                        differ[kind] += usize::from(ours != theirs);
                        runs += kind;
                        assert_eq!(differ[0], 0, "seed {seed} {form:?} sample {sample}");
                    }
                }
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
        let version = &oracle.version;
        println!("{compared:?} cells against ONNX Runtime {version}");
        println!("{} of {runs} outputs of encoders differ", differ[1]);
        assert!(compared[0] > 1000 && compared[1] > 1000, "{compared:?}");
        assert!(differ[1] * 20 < runs, "{} of {runs}", differ[1]);
    }

    /// What the executor and ONNX Runtime make of a random input.
    fn both(oracle: &mut Oracle, path: &Path, graph: &Graph, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let x = random_sample(seed, graph);
        let execution = execute(graph, &graph.quantize_input(&x)).unwrap();
        let ours = graph.dequantize_output(&execution.tensors[graph.output.0]);
        let theirs = oracle.run(path, graph, &x).unwrap_or_else(|error| {
            panic!("{}: {}", path.display(), error.message());
        });
        (ours, theirs)
    }
}
