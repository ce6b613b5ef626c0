//! Operators of encoders that are not imported, and that the message says where and why.

mod support;

use rten_onnx::onnx::DataType;
use support::base::{X, Y, assert_kind, refused};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::{QType, Quantization};

/// `x [N, 2, 3, 4]` and its reals `xf`; one node `at` makes `to` of its operands. There are scales and zero points of `x`
/// and `y`, and a constant `w [4, 4]`.
fn one_node(operator: &str, inputs: &[&str], to: &str) -> OnnxBuilder {
    let mut onnx = OnnxBuilder::new();
    onnx.input("x", DataType::INT8, &[None, Some(2), Some(3), Some(4)]);
    onnx.quantization("x", X).quantization("y", Y);
    onnx.bytes("w", QType::I8, &[4, 4], &[1; 16]);
    onnx.floats("gamma", &[4], &[1.0, 2.0, -1.0, 0.5]);
    onnx.node(
        "DequantizeLinear",
        "dx",
        &["x", "x_scale", "x_zero_point"],
        "xf",
    );
    onnx.node(operator, "at", inputs, to);
    onnx
}

/// An integer operator.
fn integers(operator: &str, inputs: &[&str], build: impl Fn(&mut OnnxBuilder)) -> OnnxBuilder {
    let mut onnx = one_node(operator, inputs, "y");
    build(&mut onnx);
    onnx.output("y", DataType::INT8);
    onnx
}

/// An operator of reals, quantized behind.
fn reals(operator: &str, inputs: &[&str], build: impl Fn(&mut OnnxBuilder)) -> OnnxBuilder {
    let mut onnx = one_node(operator, inputs, "yf");
    build(&mut onnx);
    let names = ["yf", "y_scale", "y_zero_point"];
    onnx.node("QuantizeLinear", "qy", &names, "y");
    onnx.output("y", DataType::INT8);
    onnx
}

fn int8(scale: f32, zero_point: i32) -> Quantization {
    Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    }
}

const PRODUCT: [&str; 8] = [
    "x",
    "x_scale",
    "x_zero_point",
    "x",
    "x_scale",
    "x_zero_point",
    "y_scale",
    "y_zero_point",
];
const SOFTMAX: [&str; 5] = ["x", "x_scale", "x_zero_point", "s_scale", "s_zero_point"];

#[test]
fn products_of_two_tensors() {
    let at = "node `at` (QLinearMatMul)";
    let onnx = integers("QLinearMatMul", &PRODUCT, |_| {});
    assert_kind!(
        refused(&onnx, &[at, "[2, 3, 4] and [2, 3, 4]", "do not fit"]),
        Shape
    );
    // The constant comes first.
    let names = [&["w"], &PRODUCT[1..]].concat();
    let onnx = integers("QLinearMatMul", &names, |_| {});
    assert_kind!(refused(&onnx, &[at, "a `w`: is a constant"]), Operand);
    // Another scale than the tensor's.
    let mut names = PRODUCT;
    names[4] = "y_scale";
    let onnx = integers("QLinearMatMul", &names, |_| {});
    assert_kind!(
        refused(&onnx, &[at, "tensor `x`", "elsewhere"]),
        Quantization
    );
    // Rows of a batch.
    let onnx = integers("Flatten", &["x"], |onnx| {
        onnx.graph.node[1].output[0] = "v".to_string();
        let names = ["v", "x_scale", "x_zero_point"];
        let names = [&names[..], &names, &PRODUCT[6..]].concat();
        onnx.node("QLinearMatMul", "product", &names, "y");
    });
    assert_kind!(
        refused(&onnx, &["node `product`", "two axes beside axis 0"]),
        Shape
    );
    // A bias.
    let onnx = reals("MatMul", &["xf", "tf"], |onnx| {
        onnx.graph.node[1].output[0] = "p".to_string();
        onnx.node("Transpose", "turn", &["xf"], "tf")
            .ints("perm", &[0, 1, 3, 2]);
        onnx.int32s("c", &[3], &[1; 3])
            .floats("c_scale", &[], &[0.25]);
        onnx.node("DequantizeLinear", "dc", &["c", "c_scale"], "cf");
        onnx.node("Add", "add", &["p", "cf"], "yf");
    });
    let parts = [
        "node `at` (MatMul)",
        "an Add follows",
        "quantize the product",
    ];
    assert_kind!(refused(&onnx, &parts), Operator);
}

