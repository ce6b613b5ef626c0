//! Constants, types, scales and bounds that are not imported, and that the message says where.

mod support;

use std::cell::RefCell;

use rten_onnx::onnx::{DataLocation, DataType, StringStringEntryProto, TensorProto};
use support::base::{FC, Y, assert_kind, followed_by, q_gemm, qdq, read, refused, remove};
use winterforge_model::{QType, Quantization};

#[test]
fn operands() {
    let mut onnx = q_gemm();
    remove(&mut onnx, "w");
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
    remove(&mut onnx, "w_scale");
    onnx.floats("w_scale", &[3], &[1.0; 3]);
    assert_kind!(
        refused(&onnx, &[FC, "b_scale `w_scale`", "2 channels"]),
        Operand
    );
    let mut onnx = q_gemm();
    remove(&mut onnx, "c");
    onnx.int32s("c", &[2, 2], &[0; 4]);
    assert_kind!(
        refused(&onnx, &[FC, "C `c`", "differs between samples"]),
        Operand
    );
    let mut onnx = q_gemm();
    remove(&mut onnx, "x_scale");
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
fn types() {
    let unsigned = Quantization {
        qtype: QType::U8,
        zero_point: 1,
        ..Y
    };
    let mut onnx = q_gemm();
    remove(&mut onnx, "y_zero_point");
    remove(&mut onnx, "y_scale");
    onnx.quantization("y", unsigned);
    assert_kind!(refused(&onnx, &[FC, "int8 by int8 into uint8"]), Type);
    let mut onnx = q_gemm();
    remove(&mut onnx, "x_scale");
    onnx.raw("x_scale", DataType::FLOAT16, &[], vec![0, 0]);
    assert_kind!(refused(&onnx, &[FC, "FLOAT16", "must be FLOAT"]), Type);
    let mut onnx = q_gemm();
    remove(&mut onnx, "c");
    onnx.floats("c", &[2], &[0.0; 2]);
    assert_kind!(refused(&onnx, &[FC, "C `c`", "INT32"]), Type);
}

#[test]
fn scales_and_zero_points() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40, f32::MAX] {
        let mut onnx = q_gemm();
        remove(&mut onnx, "w_scale");
        onnx.floats("w_scale", &[2], &[1.0, scale]);
        assert_kind!(
            refused(&onnx, &[FC, "`w_scale`", "channel 1"]),
            Quantization
        );
        let mut onnx = q_gemm();
        remove(&mut onnx, "x_scale");
        onnx.floats("x_scale", &[], &[scale]);
        assert_kind!(refused(&onnx, &[FC, "`x_scale`"]), Quantization);
    }
    // Each scale is usable, their product is not.
    let mut onnx = q_gemm();
    remove(&mut onnx, "w_scale");
    remove(&mut onnx, "x_scale");
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
    remove(&mut onnx, "c_scale");
    onnx.floats("c_scale", &[2], &[0.125, 0.062_500_01]);
    let parts = ["node `dc` (DequantizeLinear)", "channel 1", "6.25e-2"];
    assert_kind!(refused(&onnx, &parts), Quantization);
}

#[test]
fn bounds_of_activations() {
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
    // The second channel's bias alone is within int32, the accumulator is not; with this scale,
    // outputs of 13 and 14 steps are within its reach.
    for (mut onnx, site) in [(q_gemm(), FC), (qdq(), "node `fc` (Gemm)")] {
        remove(&mut onnx, "c");
        remove(&mut onnx, "y_scale");
        onnx.int32s("c", &[2], &[0, i32::MAX])
            .floats("y_scale", &[], &[9_942_053.0]);
        let error = refused(&onnx, &[site, "channel 1", "beyond int32"]);
        assert_kind!(error, Exactness);
    }
    // s = 2^23 and larger: no right shift is left.
    let mut onnx = q_gemm();
    remove(&mut onnx, "y_scale");
    remove(&mut onnx, "w_scale");
    remove(&mut onnx, "c");
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
    remove(&mut onnx, "y_scale");
    remove(&mut onnx, "w_scale");
    onnx.floats("y_scale", &[], &[2f32.powi(-20)])
        .floats("w_scale", &[2], &[1e-3, 64.0]);
    remove(&mut onnx, "c");
    onnx.int32s("c", &[2], &[0, 1_000_000]);
    let graph = read(&onnx).unwrap();
    assert_eq!(graph.constant_output(0, 0), None);
    assert_eq!(graph.constant_output(0, 1), Some(127));
    // A factor so small that nothing is left, with an accumulator that may wrap around.
    let mut onnx = q_gemm();
    remove(&mut onnx, "w_scale");
    remove(&mut onnx, "c");
    onnx.floats("w_scale", &[2], &[0.25, 1e-20])
        .int32s("c", &[2], &[0, i32::MAX]);
    let graph = read(&onnx).unwrap();
    assert_eq!(graph.constant_output(0, 1), Some(-7));
}

/// Where constants are gathered, constants that are quantized from themselves go by one name; not so along another axis, nor with
/// attributes that say otherwise.
#[test]
fn seams_of_constants() {
    let seamed = |attribute: &str, value: i64| {
        let mut onnx = qdq();
        let names = ["wf", "w_scale", "w_zero_point"];
        onnx.int64s("i", &[], &[0])
            .node("Gather", "unused", &["w", "i"], "row")
            .node("QuantizeLinear", "again", &names, "w2")
            .int(attribute, value);
        let names = ["w2", "w_scale", "w_zero_point"];
        onnx.node("DequantizeLinear", "back", &names, "wg")
            .int("axis", 0);
        let uses = onnx.graph.node.iter_mut();
        let fc = uses.filter(|node| node.name.as_deref() == Some("fc"));
        fc.for_each(|node| node.input[1] = "wg".to_string());
        onnx
    };
    for (attribute, value) in [("axis", 1), ("axis", 0), ("output_dtype", 2)] {
        refused(&seamed(attribute, value), &["node `again`"]);
    }
}

/// Numbers that are gathered are stored once, and fit their type.
#[test]
fn gathered_numbers() {
    let gathered = |table: TensorProto| {
        let mut onnx = q_gemm();
        remove(&mut onnx, "w");
        onnx.graph.initializer.push(table);
        onnx.int64s("i", &[2], &[1, 0])
            .node("Gather", "rows", &["table", "i"], "w");
        onnx
    };
    let table = |raw: Option<Vec<u8>>, typed: Vec<i32>| TensorProto {
        name: Some("table".to_string()),
        dims: vec![2, 3],
        data_type: Some(DataType::INT8),
        raw_data: raw.map(RefCell::new),
        int32_data: typed,
        ..TensorProto::default()
    };
    let cells = [-4, 5, -6, 1, -2, 3];
    let raw = cells.map(|cell| cell as u8).to_vec();
    let id = read(&q_gemm()).unwrap().id();
    for table in [
        table(Some(raw.clone()), vec![]),
        table(None, cells.to_vec()),
    ] {
        assert_eq!(read(&gathered(table)).unwrap().id(), id);
    }
    for table in [
        table(Some(raw), cells.to_vec()),
        table(None, cells.map(|cell| cell + 256 * (cell & 1)).to_vec()),
        table(None, cells[1..].to_vec()),
    ] {
        assert_kind!(
            refused(&gathered(table), &["node `rows`", "`table`"]),
            Operand
        );
    }
}
