//! One wrong cell at a time: every cell of every used row of a small model, and exactly the constraints that see it.

use std::collections::BTreeSet;

use winter_math::{FieldElement, StarkField};
use winterforge_air::constants::constant_columns;
use winterforge_air::constraints::{evaluate_main, main_degrees};
use winterforge_air::field::Felt;
use winterforge_air::layout::{Kind, Layout, requant_cell as cell};
use winterforge_air::mask::ConstraintId::{
    self, BranchHigh, BranchLow, BranchTernary, RoundLine, RoundWindow,
};
use winterforge_air::mask::Mask;
use winterforge_air::rounding::Channel;
use winterforge_forge::case::{Case, Site};
use winterforge_forge::forger::Witness;

/// The families of a lane's constraints, in the order of their evaluation.
fn families(kind: Kind) -> &'static [ConstraintId] {
    match kind {
        Kind::Line => &[BranchTernary, BranchHigh, BranchLow, RoundLine],
        Kind::Window => &[BranchTernary, BranchHigh, BranchLow, RoundWindow],
        _ => &[],
    }
}

/// The constraints that a row breaks, with the first column of their lane.
fn broken(layout: &Layout, row: &[Felt], public: &[Felt]) -> BTreeSet<(usize, ConstraintId)> {
    let mut values = vec![Felt::ZERO; main_degrees(layout).len()];
    evaluate_main(layout, &Mask::default(), row, public, &mut values);
    let mut values = values.into_iter();
    let mut broken = BTreeSet::new();
    for table in &layout.tables {
        for start in table.lane_starts() {
            for (&id, value) in families(table.kind).iter().zip(values.by_ref()) {
                if value != Felt::ZERO {
                    broken.insert((start, id));
                }
            }
        }
    }
    assert_eq!(values.len(), 0, "a constraint that no family owns");
    broken
}

/// What must break where one cell of a lane is no longer right.
fn expected(
    site: &Site,
    channel: &Channel,
    cells: &[Felt],
    index: usize,
    was: i64,
) -> BTreeSet<ConstraintId> {
    let (code, branch) = (
        cells[cell::CODE].to_signed(),
        cells[cell::BRANCH].to_signed(),
    );
    let inside = was == 0;
    let window = site.kind == Kind::Window;
    let round = if window { RoundWindow } else { RoundLine };
    let at = |condition: bool, id: ConstraintId| condition.then_some(id);
    let list: Vec<Option<ConstraintId>> = match index {
        cell::ACCUMULATOR => vec![Some(round)],
        // A window's code is held by the window table.
        cell::CODE if inside => vec![at(!window, RoundLine)],
        cell::CODE => vec![at(was == 1, BranchHigh), at(was == -1, BranchLow)],
        cell::BRANCH => {
            // The other branches' relations break as well, unless their own remainder happens to be the same.
            let ternary = (-1..=1).contains(&branch);
            vec![
                at(!ternary, BranchTernary),
                at(
                    branch != 0 && branch != -1 && code != channel.code_max,
                    BranchHigh,
                ),
                at(
                    branch != 0 && branch != 1 && code != channel.code_min,
                    BranchLow,
                ),
            ]
        }
        cell::START if window => vec![at(inside, RoundWindow)],
        _ => vec![Some(round)],
    };
    list.into_iter().flatten().collect()
}

#[test]
fn a_wrong_cell_breaks_exactly_the_constraints_that_read_it() {
    let case = Case::two_tables();
    let witness = Witness::honest(&case);
    let shard = &case.instance.plan.shards[0];
    let layout = &shard.layout;
    let constants = constant_columns(&case.instance.plan, shard);
    let mut checked = 0;
    for site in case.sites() {
        let row: Vec<Felt> = witness.columns[0]
            .iter()
            .map(|column| column[site.row])
            .collect();
        let public: Vec<Felt> = constants
            .iter()
            .map(|column| column.get(site.row).copied().unwrap_or(Felt::ZERO))
            .collect();
        assert_eq!(broken(layout, &row, &public), BTreeSet::new(), "{site:?}");
        let channel = witness.channel(&site);
        let was = case.branch(&site);
        for index in 0..layout.shape.lane_width(site.kind) {
            for change in [Felt::ONE, -Felt::ONE, Felt::new(2), Felt::new(1 << 32)] {
                let mut row = row.clone();
                row[site.start + index] += change;
                let lane = &row[site.start..][..layout.shape.lane_width(site.kind)];
                let found = broken(layout, &row, &public);
                let want = expected(&site, channel, lane, index, was);
                let context = format!("{site:?} cell {index} plus {change}");
                assert!(
                    found.iter().all(|&(start, _)| start == site.start),
                    "{context}"
                );
                let found: BTreeSet<ConstraintId> = found.into_iter().map(|(_, id)| id).collect();
                if index == cell::BRANCH {
                    let rest = [RoundLine, RoundWindow];
                    assert!(found.is_superset(&want), "{context}: {found:?}");
                    let surplus = found.difference(&want).all(|id| rest.contains(id));
                    assert!(surplus, "{context}: {found:?}");
                    assert!(!found.is_empty(), "{context}");
                } else {
                    assert_eq!(found, want, "{context}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}

/// The argument for the survivor `BranchTernary`: its neighbours imply it wherever more than one code is possible.
#[test]
fn a_branch_is_ternary_without_being_told() {
    let case = Case::two_tables();
    let witness = Witness::honest(&case);
    let shard = &case.instance.plan.shards[0];
    let constants = constant_columns(&case.instance.plan, shard);
    let mask = Mask::of([BranchTernary]);
    let branches = [2, 3, 5, 1 << 32, 1 << 63, Felt::MODULUS - 2]
        .map(Felt::new)
        .into_iter()
        .chain([
            Felt::new(2).inverse(),
            -Felt::new(2).inverse(),
            Felt::new(7).inverse(),
        ]);
    for branch in branches {
        for code in 0..256u64 {
            let mut row: Vec<Felt> = witness.columns[0].iter().map(|column| column[0]).collect();
            row[cell::BRANCH] = branch;
            row[cell::CODE] = Felt::new(code);
            let public: Vec<Felt> = constants.iter().map(|column| column[0]).collect();
            let mut values = vec![Felt::ZERO; main_degrees(&shard.layout).len()];
            evaluate_main(&shard.layout, &mask, &row, &public, &mut values);
            let channel = {
                let row = shard.rows(Kind::Line)[0];
                &case.instance.plan.channels[row.piece as usize][row.channel as usize]
            };
            assert_ne!(channel.code_min, channel.code_max);
            assert!(
                values[1] != Felt::ZERO || values[2] != Felt::ZERO,
                "{branch} {code}"
            );
        }
    }
}
