//! Half of BLAKE3's quarter-round G.

use rust_hdl_core::prelude::*;

use crate::word::Word;

/// With a + m already added: a += b + m, d = (d ^ a) >>> `D`, c += d, b = (b ^ c) >>> `B`, and the sum
/// with which the next half begins. Without registers. G is a half with rotations by 16 and 12 and one with
/// rotations by 8 and 7.
///
/// A half has two additions in a row instead of three, for the third is made beside the second.
#[derive(LogicBlock)]
pub(super) struct HalfMix<const D: usize, const B: usize> {
    /// a + m.
    pub sum: Signal<In, Word<32>>,
    /// As in G.
    pub b: Signal<In, Word<32>>,
    /// As in G.
    pub c: Signal<In, Word<32>>,
    /// As in G.
    pub d: Signal<In, Word<32>>,
    /// The message word of the next half; 0 if there is none, so that a itself comes out.
    pub message: Signal<In, Word<32>>,
    /// a of the next half with its message word added.
    pub sum_out: Signal<Out, Word<32>>,
    /// b of the next half.
    pub b_out: Signal<Out, Word<32>>,
    /// c of the next half.
    pub c_out: Signal<Out, Word<32>>,
    /// d of the next half.
    pub d_out: Signal<Out, Word<32>>,
    d_right: Constant<Word<5>>,
    d_left: Constant<Word<5>>,
    b_right: Constant<Word<5>>,
    b_left: Constant<Word<5>>,
    a: Signal<Local, Word<32>>,
    d_mixed: Signal<Local, Word<32>>,
    d_turned: Signal<Local, Word<32>>,
    c_new: Signal<Local, Word<32>>,
    b_mixed: Signal<Local, Word<32>>,
}

impl<const D: usize, const B: usize> Default for HalfMix<D, B> {
    fn default() -> Self {
        let amount = |bits: usize| Constant::new(Word::new(bits as u128));
        Self {
            sum: Signal::default(),
            b: Signal::default(),
            c: Signal::default(),
            d: Signal::default(),
            message: Signal::default(),
            sum_out: Signal::default(),
            b_out: Signal::default(),
            c_out: Signal::default(),
            d_out: Signal::default(),
            d_right: amount(D),
            d_left: amount(32 - D),
            b_right: amount(B),
            b_left: amount(32 - B),
            a: Signal::default(),
            d_mixed: Signal::default(),
            d_turned: Signal::default(),
            c_new: Signal::default(),
            b_mixed: Signal::default(),
        }
    }
}

impl<const D: usize, const B: usize> Logic for HalfMix<D, B> {
    #[hdl_gen]
    fn update(&mut self) {
        self.a.next = self.sum.val() + self.b.val();
        self.d_mixed.next = self.d.val() ^ self.a.val();
        self.d_turned.next =
            (self.d_mixed.val() >> self.d_right.val()) | (self.d_mixed.val() << self.d_left.val());
        self.c_new.next = self.c.val() + self.d_turned.val();
        self.b_mixed.next = self.b.val() ^ self.c_new.val();
        self.sum_out.next = self.a.val() + self.message.val();
        self.b_out.next =
            (self.b_mixed.val() >> self.b_right.val()) | (self.b_mixed.val() << self.b_left.val());
        self.c_out.next = self.c_new.val();
        self.d_out.next = self.d_turned.val();
    }
}
