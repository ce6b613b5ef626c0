//! What the plan alone fixes of a shard's trace: row constants, entries of the lookup tables, operands of maxima.

use winterforge_model::Op;

use crate::field::Felt;
use crate::float_sum::binade;
use crate::layout::{Kind, LookupTable, MAP_ROWS, Shape, WINDOW_ROWS};
use crate::pieces::Role;
use crate::plan::{Plan, Shard};
use crate::rounding::{Channel, Rounding};

/// Differences of two codes.
const HALF_WINDOW_ROWS: usize = WINDOW_ROWS / 2;

/// The terms of a row of a lookup table.
pub fn lookup_entry(plan: &Plan, shape: &Shape, table: LookupTable, row: usize) -> Vec<Felt> {
    match table {
        LookupTable::Byte | LookupTable::Word => vec![Felt::new(row as u64)],
        LookupTable::Window => {
            let (upper, row) = (row / HALF_WINDOW_ROWS == 1, row % HALF_WINDOW_ROWS);
            let difference = row as i64 - 255;
            let start = shape.window_range().start(difference, upper);
            [difference, start].map(Felt::from_signed).to_vec()
        }
        LookupTable::Map => {
            let (map, code) = (row / MAP_ROWS, row % MAP_ROWS);
            let value = plan.pieces.maps[map][code];
            vec![
                Felt::new(code as u64),
                Felt::from_signed(value),
                Felt::new(map as u64),
            ]
        }
        LookupTable::Steps => plan.pieces.steps.row(row).map(Felt::from_signed).to_vec(),
        LookupTable::Binade => binade(row).map(Felt::from_signed).to_vec(),
    }
}

/// The cells of one sample that each instance of a maximum reads, `[instance][tap]`. Taps that fall on padding, and those
/// beyond a smaller pool's, repeat the first real one.
pub fn max_operands(plan: &Plan, index: usize) -> Vec<usize> {
    let graph = &plan.graph;
    let node = &graph.nodes[plan.pieces.list[index].node];
    let Op::MaxPool(window) = &node.op else {
        return Vec::new();
    };
    let [height, width] = image_of(&graph.tensor(node.inputs[0]).shape);
    let [out_height, out_width] = image_of(&graph.tensor(node.output).shape);
    let channels = graph.tensor(node.output).len() / (out_height * out_width);
    let mut operands = Vec::new();
    for channel in 0..channels {
        for i in 0..out_height {
            for j in 0..out_width {
                let start = operands.len();
                for ky in 0..window.kernel[0] {
                    for kx in 0..window.kernel[1] {
                        let y = window.source(0, i, ky, height);
                        let x = window.source(1, j, kx, width);
                        if let (Some(y), Some(x)) = (y, x) {
                            operands.push((channel * height + y) * width + x);
                        }
                    }
                }
                let first = operands.get(start).copied().unwrap_or(0);
                operands.resize(start + plan.pieces.taps, first);
            }
        }
    }
    operands
}

/// The last two sizes of an image.
pub(crate) fn image_of(shape: &[usize]) -> [usize; 2] {
    match shape {
        [.., height, width] => [*height, *width],
        _ => [1, shape.iter().product()],
    }
}

/// The row constants of a shard: base-field columns, as long as their table's used rows.
pub fn constant_columns(plan: &Plan, shard: &Shard) -> Vec<Vec<Felt>> {
    let mut columns = vec![Vec::new(); shard.layout.constants_width()];
    for table in &shard.layout.tables {
        let start = table.constants;
        for row in shard.rows(table.kind) {
            let piece = row.piece as usize;
            let mut set = |column: usize, value: Felt| columns[start + column].push(value);
            match table.kind {
                Kind::Line | Kind::Window => {
                    let channel = &plan.channels[piece][row.channel as usize];
                    for (constant, value) in requant_constants(channel).into_iter().enumerate() {
                        set(constant, value);
                    }
                }
                Kind::Map => {
                    if let Role::Map(map) = plan.pieces.list[piece].role {
                        set(0, Felt::new(map as u64));
                    }
                }
                Kind::Product => {
                    let node = plan.pieces.list[piece].node;
                    let offset = plan.pieces.products.get(&node).copied().unwrap_or(0);
                    set(0, Felt::from_signed(offset));
                }
                Kind::Max
                | Kind::Step
                | Kind::FloatSum
                | Kind::Divide
                | Kind::Root
                | Kind::Contraction => {}
            }
        }
    }
    columns
}

/// The row constants of a channel, in the order of [`requant_constant`](crate::layout::requant_constant).
pub fn requant_constants(channel: &Channel) -> Vec<Felt> {
    let ends = [
        channel.code_min,
        channel.code_max,
        channel.saturates_low,
        channel.saturates_high,
    ];
    let mut constants = ends.map(Felt::from_signed).to_vec();
    match channel.rounding {
        Rounding::Line { slope, offset } => {
            constants.extend([slope, offset].map(Felt::from_signed));
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let scale = Felt::new(multiplier) * Felt::new(1 << shift).inverse();
            constants.extend([scale, Felt::from_signed(zero_code)]);
        }
    }
    constants
}
