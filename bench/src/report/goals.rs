//! What this system set out to reach, beside what was measured.

use std::fmt::{self, Formatter};

use super::Report;
use crate::models::{MNIST, Variant};
use crate::peers::System::Winterforge;
use crate::peers::suite::{Job, LOG_BLOWUPS};
use crate::suite::Measured;

/// One goal.
struct Goal {
    what: &'static str,
    unit: &'static str,
    /// At least, or at most.
    at_least: bool,
    wanted: f64,
    found: f64,
}

impl Report {
    pub(super) fn goals(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{GOALS_HEAD}\n{}", "|---".repeat(4) + "|")?;
        for goal in self.goals_and_findings() {
            let reached = if goal.at_least {
                goal.found >= goal.wanted
            } else {
                goal.found <= goal.wanted
            };
            writeln!(
                f,
                "| {} | {} {}{} | {:.2}{} | {} |",
                goal.what,
                if goal.at_least { "at least" } else { "at most" },
                goal.wanted,
                goal.unit,
                goal.found,
                goal.unit,
                if reached { "reached" } else { "missed" }
            )?;
        }
        writeln!(f)
    }

    fn goals_and_findings(&self) -> Vec<Goal> {
        let peers = &self.peers;
        let goal = |what, unit, at_least, wanted, found| Goal {
            what,
            unit,
            at_least,
            wanted,
            found,
        };
        let of_model = |name: &str, batch: usize, figure: fn(&Measured) -> f64| {
            let mut cases = self.measured.iter().chain(&self.large);
            cases
                .find(|measured| {
                    let case = &measured.case;
                    case.model.name == name
                        && case.batch == batch
                        && case.variant == Variant::default()
                })
                .map(figure)
        };
        let [high, low] = LOG_BLOWUPS;
        let peak_mb = peers.peak_mb(peers.case(Job::Prove, Winterforge, high, 1));
        let mut goals = vec![
            goal(
                "proof at blowup 8, of winterfell's CPU time",
                "x",
                true,
                2.6,
                peers.times_faster(Job::Prove, Winterforge, high),
            ),
            goal("its peak memory", " MB", false, 1500.0, peak_mb),
            goal(
                "proof at blowup 2",
                "x",
                true,
                2.4,
                peers.times_faster(Job::Prove, Winterforge, low),
            ),
            goal(
                "extension",
                "x",
                true,
                2.2,
                peers.times_faster(Job::Extend, Winterforge, high),
            ),
            goal(
                "hashing and tree, same root",
                "x",
                true,
                12.0,
                peers.times_faster(Job::Commit, Winterforge, high),
            ),
            goal(
                "two threads, of one thread's wall time",
                "x",
                true,
                1.8,
                peers.threads_gain(Winterforge, high),
            ),
        ];
        let lenet = of_model("lenet_mnist", 1, |measured| measured.cpu_s(0));
        goals.extend(
            lenet.map(|found| goal("`lenet_mnist`, one input", " CPU s", false, 0.5, found)),
        );
        let batch = of_model(MNIST.name, 256, Measured::cpu_ms_per_input);
        goals.extend(batch.map(|found| {
            goal(
                "`mlp_mnist`, each of 256 inputs",
                " CPU ms",
                false,
                10.0,
                found,
            )
        }));
        let efflite = of_model("efflite0", 1, |measured| measured.cpu_s(0));
        goals.extend(
            efflite.map(|found| goal("`efflite0`, one input", " CPU s", false, 90.0, found)),
        );
        goals
    }
}

const GOALS_HEAD: &str = "\
## Goals

Set beforehand; the sections below say how each is measured. Factors are of CPU time on one thread.

| | wanted | here | |";
