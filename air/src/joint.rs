//! The joint check: every matrix product and every link of the proof as one random linear combination.
//!
//! Number the linear equations of a batch: for each layer, channel, sample and position
//!
//! ```text
//! sum_k W[o,k] (X[k] - xz) + bias[o] - acc[o] = 0,       for each copy    x - copy = 0,
//!                                                        for each output  code - y = 0.
//! ```
//!
//! With a challenge `rho` drawn after all cells are committed, equation `e` gets the coefficient `rho^e`. Summed over
//! all equations, each cell of the trace has one *public* coefficient: an accumulator or copy `-rho^e`, a value the sum
//! over the operators that read it (see [`coefficients`]). That is the two-sided Freivalds check of
//! a matrix product with a matrix both sides know: one multiply-add per weight for prover and verifier, and no cell at
//! all for weights, inputs or wiring. Exponents are distinct by construction, so a batch with any wrong equation passes
//! with probability at most (number of equations) / |E|.
//!
//! The trace's LogUp sums join the same running sum; `kappa`, a factor of every `rho^e`, keeps the two apart.

use winter_math::{FieldElement, batch_inversion};
use winterforge_model::{Copied, Op, OperandCells, broadcast_cells};

use crate::coefficients::{self, Numbering, power, powers};
use crate::constants::{constant_columns, image_of, lookup_entry, max_operands};
use crate::constraints::{ALPHA_POWERS, AuxChallenges};
use crate::field::{Felt, WideSum, basis, basis_coefficients, from_basis_coefficients};
use crate::forms;
use crate::layout::Layout;
use crate::pieces::Role;
use crate::plan::{Plan, Shard};

/// Challenges of the joint check, all derived from a seed that binds the statement and every main segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenges<E> {
    /// Separates the linear equations.
    pub rho: E,
    /// Separates the linear check from the lookups.
    pub kappa: E,
    /// The point at which lookups are compared.
    pub zeta: E,
    /// Folds tuples into one element.
    pub alpha: E,
}

/// Input and output codes of a batch, sample by sample: values counted from the smallest of their type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicCodes {
    /// `batch` times the input's cells.
    pub input: Vec<u8>,
    /// `batch` times the output's cells.
    pub output: Vec<u8>,
}

/// The columns of a shard that both sides compute.
#[derive(Clone, Debug, Default)]
pub struct PublicColumns {
    /// Row constants.
    pub constants: Vec<Vec<Felt>>,
    /// Coefficients of the joint check, each row's coordinates together.
    pub joint: Vec<Vec<Felt>>,
}

impl PublicColumns {
    /// Columns of base elements: the constants, then each coordinate of each joint column, in `degree` coordinates.
    pub fn split(&self, degree: usize) -> impl Iterator<Item = Vec<Felt>> {
        let coordinates = self.joint.iter().flat_map(move |column| {
            (0..degree).map(move |coordinate| {
                column
                    .iter()
                    .skip(coordinate)
                    .step_by(degree)
                    .copied()
                    .collect()
            })
        });
        self.constants.iter().cloned().chain(coordinates)
    }

    /// The constants, then the joint columns, each as the sum of its entries times `weights`.
    pub fn evaluate<E: FieldElement<BaseField = Felt>>(&self, weights: &[E]) -> Vec<E> {
        let degree = E::EXTENSION_DEGREE;
        let coordinates = E::slice_as_base_elements(weights);
        let sum = |column: &[Felt], step: usize| -> E {
            let mut sums = [WideSum::ZERO; 3];
            for (weight, &value) in coordinates
                .chunks_exact(degree)
                .zip(column.iter().step_by(step))
            {
                for (sum, &coordinate) in sums.iter_mut().zip(weight) {
                    *sum = sum.add_product(coordinate, value);
                }
            }
            from_basis_coefficients(&sums.map(WideSum::reduce)[..degree])
        };
        let constants = self.constants.iter().map(|column| sum(column, 1));
        let basis = basis::<E>();
        let joint = self.joint.iter().map(|column| {
            basis
                .iter()
                .enumerate()
                .fold(E::ZERO, |value, (coordinate, &element)| {
                    value + element * sum(column.get(coordinate..).unwrap_or_default(), degree)
                })
        });
        constants.chain(joint).collect()
    }
}

