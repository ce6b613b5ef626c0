//! Limbs wider than a byte, which many lanes make the cheapest: the attacks on limbs once more.

use winterforge_air::layout::Kind;
use winterforge_air::mask::ConstraintId::{self, RangeLineLimb, RangeWindowLimb};
use winterforge_forge::attacks::on_limb;
use winterforge_forge::case::Case;

fn check(kind: Kind, family: ConstraintId) {
    let uses = |case: &Case| {
        let layout = &case.instance.plan.shards[0].layout;
        layout.tables.iter().any(|table| table.kind == kind)
    };
    let case = (0..20)
        .map(Case::with_words)
        .find(uses)
        .expect("a layer of this kind");
    let forgery = on_limb(&case, family).unwrap();
    forgery.check().unwrap();
}

#[test]
fn lines_of_words() {
    check(Kind::Line, RangeLineLimb);
}

#[test]
fn windows_of_words() {
    check(Kind::Window, RangeWindowLimb);
}
