//! Operators on reals between `DequantizeLinear` and `QuantizeLinear`, held against real arithmetic.
//!
//! All scales are powers of two, so that float32 and the double precision used here are exact, and ties are common. What is
//! then left of ONNX Runtime's rules is where a zero point stands: inside the rounding of sums, products and averages, where
//! an odd one turns ties around, and outside of all others.

use rten_onnx::onnx::DataType;
use winterforge_model::testing::{OnnxBuilder, Rng};
use winterforge_model::{Graph, QType, Quantization, execute, import};

const CHANNELS: usize = 4;
const HEIGHT: usize = 5;
const WIDTH: usize = 6;
const CELLS: usize = CHANNELS * HEIGHT * WIDTH;

const fn int8(scale: f32, zero_point: i32) -> Quantization {
    Quantization {
        scale,
        zero_point,
        qtype: QType::I8,
    }
}

const X: Quantization = int8(0.5, 3);
const K: Quantization = int8(0.25, -5);
const Y: Quantization = int8(4.0, -7);

#[derive(Clone, Copy)]
enum ZeroPoint {
    Inside,
    Outside,
}

/// `x [N, 4, 5, 6]` dequantized as `xf` and the constants `k`, dequantized as `kf`; one node makes `yf` of them, which is
/// quantized as `y`.
struct Group {
    onnx: OnnxBuilder,
    k: Vec<i32>,
    y: Quantization,
}

impl Group {
    fn new(k_dims: &[i64], y: Quantization) -> Self {
        Self::of(&[CHANNELS, HEIGHT, WIDTH], k_dims, y)
    }

    fn of(x_shape: &[usize], k_dims: &[i64], y: Quantization) -> Self {
        let mut onnx = OnnxBuilder::new();
        let sizes = x_shape.iter().map(|&size| Some(size as i64));
        let x_dims: Vec<_> = [None].into_iter().chain(sizes).collect();
        onnx.input("x", DataType::INT8, &x_dims);
        let mut rng = Rng::new(7);
        let length = k_dims.iter().product::<i64>();
        let k: Vec<i32> = (0..length).map(|_| rng.int(-128, 127) as i32).collect();
        onnx.bytes("k", QType::I8, k_dims, &k);
        for (name, quantization) in [("x", X), ("k", K), ("y", y)] {
            onnx.quantization(name, quantization);
        }
        for name in ["x", "k"] {
            let [scale, zero_point] = ["scale", "zero_point"].map(|of| format!("{name}_{of}"));
            let names = [name, &scale, &zero_point];
            let real = format!("{name}f");
            onnx.node("DequantizeLinear", &format!("d{name}"), &names, &real);
        }
        Self { onnx, k, y }
    }

    fn node(mut self, operator: &str, inputs: &[&str]) -> Self {
        self.onnx.node(operator, "at", inputs, "yf");
        self
    }

    fn ints(mut self, name: &str, values: &[i64]) -> Self {
        self.onnx.ints(name, values);
        self
    }

    fn int(mut self, name: &str, value: i64) -> Self {
        self.onnx.int(name, value);
        self
    }

    /// Three samples give what `expected` makes of the reals of `x` and `k`.
    #[track_caller]
    fn computes(
        mut self,
        zero_point: ZeroPoint,
        expected: impl Fn(&[f64], &[f64]) -> Vec<f64>,
    ) -> Graph {
        let names = ["yf", "y_scale", "y_zero_point"];
        self.onnx.node("QuantizeLinear", "qy", &names, "y");
        self.onnx.output("y", DataType::INT8);
        let graph = import(&self.onnx.build(), "net.onnx").unwrap_or_else(|e| panic!("{e}"));
        let reals = |cells: &[i32], of: Quantization| -> Vec<f64> {
            cells.iter().map(|&q| f64::from(of.dequantize(q))).collect()
        };
        let k = reals(&self.k, K);
        for seed in 0..3 {
            let mut rng = Rng::new(seed);
            let x: Vec<i32> = (0..graph.tensor(graph.input).len())
                .map(|_| rng.int(-128, 127) as i32)
                .collect();
            let found = execute(&graph, &x).unwrap();
            let y = expected(&reals(&x, X), &k);
            let y: Vec<i32> = (y.iter())
                .map(|&y| quantize(y, self.y, zero_point))
                .collect();
            assert_eq!(found.tensors[graph.output.0], y, "seed {seed}");
        }
        graph
    }
}

