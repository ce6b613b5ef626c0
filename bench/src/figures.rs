//! The figures of the report.

use crate::counts::Counts;
use crate::models::MNIST;
use crate::suite::{AMORTISED_BATCH, Measured, PHASES};
use crate::svg::{Series, lines, stacked_bars};

/// Every figure, with its file name.
pub fn all(counts: &[Counts], measured: &[Measured]) -> Vec<(&'static str, String)> {
    let series = batch_series(measured);
    vec![
        ("time-by-batch.svg", time_by_batch(&series)),
        ("size-by-batch.svg", size_by_batch(&series)),
        ("cells.svg", cells(counts)),
        ("phases.svg", phases(measured)),
    ]
}

/// The cases of the batch series, by size of the batch.
pub fn batch_series(measured: &[Measured]) -> Vec<&Measured> {
    let mut series: Vec<&Measured> = measured
        .iter()
        .filter(|measured| {
            measured.case.model == MNIST && measured.case.level == Default::default()
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
            1 => format!("{}, {} bits", case.case.model.name, case.case.level.bits()),
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
