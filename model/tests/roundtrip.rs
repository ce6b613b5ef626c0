//! Random graphs, written as ONNX in both forms and read back.

use proptest::prelude::*;
use winterforge_model::testing::{Form, RandomMlp, onnx_bytes, random_input, random_mlp};
use winterforge_model::{Graph, Op, QType, execute, import};

/// The graph without its names.
fn nameless(mut graph: Graph) -> Graph {
    graph
        .tensors
        .iter_mut()
        .for_each(|tensor| tensor.name.clear());
    graph.nodes.iter_mut().for_each(|node| node.name.clear());
    graph
}

fn without_bias(mut graph: Graph) -> Graph {
    for node in &mut graph.nodes {
        if let Op::Linear(linear) = &mut node.op {
            linear.bias.fill(0);
        }
    }
    graph
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_forms_import_to_the_graph(seed: u64) {
        let graph = RandomMlp::any(seed, 12).build();
        // QLinearMatMul has no bias.
        let biasless = without_bias(graph.clone());
        for (form, graph) in [(Form::Qdq, graph), (Form::QOperator, biasless)] {
            let read = import(&onnx_bytes(&graph, form), "random.onnx").unwrap();
            prop_assert_eq!(read.id(), graph.id());
            prop_assert_eq!(nameless(read), nameless(graph));
        }
    }

    #[test]
    fn executions_stay_in_their_bounds(seed: u64) {
        let graph = RandomMlp::any(seed, 12).build();
        let execution = execute(&graph, &random_input(seed, &graph)).unwrap();
        for (index, node) in graph.nodes.iter().enumerate() {
            let Op::Linear(linear) = &node.op else {
                prop_assert!(execution.accumulators[index].is_empty());
                continue;
            };
            let y = &execution.tensors[node.output.0];
            let (qmin, qmax) = graph.tensor_range(node.output);
            for (cell, &acc) in execution.accumulators[index].iter().enumerate() {
                let channel = cell % linear.out_features;
                let (low, high) = graph.accumulator_range(index, channel);
                prop_assert!((low..=high).contains(&acc));
                prop_assert!((qmin..=qmax).contains(&y[cell]));
                prop_assert_eq!(y[cell], linear.requant[channel].apply(acc));
                if let Some(constant) = graph.constant_output(index, channel) {
                    prop_assert_eq!(y[cell], constant);
                }
            }
        }
    }

    /// The bounds are reached by the inputs that the weights' signs ask for.
    #[test]
    fn accumulator_bounds_are_tight(seed: u64) {
        let graph = random_mlp(seed, &[7, 3]);
        let Op::Linear(linear) = &graph.nodes[0].op else { unreachable!() };
        for channel in 0..3 {
            let extreme = |sign: i16| -> Vec<i32> {
                let row = linear.row(channel).iter();
                row.map(|w| if w * sign > 0 { QType::I8.max() } else { QType::I8.min() }).collect()
            };
            let reach = |x: Vec<i32>| execute(&graph, &x).unwrap().accumulators[0][channel];
            let reached = (reach(extreme(-1)), reach(extreme(1)));
            prop_assert_eq!(graph.accumulator_range(0, channel), reached);
        }
    }
}

#[test]
fn outputs_use_their_range() {
    // The generator is only worth something if few outputs are saturated.
    let graph = random_mlp(1, &[64, 48, 32, 16]);
    let mut saturated = 0;
    for seed in 0..50 {
        let execution = execute(&graph, &random_input(seed, &graph)).unwrap();
        let y = &execution.tensors[graph.output.0];
        saturated += y.iter().filter(|&&q| q == -128 || q == 127).count();
    }
    assert!(
        saturated < 50 * 16 / 3,
        "{saturated} of {} outputs saturate",
        50 * 16
    );
}

#[test]
fn every_field_counts_for_the_id() {
    let graph = random_mlp(5, &[4, 3, 2]);
    type Change = fn(&mut Graph);
    fn linear(graph: &mut Graph) -> &mut winterforge_model::Linear {
        match &mut graph.nodes[0].op {
            Op::Linear(linear) => linear,
            _ => unreachable!(),
        }
    }
    let changes: [Change; 14] = [
        |g| linear(g).weights[3] += 1,
        |g| linear(g).weights.swap(0, 1),
        |g| linear(g).bias[1] -= 1,
        |g| linear(g).requant[0].multiplier += 1,
        |g| linear(g).requant[0].shift += 1,
        |g| linear(g).requant[2].qmin += 1,
        |g| linear(g).requant[2].qmax -= 1,
        |g| linear(g).weight_quantization[0].scale *= 2.0,
        |g| linear(g).weight_quantization[0].zero_point += 1,
        |g| linear(g).alpha = 2.0,
        |g| g.tensors[0].quantization.scale *= 2.0,
        |g| g.tensors[1].quantization.zero_point ^= 1,
        |g| g.tensors[0].shape.insert(0, 1),
        |g| g.output_boundary = winterforge_model::OutputBoundary::Quantized,
    ];
    let mut ids = vec![graph.id()];
    for change in changes {
        let mut changed = graph.clone();
        change(&mut changed);
        assert_ne!(changed.canonical_bytes(), graph.canonical_bytes());
        ids.push(changed.id());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 15);

    let mut renamed = graph.clone();
    renamed.tensors[0].name = "another".to_string();
    renamed.nodes[0].name = "another".to_string();
    assert_eq!(renamed.id(), graph.id());
}
