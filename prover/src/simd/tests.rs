//! Every vector against the scalar field, on edge values first, and against plain words.

use winter_math::{ExtensionOf, FieldElement};
use winterforge_air::algebra::{Algebra, Over};
use winterforge_air::field::{Cube, Felt, basis_coefficients, from_basis_coefficients};

use super::{CubeLanes, Isa, Kernel, Lanes, Level, Words, run};

/// Words at which some carry or borrow turns, then pseudo-random ones (splitmix64 of a fixed seed).
fn samples(count: usize) -> Vec<Felt> {
    let p = Felt::ORDER;
    let edges = [
        0,
        1,
        2,
        0xffff_fffe,
        0xffff_ffff,
        0x1_0000_0000,
        0x1_0000_0001,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_fffe_ffff_ffff,
        0xffff_fffe_0000_0000,
        0xffff_ffff_0000_0000,
        p - 1,
        p - 2,
        p / 2,
        p - 0x1_0000_0000,
    ];
    let mut state = 0x5eed_u64;
    let random = std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    edges
        .into_iter()
        .chain(random)
        .map(Felt::new)
        .take(count)
        .collect()
}

struct FieldChecks;

impl Kernel for FieldChecks {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        let samples = samples(48);
        let mut out = vec![Felt::new(0); width];
        for &a in &samples {
            // Each lane another second operand.
            for shift in 0..samples.len() {
                let b: Vec<Felt> = (0..width)
                    .map(|i| samples[(shift + i) % samples.len()])
                    .collect();
                let (x, y) = (I::Field::splat(a), I::Field::load(&b));
                type Scalar = fn(Felt, Felt) -> Felt;
                let cases: [(&str, I::Field, Scalar); 4] = [
                    ("+", x + y, |a, b| a + b),
                    ("-", x - y, |a, b| a - b),
                    ("*", x * y, |a, b| a * b),
                    ("neg", -y, |_, b| -b),
                ];
                for (name, got, want) in cases {
                    got.store(&mut out);
                    for (&got, &b) in out.iter().zip(&b) {
                        assert_eq!(got, want(a, b), "{a} {name} {b}");
                        assert!(Felt::is_canonical(got.as_word()), "{a} {name} {b}");
                    }
                }
            }
            let unary: [(&str, I::Field, Felt); 2] = [
                ("squared", I::Field::splat(a).square(), a * a),
                ("halved", I::Field::splat(a).half(), a / Felt::new(2)),
            ];
            for (name, got, want) in unary {
                got.store(&mut out);
                assert!(out.iter().all(|&got| got == want), "{a} {name}");
                assert!(Felt::is_canonical(out[0].as_word()), "{a} {name}");
            }
            for exponent in 0..192 {
                I::Field::splat(a).mul_2exp(exponent).store(&mut out);
                assert_eq!(
                    out[0],
                    a * Felt::new(2).pow(u64::from(exponent)),
                    "{a} << {exponent}"
                );
            }
        }
        let cells: Vec<Felt> = (0..(width * width) as u64).map(Felt::new).collect();
        let mut square: Vec<I::Field> = cells.chunks(width).map(I::Field::load).collect();
        I::Field::transpose(&mut square);
        for (row, lanes) in square.iter().enumerate() {
            lanes.store(&mut out);
            for (column, &cell) in out.iter().enumerate() {
                assert_eq!(cell, cells[column * width + row]);
            }
        }
    }
}

struct CubeChecks;

impl Kernel for CubeChecks {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Field::WIDTH;
        let words = samples(60);
        let elements: Vec<Cube> = words.chunks(3).map(from_basis_coefficients).collect();
        let mut out = vec![Felt::new(0); width];
        for &a in &elements {
            for &b in &elements {
                let (x, y) = (CubeLanes::<I::Field>::splat(a), CubeLanes::splat(b));
                let factor = basis_coefficients(&b)[0];
                let cases = [
                    (x + y, a + b),
                    (x - y, a - b),
                    (x * y, a * b),
                    (-x, -a),
                    (x.times(I::Field::splat(factor)), a.mul_base(factor)),
                    (x.scale(factor), a.mul_base(factor)),
                    (CubeLanes::one(), Cube::ONE),
                    (CubeLanes::zero(), Cube::ZERO),
                ];
                for (got, want) in cases {
                    for (lanes, &want) in got.0.iter().zip(basis_coefficients(&want)) {
                        lanes.store(&mut out);
                        assert!(out.iter().all(|&got| got == want), "{a} {b}");
                    }
                }
            }
        }
    }
}

struct WordChecks;

impl Kernel for WordChecks {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let width = I::Words::WIDTH;
        let elements = samples(width);
        let low: Vec<u32> = elements.iter().map(|x| x.as_word() as u32).collect();
        let high: Vec<u32> = elements
            .iter()
            .map(|x| (x.as_word() >> 32) as u32)
            .collect();
        let mut out = vec![0; width];
        let mut expect = |got: I::Words, want: &dyn Fn(u32, u32) -> u32| {
            got.store(&mut out);
            let want: Vec<u32> = low.iter().zip(&high).map(|(&a, &b)| want(a, b)).collect();
            assert_eq!(out, want);
        };
        let [a, b] = I::Words::halves(&elements);
        expect(a, &|a, _| a);
        expect(b, &|_, b| b);
        expect(I::Words::load(&low), &|a, _| a);
        expect(I::Words::splat(7), &|_, _| 7);
        expect(a.add(b), &u32::wrapping_add);
        expect(a.xor(b), &|a, b| a ^ b);
        expect(b.rotate_right::<7>(), &|_, b| b.rotate_right(7));
        expect(b.rotate_right::<8>(), &|_, b| b.rotate_right(8));
        expect(b.rotate_right::<12>(), &|_, b| b.rotate_right(12));
        expect(b.rotate_right::<16>(), &|_, b| b.rotate_right(16));
        let cells: Vec<u32> = (0..(width * width) as u32).collect();
        let mut square: Vec<I::Words> = cells.chunks(width).map(I::Words::load).collect();
        I::Words::transpose(&mut square);
        for (row, words) in square.iter().enumerate() {
            words.store(&mut out);
            for (column, &cell) in out.iter().enumerate() {
                assert_eq!(cell, cells[column * width + row]);
            }
        }
    }
}

#[test]
fn every_vector_is_the_scalar_field() {
    for &level in Level::available() {
        run(level, FieldChecks);
    }
}

#[test]
fn every_vector_is_the_cubic_extension() {
    for &level in Level::available() {
        run(level, CubeChecks);
    }
}

#[test]
fn every_vector_of_words_is_plain_words() {
    for &level in Level::available() {
        run(level, WordChecks);
    }
}
