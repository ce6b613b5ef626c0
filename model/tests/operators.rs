//! Operators by hand, on inputs that tell their rules from the nearest other ones. Random inputs
//! hardly ever do. Expected values without an argument were confirmed with ONNX Runtime.

use rten_onnx::onnx::DataType;
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{
    AddRule, AverageRule, Graph, MulRule, Op, QType, Quantization, execute, import,
};

fn int8(scale: f32, zero_point: i32) -> Quantization {
    Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    }
}

/// One node on an int8 input `x` of this shape; `parameters` are scales and zero points in place.
fn one_node(
    shape: &[i64],
    operator: &str,
    inputs: &[&str],
    build: impl Fn(&mut OnnxBuilder),
) -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    let dims: Vec<_> = [None]
        .into_iter()
        .chain(shape.iter().map(|&d| Some(d)))
        .collect();
    onnx.input("x", DataType::INT8, &dims);
    onnx.node(operator, "node", inputs, "y");
    build(&mut onnx);
    onnx.output("y", DataType::INT8);
    onnx
}

fn read(onnx: &OnnxBuilder) -> Graph {
    import(&onnx.build(), "net.onnx").unwrap()
}

fn run(graph: &Graph, x: &[i32]) -> Vec<i32> {
    let execution = execute(graph, x).unwrap();
    execution.tensors[graph.output.0].clone()
}

const POOL: [&str; 5] = ["x", "x_scale", "x_zero_point", "y_scale", "y_zero_point"];
const CONV: [&str; 9] = [
    "x",
    "x_scale",
    "x_zero_point",
    "w",
    "w_scale",
    "w_zero_point",
    "y_scale",
    "y_zero_point",
    "b",
];

/// A convolution of one tap with weight 1 and a bias, on one pixel.
fn pixel(bias: i32, w_scale: f32) -> Graph {
    read(&one_node(&[1, 1, 1], "QLinearConv", &CONV, |onnx| {
        onnx.quantization("x", int8(1.0, 0))
            .quantization("w", int8(w_scale, 0));
        onnx.quantization("y", int8(1.0, 0));
        onnx.bytes("w", QType::I8, &[1, 1, 1, 1], &[1])
            .int32s("b", &[1], &[bias]);
    }))
}

#[test]
fn accumulators_are_rounded_to_24_bits() {
    // s = 2.5 * 2^-24 makes a tie of 2^24, which goes to 2. So does 2^24 + 1, which is rounded to
    // 2^24 first and would be above the tie; 2^24 + 3 is rounded to 2^24 + 4 and is above it.
    let s = 2.5 * 2f32.powi(-24);
    let graph = pixel(1 << 24, s);
    for (x, y) in [(0, 2), (1, 2), (2, 3), (3, 3), (-1, 2)] {
        let execution = execute(&graph, &[x]).unwrap();
        assert_eq!(execution.accumulators[0], [(1 << 24) + i64::from(x)]);
        assert_eq!(execution.tensors[graph.output.0], [y], "{x}");
    }
}

#[test]
fn sums_are_fused_and_not_symmetric() {
    // Without fma, or with the operands exchanged, the result is one less; in the last case F
    // without fma makes it one more.
    for (a, qa, b, qb, qy, y) in [
        (-82, (1.893, 115), 123, (2.047, -120), (3.0, -92), -50),
        (83, (1.893, 115), -12, (2.047, -120), (3.0, -92), -38),
        (21, (3.27, 73), -37, (1.319, -97), (1.8, -51), -102),
    ] {
        let [qa, qb, qy] = [qa, qb, qy].map(|(scale, zero_point)| int8(scale, zero_point));
        assert_eq!(AddRule::new(qa, qb, qy).unwrap().apply(a, b), y);
    }
    let [qa, qb, qy] = [int8(1.893, 115), int8(2.047, -120), int8(3.0, -92)];
    assert_eq!(AddRule::new(qb, qa, qy).unwrap().apply(123, -82), -51);
}

