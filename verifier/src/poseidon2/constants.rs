//! The round constants: the output of a Grain LFSR that is set up with the parameters of the permutation, so that nobody
//! chose them (Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon", eprint 2019/458, appendix E).

use winterforge_air::field::Felt;

use super::{HALF_FULL_ROUNDS, PARTIAL_ROUNDS, WIDTH};

/// Constants of every round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundConstants {
    /// Of the full rounds before the partial ones, for each word.
    pub initial: [[Felt; WIDTH]; HALF_FULL_ROUNDS],
    /// Of the partial rounds, for word 0.
    pub partial: [Felt; PARTIAL_ROUNDS],
    /// Of the full rounds after them.
    pub terminal: [[Felt; WIDTH]; HALF_FULL_ROUNDS],
}

/// The constants of the permutation.
pub static ROUND_CONSTANTS: RoundConstants = RoundConstants::generate();

impl RoundConstants {
    const fn generate() -> Self {
        let mut grain = Grain::new();
        let zero = Felt::new(0);
        let mut constants = Self {
            initial: [[zero; WIDTH]; HALF_FULL_ROUNDS],
            partial: [zero; PARTIAL_ROUNDS],
            terminal: [[zero; WIDTH]; HALF_FULL_ROUNDS],
        };
        let mut index = 0;
        while index < HALF_FULL_ROUNDS * WIDTH {
            constants.initial[index / WIDTH][index % WIDTH] = grain.element();
            index += 1;
        }
        let mut index = 0;
        while index < PARTIAL_ROUNDS {
            constants.partial[index] = grain.element();
            index += 1;
        }
        let mut index = 0;
        while index < HALF_FULL_ROUNDS * WIDTH {
            constants.terminal[index / WIDTH][index % WIDTH] = grain.element();
            index += 1;
        }
        constants
    }
}

const REGISTER_BITS: u32 = 80;
const BITS_DROPPED: usize = 160;
const ELEMENT_BITS: u32 = 64;

/// The shift register, the oldest bit lowest.
struct Grain(u128);

impl Grain {
    const fn new() -> Self {
        // A prime field; x^alpha; then the sizes, and ones.
        let fields: [(u128, u32); 7] = [
            (1, 2),
            (0, 4),
            (ELEMENT_BITS as u128, 12),
            (WIDTH as u128, 12),
            (2 * HALF_FULL_ROUNDS as u128, 10),
            (PARTIAL_ROUNDS as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let (mut register, mut filled, mut field) = (0, 0, 0);
        while field < fields.len() {
            let (value, bits) = fields[field];
            // Highest bit first, and so oldest.
            register |= (value.reverse_bits() >> (u128::BITS - bits)) << filled;
            filled += bits;
            field += 1;
        }
        let mut grain = Self(register);
        let mut dropped = 0;
        while dropped < BITS_DROPPED {
            grain.step();
            dropped += 1;
        }
        grain
    }

    const fn step(&mut self) -> bool {
        let Self(register) = *self;
        let taps = register
            ^ register >> 13
            ^ register >> 23
            ^ register >> 38
            ^ register >> 51
            ^ register >> 62;
        let bit = taps & 1;
        self.0 = register >> 1 | bit << (REGISTER_BITS - 1);
        bit == 1
    }

    /// The second of the next pair of bits whose first is set.
    const fn kept_bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    const fn element(&mut self) -> Felt {
        loop {
            let (mut word, mut bits) = (0, 0);
            while bits < ELEMENT_BITS {
                word = word << 1 | self.kept_bit() as u64;
                bits += 1;
            }
            if Felt::is_canonical(word) {
                return Felt::new(word);
            }
        }
    }
}
