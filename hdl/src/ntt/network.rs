//! The wires between banks and butterflies.
//!
//! In a pass with route r the butterfly of lane l works on the banks whose numbers are l with a 0 or a
//! 1 inserted at bit r. rust-hdl cannot index an array by a computed number, so these blocks write their
//! own Verilog.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;
use rust_hdl_widgets::prelude::*;

use crate::word::Word;

/// The lower bank of a lane's pair for a route.
fn lower_bank(lane: usize, route: usize) -> usize {
    (lane >> route << (route + 1)) | (lane & ((1 << route) - 1))
}

/// The lane of a bank for a route.
fn lane_of(bank: usize, route: usize) -> usize {
    (bank >> (route + 1) << route) | (bank & ((1 << route) - 1))
}

fn bank_bits(banks: usize) -> usize {
    banks.ilog2() as usize
}

fn timing(inputs: &[&str], outputs: &[&str]) -> Vec<TimingInfo> {
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect();
    vec![TimingInfo {
        name: "network".into(),
        clock: "clock".into(),
        inputs: names(inputs),
        outputs: names(outputs),
    }]
}

/// Words of the banks to operands of the butterflies, one cycle later.
#[derive(LogicBlock)]
pub struct Gather<const BANKS: usize, const LANES: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Word of each bank.
    pub word: [Signal<In, Word<64>>; BANKS],
    /// Route of the pass.
    pub route: Signal<In, Word<2>>,
    /// Whether the lower bank holds the upper index.
    pub is_swapped: Signal<In, Bit>,
    /// The word at the lower index.
    pub a: [Signal<Out, Word<64>>; LANES],
    /// The word at the upper index.
    pub b: [Signal<Out, Word<64>>; LANES],
}

impl<const BANKS: usize, const LANES: usize> Default for Gather<BANKS, LANES> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
            route: Signal::default(),
            is_swapped: Signal::default(),
            a: std::array::from_fn(|_| Signal::default()),
            b: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const BANKS: usize, const LANES: usize> Logic for Gather<BANKS, LANES> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let route = (self.route.val().value() as usize).min(bank_bits(BANKS) - 1);
        for lane in 0..LANES {
            let bank = lower_bank(lane, route);
            let (low, high) = (self.word[bank].val(), self.word[bank | 1 << route].val());
            let is_swapped = self.is_swapped.val();
            self.a[lane].next = if is_swapped { high } else { low };
            self.b[lane].next = if is_swapped { low } else { high };
        }
    }

    fn connect(&mut self) {
        self.a
            .iter_mut()
            .chain(&mut self.b)
            .for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let last = bank_bits(BANKS) - 1;
        let mut cases = String::new();
        for route in 0..=last {
            let label = if route == last {
                "default".into()
            } else {
                format!("{route}")
            };
            cases += &format!("   {label}: begin\n");
            for lane in 0..LANES {
                let (low, high) = (
                    lower_bank(lane, route),
                    lower_bank(lane, route) | 1 << route,
                );
                cases += &format!(
                    "      a${lane} <= is_swapped ? word${high} : word${low};\n      \
                     b${lane} <= is_swapped ? word${low} : word${high};\n"
                );
            }
            cases += "   end\n";
        }
        Verilog::Custom(format!(
            "always @(posedge clock) begin\n   case (route)\n{cases}   endcase\nend\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        timing(&["word", "route", "is_swapped"], &["a", "b"])
    }
}

/// Results of the butterflies to the banks their operands came from, one cycle later.
#[derive(LogicBlock)]
pub struct Scatter<const BANKS: usize, const LANES: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Result for the lower index, unless the twiddle was to be negated.
    pub sum: [Signal<In, Word<64>>; LANES],
    /// Result for the upper index, unless the twiddle was to be negated.
    pub difference: [Signal<In, Word<64>>; LANES],
    /// Route of the pass.
    pub route: Signal<In, Word<2>>,
    /// Whether the difference goes to the lower bank, for each lane.
    pub is_swapped: Signal<In, Word<LANES>>,
    /// Word of each bank.
    pub word: [Signal<Out, Word<64>>; BANKS],
}

impl<const BANKS: usize, const LANES: usize> Default for Scatter<BANKS, LANES> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            sum: std::array::from_fn(|_| Signal::default()),
            difference: std::array::from_fn(|_| Signal::default()),
            route: Signal::default(),
            is_swapped: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const BANKS: usize, const LANES: usize> Logic for Scatter<BANKS, LANES> {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let route = (self.route.val().value() as usize).min(bank_bits(BANKS) - 1);
        for bank in 0..BANKS {
            let lane = lane_of(bank, route);
            let is_upper = bank >> route & 1 == 1;
            let takes_difference = is_upper != self.is_swapped.val().get_bit(lane);
            let sources = if takes_difference {
                &self.difference
            } else {
                &self.sum
            };
            self.word[bank].next = sources[lane].val();
        }
    }

    fn connect(&mut self) {
        self.word.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let last = bank_bits(BANKS) - 1;
        let mut cases = String::new();
        for route in 0..=last {
            let label = if route == last {
                "default".into()
            } else {
                format!("{route}")
            };
            cases += &format!("   {label}: begin\n");
            for bank in 0..BANKS {
                let lane = lane_of(bank, route);
                // A vector of one bit has no index in Verilog.
                let swapped = if LANES == 1 {
                    "is_swapped".into()
                } else {
                    format!("is_swapped[{lane}]")
                };
                let (if_swapped, otherwise) = if bank >> route & 1 == 1 {
                    ("sum", "difference")
                } else {
                    ("difference", "sum")
                };
                cases += &format!(
                    "      word${bank} <= {swapped} ? {if_swapped}${lane} : {otherwise}${lane};\n"
                );
            }
            cases += "   end\n";
        }
        Verilog::Custom(format!(
            "always @(posedge clock) begin\n   case (route)\n{cases}   endcase\nend\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        timing(&["sum", "difference", "route", "is_swapped"], &["word"])
    }
}

/// What the butterflies need of the banks' twiddle choices, one cycle later.
#[derive(LogicBlock)]
pub struct GatherChoices<const BANKS: usize, const LANES: usize, const LANE_BITS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Twiddle of each bank.
    pub choice: [Signal<In, Word<LANE_BITS>>; BANKS],
    /// Whether it is to be negated.
    pub is_negated: [Signal<In, Bit>; BANKS],
    /// Route of the pass.
    pub route: Signal<In, Word<2>>,
    /// Whether the lower bank holds the upper index.
    pub is_swapped: Signal<In, Bit>,
    /// Twiddle of each lane.
    pub lane_choice: [Signal<Out, Word<LANE_BITS>>; LANES],
    /// Whether the difference goes to the lower bank, for each lane.
    pub lane_swapped: Signal<Out, Word<LANES>>,
}

