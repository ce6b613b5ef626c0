//! Every way in which an import fails, and that the message says where and what to do.

use std::path::Path;

use rten_onnx::onnx::{AttributeProto, DataLocation, DataType, GraphProto, StringStringEntryProto};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{Graph, ImportError, QType, Quantization, import, load};

const X: Quantization = Quantization {
    scale: 0.5,
    zero_point: 3,
    qtype: QType::I8,
};
const Y: Quantization = Quantization {
    scale: 4.0,
    zero_point: -7,
    qtype: QType::I8,
};

/// `x [N, 3] -> fc (QGemm) -> y [N, 2]`, int8 at both ends.
fn q_gemm() -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, &[None, Some(3)]);
    onnx.quantization("x", X).quantization("y", Y);
    onnx.bytes("w", QType::I8, &[2, 3], &[1, -2, 3, -4, 5, -6]);
    onnx.floats("w_scale", &[2], &[0.25, 0.125]);
    onnx.bytes("w_zero_point", QType::I8, &[2], &[0, 1]);
    onnx.int32s("c", &[2], &[100, -100]);
    let names = [
        "x",
        "x_scale",
        "x_zero_point",
        "w",
        "w_scale",
        "w_zero_point",
        "c",
        "y_scale",
        "y_zero_point",
    ];
    onnx.node("com.microsoft:QGemm", "fc", &names, "y")
        .int("transB", 1);
    onnx.output("y", DataType::INT8);
    onnx
}

/// The same in QDQ form: `x -> .. -> fc (Gemm) -> .. -> y`.
fn qdq() -> OnnxBuilder {
    let mut onnx = q_gemm();
    onnx.graph.node.clear();
    onnx.floats("c_scale", &[2], &[0.125, 0.0625]);
    onnx.node(
        "DequantizeLinear",
        "dx",
        &["x", "x_scale", "x_zero_point"],
        "xf",
    );
    onnx.node(
        "DequantizeLinear",
        "dw",
        &["w", "w_scale", "w_zero_point"],
        "wf",
    )
    .int("axis", 0);
    onnx.node("DequantizeLinear", "dc", &["c", "c_scale"], "cf")
        .int("axis", 0);
    onnx.node("Gemm", "fc", &["xf", "wf", "cf"], "yf")
        .int("transB", 1);
    onnx.node(
        "QuantizeLinear",
        "qy",
        &["yf", "y_scale", "y_zero_point"],
        "y",
    );
    onnx
}

/// Behind the layer, another node reads `y` and the model returns its result `z`.
fn followed_by(operator: &str, inputs: &[&str]) -> OnnxBuilder {
    let mut onnx = q_gemm();
    onnx.node(operator, "after", inputs, "z");
    onnx.graph.output[0].name = Some("z".to_string());
    onnx
}

fn read(onnx: &OnnxBuilder) -> Result<Graph, ImportError> {
    import(&onnx.build(), "net.onnx")
}

