//! Random networks of every operator, written as ONNX in either form.

use rten_onnx::onnx::DataType;

use super::builder::{OnnxBuilder, data_type};
use super::onnx::Form;
use super::random::Rng;
use crate::graph::{Graph, OutputBoundary};
use crate::quantization::{QType, Quantization};

/// What [`RandomNet::file`] draws.
#[derive(Clone, Debug)]
pub struct RandomNet {
    /// Determines everything that the other fields leave open.
    pub seed: u64,
    /// Operators, not counting those that only adapt shapes.
    pub operators: usize,
    /// Largest number of channels, and of rows and columns of the input.
    pub max_size: usize,
    /// The type of the activations.
    pub qtype: QType,
    /// Both ends; the output alone if tokens are passed in.
    pub boundary: OutputBoundary,
    /// Whether rows of a table are looked up.
    pub tokens: bool,
    /// Whether the operators of transformers are among them.
    pub attends: bool,
}

impl RandomNet {
    /// Small int8 networks.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            operators: 6,
            max_size: 8,
            qtype: QType::I8,
            boundary: OutputBoundary::Float,
            tokens: false,
            attends: false,
        }
    }

    /// Everything drawn from the seed.
    pub fn any(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x4e7);
        Self {
            seed,
            operators: rng.int(1, 8) as usize,
            max_size: rng.int(1, 9) as usize,
            qtype: *rng.pick(&[QType::I8, QType::U8]),
            boundary: *rng.pick(&[OutputBoundary::Float, OutputBoundary::Quantized]),
            tokens: false,
            attends: false,
        }
    }

    /// As [`any`](Self::any), with the operators of transformers more often than not, and every third with tokens.
    pub fn encoder(seed: u64) -> Self {
        Self {
            attends: true,
            tokens: seed % 3 == 2,
            ..Self::any(seed)
        }
    }

    /// The network as a graph.
    pub fn build(&self) -> Graph {
        crate::import(&self.file(Form::QOperator), "random.onnx").unwrap()
    }

    /// The network as a file. Both forms import to one graph.
    pub fn file(&self, form: Form) -> Vec<u8> {
        let mut net = Net {
            onnx: OnnxBuilder::new(),
            form,
            rng: Rng::new(self.seed),
            qtype: self.qtype,
            tensors: Vec::new(),
            count: 0,
        };
        let size = |net: &mut Net| net.rng.int(1, self.max_size as i64) as usize;
        let mut shape = vec![size(&mut net), size(&mut net), size(&mut net)];
        if net.rng.one_in(6) {
            shape.pop();
        }
        let scale = net.rng.log_float(1e-2, 1.0);
        let quantization = net.quantization(scale);
        let x = net.tensor(shape, quantization);
        match self.boundary {
            _ if self.tokens => net.look_up(&x),
            OutputBoundary::Quantized => {
                let dims = batched(&x.shape);
                net.onnx.input(&x.name, data_type(self.qtype), &dims);
            }
            OutputBoundary::Float => {
                net.onnx.input("input", DataType::FLOAT, &batched(&x.shape));
                net.quantize("input", &x);
            }
        }
        net.tensors.push(x);
        for _ in 0..self.operators {
            if self.attends && !net.rng.one_in(3) {
                net.attention_operator();
            } else {
                net.random_operator();
            }
        }
        // Something must be computed, and tell the scale of an integer input.
        let y = net.tensors.last().unwrap().clone();
        let y = net.activation(&y);
        match self.boundary {
            OutputBoundary::Quantized => net.onnx.output(&y.name, data_type(self.qtype)),
            OutputBoundary::Float => {
                let [scale, zero_point] = y.parameters();
                net.onnx.node(
                    "DequantizeLinear",
                    "dequantize",
                    &[&y.name, &scale, &zero_point],
                    "output",
                );
                net.onnx.output("output", DataType::FLOAT)
            }
        };
        net.onnx.build()
    }
}

/// The axes of a model's input.
pub(super) fn batched(sample: &[usize]) -> Vec<Option<i64>> {
    let sizes = sample.iter().map(|&size| Some(size as i64));
    [None].into_iter().chain(sizes).collect()
}

/// A tensor of the network in the making.
#[derive(Clone)]
pub(super) struct Cells {
    pub(super) name: String,
    /// The names of scale and zero point carry another prefix behind operators that keep them.
    pub(super) parameters: String,
    pub(super) shape: Vec<usize>,
    pub(super) quantization: Quantization,
}

