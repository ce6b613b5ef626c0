//! Conversions and encodings: exactly one word per element, and nothing else decodes.

use winter_math::{FieldElement, StarkField};
use winter_utils::{AsBytes, Deserializable, Randomizable, Serializable};
use winterforge_air::field::{Cube, Felt, NotCanonical, Quad};

use crate::oracle::{P, Words, edges, felt};

/// Words that encode no element.
const REJECTED: [u64; 4] = [P as u64, P as u64 + 1, u64::MAX - 1, u64::MAX];

#[allow(unsafe_code, reason = "the trait declares the function unsafe")]
fn view(bytes: &[u8]) -> Option<&[Felt]> {
    // SAFETY: this implementation checks alignment, length and every word itself.
    unsafe { Felt::bytes_as_elements(bytes) }.ok()
}

#[test]
fn elements_encode_as_their_word() {
    for a in edges() {
        let (x, bytes) = (felt(a), a.to_le_bytes());
        assert_eq!(x.to_bytes(), bytes);
        assert_eq!(x.get_size_hint(), bytes.len());
        assert_eq!(x.as_bytes(), bytes);
        assert_eq!(Felt::read_from_bytes(&bytes).unwrap(), x);
        assert_eq!(Felt::try_from(bytes.as_slice()).unwrap(), x);
        assert_eq!(Felt::from_random_bytes(&bytes), Some(x));
        assert_eq!(Felt::try_from(a), Ok(x));
        assert_eq!(Felt::try_from(u128::from(a)), Ok(x));
        assert_eq!((u64::from(x), u128::from(x)), (a, u128::from(a)));
        assert_eq!(
            (x.to_string(), format!("{x:?}")),
            (a.to_string(), a.to_string())
        );
    }
    assert_eq!(Felt::VALUE_SIZE, 8);
}

#[test]
fn words_from_the_modulus_upwards_are_rejected() {
    for word in REJECTED {
        let bytes = word.to_le_bytes();
        assert!(!Felt::is_canonical(word));
        assert!(Felt::read_from_bytes(&bytes).is_err(), "{word:#x}");
        assert!(Felt::try_from(bytes.as_slice()).is_err(), "{word:#x}");
        assert_eq!(Felt::from_random_bytes(&bytes), None, "{word:#x}");
        assert_eq!(Felt::try_from(word), Err(NotCanonical(word.into())));
        assert_eq!(
            Felt::try_from(u128::from(word)),
            Err(NotCanonical(word.into()))
        );
        assert_eq!(
            Felt::new(word).as_word(),
            word - P as u64,
            "the reducing constructor takes any word"
        );

        // One bad coefficient spoils an extension element, wherever it stands.
        for position in 0..3 {
            let mut words = [1_u64, 2, 3];
            words[position] = word;
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            assert!(Cube::read_from_bytes(&bytes).is_err());
            assert_eq!(Cube::from_random_bytes(&bytes), None);
            if position < 2 {
                assert!(Quad::read_from_bytes(&bytes[..16]).is_err());
                assert_eq!(Quad::from_random_bytes(&bytes[..16]), None);
            }
        }
    }
    let wide = 1_u128 << 64;
    assert_eq!(Felt::try_from(wide), Err(NotCanonical(wide)));
    assert_eq!(
        NotCanonical(wide).to_string(),
        "18446744073709551616 is no field element: it must be below 18446744069414584321"
    );
}

#[test]
fn only_whole_words_decode() {
    for length in (0..20).filter(|&length| length != 8) {
        let bytes = vec![0; length];
        assert!(Felt::try_from(bytes.as_slice()).is_err(), "{length} bytes");
        assert_eq!(Felt::from_random_bytes(&bytes), None, "{length} bytes");
        assert_eq!(
            Felt::read_from_bytes(&bytes).is_ok(),
            length > 8,
            "a reader leaves what follows"
        );
    }
}

#[test]
fn views_of_memory_are_the_canonical_words() {
    const { assert!(Felt::IS_CANONICAL && Quad::IS_CANONICAL && Cube::IS_CANONICAL) };
    let elements: Vec<Felt> = edges().into_iter().map(felt).collect();
    let bytes: Vec<u8> = edges().iter().flat_map(|a| a.to_le_bytes()).collect();
    let bytes_in_place = Felt::elements_as_bytes(&elements);
    assert_eq!(bytes_in_place, bytes);
    assert_eq!(view(bytes_in_place), Some(elements.as_slice()));
    assert_eq!(view(&bytes_in_place[..8 * 3]), Some(&elements[..3]));
    assert_eq!(view(&[]), Some([].as_slice()));
    assert_eq!(view(&bytes_in_place[1..9]), None, "misaligned");
    assert_eq!(view(&bytes_in_place[..12]), None, "half a word left over");

    let cubes = Cube::slice_from_base_elements(&elements[..48]);
    assert_eq!(Cube::elements_as_bytes(cubes), &bytes[..8 * 48]);
    let quads = Quad::slice_from_base_elements(&elements[..48]);
    assert_eq!(Quad::elements_as_bytes(quads), &bytes[..8 * 48]);
}

#[test]
fn views_of_bytes_reject_bad_words() {
    for word in REJECTED {
        for position in 0..5 {
            let mut words = [7_u64; 5];
            words[position] = word;
            // Borrow aligned memory: a vector of bytes may lie anywhere.
            let bytes = aligned_bytes(&words);
            assert_eq!(view(bytes), None, "{word:#x} at {position}");
        }
    }
}

#[allow(unsafe_code, reason = "bytes at an aligned address")]
fn aligned_bytes(words: &[u64]) -> &[u8] {
    // SAFETY: the bytes of integers are initialised, and any bytes will do as `u8`.
    unsafe { words.align_to::<u8>() }.1
}

#[test]
fn lists_round_trip() {
    let mut words = Words::new(11);
    let elements: Vec<Felt> = (0..100).map(|_| felt(words.biased())).collect();
    assert_eq!(
        Vec::<Felt>::read_from_bytes(&elements.to_bytes()).unwrap(),
        elements
    );
    let cubes = Cube::slice_from_base_elements(&elements[..99]).to_vec();
    assert_eq!(
        Vec::<Cube>::read_from_bytes(&cubes.to_bytes()).unwrap(),
        cubes
    );
}

#[test]
fn small_integers_embed() {
    assert_eq!(Felt::from(true), Felt::ONE);
    assert_eq!(Felt::from(false), Felt::ZERO);
    assert_eq!(Felt::from(u8::MAX).as_word(), 255);
    assert_eq!(Felt::from(u16::MAX).as_word(), 65_535);
    assert_eq!(Felt::from(u32::MAX).as_word(), 0xffff_ffff);
    assert_eq!(Felt::default(), Felt::ZERO);
    assert_eq!(
        Felt::from_bytes_with_padding(&[1, 2, 3]).as_word(),
        0x03_0201
    );
    assert_eq!(Felt::get_modulus_le_bytes(), Felt::MODULUS.to_le_bytes());
}
