//! Damaged and hostile bytes: always an error, never a panic.

use winter_air::{Air, ProofOptions, TraceInfo};
use winter_crypto::Hasher;
use winter_math::{FieldElement, ToElements};
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{
    CheckMask, Reader, ShardProof, StarkError, VerifierAir, verify_shard,
};

use crate::{
    airs::{CubeAir, WideAir},
    prove::{Cube, Hash, Options, Proven, Quad, extension, prove_cube, prove_wide, verdict},
};

const OPTIONS: Options = Options {
    queries: 12,
    blowup: 4,
    grinding: 2,
    folding: 4,
    remainder: 3,
};

/// A sequence of words that look random (splitmix64): the same in every run.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn every_byte_counts<A, E>(proven: &Proven<A, E>, stride: usize)
where
    A: VerifierAir<PublicInputs: Clone>,
    E: FieldElement<BaseField = Felt>,
{
    let mut words = Words(1);
    for index in (0..proven.body.len()).step_by(stride) {
        let mut body = proven.body.clone();
        body[index] ^= 1 + words.below(255) as u8;
        assert!(
            proven.verdict(&body).is_err(),
            "byte {index} can be changed"
        );
    }
}

#[test]
fn every_byte_of_small_proofs_counts() {
    every_byte_counts(&prove_cube::<Cube>(16, OPTIONS), 1);
    every_byte_counts(&prove_cube::<Quad>(32, OPTIONS), 1);
    every_byte_counts(&prove_wide::<Cube>((3, 2), 16, OPTIONS), 1);
}

#[test]
fn sampled_bytes_of_a_larger_proof_count() {
    let options = Options {
        queries: 54,
        blowup: 8,
        grinding: 4,
        folding: 8,
        remainder: 7,
    };
    every_byte_counts(&prove_wide::<Cube>((9, 4), 512, options), 37);
}

#[test]
fn every_truncation_is_rejected() {
    let proven = prove_wide::<Cube>((3, 2), 16, OPTIONS);
    for length in 0..proven.body.len() {
        let verdict = proven.verdict(&proven.body[..length]);
        // The claims determine the rest, so a proof cut after them is always read as cut short.
        assert!(
            matches!(verdict, Err(StarkError::Truncated { .. })),
            "{length}: {verdict:?}"
        );
    }
}

#[test]
fn one_body_may_follow_another() {
    let proven = prove_cube::<Cube>(16, OPTIONS);
    let twice = [proven.body.as_slice(), &proven.body].concat();
    assert!(matches!(
        proven.verdict(&twice),
        Err(StarkError::TrailingBytes { .. })
    ));
    let mut reader = Reader::new(&twice);
    for _ in 0..2 {
        verify_shard::<_, Cube, Hash>(
            &proven.air,
            &proven.inputs.to_elements(),
            proven.proof.main_root,
            &mut reader,
            &CheckMask::NONE,
        )
        .unwrap();
    }
    assert_eq!(reader.finish(&CheckMask::NONE), Ok(()));
}

#[test]
fn another_statement_is_rejected() {
    let proven = prove_cube::<Cube>(16, OPTIONS);
    let body = &proven.body;
    let root = proven.proof.main_root;
    let judge = |air: &CubeAir<Felt>, inputs: &[Felt], root| {
        verdict::<_, Cube>(air, inputs, root, body, &CheckMask::NONE)
    };
    let inputs = proven.inputs.to_elements();
    assert_eq!(judge(&proven.air, &inputs, root), Ok(()));
    assert!(judge(&proven.air, &inputs, Hash::hash(b"another root")).is_err());
    assert!(judge(&proven.air, &[inputs[0] + Felt::ONE], root).is_err());
    assert!(judge(&proven.air, &[], root).is_err());
    assert!(judge(&proven.air, &[inputs[0], Felt::ZERO], root).is_err());

    let mut last = proven.inputs.clone();
    last.last += Felt::ONE;
    let elements = last.to_elements();
    let other = CubeAir::new(TraceInfo::new(1, 16), last, options::<Cube>(OPTIONS));
    assert!(judge(&other, &elements, root).is_err());

    for options in [
        Options {
            grinding: 1,
            ..OPTIONS
        },
        Options {
            queries: 11,
            ..OPTIONS
        },
        Options {
            remainder: 1,
            ..OPTIONS
        },
        Options {
            folding: 2,
            ..OPTIONS
        },
        Options {
            blowup: 2,
            ..OPTIONS
        },
    ] {
        let other = CubeAir::new(
            TraceInfo::new(1, 16),
            proven.inputs.clone(),
            self::options::<Cube>(options),
        );
        assert!(judge(&other, &inputs, root).is_err(), "{options:?}");
    }
    let longer = CubeAir::new(
        TraceInfo::new(1, 32),
        proven.inputs.clone(),
        options::<Cube>(OPTIONS),
    );
    assert!(judge(&longer, &inputs, root).is_err());
}

