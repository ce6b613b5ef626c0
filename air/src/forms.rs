//! The linked cells of products, average pools and the operators of attention as linear forms, written out term by term.
//!
//! Equation e of one sample states `sum factor * cell + constant(e) = linked cell`. Sums over rows of cells, which several
//! equations share, are *blocks*. Other operators have closed forms ([`coefficients`](crate::coefficients)); these read
//! few cells each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_model::{AveragePool, Graph, Node, Op, Operand, OperandCells, broadcast_cells};

use crate::attention;
use crate::average::{self, Average};
use crate::coefficients::{Numbering, powers, repeat_samples};
use crate::field::Felt;
use crate::pieces::{Piece, Role};
use crate::plan::Plan;
use crate::product;

/// One term: the equation of the sample, the tensor, its cell and the factor.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(usize, usize, usize, i64);

/// A sum of cells that equations share: in each of some equations, `step` apart, the cells times a factor.
#[derive(Clone, Debug)]
pub struct Block {
    pub(crate) first: usize,
    pub(crate) step: usize,
    pub(crate) tensor: usize,
    pub(crate) cells: Range<usize>,
    /// One for each equation.
    pub(crate) factors: Arc<[i64]>,
}

impl Block {
    /// The equations, with their factors.
    fn equations(&self) -> impl Iterator<Item = (usize, i64)> {
        let equations = (self.first..).step_by(self.step);
        equations.zip(self.factors.iter().copied())
    }

    /// The tensor.
    pub fn tensor(&self) -> usize {
        self.tensor
    }

    /// What the cells have in common, given the coefficients of the equations: their sum, each times its factor.
    pub fn coefficient<E: FieldElement<BaseField = Felt>>(&self, powers: &[E]) -> E {
        self.equations().fold(E::ZERO, |sum, (equation, factor)| {
            sum + powers[equation].mul_base(Felt::from_signed(factor))
        })
    }

    /// The cells.
    pub fn cells(&self) -> Range<usize> {
        self.cells.clone()
    }
}

/// Whether the linked cells of a piece are these.
pub fn has_forms(op: &Op, role: &Role) -> bool {
    match op {
        Op::Mul(_) | Op::AveragePool(_) | Op::Softmax { .. } | Op::LayerNorm(_) => true,
        Op::MatMul { .. } => matches!(role, Role::Contraction),
        _ => false,
    }
}

/// Equations of one sample of a piece.
pub fn equations(plan: &Plan, index: usize) -> usize {
    plan.pieces.list[index].positions * plan.links(index)
}

/// Hands every term of a piece's linked cells to `visit`, but those of [`blocks`].
pub fn visit_terms(plan: &Plan, index: usize, visit: Visit<'_>) {
    let piece = &plan.pieces.list[index];
    let node = &plan.graph.nodes[piece.node];
    match &node.op {
        Op::Mul(_) => visit_product(&plan.graph, node, piece, visit),
        Op::AveragePool(pool) => {
            if let Some(average) = plan.pieces.averages.get(&piece.node) {
                visit_average(&plan.graph, node, pool, piece, average, visit);
            }
        }
        Op::MatMul { .. } => {
            if let Some(product) = plan.pieces.contractions.get(&piece.node) {
                product.visit_copies(plan.pieces.tile, |link, operand, cell| {
                    visit(link, node.inputs[operand].0, cell, 1);
                });
            }
        }
        Op::Softmax { .. } => {
            if let Some(softmax) = plan.pieces.softmaxes.get(&piece.node) {
                attention::visit_softmax(softmax, node, piece, plan.pieces.taps, visit);
            }
        }
        Op::LayerNorm(_) => {
            if let Some(norm) = plan.pieces.norms.get(&piece.node) {
                attention::visit_norm(norm, node, piece, visit);
            }
        }
        _ => {}
    }
}

