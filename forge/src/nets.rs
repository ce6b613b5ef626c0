//! Small networks of the operators beyond matrix products, one statement each.

use winterforge_model::testing::{Rng, random_sample};
use winterforge_model::{
    AveragePool, Constant, Conv, Elementwise, Graph, InputBoundary, LayerNorm, Node, Op,
    OutputBoundary, QType, Quantization, Requant, Table, Tensor, TensorId, Window,
};
use winterforge_verifier::bundle::Parameters;

use crate::case::Case;

/// int8 with a zero point.
pub fn int8(scale: f32, zero_point: i32) -> Quantization {
    Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    }
}

/// A graph in the making.
#[derive(Debug)]
pub struct Net {
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
}

impl Net {
    /// The input alone.
    pub fn new(shape: &[usize], quantization: Quantization) -> Self {
        Self {
            tensors: vec![Tensor {
                name: "x".into(),
                shape: shape.to_vec(),
                quantization,
            }],
            nodes: Vec::new(),
        }
    }

    /// Adds a node, and returns its result.
    pub fn node(
        &mut self,
        op: Op,
        inputs: &[usize],
        shape: &[usize],
        quantization: Quantization,
    ) -> usize {
        let output = self.tensors.len();
        self.tensors.push(Tensor {
            name: format!("t{output}"),
            shape: shape.to_vec(),
            quantization,
        });
        self.nodes.push(Node {
            name: format!("n{output}"),
            inputs: inputs.iter().map(|&id| TensorId(id)).collect(),
            output: TensorId(output),
            op,
        });
        output
    }

    /// A function of each cell: a line modulo 256.
    pub fn table(&mut self, x: usize, factor: i32, quantization: Quantization) -> usize {
        let shape = self.tensors[x].shape.clone();
        let values = Table::new(QType::I8, |v| (v * factor + 5).rem_euclid(256) - 128);
        self.node(Op::Table(values), &[x], &shape, quantization)
    }

    /// The graph, whose output is the last result.
    ///
    /// # Panics
    /// If it is not valid.
    pub fn graph(self) -> Graph {
        let output = TensorId(self.tensors.len() - 1);
        let graph = Graph {
            tensors: self.tensors,
            nodes: self.nodes,
            input: TensorId(0),
            output,
            input_boundary: InputBoundary::Float,
            output_boundary: OutputBoundary::Float,
        };
        graph.validate().expect("a valid graph");
        graph
    }
}

/// The statement about `batch` random samples.
/// A graph, and what it returns for random samples.
pub fn case(graph: Graph, seed: u64, batch: usize) -> Case {
    let x = (0..batch as u64)
        .flat_map(|sample| random_sample(seed ^ sample << 20, &graph))
        .collect();
    Case::new(graph, x, Parameters::default())
}

/// Maxima of nine cells, at the border of fewer; one lane of the last row is unused.
pub fn pool() -> Case {
    let quantization = int8(0.5, 3);
    let mut net = Net::new(&[1, 6, 6], quantization);
    let window = Window {
        kernel: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 0, 0],
        dilations: [1, 1],
    };
    net.node(Op::MaxPool(window), &[0], &[1, 3, 3], quantization);
    case(net.graph(), 1, 101)
}

/// Two functions, one after the other.
pub fn maps() -> Case {
    let mut net = Net::new(&[7], int8(0.5, 3));
    let first = net.table(0, 7, int8(0.5, 3));
    net.table(first, 11, int8(0.5, 3));
    case(net.graph(), 2, 73)
}

/// The input plus a function of it, with scales of their own.
pub fn sum() -> Case {
    let mut net = Net::new(&[7], int8(0.5, 3));
    let map = net.table(0, 7, int8(0.8, -7));
    let (sum, y) = (Op::Add(Elementwise::default()), int8(0.9, -4));
    net.node(sum, &[0, map], &[7], y);
    case(net.graph(), 3, 73)
}

/// The softmax of rows of five cells.
pub fn softmax() -> Case {
    let mut net = Net::new(&[4, 5], int8(0.03, 3));
    let softmax = Op::Softmax { whole_steps: true };
    net.node(softmax, &[0], &[4, 5], int8(1.0 / 256.0, -128));
    case(net.graph(), 13, 21)
}

/// The normalization of rows of six cells, behind a sum with a term of another scale: its range check is so wide that one
/// of quotients too large would pass.
pub fn norm() -> Case {
    let mut net = Net::new(&[3, 6], int8(0.03, 0));
    let map = net.table(0, 7, int8(3e-7, 0));
    let sum = Op::Add(Elementwise::default());
    let sum = net.node(sum, &[0, map], &[3, 6], int8(0.03, 0));
    let norm = LayerNorm {
        gamma: vec![1.2, 0.7, 0.6, 0.9, 1.5, -0.8],
        beta: vec![0.1, -0.3, 0.2, 0.0, 0.4, 0.1],
        epsilon: 1e-5,
        mean: false,
    };
    net.node(Op::LayerNorm(norm), &[sum], &[3, 6], int8(0.03, 5));
    case(net.graph(), 14, 21)
}

