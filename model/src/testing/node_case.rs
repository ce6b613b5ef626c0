//! ONNX's node tests, as the tests of several crates read them.
//!
//! In these files every operand is an input of the graph; what a model has as constants is moved to its initializers.

use std::fs;
use std::path::PathBuf;

use rten_onnx::onnx::{DataType, Dimension, ModelProto, TensorProto};

/// The folder of a case.
pub fn folder(case: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/onnx_node_tests");
    root.join(format!("test_{case}"))
}

/// A tensor of a case.
pub struct Array {
    /// As stored.
    pub proto: TensorProto,
    /// Its shape.
    pub dims: Vec<usize>,
}

impl Array {
    /// Reads a file that holds a single tensor, by making it the initializer of a model.
    pub fn read(case: &str, file: &str) -> Self {
        let bytes = fs::read(folder(case).join("test_data_set_0").join(file)).unwrap();
        let graph = message(5, &bytes);
        let model = ModelProto::parse_buf(&message(7, &graph)).unwrap();
        let proto = model.graph.unwrap().initializer.remove(0);
        let dims = proto.dims.iter().map(|&d| d as usize).collect();
        Self { proto, dims }
    }

    /// The cells' bytes.
    pub fn raw<const N: usize>(&self) -> Vec<[u8; N]> {
        let raw = self.proto.raw_data.as_ref().unwrap().borrow();
        raw.as_chunks().0.to_vec()
    }

    /// The cells of a float32 tensor.
    pub fn floats(&self) -> Vec<f32> {
        assert_eq!(self.proto.data_type, Some(DataType::FLOAT));
        self.raw().into_iter().map(f32::from_le_bytes).collect()
    }

    /// The cells of an integer tensor.
    pub fn integers(&self) -> Vec<i32> {
        match self.proto.data_type {
            Some(DataType::INT8) => self.raw().iter().map(|&[b]| i32::from(b as i8)).collect(),
            Some(DataType::UINT8) => self.raw().iter().map(|&[b]| i32::from(b)).collect(),
            Some(DataType::INT32) => self.raw().into_iter().map(i32::from_le_bytes).collect(),
            other => panic!("{other:?}"),
        }
    }
}

/// A protobuf field that holds `body`.
pub fn message(field: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut len = body.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(body);
    out
}

/// The case's model with all operands but the first as initializers; `batch` puts an axis in front
/// of the first.
pub fn with_constants(case: &str, batch: bool) -> ModelProto {
    let bytes = fs::read(folder(case).join("model.onnx")).unwrap();
    let mut model = ModelProto::parse_buf(&bytes).unwrap();
    let graph = model.graph.as_mut().unwrap();
    for (index, input) in graph.input.split_off(1).into_iter().enumerate() {
        let mut tensor = Array::read(case, &format!("input_{}.pb", index + 1)).proto;
        tensor.name = input.name;
        graph.initializer.push(tensor);
    }
    if batch {
        let tensor_type = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut();
        let dims = &mut tensor_type.unwrap().shape.as_mut().unwrap().dim;
        dims.insert(
            0,
            Dimension {
                dim_value: Some(1),
                dim_param: None,
            },
        );
    }
    model
}
