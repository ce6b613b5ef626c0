//! Operators of encoders between `DequantizeLinear` and `QuantizeLinear`, against real numbers. Nothing is near a tie, so that
//! an output off by one is an operator that does something else: another axis, another cell, another scale.

use rten_onnx::onnx::DataType;
use winterforge_model::testing::{OnnxBuilder, Rng};
use winterforge_model::{Graph, Op, QType, Quantization, execute, import};

const fn int8(scale: f32, zero_point: i32) -> Quantization {
    Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    }
}

const X: Quantization = int8(0.0625, 3);
/// Of one sample of `x`.
const SHAPE: [usize; 3] = [2, 3, 4];

/// The index of a cell of `x`.
fn at(i: usize, j: usize, k: usize) -> usize {
    (i * 3 + j) * 4 + k
}

/// `x [N, 2, 3, 4]`, dequantized as `xf`; `build` makes `yf` of it, which is quantized.
fn group(y: Quantization, build: impl Fn(&mut OnnxBuilder)) -> Graph {
    let mut onnx = OnnxBuilder::new();
    let dims = [None]
        .into_iter()
        .chain(SHAPE.map(|size| Some(size as i64)));
    onnx.input("x", DataType::INT8, &dims.collect::<Vec<_>>());
    onnx.quantization("x", X).quantization("y", y);
    let names = ["x", "x_scale", "x_zero_point"];
    onnx.node("DequantizeLinear", "dx", &names, "xf");
    build(&mut onnx);
    let names = ["yf", "y_scale", "y_zero_point"];
    onnx.node("QuantizeLinear", "qy", &names, "y");
    onnx.output("y", DataType::INT8);
    import(&onnx.build(), "net.onnx").unwrap_or_else(|error| panic!("{error}"))
}

/// Outputs are those of `expected`, but where that is within 1/1000 of a tie.
#[track_caller]
fn computes(graph: &Graph, expected: impl Fn(&[f64]) -> Vec<f64>) {
    let y = graph.tensor(graph.output).quantization;
    for seed in 0..5 {
        let mut rng = Rng::new(seed);
        let x: Vec<i32> = (0..24).map(|_| rng.int(-128, 127) as i32).collect();
        let found = execute(graph, &x).unwrap();
        let reals: Vec<_> = x.iter().map(|&q| f64::from(X.dequantize(q))).collect();
        let expected = expected(&reals);
        let found = &found.tensors[graph.output.0];
        assert_eq!(found.len(), expected.len());
        for (found, real) in found.iter().zip(expected) {
            let steps = real / f64::from(y.scale);
            if (steps - steps.floor() - 0.5).abs() > 1e-3 {
                let q = (steps.round_ties_even() + f64::from(y.zero_point)).clamp(-128.0, 127.0);
                assert_eq!(*found, q as i32, "{steps}");
            }
        }
    }
}

fn shape(graph: &Graph) -> &[usize] {
    &graph.tensor(graph.output).shape
}

fn count(graph: &Graph, name: &str) -> usize {
    graph
        .nodes
        .iter()
        .filter(|node| node.op.name() == name)
        .count()
}

#[test]
fn a_product_with_its_transpose() {
    let product = |relu: bool| {
        group(int8(2.0, -7), move |onnx| {
            onnx.node("Transpose", "turn", &["xf"], "tf")
                .ints("perm", &[0, 1, 3, 2]);
            let to = if relu { "p" } else { "yf" };
            onnx.node("MatMul", "product", &["xf", "tf"], to);
            if relu {
                onnx.node("Relu", "relu", &["p"], "yf");
            }
        })
    };
    let products = |x: &[f64]| -> Vec<f64> {
        let cells = (0..18).map(|cell| (cell / 9, cell / 3 % 3, cell % 3));
        cells
            .map(|(i, j, l)| (0..4).map(|k| x[at(i, j, k)] * x[at(i, l, k)]).sum())
            .collect()
    };
    computes(&product(false), products);
    let graph = product(true);
    assert_eq!((count(&graph, "MatMul"), count(&graph, "Table")), (1, 0));
    computes(&graph, |x| {
        products(x).into_iter().map(|v| v.max(0.0)).collect()
    });
}