#[test]
fn softmax() {
    let q_linear = |y: Quantization, axis: i64| {
        integers("com.microsoft:QLinearSoftmax", &SOFTMAX, |onnx| {
            onnx.int("axis", axis).int("opset", 13);
            onnx.quantization("s", y);
        })
    };
    let at = "node `at` (com.microsoft.QLinearSoftmax)";
    let onnx = q_linear(int8(0.004, -128), 0);
    assert_kind!(refused(&onnx, &[at, "`axis`", "batch"]), Attribute);
    let onnx = q_linear(int8(2.0, -128), -1);
    assert_kind!(refused(&onnx, &[at, "output scale"]), Quantization);
    let y = Quantization {
        qtype: QType::U8,
        ..int8(0.004, 0)
    };
    assert_kind!(refused(&q_linear(y, -1), &[at, "int8 to uint8"]), Type);
    let mut onnx = q_linear(int8(0.004, -128), -1);
    onnx.graph.node[1].attribute.pop();
    assert_kind!(refused(&onnx, &[at, "`opset`", "missing"]), Attribute);
    let onnx = integers("Unsqueeze", &["x", "axes"], |onnx| {
        onnx.graph.node[1].output[0] = "v".to_string();
        onnx.int64s("axes", &[1], &[4])
            .quantization("s", int8(0.004, -128));
        let names = [&["v"], &SOFTMAX[1..]].concat();
        onnx.node("com.microsoft:QLinearSoftmax", "soft", &names, "y");
        onnx.int("opset", 13);
    });
    assert_kind!(refused(&onnx, &["node `soft`", "rows of one cell"]), Shape);
    let onnx = integers("Softmax", &["x"], |_| {});
    let parts = ["node `at` (Softmax)", "must come from a DequantizeLinear"];
    assert_kind!(refused(&onnx, &parts), Operand);
}

#[test]
fn normalization() {
    let at = "node `at` (LayerNormalization)";
    let norm = |build: &dyn Fn(&mut OnnxBuilder)| {
        reals("LayerNormalization", &["xf", "gamma"], |onnx| build(onnx))
    };
    let onnx = norm(&|onnx| {
        onnx.int("axis", 0);
    });
    assert_kind!(refused(&onnx, &[at, "`axis`", "batch"]), Attribute);
    let onnx = norm(&|onnx| {
        onnx.int("stash_type", 16);
    });
    assert_kind!(refused(&onnx, &[at, "`stash_type`", "only 1"]), Attribute);
    for epsilon in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let onnx = norm(&|onnx| {
            onnx.float("epsilon", epsilon);
        });
        assert_kind!(refused(&onnx, &[at, "`epsilon`", "positive"]), Attribute);
    }
    let onnx = norm(&|onnx| {
        onnx.int("axis", 2);
    });
    let parts = [at, "Scale `gamma`", "shape [4]", "[3, 4] cells"];
    assert_kind!(refused(&onnx, &parts), Operand);
    let with = |gamma: &'static str, build: &dyn Fn(&mut OnnxBuilder)| {
        reals("LayerNormalization", &["xf", gamma], |onnx| build(onnx))
    };
    let onnx = with("xf", &|_| {});
    assert_kind!(
        refused(&onnx, &[at, "Scale `xf`", "must be a constant"]),
        Operand
    );
    let onnx = with("g", &|onnx| {
        onnx.floats("g", &[4], &[f32::NAN; 4]);
    });
    assert_kind!(
        refused(&onnx, &[at, "Scale `g`", "no finite number"]),
        Operand
    );
    let onnx = with("g", &|onnx| {
        onnx.floats("g", &[4], &[1e30; 4]);
    });
    assert_kind!(refused(&onnx, &[at, "larger output"]), Quantization);
    let onnx = with("gf", &|onnx| {
        onnx.int32s("g", &[4], &[1; 4]).int32s("z", &[], &[1]);
        onnx.node("DequantizeLinear", "dg", &["g", "x_scale", "z"], "gf");
    });
    assert_kind!(
        refused(&onnx, &["node `dg`", "int32 zero point is 1"]),
        Quantization
    );
    let onnx = with("gf", &|onnx| {
        onnx.int32s("g", &[4], &[1; 4]).floats("s", &[3], &[1.0; 3]);
        onnx.node("DequantizeLinear", "dg", &["g", "s"], "gf");
    });
    assert_kind!(
        refused(&onnx, &["node `dg`", "3 numbers stand for 4"]),
        Operand
    );
}

#[test]
fn means() {
    let at = "node `at` (ReduceMean)";
    let mean = |axes: &[i64]| {
        reals("ReduceMean", &["xf", "axes"], |onnx| {
            onnx.int64s("axes", &[axes.len() as i64], axes);
        })
    };
    assert_kind!(refused(&mean(&[0]), &[at, "`axes`", "batch"]), Attribute);
    assert_kind!(
        refused(&mean(&[1, 1]), &[at, "`axes`", "once each"]),
        Attribute
    );
    assert_kind!(refused(&mean(&[]), &[at, "`axes`", "name them"]), Attribute);
    let onnx = reals("ReduceMean", &["xf"], |_| {});
    assert_kind!(refused(&onnx, &[at, "`axes`"]), Attribute);
    let onnx = integers("ReduceMean", &["x", "axes"], |onnx| {
        onnx.int64s("axes", &[1], &[1]);
    });
    assert_kind!(
        refused(&onnx, &[at, "must come from a DequantizeLinear"]),
        Operand
    );
    // Not over the axis in front of the normalized one.
    for axis in [1, 3] {
        let onnx = reals("LayerNormalization", &["xf", "gamma"], |onnx| {
            onnx.graph.node[1].output[0] = "n".to_string();
            onnx.int64s("axes", &[1], &[axis]);
            onnx.node("ReduceMean", "mean", &["n", "axes"], "yf");
        });
        let parts = ["node `mean`", "in front of the normalized one", "quantize"];
        assert_kind!(refused(&onnx, &parts), Operator);
    }
}

