//! One wrong cell at a time in lanes that lookups hold: the constraints and lookups that see it.

use std::collections::{BTreeSet, HashSet};

use winter_math::FieldElement;
use winterforge_air::constants::{constant_columns, lookup_entry};
use winterforge_air::constraints::{AuxChallenges, evaluate_main, main_degrees};
use winterforge_air::division::{Part, limb_columns};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::JointCheck;
use winterforge_air::layout::{
    Kind, Layout, Lookup, LookupTable, divide_cell, float_cell, map_cell, max_cell, product_cell,
    root_cell, step_cell,
};
use winterforge_air::mask::ConstraintId::{self, *};
use winterforge_air::mask::Mask;
use winterforge_air::plan::Plan;
use winterforge_forge::case::{Case, Site};
use winterforge_forge::forger::Witness;
use winterforge_forge::nets;
use winterforge_verifier::challenge::joint_challenges;
use winterforge_verifier::instance::public_codes;

/// The families of a lane's main constraints, in the order of their evaluation.
fn families(layout: &Layout, kind: Kind) -> Vec<ConstraintId> {
    match kind {
        Kind::Max => vec![MaxIsOperand; layout.shape.partial_products() + 1],
        Kind::Product => vec![Product],
        Kind::FloatSum => vec![FloatParity, FloatUp, FloatDivision, FloatValue, FloatTie],
        Kind::Divide => vec![Division],
        Kind::Root => vec![Root],
        Kind::Line => vec![BranchTernary, BranchHigh, BranchLow, RoundLine],
        Kind::Window => vec![BranchTernary, BranchHigh, BranchLow, RoundWindow],
        Kind::Map | Kind::Step | Kind::Contraction => Vec::new(),
    }
}

fn coordinates(element: Cube) -> [Felt; 3] {
    [0, 1, 2].map(|coordinate| element.base_element(coordinate))
}

/// The tables of a shard, folded.
struct Tables {
    challenges: Vec<Cube>,
    entries: HashSet<[Felt; 3]>,
    lookups: Vec<Lookup>,
}

impl Tables {
    fn new(case: &Case, plan: &Plan) -> Self {
        let layout = &plan.shards[0].layout;
        let codes = public_codes(&case.graph, &case.header).unwrap();
        let joint = JointCheck::new(plan, joint_challenges::<Cube>(&[7; 32]), &codes);
        let challenges = joint.constraint_challenges(layout);
        let aux = AuxChallenges::new(layout, &challenges);
        let rows =
            |&table: &LookupTable| (0..layout.lookup_rows(table)).map(move |row| (table, row));
        let entries = (layout.lookup_tables.iter().flat_map(rows))
            .map(|(table, row)| {
                coordinates(aux.entry(table, &lookup_entry(plan, &layout.shape, table, row)))
            })
            .collect();
        Self {
            entries,
            lookups: layout.lookups(),
            challenges,
        }
    }

    /// The families that a row breaks.
    fn broken(&self, layout: &Layout, row: &[Felt], public: &[Felt]) -> BTreeSet<ConstraintId> {
        let mut values = vec![Felt::ZERO; main_degrees(layout).len()];
        evaluate_main(layout, &Mask::default(), row, public, &mut values);
        let lanes = layout.tables.iter().flat_map(|table| {
            let lane = families(layout, table.kind);
            std::iter::repeat_n(lane, table.lanes).flatten()
        });
        let main = lanes
            .zip(&values)
            .filter(|(_, value)| **value != Felt::ZERO);
        let aux = AuxChallenges::new(layout, &self.challenges);
        let missing = |lookup: &&Lookup| {
            let entry = aux.lookup::<Felt>(layout, **lookup, row, public);
            !self.entries.contains(&coordinates(entry))
        };
        let lookups = self
            .lookups
            .iter()
            .filter(missing)
            .map(|lookup| lookup.id());
        main.map(|(id, _)| id).chain(lookups).collect()
    }
}

