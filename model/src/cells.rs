//! Which cells of its operands a cell of a result is made of.
//!
//! Operators that only move cells, and the broadcasting of those with two operands, written as maps
//! from row-major cell to row-major cell. Executor and constraints use the same maps.

use crate::graph::{Graph, Node, TensorId};
use crate::op::{Op, Pad};
use crate::quantization::Quantization;

/// Where a cell of a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Copied {
    /// A cell of one of the node's inputs.
    Cell {
        /// Index into [`Node::inputs`].
        input: usize,
        /// The cell of that tensor.
        cell: usize,
    },
    /// A constant.
    Constant(i32),
}

/// An operand of [`Op::Add`] or [`Op::Mul`].
#[derive(Clone, Copy, Debug)]
pub struct Operand<'g> {
    /// Its own shape, in front of any broadcasting.
    pub shape: &'g [usize],
    /// How its integers stand for reals.
    pub quantization: Quantization,
    /// Its cells.
    pub cells: OperandCells<'g>,
}

/// The cells of an operand.
#[derive(Clone, Copy, Debug)]
pub enum OperandCells<'g> {
    /// Another node's result.
    Tensor(TensorId),
    /// Constants.
    Constant(&'g [i16]),
}

impl Graph {
    /// The two operands of an [`Op::Add`] or [`Op::Mul`], in the order of the arithmetic, or `None`
    /// for another operator.
    pub fn operands<'g>(&'g self, node: &'g Node) -> Option<[Operand<'g>; 2]> {
        let (Op::Add(elementwise) | Op::Mul(elementwise)) = &node.op else {
            return None;
        };
        let mut inputs = node.inputs.iter();
        let mut operand = |index: usize| match &elementwise.constants[index] {
            Some(constant) => Some(Operand {
                shape: &constant.shape,
                quantization: constant.quantization,
                cells: OperandCells::Constant(&constant.values),
            }),
            None => inputs.next().map(|&id| {
                let tensor = self.tensor(id);
                Operand {
                    shape: &tensor.shape,
                    quantization: tensor.quantization,
                    cells: OperandCells::Tensor(id),
                }
            }),
        };
        Some([operand(0)?, operand(1)?])
    }

    /// For each cell of the result of a node that only moves cells (View, Transpose, Gather, Concat, Pad),
    /// where it comes from. `None` for another operator.
    pub fn copied_cells(&self, node: &Node) -> Option<Vec<Copied>> {
        let first = |cell| Copied::Cell { input: 0, cell };
        let x = &self.tensor(*node.inputs.first()?).shape;
        match &node.op {
            Op::View => Some((0..self.tensor(node.output).len()).map(first).collect()),
            Op::Transpose { perm } => Some(transposed(x, perm).into_iter().map(first).collect()),
            Op::Gather { axis, indices } => {
                Some(chosen(x, *axis, indices).into_iter().map(first).collect())
            }
            Op::Pad(pad) => Some(padded(x, pad)),
            Op::Concat { axis } => {
                let shapes = node
                    .inputs
                    .iter()
                    .map(|&id| self.tensor(id).shape.as_slice());
                Some(concatenated(&shapes.collect::<Vec<_>>(), *axis))
            }
            _ => None,
        }
    }
}

/// The shape that two operands are broadcast to, as numpy does.
pub fn broadcast_shape(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(axis) => shape[axis],
        None => 1,
    };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (a, b) if a == b => Some(a),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect()
}

/// For each cell of a tensor of shape `to`, the cell of the operand of shape `from` that is
/// broadcast there.
///
/// # Panics
/// If `from` has more axes than `to`.
pub fn broadcast_cells(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; to.len() - from.len()];
    for (&size, stride) in from.iter().zip(row_major(from)) {
        strides.push(if size == 1 { 0 } else { stride });
    }
    gather(to, &strides)
}

fn transposed(shape: &[usize], perm: &[usize]) -> Vec<usize> {
    let strides = row_major(shape);
    let (sizes, strides): (Vec<_>, Vec<_>) = perm
        .iter()
        .map(|&axis| (shape[axis], strides[axis]))
        .unzip();
    gather(&sizes, &strides)
}

