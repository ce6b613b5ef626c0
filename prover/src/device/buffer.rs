//! What jobs hand back: matrices and digests, in the host's memory or on the device.

use std::any::Any;
use std::fmt::{self, Debug};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use winterforge_air::field::Felt;

use super::{DeviceError, Digest};
use crate::simd::zeroed;

/// Words that a device holds.
pub trait Buffer<T>: Debug + Send + Sync {
    /// The words in the host's memory; fetches them if they are elsewhere.
    ///
    /// # Errors
    /// If the device does not hand them out.
    fn read(&self) -> Result<&[T], DeviceError>;

    /// For the device that made it, to find its own buffers again.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Debug + Send + Sync + 'static> Buffer<T> for Vec<T> {
    fn read(&self) -> Result<&[T], DeviceError> {
        Ok(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The sides of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Columns of base elements.
    pub columns: usize,
    /// Cosets of a column.
    pub cosets: usize,
    /// Rows of a coset.
    pub rows: usize,
}

impl Shape {
    /// Words in all.
    pub fn words(&self) -> usize {
        self.columns * self.cosets * self.rows
    }
}

/// A matrix of base elements over an evaluation domain; for the layout see [the module](super).
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Its sides.
    pub shape: Shape,
    /// Its words.
    pub buffer: Arc<dyn Buffer<Felt>>,
}

impl Matrix {
    /// A matrix in the host's memory.
    pub fn new(shape: Shape, buffer: impl Buffer<Felt> + 'static) -> Self {
        Self {
            shape,
            buffer: Arc::new(buffer),
        }
    }

    /// A view of its words in the host's memory.
    ///
    /// # Errors
    /// If the device does not hand them out.
    pub fn view(&self) -> Result<View<'_>, DeviceError> {
        let words = self.buffer.read()?;
        if words.len() != self.shape.words() {
            return Err(DeviceError::Failed {
                device: String::from("of a matrix"),
                reason: format!("{} words came for {:?}", words.len(), self.shape),
            });
        }
        Ok(View {
            shape: self.shape,
            words,
        })
    }
}

/// A matrix in the host's memory.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    shape: Shape,
    words: &'a [Felt],
}

impl<'a> View<'a> {
    /// The sides.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// One column on one coset.
    pub fn column(&self, column: usize, coset: usize) -> &'a [Felt] {
        &self.words[(column * self.shape.cosets + coset) * self.shape.rows..][..self.shape.rows]
    }

    /// All columns on one coset.
    pub fn coset(&self, coset: usize) -> Vec<&'a [Felt]> {
        (0..self.shape.columns)
            .map(|column| self.column(column, coset))
            .collect()
    }

    /// The row at a position.
    pub fn row(&self, position: usize) -> impl Iterator<Item = Felt> + use<'a> {
        let view = *self;
        let (row, coset) = (position / self.shape.cosets, position % self.shape.cosets);
        (0..self.shape.columns).map(move |column| view.column(column, coset)[row])
    }
}

/// Digests: of rows, or the nodes of a tree.
#[derive(Clone, Debug)]
pub struct Digests {
    /// How many.
    pub len: usize,
    /// Themselves.
    pub buffer: Arc<dyn Buffer<Digest>>,
}

impl Digests {
    /// Digests in the host's memory.
    pub fn new(digests: Vec<Digest>) -> Self {
        Self {
            len: digests.len(),
            buffer: Arc::new(digests),
        }
    }

    /// The digests in the host's memory.
    ///
    /// # Errors
    /// If the device does not hand them out.
    pub fn read(&self) -> Result<&[Digest], DeviceError> {
        self.buffer.read()
    }
}

/// Bytes to which the start of words is aligned: a line of the cache, and the widest vector.
const ALIGNMENT_BYTES: usize = 64;

/// Most buffers that wait for another use.
const KEPT: usize = 16;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: Mutex<Vec<Vec<Felt>>>,
}

impl Pool {
    /// Aligned words. What they hold does not matter to anyone.
    pub(super) fn take(self: &Arc<Self>, len: usize) -> Words {
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

/// Words from a [`Pool`], to which they return.
pub(super) struct Words {
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

impl Buffer<Felt> for Words {
    fn read(&self) -> Result<&[Felt], DeviceError> {
        Ok(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
