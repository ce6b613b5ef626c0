//! Drives the Merkle engine: jobs of rows in, nodes of trees out, cycles counted.

use std::collections::BTreeMap;

use winterforge_hdl::bench::{Bench, BenchError, SinkId, SourceId};
use winterforge_hdl::design::Dut;
use winterforge_hdl::merkle::Hash;
use winterforge_hdl::merkle::model::Digest;

/// A Merkle engine with its three streams.
pub struct MerkleBench<D> {
    /// The bench, for gaps, stalls and resets.
    pub bench: Bench<D>,
    command: SourceId,
    input: SourceId,
    output: SinkId,
    /// Rows of the jobs sent.
    sent: Vec<usize>,
    /// Number of the next job to be received.
    next: usize,
    /// Trees of later jobs that have begun to come.
    begun: BTreeMap<usize, Tree>,
}

/// The tree of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Nodes as in [`winterforge_hdl::merkle::model::nodes`].
    pub nodes: Vec<Digest>,
    /// The cycle in which the root left.
    pub end_cycle: u64,
    received: Vec<bool>,
}

/// Why a job has no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// See there.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// A node that does not exist, comes twice, or before a child.
    #[error("job {job}: node {node} is out of place")]
    Node {
        /// The job.
        job: usize,
        /// The node.
        node: usize,
    },
    /// `m_last` is not with the root.
    #[error("job {job}: m_last is {is_last} at node {node}")]
    Last {
        /// The job.
        job: usize,
        /// The node.
        node: usize,
        /// What was seen.
        is_last: bool,
    },
}

impl<D: Dut> MerkleBench<D> {
    /// Resets the engine and attaches to its streams.
    pub fn new(dut: D, seed: u64) -> Self {
        let mut bench = Bench::new(dut, seed);
        let command = bench.source("command");
        let input = bench.source("s");
        let output = bench.sink("m");
        Self {
            bench,
            command,
            input,
            output,
            sent: Vec::new(),
            next: 0,
            begun: BTreeMap::new(),
        }
    }

    /// Queues a job: a power of two of rows, all of the same length.
    pub fn send(&mut self, rows: &[Vec<u64>]) {
        let log_rows = rows.len().ilog2();
        let row_words = rows.first().map_or(0, Vec::len);
        self.bench
            .send(self.command, vec![log_rows.into(), row_words as u128]);
        for &word in rows.iter().flatten() {
            self.bench.send(self.input, vec![word.into()]);
        }
        self.sent.push(rows.len());
    }

    /// Runs until the next job is done.
    ///
    /// # Errors
    /// If the engine breaks a stream rule, gives nodes that make no tree, or does not finish within
    /// `max_cycles`.
    pub fn receive(&mut self, max_cycles: u64) -> Result<Tree, MerkleError> {
        let end = self.bench.cycle() + max_cycles;
        loop {
            while let Some((cycle, beat)) = self.bench.received(self.output).pop_front() {
                self.place(cycle, &beat)?;
            }
            let done = self.begun.get(&self.next).is_some_and(|t| t.end_cycle > 0);
            if done {
                let tree = self.begun.remove(&self.next).unwrap_or_default();
                self.next += 1;
                return Ok(tree);
            }
            let output = self.output;
            let left = end.saturating_sub(self.bench.cycle());
            self.bench
                .run_until(left, |bench| !bench.received(output).is_empty())?;
        }
    }

    fn place(&mut self, cycle: u64, beat: &[u128]) -> Result<(), MerkleError> {
        // Jobs are numbered modulo 256, from the next one on.
        let distance = (beat[1] as usize + 256 - self.next % 256) % 256;
        let (job, node) = (self.next + distance, beat[0] as usize);
        let is_last = beat[6] == 1;
        let misplaced = MerkleError::Node { job, node };
        let Some(&rows) = self.sent.get(job) else {
            return Err(misplaced);
        };
        let tree = self.begun.entry(job).or_insert_with(|| Tree {
            nodes: vec![Digest::default(); 2 * rows],
            end_cycle: 0,
            received: vec![false; 2 * rows],
        });
        let is_leaf = node >= rows;
        let is_ordered = node > 0
            && node < 2 * rows
            && !tree.received[node]
            && (is_leaf || (tree.received[2 * node] && tree.received[2 * node + 1]));
        if !is_ordered {
            return Err(misplaced);
        }
        if is_last != (node == 1) {
            return Err(MerkleError::Last { job, node, is_last });
        }
        tree.received[node] = true;
        tree.nodes[node] = std::array::from_fn(|i| beat[2 + i] as u64);
        if is_last {
            tree.end_cycle = cycle;
        }
        Ok(())
    }
}

/// Cycles that a tree takes at least: the larger of its words, one a cycle, and its blocks by the cycles
/// between two blocks of the core.
pub fn bound_cycles(hash: Hash, log_rows: u32, row_words: u64) -> u64 {
    let blocks = hash.model().blocks(log_rows, row_words);
    (row_words << log_rows).max(blocks * hash.cycles_per_block())
}
