//! Attacks on sums in float32: wrong binades, wrong roundings, wrong sums. Each moves one partial sum of an average that
//! is close enough to a tie for its result to change.

use std::collections::HashMap;

use winterforge_air::field::Felt;
use winterforge_air::float_sum::{float_cells, round};
use winterforge_air::layout::{Kind, float_cell as cell};
use winterforge_air::mask::ConstraintId::{
    self, BinadeTable, FloatDivision, FloatParity, FloatTie, FloatUp, FloatValue, RangeSignificand,
    RangeSlack, RangeTie,
};
use winterforge_air::pieces::Role;

use super::constraints::breaking;
use super::links::{bent, honest_rule, row_equations};
use super::steps::{accumulator, fill_step, find};
use crate::attack::Forgery;
use crate::case::{Case, Site};
use crate::forger::Witness;
use crate::nets;

/// All of them.
pub(super) fn all() -> Vec<Forgery> {
    let case = nets::chain();
    let windows = windows(&case);
    let lies: [(&'static str, ConstraintId, Lie); 9] = [
        ("float sum: a larger binade", BinadeTable, larger_binade),
        ("float sum: a parity that is no bit", FloatParity, no_parity),
        ("float sum: rounded by more than one", FloatUp, no_bit),
        ("float sum: of nothing", FloatDivision, other_sum),
        ("float sum: another value", FloatValue, other_value),
        ("float sum: rounded to the other side", FloatTie, other_side),
        ("float sum: beyond the tie", RangeTie, beyond_tie),
        (
            "float sum: fewer than 24 bits",
            RangeSignificand,
            fewer_bits,
        ),
        (
            "float sum: a negative remainder",
            RangeSlack,
            other_quotient,
        ),
    ];
    let mut forgeries: Vec<Forgery> = lies
        .into_iter()
        .map(|(name, id, lie)| {
            let (window, lane) = lied(&case, &windows, lie);
            breaking(&case, name, id, |witness| {
                fill(&case, witness, window, lane)
            })
        })
        .collect();
    let (window, lane) = lied(&case, &windows, other_sum);
    let mut witness = Witness::honest(&case);
    // All of it is right but the exact sum.
    let sum = lane[cell::VALUE];
    let cells = float_cells(sum, round(sum))
        .into_iter()
        .map(Felt::to_signed);
    let mut lane = lane;
    lane.iter_mut().zip(cells).for_each(|(old, new)| *old = new);
    fill(&case, &mut witness, window, lane);
    witness.count();
    let rule = honest_rule(&case).without(row_equations(&case, &window.addition));
    let name = "float sum: of another cell";
    forgeries.push(bent(&case, name, "link", witness, rule));
    forgeries
}

/// The cells of a lane.
type Lane = [i64; cell::WIDTH];

/// Lanes that break one family, given the right lane.
type Lie = fn(Lane) -> Vec<Lane>;

/// A last addition and the average of its window.
struct Chosen {
    addition: Site,
    average: Site,
}

/// The last additions of all windows, with the lanes that divide them.
fn windows(case: &Case) -> Vec<Chosen> {
    let mut pieces = case.instance.plan.pieces.list.iter().enumerate();
    let last = pieces
        .rfind(|(_, piece)| matches!(piece.role, Role::FloatSum(_)))
        .map(|(index, _)| index);
    let sites: Vec<Site> = case
        .sites()
        .into_iter()
        .filter(|s| case.is_used(s))
        .collect();
    let averages = sites.iter().filter(|site| site.kind == Kind::Step);
    let averages: HashMap<_, _> = averages
        .map(|&site| ((site.sample, site.cell), site))
        .collect();
    sites
        .into_iter()
        .filter(|site| site.kind == Kind::FloatSum && Some(site.key.piece as usize) == last)
        .map(|addition| Chosen {
            addition,
            average: averages[&(addition.sample, addition.cell)],
        })
        .collect()
}

/// A window of which a lie changes the result, and the lie.
fn lied<'w>(case: &Case, windows: &'w [Chosen], lie: Lie) -> (&'w Chosen, Lane) {
    let of = |window: &Chosen| {
        let lane: Lane = std::array::from_fn(|index| case.honest(&window.addition, index));
        let at = accumulator(case, &window.average);
        let changes = |lie: &Lane| {
            let moved = at + lie[cell::VALUE] - lane[cell::VALUE];
            let [code, first, last] = find(case, moved);
            (first..=last).contains(&moved) && code != case.code(&window.average)
        };
        lie(lane).into_iter().find(changes)
    };
    let found = windows
        .iter()
        .find_map(|window| Some((window, of(window)?)));
    found.expect("a window that is close to a tie")
}

/// Fills an addition, and the average as it follows.
fn fill(case: &Case, witness: &mut Witness<'_>, window: &Chosen, lane: Lane) {
    let before = case.honest(&window.addition, cell::VALUE);
    let moved = accumulator(case, &window.average) + lane[cell::VALUE] - before;
    for (index, value) in lane.into_iter().enumerate() {
        witness.set(&window.addition, index, Felt::from_signed(value));
    }
    fill_step(witness, &window.average, moved, find(case, moved));
}

fn quotient(lane: &Lane) -> i64 {
    let upper = lane[cell::UPPER] + 255 - lane[cell::TOP];
    (upper << 16) + (lane[cell::MIDDLE] << 8) + 2 * lane[cell::HALF] + lane[cell::PARITY]
}

