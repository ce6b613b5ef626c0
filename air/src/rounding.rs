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
    /// Bits that hold either side of the relation for every reachable accumulator.
    pub bits: u32,
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
///
/// All terms stay below `2^62` for the constants and accumulators that [`encode`] admits.
pub fn window_sides(
    multiplier: u64,
    shift: u32,
    zero_code: i64,
    acc: i64,
    code: i64,
) -> (i64, i64) {
    let q = code - zero_code;
    let (sign, low, high) = window_offsets(q);
    let unit = 1i64 << (shift - WINDOW_MIN_SHIFT);
    let half = 1i64 << (shift - 1);
    let odd = (1 - sign) / 2;
    let distance = multiplier as i64 * acc - (q << shift);
    (
        distance + half + unit * low - odd,
        half + unit * high - odd - distance,
    )
}

/// `floor((slope * acc + offset) / 2^32)` and the remainder.
pub fn line_value(slope: i64, offset: i64, acc: i64) -> (i128, i128) {
    let value = i128::from(slope) * i128::from(acc) + i128::from(offset);
    (
        value >> LINE_FRACTION_BITS,
        value & ((1 << LINE_FRACTION_BITS) - 1),
    )
}

/// The encoding of a channel whose reachable outputs are all `code`.
pub fn encode_constant(
    requant: &Requant,
    range: (i64, i64),
    type_min: i32,
    code: i64,
    lines: bool,
) -> Channel {
    let rounding = if lines {
        Rounding::Line {
            slope: 0,
            offset: code << LINE_FRACTION_BITS,
        }
    } else {
        Rounding::Window {
            multiplier: 0,
            shift: WINDOW_MIN_SHIFT,
            zero_code: code,
        }
    };
    Channel {
        rounding,
        code_min: i64::from(requant.qmin - type_min),
        code_max: i64::from(requant.qmax - type_min),
        saturates_low: range.0 - 1,
        saturates_high: range.1 + 1,
        bits: LINE_FRACTION_BITS,
    }
}

/// Both encodings of a channel whose accumulator lies in `range` (inclusive, within 32 bits) and takes more than one
/// output: the line, if one exists, and the window.
///
/// Outputs are counted from `type_min`.
pub fn encode(
    requant: &Requant,
    range: (i64, i64),
    type_min: i32,
) -> (Option<Channel>, Result<Channel, RoundingError>) {
    let type_min = i64::from(type_min);
    let code = |acc: i64| i64::from(requant.apply(acc)) - type_min;
    let (multiplier, shift) = (u64::from(requant.multiplier), requant.shift);
    // The rounding boundary below a code, in accumulators: right but for accumulators above 2^24, which lose bits
    // before the product.
    let guess = |code: i64| {
        let q = code + type_min - i64::from(requant.zero_point);
        let (_, low, _) = window_offsets(q);
        let shift = shift.clamp(1, 60);
        let boundary = i128::from(2 * q - 1) << (shift - 1);
        let slack = (i128::from(low) << shift) >> WINDOW_MIN_SHIFT;
        (boundary - slack).div_euclid(i128::from(multiplier)) as i64
    };
    let clamp = (
        i64::from(requant.qmin) - type_min,
        i64::from(requant.qmax) - type_min,
    );
    let staircase = Staircase::new(&code, range, clamp, Some(&guess));
    let line = staircase
        .line(multiplier, shift)
        .map(|line| staircase.channel(line));
    let zero_code = i64::from(requant.zero_point) - type_min;
    let window = staircase
        .window(multiplier, shift, zero_code)
        .map(|window| staircase.channel(window));
    // A line's range check has no bits to spare for distances.
    (line.filter(|line| line.bits <= LINE_FRACTION_BITS), window)
}

/// The integer that float32 arithmetic makes of the exact sum `acc / 2^shift`: rounded to 24 bits, then to an integer,
/// ties to even both times.
pub fn round_sum(acc: i64, shift: u32) -> i64 {
    let excess = (64 - acc.unsigned_abs().leading_zeros()).saturating_sub(24);
    shift_ties_even(shift_ties_even(acc, excess) << excess, shift)
}

