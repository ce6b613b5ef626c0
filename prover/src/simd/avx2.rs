//! Vectors of 256 bits (AVX2).
//!
//! The arithmetic is that of the wider vectors. There is no unsigned comparison, so operands are compared with their top
//! bits flipped.

use std::arch::x86_64::*;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use winterforge_air::field::Felt;

use super::{Isa, Kernel, Lanes, Words, field_operators};

/// Runs a kernel compiled for these vectors.
#[target_feature(enable = "avx2,bmi2")]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// The instructions.
pub(crate) struct Avx2;

impl Isa for Avx2 {
    type Field = Four;
    type Words = Eight;
}

/// Four field elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Four(__m256i);

const P: i64 = Felt::ORDER as i64;
const EPSILON: i64 = 0xffff_ffff;
/// (p + 1) / 2.
const HALF_P_CEIL: i64 = (Felt::ORDER / 2 + 1) as i64;

/// Defines a function over vectors. The `unsafe` inside is for instructions that a kernel of this module is only run
/// with (see the parent module).
macro_rules! vector_fn {
    ($(#[$attribute:meta])* fn $name:ident $(<const $generic:ident: $kind:ty>)? ($($argument:ident: $type:ty),*) -> $result:ty $body:block) => {
        $(#[$attribute])*
        #[inline(always)]
        #[allow(unsafe_code, reason = "instructions that the running kernel was started with")]
        fn $name $(<const $generic: $kind>)? ($($argument: $type),*) -> $result {
            // SAFETY: the kernel was started after the instructions were found.
            unsafe { $body }
        }
    };
}

vector_fn! {
    /// All ones where `a < b`, unsigned.
    fn less(a: __m256i, b: __m256i) -> __m256i {
        let flip = _mm256_set1_epi64x(i64::MIN);
        _mm256_cmpgt_epi64(_mm256_xor_si256(b, flip), _mm256_xor_si256(a, flip))
    }
}

vector_fn! {
    /// `a - b`, plus p where it wraps.
    fn wrapping_difference(a: __m256i, b: __m256i) -> Four {
        let due = _mm256_and_si256(less(a, b), _mm256_set1_epi64x(P));
        Four(_mm256_add_epi64(_mm256_sub_epi64(a, b), due))
    }
}

vector_fn! {
    fn add(a: Four, b: Four) -> Four {
        wrapping_difference(a.0, _mm256_sub_epi64(_mm256_set1_epi64x(P), b.0))
    }
}

#[inline(always)]
fn sub(a: Four, b: Four) -> Four {
    wrapping_difference(a.0, b.0)
}

vector_fn! {
    /// The upper half of each lane, in its lower half; what is left in the upper half has no meaning.
    fn upper(x: __m256i) -> __m256i {
        _mm256_castps_si256(_mm256_movehdup_ps(_mm256_castsi256_ps(x)))
    }
}

vector_fn! {
    fn mul(a: Four, b: Four) -> Four {
        let (a, b) = (a.0, b.0);
        let (a_high, b_high) = (upper(a), upper(b));
        let low_low = _mm256_mul_epu32(a, b);
        let low_high = _mm256_mul_epu32(a, b_high);
        let high_low = _mm256_mul_epu32(a_high, b);
        let high_high = _mm256_mul_epu32(a_high, b_high);
        let middle = _mm256_add_epi64(high_low, _mm256_srli_epi64::<32>(low_low));
        let middle_low = _mm256_and_si256(middle, _mm256_set1_epi64x(EPSILON));
        let second = _mm256_add_epi64(low_high, middle_low);
        let high = _mm256_add_epi64(high_high, _mm256_srli_epi64::<32>(middle));
        let high = _mm256_add_epi64(high, _mm256_srli_epi64::<32>(second));
        let shifted = _mm256_castps_si256(_mm256_moveldup_ps(_mm256_castsi256_ps(second)));
        reduce(_mm256_blend_epi32::<0xaa>(low_low, shifted), high)
    }
}

vector_fn! {
    fn square(a: Four) -> Four {
        // As in the wider vectors.
        let a = a.0;
        let a_high = upper(a);
        let low_low = _mm256_mul_epu32(a, a);
        let low_high = _mm256_mul_epu32(a, a_high);
        let high_high = _mm256_mul_epu32(a_high, a_high);
        let low = _mm256_add_epi64(low_low, _mm256_slli_epi64::<33>(low_high));
        let middle = _mm256_add_epi64(low_high, _mm256_srli_epi64::<33>(low_low));
        reduce(low, _mm256_add_epi64(high_high, _mm256_srli_epi64::<31>(middle)))
    }
}

vector_fn! {
    fn half(x: Four) -> Four {
        let odd = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(x.0, _mm256_set1_epi64x(1)));
        let due = _mm256_and_si256(odd, _mm256_set1_epi64x(HALF_P_CEIL));
        Four(_mm256_add_epi64(_mm256_srli_epi64::<1>(x.0), due))
    }
}

vector_fn! {
    /// `low + 2^64 high`.
    fn reduce(low: __m256i, high: __m256i) -> Four {
        let top = _mm256_srli_epi64::<32>(high);
        let due = _mm256_and_si256(less(low, top), _mm256_set1_epi64x(EPSILON));
        fold(_mm256_sub_epi64(_mm256_sub_epi64(low, top), due), high)
    }
}

vector_fn! {
    /// `rest + 2^64 (high mod 2^32)`.
    fn fold(rest: __m256i, high: __m256i) -> Four {
        let folded = _mm256_mul_epu32(high, _mm256_set1_epi64x(EPSILON));
        wrapping_difference(rest, _mm256_sub_epi64(_mm256_set1_epi64x(P), folded))
    }
}

vector_fn! {
    fn shift_left(x: __m256i, bits: u32) -> __m256i {
        _mm256_sllv_epi64(x, _mm256_set1_epi64x(i64::from(bits)))
    }
}

vector_fn! {
    fn shift_right(x: __m256i, bits: u32) -> __m256i {
        _mm256_srlv_epi64(x, _mm256_set1_epi64x(i64::from(bits)))
    }
}

#[inline(always)]
fn mul_2exp(x: Four, exponent: u32) -> Four {
    let (exponent, negative) = (exponent % 96, exponent >= 96);
    let x = x.0;
    let product = match exponent {
        0 => Four(x),
        1..=32 => fold(shift_left(x, exponent), shift_right(x, 64 - exponent)),
        33..=63 => reduce(shift_left(x, exponent), shift_right(x, 64 - exponent)),
        _ => {
            // As in the wider vectors.
            let m = 96 - exponent;
            let low = shift_left(x, 64 - m);
            wrapping_difference(low, sum(shift_right(low, 32), shift_right(x, m)))
        }
    };
    if negative { -product } else { product }
}

vector_fn! {
    /// Sums that do not wrap.
    fn sum(a: __m256i, b: __m256i) -> __m256i {
        _mm256_add_epi64(a, b)
    }
}

vector_fn! {
    fn load(from: &[Felt; 4]) -> Four {
        Four(_mm256_loadu_si256(from.as_ptr().cast()))
    }
}

vector_fn! {
    fn store(lanes: Four, to: &mut [Felt; 4]) -> () {
        _mm256_storeu_si256(to.as_mut_ptr().cast(), lanes.0)
    }
}

vector_fn! {
    /// A hint: it reads nothing, whatever the address.
    fn prefetch(from: &[Felt]) -> () {
        _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().cast())
    }
}

