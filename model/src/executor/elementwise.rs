//! Operators with two broadcast operands.

use crate::cells::{Operand, OperandCells, broadcast_cells};
use crate::float_rules::{AddRule, MulRule};
use crate::graph::{Graph, Node};
use crate::op::Op;

/// `Add` or `Mul`, cell by cell.
pub(super) fn combine(graph: &Graph, node: &Node, tensors: &[Vec<i32>]) -> Vec<i32> {
    let Some([a, b]) = graph.operands(node) else {
        return Vec::new();
    };
    let y = graph.tensor(node.output);
    let values = |operand: &Operand<'_>| -> Vec<i32> {
        let cells = broadcast_cells(operand.shape, &y.shape);
        match operand.cells {
            OperandCells::Tensor(id) => cells.iter().map(|&cell| tensors[id.0][cell]).collect(),
            OperandCells::Constant(values) => {
                cells.iter().map(|&cell| i32::from(values[cell])).collect()
            }
        }
    };
    let (va, vb) = (values(&a), values(&b));
    let pairs = va.iter().zip(&vb);
    let quantizations = (a.quantization, b.quantization, y.quantization);
    let (qa, qb, qy) = quantizations;
    match &node.op {
        Op::Mul(_) => {
            let rule = MulRule::new(qa, qb, qy);
            pairs
                .map(|(&a, &b)| rule.map_or(0, |rule| rule.apply(a, b)))
                .collect()
        }
        _ => {
            let rule = AddRule::new(qa, qb, qy);
            pairs
                .map(|(&a, &b)| rule.map_or(0, |rule| rule.apply(a, b)))
                .collect()
        }
    }
}
