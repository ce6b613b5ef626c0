//! Random blocks of attention, as graphs.

use super::random::Rng;
use crate::graph::{Graph, InputBoundary, Node, OutputBoundary, Tensor, TensorId};
use crate::op::{Elementwise, LayerNorm, Op};
use crate::quantization::{QType, Quantization};
use crate::requant::Requant;

/// What [`build`](Self::build) draws.
#[derive(Clone, Copy, Debug)]
pub struct RandomAttention {
    /// Determines everything that the other fields leave open.
    pub seed: u64,
    /// Rows of the input.
    pub tokens: usize,
    /// Blocks of columns that attend by themselves.
    pub heads: usize,
    /// Columns of one head.
    pub features: usize,
    /// The type of all tensors.
    pub qtype: QType,
}

impl RandomAttention {
    /// Everything drawn from the seed.
    pub fn any(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xa77);
        Self {
            seed,
            tokens: rng.int(1, 21) as usize,
            heads: rng.int(1, 3) as usize,
            features: rng.int(1, 6) as usize,
            qtype: *rng.pick(&[QType::I8, QType::U8]),
        }
    }

    /// The normalized input attends to itself, is added to the input, normalized and averaged.
    pub fn build(&self) -> Graph {
        let Self {
            tokens,
            heads,
            features,
            ..
        } = *self;
        let mut net = Builder {
            rng: Rng::new(self.seed),
            qtype: self.qtype,
            tensors: Vec::new(),
            nodes: Vec::new(),
        };
        let width = heads * features;
        let x = net.tensor(&[tokens, width], 0.02);
        let norm = net.norm(width, false);
        let normal = net.node(norm, &[x], &[tokens, width], 0.02);
        let split = net.like(Op::View, &[normal], &[tokens, heads, features]);
        let transpose = |perm: &[usize]| Op::Transpose {
            perm: perm.to_vec(),
        };
        let queries = net.like(transpose(&[1, 0, 2]), &[split], &[heads, tokens, features]);
        let keys = net.like(transpose(&[1, 2, 0]), &[split], &[heads, features, tokens]);
        let scores = net.mat_mul(queries, keys, &[heads, tokens, tokens]);
        let whole_steps = net.rng.one_in(2);
        let quantization = Quantization {
            scale: if net.rng.one_in(2) {
                1.0 / 256.0
            } else {
                0.0041
            },
            zero_point: self.qtype.min(),
            qtype: self.qtype,
        };
        let softmax = Op::Softmax { whole_steps };
        let weights = net.add(softmax, &[scores], &[heads, tokens, tokens], quantization);
        let mixed = net.mat_mul(weights, queries, &[heads, tokens, features]);
        let mixed = net.like(transpose(&[1, 0, 2]), &[mixed], &[tokens, heads, features]);
        let mixed = net.like(Op::View, &[mixed], &[tokens, width]);
        let sum = Op::Add(Elementwise::default());
        let sum = net.node(sum, &[x, mixed], &[tokens, width], 0.03);
        let norm = net.norm(width, true);
        let output = net.node(norm, &[sum], &[width], 0.02);
        let graph = Graph {
            tensors: net.tensors,
            nodes: net.nodes,
            input: x,
            output,
            input_boundary: InputBoundary::Quantized,
            output_boundary: OutputBoundary::Quantized,
        };
        graph.validate().unwrap();
        graph
    }
}

struct Builder {
    rng: Rng,
    qtype: QType,
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
}

impl Builder {
    fn quantization(&mut self, scale: f32) -> Quantization {
        let zero_point = self.rng.int(-40, 40) as i32 + self.qtype.min() + 128;
        Quantization {
            scale: scale * self.rng.log_float(0.5, 2.0),
            zero_point,
            qtype: self.qtype,
        }
    }

    fn tensor(&mut self, shape: &[usize], scale: f32) -> TensorId {
        let quantization = self.quantization(scale);
        self.tensor_of(shape, quantization)
    }

    fn tensor_of(&mut self, shape: &[usize], quantization: Quantization) -> TensorId {
        self.tensors.push(Tensor {
            name: format!("t{}", self.tensors.len()),
            shape: shape.to_vec(),
            quantization,
        });
        TensorId(self.tensors.len() - 1)
    }

    fn add(&mut self, op: Op, inputs: &[TensorId], shape: &[usize], y: Quantization) -> TensorId {
        let output = self.tensor_of(shape, y);
        self.nodes.push(Node {
            name: format!("n{}", self.nodes.len()),
            inputs: inputs.to_vec(),
            output,
            op,
        });
        output
    }

    fn node(&mut self, op: Op, inputs: &[TensorId], shape: &[usize], scale: f32) -> TensorId {
        let y = self.quantization(scale);
        self.add(op, inputs, shape, y)
    }

    /// A node that keeps the quantization.
    fn like(&mut self, op: Op, inputs: &[TensorId], shape: &[usize]) -> TensorId {
        let y = self.tensors[inputs[0].0].quantization;
        self.add(op, inputs, shape, y)
    }

    fn norm(&mut self, width: usize, mean: bool) -> Op {
        Op::LayerNorm(LayerNorm {
            gamma: (0..width).map(|_| self.rng.log_float(0.2, 2.0)).collect(),
            beta: (0..width)
                .map(|_| self.rng.log_float(0.1, 1.0) - 0.4)
                .collect(),
            epsilon: 1e-5,
            mean,
        })
    }

    fn mat_mul(&mut self, a: TensorId, b: TensorId, shape: &[usize]) -> TensorId {
        let y = self.quantization(0.05);
        let [a_scale, b_scale] = [a, b].map(|id| self.tensors[id.0].quantization.scale);
        let requant = Requant::new(a_scale * b_scale / y.scale, y).unwrap();
        self.add(Op::MatMul { requant }, &[a, b], shape, y)
    }
}
