//! The operators of a random network: each takes tensors that exist and adds one.

use super::net::{Cells, Net};
use super::onnx::Form;
use crate::cells::broadcast_shape;
use crate::op::Window;

impl Net {
    /// Adds one operator on tensors drawn at random, the latest most often.
    pub(super) fn random_operator(&mut self) {
        let x = self.operand();
        let y = match (self.rng.int(0, 13), x.shape.len()) {
            (0..=3, 2 | 3) => self.convolution(&x),
            (4, 2 | 3) => self.pool(&x, true),
            (5, 2 | 3) => self.pool(&x, false),
            (6, 2 | 3) => self.global_average(&x),
            (7, _) => self.combine(&x, true),
            (8, _) => self.combine(&x, false),
            (9, 1..) => self.concatenation(&x),
            (10, 2..) => self.transposition(&x),
            (11, 1..) => self.frame(&x),
            (12, _) => self.reshaped(&x),
            _ => self.activation(&x),
        };
        self.tensors.push(y);
    }

    /// A tensor drawn at random, the latest most often.
    pub(super) fn operand(&mut self) -> Cells {
        if self.rng.one_in(3) {
            let tensors = self.tensors.clone();
            self.rng.pick(&tensors).clone()
        } else {
            self.tensors.last().unwrap().clone()
        }
    }

    fn size(&mut self, high: usize) -> usize {
        self.rng.int(1, high as i64) as usize
    }

    /// A window that fits the image.
    fn window(&mut self, x: &Cells, is_pool: bool) -> Window {
        let image = match x.shape[..] {
            [_, height, width] => [height, width],
            [_, length] => [1, length],
            _ => unreachable!(),
        };
        loop {
            let mut draw = |high: usize| [self.size(high), self.size(high)];
            let mut window = Window {
                kernel: draw(4),
                strides: draw(3),
                dilations: draw(2),
                pads: [0; 4],
            };
            for axis in 0..4 {
                let high = if is_pool {
                    window.kernel[axis % 2] - 1
                } else {
                    3
                };
                window.pads[axis] = self.rng.int(0, high as i64) as usize;
            }
            if x.shape.len() == 2 {
                window.kernel[0] = 1;
                window.strides[0] = 1;
                window.dilations[0] = 1;
                (window.pads[0], window.pads[2]) = (0, 0);
            }
            if is_pool && !self.rng.one_in(3) {
                window.dilations = [1, 1];
            }
            if window.output(image).is_some() && (!is_pool || window.always_sees(image)) {
                return window;
            }
        }
    }

    /// The attributes of a window on the last node.
    fn attributes(onnx: &mut super::OnnxBuilder, window: &Window, axes: usize, dilated: bool) {
        let ints = |values: &[usize]| values.iter().map(|&v| v as i64).collect::<Vec<_>>();
        let from = 2 - axes;
        onnx.ints("kernel_shape", &ints(&window.kernel[from..]));
        onnx.ints("strides", &ints(&window.strides[from..]));
        let pads = [&window.pads[from..2], &window.pads[2 + from..]].concat();
        onnx.ints("pads", &ints(&pads));
        if dilated {
            onnx.ints("dilations", &ints(&window.dilations[from..]));
        }
    }

    fn image_shape(channels: usize, x: &Cells, window: &Window) -> Vec<usize> {
        match x.shape[..] {
            [_, length] => vec![channels, window.output([1, length]).unwrap()[1]],
            [_, height, width] => {
                let [height, width] = window.output([height, width]).unwrap();
                vec![channels, height, width]
            }
            _ => unreachable!(),
        }
    }

