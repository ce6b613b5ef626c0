//! Verifying a bundle against the model.

use std::sync::{Arc, Mutex, PoisonError};

use winter_air::{Air, TraceInfo};
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{ElementHasher, Hasher};
use winter_math::{FieldElement, ToElements};
use winter_utils::Deserializable;
use winterforge_air::evaluation::{Evaluation, claimed_columns, combine};
use winterforge_air::field::{Cube, Felt, basis_coefficients, from_basis_coefficients};
use winterforge_air::joint::PublicCodes;
use winterforge_air::parameter_air::{ParameterAir, ParameterInputs};
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_model::{Graph, ModelId};

use crate::bundle::{HashId, Header, Parameters};
use crate::challenge::{folding_challenge, folding_seed, joint_challenges, joint_seed};
use crate::instance::{Instance, InstanceError, public_codes};
use crate::key::{Key, KeyDigest, KeyError};
use crate::policy::{BundleCheck, Policy};
use crate::poseidon2::Poseidon2;
use crate::stark::{CheckMask, Reader, StarkError, VerifierAir, lagrange_at, verify_shard};
use crate::verdict::{Verified, VerifyError};

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

/// Verifies `bundle` against the model it claims to be about; for many bundles about one model there is [`Verifier`].
///
/// The graph must be one that an import returned, or satisfy [`Graph::validate`].
///
/// # Errors
/// [`VerifyError`] names the first check that fails.
pub fn verify(bundle: &[u8], graph: &Arc<Graph>, policy: &Policy) -> Result<Verified, VerifyError> {
    Verifier::of_model(graph.clone(), policy.clone()).verify(bundle)
}

/// Verifies `bundle` against the key of the model it claims to be about; for many bundles there is [`Verifier`].
///
/// What is shown is that *the model behind the key* returned the output. That this is the model of the key's id, the
/// caller knows from where the key comes.
///
/// # Errors
/// [`VerifyError`] names the first check that fails.
pub fn verify_with_key(bundle: &[u8], key: &Key, policy: &Policy) -> Result<Verified, VerifyError> {
    Verifier::of_key(key.clone(), policy.clone())?.verify(bundle)
}

/// Plans that a [`Verifier`] keeps: few, since bundles choose among many, and those of large models are large.
const MAX_INSTANCES: usize = 4;

/// A verifier of bundles about one model. It keeps the plans and ledgers that it used last, so it takes less time for the
/// next bundle with the same batch size and parameters; its verdicts are those of [`verify`] and [`verify_with_key`].
/// Threads can share it.
#[derive(Debug)]
pub struct Verifier {
    reference: Reference,
    model_id: ModelId,
    policy: Policy,
    /// The one used last comes first.
    instances: Mutex<Vec<Arc<Kept>>>,
}

/// An instance and what it is of.
#[derive(Debug)]
struct Kept {
    batch: usize,
    parameters: Parameters,
    instance: Instance,
}

/// What a verifier holds.
#[derive(Debug)]
enum Reference {
    Model(Arc<Graph>),
    Key(Box<Key>, KeyDigest),
}

impl Reference {
    fn graph(&self) -> &Graph {
        match self {
            Self::Model(graph) => graph,
            Self::Key(key, _) => &key.skeleton,
        }
    }

    fn instance(&self, batch: usize, parameters: Parameters) -> Result<Instance, InstanceError> {
        match self {
            Self::Model(graph) => Instance::new(graph.clone(), batch, parameters),
            Self::Key(key, _) => Instance::of_key(key, batch),
        }
    }

    /// The root of the parameters, where these are committed.
    fn root(&self) -> Option<[u8; 32]> {
        match self {
            Self::Model(_) => None,
            Self::Key(key, _) => Some(key.root),
        }
    }

    /// Fails unless the bundle was made for this kind of verifier, and with this key.
    fn require_mode(&self, header: &Header, policy: &Policy) -> Result<(), VerifyError> {
        match (self, header.key) {
            (Self::Model(_), None) => Ok(()),
            (Self::Model(_), Some(key)) => Err(VerifyError::NeedsKey(key)),
            (Self::Key(..), None) => Err(VerifyError::NeedsModel),
            (&Self::Key(ref key, expected), Some(found)) => {
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

impl Verifier {
    /// For bundles about a model.
    ///
    /// The graph must be one that an import returned, or satisfy [`Graph::validate`].
    pub fn of_model(graph: Arc<Graph>, policy: Policy) -> Self {
        Self {
            model_id: graph.id(),
            reference: Reference::Model(graph),
            policy,
            instances: Mutex::default(),
        }
    }

    /// For bundles that were made with a key. See [`verify_with_key`] for what they show.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be encoded, which no key is known to cause.
    pub fn of_key(key: Key, policy: Policy) -> Result<Self, KeyError> {
        let digest = key.digest()?;
        Ok(Self {
            model_id: key.model_id,
            reference: Reference::Key(Box::new(key), digest),
            policy,
            instances: Mutex::default(),
        })
    }

    /// Verifies a bundle.
    ///
    /// # Errors
    /// [`VerifyError`] names the first check that fails.
    pub fn verify(&self, bundle: &[u8]) -> Result<Verified, VerifyError> {
        let Self {
            reference, policy, ..
        } = self;
        let (header, header_bytes) = Header::decode(bundle)?;
        let (header_encoding, proof) = bundle.split_at(header_bytes);
        let expected = self.model_id;
        if header.model_id != expected && !policy.leniency.allows(BundleCheck::ModelId) {
            return Err(VerifyError::Model {
                expected,
                found: header.model_id,
            });
        }
        reference.require_mode(&header, policy)?;
        let found = header.parameters.hash;
        if let Some(required) = policy.hash.filter(|&required| required != found) {
            return Err(VerifyError::Hash { required, found });
        }
        // Shapes first: a batch that the tensors do not hold is refused before a plan is made for it.
        let codes = public_codes(reference.graph(), &header)?;
        let kept = self.kept(header.batch(), header.parameters)?;
        let instance = &kept.instance;
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
            instance,
            root: reference.root(),
        };
        match header.parameters.hash {
            HashId::Blake3 => verify_proof::<Blake3_256<Felt>>(statement, proof, policy)?,
            HashId::Poseidon2 => verify_proof::<Poseidon2>(statement, proof, policy)?,
        }
        Ok(Verified {
            header,
            ledger: instance.ledger.clone(),
        })
    }

    /// The instance of this batch size and these parameters, from those that are kept if it is there.
    fn kept(&self, batch: usize, parameters: Parameters) -> Result<Arc<Kept>, InstanceError> {
        // What is kept is whole at any time, so a thread that panicked left nothing half done.
        let lock = || {
            self.instances
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let is_it = |kept: &Arc<Kept>| kept.batch == batch && kept.parameters == parameters;
        let mut instances = lock();
        if let Some(place) = instances.iter().position(is_it) {
            let kept = instances.remove(place);
            instances.insert(0, kept.clone());
            return Ok(kept);
        }
        drop(instances);
        // Compiled without the lock: meanwhile others verify.
        let kept = Arc::new(Kept {
            batch,
            parameters,
            instance: self.reference.instance(batch, parameters)?,
        });
        let mut instances = lock();
        if !instances.iter().any(is_it) {
            instances.insert(0, kept.clone());
            instances.truncate(MAX_INSTANCES);
        }
        Ok(kept)
    }
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