vector_fn! {
    fn splat(value: Felt) -> Four {
        Four(_mm256_set1_epi64x(value.as_word() as i64))
    }
}

vector_fn! {
    fn transpose(rows: [__m256i; 4]) -> [__m256i; 4] {
        let [a, b, c, d] = rows;
        let (ab_low, ab_high) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
        [
            _mm256_permute2x128_si256::<0x20>(ab_low, cd_low),
            _mm256_permute2x128_si256::<0x20>(ab_high, cd_high),
            _mm256_permute2x128_si256::<0x31>(ab_low, cd_low),
            _mm256_permute2x128_si256::<0x31>(ab_high, cd_high),
        ]
    }
}

field_operators!(Four);

impl Lanes for Four {
    const WIDTH: usize = 4;

    #[inline(always)]
    fn load(from: &[Felt]) -> Self {
        load(from[..4].as_array().unwrap_or(&[Felt::new(0); 4]))
    }

    #[inline(always)]
    fn store(self, to: &mut [Felt]) {
        if let Some(to) = to[..4].as_mut_array() {
            store(self, to);
        }
    }

    #[inline(always)]
    fn prefetch(from: &[Felt]) {
        prefetch(from);
    }

    #[inline(always)]
    fn splat(value: Felt) -> Self {
        splat(value)
    }

    #[inline(always)]
    fn square(self) -> Self {
        square(self)
    }

    #[inline(always)]
    fn half(self) -> Self {
        half(self)
    }

    #[inline(always)]
    fn mul_2exp(self, exponent: u32) -> Self {
        mul_2exp(self, exponent)
    }

    #[inline(always)]
    fn transpose(square: &mut [Self]) {
        let rows = transpose(std::array::from_fn(|row| square[row].0));
        for (row, words) in square.iter_mut().zip(rows) {
            *row = Self(words);
        }
    }
}

/// Eight words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eight(__m256i);

vector_fn! {
    fn splat_word(value: u32) -> Eight {
        Eight(_mm256_set1_epi32(value as i32))
    }
}

vector_fn! {
    fn load_words(from: &[u32; 8]) -> Eight {
        Eight(_mm256_loadu_si256(from.as_ptr().cast()))
    }
}

vector_fn! {
    fn store_words(words: Eight, to: &mut [u32; 8]) -> () {
        _mm256_storeu_si256(to.as_mut_ptr().cast(), words.0)
    }
}