/// The coefficients of the joint check and its required total.
#[derive(Clone, Debug)]
pub struct JointCheck<E> {
    challenges: Challenges<E>,
    /// By tensor, hidden ones included: `[sample][cell]`, what a value is multiplied by.
    values: Vec<Vec<E>>,
    /// What the running sums of all shards must add up to.
    pub total: E,
}

impl<E: FieldElement<BaseField = Felt>> JointCheck<E> {
    /// Computes all coefficients: one multiply-add per weight and about one product per cell.
    ///
    /// `codes` must hold `plan.batch` samples of the graph's input and output.
    pub fn new(plan: &Plan, challenges: Challenges<E>, codes: &PublicCodes) -> Self {
        let (graph, batch) = (&plan.graph, plan.batch);
        let tensors = graph.tensors.len() + plan.pieces.hidden.len();
        let mut check = Self {
            challenges,
            values: vec![Vec::new(); tensors],
            total: E::ZERO,
        };

        let mut output = challenges.kappa * power(challenges.rho, plan.output_equations);
        let cells = &mut check.values[graph.output.0];
        for &y in &codes.output {
            cells.push(output);
            check.total += output.mul_base(Felt::from(y));
            output *= challenges.rho;
        }
        // Readers come behind producers: walking backwards, a value's coefficient is complete when it is needed.
        let mut piece = plan.pieces.list.len();
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            while piece > 0 && plan.pieces.list[piece - 1].node == index {
                piece -= 1;
                check.read_operands(plan, piece);
            }
            if let Some(copied) = graph.copied_cells(node) {
                check.pass_on(plan, index, &copied);
            }
        }
        let input = &check.values[graph.input.0];
        for (&coefficient, &x) in input.iter().zip(&codes.input) {
            check.total -= coefficient.mul_base(Felt::from(x));
        }
        debug_assert!(input.is_empty() || input.len() == batch * graph.tensor(graph.input).len());
        check
    }

    /// Adds the coefficients of a piece's operands, and its constants to the total.
    fn read_operands(&mut self, plan: &Plan, index: usize) {
        let (graph, batch) = (&plan.graph, plan.batch);
        let piece = &plan.pieces.list[index];
        let node = &graph.nodes[piece.node];
        let links = plan.links(index) as u64;
        let rho = self.challenges.rho;
        let first = self.challenges.kappa * power(rho, plan.channel_equation(index, 0));
        let channel_step = if piece.channels > 1 {
            power(
                rho,
                plan.channel_equation(index, 1) - plan.channel_equation(index, 0),
            )
        } else {
            E::ONE
        };
        let sample_step = power(rho, piece.positions as u64 * links);
        let numbering = Numbering {
            rho,
            first,
            channel_step,
            sample_step,
        };
        let x = node.inputs.first().map_or(0, |id| id.0);
        let len = |tensor: usize| plan.pieces.tensor_len(graph, tensor);
        let zero_code = |tensor: usize| {
            let quantization = graph.tensors[tensor].quantization;
            i64::from(quantization.zero_point - quantization.qtype.min())
        };
        match (&node.op, &piece.role) {
            (op, role) if forms::has_forms(op, role) => {
                for (tensor, cells) in forms::coefficients(plan, index, numbering) {
                    self.read(tensor, cells, 0);
                }
                let constants = forms::constants(plan, index);
                self.add_constants(numbering, constants.len(), batch, |e| constants[e]);
            }
            (Op::MatMul { .. }, _) => self.read_parts(plan, piece.node, numbering),
            (Op::Linear(linear), _) => {
                let cells = coefficients::linear(linear, numbering, piece.positions, batch);
                self.read(x, cells, zero_code(x));
                self.add_biases(&linear.bias, numbering, plan.instances(index));
            }
            (Op::Conv(conv), _) => {
                let image = image_of(&graph.tensors[x].shape);
                let outputs = image_of(&graph.tensor(node.output).shape);
                let cells = coefficients::convolution(conv, numbering, image, outputs, batch);
                self.read(x, cells, zero_code(x));
                self.add_biases(&conv.bias, numbering, plan.instances(index));
            }
            (Op::GlobalAveragePool { .. }, _) => {
                let per_channel = len(x) / piece.positions;
                let readers = (0..len(x)).map(|cell| (cell, cell / per_channel));
                let cells =
                    coefficients::gathered(numbering, len(x), readers, piece.positions, batch);
                self.read(x, cells, zero_code(x));
            }
            (Op::MaxPool(_), _) => {
                let operands = max_operands(plan, index);
                let readers = operands
                    .iter()
                    .enumerate()
                    .map(|(equation, &cell)| (cell, equation));
                let cells =
                    coefficients::gathered(numbering, len(x), readers, operands.len(), batch);
                self.read(x, cells, 0);
            }
            (Op::Table(_), _) => {
                let readers = (0..len(x)).map(|cell| (cell, cell));
                let cells = coefficients::gathered(numbering, len(x), readers, len(x), batch);
                self.read(x, cells, 0);
            }
            (Op::Add(_), Role::Map(_)) => {
                // The map of the second operand: its cells are copied.
                if let Some([_, b]) = graph.operands(node)
                    && let OperandCells::Tensor(id) = b.cells
                {
                    let readers = (0..len(id.0)).map(|cell| (cell, cell));
                    let cells =
                        coefficients::gathered(numbering, len(id.0), readers, len(id.0), batch);
                    self.read(id.0, cells, 0);
                }
            }
            (Op::Add(_), _) => self.read_addition(plan, index, numbering),
            _ => {}
        }
    }

    /// Each part of a product of two tensors enters at its first equation: see [`contraction`](crate::contraction).
    fn read_parts(&mut self, plan: &Plan, node: usize, numbering: Numbering<E>) {
        let Some(product) = plan.pieces.contractions.get(&node) else {
            return;
        };
        let rows = powers(numbering.channel_step, product.matrices * product.rows);
        let columns = powers(numbering.rho, product.columns);
        let firsts = product.first_outputs(plan.pieces.tile).into_iter();
        let one_sample = firsts.map(|(row, column)| numbering.first * rows[row] * columns[column]);
        let one_sample = one_sample.collect();
        let cells = coefficients::repeat_samples(one_sample, numbering.sample_step, plan.batch);
        self.read(product.parts, cells, 0);
    }

    /// `factor * a + inner(b) - acc = 0`.
    fn read_addition(&mut self, plan: &Plan, index: usize, numbering: Numbering<E>) {
        let (graph, batch) = (&plan.graph, plan.batch);
        let node = &graph.nodes[plan.pieces.list[index].node];
        let addition = &plan.pieces.additions[&plan.pieces.list[index].node];
        let Some([a, b]) = graph.operands(node) else {
            return;
        };
        let shape = &graph.tensor(node.output).shape;
        let instances = graph.tensor(node.output).len();
        let factor = Felt::from_signed(addition.factor);
        let a_cells = broadcast_cells(a.shape, shape);
        match a.cells {
            OperandCells::Tensor(id) => {
                let readers = a_cells
                    .iter()
                    .enumerate()
                    .map(|(instance, &cell)| (cell, instance));
                let cells = graph.tensor(id).len();
                let mut cells = coefficients::gathered(numbering, cells, readers, instances, batch);
                cells
                    .iter_mut()
                    .for_each(|cell| *cell = cell.mul_base(factor));
                // The operand is its code plus the smallest value of its type.
                let type_min = i64::from(a.quantization.qtype.min());
                self.read(id.0, cells, -type_min);
            }
            OperandCells::Constant(values) => {
                let term = |instance: usize| addition.factor * i64::from(values[a_cells[instance]]);
                self.add_constants(numbering, instances, batch, term);
            }
        }
        let b_cells = broadcast_cells(b.shape, shape);
        match (b.cells, addition.hidden) {
            (OperandCells::Tensor(_), Some(hidden)) => {
                let readers = b_cells
                    .iter()
                    .enumerate()
                    .map(|(instance, &cell)| (cell, instance));
                let cells = plan.pieces.tensor_len(graph, hidden);
                let cells = coefficients::gathered(numbering, cells, readers, instances, batch);
                self.read(hidden, cells, 0);
            }
            (OperandCells::Constant(values), _) => {
                let b_min = b.quantization.qtype.min();
                let term = |instance: usize| {
                    addition.inner[(i32::from(values[b_cells[instance]]) - b_min) as usize]
                };
                self.add_constants(numbering, instances, batch, term);
            }
            _ => {}
        }
    }

    /// Adds coefficients to a tensor that is read less `offset`.
    fn read(&mut self, tensor: usize, cells: Vec<E>, offset: i64) {
        if offset != 0 {
            let sum = cells.iter().fold(E::ZERO, |sum, &cell| sum + cell);
            self.total += sum.mul_base(Felt::from_signed(offset));
        }
        let known = &mut self.values[tensor];
        if known.is_empty() {
            *known = cells;
        } else {
            known
                .iter_mut()
                .zip(cells)
                .for_each(|(known, cell)| *known += cell);
        }
    }

    /// Constants stand on the side of the cells: the total loses them.
    fn add_biases(&mut self, biases: &[i32], numbering: Numbering<E>, instances: usize) {
        let all = powers(numbering.rho, instances)
            .into_iter()
            .fold(E::ZERO, |sum, power| sum + power);
        let mut channel = numbering.first * all;
        for &bias in biases {
            self.total -= channel.mul_base(Felt::from_signed(i64::from(bias)));
            channel *= numbering.channel_step;
        }
    }

    fn add_constants(
        &mut self,
        numbering: Numbering<E>,
        instances: usize,
        batch: usize,
        term: impl Fn(usize) -> i64,
    ) {
        let powers = powers(numbering.rho, instances);
        let terms = powers.iter().enumerate();
        let one_sample = terms.fold(E::ZERO, |sum, (i, power)| {
            sum + power.mul_base(Felt::from_signed(term(i)))
        });
        let mut sample = numbering.first;
        for _ in 0..batch {
            self.total -= sample * one_sample;
            sample *= numbering.sample_step;
        }
    }

    /// An operator that moves cells hands their coefficients to the cells they come from.
    fn pass_on(&mut self, plan: &Plan, index: usize, copied: &[Copied]) {
        let graph = &plan.graph;
        let node = &graph.nodes[index];
        let type_min = graph.tensor(node.output).quantization.qtype.min();
        let output = std::mem::take(&mut self.values[node.output.0]);
        if output.is_empty() {
            return;
        }
        for &input in &node.inputs {
            let cells = plan.batch * graph.tensor(input).len();
            self.values[input.0].resize(cells, E::ZERO);
        }
        for (sample, coefficients) in output.chunks(copied.len()).enumerate() {
            for (&copied, &coefficient) in copied.iter().zip(coefficients) {
                match copied {
                    Copied::Cell { input, cell } => {
                        let input = node.inputs[input];
                        self.values[input.0][sample * graph.tensor(input).len() + cell] +=
                            coefficient;
                    }
                    Copied::Constant(value) => {
                        self.total -= coefficient.mul_base(Felt::from((value - type_min) as u32));
                    }
                }
            }
        }
    }

    /// The challenges as the constraints read them: see [`constraint_challenges`].
    pub fn constraint_challenges(&self, layout: &Layout) -> Vec<E> {
        constraint_challenges(self.challenges, layout)
    }

    /// The public columns of a shard, each as long as its used rows; the rest is zero.
    pub fn public_columns(&self, plan: &Plan, shard: &Shard) -> PublicColumns {
        PublicColumns {
            constants: constant_columns(plan, shard),
            joint: self.joint_columns(plan, shard),
        }
    }

    /// The joint columns, each row's coordinates together.
    fn joint_columns(&self, plan: &Plan, shard: &Shard) -> Vec<Vec<Felt>> {
        let mut columns = Vec::with_capacity(shard.layout.joint_width());
        let Challenges { rho, kappa, .. } = self.challenges;
        let column = |rows: usize| Vec::with_capacity(rows * E::EXTENSION_DEGREE);
        for table in &shard.layout.tables {
            let rows = shard.rows(table.kind);
            let mut links = column(rows.len());
            let mut values: Vec<_> = (0..table.lanes).map(|_| column(rows.len())).collect();
            let mut last: Option<(u64, E)> = None;
            for row in rows {
                let (index, channel) = (row.piece as usize, row.channel as usize);
                let piece = &plan.pieces.list[index];
                let equation = plan.channel_equation(index, channel)
                    + u64::from(row.first) * plan.links(index) as u64;
                // Rows go through the equations in order: most are a few steps behind the one before.
                let coefficient = match last {
                    Some((before, power_before)) if equation > before => {
                        power_before * power(rho, equation - before)
                    }
                    _ => kappa * power(rho, equation),
                };
                last = Some((equation, coefficient));
                links.extend_from_slice(basis_coefficients(&-coefficient));
                let len = plan.pieces.tensor_len(&plan.graph, piece.value);
                let coefficients = &self.values[piece.value];
                let first = row.first as usize;
                let (mut sample, mut position) = (first / piece.positions, first % piece.positions);
                for values in &mut values {
                    let cell = sample * len + piece.cell(channel, position);
                    // Beyond the last instance, and where nothing reads the value, the coefficient is zero.
                    let known = coefficients.get(cell).filter(|_| sample < plan.batch);
                    values.extend_from_slice(basis_coefficients(known.unwrap_or(&E::ZERO)));
                    position += 1;
                    if position == piece.positions {
                        (sample, position) = (sample + 1, 0);
                    }
                }
            }
            columns.push(links);
            columns.extend(values);
        }
        let challenges = self.constraint_challenges(&shard.layout);
        let challenges = AuxChallenges::new(&shard.layout, &challenges);
        for (table, rows) in shard.layout.lookup_parts() {
            let shape = &shard.layout.shape;
            let denominators: Vec<E> = rows
                .map(|row| -challenges.entry(table, &lookup_entry(plan, shape, table, row)))
                .collect();
            columns.push(E::slice_as_base_elements(&batch_inversion(&denominators)).to_vec());
        }
        columns
    }
}

/// The challenges as the constraints of a layout read them: `zeta`, the powers of `alpha`, the extension's basis, then
/// [`Layout::challenge_powers`].
pub fn constraint_challenges<E: FieldElement<BaseField = Felt>>(
    challenges: Challenges<E>,
    layout: &Layout,
) -> Vec<E> {
    let mut values = vec![challenges.zeta];
    values.extend_from_slice(&powers(challenges.alpha, ALPHA_POWERS + 1)[1..]);
    values.extend(basis::<E>());
    values.extend(powers(challenges.rho, layout.link_powers()));
    if layout.contraction().is_some() {
        let step = power(challenges.rho, layout.shape.row_stride);
        values.extend(powers(step, layout.shape.tile));
    }
    values
}
