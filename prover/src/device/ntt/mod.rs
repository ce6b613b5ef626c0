//! Number-theoretic transforms of columns: interpolation over a subgroup, evaluation on its cosets.
//!
//! A size n = R_1 R_2 .. R_m is taken apart into digits of up to six bits (Cooley and Tukey, 1965; decimation in
//! frequency for interpolation, in time for evaluation). Between digits stand general twiddles, one product per element;
//! inside a digit all roots of unity have an order of at most 64 and are powers of two, because the 64th root of unity
//! of this field is 8, so a digit costs shifts and additions only.
//!
//! Coefficients are kept in *digit order*: the coefficient with index `k_1 + R_1 (k_2 + R_2 (k_3 + ..))`, `k_i < R_i`,
//! stands at place `(..(k_1 R_2 + k_2) R_3 + ..) R_m + k_m`. Interpolation ends and evaluation begins in that order, so
//! nothing is ever reversed. Values are in natural order.
//!
//! The innermost digits of a part of a few thousand elements are done together, while the part is in the first-level
//! cache; the outer ones go through memory once each.

mod digits;
mod passes;

use winter_math::FieldElement;
use winterforge_air::field::Felt;

use self::digits::{Digits, Twiddles, root, twiddles};
use self::passes::{Places, inner_digit, outer_digit};
use crate::simd::{Isa, Kernel, Lanes, Level, run};

/// Most elements of a part whose inner digits are done together: 32 KB.
const PART: usize = 4096;

/// Elements between parts in the work space: without them, equal places of all parts would compete for the same lines of
/// a cache.
const GAP: usize = 8;

/// Longest transform: the field has roots of unity of order 2^32, and addresses must fit as well.
pub const MAX_LOG_SIZE: u32 = 31;

/// The transforms of one size, with their twiddles.
#[derive(Clone, Debug)]
pub struct Transform {
    log_size: u32,
    digits: Digits,
    inverse: Twiddles,
    /// Evaluation on each coset.
    cosets: Vec<Twiddles>,
    shifts: Vec<Felt>,
}

impl Transform {
    /// Transforms of `2^log_size` elements: interpolation over the subgroup of that order, and evaluation on its cosets
    /// by `shifts`, none of which may be zero.
    ///
    /// # Panics
    /// If `log_size` exceeds [`MAX_LOG_SIZE`].
    pub fn new(log_size: u32, shifts: &[Felt]) -> Self {
        assert!(
            log_size <= MAX_LOG_SIZE,
            "no transform of 2^{log_size} elements"
        );
        let digits = Digits::new(log_size);
        let root = root(log_size);
        let scale = Felt::new(1 << log_size).inverse();
        let mut inverse = twiddles(&digits, root.inverse(), Felt::ONE);
        // The division by the size, in the first twiddles that are multiplied with.
        for factor in inverse.outer.first_mut().unwrap_or(&mut inverse.inner) {
            *factor *= scale;
        }
        let cosets = shifts
            .iter()
            .map(|&shift| twiddles(&digits, root, shift))
            .collect();
        Self {
            log_size,
            digits,
            inverse,
            cosets,
            shifts: shifts.to_vec(),
        }
    }

    /// Elements in a column.
    pub fn size(&self) -> usize {
        1 << self.log_size
    }

    /// The shifts of the cosets.
    pub fn shifts(&self) -> &[Felt] {
        &self.shifts
    }

    /// Elements of work space that a transform needs.
    pub fn work_len(&self) -> usize {
        let part = self.part_len();
        if part == self.size() {
            0
        } else {
            self.size() / part * (part + GAP)
        }
    }

    /// The coefficients, in digit order, of the polynomial with these values on the subgroup. What `work` holds does not
    /// matter.
    ///
    /// # Panics
    /// If the slices do not have [`size`](Self::size) elements, or `work` less than [`work_len`](Self::work_len).
    pub fn interpolate(
        &self,
        level: Level,
        values: &[Felt],
        coefficients: &mut [Felt],
        work: &mut [Felt],
    ) {
        assert_eq!(values.len(), self.size());
        assert_eq!(coefficients.len(), self.size());
        let work = &mut work[..self.work_len()];
        run(
            self.usable(level),
            Interpolate {
                transform: self,
                values,
                coefficients,
                work,
            },
        );
    }