impl Cells {
    pub(super) fn parameters(&self) -> [String; 2] {
        let of = &self.parameters;
        [format!("{of}_scale"), format!("{of}_zero_point")]
    }

    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

pub(super) struct Net {
    pub(super) onnx: OnnxBuilder,
    pub(super) form: Form,
    pub(super) rng: Rng,
    pub(super) qtype: QType,
    /// What may be used further.
    pub(super) tensors: Vec<Cells>,
    count: usize,
}

impl Net {
    pub(super) fn quantization(&mut self, scale: f32) -> Quantization {
        let (min, max) = (i64::from(self.qtype.min()), i64::from(self.qtype.max()));
        Quantization {
            scale,
            zero_point: self.rng.int(min, max) as i32,
            qtype: self.qtype,
        }
    }

    /// A name that is new.
    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}{}", self.count)
    }

    /// A new tensor with its scale and zero point.
    pub(super) fn tensor(&mut self, shape: Vec<usize>, quantization: Quantization) -> Cells {
        let name = self.fresh("t");
        self.onnx.quantization(&name, quantization);
        Cells {
            parameters: name.clone(),
            name,
            shape,
            quantization,
        }
    }

    /// A new tensor quantized like `x`.
    pub(super) fn like(&mut self, x: &Cells, shape: Vec<usize>) -> Cells {
        Cells {
            name: self.fresh("t"),
            shape,
            ..x.clone()
        }
    }

    pub(super) fn quantize(&mut self, float: &str, y: &Cells) {
        let [scale, zero_point] = y.parameters();
        let node = self.fresh("quantize");
        self.onnx.node(
            "QuantizeLinear",
            &node,
            &[float, &scale, &zero_point],
            &y.name,
        );
    }

    /// Of a tensor or a constant; `axis` for scales of each channel.
    pub(super) fn dequantize(
        &mut self,
        x: &str,
        parameters: &[String],
        axis: Option<i64>,
    ) -> String {
        let (node, float) = (self.fresh("dequantize"), self.fresh("f"));
        let names: Vec<_> = [x]
            .into_iter()
            .chain(parameters.iter().map(String::as_str))
            .collect();
        self.onnx.node("DequantizeLinear", &node, &names, &float);
        if let Some(axis) = axis {
            self.onnx.int("axis", axis);
        }
        float
    }

    /// An operator with float semantics: `[x, its scale, its zero point]..` in the QOperator form,
    /// between `DequantizeLinear` and `QuantizeLinear` in the other.
    pub(super) fn quantized_operator(
        &mut self,
        (q_operator, operator): (&str, &str),
        inputs: &[&Cells],
        y: &Cells,
        attributes: impl Fn(&mut OnnxBuilder),
    ) {
        self.operator_in(self.form, (q_operator, operator), inputs, y, attributes);
    }

    /// The same in a form of its own.
    pub(super) fn operator_in(
        &mut self,
        form: Form,
        (q_operator, operator): (&str, &str),
        inputs: &[&Cells],
        y: &Cells,
        attributes: impl Fn(&mut OnnxBuilder),
    ) {
        let node = self.fresh("n");
        match form {
            Form::QOperator => {
                let triple = |x: &Cells| {
                    let [scale, zero_point] = x.parameters();
                    [x.name.clone(), scale, zero_point]
                };
                let inputs = inputs.iter().flat_map(|x| triple(x));
                let names: Vec<_> = if operator == "Concat" {
                    y.parameters().into_iter().chain(inputs).collect()
                } else {
                    inputs.chain(y.parameters()).collect()
                };
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                self.onnx.node(q_operator, &node, &names, &y.name);
                attributes(&mut self.onnx);
            }
            Form::Qdq => {
                let floats: Vec<_> = inputs
                    .iter()
                    .map(|x| self.dequantize(&x.name, &x.parameters(), None))
                    .collect();
                let names: Vec<_> = floats.iter().map(String::as_str).collect();
                let float = self.fresh("f");
                self.onnx.node(operator, &node, &names, &float);
                attributes(&mut self.onnx);
                self.quantize(&float, y);
            }
        }
    }

    /// An operator that only moves cells, on integers in either form.
    pub(super) fn move_cells(
        &mut self,
        operator: &str,
        inputs: &[&str],
        y: &Cells,
    ) -> &mut OnnxBuilder {
        let node = self.fresh("n");
        self.onnx.node(operator, &node, inputs, &y.name)
    }
}
