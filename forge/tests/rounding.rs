//! For every accumulator that a channel can reach there is one code, and it is the executor's: whatever branch the
//! prover takes and whatever limbs it finds.

use std::sync::Arc;

use winterforge_air::layout::BYTE_ROWS;
use winterforge_air::plan::{PlanParameters, compile};
use winterforge_air::rounding::{Channel, Rounding, line_value, window_sides};
use winterforge_model::testing::{RandomMlp, Rng};
use winterforge_model::{Graph, Op};

/// Whether the constraints can be met for this code, by any branch.
fn has_witness(channel: &Channel, limbs: usize, accumulator: i64, code: i64) -> bool {
    let fits = |value: i128, limbs: usize| (0..1i128 << (8 * limbs)).contains(&value);
    let width = match channel.rounding {
        Rounding::Line { .. } => 4,
        Rounding::Window { .. } => limbs,
    };
    if code < channel.code_min || code > channel.code_max {
        return false;
    }
    let high = code == channel.code_max
        && fits(
            i128::from(accumulator) - i128::from(channel.saturates_high),
            width,
        );
    let low = code == channel.code_min
        && fits(
            i128::from(channel.saturates_low) - i128::from(accumulator),
            width,
        );
    let none = match channel.rounding {
        Rounding::Line { slope, offset } => {
            line_value(slope, offset, accumulator).0 == i128::from(code)
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let (low, high) = window_sides(multiplier, shift, zero_code, accumulator, code);
            fits(i128::from(low), width) && fits(i128::from(high), width)
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
        let limbs = plan.shards[0].layout.shape.window_limbs;
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
                        let accepted = has_witness(channel, limbs, accumulator, code);
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