/// The message of a failed import, which must start with the file and contain `parts`.
#[track_caller]
fn refused(onnx: &OnnxBuilder, parts: &[&str]) -> ImportError {
    let error = read(onnx).expect_err("must be refused");
    let text = error.to_string();
    assert!(text.starts_with("net.onnx: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    error
}

macro_rules! assert_kind {
    ($error:expr, $kind:ident) => {
        let error = $error;
        assert!(matches!(error, ImportError::$kind { .. }), "{error:?}");
    };
}

fn replace(onnx: &mut OnnxBuilder, name: &str) {
    onnx.graph
        .initializer
        .retain(|tensor| tensor.name.as_deref() != Some(name));
}

const FC: &str = "node `fc` (com.microsoft.QGemm)";

#[test]
fn the_base_models_are_fine() {
    let (a, b) = (read(&q_gemm()).unwrap(), read(&qdq()).unwrap());
    assert_eq!(a.id(), b.id());
}

#[test]
fn unreadable_files() {
    let error = load(Path::new("/no/such/model.onnx")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/no/such/model.onnx: cannot be read"),
        "{error}"
    );
    assert_kind!(error, Read);
}

#[test]
fn files_that_are_no_models() {
    for bytes in [&b""[..], b"hello, world", &[0x3a, 0x7f], &[0x08, 0x08]] {
        let error = import(bytes, "net.onnx").unwrap_err();
        assert!(
            error.to_string().contains("not a readable ONNX model"),
            "{error}"
        );
        assert_kind!(error, Malformed);
    }
}

#[test]
fn model_wide_limits() {
    let mut onnx = q_gemm();
    onnx.input("x2", DataType::INT8, &[None, Some(3)]);
    assert_kind!(refused(&onnx, &["several inputs"]), Model);
    let mut onnx = q_gemm();
    onnx.output("x", DataType::INT8);
    assert_kind!(refused(&onnx, &["exactly one output"]), Model);
    let mut onnx = q_gemm();
    onnx.graph.input.clear();
    assert_kind!(refused(&onnx, &["no input"]), Model);
    let mut onnx = q_gemm();
    onnx.opset = 9;
    assert_kind!(refused(&onnx, &["version 9", "convert"]), Model);
    let mut onnx = q_gemm();
    onnx.graph.output[0].name = Some("nowhere".to_string());
    assert_kind!(refused(&onnx, &["`nowhere` is computed by no node"]), Model);
    let mut onnx = q_gemm();
    onnx.graph.output[0].name = Some("x".to_string());
    assert_kind!(refused(&onnx, &["no integer layer"]), Model);
    let mut onnx = qdq();
    onnx.graph.output[0].name = Some("yf".to_string());
    assert_kind!(refused(&onnx, &["`yf`", "not quantized yet"]), Model);
    let mut onnx = q_gemm();
    onnx.floats("x_scale", &[], &[0.5]);
    assert_kind!(
        refused(&onnx, &["initializer `x_scale` is defined twice"]),
        Model
    );
    for dims in [
        &[None, None][..],
        &[],
        &[None, Some(0)],
        &[None, Some(1 << 40)],
        &[None; 20],
    ] {
        let mut onnx = q_gemm();
        onnx.graph.input.clear();
        onnx.input("x", DataType::INT8, dims);
        assert_kind!(refused(&onnx, &["the input `x`"]), Model);
    }
    let mut onnx = q_gemm();
    onnx.graph.input.clear();
    onnx.input("x", DataType::DOUBLE, &[None, Some(3)]);
    assert_kind!(refused(&onnx, &["DOUBLE", "FLOAT, INT8 or UINT8"]), Model);
}

#[test]
fn unsupported_operators() {
    let onnx = followed_by("Softmax", &["y"]);
    let error = refused(
        &onnx,
        &["node `after` (Softmax)", "supported are", "QGemm", "Export"],
    );
    assert_kind!(error, Operator);
    let onnx = followed_by("my.domain:Relu", &["y"]);
    assert_kind!(refused(&onnx, &["node `after` (my.domain.Relu)"]), Operator);
    // A node without a name goes by its result.
    let mut onnx = followed_by("Softmax", &["y"]);
    onnx.graph.node[1].name = None;
    assert_kind!(refused(&onnx, &["node `z` (Softmax)"]), Operator);
    // Two results, too many operands, a float result, an Add that is no bias.
    let mut onnx = q_gemm();
    onnx.graph.node[0].output.push("second".to_string());
    assert_kind!(refused(&onnx, &[FC, "exactly one output"]), Operator);
    let mut onnx = q_gemm();
    onnx.graph.node[0].input.push("x".to_string());
    assert_kind!(refused(&onnx, &[FC, "10 operands"]), Operator);
    let mut onnx = q_gemm();
    onnx.graph.node[0].input.truncate(7);
    assert_kind!(refused(&onnx, &[FC, "float result"]), Operator);
    let onnx = followed_by("Add", &["y", "y"]);
    assert_kind!(refused(&onnx, &["node `after` (Add)", "bias"]), Operator);
}

#[test]
fn attributes() {
    let mut onnx = q_gemm();
    onnx.int("transA", 1);
    assert_kind!(
        refused(&onnx, &[FC, "`transA`", "only 0 is supported"]),
        Attribute
    );
    let mut onnx = q_gemm();
    onnx.int("novel", 1);
    assert_kind!(refused(&onnx, &[FC, "`novel`", "known are"]), Attribute);
    let mut onnx = q_gemm();
    onnx.int("transB", 1);
    assert_kind!(refused(&onnx, &[FC, "`transB`", "twice"]), Attribute);
    let mut onnx = q_gemm();
    onnx.int("alpha", 1);
    assert_kind!(
        refused(&onnx, &[FC, "`alpha`", "must be a float"]),
        Attribute
    );
    let mut onnx = q_gemm();
    onnx.int("transA", 2);
    assert_kind!(refused(&onnx, &[FC, "`transA`", "0 or 1"]), Attribute);
    for alpha in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
        let mut onnx = q_gemm();
        onnx.float("alpha", alpha);
        assert_kind!(refused(&onnx, &[FC, "`alpha`", "positive"]), Attribute);
    }
    let mut onnx = qdq();
    onnx.graph.node[1].attribute[0].i = Some(1);
    assert_kind!(
        refused(&onnx, &["node `dw` (DequantizeLinear)", "`axis`", "axis 0"]),
        Attribute
    );
    let mut onnx = qdq();
    onnx.int("output_dtype", i64::from(DataType::UINT8.0));
    assert_kind!(
        refused(&onnx, &["node `qy`", "`output_dtype`", "INT8"]),
        Attribute
    );
    let mut onnx = q_gemm();
    onnx.graph.node[0].attribute.push(AttributeProto {
        name: Some("body".to_string()),
        g: Some(GraphProto::default()),
        ..AttributeProto::default()
    });
    assert_kind!(
        refused(&onnx, &["node `fc`", "`body`", "subgraphs"]),
        Attribute
    );
    let onnx = {
        let mut onnx = followed_by("Flatten", &["y"]);
        onnx.int("axis", 0);
        onnx
    };
    assert_kind!(
        refused(&onnx, &["node `after` (Flatten)", "`axis`", "batch"]),
        Attribute
    );
}

#[test]
fn operands() {
    let mut onnx = q_gemm();
    replace(&mut onnx, "w");
    assert_kind!(
        refused(&onnx, &[FC, "`w`", "neither the input nor an initializer"]),
        Operand
    );
    let mut onnx = q_gemm();
    onnx.graph.node[0].input[3] = String::new();
    assert_kind!(refused(&onnx, &[FC, "B", "operand 3 is missing"]), Operand);
    let mut onnx = q_gemm();
    onnx.graph.node[0].input[3] = "x".to_string();
    assert_kind!(
        refused(&onnx, &[FC, "B `x`", "must be a constant"]),
        Operand
    );
    let mut onnx = q_gemm();
    onnx.graph.node[0].input[0] = "w".to_string();
    assert_kind!(refused(&onnx, &[FC, "A `w`", "is a constant"]), Operand);
    // Data of the wrong length, dims that overflow, data elsewhere.
    for dims in [
        vec![1 << 40, 1 << 40],
        vec![-1, 3],
        vec![0, 3],
        vec![2],
        vec![1, 2, 3],
    ] {
        let mut onnx = q_gemm();
        onnx.graph.initializer[4].dims = dims;
        assert_kind!(refused(&onnx, &[FC, "B `w`"]), Operand);
    }
    let mut onnx = q_gemm();
    onnx.graph.initializer[4]
        .raw_data
        .as_mut()
        .unwrap()
        .get_mut()
        .pop();
    assert_kind!(
        refused(&onnx, &[FC, "B `w`", "holds 5 numbers", "[2, 3] takes 6"]),
        Operand
    );
    let mut onnx = q_gemm();
    onnx.graph.initializer[4].data_location = Some(DataLocation::EXTERNAL);
    onnx.graph.initializer[4]
        .external_data
        .push(StringStringEntryProto::default());
    assert_kind!(refused(&onnx, &[FC, "B `w`", "another file"]), Operand);
    let mut onnx = q_gemm();
    onnx.graph.initializer[4].raw_data = None;
    onnx.graph.initializer[4].int32_data = vec![1, 2, 3, 4, 5, 128];
    assert_kind!(
        refused(&onnx, &[FC, "B `w`", "outside of its type"]),
        Operand
    );
    // Scales for another number of channels, a bias for several samples.
    let mut onnx = q_gemm();
    replace(&mut onnx, "w_scale");
    onnx.floats("w_scale", &[3], &[1.0; 3]);
    assert_kind!(
        refused(&onnx, &[FC, "b_scale `w_scale`", "2 channels"]),
        Operand
    );
    let mut onnx = q_gemm();
    replace(&mut onnx, "c");
    onnx.int32s("c", &[2, 2], &[0; 4]);
    assert_kind!(
        refused(&onnx, &[FC, "C `c`", "differs between samples"]),
        Operand
    );
    let mut onnx = q_gemm();
    replace(&mut onnx, "x_scale");
    onnx.floats("x_scale", &[3], &[1.0; 3]);
    assert_kind!(
        refused(&onnx, &[FC, "a_scale `x_scale`", "per tensor"]),
        Operand
    );
    // QDQ: float weights, a float bias, an operand that is not dequantized.
    let mut onnx = qdq();
    onnx.floats("float_w", &[2, 3], &[0.0; 6]).graph.node[3].input[1] = "float_w".to_string();
    assert_kind!(
        refused(
            &onnx,
            &["node `fc` (Gemm)", "B `float_w`", "float constant"]
        ),
        Operand
    );
    let mut onnx = qdq();
    onnx.graph.node[3].input[0] = "x".to_string();
    assert_kind!(
        refused(&onnx, &["node `fc` (Gemm)", "A `x`", "DequantizeLinear"]),
        Operand
    );
}

#[test]
fn wiring() {
    let mut onnx = q_gemm();
    onnx.node("Identity", "again", &["x"], "y");
    assert_kind!(
        refused(
            &onnx,
            &["node `again` (Identity)", "`y`", "already defined"]
        ),
        Wiring
    );
    let mut onnx = q_gemm();
    onnx.node("Identity", "again", &["y"], "w");
    assert_kind!(
        refused(&onnx, &["node `again`", "`w`", "already defined"]),
        Wiring
    );
    let mut onnx = q_gemm();
    onnx.graph.node[0].input[0] = "z".to_string();
    onnx.node("Identity", "back", &["y"], "z");
    assert_kind!(refused(&onnx, &[FC, "cycle"]), Wiring);
}

#[test]
fn shapes() {
    let mut onnx = q_gemm();
    onnx.graph.input.clear();
    onnx.input("x", DataType::INT8, &[None, Some(4)]);
    assert_kind!(refused(&onnx, &[FC, "4", "3"]), Shape);
    let mut onnx = q_gemm();
    onnx.graph.input.clear();
    onnx.input("x", DataType::INT8, &[None, Some(2), Some(3)]);
    assert_kind!(refused(&onnx, &[FC, "rank 3", "QLinearMatMul"]), Shape);
    for shape in [
        &[2, -1][..],
        &[-1],
        &[-1, -1],
        &[0, 3],
        &[],
        &[0, -2],
        &[0, 0, 0],
        &[0, 1 << 40],
    ] {
        let mut onnx = followed_by("Reshape", &["y", "shape"]);
        onnx.int64s("shape", &[shape.len() as i64], shape);
        assert_kind!(
            refused(&onnx, &["node `after` (Reshape)", "cannot reshape"]),
            Shape
        );
    }
}

#[test]
fn types() {
    let unsigned = Quantization {
        qtype: QType::U8,
        zero_point: 1,
        ..Y
    };
    let mut onnx = q_gemm();
    replace(&mut onnx, "y_zero_point");
    replace(&mut onnx, "y_scale");
    onnx.quantization("y", unsigned);
    assert_kind!(
        refused(&onnx, &[FC, "int8 by int8 weights into uint8"]),
        Type
    );
    let mut onnx = q_gemm();
    replace(&mut onnx, "x_scale");
    onnx.raw("x_scale", DataType::FLOAT16, &[], vec![0, 0]);
    assert_kind!(refused(&onnx, &[FC, "FLOAT16", "must be FLOAT"]), Type);
    let mut onnx = q_gemm();
    replace(&mut onnx, "c");
    onnx.floats("c", &[2], &[0.0; 2]);
    assert_kind!(refused(&onnx, &[FC, "C `c`", "INT32"]), Type);
}

#[test]
fn scales_and_zero_points() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40, f32::MAX] {
        let mut onnx = q_gemm();
        replace(&mut onnx, "w_scale");
        onnx.floats("w_scale", &[2], &[1.0, scale]);
        assert_kind!(
            refused(&onnx, &[FC, "`w_scale`", "channel 1"]),
            Quantization
        );
        let mut onnx = q_gemm();
        replace(&mut onnx, "x_scale");
        onnx.floats("x_scale", &[], &[scale]);
        assert_kind!(refused(&onnx, &[FC, "`x_scale`"]), Quantization);
    }
    // Each scale is usable, their product is not.
    let mut onnx = q_gemm();
    replace(&mut onnx, "w_scale");
    replace(&mut onnx, "x_scale");
    onnx.floats("w_scale", &[], &[1e-20])
        .floats("x_scale", &[], &[1e-20]);
    assert_kind!(
        refused(&onnx, &[FC, "channel 0", "normal range"]),
        Quantization
    );
    // Producer and consumer disagree.
    let mut onnx = followed_by("DequantizeLinear", &["y", "x_scale", "x_zero_point"]);
    onnx.graph.output[0].name = Some("z".to_string());
    let parts = [
        "node `after` (DequantizeLinear)",
        "tensor `y`",
        "4e0",
        "5e-1",
    ];
    assert_kind!(refused(&onnx, &parts), Quantization);
    // The bias has another scale than the accumulator.
    let mut onnx = qdq();
    replace(&mut onnx, "c_scale");
    onnx.floats("c_scale", &[2], &[0.125, 0.062_500_01]);
    let parts = ["node `dc` (DequantizeLinear)", "channel 1", "6.25e-2"];
    assert_kind!(refused(&onnx, &parts), Quantization);
}

