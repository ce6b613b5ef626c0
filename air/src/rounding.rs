//! How one channel's accumulator becomes its int8 output inside the trace.
//!
//! ONNX Runtime rounds twice (to 24 bits, then to an integer), so the map `acc -> q` is a monotone staircase whose
//! steps are not quite evenly spaced: accumulators that land within half a float32 ulp of a tie belong to the *even*
//! neighbour. Two encodings are offered, cheapest first, and the plan takes one per channel:
//!
//! - [`Rounding::Line`]: `q = floor((m * acc + b) / 2^32)`. One range check of 32 bits. Exists when a straight line
//!   separates every step of the staircase, which near-ties often forbid.
//! - [`Rounding::Window`]: the two-rounding rule itself, `l(q) <= acc * M - q * 2^sh <= h(q)`. Two range checks.
//!
//! Neither is trusted on its formula alone: [`encode`] compares the encoding with the exact rule of
//! [`Requant::apply`] on both sides of every step inside the reachable range. Both sides are monotone in `acc`, so
//! agreement at the steps is agreement everywhere.

use winterforge_model::Requant;

/// Fraction bits of [`Rounding::Line`], and the width of its remainder's range check.
pub const LINE_FRACTION_BITS: u32 = 32;

/// Smallest shift of [`Rounding::Window`]; smaller ones are scaled up to it so that half an ulp is an integer.
const WINDOW_MIN_SHIFT: u32 = 26;

/// Magnitudes in any constraint stay below this, so that field equality is integer equality (p is about `2^64`).
const NO_WRAP_LIMIT: i128 = 1 << 62;

/// The constants of one channel, in *codes*: outputs counted from the smallest value of their type, so 0 to 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The encoding of the unsaturated steps.
    pub rounding: Rounding,
    /// Smallest output code, after fused clamps.
    pub code_min: i64,
    /// Largest output code, after fused clamps.
    pub code_max: i64,
    /// Every reachable accumulator `<= saturates_low` has the code `code_min`, and no other has it.
    pub saturates_low: i64,
    /// Every reachable accumulator `>= saturates_high` has the code `code_max`, and no other has it.
    pub saturates_high: i64,
}

/// One of the two encodings of the unsaturated part of a channel's staircase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `code = floor((slope * acc + offset) / 2^32)`.
    Line {
        /// The slope `m`.
        slope: i64,
        /// The offset `b`.
        offset: i64,
    },
    /// `code - zero_code = q` with `l(q) <= multiplier * acc - q * 2^shift <= h(q)`.
    Window {
        /// The 24-bit mantissa `M`, scaled with `shift` where that was below 26.
        multiplier: u64,
        /// The shift `sh`, at least 26.
        shift: u32,
        /// The code of the zero point.
        zero_code: i64,
    },
}

/// Why a channel has no encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoundingError {
    /// Products would leave the range in which field equality is integer equality.
    #[error("its accumulators (up to {largest_accumulator}) times its scale do not fit below 2^62")]
    TooLarge {
        /// The largest reachable magnitude.
        largest_accumulator: i64,
    },
    /// Neither encoding agrees with the exact rule on every reachable accumulator.
    #[error("no supported rounding relation reproduces its output at accumulator {accumulator}")]
    NotExact {
        /// An accumulator at which the window encoding differs.
        accumulator: i64,
    },
}

/// The offsets of the window's bounds at the output `q` counted from the zero point: `(parity sign, low, high)`.
///
/// `low` and `high` are half a float32 ulp at the two rounding boundaries of `q`, in units of `2^(sh - 26)`, positive
/// where the near-ties belong to `q` (even) and negative where they belong to its neighbours (odd).
pub fn window_offsets(q: i64) -> (i64, i64, i64) {
    let sign = if q % 2 == 0 { 1 } else { -1 };
    let half_ulp = |boundary: i64| 1i64 << (64 - boundary.unsigned_abs().leading_zeros());
    (sign, sign * half_ulp(2 * q - 1), sign * half_ulp(2 * q + 1))
}

/// The two values that must be non-negative for the window to accept `code` at `acc`: `(low side, high side)`.
pub fn window_sides(multiplier: u64, shift: u32, zero_code: i64, acc: i64, code: i64) -> (i128, i128) {
    let q = code - zero_code;
    let (sign, low, high) = window_offsets(q);
    let unit = 1i128 << (shift - WINDOW_MIN_SHIFT);
    let half = 1i128 << (shift - 1);
    let odd = i128::from((1 - sign) / 2);
    let distance = i128::from(multiplier) * i128::from(acc) - (i128::from(q) << shift);
    (distance + half + unit * i128::from(low) - odd, half + unit * i128::from(high) - odd - distance)
}