fn shift_ties_even(value: i64, shift: u32) -> i64 {
    if shift == 0 {
        return value;
    }
    let floor = value >> shift;
    let rest = value - (floor << shift);
    let half = 1i64 << (shift - 1);
    floor + i64::from(rest > half || rest == half && floor & 1 == 1)
}

/// Where the output of a channel first reaches a code.
struct Step {
    code: i64,
    /// The smallest accumulator whose code is at least `code`.
    acc: i64,
    /// The code just below `acc`; several codes share a step where the scale exceeds one.
    left: i64,
}

/// An exact monotone staircase from accumulators to codes, over the reachable accumulators.
pub struct Staircase<'a> {
    code: &'a dyn Fn(i64) -> i64,
    guess: Option<&'a dyn Fn(i64) -> i64>,
    range: (i64, i64),
    /// Codes at the ends of the range.
    ends: (i64, i64),
    code_min: i64,
    code_max: i64,
    /// The steps strictly inside the range, one per code.
    steps: Vec<Step>,
}

impl<'a> Staircase<'a> {
    /// Finds the steps of `code`, which must be monotone with values in `clamp`. `guess` may tell where a code begins,
    /// give or take two.
    pub fn new(
        code: &'a dyn Fn(i64) -> i64,
        range: (i64, i64),
        clamp: (i64, i64),
        guess: Option<&'a dyn Fn(i64) -> i64>,
    ) -> Self {
        let ends = (code(range.0), code(range.1));
        let (code_min, code_max) = clamp;
        let mut staircase = Self {
            code,
            guess,
            range,
            ends,
            code_min,
            code_max,
            steps: Vec::new(),
        };
        staircase.steps = (ends.0 + 1..=ends.1)
            .map(|code| staircase.find_step(code))
            .collect();
        staircase
    }

    fn code(&self, acc: i64) -> i64 {
        (self.code)(acc)
    }

    /// The guess, checked against the exact rule, and a binary search where it is off.
    fn find_step(&self, code: i64) -> Step {
        if let Some(guess) = self.guess {
            let guess = guess(code);
            for acc in [guess + 1, guess, guess + 2] {
                if acc > self.range.0 && acc <= self.range.1 && self.code(acc) >= code {
                    let left = self.code(acc - 1);
                    if left < code {
                        return Step { code, acc, left };
                    }
                }
            }
        }
        let (mut below, mut acc) = self.range;
        while acc - below > 1 {
            let middle = below + (acc - below) / 2;
            if self.code(middle) >= code {
                acc = middle;
            } else {
                below = middle;
            }
        }
        Step {
            code,
            acc,
            left: self.code(below),
        }
    }

    /// The smallest reachable accumulator with at least this code, one past the range if there is none.
    fn step_of(&self, code: i64) -> i64 {
        if code <= self.ends.0 {
            return self.range.0;
        }
        self.steps
            .get((code - self.ends.0 - 1) as usize)
            .map_or(self.range.1 + 1, |step| step.acc)
    }

    /// The channel that uses `rounding` between its saturated ends.
    pub fn channel(&self, rounding: Rounding) -> Channel {
        let saturates_low = self.step_of(self.code_min + 1) - 1;
        let saturates_high = self.step_of(self.code_max);
        let distance = (self.range.1 - saturates_high)
            .max(saturates_low - self.range.0)
            .max(0);
        let sides = match rounding {
            Rounding::Line { .. } => LINE_FRACTION_BITS,
            Rounding::Window { shift, .. } => shift + 1,
        };
        Channel {
            rounding,
            code_min: self.code_min,
            code_max: self.code_max,
            saturates_low,
            saturates_high,
            bits: sides.max(64 - distance.leading_zeros()),
        }
    }

