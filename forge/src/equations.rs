//! The joint check once more, equation by equation from its definition, with rules that can be bent.
//!
//! The production code folds weights before it multiplies; here every equation is written out. With the true rule the
//! two must agree, which a test checks. With a bent rule, equations left out or two of them given one exponent, the
//! bench shows what a verifier would accept that did not insist on them.

use std::sync::Arc;

use winter_math::{ExtensionOf, FieldElement};
use winterforge_air::constants::constant_columns;
use winterforge_air::field::{Cube, Felt, basis_coefficients};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes, PublicColumns};
use winterforge_air::layout::{BYTE_ROWS, LookupTable, Shape};
use winterforge_air::plan::Plan;
use winterforge_air::shard_air::ShardInputs;

use crate::operators::{Form, Source, forms_of, source};

/// Which power of `rho` each equation gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// By equation; `None` leaves it out. Equations of one row are left out together, and go up by `step`.
    pub exponents: Vec<Option<u64>>,
    /// From one equation of a row to the next.
    pub step: u64,
    /// Rows of the byte table.
    pub byte_rows: usize,
    /// A row of the window table that stands in place of the upper half's with its difference.
    pub window_row: Option<[i64; 2]>,
}

impl Rule {
    /// The rule that verifiers follow.
    pub fn honest(plan: &Plan) -> Self {
        Self {
            exponents: (0..plan.equations).map(Some).collect(),
            step: 1,
            byte_rows: BYTE_ROWS,
            window_row: None,
        }
    }

    /// This rule without some equations.
    pub fn without(mut self, equations: impl IntoIterator<Item = u64>) -> Self {
        for equation in equations {
            self.exponents[equation as usize] = None;
        }
        self
    }

    fn weight(&self, rho: Cube, equation: u64) -> Cube {
        self.exponents[equation as usize].map_or(Cube::ZERO, |exponent| rho.exp_vartime(exponent))
    }
}

/// The coefficients of a batch.
struct Coefficients {
    /// By tensor, hidden ones included, and cell of the batch.
    codes: Vec<Vec<Cube>>,
    /// What all cells must add up to.
    total: Cube,
}

impl Coefficients {
    fn new(plan: &Plan, rule: &Rule, rho: Cube, public: &PublicCodes) -> Self {
        let graph = &plan.graph;
        let tensors = graph.tensors.len() + plan.pieces.hidden.len();
        let len = |tensor: usize| plan.pieces.tensor_len(graph, tensor);
        let mut result = Self {
            codes: (0..tensors)
                .map(|tensor| vec![Cube::ZERO; plan.batch * len(tensor)])
                .collect(),
            total: Cube::ZERO,
        };
        for index in 0..plan.pieces.list.len() {
            let piece = &plan.pieces.list[index];
            for (channel, position, link, form) in forms_of(plan, index) {
                for sample in 0..plan.batch {
                    let instance = (sample * piece.positions + position) as u64;
                    let equation = plan.channel_equation(index, channel)
                        + instance * plan.links(index) as u64
                        + link as u64;
                    result.add(plan, sample, rule.weight(rho, equation), &form);
                }
            }
        }
        for (cell, &y) in public.output.iter().enumerate() {
            let weight = rule.weight(rho, plan.output_equations + cell as u64);
            let form = Form {
                terms: vec![(graph.output.0, cell % graph.output_len(), 1)],
                constant: -i64::from(y),
            };
            result.add(plan, cell / graph.output_len(), weight, &form);
        }
        let input = graph.input.0;
        for (&coefficient, &x) in result.codes[input].iter().zip(&public.input) {
            result.total -= coefficient.mul_base(Felt::from(x));
        }
        result
    }

