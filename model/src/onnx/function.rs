//! Functions of single cells, as tables: requantization, clamps, `QLinearLeakyRelu`,
//! `QLinearSigmoid`, and activations between `DequantizeLinear` and `QuantizeLinear`.

use super::importer::Importer;
use super::node::NodeView;
use super::operands::{per_tensor, scale_and_zero_point};
use super::value::{Mapped, Value};
use crate::erf::{erf, gelu as gelu_of};
use crate::error::ImportError;
use crate::float_rules::{leaky_relu, sigmoid};
use crate::graph::TensorId;
use crate::op::{Op, Table};
use crate::quantization::{QType, Quantization};

/// What a table and the function behind it take in memory.
const TABLE_BYTES: usize = size_of::<[i16; 256]>();
const FUNCTION_BYTES: usize = size_of::<[f32; 256]>();

/// `QLinearLeakyRelu` or `QLinearSigmoid` of `(X, X_scale, X_zero_point?, Y_scale, Y_zero_point)`.
pub(super) fn q_linear<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(5)?;
    let is_sigmoid = node.op_type() == "QLinearSigmoid";
    let alpha = if is_sigmoid {
        node.expect_attributes(&[])?;
        0.0
    } else {
        leaky_slope(node)?
    };
    let (x, [x_quantization, y]) = operand_and_result(importer, node)?;
    let value = |q: i32| {
        let v = x_quantization.dequantize(q);
        y.quantize(if is_sigmoid {
            sigmoid(v)
        } else {
            leaky_relu(v, alpha)
        })
    };
    let table = Table::new(x_quantization.qtype, value);
    Ok(Value::Quantized(add_table(importer, node, x, table, y)?))
}

/// The tensor of `(X, X_scale, X_zero_point?, Y_scale, Y_zero_point)`, and both quantizations, which are of one type.
pub(super) fn operand_and_result<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<(TensorId, [Quantization; 2]), ImportError> {
    let id = importer.quantized(node, "X", node.require_input(0, "X")?)?;
    let qtype = importer.tensors[id.0].qtype;
    let x = scale_and_zero_point(importer, node, 1, ["X_scale", "X_zero_point"], qtype)?;
    importer.agree(node, id, x)?;
    let y = per_tensor(importer, node, 3, ["Y_scale", "Y_zero_point"])?;
    if y.qtype != qtype {
        return Err(node.mistyped(format!(
            "maps {qtype} to {}; both must be of one type",
            y.qtype
        )));
    }
    Ok((id, [x, y]))
}

/// `LeakyRelu(x)` of reals.
pub(super) fn leaky<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    let alpha = leaky_slope(node)?;
    map(importer, node, |v| leaky_relu(v, alpha))
}

/// `Sigmoid(x)` of reals.
pub(super) fn logistic<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    map(importer, node, sigmoid)
}

/// `Erf(x)` of reals.
pub(super) fn error_function<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&[])?;
    map(importer, node, erf)
}

/// `Gelu(x)` of reals.
pub(super) fn gelu<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    node.expect_inputs(1)?;
    node.expect_attributes(&["approximate"])?;
    if node.string("approximate", "none")? != "none" {
        let detail = "only `none` is supported; export the model with the exact GELU";
        return Err(node.attribute("approximate", detail.to_string()));
    }
    map(importer, node, gelu_of)
}

fn leaky_slope(node: NodeView<'_>) -> Result<f32, ImportError> {
    node.expect_attributes(&["alpha"])?;
    let alpha = node.float("alpha", 0.01)?;
    if alpha.is_finite() {
        return Ok(alpha);
    }
    Err(node.attribute("alpha", format!("is {alpha}, but must be a number")))
}

/// Applies a function of reals to the only operand, which must come from a `DequantizeLinear`.
fn map<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    function: impl Fn(f32) -> f32,
) -> Result<Value<'m>, ImportError> {
    let name = node.require_input(0, "input")?;
    let value = importer.value(node, "input", name)?;
    match map_value(importer, node, value, function)? {
        Some(mapped) => Ok(mapped),
        None => {
            let is = value.describe();
            let detail = format!("must come from a DequantizeLinear, but is {is}");
            Err(node.operand("input", name, detail))
        }
    }
}

