//! Verification, and the two parts of it that grow with the model: the plan and the joint check.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use winterforge_air::field::Cube;
use winterforge_air::joint::JointCheck;
use winterforge_air::plan::compile;
use winterforge_bench::models::{MNIST, MODELS};
use winterforge_prover::{Silent, prove};
use winterforge_verifier::challenge::joint_challenges;
use winterforge_verifier::instance::public_codes;
use winterforge_verifier::{Policy, Verifier, verify};

/// Inputs of the batch.
const BATCH: usize = 8;

fn verification(criterion: &mut Criterion) {
    let singles = MODELS.map(|model| (model, 1));
    for (model, batch) in singles.into_iter().chain([(MNIST, BATCH)]) {
        let graph = model.load().expect("model in testdata");
        let inputs = model.inputs(&graph, 0, batch).expect("inputs in testdata");
        let proved = prove(&graph, &inputs, Default::default(), &Silent).expect("a proof");
        let policy = Policy::default();
        verify(&proved.bundle, &graph, &policy).expect("an accepted proof");

        let name = |part| BenchmarkId::new(part, format!("{}/{batch}", model.name));
        let mut group = criterion.benchmark_group("verify");
        group.bench_function(name("model and bundle"), |bencher| {
            bencher.iter(|| {
                let graph = model.load().expect("model in testdata");
                verify(black_box(&proved.bundle), &graph, &policy).expect("an accepted proof")
            });
        });
        let verifier = Verifier::of_model(graph.clone(), policy.clone());
        group.bench_function(name("next bundle"), |bencher| {
            bencher.iter(|| {
                verifier
                    .verify(black_box(&proved.bundle))
                    .expect("an accepted proof")
            });
        });
        group.bench_function(name("plan"), |bencher| {
            bencher.iter(|| compile(black_box(graph.clone()), batch, Default::default()));
        });
        let codes = public_codes(&graph, &proved.header).expect("a statement of this model");
        let challenges = joint_challenges::<Cube>(&[7; 32]);
        group.bench_function(name("joint check"), |bencher| {
            bencher.iter(|| JointCheck::new(black_box(&proved.instance.plan), challenges, &codes));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1000));
    targets = verification
}
criterion_main!(benches);
