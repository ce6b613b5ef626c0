//! Transforms: integer model = rust-hdl simulation = Verilated RTL.

use winterforge_hdl::bench::{Bench, BenchError, Rng, SinkId, SourceId};
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::P;
use winterforge_hdl::ntt::model;
use winterforge_sim::{co_verify, verify_rtl};

const SEED: u64 = 11;

struct Ntt<'a> {
    bench: Bench<&'a mut dyn Dut>,
    command: SourceId,
    input: SourceId,
    output: SinkId,
    words: usize,
}

impl<'a> Ntt<'a> {
    fn new(dut: &'a mut dyn Dut, seed: u64) -> Self {
        let words = dut
            .ports()
            .iter()
            .filter(|port| port.name.starts_with("s_word"))
            .count();
        let mut bench = Bench::new(dut, seed);
        let command = bench.source("command");
        let input = bench.source("s");
        let output = bench.sink("m");
        Self {
            bench,
            command,
            input,
            output,
            words,
        }
    }

    fn send(&mut self, is_inverse: bool, x: &[u64]) {
        let log_n = u128::from(x.len().ilog2());
        self.bench
            .send(self.command, vec![log_n, u128::from(is_inverse)]);
        for beat in x.chunks(self.words) {
            self.bench.send(
                self.input,
                beat.iter().map(|&word| u128::from(word)).collect(),
            );
        }
    }

    /// The next `len` results, and the cycle of the last.
    fn receive(&mut self, len: usize) -> Result<(Vec<u64>, u64), String> {
        let beats = len / self.words;
        let (output, limit) = (self.output, 200 * len as u64 + 1000);
        let done = self
            .bench
            .run_until(limit, |bench| bench.received(output).len() >= beats);
        done.map_err(|error: BenchError| error.to_string())?;
        let mut values = Vec::with_capacity(len);
        let mut end = 0;
        for (index, (cycle, beat)) in self.bench.received(output).drain(..beats).enumerate() {
            let (words, last) = beat.split_at(self.words);
            values.extend(words.iter().map(|&word| word as u64));
            if (last[0] == 1) != (index + 1 == beats) {
                return Err(format!("m_last is {} at beat {index} of {beats}", last[0]));
            }
            end = cycle;
        }
        Ok((values, end))
    }
}

fn random_words(rng: &mut Rng, log_n: usize) -> Vec<u64> {
    (0..1 << log_n).map(|_| rng.next_u64() % P).collect()
}

fn check_jobs(dut: &mut dyn Dut, log_ns: &[usize], gap: f64, stall: f64) -> Result<(), String> {
    let mut rng = Rng::new(SEED);
    let mut ntt = Ntt::new(dut, SEED);
    (ntt.bench.gap_probability, ntt.bench.stall_probability) = (gap, stall);
    let jobs: Vec<(bool, Vec<u64>)> = log_ns
        .iter()
        .map(|&n| (rng.chance(0.5), random_words(&mut rng, n)))
        .collect();
    jobs.iter()
        .for_each(|(is_inverse, x)| ntt.send(*is_inverse, x));
    for (index, (is_inverse, x)) in jobs.iter().enumerate() {
        let (values, _) = ntt.receive(x.len())?;
        if values != model::transform(x, *is_inverse) {
            return Err(format!(
                "job {index}, 2^{}, inverse {is_inverse}",
                x.len().ilog2()
            ));
        }
    }
    Ok(())
}

#[test]
fn small() {
    co_verify("ntt_core_1", |dut| {
        check_jobs(dut, &[3, 4, 5, 6, 3, 6, 4], 0.0, 0.0)
    });
}

#[test]
fn two_lanes() {
    verify_rtl("ntt_core_2", |dut| {
        check_jobs(dut, &[3, 12, 4, 5, 6, 7, 8, 9, 10, 11], 0.2, 0.3)
    });
}
