//! Every operator as linear equations over codes, from its definition in the plainest loops.

use winterforge_air::pieces::Role;
use winterforge_air::plan::Plan;
use winterforge_model::{Conv, Graph, Node, Op, OperandCells, Window};

use crate::{attention, pointwise};

/// `sum factor * code + constant`, which a linked cell must equal. Terms are `(tensor, cell of one sample, factor)`.
pub struct Form {
    /// The codes that are read, and what they are multiplied by.
    pub terms: Vec<(usize, usize, i64)>,
    /// The rest.
    pub constant: i64,
}

impl Form {
    /// The cell itself.
    pub fn copy(tensor: usize, cell: usize) -> Self {
        Self {
            terms: vec![(tensor, cell, 1)],
            constant: 0,
        }
    }
}

/// Where a cell's code comes from once nothing is left that only moves cells.
pub enum Source {
    /// A cell that a lane or the statement holds.
    Cell(usize, usize),
    /// A constant code.
    Constant(i64),
}

/// The index along each axis of a cell.
pub(crate) fn unravel(mut cell: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = cell % shape[axis];
        cell /= shape[axis];
    }
    index
}

pub(crate) fn ravel(index: &[usize], shape: &[usize]) -> usize {
    let axes = index.iter().zip(shape);
    axes.fold(0, |cell, (&index, &size)| cell * size + index)
}

/// Follows a cell through views, transposes, frames and seams. Hidden tensors are their own source.
pub fn source(graph: &Graph, tensor: usize, cell: usize) -> Source {
    let here = Source::Cell(tensor, cell);
    let Some(node) = graph.nodes.iter().find(|node| node.output.0 == tensor) else {
        return here;
    };
    let shape = &graph.tensors[tensor].shape;
    let index = unravel(cell, shape);
    let from = |input: usize, index: &[usize]| {
        let id = node.inputs[input].0;
        source(graph, id, ravel(index, &graph.tensors[id].shape))
    };
    match &node.op {
        Op::View => source(graph, node.inputs[0].0, cell),
        Op::Transpose { perm } => {
            let mut moved = vec![0; index.len()];
            for (axis, &from) in perm.iter().enumerate() {
                moved[from] = index[axis];
            }
            from(0, &moved)
        }
        Op::Gather { axis, indices } => {
            let mut moved = index;
            moved[*axis] = indices[moved[*axis]];
            from(0, &moved)
        }
        Op::Pad(pad) => {
            let operand = &graph.tensor(node.inputs[0]).shape;
            let mut moved = Vec::new();
            for axis in 0..index.len() {
                match index[axis].checked_sub(pad.before[axis]) {
                    Some(at) if at < operand[axis] => moved.push(at),
                    _ => {
                        let type_min = graph.tensors[tensor].quantization.qtype.min();
                        return Source::Constant(i64::from(pad.value - type_min));
                    }
                }
            }
            from(0, &moved)
        }
        Op::Concat { axis } => {
            let mut moved = index;
            for (input, id) in node.inputs.iter().enumerate() {
                let size = graph.tensor(*id).shape[*axis];
                if moved[*axis] < size {
                    return from(input, &moved);
                }
                moved[*axis] -= size;
            }
            here
        }
        _ => here,
    }
}

/// The cell of an operand that numpy's broadcasting puts at `cell` of the result.
pub(crate) fn broadcast(cell: usize, to: &[usize], from: &[usize]) -> usize {
    let index = unravel(cell, to);
    let aligned: Vec<usize> = from
        .iter()
        .zip(&index[to.len() - from.len()..])
        .map(|(&size, &at)| if size == 1 { 0 } else { at })
        .collect();
    ravel(&aligned, from)
}

/// All equations of a piece: `(channel, position, link, form)`.
pub fn forms_of(plan: &Plan, index: usize) -> Vec<(usize, usize, usize, Form)> {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let mut forms = Vec::new();
    for channel in 0..piece.channels {
        for position in 0..piece.positions {
            match (&node.op, &piece.role) {
                (Op::MaxPool(window), _) => {
                    let links = pool(plan, node, window, position).into_iter().enumerate();
                    forms.extend(links.map(|(link, form)| (channel, position, link, form)));
                }
                (Op::Mul(_), _) => {
                    let links = pointwise::product(plan, index, position).into_iter();
                    let links = links.enumerate();
                    forms.extend(links.map(|(link, form)| (channel, position, link, form)));
                }
                (Op::MatMul { .. } | Op::Softmax { .. } | Op::LayerNorm(_), _) => {
                    let links = match &node.op {
                        Op::MatMul { .. } => attention::product(plan, index, channel, position),
                        Op::Softmax { .. } => attention::softmax(plan, index, node, position),
                        _ => attention::norm(plan, index, node, position),
                    };
                    let links = links.into_iter().enumerate();
                    forms.extend(links.map(|(link, form)| (channel, position, link, form)));
                }
                (Op::AveragePool(pool), _) => {
                    let form = pointwise::average(plan, index, pool, position);
                    forms.push((channel, position, 0, form));
                }
                (Op::Add(_), Role::Map(_)) => {
                    let operands = graph.operands(node).expect("an addition");
                    if let OperandCells::Tensor(id) = operands[1].cells {
                        forms.push((channel, position, 0, Form::copy(id.0, position)));
                    }
                }
                (Op::Add(_), _) => {
                    forms.push((channel, position, 0, addition(plan, piece.node, position)));
                }
                _ => forms.push((channel, position, 0, layer(graph, node, channel, position))),
            }
        }
    }
    forms
}

