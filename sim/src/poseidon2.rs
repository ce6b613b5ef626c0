//! Drives the Poseidon2 kernels: states or rows in, results out, cycles counted.

use winterforge_hdl::bench::{Bench, BenchError, SinkId, SourceId};
use winterforge_hdl::design::Dut;
use winterforge_hdl::poseidon2::model::{Digest, State, hash, merge};
use winterforge_hdl::poseidon2::plan::PERMUTATION_PRODUCTS;

/// An engine with its stream of states and its results.
pub struct EngineBench<D> {
    /// The bench, for gaps and resets.
    pub bench: Bench<D>,
    input: SourceId,
    output: SinkId,
}

/// A permuted state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permuted {
    /// The cycle in which it was there.
    pub cycle: u64,
    /// The name it was sent with.
    pub tag: u8,
    /// The state.
    pub state: State,
}

impl<D: Dut> EngineBench<D> {
    /// Resets the engine and attaches to its ports.
    pub fn new(dut: D, seed: u64) -> Self {
        let mut bench = Bench::new(dut, seed);
        let input = bench.source("s");
        let output = bench.watch("m");
        Self {
            bench,
            input,
            output,
        }
    }

    /// Queues a state under a name.
    pub fn send(&mut self, tag: u8, state: &State) {
        let words = state.iter().map(|&word| word.into());
        let beat = std::iter::once(tag.into()).chain(words).collect();
        self.bench.send(self.input, beat);
    }

    /// Runs until the next result.
    ///
    /// # Errors
    /// If it does not come within `max_cycles`.
    pub fn receive(&mut self, max_cycles: u64) -> Result<Permuted, BenchError> {
        let output = self.output;
        self.bench
            .run_until(max_cycles, |bench| !bench.received(output).is_empty())?;
        let (cycle, beat) = self.bench.received(output).remove(0).unwrap_or_default();
        Ok(Permuted {
            cycle,
            tag: beat[0] as u8,
            state: std::array::from_fn(|i| beat[i + 1] as u64),
        })
    }
}

/// What a sponge hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// 1 to 255 words.
    Words(Vec<u64>),
    /// Two digests.
    Pair(Digest, Digest),
}

impl Row {
    /// What comes of it.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Words(words) => hash(words),
            Self::Pair(left, right) => merge(*left, *right),
        }
    }
}

/// A sponge with its streams.
pub struct SpongeBench<D> {
    /// The bench, for gaps, stalls and resets.
    pub bench: Bench<D>,
    input: SourceId,
    output: SinkId,
}

impl<D: Dut> SpongeBench<D> {
    /// Resets the sponge and attaches to its streams.
    pub fn new(dut: D, seed: u64) -> Self {
        let mut bench = Bench::new(dut, seed);
        let input = bench.source("s");
        let output = bench.sink("m");
        Self {
            bench,
            input,
            output,
        }
    }

    /// Queues a row.
    pub fn send(&mut self, row: &Row) {
        let (words, is_pair) = match row {
            Row::Words(words) => (words.clone(), false),
            Row::Pair(left, right) => ([*left, *right].concat(), true),
        };
        for (index, &word) in words.iter().enumerate() {
            let is_last = index + 1 == words.len();
            let beat = vec![word.into(), is_last.into(), is_pair.into()];
            self.bench.send(self.input, beat);
        }
    }

    /// Runs until the next digest; the cycle in which it left, and the digest.
    ///
    /// # Errors
    /// If the sponge breaks a stream rule, or nothing comes within `max_cycles`.
    pub fn receive(&mut self, max_cycles: u64) -> Result<(u64, Digest), BenchError> {
        let output = self.output;
        self.bench
            .run_until(max_cycles, |bench| !bench.received(output).is_empty())?;
        let (cycle, beat) = self.bench.received(output).remove(0).unwrap_or_default();
        Ok((cycle, std::array::from_fn(|i| beat[i] as u64)))
    }
}

/// Cycles that a permutation takes at least: its products by multipliers, rounded up.
pub fn bound_cycles(multipliers: u64) -> u64 {
    PERMUTATION_PRODUCTS.div_ceil(multipliers)
}