/// Applies a function of reals to what a tensor stands for; `None` for any other kind of value.
pub(super) fn map_value<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    value: Value<'m>,
    function: impl Fn(f32) -> f32,
) -> Result<Option<Value<'m>>, ImportError> {
    match reals_of(importer, node, value)? {
        Some((tensor, reals)) => add_mapped(importer, node, tensor, reals.map(function)).map(Some),
        None => Ok(None),
    }
}

/// The tensor behind a value and what each of its numbers stands for; `None` for any other kind of value.
pub(super) fn reals_of<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    value: Value<'m>,
) -> Result<Option<(TensorId, [f32; 256])>, ImportError> {
    match value {
        Value::Dequantized(tensor) => {
            let x = importer.known_quantization(node, tensor)?;
            let reals = std::array::from_fn(|code| x.dequantize(code as i32 + x.qtype.min()));
            Ok(Some((tensor, reals)))
        }
        Value::Mapped(Mapped { tensor, function }) => {
            Ok(Some((tensor, importer.functions[function])))
        }
        _ => Ok(None),
    }
}

/// The real function of a tensor that these values make up.
pub(super) fn add_mapped<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    tensor: TensorId,
    reals: [f32; 256],
) -> Result<Value<'m>, ImportError> {
    importer.spend_memory(node, FUNCTION_BYTES)?;
    importer.functions.push(reals);
    let function = importer.functions.len() - 1;
    Ok(Value::Mapped(Mapped { tensor, function }))
}

/// The tensor behind a mapped value, quantized.
pub(super) fn complete<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    Mapped { tensor, function }: Mapped,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let reals = importer.functions[function];
    if reals.iter().any(|v| v.is_nan()) {
        let detail =
            "the function that it quantizes is no number for some inputs; remove divisions by 0";
        return Err(node.unsupported(detail.to_string()));
    }
    let qtype = importer.tensors[tensor.0].qtype;
    let table = Table::new(qtype, |x| y.quantize(reals[(x - qtype.min()) as usize]));
    add_table(importer, node, tensor, table, y)
}

/// The tensor under another quantization: itself if that is its own.
pub(super) fn requantize<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let x = importer.known_quantization(node, id)?;
    if x == y {
        return Ok(id);
    }
    let table = Table::new(x.qtype, |q| y.quantize(x.dequantize(q)));
    add_table(importer, node, id, table, y)
}

/// The tensor clamped to `low..=high`: itself if its type is no wider.
pub(super) fn clamp<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    id: TensorId,
    (low, high): (i32, i32),
) -> Result<TensorId, ImportError> {
    let qtype = importer.tensors[id.0].qtype;
    let (low, high) = (low.min(qtype.max()), high.max(qtype.min()));
    if low <= qtype.min() && high >= qtype.max() {
        return Ok(id);
    }
    importer.spend_memory(node, TABLE_BYTES)?;
    let table = Table::new(qtype, |q| q.max(low).min(high));
    let shape = importer.tensors[id.0].shape.clone();
    // A copy, since the quantization of an integer model's input may not be known yet.
    importer.add_copy(node, vec![id], Op::Table(table), shape)
}

/// Adds a table, unless it changes nothing.
fn add_table<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    x: TensorId,
    table: Table,
    y: Quantization,
) -> Result<TensorId, ImportError> {
    let is_identity =
        |qtype: QType| (qtype.min()..=qtype.max()).all(|q| table.apply(qtype, q) == q);
    if importer.quantization(x) == Some(y) && is_identity(y.qtype) {
        return Ok(x);
    }
    importer.spend_memory(node, TABLE_BYTES)?;
    let shape = importer.tensors[x.0].shape.clone();
    importer.add_node(node, vec![x], Op::Table(table), shape, y)
}
