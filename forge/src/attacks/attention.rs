//! Attacks on attention: wrong quotients and roots, and products of tensors that are none.

use winterforge_air::attention::NORMAL_OFFSET;
use winterforge_air::division::{Part, cells, limb_columns};
use winterforge_air::field::{Cube, Felt, from_basis_coefficients};
use winterforge_air::layout::{Kind, divide_cell, root_cell};
use winterforge_air::mask::{
    ConstraintId::{Contraction, Division, RangeRemainder, RangeRest, RangeResult, Root},
    Mask,
};
use winterforge_model::LayerNormRule;

use super::constraints::breaking;
use super::forgery;
use crate::attack::{Forgery, Stop};
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::nets;
use crate::stark::Deviation;

/// All of them.
pub(super) fn all() -> Vec<Forgery> {
    let (softmax, norm) = (nets::softmax(), nets::norm());
    let mut forgeries = quotients(&softmax);
    forgeries.push(huge_quotient(&norm));
    forgeries.push(other_root(&norm));
    forgeries.push(other_product(&nets::mat_mul()));
    forgeries
}

/// A division and the output that is rounded from it.
struct Chosen {
    division: Site,
    output: Site,
    /// Numerator, and divisor less one.
    linked: [i64; 2],
    quotient: i64,
}

/// The divisions of a case whose quotients outputs are rounded from one by one.
fn divisions(case: &Case) -> Vec<Chosen> {
    let sites = case.sites();
    let outputs = || sites.iter().filter(|site| case.is_output(site));
    let divisions = sites
        .iter()
        .filter(|site| site.kind == Kind::Divide && case.is_used(site));
    let chosen = divisions.filter_map(|&division| {
        let is_next = |site: &&Site| (site.sample, site.cell) == (division.sample, division.cell);
        Some(Chosen {
            output: *outputs().find(is_next)?,
            linked: [divide_cell::NUMERATOR, divide_cell::DIVISOR]
                .map(|cell| case.honest(&division, cell)),
            quotient: case.code(&division),
            division,
        })
    });
    chosen.collect()
}

fn set_cells(witness: &mut Witness<'_>, site: &Site, cells: Vec<Felt>) {
    for (index, value) in cells.into_iter().enumerate() {
        witness.set(site, index, value);
    }
}

/// Overwrites the linked cells of a lane by what the joint check demands.
fn set_linked(witness: &mut Witness<'_>, site: &Site, linked: [i64; 2]) {
    for (index, value) in linked.into_iter().enumerate() {
        witness.set(site, index, Felt::from_signed(value));
    }
}

/// A softmax whose outputs are off by one.
fn quotients(case: &Case) -> Vec<Forgery> {
    let chosen = divisions(case);
    // Neither end of the range, and no carry into the upper limbs.
    let is_inside =
        |chosen: &&Chosen| (3..120).contains(&(chosen.quotient & 0x7f)) && chosen.quotient < 200;
    let chosen = chosen
        .iter()
        .find(is_inside)
        .expect("a quotient in the middle");
    let Chosen {
        division,
        output,
        linked,
        quotient,
    } = chosen;
    let remainder = linked[0] - quotient * (linked[1] + 1);
    let output_as = |witness: &mut Witness<'_>, quotient: i64| {
        witness.fill_lane(output, quotient, quotient);
        witness.state(output, quotient);
    };
    let other = breaking(case, "softmax: another quotient", Division, |witness| {
        let shape = witness.shape(division).clone();
        let lie = [(quotient + 1) * (linked[1] + 1) + remainder, linked[1]];
        set_cells(
            witness,
            division,
            cells(&shape, Kind::Divide, lie, quotient + 1),
        );
        set_linked(witness, division, *linked);
        output_as(witness, quotient + 1);
    });
    let above = breaking(
        case,
        "softmax: a quotient too large",
        RangeRemainder,
        |witness| {
            let shape = witness.shape(division).clone();
            set_cells(
                witness,
                division,
                cells(&shape, Kind::Divide, *linked, quotient + 1),
            );
            // What the numerator lacks, in one limb.
            let limbs = limb_columns(&shape, Kind::Divide, 0, Part::Remainder);
            for limb in limbs.clone() {
                witness.set(division, limb, Felt::from_signed(0));
            }
            witness.set(
                division,
                limbs.start,
                Felt::from_signed(remainder - linked[1] - 1),
            );
            output_as(witness, quotient + 1);
        },
    );
    let below = breaking(
        case,
        "softmax: a quotient too small",
        RangeRest,
        |witness| {
            let shape = witness.shape(division).clone();
            set_cells(
                witness,
                division,
                cells(&shape, Kind::Divide, *linked, quotient - 1),
            );
            output_as(witness, quotient - 1);
        },
    );
    vec![other, above, below]
}

