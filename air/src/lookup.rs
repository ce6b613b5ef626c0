//! What a trace looks up, and in which tables.

use crate::division::Part;
use crate::mask::ConstraintId;

/// One value looked up in each row, or a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// `code - code_min` of the lane at this column, in the table at this index.
    CodeLow(usize, usize),
    /// `code_max - code`.
    CodeHigh(usize, usize),
    /// A limb of a line's remainder.
    LineLimb(usize),
    /// A limb of a window's remainder.
    WindowLimb(usize),
    /// `(code - zero_code, start)` of a window lane.
    WindowTuple(usize, usize),
    /// `result - operand` of a maximum lane: the lane's column, the operand's column.
    MaxOperand(usize, usize),
    /// `(operand, result, map)` of a map lane.
    MapTuple(usize, usize),
    /// `(code, first, last)` of the step lane at this column.
    StepTuple(usize),
    /// A limb of the distance from a step's first accumulator: the lane's column, the limb.
    StepLow(usize, usize),
    /// A limb of the distance to a step's last accumulator.
    StepHigh(usize, usize),
    /// `(power, sign, largest byte)` of the float lane at this column.
    BinadeTuple(usize),
    /// A byte of a float lane's significand: the lane's column, which byte.
    Significand(usize, usize),
    /// The lower or upper byte of a float lane's slack.
    SlackByte(usize, bool),
    /// The lower or upper byte of a float lane's distance from the tie.
    TieByte(usize, bool),
    /// A limb of a part of the divide lane at this column.
    DivideLimb(usize, Part, usize),
    /// A limb of a part of the root lane at this column.
    RootLimb(usize, Part, usize),
}

/// The tables that lookups refer to. Each has a column of multiplicities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupTable {
    /// 0 to 255.
    Byte,
    /// What limbs wider than a byte may be.
    Word,
    /// Where the halves of each output start.
    Window,
    /// Maps of 256 entries, one after another.
    Map,
    /// Staircases of 256 steps, one after another.
    Steps,
    /// Signs and binades of float32 sums.
    Binade,
}

impl Lookup {
    /// The family that the lookup belongs to.
    pub fn id(self) -> ConstraintId {
        match self {
            Self::CodeLow(..) => ConstraintId::RangeCodeLow,
            Self::CodeHigh(..) => ConstraintId::RangeCodeHigh,
            Self::LineLimb(_) => ConstraintId::RangeLineLimb,
            Self::WindowLimb(_) => ConstraintId::RangeWindowLimb,
            Self::WindowTuple(..) => ConstraintId::WindowTable,
            Self::MaxOperand(..) => ConstraintId::MaxOperand,
            Self::MapTuple(..) => ConstraintId::MapTable,
            Self::StepTuple(_) => ConstraintId::StepTable,
            Self::StepLow(..) => ConstraintId::RangeStepLow,
            Self::StepHigh(..) => ConstraintId::RangeStepHigh,
            Self::BinadeTuple(_) => ConstraintId::BinadeTable,
            Self::Significand(..) => ConstraintId::RangeSignificand,
            Self::SlackByte(..) => ConstraintId::RangeSlack,
            Self::TieByte(..) => ConstraintId::RangeTie,
            Self::DivideLimb(_, part, _) | Self::RootLimb(_, part, _) => part.id(),
        }
    }
}
