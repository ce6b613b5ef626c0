//! What a proof holds in memory, and which of it fits below a bound.
//!
//! Main segments of all shards come before the joint challenge, proofs of shards behind it. What is worth keeping between
//! the two phases are extended main segments, the largest things there are; but a segment follows from the plan and the
//! samples, so where memory is short it is dropped once its root is known and made again. The proof is the same to the
//! byte. What must fit is the work on a single shard.
//!
//! Bytes are counted from the buffers of [`job`](crate::job) and [`stark`](crate::stark), stage by stage, and rounded up
//! where a stage depends on luck.

use winterforge_air::forms;
use winterforge_air::layout::{Kind, Layout};
use winterforge_air::pieces::Role;
use winterforge_air::plan::{Plan, Row, Shard};
use winterforge_model::{Graph, Op};
use winterforge_verifier::instance::{Instance, ParameterShard};

use crate::device::GAP_WORDS;

/// Bytes of a field element, of an extension element and of a digest.
const FELT: u64 = 8;
const EXTENSION: u64 = 3 * FELT;
const DIGEST: u64 = 32;

/// Base columns of the composition polynomial: four columns of the extension.
const COMPOSITION: u64 = 12;

/// Columns that the evaluation of constraints holds besides the public ones: quotients on four cosets, light quotients,
/// distances.
const QUOTIENTS: u64 = 16;

/// Bytes of a finished shard besides its Lagrange weights: the proof and what decoding it takes.
const PROOF: u64 = 1 << 20;

/// Of all that is counted, the part that allocators lose between buffers.
const LOST: u64 = 16;

/// Bytes that one trace takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// While its main segment is committed to.
    pub commit: u64,
    /// From then on, if the segment is kept: columns, extension and tree.
    pub kept: u64,
    /// While it is proven, what was kept included.
    pub finish: u64,
}

/// The sides of a trace.
#[derive(Clone, Copy, Debug)]
struct Sides {
    rows: u64,
    /// Main columns.
    main: u64,
    /// Auxiliary columns of base elements.
    aux: u64,
    /// Public columns of base elements.
    public: u64,
}

/// What sides of traces are multiplied by.
#[derive(Clone, Copy, Debug)]
struct Factors {
    blowup: u64,
    /// By how much FRI folds.
    folding: u64,
    threads: u64,
    /// Copies of what a device makes.
    copies: u64,
}

impl Factors {
    fn new(instance: &Instance, threads: usize, copies: usize) -> Self {
        let options = &instance.options;
        Self {
            blowup: options.blowup_factor() as u64,
            folding: options.to_fri_options().folding_factor() as u64,
            threads: threads as u64,
            copies: copies as u64,
        }
    }
}

impl Footprint {
    fn new(sides: Sides, factors: Factors) -> Self {
        let Sides {
            rows,
            main,
            aux,
            public,
        } = sides;
        let Factors {
            blowup,
            folding,
            threads,
            copies,
        } = factors;
        let (column, points) = (FELT * rows, rows * blowup);
        // Coefficients and work space of each thread that transforms a column.
        let scratch = 3 * threads * column;
        let gap = FELT * GAP_WORDS as u64;
        let extended = |columns: u64| copies * columns * (FELT * points + gap);
        let nodes = copies * 2 * DIGEST * points;
        let leaves = copies * DIGEST * points;

        let kept = main * column + extended(main) + nodes;
        let commit = kept + leaves + scratch;
        // Public columns twice while the auxiliary columns are filled; main columns are dropped behind that.
        let filling = kept + (2 * public + aux) * column;
        let main_segment = extended(main) + nodes + public * column;
        let aux_segment = extended(aux) + nodes;
        let extending = main_segment + aux * column + aux_segment + leaves + scratch;
        // Public columns as polynomials and on a coset, quotients, and what becomes of them.
        let constraints = (2 * public + QUOTIENTS + COMPOSITION) * column + scratch;
        let composition = extended(COMPOSITION) + nodes;
        let committing = main_segment + aux_segment + constraints + composition + leaves;
        // The function that is folded, its rows, what it is folded to, and trees over all layers.
        let function = EXTENSION * points;
        let layers = 2 * function + 2 * function / (folding - 1) + 3 * nodes / (folding - 1);
        let folding = main_segment + aux_segment + constraints + composition + layers;
        let finish = filling.max(extending).max(committing).max(folding);
        let rounded_up = |bytes: u64| bytes + bytes / LOST;
        Self {
            commit: rounded_up(commit),
            kept: rounded_up(kept),
            finish: rounded_up(finish),
        }
    }

