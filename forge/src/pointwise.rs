//! Products and average pools as linear equations over codes, from their definitions in the plainest loops.

use winterforge_air::pieces::Role;
use winterforge_air::plan::Plan;
use winterforge_model::{AveragePool, Node, OperandCells};

use crate::operators::{Form, broadcast, ravel, unravel, zero_code};

/// The links of one cell of a product.
pub fn product(plan: &Plan, index: usize, position: usize) -> Vec<Form> {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let shape = &graph.tensor(node.output).shape;
    let operands = graph.operands(node).expect("a product");
    let mut copies = Vec::new();
    let mut constant = None;
    for operand in &operands {
        let cell = broadcast(position, shape, operand.shape);
        match operand.cells {
            OperandCells::Tensor(id) => {
                copies.push((id.0, cell));
            }
            OperandCells::Constant(values) => {
                let zero_point = operand.quantization.zero_point;
                constant = Some(i64::from(values[cell]) - i64::from(zero_point));
            }
        }
    }
    let less_zero = |&(tensor, cell): &(usize, usize)| Form {
        terms: vec![(tensor, cell, 1)],
        constant: -zero_code(graph, tensor),
    };
    match piece.role {
        Role::Product => copies.iter().map(less_zero).collect(),
        Role::Map(_) => vec![Form::copy(copies[0].0, copies[0].1)],
        _ => {
            let factor = constant.expect("a constant operand");
            let mut form = less_zero(&copies[0]);
            form.terms[0].2 = factor;
            form.constant = factor * form.constant + plan.pieces.products[&piece.node];
            vec![form]
        }
    }
}

/// The link of one window of an average pool, or of one cell of its operand.
pub fn average(plan: &Plan, index: usize, pool: &AveragePool, position: usize) -> Form {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let average = &plan.pieces.averages[&piece.node];
    if matches!(piece.role, Role::Map(_)) {
        return Form::copy(node.inputs[0].0, position);
    }
    let window = window(plan, node, pool, position);
    let sum = |tensor: usize, cells: &mut dyn Iterator<Item = &Option<usize>>| Form {
        terms: cells.flatten().map(|&cell| (tensor, cell, 1)).collect(),
        constant: 0,
    };
    let mut form = match (&piece.role, &average.chain) {
        (Role::FloatSum(0), Some(chain)) => return sum(chain.terms, &mut window[..2].iter()),
        (Role::FloatSum(n), Some(chain)) => {
            let mut form = sum(chain.terms, &mut window[n + 1..n + 2].iter());
            form.terms.push((chain.sums[n - 1], position, 1));
            return form;
        }
        (_, Some(chain)) => Form::copy(chain.sums[window.len() - 2], position),
        (_, None) => sum(node.inputs[0].0, &mut window.iter()),
    };
    let inside = window.iter().flatten().count();
    let divisor = if pool.count_include_pad {
        window.len()
    } else {
        inside
    };
    let offset = average.offsets.iter();
    let found = offset.filter(|(class, _)| *class == (inside, divisor));
    form.constant = found.map(|(_, offset)| offset).sum();
    form
}

/// The cells of a window, row by row, with `None` where it lies in the padding.
fn window(plan: &Plan, node: &Node, pool: &AveragePool, position: usize) -> Vec<Option<usize>> {
    let graph = &plan.graph;
    let (shape, result) = (
        &graph.tensor(node.inputs[0]).shape,
        &graph.tensor(node.output).shape,
    );
    let at = unravel(position, result);
    let mut cells = Vec::new();
    for ky in 0..pool.window.kernel[0] {
        for kx in 0..pool.window.kernel[1] {
            let row = (at[1] * pool.window.strides[0] + ky) as i64 - pool.window.pads[0] as i64;
            let column = (at[2] * pool.window.strides[1] + kx) as i64 - pool.window.pads[1] as i64;
            let inside =
                (0..shape[1] as i64).contains(&row) && (0..shape[2] as i64).contains(&column);
            cells.push(inside.then(|| ravel(&[at[0], row as usize, column as usize], shape)));
        }
    }
    cells
}
