//! Verifying a bundle against the model.

use std::sync::Arc;

use winter_air::{Air, TraceInfo};
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{ElementHasher, Hasher};
use winter_math::{FieldElement, ToElements};
use winter_utils::Deserializable;
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::{Cube, Felt, basis_coefficients, from_basis_coefficients};
use winterforge_air::joint::PublicCodes;
use winterforge_air::mask::Mask;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs};
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_model::{Graph, ModelId};

use crate::bundle::{BundleError, HashId, Header};
use crate::challenge::{folding_challenge, folding_seed, joint_challenges, joint_seed};
use crate::instance::{Instance, InstanceError, StatementError, public_codes};
use crate::key::{Key, KeyDigest, KeyError};
use crate::poseidon2::Poseidon2;
use crate::security::Ledger;
use crate::stark::{CheckMask, Reader, StarkError, VerifierAir, lagrange_at, verify_shard};

impl VerifierAir for ShardAir {
    /// The values claimed at the one point that the proof is about; [`verify`] holds them against the columns.
    fn evaluate_periodic_columns<E: FieldElement<BaseField = Felt>>(&self, _: E) -> Vec<E> {
        self.claimed_values()
    }
}

impl VerifierAir for ParameterAir {
    fn evaluate_periodic_columns<E: FieldElement<BaseField = Felt>>(&self, z: E) -> Vec<E> {
        // The proof system is generic over extensions; the coefficients are of the one that bundles use.
        let z: Cube = from_basis_coefficients(basis_coefficients(&z));
        let values = self.inputs().weigh(&lagrange_at(self.trace_length(), z));
        let coordinates = |value: &Cube| {
            let value = from_basis_coefficients(basis_coefficients(value));
            // The constraint reads the sum of coordinates times the basis.
            std::iter::once(value).chain(std::iter::repeat_n(E::ZERO, E::EXTENSION_DEGREE - 1))
        };
        values.iter().flat_map(coordinates).collect()
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
    /// The proof that these claims follow from the committed parameters fails.
    #[error("the proof of the parameters: {0}")]
    Parameters(StarkError),
    /// The bundle was made with a key.
    #[error("the bundle was made with the key {0}: verify it with that key")]
    NeedsKey(KeyDigest),
    /// The bundle was made without a key.
    #[error("the bundle was made without a key: verify it with the model")]
    NeedsModel,
    /// The bundle was made with another key.
    #[error("the bundle was made with the key {found}, not {expected}")]
    Key {
        /// The verifier's key.
        expected: KeyDigest,
        /// The bundle's.
        found: KeyDigest,
    },
    /// The key's root is no digest.
    #[error("the root in the key is no digest of its hash")]
    KeyRoot,
    /// The key cannot be encoded.
    #[error(transparent)]
    KeyEncoding(#[from] KeyError),
    /// Bytes follow the last shard.
    #[error("{0}")]
    Trailing(StarkError),
}

impl VerifyError {
    /// Whether the bundle, and the key if there is one, were understood, so that the bundle is *rejected*. Bytes that no encoder
    /// writes are not understood, and neither is a model that has no proof.
    pub fn is_understood(&self) -> bool {
        match self {
            Self::Bundle(_) | Self::Instance(_) | Self::KeyRoot | Self::KeyEncoding(_) => false,
            Self::Shard { source, .. }
            | Self::Parameters(source)
            | Self::Commitments(source)
            | Self::Trailing(source) => !source.is_undecodable(),
            _ => true,
        }
    }

    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shard { source, .. } | Self::Parameters(source) if source.is_undecodable() => {
                "malformed-proof"
            }
            Self::Bundle(_) => "malformed-bundle",
            Self::Instance(_) => "unprovable-model",
            Self::Model { .. } => "other-model",
            Self::Statement(_) => "statement-mismatch",
            Self::Security { .. } => "insufficient-security",
            Self::ShardCount { .. } => "shard-count",
            Self::Commitments(_) => "malformed-commitments",
            Self::Shard { .. } => "invalid-proof",
            Self::PublicColumns => "false-claims",
            Self::Parameters(_) => "invalid-parameter-proof",
            Self::NeedsKey(_) => "needs-key",
            Self::NeedsModel => "needs-model",
            Self::Key { .. } => "other-key",
            Self::KeyRoot | Self::KeyEncoding(_) => "malformed-key",
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
    verify_against(Reference::Model(graph), bundle, policy)
}

/// Verifies `bundle` against the key of the model it claims to be about.
///
/// What is shown is that *the model behind the key* returned the output. That this is the model of the key's id, the
/// caller knows from where the key comes.
///
/// # Errors
/// [`VerifyError`] names the first check that fails.
pub fn verify_with_key(bundle: &[u8], key: &Key, policy: &Policy) -> Result<Verified, VerifyError> {
    verify_against(Reference::Key(key), bundle, policy)
}

/// What a verifier holds.
#[derive(Clone, Copy)]
enum Reference<'a> {
    Model(&'a Arc<Graph>),
    Key(&'a Key),
}

impl Reference<'_> {
    fn graph(&self) -> &Graph {
        match self {
            Self::Model(graph) => graph,
            Self::Key(key) => &key.skeleton,
        }
    }

    fn model_id(&self) -> ModelId {
        match self {
            Self::Model(graph) => graph.id(),
            Self::Key(key) => key.model_id,
        }
    }

    fn instance(&self, header: &Header) -> Result<Instance, InstanceError> {
        match *self {
            Self::Model(graph) => Instance::new(graph.clone(), header.batch(), header.parameters),
            Self::Key(key) => Instance::of_key(key, header.batch()),
        }
    }

    /// Fails unless the bundle was made for this kind of verifier, and with this key.
    fn require_mode(&self, header: &Header, policy: &Policy) -> Result<(), VerifyError> {
        match (self, header.key) {
            (Self::Model(_), None) => Ok(()),
            (Self::Model(_), Some(key)) => Err(VerifyError::NeedsKey(key)),
            (Self::Key(_), None) => Err(VerifyError::NeedsModel),
            (Self::Key(key), Some(found)) => {
                let expected = key.digest()?;
                let same = expected == found && key.parameters == header.parameters;
                if same || policy.leniency.allows(BundleCheck::Key) {
                    Ok(())
                } else {
                    Err(VerifyError::Key { expected, found })
                }
            }
        }
    }
}

fn verify_against(
    reference: Reference<'_>,
    bundle: &[u8],
    policy: &Policy,
) -> Result<Verified, VerifyError> {
    let (header, header_bytes) = Header::decode(bundle)?;
    let (header_encoding, proof) = bundle.split_at(header_bytes);
    let expected = reference.model_id();
    if header.model_id != expected && !policy.leniency.allows(BundleCheck::ModelId) {
        return Err(VerifyError::Model {
            expected,
            found: header.model_id,
        });
    }
    reference.require_mode(&header, policy)?;
    // Shapes first: a batch that the tensors do not hold is refused before a plan is made for it.
    let codes = public_codes(reference.graph(), &header)?;
    let instance = reference.instance(&header)?;
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
    let statement = Statement {
        codes: &codes,
        header: header_encoding,
        instance: &instance,
        root: match reference {
            Reference::Model(_) => None,
            Reference::Key(key) => Some(key.root),
        },
    };
    match header.parameters.hash {
        HashId::Blake3 => verify_proof::<Blake3_256<Felt>>(statement, proof, policy)?,
        HashId::Poseidon2 => verify_proof::<Poseidon2>(statement, proof, policy)?,
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

/// What a proof is held against.
struct Statement<'a> {
    codes: &'a PublicCodes,
    header: &'a [u8],
    instance: &'a Instance,
    /// The root of the parameters, where these are committed.
    root: Option<[u8; 32]>,
}

fn verify_proof<H: ElementHasher<BaseField = Felt> + Sync>(
    statement: Statement<'_>,
    proof: &[u8],
    policy: &Policy,
) -> Result<(), VerifyError> {
    let Statement {
        codes,
        header,
        instance,
        root,
    } = statement;
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
    let seed = joint_seed::<H>(header, &instance.options, &geometry);
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
    // What the shards took for granted: the public columns are those of this model, input and output.
    let proofs = proof.get(..reader.offset()).unwrap_or_default();
    let seed = folding_seed(&seed, proofs);
    let lambda = folding_challenge::<Cube>(&seed);
    let total = claims.iter().fold(Cube::ZERO, |sum, &claim| sum + claim);
    let claimed = combine(plan, &columns, total, lambda);
    let evaluation = Evaluation::new(plan, challenges, codes, &lagrange, lambda);
    match (&instance.parameters, root) {
        (Some(shard), Some(root)) => {
            let root = H::Digest::read_from_bytes(&root).map_err(|_| VerifyError::KeyRoot)?;
            let inputs = ParameterInputs {
                layout: shard.layout.clone(),
                seed,
                claim: claimed - evaluation.constant,
                evaluation: Arc::new(evaluation),
                kinds: Arc::new(plan.kinds.clone()),
                columns: Arc::default(),
                mask: policy.leniency.constraints.clone(),
            };
            let elements = inputs.to_elements();
            let info = shard.trace_info.clone();
            let air = ParameterAir::new(info, inputs, instance.options.clone());
            verify_shard::<ParameterAir, Cube, H>(&air, &elements, root, &mut reader, mask)
                .map_err(VerifyError::Parameters)?;
        }
        _ => {
            let holds = evaluation.value(plan) == claimed;
            if !holds && !policy.leniency.allows(BundleCheck::PublicColumns) {
                return Err(VerifyError::PublicColumns);
            }
        }
    }
    reader.finish(mask).map_err(VerifyError::Trailing)
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
