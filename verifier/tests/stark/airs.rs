//! Small AIRs to prove, generic in the base field where a proof was made over another one.

use std::iter::successors;

use winter_air::{
    Air, AirContext, Assertion, AuxRandElements, EvaluationFrame, ProofOptions, TraceInfo,
    TransitionConstraintDegree,
};
use winter_math::{ExtensibleField, ExtensionOf, FieldElement, StarkField, ToElements};
use winterforge_air::field::Felt;
use winterforge_verifier::stark::VerifierAir;

/// A base field that proofs can be made over.
pub(crate) trait Base: StarkField + ExtensibleField<2> + ExtensibleField<3> {}

impl<B: StarkField + ExtensibleField<2> + ExtensibleField<3>> Base for B {}

/// One column from 3, x' = x^3 + `step`, ending in a public value.
pub(crate) struct CubeAir<B: Base> {
    context: AirContext<B>,
    inputs: CubeInputs<B>,
}

/// The statement of [`CubeAir`]. Only the last cell enters the transcript, so that a prover with another `step` can be
/// played against the verifier.
#[derive(Clone)]
pub(crate) struct CubeInputs<B> {
    pub(crate) last: B,
    pub(crate) step: B,
}

impl<B: Base> CubeInputs<B> {
    pub(crate) fn new(last: B) -> Self {
        Self {
            last,
            step: B::from(7u8),
        }
    }
}

impl<B: Base> ToElements<B> for CubeInputs<B> {
    fn to_elements(&self) -> Vec<B> {
        vec![self.last]
    }
}

impl<B: Base> Air for CubeAir<B> {
    type BaseField = B;
    type PublicInputs = CubeInputs<B>;

    fn new(trace_info: TraceInfo, inputs: CubeInputs<B>, options: ProofOptions) -> Self {
        let degrees = vec![TransitionConstraintDegree::new(3)];
        Self {
            context: AirContext::new(trace_info, degrees, 2, options),
            inputs,
        }
    }

    fn context(&self) -> &AirContext<B> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = B>>(
        &self,
        frame: &EvaluationFrame<E>,
        _periodic: &[E],
        result: &mut [E],
    ) {
        result[0] = frame.next()[0] - frame.current()[0].cube() - E::from(self.inputs.step);
    }

    fn get_assertions(&self) -> Vec<Assertion<B>> {
        vec![
            Assertion::single(0, 0, B::from(3u8)),
            Assertion::single(0, self.trace_length() - 1, self.inputs.last),
        ]
    }
}

impl VerifierAir for CubeAir<Felt> {}

/// The column of [`CubeAir`].
pub(crate) fn cube_column(length: usize, step: Felt) -> Vec<Felt> {
    successors(Some(Felt::new(3)), |x| Some(x.cube() + step))
        .take(length)
        .collect()
}

/// Two segments of any width. Main column j: x' = x^3 + w + j, w a public column as long as the trace. Auxiliary
/// column k follows main column k: where k is even it is the running product of x + r_0, where k is odd the running
/// sum of r_1·w·x.
pub(crate) struct WideAir {
    context: AirContext<Felt>,
    last: Felt,
}

impl Air for WideAir {
    type BaseField = Felt;
    type PublicInputs = Felt;

    fn new(trace_info: TraceInfo, last: Felt, options: ProofOptions) -> Self {
        let main = vec![TransitionConstraintDegree::new(3); trace_info.main_trace_width()];
        let aux: Vec<_> = (0..trace_info.aux_segment_width())
            .map(|k| match k % 2 {
                0 => TransitionConstraintDegree::new(2),
                _ => TransitionConstraintDegree::with_cycles(1, vec![trace_info.length()]),
            })
            .collect();
        let (main_assertions, aux_assertions) = (2, aux.len());
        Self {
            context: AirContext::new_multi_segment(
                trace_info,
                main,
                aux,
                main_assertions,
                aux_assertions,
                options,
            ),
            last,
        }
    }

    fn context(&self) -> &AirContext<Felt> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = Felt>>(
        &self,
        frame: &EvaluationFrame<E>,
        periodic: &[E],
        result: &mut [E],
    ) {
        let cells = frame.current().iter().zip(frame.next());
        for ((j, (&x, &next)), result) in (0u32..).zip(cells).zip(result) {
            *result = next - x.cube() - periodic[0] - E::from(j);
        }
    }

    fn evaluate_aux_transition<F, E>(
        &self,
        main_frame: &EvaluationFrame<F>,
        aux_frame: &EvaluationFrame<E>,
        periodic: &[F],
        aux_rand_elements: &AuxRandElements<E>,
        result: &mut [E],
    ) where
        F: FieldElement<BaseField = Felt>,
        E: FieldElement<BaseField = Felt> + ExtensionOf<F>,
    {
        let r = aux_rand_elements.rand_elements();
        for (k, result) in result.iter_mut().enumerate() {
            let x = main_frame.current()[k];
            let (current, next) = (aux_frame.current()[k], aux_frame.next()[k]);
            *result = match k % 2 {
                0 => next - current * (r[0] + E::from(x)),
                _ => next - current - r[1].mul_base(periodic[0] * x),
            };
        }
    }

    fn get_assertions(&self) -> Vec<Assertion<Felt>> {
        vec![
            Assertion::single(0, 0, Felt::new(3)),
            Assertion::single(0, self.trace_length() - 1, self.last),
        ]
    }

    fn get_aux_assertions<E: FieldElement<BaseField = Felt>>(
        &self,
        _aux_rand_elements: &AuxRandElements<E>,
    ) -> Vec<Assertion<E>> {
        (0..self.trace_info().aux_segment_width())
            .map(|k| Assertion::single(k, 0, if k % 2 == 0 { E::ONE } else { E::ZERO }))
            .collect()
    }

    fn get_periodic_column_values(&self) -> Vec<Vec<Felt>> {
        vec![public_column(self.trace_length())]
    }
}

impl VerifierAir for WideAir {}

fn public_column(length: usize) -> Vec<Felt> {
    (0..length as u64)
        .map(|i| Felt::new(i * i * 0x9e37_79b9 + 11))
        .collect()
}

/// The main columns of [`WideAir`].
pub(crate) fn wide_main_columns(width: usize, length: usize) -> Vec<Vec<Felt>> {
    let public = public_column(length);
    (0..width as u32)
        .map(|j| {
            let mut x = Felt::from(3 + j);
            public
                .iter()
                .map(|&w| {
                    let next = x.cube() + w + Felt::from(j);
                    std::mem::replace(&mut x, next)
                })
                .collect()
        })
        .collect()
}

/// The auxiliary columns of [`WideAir`] over its main columns.
pub(crate) fn wide_aux_columns<'a, E: FieldElement<BaseField = Felt>>(
    main: impl Iterator<Item = &'a [Felt]>,
    r: &[E],
) -> Vec<Vec<E>> {
    main.enumerate()
        .map(|(k, column)| {
            let public = public_column(column.len());
            let mut sum = if k % 2 == 0 { E::ONE } else { E::ZERO };
            column
                .iter()
                .zip(public)
                .map(|(&x, w)| {
                    let next = match k % 2 {
                        0 => sum * (r[0] + E::from(x)),
                        _ => sum + r[1].mul_base(w * x),
                    };
                    std::mem::replace(&mut sum, next)
                })
                .collect()
        })
        .collect()
}
