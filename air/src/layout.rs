//! Where everything stands in one shard's trace: tables, main columns, lookups, auxiliary columns, public columns.
//!
//! A shard holds several tables side by side, each several *lanes* wide, and the multiplicities of the lookup tables.
//! A row of a table belongs to one channel of one operator; its lanes are consecutive *instances* (positions of one
//! sample after another), which share every constant of the row.
//!
//! ```text
//! main:   [lane of table 0]* [lane of table 1]* .. multiplicities
//! aux:    one column per group of lookups, one per lane of a matrix product, then the running sum
//! public: row constants of each table, then joint coefficients of each table, then lookup table inverses
//! ```
//!
//! A cell of a lane is either *linked* (an accumulator or a copy: one equation of the joint check defines it), the
//! lane's *value* (what later operators read), or a helper of the two.

pub use crate::lane_cells::{
    divide_cell, float_cell, map_cell, max_cell, product_cell, requant_cell, requant_constant,
    root_cell, step_cell,
};
pub use crate::lookup::{Lookup, LookupTable};

use crate::division::{Part, QUOTIENT_BITS, WIDE_BITS};
use crate::float_sum::{BINADE_ROWS, SIGNIFICAND_BYTES};
use crate::rounding::WindowRange;

/// Rows of the byte table.
pub const BYTE_ROWS: usize = 256;
/// Rows of the window table: the lower halves of all differences of two codes, from -255 to 255, then the upper ones.
pub const WINDOW_ROWS: usize = 2 * 511;
/// Rows of one byte-to-value map, and of one staircase.
pub const MAP_ROWS: usize = 256;
/// Lookups that share one auxiliary column. Four give constraints of degree 5, which fit blowup 4 and up, and were
/// the cheapest measured at blowups 4 and 8.
pub const LOOKUPS_PER_COLUMN: usize = 4;
/// Bits of a line's remainder.
pub const LINE_BITS: u32 = 32;

/// The kinds of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Requantization by [`Rounding::Line`](crate::rounding::Rounding::Line).
    Line,
    /// Requantization by [`Rounding::Window`](crate::rounding::Rounding::Window).
    Window,
    /// The largest of several codes.
    Max,
    /// A value read from a map of 256 entries.
    Map,
    /// The step of a staircase that an accumulator stands on.
    Step,
    /// The same of a product of two codes.
    Product,
    /// A sum rounded to float32.
    FloatSum,
    /// A quotient of two linked cells, rounded down.
    Divide,
    /// A square root, rounded down.
    Root,
    /// Part of a column of one matrix and of a row of another: what they add to the product.
    Contraction,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// Every kind, in the order of the columns.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Line,
        Self::Window,
        Self::Max,
        Self::Map,
        Self::Step,
        Self::Product,
        Self::FloatSum,
        Self::Divide,
        Self::Root,
        Self::Contraction,
    ];
}

/// One table of a shard, with the columns it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// What its lanes do.
    pub kind: Kind,
    /// How many lanes stand side by side.
    pub lanes: usize,
    /// First main column.
    pub start: usize,
    /// Main columns of one lane.
    pub lane_width: usize,
    /// First public column of its row constants.
    pub constants: usize,
    /// Index, among the public columns of extension elements, of its link coefficient; one value coefficient per
    /// lane follows.
    pub joint: usize,
}

impl Table {
    /// First main column of every lane.
    pub fn lane_starts(&self) -> impl Iterator<Item = usize> + use<> {
        let Self {
            start,
            lane_width,
            lanes,
            ..
        } = *self;
        (0..lanes).map(move |lane| start + lane * lane_width)
    }
}

