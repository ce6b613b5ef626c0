//! Writes ONNX files: node by node, or a whole graph in either form.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::graph::{Boundary, Graph, Linear, Node, Op};
use crate::quantization::{QType, Quantization};

/// The form of an int8 model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `QGemm` and `QLinearMatMul`.
    QOperator,
    /// `DequantizeLinear`, float operator, `QuantizeLinear`.
    Qdq,
}

/// A model file in the making. The protobuf message itself is public, to be tampered with.
#[derive(Default)]
pub struct OnnxBuilder {
    /// The graph so far.
    pub graph: GraphProto,
    /// Version of the standard operator set.
    pub opset: i64,
}

impl OnnxBuilder {
    /// An empty model.
    pub fn new() -> Self {
        Self {
            opset: 21,
            ..Self::default()
        }
    }

    /// Adds an input whose open axes are `None`.
    pub fn input(&mut self, name: &str, elem_type: DataType, dims: &[Option<i64>]) -> &mut Self {
        self.graph.input.push(value_info(name, elem_type, dims));
        self
    }

    /// Adds an output.
    pub fn output(&mut self, name: &str, elem_type: DataType) -> &mut Self {
        self.graph.output.push(value_info(name, elem_type, &[None]));
        self
    }

    /// Adds an initializer from its little-endian bytes.
    pub fn raw(
        &mut self,
        name: &str,
        data_type: DataType,
        dims: &[i64],
        raw: Vec<u8>,
    ) -> &mut Self {
        self.graph.initializer.push(TensorProto {
            name: Some(name.to_string()),
            dims: dims.to_vec(),
            data_type: Some(data_type),
            raw_data: Some(RefCell::new(raw)),
            ..TensorProto::default()
        });
        self
    }

    /// Adds float32 numbers.
    pub fn floats(&mut self, name: &str, dims: &[i64], values: &[f32]) -> &mut Self {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.raw(name, DataType::FLOAT, dims, raw)
    }

    /// Adds int32 numbers.
    pub fn int32s(&mut self, name: &str, dims: &[i64], values: &[i32]) -> &mut Self {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.raw(name, DataType::INT32, dims, raw)
    }

    /// Adds int64 numbers.
    pub fn int64s(&mut self, name: &str, dims: &[i64], values: &[i64]) -> &mut Self {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.raw(name, DataType::INT64, dims, raw)
    }

    /// Adds 8-bit numbers.
    pub fn bytes(&mut self, name: &str, qtype: QType, dims: &[i64], values: &[i32]) -> &mut Self {
        let raw = values.iter().map(|&v| v as u8).collect();
        self.raw(name, data_type(qtype), dims, raw)
    }

    /// Adds a scale `{name}_scale` and a zero point `{name}_zero_point` for a whole tensor.
    pub fn quantization(&mut self, name: &str, q: Quantization) -> &mut Self {
        self.floats(&format!("{name}_scale"), &[], &[q.scale]);
        self.bytes(&format!("{name}_zero_point"), q.qtype, &[], &[q.zero_point])
    }

    /// Adds a node called `name`; operators of other domains are written `domain:Operator`.
    pub fn node(&mut self, operator: &str, name: &str, inputs: &[&str], output: &str) -> &mut Self {
        let (domain, op_type) = operator.split_once(':').unwrap_or(("", operator));
        self.graph.node.push(NodeProto {
            domain: Some(domain.to_string()),
            name: Some(name.to_string()),
            input: inputs.iter().map(|s| s.to_string()).collect(),
            output: vec![output.to_string()],
            op_type: Some(op_type.to_string()),
            attribute: Vec::new(),
        });
        self
    }

    fn attribute(&mut self, attribute: AttributeProto) -> &mut Self {
        self.graph
            .node
            .last_mut()
            .unwrap()
            .attribute
            .push(attribute);
        self
    }

    /// Gives the last node an integer attribute.
    pub fn int(&mut self, name: &str, value: i64) -> &mut Self {
        self.attribute(AttributeProto {
            name: Some(name.to_string()),
            i: Some(value),
            r#type: Some(AttributeType::INT),
            ..AttributeProto::default()
        })
    }

    /// Gives the last node a float attribute.
    pub fn float(&mut self, name: &str, value: f32) -> &mut Self {
        self.attribute(AttributeProto {
            name: Some(name.to_string()),
            f: Some(value),
            r#type: Some(AttributeType::FLOAT),
            ..AttributeProto::default()
        })
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let opset = |domain: &str, version| OperatorSetIdProto {
            domain: Some(domain.to_string()),
            version: Some(version),
        };
        let model = ModelProto {
            ir_version: Some(10),
            graph: Some(self.graph.clone()),
            opset_import: vec![opset("", self.opset), opset("com.microsoft", 1)],
            ..ModelProto::default()
        };
        model.write_buf().unwrap()
    }
}

fn value_info(name: &str, elem_type: DataType, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |&dim_value: &Option<i64>| Dimension {
        dim_value,
        dim_param: dim_value.is_none().then(|| "N".to_string()),
    };
    ValueInfoProto {
        name: Some(name.to_string()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(elem_type),
                shape: Some(TensorShapeProto {
                    dim: dims.iter().map(dim).collect(),
                }),
            }),
            sequence: None,
        }),
    }
}

fn data_type(qtype: QType) -> DataType {
    match qtype {
        QType::I8 => DataType::INT8,
        QType::U8 => DataType::UINT8,
    }
}

/// The ONNX file of a graph. Importing it gives the graph back, up to names.
///
/// Layers on plain rows become `QGemm` or `Gemm`, others `QLinearMatMul` or `MatMul`; those have no
/// bias in the QOperator form, so a graph with both positions and biases needs the QDQ form.
pub fn onnx_bytes(graph: &Graph, form: Form) -> Vec<u8> {
    let mut onnx = OnnxBuilder::new();
    let x = graph.tensor(graph.input);
    let dims: Vec<_> = [None]
        .into_iter()
        .chain(x.shape.iter().map(|&d| Some(d as i64)))
        .collect();
    let input = format!("q{}", graph.input.0);
    match graph.input_boundary {
        Boundary::Quantized => onnx.input(&input, data_type(x.quantization.qtype), &dims),
        Boundary::Float => onnx
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
        }
        // A view has no parameters of its own, but consumers may ask for them by its name.
        onnx.quantization(&y, graph.tensor(node.output).quantization);
    }
    if graph.input_boundary == Boundary::Quantized {
        onnx.quantization(&input, x.quantization);
    }
    let output = format!("q{}", graph.output.0);
    let qtype = graph.tensor(graph.output).quantization.qtype;
    match graph.output_boundary {
        Boundary::Quantized => onnx.output(&output, data_type(qtype)),
        Boundary::Float => onnx
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
