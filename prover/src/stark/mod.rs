//! The proof of one trace, in two steps: commit to the main segment, then, once all challenges that others have a say in
//! are known, the rest.
//!
//! The protocol is winterfell's, to the byte: a test holds the proofs against those of its generic prover. What differs
//! is the work. Columns are extended and committed to by a [`Device`](crate::device::Device); everything else works on
//! the extended columns where they lie, whole vectors of rows at a time, and no polynomial is kept.
//!
//! | module | answers |
//! |---|---|
//! | `air` | what are the constraints over vectors, and which columns do they read? |
//! | `segment` | what is committed, and how is it opened? |
//! | `composition` | what are the columns of the composition polynomial? |
//! | `deep` | what are the columns out of their domain, and what is the DEEP polynomial? |
//! | `fri` | how is a function folded? |
//! | `coin` | what does the transcript yield, and which nonce is the smallest? |
//! | `points` | what are the points of a coset? |

mod air;
mod coin;
mod composition;
mod deep;
mod fri;
mod points;
mod segment;

use std::sync::Arc;

use rayon::prelude::*;
use winter_air::proof::Context;
use winter_air::{Air, ProofOptions, TraceInfo};
use winter_crypto::{RandomCoin, RandomCoinError};
use winter_math::{FieldElement, ToElements};
use winterforge_air::field::{Cube, Felt, from_basis_coefficients};
use winterforge_verifier::stark::{Claims, Openings, ShardProof};

pub use self::air::VectorAir;
pub use self::coin::DeviceHash;
pub use self::segment::Session;

use self::coin::Coin;
use self::deep::Point;
use self::points::interpolate_coset;
use self::segment::Segment;
use crate::device::ntt::Transform;
use crate::device::{DeviceError, Domain, Form, Level};
use crate::pool::{Pool, Words};
use crate::setup::Commitment;

/// Why a trace was not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProverError {
    /// A device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The transcript's hash gave no challenge.
    #[error("the transcript gave no challenge: {0}")]
    Transcript(RandomCoinError),
    /// The AIR asserts something about more than a single cell.
    #[error("assertions about more than single cells are not supported")]
    Assertion,
}

impl From<RandomCoinError> for ProverError {
    fn from(error: RandomCoinError) -> Self {
        Self::Transcript(error)
    }
}

/// A trace whose main segment is committed: of any [`VectorAir`].
pub struct CommittedTrace<H: DeviceHash> {
    trace_info: TraceInfo,
    options: ProofOptions,
    domain: Domain,
    main: Segment<H>,
}

impl<H: DeviceHash> CommittedTrace<H> {
    /// Extends and commits to the main columns.
    ///
    /// # Errors
    /// [`ProverError::Device`], also if a column is not as long as the trace.
    pub fn new(
        session: &Session<'_>,
        trace_info: TraceInfo,
        options: ProofOptions,
        columns: &[&[Felt]],
    ) -> Result<Self, ProverError> {
        let domain = domain(&trace_info, &options);
        let main = session.commit_columns(columns, Form::Values, domain)?;
        Ok(Self {
            trace_info,
            options,
            domain,
            main,
        })
    }

    /// A trace whose main segment was committed before.
    pub(crate) fn of_commitment(
        trace_info: TraceInfo,
        options: ProofOptions,
        commitment: Commitment,
    ) -> Result<Self, ProverError> {
        let domain = domain(&trace_info, &options);
        Ok(Self {
            trace_info,
            options,
            domain,
            main: Segment::of_commitment(commitment)?,
        })
    }

    /// The main segment, to be kept.
    pub(crate) fn into_commitment(self) -> Commitment {
        self.main.into_commitment()
    }

    /// The root of the main segment.
    pub fn main_root(&self) -> H::Digest {
        self.main.root()
    }

