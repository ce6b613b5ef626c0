//! What jobs hand back: matrices and digests, in the host's memory or on the device.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use winterforge_air::field::Felt;

use super::{DeviceError, Digest};
use crate::pool::Words;

/// Words that a device holds.
pub trait Buffer<T>: Debug + Send + Sync {
    /// The words in the host's memory; fetches them if they are elsewhere.
    ///
    /// # Errors
    /// If the device does not hand them out.
    fn read(&self) -> Result<&[T], DeviceError>;

    /// Lets go of all but the first `len` words. A device that cannot keeps them all.
    fn shorten(&mut self, _len: usize) {}

    /// For the device that made it, to find its own buffers again.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Debug + Send + Sync + 'static> Buffer<T> for Vec<T> {
    fn read(&self) -> Result<&[T], DeviceError> {
        Ok(self)
    }

    fn shorten(&mut self, len: usize) {
        self.truncate(len);
        self.shrink_to_fit();
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

    /// Lets go of all but the first `len`, where nobody else has them and the device can.
    pub fn shorten(&mut self, len: usize) {
        if let Some(buffer) = Arc::get_mut(&mut self.buffer) {
            buffer.shorten(len);
            self.len = buffer.read().map_or(self.len, <[Digest]>::len);
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

impl Buffer<Felt> for Words {
    fn read(&self) -> Result<&[Felt], DeviceError> {
        Ok(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
