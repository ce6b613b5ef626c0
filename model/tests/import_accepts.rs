//! What is read beside the plain forms: fused activations, views, constants, optional operands.

use rten_onnx::onnx::{AttributeProto, AttributeType, DataType};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{
    Graph, InputBoundary, Linear, Op, OutputBoundary, QType, Quantization, execute, import,
};

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
const LAYER: [&str; 8] = [
    "x",
    "x_scale",
    "x_zero_point",
    "w",
    "w_scale",
    "w_zero_point",
    "y_scale",
    "y_zero_point",
];

/// The constants of a layer with three inputs and two outputs, `w` as `[in][out]`.
fn constants(x_dims: &[Option<i64>]) -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, x_dims);
    onnx.quantization("x", X).quantization("y", Y);
    onnx.bytes("w", QType::I8, &[3, 2], &[10, -4, -20, 5, 30, -6]);
    onnx.floats("w_scale", &[2], &[0.25, 0.125]);
    onnx.bytes("w_zero_point", QType::I8, &[2], &[0, 1]);
    onnx
}

fn read(onnx: &OnnxBuilder) -> Graph {
    import(&onnx.build(), "net.onnx").unwrap()
}

fn linear(graph: &Graph) -> &Linear {
    let found = graph.nodes.iter().find_map(|node| match &node.op {
        Op::Linear(linear) => Some(linear),
        _ => None,
    });
    found.unwrap()
}

fn clamp(graph: &Graph) -> (i32, i32) {
    let requant = linear(graph).requant[0];
    (requant.qmin, requant.qmax)
}

#[test]
fn weights_are_transposed_and_shifted() {
    let mut onnx = constants(&[None, Some(3)]);
    onnx.node("QLinearMatMul", "fc", &LAYER, "y")
        .output("y", DataType::INT8);
    let graph = read(&onnx);
    assert_eq!(linear(&graph).weights, [10, -20, 30, -5, 4, -7]);
    assert_eq!(linear(&graph).bias, [0, 0]);
    assert_eq!(
        (graph.input_boundary.clone(), graph.output_boundary),
        (InputBoundary::Quantized, OutputBoundary::Quantized)
    );
    // (4, 2, 0) less 3 is (1, -1, -3); s is 2^-5 and 2^-6.
    let execution = execute(&graph, &[4, 2, 0]).unwrap();
    assert_eq!(execution.accumulators[0], [10 + 20 - 90, -5 - 4 + 21]);
    assert_eq!(execution.tensors[graph.output.0], [-7 - 2, -7]);
}

#[test]
fn alpha_scales_the_bias_as_well() {
    let mut onnx = constants(&[None, Some(3)]);
    onnx.int32s("c", &[], &[1000]);
    let names = [&LAYER[..6], &["c"], &LAYER[6..]].concat();
    onnx.node("com.microsoft:QGemm", "fc", &names, "y")
        .float("alpha", 2.0);
    onnx.output("y", DataType::INT8);
    let graph = read(&onnx);
    assert_eq!(linear(&graph).bias, [1000, 1000]);
    let execution = execute(&graph, &[3, 3, 3]).unwrap();
    // 1000 * (2 * 0.5 * 0.25 / 4) = 62.5, a tie; 1000 * 0.03125 = 31.25.
    assert_eq!(execution.tensors[graph.output.0], [-7 + 62, -7 + 31]);
}

#[test]
fn activations_on_integers() {
    let after = |operator: &str, bounds: &[(&str, i32)]| {
        let mut onnx = constants(&[None, Some(3)]);
        onnx.node("QLinearMatMul", "fc", &LAYER, "y");
        let mut names = vec!["y"];
        for &(name, value) in bounds {
            onnx.bytes(name, QType::I8, &[], &[value]);
            names.push(name);
        }
        onnx.node(operator, "act", &names, "z")
            .output("z", DataType::INT8);
        clamp(&read(&onnx))
    };
    // On integers, Relu clamps at 0, not at the zero point.
    assert_eq!(after("Relu", &[]), (0, 127));
    assert_eq!(after("Clip", &[("low", -7), ("high", 90)]), (-7, 90));
    assert_eq!(after("Clip", &[("low", -7)]), (-7, 127));
    assert_eq!(after("Max", &[("low", -7)]), (-7, 127));
}

