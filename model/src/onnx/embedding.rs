//! `Gather` of rows of a constant table by the model's input: an embedding of tokens.
//!
//! What the graph takes are then the rows; the table is kept at its input boundary.

use rten_onnx::onnx::DataType;

use super::boundary::dequantization;
use super::importer::{Importer, qtype};
use super::node::NodeView;
use super::operands::Operand;
use super::value::{ConstantView, Value};
use crate::error::ImportError;
use crate::graph::{Embedding, InputBoundary, TensorId};
use crate::quantization::{QType, Quantization};
use crate::validate::MAX_TOKENS;

/// Rows of a float table that are not quantized yet.
#[derive(Clone, Copy)]
pub(super) struct Rows<'m> {
    /// The `Gather`.
    node: NodeView<'m>,
}

/// `Gather(data, indices)` where the indices are the model's input.
pub(super) fn look_up<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
) -> Result<Value<'m>, ImportError> {
    let name = node.require_input(0, "data")?;
    if let Some(Value::Constant(ConstantView { node: origin })) = importer.values.get(name).copied()
    {
        let operand = Operand::required(importer, origin, 0, "x")?;
        let quantization = dequantization(importer, origin, &operand)?;
        let id = add_rows(
            importer,
            node,
            &operand,
            operand.qtype()?,
            Some(quantization),
        )?;
        return Ok(Value::Dequantized(id));
    }
    if !importer.is_constant(name) {
        let detail = "is computed from the model's input, as the indices are; tokens are looked up in a constant table";
        return Err(node.operand("data", name, detail.to_string()));
    }
    let operand = Operand::required(importer, node, 0, "data")?;
    match qtype(operand.data_type()) {
        Some(qtype) => {
            let id = add_rows(importer, node, &operand, qtype, None)?;
            Ok(Value::Quantized(id))
        }
        None if operand.data_type() == DataType::FLOAT => Ok(Value::Rows(Rows { node })),
        None => Err(operand.error("must be FLOAT, INT8 or UINT8".to_string())),
    }
}

impl<'m> Rows<'m> {
    /// Adds what `QuantizeLinear` makes of the rows.
    pub(super) fn quantize(
        self,
        importer: &mut Importer<'m>,
        quantization: Quantization,
    ) -> Result<TensorId, ImportError> {
        let operand = Operand::required(importer, self.node, 0, "data")?;
        add_rows(
            importer,
            self.node,
            &operand,
            quantization.qtype,
            Some(quantization),
        )
    }
}

/// The graph's input of one row of `table` for each token. A table of floats is quantized, any other is not.
fn add_rows<'m>(
    importer: &mut Importer<'m>,
    node: NodeView<'m>,
    table: &Operand<'m>,
    qtype: QType,
    quantization: Option<Quantization>,
) -> Result<TensorId, ImportError> {
    let dims = table.dims()?;
    let axis = node.int("axis", 0)?;
    let is_first = [0, -(dims.len() as i64)].contains(&axis);
    let Some((&rows, row)) = dims.split_first().filter(|_| is_first) else {
        let detail = format!("is {axis}, but tokens are looked up along axis 0 of a table");
        return Err(node.attribute("axis", detail));
    };
    if !(1..=MAX_TOKENS).contains(&rows) {
        return Err(table.error(format!(
            "has {rows} rows; from 1 to {MAX_TOKENS} are supported"
        )));
    }
    let Some(tokens) = importer.tokens.clone() else {
        return Err(table.error("is looked up, but the model takes no tokens".to_string()));
    };
    importer.spend_memory(node, table.len()?)?;
    let least = qtype.min();
    let code = |q: i32| (q - least) as u8;
    let codes: Vec<u8> = match quantization {
        Some(quantization) if table.data_type() == DataType::FLOAT => {
            let reals = table.floats()?.into_iter();
            reals.map(|x| code(quantization.quantize(x))).collect()
        }
        _ => table
            .bytes()?
            .1
            .into_iter()
            .map(|q| code(q.into()))
            .collect(),
    };
    let shape = [tokens.as_slice(), row].concat();
    let embedding = Embedding {
        shape: tokens,
        codes,
    };
    let boundary = InputBoundary::Tokens(embedding);
    let is_same = |id: TensorId, known: &InputBoundary| {
        let input = &importer.tensors[id.0];
        *known == boundary && (input.qtype, &input.shape) == (qtype, &shape)
    };
    match importer.input {
        None => importer.begin(node, shape, qtype, quantization, boundary),
        Some((id, ref known)) if is_same(id, known) => {
            if let Some(quantization) = quantization {
                importer.agree(node, id, quantization)?;
            }
            Ok(id)
        }
        Some(_) => {
            let detail = "is a second table for the same tokens; only one is supported: add the rows of both in \
                the file, or export one of them as a constant";
            Err(table.error(detail.to_string()))
        }
    }
}