/// The parameters that fix a shard's geometry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Binary logarithm of the trace length.
    pub log_rows: u32,
    /// Lanes of each kind of table, in the order of [`Kind::ALL`]; 0 where there is none.
    pub lanes: [usize; Kind::COUNT],
    /// Bits of one limb: 8, or more where the trace has room for a table of as many.
    pub limb_bits: u32,
    /// Limbs of a line's remainder.
    pub line_limbs: usize,
    /// Limbs of a window's remainder.
    pub window_limbs: usize,
    /// Bits of a window's remainder: the uppermost limb overlaps the one below where they are fewer than the limbs'.
    pub window_bits: u32,
    /// Whether some channel's clamp leaves out codes of its type, so that codes are compared with both ends.
    pub narrow_codes: bool,
    /// Operands of a maximum.
    pub taps: usize,
    /// Maps that map lanes may refer to.
    pub maps: usize,
    /// Limbs of each side of a step.
    pub step_limbs: usize,
    /// Staircases that steps may belong to.
    pub staircases: usize,
    /// Cells of either matrix in a lane of a matrix product.
    pub tile: usize,
    /// Equations from one row of a product of two tensors to the next.
    pub row_stride: u64,
}

/// The geometry of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What it was made from.
    pub shape: Shape,
    /// Its tables, in the order of the columns.
    pub tables: Vec<Table>,
    /// The lookup tables, in the order of their multiplicity columns.
    pub lookup_tables: Vec<LookupTable>,
    /// First column of the multiplicities.
    multiplicities: usize,
    /// Columns of the multiplicities.
    lookup_columns: usize,
    constants_width: usize,
    inverses: usize,
}

impl Shape {
    /// Bits of a line's remainder: the line of 32 bits, scaled up.
    pub fn line_bits(&self) -> u32 {
        self.limb_bits * self.line_limbs as u32
    }

    /// What the uppermost limb of a window is multiplied by, as a power of two.
    pub fn top_shift(&self) -> u32 {
        self.window_bits - self.limb_bits
    }

    /// The range check of windows: all sums of limbs below the uppermost, whose multiples are no further apart.
    pub fn window_range(&self) -> WindowRange {
        let below = 1 << (self.limb_bits * (self.window_limbs as u32 - 1));
        WindowRange {
            bits: self.window_bits,
            size: (1 << self.window_bits) - (1 << self.top_shift()) + below,
        }
    }

    /// Whether limbs are looked up in a table of their own.
    pub fn has_words(&self) -> bool {
        self.limb_bits > 8
    }

    /// Range checks of a code.
    fn code_lookups(&self) -> usize {
        1 + usize::from(self.narrow_codes)
    }

    /// Operands whose product of differences is one constraint; the first product takes one more.
    const FACTORS: usize = 3;

    /// Partial products of a maximum lane.
    pub fn partial_products(&self) -> usize {
        self.taps
            .saturating_sub(Self::FACTORS + 1)
            .div_ceil(Self::FACTORS)
    }

    /// Main columns of one lane.
    pub fn lane_width(&self, kind: Kind) -> usize {
        match kind {
            Kind::Line => requant_cell::LINE_LIMB + self.line_limbs,
            Kind::Window => requant_cell::WINDOW_LIMB + self.window_limbs,
            Kind::Max => max_cell::OPERAND + self.taps + self.partial_products(),
            Kind::Map => 2,
            Kind::Step => self.step_width(),
            Kind::Product => product_cell::STEP + self.step_width(),
            Kind::FloatSum => float_cell::WIDTH,
            Kind::Divide => divide_cell::LIMB + self.division_limbs(QUOTIENT_BITS),
            Kind::Root => root_cell::LIMB + self.division_limbs(WIDE_BITS),
            Kind::Contraction => 2 * self.tile,
        }
    }

    /// Limbs of so many bits.
    pub fn limbs(&self, bits: u32) -> usize {
        bits.div_ceil(self.limb_bits) as usize
    }

    /// Cells of limbs of a division or root whose result has so many bits: the lowest limbs of result and slack are
    /// what the others leave.
    fn division_limbs(&self, result_bits: u32) -> usize {
        self.limbs(result_bits) - 1 + 2 * self.limbs(WIDE_BITS) - 1
    }

