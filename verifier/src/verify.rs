//! Verifying a bundle against the model.

use std::sync::Arc;

use winter_air::{Air, TraceInfo};
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{ElementHasher, Hasher};
use winter_math::{FieldElement, ToElements};
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::PublicCodes;
use winterforge_air::mask::Mask;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_model::{Graph, ModelId};

use crate::bundle::{BundleError, HashId, Header};
use crate::challenge::{folding_challenge, joint_challenges, joint_seed};
use crate::instance::{Instance, InstanceError, StatementError, public_codes};
use crate::security::Ledger;
use crate::stark::{CheckMask, Reader, StarkError, VerifierAir, lagrange_at, verify_shard};

impl VerifierAir for ShardAir {
    /// The values claimed at the one point that the proof is about; [`verify`] holds them against the columns.
    fn evaluate_periodic_columns<E: FieldElement<BaseField = Felt>>(&self, _: E) -> Vec<E> {
        self.claimed_values()
    }
}

/// What a verifier insists on.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Proven bits below which a bundle is rejected.
    pub min_security_bits: u32,
    /// Constraints and checks left out: none, outside the forger's bench.
    pub leniency: Leniency,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_security_bits: 100,
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
}

impl BundleCheck {
    /// Every check.
    pub const ALL: [Self; 4] = [
        Self::ModelId,
        Self::Security,
        Self::ShardCount,
        Self::PublicColumns,
    ];
}

/// An accepted bundle.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What was proven.
    pub header: Header,
    /// The proven security, round by round.
    pub ledger: Ledger,
}

/// Why a bundle was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The bytes are no bundle: nothing was verified.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The verifier's model cannot be proven in this way.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The bundle is about another model.
    #[error("the bundle is about model {found}, not {expected}")]
    Model {
        /// The verifier's model.
        expected: ModelId,
        /// The bundle's.
        found: ModelId,
    },
    /// The statement does not fit the model.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Fewer proven bits than the policy asks for.
    #[error("the proof has {found} proven bits, the policy asks for {required}")]
    Security {
        /// The policy's minimum.
        required: u32,
        /// The proof's.
        found: u32,
    },
    /// The number of shards is not the plan's.
    #[error("the bundle holds {found} shards, the plan has {expected}")]
    ShardCount {
        /// The plan's.
        expected: usize,
        /// The bundle's.
        found: usize,
    },
    /// A main root or claim is malformed or missing.
    #[error("commitments: {0}")]
    Commitments(StarkError),
    /// A shard's proof fails.
    #[error("shard {shard}: {source}")]
    Shard {
        /// Index of the shard.
        shard: usize,
        /// The check that failed.
        source: StarkError,
    },
    /// The claimed values of the public columns or the total are not those of the model.
    #[error(
        "the proof's claims about weights, wiring, input or output do not follow from the model and the statement"
    )]
    PublicColumns,
    /// Bytes follow the last shard.
    #[error("{0}")]
    Trailing(StarkError),
}

impl VerifyError {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(_) => "malformed-bundle",
            Self::Instance(_) => "unprovable-model",
            Self::Model { .. } => "other-model",
            Self::Statement(_) => "statement-mismatch",
            Self::Security { .. } => "insufficient-security",
            Self::ShardCount { .. } => "shard-count",
            Self::Commitments(_) => "malformed-commitments",
            Self::Shard { .. } => "invalid-proof",
            Self::PublicColumns => "false-claims",
            Self::Trailing(_) => "trailing-bytes",
        }
    }
}

