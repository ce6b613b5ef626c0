//! When everything happens: a fixed timetable, the same for every job.
//!
//! Time is counted in *slots* of Q cycles, Q = 4 / multipliers of a lane, the cycles between words of an
//! S-box. Five slots are a *frame*, eight frames a *period*. A job may begin in each period, and all jobs
//! follow the same timetable, each a period after the one before (modulo scheduling): nothing is
//! arbitrated, and what any part does in a cycle depends on the cycle of the period alone.
//!
//! Slot 0 of a frame belongs to the partial rounds: each of the three lanes raises the first word of a
//! state, of three different states. Slots 1 to 4 belong to a full round: its four columns of three words.
//! In a period the 8 full rounds of a job fill all columns, and its 22 partial rounds fill 22 of 24 places:
//! 118 of 120 seventh powers.
//!
//! The eight frames of a period must each serve another one of the 8 full rounds, and another 3 of the
//! 22 partial ones, although the rounds of a job are apart by whole frames of latency. So the loop of a
//! full round is lengthened to a number of frames that is not a multiple of 4, that of a partial round to
//! an odd number: partial round j falls on frame j mod 8 (up to the order of frames) in lane j / 8.
//!
//! Lane l runs l cycles behind lane 0, so that the three states of a slot 0 come to the matrix of the
//! partial rounds one after another.

use std::collections::BTreeSet;

use super::circulant::Circulant;
use super::constants::{FULL, PARTIAL};
use super::external::External;
use super::internal::Internal;
use super::lane;
use super::rest_sum::RestSum;
use super::sbox::PRODUCTS;

/// Seventh powers that may enter together.
pub const LANES: usize = 3;

/// Columns of a state.
const COLUMNS: usize = 4;

/// Slots of a frame: one for partial rounds, one for each column.
const FRAME_SLOTS: usize = 1 + COLUMNS;

/// Frames of a period.
const FRAMES: usize = 8;

/// Partial rounds.
const PARTIAL_ROUNDS: usize = PARTIAL.len();

/// Products of a permutation: four for each of 8·12 + 22 seventh powers.
pub const PERMUTATION_PRODUCTS: u64 = 4 * (8 * 12 + 22);

/// Cycles of a period with so many multipliers in each lane.
pub const fn period_cycles(lane_multipliers: usize) -> usize {
    FRAMES * FRAME_SLOTS * PRODUCTS / lane_multipliers
}

/// Where a column comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The full round before.
    #[default]
    Loop = 0,
    /// The matrix before the first round.
    Initial = 1,
    /// The partial rounds.
    Exit = 2,
}

/// A place of the memory: how many periods ago, modulo the number of places, the state's job began, and
/// whether it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Periods since the job began, modulo the places.
    pub age: usize,
    /// Whether a state is there.
    pub is_used: bool,
}

/// What all parts do in one cycle of the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The lane takes the word of a partial round.
    pub is_partial: [bool; LANES],
    /// The first word of the state that leaves the matrix of the partial rounds is for this lane.
    pub capture: [bool; LANES],
    /// Source of the column.
    pub source: Source,
    /// Phase of the S-box of the lane.
    pub phase: [usize; LANES],
    /// Lane whose word goes to the matrix of the partial rounds.
    pub raised_lane: usize,
    /// A state begins its partial rounds.
    pub is_entering: bool,
    /// A state has ended its partial rounds.
    pub is_exiting: bool,
    /// A column of it is used.
    pub exit_shift: bool,
    /// A column reaches the matrix of the full rounds, and its index.
    pub column: Option<usize>,
    /// The same for the matrix before the first round.
    pub initial_column: Option<usize>,
    /// A job begins.
    pub take: bool,
    /// A column of its state is used.
    pub input_shift: bool,
    /// The last one.
    pub input_end: bool,
    /// A column after the first four full rounds.
    pub entry_shift: bool,
    /// A column of the result.
    pub output_shift: bool,
    /// The result is complete, and its words stay for the next cycle too.
    pub done: bool,
    /// Where the memory is read.
    pub read: Place,
    /// Where it is written.
    pub write: Place,
    /// Where the sum is written.
    pub sum: Place,
}