fn quantize(real: f64, of: Quantization, zero_point: ZeroPoint) -> i32 {
    let (steps, zero) = (real / f64::from(of.scale), f64::from(of.zero_point));
    let q = match zero_point {
        ZeroPoint::Inside => (steps + zero).round_ties_even(),
        ZeroPoint::Outside => steps.round_ties_even() + zero,
    };
    q.clamp(-128.0, 127.0) as i32
}

fn at(channel: usize, row: usize, column: usize) -> usize {
    (channel * HEIGHT + row) * WIDTH + column
}

/// What `of` makes of each window of 2 x 2 cells, so many rows and one column apart.
fn windows(x: &[f64], rows_apart: usize, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut y = Vec::new();
    for channel in 0..CHANNELS {
        for row in (0..HEIGHT - 1).step_by(rows_apart) {
            for column in 0..WIDTH - 1 {
                let cells = (0..4).map(|cell| x[at(channel, row + cell / 2, column + cell % 2)]);
                y.push(of(&cells.collect::<Vec<_>>()));
            }
        }
    }
    y
}

fn max(cells: &[f64]) -> f64 {
    cells.iter().copied().fold(f64::MIN, f64::max)
}

fn mean(cells: &[f64]) -> f64 {
    cells.iter().sum::<f64>() / cells.len() as f64
}

#[test]
fn conv() {
    // Two groups, 3 x 3, a border of real 0.
    let group = Group::new(&[6, 2, 3, 3], int8(64.0, -7)).node("Conv", &["xf", "kf"]);
    let group = group.int("group", 2).ints("pads", &[1, 1, 1, 1]);
    group.computes(ZeroPoint::Outside, |x, k| {
        let mut y = Vec::new();
        for out in 0..6 {
            for row in 0..HEIGHT {
                for column in 0..WIDTH {
                    let terms = (0..18).map(|term| {
                        let (channel, dy, dx) = (term / 9, term / 3 % 3, term % 3);
                        let (row, column) = (row + dy, column + dx);
                        let inside = (1..=HEIGHT).contains(&row) && (1..=WIDTH).contains(&column);
                        let cell = if inside {
                            x[at(out / 3 * 2 + channel, row - 1, column - 1)]
                        } else {
                            0.0
                        };
                        cell * k[out * 18 + term]
                    });
                    y.push(terms.sum());
                }
            }
        }
        y
    });
}

#[test]
fn gemm() {
    let mut group = Group::of(&[8], &[3, 8], int8(8.0, -7));
    let bias = [100, -3, 5];
    group.onnx.int32s("c", &[3], &bias);
    group.onnx.floats("c_scale", &[], &[X.scale * K.scale]);
    group
        .onnx
        .node("DequantizeLinear", "dc", &["c", "c_scale"], "cf");
    let group = group.node("Gemm", &["xf", "kf", "cf"]).int("transB", 1);
    group.computes(ZeroPoint::Outside, |x, k| {
        let rows = k.chunks(8).zip(bias);
        rows.map(|(row, bias)| dot(row, x) + f64::from(bias) * 0.125)
            .collect()
    });
}

