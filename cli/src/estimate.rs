//! What a proof will need, from its plan alone.
//!
//! The bundle's size is an expectation over the query positions and exact but for a few Merkle siblings. Memory is what
//! the prover counts, and what this process holds besides. Time is that of the machine on which the constants below
//! were measured, on traces of 2^9 to 2^18 rows; another one is off by its own factor.

use winterforge_air::evaluation::claimed_columns;
use winterforge_air::plan::Shard;
use winterforge_model::{Graph, InputBoundary};
use winterforge_prover::{Demand, Schedule};
use winterforge_verifier::bundle::HashId;
use winterforge_verifier::instance::{Instance, ParameterShard};
use winterforge_verifier::poseidon2::RATE;
use winterforge_verifier::security::GRINDING_BITS;

use crate::operators::parameters;

/// Degree of the extension.
const EXTENSION: usize = 3;
/// Columns of the constraint composition, and the blowup at which constraints are evaluated: they have degree 5.
const COMPOSITION: usize = 4;
/// Bytes of a digest and of a field element.
const DIGEST: usize = 32;
const FELT: usize = 8;
/// Bytes of a bundle's header besides the cells of its tensors.
const HEADER: usize = 77;

/// Resident before any proof: code, allocator, one stack for each thread.
const BASE_BYTES: u64 = 8_000_000;
/// What an arena of the allocator keeps of freed memory at most. Threads have arenas of their own.
const ARENA_BYTES: u64 = 64_000_000;
/// What arenas keep is at most one byte for so many that are in use, as measured on traces of 2^10 to 2^12 rows: buffers
/// that are larger go back to the system.
const USED_PER_KEPT: u64 = 4;
/// Seconds to extend, hash and combine one committed base-field column, for each point of the evaluation domain.
const SECONDS_PER_CELL: f64 = 28e-9;
/// Seconds that one column takes of the constraint evaluation, for each point of its domain.
const SECONDS_PER_CONSTRAINT_CELL: f64 = 16e-9;
/// Columns of more points than this are beyond the caches, and every doubling makes a cell slower by this part.
const CACHED_LOG_POINTS: u32 = 17;
const SLOWER_PER_DOUBLING: f64 = 0.12;
/// Seconds for each nonce tried, with BLAKE3.
const SECONDS_PER_NONCE: f64 = 8e-9;
/// Seconds for one permutation of Poseidon2, with the widest vectors. It is also what a nonce takes.
const SECONDS_PER_PERMUTATION: f64 = 800e-9;

/// What a proof will need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) bundle_bytes: u64,
    /// What the prover may hold, where it is bounded.
    pub(crate) prover_bytes: Option<u64>,
    pub(crate) schedule: Schedule,
}

/// How a proof will be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) hash: HashId,
    pub(crate) threads: usize,
    /// Copies that the device holds.
    pub(crate) copies: usize,
    /// Samples in the input file.
    pub(crate) file_samples: usize,
    /// Bytes that this process may hold.
    pub(crate) max_bytes: Option<u64>,
}

/// Too few bytes were allowed: this many would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLittle(pub(crate) u64);

impl Estimate {
    /// For a proof of `instance`.
    ///
    /// # Errors
    /// [`TooLittle`] if it cannot be made within the bound.
    pub(crate) fn new(instance: &Instance, setting: Setting) -> Result<Self, TooLittle> {
        let Setting {
            hash,
            threads,
            max_bytes,
            ..
        } = setting;
        let demand = Demand::new(instance, threads, setting.copies);
        let graph = &instance.plan.graph;
        let file_bytes = (setting.file_samples * graph.input_len() * size_of::<f32>()) as u64;
        // Reading a file takes its bytes, their numbers, and the numbers as float32, for a moment.
        let reading = BASE_BYTES + 3 * file_bytes;
        let own = BASE_BYTES + file_bytes + model_bytes(graph);
        let arenas = Arenas(threads as u64);
        let prover_bytes = max_bytes.map(|bytes| arenas.usable(bytes.saturating_sub(own)));
        let least = reading.max(own + arenas.with(demand.least_bytes()));
        let too_little = || TooLittle(least);
        let schedule = demand.schedule(prover_bytes).map_err(|_| too_little())?;
        if max_bytes.is_some_and(|bytes| bytes < least) {
            return Err(too_little());
        }
        let blowup = instance.options.blowup_factor();
        let shards = instance.plan.shards.iter();
        let sizes: Vec<Size> = shards
            .map(|shard| Size::new(shard, blowup))
            .chain((instance.parameters.iter()).map(|shard| Size::of_parameters(shard, blowup)))
            .collect();
        let again = &sizes[schedule.kept_shards..instance.plan.shards.len()];
        let again: f64 = again.iter().map(|size| size.commit_cpu_s(hash)).sum();
        let cpu_s = again + sizes.iter().map(|size| size.cpu_s(hash)).sum::<f64>();
        Ok(Self {
            memory_bytes: reading.max(own + arenas.with(schedule.peak_bytes)),
            cpu_s,
            // Threads share the work of each shard.
            wall_s: cpu_s / threads.max(1) as f64,
            bundle_bytes: bundle_bytes(instance, &sizes) as u64,
            prover_bytes,
            schedule,
        })
    }
}

