//! Random linear graphs with outputs that use their range.

use crate::graph::{Graph, InputBoundary, Node, OutputBoundary, Tensor, TensorId};
use crate::op::{Linear, Op};
use crate::quantization::{QType, Quantization};
use crate::requant::Requant;

/// A small deterministic generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose sequence depends on `seed` only.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number in `low..=high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) + 1;
        low + (self.next_u64() % span) as i64
    }

    /// A number in `low..high`, log-uniform.
    pub fn log_float(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32;
        low * (high / low).powf(unit)
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.int(0, of.len() as i64 - 1) as usize]
    }

    /// True once in `n` draws.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.next_u64().is_multiple_of(n)
    }
}

/// What [`random_mlp`] draws.
#[derive(Clone, Debug)]
pub struct RandomMlp {
    /// Determines everything that the other fields leave open.
    pub seed: u64,
    /// Axes in front of the features; empty for plain rows.
    pub positions: Vec<usize>,
    /// Sizes of the input and of each layer's output: at least two.
    pub features: Vec<usize>,
    /// The type of the activations.
    pub qtype: QType,
    /// The type of the weights: unsigned only with unsigned activations.
    pub weight_qtype: QType,
    /// Whether scales and zero points differ between channels.
    pub is_per_channel: bool,
    /// Whether inner layers clamp at their zero point.
    pub has_relu: bool,
    /// Whether a view separates the layers.
    pub has_views: bool,
    /// Both ends.
    pub boundary: OutputBoundary,
}

impl RandomMlp {
    /// Plain int8 layers of these sizes, per channel, with ReLU.
    pub fn new(seed: u64, features: &[usize]) -> Self {
        Self {
            seed,
            positions: Vec::new(),
            features: features.to_vec(),
            qtype: QType::I8,
            weight_qtype: QType::I8,
            is_per_channel: true,
            has_relu: true,
            has_views: false,
            boundary: OutputBoundary::Float,
        }
    }

    /// Everything drawn from the seed, `features` of up to `max_features` included.
    pub fn any(seed: u64, max_features: usize) -> Self {
        let mut rng = Rng::new(seed ^ 0xa11);
        let layers = rng.int(1, 3);
        let features = (0..=layers)
            .map(|_| rng.int(1, max_features as i64) as usize)
            .collect();
        let qtype = if rng.one_in(2) { QType::I8 } else { QType::U8 };
        let is_unsigned = qtype == QType::U8 && rng.one_in(2);
        Self {
            seed,
            positions: (0..rng.int(0, 2)).map(|_| rng.int(1, 4) as usize).collect(),
            features,
            qtype,
            weight_qtype: if is_unsigned { QType::U8 } else { QType::I8 },
            is_per_channel: rng.one_in(2),
            has_relu: rng.one_in(2),
            has_views: rng.one_in(2),
            boundary: if rng.one_in(2) {
                OutputBoundary::Float
            } else {
                OutputBoundary::Quantized
            },
        }
    }

    /// Draws the graph.
    pub fn build(&self) -> Graph {
        let mut rng = Rng::new(self.seed);
        let shape_of = |features: usize| {
            self.positions
                .iter()
                .copied()
                .chain([features])
                .collect::<Vec<_>>()
        };
        let quantization = |rng: &mut Rng, scale: f32| Quantization {
            scale,
            zero_point: rng.int(i64::from(self.qtype.min()), i64::from(self.qtype.max())) as i32,
            qtype: self.qtype,
        };
        let scale = rng.log_float(1e-3, 1.0);
        let mut x = quantization(&mut rng, scale);
        let input = Tensor {
            name: "x0".into(),
            shape: shape_of(self.features[0]),
            quantization: x,
        };
        let mut tensors = vec![input];
        let mut nodes: Vec<Node> = Vec::new();
        let push = |tensors: &mut Vec<Tensor>, nodes: &mut Vec<Node>, shape, quantization, op| {
            let input = TensorId(tensors.len() - 1);
            let name = format!("x{}", tensors.len());
            let node = format!("n{}", nodes.len());
            tensors.push(Tensor {
                name,
                shape,
                quantization,
            });
            nodes.push(Node {
                name: node,
                inputs: vec![input],
                output: TensorId(tensors.len() - 1),
                op,
            });
        };
        for (layer, pair) in self.features.windows(2).enumerate() {
            let (k, n) = (pair[0], pair[1]);
            let w_scale = rng.log_float(1e-3, 1e-1);
            // About a third of the output range is one standard deviation of the accumulator.
            let spread = (k as f32).sqrt() * 74.0 * 74.0;
            let y_scale = x.scale * w_scale * spread / rng.log_float(30.0, 120.0);
            let y = quantization(&mut rng, y_scale);
            let is_last = layer + 2 == self.features.len();
            let clamp = (self.has_relu && !is_last).then_some(y.zero_point);
            let op = Op::Linear(self.linear(&mut rng, (k, n), (x, w_scale, y), clamp));
            push(&mut tensors, &mut nodes, shape_of(n), y, op);
            if self.has_views && !is_last && !self.positions.is_empty() {
                let mut shape = shape_of(n);
                // Another arrangement with the same last axis.
                shape.insert(0, 1);
                push(&mut tensors, &mut nodes, shape, y, Op::View);
                push(&mut tensors, &mut nodes, shape_of(n), y, Op::View);
            }
            x = y;
        }
        let output = TensorId(tensors.len() - 1);
        let graph = Graph {
            tensors,
            nodes,
            input: TensorId(0),
            output,
            input_boundary: self.boundary.into(),
            output_boundary: self.boundary,
        };
        graph.validate().unwrap();
        graph
    }

