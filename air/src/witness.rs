//! Filling the main columns of a trace from executions of the model, but for those of lookups.

use winter_math::FieldElement;
use winterforge_model::{Execution, Op, OperandCells, broadcast_cells};

use crate::constants::max_operands;
use crate::field::Felt;
use crate::layout::{Kind, LINE_BITS, Layout, Shape, Table, product_cell};
use crate::pieces::Role;
use crate::plan::{Plan, Row, Shard};
use crate::rounding::{Channel, Rounding, line_value, window_sides};
use crate::steps::step_cells;
use crate::{division, float_sum, forms};

/// The values that lanes are filled from, for one batch.
pub struct Values<'a> {
    plan: &'a Plan,
    executions: &'a [Execution],
    /// By piece: operands of maxima, and, for additions, accumulators `[sample][cell]`.
    operands: Vec<Vec<usize>>,
    sums: Vec<Vec<i64>>,
    /// By piece, if it has [`forms`]: its linked cells `[sample][equation]`.
    linked: Vec<Vec<i64>>,
}

impl<'a> Values<'a> {
    /// Gathers what the trace needs beyond the executions, one per sample of the batch.
    pub fn new(plan: &'a Plan, executions: &'a [Execution]) -> Self {
        let pieces = &plan.pieces.list;
        let operands = (0..pieces.len()).map(|piece| match pieces[piece].role {
            Role::Max if matches!(plan.graph.nodes[pieces[piece].node].op, Op::MaxPool(_)) => {
                max_operands(plan, piece)
            }
            _ => Vec::new(),
        });
        let sums =
            pieces.iter().map(
                |piece| match (&plan.graph.nodes[piece.node].op, &piece.role) {
                    (Op::Add(_), Role::Requant(_)) => addition_sums(plan, piece.node, executions),
                    _ => Vec::new(),
                },
            );
        Self {
            plan,
            executions,
            operands: operands.collect(),
            sums: sums.collect(),
            linked: linked_cells(plan, executions),
        }
    }

    /// A cell of a tensor of the graph as a code.
    fn code(&self, sample: usize, tensor: usize, cell: usize) -> i64 {
        let type_min = self.plan.graph.tensors[tensor].quantization.qtype.min();
        i64::from(self.executions[sample].tensors[tensor][cell] - type_min)
    }

