//! Whole proofs with default parameters, from samples in memory to a bundle in memory.
//!
//! Each bench proves one fixed input, so it repeats one draw of the grinding lottery, and most of a small proof is grinding.
//! Any change of a proof's bytes draws again: what a change is worth is seen in the report, which takes luck out.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use winterforge_bench::models::{MNIST, MODELS};
use winterforge_prover::{Silent, prove};

/// Inputs of the batch.
const BATCH: usize = 8;

fn proofs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prove");
    group.sampling_mode(SamplingMode::Flat);
    let singles = MODELS.map(|model| (model, 1));
    for (model, batch) in singles.into_iter().chain([(MNIST, BATCH)]) {
        let graph = model.load().expect("model in testdata");
        let inputs = model.inputs(&graph, 0, batch).expect("inputs in testdata");
        group.bench_function(BenchmarkId::new(model.name, batch), |bencher| {
            bencher.iter(|| prove(&graph, black_box(&inputs), Default::default(), &Silent));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(3));
    targets = proofs
}
criterion_main!(benches);
