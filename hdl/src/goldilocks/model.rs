//! The integer model: what the units must compute, by division with remainder.

use super::P;

/// a + b mod p.
pub fn add(a: u64, b: u64) -> u64 {
    remainder(u128::from(a) + u128::from(b))
}

/// a - b mod p, for b <= p.
pub fn subtract(a: u64, b: u64) -> u64 {
    remainder(u128::from(a) + u128::from(P) - u128::from(b))
}

/// a · b mod p.
pub fn multiply(a: u64, b: u64) -> u64 {
    remainder(u128::from(a) * u128::from(b))
}

/// a^exponent mod p.
pub fn power(a: u64, exponent: u64) -> u64 {
    (0..64).rev().fold(1, |result, bit| {
        let square = multiply(result, result);
        if (exponent >> bit) & 1 == 1 {
            multiply(square, a)
        } else {
            square
        }
    })
}

/// x mod p.
pub fn remainder(x: u128) -> u64 {
    (x % u128::from(P)) as u64
}

/// Operands at which carries, borrows and the final subtraction change: for tests of every unit.
pub fn edge_values() -> Vec<u64> {
    let epsilon = (1u64 << 32) - 1;
    let mut values = vec![
        0,
        1,
        2,
        epsilon - 1,
        epsilon,
        epsilon + 1,
        epsilon + 2,
        1 << 48,
        (1 << 48) - 1,
        (1 << 63) - 1,
        1 << 63,
        (1 << 63) + 1,
        P / 2,
        P / 2 + 1,
        0xffff_fffe_ffff_ffff,
        0xffff_fffe_0000_0000,
        P - epsilon - 1,
        P - 2,
        P - 1,
    ];
    values.extend((0..4).map(|limb| 0xffffu64 << (16 * limb)).map(|v| v % P));
    values
}
