//! `QuantizeLinear` and `DequantizeLinear`: the ends of the model, and the seams of the QDQ form.

use rten_onnx::onnx::DataType;

use super::function;
use super::importer::{Importer, qtype};
use super::node::NodeView;
use super::operands::{Operand, per_tensor, scale_and_zero_point, usable};
use super::value::{ConstantView, Displaced, Value};
use crate::error::ImportError;
use crate::quantization::{QType, Quantization};

const ATTRIBUTES: [&str; 5] = [
    "axis",
    "saturate",
    "block_size",
    "output_dtype",
    "precision",
];

/// Attributes of newer operator sets must have values under which nothing changes. `axis` matters
/// for several scales only, `saturate` for float8 only.
fn check_attributes(node: NodeView<'_>, output: DataType) -> Result<(), ImportError> {
    node.expect_attributes(&ATTRIBUTES)?;
    if node.int("block_size", 0)? != 0 {
        return Err(node.attribute("block_size", "only whole tensors or channels".to_string()));
    }
    let float = i64::from(DataType::FLOAT.0);
    if ![0, float].contains(&node.int("precision", 0)?) {
        return Err(node.attribute("precision", "only FLOAT is supported".to_string()));
    }
    if ![0, i64::from(output.0)].contains(&node.int("output_dtype", 0)?) {
        return Err(node.attribute("output_dtype", format!("must be {output} here")));
    }
    Ok(())
}

/// `QuantizeLinear(x, scale, zero_point?)`.
pub(super) fn quantize_linear<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    let quantization = if node.input(2).is_some() {
        per_tensor(importer, node, 1, ["scale", "zero point"])?
    } else {
        let scale = Operand::required(importer, node, 1, "scale")?;
        // Without a zero point the type is uint8, unless an attribute tells another.
        let stated = i32::try_from(node.int("output_dtype", 0)?).unwrap_or(-1);
        let qtype = if stated == 0 {
            Some(QType::U8)
        } else {
            qtype(DataType(stated))
        };
        let qtype = qtype.ok_or_else(|| {
            node.attribute(
                "output_dtype",
                "only INT8 and UINT8 are supported".to_string(),
            )
        })?;
        Quantization {
            scale: usable(&scale, scale.float()?, None)?,
            zero_point: 0,
            qtype,
        }
    };
    check_attributes(
        node,
        match quantization.qtype {
            QType::I8 => DataType::INT8,
            QType::U8 => DataType::UINT8,
        },
    )?;
    let x = node.require_input(0, "x")?;
    let id = match importer.value(node, "x", x)? {
        Value::Input(view) => importer.quantize_float_input(node, view, quantization)?,
        Value::Rows(rows) => rows.quantize(importer, quantization)?,
        // Quantizing with the tensor's own parameters gives the tensor back, exactly.
        Value::Dequantized(id) => function::requantize(importer, node, id, quantization)?,
        Value::Displaced(displaced) if displaced.is_real => {
            let tensor = function::requantize(importer, node, displaced.tensor, quantization)?;
            let is_real = false;
            return Ok(Value::Displaced(Displaced {
                tensor,
                is_real,
                ..displaced
            }));
        }
        Value::Mapped(mapped) => function::complete(importer, node, mapped, quantization)?,
        Value::Pending(pending) => pending.complete(importer, quantization)?,
        other => {
            let detail = format!("must be a float tensor, but is {}", other.describe());
            return Err(node.operand("x", x, detail));
        }
    };
    Ok(Value::Quantized(id))
}

/// `DequantizeLinear(x, scale, zero_point?)`.
pub(super) fn dequantize_linear<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(3)?;
    check_attributes(node, DataType::FLOAT)?;
    let x = node.require_input(0, "x")?;
    if importer.is_constant(x) {
        return Ok(Value::Constant(ConstantView { node }));
    }
    let (id, batch_axis) = match importer.value(node, "x", x)? {
        Value::Displaced(displaced) if !displaced.is_real => {
            (displaced.tensor, displaced.batch_axis)
        }
        _ => (importer.quantized(node, "x", x)?, 0),
    };
    let qtype = importer.tensors[id.0].qtype;
    let quantization = scale_and_zero_point(importer, node, 1, ["scale", "zero point"], qtype)?;
    importer.agree(node, id, quantization)?;
    let displaced = Displaced {
        tensor: id,
        batch_axis,
        is_real: true,
    };
    Ok(displaced.value())
}

/// The quantization of a constant 8-bit operand of `DequantizeLinear`, as a whole.
pub(super) fn dequantization<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    constant: &Operand<'m>,
) -> Result<Quantization, ImportError> {
    let qtype = constant.qtype()?;
    let quantization = scale_and_zero_point(importer, node, 1, ["scale", "zero point"], qtype)?;
    if quantization.qtype != qtype {
        let zero_point = quantization.qtype;
        return Err(constant.error(format!(
            "is of type {qtype}, but its zero point is of type {zero_point}"
        )));
    }
    Ok(quantization)
}
