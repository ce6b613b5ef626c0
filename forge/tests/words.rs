//! Limbs of 16 bits, which only traces of 2^17 rows and more have room for: the attacks on limbs once more.

use winterforge_air::layout::Kind;
use winterforge_air::mask::ConstraintId::{self, RangeLineLimb, RangeWindowLowLimb};
use winterforge_forge::attacks::on_limb;
use winterforge_forge::case::Case;
use winterforge_forge::nets;

fn check(kind: Kind, family: ConstraintId) {
    let uses = |case: &Case| {
        let layout = &case.instance.plan.shards[0].layout;
        layout.tables.iter().any(|table| table.kind == kind)
    };
    let case = (0..20)
        .map(nets::words)
        .find(uses)
        .expect("a layer of this kind");
    let shape = &case.instance.plan.shards[0].layout.shape;
    assert_eq!((shape.log_rows, shape.limb_bits), (17, 16));
    // One proof each: a trace of this length takes seconds.
    let forgery = on_limb(&case, family).unwrap();
    forgery.check().unwrap();
}

#[test]
fn lines_of_words() {
    check(Kind::Line, RangeLineLimb);
}

#[test]
fn windows_of_words() {
    check(Kind::Window, RangeWindowLowLimb);
}