#[test]
fn unsupported_parameters_are_refused() {
    let proven = prove_cube::<Cube>(16, OPTIONS);
    let judge = |options: ProofOptions| {
        let air = CubeAir::new(TraceInfo::new(1, 16), proven.inputs.clone(), options);
        let root = proven.proof.main_root;
        let inputs = proven.inputs.to_elements();
        verdict::<_, Cube>(&air, &inputs, root, &proven.body, &CheckMask::NONE)
    };
    for refused in [
        // winterfell's prover panics on the first two.
        options::<Cube>(Options {
            queries: 64,
            ..OPTIONS
        }),
        options::<Cube>(Options {
            folding: 8,
            remainder: 0,
            ..OPTIONS
        }),
        options::<Quad>(OPTIONS),
        options::<Felt>(OPTIONS),
        options::<Cube>(OPTIONS).with_partitions(2, 8),
    ] {
        let verdict = judge(refused.clone());
        assert!(
            matches!(verdict, Err(StarkError::UnsupportedParameters(_))),
            "{refused:?}: {verdict:?}"
        );
    }
    assert_eq!(judge(options::<Cube>(OPTIONS)), Ok(()));
}

fn options<E: FieldElement>(options: Options) -> ProofOptions {
    options.proof_options(extension::<E>())
}

#[test]
fn garbage_is_rejected() {
    let proven = prove_wide::<Cube>((3, 2), 16, OPTIONS);
    let mut words = Words(2);
    for round in 0..2_000 {
        let length = words.below(2 * proven.body.len());
        // Every other round keeps the words below the modulus, to get past the claims.
        let mask = if round % 2 == 0 { u64::MAX } else { !(1 << 63) };
        let body: Vec<u8> = (0..length.div_ceil(8))
            .flat_map(|_| (words.next() & mask).to_le_bytes())
            .collect();
        assert!(proven.verdict(&body).is_err());
    }
}

/// Damage of every kind, through each check that could stop it: with the named checks skipped, the later code sees what
/// it normally would not. Whatever is read must be read back the same.
#[test]
fn twenty_thousand_damaged_proofs() {
    let cube = prove_cube::<Cube>(16, OPTIONS);
    let wide = prove_wide::<Cube>((3, 2), 16, OPTIONS);
    let mut words = Words(3);
    for _ in 0..10_000 {
        assault(&cube, &mut words);
        assault(&wide, &mut words);
    }
}

fn assault<A: VerifierAir<PublicInputs: Clone>>(proven: &Proven<A, Cube>, words: &mut Words) {
    let mut body = proven.body.clone();
    for _ in 0..=words.below(4) {
        damage(&mut body, words);
    }
    assert!(body == proven.body || proven.verdict(&body).is_err());

    let mut mask = CheckMask::NONE;
    let skipped = words.next();
    for (bit, check) in winterforge_verifier::stark::CheckId::ALL
        .into_iter()
        .enumerate()
    {
        if skipped >> bit & 1 == 1 {
            mask = mask.skip(check);
        }
    }
    let _ = proven.masked_verdict(&body, &mask);
}

fn damage(body: &mut Vec<u8>, words: &mut Words) {
    if body.is_empty() {
        return;
    }
    let at = words.below(body.len());
    match words.below(6) {
        0 => body[at] ^= 1 << words.below(8),
        1 => body[at..].fill(0xff),
        2 => body.truncate(at),
        3 => body.extend_from_within(at..),
        4 => {
            let end = (at + 1 + words.below(64)).min(body.len());
            body.drain(at..end);
        }
        _ => {
            let end = (at + 8).min(body.len());
            let word = [0, 1, Felt::ORDER, Felt::ORDER - 1, u64::MAX][words.below(5)];
            body[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
        }
    }
}

#[test]
fn a_proof_for_another_shape_is_not_converted() {
    let cube = prove_cube::<Cube>(16, OPTIONS);
    let wide = prove_wide::<Cube>((3, 2), 16, OPTIONS);
    let convert = |proven: &Proven<CubeAir<Felt>, Cube>, air: &WideAir| {
        ShardProof::<Cube, Hash>::from_winterfell(proven.stock.clone(), air, &[Felt::ONE])
    };
    assert!(matches!(
        convert(&cube, &wide.air),
        Err(StarkError::Conversion(_))
    ));

    // Other public inputs lead to other positions, and openings that do not fit them.
    let air = &cube.air;
    let other = ShardProof::<Cube, Hash>::from_winterfell(cube.stock.clone(), air, &[Felt::ONE]);
    assert!(other.map_or(true, |proof| proof != cube.proof));
}
