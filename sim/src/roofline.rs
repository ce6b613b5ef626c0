//! What jobs take on a machine of some lanes, a clock and a link: the roof that the slowest of these is.
//!
//! Cycles are those of the kernels' own schedules, so the model holds for lanes and sizes that were never simulated; a test holds it
//! against the simulation where there is one. What it says of machines that do not exist is a projection.

use winterforge_hdl::ntt::plan;

/// An accelerator and the way to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// What reports call it.
    pub name: &'static str,
    /// Butterflies a cycle, a power of two.
    pub lanes: u64,
    /// Words of a stream a cycle.
    pub words_per_beat: u64,
    /// Binary logarithm of the longest transform.
    pub log_n: u32,
    /// Cycles from a block of the hash to the next, of one hash engine.
    pub block_cycles: u64,
    /// Hash engines beside each other.
    pub hash_engines: u64,
    /// Of the clock.
    pub clock_mhz: f64,
    /// In each direction.
    pub link_bytes_per_s: f64,
}

/// What work takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Of the engines, one after the other.
    pub cycles: u64,
    /// Through the link, in the busier direction.
    pub bytes: u64,
}

impl Cost {
    /// Both, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cycles: self.cycles + other.cycles,
            bytes: self.bytes + other.bytes,
        }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self {
            cycles: self.cycles * count,
            bytes: self.bytes * count,
        }
    }

    /// On a machine: the link carries words while the engines work.
    pub fn seconds(self, machine: &Machine) -> f64 {
        let engines = self.cycles as f64 / (machine.clock_mhz * 1e6);
        let link = self.bytes as f64 / machine.link_bytes_per_s;
        engines.max(link)
    }
}

/// Cycles from a butterfly's operands to its results in memory, with inferred multipliers: what a pass must leave before the next.
pub const HAZARD_CYCLES: usize = 16;

/// Cycles from the issue that reads the last word of half a buffer to the first word that is loaded over it.
const RELOAD_CYCLES: u64 = 10;

impl Machine {
    /// A transform among others, 2^`log_n` words of at most the longest.
    pub fn transform(&self, log_n: u32) -> Cost {
        let bank_bits = self.lanes.ilog2() as usize + 1;
        let passes = plan::passes(log_n as usize, bank_bits, HAZARD_CYCLES);
        let issues = plan::issues(log_n as usize, bank_bits);
        let computing: usize = passes.iter().map(|pass| issues + pass.wait_cycles).sum();
        let words = 1 << log_n;
        // The next transform is loaded once half of the first pass has read this one.
        let loading = words / self.words_per_beat + issues as u64 / 2 + RELOAD_CYCLES;
        Cost {
            cycles: (computing as u64).max(loading),
            bytes: 8 * words,
        }
    }

    /// A transform of any size, in two steps where it is longer than the hardware.
    pub fn long_transform(&self, log_size: u32) -> Cost {
        if log_size <= self.log_n {
            return self.transform(log_size);
        }
        let (rows, columns) = (log_size / 2, log_size - log_size / 2);
        let first = self.long_transform(rows).times(1 << columns);
        first.and(self.long_transform(columns).times(1 << rows))
    }

    /// The powers of a coset shift, for transforms of such a size.
    pub fn load(&self, log_size: u32) -> Cost {
        let words = 1u64 << log_size.min(self.log_n);
        Cost {
            cycles: words / self.words_per_beat,
            bytes: 8 * words,
        }
    }

    /// Columns to an evaluation domain.
    pub fn extension(&self, columns: u64, log_rows: u32, log_cosets: u32) -> Cost {
        let column = self.long_transform(log_rows).times(columns);
        let coset = self.load(log_rows).and(column);
        column.and(coset.times(1 << log_cosets))
    }

    /// Rows of up to 128 words and the tree above them. A node leaves as five words.
    pub fn tree(&self, log_rows: u32, row_words: u64) -> Cost {
        let rows = 1u64 << log_rows;
        let words = rows * row_words;
        let out = 5 * (2 * rows - 1);
        let blocks = rows * row_words.div_ceil(8) + rows - 1;
        let hashing = blocks * self.block_cycles / self.hash_engines;
        Cost {
            cycles: hashing
                .max(words / self.words_per_beat)
                .max(out / self.words_per_beat),
            bytes: 8 * words.max(out),
        }
    }
}

/// What is projected. No such machine was placed, routed or built.
pub const MACHINES: [Machine; 3] = [
    Machine {
        name: "ULX3S-85F over a UART of 3 Mbaud",
        lanes: 2,
        words_per_beat: 1,
        log_n: 12,
        block_cycles: 7,
        hash_engines: 1,
        clock_mhz: 80.0,
        link_bytes_per_s: 300e3,
    },
    Machine {
        name: "large FPGA (of the size of an Alveo U250) over PCIe 3.0 x16",
        lanes: 64,
        words_per_beat: 8,
        log_n: 16,
        block_cycles: 7,
        hash_engines: 16,
        clock_mhz: 250.0,
        link_bytes_per_s: 12e9,
    },
    Machine {
        name: "ASIC over PCIe 5.0 x16",
        lanes: 256,
        words_per_beat: 32,
        log_n: 18,
        block_cycles: 7,
        hash_engines: 64,
        clock_mhz: 1000.0,
        link_bytes_per_s: 50e9,
    },
];
