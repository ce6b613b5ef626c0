//! Files that ONNX Runtime reads in another way than one might think, or not at all: two readings of the same bytes would be two models.

mod support;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, ModelProto, NodeProto, TensorProto,
};
use support::base::{assert_kind, q_gemm, qdq, read, refused};
use support::image::image;
use winterforge_model::import;
use winterforge_model::testing::OnnxBuilder;

fn node<'o>(onnx: &'o mut OnnxBuilder, name: &str) -> &'o mut NodeProto {
    let mut nodes = onnx.graph.node.iter_mut();
    nodes
        .find(|node| node.name.as_deref() == Some(name))
        .unwrap()
}

/// What the type of an attribute does not name is not its value.
#[test]
fn constants_are_what_their_type_says() {
    let layer = |r#type: Option<AttributeType>, gathers: bool| {
        let mut onnx = q_gemm();
        let mut initializers = onnx.graph.initializer.iter();
        let place = initializers.position(|tensor| tensor.name.as_deref() == Some("y_scale"));
        let scale = onnx.graph.initializer.remove(place.unwrap());
        onnx.node("Constant", "k", &[], "y_scale").graph.node[1]
            .attribute
            .push(AttributeProto {
                name: Some("value".to_string()),
                t: Some(TensorProto {
                    name: None,
                    ..scale
                }),
                f: Some(0.25),
                r#type,
                ..AttributeProto::default()
            });
        if gathers {
            onnx.int64s("i", &[], &[0]);
            onnx.node("Gather", "row", &["y_scale", "i"], "unused");
        }
        onnx
    };
    let tensor = Some(AttributeType::TENSOR);
    assert_eq!(
        read(&layer(tensor, false)).unwrap().id(),
        read(&q_gemm()).unwrap().id()
    );
    for gathers in [false, true] {
        for other in [Some(AttributeType::FLOAT), Some(AttributeType::INTS), None] {
            let error = refused(&layer(other, gathers), &["node `k`", "`value`"]);
            assert_kind!(error, Attribute);
        }
    }
}

/// Quantized from themselves, integers come back only where the scale is one that conversions are exact with.
#[test]
fn seams_of_constants_need_a_usable_scale() {
    let seamed = |scale: f32| {
        let mut onnx = qdq();
        onnx.floats("s", &[], &[scale]);
        onnx.bytes("s_zero_point", winterforge_model::QType::I8, &[], &[0]);
        onnx.int64s("i", &[], &[0]);
        node(&mut onnx, "dw").input[1..].clone_from_slice(&["s".into(), "s_zero_point".into()]);
        onnx.node("Gather", "unused", &["w", "i"], "row").node(
            "QuantizeLinear",
            "again",
            &["wf", "s", "s_zero_point"],
            "w2",
        );
        onnx.node(
            "DequantizeLinear",
            "back",
            &["w2", "w_scale", "w_zero_point"],
            "wg",
        )
        .int("axis", 0);
        node(&mut onnx, "fc").input[1] = "wg".to_string();
        onnx
    };
    let id = read(&qdq()).unwrap().id();
    assert_eq!(read(&seamed(0.3)).unwrap().id(), id);
    for scale in [3e38, f32::INFINITY, f32::NAN, 0.0, -1.0, 1e-40] {
        refused(&seamed(scale), &["node `again`"]);
    }
}

/// What is folded away is held to the rules of nodes that stay.
#[test]
fn attributes_of_what_is_gathered_come_once() {
    let gathered = |axes: &[i64]| {
        let mut onnx = q_gemm();
        support::base::remove(&mut onnx, "w");
        onnx.bytes(
            "t",
            winterforge_model::QType::I8,
            &[2, 3],
            &[-4, 5, -6, 1, -2, 3],
        );
        onnx.int64s("i", &[2], &[1, 0])
            .node("Gather", "rows", &["t", "i"], "w");
        for &axis in axes {
            onnx.int("axis", axis);
        }
        onnx
    };
    let id = read(&q_gemm()).unwrap().id();
    assert_eq!(read(&gathered(&[0])).unwrap().id(), id);
    refused(&gathered(&[0, 0]), &["node `rows`"]);
    refused(&gathered(&[0, 1]), &["node `rows`"]);
}

