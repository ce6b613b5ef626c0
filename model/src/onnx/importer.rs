//! The state of an import: what every name stands for so far, and the graph that grows.

use std::collections::HashMap;

use rten_onnx::onnx::{DataType, TensorProto};

use super::model_input::FloatView;
use super::node::NodeView;
use super::reader::Source;
use super::value::Value;
use crate::error::{ImportError, Shown};
use crate::graph::{InputBoundary, Node, TensorId};
use crate::op::Op;
use crate::quantization::{QType, Quantization};
use crate::validate::MAX_TENSOR_CELLS;

/// All tensors of one sample together.
const MAX_CELLS: usize = 1 << 28;

/// Layers in memory against the file. Without sharing, at most about 45: one weight a channel.
const BYTES_PER_FILE_BYTE: usize = 64;

/// Axes of one sample.
pub(super) const MAX_RANK: usize = 16;

/// A tensor whose quantization may still be unknown.
pub(super) struct TensorDraft<'m> {
    pub(super) name: String,
    /// The name of the file that stands for it first, or last if an activation was folded in. If
    /// that is used once, then so is the tensor.
    pub(super) owner: Option<&'m str>,
    /// Index into [`Importer::nodes`].
    pub(super) producer: Option<usize>,
    pub(super) shape: Vec<usize>,
    pub(super) qtype: QType,
    /// Index into [`Importer::quantizations`], shared by views of one tensor.
    quantization: usize,
}

/// The import of one file.
pub(super) struct Importer<'m> {
    pub(super) source: &'m Source<'m>,
    pub(super) values: HashMap<&'m str, Value<'m>>,
    pub(super) tensors: Vec<TensorDraft<'m>>,
    /// `None` until the first consumer tells: an 8-bit model input carries no scale of its own.
    quantizations: Vec<Option<Quantization>>,
    /// The float input, then its views.
    pub(super) float_views: Vec<FloatView<'m>>,
    /// Functions of single cells on their way from a tensor to its quantization.
    pub(super) functions: Vec<[f32; 256]>,
    /// Operators that move the cells of a result that is not quantized yet, and the one in front of each.
    pub(super) moves: Vec<(NodeView<'m>, Option<usize>)>,
    pub(super) nodes: Vec<Node>,
    /// The file's node behind each of `nodes`.
    pub(super) origins: Vec<NodeView<'m>>,
    /// Size of the batch axis, if the file fixes it.
    pub(super) batch: Option<i64>,
    pub(super) input: Option<(TensorId, InputBoundary)>,
    /// The shape of one sample's tokens, in a model that takes tokens.
    pub(super) tokens: Option<Vec<usize>>,
    /// Of all tensors so far.
    pub(super) cells: usize,
    /// Bytes that layers may still take: without a limit, small nodes that share one large
    /// initializer would expand to any size.
    memory_bytes: usize,
}

impl<'m> Importer<'m> {
    pub(super) fn new(source: &'m Source<'m>, file_bytes: usize) -> Result<Self, ImportError> {
        let mut importer = Self {
            source,
            values: HashMap::new(),
            tensors: Vec::new(),
            quantizations: Vec::new(),
            float_views: Vec::new(),
            functions: Vec::new(),
            moves: Vec::new(),
            nodes: Vec::new(),
            origins: Vec::new(),
            batch: None,
            input: None,
            tokens: None,
            cells: 0,
            memory_bytes: file_bytes.saturating_mul(BYTES_PER_FILE_BYTE),
        };
        importer.define_input(source.input)?;
        Ok(importer)
    }

    pub(super) fn draft(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        qtype: QType,
        quantization: Option<Quantization>,
    ) -> TensorId {
        self.quantizations.push(quantization);
        let quantization = self.quantizations.len() - 1;
        let (name, owner, producer) = (name.to_string(), None, None);
        self.tensors.push(TensorDraft {
            name,
            owner,
            producer,
            shape,
            qtype,
            quantization,
        });
        TensorId(self.tensors.len() - 1)
    }

    fn count_cells(&mut self, node: NodeView<'m>, shape: &[usize]) -> Result<(), ImportError> {
        let total = cells(shape).and_then(|n| self.cells.checked_add(n));
        match total.filter(|&n| n <= MAX_CELLS) {
            Some(total) => {
                self.cells = total;
                Ok(())
            }
            None => Err(ImportError::TooLarge {
                site: node.site(),
                detail: format!(
                    "its result of shape {shape:?} makes one sample larger than the limit \
                     ({MAX_TENSOR_CELLS} cells in a tensor, {MAX_CELLS} in all)"
                ),
            }),
        }
    }

