//! Tries of a proof of work: our prover's search, lanes of nonces at a time, beside winterfell's coin, one by one.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{DefaultRandomCoin, Hasher, RandomCoin};
use winter_math::FieldElement;
use winterforge_air::field::Felt;
use winterforge_prover::stark::DeviceHash;

type Hash = Blake3_256<Felt>;

/// Tries in one iteration.
const TRIES: u64 = 1 << 12;

fn grind(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("grind");
    group.throughput(Throughput::Elements(TRIES));
    let seed = Hash::hash(b"seed");
    // No digest ends in 64 zeros, so every nonce is tried.
    group.bench_function("winterforge", |bencher| {
        bencher.iter(|| Hash::find_nonce(black_box(seed), u64::BITS, 1, TRIES));
    });
    let coin = DefaultRandomCoin::<Hash>::new(&[Felt::ONE; 8]);
    group.bench_function("winterfell", |bencher| {
        bencher.iter(|| {
            (1..=TRIES)
                .map(|nonce| black_box(&coin).check_leading_zeros(nonce))
                .max()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = grind
}
criterion_main!(benches);
