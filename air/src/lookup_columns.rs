//! The columns that lookups add to a trace: multiplicities before the challenges, auxiliary columns after them.

use std::collections::HashMap;

use winter_math::{FieldElement, batch_inversion};

use crate::constraints::{AuxChallenges, joint_increment, looked_up_cell};
use crate::field::Felt;
use crate::float_sum;
use crate::layout::{
    LOOKUPS_PER_COLUMN, Layout, Lookup, MAP_ROWS, Shape, WINDOW_ROWS, float_cell, map_cell,
    max_cell, requant_cell, requant_constant, step_cell,
};
use crate::mask::Mask;
use crate::plan::Plan;

/// The column that a lookup reads first, and the row constant that it is compared with.
fn looked_up(layout: &Layout, lookup: Lookup) -> (usize, Option<usize>) {
    let constant = |table: usize, index: usize| Some(layout.tables[table].constants + index);
    match lookup {
        Lookup::CodeLow(table, start) => (
            start + requant_cell::CODE,
            constant(table, requant_constant::CODE_MIN),
        ),
        Lookup::CodeHigh(table, start) => (
            start + requant_cell::CODE,
            constant(table, requant_constant::CODE_MAX),
        ),
        Lookup::WindowTuple(table, start) => (
            start + requant_cell::CODE,
            constant(table, requant_constant::ZERO_CODE),
        ),
        Lookup::LineLimb(column) | Lookup::WindowLimb(column) => (column, None),
        Lookup::MaxOperand(start, _) => (start + max_cell::RESULT, None),
        Lookup::MapTuple(table, start) => (start + map_cell::OPERAND, constant(table, 0)),
        Lookup::StepTuple(start) => (start + step_cell::CODE, None),
        Lookup::BinadeTuple(start) => (start + float_cell::POWER, None),
        Lookup::StepLow(start, _)
        | Lookup::StepHigh(start, _)
        | Lookup::Significand(start, _)
        | Lookup::SlackByte(start, _)
        | Lookup::TieByte(start, _)
        | Lookup::DivideLimb(start, ..)
        | Lookup::RootLimb(start, ..) => (start, None),
    }
}

/// Counts how often each table row is looked up, into the multiplicity columns of `columns`.
///
/// `plan` holds the tables, `public` the shard's row constants. The last row is not part of the sum. A value outside its table is not
/// counted: the sums then differ, and no proof of such a witness verifies.
pub fn fill_multiplicities(
    plan: &Plan,
    layout: &Layout,
    mask: &Mask,
    columns: &mut [Vec<Felt>],
    public: &[Vec<Felt>],
) {
    let tables = &layout.lookup_tables;
    let mut counts: Vec<Vec<u32>> = tables
        .iter()
        .map(|&table| vec![0; layout.lookup_rows(table)])
        .collect();
    let steps = plan.pieces.steps.index();
    let binades: HashMap<[Felt; 3], usize> = (0..float_sum::BINADE_ROWS)
        .map(|row| (float_sum::binade(row).map(Felt::from_signed), row))
        .collect();
    let row_of = |rows: &HashMap<[Felt; 3], usize>, entry: [Felt; 3]| {
        // What is in no row is counted in none.
        let row = rows.get(&entry).map(|&row| row as u64);
        Felt::new(row.unwrap_or(u64::from(u32::MAX)))
    };
    // The last row is not summed.
    let summed = layout.rows() - 1;
    for lookup in layout.lookups() {
        if mask.hides(lookup.id()) {
            continue;
        }
        let (column, constant) = looked_up(layout, lookup);
        let table = layout.table_of(lookup);
        let Some(index) = tables.iter().position(|&known| known == table) else {
            continue;
        };
        let constants = constant.map(|constant| &public[constant]);
        for (row, &cell) in columns[column][..summed].iter().enumerate() {
            let constant = constants
                .and_then(|column| column.get(row))
                .copied()
                .unwrap_or(Felt::ZERO);
            let entry = match lookup {
                Lookup::CodeHigh(..) => constant - cell,
                Lookup::WindowTuple(_, start) => {
                    let difference = cell - constant;
                    let start = columns[start + requant_cell::START][row];
                    let is_upper = start != lower_start(&layout.shape, difference);
                    let half = if is_upper { WINDOW_ROWS / 2 } else { 0 };
                    difference + Felt::new((WINDOW_ROWS / 4 + half) as u64)
                }
                Lookup::MaxOperand(_, operand) => cell - columns[operand][row],
                Lookup::MapTuple(..) => constant * Felt::new(MAP_ROWS as u64) + cell,
                Lookup::StepTuple(start) => {
                    let at = |index: usize| columns[start + index][row];
                    let step = [cell, at(step_cell::FIRST), at(step_cell::LAST)];
                    row_of(&steps, step)
                }
                Lookup::BinadeTuple(start) => {
                    let at = |index: usize| columns[start + index][row];
                    row_of(&binades, [cell, at(float_cell::SIGN), at(float_cell::TOP)])
                }
                Lookup::StepLow(..)
                | Lookup::StepHigh(..)
                | Lookup::Significand(..)
                | Lookup::SlackByte(..)
                | Lookup::TieByte(..)
                | Lookup::DivideLimb(..)
                | Lookup::RootLimb(..) => {
                    looked_up_cell(layout, lookup, |column| columns[column][row])
                }
                _ => cell - constant,
            };
            if let Some(count) = counts[index].get_mut(entry.as_word() as usize) {
                *count += 1;
            }
        }
    }
    for ((table, rows), column) in layout.lookup_parts().zip(layout.multiplicities()) {
        let index = tables.iter().position(|&known| known == table);
        let counts = index.map_or(&[][..], |index| &counts[index][rows]);
        for (cell, &count) in columns[column].iter_mut().zip(counts) {
            *cell = Felt::from(count);
        }
    }
}

