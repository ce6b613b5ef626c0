//! A model without its parameters: what a verifier knows of a model that it does not hold.

use crate::error::GraphError;
use crate::graph::Graph;
use crate::op::Op;

impl Graph {
    /// This graph without the weights, biases and requantizations of its layers, and without names. Shapes,
    /// quantizations of tensors, tables and constant operands stay.
    ///
    /// The result can be planned and validated ([`validate_skeleton`](Self::validate_skeleton)), but not executed.
    #[must_use]
    pub fn skeleton(&self) -> Self {
        let mut graph = self.clone();
        graph
            .tensors
            .iter_mut()
            .for_each(|tensor| tensor.name.clear());
        for node in &mut graph.nodes {
            node.name.clear();
            match &mut node.op {
                Op::Linear(linear) => {
                    linear.weights = Vec::new();
                    linear.bias = Vec::new();
                    linear.requant = Vec::new();
                    linear.weight_quantization = Vec::new();
                    linear.alpha = 1.0;
                }
                Op::Conv(conv) => {
                    conv.weights = Vec::new();
                    conv.bias = Vec::new();
                    conv.requant = Vec::new();
                    conv.weight_quantization = Vec::new();
                }
                _ => {}
            }
        }
        graph
    }

    /// Checks everything that a plan of a skeleton relies on: what [`validate`](Self::validate) checks, except for
    /// parameters, of which there must be none.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn validate_skeleton(&self) -> Result<(), GraphError> {
        self.validate_structure(false)
    }
}
