//! The figures of the report.

use crate::committed::Committed;
use crate::counts::Counts;
use crate::models::{MNIST, weights};
use crate::peers::suite::{Case, Job, LOG_BLOWUPS, Peers, SERIES_SYSTEMS};
use crate::report::Report;
use crate::suite::{AMORTISED_BATCH, Measured, PHASES};
use crate::svg::{Series, lines, stacked_bars};

/// Every figure, with its file name.
pub fn all(report: &Report) -> Vec<(&'static str, String)> {
    let measured = &report.measured;
    let series = batch_series(measured);
    let mut figures = vec![
        ("time-by-batch.svg", time_by_batch(&series)),
        ("size-by-batch.svg", size_by_batch(&series)),
        ("memory-by-batch.svg", memory_by_batch(&series)),
        ("cells.svg", cells(&report.counts)),
        ("phases.svg", phases(measured)),
        ("threads.svg", threads(measured)),
        ("peers-time.svg", peers_time(&report.peers)),
        ("peers-memory.svg", peers_memory(&report.peers)),
    ];
    figures.extend(time_by_weights(report).map(|figure| ("time-by-weights.svg", figure)));
    figures
}

/// The cases of the batch series, by size of the batch.
pub fn batch_series(measured: &[Measured]) -> Vec<&Measured> {
    let mut series: Vec<&Measured> = measured
        .iter()
        .filter(|measured| {
            measured.case.model == MNIST && measured.case.variant == Default::default()
        })
        .collect();
    series.sort_by_key(|measured| measured.case.batch);
    series
}

/// A line's name and its value for a case.
type Figure<'a> = (&'a str, &'a dyn Fn(&Measured) -> f64);

