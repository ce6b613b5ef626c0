//! The accelerator's ports, beat by beat: random gaps and stalls on every stream, in the rust-hdl simulation and on the Verilated
//! model, beside the integer models of its engines.

use winterforge_driver::registers;
use winterforge_hdl::bench::{Bench, Rng, SinkId, SourceId};
use winterforge_hdl::design::Dut;
use winterforge_hdl::goldilocks::{P, model as field};
use winterforge_hdl::merkle::Hash;
use winterforge_hdl::merkle::model::nodes;
use winterforge_hdl::ntt::model::{Job as Transform, run};
use winterforge_sim::{co_verify, verify_rtl};

const SEED: u64 = 61;

/// A job, as the model of the accelerator does it.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Powers of this shift, so many as a logarithm.
    LoadShift(u64, usize),
    Transform(Transform),
    /// And keep its words in this slot.
    Keep(Transform, usize),
    /// Of the words kept in this slot.
    Kept(Transform, usize),
    /// Logarithm of the rows, and words of a row.
    Tree(u32, usize),
}

const fn shape(log_n: usize, is_inverse: bool, is_coset: bool) -> Transform {
    Transform {
        log_n,
        is_inverse,
        is_coset,
    }
}

const fn transform(log_n: usize, is_inverse: bool, is_coset: bool) -> Job {
    Job::Transform(shape(log_n, is_inverse, is_coset))
}

/// What an accelerator remembers.
struct Memory {
    shift: u64,
    trees: u64,
    scratch: Vec<u64>,
}

/// A job with its words, its entry in the register `job`, and its results: those of a tree in no order.
fn expected(
    job: Job,
    hash: Hash,
    memory: &mut Memory,
    rng: &mut Rng,
) -> (u128, Vec<u64>, Vec<u64>) {
    let mut words = |count: usize| -> Vec<u64> { (0..count).map(|_| rng.next_u64() % P).collect() };
    match job {
        Job::LoadShift(power, log_n) => {
            memory.shift = power;
            let powers = std::iter::successors(Some(1), |&last| Some(field::multiply(last, power)));
            (
                1 | (log_n as u128) << 4,
                powers.take(1 << log_n).collect(),
                vec![],
            )
        }
        Job::Transform(transform) => {
            let x = words(1 << transform.log_n);
            let y = run(transform, &x, memory.shift);
            (entry(transform), x, y)
        }
        Job::Keep(transform, slot) => {
            let x = words(1 << transform.log_n);
            memory.scratch[slot << transform.log_n..][..x.len()].copy_from_slice(&x);
            let y = run(transform, &x, memory.shift);
            (entry(transform) | 1 << 11 | (slot as u128) << 24, x, y)
        }
        Job::Kept(transform, slot) => {
            let x = &memory.scratch[slot << transform.log_n..][..1 << transform.log_n];
            let y = run(transform, x, memory.shift);
            (entry(transform) | 1 << 12 | (slot as u128) << 24, vec![], y)
        }
        Job::Tree(log_rows, row_words) => {
            let x = words(row_words << log_rows);
            let rows: Vec<Vec<u64>> = x.chunks(row_words).map(<[u64]>::to_vec).collect();
            let tree = nodes(hash.model(), &rows);
            let numbered = tree.iter().enumerate().skip(1);
            let beats = numbered.map(|(node, digest)| {
                let head = node as u64 | memory.trees << 32;
                [head, digest[0], digest[1], digest[2], digest[3]]
            });
            let y = beats.flatten().collect();
            memory.trees += 1;
            let word = 3 | u128::from(log_rows) << 4 | (row_words as u128) << 16;
            (word, x, y)
        }
    }
}

/// Of a transform in the register `job`.
fn entry(transform: Transform) -> u128 {
    (transform.log_n as u128) << 4
        | u128::from(transform.is_inverse) << 9
        | u128::from(transform.is_coset) << 10
}

/// Words of a tree as nodes in order.
fn sorted(words: &[u64]) -> Vec<u64> {
    let (nodes, rest) = words.as_chunks::<5>();
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable_by_key(|node| node[0] & 0xff_ffff);
    [nodes.as_flattened(), rest].concat()
}

/// The streams of a bench's accelerator.
#[derive(Clone, Copy)]
struct Streams {
    /// Address and word of a write, and the words of jobs.
    sources: [SourceId; 3],
    answer: SinkId,
    results: SinkId,
}