/// # Panics
/// If there is no such axis.
fn chosen(shape: &[usize], axis: usize, indices: &[usize]) -> Vec<usize> {
    let outer: usize = shape[..axis].iter().product();
    let block: usize = shape[axis + 1..].iter().product();
    let mut cells = Vec::new();
    for index in 0..outer {
        for chosen in indices {
            let start = (index * shape[axis] + chosen) * block;
            cells.extend(start..start + block);
        }
    }
    cells
}

fn padded(shape: &[usize], pad: &Pad) -> Vec<Copied> {
    let sides = shape.iter().zip(pad.before.iter().zip(&pad.after));
    let to: Vec<_> = sides.map(|(&n, (&b, &a))| b + n + a).collect();
    let mut cells = vec![Copied::Constant(pad.value); to.iter().product()];
    let strides = row_major(&to);
    let corner: usize = strides.iter().zip(&pad.before).map(|(s, b)| s * b).sum();
    for (cell, target) in gather(shape, &strides).into_iter().enumerate() {
        cells[corner + target] = Copied::Cell { input: 0, cell };
    }
    cells
}

fn concatenated(shapes: &[&[usize]], axis: usize) -> Vec<Copied> {
    let outer: usize = shapes[0][..axis].iter().product();
    let blocks: Vec<usize> = shapes.iter().map(|s| s[axis..].iter().product()).collect();
    let mut cells = Vec::new();
    for index in 0..outer {
        for (input, &block) in blocks.iter().enumerate() {
            let range = index * block..(index + 1) * block;
            cells.extend(range.map(|cell| Copied::Cell { input, cell }));
        }
    }
    cells
}

/// The distance between neighbours along each axis.
fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// For each index of `shape` in row-major order, the scalar product with `strides`.
fn gather(shape: &[usize], strides: &[usize]) -> Vec<usize> {
    let mut cells = vec![0];
    for (&size, &stride) in shape.iter().zip(strides) {
        let steps = |&base: &usize| (0..size).map(move |step| base + step * stride);
        cells = cells.iter().flat_map(steps).collect();
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_aligned_at_the_last_axis() {
        assert_eq!(broadcast_shape(&[3, 1, 5], &[4, 1]), Some(vec![3, 4, 5]));
        assert_eq!(broadcast_shape(&[], &[2]), Some(vec![2]));
        assert_eq!(broadcast_shape(&[2], &[3]), None);
    }

    #[test]
    fn broadcasts_repeat_cells() {
        assert_eq!(broadcast_cells(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(broadcast_cells(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(broadcast_cells(&[], &[2, 2]), [0; 4]);
    }

    #[test]
    fn axes_are_permuted() {
        // [2, 3] to [3, 2].
        assert_eq!(transposed(&[2, 3], &[1, 0]), [0, 3, 1, 4, 2, 5]);
        // [2, 1, 3] to [3, 2, 1].
        assert_eq!(transposed(&[2, 1, 3], &[2, 0, 1]), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn indices_are_chosen() {
        // [2, 3] to [2, 2], and to [3, 3].
        assert_eq!(chosen(&[2, 3], 1, &[2, 0]), [2, 0, 5, 3]);
        assert_eq!(chosen(&[2, 3], 0, &[1, 1, 0]), [3, 4, 5, 3, 4, 5, 0, 1, 2]);
    }

    #[test]
    fn frames_and_seams() {
        let cell = |input, cell| Copied::Cell { input, cell };
        let frame = Copied::Constant(7);
        let pad = Pad {
            before: vec![1, 0],
            after: vec![0, 1],
            value: 7,
        };
        let expected = [frame, frame, frame, cell(0, 0), cell(0, 1), frame];
        assert_eq!(padded(&[1, 2], &pad), expected);
        let expected = [
            cell(0, 0),
            cell(1, 0),
            cell(1, 1),
            cell(0, 1),
            cell(1, 2),
            cell(1, 3),
        ];
        assert_eq!(concatenated(&[&[2, 1], &[2, 2]], 1), expected);
    }
}
