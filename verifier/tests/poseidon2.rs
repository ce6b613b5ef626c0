//! Poseidon2 against its matrices written out, against Plonky3's permutation, and against the pinned test vectors; what
//! keeps messages and functions apart; and digests from bytes.

use std::collections::HashMap;

use p3_field::PrimeField64;
use p3_goldilocks::{
    GOLDILOCKS_POSEIDON2_RC_12_EXTERNAL_FINAL, GOLDILOCKS_POSEIDON2_RC_12_EXTERNAL_INITIAL,
    GOLDILOCKS_POSEIDON2_RC_12_INTERNAL, Goldilocks, default_goldilocks_poseidon2_12,
};
use p3_symmetric::Permutation;
use winter_crypto::{Digest as _, ElementHasher, Hasher};
use winter_math::FieldElement;
use winter_utils::{Deserializable, Serializable};
use winterforge_air::field::{Cube, Felt, from_basis_coefficients};
use winterforge_verifier::poseidon2::{
    Poseidon2, Poseidon2Digest, ROUND_CONSTANTS, WIDTH, integer_words, permute,
};

type State = [Felt; WIDTH];

/// Splitmix64.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn state(&mut self) -> State {
        std::array::from_fn(|_| Felt::new(self.word()))
    }
}

/// Random states, after those whose words are the same edge value or mix all of them.
fn states() -> Vec<State> {
    let seed = 0x0005_eed0_0f50_1d02;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let edges = [
        0,
        1,
        0xffff_ffff,
        1 << 32,
        1 << 63,
        Felt::ORDER / 2,
        Felt::ORDER - 1,
    ];
    let mut states: Vec<State> = edges.iter().map(|&edge| [Felt::new(edge); WIDTH]).collect();
    for _ in 0..200 {
        let mix = || Felt::new(edges[random.word() as usize % edges.len()]);
        states.push(
            std::iter::repeat_with(mix)
                .take(WIDTH)
                .collect::<Vec<_>>()
                .try_into()
                .unwrap(),
        );
    }
    states.extend((0..2000).map(|_| random.state()));
    states
}

/// The permutation by its definition, with both matrices written out.
fn naive(state: &State) -> State {
    let half = Felt::new(2).inverse();
    let small: [[u64; 4]; 4] = [[2, 3, 1, 1], [1, 2, 3, 1], [1, 1, 2, 3], [3, 1, 1, 2]];
    let external = |row: usize, column: usize| {
        let entry = Felt::new(small[row % 4][column % 4]);
        if row / 4 == column / 4 {
            entry + entry
        } else {
            entry
        }
    };
    let diagonal = [
        Felt::from_signed(-2),
        Felt::new(1),
        Felt::new(2),
        half,
        Felt::new(3),
        Felt::new(4),
        -half,
        Felt::from_signed(-3),
        Felt::from_signed(-4),
        half * half,
        -(half * half),
        half * half * half,
    ];
    let internal = |row: usize, column: usize| {
        let one = Felt::new(1);
        if row == column {
            one + diagonal[row]
        } else {
            one
        }
    };
    let times = |matrix: &dyn Fn(usize, usize) -> Felt, state: &State| -> State {
        std::array::from_fn(|row| {
            (0..WIDTH)
                .map(|column| matrix(row, column) * state[column])
                .sum()
        })
    };
    let full = |state: &State, constants: &State| -> State {
        times(
            &external,
            &std::array::from_fn(|i| (state[i] + constants[i]).pow(7)),
        )
    };
    let mut state = times(&external, state);
    for constants in &ROUND_CONSTANTS.initial {
        state = full(&state, constants);
    }
    for &constant in &ROUND_CONSTANTS.partial {
        state[0] = (state[0] + constant).pow(7);
        state = times(&internal, &state);
    }
    for constants in &ROUND_CONSTANTS.terminal {
        state = full(&state, constants);
    }
    state
}

fn words(digest: Poseidon2Digest) -> [u64; 4] {
    digest.0.map(Felt::as_word)
}

fn count(n: u64) -> Vec<Felt> {
    (1..=n).map(Felt::new).collect()
}

#[test]
fn the_permutation_is_its_definition() {
    for state in states() {
        let mut fast = state;
        permute(&mut fast);
        assert_eq!(fast, naive(&state), "{state:?}");
    }
}

