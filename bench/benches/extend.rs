//! Extending 64 columns to eight times their length: our device beside winterfell and Plonky3's `Radix2DitParallel`.
//!
//! Memory is used again between iterations where a system does so. Plonky3 has its vectors only in a build for the machine
//! (`RUSTFLAGS="-C target-cpu=native"`).

use std::{hint::black_box, time::Duration};

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use winterforge_air::field::Felt;
use winterforge_bench::peers::air::WIDTH;
use winterforge_bench::peers::kernels::{Ours, Plonky3, Stock};
use winterforge_bench::peers::stock::Upstream;

/// Rows, as powers of two.
const LOG_ROWS: [u32; 3] = [10, 14, 18];

const LOG_BLOWUP: u32 = 3;

fn extend(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("extend_64");
    group.sampling_mode(SamplingMode::Flat);
    for log_rows in LOG_ROWS {
        group.throughput(Throughput::Elements(
            (WIDTH as u64) << (log_rows + LOG_BLOWUP),
        ));
        let name = |system| BenchmarkId::new(system, format!("2^{log_rows}"));
        let ours = Ours::new(log_rows, LOG_BLOWUP);
        group.bench_function(name("winterforge"), |bencher| {
            bencher.iter(|| black_box(&ours).extend());
        });
        let plonky3 = Plonky3::new(log_rows, LOG_BLOWUP);
        group.bench_function(name("plonky3"), |bencher| {
            bencher.iter_batched(
                || plonky3.rows(),
                |rows| plonky3.extend(rows),
                BatchSize::PerIteration,
            );
        });
        let upstream = Stock::<Upstream>::new(log_rows, LOG_BLOWUP);
        group.bench_function(name("winterfell"), |bencher| {
            bencher.iter(|| black_box(&upstream).extend());
        });
        let stock = Stock::<Felt>::new(log_rows, LOG_BLOWUP);
        group.bench_function(name("winterfell, our field"), |bencher| {
            bencher.iter(|| black_box(&stock).extend());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(3));
    targets = extend
}
criterion_main!(benches);
