//! The reference executor, one input of each model.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use winterforge_bench::models::MODELS;
use winterforge_model::execute;

fn reference(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("execute");
    for model in MODELS {
        let graph = model.load().expect("model in testdata");
        let input = model.inputs(&graph, 0, 1).expect("inputs in testdata");
        group.bench_function(model.name, |bencher| {
            bencher.iter(|| execute(&graph, &graph.quantize_input(black_box(&input))));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = reference
}
criterion_main!(benches);
