//! The folded evaluation of the public columns equals the sum over the columns themselves.

use std::sync::Arc;

use winter_math::FieldElement;
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::{Challenges, JointCheck, PublicCodes};
use winterforge_air::layout::LookupTable;
use winterforge_air::parameter_air::running_sum;
use winterforge_air::parameters::ParameterLayout;
use winterforge_air::pieces::Role;
use winterforge_air::plan::{Plan, PlanError, PlanParameters, compile, compile_skeleton};
use winterforge_air::rounding::{Channel, Rounding};
use winterforge_model::testing::{RandomAttention, RandomMlp, RandomNet};
use winterforge_model::{Graph, Node, Op};

/// A sequence of field elements: splitmix64.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn element(&mut self) -> Cube {
        let mut coordinate = || Felt::new(self.word());
        Cube::new(coordinate(), coordinate(), coordinate())
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.word() as u8).collect()
    }
}

/// What claims are folded at: nothing of it need be honest or possible.
struct Setting {
    challenges: Challenges<Cube>,
    codes: PublicCodes,
    lagrange: Vec<Vec<Cube>>,
    lambda: Cube,
}

impl Setting {
    fn random(plan: &Plan, seed: u64) -> Self {
        let mut random = Random(seed);
        Self {
            challenges: Challenges {
                rho: random.element(),
                kappa: random.element(),
                zeta: random.element(),
                alpha: random.element(),
            },
            codes: PublicCodes {
                input: random.bytes(plan.batch * plan.graph.tensor(plan.graph.input).len()),
                output: random.bytes(plan.batch * plan.graph.output_len()),
            },
            lagrange: (plan.shards.iter())
                .map(|shard| (0..shard.layout.rows()).map(|_| random.element()).collect())
                .collect(),
            lambda: random.element(),
        }
    }

    fn evaluation(&self, plan: &Plan) -> Evaluation<Cube> {
        let Self {
            challenges,
            codes,
            lagrange,
            lambda,
        } = self;
        Evaluation::new(plan, *challenges, codes, lagrange, *lambda)
    }

    /// The values of the columns themselves, and the total.
    fn claims(&self, plan: &Plan) -> (Vec<Vec<Cube>>, Cube) {
        let joint = JointCheck::<Cube>::new(plan, self.challenges, &self.codes);
        let columns = (plan.shards.iter().zip(&self.lagrange)).map(|(shard, lagrange)| {
            let claims = joint.public_columns(plan, shard).evaluate(lagrange);
            assert_eq!(claims.len(), claimed_columns(&shard.layout));
            claims
        });
        (columns.collect(), joint.total)
    }

    fn combined(&self, plan: &Plan, (columns, total): &(Vec<Vec<Cube>>, Cube)) -> Cube {
        combine(plan, columns, *total, self.lambda)
    }
}

/// The claims and their folding, both ways.
fn compare(plan: &Plan, seed: u64) {
    let setting = Setting::random(plan, seed);
    let expected = setting.combined(plan, &setting.claims(plan));
    let found = setting.evaluation(plan).value(plan);
    assert_eq!(found, expected, "seed {seed}");
    compare_committed(plan, &setting, expected, seed);
}

/// Without the parameters, the same function; and the trace of parameters has the value.
fn compare_committed(plan: &Plan, setting: &Setting, expected: Cube, seed: u64) {
    let graph = &plan.graph;
    let forms: Vec<_> = (plan.pieces.list.iter())
        .filter(|piece| graph.nodes[piece.node].op.requantized_channels() > 0)
        .map(|piece| match &piece.role {
            Role::Requant(forms) => forms.clone(),
            _ => panic!("a requantized operator"),
        })
        .collect();
    let skeleton = graph.skeleton();
    skeleton.validate_skeleton().unwrap();
    let skeleton =
        compile_skeleton(Arc::new(skeleton), &forms, plan.batch, plan.parameters).unwrap();
    assert_eq!(skeleton.shards, plan.shards, "seed {seed}");
    let evaluation = setting.evaluation(&skeleton);
    let layout = ParameterLayout::choose(&skeleton.graph, 18).unwrap();
    let columns = layout.columns(graph, &plan.pieces);
    let coefficients = layout.coefficients(&evaluation, &skeleton.kinds);
    let sums = running_sum(&columns, &coefficients);
    let last = sums.last().copied().unwrap();
    assert_eq!(evaluation.constant + last, expected, "seed {seed}");

    let mut random = Random(seed ^ 1);
    let weights: Vec<Cube> = (0..layout.rows()).map(|_| random.element()).collect();
    let weighed: Vec<Cube> = (coefficients.iter())
        .map(|column| {
            let values = Cube::slice_from_base_elements(column).iter();
            (values.zip(&weights)).fold(Cube::ZERO, |sum, (&value, &weight)| sum + value * weight)
        })
        .collect();
    let found = layout.weigh(&evaluation, &skeleton.kinds, &weights);
    assert_eq!(found, weighed, "seed {seed}");
}

