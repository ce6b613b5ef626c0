//! Networks of every operator, also of those that can be run but not proven.

use winterforge_model::testing::{Form, RandomNet};
use winterforge_model::{Boundary, Graph, Op, execute, import};

use crate::support::{Scratch, integer_rows, integers, json, winterforge};

/// Small networks that `is_wanted`, with the paths of their files.
fn networks(
    scratch: &Scratch,
    is_wanted: impl Fn(&Graph) -> bool,
    count: usize,
) -> Vec<(Graph, String)> {
    (0..)
        .map(|seed| (seed, RandomNet::any(seed).file(Form::QOperator)))
        .filter_map(|(seed, file)| {
            let graph = import(&file, "random").ok()?;
            is_wanted(&graph).then(|| (graph, scratch.write(&format!("{seed}.onnx"), &file)))
        })
        .take(count)
        .collect()
}

/// An input file with one sample, and what the reference executor makes of it.
fn sample(scratch: &Scratch, graph: &Graph) -> (String, Vec<i64>) {
    let type_min = graph.tensor(graph.input).quantization.qtype.min();
    let x: Vec<f32> = (0..graph.input_len())
        .map(|cell| match graph.input_boundary {
            Boundary::Float => (cell * 37 % 64) as f32 / 8.0 - 4.0,
            Boundary::Quantized => (type_min + (cell * 37 % 256) as i32) as f32,
        })
        .collect();
    let numbers: Vec<String> = x.iter().map(f32::to_string).collect();
    let nested = graph
        .tensor(graph.input)
        .shape
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

fn has_no_tables(graph: &Graph) -> bool {
    let mut ops = graph.nodes.iter().map(|node| &node.op);
    ops.any(|op| matches!(op, Op::Mul(_) | Op::AveragePool(_)))
}

#[test]
fn what_cannot_be_proven_yet_can_be_run() {
    let scratch = Scratch::new();
    for (graph, file) in networks(&scratch, has_no_tables, 8) {
        let (x, expected) = sample(&scratch, &graph);
        let result = json(0, &["run", &file, "--input", &x]);
        assert_eq!(integers(&result["output_q"]), expected, "{file}");

        let bundle = scratch.path("out.wfp");
        for more in [&[][..], &["--dry-run"]] {
            let arguments = ["prove", &file, "--input", &x, "-o", &bundle, "--json"];
            let ran = winterforge(&[&arguments, more].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
            assert!(
                ran.stderr.contains("can be run but not proven yet")
                    && ran.stderr.contains("node `")
                    && ran.stderr.contains("hint: "),
                "{ran:?}"
            );
        }
        assert!(!scratch.names().contains(&"out.wfp".to_owned()));

        let report = json(0, &["inspect", &file]);
        assert_eq!(report["provable"], false);
        let reason = report["unprovable"].as_str().unwrap();
        assert!(reason.contains("can be run but not proven yet"), "{reason}");
        let operators = report["operators"].as_array().unwrap();
        assert_eq!(operators.len(), graph.nodes.len());
        let text = winterforge(&["inspect", &file]).stdout;
        assert!(text.contains("no proof"), "{text}");
    }
}

#[test]
fn what_has_tables_is_proven_and_verified() {
    let scratch = Scratch::new();
    let mut proven = 0;
    for (graph, file) in networks(&scratch, |graph| !has_no_tables(graph), 12) {
        let (x, expected) = sample(&scratch, &graph);
        let result = json(0, &["run", &file, "--input", &x]);
        assert_eq!(integers(&result["output_q"]), expected, "{file}");
        if json(0, &["inspect", &file])["provable"] == false {
            continue;
        }
        let bundle = scratch.path("out.wfp");
        json(0, &["prove", &file, "--input", &x, "-o", &bundle]);
        let verdict = json(0, &["verify", &bundle, "--model", &file, "--input", &x]);
        assert_eq!(integer_rows(&verdict["outputs_q"]), [expected], "{file}");
        proven += 1;
    }
    assert!(proven >= 6, "{proven}");
}
