//! What each operator's equations contribute: the coefficients of its operands' cells, times what those cells weigh.

use std::collections::BTreeMap;

use winter_math::FieldElement;
use winterforge_model::{Conv, Op, OperandCells, Window, broadcast_cells};

use crate::coefficients::{AxisClasses, power, powers};
use crate::constants::{image_of, max_operands};
use crate::field::Felt;
use crate::forms;
use crate::joint::{Challenges, PublicCodes};
use crate::pieces::Role;
use crate::plan::Plan;

use super::LayerTerm;
use super::patterns::Values;
use super::sources::{Source, Sources};

/// Equations of an operator: equation 0's factor, and those from instance to instance and sample to sample.
#[derive(Clone, Copy)]
struct Numbering<E> {
    first: E,
    rho: E,
    sample_step: E,
}

/// The contribution of the output equations `code - y = 0`.
pub(super) fn outputs<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    challenges: Challenges<E>,
    codes: &PublicCodes,
    sources: &Sources<'_, E>,
) -> E {
    let Challenges { rho, kappa, .. } = challenges;
    let numbering = Numbering {
        first: kappa * power(rho, plan.output_equations),
        rho,
        sample_step: power(rho, plan.graph.output_len() as u64),
    };
    let required = codes
        .output
        .iter()
        .rev()
        .fold(E::ZERO, |sum, &y| sum * rho + E::from(Felt::from(y)));
    in_order(plan.graph.output.0, numbering, E::ZERO, sources)
        + numbering.first * required * sources.rows.total
}

/// The contribution of a piece: a number, and for an operator with parameters their coefficients.
pub(super) fn piece<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    challenges: Challenges<E>,
    index: usize,
    sources: &Sources<'_, E>,
) -> (E, Option<LayerTerm<E>>) {
    let graph = &plan.graph;
    let piece = &plan.pieces.list[index];
    let node = &graph.nodes[piece.node];
    let links = plan.links(index) as u64;
    let Challenges { rho, kappa, .. } = challenges;
    let first_equation = plan.channel_equation(index, 0);
    let numbering = Numbering {
        first: kappa * power(rho, first_equation),
        rho,
        sample_step: power(rho, piece.positions as u64 * links),
    };
    let step = power(rho, plan.channel_equation(index, 1) - first_equation);
    let x = node.inputs.first().map_or(0, |id| id.0);
    let x_len = plan.pieces.tensor_len(graph, x);
    // A value is read as its code less that of its zero point.
    let zero = || {
        let quantization = graph.tensors[x].quantization;
        i64::from(quantization.zero_point - quantization.qtype.min())
    };
    let total = sources.rows.total;
    let shift = |offset: i64| total.mul_base(Felt::from_signed(offset));
    let layer = |kernel: Vec<E>, group_channels: usize, filter_len: usize| {
        let instances = sum_of_powers(rho, plan.instances(index));
        LayerTerm {
            piece: index,
            group_channels,
            filter_len,
            kernel,
            first: numbering.first,
            step,
            bias: -(total * instances),
            rows: Vec::new(),
        }
    };
    match (&node.op, &piece.role) {
        (op, role) if forms::has_forms(op, role) => {
            (linear_forms(plan, index, numbering, sources), None)
        }
        (Op::MatMul { .. }, _) => (contraction(plan, index, numbering, step, sources), None),
        (Op::Linear(linear), _) => {
            let kernel = matrix(plan, index, rho, shift(zero()), x, sources);
            let term = layer(kernel, linear.out_features, linear.in_features);
            (E::ZERO, Some(term))
        }
        (Op::Conv(conv), _) => {
            let sizes = [
                image_of(&graph.tensors[x].shape),
                image_of(&graph.tensor(node.output).shape),
            ];
            let kernel = convolution(plan, conv, numbering, sizes, shift(zero()), x, sources);
            let term = layer(kernel, conv.group_out_channels(), conv.filter_len());
            (E::ZERO, Some(term))
        }
        (Op::GlobalAveragePool { .. }, _) => {
            let sizes = [piece.positions, x_len / piece.positions];
            let value = channel_by_channel(x, sizes, numbering, shift(zero()), sources);
            (value, Some(layer(Vec::new(), 1, 0)))
        }
        (Op::MaxPool(_), _) => {
            let operands = max_operands(plan, index);
            let readers = operands.iter().enumerate();
            let readers = readers.map(|(equation, &cell)| (cell, equation));
            let value = gathered(x, operands.len(), numbering, E::ZERO, readers, sources);
            (value, None)
        }
        (Op::Table(_), _) => (in_order(x, numbering, E::ZERO, sources), None),
        (Op::Add(_), Role::Map(_)) => {
            // The map of the second operand.
            let operand = graph.operands(node).map(|[_, b]| b.cells);
            match operand {
                Some(OperandCells::Tensor(id)) => {
                    (in_order(id.0, numbering, E::ZERO, sources), None)
                }
                _ => (E::ZERO, None),
            }
        }
        (Op::Add(_), _) => (addition(plan, index, numbering, sources), None),
        _ => (E::ZERO, None),
    }
}