/// The sums of cells in a piece's linked cells.
pub fn blocks(plan: &Plan, index: usize) -> Vec<Block> {
    let piece = &plan.pieces.list[index];
    let x = plan.graph.nodes[piece.node].inputs[0].0;
    match (
        plan.pieces.softmaxes.get(&piece.node),
        plan.pieces.norms.get(&piece.node),
    ) {
        (Some(softmax), _) => attention::softmax_blocks(softmax, piece),
        (_, Some(norm)) => attention::norm_blocks(norm, piece, x),
        _ => Vec::new(),
    }
}

fn visit_product(graph: &Graph, node: &Node, piece: &Piece, visit: Visit<'_>) {
    let Some(operands) = graph.operands(node) else {
        return;
    };
    let shape = &graph.tensor(node.output).shape;
    let factors = match piece.role {
        Role::Step => factors(&operands, shape),
        _ => Vec::new(),
    };
    let links = if matches!(piece.role, Role::Product) {
        2
    } else {
        1
    };
    let mut link = 0;
    for operand in &operands {
        let OperandCells::Tensor(id) = operand.cells else {
            continue;
        };
        let cells = broadcast_cells(operand.shape, shape);
        for (position, cell) in cells.into_iter().enumerate() {
            let factor = factors.get(position).copied().unwrap_or(1);
            visit(links * position + link, id.0, cell, factor);
        }
        link += 1;
    }
}