    /// The cells of lane `instance` of a row.
    fn lane(&self, layout: &Layout, table: &Table, row: &Row, instance: usize) -> Vec<Felt> {
        let plan = self.plan;
        let index = row.piece as usize;
        let piece = &plan.pieces.list[index];
        let node = &plan.graph.nodes[piece.node];
        let used = instance < plan.instances(index);
        let (sample, position) = (instance / piece.positions, instance % piece.positions);
        let cell = piece.cell(row.channel as usize, position);
        match table.kind {
            Kind::Line | Kind::Window => {
                let channel = &plan.channels[index][row.channel as usize];
                // Beyond the last instance the joint check demands the accumulator zero.
                let (accumulator, code) = match (used, &node.op) {
                    (false, _) => (0, code_at_zero(channel)),
                    (true, Op::Add(_)) => {
                        let cells = plan.graph.tensor(node.output).len();
                        (
                            self.sums[index][sample * cells + cell],
                            self.code(sample, node.output.0, cell),
                        )
                    }
                    (true, op) if forms::has_forms(op, &piece.role) => (
                        self.linked(index, instance, used)[0],
                        self.code(sample, node.output.0, cell),
                    ),
                    (true, _) => {
                        let accumulator = self.executions[sample].accumulators[piece.node][cell];
                        (accumulator, self.code(sample, node.output.0, cell))
                    }
                };
                requant_cells(layout, channel, accumulator, code)
            }
            Kind::Max => {
                let taps = layout.shape.taps;
                let operands: Vec<i64> = if forms::has_forms(&node.op, &piece.role) {
                    self.linked(index, instance, used)
                } else if used {
                    let cells = &self.operands[index][position * taps..][..taps];
                    cells
                        .iter()
                        .map(|&cell| self.code(sample, node.inputs[0].0, cell))
                        .collect()
                } else {
                    vec![0; taps]
                };
                max_cells(layout, &operands)
            }
            Kind::Map => {
                let Role::Map(map) = piece.role else {
                    return Vec::new();
                };
                if forms::has_forms(&node.op, &piece.role) {
                    let code = self.linked(index, instance, used)[0];
                    let value = plan.pieces.maps[map][code as usize];
                    return vec![Felt::from_signed(code), Felt::from_signed(value)];
                }
                let x = match plan.graph.operands(node) {
                    Some([_, b]) => match b.cells {
                        OperandCells::Tensor(id) => id.0,
                        OperandCells::Constant(_) => return Vec::new(),
                    },
                    None => node.inputs[0].0,
                };
                let code = if used {
                    self.code(sample, x, position)
                } else {
                    0
                };
                let value = plan.pieces.maps[map][code as usize];
                vec![Felt::from_signed(code), Felt::from_signed(value)]
            }
            Kind::Step => {
                let accumulator = self.linked(index, instance, used)[0];
                let step = plan.pieces.steps.find(accumulator).unwrap_or_default();
                step_cells(&layout.shape, accumulator, step)
            }
            Kind::Product => {
                let operands = self.linked(index, instance, used);
                let offset = plan.pieces.products.get(&piece.node).copied();
                let accumulator = operands[0] * operands[1] + offset.unwrap_or(0);
                let step = plan.pieces.steps.find(accumulator).unwrap_or_default();
                let mut cells: Vec<Felt> = operands.into_iter().map(Felt::from_signed).collect();
                cells.extend(step_cells(&layout.shape, accumulator, step));
                cells
            }
            Kind::FloatSum => {
                let sum = self.linked(index, instance, used)[0];
                float_sum::float_cells(sum, float_sum::round(sum))
            }
            Kind::Divide | Kind::Root => {
                let linked = self.linked(index, instance, used);
                let linked = [linked[0], linked[1]];
                let result = division::result(table.kind, linked);
                division::cells(&layout.shape, table.kind, linked, result)
            }
            Kind::Contraction => {
                let copies = self.linked(index, instance, used).into_iter();
                copies.map(Felt::from_signed).collect()
            }
        }
    }

    /// The linked cells of an instance: zero beyond the last one, as the joint check demands.
    fn linked(&self, piece: usize, instance: usize, used: bool) -> Vec<i64> {
        let links = self.plan.links(piece);
        match used {
            true => self.linked[piece][instance * links..][..links].to_vec(),
            false => vec![0; links],
        }
    }

    /// The main columns of one shard, each as long as the trace, multiplicities still zero.
    pub fn main_columns(&self, shard: &Shard) -> Vec<Vec<Felt>> {
        let layout = &shard.layout;
        let mut columns = vec![vec![Felt::ZERO; layout.rows()]; layout.main_width()];
        for table in &layout.tables {
            let rows = shard.rows(table.kind);
            for (lane, start) in table.lane_starts().enumerate() {
                for (at, row) in rows.iter().enumerate() {
                    let cells = self.lane(layout, table, row, row.first as usize + lane);
                    for (column, value) in columns[start..].iter_mut().zip(cells) {
                        column[at] = value;
                    }
                }
                let unused = self.unused_lane(layout, table);
                for (column, value) in columns[start..].iter_mut().zip(unused) {
                    column[rows.len()..].fill(value);
                }
            }
        }
        columns
    }

