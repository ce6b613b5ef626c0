//! Sums and products of two tensors: `QLinearAdd`, `QLinearMul`, and `Add` and `Mul` between
//! `DequantizeLinear` and `QuantizeLinear`.

use super::importer::Importer;
use super::node::NodeView;
use super::operands::{Operand, per_scalar};
use super::pending::Pending;
use super::value::Value;
use crate::cells::broadcast_shape;
use crate::error::ImportError;
use crate::float_rules::{AddRule, MulRule};
use crate::graph::TensorId;
use crate::op::{Constant, Elementwise, Op};
use crate::quantization::Quantization;
use crate::validate::OVERFLOW;

/// One operand. The shape is the one in the file, with a batch of one sample.
struct Side {
    shape: Vec<usize>,
    quantization: Quantization,
    cells: Cells,
}

enum Cells {
    Tensor(TensorId),
    Constant(Vec<i16>),
}

/// `QLinearAdd` or `QLinearMul` of
/// `(A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point)`.
pub(super) fn q_linear<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(8)?;
    node.expect_attributes(&[])?;
    let mut side = |index: usize, roles: [&'static str; 3]| {
        let quantization = per_scalar(importer, node, index + 1, [roles[1], roles[2]])?;
        let name = node.require_input(index, roles[0])?;
        if importer.is_constant(name) {
            let operand = Operand::required(importer, node, index, roles[0])?;
            return constant_side(importer, node, &operand, quantization);
        }
        let id = importer.quantized(node, roles[0], name)?;
        importer.agree(node, id, quantization)?;
        Ok(tensor_side(importer, id, quantization))
    };
    let a = side(0, ["A", "A_scale", "A_zero_point"])?;
    let b = side(3, ["B", "B_scale", "B_zero_point"])?;
    let y = per_scalar(importer, node, 6, ["C_scale", "C_zero_point"])?;
    let is_sum = node.op_type() == "QLinearAdd";
    Ok(Value::Quantized(combine(
        importer,
        node,
        is_sum,
        [a, b],
        y,
    )?))
}

/// `Add(A, B)`: the bias of a product, or a sum that waits for its scale.
pub(super) fn add<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    if let Some(value) = super::qdq::bias(importer, node)? {
        return Ok(value);
    }
    if let Some(value) = super::cellwise::arithmetic(importer, node)? {
        return Ok(value);
    }
    float_side(importer, node, 0)?;
    float_side(importer, node, 1)?;
    Ok(Value::Pending(Pending::new(node)))
}

/// `Mul(A, B)`.
pub(super) fn mul<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(2)?;
    node.expect_attributes(&[])?;
    if let Some(value) = super::cellwise::arithmetic(importer, node)? {
        return Ok(value);
    }
    float_side(importer, node, 0)?;
    float_side(importer, node, 1)?;
    Ok(Value::Pending(Pending::new(node)))
}

/// Completes an `Add` or `Mul` with the quantization of its result.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let sides = [
        float_side(importer, node, 0)?,
        float_side(importer, node, 1)?,
    ];
    combine(importer, node, node.op_type() == "Add", sides, y)
}

/// An operand of the QDQ form: a dequantized tensor or constant.
fn float_side<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    index: usize,
) -> Result<Side, ImportError> {
    let role = ["A", "B"][index];
    let name = node.require_input(index, role)?;
    let found = if importer.is_constant(name) {
        "a float constant"
    } else {
        match importer.value(node, role, name)? {
            Value::Dequantized(id) => {
                let quantization = importer.known_quantization(node, id)?;
                return Ok(tensor_side(importer, id, quantization));
            }
            Value::Constant(view) => {
                let operand = Operand::required(importer, view.node, 0, "x")?;
                let quantization = super::boundary::dequantization(importer, view.node, &operand)?;
                return constant_side(importer, node, &operand, quantization);
            }
            other => other.describe(),
        }
    };
    let detail = format!("must come from a DequantizeLinear, but is {found}");
    Err(node.operand(role, name, detail))
}

fn tensor_side(importer: &Importer<'_>, id: TensorId, quantization: Quantization) -> Side {
    let sample = &importer.tensors[id.0].shape;
    Side {
        shape: [&[1], sample.as_slice()].concat(),
        quantization,
        cells: Cells::Tensor(id),
    }
}

fn constant_side<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    operand: &Operand<'m>,
    quantization: Quantization,
) -> Result<Side, ImportError> {
    operand.check_bytes_are_stored()?;
    let shape = operand.dims()?;
    if super::importer::cells(&shape).is_none_or(|n| n == 0) {
        return Err(operand.error(format!("has the unusable shape {shape:?}")));
    }
    importer.spend_memory(node, operand.len()?.saturating_mul(size_of::<i16>()))?;
    let (qtype, values) = operand.bytes()?;
    if qtype != quantization.qtype {
        return Err(operand.error(format!(
            "is of type {qtype}, but its zero point is {}",
            quantization.qtype
        )));
    }
    Ok(Side {
        shape,
        quantization,
        cells: Cells::Constant(values),
    })
}