/// What the tensor is multiplied by in each cell of a product with constants.
fn factors(operands: &[Operand<'_>; 2], shape: &[usize]) -> Vec<i64> {
    let Some(values) = product::constants(operands) else {
        return Vec::new();
    };
    let is_constant = |operand: &&Operand<'_>| matches!(operand.cells, OperandCells::Constant(_));
    let Some(operand) = operands.iter().find(is_constant) else {
        return Vec::new();
    };
    let zero_point = operand.quantization.zero_point;
    let cells = broadcast_cells(operand.shape, shape).into_iter();
    cells
        .map(|cell| i64::from(values[cell]) - i64::from(zero_point))
        .collect()
}

fn visit_average(
    graph: &Graph,
    node: &Node,
    pool: &AveragePool,
    piece: &Piece,
    average: &Average,
    visit: Visit<'_>,
) {
    let x = node.inputs[0];
    let shapes = (&graph.tensor(x).shape, &graph.tensor(node.output).shape);
    let mut visit_taps = |tensor: usize, taps: Range<usize>| {
        average::visit_taps(&pool.window, taps, shapes.0, shapes.1, |position, cell| {
            visit(position, tensor, cell, 1);
        });
    };
    match (&piece.role, &average.chain) {
        (Role::Map(_), _) => {
            for cell in 0..piece.positions {
                visit(cell, x.0, cell, 1);
            }
        }
        (Role::FloatSum(addition), Some(chain)) => {
            // The first addition takes two cells.
            let first = if *addition == 0 { 0 } else { addition + 1 };
            visit_taps(chain.terms, first..addition + 2);
            if let Some(before) = addition.checked_sub(1) {
                for position in 0..piece.positions {
                    visit(position, chain.sums[before], position, 1);
                }
            }
        }
        (_, Some(chain)) => match chain.sums.last() {
            Some(&sum) => {
                for position in 0..piece.positions {
                    visit(position, sum, position, 1);
                }
            }
            None => visit_taps(chain.terms, 0..1),
        },
        (_, None) => visit_taps(x.0, 0..usize::MAX),
    }
}

/// The constants of a piece's equations, one sample long.
pub fn constants(plan: &Plan, index: usize) -> Vec<i64> {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let shape = &graph.tensor(node.output).shape;
    match (&node.op, &piece.role) {
        (Op::Mul(_), Role::Product) => {
            let zeros = graph.operands(node).map(|operands| {
                let [a, b] = operands;
                [-product::zero_code(&a), -product::zero_code(&b)]
            });
            let pairs = zeros.into_iter().cycle().take(piece.positions);
            pairs.flatten().collect()
        }
        (Op::Mul(_), Role::Step) => {
            let Some(operands) = graph.operands(node) else {
                return Vec::new();
            };
            let is_tensor =
                |operand: &&Operand<'_>| matches!(operand.cells, OperandCells::Tensor(_));
            let zero = operands
                .iter()
                .find(is_tensor)
                .map_or(0, product::zero_code);
            let offset = plan.pieces.products.get(&piece.node).copied().unwrap_or(0);
            let factors = factors(&operands, shape).into_iter();
            factors.map(|factor| offset - factor * zero).collect()
        }
        (Op::AveragePool(pool), Role::Step) => {
            let x = &graph.tensor(node.inputs[0]).shape;
            let Some(average) = plan.pieces.averages.get(&piece.node) else {
                return Vec::new();
            };
            let (rows, columns) = (shape[1], shape[2]);
            let plane: Vec<i64> = (0..rows * columns)
                .map(|cell| average::offset(average, pool, x, [cell / columns, cell % columns]))
                .collect();
            plane.repeat(shape[0])
        }
        (Op::MatMul { .. }, Role::Contraction) => {
            let mut constants = vec![0; equations(plan, index)];
            if let Some(product) = plan.pieces.contractions.get(&piece.node) {
                product.visit_copies(plan.pieces.tile, |link, operand, _| {
                    let quantization = graph.tensor(node.inputs[operand]).quantization;
                    let zero_code = quantization.zero_point - quantization.qtype.min();
                    constants[link] = -i64::from(zero_code);
                });
            }
            constants
        }
        (Op::Softmax { .. }, Role::Divide) => [0, -1].repeat(piece.positions),
        (Op::LayerNorm(_), _) => match plan.pieces.norms.get(&piece.node) {
            Some(norm) => attention::norm_constants(norm, piece),
            None => Vec::new(),
        },
        _ => vec![0; equations(plan, index)],
    }
}

/// Coefficients of the cells that a piece reads, by tensor: `[sample][cell]`.
pub fn coefficients<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    index: usize,
    numbering: Numbering<E>,
) -> BTreeMap<usize, Vec<E>> {
    let powers = powers(numbering.rho, equations(plan, index));
    let mut tensors: BTreeMap<usize, Vec<E>> = BTreeMap::new();
    visit_terms(plan, index, &mut |equation, tensor, cell, factor| {
        let cells = tensors
            .entry(tensor)
            .or_insert_with(|| vec![E::ZERO; plan.pieces.tensor_len(&plan.graph, tensor)]);
        cells[cell] += match factor {
            1 => powers[equation],
            _ => powers[equation].mul_base(Felt::from_signed(factor)),
        };
    });
    for block in blocks(plan, index) {
        let coefficient = block.coefficient(&powers);
        let cells = tensors
            .entry(block.tensor)
            .or_insert_with(|| vec![E::ZERO; plan.pieces.tensor_len(&plan.graph, block.tensor)]);
        cells[block.cells]
            .iter_mut()
            .for_each(|cell| *cell += coefficient);
    }
    for cells in tensors.values_mut() {
        cells.iter_mut().for_each(|cell| *cell *= numbering.first);
        *cells = repeat_samples(std::mem::take(cells), numbering.sample_step, plan.batch);
    }
    tensors
}

/// The linked cells of a piece over the batch, given every tensor's `[sample][cell]`.
pub fn evaluate(plan: &Plan, index: usize, value: impl Fn(usize, usize, usize) -> i64) -> Vec<i64> {
    let mut linked = constants(plan, index).repeat(plan.batch);
    let equations = equations(plan, index);
    visit_terms(plan, index, &mut |equation, tensor, cell, factor| {
        for sample in 0..plan.batch {
            linked[sample * equations + equation] += factor * value(sample, tensor, cell);
        }
    });
    for block in blocks(plan, index) {
        for sample in 0..plan.batch {
            let sum: i64 = block
                .cells()
                .map(|cell| value(sample, block.tensor, cell))
                .sum();
            for (equation, factor) in block.equations() {
                linked[sample * equations + equation] += factor * sum;
            }
        }
    }
    linked
}