    /// The values on coset `coset` of the polynomial with these coefficients in digit order. What `work` holds does not
    /// matter.
    ///
    /// # Panics
    /// If the slices do not have [`size`](Self::size) elements, or `work` less than [`work_len`](Self::work_len), or
    /// there is no such coset.
    pub fn evaluate(
        &self,
        level: Level,
        coset: usize,
        coefficients: &[Felt],
        values: &mut [Felt],
        work: &mut [Felt],
    ) {
        assert_eq!(values.len(), self.size());
        assert_eq!(coefficients.len(), self.size());
        let work = &mut work[..self.work_len()];
        run(
            self.usable(level),
            Evaluate {
                transform: self,
                coset,
                coefficients,
                values,
                work,
            },
        );
    }

    /// Brings coefficients from digit order into natural order, constant first, each divided by the power of `shift` that
    /// belongs to it: from a polynomial as the subgroup sees it to the one that a coset does.
    ///
    /// # Panics
    /// If either slice does not have [`size`](Self::size) elements.
    pub fn to_natural_order(&self, coefficients: &[Felt], shift: Felt, natural: &mut [Felt]) {
        assert_eq!(natural.len(), self.size());
        assert_eq!(coefficients.len(), self.size());
        for (place, &coefficient) in coefficients.iter().enumerate() {
            natural[self.digits.coefficient_at(place)] = coefficient;
        }
        let inverse = shift.inverse();
        let mut factor = Felt::ONE;
        for coefficient in natural {
            *coefficient *= factor;
            factor *= inverse;
        }
    }

    /// Elements of a part: those of the largest block that is no larger than [`PART`].
    fn part_len(&self) -> usize {
        let digits = 0..self.digits.bits.len();
        digits
            .map(|digit| self.digits.block_len(digit))
            .find(|&len| len <= PART)
            .unwrap_or(1)
    }

    /// Brings coefficients from natural order, constant first, into digit order.
    ///
    /// # Panics
    /// If either slice does not have [`size`](Self::size) elements.
    pub fn to_digit_order(&self, natural: &[Felt], coefficients: &mut [Felt]) {
        assert_eq!(natural.len(), self.size());
        assert_eq!(coefficients.len(), self.size());
        for (place, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient = natural[self.digits.coefficient_at(place)];
        }
    }

    /// The level, or none where the transform is too short for vectors.
    fn usable(&self, level: Level) -> Level {
        if self.log_size < 6 {
            Level::Portable
        } else {
            level
        }
    }
}

struct Interpolate<'a> {
    transform: &'a Transform,
    values: &'a [Felt],
    coefficients: &'a mut [Felt],
    work: &'a mut [Felt],
}

impl Kernel for Interpolate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Twiddles { inner, outer } = &self.transform.inverse;
        let bits = &self.transform.digits.bits;
        let part_len = self.transform.part_len();
        let pitch = part_len + GAP;
        let large = outer
            .iter()
            .filter(|factors| factors.len() > part_len)
            .count();
        for (digit, factors) in outer.iter().enumerate().take(large) {
            let stride = factors.len() >> bits[digit];
            let spread = stride / part_len * pitch;
            if digit == 0 {
                let places = Places {
                    from: Some(self.values),
                    stride,
                    to: self.work,
                    to_stride: spread,
                };
                outer_digit::<I::Field, true>(bits[digit], factors, places, part_len);
            } else {
                for block in self.work.chunks_mut(spread << bits[digit]) {
                    let places = Places {
                        from: None,
                        stride: spread,
                        to: block,
                        to_stride: spread,
                    };
                    outer_digit::<I::Field, true>(bits[digit], factors, places, part_len);
                }
            }
        }
        for (index, part) in self.coefficients.chunks_mut(part_len).enumerate() {
            part.copy_from_slice(if large > 0 {
                &self.work[index * pitch..][..part_len]
            } else {
                self.values
            });
            for (factors, &bits) in outer.iter().zip(bits).skip(large) {
                let stride = factors.len() >> bits;
                for block in part.chunks_mut(factors.len()) {
                    let places = Places {
                        from: None,
                        stride,
                        to: block,
                        to_stride: stride,
                    };
                    outer_digit::<I::Field, true>(bits, factors, places, part_len);
                }
            }
            inner_digit::<I::Field, true>(bits[outer.len()], inner, None, part);
        }
    }
}