fn combine<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    is_sum: bool,
    [mut a, mut b]: [Side; 2],
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let types = [a.quantization.qtype, b.quantization.qtype];
    if types != [y.qtype; 2] {
        return Err(node.mistyped(format!(
            "combines {} and {} into {}; all three must be of one type",
            types[0], types[1], y.qtype
        )));
    }
    if is_sum && exchanges_operands(&a.shape, &b.shape) {
        std::mem::swap(&mut a, &mut b);
    }
    let mismatch = || {
        node.shape(format!(
            "operands of shapes {:?} and {:?} do not broadcast within one sample, axis 0 being the \
             batch",
            a.shape, b.shape
        ))
    };
    let rank = match (&a.cells, &b.cells) {
        (Cells::Constant(_), Cells::Constant(_)) => {
            let detail = "both operands are constants; fold the node into one";
            return Err(node.unsupported(detail.to_string()));
        }
        (Cells::Tensor(_), Cells::Constant(_)) => a.shape.len(),
        (Cells::Constant(_), Cells::Tensor(_)) => b.shape.len(),
        // With more samples, one operand's batch would meet another axis of the other.
        (Cells::Tensor(_), Cells::Tensor(_))
            if a.shape.len() == b.shape.len() || importer.batch == Some(1) =>
        {
            a.shape.len().max(b.shape.len())
        }
        (Cells::Tensor(_), Cells::Tensor(_)) => return Err(mismatch()),
    };
    let sample_a = sample_shape(&a, rank).ok_or_else(mismatch)?;
    let sample_b = sample_shape(&b, rank).ok_or_else(mismatch)?;
    let shape = broadcast_shape(sample_a, sample_b).ok_or_else(mismatch)?;
    let is_exact = if is_sum {
        AddRule::new(a.quantization, b.quantization, y).is_some()
    } else {
        MulRule::new(a.quantization, b.quantization, y).is_some()
    };
    if !is_exact {
        return Err(node.quantization(OVERFLOW.to_string()));
    }
    let mut inputs = Vec::new();
    let mut constant = |sample: Vec<usize>, side: Side| match side.cells {
        Cells::Tensor(id) => {
            inputs.push(id);
            None
        }
        Cells::Constant(values) => Some(Constant {
            shape: sample,
            values,
            quantization: side.quantization,
        }),
    };
    let (sample_a, sample_b) = (sample_a.to_vec(), sample_b.to_vec());
    let constants = [constant(sample_a, a), constant(sample_b, b)];
    let elementwise = Elementwise { constants };
    let op = if is_sum {
        Op::Add(elementwise)
    } else {
        Op::Mul(elementwise)
    };
    importer.add_node(node, inputs, op, shape, y)
}

/// The shape of one sample, `rank` being the result's with the batch.
fn sample_shape(side: &Side, rank: usize) -> Option<&[usize]> {
    match side.cells {
        Cells::Tensor(_) => side.shape.get(1..),
        Cells::Constant(_) if side.shape.len() < rank => Some(&side.shape),
        Cells::Constant(_) if side.shape.len() == rank && side.shape[0] == 1 => side.shape.get(1..),
        Cells::Constant(_) => None,
    }
}

/// Whether ONNX Runtime adds B to A instead of A to B: if A is what its broadcasting repeats.
///
/// The innermost axis on which either is larger than 1 decides, over the axes that both have; if
/// there is none, the outermost of these. A scalar is looked at as one axis of size 1.
fn exchanges_operands(a: &[usize], b: &[usize]) -> bool {
    let scalar = [1];
    let [a, b] = [a, b].map(|shape| if shape.is_empty() { &scalar } else { shape });
    let shared = a.len().min(b.len());
    let mut pairs = a.iter().rev().zip(b.iter().rev()).take(shared);
    let deciding = pairs.find(|&(&a, &b)| a > 1 || b > 1);
    // Where none is larger than 1, the outermost shared axis of A has size 1 as well.
    deciding.is_none_or(|(&a, _)| a == 1)
}

#[cfg(test)]
mod tests {
    use super::exchanges_operands;

    #[test]
    fn what_is_broadcast_comes_second() {
        for (a, b) in [
            (&[][..], &[][..]),
            (&[1], &[1]),
            (&[1, 5, 1], &[]),
            (&[1, 3, 1, 1], &[1, 3, 4, 4]),
            (&[], &[5]),
        ] {
            assert!(exchanges_operands(a, b), "{a:?} + {b:?}");
        }
        for (a, b) in [
            (&[5][..], &[][..]),
            (&[1, 3, 4, 4], &[1, 3, 1, 1]),
            (&[3, 1, 1], &[3, 1, 1]),
            (&[3], &[1, 3]),
        ] {
            assert!(!exchanges_operands(a, b), "{a:?} + {b:?}");
        }
    }
}
