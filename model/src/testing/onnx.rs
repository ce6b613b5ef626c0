//! Writes dense graphs as ONNX files, in either form.

use rten_onnx::onnx::DataType;

use super::builder::{OnnxBuilder, data_type};

use crate::graph::{Graph, InputBoundary, Node, OutputBoundary};
use crate::op::{Linear, Op};

/// The form of an int8 model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `QGemm` and `QLinearMatMul`.
    QOperator,
    /// `DequantizeLinear`, float operator, `QuantizeLinear`.
    Qdq,
}

/// The ONNX file of a graph. Importing it gives the graph back, up to names.
///
/// Layers on plain rows become `QGemm` or `Gemm`, others `QLinearMatMul` or `MatMul`; those have no
/// bias in the QOperator form, so a graph with both positions and biases needs the QDQ form. Graphs
/// with other operators than layers and views are not written: see [`RandomNet`](super::RandomNet).
pub fn onnx_bytes(graph: &Graph, form: Form) -> Vec<u8> {
    let mut onnx = OnnxBuilder::new();
    let x = graph.tensor(graph.input);
    let dims: Vec<_> = [None]
        .into_iter()
        .chain(x.shape.iter().map(|&d| Some(d as i64)))
        .collect();
    let input = format!("q{}", graph.input.0);
    match &graph.input_boundary {
        InputBoundary::Quantized => onnx.input(&input, data_type(x.quantization.qtype), &dims),
        InputBoundary::Tokens(_) => panic!("tokens are not written"),
        InputBoundary::Float => onnx
            .input("input", DataType::FLOAT, &dims)
            .quantization(&input, x.quantization)
            .node(
                "QuantizeLinear",
                "quantize",
                &["input", &scale(&input), &zero(&input)],
                &input,
            ),
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        let (x, y) = (
            format!("q{}", node.inputs[0].0),
            format!("q{}", node.output.0),
        );
        let shape = &graph.tensor(node.output).shape;
        match &node.op {
            Op::View => {
                let dims: Vec<_> = [0]
                    .into_iter()
                    .chain(shape.iter().map(|&d| d as i64))
                    .collect();
                let name = format!("shape{index}");
                onnx.int64s(&name, &[dims.len() as i64], &dims);
                onnx.node("Reshape", &node.name, &[&x, &name], &y);
            }
            Op::Linear(linear) => {
                constants(&mut onnx, graph, node, linear, &y);
                match form {
                    Form::QOperator => q_operator(&mut onnx, graph, node, linear, (&x, &y)),
                    Form::Qdq => qdq(&mut onnx, graph, node, linear, (&x, &y)),
                }
            }
            other => panic!("{} is not written", other.name()),
        }
        // A view has no parameters of its own, but consumers may ask for them by its name.
        onnx.quantization(&y, graph.tensor(node.output).quantization);
    }
    if graph.input_boundary == InputBoundary::Quantized {
        onnx.quantization(&input, x.quantization);
    }
    let output = format!("q{}", graph.output.0);
    let qtype = graph.tensor(graph.output).quantization.qtype;
    match graph.output_boundary {
        OutputBoundary::Quantized => onnx.output(&output, data_type(qtype)),
        OutputBoundary::Float => onnx
            .node(
                "DequantizeLinear",
                "dequantize",
                &[&output, &scale(&output), &zero(&output)],
                "y",
            )
            .output("y", DataType::FLOAT),
    };
    onnx.build()
}

fn scale(name: &str) -> String {
    format!("{name}_scale")
}

fn zero(name: &str) -> String {
    format!("{name}_zero_point")
}

/// Weights as `{y}_w`, and bias as `{y}_c`: `[out][in]` for a Gemm, `[in][out]` for a MatMul.
fn constants(onnx: &mut OnnxBuilder, graph: &Graph, node: &Node, linear: &Linear, y: &str) {
    let (k, n) = (linear.in_features, linear.out_features);
    let stored = |channel: usize, i: usize| {
        i32::from(linear.row(channel)[i]) + linear.weight_quantization[channel].zero_point
    };
    let (dims, values): (_, Vec<_>) = if is_gemm(graph, node) {
        let values = (0..n).flat_map(|o| (0..k).map(move |i| (o, i)));
        (
            [n as i64, k as i64],
            values.map(|(o, i)| stored(o, i)).collect(),
        )
    } else {
        let values = (0..k).flat_map(|i| (0..n).map(move |o| (o, i)));
        (
            [k as i64, n as i64],
            values.map(|(o, i)| stored(o, i)).collect(),
        )
    };
    let qs = &linear.weight_quantization;
    onnx.bytes(&format!("{y}_w"), qs[0].qtype, &dims, &values);
    let scales: Vec<_> = qs.iter().map(|q| q.scale).collect();
    onnx.floats(&format!("{y}_w_scale"), &[n as i64], &scales);
    let zero_points: Vec<_> = qs.iter().map(|q| q.zero_point).collect();
    onnx.bytes(
        &format!("{y}_w_zero_point"),
        qs[0].qtype,
        &[n as i64],
        &zero_points,
    );
    onnx.int32s(&format!("{y}_c"), &[n as i64], &linear.bias);
}

