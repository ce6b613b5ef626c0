//! Products of kernels with weights, many at a time.

use winter_math::FieldElement;

use crate::field::{Felt, basis_coefficients, from_basis_coefficients};

/// Bits of a limb of [`SplitKernel`].
const LIMB_BITS: u32 = 13;
/// Limbs of a word.
const LIMBS: usize = 5;

/// A kernel in short limbs, for products with weights: both factors of a product have 16 bits then, which every processor
/// multiplies many at a time.
pub(super) struct SplitKernel {
    /// By coordinate and limb: one limb for each weight.
    limbs: Vec<[Vec<i16>; LIMBS]>,
}

impl SplitKernel {
    pub(super) fn new<E: FieldElement<BaseField = Felt>>(kernel: &[E]) -> Self {
        let limb = |element: &E, coordinate: usize, limb: usize| {
            let word = basis_coefficients(element)[coordinate].as_word();
            (word >> (LIMB_BITS as usize * limb)) as i16 & ((1 << LIMB_BITS) - 1)
        };
        let coordinate = |coordinate: usize| {
            let of_limb = |index| kernel.iter().map(|e| limb(e, coordinate, index)).collect();
            std::array::from_fn(of_limb)
        };
        Self {
            limbs: (0..E::EXTENSION_DEGREE).map(coordinate).collect(),
        }
    }

    /// `sum_k weights[k] * kernel[k]`.
    pub(super) fn product<E: FieldElement<BaseField = Felt>>(&self, weights: &[i16]) -> E {
        // A weight is a difference of two bytes, so products stay below 2^21 and sums of 512 below 2^30.
        let dot = |limbs: &[i16]| -> i128 {
            let chunks = weights.chunks(512).zip(limbs.chunks(512));
            let products = |(weights, limbs): (&[i16], &[i16])| -> i32 {
                let products = weights.iter().zip(limbs);
                products
                    .map(|(&w, &limb)| i32::from(w) * i32::from(limb))
                    .sum()
            };
            chunks.map(|chunk| i128::from(products(chunk))).sum()
        };
        let coordinates: Vec<Felt> = (self.limbs.iter())
            .map(|limbs| {
                let sum = (limbs.iter().rev()).fold(0, |sum, limb| (sum << LIMB_BITS) + dot(limb));
                Felt::new(sum.rem_euclid(i128::from(Felt::ORDER)) as u64)
            })
            .collect();
        from_basis_coefficients(&coordinates)
    }
}
