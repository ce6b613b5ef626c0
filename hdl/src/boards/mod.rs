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

use pll::{Cell, EHXPLLL_MODEL, RPLL_MODEL, Source};

const ECP5_CELLS: &[&str] = &[MULT18X18D_MODEL, EHXPLLL_MODEL];

/// A board's clock, the rates of its line, its lights.
#[derive(Clone, Copy, Debug)]
struct Pins {
    clock: Source,
    /// Cycles of a bit by the setting of the switches.
    bit_cycles: [u16; 4],
    /// Lights are on where the pin is low.
    are_lights_low: bool,
}

/// 81.25 MHz from 25; 3 Mbaud, 1 Mbaud and 115,200 baud to within half a percent, and a fourth of the clock.
const ULX3S: Pins = Pins {
    clock: Source {
        cell: Cell::Ehxplll,
        oscillator_mhz: 25,
        input: 4,
        feedback: 13,
        output: 7,
    },
    bit_cycles: [27, 81, 705, 4],
    are_lights_low: false,
};

/// 18 MHz from 27; 1 Mbaud, 3 Mbaud and 115,200 baud to within half a percent, and a fourth of the clock.
const TANG_NANO_20K: Pins = Pins {
    clock: Source {
        cell: Cell::Rpll,
        oscillator_mhz: 27,
        input: 3,
        feedback: 2,
        output: 32,
    },
    bit_cycles: [18, 6, 156, 4],
    are_lights_low: true,
};

/// 3 Mbaud from 12 MHz.
const ICEBREAKER_BIT_CYCLES: u16 = 4;

/// Cycles of a bit on the line of a kernel of the family `board`, by the setting of the board's switches; the last is the fastest.
pub fn bit_cycles(kernel: &str) -> Option<&'static [u16]> {
    match kernel {
        "ulx3s_85f_blake3" | "ulx3s_85f_poseidon2" => Some(&ULX3S.bit_cycles),
        "tang_nano_20k_blake3" => Some(&TANG_NANO_20K.bit_cycles),
        "icebreaker_sums" => Some(&[ICEBREAKER_BIT_CYCLES]),
        _ => None,
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
        Poseidon2By3Ecp5,
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
        Blake3Wide,
        3,
        &[RPLL_MODEL],
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
    use std::ops::RangeInclusive;

    use super::*;

    /// A line tolerates some percent; a bridge has its own error.
    const TOLERANCE: f64 = 0.01;

    /// The clock that a board's PLL makes, for which the cell's own oscillator has to be in a range.
    fn clock_mhz(source: Source, least_input_mhz: f64, own_mhz: RangeInclusive<f64>) -> f64 {
        let input_mhz = f64::from(source.oscillator_mhz) / f64::from(source.input);
        let clock_mhz = input_mhz * f64::from(source.feedback);
        assert!(input_mhz >= least_input_mhz);
        assert!(own_mhz.contains(&(clock_mhz * f64::from(source.output))));
        clock_mhz
    }

    fn check(clock_mhz: f64, bit_cycles: &[u16], bauds: &[f64]) {
        for (&cycles, &baud) in bit_cycles.iter().zip(bauds) {
            let error = clock_mhz * 1e6 / f64::from(cycles) / baud - 1.0;
            assert!(error.abs() < TOLERANCE, "{cycles} cycles for {baud} baud");
        }
    }

    #[test]
    fn rates_are_those_of_the_boards_pages() {
        // What Lattice allows, and Gowin.
        let ulx3s_mhz = clock_mhz(ULX3S.clock, 3.125, 400.0..=800.0);
        assert_eq!(ulx3s_mhz, 81.25);
        check(ulx3s_mhz, &ULX3S.bit_cycles, &[3e6, 1e6, 115_200.0]);
        let tang_mhz = clock_mhz(TANG_NANO_20K.clock, 3.0, 500.0..=1250.0);
        assert_eq!(tang_mhz, 18.0);
        check(tang_mhz, &TANG_NANO_20K.bit_cycles, &[1e6, 3e6, 115_200.0]);
        check(12.0, &[ICEBREAKER_BIT_CYCLES], &[3e6]);
    }
}