/// Verifies `bundle` against the model it claims to be about.
///
/// The graph must be one that an import returned, or satisfy [`Graph::validate`].
///
/// # Errors
/// [`VerifyError`] names the first check that fails.
pub fn verify(bundle: &[u8], graph: &Arc<Graph>, policy: &Policy) -> Result<Verified, VerifyError> {
    let (header, header_bytes) = Header::decode(bundle)?;
    let (header_encoding, proof) = bundle.split_at(header_bytes);
    let expected = graph.id();
    if header.model_id != expected && !policy.leniency.allows(BundleCheck::ModelId) {
        return Err(VerifyError::Model {
            expected,
            found: header.model_id,
        });
    }
    // Shapes first: a batch that the tensors do not hold is refused before a plan is made for it.
    let codes = public_codes(graph, &header)?;
    let instance = Instance::new(graph.clone(), header.batch(), header.parameters)?;
    let found = instance.ledger.bits();
    if found < policy.min_security_bits && !policy.leniency.allows(BundleCheck::Security) {
        return Err(VerifyError::Security {
            required: policy.min_security_bits,
            found,
        });
    }
    let (expected, found) = (instance.plan.shards.len(), header.shards as usize);
    if expected != found && !policy.leniency.allows(BundleCheck::ShardCount) {
        return Err(VerifyError::ShardCount { expected, found });
    }
    match header.parameters.hash {
        HashId::Blake3 => {
            verify_proof::<Blake3_256<Felt>>(&codes, header_encoding, proof, &instance, policy)?
        }
    }
    Ok(Verified {
        header,
        ledger: instance.ledger,
    })
}

/// The commitments of a bundle: main roots, then the claims of all shards.
pub(crate) struct Commitments<H: Hasher> {
    pub(crate) main_roots: Vec<H::Digest>,
    pub(crate) claims: Vec<Cube>,
}

impl<H: ElementHasher<BaseField = Felt>> Commitments<H> {
    fn decode(
        reader: &mut Reader<'_>,
        shards: usize,
        mask: &CheckMask,
    ) -> Result<Self, StarkError> {
        let main_roots = reader.digests::<H>(shards, "the main roots")?;
        let claims = reader.elements::<Cube>(shards, "the claims", mask)?;
        Ok(Self { main_roots, claims })
    }
}

fn verify_proof<H: ElementHasher<BaseField = Felt> + Sync>(
    codes: &PublicCodes,
    header_encoding: &[u8],
    proof: &[u8],
    instance: &Instance,
    policy: &Policy,
) -> Result<(), VerifyError> {
    let mask = &policy.leniency.stark;
    let mut reader = Reader::new(proof);
    let plan = &instance.plan;
    let Commitments::<H> { main_roots, claims } =
        Commitments::decode(&mut reader, plan.shards.len(), mask)
            .map_err(VerifyError::Commitments)?;
    let geometry: Vec<(TraceInfo, H::Digest)> = instance
        .trace_infos
        .iter()
        .cloned()
        .zip(main_roots.iter().copied())
        .collect();
    let seed = joint_seed::<H>(header_encoding, &instance.options, &geometry);
    let challenges = joint_challenges::<Cube>(&seed);
    let (mut columns, mut lagrange) = (Vec::new(), Vec::new());
    for (shard, (info, main_root)) in geometry.into_iter().enumerate() {
        let verify_one = || {
            let layout = &plan.shards[shard].layout;
            let count = claimed_columns(layout);
            let claimed = reader.elements(count, "the values of the public columns", mask)?;
            let mut inputs =
                ShardInputs::claimed(plan, shard, challenges, seed, claims[shard], &claimed);
            inputs.mask = policy.leniency.constraints.clone();
            let elements = inputs.to_elements();
            let air = ShardAir::new(info, inputs, instance.options.clone());
            let z =
                verify_shard::<ShardAir, Cube, H>(&air, &elements, main_root, &mut reader, mask)?;
            columns.push(claimed);
            lagrange.push(lagrange_at(layout.rows(), z));
            Ok(())
        };
        verify_one().map_err(|source| VerifyError::Shard { shard, source })?;
    }
    reader.finish(mask).map_err(VerifyError::Trailing)?;
    // What the shards took for granted: the public columns are those of this model, input and output.
    let lambda = folding_challenge::<Cube>(&seed, proof);
    let total = claims.iter().fold(Cube::ZERO, |sum, &claim| sum + claim);
    let evaluation = Evaluation::new(plan, challenges, codes, &lagrange, lambda);
    let holds = evaluation.value(plan) == combine(plan, &columns, total, lambda);
    if holds || policy.leniency.allows(BundleCheck::PublicColumns) {
        Ok(())
    } else {
        Err(VerifyError::PublicColumns)
    }
}

impl Leniency {
    fn allows(&self, check: BundleCheck) -> bool {
        #[cfg(feature = "forge")]
        return self.bundle.contains(&check);
        #[cfg(not(feature = "forge"))]
        {
            let _ = check;
            false
        }
    }
}
