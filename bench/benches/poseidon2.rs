//! Poseidon2: the permutation beside Plonky3's, one state at a time and in vectors, and rows hashed with either hash.
//!
//! Plonky3 chooses its vectors when it is compiled: its packed states are as wide as ours with
//! `RUSTFLAGS="-C target-cpu=native"` and scalar without.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use p3_field::{Field, PackedValue, PrimeCharacteristicRing};
use p3_goldilocks::{Goldilocks, default_goldilocks_poseidon2_12};
use p3_symmetric::Permutation;
use winterforge_air::field::Felt;
use winterforge_prover::device::{Level, blake3, poseidon2};
use winterforge_verifier::poseidon2::{WIDTH, permute};

/// Permutations in one iteration.
const STATES: usize = 1024;

/// Rows and columns of the matrix whose rows are hashed.
const ROWS: usize = 4096;
const COLUMNS: usize = 64;

type Packed = <Goldilocks as Field>::Packing;

fn permutations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("poseidon2 permutations");
    group.throughput(Throughput::Elements(STATES as u64));
    let state = |index: usize| std::array::from_fn(|word| Felt::new((index * WIDTH + word) as u64));
    let mut states: Vec<[Felt; WIDTH]> = (0..STATES).map(state).collect();
    group.bench_function("ours, one state", |bencher| {
        bencher.iter(|| black_box(&mut states).iter_mut().for_each(permute));
    });
    for &level in Level::available() {
        group.bench_function(BenchmarkId::new("ours", level.name()), |bencher| {
            bencher.iter(|| poseidon2::permute(level, black_box(&mut states)));
        });
    }
    let plonky3 = default_goldilocks_poseidon2_12();
    let mut scalar: Vec<[Goldilocks; WIDTH]> = (states.iter())
        .map(|state| state.map(|word| Goldilocks::new(word.as_word())))
        .collect();
    group.bench_function("plonky3, one state", |bencher| {
        bencher.iter(|| {
            for state in black_box(&mut scalar) {
                plonky3.permute_mut(state);
            }
        });
    });
    let mut packed = vec![[Packed::ZERO; WIDTH]; STATES / Packed::WIDTH];
    group.bench_function(
        BenchmarkId::new("plonky3, lanes", Packed::WIDTH),
        |bencher| {
            bencher.iter(|| {
                for state in black_box(&mut packed) {
                    plonky3.permute_mut(state);
                }
            });
        },
    );
    group.finish();
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows of 64 words hashed");
    group.throughput(Throughput::Elements(ROWS as u64));
    let cells: Vec<Felt> = (0..(ROWS * COLUMNS) as u64).map(Felt::new).collect();
    let columns: Vec<&[Felt]> = cells.chunks(ROWS).collect();
    let mut digests = vec![[0; 8]; ROWS];
    for &level in Level::available() {
        group.bench_function(BenchmarkId::new("blake3", level.name()), |bencher| {
            bencher.iter(|| blake3::hash_rows(level, black_box(&columns), 0, &mut digests));
        });
        group.bench_function(BenchmarkId::new("poseidon2", level.name()), |bencher| {
            bencher.iter(|| poseidon2::hash_rows(level, black_box(&columns), 0, &mut digests));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = permutations, rows
}
criterion_main!(benches);
