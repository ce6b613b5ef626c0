//! The QDQ form: a float operator between `DequantizeLinear` and `QuantizeLinear` waits for the
//! scale of its result, and is then read as the integer operator that it stands for.

use super::importer::Importer;
use super::node::NodeView;
use super::value::{ConstantView, Value};
use super::{attention, conv, elementwise, function, movement, norm, pool, qdq};
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::quantization::Quantization;

/// An operator whose output scale is still to come.
#[derive(Clone, Copy)]
pub(super) struct Pending<'m> {
    /// The operator; its operands have been looked at.
    pub(super) node: NodeView<'m>,
    /// The bias of a product, from its own operand or an `Add`.
    pub(super) bias: Option<ConstantView<'m>>,
    /// The `ReduceMean` behind a `LayerNormalization`.
    pub(super) mean: Option<NodeView<'m>>,
    /// The real interval that activations so far clip to.
    clip: (f32, f32),
}

impl<'m> Pending<'m> {
    pub(super) fn new(node: NodeView<'m>) -> Self {
        Self {
            node,
            bias: None,
            mean: None,
            clip: (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether an addend would still go in front of every activation.
    pub(super) fn takes_bias(&self) -> bool {
        matches!(self.node.op_type(), "Gemm" | "MatMul")
            && self.bias.is_none()
            && !self.is_clipped()
    }

    /// Whether a mean over rows can be part of the operator.
    pub(super) fn takes_mean(&self) -> bool {
        self.node.op_type() == "LayerNormalization" && self.mean.is_none() && !self.is_clipped()
    }

    fn is_clipped(&self) -> bool {
        self.clip != (f32::NEG_INFINITY, f32::INFINITY)
    }

    /// Clips to the real interval `low..=high` from now on.
    pub(super) fn then_clip(&mut self, low: f32, high: f32) {
        self.clip = (self.clip.0.clamp(low, high), self.clip.1.clamp(low, high));
    }

    /// Adds the operator, now that the quantization of its result is known.
    pub(super) fn complete(
        self,
        importer: &mut Importer<'m>,
        y: Quantization,
    ) -> Result<TensorId, ImportError> {
        let node = self.node;
        // Quantization is monotone, so clipping in front of it is clamping behind it.
        let clamp = (y.quantize(self.clip.0), y.quantize(self.clip.1));
        match node.op_type() {
            "Conv" => conv::complete(importer, node, y, clamp),
            "GlobalAveragePool" | "AveragePool" => {
                let id = pool::complete(importer, node, y)?;
                function::clamp(importer, node, id, clamp)
            }
            "Add" | "Mul" => {
                let id = elementwise::complete(importer, node, y)?;
                function::clamp(importer, node, id, clamp)
            }
            "Concat" => {
                let id = movement::complete_concat(importer, node, y)?;
                function::clamp(importer, node, id, clamp)
            }
            "Softmax" => {
                let id = attention::complete_softmax(importer, node, y)?;
                function::clamp(importer, node, id, clamp)
            }
            "LayerNormalization" => {
                let id = norm::complete(importer, node, self.mean, y)?;
                function::clamp(importer, node, id, clamp)
            }
            "ReduceMean" => {
                let id = norm::complete_mean(importer, node, y)?;
                function::clamp(importer, node, id, clamp)
            }
            _ => qdq::complete(importer, node, self.bias, y, clamp),
        }
    }
}

/// The 8-bit tensor behind an operand that must come from a `DequantizeLinear`.
pub(super) fn float_tensor<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    role: &str,
) -> Result<TensorId, ImportError> {
    let name = node.require_input(index, role)?;
    match importer.value(node, role, name)? {
        Value::Dequantized(id) => Ok(id),
        other => {
            let is = other.describe();
            let detail = format!("must come from a DequantizeLinear, but is {is}");
            Err(node.operand(role, name, detail))
        }
    }
}

/// The integer constant behind an operand.
pub(super) fn float_constant<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    role: &str,
) -> Result<ConstantView<'m>, ImportError> {
    let name = node.require_input(index, role)?;
    let found = if importer.is_constant(name) {
        "a float constant"
    } else {
        match importer.value(node, role, name)? {
            Value::Constant(view) => return Ok(view),
            other => other.describe(),
        }
    };
    let detail = format!("must be DequantizeLinear of an integer initializer, but is {found}");
    Err(node.operand(role, name, detail))
}
