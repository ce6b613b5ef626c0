//! Multiplication modulo p from sixteen 16-bit products.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::Reduce;
use crate::parts::Product;
use crate::word::{Word, bit_cast_word};

/// `y` = `a` · `b` mod p, every cycle. `CELL` as in [`Product`].
///
/// Products p_ij of limbs i and j have weight 2^(16(i+j)). Those with i = j do not overlap and make
/// one number without an adder; the others pair up by i - j, again without overlap.
#[derive(LogicBlock)]
pub struct Schoolbook<const CELL: bool> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub a: Signal<In, Word<64>>,
    /// Canonical.
    pub b: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    products: [Product<16, 32, CELL>; 16],
    diagonal: DFF<Word<128>>,
    offset_1: DFF<Word<97>>,
    offset_2: DFF<Word<65>>,
    offset_3: DFF<Word<33>>,
    even: DFF<Word<128>>,
    odd: DFF<Word<66>>,
    product: DFF<Word<128>>,
    above_1: Signal<Local, Word<97>>,
    below_1: Signal<Local, Word<97>>,
    above_2: Signal<Local, Word<65>>,
    below_2: Signal<Local, Word<65>>,
    reduce: Reduce,
}

impl<const CELL: bool> Schoolbook<CELL> {
    /// Cycles from operands to result.
    pub const LATENCY: usize = Product::<16, 32, CELL>::LATENCY + 3 + Reduce::LATENCY;
}

impl<const CELL: bool> Default for Schoolbook<CELL> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            y: Signal::default(),
            products: std::array::from_fn(|_| Product::default()),
            diagonal: DFF::default(),
            offset_1: DFF::default(),
            offset_2: DFF::default(),
            offset_3: DFF::default(),
            even: DFF::default(),
            odd: DFF::default(),
            product: DFF::default(),
            above_1: Signal::default(),
            below_1: Signal::default(),
            above_2: Signal::default(),
            below_2: Signal::default(),
            reduce: Reduce::default(),
        }
    }
}

impl<const CELL: bool> Logic for Schoolbook<CELL> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, diagonal, offset_1, offset_2, offset_3, even, odd, product
        );
        for i in 0..4 {
            for j in 0..4 {
                self.products[i * 4 + j].clock.next = self.clock.val();
                self.products[i * 4 + j].a.next = self.a.val().get_bits::<16>(i * 16);
                self.products[i * 4 + j].b.next = self.b.val().get_bits::<16>(j * 16);
            }
        }
        self.diagonal.d.next = bit_cast_word::<128, 32>(self.products[0].q.val())
            | (bit_cast_word::<128, 32>(self.products[5].q.val()) << 32)
            | (bit_cast_word::<128, 32>(self.products[10].q.val()) << 64)
            | (bit_cast_word::<128, 32>(self.products[15].q.val()) << 96);

        self.above_1.next = bit_cast_word::<97, 32>(self.products[4].q.val())
            | (bit_cast_word::<97, 32>(self.products[9].q.val()) << 32)
            | (bit_cast_word::<97, 32>(self.products[14].q.val()) << 64);
        self.below_1.next = bit_cast_word::<97, 32>(self.products[1].q.val())
            | (bit_cast_word::<97, 32>(self.products[6].q.val()) << 32)
            | (bit_cast_word::<97, 32>(self.products[11].q.val()) << 64);
        self.offset_1.d.next = self.above_1.val() + self.below_1.val();

        self.above_2.next = bit_cast_word::<65, 32>(self.products[8].q.val())
            | (bit_cast_word::<65, 32>(self.products[13].q.val()) << 32);
        self.below_2.next = bit_cast_word::<65, 32>(self.products[2].q.val())
            | (bit_cast_word::<65, 32>(self.products[7].q.val()) << 32);
        self.offset_2.d.next = self.above_2.val() + self.below_2.val();

        self.offset_3.d.next = bit_cast_word::<33, 32>(self.products[12].q.val())
            + bit_cast_word::<33, 32>(self.products[3].q.val());

        self.even.d.next =
            self.diagonal.q.val() + (bit_cast_word::<128, 97>(self.offset_1.q.val()) << 16);
        self.odd.d.next = bit_cast_word::<66, 65>(self.offset_2.q.val())
            + (bit_cast_word::<66, 33>(self.offset_3.q.val()) << 16);
        self.product.d.next =
            self.even.q.val() + (bit_cast_word::<128, 66>(self.odd.q.val()) << 32);

        self.reduce.clock.next = self.clock.val();
        self.reduce.x.next = self.product.q.val();
        self.y.next = self.reduce.y.val();
    }
}