#[test]
fn the_permutation_is_plonky3s() {
    let reference = default_goldilocks_poseidon2_12();
    for state in states() {
        let mut ours = state;
        permute(&mut ours);
        let mut theirs = state.map(|word| Goldilocks::new(word.as_word()));
        reference.permute_mut(&mut theirs);
        assert_eq!(
            ours.map(Felt::as_word),
            theirs.map(|word| word.as_canonical_u64())
        );
    }
}

#[test]
fn constants_are_the_published_ones_and_pinned() {
    let words =
        |constants: &[Felt]| -> Vec<u64> { constants.iter().map(|c| c.as_word()).collect() };
    let published = |constants: &[Goldilocks]| -> Vec<u64> {
        constants.iter().map(|c| c.as_canonical_u64()).collect()
    };
    let ours = &ROUND_CONSTANTS;
    let [initial, terminal] =
        [&ours.initial, &ours.terminal].map(|rounds| words(rounds.as_flattened()));
    let partial = words(&ours.partial);
    assert_eq!(
        initial,
        published(GOLDILOCKS_POSEIDON2_RC_12_EXTERNAL_INITIAL.as_flattened())
    );
    assert_eq!(partial, published(&GOLDILOCKS_POSEIDON2_RC_12_INTERNAL));
    assert_eq!(
        terminal,
        published(GOLDILOCKS_POSEIDON2_RC_12_EXTERNAL_FINAL.as_flattened())
    );
    let table: Vec<u8> = [initial, partial, terminal]
        .concat()
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    assert_eq!(table.len(), 944);
    assert_eq!(
        blake3::hash(&table).to_hex().as_str(),
        "5aaafaac150e5c55b7f88ed228e6b62b09cee83366ad1bd9507a81d18c9fdcea"
    );
}

#[test]
fn test_vectors_of_the_specification_hold() {
    let mut state: State = std::array::from_fn(|i| Felt::new(i as u64));
    permute(&mut state);
    assert_eq!(
        state.map(Felt::as_word),
        [
            0xf292_ab67_c0f1_4b03,
            0x0a32_f1b3_7656_544c,
            0x053c_61ab_8954_98de,
            0x02ff_92e5_5b19_6ffb,
            0x5817_6e8f_6f58_cab2,
            0xb0aa_1206_e7ae_c0f8,
            0xe90c_13f3_dce8_3ca4,
            0xf4da_1533_3edf_39c2,
            0x23b7_01c0_53c2_ca6c,
            0xd233_d593_dcdf_bf58,
            0x4eff_a5f9_516f_b52e,
            0x0aaf_4489_f1f4_0166,
        ]
    );
    let one = Poseidon2::hash_elements(&count(1));
    let eight = Poseidon2::hash_elements(&count(8));
    let bytes: Vec<u8> = (0..15).collect();
    let cases = [
        (
            Poseidon2::hash_elements(&count(0)),
            [
                0xac5d_2d4f_a108_ba76,
                0x6aa8_2cbf_63b6_c7ed,
                0xafbf_2606_593f_3ab8,
                0xadf2_3d91_dc4c_1408,
            ],
        ),
        (
            one,
            [
                0x8c36_ca4a_111f_e4e3,
                0xaf2b_b2e3_3b48_274b,
                0xe228_9601_34dd_b516,
                0x9245_b0ea_c970_c8c3,
            ],
        ),
        (
            eight,
            [
                0x8420_02d3_efc8_15d8,
                0x2f44_e9b6_451a_08b6,
                0x9573_24d5_0c4c_e6c4,
                0x9a63_2d09_3904_608c,
            ],
        ),
        (
            Poseidon2::hash_elements(&count(17)),
            [
                0x2ef7_0a62_b1f3_3bef,
                0xef48_de82_8eda_3105,
                0xe49d_fb5d_a316_f3a7,
                0x8e6e_9179_d0c1_41c5,
            ],
        ),
        (
            Poseidon2::merge(&[Poseidon2Digest::default(); 2]),
            [
                0x5b31_a8b9_799f_f836,
                0xe385_174f_e60f_4b08,
                0xe82c_6be8_8d50_767c,
                0x2778_f3b6_a189_81e2,
            ],
        ),
        (
            Poseidon2::merge(&[one, eight]),
            [
                0xc1ef_e6fd_62fa_7741,
                0x319f_7a71_cdf2_7cb7,
                0x8743_62f0_0782_40b6,
                0x9358_1fd8_594b_212d,
            ],
        ),
        (
            Poseidon2::merge_many(&[one, eight]),
            [
                0xf0e5_bebd_e422_f2c5,
                0xc124_f500_1fa7_fbed,
                0xf77e_189b_4397_816b,
                0xadc4_bf15_12f3_e0ef,
            ],
        ),
        (
            Poseidon2::merge_with_int(one, u64::MAX),
            [
                0x68d4_c70f_0b74_0b21,
                0x19ff_538c_fa84_91b0,
                0x0dbd_809d_93b5_9be7,
                0x347f_a6e9_0af1_5e90,
            ],
        ),
        (
            Poseidon2::hash(&[]),
            [
                0xaca7_dce5_d74e_f983,
                0x2e7a_0ece_5d00_adff,
                0x66df_ef9c_9b02_c49b,
                0x3e05_89e9_fb40_02b2,
            ],
        ),
        (
            Poseidon2::hash(&bytes),
            [
                0x7cbf_953c_bf23_60fa,
                0x3245_44e3_4522_4e8b,
                0x5248_82ea_69a4_5585,
                0xaa07_741e_a0ad_fb98,
            ],
        ),
    ];
    for (case, (got, want)) in cases.into_iter().enumerate() {
        assert_eq!(words(got), want, "case {case}");
    }
}