/// The importer's own names do not take an input's place.
#[test]
fn an_input_by_an_invented_name() {
    let mut onnx = qdq();
    onnx.input("e of integers", DataType::INT8, &[None, Some(3)]);
    onnx.int64s("i", &[1], &[0]);
    let names = ["w", "x_scale", "x_zero_point"];
    onnx.node("DequantizeLinear", "table", &names, "tf")
        .node("Gather", "rows", &["tf", "i"], "e");
    refused(&onnx, &["several inputs"]);
}

/// `size` and `name` of an axis exclude each other.
#[test]
fn an_axis_with_both_a_size_and_a_name() {
    let mut onnx = q_gemm();
    let r#type = onnx.graph.input[0].r#type.as_mut().unwrap();
    let shape = r#type.tensor_type.as_mut().unwrap().shape.as_mut().unwrap();
    shape.dim[0].dim_value = Some(1);
    assert_kind!(refused(&onnx, &["both a size and a name"]), Model);
}

#[test]
fn a_file_without_the_standard_operators() {
    let model = ModelProto {
        ir_version: Some(10),
        graph: Some(q_gemm().graph),
        ..ModelProto::default()
    };
    let error = import(&model.write_buf().unwrap(), "net.onnx").unwrap_err();
    assert!(
        error.to_string().contains("standard operator set"),
        "{error}"
    );
}

/// A file cannot say which result of a `Split` a node is.
#[test]
fn the_importers_own_attributes() {
    let mut onnx = image("Split", &["x"]);
    onnx.ints("result of", &[1, 2]);
    assert_kind!(refused(&onnx, &["node `at`", "result of"]), Attribute);
}

/// Behind a division the sign of a zero shows.
#[test]
fn a_negative_zero_is_no_zero() {
    let padded = |value: f32| {
        let mut onnx = image("DequantizeLinear", &["x", "x_scale", "x_zero_point"]);
        onnx.graph.node[0].output[0] = "xf".to_string();
        onnx.int64s("p", &[8], &[0, 0, 1, 0, 0, 0, 0, 0])
            .floats("v", &[], &[value]);
        onnx.node("Pad", "pad", &["xf", "p", "v"], "pf").node(
            "QuantizeLinear",
            "q",
            &["pf", "x_scale", "x_zero_point"],
            "y",
        );
        onnx
    };
    read(&padded(0.0)).unwrap();
    refused(&padded(-0.0), &["node `pad`", "constant_value"]);
}

/// ONNX Runtime does not look at the shape of a convolution's bias, and reads behind it.
#[test]
fn a_bias_has_a_number_for_each_channel() {
    let convolution = |dims: &[i64], bias: &[i32]| {
        let mut onnx = image("DequantizeLinear", &["x", "x_scale", "x_zero_point"]);
        onnx.graph.node[0].output[0] = "xf".to_string();
        onnx.int32s("bias", dims, bias)
            .floats("b_scale", &[], &[0.25]);
        let names = ["w", "w_scale", "w_zero_point"];
        onnx.node("DequantizeLinear", "dw", &names, "wf")
            .node("DequantizeLinear", "db", &["bias", "b_scale"], "bf")
            .node("Conv", "conv", &["xf", "wf", "bf"], "yf")
            .node(
                "QuantizeLinear",
                "q",
                &["yf", "y_scale", "y_zero_point"],
                "y",
            );
        onnx
    };
    read(&convolution(&[2], &[7, 8])).unwrap();
    for dims in [&[][..], &[1], &[1, 1]] {
        refused(&convolution(dims, &[7]), &["`bias`", "must have shape [2]"]);
    }
    refused(
        &convolution(&[1, 2], &[7, 8]),
        &["`bias`", "must have shape [2]"],
    );
}
