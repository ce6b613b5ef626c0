//! The operators of transformers in a random network.

use rten_onnx::onnx::DataType;

use super::net::{Cells, Net, batched};
use super::onnx::Form;

impl Net {
    /// Adds one of them.
    pub(super) fn attention_operator(&mut self) {
        let x = self.operand();
        let y = match (self.rng.int(0, 9), x.shape.len()) {
            (0 | 1, 2..) => self.product(&x),
            (2 | 3, 1..) => self.softmax(&x),
            (4, 1..) => self.normalization(&x),
            (5, 2..) => self.mean_of_rows(&x),
            (6, 1..) => self.mean(&x),
            (7, 1..) => self.choice(&x),
            (8, 1..) => self.embedding(&x),
            _ => self.error_function(&x),
        };
        self.tensors.push(y);
    }

    /// The rows of a table that tokens name, as the model's input. The table holds floats or integers.
    pub(super) fn look_up(&mut self, y: &Cells) {
        let split = self.rng.int(0, y.shape.len() as i64) as usize;
        let (tokens, row) = y.shape.split_at(split);
        let kind = *self.rng.pick(&[DataType::INT64, DataType::INT32]);
        self.onnx.input("tokens", kind, &batched(tokens));
        let dims = [&[self.rng.int(1, 20) as usize], row].concat();
        let (low, high) = (i64::from(self.qtype.min()), i64::from(self.qtype.max()));
        let len = dims.iter().product();
        let values: Vec<_> = (0..len).map(|_| self.rng.int(low, high) as i32).collect();
        let dims: Vec<_> = dims.iter().map(|&size| size as i64).collect();
        let [table, node] = ["table", "n"].map(|name| self.fresh(name));
        let holds_floats = self.rng.one_in(2);
        if holds_floats {
            let reals: Vec<_> = values
                .iter()
                .map(|&q| y.quantization.dequantize(q))
                .collect();
            self.onnx.floats(&table, &dims, &reals);
        } else {
            self.onnx.bytes(&table, self.qtype, &dims, &values);
        }
        if self.form == Form::QOperator && !holds_floats {
            self.onnx
                .node("Gather", &node, &[&table, "tokens"], &y.name);
            return;
        }
        let float = self.fresh("f");
        let table = if holds_floats {
            table
        } else {
            self.dequantize(&table, &y.parameters(), None)
        };
        self.onnx.node("Gather", &node, &[&table, "tokens"], &float);
        self.quantize(&float, y);
    }

    /// With another tensor that fits, or with its own transpose.
    fn product(&mut self, x: &Cells) -> Cells {
        let rank = x.shape.len();
        let (leading, matrix) = x.shape.split_at(rank - 2);
        let fits = |other: &&Cells| {
            other.shape.len() == rank
                && other.shape[..rank - 2] == *leading
                && other.shape[rank - 2] == matrix[1]
        };
        let others: Vec<_> = self.tensors.iter().filter(fits).cloned().collect();
        let b = if others.is_empty() || self.rng.one_in(3) {
            let perm: Vec<_> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
            self.turned(x, &perm)
        } else {
            self.rng.pick(&others).clone()
        };
        let spread = (matrix[1] as f32).sqrt() * 74.0 * 74.0 / self.rng.log_float(30.0, 120.0);
        let quantization = self.quantization(x.quantization.scale * b.quantization.scale * spread);
        let columns = b.shape[rank - 1];
        let y = self.tensor([leading, &[matrix[0], columns]].concat(), quantization);
        self.quantized_operator(("QLinearMatMul", "MatMul"), &[x, &b], &y, |_| {});
        y
    }

    /// `x` under permuted axes.
    fn turned(&mut self, x: &Cells, perm: &[usize]) -> Cells {
        let y = self.like(x, perm.iter().map(|&axis| x.shape[axis]).collect());
        let axes = [0]
            .into_iter()
            .chain(perm.iter().map(|&axis| axis as i64 + 1));
        let axes: Vec<_> = axes.collect();
        self.move_cells("Transpose", &[&x.name], &y)
            .ints("perm", &axes);
        y
    }