#[test]
fn activations_that_do_not_fuse() {
    // Somebody else reads the unclamped result, directly or under another name.
    for inner in ["y", "alias"] {
        let mut onnx = q_gemm();
        onnx.node("Identity", "alias_node", &["y"], "alias");
        onnx.node("Relu", "act", &[inner], "r");
        onnx.node(
            "DequantizeLinear",
            "end",
            &["r", "y_scale", "y_zero_point"],
            "z",
        );
        onnx.graph.output[0].name = Some("z".to_string());
        assert_kind!(
            refused(&onnx, &["node `act` (Relu)", "directly follow"]),
            Fusion
        );
    }
    let mut onnx = q_gemm();
    onnx.node("Relu", "act", &["y"], "r");
    assert_kind!(
        refused(&onnx, &["node `act` (Relu)", "nothing else uses"]),
        Fusion
    );
    let mut onnx = q_gemm();
    onnx.graph.node[0].input[0] = "r".to_string();
    onnx.node("Relu", "act", &["x"], "r");
    assert_kind!(
        refused(&onnx, &["node `act` (Relu)", "directly follow"]),
        Fusion
    );
    let mut onnx = followed_by("Clip", &["y", "low", "high"]);
    onnx.bytes("low", QType::I8, &[], &[5])
        .bytes("high", QType::I8, &[], &[4]);
    assert_kind!(
        refused(&onnx, &["node `after` (Clip)", "min <= max"]),
        Fusion
    );
}