impl Streams {
    fn of(bench: &mut Bench<&mut dyn Dut>) -> Self {
        let sources = ["aw", "w", "s"].map(|name| bench.source(name));
        let [answer, results] = ["b", "m"].map(|name| bench.sink(name));
        Self {
            sources,
            answer,
            results,
        }
    }
}

/// Does the jobs, after a reset.
fn check(dut: &mut dyn Dut, hash: Hash, jobs: &[Job], stalls: f64) -> Result<(), String> {
    let mut bench = Bench::new(dut, SEED);
    (bench.gap_probability, bench.stall_probability) = (stalls, stalls);
    let streams = Streams::of(&mut bench);
    check_on(&mut bench, streams, hash, jobs)
}

fn check_on(
    bench: &mut Bench<&mut dyn Dut>,
    streams: Streams,
    hash: Hash,
    jobs: &[Job],
) -> Result<(), String> {
    let Streams {
        sources,
        answer,
        results,
    } = streams;
    let mut rng = Rng::new(SEED);
    let mut memory = Memory {
        shift: 1,
        trees: 0,
        scratch: vec![0; 1 << 13],
    };
    // A tree's nodes come among those of the tree before it, so each is waited for.
    for group in jobs.chunk_by(|a, _| !matches!(a, Job::Tree(..))) {
        let mut wanted = Vec::new();
        for &job in group {
            let (entry, words, y) = expected(job, hash, &mut memory, &mut rng);
            let last = words.len().wrapping_sub(1);
            send(bench, sources, entry, words, last);
            wanted.push((job, y));
        }
        for (job, y) in wanted {
            let beats = bench
                .collect(results, y.len(), 200_000)
                .map_err(|error| format!("{job:?}: {error}"))?;
            let words: Vec<u64> = beats.iter().map(|beat| beat[0] as u64).collect();
            let words = match job {
                Job::Tree(..) => sorted(&words),
                _ => words,
            };
            let marks = beats.iter().enumerate();
            let is_marked = marks.fold(true, |right, (index, beat)| {
                right && (beat[1] == 1) == (index + 1 == y.len())
            });
            if words != y || !is_marked {
                return Err(format!("{job:?}: wrong results"));
            }
        }
    }
    let answers = bench.received(answer);
    if answers.len() != jobs.len() || answers.iter().any(|(_, beat)| beat != &[0]) {
        return Err(format!("answers to {} writes: {answers:?}", jobs.len()));
    }
    Ok(())
}

#[test]
fn three_ways() {
    let jobs = [
        Job::LoadShift(7, 4),
        transform(3, false, true),
        Job::Keep(shape(4, true, false), 511),
        Job::Tree(1, 3),
        Job::Kept(shape(4, false, true), 511),
        Job::Keep(shape(3, false, false), 2),
        Job::Kept(shape(3, false, true), 2),
        Job::Tree(0, 9),
    ];
    for stalls in [0.0, 0.4] {
        co_verify("accelerator_blake3", |dut| {
            check(dut, Hash::Blake3, &jobs, stalls)
        });
        verify_rtl("accelerator_poseidon2", |dut| {
            check(dut, Hash::Poseidon2By3, &jobs, stalls)
        });
    }
}

/// Random jobs of random sizes.
#[test]
fn random_jobs() {
    let mut rng = Rng::new(SEED);
    // Only words that were kept are used again.
    let mut is_kept = vec![false; 1 << 13];
    let mut job = || match rng.below(5) {
        0 => Job::LoadShift(rng.next_u64() % P, 9),
        1 => Job::Tree(rng.below(6) as u32, 1 + rng.below(254) as usize),
        _ => {
            let (log_n, flags) = (3 + rng.below(7) as usize, rng.below(4));
            // Powers for inverse transforms on a coset are another table.
            let transform = shape(log_n, flags == 1, flags > 1);
            let slot = rng.below((1 << 13 >> log_n).min(8)) as usize;
            let words = &mut is_kept[slot << log_n..][..1 << log_n];
            match rng.below(3) {
                0 => Job::Transform(transform),
                1 if words.iter().all(|&is_kept| is_kept) => Job::Kept(transform, slot),
                _ => {
                    words.fill(true);
                    Job::Keep(transform, slot)
                }
            }
        }
    };
    let jobs: Vec<Job> = (0..60).map(|_| job()).collect();
    assert!(
        jobs.iter()
            .filter(|job| matches!(job, Job::Kept(..)))
            .count()
            > 5
    );
    let jobs = [&[Job::LoadShift(7, 9)], jobs.as_slice()].concat();
    for stalls in [0.02, 0.6] {
        verify_rtl("accelerator_blake3", |dut| {
            check(dut, Hash::Blake3, &jobs, stalls)
        });
    }
    verify_rtl("accelerator_poseidon2", |dut| {
        check(dut, Hash::Poseidon2By3, &jobs[..20], 0.3)
    });
}