/// How far apart accumulators of [`mat_mul`] are whose codes are neighbours.
pub const MAT_MUL_STEP: i64 = 500;

/// A matrix times itself, the other way round.
pub fn mat_mul() -> Case {
    let mut net = Net::new(&[3, 4], int8(0.05, 3));
    let transpose = Op::Transpose { perm: vec![1, 0] };
    let transposed = net.node(transpose, &[0], &[4, 3], int8(0.05, 3));
    let y = int8(0.05 * 0.05 * MAT_MUL_STEP as f32, -4);
    let requant = Requant::new(0.05f32 * 0.05 / y.scale, y).expect("a factor");
    net.node(Op::MatMul { requant }, &[0, transposed], &[3, 3], y);
    case(net.graph(), 15, 21)
}

/// The input times a function of it.
pub fn product() -> Case {
    let mut net = Net::new(&[7], int8(0.5, 3));
    let map = net.table(0, 7, int8(0.8, -7));
    let product = Op::Mul(Elementwise::default());
    net.node(product, &[0, map], &[7], int8(29.0, -4));
    case(net.graph(), 7, 73)
}

/// The input times constants.
pub fn scaled() -> Case {
    let mut net = Net::new(&[5], int8(0.5, 3));
    let mut product = Elementwise::default();
    product.constants[1] = Some(Constant {
        shape: vec![5],
        values: vec![-90, -7, 4, 60, 127],
        quantization: int8(0.8, -7),
    });
    net.node(Op::Mul(product), &[0], &[5], int8(29.0, -4));
    case(net.graph(), 8, 73)
}

/// Averages of up to nine cells, with a divisor of their own at the border.
pub fn average() -> Case {
    let mut net = Net::new(&[1, 5, 5], int8(0.3, -20));
    let pool = AveragePool {
        window: Window {
            kernel: [3, 3],
            strides: [2, 2],
            pads: [1, 1, 1, 1],
            dilations: [1, 1],
        },
        count_include_pad: false,
    };
    net.node(Op::AveragePool(pool), &[0], &[1, 3, 3], int8(0.2173, 9));
    case(net.graph(), 9, 61)
}

/// Averages of two cells, half of which tie but for what float32 rounds.
pub fn chain() -> Case {
    let mut net = Net::new(&[1, 8, 8], int8(0.3, -20));
    let pool = AveragePool {
        window: Window {
            kernel: [1, 2],
            strides: [1, 1],
            pads: [0; 4],
            dilations: [1, 1],
        },
        count_include_pad: false,
    };
    net.node(Op::AveragePool(pool), &[0], &[1, 8, 7], int8(0.3, -20));
    case(net.graph(), 10, 7)
}

/// A network that ends in a sum of three cells and the same again, 2^`apart` times smaller but for a factor of three.
pub fn wide_sum(apart: i32) -> Net {
    let mut net = Net::new(&[3], int8(4.0, 0));
    let values = Table::new(QType::I8, |v| v);
    let small = int8(1.3 * 2f32.powi(-apart), 0);
    let map = net.node(Op::Table(values), &[0], &[3], small);
    let sum = Op::Add(Elementwise::default());
    net.node(sum, &[0, map], &[3], int8(1.0, 0));
    net
}

/// A convolution with the border, stride and weights that [`conv`] has, but for what `edit` changes.
pub fn conv_edited(edit: impl Fn(&mut Conv)) -> Case {
    let mut rng = Rng::new(5);
    let (x, y) = (int8(0.5, 20), int8(9.0, -4));
    let (inputs, outputs) = (2, 3);
    let requant = Requant::new(0.5 * 0.02 / 0.9, y).expect("a usable scale");
    let mut conv = Conv {
        in_channels: inputs,
        out_channels: outputs,
        groups: 1,
        window: Window {
            kernel: [3, 3],
            strides: [2, 2],
            pads: [1, 1, 1, 1],
            dilations: [1, 1],
        },
        weights: (0..outputs * inputs * 9)
            .map(|_| rng.int(-60, 60) as i16)
            .collect(),
        bias: (0..outputs).map(|_| rng.int(-999, 999) as i32).collect(),
        requant: vec![requant; outputs],
        weight_quantization: vec![int8(0.02, 0); outputs],
    };
    edit(&mut conv);
    let mut net = Net::new(&[inputs, 5, 5], x);
    net.node(Op::Conv(conv), &[0], &[outputs, 3, 3], y);
    case(net.graph(), 6, 61)
}

/// A convolution with a border and a stride.
pub fn conv() -> Case {
    conv_edited(|_| {})
}
