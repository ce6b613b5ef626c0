//! Random networks of every operator, in both forms.

use proptest::prelude::*;
use winterforge_model::testing::{Form, RandomNet, random_input};
use winterforge_model::{Graph, LayerNormRule, Node, Op, execute, import};

/// The channel of a cell of the result of an operator with accumulators.
fn channel_of(graph: &Graph, node: usize, cell: usize) -> usize {
    let node = &graph.nodes[node];
    let cells = graph.tensor(node.output).len();
    match &node.op {
        Op::Linear(linear) => cell % linear.out_features,
        Op::Conv(conv) => cell / (cells / conv.out_channels),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_forms_import_to_one_graph(seed: u64) {
        for net in [RandomNet::any(seed), RandomNet::encoder(seed)] {
            let graph = net.build();
            prop_assert_eq!(graph.validate(), Ok(()));
            let other = import(&net.file(Form::Qdq), "random.onnx").unwrap();
            prop_assert_eq!(other.id(), graph.id());
        }
    }

    #[test]
    fn executions_stay_in_their_bounds(seed: u64) {
        for net in [RandomNet::any(seed), RandomNet::encoder(seed)] {
            check_bounds(&net.build(), seed)?;
        }
    }
}

fn check_bounds(graph: &Graph, seed: u64) -> Result<(), TestCaseError> {
    let execution = execute(graph, &random_input(seed, graph)).unwrap();
    let tensors = graph.tensor_ranges();
    let accumulators = graph.accumulator_ranges();
    for (index, node) in graph.nodes.iter().enumerate() {
        let y = &execution.tensors[node.output.0];
        let (low, high) = tensors[node.output.0];
        prop_assert!(y.iter().all(|q| (low..=high).contains(q)));
        let sums = &execution.accumulators[index];
        let rule = norm_rule(graph, node);
        let has_sums = rule.is_some() || !node.op.requant().is_empty();
        prop_assert_eq!(sums.len(), if has_sums { y.len() } else { 0 });
        for (cell, acc) in sums.iter().enumerate() {
            if let Some(rule) = &rule {
                let (low, high) = rule.range(cell % rule.features());
                prop_assert!((low..=high).contains(acc));
                prop_assert_eq!(rule.of_sum(*acc), y[cell]);
                continue;
            }
            let channel = channel_of(graph, index, cell);
            let (low, high) = accumulators[index][channel];
            prop_assert!((low..=high).contains(acc));
            prop_assert_eq!(node.op.requant()[channel].apply(*acc), y[cell]);
            if let Some(constant) = graph.constant_output(index, channel) {
                prop_assert_eq!(constant, y[cell]);
            }
        }
    }
    Ok(())
}

fn norm_rule(graph: &Graph, node: &Node) -> Option<LayerNormRule> {
    let Op::LayerNorm(norm) = &node.op else {
        return None;
    };
    let (x, y) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    LayerNormRule::new(norm, x.quantization, y.quantization, norm.rows(&x.shape))
}

fn operators(nets: impl Iterator<Item = RandomNet>) -> Vec<&'static str> {
    let nodes = nets.flat_map(|net| net.build().nodes);
    let mut seen: Vec<_> = nodes.map(|node| node.op.name()).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[test]
fn every_operator_occurs() {
    let seen = operators((0..60).map(RandomNet::any));
    let all = [
        "Add",
        "AveragePool",
        "Concat",
        "Conv",
        "GlobalAveragePool",
        "MaxPool",
        "Mul",
        "Pad",
        "Table",
        "Transpose",
        "View",
    ];
    assert_eq!(seen, all);
    let seen = operators((0..60).map(RandomNet::encoder));
    let of_encoders = ["Gather", "LayerNorm", "MatMul", "Softmax"];
    let mut all: Vec<_> = all.into_iter().chain(of_encoders).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}

/// A change of one operator: whether it applies.
macro_rules! change {
    ($pattern:pat => $change:expr) => {
        |op| {
            let $pattern = op else { return false };
            $change;
            true
        }
    };
}

#[test]
fn every_field_counts_for_the_id() {
    type Change = fn(&mut Op) -> bool;
    let changes: [Change; 27] = [
        change!(Op::Conv(conv) => conv.weights[0] ^= 1),
        change!(Op::Conv(conv) => conv.bias[0] ^= 1),
        change!(Op::Conv(conv) => conv.groups += 1),
        change!(Op::Conv(conv) => conv.in_channels += 1),
        change!(Op::Conv(conv) => conv.requant[0].shift += 1),
        change!(Op::Conv(conv) => conv.weight_quantization[0].scale *= 2.0),
        change!(Op::Conv(conv) => conv.window.strides[1] += 1),
        change!(Op::MaxPool(window) => window.pads[2] += 1),
        change!(Op::MaxPool(window) => window.dilations[0] += 1),
        change!(Op::AveragePool(pool) => pool.count_include_pad ^= true),
        change!(Op::AveragePool(pool) => pool.window.kernel[0] += 1),
        change!(Op::GlobalAveragePool { requant } => requant.multiplier ^= 1),
        change!(Op::MatMul { requant } => requant.shift += 1),
        change!(Op::Softmax { whole_steps } => *whole_steps ^= true),
        change!(Op::LayerNorm(norm) => norm.gamma[0] += 1.0),
        change!(Op::LayerNorm(norm) => norm.beta[0] += 1.0),
        change!(Op::LayerNorm(norm) => norm.epsilon *= 2.0),
        change!(Op::LayerNorm(norm) => norm.mean ^= true),
        change!(Op::Gather { axis, .. } => *axis += 1),
        change!(Op::Gather { indices, .. } => indices.push(0)),
        change!(Op::Table(table) => table.values[255] ^= 1),
        change!(Op::Concat { axis } => *axis += 1),
        change!(Op::Transpose { perm } => perm.rotate_left(1)),
        change!(Op::Pad(pad) => pad.value ^= 1),
        change!(Op::Pad(pad) => pad.before[0] += 1),
        |op| match op {
            Op::Add(add) => {
                let constant = add.constants.iter_mut().flatten().next();
                constant.map(|constant| constant.values[0] ^= 1).is_some()
            }
            _ => false,
        },
        |op| match op {
            Op::Mul(mul) if mul.constants[0].is_some() != mul.constants[1].is_some() => {
                mul.constants.swap(0, 1);
                true
            }
            _ => false,
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut applied = false;
        let nets = (0..100).flat_map(|seed| [RandomNet::any(seed), RandomNet::encoder(seed)]);
        for net in nets {
            let graph = net.build();
            for node in 0..graph.nodes.len() {
                let mut changed = graph.clone();
                if change(&mut changed.nodes[node].op) {
                    assert_ne!(changed.id(), graph.id(), "change {number}");
                    applied = true;
                }
            }
        }
        assert!(applied, "change {number} applies nowhere");
    }
}