/// What must break where a cell is wrong, and what else may. A linked cell is held by the joint check: nothing must.
fn seen_by(layout: &Layout, site: &Site, index: usize) -> (Vec<ConstraintId>, Vec<ConstraintId>) {
    let step = |index: usize| {
        let limbs = layout.shape.step_limbs - 1;
        match index {
            step_cell::ACCUMULATOR => (vec![], vec![RangeStepLow, RangeStepHigh]),
            step_cell::CODE => (vec![StepTable], vec![]),
            step_cell::FIRST => (vec![StepTable], vec![RangeStepLow]),
            step_cell::LAST => (vec![StepTable], vec![RangeStepHigh]),
            _ if index < step_cell::LIMB + limbs => (vec![RangeStepLow], vec![]),
            _ => (vec![RangeStepHigh], vec![]),
        }
    };
    match (site.kind, index) {
        (Kind::Max, max_cell::RESULT) => (vec![], vec![MaxIsOperand, MaxOperand]),
        (Kind::Max, _) if index < max_cell::OPERAND + layout.shape.taps => {
            (vec![], vec![MaxIsOperand, MaxOperand])
        }
        (Kind::Max, _) => (vec![MaxIsOperand], vec![]),
        (Kind::Map, map_cell::OPERAND) => (vec![], vec![MapTable]),
        (Kind::Map, _) => (vec![MapTable], vec![]),
        (Kind::Product, product_cell::OPERAND..product_cell::STEP) => (vec![], vec![Product]),
        (Kind::Product, product_cell::STEP) => (vec![Product], step(0).1),
        (Kind::Product, _) => step(index - product_cell::STEP),
        (Kind::Step, _) => step(index),
        (Kind::Divide | Kind::Root, _) => {
            let part = |part| limb_columns(&layout.shape, site.kind, 0, part);
            match (site.kind, index) {
                (Kind::Divide, divide_cell::NUMERATOR) => (vec![Division], vec![]),
                // The slack is what it leaves of the remainder.
                (Kind::Divide, divide_cell::DIVISOR) => (vec![], vec![Division, RangeRest]),
                (Kind::Divide, divide_cell::QUOTIENT) => (vec![Division], vec![RangeResult]),
                (_, root_cell::SUM | root_cell::SQUARES) => (vec![], vec![Root]),
                (_, root_cell::ROOT) => (vec![Root], vec![RangeResult, RangeRest]),
                _ if part(Part::Result).contains(&index) => (vec![RangeResult], vec![]),
                _ if part(Part::Remainder).contains(&index) => {
                    let id = if site.kind == Kind::Root {
                        Root
                    } else {
                        Division
                    };
                    (vec![id], vec![RangeRemainder, RangeRest])
                }
                _ => (vec![RangeRest], vec![]),
            }
        }
        (_, float_cell::SUM) => (vec![FloatDivision], vec![]),
        (_, float_cell::VALUE) => (vec![FloatValue], vec![]),
        (_, float_cell::POWER | float_cell::SIGN) => {
            (vec![BinadeTable], vec![FloatDivision, FloatValue, FloatTie])
        }
        (_, float_cell::TOP) => (
            vec![BinadeTable, FloatDivision, FloatValue],
            vec![RangeSignificand],
        ),
        (_, float_cell::PARITY) => (
            vec![FloatDivision, FloatValue],
            vec![FloatParity, FloatTie, RangeSignificand],
        ),
        (_, float_cell::HALF | float_cell::MIDDLE | float_cell::UPPER) => {
            (vec![FloatDivision, FloatValue], vec![RangeSignificand])
        }
        (_, float_cell::UP) => (vec![FloatValue], vec![FloatUp, FloatDivision, FloatTie]),
        (_, float_cell::SLACK) => (vec![FloatTie], vec![FloatDivision, RangeSlack]),
        (_, float_cell::SLACK_HIGH) => (vec![RangeSlack], vec![]),
        (_, float_cell::TIE) => (vec![FloatTie], vec![RangeTie]),
        (_, _) => (vec![RangeTie], vec![]),
    }
}

#[test]
fn a_wrong_cell_breaks_what_reads_it() {
    let mut kinds = BTreeSet::new();
    for case in [
        nets::pool(),
        nets::maps(),
        nets::product(),
        nets::average(),
        nets::chain(),
        nets::softmax(),
        nets::norm(),
    ] {
        let plan = &case.instance.plan;
        let (layout, tables) = (&plan.shards[0].layout, Tables::new(&case, plan));
        let witness = Witness::honest(&case);
        let constants = constant_columns(plan, &plan.shards[0]);
        // Lanes that round have a test of their own.
        let rounds = |site: &Site| matches!(site.kind, Kind::Line | Kind::Window);
        let sites = case.sites().into_iter().filter(|site| !rounds(site));
        for site in sites.step_by(7) {
            let at = |columns: &[Vec<Felt>]| -> Vec<Felt> {
                let cell = |column: &Vec<Felt>| column.get(site.row).copied();
                columns
                    .iter()
                    .map(|column| cell(column).unwrap_or(Felt::ZERO))
                    .collect()
            };
            let (row, public) = (at(&witness.columns[0]), at(&constants));
            let honest = tables.broken(layout, &row, &public);
            assert!(honest.is_empty(), "{site:?}: {honest:?}");
            kinds.insert(site.kind);
            for index in 0..layout.shape.lane_width(site.kind) {
                for change in [Felt::ONE, -Felt::ONE, Felt::new(2), Felt::new(1 << 40)] {
                    let mut row = row.clone();
                    row[site.start + index] += change;
                    let found = tables.broken(layout, &row, &public);
                    let (must, may) = seen_by(layout, &site, index);
                    let context = format!("{site:?} cell {index} plus {change}: {found:?}");
                    assert!(must.iter().all(|id| found.contains(id)), "{context}");
                    let is_known = |id: &ConstraintId| must.contains(id) || may.contains(id);
                    assert!(found.iter().all(is_known), "{context}");
                    // The value of a maximum follows from its operands.
                    let is_result = (site.kind, index) == (Kind::Max, max_cell::RESULT);
                    assert!(!is_result || !found.is_empty(), "{context}");
                }
            }
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}
