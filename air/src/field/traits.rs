//! [`Felt`] as a field of the proof system: the field traits of `winter-math`, and the encoding.
//!
//! An element is encoded as its canonical word, eight bytes, little-endian; decoding rejects words
//! from p upwards, so each element has exactly one encoding and no proof can be re-encoded into
//! another that decodes alike.

use std::slice;

use winter_math::{FieldElement, StarkField};
use winter_utils::{
    AsBytes, ByteReader, ByteWriter, Deserializable, DeserializationError, Randomizable,
    Serializable,
};

use super::{Felt, goldilocks::P};

// `elements_as_bytes` reinterprets memory, and what is hashed must be the same bytes on every
// machine.
#[cfg(not(target_endian = "little"))]
compile_error!("field elements are hashed in place: only little-endian targets are supported");

const WORD_BYTES: usize = size_of::<u64>();

impl FieldElement for Felt {
    type PositiveInteger = u64;
    type BaseField = Self;

    const EXTENSION_DEGREE: usize = 1;
    const ELEMENT_BYTES: usize = WORD_BYTES;
    const IS_CANONICAL: bool = true;
    const ZERO: Self = Self::new(0);
    const ONE: Self = Self::new(1);

    #[inline(always)]
    fn double(self) -> Self {
        self + self
    }

    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }

    #[inline(always)]
    fn cube(self) -> Self {
        self * self * self
    }

    fn exp(self, power: u64) -> Self {
        self.pow(power)
    }

    fn exp_vartime(self, power: u64) -> Self {
        self.pow(power)
    }

    fn inv(self) -> Self {
        self.inverse()
    }

    fn conjugate(&self) -> Self {
        *self
    }

    fn base_element(&self, i: usize) -> Self {
        assert!(
            i == 0,
            "a base field element has one coefficient, none at index {i}"
        );
        *self
    }

    fn slice_as_base_elements(elements: &[Self]) -> &[Self] {
        elements
    }

    fn slice_from_base_elements(elements: &[Self]) -> &[Self] {
        elements
    }

    /// The little-endian canonical words of the elements, without a copy.
    #[inline]
    #[allow(
        unsafe_code,
        reason = "the trait asks for a view of the elements' memory"
    )]
    fn elements_as_bytes(elements: &[Self]) -> &[u8] {
        // SAFETY: `Felt` is a transparent `u64`: eight initialised bytes without padding, and any
        // alignment suits bytes. The view covers the slice exactly and borrows it.
        unsafe { slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
    }

    /// The elements whose little-endian canonical words are `bytes`, without a copy.
    ///
    /// Beyond what the trait asks for, this checks every word, so nothing is left for the caller to
    /// uphold. The generic extensions of `winter-math` do not: never decode one of those through
    /// `bytes_as_elements`.
    ///
    /// # Errors
    /// If `bytes` is not aligned to eight bytes, is not a whole number of words, or has a word from
    /// p upwards.
    #[allow(
        unsafe_code,
        reason = "the trait declares the function unsafe and asks for a view"
    )]
    unsafe fn bytes_as_elements(bytes: &[u8]) -> Result<&[Self], DeserializationError> {
        // SAFETY: every bit pattern is a `u64`.
        let (before, words, after) = unsafe { bytes.align_to::<u64>() };
        if !before.is_empty() || !after.is_empty() {
            return Err(DeserializationError::InvalidValue(
                "field elements must be whole words of eight bytes, aligned to eight bytes".into(),
            ));
        }
        if let Some(&word) = words.iter().find(|&&word| !Self::is_canonical(word)) {
            return Err(not_canonical(word));
        }
        // SAFETY: `Felt` is a transparent `u64`, and its invariant, a word below p, was checked for
        // each.
        Ok(unsafe { slice::from_raw_parts(words.as_ptr().cast(), words.len()) })
    }
}

impl StarkField for Felt {
    const MODULUS: u64 = P;
    const MODULUS_BITS: u32 = 64;

    /// 7, the least generator of the multiplicative group.
    const GENERATOR: Self = Self::new(7);

    const TWO_ADICITY: u32 = 32;

    /// The root of order 2^32 of which the power of order 64 is 8; it fixes the order of every
    /// evaluation domain, and so the bytes of a proof.
    const TWO_ADIC_ROOT_OF_UNITY: Self = Self::new(7_277_203_076_849_721_926);

    fn get_modulus_le_bytes() -> Vec<u8> {
        P.to_le_bytes().to_vec()
    }

    #[inline(always)]
    fn as_int(&self) -> u64 {
        self.as_word()
    }
}

impl AsBytes for Felt {
    fn as_bytes(&self) -> &[u8] {
        Self::elements_as_bytes(slice::from_ref(self))
    }
}

impl Randomizable for Felt {
    const VALUE_SIZE: usize = WORD_BYTES;

    /// Draws by rejection: bytes that encode no element give none, so that uniform bytes give
    /// uniform elements.
    fn from_random_bytes(source: &[u8]) -> Option<Self> {
        Self::try_from(source).ok()
    }
}

impl Serializable for Felt {
    fn write_into<W: ByteWriter>(&self, target: &mut W) {
        target.write_bytes(&self.as_word().to_le_bytes());
    }

    fn get_size_hint(&self) -> usize {
        WORD_BYTES
    }
}

impl Deserializable for Felt {
    fn read_from<R: ByteReader>(source: &mut R) -> Result<Self, DeserializationError> {
        let word = u64::from_le_bytes(source.read_array()?);
        Self::try_from(word).map_err(|_| not_canonical(word))
    }
}

impl TryFrom<&[u8]> for Felt {
    type Error = DeserializationError;

    /// Decodes exactly eight bytes, the little-endian canonical word.
    fn try_from(bytes: &[u8]) -> Result<Self, DeserializationError> {
        let word = bytes.try_into().map(u64::from_le_bytes).map_err(|_| {
            DeserializationError::InvalidValue(format!(
                "a field element is encoded in {WORD_BYTES} bytes, not {}",
                bytes.len()
            ))
        })?;
        Self::try_from(word).map_err(|_| not_canonical(word))
    }
}

fn not_canonical(word: u64) -> DeserializationError {
    DeserializationError::InvalidValue(super::NotCanonical(word.into()).to_string())
}
