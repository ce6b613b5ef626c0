//! The rust-hdl simulation of the engines against the integer model. The co-simulation repeats this with
//! more states and with the Verilog.

use super::model::{DIGEST, RATE, State, WIDTH, hash, merge, permute};
use crate::bench::{Bench, Rng};
use crate::design::Dut;
use crate::goldilocks::P;
use crate::registry;

const SEED: u64 = 1;

#[test]
fn permutations() {
    for (name, states) in [
        ("poseidon2_3", 3),
        ("poseidon2_6_ecp5", 2),
        ("poseidon2_12_ecp5", 2),
    ] {
        let mut dut = registry::kernel(name).unwrap().simulation();
        let mut rng = Rng::new(SEED);
        let states: Vec<State> = (0..states)
            .map(|_| std::array::from_fn(|_| rng.next_u64() % P))
            .collect();
        let ports = [
            "s_valid", "s_ready", "s_tag", "s_word$0", "m_valid", "m_tag", "m_word$0",
        ];
        let [s_valid, s_ready, s_tag, s_word, m_valid, m_tag, m_word] =
            ports.map(|port| dut.port(port));
        let (mut sent, mut received) = (0, 0);
        for cycle in 0..6000 {
            let state = states.get(sent);
            dut.set(s_valid, state.is_some().into());
            if let Some(state) = state {
                dut.set(s_tag, sent as u128);
                (0..WIDTH).for_each(|i| dut.set(s_word + i, state[i].into()));
            }
            dut.settle();
            sent += usize::from(state.is_some() && dut.get(s_ready) == 1);
            if dut.get(m_valid) == 1 {
                let result: State = std::array::from_fn(|i| dut.get(m_word + i) as u64);
                assert_eq!(dut.get(m_tag), received as u128, "{name}, cycle {cycle}");
                assert_eq!(result, permute(states[received]), "{name}, cycle {cycle}");
                received += 1;
            }
            if received == states.len() {
                break;
            }
            dut.clock_edge();
        }
        assert_eq!(received, states.len(), "{name}");
    }
}

#[test]
fn rows_and_pairs() {
    let mut rng = Rng::new(SEED);
    let mut words = |count| -> Vec<u64> { (0..count).map(|_| rng.next_u64() % P).collect() };
    let rows = [1, 8, 9].map(|len| (words(len), false));
    let pair = [(words(RATE), true)];
    let simulation = registry::kernel("poseidon2_sponge_3").unwrap().simulation();
    let mut bench = Bench::new(simulation, SEED);
    let (source, sink) = (bench.source("s"), bench.sink("m"));
    let items: Vec<(Vec<u64>, bool)> = rows.into_iter().chain(pair).collect();
    for (words, is_pair) in &items {
        for (index, &word) in words.iter().enumerate() {
            let is_last = index + 1 == words.len();
            bench.send(source, vec![word.into(), is_last.into(), (*is_pair).into()]);
        }
    }
    let digests = bench.collect(sink, items.len(), 10_000).unwrap();
    for ((words, is_pair), digest) in items.iter().zip(digests) {
        let half = |from: usize| std::array::from_fn(|i| words[from + i]);
        let expected = if *is_pair {
            merge(half(0), half(DIGEST))
        } else {
            hash(words)
        };
        assert_eq!(digest, expected.map(u128::from), "{words:x?}");
    }
}
