//! Filling the trace: main columns from executions of the model, auxiliary columns from challenges.

use winter_math::{FieldElement, batch_inversion};
use winterforge_model::Execution;

use crate::constraints::{AuxChallenges, joint_increment};
use crate::field::Felt;
use crate::layout::{
    BYTE_ROWS, Kind, LIMB_BITS, LINE_LIMBS, LOOKUPS_PER_COLUMN, Layout, Lookup, WINDOW_ROWS, cell,
    line_constant, window_constant,
};
use crate::mask::{ConstraintId, Mask};
use crate::plan::{Plan, Shard};
use crate::rounding::{Channel, Rounding, line_value, window_offsets, window_sides};

/// The main columns of one shard, each as long as the trace.
///
/// `executions` holds one evaluation per sample of the batch, of the plan's graph.
pub fn main_columns(plan: &Plan, shard: &Shard, executions: &[Execution]) -> Vec<Vec<Felt>> {
    let layout = &shard.layout;
    let mut columns = vec![vec![Felt::ZERO; layout.rows()]; layout.main_width()];
    for kind in [Kind::Line, Kind::Window] {
        for (lane, start) in layout.lane_starts(kind).enumerate() {
            for (row, key) in shard.rows(kind).iter().enumerate() {
                // Lanes beyond the batch repeat its last sample.
                let sample = (key.first_sample as usize + lane).min(executions.len() - 1);
                let cell = plan.cell_in_tensor(key);
                let node = key.node as usize;
                let accumulator = executions[sample].accumulators[node][cell];
                let output = plan.graph.nodes[node].output.0;
                let type_min = plan.graph.tensors[output].quantization.qtype.min();
                let code = i64::from(executions[sample].tensors[output][cell] - type_min);
                let cells = lane_cells(layout, plan.channel(key), accumulator, code);
                for (column, value) in columns[start..].iter_mut().zip(cells) {
                    column[row] = value;
                }
            }
            if kind == Kind::Window {
                // An unused row has code 0 and zero point 0: an even output.
                let (sign, low, high) = window_offsets(0);
                for (offset, value) in [
                    (cell::SIGN, sign),
                    (cell::LOW_OFFSET, low),
                    (cell::HIGH_OFFSET, high),
                ] {
                    let unused = &mut columns[start + offset][shard.rows(kind).len()..];
                    unused.fill(Felt::from_signed(value));
                }
            }
        }
    }
    columns
}

/// The cells of one lane: accumulator, code, branch and what the rounding relation needs.
pub fn lane_cells(layout: &Layout, channel: &Channel, accumulator: i64, code: i64) -> Vec<Felt> {
    let branch = if accumulator >= channel.saturates_high {
        1
    } else if accumulator <= channel.saturates_low {
        -1
    } else {
        0
    };
    let mut cells = vec![
        Felt::from_signed(accumulator),
        Felt::from_signed(code),
        Felt::from_signed(branch),
    ];
    let distance = match branch {
        1 => Some(accumulator - channel.saturates_high),
        -1 => Some(channel.saturates_low - accumulator),
        _ => None,
    };
    match channel.rounding {
        Rounding::Line { slope, offset } => {
            let remainder =
                distance.unwrap_or_else(|| line_value(slope, offset, accumulator).1 as i64);
            push_limbs(&mut cells, remainder, LINE_LIMBS);
        }
        Rounding::Window {
            multiplier,
            shift,
            zero_code,
        } => {
            let (sign, low, high) = window_offsets(code - zero_code);
            cells.extend([sign, low, high].map(Felt::from_signed));
            let (low_side, high_side) = match distance {
                Some(distance) => (distance, 0),
                None => window_sides(multiplier, shift, zero_code, accumulator, code),
            };
            push_limbs(&mut cells, low_side, layout.window_limbs);
            push_limbs(&mut cells, high_side, layout.window_limbs);
        }
    }
    cells
}

/// The lowest limbs of `value`; of a negative value the bits of its two's complement, which no constraint accepts.
fn push_limbs(cells: &mut Vec<Felt>, value: i64, limbs: usize) {
    cells.extend(
        (0..limbs).map(|limb| Felt::new((value >> (LIMB_BITS as usize * limb)) as u64 & 0xff)),
    );
}

