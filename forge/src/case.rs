//! Statements to lie about: small models with their samples, honest executions and plans.

use std::sync::Arc;

use winterforge_air::field::Felt;
use winterforge_air::layout::{
    Kind, divide_cell, float_cell, map_cell, max_cell, product_cell, requant_cell, root_cell,
    step_cell,
};
use winterforge_air::plan::{Plan, PlanParameters, Row};
use winterforge_air::rounding::Channel;
use winterforge_air::witness::Values as Lanes;
use winterforge_model::testing::{RandomMlp, random_sample};
use winterforge_model::{Execution, Graph, InputBoundary, Linear, Node, Op, execute};
use winterforge_verifier::bundle::{Header, Parameters, Parents, PublicTensor, Values};
use winterforge_verifier::instance::Instance;

use crate::merkle::HASH;

/// Seeds of random models that are tried for one of a kind.
const SEEDS: u64 = 64;

/// Samples of the bench's usual statement.
const FULL_BATCH: usize = 160;

/// A model, its inputs, and everything honest about them.
#[derive(Clone, Debug)]
pub struct Case {
    /// The verifier's model.
    pub graph: Arc<Graph>,
    /// Samples, one after another.
    pub x: Vec<f32>,
    /// How proofs are made.
    pub parameters: Parameters,
    /// Plan, options and security.
    pub instance: Instance,
    /// One evaluation per sample.
    pub executions: Vec<Execution>,
    /// The true statement.
    pub header: Header,
    /// The honest main columns by shard, multiplicities not yet counted.
    pub columns: Vec<Vec<Vec<Felt>>>,
}

/// One lane of one used row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Index of the shard.
    pub shard: usize,
    /// Which table.
    pub kind: Kind,
    /// Row of the trace.
    pub row: usize,
    /// First column of the lane.
    pub start: usize,
    /// What the row is about.
    pub key: Row,
    /// Which lane of the row.
    pub lane: usize,
    /// The lane's sample, beyond the batch in an unused lane.
    pub sample: usize,
    /// The cell within one sample of the tensor that the piece computes.
    pub cell: usize,
}

impl Case {
    /// The honest statement about `x`, proven with the bench's hash.
    ///
    /// # Panics
    /// If the model has no plan or `x` does not fit it.
    pub fn new(graph: Graph, x: Vec<f32>, parameters: Parameters) -> Self {
        let graph = Arc::new(graph);
        let parameters = Parameters {
            hash: HASH,
            ..parameters
        };
        let executions: Vec<Execution> = x
            .chunks_exact(graph.input_len())
            .map(|sample| execute(&graph, &graph.quantize_input(sample)).expect("a valid sample"))
            .collect();
        let instance =
            Instance::new(graph.clone(), executions.len(), parameters).expect("a provable model");
        let batched = |sample: &[usize]| [&[executions.len()], sample].concat();
        let cells = |tensor: usize| {
            let cells = executions
                .iter()
                .flat_map(|execution| execution.tensors[tensor].iter().copied());
            Values::Quantized(graph.tensors[tensor].quantization.qtype, cells.collect())
        };
        let input = match graph.input_boundary {
            InputBoundary::Float => Values::Float(x.clone()),
            InputBoundary::Quantized => cells(graph.input.0),
            InputBoundary::Tokens(_) => Values::Tokens(graph.tokens(&x)),
        };
        let header = Header {
            model_id: graph.id(),
            parameters,
            input: PublicTensor {
                shape: batched(graph.input_shape()),
                values: input,
            },
            output: PublicTensor {
                shape: batched(&graph.tensor(graph.output).shape),
                values: cells(graph.output.0),
            },
            shards: instance.plan.shards.len() as u32,
            key: None,
            parents: Parents::default(),
        };
        let columns = columns_of(&instance.plan, &executions);
        Self {
            graph,
            x,
            parameters,
            instance,
            executions,
            header,
            columns,
        }
    }

    /// This case with the executions of two samples exchanged, and the columns they fill.
    pub fn with_swapped_samples(&self, a: usize, b: usize) -> Self {
        let mut other = self.clone();
        other.executions.swap(a, b);
        other.columns = columns_of(&other.instance.plan, &other.executions);
        other
    }

