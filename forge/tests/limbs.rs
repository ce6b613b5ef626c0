//! Limbs are a range check only while they hold less than the field.

use std::sync::Arc;

use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, Shape};
use winterforge_air::plan::{PlanError, PlanParameters, compile};
use winterforge_air::witness::window_limbs;
use winterforge_forge::forger::Witness;
use winterforge_forge::nets::{self, int8};
use winterforge_forge::stark::Deviation;
use winterforge_model::testing::{RandomNet, Rng};
use winterforge_model::{Linear, Op, Requant};
use winterforge_verifier::{Policy, verify};

/// Sides are below 2^62 in magnitude. With limbs of 62 bits at most, a side and its limbs that agree modulo p agree.
const MOST_BITS: u32 = 62;

#[test]
fn limbs_hold_less_than_the_field() {
    for seed in 0..300 {
        let graph = Arc::new(RandomNet::any(seed).build());
        for max_log_rows in [9, 18, 20] {
            let Ok(plan) = compile(graph.clone(), 1, PlanParameters { max_log_rows }) else {
                continue;
            };
            for shard in &plan.shards {
                let shape = &shard.layout.shape;
                let range = shape.window_range();
                assert!(range.size <= 1 << MOST_BITS, "seed {seed}");
                assert!(
                    (4..=5).contains(&(range.size >> (range.bits - 2))),
                    "seed {seed}: {range:?}"
                );
                limbs_hold_the_range_and_no_more(shape);
            }
        }
    }
}

/// The halves of an output are as wide as what limbs can hold: wider limbs would reach into the next output.
fn limbs_hold_the_range_and_no_more(shape: &Shape) {
    let range = shape.window_range();
    let weight = |limb: usize| match limb + 1 == shape.window_limbs {
        true => 1_i64 << shape.top_shift(),
        false => 1 << (shape.limb_bits * limb as u32),
    };
    let most = (1_i64 << shape.limb_bits) - 1;
    let largest: i64 = (0..shape.window_limbs)
        .map(|limb| most * weight(limb))
        .sum();
    assert_eq!(largest, range.size - 1, "{shape:?}");
    let below = 1 << (shape.limb_bits * (shape.window_limbs as u32 - 1));
    let full = 1 << range.bits;
    for remainder in [0, 1, below - 1, below, full - 1, largest - 1, largest] {
        let limbs: Vec<i64> = (window_limbs(shape, remainder).iter())
            .map(|limb| limb.to_signed())
            .collect();
        let sum: i64 = limbs.iter().enumerate().map(|(i, l)| l * weight(i)).sum();
        assert_eq!(sum, remainder, "{shape:?}");
        assert!(limbs.iter().all(|limb| (0..=most).contains(limb)));
    }
}

/// The widest windows there are: a remainder that is negative, and so no sum of limbs, is refused.
#[test]
fn a_remainder_beyond_the_limbs_is_refused() {
    let case = nets::case(nets::wide_sum(20).graph(), 4, 40);
    let range = case.instance.plan.shards[0].layout.shape.window_range();
    assert_eq!(range.bits, 51);
    let site = case
        .site(|site| site.kind == Kind::Window && case.is_output(site) && case.branch(site) == 0);
    let mut witness = Witness::honest(&case);
    let (accumulator, code) = (case.accumulator(&site), case.code(&site) + 7);
    witness.fill_lane(&site, accumulator, code);
    assert!(witness.remainder(&site) < 0);
    let word = Felt::from_signed(witness.remainder(&site) as i64).as_word();
    witness.set_remainder(&site, i128::from(word));
    witness.state(&site, code);
    witness.count();
    let forged = witness.commit().fill().finish(Deviation::None);
    let verdict = verify(&forged.bundle(), &case.graph, &Policy::default());
    assert!(verdict.is_err(), "a false output is accepted");
}

/// All windows of a plan have one range check: what one channel needs must leave every other's products below p.
#[test]
fn windows_without_a_common_range_are_refused() {
    let plan = |net: nets::Net| compile(Arc::new(net.graph()), 1, PlanParameters::default());
    assert!(matches!(
        plan(nets::wide_sum(22)),
        Err(PlanError::Channel { .. })
    ));
    let common = (0..8).map(|seed| {
        let mut net = nets::wide_sum(20);
        let mut rng = Rng::new(seed);
        let y = int8(1.0, -4);
        // Outputs that saturate but for a few: their window's products are large.
        let requant = (0..4)
            .map(|_| Requant::new(rng.log_float(50.0, 900.0), y).unwrap())
            .collect();
        let linear = Linear {
            in_features: 3,
            out_features: 4,
            weights: (0..12).map(|_| rng.int(-90, 90) as i16).collect(),
            bias: vec![0; 4],
            requant,
            weight_quantization: vec![int8(0.02, 0); 4],
            alpha: 1.0,
        };
        net.node(Op::Linear(linear), &[2], &[4], y);
        plan(net)
    });
    let refused = common
        .filter_map(Result::err)
        .find_map(|error| match error {
            PlanError::Windows { least, most } => Some((least, most)),
            _ => None,
        });
    let (least, most) = refused.expect("channels without a common range");
    assert_eq!(least, 51);
    assert!(most < least, "{most}");
}