/// Sends a job with `last` at the word of that number, and resets by the register `control` while its words pass, one in every cycle.
/// The jobs that follow must be right.
fn cut(
    dut: &mut dyn Dut,
    hash: Hash,
    (entry, words): (u128, Vec<u64>),
    last: usize,
    cycles: u64,
) -> Result<(), String> {
    let mut bench = Bench::new(dut, SEED);
    let streams = Streams::of(&mut bench);
    let sources = streams.sources;
    send(&mut bench, sources, entry, words, last);
    let drop = registers::CONTROL_RESET.with(1).into();
    for cycle in 0..cycles + 20 {
        if cycle == cycles {
            bench.send(sources[0], vec![registers::CONTROL.into()]);
            bench.send(sources[1], vec![drop, 0xf]);
        }
        bench.tick().map_err(|error| error.to_string())?;
    }
    let answers = bench.received(streams.answer).len();
    let passed = bench.accepted(sources[2]);
    if answers != 2 || passed == 0 {
        return Err(format!("{answers} answers, {passed} words passed"));
    }
    bench.withdraw(sources[2]);
    bench.received(streams.answer).clear();
    (bench.gap_probability, bench.stall_probability) = (0.1, 0.1);
    check_on(&mut bench, streams, hash, &NEXT)
}

/// Sends a job over and over and takes no result, until no word passes any more.
fn clog(dut: &mut dyn Dut, (entry, words): (u128, Vec<u64>)) -> Result<(), String> {
    let mut bench = Bench::new(dut, SEED);
    let streams = Streams::of(&mut bench);
    bench.hold(streams.results, true);
    let sources = streams.sources;
    let sent = 10 * words.len() as u64;
    for _ in 0..10 {
        send(&mut bench, sources, entry, words.clone(), words.len() - 1);
    }
    let mut passed = 0;
    for _ in 0..20 {
        passed = bench.accepted(sources[2]);
        for _ in 0..2_000 {
            bench.tick().map_err(|error| error.to_string())?;
        }
    }
    let all = bench.accepted(sources[2]);
    if passed == all && all < sent {
        Ok(())
    } else {
        Err(format!("{passed}, then {all} words passed of {sent}"))
    }
}

/// Sends trees of a row each and takes no results, until no more are begun; then takes all: none is lost where the queue of what is
/// to come is full. At least so many must be begun by then.
fn pent_up(dut: &mut dyn Dut, hash: Hash, least: u64) -> Result<(), String> {
    let mut bench = Bench::new(dut, SEED);
    let streams = Streams::of(&mut bench);
    bench.hold(streams.results, true);
    let mut memory = Memory {
        shift: 1,
        trees: 0,
        scratch: Vec::new(),
    };
    let mut rng = Rng::new(SEED);
    let mut wanted = Vec::new();
    let begun = |bench: &Bench<&mut dyn Dut>| bench.accepted(streams.sources[2]);
    // As many jobs as there is room for wait in their queue.
    while (wanted.len() as u64) < begun(&bench) + 15 {
        let (entry, words, y) = expected(Job::Tree(0, 1), hash, &mut memory, &mut rng);
        send(&mut bench, streams.sources, entry, words, 0);
        wanted.push(y);
        for _ in 0..1_000 {
            bench.tick().map_err(|error| error.to_string())?;
        }
    }
    let waiting = begun(&bench);
    if waiting < least {
        return Err(format!("{waiting} trees begun, fewer than {least}"));
    }
    bench.hold(streams.results, false);
    for (number, y) in wanted.iter().enumerate() {
        let beats = bench
            .collect(streams.results, y.len(), 20_000)
            .map_err(|error| format!("tree {number}, {waiting} begun: {error}"))?;
        let words: Vec<u64> = beats.iter().map(|beat| beat[0] as u64).collect();
        if &words != y {
            return Err(format!("tree {number}, {waiting} begun: wrong results"));
        }
    }
    Ok(())
}

