//! ONNX's own node tests of the integer operators, as far as they are 8-bit with float32 scales.
//!
//! In these files every operand is an input of the graph. What a model has as constants is moved to
//! the initializers, and the graph imported and executed; conversions at the boundary, which are no
//! graphs of integer operators, run through [`Quantization`]; and the accumulators of
//! `ConvInteger` and `MatMulInteger`, whose results are no 8-bit tensors, through the same operators
//! with a requantization behind them that is not looked at.

use rten_onnx::onnx::{AttributeProto, DataType};
use winterforge_model::testing::OnnxBuilder;
use winterforge_model::testing::node_case::{Array, with_constants};
use winterforge_model::{Execution, Graph, QType, Quantization, execute, import};

fn run(graph: &Graph, samples: &[i32]) -> Vec<Execution> {
    let samples = samples.chunks_exact(graph.input_len());
    samples
        .map(|sample| execute(graph, sample).unwrap())
        .collect()
}

/// Imports the case, and compares the results of all samples.
fn check_graph(case: &str, batch: bool) {
    let model = with_constants(case, batch);
    let graph = import(&model.write_buf().unwrap(), case).unwrap();
    let x = Array::read(case, "input_0.pb").integers();
    let executions = run(&graph, &x);
    let y = executions
        .into_iter()
        .flat_map(|e| e.tensors[graph.output.0].clone());
    assert_eq!(
        y.collect::<Vec<_>>(),
        Array::read(case, "output_0.pb").integers(),
        "{case}"
    );
}

#[test]
fn products() {
    check_graph("qlinearconv", false);
    check_graph("qlinearmatmul_2D_int8_float32", false);
    check_graph("qlinearmatmul_2D_uint8_float32", false);
    // The first axis of these is no batch, since b differs along it.
    check_graph("qlinearmatmul_3D_int8_float32", true);
    check_graph("qlinearmatmul_3D_uint8_float32", true);
}

/// The accumulators of a case without scales: the same node with scales of 1 and the zero points
/// given, whose output is not looked at.
fn check_accumulators(case: &str, operator: &str) {
    let model = with_constants(case, false).graph.unwrap();
    let attributes: Vec<AttributeProto> = model.node[0].attribute.clone();
    let x = Array::read(case, "input_0.pb");
    let names = &model.node[0].input;
    let mut onnx = OnnxBuilder::new();
    let dims: Vec<_> = x.dims.iter().map(|&d| Some(d as i64)).collect();
    onnx.input(&names[0], DataType::UINT8, &dims);
    onnx.graph.initializer = model.initializer;
    onnx.floats("one", &[], &[1.0])
        .bytes("zero", QType::U8, &[], &[0]);
    let zero_point = |index: usize| names.get(index).map_or("zero", String::as_str);
    let operands = [
        &names[0],
        "one",
        zero_point(2),
        &names[1],
        "one",
        zero_point(3),
        "one",
        "zero",
    ];
    onnx.node(operator, "node", &operands, "y");
    onnx.graph.node[0].attribute = attributes;
    onnx.output("y", DataType::UINT8);
    let graph = import(&onnx.build(), case).unwrap();
    let executions = run(&graph, &x.integers());
    let sums: Vec<_> = executions
        .into_iter()
        .flat_map(|e| e.accumulators.concat())
        .collect();
    let expected = Array::read(case, "output_0.pb").integers();
    let expected: Vec<_> = expected.into_iter().map(i64::from).collect();
    assert_eq!(sums, expected, "{case}");
}

#[test]
fn accumulators() {
    check_accumulators("convinteger_without_padding", "QLinearConv");
    check_accumulators("matmulinteger", "QLinearMatMul");
    // Two channels with different zero points, which a QLinearConv does not take: one at a time.
    let case = "convinteger_with_padding";
    let (x, w) = (
        Array::read(case, "input_0.pb"),
        Array::read(case, "input_1.pb"),
    );
    let zero_points = Array::read(case, "input_3.pb").integers();
    let expected = Array::read(case, "output_0.pb").integers();
    let filter = w.integers().len() / zero_points.len();
    for (channel, &zero_point) in zero_points.iter().enumerate() {
        let mut onnx = OnnxBuilder::new();
        let dims: Vec<_> = x.dims.iter().map(|&d| Some(d as i64)).collect();
        onnx.input("x", DataType::UINT8, &dims);
        let unit = |zero_point| Quantization {
            scale: 1.0,
            zero_point,
            qtype: QType::U8,
        };
        let x_zero_point = Array::read(case, "input_2.pb").integers()[0];
        onnx.quantization("x", unit(x_zero_point))
            .quantization("w", unit(zero_point));
        let w_dims: Vec<_> = [1]
            .into_iter()
            .chain(w.dims[1..].iter().map(|&d| d as i64))
            .collect();
        onnx.bytes(
            "w",
            QType::U8,
            &w_dims,
            &w.integers()[channel * filter..][..filter],
        );
        let names = [
            "x",
            "x_scale",
            "x_zero_point",
            "w",
            "w_scale",
            "w_zero_point",
        ];
        let names = [&names[..], &["x_scale", "x_zero_point"]].concat();
        onnx.node("QLinearConv", "node", &names, "y")
            .ints("pads", &[1; 4]);
        onnx.output("y", DataType::UINT8);
        let graph = import(&onnx.build(), case).unwrap();
        let sums = run(&graph, &x.integers()).remove(0).accumulators.remove(0);
        let expected = expected[channel * sums.len()..][..sums.len()].iter();
        assert!(
            sums.iter().copied().eq(expected.map(|&v| i64::from(v))),
            "{channel}"
        );
    }
}

