//! The public coin, with its seed in sight: the proof of work is searched for in many lanes, from the seed.
//!
//! Draws are those of winterfell's `DefaultRandomCoin`.

use rayon::prelude::*;
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, ElementHasher, Hasher, RandomCoin, RandomCoinError};
use winter_math::FieldElement;
use winter_utils::Deserializable;
use winterforge_air::field::Felt;
use winterforge_verifier::bundle::HashId;
use winterforge_verifier::poseidon2::Poseidon2;

use crate::device::{DeviceError, Digest, Level, blake3, poseidon2};

/// A hash that devices know.
pub trait DeviceHash: ElementHasher<BaseField = Felt> + Sized + Send + Sync + 'static {
    /// Its name in bundles.
    const ID: HashId;

    /// The digest with these words, as a device hands them out.
    ///
    /// # Errors
    /// If the hash has no such digest.
    fn from_words(words: &Digest) -> Result<Self::Digest, DeviceError> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Self::Digest::read_from_bytes(&bytes).map_err(|error| DeviceError::Failed {
            device: String::from("of a digest"),
            reason: error.to_string(),
        })
    }

    /// The words of a digest.
    fn to_words(digest: &Self::Digest) -> Digest {
        let bytes = digest.as_bytes();
        std::array::from_fn(|word| {
            u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * word + byte]))
        })
    }

    /// The first of `count` nonces from `first` on that meets a proof of work of `bits` over `seed`, if there is one.
    fn find_nonce(seed: Self::Digest, bits: u32, first: u64, count: u64) -> Option<u64>;
}

impl DeviceHash for Blake3_256<Felt> {
    const ID: HashId = HashId::Blake3;

    fn find_nonce(seed: Self::Digest, bits: u32, first: u64, count: u64) -> Option<u64> {
        blake3::find_nonce(Level::best(), &Self::to_words(&seed), bits, first, count)
    }
}

impl DeviceHash for Poseidon2 {
    const ID: HashId = HashId::Poseidon2;

    fn find_nonce(seed: Self::Digest, bits: u32, first: u64, count: u64) -> Option<u64> {
        poseidon2::find_nonce(Level::best(), &Self::to_words(&seed), bits, first, count)
    }
}

/// The work that a nonce carries.
fn trailing_zeros<H: Hasher>(seed: H::Digest, nonce: u64) -> u32 {
    let digest = H::merge_with_int(seed, nonce).as_bytes();
    u64::from_le_bytes(std::array::from_fn(|byte| digest[byte])).trailing_zeros()
}

/// Nonces that one task tries.
const NONCES_AT_ONCE: u64 = 1 << 12;

/// Tasks that run before the next are started.
const TASKS_AT_ONCE: u64 = 16;

/// The coin.
pub(super) struct Coin<H: Hasher> {
    seed: H::Digest,
    counter: u64,
}

impl<H: DeviceHash> Coin<H> {
    /// The smallest nonce that meets the proof of work: any other would make the bytes depend on the search.
    pub(super) fn grind(&self, bits: u32) -> u64 {
        let seed = self.seed;
        let window = NONCES_AT_ONCE * TASKS_AT_ONCE;
        let mut first = 1;
        loop {
            let found = (0..TASKS_AT_ONCE).into_par_iter().find_map_first(|task| {
                H::find_nonce(seed, bits, first + task * NONCES_AT_ONCE, NONCES_AT_ONCE)
            });
            match found {
                Some(nonce) => return nonce,
                None if first > u64::MAX - 2 * window => return u64::MAX,
                None => first += window,
            }
        }
    }

    fn next(&mut self) -> [u8; 32] {
        self.counter += 1;
        H::merge_with_int(self.seed, self.counter).as_bytes()
    }
}

/// Digests without an element that are tolerated: no input is known to cause a second one.
const TRIES: usize = 1000;

impl<H: DeviceHash> RandomCoin for Coin<H> {
    type BaseField = Felt;
    type Hasher = H;

    fn new(seed: &[Felt]) -> Self {
        Self {
            seed: H::hash_elements(seed),
            counter: 0,
        }
    }

    fn reseed(&mut self, data: H::Digest) {
        self.seed = H::merge(&[self.seed, data]);
        self.counter = 0;
    }

    fn check_leading_zeros(&self, nonce: u64) -> u32 {
        trailing_zeros::<H>(self.seed, nonce)
    }

    fn draw<E: FieldElement>(&mut self) -> Result<E, RandomCoinError> {
        (0..TRIES)
            .find_map(|_| E::from_random_bytes(&self.next()[..E::ELEMENT_BYTES]))
            .ok_or(RandomCoinError::FailedToDrawFieldElement(TRIES))
    }

    fn draw_integers(
        &mut self,
        count: usize,
        domain_size: usize,
        nonce: u64,
    ) -> Result<Vec<usize>, RandomCoinError> {
        self.seed = H::merge_with_int(self.seed, nonce);
        self.counter = 0;
        if count > TRIES {
            return Err(RandomCoinError::FailedToDrawIntegers(count, TRIES, TRIES));
        }
        let mask = domain_size as u64 - 1;
        let draw = |_| {
            let bytes = self.next();
            (u64::from_le_bytes(std::array::from_fn(|byte| bytes[byte])) & mask) as usize
        };
        Ok((0..count).map(draw).collect())
    }
}

#[cfg(test)]
mod tests {
    use winter_crypto::DefaultRandomCoin;
    use winterforge_air::field::Cube;

    use super::*;

    type Hash = Blake3_256<Felt>;

    #[test]
    fn draws_are_those_of_winterfell() {
        let seed: Vec<Felt> = (0..5).map(Felt::new).collect();
        let mut ours = Coin::<Hash>::new(&seed);
        let mut reference = DefaultRandomCoin::<Hash>::new(&seed);
        for round in 0..4u8 {
            for _ in 0..3 {
                assert_eq!(ours.draw::<Cube>(), reference.draw::<Cube>());
            }
            let digest = Hash::hash(&[round]);
            ours.reseed(digest);
            reference.reseed(digest);
            assert_eq!(
                ours.check_leading_zeros(7),
                reference.check_leading_zeros(7)
            );
        }
        let nonce = ours.grind(6);
        assert_eq!(
            Some(nonce),
            (1..).find(|&nonce| reference.check_leading_zeros(nonce) >= 6)
        );
        assert_eq!(
            ours.draw_integers(40, 1 << 12, nonce),
            reference.draw_integers(40, 1 << 12, nonce)
        );
    }
}
