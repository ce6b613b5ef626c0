//! The model's float input in front of its `QuantizeLinear`: operators that only move cells are
//! remembered there, and applied to the integers instead.

use super::importer::Importer;
use super::node::NodeView;
use crate::error::ImportError;
use crate::graph::TensorId;
use crate::op::Op;
use crate::quantization::Quantization;

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