    /// Finishes the proof; returns the out-of-domain point, too. `aux_columns` are the auxiliary columns, coordinate by
    /// coordinate, of AIRs that have them. What `A` needs to know is in `inputs`; the options' extension is the cubic one.
    ///
    /// # Errors
    /// [`ProverError`]
    pub fn finish<A: VectorAir>(
        mut self,
        session: &Session<'_>,
        inputs: A::PublicInputs,
        aux_columns: Option<Vec<Vec<Felt>>>,
    ) -> Result<(Cube, ShardProof<Cube, H>), ProverError> {
        let domain = self.domain;
        self.main.forget_lower_levels();
        let elements = inputs.to_elements();
        let air = A::new(self.trace_info.clone(), inputs, self.options.clone());
        let mut coin = Coin::<H>::new(&seed(&air, &elements));
        coin.reseed(self.main.root());

        let (mut aux, mut challenges) = (None, None);
        if let Some(columns) = aux_columns {
            challenges = Some(air.get_aux_rand_elements::<Cube, _>(&mut coin)?);
            let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
            let mut segment = session.commit_columns::<H>(&columns, Form::Values, domain)?;
            segment.forget_lower_levels();
            coin.reseed(segment.root());
            aux = Some(segment);
        }

        let coefficients = air.get_constraint_composition_coefficients(&mut coin)?;
        let main_view = self.main.view()?;
        let aux_view = aux.as_ref().map(Segment::view).transpose()?;
        let columns = composition::composition_columns(
            &session.pool,
            &air,
            main_view,
            aux_view,
            challenges.as_ref(),
            &coefficients,
            domain,
        )?;
        let words: Vec<&[Felt]> = columns.iter().flatten().map(|plane| &plane[..]).collect();
        let matrix = session.extend(&words, Form::Coefficients, domain)?;
        drop(words);
        drop(columns);
        // What comes next takes memory of other sizes.
        session.pool.release();
        let mut composition = session.commit::<H>(matrix)?;
        composition.forget_lower_levels();
        coin.reseed(composition.root());

        let z: Cube = coin.draw()?;
        let point = Point::new(&session.pool, domain, z);
        let mut ood = point.evaluate::<Felt>(main_view);
        let extensions = aux_view.into_iter().chain([composition.view()?]);
        let extensions: Vec<_> = extensions.collect();
        for &view in &extensions {
            let rows = point.evaluate::<Cube>(view);
            ood.current.extend(rows.current);
            ood.next.extend(rows.next);
        }
        coin.reseed(H::hash_elements(
            &[ood.current.as_slice(), &ood.next].concat(),
        ));

        let weights = air.get_deep_composition_coefficients::<Cube, _>(&mut coin)?;
        let weights = [weights.trace, weights.constraints].concat();
        let values = [dot(&ood.current, &weights), dot(&ood.next, &weights)];
        let (main_weights, mut rest) = weights.split_at(self.trace_info.main_trace_width());
        let mut weighted = Vec::new();
        for &view in &extensions {
            let (weights, behind) = rest.split_at(view.shape().columns / 3);
            weighted.push((view, weights));
            rest = behind;
        }
        let deep = point.quotients(&[(main_view, main_weights)], &weighted, values);
        drop(point);

        let fri_options = self.options.to_fri_options();
        let layers = fri_options.num_fri_layers(domain.rows() * domain.cosets());
        let folding = fri_options.folding_factor();
        let places = if layers > 0 { folding } else { 1 };
        let deep = extend_function(&session.pool, domain, deep, places);
        let fri = fri::build_layers::<H>(session, &mut coin, domain, deep, folding, layers)?;

        let pow_nonce = coin.grind(self.options.grinding_factor());
        let mut positions = coin.draw_integers(
            self.options.num_queries(),
            domain.rows() * domain.cosets(),
            pow_nonce,
        )?;
        positions.sort_unstable();
        positions.dedup();

        let (aux_rows, aux_siblings) = match &aux {
            Some(aux) => (extension_rows(aux, &positions)?, aux.siblings(&positions)?),
            None => (Vec::new(), Vec::new()),
        };
        let proof = ShardProof {
            main_root: self.main.root(),
            claims: Claims {
                aux_root: aux.as_ref().map(Segment::root),
                constraint_root: composition.root(),
                fri_roots: fri.roots(),
                remainder_root: fri.remainder_root,
                ood_current: ood.current,
                ood_next: ood.next,
                pow_nonce,
                remainder: fri.remainder.clone(),
            },
            openings: Openings {
                main_rows: self.main.rows(&positions)?,
                main_siblings: self.main.siblings(&positions)?,
                aux_rows,
                aux_siblings,
                constraint_rows: extension_rows(&composition, &positions)?,
                constraint_siblings: composition.siblings(&positions)?,
                fri_layers: fri.open(&positions)?,
            },
        };
        Ok((z, proof))
    }
}

/// The evaluation domain of a trace.
fn domain(trace_info: &TraceInfo, options: &ProofOptions) -> Domain {
    Domain {
        log_rows: trace_info.length().ilog2(),
        log_cosets: options.blowup_factor().ilog2(),
        offset: options.domain_offset(),
    }
}

/// The elements that seed the coin.
fn seed<A: Air<BaseField = Felt>>(air: &A, inputs: &[Felt]) -> Vec<Felt> {
    let constraints = air.context().num_assertions() + air.context().num_transition_constraints();
    let context =
        Context::new::<Felt>(air.trace_info().clone(), air.options().clone(), constraints);
    let mut seed = context.to_elements();
    seed.extend_from_slice(inputs);
    seed
}

fn dot(values: &[Cube], weights: &[Cube]) -> Cube {
    let terms = values.iter().zip(weights);
    terms.fold(Cube::ZERO, |sum, (&value, &weight)| sum + value * weight)
}

/// Rows of a segment whose columns are coordinates.
fn extension_rows<H: DeviceHash>(
    segment: &Segment<H>,
    positions: &[usize],
) -> Result<Vec<Cube>, ProverError> {
    let words = segment.rows(positions)?;
    Ok(words.chunks(3).map(from_basis_coefficients).collect())
}

/// A function of degree below the trace's length, from the first coset to the whole domain, in `places` parts of each
/// coset: `[place][coordinate][coset][row]`, as FRI commits to it.
fn extend_function(pool: &Arc<Pool>, domain: Domain, function: [Words; 3], places: usize) -> Words {
    let transform = Transform::new(domain.log_rows, &domain.shifts());
    let (rows, cosets) = (domain.rows(), domain.cosets());
    let coefficients: Vec<Words> = function
        .into_par_iter()
        .map(|values| {
            let natural = interpolate_coset(pool, &transform, domain.offset, &values);
            let mut coefficients = pool.take(rows);
            transform.to_digit_order(&natural, &mut coefficients);
            coefficients
        })
        .collect();
    let mut extended = pool.take(3 * cosets * rows);
    // The parts of one coordinate on one coset.
    let mut parts: Vec<Vec<&mut [Felt]>> = (0..3 * cosets).map(|_| Vec::new()).collect();
    for (index, part) in extended.chunks_mut(rows / places).enumerate() {
        parts[index % (3 * cosets)].push(part);
    }
    parts
        .into_par_iter()
        .enumerate()
        .for_each(|(index, parts)| {
            let (coordinate, coset) = (index / cosets, index % cosets);
            let (mut values, mut work) = (pool.take(rows), pool.take(transform.work_len()));
            let coefficients = &coefficients[coordinate];
            transform.evaluate(Level::best(), coset, coefficients, &mut values, &mut work);
            for (part, values) in parts.into_iter().zip(values.chunks(rows / places)) {
                part.copy_from_slice(values);
            }
        });
    extended
}