#[test]
fn inexact_channels() {
    // The second channel's bias alone is within int32, the accumulator is not.
    let mut onnx = q_gemm();
    replace(&mut onnx, "c");
    replace(&mut onnx, "y_scale");
    onnx.int32s("c", &[2], &[0, i32::MAX])
        .floats("y_scale", &[], &[1e7]);
    let error = refused(&onnx, &[FC, "channel 1", "beyond int32"]);
    assert_kind!(error, Exactness);
    // s = 2^23 and larger: no right shift is left.
    let mut onnx = q_gemm();
    replace(&mut onnx, "y_scale");
    replace(&mut onnx, "w_scale");
    replace(&mut onnx, "c");
    onnx.int32s("c", &[2], &[0, 0]);
    onnx.floats("y_scale", &[], &[2f32.powi(-20)])
        .floats("w_scale", &[2], &[1e-3, 64.0]);
    assert_kind!(
        refused(&onnx, &[FC, "channel 1", "about 2^25", "output scale"]),
        Exactness
    );
}

#[test]
fn constant_channels_are_exempt() {
    // As above, but the bias saturates every output of the channel.
    let mut onnx = q_gemm();
    replace(&mut onnx, "y_scale");
    replace(&mut onnx, "w_scale");
    onnx.floats("y_scale", &[], &[2f32.powi(-20)])
        .floats("w_scale", &[2], &[1e-3, 64.0]);
    replace(&mut onnx, "c");
    onnx.int32s("c", &[2], &[0, 1_000_000]);
    let graph = read(&onnx).unwrap();
    assert_eq!(graph.constant_output(0, 0), None);
    assert_eq!(graph.constant_output(0, 1), Some(127));
    // A factor so small that nothing is left, with an accumulator that may wrap around.
    let mut onnx = q_gemm();
    replace(&mut onnx, "w_scale");
    replace(&mut onnx, "c");
    onnx.floats("w_scale", &[2], &[0.25, 1e-20])
        .int32s("c", &[2], &[0, i32::MAX]);
    let graph = read(&onnx).unwrap();
    assert_eq!(graph.constant_output(0, 1), Some(-7));
}