    fn of_shard(layout: &Layout, factors: Factors) -> Self {
        let sides = Sides {
            rows: layout.rows() as u64,
            main: layout.main_width() as u64,
            aux: 3 * layout.aux_width() as u64,
            public: (layout.constants_width() + 3 * layout.joint_width()) as u64,
        };
        Self::new(sides, factors)
    }

    fn of_parameters(shard: &ParameterShard, factors: Factors) -> Self {
        let layout = &shard.layout;
        let sides = Sides {
            rows: layout.rows() as u64,
            main: layout.width as u64,
            aux: 3,
            public: 3 * layout.width as u64,
        };
        Self::new(sides, factors)
    }

    /// While it is made again and proven.
    fn made_again(&self) -> u64 {
        self.commit.max(self.finish)
    }

    /// On top of what was kept, while it is proven.
    fn working(&self) -> u64 {
        self.finish - self.kept
    }
}

/// What a proof takes, on so many threads.
#[derive(Clone, Debug)]
pub struct Demand {
    threads: usize,
    /// Whatever is worked on: samples, their evaluations, coefficients of the joint check, finished proofs.
    shared: u64,
    shards: Vec<Footprint>,
    /// The trace of parameters, in committed mode.
    parameters: Option<Footprint>,
}

/// The bound is below what the work on a single trace takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this proof takes {least_bytes} bytes at least, more than the {bound_bytes} allowed")]
pub struct TooLittleMemory {
    /// The smallest bound that would do.
    pub least_bytes: u64,
    /// The bound.
    pub bound_bytes: u64,
}

/// What is kept when: see [`Demand::schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Shards, the first ones, whose extended main segments are kept between the phases. The others' are made twice.
    pub kept_shards: usize,
    /// Whether the extended trace of parameters is held from the beginning, where it is at hand.
    pub holds_parameters: bool,
    /// Bytes that are held at most.
    pub peak_bytes: u64,
    /// What there is for shards.
    pub(crate) room: Option<u64>,
}

impl Demand {
    /// What a proof of `instance` takes on `threads` threads and a device that makes so many
    /// [`copies`](crate::device::Device::copies).
    pub fn new(instance: &Instance, threads: usize, copies: usize) -> Self {
        let factors = Factors::new(instance, threads, copies);
        let of_shard = |shard: &Shard| Footprint::of_shard(&shard.layout, factors);
        let parameters = instance.parameters.as_ref();
        let columns = parameters.map_or(0, |shard| shard.layout.width * shard.layout.rows());
        Self {
            threads,
            shared: shared_bytes(&instance.plan) + FELT * columns as u64,
            shards: instance.plan.shards.iter().map(of_shard).collect(),
            parameters: parameters.map(|shard| Footprint::of_parameters(shard, factors)),
        }
    }

    /// What each shard takes.
    pub fn shards(&self) -> &[Footprint] {
        &self.shards
    }

    /// The smallest bound under which the proof can be made.
    pub fn least_bytes(&self) -> u64 {
        let traces = self.shards.iter().chain(&self.parameters);
        self.shared + traces.map(Footprint::made_again).max().unwrap_or(0)
    }

