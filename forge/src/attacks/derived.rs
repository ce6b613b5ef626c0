//! Attacks on what the verifier derives: seed, plan, options; and on values that change after the fact.

use winter_air::{BatchingMethod, FieldExtension, ProofOptions};
use winter_math::FieldElement;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::plan::PlanParameters;
use winterforge_verifier::bundle::{HashId, Header, Values};
use winterforge_verifier::challenge::joint_challenges;
use winterforge_verifier::instance::Instance;
use winterforge_verifier::security::{Profile, SecurityLevel};

use super::checks::wide_limb;
use super::forgery;
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::lattice::short_solutions;
use crate::merkle::Digest;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let mut forgeries = seeds(case);
    forgeries.push(other_output(case, honest));
    forgeries.extend(after_the_fact(case, honest));
    forgeries.extend(options(case));
    forgeries.push(plans());
    forgeries
}

fn seeds(case: &Case) -> Vec<Forgery> {
    let without_roots = wide_limb(case).seed(&[Digest::default()]);
    [
        ("a seed of the prover's choice", [7; 32]),
        ("a seed without the main roots", without_roots),
    ]
    .map(|(name, seed)| {
        let committed = wide_limb(case).commit_under(seed).repair_multiplicities();
        // The roots follow the multiplicities, the seed does not.
        let mut committed = committed;
        committed.roots = committed
            .segments
            .iter()
            .map(|segment| segment.tree.root())
            .collect();
        let forged = committed.fill().finish(Deviation::None);
        let mut forgery = forgery(case, name, "R1", Stop::Seed, &forged);
        forgery.trust.seed = Some(seed);
        forgery
    })
    .into()
}

/// An output found after the challenge: other bytes with the same random combination.
fn other_output(case: &Case, honest: &Forged) -> Forgery {
    const CELLS: usize = 44;
    let plan = &case.instance.plan;
    let rho = joint_challenges::<Cube>(&honest.seed).rho;
    let coefficients: Vec<[Felt; 3]> = (0..CELLS)
        .map(|index| {
            let power = rho.exp_vartime(plan.output_equations + index as u64);
            [0, 1, 2].map(|coordinate| power.base_element(coordinate))
        })
        .collect();
    let mut forged = honest.clone();
    let Values::Quantized(qtype, y) = &mut forged.header.output.values else {
        unreachable!("outputs are quantized");
    };
    let fits = |change: &[i64], sign: i64| {
        let moved = y.iter().zip(change).map(|(&y, &by)| y + (sign * by) as i32);
        moved.into_iter().all(|y| qtype.contains(y))
    };
    let solutions = short_solutions(&coefficients);
    let signed = |change: Vec<i64>| {
        let sign = [1, -1].into_iter().find(|&sign| fits(&change, sign))?;
        Some((change, sign))
    };
    let (change, sign) = solutions
        .into_iter()
        .find_map(signed)
        .expect("a short solution");
    for (y, by) in y.iter_mut().zip(change) {
        *y += (sign * by) as i32;
    }
    let name = "y is chosen after the challenge";
    let mut forgery = forgery(case, name, "R1, public value y", Stop::Seed, &forged);
    forgery.trust.seed = Some(honest.seed);
    forgery
}

/// Header fields that are changed in a finished bundle. A verifier that took the seed from the prover would not notice.
fn after_the_fact(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let change = |name: &'static str, rule: &'static str, edit: &dyn Fn(&mut Header)| {
        let mut forged = honest.clone();
        edit(&mut forged.header);
        assert_ne!(forged.header, honest.header, "{name}");
        let mut forgery = forgery(case, name, rule, Stop::Seed, &forged);
        forgery.prize = Prize::Malleability;
        forgery.trust.seed = Some(honest.seed);
        forgery.trust.instance = Some(case.instance.clone());
        forgery
    };
    let codes = case.graph.quantize_input(&case.x);
    let quantization = case.graph.tensor(case.graph.input).quantization;
    let set_input = |header: &mut Header, index: usize, value: f32| {
        if let Values::Float(x) = &mut header.input.values {
            x[index] = value;
        }
    };
    let lowest = codes
        .iter()
        .position(|&code| code == quantization.qtype.min());
    vec![
        change("x changes by an ulp", "R1, public value x", &|header| {
            set_input(header, 1, f32::from_bits(case.x[1].to_bits() + 1));
        }),
        change(
            "x becomes a NaN of the same code",
            "R1, public value x",
            &|header| {
                set_input(header, lowest.unwrap_or(0), f32::from_bits(0x7fc0_1234));
            },
        ),
        change("another limit on rows", "R1, R3", &|header| {
            header.parameters.plan.max_log_rows = 17;
        }),
        change("another level", "R1, R12", &|header| {
            header.parameters.level = SecurityLevel::Bits128;
        }),
        change("another profile", "R1, R12", &|header| {
            header.parameters.profile = Profile::Small;
        }),
        change("another hash", "R1", &|header| {
            header.parameters.hash = match header.parameters.hash {
                HashId::Blake3 => HashId::Poseidon2,
                HashId::Poseidon2 => HashId::Blake3,
            };
        }),
    ]
}

/// Proofs with cheaper options than the header's.
fn options(case: &Case) -> Vec<Forgery> {
    let real = &case.instance.options;
    let weak = |queries: usize, blowup: usize, grinding: u32| {
        ProofOptions::new(
            queries,
            blowup,
            grinding,
            FieldExtension::Cubic,
            8,
            255,
            BatchingMethod::Linear,
            BatchingMethod::Linear,
        )
    };
    let (queries, blowup, grinding) = (
        real.num_queries(),
        real.blowup_factor(),
        real.grinding_factor(),
    );
    [
        ("fewer queries", weak(queries / 2, blowup, grinding)),
        ("less work", weak(queries, blowup, 1)),
        ("a smaller domain", weak(queries, blowup / 2, grinding)),
    ]
    .map(|(name, options)| {
        let mut witness = Witness::honest(case);
        witness.instance.options = options;
        let instance = witness.instance.clone();
        let forged = witness.commit().fill().finish(Deviation::None);
        let mut forgery = forgery(case, name, "R3, R12", Stop::Plan, &forged);
        forgery.prize = Prize::WeakProof;
        forgery.trust.instance = Some(instance);
        forgery
    })
    .into()
}

/// A proof under another plan than the header's.
fn plans() -> Forgery {
    let sharded = Case::sharded();
    let mut parameters = sharded.parameters;
    parameters.plan = PlanParameters { max_log_rows: 10 };
    let instance = Instance::new(sharded.graph.clone(), sharded.executions.len(), parameters)
        .expect("a provable model");
    let other = sharded.with_instance(instance);
    let forged = Witness::honest(&other)
        .commit()
        .fill()
        .finish(Deviation::None);
    let mut layout = forgery(
        &sharded,
        "another split into shards",
        "R3",
        Stop::Plan,
        &forged,
    );
    layout.prize = Prize::Freedom;
    layout.trust.instance = Some(other.instance);
    layout
}