    /// The cells of a lane in a row that no table row uses, where all constants are zero.
    fn unused_lane(&self, layout: &Layout, table: &Table) -> Vec<Felt> {
        let at_zero = || {
            let step = self.plan.pieces.steps.find(0).unwrap_or_default();
            step_cells(&layout.shape, 0, step)
        };
        match table.kind {
            Kind::Line | Kind::Max | Kind::Divide | Kind::Root | Kind::Contraction => Vec::new(),
            // Code, zero point and scale are zero.
            Kind::Window => {
                let start = layout.shape.window_range().start(0, false);
                let mut cells = [0, 0, 0, start].map(Felt::from_signed).to_vec();
                cells.extend(window_limbs(&layout.shape, -start));
                cells
            }
            Kind::Map => vec![Felt::ZERO, Felt::from_signed(self.plan.pieces.maps[0][0])],
            Kind::Step => at_zero(),
            Kind::Product => [vec![Felt::ZERO; product_cell::STEP], at_zero()].concat(),
            Kind::FloatSum => float_sum::float_cells(0, 0),
        }
    }
}

/// The linked cells of every piece that has [`forms`], in the order in which the tensors of the trace follow from each
/// other.
fn linked_cells(plan: &Plan, executions: &[Execution]) -> Vec<Vec<i64>> {
    let (graph, pieces) = (&plan.graph, &plan.pieces);
    let visible = graph.tensors.len();
    let mut hidden: Vec<Vec<i64>> = vec![Vec::new(); pieces.hidden.len()];
    let mut linked = vec![Vec::new(); pieces.list.len()];
    for (index, piece) in pieces.list.iter().enumerate() {
        if !forms::has_forms(&graph.nodes[piece.node].op, &piece.role) {
            continue;
        }
        let value = |sample: usize, tensor: usize, cell: usize| match tensor.checked_sub(visible) {
            Some(of) => hidden[of][sample * pieces.hidden[of] + cell],
            None => {
                let type_min = graph.tensors[tensor].quantization.qtype.min();
                i64::from(executions[sample].tensors[tensor][cell] - type_min)
            }
        };
        let cells = forms::evaluate(plan, index, value);
        if let Some(of) = piece.value.checked_sub(visible) {
            hidden[of] = match piece.role {
                Role::Map(map) => {
                    let value = |&code: &i64| pieces.maps[map][code as usize];
                    cells.iter().map(value).collect()
                }
                Role::Max => {
                    let largest = |cells: &[i64]| cells.iter().copied().max().unwrap_or(0);
                    cells.chunks(pieces.taps).map(largest).collect()
                }
                Role::Divide | Role::Root => {
                    let kind = match piece.role {
                        Role::Root => Kind::Root,
                        _ => Kind::Divide,
                    };
                    let (pairs, _) = cells.as_chunks::<2>();
                    pairs
                        .iter()
                        .map(|&linked| division::result(kind, linked))
                        .collect()
                }
                // Its values are elements of the extension, known after the challenge only.
                Role::Contraction => Vec::new(),
                _ => cells.iter().map(|&sum| float_sum::round(sum)).collect(),
            };
        }
        linked[index] = cells;
    }
    linked
}

/// `factor * a + inner(b)` of every cell of a sum, `[sample][cell]`.
fn addition_sums(plan: &Plan, node: usize, executions: &[Execution]) -> Vec<i64> {
    let graph = &plan.graph;
    let (addition, node) = (&plan.pieces.additions[&node], &graph.nodes[node]);
    let Some([a, b]) = graph.operands(node) else {
        return Vec::new();
    };
    let shape = &graph.tensor(node.output).shape;
    let cells: Vec<(usize, usize)> = broadcast_cells(a.shape, shape)
        .into_iter()
        .zip(broadcast_cells(b.shape, shape))
        .collect();
    let b_min = b.quantization.qtype.min();
    let mut sums = Vec::with_capacity(executions.len() * cells.len());
    for execution in executions {
        let value = |operand: OperandCells<'_>, cell: usize| match operand {
            OperandCells::Tensor(id) => execution.tensors[id.0][cell],
            OperandCells::Constant(values) => i32::from(values[cell]),
        };
        sums.extend(cells.iter().map(|&(at_a, at_b)| {
            let inner = addition.inner[(value(b.cells, at_b) - b_min) as usize];
            addition.factor * i64::from(value(a.cells, at_a)) + inner
        }));
    }
    sums
}