/// The arenas of so many threads.
#[derive(Clone, Copy)]
struct Arenas(u64);

impl Arenas {
    /// What is kept beside so many bytes in use.
    fn kept(self, used: u64) -> u64 {
        match self.0 {
            1 => 0,
            threads => (used / USED_PER_KEPT).min(threads * ARENA_BYTES),
        }
    }

    fn with(self, used: u64) -> u64 {
        used + self.kept(used)
    }

    /// The most bytes in use that take no more than `bytes` together with what is kept.
    fn usable(self, bytes: u64) -> u64 {
        match self.0 {
            1 => bytes,
            threads => {
                let of_small = bytes - bytes.div_ceil(USED_PER_KEPT + 1);
                of_small.max(bytes.saturating_sub(threads * ARENA_BYTES))
            }
        }
    }
}

/// The sizes of one shard that matter here.
struct Size {
    rows: usize,
    /// Points of the evaluation domain.
    points: usize,
    main: usize,
    /// Auxiliary columns, of extension elements.
    aux: usize,
    /// Public columns, of base-field elements.
    public: usize,
}

impl Size {
    fn new(shard: &Shard, blowup: usize) -> Self {
        let layout = &shard.layout;
        Self {
            rows: layout.rows(),
            points: layout.rows() * blowup,
            main: layout.main_width(),
            aux: layout.aux_width(),
            public: layout.constants_width() + EXTENSION * layout.joint_width(),
        }
    }

    /// The trace of a committed model's parameters.
    fn of_parameters(shard: &ParameterShard, blowup: usize) -> Self {
        let layout = &shard.layout;
        Self {
            rows: layout.rows(),
            points: layout.rows() * blowup,
            main: layout.width,
            aux: 1,
            public: EXTENSION * layout.width,
        }
    }

    fn cpu_s(&self, hash: HashId) -> f64 {
        let committed = self.main + EXTENSION * (self.aux + COMPOSITION);
        let cells = (committed * self.points) as f64;
        let constraint_cells = ((committed + self.public) * self.rows * COMPOSITION) as f64;
        (cells * SECONDS_PER_CELL + constraint_cells * SECONDS_PER_CONSTRAINT_CELL) * self.slower()
            + self.hash_s(hash)
    }

    /// Seconds for the proof of work, and for what hashing takes besides the seconds of each cell, which include BLAKE3.
    fn hash_s(&self, hash: HashId) -> f64 {
        let nonces = f64::from(1u32 << GRINDING_BITS);
        match hash {
            HashId::Blake3 => nonces * SECONDS_PER_NONCE,
            HashId::Poseidon2 => {
                let segments = [self.main, EXTENSION * self.aux, EXTENSION * COMPOSITION];
                // As good as one permutation for what FRI makes of a point.
                let permutations = segments.map(|columns| self.permutations(columns));
                let permutations = permutations.iter().sum::<usize>() + self.points;
                (nonces + permutations as f64) * SECONDS_PER_PERMUTATION
            }
        }
    }

    /// What committing to so many columns takes of Poseidon2, one for each node of the tree included.
    fn permutations(&self, columns: usize) -> usize {
        self.points * (columns.div_ceil(RATE) + 1)
    }

    /// The main segment alone.
    fn commit_cpu_s(&self, hash: HashId) -> f64 {
        let cells = (self.main * self.points) as f64 * SECONDS_PER_CELL * self.slower();
        match hash {
            HashId::Blake3 => cells,
            HashId::Poseidon2 => {
                cells + self.permutations(self.main) as f64 * SECONDS_PER_PERMUTATION
            }
        }
    }

