//! The way to an accelerator.

use std::fmt::Debug;

/// Reads and writes registers, and carries the words of jobs and results.
pub trait Transport: Debug + Send {
    /// The register at an offset in bytes.
    ///
    /// # Errors
    /// If there is none that can be read, or the accelerator does not answer.
    fn read(&mut self, offset: u32) -> Result<u32, TransportError>;

    /// Writes the register at an offset in bytes.
    ///
    /// # Errors
    /// If there is none that can be written, or the accelerator does not answer.
    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError>;

    /// Sends the words of a job, the last of them marked. May return before they are taken.
    ///
    /// # Errors
    /// If the way is closed.
    fn send(&mut self, words: &[u64]) -> Result<(), TransportError>;

    /// Waits for words up to and including a marked one: the results of a job.
    ///
    /// # Errors
    /// [`TransportError::Standstill`] if nothing moves any more, [`TransportError::TooMany`] if `most` words came without a
    /// mark; or if the way is closed.
    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError>;

    /// Forgets words that wait to be sent, and results that were not asked for: those of jobs that were dropped.
    ///
    /// # Errors
    /// If the way is closed.
    fn discard(&mut self) -> Result<(), TransportError>;
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No such register, or not one to be read or written.
    #[error("there is no register at {offset:#x} that can be {}", if *.is_write { "written" } else { "read" })]
    Register {
        /// In bytes.
        offset: u32,
        /// Whether it was to be written.
        is_write: bool,
    },
    /// Nothing moved for too long.
    #[error("nothing moved for {waited} {unit}")]
    Standstill {
        /// How long.
        waited: u64,
        /// Of what.
        unit: &'static str,
    },
    /// Words without an end.
    #[error("more than {most} words came for a job")]
    TooMany {
        /// How many there should be at most.
        most: usize,
    },
    /// Nobody is there any more.
    #[error("the way to the accelerator is closed: {reason}")]
    Closed {
        /// What was seen.
        reason: String,
    },
}