fn set_quotient(lane: &mut Lane, quotient: i64) {
    lane[cell::UPPER] = (quotient >> 16) - (255 - lane[cell::TOP]);
    lane[cell::MIDDLE] = quotient >> 8 & 0xff;
    lane[cell::HALF] = (quotient & 0xff) >> 1;
    lane[cell::PARITY] = quotient & 1;
}

fn remainder(lane: &Lane) -> i64 {
    lane[cell::SUM].abs() - lane[cell::POWER].abs() * quotient(lane)
}

/// Sets direction, slack and tie, and the value as they have it.
fn set_rounding(lane: &mut Lane, up: i64, slack: i64) {
    let parity = lane[cell::PARITY];
    let tie = lane[cell::POWER].abs() / 2 - slack - parity - 2 * up * (1 - parity);
    lane[cell::UP] = up;
    lane[cell::SLACK] = slack;
    lane[cell::SLACK_HIGH] = (slack >> 8).clamp(0, 255);
    lane[cell::TIE] = tie;
    lane[cell::TIE_HIGH] = (tie >> 8).clamp(0, 255);
    lane[cell::VALUE] = lane[cell::POWER] * (quotient(lane) + up);
}

fn fits(value: i64) -> bool {
    (0..1 << 16).contains(&value)
}

fn flipped(lane: Lane) -> Lane {
    let size = lane[cell::POWER].abs();
    let mut lie = lane;
    let (up, rest) = (1 - lane[cell::UP], remainder(&lane));
    set_rounding(&mut lie, up, if up == 0 { rest } else { size - 1 - rest });
    lie
}

/// Rounded as in a binade further up whose table row does not ask for 24 bits.
fn larger_binade(lane: Lane) -> Vec<Lane> {
    in_larger_binades(lane, 255)
}

/// Rounded as in a binade further up, with an upper byte below the smallest.
fn fewer_bits(lane: Lane) -> Vec<Lane> {
    in_larger_binades(lane, 127)
}

fn in_larger_binades(lane: Lane, top: i64) -> Vec<Lane> {
    let sign = lane[cell::SIGN];
    let first = lane[cell::POWER].abs().trailing_zeros() + 1;
    (first..=16)
        .map(|t| {
            let mut lie = lane;
            let size = 1 << t;
            (lie[cell::POWER], lie[cell::TOP]) = (sign * size, top);
            let magnitude = lane[cell::SUM].abs();
            set_quotient(&mut lie, magnitude / size);
            let rest = magnitude % size;
            let up = rest > size / 2 || rest == size / 2 && lie[cell::PARITY] == 1;
            let slack = if up { size - 1 - rest } else { rest };
            set_rounding(&mut lie, i64::from(up), slack);
            lie
        })
        .collect()
}

fn no_parity(lane: Lane) -> Vec<Lane> {
    let low = 2 * lane[cell::HALF] + lane[cell::PARITY];
    let parities = (-255..=255).filter(|parity| (low - parity) % 2 == 0 && parity / 2 != 0);
    let lie = |parity: i64| {
        let mut lie = lane;
        lie[cell::PARITY] = parity;
        lie[cell::HALF] = (low - parity) / 2;
        lie = flipped(lie);
        let is_byte = (0..256).contains(&lie[cell::HALF]);
        (is_byte && fits(lie[cell::TIE]) && fits(lie[cell::SLACK])).then_some(lie)
    };
    parities.filter_map(lie).collect()
}

fn no_bit(lane: Lane) -> Vec<Lane> {
    let (size, rest) = (lane[cell::POWER].abs(), remainder(&lane));
    let lie = |up: i64| {
        // remainder = slack + up (2^t - 1 - 2 slack)
        let (share, factor) = (rest - up * (size - 1), 1 - 2 * up);
        let mut lie = lane;
        set_rounding(&mut lie, up, share / factor);
        (share % factor == 0 && fits(lie[cell::SLACK]) && fits(lie[cell::TIE])).then_some(lie)
    };
    [-3, -2, -1, 2, 3, 4].into_iter().filter_map(lie).collect()
}

fn other_sum(lane: Lane) -> Vec<Lane> {
    let lie = |change: i64| {
        let sum = lane[cell::SUM] + (change << 22);
        let cells: Vec<i64> = (float_cells(sum, round(sum)).into_iter())
            .map(Felt::to_signed)
            .collect();
        let mut lie: Lane = std::array::from_fn(|index| cells[index]);
        lie[cell::SUM] = lane[cell::SUM];
        lie
    };
    [-90, 90].into_iter().map(lie).collect()
}

fn other_value(lane: Lane) -> Vec<Lane> {
    let lie = |change: i64| {
        let mut lie = lane;
        lie[cell::VALUE] += change << 28;
        lie
    };
    [-1, 1].into_iter().map(lie).collect()
}

fn other_side(lane: Lane) -> Vec<Lane> {
    let mut lie = flipped(lane);
    (lie[cell::TIE], lie[cell::TIE_HIGH]) = (0, 0);
    vec![lie]
}

fn beyond_tie(lane: Lane) -> Vec<Lane> {
    vec![flipped(lane)]
}

fn other_quotient(lane: Lane) -> Vec<Lane> {
    let size = lane[cell::POWER].abs();
    let lie = |further: i64| {
        let mut lie = lane;
        set_quotient(&mut lie, quotient(&lane) + further);
        let slack = remainder(&lie);
        set_rounding(&mut lie, 0, slack);
        fits(lie[cell::TIE]).then_some(lie)
    };
    (1..=65_536 / size).filter_map(lie).collect()
}