fn check(graph: Graph, seed: u64, batch: usize, max_log_rows: u32) -> bool {
    match compile(Arc::new(graph), batch, PlanParameters { max_log_rows }) {
        Ok(plan) => {
            compare(&plan, seed);
            true
        }
        Err(PlanError::Parameters(_) | PlanError::Batch(_)) => panic!("seed {seed}"),
        Err(_) => false,
    }
}

#[test]
fn of_matrix_products() {
    for seed in 0..30 {
        let graph = RandomMlp::any(seed, 40).build();
        check(graph, seed, 1 + seed as usize % 5, 18);
    }
}

#[test]
fn of_networks_of_images() {
    let proven = (0..120).filter(|&seed| {
        let graph = RandomNet::any(seed).build();
        check(graph, seed, 1 + seed as usize % 3, 18)
    });
    assert!(proven.count() > 40);
}

#[test]
fn of_attention() {
    for seed in 0..20 {
        let graph = RandomAttention::any(seed).build();
        assert!(check(graph, seed, 1 + seed as usize % 3, 18), "seed {seed}");
    }
    assert!(check(RandomAttention::any(6).build(), 6, 20, 9));
}

#[test]
fn of_several_shards() {
    for seed in 0..6 {
        let graph = RandomMlp::any(seed, 40).build();
        check(graph, seed, 150, 9);
    }
    let proven = (0..30).filter(|&seed| check(RandomNet::any(seed).build(), seed, 12, 9));
    assert!(proven.count() > 5);
}

/// Long traces have room for the table of wide limbs.
#[test]
fn of_long_traces() {
    let graph = RandomMlp::new(2, &[2, 44]).build();
    let plan = compile(Arc::new(graph), 1 << 16, PlanParameters::default()).unwrap();
    let tables = &plan.shards[0].layout.lookup_tables;
    assert!(tables.contains(&LookupTable::Word), "{tables:?}");
    compare(&plan, 2);
}

/// Every parameter that an operator has, by node and index, as a change of it.
fn parameters(graph: &Graph) -> Vec<(usize, usize, bool)> {
    let mut list = Vec::new();
    for (node, Node { op, .. }) in graph.nodes.iter().enumerate() {
        let (weights, biases) = match op {
            Op::Linear(linear) => (linear.weights.len(), linear.bias.len()),
            Op::Conv(conv) => (conv.weights.len(), conv.bias.len()),
            _ => continue,
        };
        list.extend((0..weights).map(|index| (node, index, true)));
        list.extend((0..biases).map(|index| (node, index, false)));
    }
    list
}

fn change_parameter(graph: &mut Graph, (node, index, is_weight): (usize, usize, bool)) {
    let (weights, biases) = match &mut graph.nodes[node].op {
        Op::Linear(linear) => (&mut linear.weights, &mut linear.bias),
        Op::Conv(conv) => (&mut conv.weights, &mut conv.bias),
        _ => return,
    };
    match is_weight {
        true => weights[index] += 1,
        false => biases[index] += 1,
    }
}

/// The constants of a row, one at a time.
fn change_constant(channel: &mut Channel, which: usize) -> bool {
    match (which, &mut channel.rounding) {
        (0, _) => channel.code_min += 1,
        (1, _) => channel.code_max += 1,
        (2, _) => channel.saturates_low += 1,
        (3, _) => channel.saturates_high += 1,
        (4, Rounding::Line { slope, .. }) => *slope += 1,
        (5, Rounding::Line { offset, .. }) => *offset += 1,
        (4, Rounding::Window { multiplier, .. }) => *multiplier += 1,
        (5, Rounding::Window { shift, .. }) => *shift += 1,
        (6, Rounding::Window { zero_code, .. }) => *zero_code += 1,
        _ => return false,
    }
    true
}