    fn step_width(&self) -> usize {
        step_cell::LIMB + 2 * (self.step_limbs - 1)
    }

    /// Lookups of one lane.
    pub fn lane_lookups(&self, kind: Kind) -> usize {
        match kind {
            Kind::Line => self.code_lookups() + self.line_limbs,
            Kind::Window => self.code_lookups() + 1 + self.window_limbs,
            Kind::Max => self.taps,
            Kind::Map => 1,
            Kind::Step | Kind::Product => 1 + 2 * self.step_limbs,
            Kind::FloatSum => 1 + SIGNIFICAND_BYTES + 4,
            Kind::Divide => self.limbs(QUOTIENT_BITS) + 2 * self.limbs(WIDE_BITS),
            Kind::Root => 3 * self.limbs(WIDE_BITS),
            Kind::Contraction => 0,
        }
    }

    /// Auxiliary cells that so many lanes take, elements of an extension of degree 3.
    pub fn aux_cells(&self, kind: Kind, lanes: usize) -> u64 {
        match kind {
            Kind::Contraction => 3 * lanes as u64,
            _ => (3 * lanes * self.lane_lookups(kind)) as u64 / LOOKUPS_PER_COLUMN as u64,
        }
    }

    /// Row constants of a table.
    pub fn constants(kind: Kind) -> usize {
        match kind {
            Kind::Line => requant_constant::LINE_COUNT,
            Kind::Window => requant_constant::WINDOW_COUNT,
            Kind::Max | Kind::Step | Kind::FloatSum => 0,
            Kind::Divide | Kind::Root | Kind::Contraction => 0,
            Kind::Map | Kind::Product => 1,
        }
    }

    /// Equations that one instance of a lane is linked by.
    pub fn links(&self, kind: Kind) -> usize {
        match kind {
            Kind::Max => self.taps,
            Kind::Product => product_cell::STEP,
            Kind::Divide | Kind::Root => 2,
            Kind::Contraction => 2 * self.tile,
            _ => 1,
        }
    }
}

impl Layout {
    /// Lays the tables of `shape` out.
    pub fn new(shape: Shape) -> Self {
        let (mut start, mut constants, mut joint) = (0, 0, 0);
        let mut tables = Vec::new();
        for (kind, &lanes) in Kind::ALL.into_iter().zip(&shape.lanes) {
            if lanes > 0 {
                let lane_width = shape.lane_width(kind);
                tables.push(Table {
                    kind,
                    lanes,
                    start,
                    lane_width,
                    constants,
                    joint,
                });
                start += lanes * lane_width;
                constants += Shape::constants(kind);
                joint += 1 + lanes;
            }
        }
        let has = |kind: Kind| tables.iter().any(|table| table.kind == kind);
        let requantizes = has(Kind::Line) || has(Kind::Window);
        let steps = has(Kind::Step) || has(Kind::Product);
        let words = shape.has_words();
        let divides = has(Kind::Divide) || has(Kind::Root);
        let limbs = requantizes || steps || divides;
        let bytes = requantizes || has(Kind::Max) || has(Kind::FloatSum) || limbs && !words;
        let lookup_tables = [
            (LookupTable::Byte, bytes),
            (LookupTable::Word, limbs && words),
            (LookupTable::Window, has(Kind::Window)),
            (LookupTable::Map, has(Kind::Map)),
            (LookupTable::Steps, steps),
            (LookupTable::Binade, has(Kind::FloatSum)),
        ];
        let lookup_tables: Vec<LookupTable> = lookup_tables
            .into_iter()
            .filter(|(_, used)| *used)
            .map(|(table, _)| table)
            .collect();
        let mut layout = Self {
            shape,
            tables,
            lookup_tables,
            multiplicities: start,
            lookup_columns: 0,
            constants_width: constants,
            inverses: joint,
        };
        layout.lookup_columns = layout.lookup_parts().count();
        layout
    }

    /// Trace length.
    pub fn rows(&self) -> usize {
        1 << self.shape.log_rows
    }