#[test]
fn a_broadcast_first_operand_comes_second() {
    // The same sum of the same numbers, but A of one file is the one that is broadcast.
    let [qa, qb, qy] = [int8(1.893, 115), int8(2.047, -120), int8(3.0, -92)];
    let names = ["a", "b"].map(|n| {
        [
            n.to_string(),
            format!("{n}_scale"),
            format!("{n}_zero_point"),
        ]
    });
    let build = |x: &str, dims: &[i64], is_first: bool| {
        let mut inputs = names.concat();
        inputs.extend(["y_scale".to_string(), "y_zero_point".to_string()]);
        let inputs: Vec<_> = inputs
            .iter()
            .map(|n| if n == x { "x" } else { n.as_str() })
            .collect();
        let (constant, value) = if is_first { ("a", -82) } else { ("b", 123) };
        read(&one_node(
            &[2, 2],
            "com.microsoft:QLinearAdd",
            &inputs,
            |onnx| {
                onnx.quantization("a", qa)
                    .quantization("b", qb)
                    .quantization("y", qy);
                let cells = dims.iter().product::<i64>() as usize;
                onnx.bytes(constant, QType::I8, dims, &vec![value; cells]);
            },
        ))
    };
    // x is B, the constant A is broadcast along the last axis: exchanged.
    let graph = build("b", &[2, 1], true);
    assert_eq!(graph.nodes[0].op, {
        let Op::Add(add) = &graph.nodes[0].op else {
            unreachable!()
        };
        assert!(add.constants[0].is_none() && add.constants[1].is_some());
        Op::Add(add.clone())
    });
    assert_eq!(run(&graph, &[123; 4]), [-51; 4]);
    // Not broadcast there, or not at all, or x is A and the constant B is broadcast: in order.
    assert_eq!(run(&build("b", &[1, 2], true), &[123; 4]), [-50; 4]);
    assert_eq!(run(&build("b", &[1, 2, 2], true), &[123; 4]), [-50; 4]);
    assert_eq!(run(&build("a", &[], false), &[-82; 4]), [-50; 4]);
}

#[test]
fn the_zero_point_of_a_product_is_rounded_with_it() {
    // 0.5 and a zero point of 1 make 1.5, which goes to 2; rounding first would make 0 + 1.
    let rule = MulRule::new(int8(0.5, 0), int8(1.0, 0), int8(1.0, 1)).unwrap();
    assert_eq!(rule.apply(1, 1), 2);
    assert_eq!(rule.apply(-1, 1), 0);
    assert_eq!(rule.apply(3, 1), 2);
}

#[test]
fn results_beyond_int32_are_refused() {
    let (unit, tiny, huge) = (int8(1.0, 0), int8(1e-7, 0), int8(1e4, 0));
    assert!(AddRule::new(unit, unit, tiny).is_none());
    assert!(AddRule::new(unit, unit, int8(1e-6, 0)).is_some());
    assert!(MulRule::new(huge, huge, unit).is_none());
    assert!(MulRule::new(huge, unit, unit).is_some());
    assert!(AverageRule::new(unit, tiny).is_none());
    // The quotient of the scales overflows float32.
    assert!(AddRule::new(int8(1e30, 0), unit, int8(1e-30, 0)).is_none());
}

#[test]
fn averages_are_sums_of_floats() {
    // The exact sum, rounded once, would make 3.
    let (x, y) = (int8(0.917, 97), int8(0.733_6, 123));
    let rule = AverageRule::new(x, y).unwrap();
    assert_eq!(rule.apply([0, 10, -13, 87, -81].into_iter(), 5), 2);
}

/// The mean of two cells, by a window that is the whole image or one of two.
fn mean(height: i64, y_zero_point: i32) -> Graph {
    let operator = "com.microsoft:QLinearAveragePool";
    read(&one_node(&[1, height, 2], operator, &POOL, |onnx| {
        onnx.ints("kernel_shape", &[1, 2]);
        onnx.quantization("x", int8(1.0, 0))
            .quantization("y", int8(1.0, y_zero_point));
    }))
}

#[test]
fn averages_over_the_whole_image_are_global() {
    // 0.5 with a zero point of 1: a global average rounds to 0 and adds 1, a window rounds 1.5.
    let global = mean(1, 1);
    assert!(matches!(global.nodes[0].op, Op::GlobalAveragePool { .. }));
    assert_eq!(run(&global, &[0, 1]), [1]);
    assert_eq!(execute(&global, &[0, 1]).unwrap().accumulators[0], [1]);
    let windows = mean(2, 1);
    assert!(matches!(windows.nodes[0].op, Op::AveragePool(_)));
    assert_eq!(run(&windows, &[0, 1, 0, 3]), [2, 2]);
}

