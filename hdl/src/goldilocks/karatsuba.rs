//! Multiplication modulo p from nine products: Karatsuba's method twice.
//!
//! With 32-bit halves a = aL + 2^32 aH, L = aL bL, H = aH bH and M = (aL + aH)(bL + bH),
//! the product is L + 2^32 (M - L - H) + 2^64 H. Modulo p, 2^64 = 2^32 - 1, and the terms in H
//! collapse: the product is congruent to (L - H) + 2^32 (M - L). Each of L, H, M is made of three
//! products the same way, of 16, 16 and 17 bits for L and H, of 16, 17 and 18 bits for M.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use super::Reduce;
use crate::parts::Product;
use crate::word::{Word, bit_cast_word};

/// x · y of 33-bit words from three products of at most 18 bits, four cycles (`CELL`: six) later.
///
/// Splitting at 16 bits, x = x0 + 2^16 x1: x y = x0 y0 + 2^16 (m - x0 y0 - x1 y1) + 2^32 x1 y1 with
/// m = (x0 + x1)(y0 + y1).
#[derive(LogicBlock, Default)]
struct Wide<const CELL: bool> {
    pub clock: Signal<In, Clock>,
    pub x: Signal<In, Word<33>>,
    pub y: Signal<In, Word<33>>,
    pub product: Signal<Out, Word<66>>,
    x_low: DFF<Word<16>>,
    y_low: DFF<Word<16>>,
    x_high: DFF<Word<17>>,
    y_high: DFF<Word<17>>,
    x_sum: DFF<Word<18>>,
    y_sum: DFF<Word<18>>,
    low: Product<16, 32, CELL>,
    high: Product<17, 34, CELL>,
    mixed: Product<18, 36, CELL>,
    middle: DFF<Word<36>>,
    outer: DFF<Word<66>>,
    result: DFF<Word<66>>,
    outer_sum: Signal<Local, Word<36>>,
}

impl<const CELL: bool> Wide<CELL> {
    const LATENCY: usize = Product::<18, 36, CELL>::LATENCY + 3;
}

impl<const CELL: bool> Logic for Wide<CELL> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, x_low, y_low, x_high, y_high, x_sum, y_sum, middle, outer, result
        );
        clock!(self, clock, low, high, mixed);
        self.x_low.d.next = self.x.val().get_bits::<16>(0);
        self.y_low.d.next = self.y.val().get_bits::<16>(0);
        self.x_high.d.next = self.x.val().get_bits::<17>(16);
        self.y_high.d.next = self.y.val().get_bits::<17>(16);
        self.x_sum.d.next = bit_cast_word::<18, 16>(self.x.val().get_bits::<16>(0))
            + bit_cast_word::<18, 17>(self.x.val().get_bits::<17>(16));
        self.y_sum.d.next = bit_cast_word::<18, 16>(self.y.val().get_bits::<16>(0))
            + bit_cast_word::<18, 17>(self.y.val().get_bits::<17>(16));

        self.low.a.next = self.x_low.q.val();
        self.low.b.next = self.y_low.q.val();
        self.high.a.next = self.x_high.q.val();
        self.high.b.next = self.y_high.q.val();
        self.mixed.a.next = self.x_sum.q.val();
        self.mixed.b.next = self.y_sum.q.val();

        self.outer_sum.next =
            bit_cast_word::<36, 32>(self.low.q.val()) + bit_cast_word::<36, 34>(self.high.q.val());
        self.middle.d.next = self.mixed.q.val() - self.outer_sum.val();
        self.outer.d.next = bit_cast_word::<66, 32>(self.low.q.val())
            | (bit_cast_word::<66, 34>(self.high.q.val()) << 32);
        self.result.d.next =
            self.outer.q.val() + (bit_cast_word::<66, 36>(self.middle.q.val()) << 16);
        self.product.next = self.result.q.val();
    }
}

