//! The barycentric values of public columns against interpolation.

use winter_air::{Air, FieldExtension, TraceInfo};
use winter_math::{FieldElement, StarkField, fft, polynom};
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{VerifierAir, interpolate, lagrange_at};

use crate::{
    airs::WideAir,
    prove::{Cube, Options},
};

#[test]
fn agrees_with_interpolation_off_the_domain() {
    let z = Cube::new(Felt::new(5), Felt::new(1 << 40), Felt::new(9));
    for log in 1..=10 {
        let values: Vec<Felt> = (0..1u64 << log).map(|i| Felt::new(i * i + 3)).collect();
        let mut poly = values.clone();
        fft::interpolate_poly(&mut poly, &fft::get_inv_twiddles(values.len()));
        let expected = polynom::eval(&poly, z);
        assert_eq!(
            interpolate(&values, &lagrange_at(values.len(), z)),
            expected
        );
    }
}

#[test]
fn is_a_unit_vector_on_the_domain() {
    let generator = Felt::get_root_of_unity(4);
    for k in 0..16u64 {
        let z = Cube::from(generator.exp(k));
        let weights = lagrange_at(16, z);
        for (i, weight) in (0..16).zip(weights) {
            assert_eq!(weight, if i == k { Cube::ONE } else { Cube::ZERO });
        }
    }
}

#[test]
fn a_single_value_is_constant() {
    assert_eq!(lagrange_at(1, Felt::new(12)), [Felt::ONE]);
}

#[test]
fn public_columns_take_the_values_that_winterfell_interpolates() {
    let options = Options {
        queries: 4,
        blowup: 2,
        grinding: 0,
        folding: 2,
        remainder: 7,
    };
    let info = TraceInfo::new_multi_segment(2, 2, 2, 64, Vec::new());
    let air = WideAir::new(
        info,
        Felt::ONE,
        options.proof_options(FieldExtension::Cubic),
    );
    let z = Cube::new(Felt::new(77), Felt::new(2), Felt::new(1 << 63));
    let expected: Vec<Cube> = air
        .get_periodic_column_polys()
        .iter()
        .map(|poly| polynom::eval(poly, z))
        .collect();
    assert_eq!(air.evaluate_periodic_columns(z), expected);
}
