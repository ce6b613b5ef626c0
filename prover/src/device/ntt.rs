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

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;

use crate::simd::{Isa, Kernel, Lanes, Level, run};

/// Most bits in a digit: a root of unity of order 64 is a power of two.
const DIGIT_BITS: u32 = 6;

/// Most elements of a part whose inner digits are done together: 32 KB.
const PART: usize = 4096;

/// Elements between parts in the work space: without them, equal places of all parts would compete for the same lines of
/// a cache.
const GAP: usize = 8;

/// Offsets whose twiddles stand together.
const GROUP: usize = 8;

/// Longest transform: the field has roots of unity of order 2^32, and addresses must fit as well.
pub const MAX_LOG_SIZE: u32 = 31;

/// How a size is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    /// Bits of each digit, the one of the largest stride first.
    bits: Vec<u32>,
}

impl Digits {
    fn new(log_size: u32) -> Self {
        // From eight times eight elements on, two digits at least: the innermost is done on squares of vectors.
        let count = log_size
            .div_ceil(DIGIT_BITS)
            .max(if log_size >= 6 { 2 } else { 1 });
        let (short, longer) = (log_size / count, log_size % count);
        let bits = (0..count)
            .map(|digit| short + u32::from(digit < longer))
            .collect();
        Self { bits }
    }

    /// Bits of all digits behind the given one.
    fn bits_behind(&self, digit: usize) -> u32 {
        self.bits[digit + 1..].iter().sum()
    }

    /// Elements of a block that the given digit is the outermost of.
    fn block_len(&self, digit: usize) -> usize {
        1 << (self.bits[digit] + self.bits_behind(digit))
    }

    /// Bits of all digits before the given one.
    fn bits_before(&self, digit: usize) -> u32 {
        self.bits[..digit].iter().sum()
    }

    /// The index of the coefficient at a place.
    fn coefficient_at(&self, place: usize) -> usize {
        let (mut rest, mut index) = (place, 0);
        for (digit, &bits) in self.bits.iter().enumerate().rev() {
            index |= (rest & ((1 << bits) - 1)) << self.bits_before(digit);
            rest >>= bits;
        }
        index
    }
}