/// The softmax of rows that are told by a number for each cell.
fn softmax(x: &[f64], row: impl Fn(usize) -> usize) -> Vec<f64> {
    let sum = |of: usize| -> f64 {
        let cells = (0..x.len()).filter(|&cell| row(cell) == of);
        cells.map(|cell| x[cell].exp()).sum()
    };
    (0..x.len())
        .map(|cell| x[cell].exp() / sum(row(cell)))
        .collect()
}

#[test]
fn softmax_along_an_axis() {
    let along = |axis: i64| {
        group(int8(1.0 / 256.0, -128), move |onnx| {
            onnx.node("Softmax", "soft", &["xf"], "yf")
                .int("axis", axis);
        })
    };
    for axis in [-1, 3] {
        let graph = along(axis);
        assert_eq!(count(&graph, "Transpose"), 0);
        computes(&graph, |x| softmax(x, |cell| cell / 4));
    }
    computes(&along(2), |x| softmax(x, |cell| cell / 12 * 4 + cell % 4));
    let graph = along(-3);
    assert_eq!(count(&graph, "Transpose"), 2);
    computes(&graph, |x| softmax(x, |cell| cell % 12));
}

#[test]
fn softmax_of_joined_axes() {
    let y = int8(1.0 / 256.0, -128);
    let graph = group(y, |onnx| {
        onnx.opset = 11;
        onnx.node("Softmax", "soft", &["xf"], "yf").int("axis", 2);
    });
    assert_eq!(shape(&graph), SHAPE);
    computes(&graph, |x| softmax(x, |cell| cell / 12));
    // The default is axis 1, which is a whole sample.
    let graph = group(y, |onnx| {
        onnx.opset = 11;
        onnx.node("Softmax", "soft", &["xf"], "yf");
    });
    computes(&graph, |x| softmax(x, |_| 0));
}

const GAMMA: [f32; 4] = [1.0, -2.0, 0.5, 1.5];
const BETA: [f32; 4] = [0.0, 1.0, -0.25, 0.5];

fn normalized(row: &[f64]) -> Vec<f64> {
    let len = row.len() as f64;
    let mean = row.iter().sum::<f64>() / len;
    let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / len;
    row.iter()
        .map(|v| (v - mean) / (variance + 1e-5).sqrt())
        .collect()
}

fn rows(x: &[f64], gamma: [f64; 4], beta: [f64; 4]) -> Vec<f64> {
    let of_row = |row: &[f64]| {
        let cells = normalized(row).into_iter().zip(gamma.into_iter().zip(beta));
        cells
            .map(|(n, (gamma, beta))| n * gamma + beta)
            .collect::<Vec<_>>()
    };
    x.chunks(4).flat_map(of_row).collect()
}

#[test]
fn normalized_rows() {
    let y = int8(0.04, -7);
    let graph = group(y, |onnx| {
        onnx.floats("g", &[4], &GAMMA).floats("b", &[1, 4], &BETA);
        onnx.node("LayerNormalization", "norm", &["xf", "g", "b"], "yf");
    });
    computes(&graph, |x| {
        rows(x, GAMMA.map(f64::from), BETA.map(f64::from))
    });
    // No bias, and gains that are integers in the file: with one scale, and with one each.
    for (dims, scales) in [(&[][..], &[0.5][..]), (&[4], &[0.5, 0.25, 0.5, 1.0])] {
        let graph = group(y, |onnx| {
            onnx.bytes("g", QType::I8, &[4], &[2, -4, 1, 3])
                .floats("s", dims, scales);
            onnx.node("DequantizeLinear", "dg", &["g", "s"], "gf")
                .int("axis", 0);
            onnx.node("LayerNormalization", "norm", &["xf", "gf"], "yf");
        });
        let scale = |index: usize| f64::from(scales[index % scales.len()]);
        let gamma = std::array::from_fn(|index| [2.0, -4.0, 1.0, 3.0][index] * scale(index));
        computes(&graph, |x| rows(x, gamma, [0.0; 4]));
    }
}

