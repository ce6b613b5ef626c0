//! Convolutions, pools, sums and movements that are not imported, and that the message says where.

mod support;

use rten_onnx::onnx::DataType;
use support::base::{Y, assert_kind, read, refused, remove};
use support::image::{CONV, POOL, SUM, image};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{QType, Quantization};

const AT_CONV: &str = "node `at` (QLinearConv)";

fn conv() -> OnnxBuilder {
    image("QLinearConv", &CONV)
}

#[test]
fn the_plain_nodes_are_fine() {
    read(&conv()).unwrap();
    let mut onnx = image("com.microsoft:QLinearAdd", &SUM);
    onnx.bytes("c", QType::I8, &[5, 1], &[1, 2, 3, 4, 5]);
    read(&onnx).unwrap();
    let mut onnx = image("com.microsoft:QLinearAveragePool", &POOL);
    onnx.ints("kernel_shape", &[2, 2]);
    read(&onnx).unwrap();
}

#[test]
fn windows() {
    for (name, values, part) in [
        ("strides", &[1][..], "2 numbers of at least 1"),
        ("strides", &[1, 0], "at least 1"),
        ("strides", &[1, 1 << 40], "at least 1"),
        ("dilations", &[1, -1], "at least 1"),
        ("pads", &[1, 1], "4 numbers of at least 0"),
        ("pads", &[0, 0, 0, -1], "at least 0"),
        ("kernel_shape", &[2, 3], "the weights are [3, 3]"),
    ] {
        let mut onnx = conv();
        onnx.ints(name, values);
        let name = format!("attribute `{name}`");
        assert_kind!(refused(&onnx, &[AT_CONV, &name, part]), Attribute);
    }
    let mut onnx = conv();
    onnx.ints("dilations", &[3, 1]);
    assert_kind!(
        refused(&onnx, &[AT_CONV, "larger than the padded image"]),
        Shape
    );
    let mut onnx = conv();
    onnx.string("auto_pad", "SAME");
    assert_kind!(
        refused(&onnx, &[AT_CONV, "`auto_pad`", "SAME_UPPER"]),
        Attribute
    );
    let mut onnx = conv();
    onnx.string("auto_pad", "VALID").ints("pads", &[1; 4]);
    assert_kind!(refused(&onnx, &[AT_CONV, "contradicts pads"]), Attribute);
    let mut onnx = conv();
    onnx.int("pads", 1);
    assert_kind!(
        refused(&onnx, &[AT_CONV, "`pads`", "list of integers"]),
        Attribute
    );
}

#[test]
fn convolutions() {
    for groups in [0, -1, 2, 4, i64::MAX] {
        let mut onnx = conv();
        onnx.int("group", groups);
        assert_kind!(
            refused(&onnx, &[AT_CONV, "groups of 4 input channels"]),
            Shape
        );
    }
    for dims in [
        &[72][..],
        &[2, 4, 9],
        &[2, 36, 1, 1, 1],
        &[0, 4, 3, 3],
        &[2, 4, -3, -3],
    ] {
        let mut onnx = conv();
        remove(&mut onnx, "w");
        onnx.bytes("w", QType::I8, dims, &[1; 72]).graph.node[0]
            .input
            .pop();
        assert_kind!(refused(&onnx, &[AT_CONV, "w `w`"]), Operand);
    }
    let mut onnx = conv();
    remove(&mut onnx, "w_scale");
    remove(&mut onnx, "w_zero_point");
    onnx.floats("w_scale", &[2], &[0.5; 2])
        .bytes("w_zero_point", QType::I8, &[2], &[0, 1]);
    let parts = [AT_CONV, "channel 1", "one for all channels"];
    assert_kind!(refused(&onnx, &parts), Quantization);
    let mut onnx = conv();
    remove(&mut onnx, "b");
    onnx.int32s("b", &[1], &[1]);
    assert_kind!(refused(&onnx, &[AT_CONV, "B `b`", "[2]"]), Operand);
    let mut onnx = conv();
    remove(&mut onnx, "w");
    remove(&mut onnx, "w_zero_point");
    onnx.bytes("w", QType::U8, &[2, 4, 3, 3], &[1; 72])
        .bytes("w_zero_point", QType::U8, &[], &[0]);
    assert_kind!(refused(&onnx, &[AT_CONV, "int8 by uint8"]), Type);
    // A three-dimensional image.
    let mut onnx = conv();
    onnx.graph.input.clear();
    onnx.input(
        "x",
        DataType::INT8,
        &[None, Some(4), Some(5), Some(6), Some(7)],
    );
    assert_kind!(refused(&onnx, &[AT_CONV, "channels, height, width"]), Shape);
}