/// Equations that are written out term by term.
fn linear_forms<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    index: usize,
    numbering: Numbering<E>,
    sources: &Sources<'_, E>,
) -> E {
    let powers = powers(numbering.rho, forms::equations(plan, index));
    // By tensor, the weight of a cell over all samples.
    let mut folded: BTreeMap<usize, Vec<E>> = BTreeMap::new();
    let mut sum = E::ZERO;
    forms::visit_terms(plan, index, &mut |equation, tensor, cell, factor| {
        let weights = folded
            .entry(tensor)
            .or_insert_with(|| over_samples(tensor, numbering.sample_step, sources));
        let term = powers[equation] * weights[cell];
        sum += term.mul_base(Felt::from_signed(factor));
    });
    for block in forms::blocks(plan, index) {
        let weights = folded
            .entry(block.tensor())
            .or_insert_with(|| over_samples(block.tensor(), numbering.sample_step, sources));
        let cells = weights[block.cells()].iter();
        sum += block.coefficient(&powers) * cells.fold(E::ZERO, |sum, &weight| sum + weight);
    }
    let constants = forms::constants(plan, index);
    let constants = constants.iter().zip(&powers);
    let constant = constants.fold(E::ZERO, |sum, (&constant, power)| {
        sum + power.mul_base(Felt::from_signed(constant))
    });
    let samples = sum_of_powers(numbering.sample_step, plan.batch);
    numbering.first * (sum - sources.rows.total * samples * constant)
}

/// Each part of a product of two tensors, at its first equation.
fn contraction<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    index: usize,
    numbering: Numbering<E>,
    row_step: E,
    sources: &Sources<'_, E>,
) -> E {
    let Some(product) = plan.pieces.contractions.get(&plan.pieces.list[index].node) else {
        return E::ZERO;
    };
    let rows = powers(row_step, product.matrices * product.rows);
    let columns = powers(numbering.rho, product.columns);
    let weights = over_samples(product.parts, numbering.sample_step, sources);
    let firsts = product.first_outputs(plan.pieces.tile);
    let terms = firsts.into_iter().zip(weights);
    numbering.first
        * terms.fold(E::ZERO, |sum, ((row, column), weight)| {
            sum + rows[row] * columns[column] * weight
        })
}

/// The weight of each cell of a tensor over all samples.
fn over_samples<E: FieldElement<BaseField = Felt>>(
    tensor: usize,
    sample_step: E,
    sources: &Sources<'_, E>,
) -> Vec<E> {
    let len = sources.plan.pieces.tensor_len(&sources.plan.graph, tensor);
    let dense = sources.dense(tensor);
    let mut folded = vec![E::ZERO; len];
    for sample in dense.chunks(len).rev() {
        for (folded, &weight) in folded.iter_mut().zip(sample) {
            *folded = *folded * sample_step + weight;
        }
    }
    folded
}