/// The timetable of a permutation engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Cycles from job to job.
    pub period_cycles: usize,
    /// Cycles from the cycle in which a job begins to that in which its result is complete.
    pub latency_cycles: usize,
    /// Cycles added to the loop of a full round.
    pub full_wait_cycles: usize,
    /// Cycles added to the loop of a partial round.
    pub partial_wait_cycles: usize,
    /// One step for each cycle of the period.
    pub steps: Vec<Step>,
    /// Round constant of each lane in each cycle of the period.
    pub constants: [Vec<u64>; LANES],
}

/// Times of a job in cycles, 0 the first cycle of the frame of its first round.
struct Times {
    slot_cycles: i64,
    sbox_cycles: i64,
    full_frames: i64,
    partial_frames: i64,
    partial_wait: i64,
}

impl Times {
    fn frame(&self, frame: i64) -> i64 {
        frame * FRAME_SLOTS as i64 * self.slot_cycles
    }

    /// A column is chosen.
    fn column(&self, frame: i64, column: i64) -> i64 {
        self.frame(frame) + (1 + column) * self.slot_cycles
    }

    /// It reaches the matrix of the full rounds.
    fn taken(&self, chosen: i64) -> i64 {
        chosen + lane::COLUMN_CYCLES as i64 + self.sbox_cycles + External::ENTRY_CYCLES as i64
    }

    /// A lane takes a word, of a column or of a partial round.
    fn lane(&self, chosen: i64, lane: usize) -> i64 {
        chosen + lane::CHOICE_CYCLES as i64 + lane as i64
    }

    /// A lane has raised a word of a partial round.
    fn raised(&self, frame: i64, lane: usize) -> i64 {
        self.lane(self.frame(frame), lane) + lane::ENTRY_CYCLES as i64 + self.sbox_cycles
    }

    /// The state leaves the matrix of the partial rounds.
    fn state(&self, frame: i64, lane: usize) -> i64 {
        self.raised(frame, lane) + Internal::<1>::LATENCY as i64 + self.partial_wait
    }
}

/// The first number from `from` on with a property.
fn first(from: i64, has: impl Fn(i64) -> bool) -> i64 {
    (from..from + 1000)
        .find(|&number| has(number))
        .unwrap_or_else(|| panic!("no timetable"))
}

fn rounded_up(time: i64, cycles: i64) -> i64 {
    -(-time).div_euclid(cycles)
}

