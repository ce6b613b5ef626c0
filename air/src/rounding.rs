//! How one channel's accumulator becomes its int8 output inside the trace.
//!
//! ONNX Runtime rounds twice (to 24 bits, then to an integer), so the map `acc -> q` is a monotone staircase whose
//! steps are not quite evenly spaced: accumulators that land within half a float32 ulp of a tie belong to the *even*
//! neighbour. Two encodings are offered, cheapest first, and the plan takes one per channel:
//!
//! - [`Rounding::Line`]: `q = floor((m * acc + b) / 2^32)`. One range check of 32 bits. Exists when a straight line
//!   separates every step of the staircase, which near-ties often forbid.
//! - [`Rounding::Window`]: the two-rounding rule itself, `l(q) <= acc * M - q * 2^sh <= h(q)`. One range check, of the
//!   distance from the start of a half ([`WindowRange::start`]), and a lookup of that start.
//!
//! Both are shown exact for every reachable accumulator: the map and both relations are monotone in `acc`, so it is enough
//! to look at the steps. Where accumulators stay within 2^24 the steps have a closed form and the window is exact by
//! proof (`first_of_code`); beyond, the steps of [`Requant::apply`] are searched for and the window is compared with
//! the exact rule on both sides of each. A line is always compared with every step.

use winterforge_model::Requant;

/// Fraction bits of [`Rounding::Line`], and the width of its remainder's range check.
pub const LINE_FRACTION_BITS: u32 = 32;

/// Most bits to which a line is scaled up, where limbs hold more than 32.
pub const MAX_LINE_BITS: u32 = 40;

/// Smallest shift of [`Rounding::Window`]; smaller ones are scaled up to it so that half an ulp is an integer.
const WINDOW_MIN_SHIFT: u32 = 26;

/// Magnitudes in any constraint stay below this, so that field equality is integer equality (p is about `2^64`).
const NO_WRAP_LIMIT: i128 = 1 << 62;

/// Most bits of the range check of a window, and of a distance on the line of steps. All starts of windows then lie below
/// `NO_WRAP_LIMIT`. Limbs of 64 bits would hold every element of the field and check nothing.
pub const MAX_SIDE_BITS: u32 = 52;

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
    /// Bits that the range check needs for every reachable accumulator.
    pub bits: u32,
    /// Most bits that a window's range check may have: with more, products would leave the range in which field equality
    /// is integer equality.
    pub most_bits: u32,
}

impl Channel {
    /// Whether the clamp leaves out codes of the type.
    pub fn is_narrow(&self) -> bool {
        (self.code_min, self.code_max) != (0, 255)
    }
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

/// The two values that must be non-negative for the window to accept `code` at `acc`, `(low side, high side)`: the rule
/// that [`WindowRange::start`] states in halves.
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

/// The range check of a plan's windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRange {
    /// Bits of every remainder that must pass.
    pub bits: u32,
    /// How many remainders do pass, those from 0 on: `2^bits` to 5/4 of that.
    pub size: i64,
}

impl WindowRange {
    /// The width of an output, but for half an ulp: half as much again as `2^bits`.
    pub const fn width(self) -> u64 {
        3 << (self.bits - 1)
    }

    /// Where the lower or the upper *half* of the output `q`, counted from the zero point, starts.
    ///
    /// Accumulators are scaled so that outputs are 3/2 2^bits wide, give or take one part in 2^16:
    ///
    /// ```text
    /// position = acc * M * 3 * 2^(bits - 1 - sh)
    /// lower half:  start(q) <= position < start(q) + size     starts where the output starts
    /// upper half:  start(q) <= position < start(q) + size     ends where the output ends
    /// ```
    ///
    /// Neither leaves the output, since it is wider than the range, and no accumulator of it is outside both, since it is
    /// narrower than twice the range. Positions are multiples of 3 at least, so that "above" is "one further".
    pub fn start(self, q: i64, upper: bool) -> i64 {
        let (sign, low, high) = window_offsets(q);
        let width = self.width() as i64;
        let (half, ulp) = (width >> 1, width >> WINDOW_MIN_SHIFT);
        let odd = (1 - sign) / 2;
        match upper {
            false => width * q - half - ulp * low + odd,
            true => width * q + half + ulp * high - odd - (self.size - 1),
        }
    }

    /// The scaled position of an accumulator; `shift` is less than `bits`.
    pub fn position(self, multiplier: u64, shift: u32, acc: i64) -> i128 {
        i128::from(self.width() >> shift) * i128::from(multiplier) * i128::from(acc)
    }
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
        most_bits: MAX_SIDE_BITS,
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
    let zero_code = i64::from(requant.zero_point) - type_min;
    let clamp = (
        i64::from(requant.qmin) - type_min,
        i64::from(requant.qmax) - type_min,
    );
    let step = |code: i64| first_of_code(multiplier, shift, code - zero_code);
    let is_exact =
        (1..=50).contains(&shift) && range.0.abs().max(range.1.abs()) <= EXACT_ACCUMULATOR;
    let steps = if is_exact {
        Steps::Exact(&step)
    } else {
        Steps::Search
    };
    let staircase = Staircase::new(&code, range, clamp, steps);
    let line = staircase
        .line(multiplier, shift)
        .map(|line| staircase.channel(line));
    let window = staircase
        .window(multiplier, shift, zero_code)
        .map(|window| staircase.channel(window));
    // A line's range check has no bits to spare for distances.
    (line.filter(|line| line.bits <= LINE_FRACTION_BITS), window)
}

