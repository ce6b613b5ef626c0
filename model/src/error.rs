//! What can be wrong with a model, an input file or an evaluation.

use std::fmt;

use crate::quantization::QType;

/// Where in a model file something is wrong. Shown as ``model.onnx: node `fc1` (QGemm)``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The file, as the caller named it.
    pub file: String,
    /// The node's name, or the name of its output where it has none.
    pub node: String,
    /// The operator, with its domain unless that is ONNX's own.
    pub operator: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: node `{}` ({})",
            self.file,
            Shown(&self.node),
            Shown(&self.operator)
        )
    }
}

/// A name from a file, cut and escaped so that a hostile one cannot flood or garble a terminal.
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LIMIT: usize = 80;
        for c in self.0.chars().take(LIMIT) {
            write!(f, "{}", c.escape_debug())?;
        }
        if self.0.chars().nth(LIMIT).is_some() {
            f.write_str("..")?;
        }
        Ok(())
    }
}

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The bytes are not an ONNX model.
    #[error("{file}: not a readable ONNX model: {detail}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, and where.
        detail: String,
    },
    /// The model as a whole is outside of what is supported.
    #[error("{file}: {detail}")]
    Model {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The operator is not supported, or not in this place.
    #[error("{site}: {detail}")]
    Operator {
        /// The node.
        site: Box<Site>,
        /// What is supported and what to do.
        detail: String,
    },
    /// An attribute is unknown, has the wrong type or an unsupported value.
    #[error("{site}: attribute `{attribute}`: {detail}")]
    Attribute {
        /// The node.
        site: Box<Site>,
        /// The attribute.
        attribute: String,
        /// What is supported.
        detail: String,
    },
    /// An operand is absent, or is not the constant that it must be.
    #[error("{site}: {operand}: {detail}")]
    Operand {
        /// The node.
        site: Box<Site>,
        /// The role of the operand and its name.
        operand: String,
        /// What is wrong.
        detail: String,
    },
    /// The results of the nodes are not a graph: a cycle, or a name that is computed twice.
    #[error("{site}: {detail}")]
    Wiring {
        /// The node.
        site: Box<Site>,
        /// What is wrong.
        detail: String,
    },
    /// Shapes do not fit each other or the operator.
    #[error("{site}: {detail}")]
    Shape {
        /// The node.
        site: Box<Site>,
        /// What is wrong.
        detail: String,
    },
    /// Types do not fit each other or the operator.
    #[error("{site}: {detail}")]
    Type {
        /// The node.
        site: Box<Site>,
        /// What is wrong.
        detail: String,
    },
    /// A scale or zero point is unusable, or producer and consumer disagree about one.
    #[error("{site}: {detail}")]
    Quantization {
        /// The node.
        site: Box<Site>,
        /// What is wrong, with the channel where there is one.
        detail: String,
    },
    /// An activation cannot be folded into the layer in front of it.
    #[error("{site}: {detail}")]
    Fusion {
        /// The node.
        site: Box<Site>,
        /// What is wrong.
        detail: String,
    },
    /// A channel cannot be evaluated exactly: see [`GraphError`].
    #[error("{site}: {source}")]
    Exactness {
        /// The node.
        site: Box<Site>,
        /// The channel and the bound.
        source: GraphError,
    },
    /// The model would need unreasonable amounts of memory.
    #[error("{site}: {detail}")]
    TooLarge {
        /// The node.
        site: Box<Site>,
        /// The amount and the limit.
        detail: String,
    },
}

/// Why a [`Graph`](crate::Graph) is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A tensor is unusable by itself.
    #[error("{0}")]
    Tensors(String),
    /// A node does not fit its tensors.
    #[error("node {index} `{node}`: {detail}")]
    Structure {
        /// The node's name.
        node: String,
        /// Its index.
        index: usize,
        /// What is wrong.
        detail: String,
    },
    /// An accumulator can leave 32 bits.
    #[error(
        "channel {channel} of node {index} `{node}`: its accumulator reaches from {low} to {high}, \
         beyond int32; use smaller weights or fewer inputs"
    )]
    Accumulator {
        /// The node's name.
        node: String,
        /// Its index.
        index: usize,
        /// The output channel.
        channel: usize,
        /// The smallest accumulator.
        low: i64,
        /// The largest accumulator.
        high: i64,
    },
    /// The requantization factor is outside of the provable range.
    #[error(
        "channel {channel} of node {index} `{node}`: the requantization factor is about 2^{}, and \
         the channel is not constant; use a larger or smaller output scale",
        23 - shift
    )]
    Requantization {
        /// The node's name.
        node: String,
        /// Its index.
        index: usize,
        /// The output channel.
        channel: usize,
        /// `sh` of the factor `M * 2^-sh`.
        shift: i32,
    },
}

/// Why a sample is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The number of cells is wrong.
    #[error("the model takes {expected} values a sample, not {found}")]
    InputLength {
        /// What the model takes.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A cell is outside of the input's type.
    #[error("input value {index} is {value}, which is no {qtype}")]
    InputValue {
        /// The cell.
        index: usize,
        /// Its value.
        value: i32,
        /// The input's type.
        qtype: QType,
    },
}

/// Why an input file is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The name does not end in a known extension.
    #[error("{file}: unknown kind of file; inputs are .npz (with an array `x`), .npy or .json")]
    Kind {
        /// The file.
        file: String,
    },
    /// The bytes are not what the extension says.
    #[error("{file}: {detail}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// The archive has no array `x`.
    #[error("{file}: holds no array `x`, but {found}")]
    NoArray {
        /// The file.
        file: String,
        /// The arrays that it holds.
        found: String,
    },
    /// The array does not fit the model.
    #[error("{file}: shape {found:?} does not fit the model, which takes [samples, {expected}]")]
    Shape {
        /// The file.
        file: String,
        /// The array's shape.
        found: Vec<usize>,
        /// The shape of one sample, joined.
        expected: String,
    },
    /// The numbers are of a type that the model is not fed with.
    #[error("{file}: numbers are {found}; {expected}")]
    Type {
        /// The file.
        file: String,
        /// The type in the file.
        found: String,
        /// What the model takes and how to get there.
        expected: String,
    },
    /// A number cannot be represented exactly as the model's input type.
    #[error("{file}: sample {sample}, value {index}: {detail}")]
    Value {
        /// The file.
        file: String,
        /// The sample.
        sample: usize,
        /// The index in the sample.
        index: usize,
        /// What is wrong.
        detail: String,
    },
}