#[test]
fn channels_that_are_not_exact() {
    let mut onnx = conv();
    remove(&mut onnx, "y_scale");
    onnx.floats("y_scale", &[], &[2f32.powi(-30)]);
    let parts = [AT_CONV, "channel 0", "about 2^28", "output scale"];
    assert_kind!(refused(&onnx, &parts), Exactness);
    // Sums from just below int32 to above, over which two outputs are in reach.
    let mut onnx = conv();
    remove(&mut onnx, "b");
    remove(&mut onnx, "y_scale");
    onnx.int32s("b", &[2], &[0, i32::MAX]);
    onnx.floats("y_scale", &[], &[0.25 * 2f32.powi(31) / 13.500_001]);
    assert_kind!(
        refused(&onnx, &[AT_CONV, "channel 1", "beyond int32"]),
        Exactness
    );
}

#[test]
fn pools() {
    let average = "node `at` (com.microsoft.QLinearAveragePool)";
    let pool = |values: &[i64]| {
        let mut onnx = image("com.microsoft:QLinearAveragePool", &POOL);
        onnx.ints("kernel_shape", values);
        onnx
    };
    let onnx = image("com.microsoft:QLinearAveragePool", &POOL);
    assert_kind!(
        refused(&onnx, &[average, "`kernel_shape`", "missing"]),
        Attribute
    );
    let mut onnx = pool(&[2, 2]);
    onnx.ints("dilations", &[2, 2]);
    assert_kind!(
        refused(&onnx, &[average, "`dilations`", "only 1"]),
        Attribute
    );
    let mut onnx = pool(&[2, 2]);
    onnx.ints("pads", &[0, 2, 0, 0]);
    assert_kind!(
        refused(&onnx, &[average, "`pads`", "smaller than the kernel"]),
        Attribute
    );
    let mut onnx = pool(&[2, 2]);
    onnx.int("channels_last", 1);
    assert_kind!(refused(&onnx, &[average, "`channels_last`"]), Attribute);
    let mut onnx = pool(&[2, 2]);
    onnx.ints("strides", &[2, 2])
        .int("ceil_mode", 1)
        .int("count_include_pad", 1);
    assert_kind!(
        refused(&onnx, &[average, "`ceil_mode`", "larger pads"]),
        Attribute
    );
    let mut onnx = pool(&[1, 1]);
    onnx.ints("strides", &[3, 3])
        .string("auto_pad", "SAME_UPPER");
    assert_kind!(
        refused(&onnx, &[average, "`auto_pad`", "write pads"]),
        Attribute
    );
    // A scale of one element is not what ONNX Runtime takes here.
    let mut onnx = pool(&[2, 2]);
    remove(&mut onnx, "x_scale");
    onnx.floats("x_scale", &[1], &[0.5]);
    assert_kind!(refused(&onnx, &[average, "x_scale", "rank 0"]), Operand);
    let mut onnx = pool(&[2, 2]);
    remove(&mut onnx, "y_scale");
    onnx.floats("y_scale", &[], &[1e-8]);
    assert_kind!(
        refused(&onnx, &[average, "leave int32", "larger output scale"]),
        Quantization
    );
    // Both taps of a window lie beside the image.
    let mut onnx = image("MaxPool", &["x"]);
    onnx.ints("kernel_shape", &[2, 2])
        .ints("dilations", &[6, 1])
        .ints("pads", &[1, 0, 1, 0]);
    assert_kind!(
        refused(&onnx, &["node `at` (MaxPool)", "padding entirely"]),
        Shape
    );
    let global = "node `at` (com.microsoft.QLinearGlobalAveragePool)";
    for scale in [1e-9, 1e12] {
        let mut onnx = image("com.microsoft:QLinearGlobalAveragePool", &POOL);
        remove(&mut onnx, "y_scale");
        onnx.floats("y_scale", &[], &[scale]);
        assert_kind!(refused(&onnx, &[global, "2^-32", "nearer"]), Quantization);
    }
}

