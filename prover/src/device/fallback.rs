//! `--fallback`: another device takes over where the first one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use winterforge_verifier::bundle::HashId;

use super::{Device, DeviceError, Digests, Done, Extension, Matrix};

/// Hears why the first device is given up.
pub type OnFailure = Box<dyn Fn(&DeviceError) + Send + Sync>;

/// A device, and one that does everything from the first failure on. Buffers of the first must be readable without it.
pub struct Fallback {
    first: Arc<dyn Device>,
    second: Arc<dyn Device>,
    has_failed: AtomicBool,
    on_failure: OnFailure,
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fallback({:?}, {:?})", self.first, self.second)
    }
}

impl Fallback {
    /// `second` behind `first`.
    pub fn new(first: Arc<dyn Device>, second: Arc<dyn Device>, on_failure: OnFailure) -> Self {
        Self {
            first,
            second,
            has_failed: AtomicBool::new(false),
            on_failure,
        }
    }

    /// Only what a device fails at is tried elsewhere: an impossible job stays one, and a wrong word is no accident.
    fn attempt<T>(
        &self,
        job: impl Fn(&dyn Device) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        if !self.has_failed.load(Ordering::Relaxed) {
            match job(self.first.as_ref()) {
                Err(error @ DeviceError::Failed { .. }) => {
                    if !self.has_failed.swap(true, Ordering::Relaxed) {
                        (self.on_failure)(&error);
                    }
                }
                done => return done,
            }
        }
        job(self.second.as_ref())
    }
}

impl Device for Fallback {
    fn name(&self) -> String {
        match self.has_failed.load(Ordering::Relaxed) {
            false => self.first.name(),
            true => format!("{}, then {}", self.first.name(), self.second.name()),
        }
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        self.attempt(|device| device.extend(job))
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        self.attempt(|device| device.hash_rows(hash, matrix))
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        self.attempt(|device| device.merkle_tree(hash, leaves.clone()))
    }

    fn copies(&self) -> usize {
        self.first.copies().max(self.second.copies())
    }

    fn release(&self) {
        self.first.release();
        self.second.release();
    }
}
