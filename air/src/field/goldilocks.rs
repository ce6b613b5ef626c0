//! Arithmetic on words modulo the Goldilocks prime p = 2^64 - 2^32 + 1.
//!
//! Every function takes canonical words, in [0, p), and returns one. The field is described in
//! Pornin, "EcGFp5" (eprint 2022/274). Reductions rest on three congruences modulo p:
//!
//! - 2^64 = 2^32 - 1, called [`EPSILON`] below, so adding p to a wrapped word is subtracting
//!   `EPSILON`;
//! - 2^96 = -1;
//! - 2^192 = 1, so that dividing by a power of two is multiplying by another.

/// The prime, 2^64 - 2^32 + 1.
pub(super) const P: u64 = 0xffff_ffff_0000_0001;

/// 2^64 mod p, which is also 2^64 - p.
const EPSILON: u64 = 0xffff_ffff;

/// `EPSILON` if `wrapped`, else 0: what to take off a wrapped difference in order to add p to it.
#[inline(always)]
const fn correction(wrapped: bool) -> u64 {
    // Negating in 32 bits makes this one instruction after a borrow, with no mask to load.
    (wrapped as u32).wrapping_neg() as u64
}

/// Adds p to a wrapped difference, where that is so rare that a branch is cheaper than a mask.
///
/// Out of line, or else the compiler would turn the branch into arithmetic on every product.
#[cold]
#[inline(never)]
const fn rare_correction(difference: u64) -> u64 {
    difference.wrapping_sub(EPSILON)
}

/// `a + b` mod p.
#[inline(always)]
pub(super) const fn add(a: u64, b: u64) -> u64 {
    // As a - (p - b): unlike a + b, this wraps exactly when a correction is due, and leaves the
    // result canonical.
    let (difference, wrapped) = a.overflowing_sub(P - b);
    difference.wrapping_sub(correction(wrapped))
}

/// `a - b` mod p.
#[inline(always)]
pub(super) const fn sub(a: u64, b: u64) -> u64 {
    let (difference, wrapped) = a.overflowing_sub(b);
    difference.wrapping_sub(correction(wrapped))
}

/// `-a` mod p.
#[inline(always)]
pub(super) const fn neg(a: u64) -> u64 {
    sub(0, a)
}

/// `a * b` mod p.
#[inline(always)]
pub(super) const fn mul(a: u64, b: u64) -> u64 {
    reduce(a as u128 * b as u128, 0)
}

/// `low + top * 2^128` mod p, for any `low` and any `top` below 2^32 - 1.
///
/// With the value split as `x0 + x1 * 2^64 + x2 * 2^96` (x0 of 64 bits, x1 of 32 bits, x2 what is
/// left, at most p), it is congruent to `x0 - x2 + x1 * EPSILON`.
#[inline(always)]
pub(super) const fn reduce(low: u128, top: u64) -> u64 {
    let x0 = low as u64;
    let high = (low >> 64) as u64;
    let x1 = high & EPSILON;
    let x2 = (high >> 32) | (top << 32);

    // Any 64-bit word: where it wraps, x0 - x2 + p is in [0, p); elsewhere it is x0 - x2, which may
    // exceed p. In a product it wraps only if x0 is below 2^32.
    let (difference, wrapped) = x0.overflowing_sub(x2);
    let t0 = if wrapped {
        rare_correction(difference)
    } else {
        difference
    };

    // t1 is at most (2^32 - 1)^2 = p - 2^32. So if the last difference does not wrap, t0 + t1 - p
    // is at most 2^64 - 1 - 2^32, below p; and if it does, t0 + t1 < p is the result. It is
    // canonical either way, without another comparison.
    let t1 = (x1 << 32) - x1;
    let (sum, wrapped) = t0.overflowing_sub(P - t1);
    sum.wrapping_sub(correction(wrapped))
}

/// `base ^ exponent` mod p, with 0^0 = 1.
pub(super) const fn pow(base: u64, exponent: u64) -> u64 {
    let mut result = 1;
    let mut square = base;
    let mut rest = exponent;
    while rest != 0 {
        if rest & 1 == 1 {
            result = mul(result, square);
        }
        rest >>= 1;
        if rest != 0 {
            square = mul(square, square);
        }
    }
    result
}

/// `2 ^ exponent` mod p, for exponents below 96.
const fn power_of_two(exponent: u32) -> u64 {
    if exponent < 64 {
        1 << exponent
    } else {
        EPSILON << (exponent - 64)
    }
}

/// `1 / x` mod p, and 0 for `x = 0`.
///
/// Kaliski's almost inverse ("The Montgomery inverse and its applications", 1995) with all trailing
/// zeros shifted out at once, and the power of two that it leaves divided out by one
/// multiplication.
pub(super) const fn inverse(x: u64) -> u64 {
    if x == 0 {
        return 0;
    }
    // Invariants, for s = 1 or -1 by `negative`, all congruences mod p:
    //   a and b are odd, a * 2^k = s * u * x, b * 2^k = -s * v * x, and a * v + b * u = p exactly,
    // the last of which keeps u and v within a word.
    let mut k = x.trailing_zeros();
    let (mut a, mut u) = (x >> k, 1_u64);
    let (mut b, mut v) = (P, 0_u64);
    let mut negative = false;

    // gcd(x, p) = 1, so the two meet at 1.
    while a != b {
        let (difference, less) = a.overflowing_sub(b);
        let shift = difference.trailing_zeros();
        let magnitude = if less {
            difference.wrapping_neg()
        } else {
            difference
        };
        let kept = if less { u } else { v };
        b = if less { a } else { b };
        a = magnitude >> shift;
        u += v;
        v = kept << shift;
        k += shift;
        negative ^= less;
    }

    // 2^-k is -2^(96 - k), and 2^(192 - k) once k exceeds 96; k is at least 1 and below 128.
    let (exponent, flip) = if k <= 96 {
        (96 - k, true)
    } else {
        (192 - k, false)
    };
    let quotient = mul(u, power_of_two(exponent));
    if negative != flip {
        neg(quotient)
    } else {
        quotient
    }
}

#[cfg(test)]
mod tests {
    use super::{P, inverse, mul, power_of_two, reduce};

    /// The widest sums, which no sum of a test's length can reach.
    #[test]
    fn reduction_takes_any_top_below_2_to_32_minus_1() {
        let p = u128::from(P);
        let words = [
            0,
            1,
            2,
            0xffff_fffe,
            0xffff_ffff,
            1 << 32,
            1 << 63,
            P - 1,
            P,
            u64::MAX,
        ];
        for top in [0, 1, 2, 3, 1 << 16, 0xffff_fffc, 0xffff_fffd, 0xffff_fffe] {
            for high in words {
                for low in words {
                    let wide = u128::from(high) << 64 | u128::from(low);
                    // 2^128 = -2^32.
                    let want = (wide % p + (p - (1 << 32)) * u128::from(top) % p) % p;
                    let got = reduce(wide, top);
                    assert_eq!(u128::from(got), want, "{top:#x} {high:#x} {low:#x}");
                }
            }
        }
    }

    #[test]
    fn powers_of_two_are_canonical_and_inverted() {
        let mut want = 1;
        for exponent in 0..96 {
            assert_eq!(power_of_two(exponent), want, "2^{exponent}");
            assert_eq!(mul(inverse(want), want), 1, "2^{exponent}");
            want = mul(want, 2);
        }
        assert_eq!(want, P - 1, "2^96 = -1");
    }
}