    /// Width of the main segment.
    pub fn main_width(&self) -> usize {
        self.multiplicities + self.lookup_columns
    }

    /// Width of the auxiliary segment, in columns of extension elements.
    pub fn aux_width(&self) -> usize {
        self.products().end + 1
    }

    /// Auxiliary columns of products, one for each lane of a matrix product.
    pub fn products(&self) -> std::ops::Range<usize> {
        let first = self.lookups_per_row().div_ceil(LOOKUPS_PER_COLUMN);
        first..first + self.shape.lanes[Kind::Contraction as usize]
    }

    /// The table of matrix products, if there is one.
    pub fn contraction(&self) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.kind == Kind::Contraction)
    }

    /// The auxiliary column of the running sum.
    pub fn running_sum(&self) -> usize {
        self.aux_width() - 1
    }

    /// Lookups in each row.
    pub fn lookups_per_row(&self) -> usize {
        self.tables
            .iter()
            .map(|table| table.lanes * self.shape.lane_lookups(table.kind))
            .sum()
    }

    /// Every lookup of a row, in the order of the auxiliary columns.
    pub fn lookups(&self) -> Vec<Lookup> {
        let mut lookups = Vec::with_capacity(self.lookups_per_row());
        for (index, table) in self.tables.iter().enumerate() {
            for start in table.lane_starts() {
                match table.kind {
                    Kind::Line | Kind::Window => {
                        lookups.push(Lookup::CodeLow(index, start));
                        if self.shape.narrow_codes {
                            lookups.push(Lookup::CodeHigh(index, start));
                        }
                        let end = start + table.lane_width;
                        if table.kind == Kind::Line {
                            let limbs = start + requant_cell::LINE_LIMB..end;
                            lookups.extend(limbs.map(Lookup::LineLimb));
                        } else {
                            lookups.push(Lookup::WindowTuple(index, start));
                            let limbs = start + requant_cell::WINDOW_LIMB..end;
                            lookups.extend(limbs.map(Lookup::WindowLimb));
                        }
                    }
                    Kind::Max => {
                        let first = start + max_cell::OPERAND;
                        let operands = first..first + self.shape.taps;
                        lookups.extend(operands.map(|operand| Lookup::MaxOperand(start, operand)));
                    }
                    Kind::Map => lookups.push(Lookup::MapTuple(index, start)),
                    Kind::Step => self.push_step_lookups(&mut lookups, start),
                    Kind::Product => {
                        self.push_step_lookups(&mut lookups, start + product_cell::STEP)
                    }
                    Kind::FloatSum => {
                        lookups.push(Lookup::BinadeTuple(start));
                        let bytes = 0..SIGNIFICAND_BYTES;
                        lookups.extend(bytes.map(|byte| Lookup::Significand(start, byte)));
                        for upper in [false, true] {
                            lookups.push(Lookup::SlackByte(start, upper));
                            lookups.push(Lookup::TieByte(start, upper));
                        }
                    }
                    Kind::Divide => lookups.extend(Part::ALL.into_iter().flat_map(|part| {
                        let limbs = 0..self.shape.limbs(part.bits(QUOTIENT_BITS));
                        limbs.map(move |limb| Lookup::DivideLimb(start, part, limb))
                    })),
                    Kind::Root => lookups.extend(Part::ALL.into_iter().flat_map(|part| {
                        let limbs = 0..self.shape.limbs(part.bits(WIDE_BITS));
                        limbs.map(move |limb| Lookup::RootLimb(start, part, limb))
                    })),
                    Kind::Contraction => {}
                }
            }
        }
        lookups
    }

    fn push_step_lookups(&self, lookups: &mut Vec<Lookup>, start: usize) {
        lookups.push(Lookup::StepTuple(start));
        let limbs = 0..self.shape.step_limbs;
        lookups.extend(limbs.clone().map(|limb| Lookup::StepLow(start, limb)));
        lookups.extend(limbs.map(|limb| Lookup::StepHigh(start, limb)));
    }

    /// The table that a lookup refers to.
    pub fn table_of(&self, lookup: Lookup) -> LookupTable {
        match lookup {
            Lookup::CodeLow(..)
            | Lookup::CodeHigh(..)
            | Lookup::MaxOperand(..)
            | Lookup::Significand(..)
            | Lookup::SlackByte(..)
            | Lookup::TieByte(..) => LookupTable::Byte,
            Lookup::LineLimb(_)
            | Lookup::WindowLimb(_)
            | Lookup::StepLow(..)
            | Lookup::StepHigh(..)
            | Lookup::DivideLimb(..)
            | Lookup::RootLimb(..) => {
                if self.shape.has_words() {
                    LookupTable::Word
                } else {
                    LookupTable::Byte
                }
            }
            Lookup::WindowTuple(..) => LookupTable::Window,
            Lookup::MapTuple(..) => LookupTable::Map,
            Lookup::StepTuple(_) => LookupTable::Steps,
            Lookup::BinadeTuple(_) => LookupTable::Binade,
        }
    }

    /// Rows of a lookup table.
    pub fn lookup_rows(&self, table: LookupTable) -> usize {
        match table {
            LookupTable::Byte => BYTE_ROWS,
            LookupTable::Word => 1 << self.shape.limb_bits,
            LookupTable::Window => WINDOW_ROWS,
            LookupTable::Map => MAP_ROWS * self.shape.maps,
            LookupTable::Steps => MAP_ROWS * self.shape.staircases,
            LookupTable::Binade => BINADE_ROWS,
        }
    }

    /// The rows of lookup tables that stand beside each other: a table longer than the trace, whose last row is never
    /// summed, takes several columns.
    pub fn lookup_parts(&self) -> impl Iterator<Item = (LookupTable, std::ops::Range<usize>)> {
        let capacity = self.rows() - 1;
        self.lookup_tables.iter().flat_map(move |&table| {
            let rows = self.lookup_rows(table);
            let firsts = (0..rows).step_by(capacity);
            firsts.map(move |first| (table, first..rows.min(first + capacity)))
        })
    }

    /// Public columns of lookup table inverses.
    pub fn lookup_columns(&self) -> usize {
        self.lookup_columns
    }

    /// Where the multiplicity of a row of a lookup table stands: main column and row.
    pub fn multiplicity(&self, table: LookupTable, row: usize) -> Option<(usize, usize)> {
        let parts = self.lookup_parts().zip(self.multiplicities());
        let holds = |((known, rows), column): ((LookupTable, std::ops::Range<usize>), usize)| {
            (known == table && rows.contains(&row)).then(|| (column, row - rows.start))
        };
        parts.into_iter().find_map(holds)
    }

    /// Main columns of the multiplicities.
    pub fn multiplicities(&self) -> std::ops::Range<usize> {
        self.multiplicities..self.multiplicities + self.lookup_columns
    }

    /// Public columns of row constants: base-field values known before the challenge.
    pub fn constants_width(&self) -> usize {
        self.constants_width
    }

    /// The index, among the public columns of extension elements, of the first lookup table's inverses.
    pub fn inverse_columns(&self) -> usize {
        self.inverses
    }

    /// Public columns of extension elements: known only after the challenge.
    pub fn joint_width(&self) -> usize {
        self.inverses + self.lookup_columns
    }

    /// Powers of `rho` that the constraints read: one for each link of each lane of the widest table.
    pub fn link_powers(&self) -> usize {
        self.tables
            .iter()
            .map(|table| table.lanes * self.shape.links(table.kind))
            .max()
            .unwrap_or(0)
    }

    /// All powers of `rho` that the constraints read: those of the links, then those from row to row of a product of
    /// tensors.
    pub fn challenge_powers(&self) -> usize {
        self.link_powers() + self.contraction().map_or(0, |_| self.shape.tile)
    }
}
