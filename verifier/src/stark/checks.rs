//! The checks of the verification loop by name, and the test-only means of leaving one out.
//!
//! That a check is there does not show that it is needed. With the feature `forge`, tests skip one check at a time and
//! exhibit the proof that only this check stops. Without it [`CheckMask`] has no size and masks nothing.

/// A check that the verification loop makes on a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum CheckId {
    /// Every field element is encoded by a word below the modulus.
    CanonicalElements,
    /// Nothing follows the proof.
    TrailingBytes,
    /// The constraints hold at the out-of-domain point.
    OutOfDomain,
    /// The FRI remainder is the one committed to before the queries.
    RemainderCommitment,
    /// The nonce carries the proof of work.
    Grinding,
    /// The main rows are under the main root.
    MainQueries,
    /// The auxiliary rows are under the auxiliary root.
    AuxQueries,
    /// The constraint rows are under the constraint root.
    ConstraintQueries,
    /// The rows of every FRI layer are under its root. The values that the previous layer determines are not in the
    /// proof, so this is the folding check as well.
    FriLayers,
    /// The last folding lies on the remainder polynomial.
    FriRemainder,
}

impl CheckId {
    /// Every check.
    pub const ALL: [Self; 10] = [
        Self::CanonicalElements,
        Self::TrailingBytes,
        Self::OutOfDomain,
        Self::RemainderCommitment,
        Self::Grinding,
        Self::MainQueries,
        Self::AuxQueries,
        Self::ConstraintQueries,
        Self::FriLayers,
        Self::FriRemainder,
    ];
}

/// A set of checks to skip. Empty, and of no size, unless the feature `forge` is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckMask {
    #[cfg(feature = "forge")]
    skipped: u64,
}

#[cfg(not(feature = "forge"))]
const _: () = assert!(size_of::<CheckMask>() == 0);

impl CheckMask {
    /// Skips nothing.
    pub const NONE: Self = Self {
        #[cfg(feature = "forge")]
        skipped: 0,
    };

    /// This mask with one more check skipped.
    #[cfg(feature = "forge")]
    #[must_use]
    pub const fn skip(self, check: CheckId) -> Self {
        Self {
            skipped: self.skipped | 1 << check as u8,
        }
    }

    /// Whether a check is skipped.
    #[cfg(feature = "forge")]
    #[must_use]
    pub const fn is_masked(&self, check: CheckId) -> bool {
        self.skipped >> check as u8 & 1 == 1
    }

    /// Whether a check is skipped: never.
    #[cfg(not(feature = "forge"))]
    #[inline(always)]
    #[must_use]
    pub const fn is_masked(&self, _check: CheckId) -> bool {
        false
    }

    /// Fails with `error` unless the check holds or is skipped.
    pub(crate) fn require<Error>(
        &self,
        check: CheckId,
        holds: bool,
        error: impl FnOnce() -> Error,
    ) -> Result<(), Error> {
        if holds || self.is_masked(check) {
            Ok(())
        } else {
            Err(error())
        }
    }
}
