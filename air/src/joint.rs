//! The joint check: every matrix product and every link of the proof as one random linear combination.
//!
//! Number the linear equations of a batch: for each layer, position, channel and sample
//!
//! ```text
//! sum_k (W[o,k] - wz) (X[k] - xz) + bias[o] - acc[o] = 0          and, for each output,          code - y = 0.
//! ```
//!
//! With a challenge `rho` drawn after all cells are committed, equation `e` gets the coefficient `rho^e`. Summed over
//! all equations, each cell of the trace has one *public* coefficient: an accumulator `-rho^e`, an output code the
//! sum over the layers that read it, `sum_o rho^e W[o,k]`. That is the two-sided Freivalds check of a matrix product
//! with a matrix both sides know: one multiply-add per weight for prover and verifier, and no cell at all for weights,
//! inputs or copies. Exponents are distinct by construction, so a batch with any wrong equation passes with
//! probability at most (number of equations) / |E|.
//!
//! The trace's LogUp sums join the same running sum; `kappa` keeps the two apart.

use winter_math::{FieldElement, batch_inversion};
use winterforge_model::{Linear, Op};

use crate::field::{Felt, basis_coefficients, from_basis_coefficients};
use crate::layout::{BYTE_ROWS, Kind, WINDOW_ROWS, line_constant, window_constant};
use crate::plan::{Plan, RowKey, Shard};
use crate::rounding::{Rounding, window_offsets};

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

/// The coefficients of the joint check for one sample, and its required total.
#[derive(Clone, Debug)]
pub struct JointCheck<E> {
    challenges: Challenges<E>,
    /// By node and cell of its output: `rho^e` of the accumulator.
    equation_powers: Vec<Vec<E>>,
    /// By tensor and cell: what an output code is multiplied by.
    code_coefficients: Vec<Vec<E>>,
    /// `rho^(sample * equations per sample)`.
    sample_powers: Vec<E>,
    /// What the running sums of all shards must add up to.
    pub total: E,
}

impl<E: FieldElement<BaseField = Felt>> JointCheck<E> {
    /// Computes all coefficients: one multiply-add per weight and one product per cell.
    ///
    /// `codes` must hold `plan.batch` samples of the graph's input and output.
    pub fn new(plan: &Plan, challenges: Challenges<E>, codes: &PublicCodes) -> Self {
        let graph = &plan.graph;
        let rho = challenges.rho;
        let mut powers = Powers { next: E::ONE, rho };
        let equation_powers: Vec<Vec<E>> = (graph.nodes.iter())
            .map(|node| match node.op {
                Op::Linear(_) => powers.take(graph.tensor(node.output).len()),
                _ => Vec::new(),
            })
            .collect();
        let output_powers = powers.take(graph.output_len());
        let sample_step = powers.next;

        let code = |tensor: usize, value: i64| {
            Felt::from((value - i64::from(graph.tensors[tensor].quantization.qtype.min())) as u32)
        };
        let mut code_coefficients: Vec<Vec<E>> = graph
            .tensors
            .iter()
            .map(|tensor| vec![E::ZERO; tensor.len()])
            .collect();
        code_coefficients[graph.output.0].clone_from(&output_powers);
        let mut per_sample = E::ZERO;
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            let [x, y] = [node.inputs[0].0, node.output.0];
            match &node.op {
                Op::Linear(linear) => {
                    let combined =
                        combine_weights(linear, &equation_powers[index][..linear.out_features]);
                    let zero_code = code(x, i64::from(graph.tensors[x].quantization.zero_point));
                    // Position t is rho^(t * out_features) times position 0.
                    let first = equation_powers[index][0].inv();
                    for (t, powers) in equation_powers[index]
                        .chunks(linear.out_features)
                        .enumerate()
                    {
                        let shift = powers[0] * first;
                        let cells = &mut code_coefficients[x][t * linear.in_features..]
                            [..linear.in_features];
                        for (cell, &weight) in cells.iter_mut().zip(&combined) {
                            let coefficient = shift * weight;
                            *cell += coefficient;
                            per_sample += coefficient.mul_base(zero_code);
                        }
                        for (&power, &bias) in powers.iter().zip(&linear.bias) {
                            per_sample -= power.mul_base(Felt::from_signed(i64::from(bias)));
                        }
                    }
                }
                Op::View => {
                    let through = std::mem::take(&mut code_coefficients[y]);
                    for (cell, &coefficient) in code_coefficients[x].iter_mut().zip(&through) {
                        *cell += coefficient;
                    }
                    code_coefficients[y] = through;
                }
            }
        }