/// With Poseidon2 the words of six trees wait to be taken, and sixteen more are all that can be remembered; BLAKE3's engine holds fewer.
#[test]
fn results_that_nobody_takes_are_kept() {
    for (kernel, hash, least) in [
        ("accelerator_blake3", Hash::Blake3, 16),
        ("accelerator_poseidon2", Hash::Poseidon2By3, 22),
    ] {
        verify_rtl(kernel, |dut| pent_up(dut, hash, least));
    }
}

/// A job's entry in the register `job`, and random words of its own.
fn any(hash: Hash, job: Job) -> (u128, Vec<u64>) {
    let mut memory = Memory {
        shift: 1,
        trees: 0,
        scratch: Vec::new(),
    };
    let (entry, words, _) = expected(job, hash, &mut memory, &mut Rng::new(SEED));
    (entry, words)
}

/// Offers a job: what goes into the register `job`, and its words, of which that with the number `last` is marked.
fn send(
    bench: &mut Bench<&mut dyn Dut>,
    [address, word, data]: [SourceId; 3],
    entry: u128,
    words: Vec<u64>,
    last: usize,
) {
    bench.send(address, vec![registers::JOB.into()]);
    bench.send(word, vec![entry, 0xf]);
    for (index, word) in words.into_iter().enumerate() {
        bench.send(data, vec![word.into(), u128::from(index == last)]);
    }
}

/// What follows a reset in the tests.
const NEXT: [Job; 5] = [
    Job::LoadShift(7, 4),
    transform(4, false, true),
    Job::Tree(2, 5),
    transform(3, true, false),
    Job::Tree(0, 1),
];

/// A reset drops what is on its way into an engine, and what waits in front of one that cannot take it: the next jobs are right.
#[test]
fn a_reset_empties_the_way_in() {
    for (kernel, hash) in [
        ("accelerator_blake3", Hash::Blake3),
        ("accelerator_poseidon2", Hash::Poseidon2By3),
    ] {
        verify_rtl(kernel, |dut| {
            for job in [transform(9, false, false), Job::Tree(6, 20)] {
                let (entry, words) = any(hash, job);
                clog(dut, (entry, words.clone()))?;
                check(dut, hash, &NEXT, 0.1)?;
                for cycles in 20..24 {
                    cut(dut, hash, (entry, words.clone()), words.len() - 1, cycles)?;
                }
            }
            Ok(())
        });
    }
}

/// A reset drops an error that is noticed before it, in its cycle or after it: the next jobs are right.
#[test]
fn a_reset_beside_an_error() {
    verify_rtl("accelerator_blake3", |dut| {
        for job in [transform(9, false, false), Job::Tree(6, 20)] {
            for cycles in 10..40 {
                cut(dut, Hash::Blake3, any(Hash::Blake3, job), 16, cycles)?;
            }
        }
        Ok(())
    });
}

/// A write of less than a word, or beside one, is refused and does nothing; address and word come in any order.
#[test]
fn partial_writes_are_refused() {
    verify_rtl("accelerator_blake3", |dut| {
        let mut bench = Bench::new(dut, SEED);
        bench.gap_probability = 0.5;
        let [address, word, read] = ["aw", "w", "ar"].map(|name| bench.source(name));
        let [answer, value] = ["b", "r"].map(|name| bench.sink(name));
        let scratch = u128::from(registers::SCRATCH);
        for (offset, data, strobe, response, kept) in [
            (scratch, 0x1234_5678, 0xf, 0, 0x1234_5678),
            (scratch, 0xffff_ffff, 0x7, 2, 0x1234_5678),
            (scratch, 0xffff_ffff, 0x0, 2, 0x1234_5678),
            (scratch + 2, 0xffff_ffff, 0xf, 2, 0x1234_5678),
            (scratch, 0x8765_4321, 0xf, 0, 0x8765_4321),
        ] {
            bench.send(address, vec![offset]);
            bench.send(word, vec![data, strobe]);
            let found = bench
                .collect(answer, 1, 1000)
                .map_err(|error| error.to_string())?;
            bench.send(read, vec![scratch]);
            let read = bench
                .collect(value, 1, 1000)
                .map_err(|error| error.to_string())?;
            if found != [[response]] || read != [[kept, 0]] {
                return Err(format!(
                    "{offset:#x} {strobe:#x}: {found:?}, then {read:x?}"
                ));
            }
        }
        Ok(())
    });
}
