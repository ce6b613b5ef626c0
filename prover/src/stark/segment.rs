//! A committed matrix: its rows on the evaluation domain and the tree over them.

use std::sync::{Arc, Mutex, PoisonError};

use winterforge_air::field::Felt;

use super::coin::DeviceHash;
use crate::device::{
    Device, DeviceError, Digests, Domain, Done, Extension, Form, Matrix, Totals, View,
};
use crate::pool::Pool;
use crate::setup::Commitment;

/// A device with a running total of what it did.
pub(crate) struct Session<'a> {
    device: &'a dyn Device,
    totals: Mutex<Totals>,
    /// Memory for everything but devices.
    pub(super) pool: Arc<Pool>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(device: &'a dyn Device) -> Self {
        Self {
            device,
            totals: Mutex::default(),
            pool: Arc::default(),
        }
    }

    /// What all jobs took so far.
    pub(crate) fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back memory that is kept for later work.
    pub(crate) fn release(&self) {
        self.pool.clear();
        self.device.release();
    }

    fn count<T>(&self, done: Result<Done<T>, DeviceError>) -> Result<T, DeviceError> {
        let done = done?;
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.add(&done.report);
        Ok(done.data)
    }

    /// Extends columns and commits to them.
    pub(super) fn commit_columns<H: DeviceHash>(
        &self,
        columns: &[&[Felt]],
        form: Form,
        domain: Domain,
    ) -> Result<Segment<H>, DeviceError> {
        let job = Extension {
            columns,
            form,
            domain,
        };
        let matrix = self.count(self.device.extend(&job))?;
        self.commit(matrix)
    }

    /// Commits to the rows of a matrix.
    pub(super) fn commit<H: DeviceHash>(&self, matrix: Matrix) -> Result<Segment<H>, DeviceError> {
        let leaves = self.count(self.device.hash_rows(H::ID, &matrix))?;
        let nodes = self.count(self.device.merkle_tree(H::ID, &leaves))?;
        let root = H::from_words(&nodes.read()?[1]);
        Ok(Segment {
            matrix,
            nodes,
            root,
        })
    }
}

/// A matrix and the tree over its rows.
pub(super) struct Segment<H: DeviceHash> {
    matrix: Matrix,
    nodes: Digests,
    root: H::Digest,
}

impl<H: DeviceHash> Segment<H> {
    /// A segment that was committed before.
    pub(super) fn of_commitment(commitment: Commitment) -> Result<Self, DeviceError> {
        let Commitment { matrix, nodes } = commitment;
        let root = H::from_words(&nodes.read()?[1]);
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
        let mut known: Vec<usize> = positions
            .iter()
            .map(|position| position + nodes.len() / 2)
            .collect();
        let mut siblings = Vec::new();
        while known.first().is_some_and(|&node| node > 1) {
            let missing = known
                .iter()
                .map(|node| node ^ 1)
                .filter(|node| known.binary_search(node).is_err());
            siblings.extend(missing.map(|node| H::from_words(&nodes[node])));
            known = known.iter().map(|node| node >> 1).collect();
            known.dedup();
        }
        Ok(siblings)
    }
}
