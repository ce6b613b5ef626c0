//! Where everything stands in one shard's trace: main columns, lookups, auxiliary columns, public columns.
//!
//! A shard holds up to two requantization tables side by side, each several *lanes* wide, and the multiplicities of
//! the lookup tables. A row of a table belongs to one output channel at one position; its lanes are consecutive
//! samples of the batch, so that they share every constant of the row.
//!
//! ```text
//! main:   [line lane]* [window lane]* byte multiplicity, window multiplicity
//! aux:    one column per group of lookups, then the running sum
//! public: line constants, window constants, joint coefficients of each table, lookup table inverses
//! ```

use crate::mask::ConstraintId;

/// Values of one limb: a limb is a byte.
pub const LIMB_BITS: u32 = 8;
/// Limbs of a line's remainder.
pub const LINE_LIMBS: usize = 4;
/// Rows of the byte table.
pub const BYTE_ROWS: usize = 256;
/// Rows of the window table: every difference of two codes, from -255 to 255.
pub const WINDOW_ROWS: usize = 511;
/// Lookups that share one auxiliary column. Four give constraints of degree 5, which fit blowup 4 and up, and were
/// the cheapest measured at blowups 4 and 8.
pub const LOOKUPS_PER_COLUMN: usize = 4;

/// The two kinds of requantization table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Channels encoded as [`Rounding::Line`](crate::rounding::Rounding::Line).
    Line,
    /// Channels encoded as [`Rounding::Window`](crate::rounding::Rounding::Window).
    Window,
}

/// Cells at the start of every lane, in this order.
pub mod cell {
    /// The accumulator, bias included.
    pub const ACCUMULATOR: usize = 0;
    /// The output, counted from the smallest value of its type.
    pub const CODE: usize = 1;
    /// 1 where the output saturates high, -1 where it saturates low, else 0.
    pub const BRANCH: usize = 2;
    /// First limb of a line lane.
    pub const LINE_LIMB: usize = 3;
    /// 1 if the output less its zero point is even, else -1.
    pub const SIGN: usize = 3;
    /// Half an ulp at the lower boundary, signed.
    pub const LOW_OFFSET: usize = 4;
    /// Half an ulp at the upper boundary, signed.
    pub const HIGH_OFFSET: usize = 5;
    /// First limb of a window lane.
    pub const WINDOW_LIMB: usize = 6;
}

/// Public columns of a line table, in this order, before its joint coefficients.
pub mod line_constant {
    /// Smallest code.
    pub const CODE_MIN: usize = 0;
    /// Largest code.
    pub const CODE_MAX: usize = 1;
    /// Largest accumulator that saturates low.
    pub const SATURATES_LOW: usize = 2;
    /// Smallest accumulator that saturates high.
    pub const SATURATES_HIGH: usize = 3;
    /// Slope.
    pub const SLOPE: usize = 4;
    /// Offset.
    pub const OFFSET: usize = 5;
    /// How many there are.
    pub const COUNT: usize = 6;
}

/// Public columns of a window table; the first four are those of [`line_constant`].
pub mod window_constant {
    /// Multiplier `M`.
    pub const MULTIPLIER: usize = 4;
    /// `2^sh`.
    pub const STEP: usize = 5;
    /// The code of the zero point.
    pub const ZERO_CODE: usize = 6;
    /// How many there are.
    pub const COUNT: usize = 7;
}

/// The geometry of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Binary logarithm of the trace length.
    pub log_rows: u32,
    /// Lanes of the line table; 0 if there is none.
    pub line_lanes: usize,
    /// Lanes of the window table; 0 if there is none.
    pub window_lanes: usize,
    /// Limbs of each side of a window.
    pub window_limbs: usize,
}

/// One value looked up in each row: in the byte table, or as a tuple in the window table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// `code - code_min` of the lane at this column.
    CodeLow(Kind, usize),
    /// `code_max - code` of the lane at this column.
    CodeHigh(Kind, usize),
    /// A limb of a line's remainder at this column.
    LineLimb(usize),
    /// A limb of a window's low side at this column.
    WindowLowLimb(usize),
    /// A limb of a window's high side at this column.
    WindowHighLimb(usize),
    /// `(code - zero_code, sign, low offset, high offset)` of the window lane at this column.
    WindowTuple(usize),
}

impl Lookup {
    /// The family that the lookup belongs to.
    pub fn id(self) -> ConstraintId {
        match self {
            Self::CodeLow(..) => ConstraintId::RangeCodeLow,
            Self::CodeHigh(..) => ConstraintId::RangeCodeHigh,
            Self::LineLimb(_) => ConstraintId::RangeLineLimb,
            Self::WindowLowLimb(_) => ConstraintId::RangeWindowLowLimb,
            Self::WindowHighLimb(_) => ConstraintId::RangeWindowHighLimb,
            Self::WindowTuple(_) => ConstraintId::WindowTable,
        }
    }
}

