//! Parents of bundles: one encoding of a set of them, and walks that hostile files neither mislead nor prolong.

use std::collections::HashMap;

use winterforge_model::{ModelId, QType};
use winterforge_verifier::bundle::{
    BundleDigest, BundleError, Header, MAX_PARENTS, Parameters, Parents, PublicTensor,
    TooManyParents, Values,
};
use winterforge_verifier::lineage::{LineageError, follow};

fn header(cell: i32, parents: &[BundleDigest]) -> Header {
    let tensor = PublicTensor {
        shape: vec![1, 1],
        values: Values::Quantized(QType::I8, vec![cell]),
    };
    Header {
        model_id: ModelId([7; 32]),
        parameters: Parameters::default(),
        input: tensor.clone(),
        output: tensor,
        shards: 1,
        key: None,
        parents: Parents::new(parents.iter().copied()).unwrap(),
    }
}

fn digest(byte: u8) -> BundleDigest {
    BundleDigest([byte; 32])
}

#[test]
fn a_set_of_parents_has_one_encoding() {
    let [a, b] = [digest(1), digest(2)];
    assert_eq!(header(0, &[b, a, b]).encode(), header(0, &[a, b]).encode());
    let none = header(0, &[]).encode();
    let mut two = header(0, &[a, b]).encode();
    assert_eq!(two.len(), none.len() + 1 + 64);
    let count = none.len();
    assert_eq!((two[count - 1], two[count]), (2, 2));
    // Neither another order nor a repetition decodes.
    let swapped = [&two[..=count], &[2; 32], &[1; 32]].concat();
    let repeated = [&two[..=count], &[1; 32], &[1; 32]].concat();
    for wrong in [swapped, repeated] {
        let error = Header::decode(&wrong).unwrap_err();
        assert!(
            matches!(
                error,
                BundleError::Invalid {
                    what: "a parent",
                    ..
                }
            ),
            "{error}"
        );
    }
    // No parents is said by the mode, not by a count of zero; more than the most are no header.
    for number in [0, MAX_PARENTS as u8 + 1, 255] {
        two[count] = number;
        let error = Header::decode(&two).unwrap_err();
        assert!(
            matches!(
                error,
                BundleError::Invalid {
                    what: "the number of parents",
                    ..
                }
            ),
            "{error}"
        );
    }
    two[count] = 3;
    let error = Header::decode(&two).unwrap_err();
    assert!(
        matches!(
            error,
            BundleError::Truncated {
                what: "a parent",
                ..
            }
        ),
        "{error}"
    );
    for mode in [4, 6, 128] {
        two[count - 1] = mode;
        let error = Header::decode(&two).unwrap_err();
        assert!(
            matches!(
                error,
                BundleError::Invalid {
                    what: "the mode",
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn too_many_parents() {
    let parents = |count: u8| Parents::new((0..count).map(digest));
    assert_eq!(parents(16).unwrap().iter().len(), 16);
    assert_eq!(parents(17), Err(TooManyParents(17)));
    let bytes = header(0, &(0..16).map(digest).collect::<Vec<_>>()).encode();
    assert_eq!(Header::decode(&bytes).unwrap().0.encode(), bytes);
}

/// Bundles by their digests.
#[derive(Default)]
struct Store(HashMap<BundleDigest, Vec<u8>>);

impl Store {
    fn add(&mut self, header: &Header) -> BundleDigest {
        let bytes = header.encode();
        let digest = BundleDigest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    fn find(&self, digest: BundleDigest) -> Option<&[u8]> {
        self.0.get(&digest).map(Vec::as_slice)
    }
}

#[test]
fn a_lineage_is_followed_nearest_first_and_each_bundle_once() {
    let mut store = Store::default();
    let old = store.add(&header(1, &[]));
    let left = store.add(&header(2, &[old]));
    let right = store.add(&header(3, &[old, digest(9)]));
    let child = header(4, &[left, right, old]).encode();
    let found = follow(&child, 100, |digest| store.find(digest)).unwrap();
    let generations: HashMap<_, _> = found.iter().map(|(d, a)| (*d, a.generation)).collect();
    let expected = [
        (BundleDigest::of(&child), 0),
        (left, 1),
        (right, 1),
        (old, 1),
        (digest(9), 2),
    ];
    assert_eq!(generations, HashMap::from(expected));
    assert_eq!(found.len(), expected.len());
    assert!(
        found
            .iter()
            .all(|(d, a)| a.header.is_some() == (*d != digest(9)))
    );
    assert!(found.is_sorted_by_key(|(_, ancestor)| ancestor.generation));
}

#[test]
fn what_is_found_is_not_trusted() {
    let mut store = Store::default();
    let old = store.add(&header(1, &[]));
    let child = header(2, &[old]).encode();
    let other = header(3, &[]).encode();
    assert_eq!(
        follow(&child, 100, |_| Some(&other)),
        Err(LineageError::OtherDigest(old))
    );
    // A file that holds the bundle in its place would close a cycle; it has another digest.
    assert_eq!(
        follow(&child, 100, |_| Some(&child)),
        Err(LineageError::OtherDigest(old))
    );
    let junk = b"no bundle at all".to_vec();
    let named = BundleDigest::of(&junk);
    let child = header(2, &[named]).encode();
    assert_eq!(
        follow(&child, 100, |_| Some(&junk)),
        Err(LineageError::Malformed {
            digest: named,
            source: BundleError::Magic
        })
    );
    assert!(matches!(
        follow(&junk, 100, |_| None::<&[u8]>),
        Err(LineageError::Malformed { .. })
    ));
}

#[test]
fn a_lineage_ends_where_the_caller_says() {
    let mut store = Store::default();
    let mut last = store.add(&header(0, &[]));
    for cell in 1..20 {
        last = store.add(&header(cell, &[last]));
    }
    let child = header(20, &[last]).encode();
    assert_eq!(follow(&child, 21, |d| store.find(d)).unwrap().len(), 21);
    for limit in [0, 1, 20] {
        assert_eq!(
            follow(&child, limit, |d| store.find(d)),
            Err(LineageError::TooLong(limit))
        );
    }
    // Parents that nobody has count, too.
    let wide = header(0, &(0..16).map(digest).collect::<Vec<_>>()).encode();
    assert_eq!(follow(&wide, 17, |_| None::<&[u8]>).unwrap().len(), 17);
    assert_eq!(
        follow(&wide, 16, |_| None::<&[u8]>),
        Err(LineageError::TooLong(16))
    );
}
