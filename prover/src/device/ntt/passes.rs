//! Transforms of one digit, on whole vectors: all roots of unity are powers of two, so shifts and additions, and one product
//! with a twiddle for each element.

use winter_math::FieldElement;
use winterforge_air::field::Felt;

use super::GAP;
use super::digits::GROUP;
use crate::simd::Lanes;

/// Where the elements of a digit are read and written: place k at offset o at `k stride + o`, or where the stride spans
/// several parts, with the gaps between them.
pub(super) struct Places<'a> {
    /// `None` if in place.
    pub(super) from: Option<&'a [Felt]>,
    pub(super) stride: usize,
    pub(super) to: &'a mut [Felt],
    pub(super) to_stride: usize,
}

/// Transforms one digit of a block, the other digits being columns of vectors.
#[inline(always)]
pub(super) fn outer_digit<V: Lanes, const INVERSE: bool>(
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
pub(super) fn inner_digit<V: Lanes, const INVERSE: bool>(
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
