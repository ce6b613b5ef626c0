//! Boards: tops whose ports are pins. hardware/boards/ has the pins; docs/hardware/boards.md.

use crate::accelerator::accelerator;
use crate::goldilocks::Form;
use crate::link::LOG_WINDOW;
use crate::merkle::Hash;
use crate::parts::MULT18X18D_MODEL;
use crate::registry::Kernel;

mod pll;
mod power_up;
mod sums;
mod top;

pub use sums::{SUMS_ID, Sums};
pub use top::Board;

use pll::{EHXPLLL_MODEL, Ehxplll};

const ECP5_CELLS: &[&str] = &[MULT18X18D_MODEL, EHXPLLL_MODEL];

/// A board's clock, the rates of its line, its lights.
#[derive(Clone, Copy, Debug)]
struct Pins {
    /// Of the PLL, where the clock is not the oscillator's.
    dividers: Option<Ehxplll>,
    /// Cycles of a bit by the setting of the switches.
    bit_cycles: [u16; 4],
    /// Lights are on where the pin is low.
    are_lights_low: bool,
}

/// 81.25 MHz from 25; 3 Mbaud, 1 Mbaud and 115,200 baud to within half a percent, and a fourth of the clock.
const ULX3S: Pins = Pins {
    dividers: Some(Ehxplll {
        input: 4,
        feedback: 13,
        output: 7,
    }),
    bit_cycles: [27, 81, 705, 4],
    are_lights_low: false,
};

/// 27 MHz; 1 Mbaud, 3 Mbaud and 115,200 baud to within half a percent, and a fourth of the clock.
const TANG_NANO_20K: Pins = Pins {
    dividers: None,
    bit_cycles: [27, 9, 234, 4],
    are_lights_low: true,
};

/// 3 Mbaud from 12 MHz.
const ICEBREAKER_BIT_CYCLES: u16 = 4;

/// Cycles of a bit on the line of a kernel of the family `board`, by the setting of the board's switches; the last is the fastest.
pub fn bit_cycles(kernel: &str) -> Option<&'static [u16]> {
    if kernel.starts_with("ulx3s") {
        Some(&ULX3S.bit_cycles)
    } else if kernel.starts_with("tang_nano_20k") {
        Some(&TANG_NANO_20K.bit_cycles)
    } else if kernel.starts_with("icebreaker") {
        Some(&[ICEBREAKER_BIT_CYCLES])
    } else {
        None
    }
}

pub(crate) const KERNELS: &[Kernel] = &[
    accelerator!(
        Board,
        "board",
        "ulx3s_85f_blake3",
        Form::Ecp5,
        2,
        12,
        13,
        Blake3,
        3,
        ECP5_CELLS,
        ULX3S
    ),
    accelerator!(
        Board,
        "board",
        "ulx3s_85f_poseidon2",
        Form::Ecp5,
        2,
        12,
        13,
        Poseidon2By3,
        4,
        ECP5_CELLS,
        ULX3S
    ),
    accelerator!(
        Board,
        "board",
        "tang_nano_20k_blake3",
        Form::Inferred,
        0,
        6,
        4,
        Blake3,
        3,
        &[],
        TANG_NANO_20K
    ),
    Kernel {
        name: "icebreaker_sums",
        family: "board",
        parameters: &[("log_window", LOG_WINDOW as u64)],
        cell_models: &[],
        build: || Box::new(Sums::new(ICEBREAKER_BIT_CYCLES)),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A line tolerates some percent; a bridge has its own error.
    const TOLERANCE: f64 = 0.01;

    fn check(clock_mhz: f64, bit_cycles: &[u16], bauds: &[f64]) {
        for (&cycles, &baud) in bit_cycles.iter().zip(bauds) {
            let error = clock_mhz * 1e6 / f64::from(cycles) / baud - 1.0;
            assert!(error.abs() < TOLERANCE, "{cycles} cycles for {baud} baud");
        }
    }

    #[test]
    fn rates_are_those_of_the_boards_pages() {
        let pll = ULX3S.dividers.unwrap();
        let clock_mhz = 25.0 * f64::from(pll.feedback) / f64::from(pll.input);
        assert_eq!(clock_mhz, 81.25);
        // What Lattice allows of the PLL.
        assert!(25.0 / f64::from(pll.input) >= 3.125);
        assert!((400.0..=800.0).contains(&(clock_mhz * f64::from(pll.output))));
        check(clock_mhz, &ULX3S.bit_cycles, &[3e6, 1e6, 115_200.0]);
        check(27.0, &TANG_NANO_20K.bit_cycles, &[1e6, 3e6, 115_200.0]);
        check(12.0, &[ICEBREAKER_BIT_CYCLES], &[3e6]);
    }
}
