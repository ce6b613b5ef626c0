//! The Goldilocks element beside `winter-math`'s and Plonky3's scalar one, and a transform over
//! each of the first two.
//!
//! Operations run along a chain of dependent values (latency) and, for products, over independent
//! ones too (throughput): transforms and constraint evaluation lie in between.

use std::{hint::black_box, time::Duration};

use criterion::{
    BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use p3_field::{Field, PrimeCharacteristicRing};
use p3_goldilocks::Goldilocks;
use winter_math::{ExtensibleField, FieldElement, StarkField, fft, fields};
use winterforge_air::field::Felt;

type Upstream = fields::f64::BaseElement;

/// How many operations one iteration makes.
const STEPS: usize = 1024;

/// Words that look random, the same on every run.
fn words(count: usize) -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state ^ (state >> 29)) % Felt::ORDER
        })
        .collect()
}

type Group<'a> = criterion::BenchmarkGroup<'a, WallTime>;

/// `x = op(x, y_i)` over all `y_i`.
fn chain<T: Copy>(group: &mut Group<'_>, name: &str, values: &[T], op: impl Fn(T, T) -> T) {
    group.bench_function(BenchmarkId::new("chain", name), |bencher| {
        bencher.iter(|| black_box(values).iter().fold(values[0], |x, &y| op(x, y)));
    });
}

/// `z_i = op(x_i, y_i)`, in place.
fn independent<T: Copy>(group: &mut Group<'_>, name: &str, values: &[T], op: impl Fn(T, T) -> T) {
    let mut accumulators = values.to_vec();
    group.bench_function(BenchmarkId::new("independent", name), |bencher| {
        bencher.iter(|| {
            for (x, &y) in black_box(&mut accumulators)
                .iter_mut()
                .zip(black_box(values))
            {
                *x = op(*x, y);
            }
        });
    });
}

/// One base field operation on all three element types.
macro_rules! compare {
    ($criterion:expr, $name:literal, $shape:ident, $ours:expr, $upstream:expr, $plonky:expr) => {{
        let words = words(STEPS);
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements(STEPS as u64));
        let ours: Vec<Felt> = words.iter().map(|&w| Felt::new(w)).collect();
        let upstream: Vec<Upstream> = words.iter().map(|&w| Upstream::new(w)).collect();
        let plonky: Vec<Goldilocks> = words.iter().map(|&w| Goldilocks::from_u64(w)).collect();
        $shape(&mut group, "winterforge", &ours, $ours);
        $shape(&mut group, "winter-math", &upstream, $upstream);
        $shape(&mut group, "p3-goldilocks", &plonky, $plonky);
        group.finish();
    }};
}

fn base(criterion: &mut Criterion) {
    compare!(
        criterion,
        "mul",
        chain,
        |x, y| x * y,
        |x, y| x * y,
        |x, y| x * y
    );
    compare!(
        criterion,
        "mul",
        independent,
        |x, y| x * y,
        |x, y| x * y,
        |x, y| x * y
    );
    compare!(
        criterion,
        "square",
        chain,
        |x, _| x.square(),
        |x, _| x.square(),
        |x, _| x.square()
    );
    compare!(
        criterion,
        "add",
        chain,
        |x, y| x + y,
        |x, y| x + y,
        |x, y| x + y
    );
    compare!(
        criterion,
        "add",
        independent,
        |x, y| x + y,
        |x, y| x + y,
        |x, y| x + y
    );
    compare!(
        criterion,
        "inv",
        chain,
        |x, y| (x + y).inv(),
        |x, y| (x + y).inv(),
        |x, y| (x + y).inverse()
    );
}

fn cube_values<B: ExtensibleField<3>>(lift: impl Fn(u64) -> B) -> Vec<fields::CubeExtension<B>> {
    let words = words(3 * STEPS);
    words
        .chunks(3)
        .map(|w| fields::CubeExtension::new(lift(w[0]), lift(w[1]), lift(w[2])))
        .collect()
}

fn cube(criterion: &mut Criterion) {
    let (ours, upstream) = (cube_values(Felt::new), cube_values(Upstream::new));
    let mut group = criterion.benchmark_group("cube_mul");
    group.throughput(Throughput::Elements(STEPS as u64));
    chain(&mut group, "winterforge", &ours, |x, y| x * y);
    chain(&mut group, "winter-math", &upstream, |x, y| x * y);
    independent(&mut group, "winterforge", &ours, |x, y| x * y);
    independent(&mut group, "winter-math", &upstream, |x, y| x * y);
    group.finish();

    let mut group = criterion.benchmark_group("cube_square");
    group.throughput(Throughput::Elements(STEPS as u64));
    chain(&mut group, "winterforge", &ours, |x, _| x.square());
    chain(&mut group, "winter-math", &upstream, |x, _| x.square());
    group.finish();
}

fn transform_over<B: StarkField>(group: &mut Group<'_>, name: &str, lift: impl Fn(u64) -> B) {
    const SIZE: usize = 1 << 16;
    let twiddles = fft::get_twiddles::<B>(SIZE);
    let mut values: Vec<B> = words(SIZE).into_iter().map(lift).collect();
    group.bench_function(name, |bencher| {
        bencher.iter(|| fft::evaluate_poly(&mut values, &twiddles))
    });
}

fn transform(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fft_2^16");
    group.sample_size(20);
    transform_over(&mut group, "winterforge", Felt::new);
    transform_over(&mut group, "winter-math", Upstream::new);
    group.finish();
}

criterion_group! {
    name = field;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = base, cube, transform
}
criterion_main!(field);
