//! Transformer encoders against ONNX Runtime: every golden input, and every tensor of the first ones.

mod support;

use support::{array, arrays, path};
use winterforge_model::{Graph, Op, execute, load, read_input};

const ENCODERS: [&str; 1] = ["attn_digits"];

#[test]
fn every_tensor_in_between_of_encoders() {
    for model in ENCODERS {
        let goldens = arrays(model, "intermediates.npz");
        let graph = load(&path(model, "model.onnx")).unwrap();
        let samples = read_input(&path(model, "inputs.npz"), &graph).unwrap();
        for golden in &goldens {
            let tensor = graph.tensors.iter().position(|tensor| {
                tensor.name.trim_start_matches('/').replace('/', ".") == golden.name
            });
            let Some(tensor) = tensor else { println!("absent {}", golden.name); continue; };
            let mut differ = 0;
            for index in 0..golden.rows() {
                let execution = execute(&graph, &graph.quantize_input(samples.sample(index))).unwrap();
                differ += execution.tensors[tensor].iter().zip(&golden.integers(index)).filter(|(a, b)| a != b).count();
            }
            println!("{} {differ}", golden.name);
        }
        let q_last = array(model, "outputs.npz", "q_last");
        let mut differ = 0;
        for index in 0..samples.count {
            let execution = execute(&graph, &graph.quantize_input(samples.sample(index))).unwrap();
            differ += execution.tensors[graph.output.0].iter().zip(&q_last.integers(index)).filter(|(a, b)| a != b).count();
        }
        println!("q_last {differ}");
    }
}