#[test]
fn gathered_cells() {
    let at = "node `at` (Gather)";
    let gather = |indices: &[i64], axis: i64| {
        integers("Gather", &["x", "i"], |onnx| {
            onnx.int("axis", axis);
            onnx.int64s("i", &[indices.len() as i64], indices);
        })
    };
    assert_kind!(
        refused(&gather(&[0], 0), &[at, "`axis`", "batch"]),
        Attribute
    );
    for index in [2, -3, i64::MIN, i64::MAX] {
        let parts = [at, "indices `i`", "axis of size 2"];
        assert_kind!(refused(&gather(&[0, index], 1), &parts), Operand);
    }
    assert_kind!(refused(&gather(&[], 1), &[at, "is empty"]), Operand);
    let onnx = integers("Gather", &["w", "x"], |_| {});
    let parts = [
        at,
        "indices `x`",
        "must be constant",
        "model's input itself",
    ];
    assert_kind!(refused(&onnx, &parts), Operand);
}

#[test]
fn slices() {
    let cut = |starts: &[i64], ends: &[i64], axes: &[i64]| {
        integers("Slice", &["x", "s", "e", "a"], |onnx| {
            for (name, list) in [("s", starts), ("e", ends), ("a", axes)] {
                onnx.int64s(name, &[list.len() as i64], list);
            }
        })
    };
    let at = "node `at` (Slice)";
    assert_kind!(
        refused(&cut(&[0], &[1], &[0]), &[at, "`axis`", "batch"]),
        Attribute
    );
    assert_kind!(
        refused(&cut(&[2], &[1], &[1]), &[at, "names no cell", "size 2"]),
        Operand
    );
    assert_kind!(
        refused(&cut(&[0, 0], &[1], &[1]), &[at, "other lists"]),
        Operand
    );
    assert_kind!(
        refused(&cut(&[0; 20], &[1], &[1]), &[at, "at most 16"]),
        Operand
    );
}

#[test]
fn parts_of_an_axis() {
    let split = |sizes: &[i64], count: usize| {
        let mut onnx = integers("Split", &["x", "sizes"], |onnx| {
            onnx.int("axis", 1);
            onnx.int64s("sizes", &[sizes.len() as i64], sizes);
        });
        for index in 1..count {
            onnx.graph.node[1].output.push(format!("y{index}"));
        }
        onnx
    };
    let at = "node `at` (Split)";
    for (sizes, count) in [
        (&[1, 2][..], 2),
        (&[2], 2),
        (&[-1, 3], 2),
        (&[0, 2], 2),
        (&[i64::MAX, 3], 2),
    ] {
        assert_kind!(
            refused(&split(sizes, count), &[at, "axis of size 2"]),
            Shape
        );
    }
    assert_kind!(
        refused(&split(&[1; 65], 65), &[at, "exactly one output"]),
        Operator
    );
    assert_kind!(
        refused(&split(&[1; 65], 1), &[at, "`split`", "at most 64"]),
        Attribute
    );
}

#[test]
fn functions_of_cells() {
    let onnx = reals("Div", &["xf", "zero"], |onnx| {
        onnx.floats("zero", &[], &[0.0]);
    });
    assert_kind!(
        refused(&onnx, &["node `qy`", "no number", "divisions by 0"]),
        Operator
    );
    let onnx = reals("Sub", &["xf", "w"], |_| {});
    assert_kind!(refused(&onnx, &["node `at` (Sub)", "one number"]), Operator);
    let onnx = reals("Div", &["xf", "four"], |onnx| {
        onnx.floats("four", &[4], &[1.0; 4]);
    });
    assert_kind!(refused(&onnx, &["node `at` (Div)", "one number"]), Operator);
    let onnx = reals("Gelu", &["xf"], |onnx| {
        onnx.string("approximate", "tanh");
    });
    assert_kind!(
        refused(&onnx, &["node `at` (Gelu)", "`approximate`", "exact"]),
        Attribute
    );
    let onnx = integers("Erf", &["x"], |_| {});
    assert_kind!(
        refused(&onnx, &["node `at` (Erf)", "DequantizeLinear"]),
        Operand
    );
}