#[test]
fn activations_on_reals() {
    let between = |steps: &dyn Fn(&mut OnnxBuilder) -> &'static str| {
        let mut onnx = constants(&[None, Some(3)]);
        onnx.node("DequantizeLinear", "dx", &LAYER[..3], "xf");
        onnx.node("DequantizeLinear", "dw", &LAYER[3..6], "wf");
        onnx.node("MatMul", "fc", &["xf", "wf"], "p");
        let last = steps(&mut onnx);
        onnx.node(
            "QuantizeLinear",
            "qy",
            &[last, "y_scale", "y_zero_point"],
            "y",
        );
        onnx.output("y", DataType::INT8);
        clamp(&read(&onnx))
    };
    assert_eq!(between(&|_| "p"), (-128, 127));
    let relu = |onnx: &mut OnnxBuilder| {
        onnx.node("Relu", "act", &["p"], "r");
        "r"
    };
    assert_eq!(between(&relu), (-7, 127));
    let relu6 = |onnx: &mut OnnxBuilder| {
        onnx.floats("zero", &[], &[0.0]).floats("six", &[1], &[6.0]);
        onnx.node("Clip", "act", &["p", "zero", "six"], "r");
        "r"
    };
    // 6 / 4 is a tie, which goes to 2.
    assert_eq!(between(&relu6), (-7, -5));
    let twice = |onnx: &mut OnnxBuilder| {
        onnx.floats("floor", &[], &[100.0])
            .floats("six", &[], &[6.0]);
        onnx.node("Max", "a", &["floor", "p"], "m")
            .node("Clip", "b", &["m", "", "six"], "r");
        "r"
    };
    assert_eq!(between(&twice), (-5, -5));
}

#[test]
fn views_around_layers() {
    let mut onnx = constants(&[Some(7), Some(2), Some(3)]);
    onnx.int64s("to", &[4], &[7, 2, 1, -1])
        .int64s("back", &[2], &[-1, 4]);
    onnx.node("Reshape", "first", &["x", "to"], "v");
    let names = [&["v"], &LAYER[1..]].concat();
    onnx.node("QLinearMatMul", "fc", &names, "y");
    onnx.node("Identity", "same", &["y"], "i");
    onnx.node("Flatten", "flat", &["i"], "f");
    onnx.node("Reshape", "noop", &["f", "back"], "z");
    onnx.node(
        "DequantizeLinear",
        "end",
        &["z", "y_scale", "y_zero_point"],
        "out",
    );
    onnx.output("out", DataType::FLOAT);
    let graph = read(&onnx);
    let shapes: Vec<_> = graph
        .tensors
        .iter()
        .map(|tensor| tensor.shape.clone())
        .collect();
    // Neither Identity nor the Reshape to the same shape leaves a node.
    assert_eq!(shapes, [vec![2, 3], vec![2, 1, 3], vec![2, 1, 2], vec![4]]);
    assert_eq!(graph.nodes.len(), 3);
    let execution = execute(&graph, &[4, 2, 0, 3, 3, 3]).unwrap();
    assert_eq!(execution.tensors[graph.output.0], [-9, -7, -7, -7]);
    assert_eq!(
        graph.dequantize_output(&[-9, -7, -7, -7]),
        [-8.0, 0.0, 0.0, 0.0]
    );
}

#[test]
fn a_float_input_may_be_reshaped_first() {
    let mut onnx = constants(&[]);
    onnx.graph.input.clear();
    onnx.input("image", DataType::FLOAT, &[None, Some(3), Some(1)]);
    onnx.node("Flatten", "flat", &["image"], "row");
    onnx.node(
        "QuantizeLinear",
        "qx",
        &["row", "x_scale", "x_zero_point"],
        "x",
    );
    onnx.node("QLinearMatMul", "fc", &LAYER, "y")
        .output("y", DataType::INT8);
    let graph = read(&onnx);
    assert_eq!(graph.tensor(graph.input).shape, [3, 1]);
    assert_eq!(graph.input_boundary, InputBoundary::Float);
    assert_eq!(graph.quantize_input(&[0.5, -0.5, -1.5]), [4, 2, 0]);
}

#[test]
fn seams_between_quantized_views_vanish() {
    let mut onnx = constants(&[None, Some(3), Some(1)]);
    onnx.node("DequantizeLinear", "dx", &LAYER[..3], "xf");
    onnx.node("Flatten", "flat", &["xf"], "row");
    onnx.node(
        "QuantizeLinear",
        "q",
        &["row", "x_scale", "x_zero_point"],
        "x2",
    );
    let names = [&["x2"], &LAYER[1..]].concat();
    onnx.node("QLinearMatMul", "fc", &names, "y")
        .output("y", DataType::INT8);
    let graph = read(&onnx);
    assert_eq!(graph.nodes.len(), 2);
    assert_eq!(graph.nodes[0].op, Op::View);
}

#[test]
fn constants_come_from_nodes_too() {
    let mut onnx = constants(&[None, Some(3), Some(1)]);
    onnx.int64s("shape", &[2], &[0, 3]);
    let shape = onnx.graph.initializer.pop().unwrap();
    onnx.node("Constant", "c", &[], "shape").graph.node[0]
        .attribute
        .push(AttributeProto {
            name: Some("value".to_string()),
            t: Some(shape),
            r#type: Some(AttributeType::TENSOR),
            ..AttributeProto::default()
        });
    onnx.node("Reshape", "flat", &["x", "shape"], "row");
    let names = [&["row"], &LAYER[1..]].concat();
    onnx.node("QLinearMatMul", "fc", &names, "y")
        .output("y", DataType::INT8);
    assert_eq!(read(&onnx).nodes.len(), 2);
}