/// `floor((slope * acc + offset) / 2^32)` and the remainder.
pub fn line_value(slope: i64, offset: i64, acc: i64) -> (i128, i128) {
    let value = i128::from(slope) * i128::from(acc) + i128::from(offset);
    (value >> LINE_FRACTION_BITS, value & ((1 << LINE_FRACTION_BITS) - 1))
}

/// The encoding of a channel whose reachable outputs are all `code`.
pub fn encode_constant(requant: &Requant, range: (i64, i64), type_min: i32, code: i64, lines: bool) -> Channel {
    let rounding = if lines {
        Rounding::Line { slope: 0, offset: code << LINE_FRACTION_BITS }
    } else {
        Rounding::Window { multiplier: 0, shift: WINDOW_MIN_SHIFT, zero_code: code }
    };
    Channel {
        rounding,
        code_min: i64::from(requant.qmin - type_min),
        code_max: i64::from(requant.qmax - type_min),
        saturates_low: range.0 - 1,
        saturates_high: range.1 + 1,
    }
}

/// Encodes a channel whose accumulator lies in `range` (inclusive, within 32 bits) and takes more than one output.
///
/// Outputs are counted from `type_min`. With `lines` false only the window is considered.
///
/// # Errors
/// Returns [`RoundingError`] when no encoding is exact for every accumulator of `range`.
pub fn encode(requant: &Requant, range: (i64, i64), type_min: i32, lines: bool) -> Result<Channel, RoundingError> {
    let staircase = Staircase::new(requant, range, type_min);
    let rounding = match lines.then(|| staircase.line()).flatten() {
        Some(line) => line,
        None => staircase.window()?,
    };
    Ok(Channel {
        rounding,
        code_min: staircase.code_min,
        code_max: staircase.code_max,
        saturates_low: staircase.step_of(staircase.code_min + 1) - 1,
        saturates_high: staircase.step_of(staircase.code_max),
    })
}

/// The exact staircase of one channel over its reachable accumulators.
struct Staircase<'a> {
    requant: &'a Requant,
    range: (i64, i64),
    type_min: i64,
    code_min: i64,
    code_max: i64,
    /// `(code, acc)`: the smallest accumulator, strictly inside the range, whose code is at least `code`.
    steps: Vec<(i64, i64)>,
}

impl<'a> Staircase<'a> {
    fn new(requant: &'a Requant, range: (i64, i64), type_min: i32) -> Self {
        let type_min = i64::from(type_min);
        let mut staircase = Self {
            requant,
            range,
            type_min,
            code_min: i64::from(requant.qmin) - type_min,
            code_max: i64::from(requant.qmax) - type_min,
            steps: Vec::new(),
        };
        let (first, last) = (staircase.code(range.0), staircase.code(range.1));
        staircase.steps = (first + 1..=last).map(|code| (code, staircase.find_step(code))).collect();
        staircase
    }

    fn code(&self, acc: i64) -> i64 {
        i64::from(self.requant.apply(acc)) - self.type_min
    }

    /// The smallest reachable accumulator with at least this code: a guess from the rounding boundary, checked, and a
    /// binary search where the guess is off (accumulators above `2^24` lose bits before the product).
    fn find_step(&self, code: i64) -> i64 {
        let q = code + self.type_min - i64::from(self.requant.zero_point);
        let (_, low, _) = window_offsets(q);
        let is_step = |acc: i64| {
            acc > self.range.0 && acc <= self.range.1 && self.code(acc) >= code && self.code(acc - 1) < code
        };
        if (1..=62).contains(&self.requant.shift) {
            let shift = self.requant.shift as u32;
            let boundary = i128::from(2 * q - 1) << (shift - 1);
            let slack = (i128::from(low) << shift) >> WINDOW_MIN_SHIFT;
            let guess = (boundary - slack).div_euclid(i128::from(self.requant.multiplier)) as i64;
            for acc in [guess + 1, guess, guess + 2] {
                if is_step(acc) {
                    return acc;
                }
            }
        }
        let (mut below, mut at_least) = self.range;
        while at_least - below > 1 {
            let middle = below + (at_least - below) / 2;
            if self.code(middle) >= code { at_least = middle } else { below = middle }
        }
        at_least
    }

    /// The smallest reachable accumulator with at least this code, one past the range if there is none.
    fn step_of(&self, code: i64) -> i64 {
        match self.steps.first() {
            Some(&(first, _)) if code < first => self.range.0,
            Some(&(first, _)) => self.steps.get((code - first) as usize).map_or(self.range.1 + 1, |step| step.1),
            None => self.range.0,
        }
    }

