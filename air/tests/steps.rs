//! Products and averages by tables against the float32 rules, exhaustively where that is possible.

use std::collections::BTreeMap;
use std::sync::Arc;

use winterforge_air::float_sum;
use winterforge_air::pieces::Role;
use winterforge_air::plan::{Plan, PlanError, PlanParameters, compile};
use winterforge_model::testing::Rng;
use winterforge_model::{
    AveragePool, AverageRule, Constant, Elementwise, Graph, InputBoundary, MulRule, Node, Op,
    OutputBoundary, QType, Quantization, Tensor, TensorId, Window,
};

fn quantization(rng: &mut Rng, scale: f32) -> Quantization {
    let qtype = *rng.pick(&[QType::I8, QType::U8]);
    let (min, max) = (i64::from(qtype.min()), i64::from(qtype.max()));
    let zero_point = match rng.int(0, 3) {
        0 => min,
        1 => max,
        _ => rng.int(min, max),
    };
    Quantization {
        scale,
        zero_point: zero_point as i32,
        qtype,
    }
}

/// One operator on the input.
fn graph(op: Op, inputs: usize, tensors: [(&[usize], Quantization); 2]) -> Graph {
    let tensor = |index: usize| Tensor {
        name: format!("t{index}"),
        shape: tensors[index].0.to_vec(),
        quantization: tensors[index].1,
    };
    let graph = Graph {
        tensors: vec![tensor(0), tensor(1)],
        nodes: vec![Node {
            name: "n".into(),
            inputs: vec![TensorId(0); inputs],
            output: TensorId(1),
            op,
        }],
        input: TensorId(0),
        output: TensorId(1),
        input_boundary: InputBoundary::Float,
        output_boundary: OutputBoundary::Float,
    };
    graph.validate().unwrap();
    graph
}

fn plan(graph: Graph) -> Result<Plan, PlanError> {
    compile(Arc::new(graph), 1, PlanParameters::default())
}

/// Every pair of codes of random products, of a tensor with itself and with constants.
#[test]
fn every_product_has_its_step() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let x_scale = rng.log_float(1e-3, 10.0);
        let x = quantization(&mut rng, x_scale);
        let scale = rng.log_float(1e-3, 10.0);
        let c = Quantization {
            qtype: x.qtype,
            ..quantization(&mut rng, scale)
        };
        let c = Quantization {
            zero_point: c.zero_point.clamp(0, 127),
            ..c
        };
        let qmin = x.qtype.min();
        let every: Vec<i16> = (0..256).map(|code| (code + qmin) as i16).collect();
        for other in [None, Some(c)] {
            let ratio = rng.log_float(0.02, 3.0);
            let b = other.unwrap_or(x);
            let y_scale = x.scale * b.scale * 74.0 * ratio;
            let y = Quantization {
                qtype: x.qtype,
                ..quantization(&mut rng, y_scale)
            };
            let y = Quantization {
                zero_point: y.zero_point.clamp(0, 127),
                ..y
            };
            let mut op = Elementwise::default();
            op.constants[1] = other.map(|quantization| Constant {
                shape: vec![256],
                values: every.clone(),
                quantization,
            });
            let inputs = if other.is_some() { 1 } else { 2 };
            let plan = plan(graph(Op::Mul(op), inputs, [(&[256], x), (&[256], y)])).unwrap();
            let rule = MulRule::new(x, b, y).unwrap();
            let offset = plan.pieces.products[&0];
            for x_value in (0..256).map(|code| code + qmin) {
                for b_value in (0..256).map(|code| code + qmin) {
                    let product = (x_value - x.zero_point) * (b_value - b.zero_point);
                    let [code, ..] = plan.pieces.steps.find(i64::from(product) + offset).unwrap();
                    let truth = rule.apply(x_value, b_value) - y.qtype.min();
                    assert_eq!(code, i64::from(truth), "seed {seed}: {x_value} {b_value}");
                }
            }
        }
    }
}

/// The code that the tables give to the cells of a window that lies inside of the image.
fn average(plan: &Plan, codes: &[usize]) -> i64 {
    let average = &plan.pieces.averages[&0];
    let class = (codes.len(), codes.len());
    let offset = average
        .offsets
        .iter()
        .find(|&&(known, _)| known == class)
        .unwrap()
        .1;
    let sum = match (&average.chain, &plan.pieces.list[0].role) {
        (Some(_), Role::Map(map)) => {
            let terms = codes.iter().map(|&code| plan.pieces.maps[*map][code]);
            terms.fold(0, |sum, term| float_sum::round(sum + term))
        }
        _ => codes.iter().sum::<usize>() as i64,
    };
    plan.pieces.steps.find(sum + offset).unwrap()[0]
}

