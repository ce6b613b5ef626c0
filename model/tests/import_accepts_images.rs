//! What is read beside the plain forms: shared and fused parts of QDQ networks, several consumers,
//! movements that cost nothing.

mod support;

use rten_onnx::onnx::DataType;
use support::base::{X, Y, read};
use support::image::{CONV, image};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{Graph, Op, QType, execute};

fn names(graph: &Graph) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

fn graph(onnx: &OnnxBuilder) -> Graph {
    read(onnx).unwrap_or_else(|error| panic!("{error}"))
}

/// `x` dequantized as `xf`; `steps` make `yf` of it, which is quantized as `y`.
fn qdq(steps: impl Fn(&mut OnnxBuilder)) -> OnnxBuilder {
    let mut onnx = image("DequantizeLinear", &["x", "x_scale", "x_zero_point"]);
    onnx.graph.node[0].output[0] = "xf".to_string();
    steps(&mut onnx);
    onnx.node(
        "QuantizeLinear",
        "end",
        &["yf", "y_scale", "y_zero_point"],
        "y",
    );
    onnx
}

#[test]
fn functions_of_cells_become_one_table() {
    let onnx = qdq(|onnx| {
        onnx.floats("low", &[], &[-2.0]).floats("high", &[], &[3.0]);
        onnx.node("LeakyRelu", "leaky", &["xf"], "a")
            .float("alpha", 0.5);
        onnx.node("Clip", "clip", &["a", "low", "high"], "bb");
        onnx.node("Relu", "relu", &["bb"], "yf");
    });
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["Table"]);
    let Op::Table(table) = &graph.nodes[0].op else {
        unreachable!()
    };
    for q in -128..=127 {
        let real = X.dequantize(q);
        let real = if real < 0.0 { 0.5 * real } else { real };
        let expected = Y.quantize(real.clamp(-2.0, 3.0).max(0.0));
        assert_eq!(table.apply(QType::I8, q), expected);
    }
}

#[test]
fn a_change_of_scale_is_a_table_and_none_is_nothing() {
    let same = |onnx: &mut OnnxBuilder| {
        onnx.node(
            "QuantizeLinear",
            "q",
            &["xf", "x_scale", "x_zero_point"],
            "x2",
        );
        onnx.node(
            "DequantizeLinear",
            "d",
            &["x2", "x_scale", "x_zero_point"],
            "yf",
        );
    };
    let graph = graph(&qdq(same));
    assert_eq!(names(&graph), ["Table"]);
    let Op::Table(table) = &graph.nodes[0].op else {
        unreachable!()
    };
    assert_eq!(table.apply(QType::I8, 3), -7);
    assert_eq!(table.apply(QType::I8, 127), -7 + 16); // 62 / 4 is a tie
}

#[test]
fn pools_and_movements_commute_with_dequantization() {
    let onnx = qdq(|onnx| {
        onnx.int64s("pads", &[4], &[1, 0, 0, 1])
            .int64s("axes", &[2], &[2, -1]);
        onnx.node("MaxPool", "pool", &["xf"], "a")
            .ints("kernel_shape", &[2, 2]);
        onnx.node("Transpose", "turn", &["a"], "bb")
            .ints("perm", &[0, 2, 3, 1]);
        onnx.node("Pad", "pad", &["bb", "pads", "", "axes"], "yf");
    });
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["MaxPool", "Transpose", "Pad", "Table"]);
    let Op::Pad(pad) = &graph.nodes[2].op else {
        unreachable!()
    };
    // Real 0.
    assert_eq!(
        (pad.value, &pad.before[..], &pad.after[..]),
        (3, &[0, 1, 0][..], &[0, 0, 1][..])
    );
    assert_eq!(graph.tensor(graph.output).shape, [4, 6, 5]);
}