    fn line(&self) -> Option<Rounding> {
        let multiplier = i128::from(self.requant.multiplier);
        let scale = i64::from(LINE_FRACTION_BITS) - i64::from(self.requant.shift);
        let slopes: &[i128] = match scale {
            0..=30 => &[multiplier << scale],
            -64..0 => &[multiplier >> -scale, (multiplier >> -scale) + 1],
            _ => return None,
        };
        slopes.iter().find_map(|&slope| self.line_with_slope(slope))
    }

    fn line_with_slope(&self, slope: i128) -> Option<Rounding> {
        let (mut least, mut most) = (-NO_WRAP_LIMIT, NO_WRAP_LIMIT);
        for &(code, acc) in &self.steps {
            let boundary = i128::from(code) << LINE_FRACTION_BITS;
            least = least.max(boundary - slope * i128::from(acc));
            most = most.min(boundary - slope * i128::from(acc - 1) - 1);
        }
        if least > most {
            return None;
        }
        let (slope, offset) = (i64::try_from(slope).ok()?, i64::try_from(least + (most - least) / 2).ok()?);
        let fits = |acc: i64| {
            i128::from(slope) * i128::from(acc).abs() + i128::from(offset).abs() + (1 << 42) < NO_WRAP_LIMIT
        };
        // Before the first step and after the last one the line may leave the clamp, on the clamped side only.
        let ends_agree = [self.range.0, self.range.1].iter().all(|&acc| {
            let (code, _) = line_value(slope, offset, acc);
            code.clamp(i128::from(self.code_min), i128::from(self.code_max)) == i128::from(self.code(acc))
        });
        (fits(self.range.0) && fits(self.range.1) && ends_agree).then_some(Rounding::Line { slope, offset })
    }

    fn window(&self) -> Result<Rounding, RoundingError> {
        let largest_accumulator = self.range.0.abs().max(self.range.1.abs());
        let too_large = RoundingError::TooLarge { largest_accumulator };
        if !(1..=50).contains(&self.requant.shift) {
            return Err(too_large);
        }
        let shift = (self.requant.shift as u32).max(WINDOW_MIN_SHIFT);
        let multiplier = u64::from(self.requant.multiplier) << (shift - self.requant.shift as u32);
        let zero_code = i64::from(self.requant.zero_point) - self.type_min;
        let largest = i128::from(multiplier) * i128::from(largest_accumulator) + (257i128 << shift);
        if largest >= NO_WRAP_LIMIT {
            return Err(too_large);
        }
        let accepts = |acc: i64, code: i64| {
            let (low, high) = window_sides(multiplier, shift, zero_code, acc, code);
            (low >= 0, high >= 0)
        };
        let exact_at = |acc: i64, code: i64, below: bool, above: bool| {
            // At `acc` the window must take `code` and refuse the neighbours that the caller names.
            let taken = accepts(acc, code) == (true, true);
            let refused_below = !below || !accepts(acc, code - 1).1;
            let refused_above = !above || !accepts(acc, code + 1).0;
            if taken && refused_below && refused_above {
                Ok(())
            } else {
                Err(RoundingError::NotExact { accumulator: acc })
            }
        };
        let interior = |code: i64| code > self.code_min && code < self.code_max;
        for &(code, acc) in &self.steps {
            // Several codes may share a step where the scale exceeds one; only the outermost are taken there.
            let (reached, left) = (self.code(acc), self.code(acc - 1));
            if !accepts(acc, code).0 || accepts(acc - 1, code).0 || accepts(acc, code - 1).1 {
                return Err(RoundingError::NotExact { accumulator: acc });
            }
            if interior(reached) {
                exact_at(acc, reached, true, true)?;
            }
            if interior(left) {
                exact_at(acc - 1, left, true, true)?;
            }
        }
        for acc in [self.range.0, self.range.1] {
            let code = self.code(acc);
            if interior(code) {
                exact_at(acc, code, true, true)?;
            } else if code == self.code_min && code != self.code_max {
                // Saturated low: no larger code may be taken.
                if accepts(acc, code + 1).0 {
                    return Err(RoundingError::NotExact { accumulator: acc });
                }
            } else if code == self.code_max && code != self.code_min && accepts(acc, code - 1).1 {
                return Err(RoundingError::NotExact { accumulator: acc });
            }
        }
        Ok(Rounding::Window { multiplier, shift, zero_code })
    }
}