    /// A line of slope about `multiplier / 2^shift` that takes every step, if there is one.
    pub fn line(&self, multiplier: u64, shift: i32) -> Option<Rounding> {
        let multiplier = i128::from(multiplier);
        let scale = i64::from(LINE_FRACTION_BITS) - i64::from(shift);
        let slopes: &[i128] = match scale {
            0..=30 => &[multiplier << scale],
            -64..0 => &[multiplier >> -scale, (multiplier >> -scale) + 1],
            _ => return None,
        };
        slopes.iter().find_map(|&slope| self.line_with_slope(slope))
    }

    fn line_with_slope(&self, slope: i128) -> Option<Rounding> {
        let (mut least, mut most) = (-NO_WRAP_LIMIT, NO_WRAP_LIMIT);
        for step in &self.steps {
            let boundary = i128::from(step.code) << LINE_FRACTION_BITS;
            least = least.max(boundary - slope * i128::from(step.acc));
            most = most.min(boundary - slope * i128::from(step.acc - 1) - 1);
        }
        if least > most {
            return None;
        }
        let (slope, offset) = (
            i64::try_from(slope).ok()?,
            i64::try_from(least + (most - least) / 2).ok()?,
        );
        // Beyond the first and the last step the line may leave the clamp, on the clamped side only.
        let agrees = |acc: i64, code: i64| {
            let fits =
                i128::from(slope) * i128::from(acc).abs() + i128::from(offset).abs() + (1 << 42);
            let (line, _) = line_value(slope, offset, acc);
            fits < NO_WRAP_LIMIT
                && line.clamp(i128::from(self.code_min), i128::from(self.code_max))
                    == i128::from(code)
        };
        (agrees(self.range.0, self.ends.0) && agrees(self.range.1, self.ends.1))
            .then_some(Rounding::Line { slope, offset })
    }

    /// The window of this scale, if it takes every step.
    ///
    /// # Errors
    /// [`RoundingError`] names the accumulator at which it does not.
    pub fn window(
        &self,
        multiplier: u64,
        shift: i32,
        zero_code: i64,
    ) -> Result<Rounding, RoundingError> {
        let largest_accumulator = self.range.0.abs().max(self.range.1.abs());
        let too_large = RoundingError::TooLarge {
            largest_accumulator,
        };
        if !(1..=52).contains(&shift) {
            return Err(too_large);
        }
        let scaled = (shift as u32).max(WINDOW_MIN_SHIFT);
        let multiplier = multiplier << (scaled - shift as u32);
        let shift = scaled;
        let largest = i128::from(multiplier) * i128::from(largest_accumulator) + (515i128 << shift);
        if largest >= NO_WRAP_LIMIT {
            return Err(too_large);
        }
        // The low side grows with `acc`, the high side falls. So a code is taken exactly between its own step and the
        // next one if, at each step, the low side of its code turns non-negative and the high side of the code before
        // turns negative. Codes that share their step with the next one are never due, and need not be taken.
        let low_side = |acc, code| window_sides(multiplier, shift, zero_code, acc, code).0 >= 0;
        let high_side = |acc, code| window_sides(multiplier, shift, zero_code, acc, code).1 >= 0;
        for &Step { code, acc, left } in &self.steps {
            let refused = !low_side(acc - 1, code) && !high_side(acc, code - 1);
            let taken = low_side(acc, code) && (left < code - 1 || high_side(acc - 1, left));
            if !(refused && taken) {
                return Err(RoundingError::NotExact { accumulator: acc });
            }
        }
        let (first, last) = (self.range.0, self.range.1);
        let (first_code, last_code) = self.ends;
        let starts = first_code == self.code_min
            || !high_side(first, first_code - 1) && low_side(first, first_code);
        let ends = last_code == self.code_max
            || !low_side(last, last_code + 1) && high_side(last, last_code);
        match (starts, ends) {
            (true, true) => Ok(Rounding::Window {
                multiplier,
                shift,
                zero_code,
            }),
            (false, _) => Err(RoundingError::NotExact { accumulator: first }),
            (true, false) => Err(RoundingError::NotExact { accumulator: last }),
        }
    }
}
