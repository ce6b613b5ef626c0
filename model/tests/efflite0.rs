//! EfficientNet-Lite0, whose files are too large for the repository: every golden picture in every
//! form, bit for bit, and the channels that are folded.

mod support;

use support::{arrays_in, shared_path};
use winterforge_model::{Graph, execute, load, read_input};

const MODEL: &str = "efflite0";

fn read(file: &str) -> Option<Graph> {
    Some(load(&shared_path(MODEL, file)?).unwrap())
}

/// The array `name` of the outputs, if there is one.
fn check(file: &str, suffix: &str) {
    let (Some(graph), Some(inputs), Some(outputs)) = (
        read(file),
        shared_path(MODEL, "inputs.npz"),
        shared_path(MODEL, "outputs.npz"),
    ) else {
        return;
    };
    let samples = read_input(&inputs, &graph).unwrap();
    let outputs = arrays_in(&outputs);
    let find = |name: &str| {
        let name = format!("{name}{suffix}");
        outputs.iter().find(|array| array.name == name)
    };
    let (q_last, logits) = (find("q_last").unwrap(), find("logits").unwrap());
    for index in 0..samples.count {
        let execution = execute(&graph, &graph.quantize_input(samples.sample(index))).unwrap();
        let q = &execution.tensors[graph.output.0];
        assert_eq!(q, &q_last.integers(index), "{file} picture {index}");
        let reals = graph.dequantize_output(q);
        let bits: Vec<_> = reals.iter().map(|y| y.to_bits()).collect();
        assert_eq!(bits, logits.float_bits(index), "{file} picture {index}");
    }
}

#[test]
fn outputs_of_the_qoperator_form() {
    check("model.onnx", "");
}

#[test]
fn constant_channels_may_overflow() {
    let Some(graph) = read("model.onnx") else {
        return;
    };
    let int32 = i64::from(i32::MIN)..=i64::from(i32::MAX);
    let exact = -(1 << 24)..=1 << 24;
    let (mut constant, mut beyond_int32, mut beyond_24_bits) = (0, 0, 0);
    for (node, ranges) in graph.accumulator_ranges().iter().enumerate() {
        for (channel, (low, high)) in ranges.iter().enumerate() {
            let is_constant = graph.constant_output(node, channel).is_some();
            constant += usize::from(is_constant);
            if !(int32.contains(low) && int32.contains(high)) {
                assert!(is_constant);
                beyond_int32 += 1;
            }
            if !(exact.contains(low) && exact.contains(high)) {
                assert!(is_constant);
                beyond_24_bits += 1;
            }
        }
    }
    println!("{constant} constant, {beyond_24_bits} beyond 2^24, {beyond_int32} beyond int32");
    assert_eq!((beyond_24_bits, beyond_int32), (125, 9));
}