    fn linear(
        &self,
        rng: &mut Rng,
        (k, n): (usize, usize),
        (x, w_scale, y): (Quantization, f32, Quantization),
        low: Option<i32>,
    ) -> Linear {
        let (wmin, wmax) = (self.weight_qtype.min(), self.weight_qtype.max());
        let draw = |rng: &mut Rng| rng.int(i64::from(wmin), i64::from(wmax)) as i32;
        let shared = Quantization {
            scale: w_scale,
            zero_point: if rng.one_in(2) {
                draw(rng)
            } else {
                (wmin + wmax + 1) / 2
            },
            qtype: self.weight_qtype,
        };
        let weight_quantization: Vec<_> = (0..n)
            .map(|_| match self.is_per_channel {
                false => shared,
                true => Quantization {
                    scale: w_scale * rng.log_float(0.25, 4.0),
                    zero_point: if rng.one_in(4) {
                        draw(rng)
                    } else {
                        shared.zero_point
                    },
                    ..shared
                },
            })
            .collect();
        let weights = weight_quantization
            .iter()
            .flat_map(|w| {
                (0..k)
                    .map(|_| (draw(rng) - w.zero_point) as i16)
                    .collect::<Vec<_>>()
            })
            .collect();
        let bound = 2000 * (k as i64 + 1);
        let bias = (0..n).map(|_| rng.int(-bound, bound) as i32).collect();
        let requant = weight_quantization
            .iter()
            .map(|w| {
                let mut r = Requant::new(x.scale * w.scale / y.scale, y).unwrap();
                r.then_clamp(low.unwrap_or(y.qtype.min()), y.qtype.max());
                r
            })
            .collect();
        Linear {
            in_features: k,
            out_features: n,
            weights,
            bias,
            requant,
            weight_quantization,
            alpha: 1.0,
        }
    }
}

/// Plain int8 layers: `features[0]` inputs, then one layer for each further entry.
pub fn random_mlp(seed: u64, features: &[usize]) -> Graph {
    RandomMlp::new(seed, features).build()
}

/// One quantized sample, extremes and the zero point among its values.
pub fn random_input(seed: u64, graph: &Graph) -> Vec<i32> {
    let mut rng = Rng::new(seed ^ 0x1_4b07);
    let q = graph.tensor(graph.input).quantization;
    let (min, max) = (i64::from(q.qtype.min()), i64::from(q.qtype.max()));
    (0..graph.tensor(graph.input).len())
        .map(|_| match rng.int(0, 15) {
            0 => q.qtype.min(),
            1 => q.qtype.max(),
            2 => q.zero_point,
            _ => rng.int(min, max) as i32,
        })
        .collect()
}

/// What may be passed in for one sample: the reals of [`random_input`], its integers, or tokens.
pub fn random_sample(seed: u64, graph: &Graph) -> Vec<f32> {
    let quantization = graph.tensor(graph.input).quantization;
    let cells = || random_input(seed, graph).into_iter();
    match graph.input_boundary {
        InputBoundary::Float => cells().map(|q| quantization.dequantize(q)).collect(),
        InputBoundary::Quantized => cells().map(|q| q as f32).collect(),
        InputBoundary::Tokens(_) => {
            let mut rng = Rng::new(seed ^ 0x70_6b65);
            let last = graph.vocabulary().unwrap_or(1) as i64 - 1;
            let mut token = || match rng.int(0, 7) {
                0 => 0,
                1 => last,
                _ => rng.int(0, last),
            };
            (0..graph.input_len()).map(|_| token() as f32).collect()
        }
    }
}