#[test]
fn expanding_files() {
    // One matrix, referred to by more layers than the file could hold matrices for.
    let mut onnx = q_gemm();
    onnx.bytes("big", QType::I8, &[300, 300], &[0; 90_000]);
    onnx.graph.input.clear();
    onnx.input("x", DataType::INT8, &[None, Some(300)]);
    onnx.graph.node.clear();
    let mut from = "x".to_string();
    for layer in 0..200 {
        let to = format!("y{layer}");
        let names = [
            &from,
            "x_scale",
            "x_zero_point",
            "big",
            "x_scale",
            "x_zero_point",
        ];
        let names = [&names[..], &["x_scale", "x_zero_point"]].concat();
        onnx.node("QLinearMatMul", &format!("n{layer}"), &names, &to);
        from = to;
    }
    onnx.graph.output[0].name = Some(from);
    assert_kind!(
        refused(&onnx, &["(QLinearMatMul)", "share fewer initializers"]),
        TooLarge
    );
    // Positions make the result large, not the weights.
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, &[None, Some(1 << 24), Some(1)]);
    onnx.quantization("x", X)
        .bytes("w", QType::I8, &[1, 64], &[0; 64]);
    let names = [
        "x",
        "x_scale",
        "x_zero_point",
        "w",
        "x_scale",
        "x_zero_point",
    ];
    let names = [&names[..], &["x_scale", "x_zero_point"]].concat();
    onnx.node("QLinearMatMul", "wide", &names, "y")
        .output("y", DataType::INT8);
    assert_kind!(
        refused(&onnx, &["node `wide` (QLinearMatMul)", "limit"]),
        TooLarge
    );
}

#[test]
fn claimed_channels_are_not_allocated() {
    for dims in [vec![1 << 40, 3], vec![1 << 50, 1]] {
        let mut onnx = q_gemm();
        onnx.graph.initializer[4].dims = dims;
        replace(&mut onnx, "w_scale");
        replace(&mut onnx, "w_zero_point");
        replace(&mut onnx, "c");
        onnx.floats("w_scale", &[], &[1.0])
            .bytes("w_zero_point", QType::I8, &[], &[0]);
        onnx.int32s("c", &[], &[1]);
        assert_kind!(refused(&onnx, &[FC, "B `w`", "holds 6 numbers"]), Operand);
    }
}

#[test]
fn hostile_names_are_cut_and_escaped() {
    let mut onnx = q_gemm();
    onnx.graph.node[0].op_type = Some("\u{1b}[31m".repeat(1000));
    let text = read(&onnx).unwrap_err().to_string();
    assert!(text.len() < 1000 && !text.contains('\u{1b}'), "{text}");
}