#[test]
fn sums() {
    let at = "node `at` (com.microsoft.QLinearAdd)";
    for dims in [&[6, 1][..], &[2, 4, 5, 6], &[1, 1, 1, 1, 1], &[7], &[1, 0]] {
        let mut onnx = image("com.microsoft:QLinearAdd", &SUM);
        let cells = dims.iter().product::<i64>() as usize;
        onnx.bytes("c", QType::I8, dims, &vec![1; cells]);
        refused(&onnx, &[at]);
    }
    let mut onnx = image("com.microsoft:QLinearAdd", &SUM);
    onnx.bytes("c", QType::U8, &[], &[1]);
    assert_kind!(refused(&onnx, &[at, "B `c`", "uint8", "int8"]), Operand);
    let mut both = SUM;
    (both[0], both[1], both[2]) = ("c", "y_scale", "y_zero_point");
    let mut onnx = image("com.microsoft:QLinearAdd", &both);
    onnx.bytes("c", QType::I8, &[], &[1]);
    assert_kind!(
        refused(&onnx, &[at, "both operands are constants"]),
        Operator
    );
    let mut absent = SUM;
    absent[2] = "";
    let mut onnx = image("com.microsoft:QLinearAdd", &absent);
    onnx.bytes("c", QType::I8, &[], &[1]);
    assert_kind!(refused(&onnx, &[at, "A_zero_point", "missing"]), Operand);
    let product = "node `at` (com.microsoft.QLinearMul)";
    let mut large = SUM;
    (large[4], large[5]) = ("c_scale", "c_zero_point");
    let mut onnx = image("com.microsoft:QLinearMul", &large);
    onnx.quantization("c", Quantization { scale: 1e9, ..Y });
    onnx.bytes("c", QType::I8, &[], &[1]);
    assert_kind!(refused(&onnx, &[product, "leave int32"]), Quantization);
    // Another type of result.
    let mut typed = SUM;
    (typed[6], typed[7]) = ("u_scale", "u_zero_point");
    let mut onnx = image("com.microsoft:QLinearAdd", &typed);
    onnx.quantization(
        "u",
        Quantization {
            qtype: QType::U8,
            zero_point: 0,
            ..Y
        },
    );
    onnx.bytes("c", QType::I8, &[], &[1]);
    assert_kind!(refused(&onnx, &[at, "into uint8", "one type"]), Type);
}

