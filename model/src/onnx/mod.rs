//! ONNX files to [`Graph`]s.
//!
//! The nodes are visited once, in topological order. Each maps the [`Value`]s of its operands to
//! the value of its result: a quantized tensor, a dequantized view of one, a layer that still waits
//! for its output scale. Both forms of an int8 model go the same way: a `QGemm` makes a quantized
//! tensor at once, a `Gemm` between `DequantizeLinear` and `QuantizeLinear` makes a pending layer
//! that the `QuantizeLinear` completes. To support another operator, write its function and add a
//! line to [`dispatch`].
//!
//! Source: the ONNX operator specifications and ONNX Runtime's contrib operators.

mod activation;
mod attention;
mod batched;
mod boundary;
mod cellwise;
mod conv;
mod elementwise;
mod embedding;
mod finish;
mod fold;
mod function;
mod gather;
mod importer;
mod linear;
mod model_input;
mod movement;
mod node;
mod norm;
mod operands;
mod pending;
mod pool;
mod qdq;
mod qoperator;
mod reader;
mod shape;
mod split;
mod value;
mod window;
mod wire;

use std::path::Path;

use crate::error::ImportError;
use crate::graph::Graph;
use importer::Importer;
use node::NodeView;
use value::Value;

/// What an unsupported operator is answered with.
const SUPPORTED: &str = "supported are QuantizeLinear, DequantizeLinear; QLinearConv, QGemm, \
    QLinearMatMul, QLinearAdd, QLinearMul, QLinearAveragePool, QLinearGlobalAveragePool, \
    QLinearConcat, QLinearLeakyRelu, QLinearSigmoid, QLinearSoftmax; MaxPool, GlobalMaxPool, Relu, \
    Clip, Max, Concat, Transpose, Gather, Slice, Split, Pad, Flatten, Reshape, Squeeze, Unsqueeze, \
    Identity, Constant; and, between DequantizeLinear and QuantizeLinear, Conv, Gemm, MatMul, Add, \
    Mul, AveragePool, GlobalAveragePool, ReduceMean, Softmax, LayerNormalization, LeakyRelu, \
    Sigmoid, Erf, Gelu, and Add, Sub, Mul, Div with a number";

/// Reads the int8 ONNX model at `path`.
///
/// # Errors
/// If the file cannot be read, is not ONNX, or holds anything that cannot be evaluated exactly; the
/// error names the file, the node and the operator.
pub fn load(path: &Path) -> Result<Graph, ImportError> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| ImportError::Read {
        file: file.clone(),
        source,
    })?;
    import(&bytes, &file)
}

/// Reads an int8 ONNX model from memory; `source_name` stands for the file in errors.
///
/// # Errors
/// As [`load`].
pub fn import(bytes: &[u8], source_name: &str) -> Result<Graph, ImportError> {
    let malformed = |detail: String| ImportError::Malformed {
        file: source_name.to_string(),
        detail,
    };
    wire::check(bytes).map_err(malformed)?;
    let mut model = rten_onnx::onnx::ModelProto::parse_buf(bytes)
        .map_err(|error| malformed(error.to_string()))?;
    if let Some(graph) = &mut model.graph {
        split::separate(graph);
        fold::fold(graph, bytes.len());
    }
    let source = reader::read(&model, source_name)?;
    let mut importer = Importer::new(&source, bytes.len())?;
    for node in &source.nodes {
        let value = dispatch(&mut importer, *node)?;
        importer.define(*node, value);
    }
    finish::finish(importer)
}

/// Evaluates one node symbolically.
fn dispatch<'m>(importer: &mut Importer<'m>, node: NodeView<'m>) -> Result<Value<'m>, ImportError> {
    match (node.domain(), node.op_type()) {
        ("", "QuantizeLinear") => boundary::quantize_linear(importer, node),
        ("", "DequantizeLinear") => boundary::dequantize_linear(importer, node),
        ("com.microsoft", "QuantizeLinear") => boundary::quantize_linear(importer, node),
        ("com.microsoft", "DequantizeLinear") => boundary::dequantize_linear(importer, node),
        ("com.microsoft", "QGemm") => qoperator::q_gemm(importer, node),
        ("", "QLinearMatMul") => qoperator::q_linear_mat_mul(importer, node),
        ("", "QLinearConv") => conv::q_linear_conv(importer, node),
        ("com.microsoft", "QLinearAdd" | "QLinearMul") => elementwise::q_linear(importer, node),
        ("com.microsoft", "QLinearAveragePool") => pool::q_linear_average_pool(importer, node),
        ("com.microsoft", "QLinearGlobalAveragePool") => {
            pool::q_linear_global_average_pool(importer, node)
        }
        ("com.microsoft", "QLinearSoftmax") => attention::q_linear_softmax(importer, node),
        ("com.microsoft", "QLinearConcat") => movement::q_linear_concat(importer, node),
        ("com.microsoft", "QLinearLeakyRelu" | "QLinearSigmoid") => {
            function::q_linear(importer, node)
        }
        ("", "Gemm") => qdq::gemm(importer, node),
        ("", "MatMul") => qdq::mat_mul(importer, node),
        ("", "Conv") => conv::conv(importer, node),
        ("", "Add") => elementwise::add(importer, node),
        ("", "Mul") => elementwise::mul(importer, node),
        ("", "Sub" | "Div") => cellwise::difference_or_quotient(importer, node),
        ("", "Softmax") => attention::softmax(importer, node),
        ("", "LayerNormalization") => norm::layer_norm(importer, node),
        ("", "ReduceMean") => norm::reduce_mean(importer, node),
        ("", "AveragePool" | "GlobalAveragePool") => pool::average_pool(importer, node),
        ("", "MaxPool") => pool::max_pool(importer, node),
        ("", "GlobalMaxPool") => pool::global_max_pool(importer, node),
        ("", "Relu") => activation::relu(importer, node),
        ("", "Clip") => activation::clip(importer, node),
        ("", "Max") => activation::max(importer, node),
        ("", "LeakyRelu") => function::leaky(importer, node),
        ("", "Sigmoid") => function::logistic(importer, node),
        ("", "Erf") => function::error_function(importer, node),
        ("" | "com.microsoft", "Gelu") => function::gelu(importer, node),
        ("", "Concat") => movement::concat(importer, node),
        ("", "Transpose") => movement::transpose(importer, node),
        ("", "Gather") => gather::gather(importer, node),
        ("", "Slice") => gather::slice(importer, node),
        ("", "Split") => split::split(importer, node),
        ("", "Pad") => movement::pad(importer, node),
        ("", "Flatten") => shape::flatten(importer, node),
        ("", "Reshape") => shape::reshape(importer, node),
        ("", "Squeeze") => shape::squeeze(importer, node),
        ("", "Unsqueeze") => shape::unsqueeze(importer, node),
        ("", "Identity") => shape::identity(importer, node),
        _ => Err(ImportError::Operator {
            site: node.site(),
            detail: format!(
                "not supported; {SUPPORTED}. Export the model in int8 QOperator or QDQ form and \
                 keep other operators outside of it"
            ),
        }),
    }
}