/// Counts how often each table row is looked up, into the multiplicity columns of `columns`.
///
/// `public` are the shard's row constants. The last row is not part of the sum. A value outside its table is not
/// counted: the sums then differ, and no proof of such a witness verifies.
pub fn fill_multiplicities(
    layout: &Layout,
    mask: &Mask,
    columns: &mut [Vec<Felt>],
    public: &[Vec<Felt>],
) {
    let mut bytes = [0u32; BYTE_ROWS];
    let mut windows = [0u32; WINDOW_ROWS];
    let mut count = |id: ConstraintId, value: Felt| {
        let table: &mut [u32] = match id {
            ConstraintId::WindowTable => &mut windows,
            _ => &mut bytes,
        };
        if let Some(entry) = table.get_mut(value.as_word() as usize)
            && !mask.hides(id)
        {
            *entry += 1;
        }
    };
    // The last row is not summed.
    let summed = 0..layout.rows() - 1;
    for lookup in layout.lookups() {
        let id = lookup.id();
        let (column, constant) = match lookup {
            Lookup::CodeLow(kind, start) => {
                (start + cell::CODE, Some((kind, line_constant::CODE_MIN)))
            }
            Lookup::CodeHigh(kind, start) => {
                (start + cell::CODE, Some((kind, line_constant::CODE_MAX)))
            }
            Lookup::WindowTuple(start) => (
                start + cell::CODE,
                Some((Kind::Window, window_constant::ZERO_CODE)),
            ),
            Lookup::LineLimb(column)
            | Lookup::WindowLowLimb(column)
            | Lookup::WindowHighLimb(column) => (column, None),
        };
        let constants = constant.map(|(kind, index)| &public[layout.constants_start(kind) + index]);
        for (row, &cell) in columns[column][summed.clone()].iter().enumerate() {
            let constant = constants
                .and_then(|column| column.get(row))
                .copied()
                .unwrap_or(Felt::ZERO);
            let value = match lookup {
                Lookup::CodeHigh(..) => constant - cell,
                Lookup::WindowTuple(_) => cell - constant + Felt::new(WINDOW_ROWS as u64 / 2),
                _ => cell - constant,
            };
            count(id, value);
        }
    }
    for (cell, count) in columns[layout.byte_multiplicity()].iter_mut().zip(bytes) {
        *cell = Felt::from(count);
    }
    if let Some(column) = layout.window_multiplicity() {
        for (cell, count) in columns[column].iter_mut().zip(windows) {
            *cell = Felt::from(count);
        }
    }
}

/// The auxiliary columns of one shard and the total of its running sum.
///
/// `columns` are the main columns, `public` the used rows of the public columns, `challenges` those of
/// [`JointCheck::constraint_challenges`](crate::joint::JointCheck::constraint_challenges).
pub fn aux_columns<E: FieldElement<BaseField = Felt>>(
    layout: &Layout,
    mask: &Mask,
    columns: &[Vec<Felt>],
    public: &[Vec<Felt>],
    challenges: &[E],
) -> (Vec<Vec<E>>, E) {
    let rows = layout.rows();
    let lookups = layout.lookups();
    let aux_challenges = AuxChallenges::new(challenges);
    let mut aux = vec![vec![E::ZERO; rows]; layout.aux_width()];
    let mut row_cells = vec![Felt::ZERO; layout.main_width()];
    let mut public_cells = vec![Felt::ZERO; public.len()];
    let mut denominators = Vec::with_capacity(rows * lookups.len());
    let counted: Vec<bool> = lookups
        .iter()
        .map(|lookup| !mask.hides(lookup.id()))
        .collect();
    let mut increments = Vec::with_capacity(rows);
    for row in 0..rows {
        for (cell, column) in row_cells.iter_mut().zip(columns) {
            *cell = column[row];
        }
        for (cell, column) in public_cells.iter_mut().zip(public) {
            *cell = column.get(row).copied().unwrap_or(Felt::ZERO);
        }
        denominators.extend(
            lookups
                .iter()
                .map(|&lookup| aux_challenges.lookup(layout, lookup, &row_cells, &public_cells)),
        );
        increments.push(joint_increment(
            layout,
            mask,
            &row_cells,
            &public_cells,
            &aux_challenges,
        ));
    }
    let inverses = batch_inversion(&denominators);
    let mut sum = E::ZERO;
    let last = layout.running_sum();
    for row in 0..rows {
        aux[last][row] = sum;
        sum += increments[row];
        let inverses = &inverses[row * lookups.len()..][..lookups.len()];
        let groups = inverses
            .chunks(LOOKUPS_PER_COLUMN)
            .zip(counted.chunks(LOOKUPS_PER_COLUMN));
        for (group, (inverses, counted)) in groups.enumerate() {
            let terms = inverses.iter().zip(counted).filter(|(_, counts)| **counts);
            let value = terms.fold(E::ZERO, |sum, (&inverse, _)| sum + inverse);
            aux[group][row] = value;
            sum += value;
        }
    }
    let total = aux[last][rows - 1];
    (aux, total)
}