#[test]
fn normalized_planes() {
    let graph = group(int8(0.04, -7), |onnx| {
        onnx.floats("g", &[3, 4], &[1.0; 12]);
        onnx.node("LayerNormalization", "norm", &["xf", "g"], "yf")
            .int("axis", 2);
    });
    assert_eq!(shape(&graph), SHAPE);
    computes(&graph, |x| x.chunks(12).flat_map(normalized).collect());
}

#[test]
fn means_of_normalized_rows() {
    for keeps in [0, 1] {
        let graph = group(int8(0.02, -7), |onnx| {
            onnx.floats("g", &[4], &GAMMA).floats("b", &[4], &BETA);
            onnx.int64s("axes", &[1], &[-2]);
            onnx.node("LayerNormalization", "norm", &["xf", "g", "b"], "n");
            onnx.node("ReduceMean", "mean", &["n", "axes"], "yf")
                .int("keepdims", keeps);
        });
        assert!(matches!(&graph.nodes[0].op, Op::LayerNorm(norm) if norm.mean));
        assert_eq!(
            shape(&graph),
            if keeps == 1 { &[2, 1, 4][..] } else { &[2, 4] }
        );
        computes(&graph, |x| {
            let y = rows(x, GAMMA.map(f64::from), BETA.map(f64::from));
            let cells = (0..8).map(|cell| (cell / 4, cell % 4));
            cells
                .map(|(i, k)| (0..3).map(|j| y[at(i, j, k)]).sum::<f64>() / 3.0)
                .collect()
        });
    }
}

#[test]
fn means_over_axes() {
    let mean = |axes: &'static [i64], keeps: i64| {
        group(int8(0.03, -7), move |onnx| {
            onnx.int64s("axes", &[axes.len() as i64], axes);
            onnx.node("ReduceMean", "mean", &["xf", "axes"], "yf")
                .int("keepdims", keeps);
        })
    };
    let graph = mean(&[3], 0);
    assert_eq!(shape(&graph), [2, 3]);
    computes(&graph, |x| {
        x.chunks(4)
            .map(|row| row.iter().sum::<f64>() / 4.0)
            .collect()
    });
    let graph = mean(&[-1, 1], 1);
    assert_eq!(shape(&graph), [1, 3, 1]);
    computes(&graph, |x| {
        let of = |j| (0..8).map(|cell| x[at(cell / 4, j, cell % 4)]).sum::<f64>() / 8.0;
        (0..3).map(of).collect()
    });
    // Over the axes of an image: one operator, as a GlobalAveragePool.
    let graph = mean(&[2, 3], 1);
    let pooled = group(int8(0.03, -7), |onnx| {
        onnx.node("GlobalAveragePool", "pool", &["xf"], "yf");
    });
    assert_eq!(graph.id(), pooled.id());
}

#[test]
fn chosen_cells() {
    let choose = |indices: &'static [i64], dims: &'static [i64], axis: i64| {
        group(X, move |onnx| {
            onnx.int64s("i", dims, indices);
            onnx.node("Gather", "choose", &["xf", "i"], "yf")
                .int("axis", axis);
        })
    };
    let graph = choose(&[1], &[], 2);
    assert_eq!(shape(&graph), [2, 4]);
    computes(&graph, |x| {
        let cells = (0..8).map(|cell| at(cell / 4, 1, cell % 4));
        cells.map(|cell| x[cell]).collect()
    });
    let graph = choose(&[-1, 0, 0], &[3], -1);
    assert_eq!(shape(&graph), [2, 3, 3]);
    computes(&graph, |x| {
        let cells = (0..18).map(|cell| at(cell / 9, cell / 3 % 3, [3, 0, 0][cell % 3]));
        cells.map(|cell| x[cell]).collect()
    });
    assert_eq!(shape(&choose(&[1, 0], &[2, 1], 1)), [2, 1, 3, 4]);
}