/// `factor * a + inner(b) - acc = 0`.
fn addition<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    index: usize,
    numbering: Numbering<E>,
    sources: &Sources<'_, E>,
) -> E {
    let graph = &plan.graph;
    let node_index = plan.pieces.list[index].node;
    let node = &graph.nodes[node_index];
    let addition = &plan.pieces.additions[&node_index];
    let Some([a, b]) = graph.operands(node) else {
        return E::ZERO;
    };
    let shape = &graph.tensor(node.output).shape;
    let instances = graph.tensor(node.output).len();
    let total = sources.rows.total;
    let read = |tensor: usize, operand: &[usize], extra: E| {
        if operand == shape.as_slice() {
            return in_order(tensor, numbering, extra, sources);
        }
        let cells = broadcast_cells(operand, shape);
        let readers = cells.iter().enumerate();
        let readers = readers.map(|(instance, &cell)| (cell, instance));
        gathered(tensor, instances, numbering, extra, readers, sources)
    };
    let constant = |term: &dyn Fn(usize) -> i64| {
        let one_sample = (0..instances).rev().fold(E::ZERO, |sum, instance| {
            sum * numbering.rho + E::from(Felt::from_signed(term(instance)))
        });
        let samples = sum_of_powers(numbering.sample_step, plan.batch);
        -(total * numbering.first * samples * one_sample)
    };
    let mut sum = match a.cells {
        OperandCells::Tensor(id) => {
            // The operand is its code plus the smallest value of its type.
            let type_min = i64::from(a.quantization.qtype.min());
            let value = read(id.0, a.shape, -total.mul_base(Felt::from_signed(type_min)));
            value.mul_base(Felt::from_signed(addition.factor))
        }
        OperandCells::Constant(values) => {
            let cells = broadcast_cells(a.shape, shape);
            constant(&|instance| addition.factor * i64::from(values[cells[instance]]))
        }
    };
    sum += match (b.cells, addition.hidden) {
        (OperandCells::Tensor(_), Some(hidden)) => read(hidden, b.shape, E::ZERO),
        (OperandCells::Constant(values), _) => {
            let cells = broadcast_cells(b.shape, shape);
            let b_min = b.quantization.qtype.min();
            constant(&|instance| {
                addition.inner[(i32::from(values[cells[instance]]) - b_min) as usize]
            })
        }
        _ => E::ZERO,
    };
    sum
}

/// `sum_i base^i`, `count` terms.
fn sum_of_powers<E: FieldElement>(base: E, count: usize) -> E {
    // Doubling: S(2n) = S(n) (1 + base^n).
    let (mut sum, mut power, mut bits) = (E::ZERO, E::ONE, usize::BITS - count.leading_zeros());
    while bits > 0 {
        bits -= 1;
        sum *= E::ONE + power;
        power = power * power;
        if count >> bits & 1 == 1 {
            sum = sum * base + E::ONE;
            power *= base;
        }
    }
    sum
}

/// `sum first * rho^cell * weight(cell)` over the cells of a tensor and the samples: each cell is read by the equation
/// of its own index. `extra` is added to each weight.
fn in_order<E: FieldElement<BaseField = Felt>>(
    tensor: usize,
    numbering: Numbering<E>,
    extra: E,
    sources: &Sources<'_, E>,
) -> E {
    let Numbering {
        first,
        rho,
        sample_step,
    } = numbering;
    let len = sources.plan.pieces.tensor_len(&sources.plan.graph, tensor);
    let batch = sources.plan.batch;
    let mut sum = match sources.of(tensor) {
        Source::Piece(index) => {
            let piece = &sources.plan.pieces.list[index];
            let stride = |channel, position| piece.cell(channel, position) as u64;
            let steps = [stride(1, 0), stride(0, 1)].map(|stride| power(rho, stride));
            of_piece(index, steps, sample_step, sources)
        }
        source => {
            let samples = powers(sample_step, batch);
            let cells = powers(rho, len);
            let sample = |sample: usize| {
                let weighted = cells.iter().enumerate();
                samples[sample]
                    * weighted.fold(E::ZERO, |sum, (cell, &power)| {
                        sum + source.times(sample * len + cell, power)
                    })
            };
            source.factor()
                * (0..batch)
                    .map(sample)
                    .fold(E::ZERO, |sum, value| sum + value)
        }
    };
    if extra != E::ZERO {
        sum += extra * sum_of_powers(rho, len) * sum_of_powers(sample_step, batch);
    }
    first * sum
}

/// `sum channel_step^channel * position_step^position * weight` over the cells of a piece's values and the samples.
fn of_piece<E: FieldElement<BaseField = Felt>>(
    index: usize,
    [channel_step, position_step]: [E; 2],
    sample_step: E,
    sources: &Sources<'_, E>,
) -> E {
    let piece = &sources.plan.pieces.list[index];
    let is_one = sources.plan.batch == 1;
    let listed: Vec<_>;
    let values = if is_one || sample_step == power(position_step, piece.positions as u64) {
        Values::Geometric(position_step)
    } else {
        let positions = powers(position_step, piece.positions).into_iter();
        listed = positions.map(|power| (0, power)).collect();
        Values::Listed(&listed, sample_step)
    };
    let patterns = values.patterns(sources, index);
    (0..piece.channels).rev().fold(E::ZERO, |sum, channel| {
        let (kind, rows) = sources.rows.channel(index, channel);
        let mut value = [E::ZERO];
        patterns[kind as usize].add_to(&mut value, rows);
        sum * channel_step + value[0]
    })
}

