//! The joint check once more, equation by equation from its definition, with rules that can be bent.
//!
//! The production code folds weights before it multiplies; here every equation is written out. With the true rule the
//! two must agree, which a test checks. With a bent rule, an equation left out or two of them given one exponent, the
//! bench shows what a verifier would accept that did not insist on it.

use std::sync::Arc;

use winter_math::{ExtensionOf, FieldElement};
use winterforge_air::field::{Cube, Felt, basis_coefficients};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes, constant_columns};
use winterforge_air::layout::{BYTE_ROWS, Kind};
use winterforge_air::plan::{Plan, RowKey};
use winterforge_air::shard_air::ShardInputs;
use winterforge_model::{Op, TensorId};

/// Which power of `rho` each equation of a sample gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// By equation within a sample; `None` leaves the equation out.
    pub exponents: Vec<Option<u64>>,
    /// From one sample to the next.
    pub stride: u64,
    /// Rows of the byte table.
    pub byte_rows: usize,
}

impl Rule {
    /// The rule that verifiers follow.
    pub fn honest(plan: &Plan) -> Self {
        Self {
            exponents: (0..plan.equations_per_sample).map(Some).collect(),
            stride: plan.equations_per_sample,
            byte_rows: BYTE_ROWS,
        }
    }

    /// This rule without some equations.
    pub fn without(mut self, equations: impl IntoIterator<Item = u64>) -> Self {
        for equation in equations {
            self.exponents[equation as usize] = None;
        }
        self
    }
}

/// The coefficients of one sample.
struct Coefficients<'a> {
    plan: &'a Plan,
    rule: &'a Rule,
    challenges: Challenges<Cube>,
    /// By tensor and cell.
    codes: Vec<Vec<Cube>>,
    /// What the constants of all equations add up to, on the right-hand side.
    constant: Cube,
}

impl<'a> Coefficients<'a> {
    fn new(plan: &'a Plan, rule: &'a Rule, challenges: Challenges<Cube>) -> Self {
        let graph = &plan.graph;
        let codes = graph
            .tensors
            .iter()
            .map(|tensor| vec![Cube::ZERO; tensor.len()])
            .collect();
        let mut result = Self {
            plan,
            rule,
            challenges,
            codes,
            constant: Cube::ZERO,
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            let Op::Linear(linear) = &node.op else {
                continue;
            };
            let x = node.inputs[0];
            let quantization = graph.tensor(x).quantization;
            let zero_code = Felt::from((quantization.zero_point - quantization.qtype.min()) as u32);
            for cell in 0..graph.tensor(node.output).len() {
                let (position, channel) = (cell / linear.out_features, cell % linear.out_features);
                let weight = result.weight(plan.equation_offsets[index] + cell as u64);
                for (k, &w) in linear.row(channel).iter().enumerate() {
                    let term = weight.mul_base(Felt::from_signed(i64::from(w)));
                    result.add_code(x, position * linear.in_features + k, term);
                    result.constant += term.mul_base(zero_code);
                }
                result.constant -=
                    weight.mul_base(Felt::from_signed(i64::from(linear.bias[channel])));
            }
        }
        for cell in 0..graph.output_len() {
            let weight = result.output_weight(cell);
            result.add_code(graph.output, cell, weight);
        }
        result
    }

    fn weight(&self, equation: u64) -> Cube {
        self.rule.exponents[equation as usize].map_or(Cube::ZERO, |exponent| {
            self.challenges.rho.exp_vartime(exponent)
        })
    }

    fn output_weight(&self, cell: usize) -> Cube {
        self.weight(self.plan.output_equations + cell as u64)
    }

    /// Adds to the coefficient of a code at the node that computes it: views hand their cells through.
    fn add_code(&mut self, tensor: TensorId, cell: usize, term: Cube) {
        let graph = &self.plan.graph;
        let mut tensor = tensor;
        while let Some(node) = graph.producer(tensor).map(|index| &graph.nodes[index])
            && node.op == Op::View
        {
            tensor = node.inputs[0];
        }
        self.codes[tensor.0][cell] += term;
    }

