//! One kernel per expression that the generator mistranslates, for the tests of the lint and for
//! the co-simulation that shows simulation and Verilog differ. Not for use in designs.

use rust_hdl_core::prelude::*;

use super::Defect;
use crate::registry::Kernel;
use crate::word::{Word, bit_cast_word};

/// A kernel with one unsafe expression.
pub struct Specimen {
    /// What the lint says of it.
    pub defect: Defect,
    /// The kernel; its Verilog must be taken without the lint.
    pub kernel: Kernel,
    /// Values of `a`, `b` and `c` for which simulation and Verilog differ; none if its Verilog is
    /// not Verilog at all.
    pub witness: Option<[u128; 3]>,
}

/// A part whose name Verilog reserves.
#[derive(LogicBlock, Default)]
struct ReservedName {
    pub a: Signal<In, Word<16>>,
    pub b: Signal<In, Word<16>>,
    pub c: Signal<In, Word<16>>,
    pub y: Signal<Out, Word<16>>,
    table: Signal<Local, Word<16>>,
}

impl Logic for ReservedName {
    #[hdl_gen]
    fn update(&mut self) {
        self.table.next = self.a.val();
        self.y.next = self.table.val();
    }
}

crate::ports! { ReservedName { in: a, b, c; out: y } }

macro_rules! specimens {
    ($($name:ident, $verilog:literal, $output:ty, $defect:ident, $witness:expr, $doc:literal,
        { $($update:tt)* })*
    ) => {
        $(
            #[doc = $doc]
            #[derive(LogicBlock, Default)]
            struct $name {
                pub a: Signal<In, Word<16>>,
                pub b: Signal<In, Word<16>>,
                pub c: Signal<In, Word<16>>,
                pub y: Signal<Out, $output>,
            }

            impl Logic for $name {
                $($update)*
            }

            crate::ports! { $name { in: a, b, c; out: y } }
        )*

        /// All known cases.
        pub fn specimens() -> Vec<Specimen> {
            let reserved = Specimen {
                defect: Defect::ReservedWord,
                kernel: Kernel {
                    name: "specimen_reserved_name",
                    family: "specimen",
                    parameters: &[],
                    cell_models: &[],
                    build: || Box::new(ReservedName::default()),
                },
                witness: None,
            };
            vec![reserved, $(Specimen {
                defect: Defect::$defect,
                kernel: Kernel {
                    name: $verilog,
                    family: "specimen",
                    parameters: &[],
                    cell_models: &[],
                    build: || Box::new($name::default()),
                },
                witness: $witness,
            }),*]
        }
    };
}

specimens! {
    MaskedCompare, "specimen_masked_compare", Bit, Precedence, Some([2, 2, 2]),
        "`==` binds tighter than `&` in Verilog.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = self.a.val() & self.b.val() == self.c.val();
            }
        }
    WrappingCompare, "specimen_wrapping_compare", Bit, ComparedArithmetic, Some([0xffff, 0, 0]),
        "The literal makes the sum 32 bits wide.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = self.a.val() + 1 == self.b.val();
            }
        }
    InvertedCompare, "specimen_inverted_compare", Bit, ComparedArithmetic, Some([0xffff, 0, 0]),
        "The literal makes the complement 32 bits wide.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = !self.a.val() == 0;
            }
        }
    CastOfProduct, "specimen_cast_of_product", Word<32>, CastArithmetic, Some([0xffff, 0xffff, 0]),
        "The cast makes the product 32 bits wide, and its high half appears.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = bit_cast_word::<32, 16>(self.a.val() * self.b.val());
            }
        }
    CastOfComplement, "specimen_cast_of_complement", Word<32>, CastArithmetic, Some([0, 0, 0]),
        "The complement is taken of 32 bits.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = bit_cast_word::<32, 16>(!self.a.val());
            }
        }
    ShiftOfSum, "specimen_shift_of_sum", Word<16>, ShiftedArithmetic, Some([0xffff, 0, 0]),
        "The literal makes the sum 32 bits wide, and its carry comes back.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = (self.a.val() + 1) >> 1;
            }
        }
    ShiftBySum, "specimen_shift_by_sum", Word<16>, ComputedShift, Some([1, 0xffff, 0]),
        "The literal makes the amount 32 bits wide, and it does not wrap to 0.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = self.a.val() >> (self.b.val() + 1);
            }
        }
    ReducedSum, "specimen_reduced_sum", Bit, ReducedArithmetic, Some([0xffff, 0, 0]),
        "The carry out of the word counts.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = (self.a.val() + 1).any();
            }
        }
    SlicedSum, "specimen_sliced_sum", Word<8>, SlicedArithmetic, None,
        "Verilog has no slices of expressions.",
        {
            #[hdl_gen]
            fn update(&mut self) {
                self.y.next = (self.a.val() + self.b.val()).get_bits::<8>(8);
            }
        }
}