/// The quantization of each cell of `shape`, from scales along `axis` in blocks of `block`.
fn quantizations(case: &str, shape: &[usize], axis: usize, block: usize) -> Vec<Quantization> {
    let scales = Array::read(case, "input_1.pb");
    let zero_points = Array::read(case, "input_2.pb");
    let qtype = match zero_points.proto.data_type {
        Some(DataType::INT8) => QType::I8,
        Some(DataType::UINT8) => QType::U8,
        other => panic!("{other:?}"),
    };
    let (values, zero_points) = (scales.floats(), zero_points.integers());
    let inner: usize = shape[axis + 1..].iter().product();
    let cells = shape.iter().product::<usize>();
    let index = |cell: usize| match scales.dims.as_slice() {
        [] => 0,
        [_] => cell / inner % shape[axis],
        _ => {
            let (outer, at) = (cell / inner / shape[axis], cell / inner % shape[axis]);
            (outer * (shape[axis] / block) + at / block) * inner + cell % inner
        }
    };
    (0..cells)
        .map(|cell| Quantization {
            scale: values[index(cell)],
            zero_point: zero_points[index(cell)],
            qtype,
        })
        .collect()
}

#[test]
fn conversions() {
    let whole = ["", "_axis", "_blocked_asymmetric", "_blocked"];
    for (suffix, axis, block) in [(whole[0], 0, 1), (whole[1], 1, 1), (whole[2], 1, 2)] {
        let case = format!("quantizelinear{suffix}");
        let x = Array::read(&case, "input_0.pb");
        let quantizations = quantizations(&case, &x.dims, axis, block);
        let y: Vec<_> = quantizations
            .iter()
            .zip(x.floats())
            .map(|(q, x)| q.quantize(x))
            .collect();
        assert_eq!(y, Array::read(&case, "output_0.pb").integers(), "{case}");
    }
    for (suffix, axis, block) in [(whole[0], 0, 1), (whole[1], 1, 1), (whole[3], 1, 2)] {
        let case = format!("dequantizelinear{suffix}");
        let x = Array::read(&case, "input_0.pb");
        let quantizations = quantizations(&case, &x.dims, axis, block);
        let y: Vec<_> = quantizations
            .iter()
            .zip(x.integers())
            .map(|(q, x)| q.dequantize(x))
            .collect();
        assert_eq!(y, Array::read(&case, "output_0.pb").floats(), "{case}");
    }
}

#[test]
fn scales_chosen_by_the_input() {
    for (kind, form) in ["", "_max_adjusted", "_min_adjusted"]
        .into_iter()
        .flat_map(|kind| [(kind, ""), (kind, "_expanded")])
    {
        let case = format!("dynamicquantizelinear{kind}{form}");
        let x = Array::read(&case, "input_0.pb").floats();
        let quantization = Quantization::covering(&x).unwrap();
        let y: Vec<_> = x.iter().map(|&x| quantization.quantize(x)).collect();
        assert_eq!(y, Array::read(&case, "output_0.pb").integers(), "{case}");
        assert_eq!(
            [quantization.scale],
            Array::read(&case, "output_1.pb").floats()[..],
            "{case}"
        );
        let zero_point = Array::read(&case, "output_2.pb").integers();
        assert_eq!([quantization.zero_point], zero_point[..], "{case}");
    }
    assert_eq!(Quantization::covering(&[0.0]), None);
}

/// The table in the documentation: each case in testdata is exact there, and no other.
#[test]
fn the_table_lists_every_case() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = std::fs::read_to_string(root.join("docs/conformance.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let mut exact: Vec<String> = rows
        .filter_map(|row| row.split_once(" | exact"))
        .map(|(case, _)| format!("test_{case}"))
        .collect();
    exact.sort_unstable();
    let cases = std::fs::read_dir(root.join("testdata/onnx_node_tests")).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut cases: Vec<String> = cases
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    cases.sort_unstable();
    assert_eq!(exact, cases);
}