#[test]
fn slices_of_cells() {
    let cut = |lists: [&'static [i64]; 4]| {
        group(X, move |onnx| {
            let names = ["starts", "ends", "axes", "steps"];
            for (name, list) in names.iter().zip(lists) {
                onnx.int64s(name, &[list.len() as i64], list);
            }
            let names = [&["xf"], &names[..]].concat();
            onnx.node("Slice", "cut", &names, "yf");
        })
    };
    let graph = cut([&[0, 1, -1], &[i64::MAX, 3, -5], &[0, 2, -1], &[1, 1, -2]]);
    assert_eq!(shape(&graph), [2, 2, 2]);
    computes(&graph, |x| {
        let cells = (0..8).map(|cell| at(cell / 4, 1 + cell / 2 % 2, 3 - cell % 2 * 2));
        cells.map(|cell| x[cell]).collect()
    });
    // All of an axis is no operator.
    let graph = cut([&[-3, 1], &[3, 3], &[2, 3], &[1, 1]]);
    assert_eq!((graph.nodes.len(), shape(&graph)), (1, &[2, 3, 2][..]));
}

#[test]
fn parts_of_an_axis() {
    let halves = |build: fn(&mut OnnxBuilder)| {
        group(int8(0.125, -7), move |onnx| {
            onnx.node("Split", "split", &["xf", "sizes"], "a")
                .int("axis", -1);
            onnx.graph
                .node
                .last_mut()
                .unwrap()
                .output
                .push("b".to_string());
            build(onnx);
            onnx.node("Add", "sum", &["a", "b"], "yf");
        })
    };
    let graphs = [
        halves(|onnx| drop(onnx.graph.node.last_mut().unwrap().input.pop())),
        halves(|onnx| {
            onnx.graph.node.last_mut().unwrap().input.pop();
            onnx.ints("split", &[2, 2]);
        }),
        halves(|onnx| {
            onnx.int64s("sizes", &[2], &[2, 2]);
        }),
    ];
    for graph in graphs {
        assert_eq!(
            (count(&graph, "Gather"), shape(&graph)),
            (2, &[2, 3, 2][..])
        );
        computes(&graph, |x| {
            let cells = (0..12).map(|cell| at(cell / 6, cell / 2 % 3, cell % 2));
            cells.map(|cell| x[cell] + x[cell + 2]).collect()
        });
    }
}

#[test]
fn one_matrix_for_all() {
    let graph = group(int8(2.0, -7), |onnx| {
        onnx.int64s("i", &[1], &[1]);
        onnx.node("Gather", "choose", &["xf", "i"], "one")
            .int("axis", 1);
        onnx.node("Transpose", "turn", &["one"], "tf")
            .ints("perm", &[0, 1, 3, 2]);
        onnx.node("MatMul", "product", &["xf", "tf"], "yf");
    });
    assert_eq!(shape(&graph), [2, 3, 3]);
    computes(&graph, |x| {
        let cells = (0..18).map(|cell| (cell / 9, cell / 3 % 3, cell % 3));
        let dot = |(i, j, l)| (0..4).map(|k| x[at(i, j, k)] * x[at(1, l, k)]).sum();
        cells.map(dot).collect()
    });
}

/// As exported networks tell queries, keys and values apart.
#[test]
fn the_batch_behind_another_axis() {
    for quantizes in [false, true] {
        let graph = group(X, |onnx| {
            onnx.int64s("i", &[], &[1]);
            // [N, 2, 3, 4] to [3, N, 4, 2], and index 1 of the first axis.
            let mut name = "t";
            onnx.node("Transpose", "turn", &["xf"], name)
                .ints("perm", &[2, 0, 3, 1]);
            if quantizes {
                let of = |name: &'static str| [name, "x_scale", "x_zero_point"];
                onnx.node("QuantizeLinear", "qt", &of("t"), "q");
                onnx.node("DequantizeLinear", "dt", &of("q"), "tf");
                name = "tf";
            }
            onnx.node("Gather", "choose", &[name, "i"], "yf")
                .int("axis", 0);
        });
        assert_eq!(shape(&graph), [4, 2]);
        computes(&graph, |x| {
            (0..8).map(|cell| x[at(cell % 2, 1, cell / 2)]).collect()
        });
    }
    // Two transposes that make up one.
    let graph = group(X, |onnx| {
        onnx.node("Transpose", "there", &["xf"], "t")
            .ints("perm", &[3, 1, 0, 2]);
        onnx.node("Transpose", "back", &["t"], "yf")
            .ints("perm", &[2, 0, 1, 3]);
    });
    assert_eq!(shape(&graph), [4, 2, 3]);
    computes(&graph, |x| {
        let cells = (0..24).map(|cell| at(cell / 3 % 2, cell % 3, cell / 6));
        cells.map(|cell| x[cell]).collect()
    });
}