impl Layout {
    /// Trace length.
    pub fn rows(&self) -> usize {
        1 << self.log_rows
    }

    /// Main columns of one lane.
    pub fn lane_width(&self, kind: Kind) -> usize {
        match kind {
            Kind::Line => cell::LINE_LIMB + LINE_LIMBS,
            Kind::Window => cell::WINDOW_LIMB + 2 * self.window_limbs,
        }
    }

    /// Lanes of the table of this kind.
    pub fn lanes(&self, kind: Kind) -> usize {
        match kind {
            Kind::Line => self.line_lanes,
            Kind::Window => self.window_lanes,
        }
    }

    /// First main column of a lane.
    pub fn lane_start(&self, kind: Kind, lane: usize) -> usize {
        let base = match kind {
            Kind::Line => 0,
            Kind::Window => self.line_lanes * self.lane_width(Kind::Line),
        };
        base + lane * self.lane_width(kind)
    }

    /// First main column of every lane of a table.
    pub fn lane_starts(&self, kind: Kind) -> impl Iterator<Item = usize> {
        let (start, width) = (self.lane_start(kind, 0), self.lane_width(kind));
        (0..self.lanes(kind)).map(move |lane| start + lane * width)
    }

    /// Column of the byte table's multiplicities.
    pub fn byte_multiplicity(&self) -> usize {
        self.lane_start(Kind::Window, self.window_lanes)
    }

    /// Column of the window table's multiplicities, if there is a window table.
    pub fn window_multiplicity(&self) -> Option<usize> {
        (self.window_lanes > 0).then(|| self.byte_multiplicity() + 1)
    }

    /// Width of the main segment.
    pub fn main_width(&self) -> usize {
        self.byte_multiplicity() + 1 + usize::from(self.window_lanes > 0)
    }

    /// Width of the auxiliary segment, in columns of extension elements.
    pub fn aux_width(&self) -> usize {
        self.lookups_per_row().div_ceil(LOOKUPS_PER_COLUMN) + 1
    }

    /// The auxiliary column of the running sum.
    pub fn running_sum(&self) -> usize {
        self.aux_width() - 1
    }

    /// Lookups in each row.
    pub fn lookups_per_row(&self) -> usize {
        self.line_lanes * (2 + LINE_LIMBS) + self.window_lanes * (3 + 2 * self.window_limbs)
    }

    /// Every lookup of a row, in the order of the auxiliary columns.
    pub fn lookups(&self) -> Vec<Lookup> {
        let mut lookups = Vec::with_capacity(self.lookups_per_row());
        for start in self.lane_starts(Kind::Line) {
            lookups.extend([
                Lookup::CodeLow(Kind::Line, start),
                Lookup::CodeHigh(Kind::Line, start),
            ]);
            lookups.extend(
                (0..LINE_LIMBS).map(|limb| Lookup::LineLimb(start + cell::LINE_LIMB + limb)),
            );
        }
        for start in self.lane_starts(Kind::Window) {
            let limb = start + cell::WINDOW_LIMB;
            lookups.extend([
                Lookup::CodeLow(Kind::Window, start),
                Lookup::CodeHigh(Kind::Window, start),
            ]);
            lookups.push(Lookup::WindowTuple(start));
            lookups.extend((0..self.window_limbs).map(|i| Lookup::WindowLowLimb(limb + i)));
            lookups.extend(
                (0..self.window_limbs)
                    .map(|i| Lookup::WindowHighLimb(limb + self.window_limbs + i)),
            );
        }
        lookups
    }

    /// First public column of a table's row constants.
    pub fn constants_start(&self, kind: Kind) -> usize {
        match kind {
            Kind::Window if self.line_lanes > 0 => line_constant::COUNT,
            _ => 0,
        }
    }

    /// Public columns that hold row constants: base-field values known before the challenge.
    pub fn constants_width(&self) -> usize {
        let line = if self.line_lanes > 0 {
            line_constant::COUNT
        } else {
            0
        };
        let window = if self.window_lanes > 0 {
            window_constant::COUNT
        } else {
            0
        };
        line + window
    }

    /// The index, among the public columns of extension elements, of a table's accumulator coefficient; its code
    /// coefficient follows.
    pub fn joint_column(&self, kind: Kind) -> usize {
        match kind {
            Kind::Window if self.line_lanes > 0 => 2,
            _ => 0,
        }
    }

    /// The index, among the public columns of extension elements, of the byte table's inverses; the window table's
    /// follow.
    pub fn inverse_column(&self) -> usize {
        2 * (usize::from(self.line_lanes > 0) + usize::from(self.window_lanes > 0))
    }

    /// Public columns of extension elements: known only after the challenge.
    pub fn joint_width(&self) -> usize {
        self.inverse_column() + 1 + usize::from(self.window_lanes > 0)
    }
}
