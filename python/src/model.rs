//! Models, samples, and running the one on the others.

use std::path::Path;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use winterforge_model::{Graph, InputBoundary, decode_input, execute, import};

use crate::errors::Failure;

/// An imported model.
#[pyclass(frozen, module = "winterforge")]
pub(crate) struct Model {
    pub(crate) graph: Arc<Graph>,
}

/// Samples that a model can be fed with.
#[pyclass(frozen, module = "winterforge._native")]
pub(crate) struct Samples {
    data: Vec<f32>,
    sample_len: usize,
    #[pyo3(get)]
    count: usize,
}

impl Samples {
    /// The cells of some of the samples, one after another.
    pub(crate) fn cells(&self, first: usize, last: usize) -> Result<&[f32], Failure> {
        if first >= last || last > self.count {
            let message = format!(
                "there are no samples {first} to {last}: the input holds {}",
                self.count
            );
            return Err(Failure::input(message));
        }
        Ok(&self.data[first * self.sample_len..last * self.sample_len])
    }

    /// The sample at an index.
    pub(crate) fn sample(&self, index: usize) -> Option<&[f32]> {
        self.data.chunks_exact(self.sample_len.max(1)).nth(index)
    }
}

#[pymethods]
impl Model {
    /// Imports an ONNX file; errors call it by `name`.
    #[new]
    fn new(py: Python<'_>, data: &[u8], name: &str) -> Result<Self, Failure> {
        let graph = Arc::new(py.detach(|| import(data, name))?);
        Ok(Self { graph })
    }

    /// The model's id.
    #[getter]
    fn id(&self) -> String {
        self.graph.id().to_string()
    }

    /// The shape of one sample of input.
    #[getter]
    fn input_shape(&self) -> Vec<usize> {
        self.graph.input_shape().to_vec()
    }

    /// `float32`, `int8`, `uint8` or `tokens`.
    #[getter]
    fn input_kind(&self) -> String {
        match &self.graph.input_boundary {
            InputBoundary::Float => "float32".to_owned(),
            InputBoundary::Tokens(_) => "tokens".to_owned(),
            InputBoundary::Quantized => {
                let input = self.graph.tensor(self.graph.input);
                input.quantization.qtype.to_string()
            }
        }
    }

    /// How many different tokens there are, in a model that takes tokens.
    #[getter]
    fn vocabulary(&self) -> Option<usize> {
        self.graph.vocabulary()
    }

    /// The shape of one sample of output.
    #[getter]
    fn output_shape(&self) -> Vec<usize> {
        self.graph.tensor(self.graph.output).shape.clone()
    }

    /// `int8` or `uint8`: the type of the last quantized tensor.
    #[getter]
    fn output_kind(&self) -> String {
        let output = self.graph.tensor(self.graph.output);
        output.quantization.qtype.to_string()
    }

    /// Operators.
    #[getter]
    fn nodes(&self) -> usize {
        self.graph.nodes.len()
    }

    /// The samples in a file of the kind that the extension of `name` says.
    fn samples(&self, py: Python<'_>, data: &[u8], name: &str) -> Result<Samples, Failure> {
        let samples = py.detach(|| decode_input(Path::new(name), data, &self.graph))?;
        Ok(Samples {
            data: samples.data,
            sample_len: samples.sample_len,
            count: samples.count,
        })
    }

    /// The last quantized tensor of samples `first..last` as int32, and what the model returns for it as float32.
    fn run<'py>(
        &self,
        py: Python<'py>,
        samples: &Samples,
        first: usize,
        last: usize,
    ) -> Result<(Bound<'py, PyBytes>, Bound<'py, PyBytes>), Failure> {
        let cells = samples.cells(first, last)?;
        let graph = &self.graph;
        let outputs = py.detach(|| {
            let mut outputs = Vec::new();
            for x in cells.chunks_exact(graph.input_len()) {
                let mut execution = execute(graph, &graph.quantize_input(x))?;
                outputs.append(&mut execution.tensors[graph.output.0]);
            }
            Ok::<_, Failure>(outputs)
        })?;
        Ok((words(py, &outputs), reals(py, graph, &outputs)))
    }

    fn __repr__(&self) -> String {
        format!(
            "<winterforge.Model {}: {} {:?} -> {} {:?}>",
            self.id(),
            self.input_kind(),
            self.input_shape(),
            self.output_kind(),
            self.output_shape()
        )
    }
}

/// Integers as little-endian int32.
pub(crate) fn words<'py>(py: Python<'py>, cells: &[i32]) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
    PyBytes::new(py, &bytes)
}

/// What a model returns for its last quantized tensor, as little-endian float32.
pub(crate) fn reals<'py>(py: Python<'py>, graph: &Graph, cells: &[i32]) -> Bound<'py, PyBytes> {
    let floats = graph.dequantize_output(cells);
    let bytes: Vec<u8> = floats.iter().flat_map(|cell| cell.to_le_bytes()).collect();
    PyBytes::new(py, &bytes)
}