    /// In one form or the other, whatever that of the network: they are two functions.
    fn softmax(&mut self, x: &Cells) -> Cells {
        let rank = x.shape.len() as i64;
        let axis = if self.rng.one_in(3) {
            self.rng.int(1, rank)
        } else {
            -1
        };
        let opset = if self.rng.one_in(4) { 11 } else { 13 };
        let at = if axis < 0 { rank } else { axis } as usize - 1;
        let len: usize = match opset {
            11 => x.shape[at..].iter().product(),
            _ => x.shape[at],
        };
        // ONNX Runtime overflows where rows have one cell.
        let form = if len == 1 || self.rng.one_in(2) {
            Form::Qdq
        } else {
            Form::QOperator
        };
        let scale = self.rng.log_float(1.0 / 255.0, 1.0 / 60.0);
        let mut quantization = self.quantization(scale);
        if form == Form::QOperator {
            // ONNX Runtime wraps around beyond 127 instead of saturating.
            let highest = self.qtype.max() - (1.0 / scale) as i32;
            quantization.zero_point = quantization.zero_point.min(highest);
        }
        let y = self.tensor(x.shape.clone(), quantization);
        let operators = ("com.microsoft:QLinearSoftmax", "Softmax");
        self.operator_in(form, operators, &[x], &y, |onnx| {
            onnx.int("axis", axis);
            if form == Form::QOperator {
                onnx.int("opset", opset);
            }
        });
        y
    }

    /// Gains and offsets of normalized rows, and a scale for results that use their range.
    fn gains(&mut self, sizes: &[usize]) -> (Vec<String>, f32) {
        let len = sizes.iter().product();
        let dims: Vec<_> = sizes.iter().map(|&size| size as i64).collect();
        let reach = self.rng.log_float(0.1, 4.0);
        let mut names = vec![self.fresh("gamma")];
        let gamma: Vec<_> = (0..len).map(|_| reach * self.real()).collect();
        self.onnx.floats(&names[0], &dims, &gamma);
        if !self.rng.one_in(4) {
            let beta: Vec<_> = (0..len).map(|_| reach * self.real()).collect();
            names.push(self.fresh("beta"));
            self.onnx.floats(&names[1], &dims, &beta);
        }
        (names, reach * self.rng.log_float(0.01, 0.05))
    }

    /// Between -1 and 1.
    fn real(&mut self) -> f32 {
        self.rng.int(-10_000, 10_000) as f32 * 1e-4
    }

    fn normalization(&mut self, x: &Cells) -> Cells {
        let rank = x.shape.len();
        let axis = if self.rng.one_in(4) {
            self.rng.int(0, rank as i64 - 1) as usize
        } else {
            rank - 1
        };
        let (parameters, scale) = self.gains(&x.shape[axis..]);
        let quantization = self.quantization(scale);
        let y = self.tensor(x.shape.clone(), quantization);
        let float = self.normalized(x, axis, &parameters);
        self.quantize(&float, &y);
        y
    }

    /// The float result of a `LayerNormalization`.
    fn normalized(&mut self, x: &Cells, axis: usize, parameters: &[String]) -> String {
        let float = self.dequantize(&x.name, &x.parameters(), None);
        let (node, y) = (self.fresh("n"), self.fresh("f"));
        let names: Vec<_> = [&float].into_iter().chain(parameters).collect();
        let names: Vec<_> = names.into_iter().map(String::as_str).collect();
        self.onnx.node("LayerNormalization", &node, &names, &y);
        self.onnx
            .int("axis", axis as i64 + 1)
            .float("epsilon", 1e-5);
        y
    }

    /// The mean of normalized rows.
    fn mean_of_rows(&mut self, x: &Cells) -> Cells {
        let rank = x.shape.len();
        let (parameters, scale) = self.gains(&x.shape[rank - 1..]);
        let float = self.normalized(x, rank - 1, &parameters);
        let keeps = self.rng.one_in(2);
        self.average(&float, &x.shape, rank - 2, keeps, scale)
    }

    fn mean(&mut self, x: &Cells) -> Cells {
        let axis = self.rng.int(0, x.shape.len() as i64 - 1) as usize;
        let float = self.dequantize(&x.name, &x.parameters(), None);
        let keeps = self.rng.one_in(2);
        let scale = x.quantization.scale * self.rng.log_float(0.1, 1.0);
        self.average(&float, &x.shape, axis, keeps, scale)
    }

