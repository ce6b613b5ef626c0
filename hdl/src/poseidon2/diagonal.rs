//! Products with the diagonal of the partial rounds: shifts and adders.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;

use super::model::WIDTH;
use crate::goldilocks::P;
use crate::word::Word;

/// An entry of the diagonal: `multiple` / 2^`halvings`, or the negative of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is the negative.
    pub is_negative: bool,
    /// 1 to 4.
    pub multiple: u64,
    /// 0 to 3.
    pub halvings: usize,
}

const fn entry(is_negative: bool, multiple: u64, halvings: usize) -> Entry {
    Entry {
        is_negative,
        multiple,
        halvings,
    }
}

/// The matrix of the partial rounds less the matrix of ones, as Plonky3 publishes it.
pub const DIAGONAL: [Entry; WIDTH] = [
    entry(true, 2, 0),
    entry(false, 1, 0),
    entry(false, 2, 0),
    entry(false, 1, 1),
    entry(false, 3, 0),
    entry(false, 4, 0),
    entry(true, 1, 1),
    entry(true, 3, 0),
    entry(true, 4, 0),
    entry(false, 1, 2),
    entry(true, 1, 2),
    entry(false, 1, 3),
];

impl Entry {
    /// The low bits that a halving shifts out, each as what it contributes: x / 2^k = (x >> k) + r / 2^k
    /// modulo p with r = x mod 2^k, and both sides are below p.
    fn remainder(&self, low_bits: u64) -> u64 {
        let scale = 1u128 << self.halvings;
        // p = 1 modulo 8, so that r + (2^k - r) p is divisible by 2^k.
        let multiples = (scale - u128::from(low_bits)) % scale;
        ((u128::from(low_bits) + multiples * u128::from(P)) / scale) as u64
    }

    /// What is added to the word shifted, or what that is subtracted from.
    fn offset(&self, low_bits: u64) -> u64 {
        if self.is_negative {
            P - self.remainder(low_bits)
        } else {
            self.remainder(low_bits)
        }
    }
}

/// `u` is congruent to the entry times `x` and below 4·2^64, two cycles later.
///
/// First ± x / 2^k, from 0 to p; then the multiple of that.
#[derive(LogicBlock)]
pub struct Diagonal {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Canonical.
    pub x: Signal<In, Word<64>>,
    /// The product, not reduced.
    pub u: Signal<Out, Word<66>>,
    _entry: Entry,
    _base: u64,
}

impl Diagonal {
    /// Cycles from the word to the product.
    pub const LATENCY: usize = 2;

    /// Multiplies by this entry.
    pub fn new(entry: Entry) -> Self {
        assert!(
            (1..=4).contains(&entry.multiple) && entry.halvings <= 3,
            "{entry:?}"
        );
        Self {
            clock: Signal::default(),
            x: Signal::default(),
            u: Signal::default(),
            _entry: entry,
            _base: 0,
        }
    }
}

impl Logic for Diagonal {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let entry = self._entry;
        self.u.next = Word::new(u128::from(self._base) * u128::from(entry.multiple));
        let x = self.x.val().value() as u64;
        let offset = entry.offset(x & ((1 << entry.halvings) - 1));
        let shifted = x >> entry.halvings;
        self._base = if entry.is_negative {
            offset.wrapping_sub(shifted)
        } else {
            offset.wrapping_add(shifted)
        };
    }

    fn connect(&mut self) {
        self.u.connect();
    }

    fn hdl(&self) -> Verilog {
        let Entry {
            is_negative,
            multiple,
            halvings,
        } = self._entry;
        let shifted = match halvings {
            0 => "x".into(),
            k => format!("{{{k}'d0, x[63:{k}]}}"),
        };
        let offset = |low_bits| format!("64'h{:x}", self._entry.offset(low_bits));
        let choice = match halvings {
            0 => format!("   offset = {};\n", offset(0)),
            k => {
                let arms: String = (0..1 << k)
                    .map(|low| format!("   {k}'d{low}: offset = {};\n", offset(low)))
                    .collect();
                format!("   case (x[{}:0])\n{arms}   endcase\n", k - 1)
            }
        };
        let sign = if is_negative { '-' } else { '+' };
        let product = match multiple {
            1 => "{2'd0, base}",
            2 => "{1'd0, base, 1'd0}",
            3 => "{2'd0, base} + {1'd0, base, 1'd0}",
            _ => "{base, 2'd0}",
        };
        Verilog::Custom(format!(
            "\
reg [63:0] base;
reg [63:0] offset;

always @(*) begin
{choice}end

always @(posedge clock) begin
   base <= offset {sign} {shifted};
   u <= {product};
end
"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "diagonal".into(),
            clock: "clock".into(),
            inputs: vec!["x".into()],
            outputs: vec!["u".into()],
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goldilocks::model;

    #[test]
    fn halvings_of_low_bits() {
        for halvings in 0..4 {
            for low_bits in 0..1 << halvings {
                let remainder = entry(false, 1, halvings).remainder(low_bits);
                assert_eq!(model::multiply(remainder, 1 << halvings), low_bits);
            }
        }
    }
}