    fn convolution(&mut self, x: &Cells) -> Cells {
        let (axes, channels) = (x.shape.len() - 1, x.shape[0]);
        let window = self.window(x, false);
        let divisors: Vec<_> = (1..=channels).filter(|d| channels % d == 0).collect();
        let groups = *self.rng.pick(&divisors);
        let out_channels = groups * self.size(3);
        let [height, width] = window.kernel;
        let filter = channels / groups * height * width;

        let (w, b) = (self.fresh("w"), self.fresh("b"));
        let (low, high) = (i64::from(self.qtype.min()), i64::from(self.qtype.max()));
        let values: Vec<_> = (0..out_channels * filter)
            .map(|_| self.rng.int(low, high) as i32)
            .collect();
        let mut dims = vec![out_channels as i64, (channels / groups) as i64];
        dims.extend(window.kernel[2 - axes..].iter().map(|&k| k as i64));
        self.onnx.bytes(&w, self.qtype, &dims, &values);
        let w_scale = self.rng.log_float(1e-3, 1e-1);
        let scales: Vec<_> = (0..out_channels)
            .map(|_| w_scale * self.rng.log_float(0.5, 2.0))
            .collect();
        let n = [out_channels as i64];
        let w_parameters = [format!("{w}_scale"), format!("{w}_zero_point")];
        self.onnx.floats(&w_parameters[0], &n, &scales);
        let zero_point = self.quantization(1.0).zero_point;
        self.onnx.bytes(
            &w_parameters[1],
            self.qtype,
            &n,
            &vec![zero_point; out_channels],
        );
        let bound = 3000 * (filter as i64 + 1);
        let bias: Vec<_> = (0..out_channels)
            .map(|_| self.rng.int(-bound, bound) as i32)
            .collect();
        self.onnx.int32s(&b, &n, &bias);
        let b_scales: Vec<_> = scales.iter().map(|s| x.quantization.scale * s).collect();
        let b_scale = format!("{b}_scale");
        self.onnx.floats(&b_scale, &n, &b_scales);

        let spread = (filter as f32).sqrt() * 74.0 * 74.0;
        let y_scale = x.quantization.scale * w_scale * spread / self.rng.log_float(30.0, 120.0);
        let quantization = self.quantization(y_scale);
        let y = self.tensor(Self::image_shape(out_channels, x, &window), quantization);
        let ([xs, xz], [ys, yz]) = (x.parameters(), y.parameters());
        let node = self.fresh("n");
        let raw = self.fresh("raw");
        let is_clamped = self.rng.one_in(3);
        match self.form {
            Form::QOperator => {
                let [ws, wz] = &w_parameters;
                let names = [&x.name, &xs, &xz, &w, ws, wz, &ys, &yz, &b].map(String::as_str);
                let to = if is_clamped { &raw } else { &y.name };
                self.onnx.node("QLinearConv", &node, &names, to);
            }
            Form::Qdq => {
                let xf = self.dequantize(&x.name, &x.parameters(), None);
                let wf = self.dequantize(&w, &w_parameters, Some(0));
                let bf = self.dequantize(&b, &[b_scale], Some(0));
                self.onnx.node("Conv", &node, &[&xf, &wf, &bf], &raw);
            }
        }
        Self::attributes(&mut self.onnx, &window, axes, true);
        self.onnx.int("group", groups as i64);
        let relu = self.fresh("relu");
        match (self.form, is_clamped) {
            (Form::QOperator, false) => {}
            (Form::QOperator, true) => {
                // Relu of reals is a clamp at the zero point.
                self.onnx.node("Clip", &relu, &[&raw, &yz], &y.name);
            }
            (Form::Qdq, false) => self.quantize(&raw, &y),
            (Form::Qdq, true) => {
                self.onnx.node("Relu", &relu, &[&raw], &relu);
                self.quantize(&relu, &y);
            }
        }
        y
    }