#[test]
fn numbers_may_be_stored_typed() {
    let mut raw = constants(&[None, Some(3)]);
    raw.node("QLinearMatMul", "fc", &LAYER, "y")
        .output("y", DataType::INT8);
    let id = read(&raw).id();
    let mut typed = raw;
    for tensor in &mut typed.graph.initializer {
        let bytes = tensor.raw_data.take().unwrap().into_inner();
        if tensor.data_type == Some(DataType::FLOAT) {
            let words = bytes.as_chunks::<4>().0;
            tensor.float_data = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        } else {
            tensor.int32_data = bytes.iter().map(|&b| i32::from(b as i8)).collect();
        }
    }
    assert_eq!(read(&typed).id(), id);
}

#[test]
fn nodes_may_come_in_any_order_and_dead_ones_do_not_count() {
    let mut onnx = constants(&[None, Some(3)]);
    onnx.node("QLinearMatMul", "fc", &LAYER, "y");
    onnx.node(
        "DequantizeLinear",
        "end",
        &["y", "y_scale", "y_zero_point"],
        "z",
    );
    onnx.output("z", DataType::FLOAT);
    let id = read(&onnx).id();
    onnx.graph.node.reverse();
    onnx.node("QLinearMatMul", "dead", &LAYER, "unused");
    let graph = read(&onnx);
    assert_eq!((graph.id(), graph.nodes.len()), (id, 1));
}

#[test]
fn a_missing_zero_point_means_unsigned_zero() {
    let mut onnx = constants(&[]);
    onnx.graph.input.clear();
    onnx.input("image", DataType::FLOAT, &[None, Some(3)]);
    onnx.node("QuantizeLinear", "qx", &["image", "x_scale"], "x");
    let u8_zero = Quantization {
        scale: 4.0,
        zero_point: 0,
        qtype: QType::U8,
    };
    onnx.quantization("u", u8_zero);
    let names = [
        "x",
        "x_scale",
        "u_zero_point",
        "w",
        "w_scale",
        "w_zero_point",
        "u_scale",
        "u_zero_point",
    ];
    onnx.node("QLinearMatMul", "fc", &names, "y");
    onnx.node("DequantizeLinear", "end", &["y", "u_scale"], "z")
        .output("z", DataType::FLOAT);
    let graph = read(&onnx);
    assert_eq!(graph.tensor(graph.input).quantization.qtype, QType::U8);
    assert_eq!(graph.quantize_input(&[-1.0, 0.75, 1000.0]), [0, 2, 255]);
}

/// What a constant index takes out of a constant table is a constant, quantized or not.
#[test]
fn constants_are_gathered() {
    let sum = |build: &dyn Fn(&mut OnnxBuilder)| {
        let mut onnx = constants(&[None, Some(3)]);
        onnx.bytes("table", QType::I8, &[3, 2, 1], &[1, 2, 3, 4, 5, 6]);
        onnx.int64s("i", &[3], &[2, 0, -1])
            .int32s("first", &[], &[0]);
        build(&mut onnx);
        onnx.output("y", DataType::INT8);
        let graph = read(&onnx);
        let Op::Add(add) = &graph.nodes[0].op else {
            panic!("{:?}", graph.nodes);
        };
        let constant = add.constants.iter().flatten().next().unwrap();
        (constant.values.clone(), constant.shape.clone())
    };
    let tail = ["x_scale", "x_zero_point", "y_scale", "y_zero_point"];
    let integers = sum(&|onnx| {
        onnx.node("Gather", "rows", &["table", "i"], "r");
        onnx.node("Gather", "one", &["r", "first"], "c")
            .int("axis", 1);
        // The last axis is in the way.
        onnx.node("Gather", "flat", &["c", "first"], "d")
            .int("axis", -1);
        let names = [&["x", "x_scale", "x_zero_point", "d"], &tail[..]].concat();
        onnx.node("com.microsoft:QLinearAdd", "sum", &names, "y");
    });
    assert_eq!(integers, (vec![5, 1, 5], vec![3]));
    let reals = sum(&|onnx| {
        let of = ["x_scale", "x_zero_point"];
        let parameters = |x: &'static str| [x, of[0], of[1]];
        onnx.node("DequantizeLinear", "dt", &parameters("table"), "tf");
        onnx.node("Gather", "rows", &["tf", "i"], "rf");
        onnx.node("QuantizeLinear", "qr", &parameters("rf"), "r");
        onnx.node("DequantizeLinear", "dr", &parameters("r"), "sf");
        onnx.node("Gather", "one", &["sf", "first"], "cf")
            .int("axis", 1);
        onnx.node("Gather", "flat", &["cf", "first"], "df")
            .int("axis", 1);
        onnx.node("DequantizeLinear", "dx", &parameters("x"), "xf");
        onnx.node("Add", "sum", &["xf", "df"], "yf");
        onnx.node(
            "QuantizeLinear",
            "qy",
            &["yf", "y_scale", "y_zero_point"],
            "y",
        );
    });
    assert_eq!(reals, integers);
}
