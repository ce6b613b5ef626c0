//! Products of two tensors, softmax and normalization as linear equations over codes, from their definitions in the
//! plainest loops.

use winterforge_air::attention::{MAX_TAPS, NORMAL_OFFSET};
use winterforge_air::pieces::Role;
use winterforge_air::plan::Plan;
use winterforge_model::Node;

use crate::operators::{Form, zero_code};

/// A link that copies nothing.
fn nothing() -> Form {
    Form {
        terms: Vec::new(),
        constant: 0,
    }
}

/// The links of a lane of a product, or the parts that begin at an output.
pub fn product(plan: &Plan, index: usize, channel: usize, position: usize) -> Vec<Form> {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let (a, b) = (node.inputs[0].0, node.inputs[1].0);
    let shape = &graph.tensors[a].shape;
    let (rows, inner) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let columns = *graph.tensors[b].shape.last().expect("a matrix");
    let tile = plan.pieces.tile;
    let (down, across) = (rows.div_ceil(tile), columns.div_ceil(tile));
    if matches!(piece.role, Role::Requant(_)) {
        let mut form = nothing();
        let (matrix, row) = (channel / rows, channel % rows);
        if row.is_multiple_of(tile) && position.is_multiple_of(tile) {
            let parts = plan.pieces.contractions[&piece.node].parts;
            for k in 0..inner {
                let part = ((matrix * inner + k) * down + row / tile) * across + position / tile;
                form.terms.push((parts, part, 1));
            }
        }
        return vec![form];
    }
    let (row, column) = (position / across % down * tile, position % across * tile);
    let k = position / across / down % inner;
    let matrix = position / across / down / inner;
    let copy = |tensor: usize, cell: usize| {
        let mut form = Form::copy(tensor, cell);
        form.constant = -zero_code(graph, tensor);
        form
    };
    let of_a = (row..row + tile).map(|row| match row < rows {
        true => copy(a, (matrix * rows + row) * inner + k),
        false => nothing(),
    });
    let of_b = (column..column + tile).map(|column| match column < columns {
        true => copy(b, (matrix * inner + k) * columns + column),
        false => nothing(),
    });
    of_a.chain(of_b).collect()
}

/// The links of a lane of a softmax.
pub fn softmax(plan: &Plan, index: usize, node: &Node, position: usize) -> Vec<Form> {
    let piece = &plan.pieces.list[index];
    let softmax = &plan.pieces.softmaxes[&piece.node];
    let (x, len) = (node.inputs[0].0, softmax.len);
    match piece.role {
        Role::Max => {
            // Level by level: how many cells a row has in front of this one, and whose they are.
            let (mut from, mut operand) = (len, x);
            for &tensor in &softmax.maxima {
                if tensor == piece.value {
                    break;
                }
                (from, operand) = (from.div_ceil(MAX_TAPS), tensor);
            }
            let groups = from.div_ceil(MAX_TAPS);
            let (row, first) = (position / groups, position % groups * MAX_TAPS);
            let taps = (0..plan.pieces.taps).map(|tap| {
                let is_real = tap < MAX_TAPS && first + tap < from;
                let cell = if is_real { first + tap } else { first };
                Form::copy(operand, row * from + cell)
            });
            taps.collect()
        }
        Role::Map(_) => {
            let largest = *softmax.maxima.last().expect("a level");
            vec![Form {
                terms: vec![(largest, position / len, 1), (x, position, -1)],
                constant: 0,
            }]
        }
        Role::Divide => {
            let row = position / len * len;
            let sum = |factor: i64| {
                (row..row + len).map(move |cell| (softmax.exponentials, cell, factor))
            };
            let (tensor, factor) = softmax.numerator();
            let numerator = [(tensor, position, factor)].into_iter().chain(sum(1));
            let divisor = Form {
                terms: sum(2).collect(),
                constant: -1,
            };
            vec![
                Form {
                    terms: numerator.collect(),
                    constant: 0,
                },
                divisor,
            ]
        }
        _ => vec![Form::copy(softmax.quotients, position)],
    }
}

/// The links of a lane of a normalization.
pub fn norm(plan: &Plan, index: usize, node: &Node, position: usize) -> Vec<Form> {
    let piece = &plan.pieces.list[index];
    let norm = &plan.pieces.norms[&piece.node];
    let (rule, x) = (&norm.rule, node.inputs[0].0);
    let size = rule.features();
    let scale = 1i64 << rule.scale_bits();
    match piece.role {
        Role::Map(_) => vec![Form::copy(x, position)],
        Role::Root => {
            let row = position * size..(position + 1) * size;
            let squares = row
                .clone()
                .map(|cell| (norm.squares, cell, size as i64 * scale * scale));
            vec![
                Form {
                    terms: row.map(|cell| (x, cell, scale)).collect(),
                    constant: -128 * scale * size as i64,
                },
                Form {
                    terms: squares.collect(),
                    constant: rule.epsilon(),
                },
            ]
        }
        Role::Divide => {
            let row = position / size;
            let factor = scale * rule.gains()[position % size];
            let cells = row * size..(row + 1) * size;
            let mut terms: Vec<_> = cells.map(|cell| (x, cell, -factor)).collect();
            terms.push((x, position, size as i64 * factor));
            terms.push((norm.roots, row, NORMAL_OFFSET));
            let divisor = Form {
                terms: vec![(norm.roots, row, 1)],
                constant: -1,
            };
            vec![Form { terms, constant: 0 }, divisor]
        }
        _ => {
            let (group, channel) = (position / size, position % size);
            let rows = group * rule.rows()..(group + 1) * rule.rows();
            let count = rows.len() as i64;
            let terms = rows.map(|row| (norm.normals, row * size + channel, 1));
            vec![Form {
                terms: terms.collect(),
                constant: rule.offsets()[channel] - NORMAL_OFFSET * count,
            }]
        }
    }
}
