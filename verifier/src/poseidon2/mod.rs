//! Poseidon2 over the field of the proofs, as a hash of commitments and coin. It is specified in docs/poseidon2.md.
//!
//! | module | answers |
//! |---|---|
//! | `constants` | where do the round constants come from? |
//! | `permutation` | how is a state permuted? |
//! | this one | how are messages hashed with the permutation, and what is a digest? |

mod constants;
mod permutation;

use winter_crypto::{Digest, ElementHasher, Hasher};
use winter_math::FieldElement;
use winter_utils::{ByteReader, ByteWriter, Deserializable, DeserializationError, Serializable};
use winterforge_air::field::Felt;

pub use constants::{ROUND_CONSTANTS, RoundConstants};
pub use permutation::permute;

/// Words of a state.
pub const WIDTH: usize = 12;
/// Words of a state that messages are written to; those after them are the capacity.
pub const RATE: usize = 8;
/// Words of a digest.
pub const DIGEST_WORDS: usize = 4;
/// Rounds with an S-box on every word, before the partial rounds and after them.
pub const HALF_FULL_ROUNDS: usize = 4;
/// Rounds with an S-box on the first word.
pub const PARTIAL_ROUNDS: usize = 22;

/// Bytes in an element: every string of seven is below p.
const ELEMENT_BYTES: usize = 7;

/// The hash functions, kept apart by the second word of the capacity that they start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Two digests.
    Merge,
    /// Field elements.
    Elements,
    /// Bytes.
    Bytes,
    /// A digest and an integer.
    WithInteger,
    /// Any number of digests.
    MergeMany,
}

impl Domain {
    /// The capacity for a message of this length: elements, bytes, or 0 where the length is fixed.
    pub fn capacity(self, length: usize) -> [Felt; WIDTH - RATE] {
        let tag = match self {
            Self::Merge => 0,
            Self::Elements => 1,
            Self::Bytes => 2,
            Self::WithInteger => 3,
            Self::MergeMany => 4,
        };
        let zero = Felt::new(0);
        [Felt::new(length as u64), Felt::new(tag), zero, zero]
    }
}

/// The words in which the proof of work and the coin's counter are hashed.
pub fn integer_words(value: u64) -> [Felt; 2] {
    [value & 0xffff_ffff, value >> 32].map(Felt::new)
}

/// The hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poseidon2;

/// Four words, all canonical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Poseidon2Digest(pub [Felt; DIGEST_WORDS]);

/// A state that takes in blocks.
struct Sponge([Felt; WIDTH]);

impl Sponge {
    fn new(domain: Domain, length: usize) -> Self {
        let mut state = [Felt::new(0); WIDTH];
        state[RATE..].copy_from_slice(&domain.capacity(length));
        Self(state)
    }

    /// Overwrites the rate with at most eight words, and zeros after them.
    fn absorb(&mut self, block: impl IntoIterator<Item = Felt>) {
        let words = block.into_iter().chain(std::iter::repeat(Felt::new(0)));
        for (word, next) in self.0[..RATE].iter_mut().zip(words) {
            *word = next;
        }
        permute(&mut self.0);
    }

    fn digest(&self) -> Poseidon2Digest {
        Poseidon2Digest(std::array::from_fn(|word| self.0[word]))
    }

    /// The digest of a whole message.
    fn hash(mut self, words: &[Felt]) -> Poseidon2Digest {
        for block in words.chunks(RATE) {
            self.absorb(block.iter().copied());
        }
        if words.is_empty() {
            self.absorb([]);
        }
        self.digest()
    }
}

impl Hasher for Poseidon2 {
    type Digest = Poseidon2Digest;

    const COLLISION_RESISTANCE: u32 = 128;

    fn hash(bytes: &[u8]) -> Self::Digest {
        let element = |chunk: &[u8]| {
            let word = chunk.iter().rev();
            Felt::new(word.fold(0, |word, &byte| word << 8 | u64::from(byte)))
        };
        let words: Vec<Felt> = bytes.chunks(ELEMENT_BYTES).map(element).collect();
        Sponge::new(Domain::Bytes, bytes.len()).hash(&words)
    }

    fn merge(values: &[Self::Digest; 2]) -> Self::Digest {
        let mut sponge = Sponge::new(Domain::Merge, 0);
        sponge.absorb(values.iter().flat_map(|digest| digest.0));
        sponge.digest()
    }

    fn merge_many(values: &[Self::Digest]) -> Self::Digest {
        let words: Vec<Felt> = values.iter().flat_map(|digest| digest.0).collect();
        Sponge::new(Domain::MergeMany, words.len()).hash(&words)
    }

    fn merge_with_int(seed: Self::Digest, value: u64) -> Self::Digest {
        let mut sponge = Sponge::new(Domain::WithInteger, 0);
        sponge.absorb(seed.0.into_iter().chain(integer_words(value)));
        sponge.digest()
    }
}

impl ElementHasher for Poseidon2 {
    type BaseField = Felt;

    fn hash_elements<E: FieldElement<BaseField = Felt>>(elements: &[E]) -> Self::Digest {
        let words = E::slice_as_base_elements(elements);
        Sponge::new(Domain::Elements, words.len()).hash(words)
    }
}

impl Digest for Poseidon2Digest {
    fn as_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            bytes.copy_from_slice(&word.as_word().to_le_bytes());
        }
        bytes
    }
}

impl Serializable for Poseidon2Digest {
    fn write_into<W: ByteWriter>(&self, target: &mut W) {
        target.write_bytes(&self.as_bytes());
    }

    fn get_size_hint(&self) -> usize {
        32
    }
}

impl Deserializable for Poseidon2Digest {
    /// Fails on a word that is not below p: a digest has one encoding.
    fn read_from<R: ByteReader>(source: &mut R) -> Result<Self, DeserializationError> {
        let mut words = [Felt::new(0); DIGEST_WORDS];
        for word in &mut words {
            *word = Felt::read_from(source)?;
        }
        Ok(Self(words))
    }
}
