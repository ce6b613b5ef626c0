//! Networks of every operator, and one that can be run but not proven.

use winterforge_model::testing::{DataType, Form, OnnxBuilder, RandomNet};
use winterforge_model::{Graph, InputBoundary, QType, Quantization, execute, import};

use crate::support::{Scratch, integer_rows, integers, json, winterforge};

/// Small networks with the paths of their files.
fn networks(scratch: &Scratch, count: usize) -> Vec<(Graph, String)> {
    (0..)
        .map(|seed| (seed, RandomNet::any(seed).file(Form::QOperator)))
        .filter_map(|(seed, file)| {
            let graph = import(&file, "random").ok()?;
            Some((graph, scratch.write(&format!("{seed}.onnx"), &file)))
        })
        .take(count)
        .collect()
}

/// An input file with one sample, and what the reference executor makes of it.
fn sample(scratch: &Scratch, graph: &Graph) -> (String, Vec<i64>) {
    let type_min = graph.tensor(graph.input).quantization.qtype.min();
    let x: Vec<f32> = (0..graph.input_len())
        .map(|cell| match &graph.input_boundary {
            InputBoundary::Float => (cell * 37 % 64) as f32 / 8.0 - 4.0,
            InputBoundary::Quantized => (type_min + (cell * 37 % 256) as i32) as f32,
            InputBoundary::Tokens(_) => (cell * 37 % graph.vocabulary().unwrap()) as f32,
        })
        .collect();
    let numbers: Vec<String> = x.iter().map(f32::to_string).collect();
    let nested = graph
        .input_shape()
        .iter()
        .rev()
        .fold(numbers, |cells, &size| {
            let lists = cells.chunks(size);
            lists.map(|list| format!("[{}]", list.join(","))).collect()
        });
    let path = scratch.write("x.json", format!("[{}]", nested.join(",")).as_bytes());
    let execution = execute(graph, &graph.quantize_input(&x)).unwrap();
    let output = execution.tensors[graph.output.0].iter();
    (path, output.map(|&q| i64::from(q)).collect())
}

/// An average pool over more cells than are proven.
fn wide_average(scratch: &Scratch) -> (Graph, String) {
    let mut onnx = OnnxBuilder::new();
    let dims = [None, Some(1), Some(18), Some(18)];
    onnx.input("x", DataType::INT8, &dims);
    let quantization = |scale: f32, zero_point: i32| Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    };
    onnx.quantization("x", quantization(0.5, 3));
    onnx.quantization("y", quantization(0.3, -4));
    let inputs = ["x", "x_scale", "x_zero_point", "y_scale", "y_zero_point"];
    onnx.node("com.microsoft:QLinearAveragePool", "pool", &inputs, "y");
    onnx.ints("kernel_shape", &[17, 17]);
    onnx.output("y", DataType::INT8);
    let file = onnx.build();
    let graph = import(&file, "wide").unwrap();
    (graph, scratch.write("wide.onnx", &file))
}

#[test]
fn what_cannot_be_proven_can_be_run() {
    let scratch = Scratch::new();
    let (graph, file) = wide_average(&scratch);
    let (x, expected) = sample(&scratch, &graph);
    let result = json(0, &["run", &file, "--input", &x]);
    assert_eq!(integers(&result["output_q"]), expected, "{file}");

    let reason =
        "node `pool`: this AveragePool can be run but not proven: it has more than 256 cells";
    let bundle = scratch.path("out.wfp");
    for more in [&[][..], &["--dry-run"]] {
        let arguments = ["prove", &file, "--input", &x, "-o", &bundle, "--json"];
        let ran = winterforge(&[&arguments, more].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        let explains = ran.stderr.contains(reason) && ran.stderr.contains("hint: ");
        assert!(explains, "{ran:?}");
    }
    assert!(!scratch.names().contains(&"out.wfp".to_owned()));

    let report = json(0, &["inspect", &file]);
    assert_eq!(report["provable"], false);
    assert!(
        report["unprovable"].as_str().unwrap().contains(reason),
        "{report}"
    );
    let operators = report["operators"].as_array().unwrap();
    assert_eq!(operators.len(), graph.nodes.len());
    let text = winterforge(&["inspect", &file]).stdout;
    assert!(text.contains("no proof"), "{text}");
}

#[test]
fn random_networks_are_proven_and_verified() {
    let scratch = Scratch::new();
    for (graph, file) in networks(&scratch, 12) {
        let (x, expected) = sample(&scratch, &graph);
        let result = json(0, &["run", &file, "--input", &x]);
        assert_eq!(integers(&result["output_q"]), expected, "{file}");
        let bundle = scratch.path("out.wfp");
        json(0, &["prove", &file, "--input", &x, "-o", &bundle]);
        let verdict = json(0, &["verify", &bundle, "--model", &file, "--input", &x]);
        assert_eq!(integer_rows(&verdict["outputs_q"]), [expected], "{file}");
    }
}
