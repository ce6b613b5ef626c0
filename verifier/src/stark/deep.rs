//! The opened rows: under their roots, and combined into values of the DEEP polynomial.
//!
//! With the columns' random combination S(x) = sum c_i f_i(x), the polynomial that FRI tests is
//! (S(x) - S(z)) / (x - z) + (S(x) - S(zg)) / (x - zg): of low degree only if every column takes its claimed values
//! (DEEP-FRI, Ben-Sasson et al. 2019).

use winter_air::Air;
use winter_crypto::ElementHasher;
use winter_math::{FieldElement, batch_inversion};
use winterforge_air::field::Felt;

use super::{
    air::power,
    checks::{CheckId, CheckMask},
    error::StarkError,
    merkle,
    proof::{Claims, Openings},
    shape::Shape,
    transcript::Challenges,
};

/// Fails unless all opened rows are under their roots.
pub(super) fn require_rows<E, H>(
    shape: &Shape,
    main_root: H::Digest,
    claims: &Claims<E, H::Digest>,
    openings: &Openings<E, H::Digest>,
    positions: &[usize],
    checks: &CheckMask,
) -> Result<(), StarkError>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let depth = shape.depth();
    let main = rows_root::<_, H>(
        &openings.main_rows,
        shape.main_width,
        &openings.main_siblings,
        positions,
        depth,
    );
    checks.require(CheckId::MainQueries, main == Some(main_root), || {
        StarkError::MainQueryMismatch
    })?;
    if let Some(aux_root) = claims.aux_root {
        let aux = rows_root::<_, H>(
            &openings.aux_rows,
            shape.aux_width,
            &openings.aux_siblings,
            positions,
            depth,
        );
        checks.require(CheckId::AuxQueries, aux == Some(aux_root), || {
            StarkError::AuxQueryMismatch
        })?;
    }
    let constraint = rows_root::<_, H>(
        &openings.constraint_rows,
        shape.composition_width,
        &openings.constraint_siblings,
        positions,
        depth,
    );
    checks.require(
        CheckId::ConstraintQueries,
        constraint == Some(claims.constraint_root),
        || StarkError::ConstraintQueryMismatch,
    )
}

/// The root over concatenated `rows` at `positions`; `None` if there are more or fewer than one row for each.
pub(super) fn rows_root<F, H>(
    rows: &[F],
    width: usize,
    siblings: &[H::Digest],
    positions: &[usize],
    depth: u32,
) -> Option<H::Digest>
where
    F: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    if width == 0 || rows.len() != width * positions.len() {
        return None;
    }
    let leaves = positions
        .iter()
        .zip(rows.chunks_exact(width))
        .map(|(&position, row)| (position, H::hash_elements(row)))
        .collect();
    merkle::root::<H>(leaves, siblings, depth)
}

/// The DEEP polynomial at the query positions, computed from the opened rows.
pub(super) fn evaluations<A, E, D>(
    air: &A,
    shape: &Shape,
    claims: &Claims<E, D>,
    openings: &Openings<E, D>,
    challenges: &Challenges<E>,
) -> Vec<E>
where
    A: Air<BaseField = Felt>,
    E: FieldElement<BaseField = Felt>,
{
    let trace = &challenges.deep.trace;
    let (main, aux) = trace.split_at(shape.main_width.min(trace.len()));
    let constraints = challenges.deep.constraints.as_slice();
    let coefficients = [trace.as_slice(), constraints].concat();
    let at_z = dot(&claims.ood_current, &coefficients);
    let at_zg = dot(&claims.ood_next, &coefficients);

    let mut sums = vec![E::ZERO; challenges.positions.len()];
    for (sum, row) in sums
        .iter_mut()
        .zip(openings.main_rows.chunks(shape.main_width.max(1)))
    {
        for (&value, &coefficient) in row.iter().zip(main) {
            *sum += coefficient.mul_base(value);
        }
    }
    for (rows, width, coefficients) in [
        (&openings.aux_rows, shape.aux_width, aux),
        (
            &openings.constraint_rows,
            shape.composition_width,
            constraints,
        ),
    ] {
        for (sum, row) in sums.iter_mut().zip(rows.chunks(width.max(1))) {
            *sum += dot(row, coefficients);
        }
    }

    let z = challenges.z;
    let zg = z.mul_base(air.trace_domain_generator());
    let generator = air.lde_domain_generator();
    let distances: Vec<E> = challenges
        .positions
        .iter()
        .flat_map(|&position| {
            let x = E::from(shape.offset * power(generator, position));
            [x - z, x - zg]
        })
        .collect();
    sums.into_iter()
        .zip(batch_inversion(&distances).chunks_exact(2))
        .map(|(sum, inverses)| dot(&[sum - at_z, sum - at_zg], inverses))
        .collect()
}

fn dot<E: FieldElement>(values: &[E], coefficients: &[E]) -> E {
    values
        .iter()
        .zip(coefficients)
        .fold(E::ZERO, |sum, (&value, &coefficient)| {
            sum + value * coefficient
        })
}