/// Accumulators up to here are float32 numbers: only the product is rounded before the final rounding.
const EXACT_ACCUMULATOR: i64 = 1 << 24;

/// The smallest accumulator, if none exceeds [`EXACT_ACCUMULATOR`], whose output is at least `q` above the zero point.
///
/// The boundary `B = (2q - 1) 2^(shift - 1)` is a float32 number with an even significand. Rounding is monotone, so the
/// product P ends at or above B exactly if `P >= B - w`, and strictly above B exactly if `P > B + w`, with w half a
/// float32 ulp at B (on the side away from zero where `|2q - 1| = 1`; the other side belongs to the even output 0 either
/// way). A product that ends *at* B is a tie and goes to the even one of q and q - 1.
fn first_of_code(multiplier: u64, shift: i32, q: i64) -> i64 {
    let (sign, low, _) = window_offsets(q);
    let boundary = (2 * q - 1) << (shift - 1);
    let half_ulp = (low.abs() << shift) >> WINDOW_MIN_SHIFT;
    let least = if sign > 0 {
        boundary - half_ulp
    } else {
        boundary + half_ulp + 1
    };
    let multiplier = multiplier as i64;
    least.div_euclid(multiplier) + i64::from(least.rem_euclid(multiplier) != 0)
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

/// How the steps of a staircase are found.
#[derive(Clone, Copy)]
pub enum Steps<'a> {
    /// By a formula that is proven for the window encoding too: nothing is left to check.
    Exact(&'a dyn Fn(i64) -> i64),
    /// By binary search.
    Search,
}

/// The step at which a monotone function first reaches `target`, by binary search.
fn search(code: &dyn Fn(i64) -> i64, range: (i64, i64), target: i64) -> Step {
    let (mut below, mut acc) = range;
    while acc - below > 1 {
        let middle = below + (acc - below) / 2;
        if code(middle) >= target {
            acc = middle;
        } else {
            below = middle;
        }
    }
    Step {
        code: target,
        acc,
        left: code(below),
    }
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
    known: Steps<'a>,
    range: (i64, i64),
    /// Codes at the ends of the range.
    ends: (i64, i64),
    code_min: i64,
    code_max: i64,
    /// The steps strictly inside the range, one per code.
    steps: Vec<Step>,
}

impl<'a> Staircase<'a> {
    /// Finds the steps of `code`, which must be monotone with values in `clamp`.
    pub fn new(
        code: &dyn Fn(i64) -> i64,
        range: (i64, i64),
        clamp: (i64, i64),
        known: Steps<'a>,
    ) -> Self {
        let ends = (code(range.0), code(range.1));
        let (code_min, code_max) = clamp;
        let codes = ends.0 + 1..=ends.1;
        let steps = match known {
            Steps::Exact(step) => {
                let step = |code| Step {
                    code,
                    acc: step(code),
                    left: code - 1,
                };
                codes.map(step).collect()
            }
            Steps::Search => codes.map(|target| search(code, range, target)).collect(),
        };
        Self {
            known,
            range,
            ends,
            code_min,
            code_max,
            steps,
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
            Rounding::Window { shift, .. } => (shift + 1).max(LINE_FRACTION_BITS),
        };
        Channel {
            rounding,
            code_min: self.code_min,
            code_max: self.code_max,
            saturates_low,
            saturates_high,
            bits: sides.max(64 - distance.leading_zeros()),
            most_bits: self.most_bits(rounding),
        }
    }

    /// Most bits with which positions stay below [`NO_WRAP_LIMIT`].
    fn most_bits(&self, rounding: Rounding) -> u32 {
        let largest = self.range.0.abs().max(self.range.1.abs());
        let fits = |bits: &u32| match rounding {
            Rounding::Line { .. } => true,
            Rounding::Window {
                multiplier, shift, ..
            } => {
                let range = WindowRange {
                    bits: *bits,
                    size: 1 << bits,
                };
                *bits > shift && range.position(multiplier, shift, largest) < NO_WRAP_LIMIT
            }
        };
        (1..=MAX_SIDE_BITS).rev().find(fits).unwrap_or(0)
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
        let slope = i64::try_from(slope).ok()?;
        let (mut least, mut most) = (i64::MIN, i64::MAX);
        // At a step the product is within a slope of the code's boundary, so it is far from overflowing.
        let near = |code: i64, acc: i64| (code << LINE_FRACTION_BITS) - slope * acc;
        for step in &self.steps {
            least = least.max(near(step.code, step.acc));
            most = most.min(near(step.code, step.acc) + slope - 1);
        }
        if least > most {
            return None;
        }
        let offset = least + (most - least) / 2;
        // Beyond the first and the last step the line may leave the clamp, on the clamped side only.
        let agrees = |acc: i64, code: i64| {
            let fits =
                i128::from(slope) * i128::from(acc).abs() + i128::from(offset).abs() + (1 << 42);
            let (line, _) = line_value(slope, offset, acc);
            fits << (MAX_LINE_BITS - LINE_FRACTION_BITS) < NO_WRAP_LIMIT
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
        let unproven = match self.known {
            Steps::Exact(_) => &[],
            Steps::Search => self.steps.as_slice(),
        };
        for &Step { code, acc, left } in unproven {
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
            (true, true) => {
                let window = Rounding::Window {
                    multiplier,
                    shift,
                    zero_code,
                };
                let channel = self.channel(window);
                let fits = channel.bits <= channel.most_bits;
                fits.then_some(window).ok_or(too_large)
            }
            (false, _) => Err(RoundingError::NotExact { accumulator: first }),
            (true, false) => Err(RoundingError::NotExact { accumulator: last }),
        }
    }
}
