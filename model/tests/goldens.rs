//! Every golden input of the bundled models, in every form, bit for bit.

mod support;

use support::{MODELS, array, arrays, path};
use winterforge_model::{Execution, Graph, Op, execute, load, read_input};

fn run(graph: &Graph, x: &[f32]) -> Execution {
    execute(graph, &graph.quantize_input(x)).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Checks `q_last` and the logits of every sample; returns how many there were.
fn check_outputs(model: &str, file: &str, goldens: &str) -> usize {
    let graph = load(&path(model, file)).unwrap();
    let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
    let (q_last, logits) = (
        array(model, goldens, "q_last"),
        array(model, goldens, "logits"),
    );
    assert_eq!(samples.count, q_last.rows());
    for index in 0..samples.count {
        let execution = run(&graph, samples.sample(index));
        let q = &execution.tensors[graph.output.0];
        assert_eq!(q, &q_last.integers(index), "{model}/{file} sample {index}");
        let y = graph.dequantize_output(q);
        assert_eq!(
            bits(&y),
            logits.float_bits(index),
            "{model}/{file} sample {index}"
        );
    }
    samples.count
}

#[test]
fn outputs_of_the_qoperator_form() {
    let counts = MODELS.map(|model| check_outputs(model, "model.onnx", "outputs.npz"));
    assert_eq!(counts, [200, 200, 171, 200, 24]);
}

#[test]
fn outputs_of_the_qdq_form() {
    for model in MODELS {
        check_outputs(model, "model_qdq.onnx", "outputs.npz");
    }
}

#[test]
fn outputs_of_the_unsigned_form() {
    for model in MODELS {
        check_outputs(model, "model_u8.onnx", "outputs_u8.npz");
    }
}

#[test]
fn quantized_inputs() {
    for model in MODELS {
        let q_in = array(model, "inputs.npz", "q_in");
        for file in ["model.onnx", "model_qdq.onnx"] {
            let graph = load(&path(model, file)).unwrap();
            let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
            for index in 0..samples.count {
                let q = graph.quantize_input(samples.sample(index));
                assert_eq!(q, q_in.integers(index), "{model}/{file} sample {index}");
            }
        }
    }
}

#[test]
fn every_tensor_in_between() {
    for model in MODELS {
        let goldens = arrays(model, "intermediates.npz");
        for file in ["model.onnx", "model_qdq.onnx"] {
            let graph = load(&path(model, file)).unwrap();
            let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
            assert_eq!(goldens.len(), graph.tensors.len());
            for index in 0..goldens[0].rows() {
                let execution = run(&graph, samples.sample(index));
                for (tensor, golden) in execution.tensors.iter().zip(&goldens) {
                    let name = &golden.name;
                    assert_eq!(
                        tensor,
                        &golden.integers(index),
                        "{model}/{file} {name} {index}"
                    );
                }
            }
        }
    }
}

#[test]
fn tensors_are_named_as_in_the_file() {
    let graph = load(&path("mlp_bc", "model.onnx")).unwrap();
    let goldens = arrays("mlp_bc", "intermediates.npz");
    for (tensor, golden) in graph.tensors.iter().zip(&goldens) {
        assert_eq!(
            tensor.name.trim_start_matches('/').replace('/', "."),
            golden.name
        );
    }
}

#[test]
fn accumulators_stay_in_their_bounds() {
    for model in MODELS {
        let graph = load(&path(model, "model.onnx")).unwrap();
        let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
        let execution = run(&graph, samples.sample(0));
        let ranges = graph.accumulator_ranges();
        for (node, accumulators) in execution.accumulators.iter().enumerate() {
            let is_conv = matches!(graph.nodes[node].op, Op::Conv(_));
            let channels = graph.nodes[node].op.requant().len();
            for (cell, &acc) in accumulators.iter().enumerate() {
                let channel = if is_conv {
                    cell / (accumulators.len() / channels)
                } else {
                    cell % channels
                };
                let (low, high) = ranges[node][channel];
                assert!((low..=high).contains(&acc));
                // The goldens' README states 2^23 for these models.
                assert!(-(1 << 23) < low && high < 1 << 23);
            }
        }
    }
}

#[test]
fn ids_tell_models_apart() {
    let id = |model, file| load(&path(model, file)).unwrap().id().to_string();
    for model in MODELS {
        assert_eq!(
            id(model, "model.onnx"),
            id(model, "model_qdq.onnx"),
            "{model}"
        );
        assert_ne!(
            id(model, "model.onnx"),
            id(model, "model_u8.onnx"),
            "{model}"
        );
    }
    assert_ne!(id("mlp_bc", "model.onnx"), id("mlp_digits", "model.onnx"));
}
