//! The checksum of a frame: CRC-32 of IEEE 802.3, clause 3.2.9.

use rust_hdl_core::prelude::*;
use rust_hdl_widgets::prelude::*;

use crate::word::{Word, bit_cast_word};

/// The polynomial, its lowest power in the highest bit.
const POLYNOMIAL: u128 = 0xedb8_8320;

/// What the register holds after a frame with its checksum.
const RESIDUE: u128 = 0xdebb_20e3;

/// One bit.
#[derive(LogicBlock)]
struct Step {
    pub x: Signal<In, Word<32>>,
    pub y: Signal<Out, Word<32>>,
    polynomial: Constant<Word<32>>,
    halved: Signal<Local, Word<32>>,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            x: Signal::default(),
            y: Signal::default(),
            polynomial: Constant::new(Word::new(POLYNOMIAL)),
            halved: Signal::default(),
        }
    }
}

impl Logic for Step {
    #[hdl_gen]
    fn update(&mut self) {
        self.halved.next = self.x.val() >> 1;
        self.y.next = self.halved.val();
        if self.x.val().get_bit(0) {
            self.y.next = self.halved.val() ^ self.polynomial.val();
        }
    }
}

/// The register of a checksum, a byte a cycle.
#[derive(LogicBlock)]
pub(super) struct Crc32 {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Begins anew; before a byte.
    pub clear: Signal<In, Bit>,
    /// A byte is there.
    pub s_valid: Signal<In, Bit>,
    /// The byte.
    pub s_data: Signal<In, Word<8>>,
    /// The checksum of the bytes so far.
    pub checksum: Signal<Out, Word<32>>,
    /// The last four bytes were the checksum of those before.
    pub is_right: Signal<Out, Bit>,
    step: [Step; 8],
    // Inverted: a register begins as zeros, the checksum's as ones.
    register: DFF<Word<32>>,
    residue: Constant<Word<32>>,
    current: Signal<Local, Word<32>>,
}

impl Default for Crc32 {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            s_valid: Signal::default(),
            s_data: Signal::default(),
            checksum: Signal::default(),
            is_right: Signal::default(),
            step: std::array::from_fn(|_| Step::default()),
            register: DFF::default(),
            residue: Constant::new(Word::new(RESIDUE)),
            current: Signal::default(),
        }
    }
}

impl Logic for Crc32 {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, register);
        self.current.next = !self.register.q.val();
        self.checksum.next = self.register.q.val();
        self.is_right.next = self.current.val() == self.residue.val();
        self.step[0].x.next = self.current.val() ^ bit_cast_word::<32, 8>(self.s_data.val());
        for i in 0..7 {
            self.step[i + 1].x.next = self.step[i].y.val();
        }
        if self.s_valid.val() {
            self.register.d.next = !self.step[7].y.val();
        }
        if self.clear.val() {
            self.register.d.next = 0u64.into();
        }
    }
}
