//! Memory that is used again: touching fresh memory costs as much as the work on it.

use std::fmt::{self, Debug};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use winterforge_air::field::Felt;

use crate::simd::Zeroed;

/// Bytes to which the start of words is aligned: a line of the cache, and the widest vector.
const ALIGNMENT_BYTES: usize = 64;

/// Most buffers that wait for another use.
const KEPT: usize = 256;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Pool<T = Felt> {
    free: Mutex<Vec<Vec<T>>>,
}

impl<T: Zeroed> Pool<T> {
    /// Words, aligned if they are field elements. What they hold does not matter to anyone.
    pub(crate) fn take(self: &Arc<Self>, len: usize) -> Words<T> {
        let needed = len + ALIGNMENT_BYTES / size_of::<T>();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |words: &Vec<T>| words.len() >= needed && words.len() / 2 <= needed;
        let best = (0..free.len())
            .filter(|&i| fits(&free[i]))
            .min_by_key(|&i| free[i].len());
        let storage = best.map(|index| free.swap_remove(index));
        drop(free);
        let storage = storage.unwrap_or_else(|| T::zeroed(needed));
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

    /// Lets go of what waits for another use.
    pub(crate) fn release(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = std::mem::take(&mut *free);
        drop(free);
        drop(unused);
    }
}

impl Pool {
    /// Three columns.
    pub(crate) fn planes(self: &Arc<Self>, len: usize) -> [Words; 3] {
        [self.take(len), self.take(len), self.take(len)]
    }
}

/// Words from a [`Pool`], to which they return.
pub(crate) struct Words<T = Felt> {
    storage: Vec<T>,
    start: usize,
    len: usize,
    pool: Arc<Pool<T>>,
}

impl<T: Zeroed + Copy> Words<T> {
    /// Keeps the first `len`, in memory of that size.
    pub(crate) fn shorten(&mut self, len: usize) {
        let mut kept = self.pool.take(len);
        kept.copy_from_slice(&self[..len]);
        *self = kept;
    }
}

impl<T> Deref for Words<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.storage[self.start..][..self.len]
    }
}

impl<T> DerefMut for Words<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.storage[self.start..][..self.len]
    }
}

impl<T> Drop for Words<T> {
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

impl<T> Debug for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} words", self.len)
    }
}