/// `y` = `a` · `b` mod p, every cycle, from nine products. `CELL` as in [`Product`].
#[derive(LogicBlock)]
pub struct Karatsuba<const CELL: bool> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub a: Signal<In, Word<64>>,
    /// Canonical.
    pub b: Signal<In, Word<64>>,
    /// Canonical.
    pub y: Signal<Out, Word<64>>,
    a_low: DFF<Word<33>>,
    b_low: DFF<Word<33>>,
    a_high: DFF<Word<33>>,
    b_high: DFF<Word<33>>,
    a_sum: DFF<Word<33>>,
    b_sum: DFF<Word<33>>,
    low: Wide<CELL>,
    high: Wide<CELL>,
    mixed: Wide<CELL>,
    difference: DFF<Word<65>>,
    middle: DFF<Word<66>>,
    product: DFF<Word<99>>,
    sign: Signal<Local, Word<99>>,
    sign_extension: Constant<Word<99>>,
    low_product: Signal<Local, Word<66>>,
    high_product: Signal<Local, Word<66>>,
    reduce: Reduce,
}

impl<const CELL: bool> Karatsuba<CELL> {
    /// Cycles from operands to result.
    pub const LATENCY: usize = 1 + Wide::<CELL>::LATENCY + 2 + Reduce::LATENCY;
}

impl<const CELL: bool> Default for Karatsuba<CELL> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            y: Signal::default(),
            a_low: DFF::default(),
            b_low: DFF::default(),
            a_high: DFF::default(),
            b_high: DFF::default(),
            a_sum: DFF::default(),
            b_sum: DFF::default(),
            low: Wide::default(),
            high: Wide::default(),
            mixed: Wide::default(),
            difference: DFF::default(),
            middle: DFF::default(),
            product: DFF::default(),
            sign: Signal::default(),
            sign_extension: Constant::new(Word::new(((1 << 35) - 1) << 64)),
            low_product: Signal::default(),
            high_product: Signal::default(),
            reduce: Reduce::default(),
        }
    }
}

impl<const CELL: bool> Logic for Karatsuba<CELL> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, a_low, b_low, a_high, b_high, a_sum, b_sum);
        dff_setup!(self, clock, difference, middle, product);
        clock!(self, clock, low, high, mixed, reduce);
        self.a_low.d.next = bit_cast_word::<33, 32>(self.a.val().get_bits::<32>(0));
        self.b_low.d.next = bit_cast_word::<33, 32>(self.b.val().get_bits::<32>(0));
        self.a_high.d.next = bit_cast_word::<33, 32>(self.a.val().get_bits::<32>(32));
        self.b_high.d.next = bit_cast_word::<33, 32>(self.b.val().get_bits::<32>(32));
        self.a_sum.d.next = bit_cast_word::<33, 32>(self.a.val().get_bits::<32>(0))
            + bit_cast_word::<33, 32>(self.a.val().get_bits::<32>(32));
        self.b_sum.d.next = bit_cast_word::<33, 32>(self.b.val().get_bits::<32>(0))
            + bit_cast_word::<33, 32>(self.b.val().get_bits::<32>(32));

        self.low.x.next = self.a_low.q.val();
        self.low.y.next = self.b_low.q.val();
        self.high.x.next = self.a_high.q.val();
        self.high.y.next = self.b_high.q.val();
        self.mixed.x.next = self.a_sum.q.val();
        self.mixed.y.next = self.b_sum.q.val();

        self.low_product.next = self.low.product.val();
        self.high_product.next = self.high.product.val();
        self.difference.d.next = bit_cast_word::<65, 66>(self.low_product.val())
            - bit_cast_word::<65, 66>(self.high_product.val());
        self.middle.d.next = self.mixed.product.val() - self.low_product.val();

        // L - H may be negative; the sum is not, for M - L >= H.
        self.sign.next = 0u64.into();
        if self.difference.q.val().get_bit(64) {
            self.sign.next = self.sign_extension.val();
        }
        self.product.d.next = (bit_cast_word::<99, 64>(self.difference.q.val().get_bits::<64>(0))
            | self.sign.val())
            + (bit_cast_word::<99, 66>(self.middle.q.val()) << 32);

        self.reduce.x.next = bit_cast_word::<128, 99>(self.product.q.val());
        self.y.next = self.reduce.y.val();
    }
}
