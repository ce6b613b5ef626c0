//! What the names of a file stand for.

use super::embedding::Rows;
use super::model_input::FloatInput;
use super::node::NodeView;
use super::pending::Pending;
use crate::graph::TensorId;

/// What a name of the file stands for.
#[derive(Clone, Copy)]
pub(super) enum Value<'m> {
    /// The float input of the model, or a view of it.
    Input(FloatInput),
    /// The tokens that the model takes.
    Tokens,
    /// Rows of a table for each token.
    Rows(Rows<'m>),
    /// An 8-bit tensor.
    Quantized(TensorId),
    /// The real numbers that an 8-bit tensor stands for.
    Dequantized(TensorId),
    /// A real function of each cell of an 8-bit tensor.
    Mapped(Mapped),
    /// An 8-bit tensor, or the reals that it stands for, whose batch is another axis than the first in the file.
    Displaced(Displaced),
    /// The real numbers that a constant stands for: weights or bias of a QDQ layer.
    Constant(ConstantView<'m>),
    /// A QDQ layer whose result is not quantized yet.
    Pending(Pending<'m>),
}

/// The function is the index of one in the importer.
#[derive(Clone, Copy)]
pub(super) struct Mapped {
    pub(super) tensor: TensorId,
    pub(super) function: usize,
}

/// As queries, keys and values are where one axis in front of the batch tells them apart. A `Gather` or a `Transpose` brings
/// the batch back to the front; the tensor is the one of a sample all along.
#[derive(Clone, Copy)]
pub(super) struct Displaced {
    pub(super) tensor: TensorId,
    /// The batch, counted among the axes of the file.
    pub(super) batch_axis: usize,
    pub(super) is_real: bool,
}

/// The result of `DequantizeLinear` on a constant, decoded where it is used.
#[derive(Clone, Copy)]
pub(super) struct ConstantView<'m> {
    /// The `DequantizeLinear`.
    pub(super) node: NodeView<'m>,
}

impl Displaced {
    /// A plain tensor where the batch is in front.
    pub(super) fn value<'m>(self) -> Value<'m> {
        match (self.batch_axis, self.is_real) {
            (0, false) => Value::Quantized(self.tensor),
            (0, true) => Value::Dequantized(self.tensor),
            _ => Value::Displaced(self),
        }
    }
}

impl Value<'_> {
    /// For errors.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Input(_) => "the model's float input",
            Self::Tokens => "the model's input of tokens, which only Gather takes",
            Self::Rows(_) => "a float table's rows that are not quantized yet",
            Self::Quantized(_) => "an 8-bit tensor",
            Self::Dequantized(_) => "a dequantized tensor",
            Self::Mapped(_) => "the float result of an activation that is not quantized yet",
            Self::Displaced(_) => "a tensor whose axis 0 is not the batch",
            Self::Constant(_) => "a dequantized constant",
            Self::Pending(_) => "a float result that is not quantized yet",
        }
    }
}