    /// Takes a layer of this size from what a file of this size may become.
    pub(super) fn spend_memory(
        &mut self,
        node: NodeView<'m>,
        bytes: usize,
    ) -> Result<(), ImportError> {
        match self.memory_bytes.checked_sub(bytes) {
            Some(rest) => {
                self.memory_bytes = rest;
                Ok(())
            }
            None => Err(ImportError::TooLarge {
                site: node.site(),
                detail: format!(
                    "the layers up to here take more than {BYTES_PER_FILE_BYTE} times the size of \
                     the file; share fewer initializers between layers"
                ),
            }),
        }
    }

    /// Adds the tensor that `QuantizeLinear` makes of the float input.
    pub(super) fn add_input(
        &mut self,
        node: NodeView<'m>,
        quantization: Quantization,
    ) -> Result<TensorId, ImportError> {
        if let Some(&(id, _)) = self.input.as_ref() {
            self.agree(node, id, quantization)?;
            return Ok(id);
        }
        let shape = self.float_views[0].shape.clone();
        let (qtype, boundary) = (quantization.qtype, InputBoundary::Float);
        self.begin(node, shape, qtype, Some(quantization), boundary)
    }

    /// Adds the graph's input, which is the result of a node in the file.
    pub(super) fn begin(
        &mut self,
        node: NodeView<'m>,
        shape: Vec<usize>,
        qtype: QType,
        quantization: Option<Quantization>,
        boundary: InputBoundary,
    ) -> Result<TensorId, ImportError> {
        self.count_cells(node, &shape)?;
        let id = self.draft(output_name(node), shape, qtype, quantization);
        self.input = Some((id, boundary));
        Ok(id)
    }

    /// Adds a node and its result.
    pub(super) fn add_node(
        &mut self,
        node: NodeView<'m>,
        inputs: Vec<TensorId>,
        op: Op,
        shape: Vec<usize>,
        quantization: Quantization,
    ) -> Result<TensorId, ImportError> {
        self.count_cells(node, &shape)?;
        let id = self.draft(
            output_name(node),
            shape,
            quantization.qtype,
            Some(quantization),
        );
        self.push(node, inputs, id, op);
        Ok(id)
    }

    /// Adds a node whose result is quantized like its first input, even if it is not yet known how.
    pub(super) fn add_copy(
        &mut self,
        node: NodeView<'m>,
        inputs: Vec<TensorId>,
        op: Op,
        shape: Vec<usize>,
    ) -> Result<TensorId, ImportError> {
        let of = &self.tensors[inputs[0].0];
        let (qtype, quantization) = (of.qtype, of.quantization);
        self.count_cells(node, &shape)?;
        let name = output_name(node).to_string();
        let (owner, producer) = (None, None);
        self.tensors.push(TensorDraft {
            name,
            owner,
            producer,
            shape,
            qtype,
            quantization,
        });
        let id = TensorId(self.tensors.len() - 1);
        self.push(node, inputs, id, op);
        Ok(id)
    }

    /// The tensor `input` under another shape: itself if that is its shape already.
    pub(super) fn add_view(
        &mut self,
        node: NodeView<'m>,
        input: TensorId,
        shape: Vec<usize>,
    ) -> Result<TensorId, ImportError> {
        if self.tensors[input.0].shape == shape {
            return Ok(input);
        }
        self.add_copy(node, vec![input], Op::View, shape)
    }

    fn push(&mut self, node: NodeView<'m>, inputs: Vec<TensorId>, output: TensorId, op: Op) {
        let name = node.name().to_string();
        self.tensors[output.0].producer = Some(self.nodes.len());
        self.nodes.push(Node {
            name,
            inputs,
            output,
            op,
        });
        self.origins.push(node);
    }

    /// The scale and zero point that a consumer states must be the tensor's.
    pub(super) fn agree(
        &mut self,
        node: NodeView<'m>,
        id: TensorId,
        stated: Quantization,
    ) -> Result<(), ImportError> {
        let tensor = &self.tensors[id.0];
        let known = &mut self.quantizations[tensor.quantization];
        match known {
            None if tensor.qtype == stated.qtype => {
                *known = Some(stated);
                Ok(())
            }
            Some(known) if *known == stated => Ok(()),
            _ => {
                let name = Shown(&tensor.name);
                let known = known.map_or(tensor.qtype.to_string(), |q| q.to_string());
                Err(node.quantization(format!(
                    "takes tensor `{name}` as ({stated}), but elsewhere it is ({known}); \
                     use one scale and zero point for both, or requantize it in between"
                )))
            }
        }
    }