impl Plan {
    /// For `lane_multipliers` (1, 2 or 4) in each of the three lanes, S-boxes of `sbox_cycles` and a
    /// memory of `places` states.
    ///
    /// # Panics
    /// If there is no timetable: a mistake in the parameters.
    pub fn new(lane_multipliers: usize, sbox_cycles: usize, places: usize) -> Self {
        let slot_cycles = PRODUCTS / lane_multipliers;
        let period = period_cycles(lane_multipliers) as i64;
        let frame_cycles = (FRAME_SLOTS * slot_cycles) as i64;
        let mut times = Times {
            slot_cycles: slot_cycles as i64,
            sbox_cycles: sbox_cycles as i64,
            full_frames: 0,
            partial_frames: 0,
            partial_wait: 0,
        };
        // The matrix gives a column when the same one of the next frame is taken.
        let matrix_cycles = frame_cycles + Circulant::LATENCY as i64;
        let full_cycles = times.taken(0) + matrix_cycles;
        times.full_frames = first(rounded_up(full_cycles, frame_cycles), |m| m % 4 != 0);
        // From lane 2 to lane 0 there are two cycles fewer than from lane to lane, and the word is held for one.
        let partial_cycles = times.state(0, LANES - 1) + 1 - times.lane(0, 0);
        times.partial_frames = first(rounded_up(partial_cycles, frame_cycles), |m| m % 2 == 1);
        times.partial_wait = times.partial_frames * frame_cycles - partial_cycles;

        let mut table = Table::new(period);
        let full = times.full_frames;

        // From the beginning to the first full rounds.
        for column in 0..COLUMNS as i64 {
            let chosen = times.column(0, column);
            let taken = chosen - matrix_cycles;
            let shown = taken - External::ENTRY_CYCLES as i64;
            for frame in 0..FRAMES as i64 {
                let other = taken + frame * frame_cycles;
                table.at(other).initial_column = Some(column as usize);
            }
            table.at(shown).input_shift = true;
            table.at(chosen).source = Source::Initial;
        }
        let initial =
            |column| times.column(0, column) - matrix_cycles - External::ENTRY_CYCLES as i64;
        table.at(initial(COLUMNS as i64 - 1)).input_end = true;
        let take = initial(0) - 1;
        table.at(take).take = true;

        // From the first full rounds to the partial ones.
        let entry_frame = 4 * full;
        for column in 0..COLUMNS as i64 {
            table.at(times.column(entry_frame, column)).entry_shift = true;
        }
        let complete = times.column(entry_frame, COLUMNS as i64 - 1) + 1;
        let partial = times.partial_frames;
        // The state enters where a partial round before the first one would give it.
        let first_partial = first(0, |frame| {
            times.state(frame - partial, LANES - 1) >= complete
        });
        let entering = times.state(first_partial - partial, LANES - 1);
        assert!(
            entering <= times.column(entry_frame + FRAMES as i64, 0),
            "overwritten"
        );
        table.at(entering).is_entering = true;

        // From the partial rounds to the last full ones.
        let last_frame = first_partial + (PARTIAL_ROUNDS as i64 - 1) * partial;
        let exiting = times.state(last_frame, (PARTIAL_ROUNDS - 1) / FRAMES);
        table.at(exiting).is_exiting = true;
        let halves = |second: i64| (0..4).flat_map(move |r| [r * full, second + r * full]);
        let exit_frame = first(0, |frame| {
            let used: BTreeSet<i64> = halves(frame).map(|f| f.rem_euclid(FRAMES as i64)).collect();
            times.column(frame, 0) > exiting && used.len() == FRAMES
        });
        assert!(
            times.column(exit_frame, COLUMNS as i64) <= exiting + period,
            "overwritten"
        );
        for column in 0..COLUMNS as i64 {
            let chosen = times.column(exit_frame, column);
            table.at(chosen).source = Source::Exit;
            table.at(chosen).exit_shift = true;
        }

        // The result.
        let output_frame = exit_frame + 4 * full;
        for column in 0..COLUMNS as i64 {
            table.at(times.column(output_frame, column)).output_shift = true;
        }
        let done = times.column(output_frame, COLUMNS as i64 - 1) + 1;
        table.at(done).done = true;

        // Full rounds.
        for (round, constants) in FULL.iter().enumerate() {
            let start = if round < 4 { 0 } else { exit_frame };
            let frame = start + (round as i64 % 4) * full;
            for column in 0..COLUMNS {
                let chosen = times.column(frame, column as i64);
                table.at(times.taken(chosen)).column = Some(column);
                for lane in 0..LANES {
                    let entry = times.lane(chosen, lane);
                    table.constant(lane, entry, constants[lane * COLUMNS + column]);
                }
            }
        }

        // Partial rounds; round -1 is the entry.
        let place = |time: i64| Place {
            age: (time - 1).div_euclid(period) as usize % places,
            is_used: true,
        };
        for round in -1..PARTIAL_ROUNDS as i64 {
            let frame = first_partial + round * partial;
            let lane = round.rem_euclid((LANES * FRAMES) as i64) as usize / FRAMES;
            let state = times.state(frame, lane);
            if round >= 0 {
                let entry = times.lane(times.frame(frame), lane);
                table.constant(lane, entry, PARTIAL[round as usize]);
                table.at(times.raised(frame, lane)).raised_lane = lane;
                // The words of the memory are held for one cycle.
                let read = times.raised(frame, lane) + times.partial_wait;
                table.at(read).read = place(read);
                assert!(read - entering < places as i64 * period, "{places} places");
            }
            if round + 1 < PARTIAL_ROUNDS as i64 {
                table.at(state).capture[(round + 1) as usize / FRAMES] = true;
                table.at(state).write = place(state);
                let sum = state + RestSum::LATENCY as i64;
                table.at(sum).sum = place(sum);
            }
        }
        for frame in 0..FRAMES as i64 {
            for lane in 0..LANES {
                table.at(times.lane(times.frame(frame), lane)).is_partial[lane] = true;
            }
        }
        for time in 0..period {
            for lane in 0..LANES {
                let entered = times.lane(0, lane) + lane::ENTRY_CYCLES as i64;
                table.at(time).phase[lane] =
                    (time - entered).rem_euclid(slot_cycles as i64) as usize;
            }
        }

        Self {
            period_cycles: period as usize,
            latency_cycles: (done - take) as usize,
            full_wait_cycles: (full * frame_cycles - full_cycles) as usize,
            partial_wait_cycles: times.partial_wait as usize,
            steps: table.steps,
            constants: table.constants,
        }
    }