    /// This case under another plan.
    pub fn with_instance(&self, instance: Instance) -> Self {
        let mut other = self.clone();
        other.columns = columns_of(&instance.plan, &other.executions);
        other.instance = instance;
        other
    }

    /// A random model with narrow clamps and `batch` random samples.
    pub fn random(
        seed: u64,
        features: &[usize],
        batch: usize,
        plan: PlanParameters,
        edit: impl Fn(&mut Linear, usize),
    ) -> Self {
        let mut graph = RandomMlp {
            has_relu: false,
            ..RandomMlp::new(seed, features)
        }
        .build();
        for (index, node) in graph.nodes.iter_mut().enumerate() {
            if let Op::Linear(linear) = &mut node.op {
                edit(linear, index);
            }
        }
        graph.validate().expect("a valid model");
        let x = (0..batch as u64)
            .flat_map(|sample| random_sample(seed ^ sample << 20, &graph))
            .collect();
        let parameters = Parameters {
            plan,
            ..Parameters::default()
        };
        Self::new(graph, x, parameters)
    }

    /// Two layers, both tables, limbs of a byte, clamps that are narrower than the type on both sides, and sites of every
    /// kind and branch at the output.
    ///
    /// Windows alone are the cheapest for fewer channels, and limbs of more than a byte for more samples.
    pub fn two_tables() -> Self {
        let is_covered = |case: &Self| {
            let sites = case.sites();
            let covers = |kind: Kind, branch: i64| {
                sites.iter().any(|site| {
                    site.kind == kind && case.is_output(site) && case.branch(site) == branch
                })
            };
            let shards = &case.instance.plan.shards;
            let layout = &shards[0].layout;
            let has_both = [Kind::Line, Kind::Window]
                .iter()
                .all(|&kind| [-1, 0, 1].iter().all(|&branch| covers(kind, branch)));
            shards.len() == 1 && layout.tables[0].lanes > 1 && !layout.shape.has_words() && has_both
        };
        (1..=SEEDS)
            .map(|seed| Self::random(seed, &[5, 16, 20], FULL_BATCH, PlanParameters::default(), narrow))
            .find(is_covered)
            .expect("lines and windows of bytes with every branch: other features or another batch may have them")
    }

    /// The model of [`two_tables`](Self::two_tables) with a batch that does not fill its lanes.
    pub fn with_unused_lanes() -> Self {
        let full = Self::two_tables();
        (FULL_BATCH - 16..FULL_BATCH)
            .rev()
            .map(|batch| {
                let x = full.x[..batch * full.graph.input_len()].to_vec();
                Self::new(full.graph.as_ref().clone(), x, full.parameters)
            })
            .find(|case| {
                (case.sites().iter()).any(|site| site.kind == Kind::Line && !case.is_used(site))
            })
            .expect("a batch that does not fill its lanes")
    }

    /// A layer in so many samples that limbs wider than a byte are the cheapest.
    pub fn with_words(seed: u64) -> Self {
        let plan = PlanParameters::default();
        (8..14)
            .map(|log_batch| Self::random(seed, &[3, 6], 1 << log_batch, plan, narrow))
            .find(|case| case.instance.plan.shards[0].layout.shape.has_words())
            .expect("a batch for which wide limbs are the cheapest")
    }

    /// Several shards.
    pub fn sharded() -> Self {
        let plan = PlanParameters { max_log_rows: 9 };
        let case = Self::random(5, &[3, 18, 24], 512, plan, narrow);
        assert!(case.instance.plan.shards.len() > 1, "one shard");
        case
    }

    /// One layer without bias, on its zero point: every accumulator is zero.
    pub fn zero() -> Self {
        let mut case = Self::random(3, &[4, 6], 16, PlanParameters::default(), |linear, _| {
            linear.bias.fill(0)
        });
        case.x.fill(0.0);
        Self::new(case.graph.as_ref().clone(), case.x, case.parameters)
    }

    /// Every lane of every used row.
    pub fn sites(&self) -> Vec<Site> {
        let plan = &self.instance.plan;
        let mut sites = Vec::new();
        for (index, shard) in plan.shards.iter().enumerate() {
            for table in &shard.layout.tables {
                for (lane, start) in table.lane_starts().enumerate() {
                    let rows = shard.rows(table.kind).iter().enumerate();
                    sites.extend(rows.map(|(row, key)| {
                        let piece = &plan.pieces.list[key.piece as usize];
                        let instance = key.first as usize + lane;
                        Site {
                            shard: index,
                            kind: table.kind,
                            row,
                            start,
                            key: *key,
                            lane,
                            sample: instance / piece.positions,
                            cell: piece.cell(key.channel as usize, instance % piece.positions),
                        }
                    }));
                }
            }
        }
        sites
    }