fn over_batches(series: &[&Measured], title: &str, figures: &[Figure<'_>]) -> String {
    let batches: Vec<f64> = series.iter().map(|case| case.case.batch as f64).collect();
    let figures: Vec<Series> = figures
        .iter()
        .map(|(name, figure)| Series {
            name: (*name).to_owned(),
            values: series.iter().map(|case| figure(case)).collect(),
        })
        .collect();
    lines(title, "inputs in one bundle", &batches, &figures)
}

fn time_by_batch(series: &[&Measured]) -> String {
    over_batches(
        series,
        "Proving time per input in ms: mlp_mnist, 100 bits",
        &[
            ("CPU, 1 thread", &Measured::cpu_ms_per_input),
            ("wall, 1 thread", &|case| case.wall_ms_per_input(0)),
            ("wall, 2 threads", &|case| case.wall_ms_per_input(1)),
        ],
    )
}

fn size_by_batch(series: &[&Measured]) -> String {
    let kilobytes = |bytes: u64| bytes as f64 / 1e3;
    over_batches(
        series,
        "Bundle size in KB: mlp_mnist, 100 bits",
        &[
            ("bundle", &|case| kilobytes(case.bundle_bytes())),
            ("of it the statement", &|case| {
                kilobytes(case.any().statement_bytes)
            }),
            ("of it the proof", &|case| {
                kilobytes(case.bundle_bytes() - case.any().statement_bytes)
            }),
        ],
    )
}

fn memory_by_batch(series: &[&Measured]) -> String {
    let peak = |threads: usize| move |case: &Measured| case.peak_bytes(threads) as f64 / 1e6;
    over_batches(
        series,
        "Peak memory in MB: mlp_mnist, 100 bits",
        &[("1 thread", &peak(0)), ("2 threads", &peak(1))],
    )
}

/// Wall time on one thread and on two, of proofs long enough to tell.
fn threads(measured: &[Measured]) -> String {
    let shown: Vec<&Measured> = measured
        .iter()
        .filter(|case| case.wall_s(0) > 0.05)
        .collect();
    let bars = || shown.iter().flat_map(|case| [(case, 0_usize), (case, 1)]);
    let names: Vec<String> = bars()
        .map(|(case, threads)| {
            let name = case.case.model.name;
            format!("{name}, batch {}, {}t", case.case.batch, threads + 1)
        })
        .collect();
    let values = bars()
        .map(|(case, threads)| case.wall_s(threads) * 1e3)
        .collect();
    let series = Series {
        name: "ms that pass".to_owned(),
        values,
    };
    stacked_bars("Proving on one and two threads", &names, &[series])
}

/// A figure of whole proofs of all systems over the length of the trace.
fn over_lengths(peers: &Peers, title: &str, figure: impl Fn(Case) -> f64) -> String {
    let rows: Vec<f64> = peers
        .series()
        .map(|log_rows| f64::from(1 << log_rows))
        .collect();
    let series = SERIES_SYSTEMS.map(|system| Series {
        name: system.name().to_owned(),
        values: peers
            .series()
            .map(|log_rows| {
                figure(Case {
                    job: Job::Prove,
                    system,
                    log_rows,
                    log_blowup: LOG_BLOWUPS[0],
                    threads: 1,
                })
            })
            .collect(),
    });
    lines(title, "rows of the trace, 64 columns", &rows, &series)
}

fn peers_time(peers: &Peers) -> String {
    let title = "Proving in CPU ms: blowup 8, 1 thread, 100 bits, no grinding";
    over_lengths(peers, title, |case| {
        peers.figure(case, |run| run.cpu_s * 1e3)
    })
}

fn peers_memory(peers: &Peers) -> String {
    over_lengths(peers, "Peak memory in MB: blowup 8, 1 thread", |case| {
        peers.peak_mb(case)
    })
}

/// Steps of both modes over the weights of the models; `None` if a model does not load any more.
fn time_by_weights(report: &Report) -> Option<String> {
    let mut points: Vec<(u64, &Committed, &Measured)> = Vec::new();
    for committed in &report.committed {
        let single = |measured: &&Measured| {
            let case = &measured.case;
            case.model == committed.model && case.batch == 1 && case.variant == Default::default()
        };
        let open = report.measured.iter().chain(&report.large).find(single)?;
        points.push((weights(&*committed.model.load().ok()?), committed, open));
    }
    points.sort_by_key(|point| point.0);
    let x: Vec<f64> = points.iter().map(|point| point.0 as f64).collect();
    let series = |name: &str, figure: &dyn Fn(&Committed, &Measured) -> f64| Series {
        name: name.to_owned(),
        values: points
            .iter()
            .map(|point| figure(point.1, point.2))
            .collect(),
    };
    let cpu_ms =
        |costs: &[crate::committed::Cost]| Committed::median(costs, |cost| cost.cpu_s * 1e3);
    Some(lines(
        "CPU ms over weights: one input, 100 bits, 1 thread",
        "weights of the model",
        &x,
        &[
            series("prove with key", &|committed, _| cpu_ms(&committed.prove)),
            series("prove", &|_, open| open.cpu_s(0) * 1e3),
            series("set up key", &|committed, _| cpu_ms(&committed.setup)),
            series("verify", &|_, open| open.verify.cpu_ms),
            series("verify with key", &|committed, _| {
                committed.verify.cpu_s * 1e3
            }),
        ],
    ))
}

fn cells(counts: &[Counts]) -> String {
    let names: Vec<String> = counts
        .iter()
        .map(|count| format!("{}, batch {}", count.model, count.batch))
        .collect();
    let per_output = |name: &str, cells: fn(&Counts) -> u64| Series {
        name: name.to_owned(),
        values: counts
            .iter()
            .map(|count| cells(count) as f64 / count.outputs() as f64)
            .collect(),
    };
    stacked_bars(
        "Trace cells per requantized output",
        &names,
        &[
            per_output("main", |count| count.main_cells),
            per_output("auxiliary", |count| count.aux_cells),
            per_output("padding", |count| count.padding_cells),
        ],
    )
}

fn phases(measured: &[Measured]) -> String {
    let shown: Vec<&Measured> = measured
        .iter()
        .filter(|case| [1, AMORTISED_BATCH].contains(&case.case.batch))
        .collect();
    let names: Vec<String> = shown
        .iter()
        .map(|case| match case.case.batch {
            1 => format!("{}, {}", case.case.model.name, case.case.variant.name()),
            batch => format!("{}, batch {batch}", case.case.model.name),
        })
        .collect();
    let series: Vec<Series> = PHASES
        .iter()
        .enumerate()
        .map(|(phase, name)| Series {
            name: (*name).to_owned(),
            values: shown
                .iter()
                .map(|case| case.phases_s()[phase] * 1e3)
                .collect(),
        })
        .collect();
    stacked_bars(
        "Proving by phase: CPU ms of the whole batch, 1 thread",
        &names,
        &series,
    )
}