    /// What to keep so that at most `bound_bytes` are held: as much as fits, since making a segment again costs about a
    /// third of a proof.
    ///
    /// # Errors
    /// [`TooLittleMemory`] if not even one trace at a time fits.
    pub fn schedule(&self, bound_bytes: Option<u64>) -> Result<Schedule, TooLittleMemory> {
        let largest = |of: fn(&Footprint) -> u64| self.shards.iter().map(of).max().unwrap_or(0);
        let parameters = self.parameters.map_or(0, |trace| trace.kept);
        let Some(bound_bytes) = bound_bytes else {
            return Ok(Schedule {
                kept_shards: self.shards.len(),
                holds_parameters: true,
                peak_bytes: self.peak_bytes(),
                room: None,
            });
        };
        let least_bytes = self.least_bytes();
        let Some(room) = (bound_bytes >= least_bytes).then(|| bound_bytes - self.shared) else {
            return Err(TooLittleMemory {
                least_bytes,
                bound_bytes,
            });
        };
        let made_again = largest(Footprint::made_again);
        let holds_parameters = made_again + parameters <= room;
        let room = room - if holds_parameters { parameters } else { 0 };
        // Whoever is proven first works beside all that is kept.
        let beside = largest(Footprint::working).max(largest(|shard| shard.commit - shard.kept));
        let mut kept = 0;
        let kept_shards = (self.shards.iter())
            .take_while(|shard| {
                kept += shard.kept;
                kept + beside <= room
            })
            .count();
        Ok(Schedule {
            kept_shards,
            holds_parameters,
            peak_bytes: self.peak_bytes().min(bound_bytes),
            room: Some(room),
        })
    }

    /// What is held at most without a bound.
    fn peak_bytes(&self) -> u64 {
        let kept: u64 = self.shards.iter().map(|shard| shard.kept).sum();
        let mut working: Vec<u64> = self.shards.iter().map(Footprint::working).collect();
        working.sort_unstable_by(|a, b| b.cmp(a));
        let shards = kept + working.iter().take(self.threads).sum::<u64>();
        let parameters = self.parameters.map_or(0, |trace| {
            let beside_shards = trace.kept + shards;
            beside_shards.max(trace.finish)
        });
        self.shared + shards.max(parameters)
    }
}

/// Bytes that are held whatever is worked on.
fn shared_bytes(plan: &Plan) -> u64 {
    let graph = &plan.graph;
    let rows: usize = plan.shards.iter().map(|shard| shard.layout.rows()).sum();
    let used: usize = (plan.shards.iter())
        .map(|shard| {
            Kind::ALL
                .iter()
                .map(|&kind| shard.rows(kind).len())
                .sum::<usize>()
        })
        .sum();
    let row_bytes = used * size_of::<Row>();
    // Lagrange weights of all shards, and those of tables behind them.
    let folding = EXTENSION * (rows + used) as u64;
    let samples = (plan.batch * sample_bytes(graph)) as u64;
    let hidden: usize = plan.pieces.hidden.iter().sum();
    let tensors: usize = graph.tensors.iter().map(|tensor| tensor.len()).sum();
    let coefficients = EXTENSION * (plan.batch * (tensors + hidden)) as u64;
    let proofs = PROOF * plan.shards.len() as u64;
    row_bytes as u64 + folding + samples + gathered_bytes(plan) + coefficients + proofs
}

/// What the trace is filled from besides the evaluations: words for each linked cell of some operators.
fn gathered_bytes(plan: &Plan) -> u64 {
    let pieces = plan.pieces.list.iter().enumerate();
    let words = pieces.map(|(index, piece)| {
        let op = &plan.graph.nodes[piece.node].op;
        let cells = piece.channels * piece.positions;
        match (op, &piece.role) {
            (Op::MaxPool(_), Role::Max) => cells * plan.pieces.taps,
            (op, role) if forms::has_forms(op, role) => plan.batch * cells * plan.links(index),
            (Op::Add(_), Role::Requant(_)) => plan.batch * cells,
            _ => 0,
        }
    });
    FELT * words.sum::<usize>() as u64
}

/// Evaluation and statement of one sample.
fn sample_bytes(graph: &Graph) -> usize {
    let tensors: usize = graph.tensors.iter().map(|tensor| 4 * tensor.len()).sum();
    let accumulators: usize = (graph.nodes.iter())
        .map(|node| 8 * graph.tensor(node.output).len())
        .sum();
    tensors + accumulators + 16 * (graph.input_len() + graph.output_len())
}