/// Where the lower half of a difference of two codes starts, or zero if it is none.
fn lower_start(shape: &Shape, difference: Felt) -> Felt {
    let q = difference.to_signed();
    match q.unsigned_abs() {
        0..=255 => Felt::from_signed(shape.window_range().start(q, false)),
        _ => Felt::ZERO,
    }
}

/// The lookups that a family's mask leaves in the sums.
fn counted(lookups: &[Lookup], mask: &Mask) -> Vec<bool> {
    lookups
        .iter()
        .map(|lookup| !mask.hides(lookup.id()))
        .collect()
}

/// Rows whose lookups are inverted together: enough to make inversions rare, few enough to stay in cache.
const ROWS_AT_ONCE: usize = 64;

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
    let counted = counted(&lookups, mask);
    let challenges = AuxChallenges::new(layout, challenges);
    let products = layout.products();
    let mut row_products = vec![E::ZERO; products.len()];
    let mut aux = vec![vec![E::ZERO; rows]; layout.aux_width()];
    let mut row_cells = vec![Felt::ZERO; layout.main_width()];
    let mut public_cells = vec![Felt::ZERO; public.len()];
    let mut denominators = Vec::with_capacity(ROWS_AT_ONCE * lookups.len());
    let mut increments = Vec::with_capacity(ROWS_AT_ONCE);
    let mut sum = E::ZERO;
    let last = layout.running_sum();
    for first in (0..rows).step_by(ROWS_AT_ONCE) {
        let chunk = first..rows.min(first + ROWS_AT_ONCE);
        denominators.clear();
        increments.clear();
        for row in chunk.clone() {
            for (cell, column) in row_cells.iter_mut().zip(columns) {
                *cell = column[row];
            }
            for (cell, column) in public_cells.iter_mut().zip(public) {
                *cell = column.get(row).copied().unwrap_or(Felt::ZERO);
            }
            let looked_up = lookups
                .iter()
                .map(|&lookup| challenges.lookup(layout, lookup, &row_cells, &public_cells));
            denominators.extend(looked_up);
            if let Some(table) = layout.contraction() {
                for (product, start) in row_products.iter_mut().zip(table.lane_starts()) {
                    *product = challenges.product(&row_cells[start..start + table.lane_width]);
                }
                for (column, &product) in products.clone().zip(&row_products) {
                    aux[column][row] = product;
                }
            }
            increments.push(joint_increment(
                layout,
                mask,
                &row_cells,
                &row_products,
                &public_cells,
                &challenges,
            ));
        }
        let inverses = batch_inversion(&denominators);
        for (row, &increment) in chunk.zip(&increments) {
            aux[last][row] = sum;
            sum += increment;
            let inverses = &inverses[(row - first) * lookups.len()..][..lookups.len()];
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
    }
    let total = aux[last][rows - 1];
    (aux, total)
}
