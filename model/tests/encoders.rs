//! Transformer encoders against ONNX Runtime: every golden input in every form, and every tensor of the first ones.

mod support;

use std::collections::BTreeSet;

use support::{Array, array, arrays, path};
use winterforge_model::{Execution, Graph, Op, TensorId, execute, load, read_input};

/// How the network is written; the file of its goldens.
const FORMS: [(&str, &str); 3] = [
    ("model.onnx", "outputs.npz"),
    ("model_qdq.onnx", "outputs_qdq.npz"),
    ("model_u8.onnx", "outputs_u8.npz"),
];

const ENCODERS: [&str; 3] = ["attn_digits", "encoder", "tokens"];

/// Samples of `encoder/model_qdq.onnx` with other outputs. Its products are read as integer operators, and five of 645,720
/// results of these, which nearly are ties, differ from the rounded sums of float32 numbers of that file.
const FLOAT_TIES: [usize; 2] = [46, 55];

/// The graph, and what it computes for each input.
fn runs(model: &str, file: &str) -> (Graph, Vec<Execution>) {
    let graph = load(&path(model, file)).unwrap();
    let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
    let run = |index| execute(&graph, &graph.quantize_input(samples.sample(index))).unwrap();
    let runs = (0..samples.count).map(run).collect();
    (graph, runs)
}

#[test]
fn outputs_of_every_form() {
    for model in ENCODERS {
        for (file, goldens) in FORMS {
            let (graph, runs) = runs(model, file);
            let [q_last, logits] = ["q_last", "logits"].map(|name| array(model, goldens, name));
            assert_eq!(runs.len(), q_last.rows());
            for (index, run) in runs.iter().enumerate() {
                let q = &run.tensors[graph.output.0];
                if (model, file) == ("encoder", "model_qdq.onnx") && FLOAT_TIES.contains(&index) {
                    assert_ne!(q, &q_last.integers(index));
                    continue;
                }
                assert_eq!(q, &q_last.integers(index), "{model}/{file} sample {index}");
                let y = graph.dequantize_output(q);
                let bits: Vec<_> = y.iter().map(|v| v.to_bits()).collect();
                assert_eq!(
                    bits,
                    logits.float_bits(index),
                    "{model}/{file} sample {index}"
                );
            }
        }
    }
}

#[test]
fn inputs_and_classes() {
    for (model, least) in [("attn_digits", 190), ("encoder", 57), ("tokens", 59)] {
        let (graph, runs) = runs(model, "model.onnx");
        // Where rows are looked up, they are among the tensors in between.
        let q_in = (graph.vocabulary().is_none()).then(|| array(model, "inputs.npz", "q_in"));
        let (label, floats) = (
            array(model, "inputs.npz", "label"),
            array(model, "outputs.npz", "float_logits"),
        );
        let (mut right, mut as_float) = (0, 0);
        for (index, run) in runs.iter().enumerate() {
            if let Some(q_in) = &q_in {
                let q = &run.tensors[graph.input.0];
                assert_eq!(q, &q_in.integers(index), "{model} {index}");
            }
            let y = &run.tensors[graph.output.0];
            let class = (0..y.len()).max_by_key(|&i| (y[i], std::cmp::Reverse(i)));
            let reals: Vec<_> = (floats.float_bits(index).into_iter())
                .map(f32::from_bits)
                .collect();
            let best = (0..y.len()).max_by(|&a, &b| reals[a].total_cmp(&reals[b]));
            right += usize::from(class == Some(label.int64(index) as usize));
            as_float += usize::from(class == best);
        }
        assert!(
            right >= least && as_float >= least,
            "{model}: {right} {as_float}"
        );
    }
}

/// The tensor that a golden array is of. The file quantizes some tensors in a node of their own, with another name.
fn golden_of<'a>(goldens: &'a [Array], name: &str) -> Option<&'a Array> {
    let name = name.trim_start_matches('/').replace('/', ".");
    let quantized = format!("{name}_quantized");
    (goldens.iter()).find(|golden| golden.name == name || golden.name == quantized)
}

#[test]
fn every_tensor_in_between() {
    for (model, sizes) in [
        ("attn_digits", [4, 29, 512, 2176]),
        ("encoder", [1, 47, 2048, 2048]),
        ("tokens", [1, 25, 288, 400]),
    ] {
        let goldens = arrays(model, "intermediates.npz");
        let (graph, runs) = runs(model, "model.onnx");
        let mut compared = BTreeSet::new();
        let [mut softmax, mut normalized] = [0; 2];
        for (id, tensor) in graph.tensors.iter().enumerate() {
            if id == graph.input.0 && graph.vocabulary().is_none() {
                continue;
            }
            let op = graph
                .producer(TensorId(id))
                .map(|node| &graph.nodes[node].op);
            let Some(golden) = golden_of(&goldens, &tensor.name) else {
                // The archives leave out what only moves cells; and there is no other `norm` than its first row.
                let moves = matches!(op, None | Some(Op::View | Op::Transpose { .. }));
                assert!(moves || tensor.name == "norm", "{model}: {}", tensor.name);
                continue;
            };
            assert_eq!(golden.rows(), sizes[0]);
            for (index, run) in runs.iter().take(golden.rows()).enumerate() {
                let found = &run.tensors[id];
                assert_eq!(
                    found,
                    &golden.integers(index),
                    "{model} {} {index}",
                    tensor.name
                );
                match op {
                    Some(Op::Softmax { .. }) => softmax += found.len(),
                    Some(Op::LayerNorm(_)) => normalized += found.len(),
                    _ => {}
                }
            }
            compared.insert(&golden.name);
        }
        assert_eq!([compared.len(), softmax, normalized], sizes[1..], "{model}");
    }
}

#[test]
fn accumulators_stay_in_their_bounds() {
    for model in ENCODERS {
        let (graph, runs) = runs(model, "model.onnx");
        let ranges = graph.accumulator_ranges();
        for (index, node) in graph.nodes.iter().enumerate() {
            let channels = node.op.requant().len();
            for &acc in &runs[0].accumulators[index][..] {
                assert!(acc.abs() < 1 << 48);
                if channels == 1 {
                    let (low, high) = ranges[index][0];
                    assert!((low..=high).contains(&acc), "{model} {}", node.name);
                }
            }
        }
    }
}

#[test]
fn operators_are_what_the_file_has() {
    let count = |model: &str, name: &str| {
        let graph = load(&path(model, "model.onnx")).unwrap();
        graph
            .nodes
            .iter()
            .filter(|node| node.op.name() == name)
            .count()
    };
    let names = [
        "MatMul",
        "Softmax",
        "LayerNorm",
        "Linear",
        "Mul",
        "Table",
        "Gather",
    ];
    let found = ENCODERS.map(|model| names.map(|name| count(model, name)));
    assert_eq!(
        found,
        [
            [2, 1, 3, 8, 3, 1, 0],
            [4, 2, 5, 14, 0, 4, 1],
            [2, 1, 3, 7, 0, 2, 0]
        ]
    );
}
