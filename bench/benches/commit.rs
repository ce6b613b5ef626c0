//! Hashing the rows of an extended matrix and building the tree over them: our device beside winterfell's `Blake3_256` and
//! Plonky3's BLAKE3 trees. All three have the same root.

use std::{hint::black_box, time::Duration};

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use winterforge_bench::peers::air::WIDTH;
use winterforge_bench::peers::kernels::{Ours, Plonky3, Stock, plonky3_rows};
use winterforge_bench::peers::stock::Upstream;

/// Rows before the extension, as powers of two.
const LOG_ROWS: [u32; 3] = [10, 14, 18];

const LOG_BLOWUP: u32 = 3;

fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit_64");
    group.sampling_mode(SamplingMode::Flat);
    for log_rows in LOG_ROWS {
        let log_size = log_rows + LOG_BLOWUP;
        group.throughput(Throughput::Bytes((8 * WIDTH as u64) << log_size));
        let name = |system| BenchmarkId::new(system, format!("2^{log_size}"));
        let ours = Ours::new(log_rows, LOG_BLOWUP);
        let matrix = ours.extend().expect("an extension");
        let root = ours.commit(&matrix).expect("a tree");
        group.bench_function(name("winterforge"), |bencher| {
            bencher.iter(|| ours.commit(black_box(&matrix)));
        });
        let rows = plonky3_rows(&matrix).expect("rows");
        drop(matrix);
        assert_eq!(Plonky3::commit(rows.clone()), root);
        group.bench_function(name("plonky3"), |bencher| {
            bencher.iter_batched(|| rows.clone(), Plonky3::commit, BatchSize::PerIteration);
        });
        drop(rows);
        let rows = Stock::<Upstream>::new(log_rows, LOG_BLOWUP).extend();
        assert_eq!(Stock::commit(&rows), root);
        group.bench_function(name("winterfell"), |bencher| {
            bencher.iter(|| Stock::commit(black_box(&rows)));
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
    targets = commit
}
criterion_main!(benches);
