//! A committed matrix: its rows on the evaluation domain and the tree over them.

use std::sync::{Arc, Mutex, PoisonError};

use winterforge_air::field::Felt;

use super::coin::DeviceHash;
use crate::device::{
    Device, DeviceError, Digest, Digests, Domain, Done, Extension, Form, Matrix, Shape, Totals,
    View,
};
use crate::pool::Pool;
use crate::setup::Commitment;

/// A device with a running total of what it did.
pub struct Session<'a> {
    device: &'a dyn Device,
    totals: Mutex<Totals>,
    /// Memory for everything but devices.
    pub(super) pool: Arc<Pool>,
}

impl<'a> Session<'a> {
    /// A session in which nothing was done.
    pub fn new(device: &'a dyn Device) -> Self {
        Self {
            device,
            totals: Mutex::default(),
            pool: Arc::default(),
        }
    }

    /// What all jobs took so far.
    pub fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back memory that is kept for later work.
    pub(crate) fn release(&self) {
        self.pool.release();
        self.device.release();
    }

    fn count<T>(&self, done: Result<Done<T>, DeviceError>) -> Result<T, DeviceError> {
        let done = done?;
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.add(&done.report);
        Ok(done.data)
    }

    /// Extends columns.
    pub(super) fn extend(
        &self,
        columns: &[&[Felt]],
        form: Form,
        domain: Domain,
    ) -> Result<Matrix, DeviceError> {
        let job = Extension {
            columns,
            form,
            domain,
        };
        self.count(self.device.extend(&job))
    }

    /// Extends columns and commits to them.
    pub(super) fn commit_columns<H: DeviceHash>(
        &self,
        columns: &[&[Felt]],
        form: Form,
        domain: Domain,
    ) -> Result<Segment<H>, DeviceError> {
        self.commit(self.extend(columns, form, domain)?)
    }

    /// Commits to the rows of a matrix.
    pub(super) fn commit<H: DeviceHash>(&self, matrix: Matrix) -> Result<Segment<H>, DeviceError> {
        let leaves = self.count(self.device.hash_rows(H::ID, &matrix))?;
        let nodes = self.count(self.device.merkle_tree(H::ID, leaves))?;
        let root = H::from_words(&nodes.read()?[1])?;
        Ok(Segment {
            matrix,
            nodes,
            root,
        })
    }
}

/// Leaves from which on a tree is large.
const LARGE_LEAVES: usize = 1 << 16;

/// Levels of a large tree that are not kept, leaves included.
const FORGOTTEN_LEVELS: u32 = 3;

/// A matrix and the tree over its rows.
pub(super) struct Segment<H: DeviceHash> {
    matrix: Matrix,
    /// From the root down; the lowest levels may be missing.
    nodes: Digests,
    root: H::Digest,
}

impl<H: DeviceHash> Segment<H> {
    /// A segment that was committed before.
    pub(super) fn of_commitment(commitment: Commitment) -> Result<Self, DeviceError> {
        let Commitment { matrix, nodes } = commitment;
        let root = H::from_words(&nodes.read()?[1])?;
        Ok(Self {
            matrix,
            nodes,
            root,
        })
    }

    /// What can be kept of it.
    pub(super) fn into_commitment(self) -> Commitment {
        Commitment {
            matrix: self.matrix,
            nodes: self.nodes,
        }
    }

    /// Lets go of the lowest levels of a large tree, most of its memory: what an opening takes of them is hashed again.
    pub(super) fn forget_lower_levels(&mut self) {
        let Shape { cosets, rows, .. } = self.matrix.shape;
        if cosets * rows >= LARGE_LEAVES {
            self.keep_nodes((2 * cosets * rows) >> FORGOTTEN_LEVELS);
        }
    }

    /// Keeps the first `count` nodes.
    fn keep_nodes(&mut self, count: usize) {
        self.nodes.shorten(count);
    }

    /// A node: as it was kept, or from the rows below it.
    fn node(
        &self,
        nodes: &[Digest],
        view: View<'_>,
        node: usize,
    ) -> Result<H::Digest, DeviceError> {
        let Shape { cosets, rows, .. } = view.shape();
        match (nodes.get(node), node.checked_sub(cosets * rows)) {
            (Some(words), _) => H::from_words(words),
            (None, Some(position)) => Ok(H::hash_elements(&view.row(position).collect::<Vec<_>>())),
            (None, None) => {
                let child = |child| self.node(nodes, view, child);
                Ok(H::merge(&[child(2 * node)?, child(2 * node + 1)?]))
            }
        }
    }

    /// The commitment.
    pub(super) fn root(&self) -> H::Digest {
        self.root
    }

    /// The matrix in the host's memory.
    pub(super) fn view(&self) -> Result<View<'_>, DeviceError> {
        self.matrix.view()
    }

    /// The rows at `positions`, concatenated.
    pub(super) fn rows(&self, positions: &[usize]) -> Result<Vec<Felt>, DeviceError> {
        let view = self.view()?;
        Ok(positions
            .iter()
            .flat_map(|&position| view.row(position))
            .collect())
    }

    /// The nodes that open the leaves at sorted, distinct positions: those that do not follow from the leaves, level by
    /// level from the leaves up, left to right.
    pub(super) fn siblings(&self, positions: &[usize]) -> Result<Vec<H::Digest>, DeviceError> {
        let nodes = self.nodes.read()?;
        let view = self.view()?;
        let Shape { cosets, rows, .. } = view.shape();
        let leaves = cosets * rows;
        let mut known: Vec<usize> = positions.iter().map(|position| position + leaves).collect();
        let mut siblings = Vec::new();
        while known.first().is_some_and(|&node| node > 1) {
            let missing = known
                .iter()
                .map(|node| node ^ 1)
                .filter(|node| known.binary_search(node).is_err());
            for node in missing {
                siblings.push(self.node(nodes, view, node)?);
            }
            known = known.iter().map(|node| node >> 1).collect();
            known.dedup();
        }
        Ok(siblings)
    }
}

#[cfg(test)]
mod tests {
    use winter_crypto::hashers::Blake3_256;

    use super::*;
    use crate::device::CpuDevice;

    #[test]
    fn forgotten_nodes_are_found_again() {
        let (columns, log_rows, log_cosets) = (5, 5, 2);
        let column = |seed: u64| (0..1 << log_rows).map(move |row| Felt::new(seed * 1000 + row));
        let columns: Vec<Vec<Felt>> = (0..columns).map(|seed| column(seed).collect()).collect();
        let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
        let domain = Domain {
            log_rows,
            log_cosets,
            offset: Felt::new(7),
        };
        let device = CpuDevice::default();
        let session = Session::new(&device);
        let segment = || {
            let segment = session.commit_columns(&columns, Form::Values, domain);
            segment.expect("a device that works")
        };
        let whole: Segment<Blake3_256<Felt>> = segment();
        for positions in [vec![0], vec![3, 4, 77, 127], (0..128).collect()] {
            let want = whole.siblings(&positions);
            for kept in [128, 64, 32, 2] {
                let mut shortened: Segment<Blake3_256<Felt>> = segment();
                shortened.keep_nodes(kept);
                assert_eq!(shortened.nodes.read().map(<[Digest]>::len), Ok(kept));
                assert_eq!(shortened.siblings(&positions), want, "{kept} nodes");
            }
        }
    }
}