/// A result that is not quantized yet is moved once it is.
#[test]
fn cells_of_a_pending_result() {
    let graph = group(int8(0.125, -7), |onnx| {
        onnx.node("Add", "sum", &["xf", "xf"], "s");
        onnx.node("Relu", "relu", &["s"], "r");
        onnx.node("Transpose", "turn", &["r"], "t")
            .ints("perm", &[0, 3, 1, 2]);
        onnx.int64s("shape", &[3], &[0, 4, 6])
            .int64s("i", &[], &[2]);
        onnx.node("Reshape", "shape", &["t", "shape"], "v");
        onnx.node("Gather", "choose", &["v", "i"], "yf")
            .int("axis", 1);
    });
    assert_eq!(shape(&graph), [6]);
    computes(&graph, |x| {
        let cells = (0..6).map(|cell| at(cell / 3, cell % 3, 2));
        cells.map(|cell| (2.0 * x[cell]).max(0.0)).collect()
    });
}

#[test]
fn gelu_in_one_node_and_in_many() {
    let y = int8(0.0625, -100);
    let one = group(y, |onnx| {
        onnx.node("Gelu", "gelu", &["xf"], "yf");
    });
    let other = group(y, |onnx| {
        onnx.node("com.microsoft:Gelu", "gelu", &["xf"], "yf");
    });
    let many = group(y, |onnx| {
        onnx.floats("root", &[], &[2f32.sqrt()])
            .floats("one", &[1], &[1.0])
            .floats("half", &[], &[0.5]);
        onnx.node("Div", "n1", &["xf", "root"], "a");
        onnx.node("Erf", "n2", &["a"], "b");
        onnx.node("Add", "n3", &["one", "b"], "c");
        onnx.node("Mul", "n4", &["xf", "c"], "d");
        onnx.node("Mul", "n5", &["d", "half"], "yf");
    });
    assert_eq!(one.id(), other.id());
    for graph in [&one, &many] {
        assert!(matches!(graph.nodes[..], [ref node] if matches!(node.op, Op::Table(_))));
        // 0.5 v (1 + erf(v / sqrt(2))), by the integral of the density: the trapezoid rule with steps of 2^-10.
        computes(graph, |x| {
            let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
            let below = |v: f64| {
                let step = 1.0 / 1024.0;
                let count = (v / step).abs().round() as usize;
                let cells = (0..count).map(|i| i as f64 * step);
                let area: f64 = cells
                    .map(|t| (density(t) + density(t + step)) * step / 2.0)
                    .sum();
                0.5 + area.copysign(v)
            };
            x.iter().map(|&v| v * below(v)).collect()
        });
    }
}

#[test]
fn arithmetic_with_numbers() {
    let graph = group(int8(0.125, -7), |onnx| {
        onnx.floats("a", &[], &[3.0])
            .floats("b", &[1, 1], &[-0.5])
            .bytes("c", QType::I8, &[], &[40]);
        onnx.node("DequantizeLinear", "dc", &["c", "x_scale"], "cf");
        onnx.node("Sub", "n1", &["a", "xf"], "t1");
        onnx.node("Mul", "n2", &["t1", "b"], "t2");
        onnx.node("Add", "n3", &["cf", "t2"], "t3");
        onnx.node("Sub", "n4", &["t3", "xf"], "yf");
    });
    assert_eq!(graph.nodes.len(), 1);
    computes(&graph, |x| {
        x.iter().map(|v| 2.5 - 0.5 * (3.0 - v) - v).collect()
    });
}