vector_fn! {
    fn add_words(a: Eight, b: Eight) -> Eight {
        Eight(_mm256_add_epi32(a.0, b.0))
    }
}

vector_fn! {
    fn xor_words(a: Eight, b: Eight) -> Eight {
        Eight(_mm256_xor_si256(a.0, b.0))
    }
}

vector_fn! {
    fn rotate_words<const BITS: i32>(a: Eight) -> Eight {
        let a = a.0;
        // Whole bytes move in one shuffle.
        if BITS == 16 {
            let order = _mm256_set_epi8(
                13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2,
                13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2,
            );
            return Eight(_mm256_shuffle_epi8(a, order));
        }
        if BITS == 8 {
            let order = _mm256_set_epi8(
                12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1,
                12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1,
            );
            return Eight(_mm256_shuffle_epi8(a, order));
        }
        let right = _mm256_srl_epi32(a, _mm_cvtsi32_si128(BITS));
        let left = _mm256_sll_epi32(a, _mm_cvtsi32_si128(32 - BITS));
        Eight(_mm256_or_si256(right, left))
    }
}

vector_fn! {
    fn halves(low: &[Felt; 4], high: &[Felt; 4]) -> [Eight; 2] {
        let a = _mm256_castsi256_ps(load(low).0);
        let b = _mm256_castsi256_ps(load(high).0);
        // Within each half of the vectors; the middle quarters are then in each other's place.
        let even = _mm256_castps_si256(_mm256_shuffle_ps::<0x88>(a, b));
        let odd = _mm256_castps_si256(_mm256_shuffle_ps::<0xdd>(a, b));
        [
            Eight(_mm256_permute4x64_epi64::<0xd8>(even)),
            Eight(_mm256_permute4x64_epi64::<0xd8>(odd)),
        ]
    }
}

vector_fn! {
    fn transpose_words(rows: [__m256i; 8]) -> [__m256i; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        let pairs = [
            _mm256_unpacklo_epi32(a, b),
            _mm256_unpackhi_epi32(a, b),
            _mm256_unpacklo_epi32(c, d),
            _mm256_unpackhi_epi32(c, d),
            _mm256_unpacklo_epi32(e, f),
            _mm256_unpackhi_epi32(e, f),
            _mm256_unpacklo_epi32(g, h),
            _mm256_unpackhi_epi32(g, h),
        ];
        let first = [
            _mm256_unpacklo_epi64(pairs[0], pairs[2]),
            _mm256_unpackhi_epi64(pairs[0], pairs[2]),
            _mm256_unpacklo_epi64(pairs[1], pairs[3]),
            _mm256_unpackhi_epi64(pairs[1], pairs[3]),
        ];
        let last = [
            _mm256_unpacklo_epi64(pairs[4], pairs[6]),
            _mm256_unpackhi_epi64(pairs[4], pairs[6]),
            _mm256_unpacklo_epi64(pairs[5], pairs[7]),
            _mm256_unpackhi_epi64(pairs[5], pairs[7]),
        ];
        [
            _mm256_permute2x128_si256::<0x20>(first[0], last[0]),
            _mm256_permute2x128_si256::<0x20>(first[1], last[1]),
            _mm256_permute2x128_si256::<0x20>(first[2], last[2]),
            _mm256_permute2x128_si256::<0x20>(first[3], last[3]),
            _mm256_permute2x128_si256::<0x31>(first[0], last[0]),
            _mm256_permute2x128_si256::<0x31>(first[1], last[1]),
            _mm256_permute2x128_si256::<0x31>(first[2], last[2]),
            _mm256_permute2x128_si256::<0x31>(first[3], last[3]),
        ]
    }
}

impl Words for Eight {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(value: u32) -> Self {
        splat_word(value)
    }

    #[inline(always)]
    fn load(from: &[u32]) -> Self {
        load_words(from[..8].as_array().unwrap_or(&[0; 8]))
    }

    #[inline(always)]
    fn store(self, to: &mut [u32]) {
        if let Some(to) = to[..8].as_mut_array() {
            store_words(self, to);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        add_words(self, other)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        xor_words(self, other)
    }

    #[inline(always)]
    fn rotate_right<const BITS: i32>(self) -> Self {
        rotate_words::<BITS>(self)
    }

    #[inline(always)]
    fn prefetch(from: &[Felt]) {
        prefetch(from);
    }

    #[inline(always)]
    fn halves(from: &[Felt]) -> [Self; 2] {
        let zeros = &[Felt::new(0); 4];
        let (low, high) = from[..8].split_at(4);
        halves(
            low.as_array().unwrap_or(zeros),
            high.as_array().unwrap_or(zeros),
        )
    }

    #[inline(always)]
    fn transpose(square: &mut [Self]) {
        let rows = transpose_words(std::array::from_fn(|row| square[row].0));
        for (row, words) in square.iter_mut().zip(rows) {
            *row = Self(words);
        }
    }
}
