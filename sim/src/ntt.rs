//! Drives the NTT kernel: commands and words in, results out, cycles counted.

use winterforge_hdl::bench::{Bench, BenchError, SinkId, SourceId};
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::ntt::Command;
use winterforge_hdl::ntt::model::Job;

/// An NTT kernel with its three streams.
pub struct NttBench<D> {
    /// The bench, for gaps, stalls and resets.
    pub bench: Bench<D>,
    command: SourceId,
    input: SourceId,
    output: SinkId,
    words_per_beat: usize,
}

/// What came out of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The values, in order.
    pub values: Vec<u64>,
    /// The cycle in which the last one left.
    pub end_cycle: u64,
}

/// Why a job has no results.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NttError {
    /// See there.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// `m_last` is missing or misplaced.
    #[error("m_last is {is_last} at beat {beat} of {beats}")]
    Last {
        /// Beat of the job.
        beat: usize,
        /// Beats of the job.
        beats: usize,
        /// What was seen.
        is_last: bool,
    },
}

impl<D: Dut> NttBench<D> {
    /// Resets the kernel and attaches to its streams.
    pub fn new(dut: D, seed: u64) -> Self {
        let words = dut
            .ports()
            .iter()
            .filter(|port| port.name.starts_with("s_word"));
        let words_per_beat = words.count();
        let mut bench = Bench::new(dut, seed);
        let command = bench.source("command");
        let input = bench.source("s");
        let output = bench.sink("m");
        Self {
            bench,
            command,
            input,
            output,
            words_per_beat,
        }
    }

    /// Words in a beat of either stream.
    pub fn words_per_beat(&self) -> usize {
        self.words_per_beat
    }

    fn send(&mut self, kind: Command, job: Job, words: &[u64]) {
        let fields = [
            kind as u128,
            job.log_n as u128,
            job.is_inverse.into(),
            job.is_coset.into(),
        ];
        self.bench.send(self.command, fields.to_vec());
        for beat in words.chunks(self.words_per_beat) {
            self.bench
                .send(self.input, beat.iter().map(|&word| word.into()).collect());
        }
    }

    /// Queues both tables of a coset shift, for transforms of up to 2^`log_n` words.
    pub fn send_shift(&mut self, shift: u64, log_n: usize) {
        let inverse = field::power(shift, P - 2);
        for (kind, ratio) in [
            (Command::LoadShift, shift),
            (Command::LoadInverseShift, inverse),
        ] {
            let powers: Vec<u64> =
                std::iter::successors(Some(1), |&power| Some(field::multiply(power, ratio)))
                    .take(1 << log_n)
                    .collect();
            self.send(
                kind,
                Job {
                    log_n,
                    ..Job::default()
                },
                &powers,
            );
        }
    }

    /// Queues a job.
    pub fn send_job(&mut self, job: Job, words: &[u64]) {
        self.send(Command::Transform, job, words);
    }

    /// Runs until the results of the next job are out.
    ///
    /// # Errors
    /// If the kernel breaks a stream rule, marks the end in the wrong place, or does not finish
    /// within `max_cycles`.
    pub fn receive(&mut self, log_n: usize, max_cycles: u64) -> Result<Results, NttError> {
        let beats = (1 << log_n) / self.words_per_beat;
        let output = self.output;
        self.bench
            .run_until(max_cycles, |bench| bench.received(output).len() >= beats)?;
        let mut results = Results {
            values: Vec::with_capacity(1 << log_n),
            end_cycle: 0,
        };
        for (index, (cycle, beat)) in self.bench.received(output).drain(..beats).enumerate() {
            let (words, last) = beat.split_at(self.words_per_beat);
            results.values.extend(words.iter().map(|&word| word as u64));
            let is_last = last == [1];
            if is_last != (index + 1 == beats) {
                return Err(NttError::Last {
                    beat: index,
                    beats,
                    is_last,
                });
            }
            results.end_cycle = cycle;
        }
        Ok(results)
    }
}

/// Cycles that a transform takes at least: the larger of its butterflies by lanes and its words by
/// words per beat.
pub fn bound_cycles(log_n: usize, lanes: u64, words_per_beat: u64) -> u64 {
    let len = 1u64 << log_n;
    (len / 2 * log_n as u64)
        .div_ceil(lanes)
        .max(len / words_per_beat)
}