/// The code that a channel gives to the accumulator zero. Zero may be out of reach, so any code that the relation takes
/// will do: the lane is read by nothing.
fn code_at_zero(channel: &Channel) -> i64 {
    if channel.saturates_high <= 0 {
        return channel.code_max;
    }
    if channel.saturates_low >= 0 {
        return channel.code_min;
    }
    let code = match channel.rounding {
        Rounding::Line { slope, offset } => line_value(slope, offset, 0).0 as i64,
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let takes = |&code: &i64| {
                let (low, high) = window_sides(multiplier, shift, zero_code, 0, code);
                low >= 0 && high >= 0
            };
            (channel.code_min..=channel.code_max)
                .find(takes)
                .unwrap_or(channel.code_min)
        }
    };
    code.clamp(channel.code_min, channel.code_max)
}

/// The cells of a requantization lane: accumulator, code, branch and what the rounding relation needs.
pub fn requant_cells(layout: &Layout, channel: &Channel, accumulator: i64, code: i64) -> Vec<Felt> {
    let branch = if accumulator >= channel.saturates_high {
        1
    } else if accumulator <= channel.saturates_low {
        -1
    } else {
        0
    };
    let mut cells = [accumulator, code, branch].map(Felt::from_signed).to_vec();
    let distance = match branch {
        1 => Some(accumulator - channel.saturates_high),
        -1 => Some(channel.saturates_low - accumulator),
        _ => None,
    };
    let shape = &layout.shape;
    match channel.rounding {
        Rounding::Line { slope, offset } => {
            let scale = shape.line_bits() - LINE_BITS;
            let remainder = || (line_value(slope, offset, accumulator).1 as i64) << scale;
            let remainder = distance.unwrap_or_else(remainder);
            push_limbs(&mut cells, remainder, shape.line_limbs, shape.limb_bits);
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let range = shape.window_range();
            let position = range.position(multiplier, shift, accumulator);
            let half = |upper: bool| {
                let start = range.start(code - zero_code, upper);
                (start, position - i128::from(start))
            };
            let lower = half(false);
            let (start, remainder) = if lower.1 < 1 << range.bits {
                lower
            } else {
                half(true)
            };
            cells.push(Felt::from_signed(start));
            let remainder = distance.unwrap_or(remainder as i64);
            cells.extend(window_limbs(shape, remainder));
        }
    }
    cells
}

/// The limbs of a window's remainder.
///
/// If it is out of range, they are those of another.
pub fn window_limbs(shape: &Shape, remainder: i64) -> Vec<Felt> {
    let top_shift = shape.top_shift();
    let top = (remainder >> top_shift).clamp(0, (1 << shape.limb_bits) - 1);
    let mut limbs = Vec::with_capacity(shape.window_limbs);
    let below = remainder - (top << top_shift);
    push_limbs(&mut limbs, below, shape.window_limbs - 1, shape.limb_bits);
    limbs.push(Felt::from_signed(top));
    limbs
}

/// The lowest limbs of `value`; of a negative value the bits of its two's complement, which no constraint accepts.
fn push_limbs(cells: &mut Vec<Felt>, value: i64, limbs: usize, limb_bits: u32) {
    let mask = (1 << limb_bits) - 1;
    cells.extend(
        (0..limbs as u32).map(|limb| Felt::new((value >> (limb_bits * limb)) as u64 & mask)),
    );
}

/// The cells of a maximum lane: result, operands, partial products of their differences.
fn max_cells(layout: &Layout, operands: &[i64]) -> Vec<Felt> {
    let result = operands.iter().copied().max().unwrap_or(0);
    let mut cells = vec![Felt::from_signed(result)];
    cells.extend(operands.iter().map(|&operand| Felt::from_signed(operand)));
    let mut differences = operands
        .iter()
        .map(|&operand| Felt::from_signed(result - operand));
    let mut product = differences.next().unwrap_or(Felt::ZERO);
    for _ in 0..layout.shape.partial_products() {
        product = differences
            .by_ref()
            .take(3)
            .fold(product, |product, factor| product * factor);
        cells.push(product);
    }
    cells
}