#[test]
fn mat_mul() {
    let group = Group::of(&[2, 8], &[8, 3], int8(8.0, -7)).node("MatMul", &["xf", "kf"]);
    group.computes(ZeroPoint::Outside, |x, k| {
        let column = |j: usize| k.iter().skip(j).step_by(3).copied().collect::<Vec<_>>();
        let rows = x.chunks(8);
        rows.flat_map(|row| (0..3).map(move |j| dot(row, &column(j))))
            .collect()
    });
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn add_and_mul() {
    let by_channel: &[i64] = &[1, CHANNELS as i64, 1, 1];
    let by_cell: &[i64] = &[1, CHANNELS as i64, HEIGHT as i64, WIDTH as i64];
    for dims in [by_channel, by_cell] {
        let each = CELLS / dims.iter().product::<i64>() as usize;
        let pairs = move |x: &[f64], k: &[f64], of: fn(f64, f64) -> f64| {
            let cells = x.iter().enumerate();
            cells.map(|(at, &x)| of(x, k[at / each])).collect()
        };
        for inputs in [["xf", "kf"], ["kf", "xf"]] {
            let group = Group::new(dims, int8(1.0, -7)).node("Add", &inputs);
            group.computes(ZeroPoint::Inside, |x, k| pairs(x, k, |x, k| x + k));
            let group = Group::new(dims, int8(16.0, -7)).node("Mul", &inputs);
            group.computes(ZeroPoint::Inside, |x, k| pairs(x, k, |x, k| x * k));
        }
    }
    // Both operands of one tensor.
    let group = Group::new(&[1], Y).node("Add", &["xf", "xf"]);
    group.computes(ZeroPoint::Inside, |x, _| x.iter().map(|x| x + x).collect());
    let group = Group::new(&[1], int8(32.0, -7)).node("Mul", &["xf", "xf"]);
    group.computes(ZeroPoint::Inside, |x, _| x.iter().map(|x| x * x).collect());
}

#[test]
fn pools() {
    let group = Group::new(&[1], Y).node("MaxPool", &["xf"]);
    let group = group.ints("kernel_shape", &[2, 2]).ints("strides", &[2, 1]);
    group.computes(ZeroPoint::Outside, |x, _| windows(x, 2, max));
    let group = Group::new(&[1], int8(0.25, -7)).node("AveragePool", &["xf"]);
    let group = group.ints("kernel_shape", &[2, 2]);
    group.computes(ZeroPoint::Inside, |x, _| windows(x, 1, mean));
    // A mean of 16 cells is exact.
    let group = Group::of(&[3, 4, 4], &[1], int8(0.125, -7)).node("GlobalAveragePool", &["xf"]);
    group.computes(ZeroPoint::Outside, |x, _| x.chunks(16).map(mean).collect());
}

#[test]
fn functions_of_one_cell() {
    let group = Group::new(&[1], Y).node("Relu", &["xf"]);
    group.computes(ZeroPoint::Outside, |x, _| {
        x.iter().map(|x| x.max(0.0)).collect()
    });
    let mut group = Group::new(&[1], int8(1.0, -7));
    group
        .onnx
        .floats("low", &[], &[-10.5])
        .floats("high", &[], &[6.0]);
    let group = group.node("Clip", &["xf", "low", "high"]);
    group.computes(ZeroPoint::Outside, |x, _| {
        x.iter().map(|x| x.clamp(-10.5, 6.0)).collect()
    });
    // Not exact in either arithmetic, but no result is near a tie.
    let group = Group::new(&[1], int8(2f32.powi(-7), -7)).node("Sigmoid", &["xf"]);
    group.computes(ZeroPoint::Outside, |x, _| {
        x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()
    });
}

#[test]
fn concat() {
    let mut group = Group::new(&[1], int8(1.0, -7));
    // The other operand has a scale of its own: sums of x with itself.
    group.onnx.quantization("s", int8(2.0, 4));
    let of_s = ["s_scale", "s_zero_point"];
    group.onnx.node("Add", "sum", &["xf", "xf"], "sf");
    group
        .onnx
        .node("QuantizeLinear", "qs", &["sf", of_s[0], of_s[1]], "s8");
    group
        .onnx
        .node("DequantizeLinear", "ds", &["s8", of_s[0], of_s[1]], "tf");
    let group = group.node("Concat", &["xf", "tf"]).int("axis", 1);
    group.computes(ZeroPoint::Outside, |x, _| {
        let s = int8(2.0, 4);
        let sums = x.iter().map(|x| quantize(x + x, s, ZeroPoint::Inside));
        let sums = sums.map(|q| f64::from(s.dequantize(q)));
        x.iter().copied().chain(sums).collect()
    });
}
