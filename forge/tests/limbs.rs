//! Limbs are a range check only while they hold less than the field.

use std::sync::Arc;

use winterforge_air::field::Felt;
use winterforge_air::layout::Kind;
use winterforge_air::plan::{PlanParameters, compile};
use winterforge_forge::forger::Witness;
use winterforge_forge::nets;
use winterforge_forge::stark::Deviation;
use winterforge_model::testing::RandomNet;
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
            }
        }
    }
}

/// Eight limbs of a byte hold every element of the field: a negative remainder is none that a lookup refuses.
#[test]
fn a_remainder_beyond_the_limbs_is_refused() {
    let Some(case) = nets::wide_sum() else {
        return;
    };
    let site = case
        .site(|site| site.kind == Kind::Window && case.is_output(site) && case.branch(site) == 0);
    let mut witness = Witness::honest(&case);
    let (accumulator, code) = (case.accumulator(&site), case.code(&site) + 7);
    witness.fill_lane(&site, accumulator, code);
    let word = Felt::from_signed(witness.remainder(&site) as i64).as_word();
    witness.set_remainder(&site, i128::from(word));
    witness.state(&site, code);
    witness.count();
    let forged = witness.commit().fill().finish(Deviation::None);
    let verdict = verify(&forged.bundle(), &case.graph, &Policy::default());
    assert!(verdict.is_err(), "a false output is accepted");
}
