//! Products: `QLinearMul` of two tensors, or of a tensor and constants.
//!
//! ```text
//! q = clamp(RNE(f32(f32((a - za)(b - zb) r) + zy)))
//! ```
//!
//! is a monotone function of the integer product, tabulated as a staircase of steps over every pair of codes. Two
//! tensors: each lane copies both operands less their zero points, and one constraint makes the accumulator their
//! product plus the staircase's offset. Constants: the product is linear in the tensor. One constant for all cells: a
//! map.

use winterforge_model::{Graph, MulRule, Node, Operand, OperandCells};

use crate::pieces::ByteMap;
use crate::steps::Steps;

/// How a product is proven, with what is added to the integer product.
pub enum Way {
    /// Of two tensors.
    Tensors(i64),
    /// Of a tensor and several constants.
    Constants(i64),
    /// Of a tensor and one constant.
    Map(Box<ByteMap>),
}

/// An operand's zero point as a code.
pub fn zero_code(operand: &Operand<'_>) -> i64 {
    let quantization = operand.quantization;
    i64::from(quantization.zero_point - quantization.qtype.min())
}

/// The constants of the operand that is none of the node's inputs.
pub fn constants<'g>(operands: &[Operand<'g>; 2]) -> Option<&'g [i16]> {
    operands.iter().find_map(|operand| match operand.cells {
        OperandCells::Constant(values) => Some(values),
        OperandCells::Tensor(_) => None,
    })
}

/// Chooses the way, and places its staircase. `None` if the node has not two operands of usable scales, or the line of
/// steps no room.
pub fn place(graph: &Graph, node: &Node, steps: &mut Steps) -> Option<Way> {
    let operands = graph.operands(node)?;
    let [a, b] = operands;
    let y = graph.tensor(node.output).quantization;
    let rule = MulRule::new(a.quantization, b.quantization, y)?;
    let type_min = y.qtype.min();
    let constants = constants(&operands);
    if let Some(&[first, ref others @ ..]) = constants
        && others.iter().all(|&other| other == first)
    {
        let is_constant =
            |operand: &Operand<'_>| matches!(operand.cells, OperandCells::Constant(_));
        let tensor = if is_constant(&a) { &b } else { &a };
        let x_min = tensor.quantization.qtype.min();
        let value = |code: usize| {
            let (x, constant) = (code as i32 + x_min, i32::from(first));
            let (a, b) = if is_constant(&a) {
                (constant, x)
            } else {
                (x, constant)
            };
            i64::from(rule.apply(a, b) - type_min)
        };
        return Some(Way::Map(Box::new(std::array::from_fn(value))));
    }
    // Every pair of codes: whatever the lane of no instance copies has its place.
    let ends = [&a, &b].map(|operand| [-zero_code(operand), 255 - zero_code(operand)]);
    let corners = ends[0].map(|a| ends[1].map(|b| a * b));
    let corners = corners.as_flattened();
    let range = (*corners.iter().min()?, *corners.iter().max()?);
    let code = |product: i64| i64::from(rule.of_product(product as i32) - type_min);
    let offset = steps.place(range, code)?;
    Some(if constants.is_some() {
        Way::Constants(offset)
    } else {
        Way::Tensors(offset)
    })
}
