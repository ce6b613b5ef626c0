//! Where a bundle comes from: the digests of its parents, and a walk through what is named.
//!
//! A bundle can name other bundles by the digest of their bytes. The names are part of the header, so they are hashed
//! into the joint seed, and a proof holds for no other list. What they mean is up to whoever proves: that a parent was
//! named does not state that its output went into this input, nor that the parent is true.
//!
//! A digest covers all bytes of a parent, its own parents' digests included. So a chain of files that match is a finite
//! graph without cycles, unless BLAKE3 collides; the walk does not rely on that.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::bundle::{BundleError, FieldReader, Header};

/// Most parents of one bundle.
pub const MAX_PARENTS: usize = 16;

/// The digest of a bundle: BLAKE3 of all its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleDigest(pub [u8; 32]);

impl BundleDigest {
    /// The digest of the bundle with these bytes.
    pub fn of(bundle: &[u8]) -> Self {
        Self(*blake3::hash(bundle).as_bytes())
    }

    /// As [`of`](Self::of), of bytes that must be those of a bundle.
    ///
    /// # Errors
    /// [`BundleError`] if their header is none.
    pub fn of_readable(bundle: &[u8]) -> Result<Self, BundleError> {
        Header::decode(bundle).map(|_| Self::of(bundle))
    }
}

impl fmt::Display for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BundleDigest({self})")
    }
}

/// More than [`MAX_PARENTS`] parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} parents are named; a bundle can name {MAX_PARENTS}")]
pub struct TooManyParents(
    /// How many there are.
    pub usize,
);

/// The parents of a bundle: a set, kept in ascending order, so that there is one encoding of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parents(Vec<BundleDigest>);

impl Parents {
    /// These parents, each once.
    ///
    /// # Errors
    /// [`TooManyParents`].
    pub fn new(parents: impl IntoIterator<Item = BundleDigest>) -> Result<Self, TooManyParents> {
        let mut parents: Vec<_> = parents.into_iter().collect();
        parents.sort_unstable();
        parents.dedup();
        if parents.len() > MAX_PARENTS {
            return Err(TooManyParents(parents.len()));
        }
        Ok(Self(parents))
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parents in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = BundleDigest> + '_ {
        self.0.iter().copied()
    }

    /// The digests as people and files have them.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|parent| parent.to_string()).collect()
    }

    /// Their number and the digests; nothing where there are none, which the mode says.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        if !self.is_empty() {
            bytes.push(self.0.len() as u8);
            bytes.extend(self.0.iter().flat_map(|parent| parent.0));
        }
    }

    /// Reads what [`encode`](Self::encode) writes for one parent or more.
    pub(crate) fn decode(reader: &mut FieldReader<'_>) -> Result<Self, BundleError> {
        let count = usize::from(reader.byte("the number of parents")?);
        if !(1..=MAX_PARENTS).contains(&count) {
            return Err(reader.invalid("the number of parents"));
        }
        let mut parents = Vec::with_capacity(count);
        for _ in 0..count {
            let parent = BundleDigest(reader.array("a parent")?);
            if parents.last().is_some_and(|&last| last >= parent) {
                return Err(reader.invalid("a parent"));
            }
            parents.push(parent);
        }
        Ok(Self(parents))
    }
}

/// One bundle of a lineage.
#[derive(Clone, Debug, PartialEq)]
pub struct Ancestor {
    /// Steps from the bundle asked about, along the shortest way; that bundle itself has 0.
    pub generation: usize,
    /// Its statement; `None` where no bundle with this digest was found.
    pub header: Option<Header>,
}

/// Why a lineage could not be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// The bytes found under a digest are not those that have it.
    #[error("what was found in place of the parent {0} has another digest")]
    OtherDigest(BundleDigest),
    /// The bytes have the digest that was named, and are no bundle.
    #[error("the parent {digest} is no bundle: {source}")]
    Malformed {
        /// The one that was named.
        digest: BundleDigest,
        /// What is wrong with it.
        source: BundleError,
    },
    /// More bundles than the walk may visit.
    #[error("the lineage has more than {0} bundles")]
    TooLong(usize),
}

/// Follows the parents of `bundle` and theirs, nearest first, each bundle once.
///
/// `find` returns the bytes of a bundle by its digest, or `None` where it has none; what it returns is not trusted.
/// No more than `limit` bundles are visited, missing ones included, whatever they name. Only headers are decoded: whether
/// a bundle is true, [`verify`](crate::verify) says.
///
/// # Errors
/// [`LineageError`], at the first bundle that is not what its child names.
pub fn follow<B: AsRef<[u8]>>(
    bundle: &[u8],
    limit: usize,
    mut find: impl FnMut(BundleDigest) -> Option<B>,
) -> Result<Vec<(BundleDigest, Ancestor)>, LineageError> {
    let first = BundleDigest::of(bundle);
    let mut generations = BTreeMap::from([(first, 0)]);
    let mut queue = VecDeque::from([first]);
    let mut ancestors = Vec::new();
    while let Some(digest) = queue.pop_front() {
        let generation = generations.get(&digest).copied().unwrap_or(0);
        let header = if ancestors.is_empty() {
            Some(decode(digest, bundle)?)
        } else {
            match find(digest) {
                Some(bytes) => Some(decode(digest, bytes.as_ref())?),
                None => None,
            }
        };
        for parent in header.iter().flat_map(|header| header.parents.iter()) {
            if generations.contains_key(&parent) {
                continue;
            }
            if generations.len() >= limit {
                return Err(LineageError::TooLong(limit));
            }
            generations.insert(parent, generation + 1);
            queue.push_back(parent);
        }
        ancestors.push((digest, Ancestor { generation, header }));
    }
    Ok(ancestors)
}

fn decode(digest: BundleDigest, bytes: &[u8]) -> Result<Header, LineageError> {
    if BundleDigest::of(bytes) != digest {
        return Err(LineageError::OtherDigest(digest));
    }
    let malformed = |source| LineageError::Malformed { digest, source };
    Header::decode(bytes)
        .map(|(header, _)| header)
        .map_err(malformed)
}