/// `sum first * rho^channel * weight(cell)` over the cells of an image's channels, so many each, and the samples.
fn channel_by_channel<E: FieldElement<BaseField = Felt>>(
    tensor: usize,
    [channels, positions]: [usize; 2],
    numbering: Numbering<E>,
    extra: E,
    sources: &Sources<'_, E>,
) -> E {
    let Numbering {
        first,
        rho,
        sample_step,
    } = numbering;
    if let Source::Piece(index) = sources.of(tensor) {
        let piece = &sources.plan.pieces.list[index];
        if piece.channels_first && piece.channels == channels && piece.positions == positions {
            let weights = of_piece(index, [rho, E::ONE], sample_step, sources);
            let samples = sum_of_powers(sample_step, sources.plan.batch);
            let cells = sum_of_powers(rho, channels).mul_base(Felt::new(positions as u64));
            return first * (weights + extra * samples * cells);
        }
    }
    let readers = (0..channels * positions).map(|cell| (cell, cell / positions));
    gathered(tensor, channels, numbering, extra, readers, sources)
}

/// As [`in_order`], for readers in any order: `(cell, equation)` within one sample.
fn gathered<E: FieldElement<BaseField = Felt>>(
    tensor: usize,
    equations: usize,
    numbering: Numbering<E>,
    extra: E,
    readers: impl Iterator<Item = (usize, usize)>,
    sources: &Sources<'_, E>,
) -> E {
    let powers = powers(numbering.rho, equations);
    let folded = over_samples(tensor, numbering.sample_step, sources);
    let extra = extra * sum_of_powers(numbering.sample_step, sources.plan.batch);
    numbering.first
        * readers.fold(E::ZERO, |sum, (cell, equation)| {
            sum + powers[equation] * (folded[cell] + extra)
        })
}

/// The kernel of a matrix product: `sum_i rho^i * weight(X[i, k])` for each feature `k`.
fn matrix<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    index: usize,
    rho: E,
    extra: E,
    x: usize,
    sources: &Sources<'_, E>,
) -> Vec<E> {
    let instances = plan.instances(index);
    let positions = plan.pieces.list[index].positions;
    let features = plan.pieces.tensor_len(&plan.graph, x) / positions;
    let extra = extra * sum_of_powers(rho, instances);
    let source = sources.of(x);
    if let Source::Piece(piece) = source {
        let layout = &plan.pieces.list[piece];
        let row_by_row = !layout.channels_first || positions == 1;
        if layout.channels == features && layout.positions == positions && row_by_row {
            let patterns = Values::Geometric(rho).patterns(sources, piece);
            let kernel = |channel: usize| {
                let (kind, rows) = sources.rows.channel(piece, channel);
                let mut value = [extra];
                patterns[kind as usize].add_to(&mut value, rows);
                value[0]
            };
            return (0..features).map(kernel).collect();
        }
    }
    let source = match source {
        Source::Piece(_) => Source::Dense(sources.dense(x)),
        other => other,
    };
    let mut kernel = vec![E::ZERO; features];
    for (instance, power) in powers(rho, instances).into_iter().enumerate() {
        for (feature, sum) in kernel.iter_mut().enumerate() {
            *sum += source.times(instance * features + feature, power);
        }
    }
    let factor = source.factor();
    kernel.iter().map(|&sum| factor * sum + extra).collect()
}