#[test]
fn a_residual_shares_its_operand() {
    let onnx = qdq(|onnx| {
        onnx.floats("c_scale", &[], &[0.25])
            .bytes("k", QType::I8, &[4, 1, 1, 1], &[1, 2, 3, 4]);
        onnx.node(
            "DequantizeLinear",
            "dk",
            &["k", "w_scale", "w_zero_point"],
            "kf",
        );
        onnx.node("Conv", "conv", &["xf", "kf"], "c")
            .int("group", 4);
        onnx.node("Relu", "relu", &["c"], "r");
        onnx.node(
            "QuantizeLinear",
            "q",
            &["r", "y_scale", "y_zero_point"],
            "r8",
        );
        onnx.node(
            "DequantizeLinear",
            "d",
            &["r8", "y_scale", "y_zero_point"],
            "rf",
        );
        onnx.node("Add", "add", &["rf", "xf"], "s");
        onnx.node("Concat", "concat", &["xf", "rf", "xf"], "t")
            .int("axis", 1);
        onnx.node(
            "QuantizeLinear",
            "qt",
            &["t", "y_scale", "y_zero_point"],
            "t8",
        );
        onnx.node(
            "DequantizeLinear",
            "dt",
            &["t8", "y_scale", "y_zero_point"],
            "tf",
        );
        onnx.node("GlobalAveragePool", "pool", &["tf"], "p");
        onnx.node(
            "QuantizeLinear",
            "qp",
            &["p", "y_scale", "y_zero_point"],
            "p8",
        );
        onnx.node(
            "DequantizeLinear",
            "dp",
            &["p8", "y_scale", "y_zero_point"],
            "pf",
        );
        onnx.node("Relu", "last", &["s"], "u");
        onnx.node(
            "QuantizeLinear",
            "qu",
            &["u", "y_scale", "y_zero_point"],
            "u8",
        );
        onnx.node(
            "DequantizeLinear",
            "du",
            &["u8", "y_scale", "y_zero_point"],
            "uf",
        );
        onnx.node("Concat", "all", &["uf", "uf", "uf"], "v")
            .int("axis", -3);
        onnx.node(
            "QuantizeLinear",
            "qv",
            &["v", "y_scale", "y_zero_point"],
            "v8",
        );
        onnx.node(
            "DequantizeLinear",
            "dv",
            &["v8", "y_scale", "y_zero_point"],
            "vf",
        );
        onnx.node("Mul", "gate", &["vf", "pf"], "yf");
    });
    let graph = graph(&onnx);
    // The clamps: of the convolution by its requantization, of the sum by a table; the operands of
    // the first concatenation are brought to one scale by tables.
    let mut found = names(&graph);
    found.sort_unstable();
    let mut expected = [
        "Conv",
        "Add",
        "Table",
        "Table",
        "Table",
        "Concat",
        "GlobalAveragePool",
    ]
    .to_vec();
    expected.extend(["Concat", "Mul"]);
    expected.sort_unstable();
    assert_eq!(found, expected);
    let conv = graph.nodes.iter().find_map(|node| match &node.op {
        Op::Conv(conv) => Some(conv),
        _ => None,
    });
    assert!(
        conv.unwrap()
            .requant
            .iter()
            .all(|r| (r.qmin, r.qmax) == (-7, 127))
    );
    execute(&graph, &vec![5; graph.input_len()]).unwrap();
}

#[test]
fn a_clamp_whose_operand_is_used_elsewhere_is_a_table() {
    let mut onnx = image("QLinearConv", &CONV);
    onnx.graph.node[0].output[0] = "c".to_string();
    onnx.node("Relu", "relu", &["c"], "r");
    onnx.node("Concat", "concat", &["c", "r"], "y")
        .int("axis", 1);
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["Conv", "Table", "Concat"]);
    assert_eq!(graph.tensor_ranges()[2], (0, 127));
    // Used once, it becomes part of the convolution.
    onnx.graph.node[2].input[0] = "r".to_string();
    assert_eq!(names(&read(&onnx).unwrap()), ["Conv", "Concat"]);
}

#[test]
fn a_float_image_may_be_transposed_first() {
    let mut onnx = image("QLinearConv", &CONV);
    onnx.graph.input.clear();
    onnx.input(
        "picture",
        DataType::FLOAT,
        &[None, Some(5), Some(6), Some(4)],
    );
    onnx.node("Transpose", "turn", &["picture"], "turned")
        .ints("perm", &[0, 3, 1, 2]);
    onnx.node(
        "QuantizeLinear",
        "q",
        &["turned", "x_scale", "x_zero_point"],
        "x",
    );
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["Transpose", "Conv"]);
    assert_eq!(graph.tensor(graph.input).shape, [5, 6, 4]);
}

#[test]
fn signals_are_images_of_height_one() {
    let mut onnx = image("QLinearConv", &CONV);
    onnx.graph.input.clear();
    onnx.input("x", DataType::INT8, &[None, Some(4), Some(9)]);
    support::base::remove(&mut onnx, "w");
    onnx.bytes("w", QType::I8, &[2, 4, 3], &[1; 24]);
    onnx.ints("strides", &[2]).ints("pads", &[1, 2]);
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["View", "Conv", "View"]);
    assert_eq!(graph.tensor(graph.output).shape, [2, 5]);
    let Op::Conv(conv) = &graph.nodes[1].op else {
        unreachable!()
    };
    assert_eq!(
        (conv.window.kernel, conv.window.pads),
        ([1, 3], [0, 1, 0, 2])
    );
}

#[test]
fn axes_of_size_one_move_freely() {
    let mut onnx = image("QLinearConv", &CONV);
    onnx.graph.node[0].output[0] = "c".to_string();
    onnx.node("GlobalMaxPool", "pool", &["c"], "p");
    onnx.node("Transpose", "turn", &["p"], "t")
        .ints("perm", &[0, 2, 1, 3]);
    onnx.int64s("axes", &[2], &[1, 3])
        .node("Squeeze", "squeeze", &["t", "axes"], "y");
    let graph = graph(&onnx);
    assert_eq!(names(&graph), ["Conv", "MaxPool", "View", "View"]);
    assert_eq!(graph.tensor(graph.output).shape, [2]);
}