#[test]
fn movements() {
    for perm in [&[0, 1, 2][..], &[0, 1, 1, 3], &[0, 1, 2, 4], &[0, -1, 2, 3]] {
        let mut onnx = image("Transpose", &["x"]);
        onnx.ints("perm", perm);
        assert_kind!(
            refused(&onnx, &["node `at` (Transpose)", "`perm`"]),
            Attribute
        );
    }
    // The batch may move, but has to come back.
    let onnx = image("Transpose", &["x"]);
    let parts = ["the output `y`", "whose axis 0 is not the batch"];
    assert_kind!(refused(&onnx, &parts), Model);
    let mut onnx = image("Transpose", &["x"]);
    onnx.graph.node[0].output[0] = "t".to_string();
    onnx.node("MaxPool", "pool", &["t"], "y")
        .ints("kernel_shape", &[1, 1]);
    let parts = ["node `pool`", "input `t`", "whose axis 0 is not the batch"];
    assert_kind!(refused(&onnx, &parts), Operand);
    let mut onnx = image("Transpose", &["x"]);
    onnx.graph.node[0].output[0] = "t".to_string();
    onnx.int64s("i", &[], &[0]);
    onnx.node("Gather", "choose", &["t", "i"], "y")
        .int("axis", -1);
    let parts = ["node `choose`", "`axis`", "axis 3, which is the batch here"];
    assert_kind!(refused(&onnx, &parts), Attribute);
    let mut onnx = image("Transpose", &["f"]);
    onnx.graph.input.clear();
    onnx.input("f", DataType::FLOAT, &[None, Some(4)]);
    assert_kind!(
        refused(&onnx, &["`perm`", "batch and must stay in front"]),
        Attribute
    );
    for axis in [0, -4, 4, i64::MIN, i64::MAX] {
        let mut onnx = image("Concat", &["x", "x"]);
        onnx.int("axis", axis);
        assert_kind!(
            refused(&onnx, &["node `at` (Concat)", "axis 0 is the batch"]),
            Attribute
        );
    }
    for (pads, part) in [
        (&[0, 0, 0, 0, 0, 0, 0][..], "two for each of 4 axes"),
        (&[1, 0, 0, 0, 0, 0, 0, 0], "the batch"),
        (&[0, 0, 0, 0, 0, 0, 0, -1], "at least 0"),
        (&[0; 40], "at most 32"),
    ] {
        let mut onnx = image("Pad", &["x", "p"]);
        onnx.int64s("p", &[pads.len() as i64], pads);
        assert_kind!(
            refused(&onnx, &["node `at` (Pad)", "pads `p`", part]),
            Operand
        );
    }
    let mut onnx = image("Pad", &["x", "p"]);
    onnx.int64s("p", &[8], &[0; 8]).string("mode", "reflect");
    assert_kind!(refused(&onnx, &["node `at` (Pad)", "`mode`"]), Attribute);
    let mut onnx = image("Pad", &["x", "p"]);
    onnx.int64s("p", &[8], &[0, 0, 0, 0, 0, 0, 1 << 25, 1 << 25]);
    assert_kind!(refused(&onnx, &["node `at` (Pad)", "limit"]), TooLarge);
    let mut onnx = image("Squeeze", &["x", "a"]);
    onnx.int64s("a", &[1], &[2]);
    assert_kind!(
        refused(&onnx, &["node `at` (Squeeze)", "size 5, not 1"]),
        Shape
    );
    let onnx = image("Squeeze", &["x"]);
    assert_kind!(
        refused(&onnx, &["node `at` (Squeeze)", "batch could vanish"]),
        Attribute
    );
    for axes in [&[0][..], &[1, 1], &[9], &[-6]] {
        let mut onnx = image("Unsqueeze", &["x", "a"]);
        onnx.int64s("a", &[axes.len() as i64], axes);
        assert_kind!(
            refused(&onnx, &["node `at` (Unsqueeze)", "axis 0 is the batch"]),
            Attribute
        );
    }
    // Operands of a concatenation that differ, or whose scales do.
    let mut onnx = image("Concat", &["x", "m"]);
    onnx.int("axis", 1)
        .node("MaxPool", "pool", &["x"], "m")
        .ints("kernel_shape", &[2, 2]);
    assert_kind!(
        refused(&onnx, &["node `at` (Concat)", "another axis than 0"]),
        Shape
    );
    let onnx = image(
        "com.microsoft:QLinearConcat",
        &["y_scale", "y_zero_point", "x", "x_scale"],
    );
    assert_kind!(
        refused(&onnx, &["QLinearConcat", "3 for each tensor"]),
        Operator
    );
}

#[test]
fn functions() {
    let mut onnx = image("com.microsoft:QLinearLeakyRelu", &POOL);
    onnx.float("alpha", f32::NAN);
    assert_kind!(refused(&onnx, &["QLinearLeakyRelu", "`alpha`"]), Attribute);
    let onnx = image("com.microsoft:QLinearSigmoid", &POOL[..4]);
    assert_kind!(
        refused(&onnx, &["QLinearSigmoid", "Y_zero_point", "missing"]),
        Operand
    );
    let onnx = image("Sigmoid", &["x"]);
    assert_kind!(
        refused(&onnx, &["node `at` (Sigmoid)", "DequantizeLinear"]),
        Operand
    );
}
