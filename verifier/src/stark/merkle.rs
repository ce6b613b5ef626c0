//! Openings of many leaves of one Merkle tree, in canonical form.
//!
//! Given the sorted positions, the nodes that cannot be computed from the leaves are listed level by level from the
//! leaves up, left to right within a level. Their number follows from the positions, so there is one encoding and no
//! room for surplus nodes. The idea of sharing path nodes is that of "Octopus" (ePrint 2017/933).

use winter_crypto::Hasher;

/// The number of siblings that open the leaves at `positions`, sorted and distinct, of a tree with 2^`depth` leaves.
pub(super) fn sibling_count(positions: &[usize], depth: u32) -> usize {
    let mut level = positions.to_vec();
    let mut count = 0;
    for _ in 0..depth {
        let mut parents: Vec<usize> = level.iter().map(|index| index >> 1).collect();
        parents.dedup();
        // Each parent has two children; those not at hand must be given.
        count += 2 * parents.len() - level.len();
        level = parents;
    }
    count
}

/// The root over `leaves`, given as (position, digest) with the positions sorted and distinct, or `None` if the number
/// of siblings is not [`sibling_count`].
pub(super) fn root<H: Hasher>(
    leaves: Vec<(usize, H::Digest)>,
    siblings: &[H::Digest],
    depth: u32,
) -> Option<H::Digest> {
    let mut siblings = siblings.iter();
    let mut level = leaves;
    for _ in 0..depth {
        let mut parents = Vec::with_capacity(level.len());
        let mut nodes = level.into_iter().peekable();
        while let Some((index, node)) = nodes.next() {
            // In a sorted level only the right child can follow its sibling.
            let pair = match nodes.next_if(|&(next, _)| next == index ^ 1) {
                Some((_, right)) => [node, right],
                None if index & 1 == 0 => [node, *siblings.next()?],
                None => [*siblings.next()?, node],
            };
            parents.push((index >> 1, H::merge(&pair)));
        }
        level = parents;
    }
    match (level.as_slice(), siblings.next()) {
        (&[(0, root)], None) => Some(root),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use winter_crypto::{MerkleTree, hashers::Blake3_256};
    use winterforge_air::field::Felt;

    use super::*;

    type Hash = Blake3_256<Felt>;

    #[test]
    fn every_subset_of_a_small_tree_opens() {
        let leaves: Vec<_> = (0..16u8).map(|i| Hash::hash(&[i])).collect();
        let tree = MerkleTree::<Hash>::new(leaves.clone()).unwrap();
        for subset in 1..1u32 << 16 {
            if !subset.is_multiple_of(7) {
                continue;
            }
            let positions: Vec<usize> = (0..16).filter(|i| subset >> i & 1 == 1).collect();
            let siblings = siblings(&leaves, &positions);
            assert_eq!(siblings.len(), sibling_count(&positions, 4));
            let opened: Vec<_> = positions.iter().map(|&i| (i, leaves[i])).collect();
            assert_eq!(
                root::<Hash>(opened.clone(), &siblings, 4),
                Some(*tree.root())
            );
            let mut surplus = siblings.clone();
            surplus.push(Hash::hash(b"surplus"));
            assert_eq!(root::<Hash>(opened.clone(), &surplus, 4), None);
            if let Some((_, short)) = siblings.split_last() {
                assert_eq!(root::<Hash>(opened, short, 4), None);
            }
        }
    }

    /// The siblings of a full tree, by its definition.
    fn siblings(
        leaves: &[<Hash as Hasher>::Digest],
        positions: &[usize],
    ) -> Vec<<Hash as Hasher>::Digest> {
        let mut level = leaves.to_vec();
        let mut known: Vec<usize> = positions.to_vec();
        let mut result = Vec::new();
        while level.len() > 1 {
            for &index in &known {
                if !known.contains(&(index ^ 1)) {
                    result.push(level[index ^ 1]);
                }
            }
            level = level
                .chunks_exact(2)
                .map(|pair| Hash::merge(&[pair[0], pair[1]]))
                .collect();
            known = known.iter().map(|index| index >> 1).collect();
            known.dedup();
        }
        result
    }
}