    fn slower(&self) -> f64 {
        let doublings = self.points.ilog2().saturating_sub(CACHED_LOG_POINTS);
        1.0 + SLOWER_PER_DOUBLING * f64::from(doublings)
    }
}

/// The weights as read and as imported.
fn model_bytes(graph: &Graph) -> u64 {
    let table = match &graph.input_boundary {
        InputBoundary::Tokens(embedding) => 2 * embedding.codes.len() as u64,
        InputBoundary::Float | InputBoundary::Quantized => 0,
    };
    let weights: u64 = (graph.nodes.iter())
        .map(|node| 4 * parameters(&node.op))
        .sum();
    table + weights
}

fn bundle_bytes(instance: &Instance, sizes: &[Size]) -> f64 {
    let graph = &instance.plan.graph;
    let input_width = match graph.input_boundary {
        InputBoundary::Float | InputBoundary::Tokens(_) => 4,
        InputBoundary::Quantized => 1,
    };
    let statement = instance.plan.batch * (input_width * graph.input_len() + graph.output_len());
    let shards: f64 = sizes.iter().map(|size| shard_bytes(instance, size)).sum();
    let columns = |shard: &Shard| claimed_columns(&shard.layout);
    let columns: usize = instance.plan.shards.iter().map(columns).sum();
    let claims = (sizes.len() + columns) * EXTENSION * FELT;
    (HEADER + statement + claims) as f64 + shards
}

fn shard_bytes(instance: &Instance, size: &Size) -> f64 {
    let queries = instance.options.num_queries() as f64;
    let fri = instance.options.to_fri_options();
    let (layers, folding) = (fri.num_fri_layers(size.points), fri.folding_factor());
    let element = (EXTENSION * FELT) as f64;
    let width = size.main + size.aux + COMPOSITION;

    let rows = expected_distinct(queries, size.points as f64);
    let roots = ((4 + layers) * DIGEST) as f64;
    let out_of_domain = 2.0 * width as f64 * element;
    let opened = rows * ((size.main * FELT) as f64 + (size.aux + COMPOSITION) as f64 * element);
    let siblings = 3.0 * expected_siblings(queries, size.points);
    let mut total = roots + out_of_domain + FELT as f64 + opened + siblings * DIGEST as f64;

    let (mut domain, mut known) = (size.points, rows);
    for _ in 0..layers {
        domain /= folding;
        let rows = expected_distinct(queries, domain as f64);
        total += (rows * folding as f64 - known) * element
            + expected_siblings(queries, domain) * DIGEST as f64;
        known = rows;
    }
    total + (domain / fri.blowup_factor()) as f64 * element
}

/// Different values among `draws` out of `range`.
fn expected_distinct(draws: f64, range: f64) -> f64 {
    range * (1.0 - (1.0 - 1.0 / range).powf(draws))
}

/// Siblings in a Merkle multiproof of `draws` random leaves out of `leaves`: nodes that no draw is below, but one is
/// below their neighbour.
fn expected_siblings(draws: f64, leaves: usize) -> f64 {
    let level = |depth: u32| {
        let nodes = (1u64 << depth) as f64;
        nodes * ((1.0 - 1.0 / nodes).powf(draws) - (1.0 - 2.0 / nodes).powf(draws))
    };
    (1..=leaves.ilog2()).map(level).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leaf_has_a_sibling_on_every_level() {
        assert_eq!(expected_siblings(1.0, 1 << 12), 12.0);
        assert!(expected_siblings(1e6, 1 << 3) < 1e-3);
        assert_eq!(expected_distinct(1.0, 512.0).round(), 1.0);
    }

    #[test]
    fn what_is_usable_and_what_is_kept_beside_it_fit() {
        for threads in [1, 2, 5] {
            let arenas = Arenas(threads);
            for bytes in [0, 1, 99, 12_345_678, 700_000_000, 9_000_000_000] {
                let used = arenas.usable(bytes);
                assert!(arenas.with(used) <= bytes, "{threads} {bytes}");
                assert!(
                    arenas.with(used + used / 50 + 2) > bytes,
                    "{threads} {bytes}"
                );
            }
        }
    }
}
