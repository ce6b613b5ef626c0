//! The models that are measured, and their inputs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use winterforge_model::{Graph, Node, Op, load, read_input};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::security::SecurityLevel;

use crate::error::Error;

/// Where a model's folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In `testdata/models`.
    Repository,
    /// In the [folder of large models](large_folder), if at all: too large to be part of the repository.
    Large,
}

/// Tells measuring processes where large models are.
pub const LARGE_FOLDER_VARIABLE: &str = "WINTERFORGE_MODELS";

static LARGE_FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Sets the folder of large models, unless it was asked for before.
pub fn set_large_folder(folder: PathBuf) {
    LARGE_FOLDER.get_or_init(|| folder);
}

/// The folder of large models: as it was set, or as the environment says, or `shared/models` beside the repository.
pub fn large_folder() -> &'static Path {
    LARGE_FOLDER.get_or_init(|| match std::env::var_os(LARGE_FOLDER_VARIABLE) {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models"),
    })
}

/// How a model is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// How securely.
    pub level: SecurityLevel,
    /// With which hash.
    pub hash: HashId,
}

impl Variant {
    /// Every variant that is measured, the default first.
    pub const ALL: [Self; 4] = [
        Self {
            level: SecurityLevel::Bits100,
            hash: HashId::Blake3,
        },
        Self {
            level: SecurityLevel::Bits128,
            hash: HashId::Blake3,
        },
        Self {
            level: SecurityLevel::Bits100,
            hash: HashId::Poseidon2,
        },
        Self {
            level: SecurityLevel::Bits128,
            hash: HashId::Poseidon2,
        },
    ];

    /// What tables and the command line call it.
    pub fn name(self) -> String {
        format!("{}-{}", self.level.bits(), self.hash.name())
    }

    /// The variant of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }

    /// The parameters, all else at its default.
    pub fn parameters(self) -> Parameters {
        Parameters {
            level: self.level,
            hash: self.hash,
            ..Parameters::default()
        }
    }
}

/// A model with its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Name of its folder.
    pub name: &'static str,
    /// Its layers, for the reader.
    pub layers: &'static str,
    /// Where it is.
    pub place: Place,
}

/// The model that batches and security levels are measured on.
pub const MNIST: Model = Model {
    name: "mlp_mnist",
    layers: "784-128-64-10",
    place: Place::Repository,
};

/// Every model that is proven.
pub const MODELS: [Model; 5] = [
    MNIST,
    Model {
        name: "mlp_digits",
        layers: "64-32-10",
        place: Place::Repository,
    },
    Model {
        name: "mlp_bc",
        layers: "30-32-16-2",
        place: Place::Repository,
    },
    Model {
        name: "lenet_mnist",
        layers: "two 5x5 convolutions, each with a 2x2 maximum, 400-120-84-10",
        place: Place::Repository,
    },
    Model {
        name: "attn_digits",
        layers: "encoder of one block: 8 tokens, 32 features, 2 heads",
        place: Place::Repository,
    },
];

/// The model that takes minutes: proven when asked for.
pub const EFFLITE: Model = Model {
    name: "efflite0",
    layers: "EfficientNet-Lite0",
    place: Place::Large,
};

/// Models that are only counted.
pub const COUNTED: [Model; 3] = [
    Model {
        name: "inverted_residual",
        layers: "3 inverted residual blocks",
        place: Place::Repository,
    },
    Model {
        name: "encoder",
        layers: "encoder of two blocks: four heads",
        place: Place::Repository,
    },
    EFFLITE,
];

impl Model {
    /// The model of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut known = MODELS.into_iter().chain([EFFLITE]);
        known.find(|model| model.name == name)
    }

    fn file(&self, file: &str) -> PathBuf {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/models");
        let models = match self.place {
            Place::Repository => repository.as_path(),
            Place::Large => large_folder(),
        };
        models.join(self.name).join(file)
    }

    /// Whether the model is on this machine.
    pub fn is_present(&self) -> bool {
        self.file("model.onnx").is_file()
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

/// Weights of a graph, biases not counted.
pub fn weights(graph: &Graph) -> u64 {
    let of_node = |node: &Node| match &node.op {
        Op::Linear(linear) => linear.weights.len() as u64,
        Op::Conv(conv) => conv.weights.len() as u64,
        _ => 0,
    };
    graph.nodes.iter().map(of_node).sum()
}

/// Multiply-accumulates of one sample, padding included: of weights, and of two tensors.
pub fn macs(graph: &Graph) -> u64 {
    let of_node = |node: &Node| {
        let outputs = graph.tensor(node.output).len() as u64;
        match &node.op {
            Op::Linear(linear) => outputs * linear.in_features as u64,
            Op::Conv(conv) => outputs * conv.filter_len() as u64,
            Op::MatMul { .. } => {
                let inner = graph.tensor(node.inputs[0]).shape.last();
                outputs * inner.map_or(0, |&inner| inner as u64)
            }
            _ => 0,
        }
    };
    graph.nodes.iter().map(of_node).sum()
}

/// Outputs of one sample: every cell that an operator computes, those left out that it only moves.
pub fn outputs(graph: &Graph) -> u64 {
    let computes = |node: &&Node| {
        !matches!(
            node.op,
            Op::View | Op::Transpose { .. } | Op::Gather { .. } | Op::Pad(_) | Op::Concat { .. }
        )
    };
    let nodes = graph.nodes.iter().filter(computes);
    nodes
        .map(|node| graph.tensor(node.output).len() as u64)
        .sum()
}
