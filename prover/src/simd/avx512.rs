//! Vectors of 512 bits (AVX-512 F and DQ).
//!
//! Field elements stay canonical, below p = 2^64 - 2^32 + 1, as the scalar arithmetic of `winterforge_air::field` keeps
//! them, and the functions below are that arithmetic lane by lane; see there why the results are canonical.

use std::arch::x86_64::*;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use winterforge_air::field::Felt;

use super::{Isa, Kernel, Lanes, Words, field_operators};

/// Whether the machine has the instructions used here.
pub(super) fn detected() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
}

/// Runs a kernel compiled for these vectors.
#[target_feature(enable = "sse,avx512f,avx512dq,avx2,bmi2")]
pub(super) fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

/// The instructions.
pub(crate) struct Avx512;

impl Isa for Avx512 {
    type Field = Eight;
    type Words = Sixteen;
}

/// Eight field elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eight(__m512i);

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
    fn add(a: Eight, b: Eight) -> Eight {
        // a - (p - b), which wraps exactly when p is due.
        let negated = _mm512_sub_epi64(_mm512_set1_epi64(P), b.0);
        wrapping_difference(a.0, negated)
    }
}

#[inline(always)]
fn sub(a: Eight, b: Eight) -> Eight {
    wrapping_difference(a.0, b.0)
}

vector_fn! {
    /// `a - b`, plus p where it wraps.
    fn wrapping_difference(a: __m512i, b: __m512i) -> Eight {
        let difference = _mm512_sub_epi64(a, b);
        let wrapped = _mm512_cmplt_epu64_mask(a, b);
        Eight(_mm512_mask_add_epi64(difference, wrapped, difference, _mm512_set1_epi64(P)))
    }
}

vector_fn! {
    /// The upper half of each lane, in its lower half; what is left in the upper half has no meaning.
    fn upper(x: __m512i) -> __m512i {
        _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(x)))
    }
}

vector_fn! {
    fn mul(a: Eight, b: Eight) -> Eight {
        let (a, b) = (a.0, b.0);
        let (a_high, b_high) = (upper(a), upper(b));
        let low_low = _mm512_mul_epu32(a, b);
        let low_high = _mm512_mul_epu32(a, b_high);
        let high_low = _mm512_mul_epu32(a_high, b);
        let high_high = _mm512_mul_epu32(a_high, b_high);
        // No sum wraps: (2^32 - 1)^2 + 2 (2^32 - 1) < 2^64.
        let middle = _mm512_add_epi64(high_low, _mm512_srli_epi64::<32>(low_low));
        let middle_low = _mm512_and_si512(middle, _mm512_set1_epi64(EPSILON));
        let middle_high = _mm512_srli_epi64::<32>(middle);
        let second = _mm512_add_epi64(low_high, middle_low);
        let high = _mm512_add_epi64(high_high, middle_high);
        let high = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(second));
        let shifted = _mm512_castps_si512(_mm512_moveldup_ps(_mm512_castsi512_ps(second)));
        let low = _mm512_mask_blend_epi32(0xaaaa, low_low, shifted);
        reduce(low, high)
    }
}

vector_fn! {
    fn square(a: Eight) -> Eight {
        let a = a.0;
        let a_high = upper(a);
        let low_low = _mm512_mul_epu32(a, a);
        let low_high = _mm512_mul_epu32(a, a_high);
        let high_high = _mm512_mul_epu32(a_high, a_high);
        // The middle product counts twice: 2^33 of it.
        let low = _mm512_add_epi64(low_low, _mm512_slli_epi64::<33>(low_high));
        let middle = _mm512_add_epi64(low_high, _mm512_srli_epi64::<33>(low_low));
        reduce(low, _mm512_add_epi64(high_high, _mm512_srli_epi64::<31>(middle)))
    }
}

vector_fn! {
    fn half(x: Eight) -> Eight {
        // An odd word is made even by adding p: (x - 1) / 2 + (p + 1) / 2.
        let odd = _mm512_test_epi64_mask(x.0, _mm512_set1_epi64(1));
        let floor = _mm512_srli_epi64::<1>(x.0);
        Eight(_mm512_mask_add_epi64(floor, odd, floor, _mm512_set1_epi64(HALF_P_CEIL)))
    }
}

vector_fn! {
    /// `low + 2^64 high`.
    fn reduce(low: __m512i, high: __m512i) -> Eight {
        let top = _mm512_srli_epi64::<32>(high);
        let difference = _mm512_sub_epi64(low, top);
        let wrapped = _mm512_cmplt_epu64_mask(low, top);
        let rest = _mm512_mask_sub_epi64(difference, wrapped, difference, _mm512_set1_epi64(EPSILON));
        fold(rest, high)
    }
}

