//! Switching single constraints off, for the forger's bench only.
//!
//! Every constraint and lookup has a name here. With the feature `forge` a [`Mask`] can hold some of them, and the
//! AIR then treats them as satisfied: a forgery that is accepted only under the mask shows that the constraint is
//! what stops it. Without the feature a `Mask` is empty, has no size, and every question to it is a constant `false`.

/// The families of constraints of a shard, and of the trace of parameters. A family covers every lane and row it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConstraintId {
    /// The branch cell is -1, 0 or 1.
    BranchTernary,
    /// Branch 1 only at the largest code.
    BranchHigh,
    /// Branch -1 only at the smallest code.
    BranchLow,
    /// The line relation, or the saturated branches' comparison, in a line lane.
    RoundLine,
    /// The window relation, or the saturated branches' comparison, in a window lane.
    RoundWindow,
    /// `code - code_min` is a byte.
    RangeCodeLow,
    /// `code_max - code` is a byte.
    RangeCodeHigh,
    /// The limbs of a line's remainder are in their table.
    RangeLineLimb,
    /// The limbs of a window's remainder are in their table.
    RangeWindowLimb,
    /// The start of a half comes from the window table.
    WindowTable,
    /// A maximum is one of its operands.
    MaxIsOperand,
    /// A maximum is at least each operand.
    MaxOperand,
    /// A map's result comes from its table.
    MapTable,
    /// Code, first and last accumulator come from the table of steps.
    StepTable,
    /// An accumulator is not below its step.
    RangeStepLow,
    /// An accumulator is not above its step.
    RangeStepHigh,
    /// An accumulator is the product of two copies, moved to its staircase.
    Product,
    /// Sign, power and largest byte of a float32 sum come from the table of binades.
    BinadeTable,
    /// The parity cell of a significand is 0 or 1.
    FloatParity,
    /// A significand is rounded up by 0 or 1.
    FloatUp,
    /// An exact sum is its binade's power times a quotient, and a remainder.
    FloatDivision,
    /// A float32 sum is its binade's power times the rounded quotient.
    FloatValue,
    /// What is left to the tie of a rounding follows from remainder, parity and direction.
    FloatTie,
    /// A significand has 24 bits.
    RangeSignificand,
    /// The remainder of a float32 sum is smaller than the divisor.
    RangeSlack,
    /// The remainder of a float32 sum is on the side of the tie to which it is rounded.
    RangeTie,
    /// A numerator is the quotient times the divisor, and the remainder.
    Division,
    /// A difference of squares is the root's square, and the remainder.
    Root,
    /// A quotient or root is in its range.
    RangeResult,
    /// The remainder of a division or root is not negative.
    RangeRemainder,
    /// The remainder of a division or root is no larger than it may be.
    RangeRest,
    /// A product column holds the product of what two folded operands make.
    Contraction,
    /// A lookup's auxiliary column holds the sum of its group's reciprocals.
    LookupSum,
    /// The multiplicities of the lookup tables enter the sum.
    Multiplicity,
    /// Accumulators and copies enter the joint check.
    JointLink,
    /// Values that later operators read enter the joint check.
    JointValue,
    /// The running sum adds each row.
    RunningSum,
    /// The running sum starts at zero.
    SumFirst,
    /// The running sum ends at the shard's claim.
    SumLast,
    /// The running sum over a committed model's parameters adds each row.
    ParameterSum,
    /// It starts at zero.
    ParameterFirst,
    /// It ends at what the shards claim.
    ParameterLast,
}

impl ConstraintId {
    /// Every constraint family, in declaration order.
    pub const ALL: [Self; 42] = [
        Self::BranchTernary,
        Self::BranchHigh,
        Self::BranchLow,
        Self::RoundLine,
        Self::RoundWindow,
        Self::RangeCodeLow,
        Self::RangeCodeHigh,
        Self::RangeLineLimb,
        Self::RangeWindowLimb,
        Self::WindowTable,
        Self::MaxIsOperand,
        Self::MaxOperand,
        Self::MapTable,
        Self::StepTable,
        Self::RangeStepLow,
        Self::RangeStepHigh,
        Self::Product,
        Self::BinadeTable,
        Self::FloatParity,
        Self::FloatUp,
        Self::FloatDivision,
        Self::FloatValue,
        Self::FloatTie,
        Self::RangeSignificand,
        Self::RangeSlack,
        Self::RangeTie,
        Self::Division,
        Self::Root,
        Self::RangeResult,
        Self::RangeRemainder,
        Self::RangeRest,
        Self::Contraction,
        Self::LookupSum,
        Self::Multiplicity,
        Self::JointLink,
        Self::JointValue,
        Self::RunningSum,
        Self::SumFirst,
        Self::SumLast,
        Self::ParameterSum,
        Self::ParameterFirst,
        Self::ParameterLast,
    ];
}

/// The constraints that are treated as satisfied: none, outside the forger's bench.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    #[cfg(feature = "forge")]
    masked: std::collections::BTreeSet<ConstraintId>,
}

impl Mask {
    /// Whether `constraint` is switched off.
    #[inline(always)]
    pub fn hides(&self, constraint: ConstraintId) -> bool {
        #[cfg(feature = "forge")]
        return self.masked.contains(&constraint);
        #[cfg(not(feature = "forge"))]
        {
            let _ = constraint;
            false
        }
    }

    /// A mask that switches `constraints` off.
    #[cfg(feature = "forge")]
    pub fn of(constraints: impl IntoIterator<Item = ConstraintId>) -> Self {
        Self {
            masked: constraints.into_iter().collect(),
        }
    }
}