    /// The quantization of a tensor, once known.
    pub(super) fn quantization(&self, id: TensorId) -> Option<Quantization> {
        self.quantizations[self.tensors[id.0].quantization]
    }

    /// The quantization of a tensor of reals, which its `DequantizeLinear` has told.
    pub(super) fn known_quantization(
        &self,
        node: NodeView<'m>,
        id: TensorId,
    ) -> Result<Quantization, ImportError> {
        self.quantization(id)
            .ok_or_else(|| node.quantization("the scale of its operand is unknown".to_string()))
    }

    /// Two tensors must be quantized alike.
    pub(super) fn unify(
        &mut self,
        node: NodeView<'m>,
        a: TensorId,
        b: TensorId,
    ) -> Result<(), ImportError> {
        match (self.quantization(a), self.quantization(b)) {
            (Some(known), _) => self.agree(node, b, known),
            (None, Some(known)) => self.agree(node, a, known),
            (None, None) if self.tensors[a.0].quantization == self.tensors[b.0].quantization => {
                Ok(())
            }
            (None, None) => Err(node.quantization("no node tells its scale before".to_string())),
        }
    }

    /// What the operand `name` stands for; constants of the file have no value.
    pub(super) fn value(
        &self,
        node: NodeView<'m>,
        role: &str,
        name: &'m str,
    ) -> Result<Value<'m>, ImportError> {
        self.values.get(name).copied().ok_or_else(|| {
            let detail = "is a constant, but must be computed from the model's input".to_string();
            node.operand(role, name, detail)
        })
    }

    /// The 8-bit tensor that the operand `name` must be.
    pub(super) fn quantized(
        &self,
        node: NodeView<'m>,
        role: &str,
        name: &'m str,
    ) -> Result<TensorId, ImportError> {
        match self.value(node, role, name)? {
            Value::Quantized(id) => Ok(id),
            other => {
                let detail = format!("must be an 8-bit tensor, but is {}", other.describe());
                Err(node.operand(role, name, detail))
            }
        }
    }

    /// The constant `name`.
    pub(super) fn constant(
        &self,
        node: NodeView<'m>,
        role: &str,
        name: &str,
    ) -> Result<&'m TensorProto, ImportError> {
        self.source.constants.get(name).copied().ok_or_else(|| {
            let detail = "must be a constant: an initializer or the result of a Constant node";
            node.operand(role, name, detail.to_string())
        })
    }

    /// Whether `name` is a constant.
    pub(super) fn is_constant(&self, name: &str) -> bool {
        self.source.constants.contains_key(name)
    }

    /// Whether nothing but the node at hand uses `name`.
    pub(super) fn used_once(&self, name: &str) -> bool {
        self.source.uses.get(name) == Some(&1)
    }

    /// Records what a node's result stands for.
    pub(super) fn define(&mut self, node: NodeView<'m>, value: Value<'m>) {
        let name = output_name(node);
        if let Value::Quantized(id) = value {
            self.tensors[id.0].owner.get_or_insert(name);
        }
        self.values.insert(name, value);
    }

    /// What the model's output stands for.
    pub(super) fn output_value(&self) -> Option<Value<'m>> {
        self.values.get(self.source.output).copied()
    }
}

/// The name of a node's only result; the reader has checked that there is one.
pub(super) fn output_name<'m>(node: NodeView<'m>) -> &'m str {
    node.proto.output.first().map_or("", String::as_str)
}

/// The 8-bit type, if it is one.
pub(super) fn qtype(data_type: DataType) -> Option<QType> {
    match data_type {
        DataType::INT8 => Some(QType::I8),
        DataType::UINT8 => Some(QType::U8),
        _ => None,
    }
}

/// The number of cells, unless it or the rank is unreasonable.
pub(super) fn cells(shape: &[usize]) -> Option<usize> {
    if shape.len() > MAX_RANK {
        return None;
    }
    let cells = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    (cells <= MAX_TENSOR_CELLS).then_some(cells)
}