fn is_gemm(graph: &Graph, node: &Node) -> bool {
    graph.tensor(node.inputs[0]).shape.len() == 1
}

/// The fused clamp, if it is narrower than the type.
fn clamp(graph: &Graph, node: &Node, linear: &Linear) -> Option<(i32, i32)> {
    let qtype = graph.tensor(node.output).quantization.qtype;
    let clamp = (linear.requant[0].qmin, linear.requant[0].qmax);
    (clamp != (qtype.min(), qtype.max())).then_some(clamp)
}

fn q_operator(
    onnx: &mut OnnxBuilder,
    graph: &Graph,
    node: &Node,
    linear: &Linear,
    (x, y): (&str, &str),
) {
    let clamp = clamp(graph, node, linear);
    let raw = if clamp.is_some() {
        format!("{y}_raw")
    } else {
        y.to_string()
    };
    let (w, c) = (format!("{y}_w"), format!("{y}_c"));
    let names = [
        x,
        &scale(x),
        &zero(x),
        &w,
        &scale(&w),
        &zero(&w),
        &c,
        &scale(y),
        &zero(y),
    ];
    if is_gemm(graph, node) {
        onnx.node("com.microsoft:QGemm", &node.name, &names, &raw);
        onnx.int("transB", 1).float("alpha", linear.alpha);
    } else {
        assert!(
            linear.bias.iter().all(|&b| b == 0),
            "QLinearMatMul has no bias"
        );
        let names = [&names[..6], &names[7..]].concat();
        onnx.node("QLinearMatMul", &node.name, &names, &raw);
    }
    if let Some((low, high)) = clamp {
        let qtype = graph.tensor(node.output).quantization.qtype;
        let (min, max) = (format!("{y}_min"), format!("{y}_max"));
        onnx.bytes(&min, qtype, &[], &[low])
            .bytes(&max, qtype, &[], &[high]);
        onnx.node(
            "Clip",
            &format!("{}_clip", node.name),
            &[&raw, &min, &max],
            y,
        );
    }
}

fn qdq(onnx: &mut OnnxBuilder, graph: &Graph, node: &Node, linear: &Linear, (x, y): (&str, &str)) {
    let is_gemm = is_gemm(graph, node);
    let (w, c) = (format!("{y}_w"), format!("{y}_c"));
    let sx = graph.tensor(node.inputs[0]).quantization.scale;
    let scales: Vec<_> = linear
        .weight_quantization
        .iter()
        .map(|q| sx * q.scale)
        .collect();
    onnx.floats(&scale(&c), &[scales.len() as i64], &scales);
    let (xf, wf, cf) = (format!("{y}_xf"), format!("{y}_wf"), format!("{y}_cf"));
    onnx.node("DequantizeLinear", &xf, &[x, &scale(x), &zero(x)], &xf);
    onnx.node("DequantizeLinear", &wf, &[&w, &scale(&w), &zero(&w)], &wf);
    onnx.int("axis", if is_gemm { 0 } else { 1 });
    onnx.node("DequantizeLinear", &cf, &[&c, &scale(&c)], &cf)
        .int("axis", 0);
    let mut result = format!("{y}_sum");
    if is_gemm {
        onnx.node("Gemm", &node.name, &[&xf, &wf, &cf], &result)
            .int("transB", 1);
    } else {
        let product = format!("{y}_product");
        onnx.node("MatMul", &node.name, &[&xf, &wf], &product);
        onnx.node(
            "Add",
            &format!("{}_add", node.name),
            &[&cf, &product],
            &result,
        );
    }
    if let Some((low, high)) = clamp(graph, node, linear) {
        let q = graph.tensor(node.output).quantization;
        let (min, max, clipped) = (
            format!("{y}_min"),
            format!("{y}_max"),
            format!("{y}_clipped"),
        );
        onnx.floats(&min, &[], &[q.dequantize(low)])
            .floats(&max, &[], &[q.dequantize(high)]);
        onnx.node(
            "Clip",
            &format!("{}_clip", node.name),
            &[&result, &min, &max],
            &clipped,
        );
        result = clipped;
    }
    onnx.node(
        "QuantizeLinear",
        &format!("{y}_quantize"),
        &[&result, &scale(y), &zero(y)],
        y,
    );
}
