//! Where each cell of a lane stands, counted from the lane's first column, and each row constant of a table.

/// Cells of a requantization lane, in this order.
pub mod requant_cell {
    /// The accumulator, bias included.
    pub const ACCUMULATOR: usize = 0;
    /// The output, counted from the smallest value of its type.
    pub const CODE: usize = 1;
    /// 1 where the output saturates high, -1 where it saturates low, else 0.
    pub const BRANCH: usize = 2;
    /// First limb of a line lane.
    pub const LINE_LIMB: usize = 3;
    /// Where the half of the output begins that the accumulator is in (window lanes).
    pub const START: usize = 3;
    /// First limb of a window lane.
    pub const WINDOW_LIMB: usize = 4;
}

/// Cells of a maximum lane: the result, the operands, then partial products.
pub mod max_cell {
    /// The result.
    pub const RESULT: usize = 0;
    /// First operand.
    pub const OPERAND: usize = 1;
}

/// Cells of a map lane.
pub mod map_cell {
    /// The operand.
    pub const OPERAND: usize = 0;
    /// The result.
    pub const RESULT: usize = 1;
}

/// Cells of a step lane; the upper limbs of the distance from its first accumulator, then of that to its last.
pub mod step_cell {
    /// The accumulator.
    pub const ACCUMULATOR: usize = 0;
    /// The output.
    pub const CODE: usize = 1;
    /// First accumulator of the step.
    pub const FIRST: usize = 2;
    /// Last accumulator of the step.
    pub const LAST: usize = 3;
    /// First upper limb.
    pub const LIMB: usize = 4;
}

/// Cells of a product lane: two operands less their zero points, then a step lane.
pub mod product_cell {
    /// First operand.
    pub const OPERAND: usize = 0;
    /// First cell of the step lane.
    pub const STEP: usize = 2;
}

/// Cells of a lane that adds in float32: see [`float_sum`](crate::float_sum).
pub mod float_cell {
    /// The exact sum.
    pub const SUM: usize = 0;
    /// The float32 sum.
    pub const VALUE: usize = 1;
    /// `sign 2^t`.
    pub const POWER: usize = 2;
    /// 1 or -1.
    pub const SIGN: usize = 3;
    /// Largest upper byte of the quotient.
    pub const TOP: usize = 4;
    /// The quotient's lowest bit.
    pub const PARITY: usize = 5;
    /// The seven bits above.
    pub const HALF: usize = 6;
    /// The quotient's middle byte.
    pub const MIDDLE: usize = 7;
    /// Its upper byte, counted from the smallest.
    pub const UPPER: usize = 8;
    /// 1 where the quotient is rounded up, else 0.
    pub const UP: usize = 9;
    /// The remainder, or what is left of it to the next quotient.
    pub const SLACK: usize = 10;
    /// Its upper byte.
    pub const SLACK_HIGH: usize = 11;
    /// The distance from the tie.
    pub const TIE: usize = 12;
    /// Its upper byte.
    pub const TIE_HIGH: usize = 13;
    /// How many there are.
    pub const WIDTH: usize = 14;
}

/// Cells of a lane that divides; upper limbs of the quotient, limbs of the remainder, upper limbs of the slack follow.
pub mod divide_cell {
    /// The numerator.
    pub const NUMERATOR: usize = 0;
    /// The divisor less one.
    pub const DIVISOR: usize = 1;
    /// The quotient.
    pub const QUOTIENT: usize = 2;
    /// First limb.
    pub const LIMB: usize = 3;
}

/// Cells of a lane that takes a square root; upper limbs of the root, limbs of the remainder, upper limbs of the slack
/// follow.
pub mod root_cell {
    /// What is squared and subtracted.
    pub const SUM: usize = 0;
    /// What it is subtracted from.
    pub const SQUARES: usize = 1;
    /// The root.
    pub const ROOT: usize = 2;
    /// First limb.
    pub const LIMB: usize = 3;
}

/// Row constants of a requantization table, in this order.
pub mod requant_constant {
    /// Smallest code.
    pub const CODE_MIN: usize = 0;
    /// Largest code.
    pub const CODE_MAX: usize = 1;
    /// Largest accumulator that saturates low.
    pub const SATURATES_LOW: usize = 2;
    /// Smallest accumulator that saturates high.
    pub const SATURATES_HIGH: usize = 3;
    /// Slope of a line.
    pub const SLOPE: usize = 4;
    /// Offset of a line.
    pub const OFFSET: usize = 5;
    /// How many a line table has.
    pub const LINE_COUNT: usize = 6;
    /// The scale `M / 2^sh` of a window, as an element of the field.
    pub const SCALE: usize = 4;
    /// The code of a window's zero point.
    pub const ZERO_CODE: usize = 5;
    /// How many a window table has.
    pub const WINDOW_COUNT: usize = 6;
}
