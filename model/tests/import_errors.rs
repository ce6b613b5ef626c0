//! Files, structure and operators that are not imported, and that the message says where and why.

mod support;

use std::path::Path;

use rten_onnx::onnx::{AttributeProto, DataType, GraphProto};
use support::base::{FC, X, assert_kind, followed_by, q_gemm, qdq, read, refused, remove};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{QType, import, load};

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
    assert_kind!(refused(&onnx, &["no integer operator"]), Model);
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
    let onnx = followed_by("Einsum", &["y"]);
    let error = refused(
        &onnx,
        &["node `after` (Einsum)", "supported are", "QGemm", "Export"],
    );
    assert_kind!(error, Operator);
    let onnx = followed_by("my.domain:Relu", &["y"]);
    assert_kind!(refused(&onnx, &["node `after` (my.domain.Relu)"]), Operator);
    // A node without a name goes by its result.
    let mut onnx = followed_by("Einsum", &["y"]);
    onnx.graph.node[1].name = None;
    assert_kind!(refused(&onnx, &["node `z` (Einsum)"]), Operator);
    // Two results, too many operands, a float result, an Add of integers.
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
    let parts = ["node `after` (Add)", "must come from a DequantizeLinear"];
    assert_kind!(refused(&onnx, &parts), Operand);
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
        remove(&mut onnx, "w_scale");
        remove(&mut onnx, "w_zero_point");
        remove(&mut onnx, "c");
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

#[test]
fn flattening_must_not_join_the_batch() {
    let flatten = |axis: i64, dims: [i64; 2]| {
        let mut onnx = q_gemm();
        onnx.graph.input.clear();
        onnx.input("x", DataType::INT8, &[None, Some(dims[0]), Some(dims[1])]);
        onnx.graph.node[0].input[0] = "row".to_string();
        onnx.node("Flatten", "flat", &["x"], "row")
            .int("axis", axis);
        onnx
    };
    for (axis, dims) in [
        (2, [2, 3]),
        (-1, [2, 3]),
        (0, [1, 3]),
        (3, [1, 3]),
        (-4, [1, 3]),
    ] {
        let parts = ["node `flat` (Flatten)", "`axis`", "joins axes"];
        assert_kind!(refused(&flatten(axis, dims), &parts), Attribute);
    }
    for (axis, dims) in [(1, [1, 3]), (2, [1, 3]), (-1, [1, 3]), (-2, [3, 1])] {
        assert!(
            read(&flatten(axis, dims)).is_ok(),
            "axis {axis} of {dims:?}"
        );
    }
}