        let input_coefficients = &code_coefficients[graph.input.0];
        let (input_len, output_len) = (graph.input_len(), graph.output_len());
        let mut total = E::ZERO;
        let mut sample_powers = Vec::with_capacity(plan.padded_batch);
        let mut sample_power = E::ONE;
        for sample in 0..plan.padded_batch {
            // Lanes beyond the batch repeat its last sample.
            let sample = sample.min(plan.batch - 1);
            let mut sum = per_sample;
            for (&coefficient, &x) in input_coefficients
                .iter()
                .zip(&codes.input[sample * input_len..])
            {
                sum -= coefficient.mul_base(Felt::from(x));
            }
            for (&coefficient, &y) in output_powers
                .iter()
                .zip(&codes.output[sample * output_len..])
            {
                sum += coefficient.mul_base(Felt::from(y));
            }
            total += sample_power * sum;
            sample_powers.push(sample_power);
            sample_power *= sample_step;
        }
        total *= challenges.kappa;
        Self {
            challenges,
            equation_powers,
            code_coefficients,
            sample_powers,
            total,
        }
    }

    /// The challenges as the constraints read them: `zeta`, `alpha` to `alpha^4`, the extension's basis, then one
    /// power of `rho` per lane.
    pub fn constraint_challenges(&self, lanes: usize) -> Vec<E> {
        let alpha = self.challenges.alpha;
        let mut values = vec![self.challenges.zeta];
        values.extend((0..4).scan(E::ONE, |power, _| {
            *power *= alpha;
            Some(*power)
        }));
        values.extend(crate::field::basis::<E>());
        values.extend_from_slice(&self.sample_powers[..lanes]);
        values
    }

    /// The public columns of a shard, each as long as its used rows; the rest is zero.
    ///
    /// Row constants first, then one column per coordinate of each joint column.
    pub fn public_columns(&self, plan: &Plan, shard: &Shard) -> Vec<Vec<Felt>> {
        let mut columns = constant_columns(plan, shard);
        for joint in self.joint_columns(plan, shard) {
            for coordinate in 0..E::EXTENSION_DEGREE {
                columns.push(
                    joint
                        .iter()
                        .map(|value| value.base_element(coordinate))
                        .collect(),
                );
            }
        }
        columns
    }

    fn joint_columns(&self, plan: &Plan, shard: &Shard) -> Vec<Vec<E>> {
        let mut columns = Vec::with_capacity(shard.layout.joint_width());
        for kind in [Kind::Line, Kind::Window] {
            if shard.layout.lanes(kind) == 0 {
                continue;
            }
            let (mut accumulators, mut codes) = (Vec::new(), Vec::new());
            for key in shard.rows(kind) {
                let scale = self.challenges.kappa * self.sample_powers[key.first_sample as usize];
                let (accumulator, code) = self.coefficients(plan, key);
                accumulators.push(scale * accumulator);
                codes.push(scale * code);
            }
            columns.extend([accumulators, codes]);
        }
        let Challenges { zeta, alpha, .. } = self.challenges;
        let byte = |value: usize| zeta - E::from(value as u32);
        columns.push(negated_inverses((0..BYTE_ROWS).map(byte).collect()));
        if shard.layout.window_lanes > 0 {
            let entry = |row: usize| {
                let [difference, sign, low, high] = window_table_row(row);
                let tuple = [
                    E::from(difference),
                    E::from(sign),
                    E::from(low),
                    E::from(high),
                    E::ONE,
                ];
                zeta - tuple
                    .iter()
                    .rev()
                    .fold(E::ZERO, |sum, &term| sum * alpha + term)
            };
            columns.push(negated_inverses((0..WINDOW_ROWS).map(entry).collect()));
        }
        columns
    }

    /// Coefficients of the accumulator and the code of a row's first lane, as if it were sample 0.
    fn coefficients(&self, plan: &Plan, key: &RowKey) -> (E, E) {
        let node = key.node as usize;
        let cell = plan.cell_in_tensor(key);
        let output = plan.graph.nodes[node].output.0;
        (
            -self.equation_powers[node][cell],
            self.code_coefficients[output][cell],
        )
    }
}

