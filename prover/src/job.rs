//! The steps of a proof, once the model has been evaluated: commitments, joint challenge, shards, and in committed mode
//! the parameters.

use std::sync::{Mutex, PoisonError};

use winter_air::TraceInfo;
use winter_math::FieldElement;
use winter_utils::Serializable;
use winterforge_air::constants::constant_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::JointCheck;
use winterforge_air::lookup_columns;
use winterforge_air::mask::Mask;
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_model::Execution;
use winterforge_verifier::bundle::Header;
use winterforge_verifier::challenge::{folding_seed, joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, public_codes};
use winterforge_verifier::stark::{ShardProof, lagrange_at};

use crate::admission::{self, Limits, Task};
use crate::memory::{Footprint, Schedule};
use crate::parameters::{Fold, prove_parameters};
use crate::progress::{Phase, Progress};
use crate::prove::ProveError;
use crate::setup::ProvingKey;
use crate::stark::{CommittedTrace, DeviceHash, Session};

/// One proof to be made.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) instance: &'a Instance,
    pub(crate) header: &'a Header,
    pub(crate) executions: &'a [Execution],
    /// In committed mode.
    pub(crate) key: Option<&'a ProvingKey>,
    pub(crate) progress: &'a dyn Progress,
    /// What each shard takes.
    pub(crate) footprints: &'a [Footprint],
    pub(crate) schedule: Schedule,
}

/// A shard whose main segment is committed, with its main columns.
struct CommittedShard<H: DeviceHash> {
    columns: Vec<Vec<Felt>>,
    trace: CommittedTrace<H>,
}

/// What one shard adds to a bundle.
pub(crate) struct FinishedShard<H: DeviceHash> {
    /// The total of its running sum.
    pub(crate) claim: Cube,
    /// Its public columns at the out-of-domain point.
    pub(crate) evaluations: Vec<Cube>,
    /// The Lagrange polynomials there.
    pub(crate) lagrange: Vec<Cube>,
    proof: ShardProof<Cube, H>,
}

