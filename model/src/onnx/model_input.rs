//! The model's input: its declaration, and what happens to a float input in front of its
//! `QuantizeLinear`. Operators that only move cells are remembered there, and applied to the integers
//! instead.

use rten_onnx::onnx::{DataType, ValueInfoProto};

use super::importer::{Importer, cells, qtype};
use super::node::NodeView;
use super::value::Value;
use crate::error::{ImportError, Shown};
use crate::graph::{InputBoundary, TensorId};
use crate::op::Op;
use crate::quantization::{QType, Quantization};

/// The model's float input or a view of it: the index of a [`FloatView`].
#[derive(Clone, Copy)]
pub(super) struct FloatInput {
    pub(super) view: usize,
}

/// One step from the float input.
pub(super) struct FloatView<'m> {
    pub(super) shape: Vec<usize>,
    /// How it is made of another view; `None` for the input itself.
    step: Option<(NodeView<'m>, usize, Step)>,
    /// The same cells quantized, once there are any.
    quantized: Option<TensorId>,
}

enum Step {
    Reshape,
    Transpose(Vec<usize>),
}

impl FloatView<'_> {
    /// The input itself.
    pub(super) fn whole(shape: Vec<usize>) -> Self {
        Self {
            shape,
            step: None,
            quantized: None,
        }
    }
}

impl<'m> Importer<'m> {
    /// Reads type and shape of the model's input, whose axis 0 is the batch.
    pub(super) fn define_input(&mut self, input: &'m ValueInfoProto) -> Result<(), ImportError> {
        let name = input.name.as_deref().unwrap_or("");
        let file = self.source.file;
        let fail = |detail: String| ImportError::Model {
            file: file.to_string(),
            detail: format!("the input `{}` {detail}", Shown(name)),
        };
        let tensor_type = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let Some((tensor_type, shape)) = tensor_type.and_then(|t| Some((t, t.shape.as_ref()?)))
        else {
            return Err(fail("has no tensor type with a shape".to_string()));
        };
        let Some((batch, dims)) = shape.dim.split_first() else {
            return Err(fail("is a scalar; axis 0 must be the batch".to_string()));
        };
        // Of both, the encoding's last is meant.
        if (shape.dim.iter()).any(|dim| dim.dim_value.is_some() && dim.dim_param.is_some()) {
            return Err(fail("has an axis with both a size and a name".to_string()));
        }
        self.batch = batch.dim_value;
        let mut sample = Vec::new();
        for (axis, dim) in dims.iter().enumerate() {
            match dim.dim_value.map(usize::try_from) {
                Some(Ok(d)) if d > 0 => sample.push(d),
                _ => {
                    let axis = axis + 1;
                    return Err(fail(format!(
                        "has no fixed size on axis {axis}; only the batch axis may be open"
                    )));
                }
            }
        }
        if cells(&sample).is_none() {
            return Err(fail(format!("has the unreasonable shape {sample:?}")));
        }
        let value = match tensor_type.elem_type {
            Some(DataType::FLOAT) => {
                self.float_views.push(FloatView::whole(sample));
                Value::Input(FloatInput { view: 0 })
            }
            Some(t) if qtype(t).is_some() => {
                let qtype = qtype(t).unwrap_or(QType::I8);
                let id = self.draft(name, sample, qtype, None);
                self.cells += cells(&self.tensors[id.0].shape).unwrap_or(0);
                self.input = Some((id, InputBoundary::Quantized));
                Value::Quantized(id)
            }
            Some(DataType::INT32 | DataType::INT64) => {
                self.tokens = Some(sample);
                Value::Tokens
            }
            other => {
                let other = other.map_or("nothing".to_string(), |t| t.to_string());
                return Err(fail(format!(
                    "is of type {other}; use FLOAT, INT8 or UINT8, or INT64 or INT32 for tokens"
                )));
            }
        };
        self.values.insert(name, value);
        Ok(())
    }

    /// The float input under another shape; with `perm`, under permuted axes.
    pub(super) fn view_float_input(
        &mut self,
        node: NodeView<'m>,
        of: FloatInput,
        shape: Vec<usize>,
        perm: Option<Vec<usize>>,
    ) -> FloatInput {
        let step = perm.map_or(Step::Reshape, Step::Transpose);
        self.float_views.push(FloatView {
            shape,
            step: Some((node, of.view, step)),
            quantized: None,
        });
        FloatInput {
            view: self.float_views.len() - 1,
        }
    }

    /// Adds what `QuantizeLinear` makes of a view of the float input.
    pub(super) fn quantize_float_input(
        &mut self,
        node: NodeView<'m>,
        input: FloatInput,
        quantization: Quantization,
    ) -> Result<TensorId, ImportError> {
        let mut id = self.add_input(node, quantization)?;
        // From the view back to the nearest one that is there already.
        let mut missing = Vec::new();
        let mut at = input.view;
        while let Some((_, of, _)) = &self.float_views[at].step {
            if let Some(known) = self.float_views[at].quantized {
                id = known;
                break;
            }
            missing.push(at);
            at = *of;
        }
        for view in missing.into_iter().rev() {
            let shape = self.float_views[view].shape.clone();
            let Some((origin, _, step)) = &self.float_views[view].step else {
                continue;
            };
            let origin = *origin;
            id = match step {
                Step::Reshape => self.add_view(origin, id, shape)?,
                Step::Transpose(perm) => {
                    let op = Op::Transpose { perm: perm.clone() };
                    self.add_copy(origin, vec![id], op, shape)?
                }
            };
            self.float_views[view].quantized = Some(id);
        }
        Ok(id)
    }
}