    fn average(
        &mut self,
        float: &str,
        shape: &[usize],
        axis: usize,
        keeps: bool,
        scale: f32,
    ) -> Cells {
        let mut shape = shape.to_vec();
        if keeps {
            shape[axis] = 1;
        } else {
            shape.remove(axis);
        }
        let quantization = self.quantization(scale);
        let y = self.tensor(shape, quantization);
        let (node, axes, mean) = (self.fresh("n"), self.fresh("axes"), self.fresh("f"));
        self.onnx.int64s(&axes, &[1], &[axis as i64 + 1]);
        self.onnx.node("ReduceMean", &node, &[float, &axes], &mean);
        self.onnx.int("keepdims", i64::from(keeps));
        self.quantize(&mean, &y);
        y
    }

    /// One index of an axis, or several.
    fn choice(&mut self, x: &Cells) -> Cells {
        let axis = self.rng.int(0, x.shape.len() as i64 - 1) as usize;
        let size = x.shape[axis] as i64;
        let count = self.rng.int(1, 3);
        let indices: Vec<_> = (0..count).map(|_| self.rng.int(-size, size - 1)).collect();
        let mut shape = x.shape.clone();
        let dims = if count == 1 && self.rng.one_in(2) {
            shape.remove(axis);
            vec![]
        } else {
            shape[axis] = indices.len();
            vec![count]
        };
        let name = self.fresh("indices");
        self.onnx.int64s(&name, &dims, &indices);
        let y = self.like(x, shape);
        self.move_cells("Gather", &[&x.name, &name], &y)
            .int("axis", axis as i64 + 1);
        y
    }

    /// The sum with a row of a constant table.
    fn embedding(&mut self, x: &Cells) -> Cells {
        let features = x.shape[x.shape.len() - 1];
        let scale = x.quantization.scale * self.rng.log_float(0.2, 5.0);
        let quantization = self.quantization(scale);
        let row = self.tensor(vec![features], quantization);
        let (table, index, node) = (self.fresh("table"), self.fresh("index"), self.fresh("n"));
        let (low, high) = (i64::from(self.qtype.min()), i64::from(self.qtype.max()));
        let values: Vec<_> = (0..3 * features)
            .map(|_| self.rng.int(low, high) as i32)
            .collect();
        let dims = [3, features as i64];
        self.onnx.bytes(&table, self.qtype, &dims, &values);
        let chosen = self.rng.int(-3, 2);
        self.onnx.int64s(&index, &[], &[chosen]);
        self.onnx
            .node("Gather", &node, &[&table, &index], &row.name);
        let scale = (x.quantization.scale + scale) * self.rng.log_float(0.4, 1.2);
        let quantization = self.quantization(scale);
        let y = self.tensor(x.shape.clone(), quantization);
        let operators = ("com.microsoft:QLinearAdd", "Add");
        self.quantized_operator(operators, &[x, &row], &y, |_| {});
        y
    }

    /// GELU in one node or in many, or the error function alone.
    fn error_function(&mut self, x: &Cells) -> Cells {
        let kind = self.rng.int(0, 2);
        let reach = if kind == 2 {
            1.0 / 128.0
        } else {
            x.quantization.scale
        };
        let scale = reach * self.rng.log_float(0.3, 1.5);
        let quantization = self.quantization(scale);
        let y = self.tensor(x.shape.clone(), quantization);
        let float = self.dequantize(&x.name, &x.parameters(), None);
        let mut names = (0..6).map(|_| self.fresh("f")).collect::<Vec<_>>();
        match kind {
            0 => {
                let operator = *self.rng.pick(&["Gelu", "com.microsoft:Gelu"]);
                self.onnx.node(operator, &names[0], &[&float], &names[0]);
                names.truncate(1);
            }
            1 => {
                let [root, one, half] = ["root", "one", "half"].map(|name| self.fresh(name));
                self.onnx.floats(&root, &[], &[2f32.sqrt()]);
                self.onnx
                    .floats(&one, &[1], &[1.0])
                    .floats(&half, &[], &[0.5]);
                for (at, (operator, inputs)) in [
                    ("Div", [&float, &root].as_slice()),
                    ("Erf", &[&names[0]]),
                    ("Add", &[&one, &names[1]]),
                    ("Mul", &[&float, &names[2]]),
                    ("Mul", &[&names[3], &half]),
                ]
                .into_iter()
                .enumerate()
                {
                    let inputs: Vec<_> = inputs.iter().map(|name| name.as_str()).collect();
                    self.onnx.node(operator, &names[at], &inputs, &names[at]);
                }
                names.truncate(5);
            }
            _ => {
                self.onnx.node("Erf", &names[0], &[&float], &names[0]);
                names.truncate(1);
            }
        }
        self.quantize(names.last().unwrap(), &y);
        y
    }
}