impl<const BANKS: usize, const LANES: usize, const LANE_BITS: usize> Default
    for GatherChoices<BANKS, LANES, LANE_BITS>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            choice: std::array::from_fn(|_| Signal::default()),
            is_negated: std::array::from_fn(|_| Signal::default()),
            route: Signal::default(),
            is_swapped: Signal::default(),
            lane_choice: std::array::from_fn(|_| Signal::default()),
            lane_swapped: Signal::default(),
        }
    }
}

impl<const BANKS: usize, const LANES: usize, const LANE_BITS: usize> Logic
    for GatherChoices<BANKS, LANES, LANE_BITS>
{
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let route = (self.route.val().value() as usize).min(bank_bits(BANKS) - 1);
        let mut swapped = 0;
        for lane in 0..LANES {
            let bank = lower_bank(lane, route);
            self.lane_choice[lane].next = self.choice[bank].val();
            let is_swapped = self.is_swapped.val() != self.is_negated[bank].val();
            swapped |= u128::from(is_swapped) << lane;
        }
        self.lane_swapped.next = Word::new(swapped);
    }

    fn connect(&mut self) {
        self.lane_choice.iter_mut().for_each(Logic::connect);
        self.lane_swapped.connect();
    }

    fn hdl(&self) -> Verilog {
        let last = bank_bits(BANKS) - 1;
        let mut cases = String::new();
        for route in 0..=last {
            let label = if route == last {
                "default".into()
            } else {
                format!("{route}")
            };
            cases += &format!("   {label}: begin\n");
            for lane in 0..LANES {
                let bank = lower_bank(lane, route);
                let swapped = if LANES == 1 {
                    "lane_swapped".into()
                } else {
                    format!("lane_swapped[{lane}]")
                };
                cases += &format!(
                    "      lane_choice${lane} <= choice${bank};\n      \
                     {swapped} <= is_swapped ^ is_negated${bank};\n"
                );
            }
            cases += "   end\n";
        }
        Verilog::Custom(format!(
            "always @(posedge clock) begin\n   case (route)\n{cases}   endcase\nend\n"
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        timing(
            &["choice", "is_negated", "route", "is_swapped"],
            &["lane_choice", "lane_swapped"],
        )
    }
}

/// Any of several words for each of several takers, one cycle later. A choice has `BITS` bits.
#[derive(LogicBlock)]
pub struct Select<const INPUTS: usize, const OUTPUTS: usize, const BITS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The words.
    pub word: [Signal<In, Word<64>>; INPUTS],
    /// Number of the word wanted, below `INPUTS`.
    pub choice: [Signal<In, Word<BITS>>; OUTPUTS],
    /// That word.
    pub chosen: [Signal<Out, Word<64>>; OUTPUTS],
}

impl<const INPUTS: usize, const OUTPUTS: usize, const BITS: usize> Default
    for Select<INPUTS, OUTPUTS, BITS>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
            choice: std::array::from_fn(|_| Signal::default()),
            chosen: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const INPUTS: usize, const OUTPUTS: usize, const BITS: usize> Logic
    for Select<INPUTS, OUTPUTS, BITS>
{
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        for (choice, chosen) in self.choice.iter().zip(&mut self.chosen) {
            let choice = (choice.val().value() as usize).min(INPUTS - 1);
            chosen.next = self.word[choice].val();
        }
    }

    fn connect(&mut self) {
        self.chosen.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let mut cases = String::new();
        for output in 0..OUTPUTS {
            cases += &format!("   case (choice${output})\n");
            for input in 0..INPUTS {
                let label = if input + 1 == INPUTS {
                    "default".into()
                } else {
                    format!("{input}")
                };
                cases += &format!("   {label}: chosen${output} <= word${input};\n");
            }
            cases += "   endcase\n";
        }
        Verilog::Custom(format!("always @(posedge clock) begin\n{cases}end\n"))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        timing(&["word", "choice"], &["chosen"])
    }
}

/// One word of two, one cycle later.
#[derive(LogicBlock, Default)]
pub struct Choose {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// A word.
    pub first: Signal<In, Word<64>>,
    /// Another.
    pub second: Signal<In, Word<64>>,
    /// Which one.
    pub is_second: Signal<In, Bit>,
    /// That one.
    pub chosen: Signal<Out, Word<64>>,
    word: DFF<Word<64>>,
}

impl Logic for Choose {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word);
        self.word.d.next = self.first.val();
        if self.is_second.val() {
            self.word.d.next = self.second.val();
        }
        self.chosen.next = self.word.q.val();
    }
}