vector_fn! {
    /// `rest + 2^64 (high mod 2^32)`.
    fn fold(rest: __m512i, high: __m512i) -> Eight {
        let folded = _mm512_mul_epu32(high, _mm512_set1_epi64(EPSILON));
        wrapping_difference(rest, _mm512_sub_epi64(_mm512_set1_epi64(P), folded))
    }
}

vector_fn! {
    fn shift_left(x: __m512i, bits: u32) -> __m512i {
        _mm512_sllv_epi64(x, _mm512_set1_epi64(i64::from(bits)))
    }
}

vector_fn! {
    fn shift_right(x: __m512i, bits: u32) -> __m512i {
        _mm512_srlv_epi64(x, _mm512_set1_epi64(i64::from(bits)))
    }
}

#[inline(always)]
fn mul_2exp(x: Eight, exponent: u32) -> Eight {
    let (exponent, negative) = (exponent % 96, exponent >= 96);
    let x = x.0;
    let product = match exponent {
        0 => Eight(x),
        1..=32 => fold(shift_left(x, exponent), shift_right(x, 64 - exponent)),
        33..=63 => reduce(shift_left(x, exponent), shift_right(x, 64 - exponent)),
        _ => {
            // 2^exponent = -2^-m with m = 96 - exponent. With x = 2^m h + l that is 2^(64-m) l - (h + 2^(32-m) l).
            let m = 96 - exponent;
            let low = shift_left(x, 64 - m);
            wrapping_difference(low, sum(shift_right(low, 32), shift_right(x, m)))
        }
    };
    if negative { -product } else { product }
}

vector_fn! {
    /// Sums that do not wrap.
    fn sum(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi64(a, b)
    }
}

vector_fn! {
    fn load(from: &[Felt; 8]) -> Eight {
        Eight(_mm512_loadu_si512(from.as_ptr().cast()))
    }
}

vector_fn! {
    fn store(lanes: Eight, to: &mut [Felt; 8]) -> () {
        _mm512_storeu_si512(to.as_mut_ptr().cast(), lanes.0)
    }
}

vector_fn! {
    fn stream(lanes: Eight, to: &mut [Felt; 8]) -> () {
        // A store past the caches asks for alignment.
        if to.as_ptr().cast::<__m512i>().is_aligned() {
            _mm512_stream_si512(to.as_mut_ptr().cast(), lanes.0);
        } else {
            _mm512_storeu_si512(to.as_mut_ptr().cast(), lanes.0);
        }
    }
}

vector_fn! {
    fn fence() -> () {
        _mm_sfence()
    }
}

vector_fn! {
    /// A hint: it reads nothing, whatever the address.
    fn prefetch(from: &[Felt]) -> () {
        _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().cast())
    }
}

vector_fn! {
    fn splat(value: Felt) -> Eight {
        Eight(_mm512_set1_epi64(value.as_word() as i64))
    }
}

vector_fn! {
    fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        // Pairs of words, then pairs of pairs, then halves.
        let pairs = [
            _mm512_unpacklo_epi64(a, b),
            _mm512_unpackhi_epi64(a, b),
            _mm512_unpacklo_epi64(c, d),
            _mm512_unpackhi_epi64(c, d),
            _mm512_unpacklo_epi64(e, f),
            _mm512_unpackhi_epi64(e, f),
            _mm512_unpacklo_epi64(g, h),
            _mm512_unpackhi_epi64(g, h),
        ];
        exchange_quarters([pairs[0], pairs[2], pairs[4], pairs[6]], [pairs[1], pairs[3], pairs[5], pairs[7]])
    }
}

/// The last two steps of a transposition: quarters of 128 bits of the even and of the odd rows.
#[inline(always)]
fn exchange_quarters(even: [__m512i; 4], odd: [__m512i; 4]) -> [__m512i; 8] {
    let even = transpose_quarters(even);
    let odd = transpose_quarters(odd);
    [
        even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3],
    ]
}