/// Checks every parameter of a plan on its own: the coefficients do not depend on it, and its change is the columns'.
/// Returns how many changed something, and how many nothing: taps that read padding alone.
fn each_parameter(plan: &Plan, seed: u64) -> (usize, usize) {
    let setting = Setting::random(plan, seed);
    let honest = setting.claims(plan);
    let evaluation = setting.evaluation(plan);
    let before = evaluation.value(plan);
    let mut counts = (0, 0);
    let mut check = |changed: &Plan, found: Cube, name: &str| {
        let claims = setting.claims(changed);
        assert_eq!(
            found,
            setting.combined(changed, &claims),
            "seed {seed}: {name}"
        );
        assert_eq!(found == before, claims == honest, "seed {seed}: {name}");
        match found == before {
            true => counts.1 += 1,
            false => counts.0 += 1,
        }
    };
    for parameter in parameters(&plan.graph) {
        let mut changed = plan.clone();
        change_parameter(Arc::make_mut(&mut changed.graph), parameter);
        check(
            &changed,
            evaluation.value(&changed),
            &format!("{parameter:?}"),
        );
    }
    for (piece, channels) in plan.channels.iter().enumerate() {
        for channel in 0..channels.len() {
            for which in 0..7 {
                let mut changed = plan.clone();
                if change_constant(&mut changed.channels[piece][channel], which) {
                    let found = match evaluation.terms.iter().any(|term| term.piece == piece) {
                        true => evaluation.value(&changed),
                        // The constants of an addition are public.
                        false => setting.evaluation(&changed).value(&changed),
                    };
                    let name = format!("constant {which} of channel {channel} of piece {piece}");
                    check(&changed, found, &name);
                }
            }
        }
    }
    for map in 0..plan.pieces.maps.len() {
        for code in (0..256).step_by(37) {
            let mut changed = plan.clone();
            changed.pieces.maps[map][code] += 1;
            let found = setting.evaluation(&changed).value(&changed);
            check(&changed, found, &format!("map {map} at {code}"));
        }
    }
    counts
}

#[test]
fn each_parameter_of_a_matrix_product_matters() {
    for seed in 0..6 {
        let graph = RandomMlp::any(seed, 9).build();
        let plan = compile(Arc::new(graph), 2, PlanParameters { max_log_rows: 9 }).unwrap();
        let (visible, silent) = each_parameter(&plan, seed);
        assert!(
            visible > 20 && silent == 0,
            "seed {seed}: {visible} {silent}"
        );
    }
}

#[test]
fn each_parameter_of_a_network_matters() {
    let (mut visible, mut silent) = (0, 0);
    for seed in 0..120 {
        let graph = Arc::new(RandomNet::any(seed).build());
        let Ok(plan) = compile(graph, 1, PlanParameters { max_log_rows: 9 }) else {
            continue;
        };
        if parameters(&plan.graph).len() <= 400 {
            let counts = each_parameter(&plan, seed);
            visible += counts.0;
            silent += counts.1;
        }
    }
    println!("{visible} parameters matter, {silent} do not");
    assert!(visible > 1500 && silent * 4 < visible, "{visible} {silent}");
}

#[test]
fn each_input_and_output_code_matters() {
    let graph = RandomMlp::any(4, 9).build();
    let plan = compile(Arc::new(graph), 3, PlanParameters::default()).unwrap();
    let mut setting = Setting::random(&plan, 4);
    let before = setting.evaluation(&plan).value(&plan);
    for cell in 0..setting.codes.input.len() + setting.codes.output.len() {
        let codes = setting.codes.clone();
        match cell.checked_sub(codes.input.len()) {
            None => setting.codes.input[cell] ^= 1,
            Some(cell) => setting.codes.output[cell] ^= 1,
        }
        let found = setting.evaluation(&plan).value(&plan);
        assert_eq!(
            found,
            setting.combined(&plan, &setting.claims(&plan)),
            "cell {cell}"
        );
        assert_ne!(found, before, "cell {cell}");
        setting.codes = codes;
    }
}

/// Claims have powers of their own over all shards: what one says too much no other takes back, whatever `lambda`.
#[test]
fn every_claim_has_a_power_of_its_own() {
    let graph = Arc::new(RandomMlp::new(3, &[12, 30, 20]).build());
    let plan = compile(graph, 900, PlanParameters { max_log_rows: 9 }).unwrap();
    assert!(plan.shards.len() > 2, "{} shards", plan.shards.len());
    let lambda = Random(9).element();
    let zeros: Vec<Vec<Cube>> = (plan.shards.iter())
        .map(|shard| vec![Cube::ZERO; claimed_columns(&shard.layout)])
        .collect();
    let claims: usize = zeros.iter().map(Vec::len).sum();
    let mut weights = vec![combine(&plan, &zeros, Cube::ONE, lambda)];
    for shard in 0..zeros.len() {
        for column in 0..zeros[shard].len() {
            let mut unit = zeros.clone();
            unit[shard][column] = Cube::ONE;
            weights.push(combine(&plan, &unit, Cube::ZERO, lambda));
        }
    }
    // Exactly the powers from 0 to the number of columns, which is the degree that the ledger charges.
    let mut power = Cube::ONE;
    for exponent in 0..=claims {
        let found = weights.iter().filter(|&&weight| weight == power).count();
        assert_eq!(found, 1, "lambda^{exponent}");
        power *= lambda;
    }
    assert_eq!(weights.len(), claims + 1);
}