/// Twiddles for one direction and one coset: for each digit, as many as its blocks have elements.
#[derive(Clone, Debug)]
struct Twiddles {
    /// Innermost digit: one factor for each of its elements.
    inner: Vec<Felt>,
    /// The other digits, outermost first: by groups of offsets, then places in the digit, then offsets in the group.
    outer: Vec<Vec<Felt>>,
}

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
        let level = if self.narrow() {
            Level::Portable
        } else {
            level
        };
        run(
            level,
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
        let level = if self.narrow() {
            Level::Portable
        } else {
            level
        };
        run(
            level,
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

    /// Whether the transform is too short for vectors.
    fn narrow(&self) -> bool {
        self.log_size < 6
    }
}

/// The root of unity of order `2^log_size`.
fn root(log_size: u32) -> Felt {
    Felt::TWO_ADIC_ROOT_OF_UNITY.pow(1 << (Felt::TWO_ADICITY - log_size))
}

/// `first base^i` for `i < count`.
fn powers(first: Felt, base: Felt, count: usize) -> impl Iterator<Item = Felt> {
    std::iter::successors(Some(first), move |&power| Some(power * base)).take(count)
}

/// Factors `root_B^(r k) (shift^weight)^k` for element `(k, r)` of a block of B elements, `weight` the product of the
/// digits before.
fn twiddles(digits: &Digits, root: Felt, shift: Felt) -> Twiddles {
    let of_digit = |digit: usize| {
        let weight = 1 << digits.bits_before(digit);
        let (block_root, block_shift) = (root.pow(weight), shift.pow(weight));
        let (count, stride) = (1 << digits.bits[digit], 1 << digits.bits_behind(digit));
        let group = GROUP.min(stride);
        let mut factors = vec![Felt::ZERO; count * stride];
        for k in 0..count {
            let row = powers(block_shift.pow(k as u64), block_root.pow(k as u64), stride);
            for (offset, factor) in row.enumerate() {
                factors[(offset / group * count + k) * group + offset % group] = factor;
            }
        }
        factors
    };
    let innermost = digits.bits.len() - 1;
    Twiddles {
        inner: of_digit(innermost),
        outer: (0..innermost).map(of_digit).collect(),
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

/// Where the elements of a digit are read and written: place k at offset o at `k stride + o`, or where the stride spans
/// several parts, with the gaps between them.
struct Places<'a> {
    /// `None` if in place.
    from: Option<&'a [Felt]>,
    stride: usize,
    to: &'a mut [Felt],
    to_stride: usize,
}

/// Transforms one digit of a block, the other digits being columns of vectors.
#[inline(always)]
fn outer_digit<V: Lanes, const INVERSE: bool>(
    bits: u32,
    twiddles: &[Felt],
    places: Places<'_>,
    part_len: usize,
) {
    match bits {
        1 => columns::<V, 2, 1, INVERSE>(twiddles, places, part_len),
        2 => columns::<V, 4, 1, INVERSE>(twiddles, places, part_len),
        3 => columns::<V, 8, 1, INVERSE>(twiddles, places, part_len),
        4 => columns::<V, 4, 4, INVERSE>(twiddles, places, part_len),
        5 => columns::<V, 8, 4, INVERSE>(twiddles, places, part_len),
        _ => columns::<V, 8, 8, INVERSE>(twiddles, places, part_len),
    }
}

/// Transforms the digit of stride one, with as many blocks at a time as a vector has lanes: of `from`, or in place.
#[inline(always)]
fn inner_digit<V: Lanes, const INVERSE: bool>(
    bits: u32,
    twiddles: &[Felt],
    from: Option<&[Felt]>,
    blocks: &mut [Felt],
) {
    match bits {
        0 => squares::<V, 1, 1, INVERSE>(twiddles, from, blocks),
        1 => squares::<V, 2, 1, INVERSE>(twiddles, from, blocks),
        2 => squares::<V, 4, 1, INVERSE>(twiddles, from, blocks),
        3 => squares::<V, 8, 1, INVERSE>(twiddles, from, blocks),
        4 => squares::<V, 4, 4, INVERSE>(twiddles, from, blocks),
        5 => squares::<V, 8, 4, INVERSE>(twiddles, from, blocks),
        _ => squares::<V, 8, 8, INVERSE>(twiddles, from, blocks),
    }
}

/// Transforms of `A B` elements at a stride, for every offset below the stride.
#[inline(always)]
fn columns<V: Lanes, const A: usize, const B: usize, const INVERSE: bool>(
    twiddles: &[Felt],
    places: Places<'_>,
    part_len: usize,
) {
    let stride = twiddles.len() / (A * B);
    let group = GROUP.min(stride);
    let mut twiddles = twiddles;
    let mut scratch = [[V::splat(Felt::ZERO); A]; B];
    for first in (0..stride).step_by(group) {
        let (factors, behind) = twiddles.split_at(group * A * B);
        twiddles = behind;
        for within in (0..group).step_by(V::WIDTH) {
            let offset = first + within;
            // The gaps are only where they are.
            let gaps = |spread: usize| {
                if spread == stride {
                    0
                } else {
                    offset / part_len * GAP
                }
            };
            let from_offset = offset + gaps(places.stride);
            let to_offset = offset + gaps(places.to_stride);
            for (b, row) in scratch.iter_mut().enumerate() {
                for (a, lanes) in row.iter_mut().enumerate() {
                    let place = a * B + b;
                    let at = place * places.stride + from_offset;
                    *lanes = match places.from {
                        Some(from) => {
                            // As many places as these are more streams than a processor follows by itself.
                            V::prefetch(&from[at + V::WIDTH..]);
                            V::load(&from[at..])
                        }
                        None => V::load(&places.to[at..]),
                    };
                    if !INVERSE {
                        *lanes *= V::load(&factors[place * group + within..]);
                    }
                }
                first_half::<V, A, B, INVERSE>(b, row);
            }
            for a in 0..A {
                let row = second_half::<V, A, B, INVERSE>(a, &scratch);
                for (b, mut lanes) in row.into_iter().enumerate() {
                    let place = a + A * b;
                    if INVERSE {
                        lanes *= V::load(&factors[place * group + within..]);
                    }
                    let to = &mut places.to[place * places.to_stride + to_offset..];
                    if !INVERSE && places.from.is_some() {
                        lanes.stream(to);
                    } else {
                        lanes.store(to);
                    }
                }
            }
        }
    }
}

/// Transforms of `A B` elements next to each other.
#[inline(always)]
fn squares<V: Lanes, const A: usize, const B: usize, const INVERSE: bool>(
    twiddles: &[Felt],
    from: Option<&[Felt]>,
    blocks: &mut [Felt],
) {
    let size = A * B;
    // Vector i holds element i of each block.
    let mut elements = [[V::splat(Felt::ZERO); A]; B];
    let elements = elements.as_flattened_mut();
    let mut scratch = [[V::splat(Felt::ZERO); A]; B];
    for (index, blocks) in blocks.chunks_exact_mut(size * V::WIDTH).enumerate() {
        let sources = match from {
            Some(from) => &from[index * size * V::WIDTH..][..size * V::WIDTH],
            None => &*blocks,
        };
        for first in (0..size).step_by(V::WIDTH) {
            let square = &mut elements[first..first + V::WIDTH];
            for (lanes, source) in square.iter_mut().zip(sources.chunks_exact(size)) {
                *lanes = V::load(&source[first..]);
            }
            V::transpose(square);
        }
        for (b, row) in scratch.iter_mut().enumerate() {
            for (a, lanes) in row.iter_mut().enumerate() {
                *lanes = elements[a * B + b];
                if !INVERSE {
                    *lanes *= V::splat(twiddles[a * B + b]);
                }
            }
            first_half::<V, A, B, INVERSE>(b, row);
        }
        for a in 0..A {
            let row = second_half::<V, A, B, INVERSE>(a, &scratch);
            for (b, mut lanes) in row.into_iter().enumerate() {
                if INVERSE {
                    lanes *= V::splat(twiddles[a + A * b]);
                }
                elements[a + A * b] = lanes;
            }
        }
        for first in (0..size).step_by(V::WIDTH) {
            let square = &mut elements[first..first + V::WIDTH];
            V::transpose(square);
            for (lanes, block) in square.iter().zip(blocks.chunks_exact_mut(size)) {
                lanes.store(&mut block[first..]);
            }
        }
    }
}

/// The transform over the upper part `a` of an index `a B + b`, and the twiddles behind it.
#[inline(always)]
fn first_half<V: Lanes, const A: usize, const B: usize, const INVERSE: bool>(
    b: usize,
    row: &mut [V; A],
) {
    butterflies::<V, A, INVERSE>(row);
    // The root of unity of order A B is 2^(192 / (A B)).
    let step = (192 / (A * B) * b) as u32;
    for (a, lanes) in row.iter_mut().enumerate().skip(1) {
        let exponent = step * a as u32;
        *lanes = lanes.mul_2exp(if INVERSE && exponent > 0 {
            192 - exponent
        } else {
            exponent
        });
    }
}

/// The transform over the lower part of an index, for result `a` of the first half.
#[inline(always)]
fn second_half<V: Lanes, const A: usize, const B: usize, const INVERSE: bool>(
    a: usize,
    scratch: &[[V; A]; B],
) -> [V; B] {
    let mut row = std::array::from_fn(|b| scratch[b][a]);
    butterflies::<V, B, INVERSE>(&mut row);
    row
}

/// A transform of one, two, four or eight elements, natural order to natural order.
#[inline(always)]
fn butterflies<V: Lanes, const N: usize, const INVERSE: bool>(x: &mut [V; N]) {
    match N {
        2 => [x[0], x[1]] = [x[0] + x[1], x[0] - x[1]],
        4 => {
            let y = four::<V, INVERSE>([x[0], x[1], x[2], x[3]]);
            x.copy_from_slice(&y);
        }
        8 => {
            let even = four::<V, INVERSE>([x[0], x[2], x[4], x[6]]);
            let odd = four::<V, INVERSE>([x[1], x[3], x[5], x[7]]);
            // The root of order 8 is 2^24; its inverse is -2^72.
            let odd = if INVERSE {
                [
                    odd[0],
                    -odd[1].mul_2exp(72),
                    -odd[2].mul_2exp(48),
                    -odd[3].mul_2exp(24),
                ]
            } else {
                [
                    odd[0],
                    odd[1].mul_2exp(24),
                    odd[2].mul_2exp(48),
                    odd[3].mul_2exp(72),
                ]
            };
            for i in 0..4 {
                (x[i], x[i + 4]) = (even[i] + odd[i], even[i] - odd[i]);
            }
        }
        _ => {}
    }
}

#[inline(always)]
fn four<V: Lanes, const INVERSE: bool>([a, b, c, d]: [V; 4]) -> [V; 4] {
    let (sum, difference) = (a + c, a - c);
    let (other_sum, other) = (b + d, if INVERSE { d - b } else { b - d });
    // The root of order 4 is 2^48.
    let turned = other.mul_2exp(48);
    [
        sum + other_sum,
        difference + turned,
        sum - other_sum,
        difference - turned,
    ]
}

#[cfg(test)]
mod tests {
    use winter_math::{fft, polynom};

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

    #[test]
    fn digits_cover_every_size() {
        for log_size in 0..=MAX_LOG_SIZE {
            let digits = Digits::new(log_size);
            assert_eq!(digits.bits.iter().sum::<u32>(), log_size);
            assert!(digits.bits.iter().all(|&bits| bits <= DIGIT_BITS));
            if log_size >= 6 {
                // Whole squares of vectors inside, whole vectors outside.
                assert!(digits.bits.iter().all(|&bits| bits >= 3), "2^{log_size}");
            }
        }
    }
}