    fn pool(&mut self, x: &Cells, is_max: bool) -> Cells {
        let mut window = self.window(x, true);
        let axes = x.shape.len() - 1;
        if is_max {
            let y = self.like(x, Self::image_shape(x.shape[0], x, &window));
            let onnx = self.move_cells("MaxPool", &[&x.name], &y);
            Self::attributes(onnx, &window, axes, true);
            return y;
        }
        window.dilations = [1, 1];
        // With one scale on both sides averages of even numbers of cells are often ties.
        let ratio = if self.rng.one_in(3) {
            1.0
        } else {
            self.rng.log_float(0.3, 1.0)
        };
        let quantization = self.quantization(x.quantization.scale * ratio);
        let y = self.tensor(Self::image_shape(x.shape[0], x, &window), quantization);
        let includes = self.rng.int(0, 1);
        let operators = ("com.microsoft:QLinearAveragePool", "AveragePool");
        self.quantized_operator(operators, &[x], &y, |onnx| {
            Self::attributes(onnx, &window, axes, false);
            onnx.int("count_include_pad", includes);
        });
        y
    }

    fn global_average(&mut self, x: &Cells) -> Cells {
        let mut shape = vec![1; x.shape.len()];
        shape[0] = x.shape[0];
        let scale = x.quantization.scale * self.rng.log_float(0.1, 1.0);
        let quantization = self.quantization(scale);
        let y = self.tensor(shape, quantization);
        let operators = (
            "com.microsoft:QLinearGlobalAveragePool",
            "GlobalAveragePool",
        );
        self.quantized_operator(operators, &[x], &y, |_| {});
        y
    }

    /// With another tensor of the same rank, or with a constant.
    fn combine(&mut self, x: &Cells, is_sum: bool) -> Cells {
        let fits = |other: &&Cells| {
            other.shape.len() == x.shape.len() && broadcast_shape(&other.shape, &x.shape).is_some()
        };
        let others: Vec<_> = self.tensors.iter().filter(fits).cloned().collect();
        let b = if self.rng.one_in(3) {
            self.constant(x)
        } else {
            self.rng.pick(&others).clone()
        };
        let (sa, sb) = (x.quantization.scale, b.quantization.scale);
        let scale = if is_sum { sa + sb } else { sa * sb * 74.0 };
        let scale = scale * self.rng.log_float(0.4, 1.2);
        let quantization = self.quantization(scale);
        let y = self.tensor(broadcast_shape(&b.shape, &x.shape).unwrap(), quantization);
        let operators = if is_sum {
            ("com.microsoft:QLinearAdd", "Add")
        } else {
            ("com.microsoft:QLinearMul", "Mul")
        };
        let inputs = if self.rng.one_in(2) { [x, &b] } else { [&b, x] };
        self.quantized_operator(operators, &inputs, &y, |_| {});
        y
    }

    /// A constant that broadcasts over one sample of `x`.
    fn constant(&mut self, x: &Cells) -> Cells {
        let rank = self.rng.int(0, x.shape.len() as i64) as usize;
        let mut shape = x.shape[x.shape.len() - rank..].to_vec();
        for size in &mut shape {
            if self.rng.one_in(3) {
                *size = 1;
            }
        }
        let scale = x.quantization.scale * self.rng.log_float(0.2, 5.0);
        let quantization = self.quantization(scale);
        let c = self.tensor(shape, quantization);
        let (low, high) = (i64::from(self.qtype.min()), i64::from(self.qtype.max()));
        let values: Vec<_> = (0..c.len())
            .map(|_| self.rng.int(low, high) as i32)
            .collect();
        let dims: Vec<_> = c.shape.iter().map(|&d| d as i64).collect();
        self.onnx.bytes(&c.name, self.qtype, &dims, &values);
        c
    }