#[test]
fn padding_counts_if_asked_for() {
    let average = |includes: i64| {
        let operator = "com.microsoft:QLinearAveragePool";
        read(&one_node(&[1, 1, 3], operator, &POOL, |onnx| {
            onnx.ints("kernel_shape", &[1, 2])
                .ints("pads", &[0, 1, 0, 0]);
            onnx.ints("strides", &[1, 2])
                .int("count_include_pad", includes);
            onnx.quantization("x", int8(1.0, 10))
                .quantization("y", int8(1.0, 0));
        }))
    };
    // Real 0 beside 20 - 10; then the mean of 4 and 6.
    assert_eq!(run(&average(1), &[20, 14, 16]), [5, 5]);
    assert_eq!(run(&average(0), &[20, 14, 16]), [10, 5]);
}

/// The tabulated logistic function.
fn sigmoid(x_scale: f32, y_scale: f32) -> Graph {
    read(&one_node(
        &[1],
        "com.microsoft:QLinearSigmoid",
        &POOL,
        |onnx| {
            onnx.quantization("x", int8(x_scale, 0))
                .quantization("y", int8(y_scale, 0));
        },
    ))
}

#[test]
fn the_sigmoid_is_a_polynomial_in_float32() {
    // The float32 nearest to the true value makes 51 and 85.
    let graph = sigmoid(0.084, f32::from_bits(0x3c9e_2074));
    assert_eq!(run(&graph, &[61]), [52]);
    let graph = sigmoid(0.118, f32::from_bits(0x360e_797c));
    assert_eq!(run(&graph, &[-73]), [86]);
    // Far out it is clamped.
    let graph = sigmoid(100.0, 1.0 / 127.0);
    assert_eq!(run(&graph, &[127]), [127]);
    assert_eq!(run(&graph, &[-128]), [0]);
}

#[test]
fn convolutions_pad_with_the_zero_point() {
    let graph = |operator: &dyn Fn(&mut OnnxBuilder)| {
        read(&one_node(&[2, 1, 3], "QLinearConv", &CONV, |onnx| {
            operator(onnx);
            onnx.quantization("x", int8(1.0, 5))
                .quantization("w", int8(1.0, -1));
            onnx.quantization("y", int8(1.0, 0));
            onnx.int32s("b", &[2], &[0, 100]);
        }))
    };
    // Depthwise, two taps two apart, one cell of padding on the left: less their zero point the
    // weights are (1, 2) and (3, 4), the cells (1, 2, 3) and (0, -1, -2).
    let depthwise = graph(&|onnx| {
        onnx.int("group", 2)
            .ints("pads", &[0, 1, 0, 0])
            .ints("dilations", &[1, 2]);
        onnx.bytes("w", QType::I8, &[2, 1, 1, 2], &[0, 1, 2, 3]);
    });
    let execution = execute(&depthwise, &[6, 7, 8, 5, 4, 3]).unwrap();
    assert_eq!(execution.accumulators[0], [4, 7, 96, 92]);
    // One group, stride 2: both channels are summed.
    let full = graph(&|onnx| {
        onnx.ints("strides", &[1, 2]).ints("pads", &[0, 0, 0, 1]);
        onnx.bytes("w", QType::I8, &[2, 2, 1, 2], &[0, 1, 2, 3, 0, 0, 0, 0]);
    });
    let execution = execute(&full, &[6, 7, 8, 5, 4, 3]).unwrap();
    let first = [1 + 2 * 2 - 4, 3 - 3 * 2];
    let second = [100 + 1 + 2 - 1, 100 + 3 - 2];
    assert_eq!(execution.accumulators[0], [first, second].concat());
}

#[test]
fn auto_pad_puts_the_odd_cell_at_either_end() {
    let pads = |auto_pad: &str| {
        let graph = read(&one_node(&[1, 4, 5], "MaxPool", &["x"], |onnx| {
            onnx.ints("kernel_shape", &[3, 2]).ints("strides", &[2, 2]);
            onnx.string("auto_pad", auto_pad);
            onnx.graph.node[0].output[0] = "m".to_string();
            onnx.node(
                "com.microsoft:QLinearSigmoid",
                "end",
                &["m", "s", "", "s", "z"],
                "y",
            );
            onnx.floats("s", &[], &[1.0])
                .bytes("z", QType::I8, &[], &[0]);
        }));
        let Op::MaxPool(window) = graph.nodes[0].op else {
            unreachable!()
        };
        (window.pads, graph.tensor(graph.output).shape.clone())
    };
    assert_eq!(pads("SAME_UPPER"), ([0, 0, 1, 1], vec![1, 2, 3]));
    assert_eq!(pads("SAME_LOWER"), ([1, 1, 0, 0], vec![1, 2, 3]));
    assert_eq!(pads("VALID"), ([0; 4], vec![1, 1, 2]));
}
