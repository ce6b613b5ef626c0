//! What a verifier insists on, and what the forger's bench has it leave out.

use winterforge_air::mask::Mask;

use crate::bundle::HashId;
use crate::stark::CheckMask;

/// What a verifier insists on.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Proven bits below which a bundle is rejected.
    pub min_security_bits: u32,
    /// The hash that a bundle must be made with; any if `None`. The ledger credits each with the collision resistance it claims,
    /// but the prover chooses, and one may be younger than a verifier likes.
    pub hash: Option<HashId>,
    /// Constraints and checks left out: none, outside the forger's bench.
    pub leniency: Leniency,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_security_bits: 100,
            hash: None,
            leniency: Leniency::default(),
        }
    }
}

/// What the forger's bench switches off. Empty without the feature `forge`.
#[derive(Clone, Debug, Default)]
pub struct Leniency {
    /// Constraints of the AIR.
    pub constraints: Mask,
    /// Checks of the verification loop.
    pub stark: CheckMask,
    /// Checks of this module.
    #[cfg(feature = "forge")]
    pub bundle: Vec<BundleCheck>,
}

/// The checks on a bundle around those on its shards. Seed and challenges are no checks: they are computed, so there is
/// nothing that could be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BundleCheck {
    /// The bundle's model id is that of the verifier's model.
    ModelId,
    /// The proven bits reach the policy's minimum.
    Security,
    /// The number of shards is the plan's.
    ShardCount,
    /// The claimed values of the public columns, and the total of the running sums, are those of the model.
    PublicColumns,
    /// The key is the one that the bundle was made with.
    Key,
}

impl BundleCheck {
    /// Every check.
    pub const ALL: [Self; 5] = [
        Self::ModelId,
        Self::Security,
        Self::ShardCount,
        Self::PublicColumns,
        Self::Key,
    ];
}

impl Leniency {
    pub(crate) fn allows(&self, check: BundleCheck) -> bool {
        #[cfg(feature = "forge")]
        return self.bundle.contains(&check);
        #[cfg(not(feature = "forge"))]
        {
            let _ = check;
            false
        }
    }
}