/// The kernel of a convolution: for each input channel and tap, the sum of `rho^window * weight(cell)` over what the tap
/// reads.
fn convolution<E: FieldElement<BaseField = Felt>>(
    plan: &Plan,
    conv: &Conv,
    numbering: Numbering<E>,
    [image, outputs]: [[usize; 2]; 2],
    extra: E,
    x: usize,
    sources: &Sources<'_, E>,
) -> Vec<E> {
    let axes = [0, 1].map(|axis| AxisClasses::new(&conv.window, axis, image[axis], outputs[axis]));
    let steps = [power(numbering.rho, outputs[1] as u64), numbering.rho];
    let axis_powers = [0, 1].map(|axis: usize| powers(steps[axis], outputs[axis] + 1));
    let columns = axes[1].taps.len();
    let classes = axes[0].taps.len() * columns;
    // Class and power of rho of each position of one channel.
    let mut values = Vec::with_capacity(image[0] * image[1]);
    for &(row_class, row) in &axes[0].cells {
        for &(column_class, column) in &axes[1].cells {
            values.push((
                row_class * columns + column_class,
                axis_powers[0][row] * axis_powers[1][column],
            ));
        }
    }
    // What every channel adds for the zero point.
    let mut common = vec![E::ZERO; classes];
    if extra != E::ZERO {
        let extra = extra * sum_of_powers(numbering.sample_step, plan.batch);
        for &(class, value) in &values {
            common[class] += value;
        }
        common.iter_mut().for_each(|class| *class *= extra);
    }
    let source = sources.of(x);
    let by_channel = match source {
        Source::Piece(piece) => {
            let layout = &plan.pieces.list[piece];
            layout.channels_first
                && layout.channels == conv.in_channels
                && layout.positions == values.len()
        }
        _ => false,
    };
    let mut kernel =
        Vec::with_capacity(conv.in_channels * conv.window.kernel.iter().product::<usize>());
    let mut finish = |classes: &[E]| {
        kernel.extend(taps_of_classes(
            classes,
            conv.window.kernel,
            &axes,
            &axis_powers,
        ));
    };
    match source {
        Source::Piece(piece) if by_channel => {
            let in_order = conv.window == Window::POINT;
            let patterns = if in_order {
                Values::Geometric(numbering.rho).patterns(sources, piece)
            } else {
                Values::Listed(&values, numbering.sample_step).patterns(sources, piece)
            };
            for channel in 0..conv.in_channels {
                let (kind, rows) = sources.rows.channel(piece, channel);
                let mut classes = common.clone();
                patterns[kind as usize].add_to(&mut classes, rows);
                finish(&classes);
            }
        }
        source => {
            let source = match source {
                Source::Piece(_) => Source::Dense(sources.dense(x)),
                other => other,
            };
            let (cells, factor) = (values.len(), source.factor());
            let samples = powers(numbering.sample_step, plan.batch);
            for channel in 0..conv.in_channels {
                let mut classes = common.clone();
                for (sample, &step) in samples.iter().enumerate() {
                    let first = (sample * conv.in_channels + channel) * cells;
                    let mut sums = vec![E::ZERO; classes.len()];
                    for (position, &(class, value)) in values.iter().enumerate() {
                        sums[class] += source.times(first + position, value);
                    }
                    for (class, sum) in classes.iter_mut().zip(sums) {
                        *class += factor * step * sum;
                    }
                }
                finish(&classes);
            }
        }
    }
    kernel
}

/// From sums over classes of cells to sums over the cells that each tap reads.
fn taps_of_classes<E: FieldElement>(
    classes: &[E],
    [kernel_height, kernel_width]: [usize; 2],
    axes: &[AxisClasses; 2],
    axis_powers: &[Vec<E>; 2],
) -> Vec<E> {
    let columns = axes[1].taps.len();
    // Along one axis after the other.
    let mut rows = vec![E::ZERO; kernel_height * columns];
    for (taps, classes) in axes[0].taps.iter().zip(classes.chunks(columns)) {
        for &(tap, distance) in taps {
            let rows = &mut rows[tap * columns..][..columns];
            for (sum, &class) in rows.iter_mut().zip(classes) {
                *sum += scaled(class, distance, &axis_powers[0]);
            }
        }
    }
    let mut kernel = vec![E::ZERO; kernel_height * kernel_width];
    for (kernel, row) in kernel.chunks_mut(kernel_width).zip(rows.chunks(columns)) {
        for (taps, &class) in axes[1].taps.iter().zip(row) {
            for &(tap, distance) in taps {
                kernel[tap] += scaled(class, distance, &axis_powers[1]);
            }
        }
    }
    kernel
}

/// Times a power; most distances are zero.
fn scaled<E: FieldElement>(value: E, distance: usize, powers: &[E]) -> E {
    match distance {
        0 => value,
        _ => value * powers[distance],
    }
}