    /// Adds a multiple of an equation: its terms belong to the nodes that compute their cells, its constants to the
    /// other side.
    fn add(&mut self, plan: &Plan, sample: usize, weight: Cube, form: &Form) {
        self.total -= weight.mul_base(Felt::from_signed(form.constant));
        for &(tensor, cell, factor) in &form.terms {
            let term = weight.mul_base(Felt::from_signed(factor));
            match source(&plan.graph, tensor, cell) {
                Source::Cell(tensor, cell) => {
                    let len = plan.pieces.tensor_len(&plan.graph, tensor);
                    self.codes[tensor][sample * len + cell] += term;
                }
                Source::Constant(code) => self.total -= term.mul_base(Felt::from_signed(code)),
            }
        }
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
    let Challenges { rho, kappa, .. } = challenges;
    let coefficients = Coefficients::new(plan, rule, rho, codes);
    for (shard, inputs) in plan.shards.iter().zip(inputs.iter_mut()) {
        let layout = &shard.layout;
        let mut joint = Vec::new();
        let mut push = |cells: Vec<Cube>| {
            let words = cells.iter().flat_map(basis_coefficients);
            joint.push(words.copied().collect::<Vec<_>>());
        };
        for table in &layout.tables {
            let rows = shard.rows(table.kind);
            let links = rows.iter().map(|row| {
                let piece = row.piece as usize;
                let count = plan.links(piece) as u64;
                let first = plan.channel_equation(piece, row.channel as usize)
                    + u64::from(row.first) * count;
                for equation in 0..table.lanes as u64 * count {
                    let expected =
                        rule.exponents[first as usize].map(|first| first + rule.step * equation);
                    assert_eq!(
                        rule.exponents[(first + equation) as usize],
                        expected,
                        "a row bends as a whole"
                    );
                }
                -(kappa * rule.weight(rho, first))
            });
            push(links.collect());
            for lane in 0..table.lanes {
                let values = rows.iter().map(|row| {
                    let piece = &plan.pieces.list[row.piece as usize];
                    let instance = row.first as usize + lane;
                    let sample = instance / piece.positions;
                    if sample >= plan.batch {
                        return Cube::ZERO;
                    }
                    let cell = piece.cell(row.channel as usize, instance % piece.positions);
                    let len = plan.pieces.tensor_len(&plan.graph, piece.value);
                    kappa * coefficients.codes[piece.value][sample * len + cell]
                });
                push(values.collect());
            }
        }
        for (table, rows) in layout.lookup_parts() {
            let entries = entries(plan, &layout.shape, rule, table);
            let entries = match table {
                // The rule may have more rows than the table.
                LookupTable::Byte => &entries[..],
                _ => &entries[rows],
            };
            push(entries.iter().map(|e| inverse(challenges, e)).collect());
        }
        let constants = constant_columns(plan, shard);
        inputs.columns = Arc::new(PublicColumns { constants, joint });
        let powers = layout.link_powers();
        let first = inputs.challenges.len() - 3 * layout.challenge_powers();
        for index in 0..powers {
            let power = rho.exp_vartime(rule.step * index as u64);
            inputs.challenges[first + 3 * index..][..3].copy_from_slice(basis_coefficients(&power));
        }
    }
    (inputs.to_vec(), coefficients.total * kappa)
}

/// The rows of a lookup table: up to four terms, then the table's number.
fn entries(plan: &Plan, shape: &Shape, rule: &Rule, table: LookupTable) -> Vec<[i64; 5]> {
    match table {
        LookupTable::Byte => (0..rule.byte_rows as i64)
            .map(|byte| [byte, 0, 0, 0, 0])
            .collect(),
        LookupTable::Word => (0..1 << shape.limb_bits)
            .map(|word| [word, 0, 0, 0, 1])
            .collect(),
        LookupTable::Window => [false, true]
            .into_iter()
            .flat_map(|upper| (-255..=255).map(move |difference| (difference, upper)))
            .map(|(difference, upper)| {
                let bent = rule
                    .window_row
                    .filter(|bent| upper && bent[0] == difference);
                let honest = shape.window_range().start(difference, upper);
                [difference, bent.map_or(honest, |bent| bent[1]), 0, 0, 2]
            })
            .collect(),
        LookupTable::Map => {
            let maps = plan.pieces.maps.iter().enumerate();
            maps.flat_map(|(map, values)| {
                let row =
                    move |(code, &value): (usize, &i64)| [code as i64, value, map as i64, 0, 3];
                values.iter().enumerate().map(row)
            })
            .collect()
        }
        LookupTable::Steps => (0..256 * plan.pieces.steps.len())
            .map(|row| {
                let [code, first, last] = plan.pieces.steps.row(row);
                [code, first, last, 0, 4]
            })
            .collect(),
        LookupTable::Binade => {
            let of_sign = |sign: i64| {
                (1..=16).map(move |t| {
                    let top = if t == 1 { 255 } else { 127 };
                    [sign * (1 << t), sign, top, 0, 5]
                })
            };
            of_sign(1)
                .zip(of_sign(-1))
                .flat_map(|(plus, minus)| [plus, minus])
                .collect()
        }
    }
}

/// `-1 / (zeta - t0 - alpha t1 - alpha^2 t2 - ..)`.
fn inverse(challenges: Challenges<Cube>, terms: &[i64; 5]) -> Cube {
    let folded = terms.iter().rev().fold(Cube::ZERO, |sum, &term| {
        sum * challenges.alpha + Cube::from(Felt::from_signed(term))
    });
    -(challenges.zeta - folded).inv()
}
