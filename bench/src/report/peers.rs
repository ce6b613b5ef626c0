//! The section about other proof systems, over the same statement in the same run.

use std::fmt::{self, Formatter};

use super::Report;
use crate::peers::air::{CONSTRAINTS, DEGREE, WIDTH};
use crate::peers::suite::{Case, Job, LOG_BLOWUPS, Peers, SERIES_SYSTEMS};
use crate::peers::{System, ledger, options};

/// What tables call a system.
pub(super) fn title(system: System) -> &'static str {
    match system {
        System::Winterfell => "winterfell 0.13.1, its field",
        System::WinterfellOurField => "winterfell 0.13.1, our field",
        System::Plonky3 => concat!("Plonky3 ", env!("BENCH_PLONKY3")),
        System::Winterforge => "winterforge",
    }
}

impl Peers {
    /// The case of a system with the large trace.
    pub(super) fn case(&self, job: Job, system: System, log_blowup: u32, threads: usize) -> Case {
        Case {
            job,
            system,
            log_rows: self.large,
            log_blowup,
            threads,
        }
    }

    /// How many times the CPU time of ours winterfell's is, on one thread.
    pub(super) fn times_faster(&self, job: Job, system: System, log_blowup: u32) -> f64 {
        let cpu_s = |system| self.figure(self.case(job, system, log_blowup, 1), |run| run.cpu_s);
        cpu_s(System::Winterfell) / cpu_s(system)
    }

    /// How many times sooner ours is done with two threads.
    pub(super) fn threads_gain(&self, system: System, log_blowup: u32) -> f64 {
        let wall_s = |threads| {
            let case = self.case(Job::Prove, system, log_blowup, threads);
            self.figure(case, |run| run.wall_s)
        };
        wall_s(1) / wall_s(2)
    }
}

impl Report {
    pub(super) fn peers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let peers = &self.peers;
        writeln!(
            f,
            "## Beside other provers\n\n\
             One statement, proven by all: {WIDTH} columns, {CONSTRAINTS} constraints of degree {DEGREE}, 2^{} rows; no auxiliary segment. Field, extension \
             (cubic), rate, queries, folding by 8 and remainder are the same, and so are the proven bits, which our ledger counts; nobody grinds. All \
             hash with BLAKE3. Each proof is made and verified in a process of its own; each figure is the least of {}, since what else the machine \
             does only adds, but memory the largest; the time is that of the prover's call, \
             with the trace at hand, the second time in the process, when its memory has been touched before: on a virtual machine the first \
             touch can cost as much as the proof. All systems were built for this machine (`-C target-cpu=native`), since Plonky3 chooses its vectors \
             when it is compiled. winterfell's threads are a feature of its build that also changes what one thread does; it is off. Our proofs have the \
             same bytes as winterfell's, which a test holds.\n\n{STARK_HEAD}\n{}",
            peers.large,
            self.peer_runs,
            "|---".repeat(11) + "|"
        )?;
        for log_blowup in LOG_BLOWUPS {
            let options = options(peers.large, log_blowup);
            let bits = ledger(peers.large, &options).bits();
            for system in System::ALL {
                let case = peers.case(Job::Prove, system, log_blowup, 1);
                let two = peers.case(Job::Prove, system, log_blowup, 2);
                let threads = if system.has_threads() {
                    format!(
                        "{:.2} / {:.2}, {:.2}x",
                        peers.figure(two, |run| run.cpu_s),
                        peers.figure(two, |run| run.wall_s),
                        peers.threads_gain(system, log_blowup)
                    )
                } else {
                    "-".to_owned()
                };
                writeln!(
                    f,
                    "| {} | {} | {} | {bits} | {:.2} | {:.2} | {:.2}x | {threads} | {:.0} | {:.1} | {:.1} |",
                    title(system),
                    1 << log_blowup,
                    options.num_queries(),
                    peers.figure(case, |run| run.cpu_s),
                    peers.figure(case, |run| run.wall_s),
                    peers.times_faster(Job::Prove, system, log_blowup),
                    peers.peak_mb(case),
                    peers.figure(case, |run| run.proof_bytes as f64 / 1e3),
                    peers.figure(case, |run| run.verify_ms),
                )?;
            }
        }
        writeln!(
            f,
            "\n![time over trace length](figures/peers-time.svg)\n\n\
             ![memory over trace length](figures/peers-memory.svg)\n"
        )?;
        self.kernels(f)
    }

    fn kernels(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let peers = &self.peers;
        writeln!(
            f,
            "The two heavy kernels alone, on one thread, the second time in each process: extending those columns to a domain \
             {} times as large, and hashing the {WIDTH} x 2^{} rows that result and building the tree over them. All roots are equal: the report checks \
             it.\n\n{KERNEL_HEAD}\n{}",
            1 << LOG_BLOWUPS[0],
            peers.large + LOG_BLOWUPS[0],
            "|---".repeat(5) + "|"
        )?;
        for system in SERIES_SYSTEMS {
            let cpu_s = |job| {
                let case = peers.case(job, system, LOG_BLOWUPS[0], 1);
                peers.figure(case, |run| run.cpu_s)
            };
            writeln!(
                f,
                "| {} | {:.3} | {:.2}x | {:.3} | {:.2}x |",
                title(system),
                cpu_s(Job::Extend),
                peers.times_faster(Job::Extend, system, LOG_BLOWUPS[0]),
                cpu_s(Job::Commit),
                peers.times_faster(Job::Commit, system, LOG_BLOWUPS[0]),
            )?;
        }
        let cpu_s = |system| {
            let case = peers.case(Job::Extend, system, LOG_BLOWUPS[0], 1);
            peers.figure(case, |run| run.cpu_s)
        };
        writeln!(
            f,
            "\nOur transform or Plonky3's `Radix2DitParallel`? In this run ours took {:.2} of the time of Plonky3's. {OWN_TRANSFORM}\n",
            cpu_s(System::Winterforge) / cpu_s(System::Plonky3)
        )
    }
}

const STARK_HEAD: &str = "| prover | blowup | queries | bits | CPU s, 1 thread | wall s | x winterfell | 2 threads: CPU / wall s | peak MB | proof KB | verify ms |";

const KERNEL_HEAD: &str =
    "| | extension CPU s | x winterfell | hashing and tree CPU s | x winterfell |";

const OWN_TRANSFORM: &str = "\
It is the one that is used, and not for its speed alone: it chooses its vectors at run time, where Plonky3's portable build has none; it leaves columns, coset by coset, \
which is the form that hashing, constraints, DEEP and folding read whole vectors of, where Plonky3's leaves rows in bit-reversed order; and it is one file \
without dependencies.";
