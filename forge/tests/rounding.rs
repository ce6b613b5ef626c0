//! For every accumulator that a channel can reach there is one code, and it is the executor's: whatever branch the
//! prover takes and whatever limbs it finds.

use std::sync::Arc;

use winterforge_air::layout::{BYTE_ROWS, Shape};
use winterforge_air::plan::{PlanParameters, compile};
use winterforge_air::rounding::{Channel, Rounding, line_value};
use winterforge_forge::nets::{Net, int8};
use winterforge_model::testing::{RandomMlp, Rng};
use winterforge_model::{AddRule, Elementwise, Graph, Op};

/// Whether the constraints can be met for this code, by any branch.
fn has_witness(channel: &Channel, shape: &Shape, accumulator: i64, code: i64) -> bool {
    let range = shape.window_range();
    let size = match channel.rounding {
        Rounding::Line { .. } => 1 << shape.line_bits(),
        Rounding::Window { .. } => i128::from(range.size),
    };
    let fits = |value: i128| (0..size).contains(&value);
    if code < channel.code_min || code > channel.code_max {
        return false;
    }
    let high = code == channel.code_max
        && fits(i128::from(accumulator) - i128::from(channel.saturates_high));
    let low = code == channel.code_min
        && fits(i128::from(channel.saturates_low) - i128::from(accumulator));
    let none = match channel.rounding {
        Rounding::Line { slope, offset } => {
            line_value(slope, offset, accumulator).0 == i128::from(code)
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let position = range.position(multiplier, shift, accumulator);
            let in_half = |upper| {
                let start = range.start(code - zero_code, upper);
                fits(position - i128::from(start))
            };
            in_half(false) || in_half(true)
        }
    };
    high || low || none
}

/// The ends of the range, and both sides of every step of the exact rule.
fn accumulators(graph: &Graph, node: usize, channel: usize, rng: &mut Rng) -> Vec<i64> {
    let (low, high) = graph.accumulator_range(node, channel);
    let Op::Linear(linear) = &graph.nodes[node].op else {
        return Vec::new();
    };
    let requant = &linear.requant[channel];
    let mut list = vec![low, high];
    let mut from = low;
    while from < high && requant.apply(from) != requant.apply(high) {
        let (mut below, mut above) = (from, high);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if requant.apply(middle) == requant.apply(from) {
                below = middle;
            } else {
                above = middle;
            }
        }
        list.extend([below - 1, below, above, above + 1]);
        from = above;
    }
    list.extend((0..20).map(|_| rng.int(low, high)));
    list.retain(|acc| (low..=high).contains(acc));
    list
}

/// Every pair of codes of random additions: the code of the float32 rule, and no other near it or at the ends.
#[test]
fn one_code_for_each_pair_of_an_addition() {
    for seed in 0..16 {
        let mut rng = Rng::new(seed);
        let mut quantization = |scale: f32| int8(scale, rng.int(-128, 127) as i32);
        let (a, b) = (
            quantization(0.7),
            quantization(0.7 * 1.37f32.powi(seed as i32 - 8)),
        );
        let y = quantization(0.9 + b.scale);
        let mut net = Net::new(&[1], a);
        let other = net.table(0, 7, b);
        net.node(Op::Add(Elementwise::default()), &[0, other], &[1], y);
        let graph = Arc::new(net.graph());
        let plan = compile(graph, 1, PlanParameters::default()).unwrap();
        let rule = AddRule::new(a, b, y).unwrap();
        let addition = plan.pieces.additions.values().next().unwrap();
        let channel = plan.channels.iter().flatten().next().unwrap();
        let shape = &plan.shards[0].layout.shape;
        for (at_a, at_b) in (0..256).flat_map(|a| (0..256).map(move |b| (a, b))) {
            let accumulator = addition.factor * (at_a - 128) + addition.inner[at_b as usize];
            let truth = i64::from(rule.apply(at_a as i32 - 128, at_b - 128) + 128);
            for code in [truth - 2, truth - 1, truth, truth + 1, truth + 2, 0, 255] {
                let accepted = has_witness(channel, shape, accumulator, code);
                assert_eq!(
                    accepted,
                    code == truth,
                    "seed {seed}: {at_a} + {at_b}, code {code}"
                );
            }
        }
    }
}

/// Checks every channel of a graph.
fn check(graph: Graph, context: &str) -> usize {
    let graph = Arc::new(graph);
    let mut rng = Rng::new(9);
    let mut checked = 0;
    // With one sample both tables are likely, with many the windows alone.
    for batch in [1, 300] {
        let Ok(plan) = compile(graph.clone(), batch, PlanParameters::default()) else {
            panic!("{context}: no plan");
        };
        let shape = &plan.shards[0].layout.shape;
        for (piece, channels) in plan.channels.iter().enumerate() {
            let node = plan.pieces.list[piece].node;
            let Op::Linear(linear) = &graph.nodes[node].op else {
                continue;
            };
            let type_min = graph
                .tensor(graph.nodes[node].output)
                .quantization
                .qtype
                .min();
            for (index, channel) in channels.iter().enumerate() {
                for accumulator in accumulators(&graph, node, index, &mut rng) {
                    let truth = i64::from(linear.requant[index].apply(accumulator) - type_min);
                    for code in -1..=BYTE_ROWS as i64 {
                        let accepted = has_witness(channel, shape, accumulator, code);
                        assert_eq!(
                            accepted,
                            code == truth,
                            "{context} node {node} channel {index} {channel:?}: accumulator {accumulator}, code {code}, truth {truth}"
                        );
                    }
                    checked += 1;
                }
            }
        }
    }
    checked
}

#[test]
fn one_code_for_each_accumulator_of_random_models() {
    let mut checked = 0;
    for seed in 0..60 {
        checked += check(RandomMlp::any(seed, 6).build(), &format!("seed {seed}"));
    }
    assert!(checked > 10_000, "{checked}");
}

#[test]
fn one_code_under_narrow_clamps_and_extreme_biases() {
    for seed in 0..60 {
        let mut graph = RandomMlp::any(seed, 4).build();
        let mut rng = Rng::new(seed);
        for node in &mut graph.nodes {
            if let Op::Linear(linear) = &mut node.op {
                for (requant, bias) in linear.requant.iter_mut().zip(&mut linear.bias) {
                    let low = rng.int(-128, 255) as i32;
                    let high = low + rng.int(0, 40) as i32;
                    requant.then_clamp(low, high);
                    match rng.int(0, 5) {
                        0 => *bias = (1 << 24) + rng.int(-9, 9) as i32,
                        1 => *bias = -(1 << 24) + rng.int(-9, 9) as i32,
                        2 => *bias = (1 << 30) + rng.int(-9, 9) as i32,
                        3 => *bias = i32::MIN / 2,
                        _ => {}
                    }
                }
            }
        }
        if graph.validate().is_ok()
            && compile(Arc::new(graph.clone()), 1, PlanParameters::default()).is_ok()
        {
            check(graph, &format!("seed {seed}"));
        }
    }
}
