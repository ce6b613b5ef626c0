//! Where no clamp leaves out codes of its type, one lookup instead of two holds a code.

use winterforge_forge::attacks::beyond_the_type;

#[test]
fn one_lookup_holds_a_code() {
    let forgery = beyond_the_type().expect("a model with a code beyond its type");
    forgery.check().unwrap();
}