/// Messages that a careless padding or a shared starting state would hash alike.
#[test]
fn messages_and_functions_are_kept_apart() {
    let zero = Poseidon2Digest::default();
    let mut seen: HashMap<[u8; 32], String> = HashMap::new();
    let mut distinct = |digest: Poseidon2Digest, what: String| {
        if let Some(other) = seen.insert(digest.as_bytes(), what.clone()) {
            panic!("{what} hashes like {other}");
        }
    };
    for length in 0..40 {
        distinct(
            Poseidon2::hash_elements(&vec![Felt::new(0); length]),
            format!("{length} zeros"),
        );
        distinct(
            Poseidon2::hash(&vec![0; length]),
            format!("{length} zero bytes"),
        );
        distinct(
            Poseidon2::merge_many(&vec![zero; length]),
            format!("{length} zero digests"),
        );
    }
    distinct(
        Poseidon2::merge(&[zero; 2]),
        "two zero digests merged".into(),
    );
    for value in [0, 1, 1 << 32, Felt::ORDER, Felt::ORDER - 1, u64::MAX] {
        distinct(
            Poseidon2::merge_with_int(zero, value),
            format!("a zero digest and {value}"),
        );
    }
    // 2^56 - 1 as an element, and as bytes of different lengths.
    for length in 6..9 {
        distinct(
            Poseidon2::hash(&vec![0xff; length]),
            format!("{length} bytes of ones"),
        );
    }
    distinct(
        Poseidon2::hash_elements(&[Felt::new((1 << 56) - 1)]),
        "an element of 56 ones".into(),
    );
    let digest = Poseidon2::hash(b"x");
    let [low, high] = integer_words(7);
    let with_int = [&digest.0[..], &[low, high]].concat();
    distinct(
        Poseidon2::hash_elements(&with_int),
        "the words of a digest and 7".into(),
    );
    distinct(
        Poseidon2::merge_with_int(digest, 7),
        "a digest and 7".into(),
    );
    distinct(
        Poseidon2::merge(&[digest, digest]),
        "a digest twice, merged".into(),
    );
    distinct(
        Poseidon2::merge_many(&[digest, digest]),
        "a digest twice, of many".into(),
    );
    distinct(
        Poseidon2::hash_elements(&[digest.0, digest.0].concat()),
        "a digest twice, as words".into(),
    );
}

#[test]
fn extensions_hash_as_their_coordinates() {
    let words = count(12);
    let cubes: Vec<Cube> = words.chunks(3).map(from_basis_coefficients).collect();
    assert_eq!(
        Poseidon2::hash_elements(&cubes),
        Poseidon2::hash_elements(&words)
    );
    assert_eq!(Cube::EXTENSION_DEGREE, 3);
}

#[test]
fn digests_have_one_encoding() {
    let digest = Poseidon2::hash(b"digest");
    let bytes = digest.to_bytes();
    assert_eq!(bytes, digest.as_bytes());
    assert_eq!(Poseidon2Digest::read_from_bytes(&bytes).unwrap(), digest);
    for word in 0..4 {
        for value in [Felt::ORDER, Felt::ORDER + 1, u64::MAX] {
            let mut bytes = bytes.clone();
            bytes[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
            assert!(
                Poseidon2Digest::read_from_bytes(&bytes).is_err(),
                "word {word}: {value:#x}"
            );
        }
    }
    assert!(Poseidon2Digest::read_from_bytes(&bytes[..31]).is_err());
}
