//! Permutations: integer model = rust-hdl simulation = Verilated RTL = Plonky3.

use p3_field::{PrimeCharacteristicRing, PrimeField64};
use p3_goldilocks::{Goldilocks, default_goldilocks_poseidon2_12};
use p3_symmetric::Permutation;
use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::poseidon2::model::{State, permute};
use winterforge_hdl::poseidon2::plan::PERMUTATION_PRODUCTS;
use winterforge_hdl::registry;
use winterforge_sim::poseidon2::EngineBench;
use winterforge_sim::steady::cycles_per_job;
use winterforge_sim::{co_verify, verify_rtl};

const SEED: u64 = 17;

const ENGINES: [&str; 3] = ["poseidon2_3", "poseidon2_6_ecp5", "poseidon2_12_ecp5"];

/// Longer than any engine takes for one state.
const MAX_LATENCY_CYCLES: u64 = 5000;

fn random_state(rng: &mut Rng) -> State {
    let edges = field::edge_values();
    std::array::from_fn(|_| match rng.below(4) {
        0 => edges[rng.below(edges.len() as u64) as usize],
        _ => rng.next_u64() % P,
    })
}

/// Each edge value in all words, each in one word among zeros, then random states.
fn states(rng: &mut Rng, random: usize) -> Vec<State> {
    let edges = field::edge_values();
    let uniform = edges.iter().map(|&edge| [edge; 12]);
    let single = edges.iter().enumerate().map(|(index, &edge)| {
        let mut state = [0; 12];
        state[index % 12] = edge;
        state
    });
    let mut states: Vec<State> = uniform.chain(single).collect();
    states.extend((0..random).map(|_| random_state(rng)));
    states
}

fn check(dut: &mut dyn Dut, states: &[State], gap: f64, seed: u64) -> Result<(), String> {
    let mut engine = EngineBench::new(dut, seed);
    engine.bench.gap_probability = gap;
    for (index, state) in states.iter().enumerate() {
        engine.send(index as u8, state);
    }
    // Gaps have 1 / (1 - gap) cycles on the average.
    let wait = MAX_LATENCY_CYCLES + (25.0 / (1.0 - gap)) as u64;
    for (index, state) in states.iter().enumerate() {
        let result = engine.receive(wait).map_err(|error| error.to_string())?;
        if result.tag != index as u8 || result.state != permute(*state) {
            return Err(format!("state {index}, {state:x?}: {result:x?}"));
        }
    }
    Ok(())
}

#[test]
fn three_ways() {
    let states = states(&mut Rng::new(SEED), 0);
    for kernel in ENGINES {
        co_verify(kernel, |dut| check(dut, &states[..24], 0.0, SEED));
    }
}

#[test]
fn random_and_edge_states() {
    let states = states(&mut Rng::new(SEED), 700);
    for kernel in ENGINES {
        verify_rtl(kernel, |dut| check(dut, &states, 0.0, SEED));
    }
}

#[test]
fn every_pattern_of_gaps() {
    let mut rng = Rng::new(SEED + 1);
    for kernel in ENGINES {
        for (index, gap) in [0.5, 0.97, 0.995, 0.9995].into_iter().enumerate() {
            let states: Vec<State> = (0..60).map(|_| random_state(&mut rng)).collect();
            verify_rtl(kernel, |dut| check(dut, &states, gap, SEED + index as u64));
        }
    }
}

#[test]
fn reset_at_any_cycle() {
    for kernel in ENGINES {
        verify_rtl(kernel, |dut| {
            let mut rng = Rng::new(SEED);
            for _ in 0..40 {
                let mut engine = EngineBench::new(&mut *dut, rng.next_u64());
                engine.bench.gap_probability = 0.9;
                for index in 0..60 {
                    engine.send(index, &random_state(&mut rng));
                }
                for _ in 0..rng.below(4000) {
                    engine.bench.tick().map_err(|error| error.to_string())?;
                }
                drop(engine);
                let states: Vec<State> = (0..3).map(|_| random_state(&mut rng)).collect();
                check(&mut *dut, &states, 0.0, rng.next_u64())?;
            }
            Ok(())
        });
    }
}

/// From the count of cycles: at most 1.1 times the products of a permutation by the multipliers.
#[test]
fn steady_state_is_near_the_bound() {
    const STATES: usize = 100;
    const WARM: usize = 10;
    for kernel in ENGINES {
        let parameters = registry::kernel(kernel).unwrap().parameters;
        let multipliers = parameters
            .iter()
            .find(|(key, _)| *key == "multipliers")
            .unwrap()
            .1;
        verify_rtl(kernel, |dut| {
            let mut engine = EngineBench::new(dut, SEED);
            let state = [1; 12];
            (0..STATES).for_each(|index| engine.send(index as u8, &state));
            let mut ends = Vec::new();
            for _ in 0..STATES {
                let result = engine.receive(MAX_LATENCY_CYCLES);
                ends.push(result.map_err(|error| error.to_string())?.cycle);
            }
            let cycles = cycles_per_job(&ends[WARM..]);
            let bound = PERMUTATION_PRODUCTS as f64 / multipliers as f64;
            let ratio = cycles / bound;
            println!("{kernel}: {cycles:.2} cycles, bound {bound:.2}, ratio {ratio:.4}");
            if ratio > 1.10 {
                return Err(format!("{ratio:.3} of the bound"));
            }
            Ok(())
        });
    }
}

#[test]
fn model_is_plonky3() {
    let permutation = default_goldilocks_poseidon2_12();
    for state in states(&mut Rng::new(SEED), 500) {
        let words = permutation.permute(state.map(Goldilocks::from_u64));
        assert_eq!(permute(state), words.map(|word| word.as_canonical_u64()));
    }
}