/// The definition of a case's normalization.
fn rule(case: &Case) -> &LayerNormRule {
    let norm = case.instance.plan.pieces.norms.values().next();
    &norm.expect("a normalization").rule
}

/// Fills the output that follows from a normalized cell, moved as in the trace, and states it.
fn fill_output(case: &Case, witness: &mut Witness<'_>, output: &Site, moved: i64) {
    let rule = rule(case);
    let channel = output.cell % rule.features();
    let sum = moved - NORMAL_OFFSET + rule.offsets()[channel];
    let code = i64::from(rule.of_sum(sum)) + 128;
    witness.fill_lane(output, sum, code);
    witness.state(output, code);
}

/// The quotient that solves the division modulo p, once around.
fn huge_quotient(case: &Case) -> Forgery {
    let chosen = &divisions(case)[0];
    let around = i128::from(chosen.linked[0]) + i128::from(Felt::ORDER);
    let divisor = i128::from(chosen.linked[1]) + 1;
    let (quotient, remainder) = ((around / divisor) as i64, (around % divisor) as i64);
    let shape = &case.instance.plan.shards[0].layout.shape;
    assert!(
        quotient < shape.window_range().size,
        "windows of {} bits are too narrow for {quotient}",
        shape.window_bits
    );
    breaking(
        case,
        "norm: a quotient beyond its range",
        RangeResult,
        |witness| {
            let shape = witness.shape(&chosen.division).clone();
            let lie = [remainder, chosen.linked[1]];
            set_cells(
                witness,
                &chosen.division,
                cells(&shape, Kind::Divide, lie, 0),
            );
            set_linked(witness, &chosen.division, chosen.linked);
            witness.set(
                &chosen.division,
                divide_cell::QUOTIENT,
                Felt::from_signed(quotient),
            );
            fill_output(case, witness, &chosen.output, quotient);
        },
    )
}

/// A row normalized by another deviation.
fn other_root(case: &Case) -> Forgery {
    let site = case.site(|site| site.kind == Kind::Root && case.is_used(site));
    let honest = case.code(&site);
    let lie = honest + honest / 4;
    let features = rule(case).features();
    let row = site.cell * features..(site.cell + 1) * features;
    let chosen = divisions(case).into_iter();
    let chosen = chosen.filter(|chosen| {
        chosen.division.sample == site.sample && row.contains(&chosen.division.cell)
    });
    let chosen: Vec<Chosen> = chosen.collect();
    assert_eq!(chosen.len(), features, "every cell of the row");
    breaking(case, "norm: another root", Root, |witness| {
        let shape = witness.shape(&site).clone();
        let linked = [root_cell::SUM, root_cell::SQUARES].map(|cell| case.honest(&site, cell));
        set_cells(
            witness,
            &site,
            cells(&shape, Kind::Root, [0, lie * lie], lie),
        );
        set_linked(witness, &site, linked);
        for chosen in &chosen {
            let linked = [chosen.linked[0] + NORMAL_OFFSET * (lie - honest), lie - 1];
            let quotient = linked[0] / lie;
            set_cells(
                witness,
                &chosen.division,
                cells(&shape, Kind::Divide, linked, quotient),
            );
            fill_output(case, witness, &chosen.output, quotient);
        }
    })
}

/// Another output, and a part of a product that makes up for it.
fn other_product(case: &Case) -> Forgery {
    let output = case.site(|site| case.is_output(site) && case.branch(site) == 0);
    let part = case.site(|site| site.kind == Kind::Contraction && case.is_used(site));
    let mut witness = Witness::honest(case);
    witness.mask = Mask::of([Contraction]);
    let code = case.code(&output);
    // The accumulator of the middle of the next code.
    let sum = case.accumulator(&output) + nets::MAT_MUL_STEP;
    witness.fill_lane(&output, sum, code + 1);
    witness.state(&output, code + 1);
    witness.count();
    let mut filled = witness.commit().fill();
    let gap = filled.claims[0] - filled.sums[0];
    let inputs = &filled.committed.inputs[0];
    let layout = inputs.layout.clone();
    let table = layout.contraction().expect("a product");
    let column = &inputs.columns.joint[table.joint + 1 + part.lane];
    let coefficient: Cube = from_basis_coefficients(&column[3 * part.row..][..3]);
    filled.aux[0][layout.products().start + part.lane][part.row] += gap / coefficient;
    for sum in &mut filled.aux[0][layout.running_sum()][part.row + 1..] {
        *sum += gap;
    }
    let forged = filled.finish(Deviation::None);
    forgery(
        case,
        "product of tensors: of nothing",
        "constraint",
        Stop::Constraint(Contraction),
        &forged,
    )
}
