//! Drives the BLAKE3 kernels: blocks in, chaining values out, cycles counted.

use winterforge_hdl::bench::{Bench, BenchError, SinkId, SourceId};
use winterforge_hdl::blake3::model::Input;
use winterforge_hdl::design::Dut;

/// A BLAKE3 kernel with its two streams.
pub struct Blake3Bench<D> {
    /// The bench, for gaps, stalls and resets.
    pub bench: Bench<D>,
    input: SourceId,
    output: SinkId,
    sent: usize,
    received: usize,
}

/// A chaining value out of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// The value.
    pub chaining_value: [u32; 8],
    /// The cycle in which it left.
    pub cycle: u64,
}

/// Why there are no chaining values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blake3Error {
    /// See there.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// A result with the tag of another block.
    #[error("tag {tag} where {expected} is due")]
    Tag {
        /// The tag seen.
        tag: u128,
        /// The tag of the block.
        expected: u128,
    },
}

fn tag(number: usize) -> u128 {
    (number % 251) as u128
}

impl<D: Dut> Blake3Bench<D> {
    /// Resets the kernel and attaches to its streams.
    pub fn new(dut: D, seed: u64) -> Self {
        let mut bench = Bench::new(dut, seed);
        let input = bench.source("s");
        let output = bench.sink("m");
        Self {
            bench,
            input,
            output,
            sent: 0,
            received: 0,
        }
    }

    /// Queues a block.
    pub fn send(&mut self, input: &Input) {
        let mut beat: Vec<u128> = Vec::with_capacity(28);
        beat.extend(input.chaining_value.map(u128::from));
        beat.extend(input.block.map(u128::from));
        beat.push(input.counter.into());
        beat.push(input.block_bytes.into());
        beat.push(input.flags.into());
        beat.push(tag(self.sent));
        self.bench.send(self.input, beat);
        self.sent += 1;
    }

    /// Runs until the next `count` results are out.
    ///
    /// # Errors
    /// If the kernel breaks a stream rule, mixes up tags, or does not finish within `max_cycles`.
    pub fn receive(
        &mut self,
        count: usize,
        max_cycles: u64,
    ) -> Result<Vec<Compressed>, Blake3Error> {
        let output = self.output;
        self.bench
            .run_until(max_cycles, |bench| bench.received(output).len() >= count)?;
        let mut results = Vec::with_capacity(count);
        for (cycle, beat) in self.bench.received(output).drain(..count) {
            let expected = tag(self.received);
            if beat[8] != expected {
                let tag = beat[8];
                return Err(Blake3Error::Tag { tag, expected });
            }
            self.received += 1;
            results.push(Compressed {
                chaining_value: std::array::from_fn(|i| beat[i] as u32),
                cycle,
            });
        }
        Ok(results)
    }

    /// Compresses blocks that do not depend on each other.
    ///
    /// # Errors
    /// As [`Blake3Bench::receive`].
    pub fn compress(
        &mut self,
        inputs: &[Input],
        max_cycles: u64,
    ) -> Result<Vec<[u32; 8]>, Blake3Error> {
        inputs.iter().for_each(|input| self.send(input));
        let results = self.receive(inputs.len(), max_cycles)?;
        Ok(results.iter().map(|result| result.chaining_value).collect())
    }
}