vector_fn! {
    /// A square of four vectors of four quarters, transposed.
    fn transpose_quarters(rows: [__m512i; 4]) -> [__m512i; 4] {
        let [a, b, c, d] = rows;
        let low = _mm512_shuffle_i64x2::<0x88>(a, b);
        let high = _mm512_shuffle_i64x2::<0xdd>(a, b);
        let low_2 = _mm512_shuffle_i64x2::<0x88>(c, d);
        let high_2 = _mm512_shuffle_i64x2::<0xdd>(c, d);
        [
            _mm512_shuffle_i64x2::<0x88>(low, low_2),
            _mm512_shuffle_i64x2::<0x88>(high, high_2),
            _mm512_shuffle_i64x2::<0xdd>(low, low_2),
            _mm512_shuffle_i64x2::<0xdd>(high, high_2),
        ]
    }
}

field_operators!(Eight);

impl Lanes for Eight {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn load(from: &[Felt]) -> Self {
        load(from[..8].as_array().unwrap_or(&[Felt::new(0); 8]))
    }

    #[inline(always)]
    fn store(self, to: &mut [Felt]) {
        if let Some(to) = to[..8].as_mut_array() {
            store(self, to);
        }
    }

    #[inline(always)]
    fn stream(self, to: &mut [Felt]) {
        if let Some(to) = to[..8].as_mut_array() {
            stream(self, to);
        }
    }

    #[inline(always)]
    fn fence() {
        fence();
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

/// Sixteen words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sixteen(__m512i);

vector_fn! {
    fn splat_word(value: u32) -> Sixteen {
        Sixteen(_mm512_set1_epi32(value as i32))
    }
}

vector_fn! {
    fn load_words(from: &[u32; 16]) -> Sixteen {
        Sixteen(_mm512_loadu_si512(from.as_ptr().cast()))
    }
}

vector_fn! {
    fn store_words(words: Sixteen, to: &mut [u32; 16]) -> () {
        _mm512_storeu_si512(to.as_mut_ptr().cast(), words.0)
    }
}

vector_fn! {
    fn add_words(a: Sixteen, b: Sixteen) -> Sixteen {
        Sixteen(_mm512_add_epi32(a.0, b.0))
    }
}

vector_fn! {
    fn xor_words(a: Sixteen, b: Sixteen) -> Sixteen {
        Sixteen(_mm512_xor_si512(a.0, b.0))
    }
}

vector_fn! {
    fn rotate_words<const BITS: i32>(a: Sixteen) -> Sixteen {
        Sixteen(_mm512_ror_epi32::<BITS>(a.0))
    }
}

vector_fn! {
    fn halves(low: &[Felt; 8], high: &[Felt; 8]) -> [Sixteen; 2] {
        let (a, b) = (load(low).0, load(high).0);
        let even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        let odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
        [
            Sixteen(_mm512_permutex2var_epi32(a, even, b)),
            Sixteen(_mm512_permutex2var_epi32(a, odd, b)),
        ]
    }
}

vector_fn! {
    /// A square of four by four words in each quarter, transposed.
    fn transpose_within_quarters(rows: [__m512i; 4]) -> [__m512i; 4] {
        let [a, b, c, d] = rows;
        let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        [
            _mm512_unpacklo_epi64(ab_low, cd_low),
            _mm512_unpackhi_epi64(ab_low, cd_low),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ]
    }
}

impl Words for Sixteen {
    const WIDTH: usize = 16;

    #[inline(always)]
    fn splat(value: u32) -> Self {
        splat_word(value)
    }

    #[inline(always)]
    fn load(from: &[u32]) -> Self {
        load_words(from[..16].as_array().unwrap_or(&[0; 16]))
    }

    #[inline(always)]
    fn store(self, to: &mut [u32]) {
        if let Some(to) = to[..16].as_mut_array() {
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
        if from.len() < Self::WIDTH {
            return;
        }
        prefetch(from);
        prefetch(&from[8..]);
    }

    #[inline(always)]
    fn halves(from: &[Felt]) -> [Self; 2] {
        let zeros = &[Felt::new(0); 8];
        let (low, high) = from[..16].split_at(8);
        halves(
            low.as_array().unwrap_or(zeros),
            high.as_array().unwrap_or(zeros),
        )
    }

    #[inline(always)]
    fn transpose(square: &mut [Self]) {
        let group = |first: usize| {
            transpose_within_quarters(std::array::from_fn(|row| square[first + row].0))
        };
        // Word w of row r is now in quarter w / 4 of vector w mod 4 of group r / 4, at place r mod 4.
        let groups = [group(0), group(4), group(8), group(12)];
        for word in 0..4 {
            let quarters = transpose_quarters(std::array::from_fn(|group| groups[group][word]));
            for (quarter, words) in quarters.into_iter().enumerate() {
                square[4 * quarter + word] = Self(words);
            }
        }
    }
}
