//! Memory that is used again: touching fresh memory costs as much as the work on it.

use std::fmt::{self, Debug};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use winterforge_air::field::Felt;

use crate::simd::zeroed;

/// Bytes to which the start of words is aligned: a line of the cache, and the widest vector.
const ALIGNMENT_BYTES: usize = 64;

/// Most buffers that wait for another use.
const KEPT: usize = 256;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Mutex<Vec<Vec<Felt>>>,
}

impl Pool {
    /// Aligned words. What they hold does not matter to anyone.
    pub(crate) fn take(self: &Arc<Self>, len: usize) -> Words {
        let needed = len + ALIGNMENT_BYTES / size_of::<Felt>();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |words: &Vec<Felt>| words.len() >= needed && words.len() / 2 <= needed;
        let best = (0..free.len())
            .filter(|&i| fits(&free[i]))
            .min_by_key(|&i| free[i].len());
        let storage = best.map(|index| free.swap_remove(index));
        drop(free);
        let storage = storage.unwrap_or_else(|| zeroed(needed));
        let start = storage
            .as_ptr()
            .align_offset(ALIGNMENT_BYTES)
            .min(needed - len);
        Words {
            storage,
            start,
            len,
            pool: self.clone(),
        }
    }
}

impl Pool {
    /// Lets go of what waits for another use.
    pub(crate) fn release(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = std::mem::take(&mut *free);
        drop(free);
        drop(unused);
    }

    /// Three columns.
    pub(crate) fn planes(self: &Arc<Self>, len: usize) -> [Words; 3] {
        [self.take(len), self.take(len), self.take(len)]
    }
}

/// Words from a [`Pool`], to which they return.
pub(crate) struct Words {
    storage: Vec<Felt>,
    start: usize,
    len: usize,
    pool: Arc<Pool>,
}

impl Deref for Words {
    type Target = [Felt];

    fn deref(&self) -> &[Felt] {
        &self.storage[self.start..][..self.len]
    }
}

impl DerefMut for Words {
    fn deref_mut(&mut self) -> &mut [Felt] {
        &mut self.storage[self.start..][..self.len]
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let storage = std::mem::take(&mut self.storage);
        let mut free = self
            .pool
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(storage);
        }
    }
}

impl Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words", self.len)
    }
}