/// Every window of two cells, and random ones of up to nine, under random scales, one scale on both sides, and scales
/// whose multiples are exact.
#[test]
fn averages_are_those_of_float32() {
    let mut ways = BTreeMap::new();
    for seed in 0..120 {
        let mut rng = Rng::new(seed);
        let x_scale = match rng.int(0, 3) {
            0 => 0.25,
            1 => 1.37 * 2f32.powi(rng.int(-120, 100) as i32),
            _ => rng.log_float(1e-3, 1.0),
        };
        let ratio = *rng.pick(&[1.0, 0.5, 0.73, 2.0 / 3.0]);
        let x = quantization(&mut rng, x_scale);
        let y = Quantization {
            qtype: x.qtype,
            ..quantization(&mut rng, x_scale * ratio)
        };
        let y = Quantization {
            zero_point: y.zero_point.clamp(0, 127),
            ..y
        };
        let kernel = *rng.pick(&[[1, 1], [1, 2], [2, 1], [2, 2], [1, 3], [3, 3]]);
        let pool = AveragePool {
            window: Window {
                kernel,
                strides: [1, 1],
                pads: [0; 4],
                dilations: [1, 1],
            },
            count_include_pad: rng.one_in(2),
        };
        let shape = [1, kernel[0], kernel[1]];
        let plan = plan(graph(
            Op::AveragePool(pool),
            1,
            [(&shape, x), (&[1, 1, 1], y)],
        ))
        .unwrap();
        let rule = AverageRule::new(x, y).unwrap();
        let way = if plan.pieces.averages[&0].chain.is_some() {
            "chain"
        } else {
            "sum"
        };
        *ways.entry((way, kernel[0] * kernel[1])).or_insert(0) += 1;
        let cells = kernel[0] * kernel[1];
        let check = |codes: &[usize]| {
            let values = codes.iter().map(|&code| code as i32 + x.qtype.min());
            let truth = rule.apply(values, cells) - y.qtype.min();
            assert_eq!(
                average(&plan, codes),
                i64::from(truth),
                "seed {seed}: {codes:?}"
            );
        };
        match cells {
            1 => (0..256).for_each(|a| check(&[a])),
            2 => (0..1 << 16).for_each(|pair| check(&[pair >> 8, pair & 255])),
            _ => {
                for _ in 0..20_000 {
                    let codes: Vec<usize> = (0..cells).map(|_| rng.int(0, 255) as usize).collect();
                    check(&codes);
                }
            }
        }
    }
    println!("{ways:?}");
    assert!(
        ways.contains_key(&("chain", 2)) && ways.contains_key(&("chain", 4)),
        "{ways:?}"
    );
    assert!(
        ways.contains_key(&("sum", 1)) && ways.contains_key(&("sum", 9)),
        "{ways:?}"
    );
}

/// What is refused says why: windows that are too large to compare, or too long to follow.
#[test]
fn large_windows_are_refused_by_name() {
    let q = |scale: f32| Quantization {
        scale,
        zero_point: 3,
        qtype: QType::I8,
    };
    let refused = |kernel: [usize; 2], x: f32, y: f32| {
        let pool = AveragePool {
            window: Window {
                kernel,
                strides: [1, 1],
                pads: [0; 4],
                dilations: [1, 1],
            },
            count_include_pad: false,
        };
        let shape = [1, kernel[0], kernel[1]];
        match plan(graph(
            Op::AveragePool(pool),
            1,
            [(&shape, q(x)), (&[1, 1, 1], q(y))],
        )) {
            Err(PlanError::Unsupported {
                node,
                operator,
                reason,
            }) => {
                assert_eq!((node.as_str(), operator), ("n", "AveragePool"));
                Some(reason)
            }
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        }
    };
    assert_eq!(refused([8, 16], 0.3, 0.3), None);
    let long = "the order of its additions matters, and it has more than 128 cells";
    assert_eq!(refused([10, 14], 0.3, 0.3), Some(long));
    // Exact sums in any order: a scale of few bits.
    assert_eq!(refused([10, 14], 0.5, 0.5), None);
    assert_eq!(
        refused([1, 257], 0.5, 0.5),
        Some("it has more than 256 cells")
    );
    assert_eq!(
        refused([2, 2], 4e35, 4e35),
        Some("its sums can leave float32")
    );
}