struct Evaluate<'a> {
    transform: &'a Transform,
    coset: usize,
    coefficients: &'a [Felt],
    values: &'a mut [Felt],
    work: &'a mut [Felt],
}

impl Kernel for Evaluate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Twiddles { inner, outer } = &self.transform.cosets[self.coset];
        let bits = &self.transform.digits.bits;
        let part_len = self.transform.part_len();
        let pitch = part_len + GAP;
        let large = outer
            .iter()
            .filter(|factors| factors.len() > part_len)
            .count();
        for (index, coefficients) in self.coefficients.chunks(part_len).enumerate() {
            let part = if large > 0 {
                &mut self.work[index * pitch..][..part_len]
            } else {
                &mut *self.values
            };
            inner_digit::<I::Field, false>(bits[outer.len()], inner, Some(coefficients), part);
            for (factors, &bits) in outer.iter().zip(bits).skip(large).rev() {
                let stride = factors.len() >> bits;
                for block in part.chunks_mut(factors.len()) {
                    let places = Places {
                        from: None,
                        stride,
                        to: block,
                        to_stride: stride,
                    };
                    outer_digit::<I::Field, false>(bits, factors, places, part_len);
                }
            }
        }
        for (digit, factors) in outer.iter().enumerate().take(large).rev() {
            let stride = factors.len() >> bits[digit];
            let spread = stride / part_len * pitch;
            if digit == 0 {
                let places = Places {
                    from: Some(self.work),
                    stride: spread,
                    to: self.values,
                    to_stride: stride,
                };
                outer_digit::<I::Field, false>(bits[digit], factors, places, part_len);
            } else {
                for block in self.work.chunks_mut(spread << bits[digit]) {
                    let places = Places {
                        from: None,
                        stride: spread,
                        to: block,
                        to_stride: spread,
                    };
                    outer_digit::<I::Field, false>(bits[digit], factors, places, part_len);
                }
            }
        }
        I::Field::fence();
    }
}

#[cfg(test)]
mod tests {
    use winter_math::{StarkField, fft, polynom};

    use super::*;

    fn column(size: usize) -> Vec<Felt> {
        // The edges of the word, then a fixed walk.
        let edges = [0, Felt::ORDER - 1, 1, 0xffff_ffff, 0xffff_ffff_0000_0000];
        (0..size as u64)
            .map(|i| match edges.get(i as usize % 97) {
                Some(&edge) => Felt::new(edge),
                None => Felt::new((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            })
            .collect()
    }

    #[test]
    fn every_size_interpolates_and_evaluates_like_the_definition() {
        for log_size in (0..=15).chain([19]) {
            let size = 1 << log_size;
            let shifts = [Felt::ONE, Felt::GENERATOR, Felt::new(0xffff_ffff_0000)];
            let transform = Transform::new(log_size, &shifts);
            let values = column(size);
            let mut natural = values.clone();
            if size > 1 {
                fft::interpolate_poly(&mut natural, &fft::get_inv_twiddles::<Felt>(size));
            }
            let mut want = vec![Felt::ZERO; size];
            transform.to_digit_order(&natural, &mut want);
            for &level in Level::available() {
                let mut coefficients = vec![Felt::ZERO; size];
                let mut work = vec![Felt::ZERO; transform.work_len()];
                transform.interpolate(level, &values, &mut coefficients, &mut work);
                assert!(coefficients == want, "2^{log_size}, {level:?}");
                for (coset, &shift) in shifts.iter().enumerate() {
                    let mut out = vec![Felt::ZERO; size];
                    transform.evaluate(level, coset, &coefficients, &mut out, &mut work);
                    let root = root(log_size);
                    for place in [0, 1, size / 3, size / 2, size - 1] {
                        let place = place.min(size - 1);
                        let x = shift * root.pow(place as u64);
                        let want = polynom::eval(&natural, x);
                        assert_eq!(
                            out[place], want,
                            "2^{log_size}, {level:?}, {coset}, {place}"
                        );
                    }
                    transform.interpolate(level, &out, &mut coefficients, &mut work);
                    let mut back = vec![Felt::ZERO; size];
                    transform.to_natural_order(&coefficients, shift, &mut back);
                    coefficients.copy_from_slice(&want);
                    assert!(back == natural, "2^{log_size}, {level:?}, {coset}");
                    if coset == 0 {
                        assert!(out == values, "2^{log_size}, {level:?}");
                    }
                }
            }
        }
    }
}
