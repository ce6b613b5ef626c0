//! The constraints at the out-of-domain point.
//!
//! The composition polynomial is the random combination of all constraint quotients. Its value at z is computed from
//! the claimed trace rows at z and zg, and must equal sum z^(i·n) q_i, q_i the claimed value of the i-th composition
//! column (DEEP-FRI, Ben-Sasson et al. 2019; ethSTARK documentation, section 3).

use winter_air::EvaluationFrame;
use winter_math::FieldElement;
use winterforge_air::field::Felt;

use super::{
    air::{VerifierAir, power},
    error::StarkError,
    proof::Claims,
    shape::Shape,
    transcript::Challenges,
};

/// Fails where z is of no use: at zero, where z and zg are one point, and in the two domains that were committed on,
/// where quotients have their poles.
pub(super) fn require_out_of_domain<E: FieldElement<BaseField = Felt>>(
    shape: &Shape,
    z: E,
) -> Result<(), StarkError> {
    let in_trace_domain = power(z, shape.trace_length) == E::ONE;
    let in_lde_domain = power(z, shape.lde_size) == E::from(power(shape.offset, shape.lde_size));
    if z == E::ZERO || in_trace_domain || in_lde_domain {
        return Err(StarkError::OutOfDomainPoint);
    }
    Ok(())
}

/// Whether the claimed rows satisfy the constraints at z.
pub(super) fn constraints_hold<A, E, D>(
    air: &A,
    shape: &Shape,
    claims: &Claims<E, D>,
    challenges: &Challenges<E>,
) -> bool
where
    A: VerifierAir,
    E: FieldElement<BaseField = Felt>,
{
    let z = challenges.z;
    let (current, columns) = split(&claims.ood_current, shape.main_width + shape.aux_width);
    let (next, _) = split(&claims.ood_next, shape.main_width + shape.aux_width);
    let (main_current, aux_current) = split(current, shape.main_width);
    let (main_next, aux_next) = split(next, shape.main_width);
    if main_current.is_empty() || main_current.len() != main_next.len() {
        return false;
    }
    let main = EvaluationFrame::from_rows(main_current.to_vec(), main_next.to_vec());

    let periodic = air.evaluate_periodic_columns(z);
    let transition = air.get_transition_constraints(&challenges.composition.transition);
    let boundary =
        air.get_boundary_constraints(challenges.aux.as_ref(), &challenges.composition.boundary);

    let mut main_values = vec![E::ZERO; transition.num_main_constraints()];
    air.evaluate_transition(&main, &periodic, &mut main_values);
    let mut aux_values = vec![E::ZERO; transition.num_aux_constraints()];
    if let Some(elements) = &challenges.aux {
        if aux_current.is_empty() || aux_current.len() != aux_next.len() {
            return false;
        }
        let aux = EvaluationFrame::from_rows(aux_current.to_vec(), aux_next.to_vec());
        air.evaluate_aux_transition(&main, &aux, &periodic, elements, &mut aux_values);
    }

    let mut expected = transition.combine_evaluations::<E>(&main_values, &aux_values, z);
    for group in boundary.main_constraints() {
        expected += group.evaluate_at(main_current, z);
    }
    for group in boundary.aux_constraints() {
        expected += group.evaluate_at(aux_current, z);
    }

    let step = power(z, shape.trace_length);
    let claimed = columns
        .iter()
        .rev()
        .fold(E::ZERO, |sum, &value| sum * step + value);
    expected == claimed
}

/// A slice in two, with a short slice leaving the second part empty.
fn split<T>(values: &[T], at: usize) -> (&[T], &[T]) {
    values.split_at_checked(at).unwrap_or((values, &[]))
}