/// `(difference, sign, low offset, high offset)` of a row of the window table.
pub fn window_table_row(row: usize) -> [Felt; 4] {
    let difference = row as i64 - 255;
    let (sign, low, high) = window_offsets(difference);
    [difference, sign, low, high].map(Felt::from_signed)
}

/// Successive powers of `rho`.
struct Powers<E> {
    next: E,
    rho: E,
}

impl<E: FieldElement> Powers<E> {
    fn take(&mut self, count: usize) -> Vec<E> {
        let mut powers = Vec::with_capacity(count);
        for _ in 0..count {
            powers.push(self.next);
            self.next *= self.rho;
        }
        powers
    }
}

/// `sum_o power[o] * W[o][k]` for every `k`, with one reduction per `k` and coordinate.
fn combine_weights<E: FieldElement<BaseField = Felt>>(linear: &Linear, powers: &[E]) -> Vec<E> {
    let degree = E::EXTENSION_DEGREE;
    // |coordinate| < 2^64 and |weight| < 2^9: 2^54 channels fit.
    let mut sums = vec![0i128; linear.in_features * degree];
    for (channel, power) in powers.iter().enumerate() {
        let row = linear.row(channel);
        for (coordinate, sums) in basis_coefficients(power)
            .iter()
            .zip(sums.chunks_mut(linear.in_features))
        {
            let coordinate = i128::from(coordinate.as_word());
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum += coordinate * i128::from(weight);
            }
        }
    }
    let reduced: Vec<Felt> = sums
        .iter()
        .map(|&sum| Felt::new(sum.rem_euclid(i128::from(Felt::ORDER)) as u64))
        .collect();
    (0..linear.in_features)
        .map(|k| {
            let coordinates: Vec<Felt> = (0..degree)
                .map(|c| reduced[c * linear.in_features + k])
                .collect();
            from_basis_coefficients(&coordinates)
        })
        .collect()
}

fn negated_inverses<E: FieldElement>(values: Vec<E>) -> Vec<E> {
    batch_inversion(&values)
        .into_iter()
        .map(|inverse| -inverse)
        .collect()
}

/// The row constants of a shard: base-field columns, as long as their table's used rows.
pub fn constant_columns(plan: &Plan, shard: &Shard) -> Vec<Vec<Felt>> {
    let mut columns = Vec::with_capacity(shard.layout.constants_width());
    for kind in [Kind::Line, Kind::Window] {
        if shard.layout.lanes(kind) == 0 {
            continue;
        }
        let count = match kind {
            Kind::Line => line_constant::COUNT,
            Kind::Window => window_constant::COUNT,
        };
        let start = columns.len();
        columns.resize(start + count, Vec::with_capacity(shard.rows(kind).len()));
        for key in shard.rows(kind) {
            let channel = plan.channel(key);
            let mut set =
                |column: usize, value: i64| columns[start + column].push(Felt::from_signed(value));
            set(line_constant::CODE_MIN, channel.code_min);
            set(line_constant::CODE_MAX, channel.code_max);
            set(line_constant::SATURATES_LOW, channel.saturates_low);
            set(line_constant::SATURATES_HIGH, channel.saturates_high);
            match channel.rounding {
                Rounding::Line { slope, offset } => {
                    set(line_constant::SLOPE, slope);
                    set(line_constant::OFFSET, offset);
                }
                Rounding::Window {
                    multiplier,
                    shift,
                    zero_code,
                } => {
                    set(window_constant::MULTIPLIER, multiplier as i64);
                    set(window_constant::STEP, 1 << shift);
                    set(window_constant::ZERO_CODE, zero_code);
                }
            }
        }
    }
    columns
}
