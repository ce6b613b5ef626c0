//! What jobs hand back: matrices and digests, in the host's memory or on the device.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use winterforge_air::field::Felt;

use super::{DeviceError, Digest};
use crate::pool::Words;
use crate::simd::Zeroed;

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

    /// The same, to use their memory for something else.
    fn as_any_mut(&mut self) -> &mut dyn Any;
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

    fn as_any_mut(&mut self) -> &mut dyn Any {
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
    /// Words of a column.
    pub fn column_words(&self) -> usize {
        self.cosets * self.rows
    }

    /// Words in all.
    pub fn words(&self) -> usize {
        self.columns * self.column_words()
    }
}

/// A matrix of base elements over an evaluation domain; for the layout see [the module](super).
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Its sides.
    pub shape: Shape,
    /// Its words.
    pub buffer: Arc<dyn Buffer<Felt>>,
    /// Words from the start of a column to the start of the next.
    pub pitch: usize,
}

impl Matrix {
    /// A matrix in the host's memory, without gaps.
    pub fn new(shape: Shape, buffer: impl Buffer<Felt> + 'static) -> Self {
        Self::with_pitch(shape, shape.column_words(), buffer)
    }

    /// A matrix in the host's memory whose columns start `pitch` words apart; what is between them is nothing.
    pub fn with_pitch(shape: Shape, pitch: usize, buffer: impl Buffer<Felt> + 'static) -> Self {
        Self {
            shape,
            buffer: Arc::new(buffer),
            pitch,
        }
    }

    /// A view of its words in the host's memory.
    ///
    /// # Errors
    /// If the device does not hand them out, or others than the matrix has.
    pub fn view(&self) -> Result<View<'_>, DeviceError> {
        let (shape, pitch) = (self.shape, self.pitch);
        let words = self.buffer.read()?;
        if pitch < shape.column_words() || words.len() != pitch * shape.columns {
            return Err(DeviceError::Failed {
                device: String::from("of a matrix"),
                reason: format!("{} words came for {shape:?}", words.len()),
            });
        }
        Ok(View {
            shape,
            words,
            pitch,
        })
    }
}

/// A matrix in the host's memory.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    shape: Shape,
    words: &'a [Felt],
    pitch: usize,
}

impl<'a> View<'a> {
    /// The sides.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// One column on one coset.
    pub fn column(&self, column: usize, coset: usize) -> &'a [Felt] {
        &self.words[column * self.pitch + coset * self.shape.rows..][..self.shape.rows]
    }

    /// The columns, in each coset after coset.
    pub fn columns(&self) -> impl Iterator<Item = &'a [Felt]> + use<'a> {
        let column_words = self.shape.column_words();
        (self.words.chunks(self.pitch.max(1))).map(move |column| &column[..column_words])
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

impl<T: Zeroed + Copy + Send + Sync + 'static> Buffer<T> for Words<T> {
    fn read(&self) -> Result<&[T], DeviceError> {
        Ok(self)
    }

    fn shorten(&mut self, len: usize) {
        if len < self.len() {
            Words::shorten(self, len);
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Digests in the upper half of memory that will hold the tree above them.
#[derive(Debug)]
pub(super) struct Leaves(pub(super) Words<Digest>);

impl Buffer<Digest> for Leaves {
    fn read(&self) -> Result<&[Digest], DeviceError> {
        Ok(&self.0[self.0.len() / 2..])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
