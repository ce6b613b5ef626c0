//! Numbers that only ever err upwards, in integer arithmetic.
//!
//! A prover and a verifier on different machines must agree on whether a ledger passes. `f64::log2`
//! and `f64::powf` come from the platform's libm and may differ in the last place, so nothing here
//! touches floating point: [`Bound`] is a 64-bit mantissa and an exponent whose every operation
//! rounds up, and [`Bits`] is a fixed-point lower bound on `-log2`. An error term is therefore never
//! understated, by construction, and is the same number everywhere.

use std::fmt;

/// Fractional bits of a [`Bits`].
const FRACTION: u32 = 16;

/// An upper bound on a non-negative real: `mantissa * 2^exponent`.
///
/// The mantissa has its top bit set unless the value is zero, so that the order of two bounds is the
/// order of (exponent, mantissa).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    mantissa: u64,
    exponent: i32,
}

impl Bound {
    /// Zero, the start of a sum.
    pub const ZERO: Self = Self {
        mantissa: 0,
        exponent: i32::MIN,
    };

    /// One.
    pub const ONE: Self = Self {
        mantissa: 1 << 63,
        exponent: -63,
    };

    /// The value itself, rounded up to 64 significant bits.
    pub const fn from_integer(value: u128) -> Self {
        Self::normalized(value, 0)
    }

    /// The quotient of two integers, rounded up. A zero denominator is taken as one.
    pub const fn ratio(numerator: u128, denominator: u128) -> Self {
        if numerator == 0 {
            return Self::ZERO;
        }
        let denominator = if denominator == 0 { 1 } else { denominator };
        let up = numerator.leading_zeros();
        // A denominator cut to 64 bits is too small, never too large: the quotient stays an upper bound.
        let down = 64u32.saturating_sub(denominator.leading_zeros());
        let quotient = (numerator << up).div_ceil(denominator >> down);
        Self::normalized(quotient, -(up as i32) - down as i32)
    }

    /// `2^exponent`, exactly.
    pub const fn power_of_two(exponent: i32) -> Self {
        Self {
            mantissa: 1 << 63,
            exponent: exponent - 63,
        }
    }

    const fn normalized(value: u128, exponent: i32) -> Self {
        if value == 0 {
            return Self::ZERO;
        }
        let excess = 64 - value.leading_zeros() as i32;
        let exponent = exponent.saturating_add(excess);
        if excess <= 0 {
            let mantissa = (value << -excess) as u64;
            return Self { mantissa, exponent };
        }
        let kept = value >> excess;
        let rounded = if kept << excess == value {
            kept
        } else {
            kept + 1
        };
        if rounded >> 64 == 0 {
            let mantissa = rounded as u64;
            Self { mantissa, exponent }
        } else {
            let exponent = exponent.saturating_add(1);
            Self {
                mantissa: 1 << 63,
                exponent,
            }
        }
    }

    /// Upper bound of the sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let (large, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        if small.mantissa == 0 {
            return large;
        }
        let distance = large.exponent as i64 - small.exponent as i64;
        // Bits of the smaller term that fall off are replaced by a one in the last place kept.
        let wide = (large.mantissa as u128) << 62;
        let addend = if distance >= 126 {
            1
        } else {
            (((small.mantissa as u128) << 62) >> distance) + 1
        };
        Self::normalized(wide + addend, large.exponent.saturating_sub(62))
    }

    /// Upper bound of the product.
    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Self::ZERO;
        }
        let product = self.mantissa as u128 * other.mantissa as u128;
        Self::normalized(product, self.exponent.saturating_add(other.exponent))
    }

    /// Upper bound of the product with an integer.
    #[must_use]
    pub const fn times_integer(self, factor: u128) -> Self {
        self.times(Self::from_integer(factor))
    }

    /// Upper bound of the `power`-th power.
    #[must_use]
    pub const fn power(self, power: u32) -> Self {
        let mut result = Self::ONE;
        let mut square = self;
        let mut rest = power;
        while rest > 0 {
            if rest & 1 == 1 {
                result = result.times(square);
            }
            rest >>= 1;
            if rest > 0 {
                square = square.times(square);
            }
        }
        result
    }

    /// Upper bound of the square root.
    #[must_use]
    pub const fn square_root(self) -> Self {
        if self.mantissa == 0 {
            return self;
        }
        let odd = self.exponent.rem_euclid(2);
        let radicand = (self.mantissa as u128) << (62 + odd);
        let root = radicand.isqrt();
        let rounded = if root * root == radicand {
            root
        } else {
            root + 1
        };
        Self::normalized(rounded, self.exponent.saturating_sub(62 + odd) / 2)
    }

    /// The least integer not below the bound, saturating.
    pub const fn ceiling(self) -> u128 {
        if self.mantissa == 0 {
            return 0;
        }
        if self.exponent > 64 {
            return u128::MAX;
        }
        if self.exponent >= 0 {
            return (self.mantissa as u128) << self.exponent;
        }
        if self.exponent <= -64 {
            return 1;
        }
        (self.mantissa as u128).div_ceil(1 << -self.exponent)
    }

    /// Whether this bound is below another.
    pub const fn is_below(self, other: Self) -> bool {
        self.exponent < other.exponent
            || (self.exponent == other.exponent && self.mantissa < other.mantissa)
    }

    /// The larger of two bounds.
    #[must_use]
    pub const fn maximum(self, other: Self) -> Self {
        if self.is_below(other) { other } else { self }
    }

    /// Lower bound on `-log2` of the value; a value of zero has [`Bits::UNBOUNDED`].
    ///
    /// The fraction is read off by repeated squaring, each square rounded up, and one unit in the
    /// last place is added for what lies behind it.
    pub const fn security(self) -> Bits {
        if self.mantissa == 0 {
            return Bits::UNBOUNDED;
        }
        let mut logarithm = self.exponent as i64 + 63;
        let mut x = self.mantissa as u128;
        let mut step = 0;
        while step < FRACTION {
            x = (x * x).div_ceil(1 << 63);
            logarithm <<= 1;
            if x >> 64 != 0 {
                logarithm += 1;
                x = x.div_ceil(2);
            }
            step += 1;
        }
        let remainder = if x > 1 << 63 { 1 } else { 0 };
        Bits(-(logarithm + remainder))
    }
}

/// A lower bound on `-log2` of an error probability, in units of 2^-16 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bits(i64);

impl Bits {
    /// The security of an error that cannot happen.
    pub const UNBOUNDED: Self = Self(i64::MAX);

    /// A whole number of bits.
    pub const fn whole(bits: u32) -> Self {
        Self((bits as i64) << FRACTION)
    }

    /// A whole number of bits and `quarters` quarters of one.
    pub const fn with_quarters(bits: u32, quarters: u32) -> Self {
        Self(((bits as i64) << FRACTION) + ((quarters as i64) << (FRACTION - 2)))
    }

    /// Whole bits, rounded down; zero when the error bound is not below one.
    pub const fn floor(self) -> u32 {
        let whole = self.0 >> FRACTION;
        if whole <= 0 {
            0
        } else if whole > u32::MAX as i64 {
            u32::MAX
        } else {
            whole as u32
        }
    }

    /// The value for reports. Verdicts compare [`Bits`], never this.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / f64::from(1u32 << FRACTION)
    }
}

impl fmt::Display for Bits {
    /// Two decimals, rounded down.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNBOUNDED {
            return f.pad("-");
        }
        if self.0 <= 0 {
            return f.pad("0.00");
        }
        let hundredths = (i128::from(self.0) * 100) >> FRACTION;
        f.pad(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}
