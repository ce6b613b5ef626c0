//! A cursor over proof bytes that is strict and never allocates more than what is left can fill.

use winter_crypto::Hasher;
use winter_math::FieldElement;
use winter_utils::{Deserializable, Serializable};
use winterforge_air::field::Felt;

use super::{
    checks::{CheckId, CheckMask},
    error::StarkError,
};

const WORD_BYTES: usize = size_of::<u64>();

/// A cursor over the bytes of one or more shard bodies.
///
/// A body needs no length in front of it, since its own values determine where it ends: several may follow each other,
/// with [`finish`](Self::finish) after the last.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Fails unless every byte was read.
    ///
    /// # Errors
    /// [`StarkError::TrailingBytes`].
    pub fn finish(&self, checks: &CheckMask) -> Result<(), StarkError> {
        checks.require(CheckId::TrailingBytes, self.bytes.is_empty(), || {
            StarkError::TrailingBytes {
                offset: self.offset,
                surplus: self.bytes.len(),
            }
        })
    }

    /// The next `count` chunks of `size` bytes each.
    fn take(
        &mut self,
        count: usize,
        size: usize,
        what: &'static str,
    ) -> Result<&'a [u8], StarkError> {
        let (head, tail) = count
            .checked_mul(size)
            .and_then(|length| self.bytes.split_at_checked(length))
            .ok_or(StarkError::Truncated {
                what,
                offset: self.offset,
            })?;
        self.bytes = tail;
        self.offset += head.len();
        Ok(head)
    }

    /// A 64-bit word, little-endian.
    pub(super) fn word(&mut self, what: &'static str) -> Result<u64, StarkError> {
        self.take(1, WORD_BYTES, what).map(word)
    }

    /// `count` elements, each as the words of its base field coefficients.
    ///
    /// # Errors
    /// If fewer are left, or a word is not below the modulus.
    pub fn elements<E: FieldElement<BaseField = Felt>>(
        &mut self,
        count: usize,
        what: &'static str,
        checks: &CheckMask,
    ) -> Result<Vec<E>, StarkError> {
        let start = self.offset;
        let bytes = self.take(count, E::EXTENSION_DEGREE * WORD_BYTES, what)?;
        let coefficients = bytes
            .chunks_exact(WORD_BYTES)
            .enumerate()
            .map(|(index, chunk)| {
                let word = word(chunk);
                checks.require(CheckId::CanonicalElements, Felt::is_canonical(word), || {
                    StarkError::NonCanonicalElement {
                        what,
                        offset: start + index * WORD_BYTES,
                    }
                })?;
                Ok(Felt::new(word))
            })
            .collect::<Result<Vec<Felt>, StarkError>>()?;
        Ok(E::slice_from_base_elements(&coefficients).to_vec())
    }

    /// `count` digests.
    pub(crate) fn digests<H: Hasher>(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<Vec<H::Digest>, StarkError> {
        let start = self.offset;
        let size = digest_bytes::<H>();
        let bytes = self.take(count, size, what)?;
        bytes
            .chunks_exact(size)
            .enumerate()
            .map(|(index, chunk)| {
                // A digest made of field elements could accept several encodings: only its own is taken.
                H::Digest::read_from_bytes(chunk)
                    .ok()
                    .filter(|digest| digest.to_bytes() == chunk)
                    .ok_or(StarkError::NonCanonicalDigest {
                        what,
                        offset: start + index * size,
                    })
            })
            .collect()
    }

    /// One digest.
    pub(super) fn digest<H: Hasher>(
        &mut self,
        what: &'static str,
    ) -> Result<H::Digest, StarkError> {
        let offset = self.offset;
        self.digests::<H>(1, what)?
            .pop()
            .ok_or(StarkError::Truncated { what, offset })
    }
}

/// The size of an encoded digest.
pub(super) fn digest_bytes<H: Hasher>() -> usize {
    H::Digest::default().to_bytes().len()
}

/// The little-endian word of at most eight bytes.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}
