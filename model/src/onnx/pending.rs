//! The QDQ form: a float operator between `DequantizeLinear` and `QuantizeLinear` waits for the
//! scale of its result, and is then read as the integer operator that it stands for.

use super::importer::Importer;
use super::node::NodeView;
use super::value::{ConstantView, Value};
use super::{attention, conv, elementwise, function, movement, norm, pool, qdq};
use crate::error::ImportError;
use crate::graph::{Node, TensorId};
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
    /// The last operator behind it that only moves cells: an index into [`Importer::moves`].
    moved: Option<usize>,
}

impl<'m> Pending<'m> {
    pub(super) fn new(node: NodeView<'m>) -> Self {
        Self {
            node,
            bias: None,
            mean: None,
            clip: (f32::NEG_INFINITY, f32::INFINITY),
            moved: None,
        }
    }

    /// Whether an addend would still go in front of every activation.
    pub(super) fn takes_bias(&self) -> bool {
        matches!(self.node.op_type(), "Gemm" | "MatMul") && self.bias.is_none() && self.is_bare()
    }

    /// Whether a mean over rows can be part of the operator.
    pub(super) fn takes_mean(&self) -> bool {
        self.node.op_type() == "LayerNormalization" && self.mean.is_none() && self.is_bare()
    }

    /// Whether neither an activation nor a movement of cells follows.
    fn is_bare(&self) -> bool {
        self.clip == (f32::NEG_INFINITY, f32::INFINITY) && self.moved.is_none()
    }

    /// Lets `node`, which only moves cells, follow: on the integers, once there are any.
    pub(super) fn then_move(mut self, importer: &mut Importer<'m>, node: NodeView<'m>) -> Self {
        importer.moves.push((node, self.moved));
        self.moved = Some(importer.moves.len() - 1);
        self
    }

    /// Clips to the real interval `low..=high` from now on.
    pub(super) fn then_clip(&mut self, low: f32, high: f32) {
        self.clip = (self.clip.0.clamp(low, high), self.clip.1.clamp(low, high));
    }

    /// Adds the operator and what moves its cells, now that the quantization of its result is known.
    pub(super) fn complete(
        self,
        importer: &mut Importer<'m>,
        y: Quantization,
    ) -> Result<TensorId, ImportError> {
        let mut moves = Vec::new();
        let mut at = self.moved;
        while let Some((node, in_front)) = at.and_then(|index| importer.moves.get(index)) {
            moves.push(*node);
            at = *in_front;
        }
        let mut id = self.complete_operator(importer, y)?;
        for node in moves.into_iter().rev() {
            // Otherwise results that are quantized many times would multiply.
            importer.spend_memory(node, size_of::<Node>())?;
            let name = node.require_input(0, "input")?;
            let real = importer.values.insert(name, Value::Quantized(id));
            let moved = super::dispatch(importer, node)?;
            if let Some(real) = real {
                importer.values.insert(name, real);
            }
            id = match moved {
                Value::Quantized(id) => id,
                other => {
                    let is = other.describe();
                    return Err(node.operand("input", name, format!("became {is}")));
                }
            };
        }
        Ok(id)
    }

    fn complete_operator(
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