impl Job<'_> {
    /// The bundle.
    pub(crate) fn run<H: DeviceHash>(self) -> Result<Vec<u8>, ProveError>
    where
        H::Digest: Send + Sync,
    {
        let Self {
            instance, header, ..
        } = self;
        let plan = &instance.plan;
        let shards = plan.shards.len();
        let again = shards - self.schedule.kept_shards;
        // Step 1: every main segment, before any challenge.
        self.progress.phase(Phase::Commit { shards, again });
        let values = witness::Values::new(plan, self.executions);
        let kept: Vec<Mutex<Option<CommittedShard<H>>>> =
            (0..shards).map(|_| Mutex::default()).collect();
        let slot = |index: usize| kept[index].lock().unwrap_or_else(PoisonError::into_inner);
        let roots = admission::run(&self.commitments(), self.limits(), 0, |index| {
            let shard = self.commit::<H>(&values, index)?;
            let root = shard.trace.main_root();
            let shard = Some(shard).filter(|_| self.is_kept(index));
            *slot(index) = shard;
            self.done();
            Ok::<_, ProveError>(root)
        })?;

        // Step 2: the joint challenge.
        let header_encoding = header.encode();
        let geometry: Vec<(TraceInfo, H::Digest)> = (instance.trace_infos.iter().cloned())
            .zip(roots.iter().copied())
            .collect();
        let seed = joint_seed::<H>(&header_encoding, &instance.options, &geometry);
        let challenges = joint_challenges(&seed);
        let codes = public_codes(&plan.graph, header)?;
        let joint = JointCheck::<Cube>::new(plan, challenges, &codes);

        // Step 3: each shard on its own.
        self.progress.phase(Phase::Prove { shards, again });
        let held = self.footprints[..self.schedule.kept_shards].iter();
        let held = held.map(|shard| shard.kept).sum();
        let finished = admission::run(&self.proofs(), self.limits(), held, |index| {
            let shard = match slot(index).take() {
                Some(shard) => shard,
                None => self.commit(&values, index)?,
            };
            if shard.trace.main_root() != roots[index] {
                return Err(ProveError::OtherRoot { shard: index });
            }
            let finished = self.finish(index, shard, &joint, seed)?;
            self.done();
            Ok(finished)
        })?;
        drop((values, joint));
        let mut bundle = header_encoding;
        let proofs_start = bundle.len();
        encode_shards(&mut bundle, &finished);

        // Step 4, in committed mode: what the shards claim follows from the parameters.
        if let (Some(key), Some(shard)) = (self.key, &instance.parameters) {
            self.progress.phase(Phase::Parameters);
            let seed = folding_seed(&seed, &bundle[proofs_start..]);
            let fold = Fold::new(plan, challenges, &codes, finished, seed);
            let proof = prove_parameters::<H>(self.session, instance, shard, key, fold)?;
            bundle.extend(proof.encode());
        }
        Ok(bundle)
    }

    fn is_kept(&self, shard: usize) -> bool {
        shard < self.schedule.kept_shards
    }

    fn limits(&self) -> Limits {
        Limits {
            room: self.schedule.room,
            tasks: rayon::current_num_threads(),
        }
    }

    /// The tasks of step 1. What is not kept comes first, while there is most room.
    fn commitments(&self) -> Vec<Task> {
        let task = |(shard, footprint): (usize, &Footprint)| Task {
            shard,
            takes: footprint.commit,
            leaves: if self.is_kept(shard) {
                footprint.kept
            } else {
                0
            },
            held: 0,
        };
        self.footprints.iter().enumerate().rev().map(task).collect()
    }

    /// The tasks of step 3. What was kept comes first, and makes room for the rest.
    fn proofs(&self) -> Vec<Task> {
        let task = |(shard, footprint): (usize, &Footprint)| {
            let held = if self.is_kept(shard) {
                footprint.kept
            } else {
                0
            };
            Task {
                shard,
                takes: footprint.finish.max(footprint.commit) - held,
                leaves: 0,
                held,
            }
        };
        self.footprints.iter().enumerate().map(task).collect()
    }

    /// A shard is done with: where memory is bounded, what it used is not for others to find in their way.
    fn done(&self) {
        if self.schedule.room.is_some() {
            self.session.release();
        }
        self.progress.shard_done();
    }

    fn commit<H: DeviceHash>(
        &self,
        values: &witness::Values<'_>,
        index: usize,
    ) -> Result<CommittedShard<H>, ProveError> {
        let plan = &self.instance.plan;
        let shard = &plan.shards[index];
        let mut columns = values.main_columns(shard);
        let constants = constant_columns(plan, shard);
        let mask = Mask::default();
        lookup_columns::fill_multiplicities(plan, &shard.layout, &mask, &mut columns, &constants);
        let words: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
        let info = self.instance.trace_infos[index].clone();
        let options = self.instance.options.clone();
        let trace =
            CommittedTrace::<H>::new(self.session, info, options, &words).map_err(|source| {
                ProveError::Shard {
                    shard: index,
                    source,
                }
            })?;
        Ok(CommittedShard { columns, trace })
    }

    fn finish<H: DeviceHash>(
        &self,
        index: usize,
        shard: CommittedShard<H>,
        joint: &JointCheck<Cube>,
        seed: [u8; 32],
    ) -> Result<FinishedShard<H>, ProveError> {
        let plan = &self.instance.plan;
        let layout = &plan.shards[index].layout;
        let CommittedShard { columns, trace } = shard;
        let mut inputs = ShardInputs::new(plan, index, joint, seed, Cube::ZERO);
        let challenges = joint.constraint_challenges(layout);
        let public: Vec<_> = inputs.columns.split(Cube::EXTENSION_DEGREE).collect();
        let (aux, claim) =
            lookup_columns::aux_columns(layout, &inputs.mask, &columns, &public, &challenges);
        inputs.set_claim(claim);
        let aux = coordinates(aux);
        drop((columns, public));
        let public = inputs.columns.clone();
        let (z, proof) = trace
            .finish::<ShardAir>(self.session, inputs, Some(aux))
            .map_err(|source| ProveError::Shard {
                shard: index,
                source,
            })?;
        let lagrange = lagrange_at(layout.rows(), z);
        let evaluations = public.evaluate(&lagrange);
        Ok(FinishedShard {
            claim,
            evaluations,
            lagrange,
            proof,
        })
    }
}

/// Columns of the extension, coordinate by coordinate.
pub(crate) fn coordinates(columns: Vec<Vec<Cube>>) -> Vec<Vec<Felt>> {
    let degree = Cube::EXTENSION_DEGREE;
    columns
        .into_iter()
        .flat_map(|column| {
            let words = Cube::slice_as_base_elements(&column);
            let coordinate = |at: usize| words.iter().skip(at).step_by(degree).copied().collect();
            (0..degree).map(coordinate).collect::<Vec<_>>()
        })
        .collect()
}

/// Main roots, claims, then for each shard the values of its public columns and its body.
fn encode_shards<H: DeviceHash>(bytes: &mut Vec<u8>, shards: &[FinishedShard<H>]) {
    for shard in shards {
        bytes.extend(shard.proof.main_root.to_bytes());
    }
    for shard in shards {
        bytes.extend_from_slice(Cube::elements_as_bytes(&[shard.claim]));
    }
    for shard in shards {
        bytes.extend_from_slice(Cube::elements_as_bytes(&shard.evaluations));
        bytes.extend(shard.proof.encode());
    }
}