    /// Whether a lane holds an instance, and not what is left of its channel's last row.
    pub fn is_used(&self, site: &Site) -> bool {
        site.sample < self.executions.len()
    }

    /// The node that a site belongs to.
    pub fn node(&self, site: &Site) -> &Node {
        &self.graph.nodes[self.instance.plan.pieces.list[site.key.piece as usize].node]
    }

    /// The constants of a requantization site's channel.
    pub fn channel(&self, site: &Site) -> &Channel {
        channel_of(&self.instance.plan, site)
    }

    /// The equation of a site's first linked cell.
    pub fn equation(&self, site: &Site) -> u64 {
        let plan = &self.instance.plan;
        let (piece, channel) = (site.key.piece as usize, site.key.channel as usize);
        let instance = site.key.first as u64 + site.lane as u64;
        plan.channel_equation(piece, channel) + instance * plan.links(piece) as u64
    }

    /// The equation between a site of the output and the statement.
    pub fn output_equation(&self, site: &Site) -> u64 {
        let cell = site.sample * self.graph.output_len() + site.cell;
        self.instance.plan.output_equations + cell as u64
    }

    /// An honest cell of a lane.
    pub fn honest(&self, site: &Site, cell: usize) -> i64 {
        self.columns[site.shard][site.start + cell][site.row].to_signed()
    }

    /// The first site that satisfies `is_wanted`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn site(&self, is_wanted: impl Fn(&Site) -> bool) -> Site {
        let found = self.sites().into_iter().find(|site| is_wanted(site));
        found.expect("a site of this kind")
    }

    /// Whether the site is about the graph's output.
    pub fn is_output(&self, site: &Site) -> bool {
        let piece = &self.instance.plan.pieces.list[site.key.piece as usize];
        piece.value == self.graph.output.0 && self.is_used(site)
    }

    /// The honest accumulator of a requantization site; zero in an unused lane.
    pub fn accumulator(&self, site: &Site) -> i64 {
        self.honest(site, requant_cell::ACCUMULATOR)
    }

    /// The honest value of a site: what later operators read.
    pub fn code(&self, site: &Site) -> i64 {
        let cell = match site.kind {
            Kind::Line | Kind::Window => requant_cell::CODE,
            Kind::Max => max_cell::RESULT,
            Kind::Map => map_cell::RESULT,
            Kind::Step => step_cell::CODE,
            Kind::Product => product_cell::STEP + step_cell::CODE,
            Kind::FloatSum => float_cell::VALUE,
            Kind::Divide => divide_cell::QUOTIENT,
            Kind::Root => root_cell::ROOT,
            // The value is no cell of the main segment; a copy in its place.
            Kind::Contraction => 0,
        };
        self.honest(site, cell)
    }

    /// The honest branch of a site.
    pub fn branch(&self, site: &Site) -> i64 {
        let channel = self.channel(site);
        let accumulator = self.accumulator(site);
        i64::from(accumulator >= channel.saturates_high)
            - i64::from(accumulator <= channel.saturates_low)
    }
}

/// Clamps on both sides, narrower than the type, so that every branch occurs.
fn narrow(linear: &mut Linear, layer: usize) {
    for (channel, requant) in linear.requant.iter_mut().enumerate() {
        let width = 30 + 7 * channel as i32 + 3 * layer as i32;
        let middle = requant.zero_point.clamp(-60, 60);
        requant.then_clamp(middle - width, middle + width);
    }
}

/// The constants of a requantization site's channel under a plan.
pub fn channel_of<'p>(plan: &'p Plan, site: &Site) -> &'p Channel {
    &plan.channels[site.key.piece as usize][site.key.channel as usize]
}

fn columns_of(plan: &Plan, executions: &[Execution]) -> Vec<Vec<Vec<Felt>>> {
    let lanes = Lanes::new(plan, executions);
    plan.shards
        .iter()
        .map(|shard| lanes.main_columns(shard))
        .collect()
}
