//! Writes ONNX files node by node.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::quantization::{QType, Quantization};

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

    /// Gives the last node a list of integers.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> &mut Self {
        self.attribute(AttributeProto {
            name: Some(name.to_string()),
            ints: values.to_vec(),
            r#type: Some(AttributeType::INTS),
            ..AttributeProto::default()
        })
    }

    /// Gives the last node a string attribute.
    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        self.attribute(AttributeProto {
            name: Some(name.to_string()),
            s: Some(value.to_string()),
            r#type: Some(AttributeType::STRING),
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

pub(super) fn data_type(qtype: QType) -> DataType {
    match qtype {
        QType::I8 => DataType::INT8,
        QType::U8 => DataType::UINT8,
    }
}
