//! The models that are measured, and their inputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use winterforge_model::{Graph, Op, load, read_input};
use winterforge_verifier::bundle::Parameters;
use winterforge_verifier::security::SecurityLevel;

use crate::error::Error;

/// A model in `testdata/models`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Name of its folder.
    pub name: &'static str,
    /// Its layers, for the reader.
    pub layers: &'static str,
}

/// The model that batches and security levels are measured on.
pub const MNIST: Model = Model {
    name: "mlp_mnist",
    layers: "784-128-64-10",
};

/// Every model, the largest first.
pub const MODELS: [Model; 3] = [
    MNIST,
    Model {
        name: "mlp_digits",
        layers: "64-32-10",
    },
    Model {
        name: "mlp_bc",
        layers: "30-32-16-2",
    },
];

impl Model {
    /// The model of this name.
    pub fn named(name: &str) -> Option<Self> {
        MODELS.into_iter().find(|model| model.name == name)
    }

    fn file(&self, file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../testdata/models")
            .join(self.name)
            .join(file)
    }

    /// Loads the QOperator form.
    ///
    /// # Errors
    /// If the file is missing or malformed.
    pub fn load(&self) -> Result<Arc<Graph>, Error> {
        Ok(Arc::new(load(&self.file("model.onnx"))?))
    }

    /// `batch` inputs one after another, starting with number `first`; from the start again behind the last one.
    ///
    /// # Errors
    /// If the file is missing or malformed.
    pub fn inputs(&self, graph: &Graph, first: usize, batch: usize) -> Result<Vec<f32>, Error> {
        let samples = read_input(&self.file("inputs.npz"), graph)?;
        Ok((first..first + batch)
            .flat_map(|index| samples.sample(index % samples.count))
            .copied()
            .collect())
    }
}

/// The parameters of a level, all else at its default.
pub fn parameters(level: SecurityLevel) -> Parameters {
    Parameters {
        level,
        ..Parameters::default()
    }
}

/// Weights of a graph, biases not counted.
pub fn weights(graph: &Graph) -> u64 {
    graph
        .nodes
        .iter()
        .map(|node| match &node.op {
            Op::Linear(linear) => linear.weights.len() as u64,
            _ => 0,
        })
        .sum()
}

/// Requantized outputs of one sample: every cell that a layer with weights returns.
pub fn requantized_outputs(graph: &Graph) -> u64 {
    graph
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Linear(_)))
        .map(|node| graph.tensor(node.output).len() as u64)
        .sum()
}
