//! Statements to lie about: small models with their samples, honest executions and plans.

use std::sync::Arc;

use winterforge_air::layout::Kind;
use winterforge_air::plan::{PlanParameters, RowKey};
use winterforge_model::testing::{RandomMlp, random_input};
use winterforge_model::{Boundary, Execution, Graph, Linear, Op, execute};
use winterforge_verifier::bundle::{Header, Parameters, PublicTensor, Values};
use winterforge_verifier::instance::Instance;

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
    pub key: RowKey,
    /// The lane's sample, beyond the batch in a padding lane.
    pub sample: usize,
    /// The cell within one sample of the layer's output.
    pub cell: usize,
}

impl Case {
    /// The honest statement about `x`.
    ///
    /// # Panics
    /// If the model has no plan or `x` does not fit it.
    pub fn new(graph: Graph, x: Vec<f32>, parameters: Parameters) -> Self {
        let graph = Arc::new(graph);
        let executions: Vec<Execution> = x
            .chunks_exact(graph.input_len())
            .map(|sample| execute(&graph, &graph.quantize_input(sample)).expect("a valid sample"))
            .collect();
        let instance =
            Instance::new(graph.clone(), executions.len(), parameters).expect("a provable model");
        let shape = |tensor: usize| {
            let mut shape = vec![executions.len()];
            shape.extend_from_slice(&graph.tensors[tensor].shape);
            shape
        };
        let cells = |tensor: usize| {
            let cells = executions
                .iter()
                .flat_map(|execution| execution.tensors[tensor].iter().copied());
            Values::Quantized(graph.tensors[tensor].quantization.qtype, cells.collect())
        };
        let input = match graph.input_boundary {
            Boundary::Float => Values::Float(x.clone()),
            Boundary::Quantized => cells(graph.input.0),
        };
        let header = Header {
            model_id: graph.id(),
            parameters,
            input: PublicTensor {
                shape: shape(graph.input.0),
                values: input,
            },
            output: PublicTensor {
                shape: shape(graph.output.0),
                values: cells(graph.output.0),
            },
            shards: instance.plan.shards.len() as u32,
        };
        Self {
            graph,
            x,
            parameters,
            instance,
            executions,
            header,
        }
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
        let quantization = graph.tensor(graph.input).quantization;
        let x = (0..batch as u64)
            .flat_map(|sample| random_input(seed ^ sample << 20, &graph))
            .map(|q| quantization.dequantize(q))
            .collect();
        let parameters = Parameters {
            plan,
            ..Parameters::default()
        };
        Self::new(graph, x, parameters)
    }

    /// Two layers, both tables, clamps that are narrower than the type on both sides, and sites of every kind at the
    /// output and before it.
    pub fn two_tables() -> Self {
        (1..)
            .map(|seed| Self::random(seed, &[5, 4, 6], 96, PlanParameters::default(), narrow))
            .find(|case| {
                let covers = |kind: Kind| {
                    [-1, 0, 1].iter().all(|&branch| {
                        case.sites().iter().any(|site| {
                            site.kind == kind && case.is_output(site) && case.branch(site) == branch
                        })
                    })
                };
                let layout = &case.instance.plan.shards[0].layout;
                case.instance.plan.shards.len() == 1
                    && layout.line_lanes > 1
                    && covers(Kind::Line)
                    && covers(Kind::Window)
            })
            .expect("an endless search")
    }

    /// The model of [`two_tables`](Self::two_tables) with a batch that does not fill its lanes.
    pub fn padded() -> Self {
        let full = Self::two_tables();
        let x = full.x[..93 * full.graph.input_len()].to_vec();
        let case = Self::new(full.graph.as_ref().clone(), x, full.parameters);
        assert!(case.instance.plan.padded_batch > 93, "no padding lane");
        case
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
            for kind in [Kind::Line, Kind::Window] {
                for (lane, start) in shard.layout.lane_starts(kind).enumerate() {
                    sites.extend(shard.rows(kind).iter().enumerate().map(|(row, key)| Site {
                        shard: index,
                        kind,
                        row,
                        start,
                        key: *key,
                        sample: key.first_sample as usize + lane,
                        cell: plan.cell_in_tensor(key),
                    }));
                }
            }
        }
        sites
    }

    /// The first site that satisfies `is_wanted`.
    ///
    /// # Panics
    /// If there is none.
    pub fn site(&self, is_wanted: impl Fn(&Site) -> bool) -> Site {
        let found = self.sites().into_iter().find(|site| is_wanted(site));
        found.expect("a site of this kind")
    }

    /// Whether the site is about the graph's output.
    pub fn is_output(&self, site: &Site) -> bool {
        self.graph.nodes[site.key.node as usize].output == self.graph.output
    }

    /// The honest accumulator of a site; a padding lane's is that of the last sample.
    pub fn accumulator(&self, site: &Site) -> i64 {
        let sample = site.sample.min(self.executions.len() - 1);
        self.executions[sample].accumulators[site.key.node as usize][site.cell]
    }

    /// The honest output code of a site.
    pub fn code(&self, site: &Site) -> i64 {
        let sample = site.sample.min(self.executions.len() - 1);
        let output = self.graph.nodes[site.key.node as usize].output;
        let type_min = self.graph.tensor(output).quantization.qtype.min();
        i64::from(self.executions[sample].tensors[output.0][site.cell] - type_min)
    }

    /// The honest branch of a site.
    pub fn branch(&self, site: &Site) -> i64 {
        let channel = self.instance.plan.channel(&site.key);
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