pub(crate) fn zero_code(graph: &Graph, tensor: usize) -> i64 {
    let quantization = graph.tensors[tensor].quantization;
    i64::from(quantization.zero_point - quantization.qtype.min())
}

fn layer(graph: &Graph, node: &Node, channel: usize, position: usize) -> Form {
    let x = node.inputs[0].0;
    let mut form = Form {
        terms: Vec::new(),
        constant: 0,
    };
    match &node.op {
        Op::Linear(linear) => {
            form.constant = i64::from(linear.bias[channel]);
            for k in 0..linear.in_features {
                let w = linear.weights[channel * linear.in_features + k];
                form.terms
                    .push((x, position * linear.in_features + k, i64::from(w)));
            }
        }
        Op::Conv(conv) => {
            let shape = &graph.tensors[x].shape;
            let width = graph.tensor(node.output).shape[2];
            form.constant = i64::from(conv.bias[channel]);
            form.terms = convolution(
                conv,
                x,
                shape,
                channel,
                [position / width, position % width],
            );
        }
        Op::GlobalAveragePool { .. } => {
            let shape = &graph.tensors[x].shape;
            let plane: usize = shape[1..].iter().product();
            form.terms = (0..plane)
                .map(|cell| (x, position * plane + cell, 1))
                .collect();
        }
        Op::Table(_) => return Form::copy(x, position),
        _ => {}
    }
    let weights: i64 = form.terms.iter().map(|term| term.2).sum();
    form.constant -= weights * zero_code(graph, x);
    form
}

fn convolution(
    conv: &Conv,
    x: usize,
    shape: &[usize],
    channel: usize,
    at: [usize; 2],
) -> Vec<(usize, usize, i64)> {
    let Window {
        kernel,
        strides,
        pads,
        dilations,
    } = conv.window;
    let (group_in, group_out) = (
        conv.in_channels / conv.groups,
        conv.out_channels / conv.groups,
    );
    let mut terms = Vec::new();
    for c in 0..group_in {
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let row = (at[0] * strides[0] + ky * dilations[0]) as i64 - pads[0] as i64;
                let column = (at[1] * strides[1] + kx * dilations[1]) as i64 - pads[1] as i64;
                let inside = |v: i64, size: usize| v >= 0 && v < size as i64;
                if inside(row, shape[1]) && inside(column, shape[2]) {
                    let input = channel / group_out * group_in + c;
                    let cell = (input * shape[1] + row as usize) * shape[2] + column as usize;
                    let w =
                        conv.weights[((channel * group_in + c) * kernel[0] + ky) * kernel[1] + kx];
                    terms.push((x, cell, i64::from(w)));
                }
            }
        }
    }
    terms
}

/// The copies of one window: its cells, then the first of them again.
fn pool(plan: &Plan, node: &Node, window: &Window, position: usize) -> Vec<Form> {
    let graph = &plan.graph;
    let x = node.inputs[0].0;
    let (shape, result) = (&graph.tensors[x].shape, &graph.tensor(node.output).shape);
    let at = unravel(position, result);
    let mut forms = Vec::new();
    for ky in 0..window.kernel[0] {
        for kx in 0..window.kernel[1] {
            let row = (at[1] * window.strides[0] + ky * window.dilations[0]) as i64
                - window.pads[0] as i64;
            let column = (at[2] * window.strides[1] + kx * window.dilations[1]) as i64
                - window.pads[1] as i64;
            if (0..shape[1] as i64).contains(&row) && (0..shape[2] as i64).contains(&column) {
                let cell = ravel(&[at[0], row as usize, column as usize], shape);
                forms.push(Form::copy(x, cell));
            }
        }
    }
    let (tensor, cell, _) = forms[0].terms[0];
    forms.resize_with(plan.pieces.taps, || Form::copy(tensor, cell));
    forms
}

fn addition(plan: &Plan, index: usize, position: usize) -> Form {
    let graph = &plan.graph;
    let node = &graph.nodes[index];
    let addition = &plan.pieces.additions[&index];
    let [a, b] = graph.operands(node).expect("an addition");
    let shape = &graph.tensor(node.output).shape;
    let mut form = Form {
        terms: Vec::new(),
        constant: 0,
    };
    let cell = broadcast(position, shape, a.shape);
    match a.cells {
        OperandCells::Tensor(id) => {
            form.terms.push((id.0, cell, addition.factor));
            form.constant += addition.factor * i64::from(a.quantization.qtype.min());
        }
        OperandCells::Constant(values) => {
            form.constant += addition.factor * i64::from(values[cell]);
        }
    }
    let cell = broadcast(position, shape, b.shape);
    match b.cells {
        OperandCells::Tensor(_) => {
            let hidden = addition.hidden.expect("a hidden tensor");
            form.terms.push((hidden, cell, 1));
        }
        OperandCells::Constant(values) => {
            let code = i64::from(values[cell]) - i64::from(b.quantization.qtype.min());
            form.constant += addition.inner[code as usize];
        }
    }
    form
}