    /// Jobs under way at most.
    pub fn jobs(&self) -> usize {
        self.latency_cycles.div_ceil(self.period_cycles)
    }
}

/// The steps and constants while they are filled in.
struct Table {
    period: i64,
    steps: Vec<Step>,
    constants: [Vec<u64>; LANES],
}

impl Table {
    fn new(period: i64) -> Self {
        Self {
            period,
            steps: vec![Step::default(); period as usize],
            constants: std::array::from_fn(|_| vec![0; period as usize]),
        }
    }

    fn index(&self, time: i64) -> usize {
        time.rem_euclid(self.period) as usize
    }

    fn at(&mut self, time: i64) -> &mut Step {
        let index = self.index(time);
        &mut self.steps[index]
    }

    fn constant(&mut self, lane: usize, time: i64, constant: u64) {
        let index = self.index(time);
        assert_eq!(self.constants[lane][index], 0, "two words at once");
        self.constants[lane][index] = constant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every latency of the S-box has a timetable, in which each of the 118 words of a permutation has a lane
    /// and a slot of its own.
    #[test]
    fn there_is_a_timetable_for_every_latency() {
        for lane_multipliers in [1, 2, 4] {
            let slot_cycles = PRODUCTS / lane_multipliers;
            for sbox_cycles in 8..80 {
                let plan = Plan::new(lane_multipliers, sbox_cycles, 128);
                assert_eq!(plan.steps.len(), plan.period_cycles);
                for (lane, constants) in plan.constants.iter().enumerate() {
                    let slots: BTreeSet<usize> = (0..plan.period_cycles)
                        .filter(|&cycle| constants[cycle] != 0)
                        .map(|cycle| (cycle + plan.period_cycles - lane - 1) / slot_cycles % 40)
                        .collect();
                    let words = 32 + [8, 8, 6][lane];
                    assert_eq!(slots.len(), words, "{lane_multipliers}, {sbox_cycles}");
                }
                let count = |has: fn(&Step) -> bool| plan.steps.iter().filter(|s| has(s)).count();
                assert_eq!(count(|step| step.read.is_used), PARTIAL_ROUNDS);
                assert_eq!(count(|step| step.write.is_used), PARTIAL_ROUNDS);
                assert_eq!(count(|step| step.column.is_some()), FRAMES * COLUMNS);
                assert_eq!(count(|step| step.take), 1);
                let done = plan.steps.iter().position(|step| step.done).unwrap();
                assert!(!plan.steps[done].output_shift, "the words leave");
            }
        }
    }
}