    /// What one sample's cells must add up to.
    fn total(&self, input: &[u8], output: &[u8]) -> Cube {
        let graph = &self.plan.graph;
        let mut total = self.constant;
        for (cell, &x) in input.iter().enumerate() {
            total -= self.codes[graph.input.0][cell].mul_base(Felt::from(x));
        }
        for (cell, &y) in output.iter().enumerate() {
            total += self.output_weight(cell).mul_base(Felt::from(y));
        }
        total
    }

    fn of_row(&self, key: &RowKey) -> [Cube; 2] {
        let output = self.plan.graph.nodes[key.node as usize].output;
        let code = self.codes[output.0][self.plan.cell_in_tensor(key)];
        [-self.weight(self.plan.equation_in_sample(key)), code]
    }

    fn sample_power(&self, sample: usize) -> Cube {
        let exponent = self.rule.stride * sample as u64;
        self.challenges.rho.exp_vartime(exponent)
    }
}

/// The public inputs of every shard under a rule, claims left at zero, and the total of the claims.
pub fn public_inputs(
    plan: &Plan,
    rule: &Rule,
    challenges: Challenges<Cube>,
    seed: [u8; 32],
    codes: &PublicCodes,
) -> (Vec<ShardInputs>, Cube) {
    let joint = JointCheck::<Cube>::new(plan, challenges, codes);
    let mut inputs: Vec<ShardInputs> = (0..plan.shards.len())
        .map(|shard| ShardInputs::new(plan, shard, &joint, seed, Cube::ZERO))
        .collect();
    if *rule == Rule::honest(plan) {
        return (inputs, joint.total);
    }
    bend(plan, rule, challenges, codes, &mut inputs)
}

/// Replaces in `inputs` everything that depends on the rule, and returns them with the total.
pub fn bend(
    plan: &Plan,
    rule: &Rule,
    challenges: Challenges<Cube>,
    codes: &PublicCodes,
    inputs: &mut [ShardInputs],
) -> (Vec<ShardInputs>, Cube) {
    let coefficients = Coefficients::new(plan, rule, challenges);
    let (input_len, output_len) = (plan.graph.input_len(), plan.graph.output_len());
    let mut total = Cube::ZERO;
    for sample in 0..plan.padded_batch {
        let shown = sample.min(plan.batch - 1);
        let input = &codes.input[shown * input_len..][..input_len];
        let output = &codes.output[shown * output_len..][..output_len];
        total += coefficients.sample_power(sample) * coefficients.total(input, output);
    }
    for (shard, inputs) in plan.shards.iter().zip(inputs.iter_mut()) {
        let layout = &shard.layout;
        let mut columns = constant_columns(plan, shard);
        let mut push = |cells: Vec<Cube>| {
            for coordinate in 0..Cube::EXTENSION_DEGREE {
                let words = cells
                    .iter()
                    .map(|cell| basis_coefficients(cell)[coordinate]);
                columns.push(words.collect());
            }
        };
        for kind in [Kind::Line, Kind::Window] {
            if layout.lanes(kind) == 0 {
                continue;
            }
            for which in 0..2 {
                let scaled = |key: &RowKey| {
                    let power = coefficients.sample_power(key.first_sample as usize);
                    challenges.kappa * power * coefficients.of_row(key)[which]
                };
                push(shard.rows(kind).iter().map(scaled).collect());
            }
        }
        let inverse = |byte: usize| -(challenges.zeta - Cube::from(byte as u32)).inv();
        push((0..rule.byte_rows).map(inverse).collect());
        let windows = layout.constants_width() + 3 * (layout.inverse_column() + 1);
        columns.extend_from_slice(&inputs.columns[windows..]);
        inputs.columns = Arc::new(columns);

        let lanes = layout.line_lanes.max(layout.window_lanes);
        let first = inputs.challenges.len() - 3 * lanes;
        for lane in 0..lanes {
            let power = coefficients.sample_power(lane);
            inputs.challenges[first + 3 * lane..][..3].copy_from_slice(basis_coefficients(&power));
        }
    }
    (inputs.to_vec(), total * challenges.kappa)
}