    fn concatenation(&mut self, x: &Cells) -> Cells {
        let axis = self.rng.int(0, x.shape.len() as i64 - 1) as usize;
        let rest = |cells: &Cells| {
            let mut shape = cells.shape.clone();
            (axis < shape.len()).then(|| shape.remove(axis));
            shape
        };
        let fits = |c: &&Cells| c.shape.len() == x.shape.len() && rest(c) == rest(x);
        let others: Vec<_> = self.tensors.iter().filter(fits).cloned().collect();
        let mut inputs = vec![x];
        for _ in 0..self.rng.int(1, 2) {
            inputs.push(self.rng.pick(&others));
        }
        let mut shape = x.shape.clone();
        shape[axis] = inputs.iter().map(|c| c.shape[axis]).sum();
        let y = if self.rng.one_in(2) {
            let scale = x.quantization.scale * self.rng.log_float(0.7, 1.5);
            let quantization = self.quantization(scale);
            self.tensor(shape, quantization)
        } else {
            self.like(x, shape)
        };
        let operators = ("com.microsoft:QLinearConcat", "Concat");
        self.quantized_operator(operators, &inputs, &y, |onnx| {
            onnx.int("axis", axis as i64 + 1);
        });
        y
    }

    fn transposition(&mut self, x: &Cells) -> Cells {
        let mut perm: Vec<usize> = (0..x.shape.len()).collect();
        for at in (1..perm.len()).rev() {
            perm.swap(at, self.rng.int(0, at as i64) as usize);
        }
        let y = self.like(x, perm.iter().map(|&axis| x.shape[axis]).collect());
        let axes: Vec<_> = [0]
            .into_iter()
            .chain(perm.iter().map(|&a| a as i64 + 1))
            .collect();
        self.move_cells("Transpose", &[&x.name], &y)
            .ints("perm", &axes);
        y
    }

    fn frame(&mut self, x: &Cells) -> Cells {
        let rank = x.shape.len();
        let sides: Vec<_> = (0..2 * rank).map(|_| self.rng.int(0, 2)).collect();
        let shape = (0..rank).map(|a| x.shape[a] + (sides[a] + sides[a + rank]) as usize);
        let y = self.like(x, shape.collect());
        let name = self.fresh("pads");
        let pads = [&[0], &sides[..rank], &[0], &sides[rank..]].concat();
        self.onnx.int64s(&name, &[pads.len() as i64], &pads);
        let filler = self.fresh("filler");
        let value = self.quantization(1.0).zero_point;
        self.onnx.bytes(&filler, self.qtype, &[], &[value]);
        self.move_cells("Pad", &[&x.name, &name, &filler], &y);
        y
    }

    fn reshaped(&mut self, x: &Cells) -> Cells {
        let name = self.fresh("shape");
        let (operator, shape, list) = match self.rng.int(0, 2) {
            0 => ("Flatten", vec![x.len()], None),
            1 => {
                let shape = [&[1], x.shape.as_slice()].concat();
                ("Unsqueeze", shape, Some(vec![1]))
            }
            _ => ("Reshape", vec![x.len(), 1], Some(vec![0, -1, 1])),
        };
        let y = self.like(x, shape);
        match list {
            None => self.move_cells(operator, &[&x.name], &y),
            Some(list) => {
                self.onnx.int64s(&name, &[list.len() as i64], &list);
                self.move_cells(operator, &[&x.name, &name], &y)
            }
        };
        y
    }

    pub(super) fn activation(&mut self, x: &Cells) -> Cells {
        if self.rng.one_in(2) {
            let quantization = self.quantization(1.0 / 200.0);
            let y = self.tensor(x.shape.clone(), quantization);
            let operators = ("com.microsoft:QLinearSigmoid", "Sigmoid");
            self.quantized_operator(operators, &[x], &y, |_| {});
            return y;
        }
        let alpha = self.rng.log_float(0.01, 2.0) - 0.5;
        let scale = x.quantization.scale * self.rng.log_float(0.5, 1.5);
        let quantization = self.quantization(scale);
        let y = self.tensor(x.shape.clone(), quantization);
        let operators = ("com.microsoft:QLinearLeakyRelu", "LeakyRelu");
        self.quantized_operator(operators, &[x], &y, |onnx| {
            onnx.float("alpha", alpha);
        });
        y
    }
}
